/**
 * **What.** Build it: a Bloom filter whose bytes are LevelDB's.
 *
 * **Format.** A filter is its bits, rounded up to whole bytes and at least 8 of them, and one byte that says how many
 * probes a key makes, k. Bit b is bit b & 7 of byte b >> 3, the least significant one being bit 0.
 *
 * k is 0.69 times the bits of a key, rounded down, and at least 1 and at most 30. A key of hash h probes k positions:
 * h, h + d, h + 2d …, where d is h rotated right by 17 bits. All of them are unsigned numbers of 32 bits that overflow
 * silently. The bit is the position modulo the number of bits that the filter has, rounded up as it is.
 *
 * The hash, h, in numbers of 32 bits that overflow silently, with m = 0xc6a4a793:
 * ```text
 * h = 0xbc9f1d34 ^ (length of the key * m)
 * for each whole 4 bytes, read as a little-endian number w:   h = (h + w) * m;   h = h ^ (h >>> 16)
 * if 1 to 3 bytes are left, read as a little-endian number w: h = (h + w) * m;   h = h ^ (h >>> 24)
 * ```
 *
 * **Invariants.**
 * 1. A key that was added is never said to be absent.
 * 2. A filter of no bits says no to every key; one with k over 30 says yes to every key: nobody knows how to read it.
 *
 * **Read next.** `../../06_bloom_filters.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

// Math.imul multiplies numbers of 32 bits, and x >>> 0 makes one unsigned.

/**
 * Hashes a key.
 *
 * @param key Its bytes.
 * @returns 0 to 2^32 - 1.
 */
export function hashKey(key: Uint8Array): number {
  throw new NotBuiltError(`hashKey, given ${key.length} bytes,`);
}

/**
 * Makes the filter of some keys.
 *
 * @param keys The keys.
 * @param bitsPerKey How many bits to spend on each.
 * @returns The bits, and the byte k.
 */
export function makeFilter(keys: readonly Uint8Array[], bitsPerKey: number): Uint8Array {
  throw new NotBuiltError(`makeFilter, given ${keys.length} keys and ${bitsPerKey} bits for each,`);
}

/**
 * Asks a filter.
 *
 * @param filter What {@linkcode makeFilter} gave, or LevelDB wrote.
 * @param key A key.
 * @returns False if the key is certainly not among those that the filter was made of.
 */
export function mayContain(filter: Uint8Array, key: Uint8Array): boolean {
  throw new NotBuiltError(`mayContain, given ${filter.length} and ${key.length} bytes,`);
}
