/**
 * **What.** Build it: a block, and the search in it.
 *
 * **Format.**
 * ```text
 * block   := entry*, restart*, restart count (fixed32)
 * entry   := shared bytes (varint32), unshared bytes (varint32), value bytes (varint32), unshared, value
 * restart := offset of an entry whose key is whole (fixed32)
 * ```
 * "Shared" is how many bytes a key has in common with the key before; they are not stored. The first key is whole, and
 * so is every one that comes when `interval` keys have been added since the last whole one. A block without entries
 * has one restart point, 0.
 *
 * **Invariants.**
 * 1. Same entries and interval, same bytes as LevelDB writes.
 * 2. Nothing that a block says is used before it is known to be inside of the block.
 *
 * **Read next.** `../../05_the_block.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

// You will need putVarint, putFixed32, getFixed32 and VarintReader of lib/coding.ts, CorruptionError of lib/errors.ts:
// import { putVarint } from "../../../lib/coding.ts";

/** A key and its value. */
export interface Entry {
  /** The key: any bytes. */
  readonly key: Uint8Array;
  /** The value: any bytes. */
  readonly value: Uint8Array;
}

/** Compares two keys: negative, zero or positive as `a` comes before, equals or comes after `b`. */
export type Compare = (a: Uint8Array, b: Uint8Array) => number;

/**
 * Makes a block.
 *
 * @param entries The entries, in order.
 * @param interval After how many keys one is stored whole again, at least 1.
 * @returns The bytes of the block.
 */
export function buildBlock(entries: readonly Entry[], interval: number): Uint8Array {
  throw new NotBuiltError(`buildBlock, of ${entries.length} entries, interval ${interval},`);
}

/**
 * Finds the first entry at or after a key.
 *
 * @param block The bytes of a block, which may be damaged.
 * @param key The key, which need not be in it.
 * @param compare The order of the keys: it is not always that of their bytes.
 * @returns The entry; `undefined` if all come before the key.
 * @throws {CorruptionError} If what it comes across is not a block, or has a key at a restart point that is not whole;
 * the file is called `"block"`.
 */
export function seek(block: Uint8Array, key: Uint8Array, compare: Compare): Entry | undefined {
  throw new NotBuiltError(
    `seek, in ${block.length} bytes, for ${key.length}, by ${compare.length}`,
  );
}
