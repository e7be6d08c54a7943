/**
 * **What.** Build it: varints, whole numbers in as few bytes as they need.
 *
 * **Format.** Seven bits of the number in each byte, the lowest seven first. The highest bit of a byte, 0x80, is set if
 * another byte follows.
 * ```text
 * 5 → 05     127 → 7f     128 → 80 01     300 → ac 02     2^53 - 1 → ff ff ff ff ff ff ff 0f
 * ```
 *
 * **Invariants.**
 * 1. What `decodeVarint` reads is what `encodeVarint` wrote.
 *
 * **Read next.** `../../01_order_and_bytes.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

// You need nothing but arithmetic. `value % 128` is the lowest seven bits, `Math.floor(value / 128)` all others.

/**
 * How many bytes a number takes as a varint.
 *
 * @param value A whole number from 0 to `Number.MAX_SAFE_INTEGER`, which is 2^53 - 1.
 */
export function varintLength(value: number): number {
  throw new NotBuiltError(`varintLength, given ${value},`);
}

/**
 * Writes a number as a varint.
 *
 * @param value A whole number from 0 to 2^53 - 1.
 * @returns As many bytes as it takes.
 */
export function encodeVarint(value: number): Uint8Array {
  throw new NotBuiltError(`encodeVarint, given ${value},`);
}

/** What {@linkcode decodeVarint} has read. */
export interface Decoded {
  /** The number. */
  readonly value: number;
  /** The offset of the first byte behind it. */
  readonly next: number;
}

/**
 * Reads a varint.
 *
 * @param bytes Where to read.
 * @param offset At which byte it begins.
 * @param end Where the bytes end that may be read, exclusive. What is there and behind belongs to somebody else.
 * @returns The number, or `undefined` if it is cut off by `end`, or larger than 2^53 - 1.
 */
export function decodeVarint(bytes: Uint8Array, offset: number, end: number): Decoded | undefined {
  throw new NotBuiltError(`decodeVarint, given bytes ${offset} to ${end} of ${bytes.length},`);
}
