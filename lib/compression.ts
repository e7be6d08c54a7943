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
import { copyBytes, wordsOf } from "./bytes.ts";
import { VarveError } from "./errors.ts";
import { getFixed32, putVarint, VarintReader } from "./coding.ts";

/** Id of a block stored as it is. */
export const COMPRESSION_NONE = 0;
/** Id of a block compressed with Snappy. */
export const COMPRESSION_SNAPPY = 1;
/** Id of a block compressed with zstd. */
export const COMPRESSION_ZSTD = 2;
/** How many bytes of room behind what is decompressed are enough to do it in the quickest way. */
export const ROOM_SLACK_BYTES = 64;

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
   * Tells how much room {@linkcode decompress} needs.
   *
   * @param buffer Where the compressed bytes are.
   * @param start Where they start.
   * @param end Where they end, exclusive.
   * @returns How many bytes they claim to have been, or -1 if they are damaged or can't have been as many.
   */
  decompressedBytes(buffer: Uint8Array, start: number, end: number): number;
  /**
   * Undoes {@linkcode compress}.
   *
   * @param buffer Where the compressed bytes are.
   * @param start Where they start.
   * @param end Where they end, exclusive.
   * @param room Where the original bytes may go, if they fit. What follows them there may be written to, too; to have
   * {@linkcode ROOM_SLACK_BYTES} more of it saves time.
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
/** How far one element is written by words: 64 bytes, or two more if they repeat three, from the sixth on by four. */
const WORDS_WRITTEN_MAX = 66;
/** Up to this many bytes are copied by words; for more, a call of `set` with the view that it needs pays. */
const WORD_COPY_BYTES_MAX = 64;
/**
 * How much further each miss makes the steps, in 32nds of a byte. LevelDB's encoder takes 1, which compresses 1 %
 * better and takes 10 % longer.
 */
const STEP_GROWTH = 2;
/** Scratch space larger than this is given back to the collector after use. */
const SCRATCH_BYTES_MAX = 1 << 20;
/** Where a fragment last had a four-byte word of some hash, counted from the fragment's start. */
const hashTable = new Uint16Array(1 << HASH_BITS_MAX);

let scratch: Uint8Array = new Uint8Array(1 << 16);
let scratchWords = new DataView(scratch.buffer);

function putLiteral(at: number, input: Uint8Array, words: DataView, start: number, end: number) {
  const output = scratch;
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
  if (length > WORD_COPY_BYTES_MAX || end + 8 > input.length) {
    output.set(input.subarray(start, end), at);
    return at + length;
  }
  // What is written too much is overwritten, or behind the end.
  const outputWords = scratchWords;
  for (const distance = start - at, to = at + length; at < to; at += 8) {
    outputWords.setInt32(at, words.getInt32(at + distance, true), true);
    outputWords.setInt32(at + 4, words.getInt32(at + distance + 4, true), true);
  }
  return at - ((-length) & 7);
}

function putCopy(at: number, offset: number, length: number): number {
  const output = scratchWords;
  while (length > 0) {
    if (length >= 4 && length < 12 && offset < 2048) {
      const tag = 1 | ((length - 4) << 2) | ((offset >>> 8) << 5);
      output.setInt16(at, tag | ((offset & 255) << 8), true);
      return at + 2;
    }
    // Never leave fewer than four bytes behind: they would not fit the two-byte form.
    const piece = length >= 68 ? 64 : length > 64 ? 60 : length;
    output.setInt32(at, 2 | ((piece - 1) << 2) | (offset << 8), true); // and one byte too much
    at += 3;
    length -= piece;
  }
  return at;
}

/** Compresses `input[start, end)`, at most {@linkcode FRAGMENT_BYTES}, to the scratch space at `at`. */
function compressFragment(
  input: Uint8Array,
  words: DataView,
  start: number,
  end: number,
  at: number,
): number {
  let hashBits = 8;
  while (hashBits < HASH_BITS_MAX && 1 << hashBits < end - start) hashBits++;
  const shift = 32 - hashBits;
  hashTable.fill(0, 0, 1 << hashBits);

  const lastMatchStart = end - INPUT_MARGIN_BYTES;
  let literalStart = start;
  let position = start + 1;
  // Where nothing repeats, the steps get longer.
  let misses = 32;
  while (position <= lastMatchStart) {
    const word = words.getInt32(position, true);
    const slot = Math.imul(word, 0x1e35a7bd) >>> shift;
    const candidate = start + hashTable[slot]!;
    hashTable[slot] = position - start;
    if (words.getInt32(candidate, true) !== word) {
      position += misses >>> 5;
      misses += STEP_GROWTH;
      continue;
    }
    let matchEnd = position + 4;
    const offset = position - candidate;
    // Four bytes at a time while that stays inside the fragment: long matches are found three times as quickly.
    let difference = 0;
    while (matchEnd <= lastMatchStart) {
      difference = words.getInt32(matchEnd, true) ^ words.getInt32(matchEnd - offset, true);
      if (difference !== 0) break;
      matchEnd += 4;
    }
    if (difference !== 0) {
      // The lowest bit that differs says how many of the four bytes do not.
      matchEnd += (31 - Math.clz32(difference & -difference)) >>> 3;
    } else while (matchEnd < end && input[matchEnd] === input[matchEnd - offset]) matchEnd++;
    if (literalStart < position) at = putLiteral(at, input, words, literalStart, position);
    at = putCopy(at, offset, matchEnd - position);
    literalStart = matchEnd;
    if (matchEnd <= lastMatchStart) {
      const before = words.getInt32(matchEnd - 1, true);
      hashTable[Math.imul(before, 0x1e35a7bd) >>> shift] = matchEnd - 1 - start;
    }
    position = matchEnd;
    misses = 32;
  }
  return literalStart < end ? putLiteral(at, input, words, literalStart, end) : at;
}

function compressSnappy(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const length = end - start;
  // Incompressible input grows by its literals' tags only; a sixth more is what the format's authors allow for.
  const worst = 32 + length + Math.floor(length / 6);
  if (scratch.length < worst) useScratch(worst);
  const output = scratch;
  const words = wordsOf(buffer);
  let at = putVarint(output, 0, length);
  for (let from = start; from < end; from += FRAGMENT_BYTES) {
    const to = from + FRAGMENT_BYTES < end ? from + FRAGMENT_BYTES : end;
    at = compressFragment(buffer, words, from, to, at);
  }
  if (output.length > SCRATCH_BYTES_MAX) useScratch(1 << 16);
  return at <= compressedBytesMax(length) ? output.subarray(0, at) : undefined;
}

function useScratch(bytes: number): void {
  scratch = new Uint8Array(bytes);
  scratchWords = new DataView(scratch.buffer);
}

const reader = new VarintReader();

function snappyLength(buffer: Uint8Array, start: number, end: number): number {
  reader.reset(buffer, start, end);
  const length = reader.varint32();
  // The densest element makes 64 bytes of three (invariant 2).
  return reader.failed || length > (end - reader.offset) * (64 / 3) ? -1 : length;
}

function decompressSnappy(
  buffer: Uint8Array,
  start: number,
  end: number,
  room?: Uint8Array,
): Uint8Array | undefined {
  const length = snappyLength(buffer, start, end);
  if (length < 0) return undefined;
  const bodyStart = reader.offset;
  const output = room !== undefined && length <= room.length ? room : new Uint8Array(length);
  if (!expandSnappy(buffer, bodyStart, end, output, length)) return undefined;
  return output.length === length ? output : output.subarray(0, length);
}

/**
 * Carries out the elements in `input[at, end)`; true if they make exactly `length` bytes of `output`.
 *
 * As long as there is room behind them, literals and copies are carried out by words, up to fifteen bytes too many,
 * which the next element overwrites. What an element may be wrong in is looked at once, at the end: until then it only
 * reads and writes what there is room for. All numbers are 32 bits: one that has to become a double, as
 * `2 ** 32 - 1` does, makes the loop take twice as long.
 */
function expandSnappy(
  input: Uint8Array,
  at: number,
  end: number,
  output: Uint8Array,
  length: number,
): boolean {
  const words = wordsOf(input);
  const outputWords = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const wordsEnd = Math.min(end, input.length - 1 - ROOM_SLACK_BYTES);
  const madeMax = Math.min(length, output.length - WORDS_WRITTEN_MAX);
  let made = 0;
  while (at < wordsEnd && made < madeMax) {
    const tag = input[at]!;
    let count = (tag >>> 2) + 1;
    if ((tag & 3) === 0) {
      if (count > 60) {
        // The length follows. Longer than the room that is there for sure, it has to be looked at first.
        const long = count === 61 ? input[at + 1]! + 1 : INT32_MAX;
        if (long < wordsEnd - at && long < madeMax - made) {
          at += 2;
          count = long;
        } else {
          const next = expandOne(input, at, end, output, made, length);
          if (next < 0) return false;
          made += lastCount;
          at = next;
          continue;
        }
      } else at++;
      copyWords(outputWords, made, words, at, count);
      at += count;
      made += count;
      continue;
    }
    let offset;
    if ((tag & 3) === 1) {
      count = ((tag >>> 2) & 7) + 4;
      offset = ((tag >>> 5) << 8) | input[at + 1]!;
      at += 2;
    } else if ((tag & 3) === 2) {
      offset = words.getUint16(at + 1, true);
      at += 3;
    } else {
      offset = words.getInt32(at + 1, true);
      at += 5;
    }
    if (offset <= 0 || offset > made) return false;
    // A copy may overlap what it writes, repeating a pattern.
    if (offset >= 4) copyWords(outputWords, made, outputWords, made - offset, count);
    else {
      // A pattern of one, two or three bytes is one of four or six as well, once there are as many.
      const period = offset === 3 ? 6 : 4;
      for (let i = made, to = made + period; i < to; i++) output[i] = output[i - offset]!;
      for (let i = period; i < count; i += 4) {
        outputWords.setInt32(made + i, outputWords.getInt32(made + i - period, true), true);
      }
    }
    made += count;
  }
  while (at < end) {
    at = expandOne(input, at, end, output, made, length);
    if (at < 0) return false;
    made += lastCount;
  }
  return at === end && made === length;
}

/** Copies `count` bytes, and up to fifteen more, to where they may overlap if that is four bytes or more behind. */
function copyWords(into: DataView, at: number, from: DataView, start: number, count: number): void {
  into.setInt32(at, from.getInt32(start, true), true);
  into.setInt32(at + 4, from.getInt32(start + 4, true), true);
  into.setInt32(at + 8, from.getInt32(start + 8, true), true);
  into.setInt32(at + 12, from.getInt32(start + 12, true), true);
  for (let i = 16; i < count; i += 8) {
    into.setInt32(at + i, from.getInt32(start + i, true), true);
    into.setInt32(at + i + 4, from.getInt32(start + i + 4, true), true);
  }
}

/** More than any element makes. */
const INT32_MAX = 2 ** 31 - 1;
/** How many bytes the last {@linkcode expandOne} made. */
let lastCount = 0;

/** Carries out one element, byte by byte, with everything looked at before; gives where it ends, or -1. */
function expandOne(
  input: Uint8Array,
  at: number,
  end: number,
  output: Uint8Array,
  made: number,
  length: number,
): number {
  const tag = input[at++]!;
  let count = (tag >>> 2) + 1;
  if ((tag & 3) === 0) {
    if (count > 60) {
      const extra = count - 60;
      if (extra > end - at) return -1;
      count = 0;
      for (let i = 0; i < extra; i++) count |= input[at + i]! << (8 * i);
      count = (count + 1) | 0;
      at += extra;
    }
    if (count <= 0 || count > end - at || count > length - made) return -1;
    copyBytes(output, made, input, at, at + count);
    lastCount = count;
    return at + count;
  }
  if ((tag & 3) === 1) count = ((tag >>> 2) & 7) + 4;
  const offsetBytes = 1 << ((tag & 3) - 1);
  if (offsetBytes > end - at) return -1;
  let offset = (tag & 3) === 1 ? (tag >>> 5) << 8 | input[at]! : 0;
  if ((tag & 3) !== 1) {
    for (let i = 0; i < offsetBytes; i++) offset |= input[at + i]! << (8 * i);
  }
  if (offset <= 0 || offset > made || count > length - made) return -1;
  for (let i = made, to = made + count; i < to; i++) output[i] = output[i - offset]!;
  lastCount = count;
  return at + offsetBytes;
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
  decompressedBytes: snappyLength,
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

/** The same, or -1 if so few bytes can't have been as many. */
function zstdRoom(buffer: Uint8Array, start: number, end: number): number {
  const length = zstdLength(buffer, start, end);
  return length <= (end - start) * ZSTD_EXPANSION_MAX ? length : -1;
}

function decompressZstd(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const length = zstdRoom(buffer, start, end);
  if (length < 0) return undefined;
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
  decompressedBytes: zstdRoom,
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
