/**
 * **What.** Which tables make the tree at one moment. A version never changes: a flush or a compaction makes
 * the next one, and readers that hold an older one go on undisturbed.
 *
 * ```text
 * level 0   [c...........t]      newest first; tables may overlap, since each was a memtable
 *              [e......o]
 * level 1   [a..d][f...k][m.z]   sorted, disjoint: a key can be in one table only
 * level 2   [a..b][c..e][f..h][i....p][q..z]   the same, ten times as many bytes
 * ```
 *
 * **Invariants.**
 * 1. Level 0 is ordered by table number, the newest first. A table there is newer than every older one, so the
 *    first of them that knows a key knows its newest version.
 * 2. Below, tables are ordered by key, and each one's last internal key is before the next one's first. Versions
 *    of one user key may be spread over neighbours, newer ones to the left.
 * 3. All entries for a user key in one level are newer than all those in the levels below it.
 * 4. Every table number is in the tree once.
 * 5. Tables of a version that somebody references are not deleted.
 *
 * Source: LevelDB's `db/version_set.cc`.
 *
 * **Read next.** `manifest.ts`
 *
 * @module
 */
import { firstNotBelow, headOf } from "./block.ts";
import { type InternalKeyComparator, TRAILER_BYTES, userKeyOf } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { LEVELS, type TableMeta, type VersionEdit } from "./version_edit.ts";

export { LEVELS, type TableMeta, type VersionEdit };

/**
 * A table may overlap this many tables' worth of bytes two levels down, in the level that it will be merged with
 * when it is compacted the next time. Otherwise that compaction would be too large.
 */
export const GRANDPARENT_TABLES_MAX = 10;

/**
 * A flushed memtable is put at most this deep. Every level that it skips saves a compaction; deeper than this,
 * the space that overwritten keys waste there would not be won back for long.
 */
export const FLUSH_LEVEL_MAX = 2;

/** What decides where a flushed memtable goes. */
export interface FlushLevelOptions {
  /** Size that tables are cut at, in bytes. */
  readonly tableBytes: number;
}

/**
 * The bytes of some tables together.
 *
 * @param tables The tables.
 * @returns The sum of their sizes.
 */
export function totalBytes(tables: readonly TableMeta[]): number {
  let bytes = 0;
  for (const table of tables) bytes += table.bytes;
  return bytes;
}

/**
 * An edit that does not fit the tree it is applied to. In a manifest it means damage; made by the engine
 * itself, a bug.
 */
export class InconsistentEditError extends Error {
  /**
   * Makes an error.
   *
   * @param what What does not fit.
   */
  constructor(what: string) {
    super(what);
    this.name = "InconsistentEditError";
  }
}

/**
 * The tables of the tree at one moment.
 *
 * @example A table joins the tree
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
 * import { Version } from "./version.ts";
 * import { emptyVersionEdit } from "./version_edit.ts";
 *
 * const key = (text: string) => makeInternalKey(new TextEncoder().encode(text), 1, KIND_VALUE);
 * const table = { number: 5, bytes: 900, smallest: key("c"), largest: key("f"), allowedSeeks: 100 };
 *
 * const before = Version.empty(new InternalKeyComparator());
 * const after = before.apply({ ...emptyVersionEdit(), added: [{ level: 1, table }] });
 * assertEquals(before.tableCount(1), 0);
 * assertEquals(after.levels[1], [table]);
 * assertEquals(after.findTable(1, key("d"), 0, 9), 0);
 * assertEquals(after.overlapping(1, new TextEncoder().encode("g")), []);
 * ```
 */
export class Version {
  /** The order of internal keys. */
  readonly comparator: InternalKeyComparator;
  /** The tables of each level (invariants 1 and 2). */
  readonly levels: readonly (readonly TableMeta[])[];
  readonly #levelBytes: readonly number[];
  /** Made when a level is first searched: most versions that a compaction makes never are. */
  readonly #heads: (LevelHeads | undefined)[] = [];
  #references = 0;

  /**
   * Makes a version of levels that keep the invariants; {@linkcode VersionBuilder} checks that they do.
   *
   * @param comparator The order of internal keys.
   * @param levels The tables of each level.
   */
  constructor(comparator: InternalKeyComparator, levels: readonly (readonly TableMeta[])[]) {
    invariant(levels.length === LEVELS, "a version has all levels");
    this.comparator = comparator;
    this.levels = levels;
    this.#levelBytes = levels.map(totalBytes);
  }

  /**
   * The version of a new database.
   *
   * @param comparator The order of internal keys.
   * @returns A version without tables.
   */
  static empty(comparator: InternalKeyComparator): Version {
    return new Version(comparator, Array.from({ length: LEVELS }, () => []));
  }

  /**
   * The version after a change.
   *
   * @param edit What changes.
   * @returns A new version. Levels without a change are shared with this one.
   * @throws {InconsistentEditError} If the edit does not fit.
   */
  apply(edit: VersionEdit): Version {
    const builder = new VersionBuilder(this);
    builder.apply(edit);
    return builder.build();
  }

  /** How many hold this version. */
  get references(): number {
    return this.#references;
  }

  /** Keeps the version's tables from being deleted until {@linkcode release}. */
  addReference(): void {
    this.#references++;
  }

  /** Undoes one {@linkcode addReference}. At zero {@linkcode references} the tables may be deleted. */
  release(): void {
    invariant(this.#references > 0, "a version is released as often as it is referenced");
    this.#references--;
  }

  /**
   * Bytes of a level's tables.
   *
   * @param level Which level.
   * @returns The sum of their sizes.
   */
  levelBytes(level: number): number {
    return this.#levelBytes[level]!;
  }

  /**
   * Number of tables in a level.
   *
   * @param level Which level.
   * @returns How many there are.
   */
  tableCount(level: number): number {
    return this.levels[level]!.length;
  }

  /**
   * Finds the one table of a sorted level that a key can be in: the first whose largest key is not before it. The
   * key is not in it if its smallest key is after it.
   *
   * @param level 1 or deeper.
   * @param key The buffer of the internal key.
   * @param start Where the key starts.
   * @param end Where it ends, exclusive.
   * @returns An index in the level, or its length if every table ends before the key.
   */
  findTable(level: number, key: Uint8Array, start: number, end: number): number {
    const tables = this.levels[level]!;
    if (!this.comparator.isBytewise || tables.length < 2) {
      return this.#findAmong(tables, 0, tables.length, key, start, end);
    }
    const heads = this.#headsOf(level);
    const prefix = heads.prefix;
    const userEnd = end - TRAILER_BYTES;
    for (let i = 0; i < prefix.length; i++) {
      if (start + i >= userEnd) return 0;
      const order = key[start + i]! - prefix[i]!;
      if (order !== 0) return order < 0 ? 0 : tables.length;
    }
    const head = headOf(key, start + prefix.length, userEnd);
    const low = firstNotBelow(heads.largest, tables.length, head);
    if (low === tables.length || heads.largest[low] !== head) return low;
    // Most often one table has this head; if more do, whole keys decide.
    const { largest } = tables[low]!;
    if (this.comparator.compare(largest, 0, largest.length, key, start, end) >= 0) return low;
    const next = low + 1;
    if (next < tables.length && heads.largest[next] !== head) return next;
    return this.#findAmong(tables, next, tables.length, key, start, end);
  }

  /**
   * The one table of a sorted level that can have a version of a user key.
   *
   * @param level 1 or deeper.
   * @param key The buffer of the internal key to look for, which starts at byte 0.
   * @param end Where it ends, exclusive.
   * @returns The table, or `undefined` if no table's range has the key.
   */
  tableOf(level: number, key: Uint8Array, end: number): TableMeta | undefined {
    const tables = this.levels[level]!;
    const at = this.findTable(level, key, 0, end);
    if (at === tables.length) return undefined;
    const { smallest } = tables[at]!;
    const userEnd = end - TRAILER_BYTES;
    const smallestEnd = smallest.length - TRAILER_BYTES;
    return this.comparator.compareUser(key, 0, userEnd, smallest, 0, smallestEnd) < 0
      ? undefined
      : tables[at]!;
  }

  /** The same as {@linkcode findTable} by whole keys, among the tables `[low, high)`. */
  #findAmong(
    tables: readonly TableMeta[],
    low: number,
    high: number,
    key: Uint8Array,
    start: number,
    end: number,
  ): number {
    const comparator = this.comparator;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const largest = tables[middle]!.largest;
      if (comparator.compare(largest, 0, largest.length, key, start, end) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #headsOf(level: number): LevelHeads {
    return this.#heads[level] ??= levelHeads(this.levels[level]!);
  }

  /**
   * The tables of a level that have keys in a range. In level 0 the range grows with every table found: a
   * compaction that took a table and left an older one with the same key would turn their order around.
   *
   * @param level Which level.
   * @param begin First user key of the range; from the beginning by default.
   * @param end Last user key of the range, inclusive; to the end by default.
   * @returns The tables, in the level's order.
   */
  overlapping(level: number, begin?: Uint8Array, end?: Uint8Array): TableMeta[] {
    const tables = this.levels[level]!;
    if (level === 0) return this.#overlappingLevelZero(tables, begin, end);
    const first = begin === undefined ? 0 : this.#firstEndingAtOrAfter(tables, begin);
    let after = first;
    while (after < tables.length && !this.#isAfter(tables[after]!, end)) after++;
    return tables.slice(first, after);
  }

  /**
   * Whether any table of a level has keys in a range.
   *
   * @param level Which level.
   * @param begin First user key of the range; from the beginning by default.
   * @param end Last user key of the range, inclusive; to the end by default.
   * @returns False only if no key of the range is in the level.
   */
  overlapsLevel(level: number, begin?: Uint8Array, end?: Uint8Array): boolean {
    const tables = this.levels[level]!;
    if (level === 0) {
      return tables.some((table) => !this.#isBefore(table, begin) && !this.#isAfter(table, end));
    }
    const first = begin === undefined ? 0 : this.#firstEndingAtOrAfter(tables, begin);
    return first < tables.length && !this.#isAfter(tables[first]!, end);
  }

  /**
   * The level that a table flushed from a memtable should go to: 0 if it overlaps a table there, otherwise as deep
   * as {@linkcode FLUSH_LEVEL_MAX}, as long as nothing in between overlaps it and its next compaction stays small.
   *
   * The answer holds for the tables in this version. While a compaction is under way its outputs are in none, and
   * may span gaps between its inputs, so a flush that finishes before it must go to level 0.
   *
   * @param smallest The table's first user key.
   * @param largest The table's last user key.
   * @param options The size of tables.
   * @returns A level from 0 to {@linkcode FLUSH_LEVEL_MAX}.
   */
  levelForFlush(smallest: Uint8Array, largest: Uint8Array, options: FlushLevelOptions): number {
    if (this.overlapsLevel(0, smallest, largest)) return 0;
    const grandparentBytesMax = GRANDPARENT_TABLES_MAX * options.tableBytes;
    let level = 0;
    while (level < FLUSH_LEVEL_MAX) {
      if (this.overlapsLevel(level + 1, smallest, largest)) break;
      if (totalBytes(this.overlapping(level + 2, smallest, largest)) > grandparentBytesMax) break;
      level++;
    }
    return level;
  }

  #overlappingLevelZero(
    tables: readonly TableMeta[],
    begin: Uint8Array | undefined,
    end: Uint8Array | undefined,
  ): TableMeta[] {
    const { user } = this.comparator;
    for (;;) {
      const found = tables.filter((table) =>
        !this.#isBefore(table, begin) && !this.#isAfter(table, end)
      );
      let hasGrown = false;
      for (const table of found) {
        const smallest = userKeyOf(table.smallest);
        const largest = userKeyOf(table.largest);
        if (begin !== undefined && user.compare(smallest, begin) < 0) {
          begin = smallest;
          hasGrown = true;
        }
        if (end !== undefined && user.compare(largest, end) > 0) {
          end = largest;
          hasGrown = true;
        }
      }
      if (!hasGrown) return found;
    }
  }

  /** Whether a table ends before the user key. */
  #isBefore(table: TableMeta, begin: Uint8Array | undefined): boolean {
    return begin !== undefined && compareToUserKey(this.comparator, table.largest, begin) < 0;
  }

  /** Whether a table starts after the user key. */
  #isAfter(table: TableMeta, end: Uint8Array | undefined): boolean {
    return end !== undefined && compareToUserKey(this.comparator, table.smallest, end) > 0;
  }

  #firstEndingAtOrAfter(tables: readonly TableMeta[], begin: Uint8Array): number {
    let low = 0;
    let high = tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(tables[middle]!, begin)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The heads of a level's last user keys, as in a decoded block: one small array to search, instead of two objects and
 * a key for each step.
 */
interface LevelHeads {
  /** What all user keys of the level begin with. */
  readonly prefix: Uint8Array;
  /** For each table the head of its last user key behind the prefix. */
  readonly largest: Int32Array;
}

function levelHeads(tables: readonly TableMeta[]): LevelHeads {
  const first = userKeyOf(tables[0]!.smallest);
  const last = userKeyOf(tables.at(-1)!.largest);
  let common = 0;
  while (common < first.length && common < last.length && first[common] === last[common]) common++;
  const largest = Int32Array.from(
    tables,
    (table) => headOf(table.largest, common, table.largest.length - TRAILER_BYTES),
  );
  return { prefix: first.slice(0, common), largest };
}

function compareToUserKey(
  comparator: InternalKeyComparator,
  internalKey: Uint8Array,
  userKey: Uint8Array,
): number {
  const end = internalKey.length - TRAILER_BYTES;
  return comparator.compareUser(internalKey, 0, end, userKey, 0, userKey.length);
}

/**
 * Applies many edits to a version and looks at the result only once: a manifest of ten thousand edits is read
 * without making ten thousand versions.
 */
export class VersionBuilder {
  readonly #base: Version;
  /** For each level the tables that join it, by number. */
  readonly #added: Map<number, TableMeta>[] = [];
  /** For each level the numbers of the base's tables that leave it. */
  readonly #deleted: Set<number>[] = [];

  /**
   * Starts from a version.
   *
   * @param base What the edits change. It stays as it is.
   */
  constructor(base: Version) {
    this.#base = base;
    for (let level = 0; level < LEVELS; level++) {
      this.#added.push(new Map());
      this.#deleted.push(new Set());
    }
  }

  /**
   * Adds an edit: first its tables leave, then others join.
   *
   * @param edit What changes.
   * @throws {InconsistentEditError} If it deletes or adds a table twice.
   */
  apply(edit: VersionEdit): void {
    for (const { level, number } of edit.deleted) {
      if (this.#added[level]!.delete(number)) continue;
      if (this.#deleted[level]!.has(number)) {
        throw new InconsistentEditError(`table ${number} of level ${level} is deleted twice`);
      }
      this.#deleted[level]!.add(number);
    }
    for (const { level, table } of edit.added) {
      if (this.#added[level]!.has(table.number)) {
        throw new InconsistentEditError(`table ${table.number} of level ${level} is added twice`);
      }
      this.#added[level]!.set(table.number, table);
    }
  }

  /**
   * Makes the version, and checks that it keeps its invariants.
   *
   * @returns A new version.
   * @throws {InconsistentEditError} If a deleted table is not there, a table is there twice, or tables overlap.
   */
  build(): Version {
    const levels = this.#base.levels.map((tables, level) => this.#buildLevel(tables, level));
    const numbers = new Set<number>();
    for (const tables of levels) {
      for (const { number } of tables) {
        if (numbers.has(number)) throw new InconsistentEditError(`table ${number} is there twice`);
        numbers.add(number);
      }
    }
    return new Version(this.#base.comparator, levels);
  }

  #buildLevel(base: readonly TableMeta[], level: number): readonly TableMeta[] {
    const added = this.#added[level]!;
    const deleted = this.#deleted[level]!;
    if (added.size === 0 && deleted.size === 0) return base;
    const tables = base.filter((table) => !deleted.has(table.number));
    if (tables.length + deleted.size !== base.length) {
      const absent = [...deleted].filter((number) =>
        base.every((table) => table.number !== number)
      );
      throw new InconsistentEditError(`deleted table ${absent[0]} is not in level ${level}`);
    }
    const { comparator } = this.#base;
    for (const table of added.values()) {
      if (comparator.compareKeys(table.smallest, table.largest) > 0) {
        throw new InconsistentEditError(`table ${table.number} ends before it starts`);
      }
      tables.push(table);
    }
    if (level === 0) return tables.sort((a, b) => b.number - a.number);
    tables.sort((a, b) => comparator.compareKeys(a.smallest, b.smallest));
    for (let i = 1; i < tables.length; i++) {
      const left = tables[i - 1]!;
      const right = tables[i]!;
      if (comparator.compareKeys(left.largest, right.smallest) >= 0) {
        const which = `tables ${left.number} and ${right.number} of level ${level}`;
        throw new InconsistentEditError(`${which} overlap`);
      }
    }
    return tables;
  }
}
