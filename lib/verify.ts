/**
 * **What.** Looks whether a database is whole: reads every byte that an answer may ever depend on, and tells all that
 * is wrong, not only the first of it. It changes nothing, and needs no permission to write.
 *
 * What it looks at:
 * - `CURRENT` and every record of the manifest; whether the tables of each level below 0 are sorted and disjoint.
 * - Every block of every live table: its checksum, its form, the order of keys within it and to its neighbours, the
 *   index that leads to it, the filter that must not deny its keys, and what the manifest says of the table.
 * - All levels together: of two versions of a key the newer one must be the one that a read meets first.
 * - Every record of every live log: that it is a batch, and that no sequence number is missing before it.
 * - The directory: files that are missing, and files that nobody needs.
 *
 * An *error* is what makes the database fail to open, or a read fail or give a wrong answer. A *warning* is what
 * opening the database deals with: the torn tail that a power cut leaves, and files that are left over. But the last
 * record of a log is the one place where damage looks like a power cut; nobody can tell them apart.
 *
 * What it cannot see: bytes that nothing depends on (the padding of footers and log blocks, files of other names), and
 * a database that is whole but older than it should be.
 *
 * **Invariants.**
 * 1. If opening the database fails, or reading all of it, there is an error; without any finding, everything that was
 *    written can be read.
 * 2. Damage ends nothing: what comes after it is looked at, too. What is thrown has nothing to do with the bytes.
 * 3. Findings are counted all, and kept up to {@linkcode FINDINGS_MAX}.
 * 4. Nothing in the directory is changed.
 *
 * Sources: SQLite's `PRAGMA integrity_check`; RocksDB's `ldb checkconsistency` and `sst_dump --command=verify`.
 *
 * **Read next.** `repair_report.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import { currentName, logName, manifestName, parseFileName, tableName } from "./file_names.ts";
import type { FileLock, FileSystem, ReadableFile } from "./file_system.ts";
import { LogReader } from "./log.ts";
import {
  checkMaintenance,
  inTurns,
  MaintainedDirectory,
  MAINTENANCE_OPTIONS,
  type MaintenanceOptions,
  type MaintenanceProgress,
  troubleOf,
} from "./maintenance.ts";
import { isLiveLog, type LoadedManifest, loadManifest } from "./manifest.ts";
import { RunInspector, walkRuns } from "./run_inspector.ts";
import { TableInspector } from "./table_inspector.ts";
import type { TableMeta } from "./version_edit.ts";
import { BatchReader } from "./write_batch.ts";

/** So many findings are kept; further ones are only counted. */
export const FINDINGS_MAX = 1000;

/**
 * Something that verifying a database found.
 *
 * @example A file that nobody needs
 * ```ts
 * import { type Finding, MemoryFileSystem, open, verify } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * fileSystem.create("data/000001.log").close();
 * const { findings } = await verify("data", { fileSystem });
 * const expected: Finding[] = [
 *   { severity: "warning", file: "000001.log", what: "nobody needs this file" },
 * ];
 * assertEquals(findings, expected);
 * ```
 *
 * @category Maintenance
 */
export interface Finding {
  /** An error can make the database fail or answer wrongly; a warning is dealt with when it is opened. */
  readonly severity: "error" | "warning";
  /** Name of the file. */
  readonly file: string;
  /** Where in the file, in bytes, if it is about a place. */
  readonly offset?: number;
  /** What was found. */
  readonly what: string;
}

/**
 * What verifying a database has come to.
 *
 * @example What was read
 * ```ts
 * import { MemoryFileSystem, open, verify, type VerifyReport } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("in a table", "1");
 *   await db.flush();
 *   await db.put("in the log", "2");
 * }
 * const report: VerifyReport = await verify("data", { fileSystem });
 * assertEquals([report.isSound, report.errorCount], [true, 0]);
 * assertEquals([report.entryCount, report.logRecordCount], [1, 1]);
 * ```
 *
 * @category Maintenance
 */
export interface VerifyReport {
  /** Whether there are no errors. */
  readonly isSound: boolean;
  /** What was found, the first 1000 findings of it; further ones are only counted. */
  readonly findings: readonly Finding[];
  /** How many errors there are. */
  readonly errorCount: number;
  /** How many warnings there are. */
  readonly warningCount: number;
  /** Tables and logs that were read. */
  readonly fileCount: number;
  /** Tables among them. */
  readonly tableCount: number;
  /** Blocks of tables that were read. */
  readonly blockCount: number;
  /** Entries of tables that were read. */
  readonly entryCount: number;
  /** Records of logs that were read. */
  readonly logRecordCount: number;
  /** Bytes that were read. */
  readonly bytesRead: number;
}

/**
 * Verifies a database.
 *
 * @example A table with a damaged block
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatabase } from "./database.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { verifyDatabase } from "./verify.ts";
 *
 * const disk = new MemoryFileSystem();
 * const db = openDatabase("db", {}, disk);
 * await db.put("key", "value");
 * await db.flush();
 * await db.close();
 * assertEquals((await verifyDatabase("db", {}, disk)).isSound, true);
 *
 * const table = disk.list("db").find((name) => name.endsWith(".ldb"))!;
 * const bytes = disk.readAll(`db/${table}`);
 * bytes[5]! ^= 1;
 * disk.writeAll(`db/${table}`, bytes);
 * assertEquals((await verifyDatabase("db", {}, disk)).findings, [
 *   { severity: "error", file: table, offset: 0, what: "block checksum mismatch" },
 * ]);
 * ```
 *
 * @param directory The directory, in the disk's own notation.
 * @param options What to verify it with.
 * @param defaultFileSystem The disk, unless the options name one.
 * @returns What was found.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {VarveError} `NOT_FOUND` if there is no database; `LOCKED` if it is open elsewhere; `UNSUPPORTED_FORMAT` if
 * its keys are in another order; `IO` if the directory cannot be read.
 */
export async function verifyDatabase(
  directory: string,
  options: MaintenanceOptions,
  defaultFileSystem: FileSystem,
): Promise<VerifyReport> {
  const action = "verify database";
  checkMaintenance(action, directory, options, MAINTENANCE_OPTIONS);
  const { fileSystem = defaultFileSystem, comparator } = options;
  const look = () => new MaintainedDirectory(action, fileSystem, directory, comparator);
  let files = look();
  let lock: FileLock | undefined;
  if (fileSystem.exists(files.lockPath)) {
    lock = fileSystem.lock(files.lockPath, "shared");
    files = look(); // again, now that nobody changes it
  }
  try {
    return await inTurns(new Verification(files).run(), options);
  } finally {
    lock?.release();
  }
}

/** One verification under way. */
class Verification {
  readonly #files: MaintainedDirectory;
  readonly #findings: Finding[] = [];
  readonly #counts = { error: 0, warning: 0 };
  #fileCount = 0;
  #tableCount = 0;
  #blockCount = 0;
  #entryCount = 0;
  #logRecordCount = 0;
  readonly #batch = new BatchReader();

  constructor(files: MaintainedDirectory) {
    this.#files = files;
  }

  *run(): Generator<MaintenanceProgress, VerifyReport> {
    const files = this.#files;
    const state = this.#loadManifest();
    const logs = [...files.logs.keys()]
      .filter((number) => state === undefined || isLiveLog(state, number))
      .sort((a, b) => a - b);
    for (const number of logs) files.bytesTotal += this.#sizeOf(files.logs.get(number)!);
    if (state === undefined) {
      for (const [number, name] of files.tables) {
        files.bytesTotal += this.#sizeOf(name);
        yield* this.#verifyRuns([[{ number }]], undefined);
      }
    } else {
      this.#compareWithDirectory(state);
      const levels = state.version.levels;
      for (const level of levels) for (const { bytes } of level) files.bytesTotal += bytes;
      // Level 0 has its newest table first, and each is a run of its own.
      const runs = [...levels[0]!.map((table) => [table]), ...levels.slice(1)];
      yield* this.#verifyRuns(runs.filter((run) => run.length > 0), state);
    }
    let sequence = state?.lastSequence;
    for (const number of logs) {
      sequence = yield* this.#verifyLog(files.logs.get(number)!, sequence, number === logs[0]);
    }
    return this.#report();
  }

  #report(): VerifyReport {
    return {
      isSound: this.#counts.error === 0,
      findings: this.#findings,
      errorCount: this.#counts.error,
      warningCount: this.#counts.warning,
      fileCount: this.#fileCount,
      tableCount: this.#tableCount,
      blockCount: this.#blockCount,
      entryCount: this.#entryCount,
      logRecordCount: this.#logRecordCount,
      bytesRead: this.#files.bytesRead,
    };
  }

  #found(severity: Finding["severity"], file: string, what: string, offset?: number): void {
    this.#counts[severity]++;
    if (this.#findings.length >= FINDINGS_MAX) return;
    this.#findings.push({ severity, file, ...offset !== undefined && { offset }, what });
  }

  /** The size of a file, or 0 if it cannot be had: for progress only. */
  #sizeOf(name: string): number {
    try {
      return this.#files.fileSystem.size(this.#files.pathOf(name));
    } catch {
      return 0;
    }
  }

  #loadManifest(): LoadedManifest | undefined {
    const files = this.#files;
    try {
      const state = loadManifest(files.fileSystem, files.path, files.comparator);
      files.bytesRead += state.manifestBytes;
      if (state.tornBytes > 0) {
        const what = `ends in a torn record of ${state.tornBytes} bytes`;
        const at = state.manifestBytes - state.tornBytes;
        this.#found("warning", manifestName(state.manifestNumber), what, at);
      }
      return state;
    } catch (error) {
      // An order of keys that is not this one is no damage.
      if (error instanceof VarveError && error.code === "UNSUPPORTED_FORMAT") throw error;
      const { path, what, offset } = troubleOf(error, files.pathOf(currentName));
      const isCurrent = path === files.pathOf(currentName);
      const name = isCurrent
        ? currentName
        : files.manifests.map(manifestName).find((it) => files.pathOf(it) === path);
      this.#found("error", name ?? currentName, what, offset);
      return undefined;
    }
  }

  /** Files that are missing, and files that nobody needs. */
  #compareWithDirectory(state: LoadedManifest): void {
    const { names, tables, logs } = this.#files;
    const live = new Set<number>();
    for (const level of state.version.levels) {
      for (const { number } of level) {
        live.add(number);
        if (!tables.has(number)) this.#found("error", tableName(number), "the table is missing");
      }
    }
    const { logNumber, manifestNumber } = state;
    if (logNumber > 0 && !logs.has(logNumber)) {
      this.#found("error", logName(logNumber), "the log is missing");
    }
    for (const name of names) {
      const parsed = parseFileName(name);
      if (parsed === undefined || parsed.number === 0) continue;
      const { kind, number } = parsed;
      const isNeeded = kind === "table"
        ? live.has(number) && tables.get(number) === name
        : kind === "log"
        ? isLiveLog(state, number)
        : kind === "manifest" && number === manifestNumber;
      if (!isNeeded) this.#found("warning", name, "nobody needs this file");
    }
  }

  /** Walks runs of tables together, newest run first. */
  *#verifyRuns(
    runs: readonly (readonly (TableMeta | { number: number })[])[],
    state: LoadedManifest | undefined,
  ): Generator<MaintenanceProgress, void> {
    const files = this.#files;
    const inspectors = runs.map((tables) =>
      new RunInspector(tables.length, (i) => this.#openTable(tables[i]!, state))
    );
    let newest = -1;
    let isReported = false;
    const visit = (_: unknown, run: number, isNewest: boolean) => {
      this.#entryCount++;
      if (isNewest) isReported = false;
      else if (run < newest && !isReported) {
        isReported = true;
        const { table, tableIndex } = inspectors[run]!;
        const file = files.tables.get(runs[run]![tableIndex]!.number)!;
        const what = "a key in this block hides a newer version of it in an older table";
        this.#found("error", file, what, table!.blockOffset);
      }
      newest = isNewest ? run : Math.max(newest, run);
    };
    const pause = () => files.isTurnOver() ? files.progress() : undefined;
    yield* walkRuns(files.comparator, inspectors, visit, pause);
    for (const { blockCount } of inspectors) this.#blockCount += blockCount;
  }

  #openTable(
    table: TableMeta | { number: number },
    state: LoadedManifest | undefined,
  ): TableInspector | undefined {
    const name = this.#files.tables.get(table.number);
    if (name === undefined) return undefined; // reported as missing
    const file = this.#open(name);
    if (file === undefined) return undefined;
    this.#tableCount++;
    return new TableInspector(file, {
      comparator: this.#files.comparator,
      onDamage: ({ offset, what }) => this.#found("error", name, what, offset),
      expected: state === undefined || !("smallest" in table)
        ? undefined
        : { ...table, sequenceMax: state.lastSequence },
    });
  }

  #open(name: string): ReadableFile | undefined {
    try {
      const file = this.#files.open(name);
      this.#fileCount++;
      return file;
    } catch (error) {
      this.#found("error", name, troubleOf(error, this.#files.pathOf(name)).what);
      return undefined;
    }
  }

  /** Reads a log that begins after a sequence number, if that is known; returns the last one in it. */
  *#verifyLog(
    name: string,
    sequence: number | undefined,
    isOldest: boolean,
  ): Generator<MaintenanceProgress, number | undefined> {
    const files = this.#files;
    const file = this.#open(name);
    if (file === undefined) return undefined;
    try {
      // As when it is opened, but that damage does not end it.
      const reader = new LogReader(file, {
        salvage: true,
        holes: "end",
        onDamage: (offset, _, reason) => this.#found("error", name, reason, offset),
      });
      let place: "oldest" | "first" | "later" = isOldest ? "oldest" : "first";
      // A manifest of LevelDB's may be ahead of the log that comes after its tables.
      const before = sequence ?? 0;
      while (reader.next()) {
        sequence = this.#verifyRecord(name, reader, sequence, place);
        place = "later";
        if (files.isTurnOver()) yield files.progress();
      }
      if (reader.tornBytes > 0) {
        const how = reader.endReason === "hole" ? "has a hole" : "ends in a torn record";
        const what = `${how}: ${reader.tornBytes} bytes are not replayed`;
        this.#found("warning", name, what, reader.validOffset);
      }
      return sequence && Math.max(sequence, before);
    } catch (error) {
      this.#found("error", name, troubleOf(error, file.path).what);
    } finally {
      file.close();
    }
    return sequence;
  }

  /** Checks that a record is a batch that follows on a sequence number; returns its last one. */
  #verifyRecord(
    name: string,
    reader: LogReader,
    sequence: number | undefined,
    place: "oldest" | "first" | "later",
  ): number | undefined {
    const { recordBuffer, recordStart, recordEnd, recordOffset, file } = reader;
    const batch = this.#batch;
    this.#logRecordCount++;
    try {
      batch.reset(recordBuffer, recordStart, recordEnd, file.path, recordOffset);
      while (batch.next());
    } catch (error) {
      this.#found("error", name, troubleOf(error, file.path).what, recordOffset);
      return undefined;
    }
    const { firstSequence, lastSequence } = batch;
    if (sequence !== undefined && firstSequence > sequence + 1) {
      const what = `begins at sequence number ${firstSequence} where ${sequence + 1} was expected`;
      // Opening the database drops a log that does not follow on the one before it. Before the oldest there is none.
      if (place === "first") {
        this.#found("warning", name, `${what}: it is not replayed`, recordOffset);
      } else this.#found("error", name, `a record ${what}`, recordOffset);
    } else if (place === "later" && sequence !== undefined && firstSequence <= sequence) {
      const what = `a record goes back to sequence number ${firstSequence} after ${sequence}`;
      this.#found("error", name, what, recordOffset);
    }
    return lastSequence;
  }
}
