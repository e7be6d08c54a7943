/**
 * **What.** What a repair says in the end: for each file what became of it, what was read of it, and what could not be.
 *
 * **Invariants.**
 * 1. A file is in the report once.
 *
 * **Read next.** `repair_plan.ts`
 *
 * @module
 */
import { userKeyOf } from "./internal_key.ts";
import type { LostKeys, TableDamage } from "./table_inspector.ts";

/**
 * A part of a file that could not be read.
 *
 * @example Where, and which keys
 * ```ts
 * import { type DamagedRange, MemoryFileSystem, open, repair } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("key", "value");
 *   await db.flush();
 * }
 * const table = fileSystem.list("data").find((name) => name.endsWith(".ldb"))!;
 * const damaged = fileSystem.readAll(`data/${table}`);
 * damaged[3]! ^= 1;
 * fileSystem.writeAll(`data/${table}`, damaged);
 *
 * const { files } = await repair("data", { fileSystem });
 * const [range]: readonly DamagedRange[] = files.find(({ file }) => file === table)!.damage;
 * assertEquals([range?.offset, range?.isLoss], [0, true]);
 * assertEquals(range?.what, "block checksum mismatch");
 * ```
 *
 * @category Maintenance
 */
export interface DamagedRange {
  /** Where in the file it starts, in bytes. */
  readonly offset: number;
  /** How many bytes it has, as far as is known. */
  readonly bytes: number;
  /** What is wrong. */
  readonly what: string;
  /** Whether entries may be lost with it; else it held nothing but what is made anew. */
  readonly isLoss: boolean;
  /** The key that none of the lost entries comes before, where it is known. */
  readonly fromKey?: Uint8Array;
  /** The key that none of them comes after, where it is known. */
  readonly toKey?: Uint8Array;
}

/**
 * What became of a file.
 *
 * @example A table that is not there
 * ```ts
 * import { MemoryFileSystem, open, repair, type RepairedFile } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("key", "value");
 *   await db.flush();
 * }
 * const table = fileSystem.list("data").find((name) => name.endsWith(".ldb"))!;
 * fileSystem.remove(`data/${table}`);
 *
 * const { files } = await repair("data", { fileSystem });
 * const missing = files.filter(({ fate }: RepairedFile) => fate === "missing");
 * assertEquals(missing.map(({ file }) => file), [table]);
 * ```
 *
 * @category Maintenance
 */
export interface RepairedFile {
  /** Its name. */
  readonly file: string;
  /**
   * - `"kept"`: it is whole, and stays as it is.
   * - `"rewritten"`: a table whose entries, or as many as can be read, are in new ones.
   * - `"replayed"`: a log whose entries are in tables now.
   * - `"replaced"`: a manifest, of which there is a new one.
   * - `"unused"`: the database did not need it.
   * - `"missing"`: the database needed it, and it is not there.
   */
  readonly fate: "kept" | "rewritten" | "replayed" | "replaced" | "unused" | "missing";
  /** Entries that could be read. */
  readonly entryCount: number;
  /** Values among them that were left out, since a newer version may be lost. */
  readonly leftOutCount: number;
  /** What is damaged. */
  readonly damage: readonly DamagedRange[];
  /** Where it is now, from the database's directory, if it was moved. */
  readonly movedTo?: string;
  /** Why it could not be moved, if so: opening the database will remove it. */
  readonly notMoved?: string;
}

/**
 * What a repair has come to.
 *
 * @example A database without its manifest
 * ```ts
 * import { MemoryFileSystem, open, repair, type RepairReport } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("key", "value");
 * }
 * for (const name of fileSystem.list("data")) {
 *   if (name.startsWith("MANIFEST")) fileSystem.remove(`data/${name}`);
 * }
 * const report: RepairReport = await repair("data", { fileSystem });
 * assertEquals(report.usedManifest, false);
 * assertEquals(report.files.find(({ fate }) => fate === "replayed")?.entryCount, 1);
 * ```
 *
 * @category Maintenance
 */
export interface RepairReport {
  /** Whether nothing is lost: all files were there, and every entry could be read and was kept. */
  readonly isComplete: boolean;
  /** Whether the manifest could be used. If not, what was deleted or overwritten may be back. */
  readonly usedManifest: boolean;
  /** What became of each file. */
  readonly files: readonly RepairedFile[];
  /** Bytes that could not be read and may have held entries. */
  readonly lostBytes: number;
  /** Values that were left out, since a newer version may be lost. */
  readonly leftOutCount: number;
}

/** What is known of a file so far: a {@linkcode RepairedFile} in the making. */
export interface FileRecord {
  /** Its name. */
  readonly file: string;
  /** What becomes of it. */
  fate: RepairedFile["fate"];
  /** Entries that could be read. */
  entryCount: number;
  /** Values among them that were left out. */
  leftOutCount: number;
  /** What is damaged. */
  readonly damage: DamagedRange[];
  /** Where it is now, if it was moved. */
  movedTo?: string;
  /** Why it could not be moved. */
  notMoved?: string;
}

/** Takes notes while a repair goes on. */
export class RepairNotes {
  readonly #records = new Map<string, FileRecord>();

  /**
   * Notes what becomes of a file.
   *
   * @param file Its name.
   * @param fate What becomes of it, whatever was noted before.
   * @returns What is known of it, to be added to.
   */
  note(file: string, fate: RepairedFile["fate"]): FileRecord {
    let record = this.#records.get(file);
    if (record === undefined) {
      record = { file, fate, entryCount: 0, leftOutCount: 0, damage: [] };
      this.#records.set(file, record);
    }
    record.fate = fate;
    return record;
  }

  /**
   * What is known of a file.
   *
   * @param file Its name.
   * @returns Its record, or `undefined` if nothing was noted.
   */
  of(file: string): FileRecord | undefined {
    return this.#records.get(file);
  }

  /** Whether there was something to read, and no entry came of it. */
  get isHopeless(): boolean {
    const records = [...this.#records.values()];
    return records.every(({ entryCount }) => entryCount === 0) &&
      records.some(({ damage }) => damage.some(({ isLoss, bytes }) => isLoss && bytes > 0));
  }

  /** Notes that a file is not there. */
  missing(file: string, bytes: number, lost?: LostKeys): void {
    const what = "the file is missing";
    const damage = { offset: 0, bytes, what, isLoss: true, ...boundsOf(lost) };
    this.note(file, "missing").damage.push(damage);
  }

  /** Notes that a part of a table is damaged. */
  damaged(record: FileRecord, { offset, bytes, what, lost }: TableDamage): void {
    record.damage.push({ offset, bytes, what, isLoss: lost !== undefined, ...boundsOf(lost) });
  }

  /**
   * Sums up.
   *
   * @param usedManifest Whether the manifest could be used.
   * @returns The report.
   */
  report(usedManifest: boolean): RepairReport {
    const files = [...this.#records.values()].sort((a, b) => a.file < b.file ? -1 : 1);
    const lost = files.flatMap(({ damage }) => damage.filter(({ isLoss }) => isLoss));
    const leftOutCount = files.reduce((sum, it) => sum + it.leftOutCount, 0);
    return {
      isComplete: lost.length === 0 && leftOutCount === 0,
      usedManifest,
      files,
      lostBytes: lost.reduce((sum, { bytes }) => sum + bytes, 0),
      leftOutCount,
    };
  }
}

function boundsOf(lost: LostKeys | undefined): Pick<DamagedRange, "fromKey" | "toKey"> {
  return {
    ...lost?.after && { fromKey: userKeyOf(lost.after) },
    ...lost?.upTo && { toKey: userKeyOf(lost.upTo) },
  };
}
