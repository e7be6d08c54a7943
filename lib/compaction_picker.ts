/**
 * **What.** Decides what to fold next. A level that holds more than it should gives some of its tables to the next
 * one, where they are merged with the tables they overlap. Pure functions: a version goes in, a plan comes out.
 *
 * ```text
 * level        a.....................................z
 *   inputs              [d....h]                          chosen, with neighbours that share its user keys
 * output level
 *   overlapping       [c..e][f..g][h.....k]               all that the inputs overlap
 * the next
 *   grandparents     [b.......f]  [g..i][j......q]        what the outputs will be merged with one day
 * ```
 *
 * **Invariants.**
 * 1. The level with the highest score is compacted, if its score is at least 1: tables of level 0 over the trigger,
 *    bytes of a deeper level over its limit. Failing that, a table that too many searches looked into in vain.
 * 2. A level is worked through round and round: a compaction starts after the key that the last one ended at.
 * 3. Versions of one user key move together, so that no older one is left above a newer one (`version.ts`,
 *    invariant 3) and no tombstone is dropped while a value it hides is in the next table of the output level.
 * 4. Inputs and overlapping tables cover the range between them without a gap, but for manual compactions.
 * 5. A manual compaction passes as many levels at once as it can while it stays small; then all that lies on the way
 *    of its inputs, in every level, takes part.
 * 6. More inputs are taken if that costs no further table of the output level, and the whole stays small.
 *
 * Source: LevelDB's `db/version_set.cc`, `PickCompaction` and `SetupOtherInputs`.
 *
 * **Read next.** `compaction_rules.ts`
 *
 * @module
 */
import { type InternalKeyComparator, TRAILER_BYTES, userKeyOf } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { GRANDPARENT_TABLES_MAX, totalBytes, type Version } from "./version.ts";
import { LEVELS, type TableMeta } from "./version_edit.ts";

/** The shape that the tree should have. */
export interface PickerOptions {
  /**
   * Size that tables are cut at, in bytes.
   *
   * @default {2097152}
   */
  readonly tableBytes: number;
  /**
   * Tables in level 0 that make a compaction due. Every search may have to look into all of them.
   *
   * @default {4}
   */
  readonly levelZeroTrigger: number;
  /**
   * Bytes in level 1 that make a compaction due.
   *
   * @default {10485760}
   */
  readonly baseLevelBytes: number;
  /**
   * How many times as much each deeper level may hold.
   *
   * @default {10}
   */
  readonly levelMultiplier: number;
  /**
   * Whether a table that too many searches looked into in vain is compacted.
   *
   * @default {true}
   */
  readonly seekCompaction: boolean;
}

/** LevelDB's values. */
export const DEFAULT_PICKER_OPTIONS: PickerOptions = Object.freeze({
  tableBytes: 2 * 1024 * 1024,
  levelZeroTrigger: 4,
  baseLevelBytes: 10 * 1024 * 1024,
  levelMultiplier: 10,
  seekCompaction: true,
});

/** A table whose {@linkcode TableMeta.allowedSeeks} are used up. */
export interface SeekCandidate {
  /** The level it was in. */
  readonly level: number;
  /** The table. Only its number counts. */
  readonly table: Pick<TableMeta, "number">;
}

/** What made a compaction due. */
export type CompactionReason = "level0-count" | "level-size" | "seeks" | "manual";

/** A compaction to carry out. */
export interface CompactionPlan {
  /** Where the inputs are. */
  readonly level: number;
  /** Where the outputs go: to the next level, or deeper if a manual compaction folds several at once. */
  readonly outputLevel: number;
  /** Tables of `level`, at least one, in the level's order. */
  readonly inputs: TableMeta[];
  /** Tables of the levels in between, level by level, that are merged with them; none if outputs go to the next. */
  readonly between: TableMeta[][];
  /** Tables of the output level that are merged with all these. */
  readonly overlapping: TableMeta[];
  /** Tables of the level after the output level that overlap any of these. */
  readonly grandparents: TableMeta[];
  /**
   * Whether the one input can go to the output level as it is: it overlaps nothing there, and little in the level
   * after it. Never so for a manual compaction, which is there to drop what is deleted.
   */
  readonly isTrivialMove: boolean;
  /** Why it is due. */
  readonly reason: CompactionReason;
  /** Where the level's next compaction starts: after this internal key. It is part of the edit that this one makes. */
  readonly compactPointer: Uint8Array;
  /** The level's score. */
  readonly score: number;
}

/**
 * A manual compaction takes this many tables' worth at a time. Where its pieces meet, tables of the output level are
 * rewritten for both: with pieces of one table a seventh more is written of 10^6 random keys than with pieces of four,
 * and of those hardly more than in one go.
 */
const MANUAL_TABLES = 4;

/**
 * A manual compaction goes as deep at once as it can while everything it reads is less than this many tables: what it
 * passes by is written once, not once for each level.
 */
const FOLDED_TABLES_MAX = 64;

/** A compaction's inputs may grow while everything it reads is less than this many tables. */
const EXPANDED_TABLES_MAX = 25;

/**
 * The bytes that a level may hold.
 *
 * @param level 1 or deeper.
 * @param options The shape of the tree.
 * @returns A number of bytes.
 */
export function levelBytesLimit(level: number, options: PickerOptions): number {
  return options.baseLevelBytes * options.levelMultiplier ** (level - 1);
}

/**
 * How full each level is: from 1 on it has to be compacted. Level 0 counts tables rather than bytes, since every
 * search looks into all of them, and a database with small memtables would not get out of compacting level 0
 * otherwise.
 *
 * @param version The tree.
 * @param options Its shape.
 * @returns A score for every level; 0 for the last, which has nowhere to go.
 */
export function levelScores(version: Version, options: PickerOptions): number[] {
  const scores = [version.tableCount(0) / options.levelZeroTrigger];
  for (let level = 1; level < LEVELS - 1; level++) {
    scores.push(version.levelBytes(level) / levelBytesLimit(level, options));
  }
  scores.push(0);
  return scores;
}

/**
 * How much there is to compact: what a level has over its limit, and all of level 0 once it has too many tables. What
 * that makes of the levels below is not foreseen.
 *
 * @param version The tree.
 * @param options Its shape.
 * @returns A number of bytes.
 */
export function pendingBytes(version: Version, options: PickerOptions): number {
  const isDue = version.tableCount(0) >= options.levelZeroTrigger;
  let bytes = isDue ? version.levelBytes(0) : 0;
  for (let level = 1; level < LEVELS - 1; level++) {
    bytes += Math.max(0, version.levelBytes(level) - levelBytesLimit(level, options));
  }
  return bytes;
}

/**
 * Chooses the next compaction.
 *
 * @example Four tables in level 0 make a compaction due
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DEFAULT_PICKER_OPTIONS, pickCompaction } from "./compaction_picker.ts";
 * import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
 * import { Version } from "./version.ts";
 * import { emptyVersionEdit } from "./version_edit.ts";
 *
 * const edit = emptyVersionEdit();
 * for (const number of [5, 6, 7, 8]) {
 *   const key = makeInternalKey(new TextEncoder().encode("k"), number, KIND_VALUE);
 *   const table = { number, bytes: 100, smallest: key, largest: key, allowedSeeks: 100 };
 *   edit.added.push({ level: 0, table });
 * }
 * const version = Version.empty(new InternalKeyComparator()).apply(edit);
 * const plan = pickCompaction(version, [], DEFAULT_PICKER_OPTIONS);
 * assertEquals(plan?.inputs.map(({ number }) => number), [8, 7, 6, 5]);
 * assertEquals([plan?.reason, plan?.outputLevel], ["level0-count", 1]);
 * ```
 *
 * @param version The tree.
 * @param compactPointers For each level the internal key that its last compaction ended at.
 * @param options The shape of the tree.
 * @param seekCandidate A table that searches looked into in vain; ignored if it is not where it was.
 * @returns A plan, or `undefined` if there is nothing to do.
 */
export function pickCompaction(
  version: Version,
  compactPointers: readonly (Uint8Array | undefined)[],
  options: PickerOptions,
  seekCandidate?: SeekCandidate,
): CompactionPlan | undefined {
  const scores = levelScores(version, options);
  const fullest = scores.indexOf(Math.max(...scores));
  if (scores[fullest]! >= 1) {
    const table = tableAfter(version, fullest, compactPointers[fullest]);
    const reason = fullest === 0 ? "level0-count" : "level-size";
    return complete(
      version,
      fullest,
      withOverlapInLevelZero(version, fullest, table),
      options,
      reason,
    );
  }
  if (options.seekCompaction && seekCandidate !== undefined && seekCandidate.level < LEVELS - 1) {
    const { level, table: { number } } = seekCandidate;
    const table = version.levels[level]!.find((table) => table.number === number);
    if (table !== undefined) {
      return complete(
        version,
        level,
        withOverlapInLevelZero(version, level, table),
        options,
        "seeks",
      );
    }
  }
  return undefined;
}

/**
 * Plans the compaction of a range of keys. Below level 0 it takes about four tables' worth at a time, so that no
 * plan is unbounded: go on from the user key of {@linkcode CompactionPlan.compactPointer} until there is no plan.
 *
 * @param version The tree.
 * @param level Where the inputs are; not the last level.
 * @param begin First user key of the range; `undefined` for the beginning.
 * @param end Last user key of the range, inclusive; `undefined` for the end.
 * @param options The shape of the tree.
 * @param deepest How deep the outputs may go, at least to the next level.
 * @returns A plan, or `undefined` if the level has no key of the range.
 */
export function planRange(
  version: Version,
  level: number,
  begin: Uint8Array | undefined,
  end: Uint8Array | undefined,
  options: PickerOptions,
  deepest: number = LEVELS - 1,
): CompactionPlan | undefined {
  invariant(level < LEVELS - 1, "the last level is not compacted into a deeper one");
  let inputs = version.overlapping(level, begin, end);
  if (inputs.length === 0) return undefined;
  if (level > 0) {
    // Not in level 0: there one table can't be compacted without the others that it overlaps.
    let bytes = 0;
    const bytesMin = MANUAL_TABLES * options.tableBytes;
    const enough = inputs.findIndex((table) => (bytes += table.bytes) >= bytesMin);
    if (enough >= 0) inputs = inputs.slice(0, enough + 1);
  }
  return complete(version, level, inputs, options, "manual", deepest);
}

/** The first table of a level that has keys after the pointer; from the beginning again if there is none. */
function tableAfter(version: Version, level: number, pointer: Uint8Array | undefined): TableMeta {
  const { comparator } = version;
  const tables = level > 0
    ? version.levels[level]!
    : version.levels[0]!.toSorted((a, b) => comparator.compareKeys(a.smallest, b.smallest));
  const isAfter = (table: TableMeta) =>
    pointer === undefined || comparator.compareKeys(table.largest, pointer) > 0;
  return tables.find(isAfter) ?? tables[0]!;
}

function withOverlapInLevelZero(version: Version, level: number, table: TableMeta): TableMeta[] {
  if (level > 0) return [table];
  return version.overlapping(0, userKeyOf(table.smallest), userKeyOf(table.largest));
}

/** The tables of a level that have user keys in the range that some tables span. */
function overlappingSpan(
  version: Version,
  level: number,
  tables: readonly TableMeta[],
): TableMeta[] {
  const { smallest, largest } = keyRange(version.comparator, tables);
  return version.overlapping(level, userKeyOf(smallest), userKeyOf(largest));
}

/** The tables of a level that must take part in a compaction of some tables. */
function mergedWith(version: Version, level: number, tables: readonly TableMeta[]): TableMeta[] {
  return withNeighbours(version, level, overlappingSpan(version, level, tables));
}

/**
 * Adds the tables to the right that begin with the user key that the ones before them end with (invariant 3). In
 * level 0 they are there already, since tables of one user key overlap.
 */
function withNeighbours(version: Version, level: number, tables: TableMeta[]): TableMeta[] {
  const last = tables.at(-1);
  if (level === 0 || last === undefined) return tables;
  const all = version.levels[level]!;
  let end = last.largest;
  for (let i = version.findTable(level, end, 0, end.length) + 1; i < all.length; i++) {
    const next = all[i]!;
    if (!sameUserKey(version.comparator, end, next.smallest)) break;
    tables.push(next);
    end = next.largest;
  }
  return tables;
}

function sameUserKey(comparator: InternalKeyComparator, a: Uint8Array, b: Uint8Array): boolean {
  return comparator.compareUser(a, 0, a.length - TRAILER_BYTES, b, 0, b.length - TRAILER_BYTES) ===
    0;
}

function keyRange(
  comparator: InternalKeyComparator,
  tables: readonly TableMeta[],
): { smallest: Uint8Array; largest: Uint8Array } {
  let { smallest, largest } = tables[0]!;
  for (const table of tables) {
    if (comparator.compareKeys(table.smallest, smallest) < 0) smallest = table.smallest;
    if (comparator.compareKeys(table.largest, largest) > 0) largest = table.largest;
  }
  return { smallest, largest };
}

/** Makes a plan around the inputs that were chosen. */
function complete(
  version: Version,
  level: number,
  chosen: TableMeta[],
  options: PickerOptions,
  reason: CompactionReason,
  deepest: number = level + 1,
): CompactionPlan {
  let inputs = withNeighbours(version, level, chosen);
  let overlapping = mergedWith(version, level + 1, inputs);
  const grown = grow(version, level, inputs, overlapping, options);
  if (grown !== undefined) ({ inputs, overlapping } = grown);
  const merged = fold(version, level, inputs, overlapping, deepest, options);
  const outputLevel = level + merged.length;
  const grandparents = outputLevel + 1 < LEVELS
    ? overlappingSpan(version, outputLevel + 1, [...inputs, ...merged.flat()])
    : [];
  return {
    level,
    outputLevel,
    inputs,
    between: merged.slice(0, -1),
    overlapping: merged.at(-1)!,
    grandparents,
    isTrivialMove: reason !== "manual" && inputs.length === 1 && overlapping.length === 0 &&
      totalBytes(grandparents) <= GRANDPARENT_TABLES_MAX * options.tableBytes,
    reason,
    compactPointer: keyRange(version.comparator, inputs).largest,
    score: levelScores(version, options)[level]!,
  };
}

/**
 * The tables that some inputs are merged with on their way down, for each level from the next one to the deepest that
 * has any of their range and is not too much.
 */
function fold(
  version: Version,
  level: number,
  inputs: readonly TableMeta[],
  overlapping: TableMeta[],
  deepest: number,
  options: PickerOptions,
): TableMeta[][] {
  const passed = [overlapping];
  const read = [...inputs, ...overlapping];
  let depth = 1;
  for (let deeper = level + 2; deeper <= deepest; deeper++) {
    const tables = mergedWith(version, deeper, read);
    passed.push(tables);
    if (tables.length === 0) continue;
    read.push(...tables);
    if (totalBytes(read) >= FOLDED_TABLES_MAX * options.tableBytes) break;
    depth = passed.length;
  }
  return passed.slice(0, depth);
}

/** More inputs for the same overlapping tables, if there are any (invariant 5). */
function grow(
  version: Version,
  level: number,
  inputs: TableMeta[],
  overlapping: TableMeta[],
  options: PickerOptions,
): { inputs: TableMeta[]; overlapping: TableMeta[] } | undefined {
  if (overlapping.length === 0) return undefined;
  const grown = mergedWith(version, level, [...inputs, ...overlapping]);
  if (grown.length <= inputs.length) return undefined;
  const bytes = totalBytes(grown) + totalBytes(overlapping);
  if (bytes >= EXPANDED_TABLES_MAX * options.tableBytes) return undefined;
  const grownOverlapping = mergedWith(version, level + 1, grown);
  if (grownOverlapping.length !== overlapping.length) return undefined;
  return { inputs: grown, overlapping: grownOverlapping };
}
