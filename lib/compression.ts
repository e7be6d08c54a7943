/**
 * **What.** Compression of table blocks: a small interface, Snappy written here, and zstd from the runtime.
 * Snappy is the default, as in LevelDB: it gives up some size for speed, so that a block read from disk is
 * usable after a few microseconds. The module needs no permission, no WebAssembly file and no package.
 *
 * **Format.** The id is the byte that follows a block in a table (see `table_format.ts`).
 * ```text
 * id     := 0 stored as it is | 1 Snappy | 2 zstd
 *
 * snappy := uncompressed length (varint32), element*
 * element, by the low two bits of its first byte ("tag"):
 *   00  literal   length - 1 in the upper six bits; 60 to 63 say that it follows in 1 to 4 bytes; then the bytes
 *   01  copy      length - 4 in bits 2 to 4, offset in bits 5 to 7 and the next byte      4 to 11 bytes
 *   10  copy      length - 1 in the upper six bits, offset in the next two bytes          1 to 64 bytes
 *   11  copy      length - 1 in the upper six bits, offset in the next four bytes         1 to 64 bytes
 *
 * zstd   := one frame whose header states the uncompressed length
 * ```
 * Source: `format_description.txt` of google/snappy, RFC 8878 for zstd's frame header.
 *
 * **Invariants.**
 * 1. `decompress(compress(x))` is `x`. Damaged input gives `undefined` or other bytes, never an exception and
 *    never a read or write out of bounds; the checksum over the block is what tells damage from data.
 * 2. Nothing is allocated for a claimed length before the claim is known to be possible for the input's length.
 * 3. Same input, same output, whatever was compressed before.
 * 4. A block is stored compressed only if that saves more than an eighth, LevelDB's rule.
 *
 * **Read next.** `block_builder.ts`
 *
 * @module
 */
import { constants, zstdCompressSync, zstdDecompressSync, type ZstdOptions } from "node:zlib";
import { VarveError } from "./errors.ts";
import { getFixed32, putVarint, VarintReader } from "./coding.ts";

/** Id of a block stored as it is. */
export const COMPRESSION_NONE = 0;
/** Id of a block compressed with Snappy. */
export const COMPRESSION_SNAPPY = 1;
/** Id of a block compressed with zstd. */
export const COMPRESSION_ZSTD = 2;

/** A way to make blocks smaller. */
export interface Compressor {
  /** The byte that marks a block compressed so. */
  readonly id: number;
  /** What people call it. */
  readonly name: string;
  /**
   * Compresses a range.
   *
   * @param buffer Where the bytes are.
   * @param start Where they start.
   * @param end Where they end, exclusive.
   * @returns The compressed bytes, valid until the next call, or `undefined` if they would not save more than an
   * eighth (invariant 4).
   */
  compress(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined;
  /**
   * Undoes {@linkcode compress}.
   *
   * @param buffer Where the compressed bytes are.
   * @param start Where they start.
   * @param end Where they end, exclusive.
   * @param room Where the original bytes may go, if they fit.
   * @returns The original bytes, in a new array or a view of `room`; or `undefined` if the input is damaged.
   */
  decompress(
    buffer: Uint8Array,
    start: number,
    end: number,
    room?: Uint8Array,
  ): Uint8Array | undefined;
}

/** The most bytes that are worth storing compressed for `length` bytes (invariant 4). */
function compressedBytesMax(length: number): number {
  return length - Math.floor(length / 8) - 1;
}

// ── Snappy ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Input is compressed in pieces of this size, so that offsets fit two bytes and positions fit the hash table. */
const FRAGMENT_BYTES = 1 << 16;
const HASH_BITS_MAX = 14;
/** A match is looked for only where four bytes can be loaded at this distance beyond it. */
const INPUT_MARGIN_BYTES = 15;
/** Longest run that a byte loop copies faster than `copyWithin` or `set`, which cost 16 to 30 ns a call. */
const LOOP_BYTES_MAX = 24;
/** Scratch space larger than this is given back to the collector after use. */
const SCRATCH_BYTES_MAX = 1 << 20;
/** Where a fragment last had a four-byte word of some hash, counted from the fragment's start. */
const hashTable = new Uint16Array(1 << HASH_BITS_MAX);

let scratch = new Uint8Array(1 << 16);

function putLiteral(
  output: Uint8Array,
  at: number,
  input: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start;
  const stored = length - 1; // at most 65535, as a literal stays inside its fragment
  if (stored < 60) {
    output[at++] = stored << 2;
  } else if (stored < 256) {
    output[at++] = 60 << 2;
    output[at++] = stored;
  } else {
    output[at++] = 61 << 2;
    output[at++] = stored;
    output[at++] = stored >>> 8;
  }
  if (length <= LOOP_BYTES_MAX) { for (let i = start; i < end; i++) output[at++] = input[i]!; }
  else {
    output.set(input.subarray(start, end), at);
    at += length;
  }
  return at;
}

function putCopy(output: Uint8Array, at: number, offset: number, length: number): number {
  while (length > 0) {
    if (length >= 4 && length < 12 && offset < 2048) {
      output[at++] = 1 | ((length - 4) << 2) | ((offset >>> 8) << 5);
      output[at++] = offset;
      return at;
    }
    // Never leave fewer than four bytes behind: they would not fit the two-byte form.
    const piece = length >= 68 ? 64 : length > 64 ? 60 : length;
    output[at++] = 2 | ((piece - 1) << 2);
    output[at++] = offset;
    output[at++] = offset >>> 8;
    length -= piece;
  }
  return at;
}

/** Compresses `input[start, end)`, at most {@linkcode FRAGMENT_BYTES}, to `output` at `at`. */
function compressFragment(
  input: Uint8Array,
  words: DataView,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
): number {
  let hashBits = 8;
  while (hashBits < HASH_BITS_MAX && 1 << hashBits < end - start) hashBits++;
  const shift = 32 - hashBits;
  hashTable.fill(0, 0, 1 << hashBits);

  const lastMatchStart = end - INPUT_MARGIN_BYTES;
  let literalStart = start;
  let position = start + 1;
  // Where nothing repeats, the steps get longer: every 32 misses add a byte to them.
  let misses = 32;
  while (position <= lastMatchStart) {
    const word = words.getInt32(position, true);
    const slot = Math.imul(word, 0x1e35a7bd) >>> shift;
    const candidate = start + hashTable[slot]!;
    hashTable[slot] = position - start;
    if (words.getInt32(candidate, true) !== word) {
      position += misses++ >>> 5;
      continue;
    }
    let matchEnd = position + 4;
    const offset = position - candidate;
    // Four bytes at a time while that stays inside the fragment: long matches are found three times as quickly.
    while (
      matchEnd <= lastMatchStart &&
      words.getInt32(matchEnd, true) === words.getInt32(matchEnd - offset, true)
    ) matchEnd += 4;
    while (matchEnd < end && input[matchEnd] === input[matchEnd - offset]) matchEnd++;
    if (literalStart < position) at = putLiteral(output, at, input, literalStart, position);
    at = putCopy(output, at, offset, matchEnd - position);
    literalStart = matchEnd;
    if (matchEnd <= lastMatchStart) {
      const before = words.getInt32(matchEnd - 1, true);
      hashTable[Math.imul(before, 0x1e35a7bd) >>> shift] = matchEnd - 1 - start;
    }
    position = matchEnd;
    misses = 32;
  }
  return literalStart < end ? putLiteral(output, at, input, literalStart, end) : at;
}

function compressSnappy(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const length = end - start;
  // Incompressible input grows by its literals' tags only; a sixth more is what the format's authors allow for.
  const worst = 32 + length + Math.floor(length / 6);
  if (scratch.length < worst) scratch = new Uint8Array(worst);
  const output = scratch;
  const words = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let at = putVarint(output, 0, length);
  for (let from = start; from < end; from += FRAGMENT_BYTES) {
    const to = from + FRAGMENT_BYTES < end ? from + FRAGMENT_BYTES : end;
    at = compressFragment(buffer, words, from, to, output, at);
  }
  if (output.length > SCRATCH_BYTES_MAX) scratch = new Uint8Array(1 << 16);
  return at <= compressedBytesMax(length) ? output.subarray(0, at) : undefined;
}

const reader = new VarintReader();

function decompressSnappy(
  buffer: Uint8Array,
  start: number,
  end: number,
  room?: Uint8Array,
): Uint8Array | undefined {
  reader.reset(buffer, start, end);
  const length = reader.varint32();
  const bodyStart = reader.offset;
  // The densest element makes 64 bytes of three (invariant 2).
  if (reader.failed || length > (end - bodyStart) * (64 / 3)) return undefined;
  const fits = room !== undefined && length <= room.length;
  const output = fits ? room.subarray(0, length) : new Uint8Array(length);
  return expandSnappy(buffer, bodyStart, end, output) ? output : undefined;
}

/** Carries out the elements in `input[at, end)`; true if they fill `output` exactly. */
function expandSnappy(input: Uint8Array, at: number, end: number, output: Uint8Array): boolean {
  const length = output.length;
  let made = 0;
  while (at < end) {
    const tag = input[at++]!;
    let count = (tag >>> 2) + 1;
    if ((tag & 3) === 0) {
      if (count > 60) {
        const extra = count - 60;
        if (extra > end - at) return false;
        count = 1;
        for (let i = 0; i < extra; i++) count += input[at + i]! * 2 ** (8 * i);
        at += extra;
      }
      if (count > end - at || count > length - made) return false;
      if (count <= LOOP_BYTES_MAX) {
        for (let i = 0; i < count; i++) output[made + i] = input[at + i]!;
      } else output.set(input.subarray(at, at + count), made);
      at += count;
      made += count;
      continue;
    }
    let offset;
    if ((tag & 3) === 1) {
      if (at >= end) return false;
      count = ((tag >>> 2) & 7) + 4;
      offset = ((tag >>> 5) << 8) | input[at++]!;
    } else if ((tag & 3) === 2) {
      if (end - at < 2) return false;
      offset = input[at]! | (input[at + 1]! << 8);
      at += 2;
    } else {
      if (end - at < 4) return false;
      offset = getFixed32(input, at);
      at += 4;
    }
    if (offset === 0 || offset > made || count > length - made) return false;
    // A copy may overlap what it writes, repeating a pattern: only byte by byte is that right.
    if (count <= LOOP_BYTES_MAX || offset < count) {
      for (let i = made, to = made + count; i < to; i++) output[i] = output[i - offset]!;
    } else output.copyWithin(made, made - offset, made - offset + count);
    made += count;
  }
  return made === length;
}

/**
 * Snappy. Written here because it is two hundred lines of the course's own subject, and because the packages fall
 * short: `snappy-wasm` has to read its `.wasm` file from the package cache, which a program with permission for its
 * data directory only may not, and `snappyjs` takes twice as long to compress. The tests check it against
 * `snappy-wasm`, the benchmark compares the two.
 *
 * @example There and back
 * ```ts
 * import { assertEquals, assertLess } from "@std/assert";
 * import { snappy } from "./compression.ts";
 *
 * const page = new TextEncoder().encode("layer upon layer upon layer upon layer");
 * const compressed = snappy.compress(page, 0, page.length)!;
 * assertLess(compressed.length, page.length);
 * assertEquals(snappy.decompress(compressed, 0, compressed.length), page);
 * ```
 */
export const snappy: Compressor = Object.freeze({
  id: COMPRESSION_SNAPPY,
  name: "snappy",
  compress: compressSnappy,
  decompress: decompressSnappy,
});

// ── zstd ──────────────────────────────────────────────────────────────────────────────────────────────────────

const ZSTD_MAGIC = 0xfd2fb528;
/** A zstd block makes at most 128 KiB, of at least three bytes (a header; one more if it makes any). */
const ZSTD_EXPANSION_MAX = (128 * 1024) / 3;

/** `node:zlib` gives out `Buffer`s; the engine's arrays are all plain, and do not keep a larger one alive. */
function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength !== bytes.buffer.byteLength) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer);
}

function compressZstd(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
  // Without the last option, which the types leave out, the frame does not state its length, and LevelDB
  // refuses it.
  const options: ZstdOptions & { pledgedSrcSize: number } = {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    pledgedSrcSize: end - start,
  };
  const compressed = zstdCompressSync(buffer.subarray(start, end), options);
  return compressed.length <= compressedBytesMax(end - start) ? plain(compressed) : undefined;
}

/** The uncompressed length that a zstd frame's header states, or -1 if it states none or is damaged. */
function zstdLength(buffer: Uint8Array, start: number, end: number): number {
  if (end - start < 6 || getFixed32(buffer, start) !== ZSTD_MAGIC) return -1;
  const descriptor = buffer[start + 4]!;
  const sizeFlag = descriptor >>> 6;
  const singleSegment = (descriptor & 0x20) !== 0;
  if (sizeFlag === 0 && !singleSegment) return -1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const at = start + 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
  if (at + (1 << sizeFlag) > end) return -1;
  if (sizeFlag === 0) return buffer[at]!;
  if (sizeFlag === 1) return (buffer[at]! | (buffer[at + 1]! << 8)) + 256;
  const low = getFixed32(buffer, at);
  return sizeFlag === 2 ? low : low + getFixed32(buffer, at + 4) * 2 ** 32;
}

function decompressZstd(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const length = zstdLength(buffer, start, end);
  if (length < 0 || length > (end - start) * ZSTD_EXPANSION_MAX) return undefined;
  try {
    // One byte of room even for nothing, as the option must be at least one.
    const maxOutputLength = Math.max(length, 1);
    const bytes = zstdDecompressSync(buffer.subarray(start, end), { maxOutputLength });
    return bytes.length === length ? plain(bytes) : undefined;
  } catch {
    return undefined; // the decoder's messages say nothing that "damaged" does not
  }
}

/**
 * zstd at level 1, by the runtime's `node:zlib`: smaller than Snappy, and three to five times as slow for blocks of
 * 4 KiB. LevelDB learned to read it after version 1.23.
 */
export const zstd: Compressor = Object.freeze({
  id: COMPRESSION_ZSTD,
  name: "zstd",
  compress: compressZstd,
  decompress: decompressZstd,
});

/**
 * The compressor for an id read from a file.
 *
 * @param id The byte after a block; not {@linkcode COMPRESSION_NONE}.
 * @param file Path of the file, for the error.
 * @returns The compressor.
 * @throws {VarveError} `UNSUPPORTED_FORMAT` if there is none of that id.
 */
export function compressorOf(id: number, file: string): Compressor {
  if (id === COMPRESSION_SNAPPY) return snappy;
  if (id === COMPRESSION_ZSTD) return zstd;
  throw new VarveError(
    "UNSUPPORTED_FORMAT",
    `Cannot read block: unknown compression id ${id} in ${file}`,
  );
}
