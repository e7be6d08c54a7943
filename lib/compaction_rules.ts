/**
 * **What.** Two questions that a compaction asks at every key, while it goes through them in order: can a tombstone
 * be dropped here, and should the output table end here?
 *
 * **Invariants.**
 * 1. A tombstone may be dropped only if no level below the output has a table whose range its key is in: it may
 *    hide a value there. Levels above only have newer entries, and the output level's own are in the compaction.
 * 2. An output table goes past at most {@linkcode GRANDPARENT_TABLES_MAX} tables' worth of the level after the
 *    output level, and the one grandparent that exceeds it; otherwise compacting it would take too long one day.
 * 3. An output table ends when it is large enough, and at half that where a table of that level ends, so that the two
 *    levels have ends in common.
 * 4. Keys come in ascending order, so each question costs one comparison for most keys: a place in each level only
 *    ever moves forward.
 *
 * Source: LevelDB's `Compaction::IsBaseLevelForKey` and `ShouldStopBefore`; RocksDB's `CompactionOutputs` for the
 * third.
 *
 * **Read next.** `level_cursor.ts`
 *
 * @module
 */
import type { PickerOptions } from "./compaction_picker.ts";
import { type InternalKeyComparator, TRAILER_BYTES } from "./internal_key.ts";
import { GRANDPARENT_TABLES_MAX, type Version } from "./version.ts";
import { LEVELS, type TableMeta } from "./version_edit.ts";

/**
 * An output that is at least this part of a table ends where a grandparent does. The tables of two levels then end at
 * the same keys more often, so that a table overlaps fewer of the next level, and less is rewritten: a tenth less in
 * 10^6 random writes, a fifth in 10^7 that come faster than compactions. A smaller part makes more tables, a larger
 * one saves less.
 */
const ALIGNED_BYTES_MIN = 0.5;

/**
 * Tells whether a key can be in any level below a compaction's output.
 *
 * @example A key inside a deeper table's range may be there
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BaseLevelChecker } from "./compaction_rules.ts";
 * import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
 * import { Version } from "./version.ts";
 * import { emptyVersionEdit } from "./version_edit.ts";
 *
 * const text = (string: string) => new TextEncoder().encode(string);
 * const key = (string: string) => makeInternalKey(text(string), 1, KIND_VALUE);
 * const table = { number: 5, bytes: 9, smallest: key("d"), largest: key("f"), allowedSeeks: 100 };
 * const version = Version.empty(new InternalKeyComparator())
 *   .apply({ ...emptyVersionEdit(), added: [{ level: 3, table }] });
 *
 * const checker = new BaseLevelChecker(version, 2);
 * assertEquals(checker.isGoneBelow(text("c"), 0, 1), true);
 * assertEquals(checker.isGoneBelow(text("e"), 0, 1), false);
 * assertEquals(checker.isGoneBelow(text("g"), 0, 1), true);
 * ```
 */
export class BaseLevelChecker {
  readonly #comparator: InternalKeyComparator;
  /** The levels below the output that have tables. */
  readonly #levels: (readonly TableMeta[])[];
  /** For each of them the first table that does not end before the last key asked about. */
  readonly #indexes: number[];

  /**
   * Starts before the first key.
   *
   * @param version The tree that the compaction was planned for.
   * @param outputLevel Where the compaction's outputs go.
   */
  constructor(version: Version, outputLevel: number) {
    this.#comparator = version.comparator;
    this.#levels = version.levels.slice(outputLevel + 1, LEVELS).filter(({ length }) => length > 0);
    this.#indexes = this.#levels.map(() => 0);
  }

  /**
   * Whether no deeper level can have the key.
   *
   * @param key The buffer of the user key, which is not before any that was asked about earlier.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @returns True if a tombstone of this key hides nothing below the output level.
   */
  isGoneBelow(key: Uint8Array, start: number, end: number): boolean {
    const comparator = this.#comparator;
    const levels = this.#levels;
    const indexes = this.#indexes;
    for (let i = 0; i < levels.length; i++) {
      const tables = levels[i]!;
      let index = indexes[i]!;
      while (
        index < tables.length &&
        compareWith(comparator, tables[index]!.largest, key, start, end) < 0
      ) {
        index++;
      }
      indexes[i] = index;
      if (
        index < tables.length &&
        compareWith(comparator, tables[index]!.smallest, key, start, end) <= 0
      ) {
        return false;
      }
    }
    return true;
  }
}

function compareWith(
  comparator: InternalKeyComparator,
  internalKey: Uint8Array,
  userKey: Uint8Array,
  start: number,
  end: number,
): number {
  const internalEnd = internalKey.length - TRAILER_BYTES;
  return comparator.compareUser(internalKey, 0, internalEnd, userKey, start, end);
}

/**
 * Tells where output tables should end.
 *
 * @example Between two grandparents, once it is large enough
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { OutputCutter } from "./compaction_rules.ts";
 * import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
 *
 * const key = (text: string) => makeInternalKey(new TextEncoder().encode(text), 1, KIND_VALUE);
 * const table = { number: 5, bytes: 1000, smallest: key("d"), largest: key("f"), allowedSeeks: 100 };
 *
 * const cutter = new OutputCutter(new InternalKeyComparator(), [table], { tableBytes: 1000 });
 * assertEquals(cutter.isCutBefore(key("e"), 0, 9, 700), false);
 * assertEquals(cutter.isCutBefore(key("g"), 0, 9, 800), true);
 * ```
 */
export class OutputCutter {
  readonly #comparator: InternalKeyComparator;
  readonly #grandparents: readonly TableMeta[];
  readonly #tableBytes: number;
  /** The first grandparent that does not end before the last key asked about. */
  #index = 0;
  /** Bytes of the grandparents that the current output has gone past. */
  #overlapBytes = 0;

  /**
   * Starts before the first key.
   *
   * @param comparator The order of internal keys.
   * @param grandparents The compaction's grandparents.
   * @param options The size of tables.
   */
  constructor(
    comparator: InternalKeyComparator,
    grandparents: readonly TableMeta[],
    options: Pick<PickerOptions, "tableBytes">,
  ) {
    this.#comparator = comparator;
    this.#grandparents = grandparents;
    this.#tableBytes = options.tableBytes;
  }

  /**
   * Whether the current output table should end before a key. If so, the next one is taken to begin with it.
   *
   * @param key The buffer of the internal key, which is not before any that was asked about earlier.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @param outputBytes Bytes in the current output table; 0 if there is none.
   * @returns True if it is large enough, or overlaps too much already.
   */
  isCutBefore(key: Uint8Array, start: number, end: number, outputBytes: number): boolean {
    const before = this.#index;
    this.#passGrandparents(key, start, end);
    // What ends before an output begins is not overlapped by it.
    if (outputBytes === 0) this.#overlapBytes = 0;
    const bytesMin = this.#index > before ? ALIGNED_BYTES_MIN * this.#tableBytes : this.#tableBytes;
    const isCut = outputBytes >= bytesMin ||
      this.#overlapBytes > GRANDPARENT_TABLES_MAX * this.#tableBytes;
    if (isCut) this.#overlapBytes = 0;
    return isCut;
  }

  #passGrandparents(key: Uint8Array, start: number, end: number): void {
    const grandparents = this.#grandparents;
    while (this.#index < grandparents.length) {
      const { largest, bytes } = grandparents[this.#index]!;
      if (this.#comparator.compare(key, start, end, largest, 0, largest.length) <= 0) break;
      this.#overlapBytes += bytes;
      this.#index++;
    }
  }
}
