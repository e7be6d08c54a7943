/**
 * **What.** The order of keys. A database keeps one order for life: the comparator's name is in its
 * manifest, and opening it with another one is refused. Default is the order of bytes as unsigned
 * numbers, LevelDB's `leveldb.BytewiseComparator`.
 *
 * **Invariants.**
 * 1. `compare` is a total order: antisymmetric, transitive, and 0 only for keys that are the same key.
 * 2. `a <= separator(a, b) < b` for `a < b`: a short key for a table's index between two blocks.
 * 3. `successor(a) >= a`: a short key for the index entry after the last block.
 *
 * Source: LevelDB's `include/leveldb/comparator.h` and `util/comparator.cc`.
 *
 * **Read next.** `codec.ts`
 *
 * @module
 */
import { compareBytes } from "./bytes.ts";

/**
 * An order of keys, with a name that is stored in the database. Sublevels and prefixes need the default one,
 * {@linkcode bytewise}.
 *
 * @example Short keys first
 * ```ts
 * import { bytewise, type Comparator, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const shortFirst: Comparator = {
 *   name: "example.ShortFirst",
 *   compare: (a, b) => a.length - b.length || bytewise.compare(a, b),
 * };
 * const fileSystem = new MemoryFileSystem();
 * await using db = await open("words", { comparator: shortFirst, fileSystem });
 * await db.batch().put("apple", "").put("pear", "").put("fig", "").commit();
 * assertEquals(await Array.fromAsync(db.keys()), ["fig", "pear", "apple"]);
 * ```
 *
 * @category Codecs
 */
export interface Comparator {
  /** Stored in the manifest; a database opens only with a comparator of the same name. */
  readonly name: string;
  /**
   * Negative, zero or positive as `a` comes before, is, or comes after `b`. Zero only for the same bytes, unless the
   * database has no filters (`filterBits: 0`): these tell keys apart by their bytes. It may throw for a key that it was
   * not made for, also when that is compared with itself: such a key is refused before it is written.
   *
   * @param a An encoded key.
   * @param b Another one.
   * @returns A number with the sign of their order.
   */
  compare(a: Uint8Array, b: Uint8Array): number;
  /**
   * A key as short as may be that is `>= start` and `< limit`; by default `start` itself.
   *
   * @param start An encoded key.
   * @param limit A key that comes after it.
   * @returns The key between them.
   */
  separator?(start: Uint8Array, limit: Uint8Array): Uint8Array;
  /**
   * A key as short as may be that is `>= key`; by default `key` itself.
   *
   * @param key An encoded key.
   * @returns The key.
   */
  successor?(key: Uint8Array): Uint8Array;
}

function bytewiseSeparator(start: Uint8Array, limit: Uint8Array): Uint8Array {
  const shorter = Math.min(start.length, limit.length);
  let common = 0;
  while (common < shorter && start[common] === limit[common]) common++;
  // One is a prefix of the other: nothing shorter lies between them.
  if (common >= shorter) return start;
  const byte = start[common]!;
  if (byte === 0xff || byte + 1 >= limit[common]!) return start;
  const result = start.slice(0, common + 1);
  result[common] = byte + 1;
  return result;
}

function bytewiseSuccessor(key: Uint8Array): Uint8Array {
  for (let i = 0; i < key.length; i++) {
    if (key[i] === 0xff) continue;
    const result = key.slice(0, i + 1);
    result[i] = key[i]! + 1;
    return result;
  }
  return key; // empty, or nothing but 0xff: there is no shorter one
}

/**
 * Bytes as unsigned numbers, a prefix before what it begins: LevelDB's default order, and the only one that sublevels,
 * prefixes and a worker work with.
 *
 * @example Its order, and a short key between two
 * ```ts
 * import { bytewise, utf8 } from "@varve/varve";
 * import { assert, assertEquals } from "@std/assert";
 *
 * assert(bytewise.compare(utf8.encode("a"), utf8.encode("ab")) < 0);
 * assert(bytewise.compare(utf8.encode("Z"), utf8.encode("a")) < 0);
 * const between = bytewise.separator!(utf8.encode("apple"), utf8.encode("cherry"));
 * assertEquals(utf8.decode(between), "b");
 * ```
 *
 * @category Codecs
 */
export const bytewise: Comparator = Object.freeze({
  name: "leveldb.BytewiseComparator",
  compare: (a: Uint8Array, b: Uint8Array) => compareBytes(a, 0, a.length, b, 0, b.length),
  separator: bytewiseSeparator,
  successor: bytewiseSuccessor,
});
