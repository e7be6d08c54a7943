/**
 * **What.** Integers as LevelDB stores them: fixed-width little-endian, and variable-width seven bits at a
 * time, least significant first, the high bit of each byte saying that another one follows.
 *
 * **Format.**
 * ```text
 * fixed32  := 4 bytes, little-endian
 * fixed64  := 8 bytes, little-endian
 * varint32 := 1 to 5 bytes     127 → 7f     128 → 80 01     300 → ac 02
 * varint64 := 1 to 10 bytes, here up to 2^53 - 1
 * ```
 *
 * **Invariants.**
 * 1. A 64-bit value is a JavaScript number up to 2^53 - 1; a larger one read from disk is refused, never
 *    rounded.
 * 2. A reader never reads at or past the end it was given; a cut or overlong varint is refused.
 *
 * Source: LevelDB's `util/coding.h`.
 *
 * **Read next.** `crc32c.ts`
 *
 * @module
 */

const TWO_TO_32 = 2 ** 32;

/**
 * Writes a fixed32.
 *
 * @param buffer Where to write.
 * @param offset At which byte.
 * @param value 0 to 2^32 - 1.
 */
export function putFixed32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
  buffer[offset + 2] = value >>> 16;
  buffer[offset + 3] = value >>> 24;
}

/**
 * Reads a fixed32.
 *
 * @param buffer Where to read.
 * @param offset At which byte.
 * @returns 0 to 2^32 - 1.
 */
export function getFixed32(buffer: Uint8Array, offset: number): number {
  return (buffer[offset]! | (buffer[offset + 1]! << 8) | (buffer[offset + 2]! << 16) |
    (buffer[offset + 3]! << 24)) >>> 0;
}

/**
 * Writes a fixed64.
 *
 * @param buffer Where to write.
 * @param offset At which byte.
 * @param value 0 to 2^53 - 1.
 */
export function putFixed64(buffer: Uint8Array, offset: number, value: number): void {
  // Not `%`: the remainder of two doubles is a function call of 20 ns.
  putFixed32(buffer, offset, value >>> 0);
  putFixed32(buffer, offset + 4, Math.floor(value / TWO_TO_32));
}

/**
 * Reads a fixed64 as a number; above 2^53 - 1 the result is not a safe integer, and the caller must refuse it.
 *
 * @param buffer Where to read.
 * @param offset At which byte.
 * @returns The value, exact if it is a safe integer.
 */
export function getFixed64(buffer: Uint8Array, offset: number): number {
  return getFixed32(buffer, offset + 4) * TWO_TO_32 + getFixed32(buffer, offset);
}

/**
 * How many bytes a varint takes.
 *
 * @param value 0 to 2^53 - 1.
 * @returns 1 to 8.
 */
export function varintLength(value: number): number {
  let length = 1;
  while (value >= 128) {
    value = Math.floor(value / 128);
    length++;
  }
  return length;
}

/**
 * Writes a varint32 or varint64 (the two are the same for the same value).
 *
 * @param buffer Where to write.
 * @param offset At which byte.
 * @param value 0 to 2^53 - 1.
 * @returns The offset after what was written.
 */
export function putVarint(buffer: Uint8Array, offset: number, value: number): number {
  while (value >= TWO_TO_32) {
    buffer[offset++] = (value % 128) | 128;
    value = Math.floor(value / 128);
  }
  let word = value >>> 0;
  while (word >= 128) {
    buffer[offset++] = (word & 127) | 128;
    word >>>= 7;
  }
  buffer[offset++] = word;
  return offset;
}

/**
 * Reads varints one after another without allocating: the value is returned and {@linkcode offset} moves on.
 * After a failed read {@linkcode failed} is true and stays true until {@linkcode reset}.
 *
 * @example Reading two numbers
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { VarintReader } from "./coding.ts";
 *
 * const reader = new VarintReader();
 * reader.reset(Uint8Array.of(0xac, 0x02, 0x07), 0, 3);
 * assertEquals([reader.varint32(), reader.varint32(), reader.failed], [300, 7, false]);
 * reader.varint32();
 * assertEquals(reader.failed, true);
 * ```
 */
export class VarintReader {
  /** The bytes being read. */
  buffer: Uint8Array = new Uint8Array(0);
  /** Where the next read starts. */
  offset = 0;
  /** Where the readable bytes end, exclusive. */
  end = 0;
  /** Whether a read went past the end, or met a number that is too large. */
  failed = false;

  /**
   * Starts over on another range.
   *
   * @param buffer The bytes to read.
   * @param offset Where to start.
   * @param end Where to end, exclusive.
   */
  reset(buffer: Uint8Array, offset: number, end: number): void {
    this.buffer = buffer;
    this.offset = offset;
    this.end = end;
    this.failed = false;
  }

  /**
   * Reads a varint of at most 32 bits.
   *
   * @returns The value, or 0 with {@linkcode failed} set.
   */
  varint32(): number {
    const buffer = this.buffer;
    const end = this.end;
    let at = this.offset;
    let result = 0;
    // Most lengths are below 128.
    if (at < end && buffer[at]! < 128) {
      this.offset = at + 1;
      return buffer[at]!;
    }
    for (let shift = 0; shift <= 28 && at < end; shift += 7) {
      const byte = buffer[at++]!;
      if (byte < 128) {
        if (shift === 28 && byte > 15) break;
        this.offset = at;
        return (result | (byte << shift)) >>> 0;
      }
      result |= (byte & 127) << shift;
    }
    this.failed = true;
    return 0;
  }

  /**
   * Reads a varint of at most 53 bits.
   *
   * @returns The value, or 0 with {@linkcode failed} set.
   */
  varint64(): number {
    const buffer = this.buffer;
    const end = this.end;
    let at = this.offset;
    let result = 0;
    // Up to 28 bits fit a small integer, whose arithmetic costs a third of that of doubles.
    for (let shift = 0; shift < 28 && at < end; shift += 7) {
      const byte = buffer[at++]!;
      result |= (byte & 127) << shift;
      if (byte < 128) {
        this.offset = at;
        return result;
      }
    }
    let scale = 2 ** 28;
    for (let i = 4; i < 10 && at < end; i++) {
      const byte = buffer[at++]!;
      result += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) {
        if (result > Number.MAX_SAFE_INTEGER) break;
        this.offset = at;
        return result;
      }
    }
    this.failed = true;
    return 0;
  }

  /**
   * Skips a varint32 length and that many bytes, leaving {@linkcode offset} after them.
   *
   * @returns Where the bytes start; they end at {@linkcode offset}. -1 with {@linkcode failed} set if they are cut.
   */
  lengthPrefixed(): number {
    const length = this.varint32();
    if (this.failed || length > this.end - this.offset) {
      this.failed = true;
      return -1;
    }
    const start = this.offset;
    this.offset = start + length;
    return start;
  }
}
