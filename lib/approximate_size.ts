/**
 * **What.** About how many bytes of tables a range of keys takes. A table that lies within the range counts whole, one
 * that an end of the range is in as far as that end: its index says which block would have the key. No entry is read.
 *
 * ```text
 *            lower ├──────────────────────────┤ upper
 * level 1   [a....│.d][f.....k]           [m...│.....z]
 *                 └──┘└───────┘           └────┘        these count
 * ```
 *
 * **Invariants.**
 * 1. Of two ranges that meet, and of the one that they make together, the sizes add up.
 * 2. For ends that LevelDB takes (the lower one inclusive, the upper one not) the numbers are LevelDB's.
 *
 * Source: `GetApproximateSizes` of LevelDB's `db/db_impl.cc`, and `ApproximateOffsetOf` of its `db/version_set.cc`.
 *
 * **Read next.** `snapshots.ts`
 *
 * @module
 */
import {
  type InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  makeInternalKey,
  TRAILER_BYTES,
} from "./internal_key.ts";
import type { ScanBounds } from "./scan.ts";
import type { TableCache } from "./table_cache.ts";
import type { TableMeta, Version } from "./version.ts";

/**
 * Measures a range.
 *
 * @param version The tables.
 * @param cache What opens them.
 * @param comparator The order of their entries.
 * @param bounds Between which user keys.
 * @returns About how many bytes of tables have entries of the range. What is in memory only does not count.
 * @throws {CorruptionError} If a table's index, where it has to be looked into, is damaged.
 */
export function approximateBytes(
  version: Version,
  cache: TableCache,
  comparator: InternalKeyComparator,
  { lower, upper }: ScanBounds,
): number {
  // Versions of one key are ordered from the newest to the oldest: an end is before all of them or after all of them.
  const after = (key: Uint8Array) => makeInternalKey(key, 0, KIND_TOMBSTONE);
  const from = lower && (lower.inclusive ? before : after)(lower.key);
  const to = upper && (upper.inclusive ? after : before)(upper.key);
  let bytes = 0;
  for (const tables of version.levels) {
    for (const table of tables) {
      const start = from === undefined ? 0 : offsetOf(table, from, cache, comparator);
      const end = to === undefined ? table.bytes : offsetOf(table, to, cache, comparator);
      if (end > start) bytes += end - start;
    }
  }
  return bytes;
}

/**
 * Before all versions of a user key, and not after an index entry of the same user key: LevelDB's shortened keys have a
 * sequence number of 56 bits, all of them set, which is more than a number of ours can be.
 */
function before(userKey: Uint8Array): Uint8Array {
  const key = new Uint8Array(userKey.length + TRAILER_BYTES).fill(0xff);
  key.set(userKey);
  key[userKey.length] = KIND_VALUE;
  return key;
}

/** About how many bytes of a table are before an internal key: all of them, none, or as many as its index says. */
function offsetOf(
  { number, bytes, smallest, largest }: TableMeta,
  key: Uint8Array,
  cache: TableCache,
  comparator: InternalKeyComparator,
): number {
  const order = (other: Uint8Array) =>
    comparator.compare(key, 0, key.length, other, 0, other.length);
  if (order(largest) >= 0) return bytes;
  if (order(smallest) < 0) return 0;
  const table = cache.acquire(number);
  try {
    return table.approximateOffset(key, 0, key.length);
  } finally {
    cache.release(number);
  }
}
