/**
 * Varve: an embedded, ordered key–value store for Deno. A log-structured merge tree in TypeScript alone, in
 * LevelDB's files, byte for byte.
 *
 * ```ts
 * import { open } from "@varve/varve";
 *
 * const directory = await Deno.makeTempDir(); // "./data", say
 * {
 *   await using db = await open(directory);
 *   await db.put("city:Paris", "2.1 million");
 *   await db.put("city:Rome", "2.8 million");
 *   console.log(await db.get("city:Rome")); // 2.8 million
 *   for await (const [key, value] of db.entries({ prefix: "city:" })) {
 *     console.log(key, value); // Paris first
 *   }
 * }
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * It needs `--allow-read` and `--allow-write` for the directory, and nothing else. A write that was awaited is on
 * disk; `{ sync: false }` trades that for speed, per write or for the whole database. Flushes and compactions are done
 * in a worker if Deno may also read the library's own modules; without, in slices on the caller's thread.
 *
 * | to | see |
 * | -- | --- |
 * | open a database, and choose how | {@linkcode open}, {@linkcode OpenOptions}, {@linkcode Database} |
 * | read | {@linkcode Reader}, {@linkcode RangeOptions}, {@linkcode Snapshot}, {@linkcode RangeCursor} |
 * | write | {@linkcode Store}, {@linkcode Batch}, {@linkcode WriteOptions} |
 * | have typed keys | {@linkcode utf8}, {@linkcode bytes}, {@linkcode number}, {@linkcode tuple} |
 * | have typed values | the same, and {@linkcode json} |
 * | know what went wrong | {@linkcode VarveError}, {@linkcode CorruptionError} |
 * | look after a database | {@linkcode verify}, {@linkcode repair}, {@linkcode destroy} |
 * | know what it costs | {@linkcode DatabaseStats}, {@linkcode writeAmplification} |
 * | watch it work | {@linkcode DatabaseEvent}, {@linkcode Logger} |
 * | put it elsewhere | {@linkcode MemoryFileSystem}, {@linkcode FileSystem} |
 *
 * ## The tour
 *
 * Each component is one file in `lib/` with its test and its benchmark beside it. A file imports only from files
 * above it in this list, so reading from top to bottom never meets anything that was not explained before.
 *
 * **Ground**
 * - `invariant.ts` an assertion for our own bugs, never for bad data
 * - `errors.ts` what callers can catch: codes, file, offset
 * - `bytes.ts` order, equality and copying of byte ranges
 * - `random.ts` random numbers that a seed gives again
 * - `coding.ts` fixed and variable-width integers
 * - `crc32c.ts` the checksum, as stored
 * - `comparator.ts` the order of keys, separators, successors
 * - `codec.ts` typed keys and values: utf8, bytes, json, numbers
 * - `tuple_codec.ts` keys of several parts, in order
 * - `file_names.ts` names of files ↔ numbers
 * - `file_system.ts` the interface to a disk, and what each call promises
 * - `memory_file_system.ts` a disk in memory
 * - `fault_rules.ts` which call of a disk fails, when and how
 * - `durability.ts` what of a disk would survive a power cut, and what a power cut may leave
 * - `simulated_file_system.ts` a disk in memory that fails on purpose
 * - `deno_file_system.ts` Deno's disk: the only file that touches `Deno.*`
 * - `logger.ts` who is told what the engine does
 * - `events.ts` the same, for programs
 * - `file_remover.ts` where files end that nobody needs
 *
 * **Writing**
 * - `internal_key.ts` key, sequence number and kind
 * - `cursor.ts` one interface for everything that is walked in order
 * - `write_batch.ts` the atomic unit
 * - `log.ts` record framing
 * - `arena.ts` entries in one piece of shared memory
 * - `skip_list.ts` the ordered index that many workers may write at once
 * - `sorted_array.ts` the ordered index that is fastest for one writer
 * - `memtable.ts` the newest entries, in memory
 * - `write_ahead_log.ts` one log segment for each memtable
 * - `commit_queue.ts` who waits for which sync
 *
 * **Tables**
 * - `compression.ts` Snappy and zstd
 * - `block_builder.ts` sorted entries to bytes
 * - `block.ts` bytes to flat arrays that can be searched
 * - `stored_block.ts` data blocks, searched and walked as they were stored
 * - `bloom_filter.ts` is a key surely not in a table?
 * - `lru_policy.ts` which block to evict: the one not used for longest
 * - `sieve_policy.ts` which block to evict: the one not used since it was last looked at
 * - `buffer_pool.ts` blocks in memory, within a limit
 * - `table_format.ts` the parts of a table file
 * - `table_writer.ts` entries to a file
 * - `table_blocks.ts` the blocks of a table through the pool
 * - `table_reader.ts` a file to entries
 * - `table_cache.ts` which tables are open
 *
 * **The tree**
 * - `merge_cursor.ts` many sorted cursors as one
 * - `visible_cursor.ts` the newest visible version of each key
 * - `version_edit.ts` a change to the set of tables, as bytes
 * - `version.ts` which tables make the tree
 * - `manifest.ts` that, made durable
 * - `compaction_picker.ts` what to fold next: a pure function
 * - `compaction_rules.ts` where to cut, and which tombstones may go
 * - `file_numbers.ts` what new files are called, counted by several threads
 * - `tree.ts` the current version, and which files somebody still needs
 * - `options.ts` what can be chosen, defaults and limits
 * - `table_output.ts` sorted entries to durable tables
 * - `level_cursor.ts` one level as one cursor
 * - `memtable_set.ts` the active memtable and the frozen ones
 * - `read_view.ts` what reads look at: memtables and a version, held together
 * - `job.ts` work done in bounded steps
 * - `flush.ts` a memtable becomes a table
 * - `compaction.ts` tables become fewer tables
 * - `job_runner.ts` where that is done: here
 * - `mailbox.ts` messages through shared memory
 * - `job_messages.ts` jobs and what they came to, from thread to thread
 * - `job_channel.ts` what a thread sees of another one's work
 * - `job_server.ts` the side of the worker
 * - `job_client.ts` the side of the caller
 * - `worker_runner.ts` where that is done: in a worker
 * - `background.ts` when that is done, and in which order
 *
 * **The engine**
 * - `recovery.ts` from files to a running tree
 * - `maintenance.ts` what verifying, repairing and destroying have in common
 * - `table_inspector.ts` all that can be read of a damaged table
 * - `run_inspector.ts` all that can be read of a tree
 * - `verify.ts` is it whole?
 * - `repair_report.ts` what became of each file
 * - `repair_plan.ts` which manifest can be believed
 * - `repair_output.ts` tables that are not there before they are whole
 * - `log_salvage.ts` all that can be read of a damaged log
 * - `repair.ts` a database of what can be read
 * - `destroy.ts` its files, and no others
 * - `scan.ts` a walk over one view
 * - `stats.ts` what it holds and what it costs
 * - `approximate_size.ts` about how many bytes a range of keys takes
 * - `snapshots.ts` the moments that somebody still reads at
 * - `requests.ts` who waits for which flush or compaction
 * - `job_planner.ts` which job is due, and what it changes in the tree
 * - `write_controller.ts` how fast writers may go
 * - `health.ts` whether writes are taken, and why not
 * - `engine.ts` the orchestrator, on bytes
 *
 * **Surfaces**
 * - `keyspace.ts` typed keys and values of a store to bytes, sublevels
 * - `iterators.ts` ranges as iterators
 * - `range_cursor.ts` a position in a range, and the entry there on loan
 * - `reader.ts` reading, now or at a snapshot
 * - `batch.ts` typed entries on their way to one commit
 * - `store.ts` writing, and what programs use
 * - `deno_worker.ts` what runs in a worker
 * - `deno_workers.ts` what starts it
 * - `database.ts` opening one
 * - `deno_signals.ts` the signals that end a program
 * - `shell_command.ts` the language of the shell
 * - `shell_report.ts` statistics as text
 * - `shell.ts` the same as a command
 * - `doctor.ts` verify, repair and destroy as a command
 *
 * **Level**
 * - `level_errors.ts` errors by the codes that Level's users know
 * - `level_options.ts` LevelDB's options by the names of `classic-level`
 * - `level_operations.ts` what operations take, by the names of `classic-level`
 * - `level_formats.ts` strings, views and buffers
 * - `level_iterators.ts` ranges as abstract-level's iterators
 * - `level_properties.ts` what LevelDB tells of itself
 * - `level_session.ts` the database between opening and closing
 * - `level.ts` the same store as an abstract-level database
 *
 * **Deno KV**
 * - `kv_key.ts` keys of Deno KV as bytes that sort as they do
 * - `kv_v8_writer.ts` values as V8 serializes them
 * - `kv_v8_reader.ts` the same back
 * - `kv_value.ts` values of Deno KV as bytes
 * - `kv_limits.ts` how much may be asked for at a time
 * - `kv_store.ts` entries with versionstamps and expiry, and commits
 * - `kv_list.ts` selectors, cursors and the iterator
 * - `kv_watch.ts` a stream of the states of some keys
 * - `kv_queue_message.ts` a message: what it may ask for, and its bytes
 * - `kv_queue.ts` who gets which message, and when again
 * - `kv_queue_store.ts` the same with the store's keys, values and commits
 * - `kv_atomic.ts` checks and mutations, together or not at all
 * - `kv.ts` the same store as Deno KV
 *
 * **Watching it work**
 * - `telemetry_metrics.ts` which figures OpenTelemetry is told
 * - `telemetry.ts` the same store, as OpenTelemetry sees it
 *
 * **The command**
 * - `cli_context.ts` what every part of it works with
 * - `cli_command.ts` how a command is declared, found and ended
 * - `cli_process.ts` the terminal, the pipes and the signals of a process
 * - `cli_entries.ts` keys, values and ranges as they are typed and printed
 * - `cli_text.ts` colours, columns, bars and progress
 * - `cli_read.ts` get, scan and count
 * - `cli_write.ts` put and delete
 * - `cli_stats.ts` what a database holds, once or again and again
 * - `cli_levels.ts` the tree as a picture
 * - `cli_maintenance.ts` verify, repair, destroy and compact
 * - `cli_shell.ts` the shell, as a part of it
 * - `cli_benchmark.ts` how fast it is here
 *
 * **Dumps: files in readable form**
 * - `hex_view.ts` bytes as hexadecimal and text, side by side
 * - `dump_part.ts` what every dump is made of
 * - `dump_batch.ts` a write batch, taken apart
 * - `dump_manifest.ts` a version edit and `CURRENT`, taken apart
 * - `dump_log.ts` a log, taken apart
 * - `dump_block.ts` the inside of a block, taken apart
 * - `dump_table.ts` a table, taken apart
 * - `dump_file.ts` which kind of file it is, and its parts
 * - `dump_text.ts` parts as text, as bytes and as JSON
 * - `cli_dump.ts` the command `dump`
 *
 * **Load and export**
 * - `entry_formats.ts` what files of entries have in common
 * - `ndjson.ts` entries as lines of JSON
 * - `csv.ts` entries as CSV and TSV
 * - `entry_reader.ts` records out of a stream of bytes
 * - `load_checkpoint.ts` how far a load has come, in the database itself
 * - `cli_progress.ts` how far it has come, for a person
 * - `cli_load_format.ts` the options that say how a file is written
 * - `cli_load_input.ts` files and pipes, packed or not
 * - `cli_load_errors.ts` where bad records are told
 * - `cli_load_check.ts` whether all is there
 * - `cli_load.ts` load
 * - `cli_export.ts` export
 *
 * **Deno KV at the command line**
 * - `kv_copy_text.ts` keys and values of Deno KV as text
 * - `kv_copy.ts` everything from one Deno KV to another
 * - `cli_kv_place.ts` directories, files and URLs of Deno KV
 * - `cli_kv.ts` kv get, set, list, delete and copy
 *
 * **All of it**
 * - `cli_completion.ts` what a shell needs to complete its lines
 * - `cli_program.ts` all commands as one program
 * - `cli.ts` the command `varve`
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { openDatabase, webSurroundings } from "./lib/database.ts";
import { denoFileSystem } from "./lib/deno_file_system.ts";
import { denoWorkers } from "./lib/deno_workers.ts";
import { destroyDatabase, type DestroyOptions } from "./lib/destroy.ts";
import type { MaintenanceOptions } from "./lib/maintenance.ts";
import type { OpenOptions } from "./lib/options.ts";
import { repairDatabase, type RepairOptions } from "./lib/repair.ts";
import type { RepairReport } from "./lib/repair_report.ts";
import type { Database } from "./lib/store.ts";
import { verifyDatabase, type VerifyReport } from "./lib/verify.ts";

export { bytes, type Codec, json, type KeyCodec, number, utf8 } from "./lib/codec.ts";
export { tuple, type TuplePart } from "./lib/tuple_codec.ts";
export { CorruptionError, VarveError, type VarveErrorCode } from "./lib/errors.ts";
export { bytewise, type Comparator } from "./lib/comparator.ts";
export type { FileLock, FileSystem, ReadableFile, WritableFile } from "./lib/file_system.ts";
export { MemoryFileSystem } from "./lib/memory_file_system.ts";
export { DenoFileSystem } from "./lib/deno_file_system.ts";
export { type Logger, type LogLevel } from "./lib/logger.ts";
export type {
  CompactionEvent,
  DatabaseCloseEvent,
  DatabaseErrorEvent,
  DatabaseEvent,
  FlushEvent,
  RecoveryEvent,
  RecoveryStats,
  ResumeEvent,
  StallCause,
  StallEvent,
} from "./lib/events.ts";
export type { CompressionName, OpenOptions, RangeOptions, WriteOptions } from "./lib/options.ts";
export type { BufferPoolStats } from "./lib/buffer_pool.ts";
export type { TableCacheStats } from "./lib/table_cache.ts";
export {
  type BackgroundStats,
  type DatabaseStats,
  type LevelStats,
  type MemtableStats,
  writeAmplification,
  type WriteStats,
} from "./lib/stats.ts";
export type { MaintenanceOptions, MaintenanceProgress } from "./lib/maintenance.ts";
export type { Finding, VerifyReport } from "./lib/verify.ts";
export type { RepairOptions } from "./lib/repair.ts";
export type { DamagedRange, RepairedFile, RepairReport } from "./lib/repair_report.ts";
export type { DestroyOptions } from "./lib/destroy.ts";
export type { JobCounters } from "./lib/job.ts";
export type { CursorOptions, RangeCursor } from "./lib/range_cursor.ts";
export type { Reader, Snapshot } from "./lib/reader.ts";
export type { Batch, Database, Store, SublevelOptions } from "./lib/store.ts";

/**
 * Opens a database, and creates it if there is none. What was written before is recovered: everything that was
 * acknowledged is there.
 *
 * @example Strings, durable when awaited
 * ```ts
 * import { open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * {
 *   await using db = await open(directory);
 *   await db.put("key", "value"); // on disk when this returns
 *   db.putSync("other", "value", { sync: false }); // survives the process, maybe not a power cut
 * }
 * await using db = await open(directory, { readOnly: true });
 * assertEquals([...db.entriesSync()], [["key", "value"], ["other", "value"]]);
 * ```
 *
 * @example Other types of keys and values
 * ```ts
 * import { json, MemoryFileSystem, number, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("numbers", {
 *   key: number,
 *   value: json<{ name: string }>(),
 *   fileSystem: new MemoryFileSystem(),
 * });
 * await db.batch().put(10, { name: "ten" }).put(-1, { name: "minus one" }).commit();
 * assertEquals(await Array.fromAsync(db.keys()), [-1, 10]);
 * ```
 *
 * @typeParam K What keys are: strings unless a key codec is given.
 * @typeParam V What values are: strings unless a value codec is given.
 * @param directory The directory, as a path or a `file:` URL.
 * @param options How to open it; every one has a default.
 * @returns The open database, to be closed with `close` or `await using`.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {RangeError} If an option is out of range.
 * @throws {VarveError} `LOCKED` if another handle has the directory open; `NOT_FOUND`, `ALREADY_EXISTS`, `READ_ONLY`,
 * `UNSUPPORTED_FORMAT` or `IO` as they say; a {@linkcode CorruptionError} naming file and offset if what is there
 * cannot be read.
 * @category Opening
 */
// deno-lint-ignore require-await -- async so that errors reject instead of throwing
export async function open<K = string, V = string>(
  directory: string | URL,
  options: OpenOptions<K, V> = {},
): Promise<Database<K, V>> {
  const surroundings = { ...webSurroundings, workers: denoWorkers };
  return openDatabase(pathOf(directory), options, denoFileSystem, surroundings);
}

/**
 * Looks whether a database is whole: reads every byte that an answer may ever depend on, and tells all that is wrong.
 * It changes nothing, and needs no permission to write. The database must not be open for writing.
 *
 * @example A database that is sound
 * ```ts
 * import { MemoryFileSystem, open, verify } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * const { isSound, findings } = await verify("data", { fileSystem });
 * assertEquals([isSound, findings], [true, []]);
 * ```
 *
 * @param directory The directory, as a path or a `file:` URL.
 * @param options What to verify it with.
 * @returns What was found. Damage is never thrown.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {VarveError} `NOT_FOUND` if there is no database; `LOCKED` if it is open; `UNSUPPORTED_FORMAT` if its keys
 * are in another order; `IO` if the directory cannot be read.
 * @category Maintenance
 */
export async function verify(
  directory: string | URL,
  options: MaintenanceOptions = {},
): Promise<VerifyReport> {
  return await verifyDatabase(pathOf(directory), options, denoFileSystem);
}

/**
 * Makes a database that opens again of what can still be read, and says exactly what could not. Nothing is deleted:
 * what is not needed is moved to the directory `lost` inside it. Copy the directory before.
 *
 * @example A lost `CURRENT`
 * ```ts
 * import { MemoryFileSystem, open, repair } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("key", "value");
 * }
 * fileSystem.remove("data/CURRENT");
 * const { isComplete } = await repair("data", { fileSystem });
 * await using db = await open("data", { fileSystem });
 * assertEquals([isComplete, await db.get("key")], [true, "value"]);
 * ```
 *
 * @param directory The directory, as a path or a `file:` URL.
 * @param options How to repair it.
 * @returns What was kept and what was lost.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {VarveError} `NOT_FOUND` if there is no database; `LOCKED` if it is open; `UNSUPPORTED_FORMAT` if its keys
 * are in another order; `IO` or `READ_ONLY` if the directory cannot be read or written: it can be run again then.
 * @category Maintenance
 */
export async function repair(
  directory: string | URL,
  options: RepairOptions = {},
): Promise<RepairReport> {
  return await repairDatabase(pathOf(directory), options, denoFileSystem);
}

/**
 * Removes a database: the files that bear the names of one, and nothing else, and the directory if it is empty then.
 *
 * @example A database that is gone
 * ```ts
 * import { destroy, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * await destroy("data", { fileSystem });
 * assertEquals(fileSystem.exists("data"), false);
 * ```
 *
 * @param directory The directory, as a path or a `file:` URL.
 * @param options How to destroy it.
 * @returns The names of the files that were removed.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {VarveError} `NOT_FOUND` if there is no database; `LOCKED` if it is open; `IO` or `READ_ONLY` if a file
 * cannot be removed: what is left can be destroyed again.
 * @category Maintenance
 */
// deno-lint-ignore require-await -- async so that errors reject instead of throwing
export async function destroy(
  directory: string | URL,
  options: DestroyOptions = {},
): Promise<string[]> {
  return destroyDatabase(pathOf(directory), options, denoFileSystem);
}

function pathOf(directory: string | URL): string {
  return directory instanceof URL ? fromFileUrl(directory) : directory;
}
