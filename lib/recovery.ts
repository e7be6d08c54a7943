/**
 * **What.** From the files in a directory to a running tree: the manifest says which tables there are, the logs
 * hold what was written after them. Replayed entries become tables of level 0, a fresh manifest names them, and
 * what nobody needs any more is removed.
 *
 * **Format.**
 * ```text
 * CURRENT → MANIFEST-n → tables, and the lowest log that is needed
 * logs from that one on, in order → memtable → tables of level 0
 * ```
 *
 * **Invariants.**
 * 1. Everything that a caller was told is durable is there afterwards, and what is there is a prefix of what was
 *    written: a log ends where a power cut tore it, and after one that lost its tail later logs are not replayed.
 *    The next log's first sequence number gives it away. Each loss is a warning.
 * 2. Nothing is removed before the new manifest is durable and current; a crash at any moment here is recovered
 *    from by doing it all again.
 * 3. File numbers found in the directory are never handed out again.
 * 4. What cannot be read is an error naming file and offset, never an empty or smaller database. A directory
 *    with files of a database and no `CURRENT`, or with files of somebody else, is left alone.
 * 5. A database opened to be read only is not changed in any way.
 *
 * Source: LevelDB's `DBImpl::Recover` and `RecoverLogFile`.
 *
 * **Read next.** `engine.ts`
 *
 * @module
 */
import { CorruptionError, VarveError } from "./errors.ts";
import type { RecoveryStats } from "./events.ts";
import {
  currentName,
  lockName,
  logName,
  oldTableName,
  parseFileName,
  tableName,
} from "./file_names.ts";
import type { FileLock, FileSystem, WritableFile } from "./file_system.ts";
import { SEQUENCE_MAX } from "./internal_key.ts";
import { LogReader, LogWriter } from "./log.ts";
import { isLiveLog, loadManifest, writeNewDatabase } from "./manifest.ts";
import { Memtable } from "./memtable.ts";
import { TableOutput } from "./table_output.ts";
import type { TableWriterOptions } from "./table_writer.ts";
import { Tree, type TreeContext } from "./tree.ts";
import { emptyVersionEdit } from "./version_edit.ts";
import { BatchReader } from "./write_batch.ts";

/** How a directory is opened. */
export interface RecoveryOptions {
  /** Whether a database is created if there is none. */
  readonly createIfMissing: boolean;
  /** Whether a database that is there is an error. */
  readonly errorIfExists: boolean;
  /** Whether nothing may be changed. */
  readonly readOnly: boolean;
  /** How large a memtable gets before it is written to a table. */
  readonly memtableBytes: number;
  /** How tables of level 0 are written. */
  readonly tableOptions: TableWriterOptions;
  /** The clock; without, recovery is said to have taken no time. */
  readonly now?: () => number;
}

/** What recovery found and made. */
export interface Recovered {
  /** The tree. */
  readonly tree: Tree;
  /** The last sequence number in use. */
  readonly lastSequence: number;
  /** The log to write to; none if the database is opened to be read only. */
  readonly log: LogWriter | undefined;
  /** The log's number. */
  readonly logNumber: number;
  /** Replayed entries, oldest first, if the database is opened to be read only. */
  readonly memtables: readonly Memtable[];
  /** What it found and did. */
  readonly stats: RecoveryStats;
}

/**
 * Locks a database's directory, creating it if asked.
 *
 * @param fileSystem The disk.
 * @param directory The directory.
 * @param options How it is opened.
 * @returns The lock, or `undefined` for a database that is only read and has no lock file.
 */
export function lockDirectory(
  fileSystem: FileSystem,
  directory: string,
  options: RecoveryOptions,
): FileLock | undefined {
  const path = fileSystem.join(directory, lockName);
  if (options.readOnly) {
    return fileSystem.exists(path) ? fileSystem.lock(path, "shared") : undefined;
  }
  const hasDatabase = fileSystem.exists(fileSystem.join(directory, currentName));
  if (!hasDatabase) {
    if (!options.createIfMissing) throw missing(directory);
    fileSystem.makeDirectory(directory);
    refuseForeignFiles(fileSystem, directory);
  } else {
    refuseExisting(directory, options);
  }
  return fileSystem.lock(path, "exclusive");
}

/**
 * Recovers a database whose directory is locked.
 *
 * @param context What the tree works with.
 * @param options How it is opened.
 * @returns The tree and what comes after it.
 */
export function recover(context: TreeContext, options: RecoveryOptions): Recovered {
  const { fileSystem, directory, comparator } = context;
  const { now = () => 0 } = options;
  const startMs = now();
  if (!fileSystem.exists(fileSystem.join(directory, currentName))) {
    if (options.readOnly || !options.createIfMissing) throw missing(directory);
    refuseForeignFiles(fileSystem, directory);
    writeNewDatabase(fileSystem, directory, comparator);
  } else {
    refuseExisting(directory, options); // again: it may have been made just before it was locked
  }
  const state = loadManifest(fileSystem, directory, comparator);
  if (state.tornBytes > 0) {
    context.logger.log(
      "warn",
      "recovery",
      `the manifest ends in a torn record of ${state.tornBytes} bytes`,
    );
  }
  const tree = new Tree(context, state);
  const logs: number[] = [];
  const names = fileSystem.list(directory);
  for (const name of names) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    tree.fileNumbers.markUsed(parsed.number);
    if (parsed.kind === "log" && isLiveLog(state, parsed.number)) logs.push(parsed.number);
  }
  refuseUnfitFiles(tree, new Set(names));
  logs.sort((a, b) => a - b);
  const replay = new Replay(tree, options);
  const replayStartMs = now();
  try {
    for (const number of logs) {
      const path = fileSystem.join(directory, logName(number));
      if (!replay.replayLog(path, number === logs[0])) break;
    }
    const replayMs = now() - replayStartMs;
    const found = options.readOnly ? replay.finishReadOnly() : replay.finish();
    return { ...found, stats: { durationMs: now() - startMs, replayMs, ...replay.counts } };
  } catch (error) {
    replay.abandon();
    throw error;
  }
}

/** What recovery itself makes; how long it took is known to who called it. */
type Replayed = Omit<Recovered, "stats">;

/** Replays logs into memtables, and those into tables. */
class Replay {
  readonly counts = {
    logs: 0,
    logBytes: 0,
    entries: 0,
    droppedBytes: 0,
    tables: 0,
    tableBytes: 0,
  };
  readonly #tree: Tree;
  readonly #options: RecoveryOptions;
  readonly #output: TableOutput;
  readonly #batch = new BatchReader();
  readonly #memtables: Memtable[] = [];
  #memtable: Memtable | undefined;
  #lastSequence: number;
  #logFile: WritableFile | undefined;

  constructor(tree: Tree, options: RecoveryOptions) {
    this.#tree = tree;
    this.#options = options;
    this.#output = new TableOutput(tree.jobContext, options.tableOptions);
    this.#lastSequence = tree.flushedSequence;
  }

  /** Replays one log; false if it does not follow on what was replayed before, so that nothing after it counts. */
  replayLog(path: string, isOldest: boolean): boolean {
    const { fileSystem, logger } = this.#tree.context;
    const file = fileSystem.open(path);
    try {
      // Appends may not have been synced when the power was cut.
      const reader = new LogReader(file, { holes: "end" });
      let isFirst = true;
      while (reader.next()) {
        const { recordBuffer, recordStart, recordEnd, recordOffset } = reader;
        const batch = this.#batch;
        batch.reset(recordBuffer, recordStart, recordEnd, path, recordOffset);
        if (isFirst && batch.count > 0 && batch.firstSequence > this.#lastSequence + 1) {
          const gap = `begins at ${batch.firstSequence} where ${
            this.#lastSequence + 1
          } was expected`;
          // #region gap
          // Before the oldest there is no log that a power cut can have torn: all that was in them is in tables.
          if (isOldest) throw new CorruptionError(`log that ${gap}`, path, recordOffset);
          logger.log(
            "warn",
            "recovery",
            `an earlier log lost its tail: dropped ${path}, which ${gap}`,
          );
          this.counts.droppedBytes += file.size;
          return false;
          // #endregion
        }
        isFirst = false;
        this.#insert(recordEnd - recordStart, path, recordOffset);
      }
      this.counts.logs++;
      this.counts.droppedBytes += reader.tornBytes;
      if (reader.tornBytes > 0) {
        const how = reader.endReason === "hole" ? "has a hole" : "ends in a torn record";
        logger.log(
          "warn",
          "recovery",
          `${path} ${how}: dropped ${reader.tornBytes} bytes from offset ${reader.validOffset} on`,
        );
      }
      logger.log("debug", "recovery", `replayed ${path} up to ${this.#lastSequence}`);
    } finally {
      file.close();
    }
    return true;
  }

  /** Writes what was replayed to tables, starts a log and a manifest, and removes what is not needed. */
  finish(): Replayed {
    const tree = this.#tree;
    const { fileSystem, directory } = tree.context;
    this.#writeTable();
    const edit = emptyVersionEdit();
    for (const table of this.#output.finish()) edit.added.push({ level: 0, table });
    this.counts.tables = edit.added.length;
    this.counts.tableBytes = this.#output.bytesWritten;
    const logNumber = tree.fileNumbers.next();
    edit.logNumber = logNumber;
    edit.lastSequence = this.#lastSequence;
    const file = this.#logFile = fileSystem.create(fileSystem.join(directory, logName(logNumber)));
    tree.startManifest(edit);
    removeObsoleteFiles(tree);
    const log = new LogWriter(file);
    return { tree, lastSequence: this.#lastSequence, log, logNumber, memtables: [] };
  }

  /** Hands over what was replayed, in memory. */
  finishReadOnly(): Replayed {
    if (this.#memtable !== undefined) this.#memtables.push(this.#memtable);
    return {
      tree: this.#tree,
      lastSequence: this.#lastSequence,
      log: undefined,
      logNumber: 0,
      memtables: this.#memtables,
    };
  }

  /** Gives every handle back, and removes tables that no manifest names. */
  abandon(): void {
    this.#output.abandon();
    this.#logFile?.close();
    this.#tree.close();
  }

  #insert(recordBytes: number, path: string, offset: number): void {
    const batch = this.#batch;
    const memtable = this.#makeRoom(batch.count, recordBytes);
    const last = batch.lastSequence;
    if (last >= SEQUENCE_MAX) throw new CorruptionError("sequence number too large", path, offset);
    memtable.addAll(batch);
    this.counts.entries += batch.count;
    this.counts.logBytes += recordBytes;
    if (last > this.#lastSequence) this.#lastSequence = last;
  }

  #makeRoom(entries: number, bytes: number): Memtable {
    if (this.#memtable?.fits(entries, bytes)) return this.#memtable;
    if (this.#options.readOnly) {
      if (this.#memtable !== undefined) this.#memtables.push(this.#memtable);
    } else {
      this.#writeTable();
    }
    const capacityBytes = Math.max(
      this.#options.memtableBytes,
      Memtable.worstCaseBytes(entries, bytes),
    );
    return this.#memtable = new Memtable({
      comparator: this.#tree.context.comparator,
      capacityBytes,
    });
  }

  #writeTable(): void {
    const memtable = this.#memtable;
    if (memtable === undefined) return;
    this.#memtable = undefined;
    const entries = memtable.cursor();
    for (entries.first(); entries.valid; entries.next()) this.#output.add(entries);
    entries.close();
    this.#output.cut();
  }
}

function refuseExisting(directory: string, options: RecoveryOptions): void {
  if (!options.errorIfExists || options.readOnly) return;
  throw new VarveError("ALREADY_EXISTS", `Cannot create database: it exists already: ${directory}`);
}

function missing(directory: string): VarveError {
  return new VarveError("NOT_FOUND", `Cannot open database: there is none in ${directory}`);
}

/** A directory without `CURRENT` must be empty: nothing of somebody else's is written over, or taken for lost. */
function refuseForeignFiles(fileSystem: FileSystem, directory: string): void {
  for (const name of fileSystem.list(directory)) {
    const kind = parseFileName(name)?.kind;
    if (kind === "table" || kind === "log") {
      throw new CorruptionError(
        `${name} is there but ${currentName} is missing`,
        fileSystem.join(directory, currentName),
        0,
      );
    }
    // A manifest and a temporary file are what a crash during creation leaves behind.
    if (kind === undefined) {
      throw new VarveError(
        "NOT_FOUND",
        `Cannot create database: ${directory} holds other files, such as ${name}`,
      );
    }
  }
}

/**
 * The tables and the log that the manifest names must be there, and the tables as long as it says: one that took the
 * place of another would answer in silence for keys that it does not have. A manifest that lost its last edits names
 * a log or tables that were removed since, so this is also what tells a damaged one from one that a crash has torn.
 */
function refuseUnfitFiles(tree: Tree, names: ReadonlySet<string>): void {
  const { context: { fileSystem, directory }, logNumber } = tree;
  if (logNumber > 0 && !names.has(logName(logNumber))) {
    const path = fileSystem.join(directory, logName(logNumber));
    throw new CorruptionError("a log that the manifest names is missing", path, 0);
  }
  for (const level of tree.version.levels) {
    for (const { number, bytes } of level) {
      const name = [tableName(number), oldTableName(number)].find((it) => names.has(it));
      if (name === undefined) {
        const path = tree.tablePath(number);
        throw new CorruptionError("a table that the manifest names is missing", path, 0);
      }
      const path = fileSystem.join(directory, name);
      const size = fileSystem.size(path);
      if (size === bytes) continue;
      const what = `a table of ${size} bytes that has ${bytes} in the manifest`;
      throw new CorruptionError(what, path, Math.min(size, bytes));
    }
  }
}

/** Removes every file of a database that the tree does not need. */
function removeObsoleteFiles(tree: Tree): void {
  const { fileSystem, directory, logger } = tree.context;
  const tables = new Set<number>();
  for (const level of tree.version.levels) for (const { number } of level) tables.add(number);
  for (const name of fileSystem.list(directory)) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    const { kind, number } = parsed;
    const isNeeded = kind === "table"
      ? tables.has(number)
      : kind === "log"
      ? number >= tree.logNumber
      : kind === "manifest"
      ? number === tree.manifestNumber
      : kind !== "temporary";
    if (isNeeded) continue;
    try {
      fileSystem.remove(fileSystem.join(directory, name));
      logger.log("debug", "recovery", `removed ${name}`);
    } catch (error) {
      logger.log("warn", "recovery", `cannot remove ${name}: ${error}`);
    }
  }
}
