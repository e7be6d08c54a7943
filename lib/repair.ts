/**
 * **What.** Makes a database that opens again of what can still be read, and says exactly what could not. Nothing is
 * deleted: what the repaired database does not need is moved to the directory `lost` inside it.
 *
 * ```text
 *  manifest readable?                        yes                                no
 *  tables that count          those it names, at their levels     all that it does not say are gone
 *  a damaged table            written anew without what is lost   ┐ all are merged into fresh tables
 *  logs                       become tables of level 0            ┘ of one level
 * ```
 *
 * With the manifest, nothing that was deleted returns and no old value takes the place of a newer one, as far as
 * tables go: an older version of a key that may be among what is lost of a newer table is left out as well. What
 * the lost part may have held is known from the index and from the filter, so this takes little that is not
 * affected; where the filter is lost, too, it takes everything older in that range of keys. `keepOlder` turns it
 * off.
 *
 * Where another table is in the place of one, or versions are not in the order in which reads meet them, its levels
 * cannot be believed. Then all that it names is merged, and it counts as not usable.
 *
 * Without the manifest nobody knows which tables were replaced by others and only waited to be removed. Those bring
 * back what was deleted or overwritten in the tables that replaced them. Sequence numbers decide which version of a
 * key is the newest, and that is why all tables are merged: reads expect older versions at deeper levels, or under
 * lower table numbers at level 0, and tables put there in any other order would answer with old values.
 *
 * A damaged record of a log may have been about any key; older values of those keys stay. What a power cut took of the
 * logs is left out just as it is when the database is opened: see `log_salvage.ts`.
 *
 * **Invariants.**
 * 1. Every entry that can be read and counts is there afterwards; every byte that could not be read is in the report.
 * 2. Before the new manifest is on disk and current nothing in the directory is changed, but for temporary files and
 *    files under new names. A repair that is cut off at any moment can be run again, and loses nothing.
 * 3. No file is removed that is not temporary, and none in `lost` is written over. Where there is neither a manifest
 *    nor an entry that can be read, nothing is changed: the files are somebody else's, as far as anyone knows.
 * 4. Repairing a database that is whole changes nothing that can be read from it.
 *
 * Source: the idea of LevelDB's `db/repair.cc`, which puts all tables at level 0 whatever they hold.
 *
 * **Read next.** `destroy.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import type { Cursor } from "./cursor.ts";
import { logName, manifestName, tableName } from "./file_names.ts";
import type { FileSystem } from "./file_system.ts";
import { KIND_VALUE, kindAt, SEQUENCE_MAX, sequenceAt } from "./internal_key.ts";
import { LogSalvage } from "./log_salvage.ts";
import {
  checkMaintenance,
  inTurns,
  MaintainedDirectory,
  MAINTENANCE_OPTIONS,
  type MaintenanceOptions,
  type MaintenanceProgress,
} from "./maintenance.ts";
import { Manifest, readCurrent } from "./manifest.ts";
import { RepairOutput } from "./repair_output.ts";
import { planRepair, type RepairPlan } from "./repair_plan.ts";
import { type RepairedFile, RepairNotes, type RepairReport } from "./repair_report.ts";
import { Losses, RunInspector, walkRuns } from "./run_inspector.ts";
import { lostKeys, type TableDamage, TableInspector } from "./table_inspector.ts";
import { LEVELS, Version } from "./version.ts";
import { emptyVersionEdit, type TableMeta } from "./version_edit.ts";

/**
 * What repairing can be told.
 *
 * @example An old value rather than none
 * ```ts
 * import { MemoryFileSystem, open, repair, type RepairOptions } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * async function repaired(options: RepairOptions): Promise<string | undefined> {
 *   const fileSystem = new MemoryFileSystem();
 *   {
 *     await using db = await open("data", { fileSystem, filterBits: 0 });
 *     for (const value of ["old", "new"]) {
 *       await db.put("key", value);
 *       await db.flush();
 *     }
 *   }
 *   const newer = fileSystem.list("data").findLast((name) => name.endsWith(".ldb"))!;
 *   fileSystem.writeAll(`data/${newer}`, fileSystem.readAll(`data/${newer}`).fill(0, 0, 8));
 *   await repair("data", { ...options, fileSystem });
 *   await using db = await open("data", { fileSystem });
 *   return await db.get("key");
 * }
 * assertEquals(await repaired({}), undefined);
 * assertEquals(await repaired({ keepOlder: true }), "old");
 * ```
 *
 * @category Maintenance
 */
export interface RepairOptions extends MaintenanceOptions {
  /**
   * Whether to keep a version of a key although a newer one may be among what is lost: old values, and keys that were
   * deleted, may come back then.
   *
   * @default {false}
   */
  keepOlder?: boolean;
}

/** Name of the directory that files are moved to. */
const lostName = "lost";

/** Merged tables are cut at this size. */
const TABLE_BYTES = 2 * 1024 * 1024;
/** Merged tables go to the first level that may hold so much: level 1, and ten times as much for each deeper one. */
const LEVEL_BYTES = 10 * 1024 * 1024;

/**
 * Repairs a database.
 *
 * @example A table that has lost its end
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatabase } from "./database.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { repairDatabase } from "./repair.ts";
 *
 * const disk = new MemoryFileSystem();
 * let db = openDatabase<string, string>("db", {}, disk);
 * await db.put("key", "value");
 * await db.flush();
 * await db.close();
 * const table = disk.list("db").find((name) => name.endsWith(".ldb"))!;
 * disk.writeAll(`db/${table}`, disk.readAll(`db/${table}`).slice(0, -60)); // footer and more
 *
 * const report = await repairDatabase("db", {}, disk);
 * const found = report.files.find(({ file }) => file === table)!;
 * assertEquals([found.fate, found.entryCount, found.movedTo], ["rewritten", 1, `lost/${table}`]);
 * db = openDatabase<string, string>("db", {}, disk);
 * assertEquals(await db.get("key"), "value");
 * await db.close();
 * ```
 *
 * @param directory The directory, in the disk's own notation.
 * @param options How to repair it.
 * @param defaultFileSystem The disk, unless the options name one.
 * @returns What was kept and what was lost.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {VarveError} `NOT_FOUND` if there is no database, or not one entry can be read
 * of what is there and no manifest; `LOCKED` if it is open; `UNSUPPORTED_FORMAT` if its keys
 * are in another order; `IO` or `READ_ONLY` if the directory cannot be read or written.
 */
export async function repairDatabase(
  directory: string,
  options: RepairOptions,
  defaultFileSystem: FileSystem,
): Promise<RepairReport> {
  const action = "repair database";
  checkMaintenance(action, directory, options, [...MAINTENANCE_OPTIONS, "keepOlder"]);
  const { fileSystem = defaultFileSystem, comparator, keepOlder = false } = options;
  if (typeof keepOlder !== "boolean") {
    throw new TypeError(`Cannot ${action}: keepOlder must be true or false, got ${keepOlder}`);
  }
  const look = () => new MaintainedDirectory(action, fileSystem, directory, comparator);
  const lock = fileSystem.lock(look().lockPath, "exclusive");
  try {
    return await inTurns(new Repair(look(), keepOlder).run(), options);
  } finally {
    lock.release();
  }
}

/** One repair under way. */
class Repair {
  readonly #files: MaintainedDirectory;
  readonly #keepOlder: boolean;
  readonly #plan: RepairPlan;
  readonly #notes = new RepairNotes();
  readonly #output: RepairOutput;
  readonly #losses: Losses;
  #nextFileNumber: number;
  #lastSequence: number;

  constructor(files: MaintainedDirectory, keepOlder: boolean) {
    this.#files = files;
    this.#keepOlder = keepOlder;
    this.#losses = new Losses(files.comparator);
    this.#plan = planRepair(files);
    const { state, trouble } = this.#plan;
    this.#nextFileNumber = Math.max(files.highestNumber + 1, state?.nextFileNumber ?? 0);
    this.#lastSequence = state?.lastSequence ?? 0;
    this.#output = this.#newOutput();
    if (trouble !== undefined) {
      const { file, offset, what } = trouble;
      this.#notes.note(file, "replaced").damage.push({ offset, bytes: 0, what, isLoss: false });
    }
  }

  *run(): Generator<MaintenanceProgress, RepairReport> {
    const { fileSystem, temporaries } = this.#files;
    // What a repair before this one left takes room, and is nobody's data.
    for (const name of temporaries) fileSystem.remove(this.#files.pathOf(name));
    let isCommitted = false;
    let usesManifest: boolean;
    let numbers: ReadonlySet<number>;
    try {
      let levels = this.#plan.state && (yield* this.#repairLevels(this.#plan.state.version));
      usesManifest = levels !== undefined;
      levels ??= yield* this.#mergeAll();
      if (this.#plan.state === undefined && this.#notes.isHopeless) this.#refuse();
      numbers = this.#commit(levels);
      isCommitted = true;
    } finally {
      if (!isCommitted) this.#output.abandon();
    }
    this.#moveAway(numbers);
    return this.#notes.report(usesManifest);
  }

  /** No manifest, and nothing in any file: others have files with such names, too. */
  #refuse(): never {
    const { path } = this.#files;
    throw new VarveError("NOT_FOUND", `Cannot repair database: not one entry is left in ${path}`);
  }

  // ——— With the manifest ———

  /** Repairs each table where it is; `undefined` if the levels make no sense. */
  *#repairLevels(
    version: Version,
  ): Generator<MaintenanceProgress, TableMeta[][] | undefined> {
    const { levels } = version;
    const runs = [...levels[0]!.map((table) => [table]), ...levels.slice(1)];
    const affected = yield* this.#inspectRuns(runs);
    if (affected === undefined) return undefined;
    // Level 0 is ordered by number, and a table written anew has a new one: all that are newer must follow it.
    const oldest = levels[0]!.findLastIndex(({ number }) => affected.has(number));
    for (let i = 0; i <= oldest; i++) affected.add(levels[0]![i]!.number);
    const repaired: TableMeta[][] = levels.map(() => []);
    // Oldest first, for the sake of level 0.
    for (let run = runs.length - 1; run >= 0; run--) {
      const level = Math.max(0, run - levels[0]!.length + 1);
      for (const table of runs[run]!) {
        if (!affected.has(table.number)) repaired[level]!.push(table);
        else yield* this.#rewrite(table.number, run);
        const written = affected.has(table.number) ? this.#output.cut() : undefined;
        if (written !== undefined) repaired[level]!.push(written);
      }
    }
    repaired[0]!.push(...yield* this.#replayLogs(this.#output));
    return repaired;
  }

  /** Reads all tables; gives the numbers of those that cannot stay, or nothing if versions are in a wrong order. */
  *#inspectRuns(
    runs: readonly (readonly TableMeta[])[],
  ): Generator<MaintenanceProgress, Set<number> | undefined> {
    const files = this.#files;
    const affected = new Set<number>();
    let isInOrder = true;
    for (const tables of runs) for (const { bytes } of tables) files.bytesTotal += bytes;
    const open = (table: TableMeta, run: number) => {
      const { smallest, largest, number } = table;
      const name = files.tables.get(number);
      if (name === undefined) {
        affected.add(number);
        const lost = lostKeys(files.comparator, smallest, largest);
        this.#notes.missing(tableName(number), table.bytes, lost);
        this.#losses.add(run, lost);
        return undefined;
      }
      const record = this.#notes.note(name, "kept");
      const onDamage = (damage: TableDamage) => {
        affected.add(number);
        this.#notes.damaged(record, damage);
        if (damage.lost !== undefined) this.#losses.add(run, damage.lost);
        if (damage.isOtherTable) isInOrder = false;
      };
      const expected = { ...table, sequenceMax: SEQUENCE_MAX };
      return new TableInspector(files.open(name), {
        comparator: files.comparator,
        onDamage,
        expected,
      });
    };
    const inspectors = runs.map((tables, run) =>
      new RunInspector(tables.length, (i) => open(tables[i]!, run))
    );
    let newest = -1;
    let isSettled = false;
    const visit = (entry: Cursor, run: number, isNewest: boolean) => {
      const { number } = runs[run]![inspectors[run]!.tableIndex]!;
      this.#notes.of(files.tables.get(number)!)!.entryCount++;
      this.#noteSequence(entry);
      if (isNewest) isSettled = false;
      else if (run < newest) isInOrder = false;
      newest = isNewest ? run : Math.max(run, newest);
      // Once a version of a key is there for sure, older ones are hidden.
      if (isSettled) return;
      if (this.#mayBeOutdated(entry, run)) affected.add(number);
      else isSettled = true;
    };
    yield* walkRuns(files.comparator, inspectors, visit, () => this.#pause());
    return isInOrder ? affected : undefined;
  }

  /** Whether a newer version of an entry's key may be lost, so that the entry must not stand for it. */
  #mayBeOutdated(entry: Cursor, run: number): boolean {
    if (this.#keepOlder || this.#losses.isEmpty) return false;
    // A key that was deleted and then written again: it is gone either way.
    return kindAt(entry.keyBuffer, entry.keyEnd) === KIND_VALUE && this.#losses.mayHide(entry, run);
  }

  /** Writes what can be read of a table to the output. */
  *#rewrite(number: number, run: number): Generator<MaintenanceProgress, void> {
    const files = this.#files;
    const name = files.tables.get(number);
    if (name === undefined) return;
    const record = this.#notes.of(name)!;
    record.fate = "rewritten";
    const visit = (entry: Cursor) => {
      if (this.#mayBeOutdated(entry, run)) record.leftOutCount++;
      else this.#output.add(entry);
    };
    yield* this.#walkTables([[name]], visit);
  }

  // ——— Without it ———

  /** Merges all tables and logs that may count into tables of one level. */
  *#mergeAll(): Generator<MaintenanceProgress, TableMeta[][]> {
    const files = this.#files;
    const scratch = this.#newOutput();
    try {
      const tables: { name: string; meta: TableMeta }[] = [];
      for (const number of this.#plan.tables) {
        const name = files.tables.get(number)!;
        const meta = yield* this.#measure(number, name);
        if (meta !== undefined) tables.push({ name, meta });
      }
      for (const meta of yield* this.#replayLogs(scratch)) {
        tables.push({ name: scratch.nameOf(meta), meta });
      }
      const runs = partition(files, tables);
      const output = this.#output;
      yield* this.#walkTables(runs, (entry, _, isNewest) => {
        if (!isNewest) return;
        if (output.tableBytes >= TABLE_BYTES) output.cut();
        // Tombstones, too: somebody may put a table back from `lost`, and repair again.
        output.add(entry);
      });
      output.cut();
    } finally {
      scratch.abandon();
    }
    let bytes = 0;
    for (const table of this.#output.tables) bytes += table.bytes;
    let level = 1;
    while (level < LEVELS - 1 && bytes > LEVEL_BYTES * 10 ** (level - 1)) level++;
    const levels: TableMeta[][] = Array.from({ length: LEVELS }, () => []);
    levels[level] = this.#output.tables;
    return levels;
  }

  /** Reads a table to learn its bounds, and what is damaged in it. */
  *#measure(number: number, name: string): Generator<MaintenanceProgress, TableMeta | undefined> {
    // What was found by the manifest's light stays noted.
    const isNoted = this.#notes.of(name) !== undefined;
    const record = this.#notes.note(name, "rewritten");
    record.entryCount = 0;
    let smallest: Uint8Array | undefined;
    let largest: Uint8Array = new Uint8Array(64);
    let largestBytes = 0;
    const visit = (entry: Cursor) => {
      const { keyBuffer, keyStart, keyEnd } = entry;
      record.entryCount++;
      this.#noteSequence(entry);
      smallest ??= keyBuffer.slice(keyStart, keyEnd);
      largestBytes = keyEnd - keyStart;
      if (largest.length < largestBytes) largest = new Uint8Array(largestBytes * 2);
      largest.set(keyBuffer.subarray(keyStart, keyEnd));
    };
    yield* this.#walkTables([[name]], visit, (damage) => {
      if (!isNoted) this.#notes.damaged(record, damage);
    });
    if (smallest === undefined) return undefined;
    largest = largest.slice(0, largestBytes);
    return { number, bytes: 0, smallest, largest, allowedSeeks: 0 };
  }

  // ——— Both ———

  /** Walks tables whose damage was noted before, unless `onDamage` is given. */
  #walkTables(
    runs: readonly (readonly string[])[],
    visit: (entry: Cursor, run: number, isNewest: boolean) => void,
    onDamage: (damage: TableDamage) => void = () => {},
  ): Generator<MaintenanceProgress, void> {
    const files = this.#files;
    const { comparator } = files;
    const inspectors = runs.map((names) =>
      new RunInspector(names.length, (i) => {
        const file = files.open(names[i]!);
        files.bytesTotal += file.size;
        return new TableInspector(file, { comparator, onDamage });
      })
    );
    return walkRuns(comparator, inspectors, visit, () => this.#pause());
  }

  /** Writes what can be read of the logs to tables of level 0. */
  *#replayLogs(output: RepairOutput): Generator<MaintenanceProgress, TableMeta[]> {
    const { state, logs, missingLogs } = this.#plan;
    for (const number of missingLogs) this.#notes.missing(logName(number), 0);
    const first = output.tables.length;
    const salvage = new LogSalvage(this.#files, output, state?.lastSequence);
    for (const number of logs) {
      const name = this.#files.logs.get(number)!;
      yield* salvage.read(name, this.#notes.note(name, "replayed"));
    }
    salvage.finish();
    this.#lastSequence = Math.max(this.#lastSequence, salvage.lastSequence ?? 0);
    return output.tables.slice(first);
  }

  #newOutput(): RepairOutput {
    const { fileSystem, path, comparator } = this.#files;
    const newFileNumber = () => this.#nextFileNumber++;
    return new RepairOutput({ fileSystem, directory: path, comparator, newFileNumber });
  }

  #pause(): MaintenanceProgress | undefined {
    return this.#files.isTurnOver() ? this.#files.progress() : undefined;
  }

  #noteSequence({ keyBuffer, keyEnd }: Cursor): void {
    const sequence = sequenceAt(keyBuffer, keyEnd);
    if (sequence > this.#lastSequence) this.#lastSequence = sequence;
  }

  // ——— The end ———

  /** Makes the new state durable and current; returns the numbers of the files that it needs. */
  #commit(levels: readonly (readonly TableMeta[])[]): Set<number> {
    const { fileSystem, path, comparator } = this.#files;
    fileSystem.makeDirectory(this.#files.pathOf(lostName));
    this.#output.publish();
    // Logs below this one do not count any more, whatever becomes of them.
    const logNumber = this.#nextFileNumber++;
    const logPath = this.#files.pathOf(logName(logNumber));
    const manifestNumber = this.#nextFileNumber++;
    const edit = emptyVersionEdit();
    for (const [level, tables] of levels.entries()) {
      for (const table of tables) edit.added.push({ level, table });
    }
    const state = this.#plan.state;
    try {
      fileSystem.create(logPath).close();
      fileSystem.syncDirectory(path);
      Manifest.create(fileSystem, path, manifestNumber, {
        version: Version.empty(comparator).apply(edit),
        logNumber,
        prevLogNumber: 0,
        nextFileNumber: this.#nextFileNumber,
        lastSequence: this.#lastSequence,
        compactPointers: state?.compactPointers ?? [],
        manifestNumber,
        manifestBytes: 0,
      }).close();
    } catch (error) {
      // As long as there is a manifest that names them its tables must stay.
      if (this.#withdraw(manifestNumber)) removeIfThere(fileSystem, logPath);
      else this.#output.keep();
      throw error;
    }
    return new Set([
      logNumber,
      manifestNumber,
      ...edit.added.map(({ table }) => table.number),
    ]);
  }

  /** Sees to it that a manifest which may be there does not come back, either; false if it is or may be in use. */
  #withdraw(manifestNumber: number): boolean {
    const { fileSystem, path } = this.#files;
    if (this.#isCurrent(manifestNumber)) return false;
    try {
      const manifestPath = this.#files.pathOf(manifestName(manifestNumber));
      if (fileSystem.exists(manifestPath)) fileSystem.remove(manifestPath);
      fileSystem.syncDirectory(path);
      return true;
    } catch {
      return false;
    }
  }

  #isCurrent(manifestNumber: number): boolean {
    try {
      return readCurrent(this.#files.fileSystem, this.#files.path) === manifestNumber;
    } catch {
      return false;
    }
  }

  /** Moves every file of the database that is not needed any more to `lost`. */
  #moveAway(needed: ReadonlySet<number>): void {
    const { fileSystem, path, tables, logs, manifests } = this.#files;
    const lost = this.#files.pathOf(lostName);
    const old: [number, string, RepairedFile["fate"]][] = [
      ...[...tables].map(([number, name]): typeof old[0] => [number, name, "unused"]),
      ...[...logs].map(([number, name]): typeof old[0] => [number, name, "unused"]),
      ...manifests.map((number): typeof old[0] => [number, manifestName(number), "replaced"]),
    ];
    for (const [number, name, fate] of old) {
      if (needed.has(number)) continue;
      const record = this.#notes.of(name) ?? this.#notes.note(name, fate);
      try {
        let target = name;
        for (let i = 1; fileSystem.exists(fileSystem.join(lost, target)); i++) {
          target = `${name}.${i}`;
        }
        fileSystem.rename(this.#files.pathOf(name), fileSystem.join(lost, target));
        record.movedTo = `${lostName}/${target}`;
      } catch (error) {
        // The database is repaired, and what was lost is known only to the report.
        if (!(error instanceof VarveError)) throw error;
        record.notMoved = error.message;
      }
    }
    // In this order: a power cut in between leaves a file under both names, not under none.
    fileSystem.syncDirectory(lost);
    fileSystem.syncDirectory(path);
  }
}

function removeIfThere(fileSystem: FileSystem, path: string): void {
  try {
    if (fileSystem.exists(path)) fileSystem.remove(path);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error; // else it is left for the next repair
  }
}

/** Puts tables into as few runs as possible, each of tables that do not overlap, in order. */
function partition(
  { comparator }: MaintainedDirectory,
  tables: readonly { name: string; meta: TableMeta }[],
): string[][] {
  const runs: { names: string[]; largest: Uint8Array }[] = [];
  const sorted = tables.toSorted((a, b) =>
    comparator.compareKeys(a.meta.smallest, b.meta.smallest)
  );
  for (const { name, meta: { smallest, largest } } of sorted) {
    const run = runs.find((it) => comparator.compareKeys(it.largest, smallest) < 0);
    if (run === undefined) runs.push({ names: [name], largest });
    else {
      run.names.push(name);
      run.largest = largest;
    }
  }
  return runs.map(({ names }) => names);
}
