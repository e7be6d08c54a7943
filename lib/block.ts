/**
 * **What.** A block that is searched often, such as the index of a table: it is decoded once, into flat arrays in which
 * a search neither parses nor allocates, and the buffer pool keeps these. Data blocks have the same format, and are
 * decoded to go through them backward; what else they are for they do as stored (`stored_block.ts`). The format is in
 * `block_builder.ts`.
 *
 * **Invariants.**
 * 1. What is read is bounded before it is used: every length by the block's end, `shared` by the previous key's
 *    length, the expanded keys by {@linkcode expandedBytesMax}. Anything else is a {@linkcode CorruptionError}.
 * 2. Each entry of a data block is a value or a tombstone, with a sequence number up to 2^53 - 1.
 * 3. Restart points must be what they claim to be. Whether entries are in order is not checked: the checksum says
 *    that they are as written, and a wrong order gives wrong answers, never a read out of bounds.
 * 4. A decoded block never changes, but for the hints in an index; memory for it is counted in `memoryBytes`.
 *
 * Source: LevelDB's `table/block.cc` for what a reader may rely on.
 *
 * **Read next.** `stored_block.ts`
 *
 * @module
 */
import { withRoom } from "./block_builder.ts";
import { copyBytes } from "./bytes.ts";
import { getFixed32, VarintReader } from "./coding.ts";
import { CorruptionError } from "./errors.ts";
import { type InternalKeyComparator, KIND_VALUE, kindAt, TRAILER_BYTES } from "./internal_key.ts";

/** A scratch buffer that one block made longer than this is let go after use. */
const RETAINED_LENGTH_MAX = 1 << 20;

/**
 * The most bytes that the keys of a block may have when expanded. A key of k bytes costs k bytes once for each
 * restart point and a few bytes for each further entry, so honest blocks expand less than their restart interval
 * (16 by default) times. Without a limit, a crafted block of n bytes expands to n²/12. The limit lets every block up
 * to 14 KiB pass, and every larger one that was written with an interval up to 64.
 *
 * @param blockBytes Bytes of the block as stored, uncompressed.
 * @returns The limit.
 */
export function expandedBytesMax(blockBytes: number): number {
  return 16 * 1024 * 1024 + 64 * blockBytes;
}

/** What the heap takes for a decoded block besides its memory: two array objects, the buffer's and the block itself. */
const OVERHEAD_BYTES = 768;
/** Numbers for each entry of a block while it is decoded: where its key starts, its value, and where that ends. */
const STRIDE = 3;
/** Numbers for each entry among the values of {@linkcode DecodedBlock.words}. */
const VALUE_STRIDE = 2;
/** Numbers for each entry among the handles of {@linkcode DecodedBlock.words}. */
const HANDLE_STRIDE = 3;
/** Offsets in a decoded block are signed 32-bit numbers. */
const OFFSET_MAX = 2 ** 31 - 1;

/**
 * A block ready for searching: the keys, expanded, and the stored block behind them in one array, and where keys and
 * values start and end in a second one. When keys are in byte order, the 32 bits that follow what all keys of the
 * block have in common (their *heads*) come first in that one, so that a binary search touches a few cache lines and
 * then compares one whole key, as a rule. Common bytes must be skipped: the first four of keys like `user:000001234`
 * never differ.
 *
 * What a get in a large cache waits for is memory, not the processor: each object and each array on the way is a
 * cache line or two that has to come from far away. Hence two arrays over one piece of memory, and no more.
 */
export class DecodedBlock {
  // All plain and read-only: searches and cursors read them for each entry.
  /** The keys one after another, then, if there are values, the block as it was stored. */
  readonly bytes: Uint8Array;
  /**
   * Four lists of numbers, one after another:
   * ```text
   * heads    for each of the first entries its key's head, as signed numbers of the same order; none if keys are not
   *          in byte order
   * keys     for each entry where in bytes its key starts, and at the end where the last one ends
   * values   for each entry where its value starts and where it ends; none in an index block whose handles say it all
   * handles  in an index block only: for each entry the offset and the size of its data block, or -1 twice if that is
   *          no handle or has larger numbers; and a hint for who looks for that block in the buffer pool, at first -1
   * ```
   */
  readonly words: Int32Array;
  /** How many entries there are. */
  readonly count: number;
  /** How many of the first entries have heads. */
  readonly headsLength: number;
  /** How many bytes the user keys that have heads begin with alike. */
  readonly prefixBytes: number;
  /** What the block takes in memory, for the buffer pool. */
  readonly memoryBytes: number;
  /** Where in {@linkcode words} values start, and handles. */
  readonly #valuesAt: number;
  readonly #handlesAt: number;

  /**
   * Made by {@linkcode decodeBlock}, from arrays that it copies what it needs of.
   *
   * @param stored A buffer that begins with the block as it was stored.
   * @param keys The keys.
   * @param entries For each entry where its key starts there, where its value starts in the stored block, and where
   * that ends; at the end where the last key ends.
   * @param count How many entries there are.
   * @param headsLength How many of the first entries get heads.
   * @param handles If it gets handles, offset and size of each.
   * @param hasValues Whether it gets values.
   */
  constructor(
    stored: Uint8Array,
    keys: Uint8Array,
    entries: Int32Array,
    count: number,
    headsLength: number,
    handles: Int32Array | undefined,
    hasValues: boolean,
  ) {
    const keysLength = entries[count * STRIDE]!;
    // The restart points have done their work: values end before them.
    const storedBytes = hasValues && count > 0 ? entries[count * STRIDE - 1]! : 0;
    this.#valuesAt = headsLength + count + 1;
    this.#handlesAt = this.#valuesAt + (hasValues ? count * VALUE_STRIDE : 0);
    const wordsLength = this.#handlesAt + (handles === undefined ? 0 : count * HANDLE_STRIDE);
    // One piece of memory, with what a search touches together at its beginning. A second one would cost 0.7 µs more
    // to get and to collect; a view is cheap.
    const memory = new ArrayBuffer(wordsLength * 4 + storedBytes + keysLength);
    const words = new Int32Array(memory, 0, wordsLength);
    const bytes = new Uint8Array(memory, wordsLength * 4, storedBytes + keysLength);
    bytes.set(keys.subarray(0, keysLength));
    bytes.set(stored.subarray(0, storedBytes), keysLength);
    for (let i = 0; i <= count; i++) words[headsLength + i] = entries[i * STRIDE]!;
    if (hasValues) {
      for (let i = 0, at = this.#valuesAt; i < count; i++, at += VALUE_STRIDE) {
        words[at] = entries[i * STRIDE + 1]! + keysLength;
        words[at + 1] = entries[i * STRIDE + 2]! + keysLength;
      }
    }
    if (handles !== undefined) {
      for (let i = 0; i < count; i++) {
        const at = this.#handlesAt + i * HANDLE_STRIDE;
        words[at] = handles[i * 2]!;
        words[at + 1] = handles[i * 2 + 1]!;
        words[at + 2] = -1;
      }
    }
    this.words = words;
    this.bytes = bytes;
    this.count = count;
    this.headsLength = headsLength;
    this.prefixBytes = commonPrefix(this, headsLength);
    for (let i = 0; i < headsLength; i++) {
      words[i] = headOf(bytes, this.keyStart(i) + this.prefixBytes, this.keyEnd(i) - TRAILER_BYTES);
    }
    this.memoryBytes = memory.byteLength + OVERHEAD_BYTES;
  }

  /** Where the key of entry `i` starts in {@linkcode bytes}. */
  keyStart(i: number): number {
    return this.words[this.headsLength + i]!;
  }

  /** Where the key of entry `i` ends. */
  keyEnd(i: number): number {
    return this.words[this.headsLength + i + 1]!;
  }

  /** Where the value of entry `i` starts in {@linkcode bytes}; not to be asked of an index with a handle there. */
  valueStart(i: number): number {
    return this.words[this.#valuesAt + i * VALUE_STRIDE]!;
  }

  /** Where the value of entry `i` ends. */
  valueEnd(i: number): number {
    return this.words[this.#valuesAt + i * VALUE_STRIDE + 1]!;
  }

  /** Where the handle of entry `i` of an index block is in {@linkcode words}: offset, size and hint. */
  handleAt(i: number): number {
    return this.#handlesAt + i * HANDLE_STRIDE;
  }

  /**
   * The first entry at or after an internal key.
   *
   * @param comparator The order that the block was decoded for.
   * @param key Buffer of the internal key.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @returns The entry's index, or {@linkcode count} if all entries come before the key.
   */
  search(comparator: InternalKeyComparator, key: Uint8Array, start: number, end: number): number {
    const words = this.words;
    const headsLength = this.headsLength;
    const userEnd = end - TRAILER_BYTES;
    const order = headsLength === 0 ? 1 : this.#compareWithPrefix(key, start, userEnd);
    if (order < 0) return 0;
    if (order > 0) {
      return this.#searchWhole(comparator, key, start, end, headsLength, this.count);
    }
    const prefixBytes = this.prefixBytes;
    const head = headOf(key, start + prefixBytes, userEnd);
    let low = firstNotBelow(words, headsLength, head);
    if (low < headsLength) {
      if (words[low] !== head) return low;
      // Most often one entry has this head; if more do, whole keys decide.
      const keyStart = this.keyStart(low) + prefixBytes;
      const keyEnd = this.keyEnd(low);
      if (comparator.compare(this.bytes, keyStart, keyEnd, key, start + prefixBytes, end) >= 0) {
        return low;
      }
      low++;
      if (low < headsLength && words[low] !== head) return low;
    }
    return this.#searchWhole(comparator, key, start, end, low, this.count);
  }

  /** Orders a user key against what the keys with heads have in common; 0 if it begins with that, too. */
  #compareWithPrefix(key: Uint8Array, start: number, end: number): number {
    const bytes = this.bytes;
    const prefixBytes = this.prefixBytes;
    const most = prefixBytes < end - start ? prefixBytes : end - start;
    for (let i = 0; i < most; i++) {
      const order = key[start + i]! - bytes[i]!;
      if (order !== 0) return order;
    }
    return most - prefixBytes;
  }

  /** The same as {@linkcode search} by whole keys, among the entries `[low, high)`. */
  #searchWhole(
    comparator: InternalKeyComparator,
    key: Uint8Array,
    start: number,
    end: number,
    low: number,
    high: number,
  ): number {
    while (low < high) {
      const middle = (low + high) >>> 1;
      const keyStart = this.keyStart(middle);
      const keyEnd = this.keyEnd(middle);
      if (comparator.compare(this.bytes, keyStart, keyEnd, key, start, end) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Binary search among heads.
 *
 * @param heads The heads, in order.
 * @param length How many there are.
 * @param head A head.
 * @returns The index of the first one that is not below `head`; `length` if all are.
 */
export function firstNotBelow(heads: Int32Array, length: number, head: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (heads[middle]! < head) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The head of a range of bytes: the four from `start` on, as a number of the same order.
 *
 * @param key Buffer of the range.
 * @param start Where it starts.
 * @param end Where it ends, exclusive; zeros stand for what is missing to four bytes.
 * @returns The head, a signed 32-bit number.
 */
export function headOf(key: Uint8Array, start: number, end: number): number {
  if (end - start >= 4) {
    // The flipped top bit makes the order of signed numbers that of unsigned ones, and signed ones are cheaper.
    return ((key[start]! ^ 0x80) << 24) | (key[start + 1]! << 16) | (key[start + 2]! << 8) |
      key[start + 3]!;
  }
  let head = 0;
  for (let i = start; i < end; i++) head |= key[i]! << (24 - 8 * (i - start));
  return head ^ 0x80000000;
}

/** How many bytes the first and the last user key with heads, and so all between them, begin with alike. */
function commonPrefix(block: DecodedBlock, headsLength: number): number {
  if (headsLength === 0) return 0;
  const { bytes } = block;
  const firstStart = block.keyStart(0);
  const lastStart = block.keyStart(headsLength - 1);
  const firstBytes = block.keyEnd(0) - TRAILER_BYTES - firstStart;
  const lastBytes = block.keyEnd(headsLength - 1) - TRAILER_BYTES - lastStart;
  const most = firstBytes < lastBytes ? firstBytes : lastBytes;
  let common = 0;
  while (common < most && bytes[firstStart + common] === bytes[lastStart + common]) common++;
  return common;
}

const reader = new VarintReader();
let keyScratch: Uint8Array = new Uint8Array(16 * 1024);
let entryScratch: Int32Array = new Int32Array(1024);
let handleScratch: Int32Array = new Int32Array(1024);

/**
 * What a block's keys are: internal keys of entries, internal keys that separate blocks (whose sequence numbers are
 * higher than any entry's), or plain names as in a metaindex.
 */
export type BlockKeys = "entries" | "separators" | "names";

/** The last byte of a trailer is the highest of its sequence number: 2^53 - 1 has 0x1f there. */
export const SEQUENCE_HIGH_BYTE_MAX = 0x1f;

/**
 * Decodes a block.
 *
 * @param bytes A buffer that begins with the block. What is needed of it is copied.
 * @param end Where the block ends.
 * @param holds What its keys are.
 * @param comparator The order of its internal keys.
 * @param file Path of the file that it comes from, for errors.
 * @param offset Where it starts there, for errors.
 * @returns The decoded block.
 * @throws {CorruptionError} If it is not a block.
 */
export function decodeBlock(
  bytes: Uint8Array,
  end: number,
  holds: BlockKeys,
  comparator: InternalKeyComparator,
  file: string,
  offset: number,
): DecodedBlock {
  const fail = (what: string) => new CorruptionError(`block with ${what}`, file, offset);
  try {
    const count = expandEntries(bytes, end, holds, fail);
    let headsLength = comparator.isBytewise && holds !== "names" ? count : 0;
    // The last separator of a table is a short key after all others, which would leave them no common prefix.
    if (holds === "separators" && headsLength > 0) headsLength--;
    const hasHandles = holds === "separators";
    // Handles of small numbers, as all are in a table below 2 GiB, are all that anybody asks of an index.
    const hasValues = !hasHandles || !decodeHandles(bytes, count);
    const handles = hasHandles ? handleScratch : undefined;
    return new DecodedBlock(
      bytes,
      keyScratch,
      entryScratch,
      count,
      headsLength,
      handles,
      hasValues,
    );
  } finally {
    if (keyScratch.length > RETAINED_LENGTH_MAX) keyScratch = new Uint8Array(16 * 1024);
    if (entryScratch.length > RETAINED_LENGTH_MAX) entryScratch = new Int32Array(1024);
    if (handleScratch.length > RETAINED_LENGTH_MAX) handleScratch = new Int32Array(1024);
  }
}

/** Fills the scratch arrays with a block's entries, checking everything; returns how many there are. */
function expandEntries(
  bytes: Uint8Array,
  end: number,
  holds: BlockKeys,
  fail: (what: string) => CorruptionError,
): number {
  if (end < 4) throw fail("no room for its restart count");
  const restartCount = getFixed32(bytes, end - 4);
  const restartsStart = end - 4 - restartCount * 4;
  if (restartCount === 0 || restartsStart < 0) throw fail(`${restartCount} restart points`);
  const keyBytesMin = holds === "names" ? 0 : TRAILER_BYTES;
  const keysMax = Math.min(expandedBytesMax(end), OFFSET_MAX - end);
  let restart = 0;
  let restartAt = getFixed32(bytes, restartsStart);
  if (restartAt !== 0) throw fail("no restart point at its start");
  let count = 0;
  let keyStart = 0;
  let keyEnd = 0;
  let at = 0;
  while (at < restartsStart) {
    let shared = bytes[at]!;
    let unshared = bytes[at + 1]!;
    let valueBytes = bytes[at + 2]!;
    let unsharedAt = at + 3;
    if ((shared | unshared | valueBytes) >= 128) {
      reader.reset(bytes, at, restartsStart);
      shared = reader.varint32();
      unshared = reader.varint32();
      valueBytes = reader.varint32();
      unsharedAt = reader.failed ? restartsStart + 1 : reader.offset;
    }
    const valueEnd = unsharedAt + unshared + valueBytes;
    if (valueEnd > restartsStart) throw fail("an entry that is cut");
    if (shared > keyEnd - keyStart || shared + unshared < keyBytesMin) {
      throw fail(`a key of ${shared} shared and ${unshared} other bytes`);
    }
    if (at === restartAt) {
      if (shared !== 0) throw fail("a key at a restart point that is not whole");
      restart++;
      restartAt = restart < restartCount ? getFixed32(bytes, restartsStart + restart * 4) : -1;
    }
    const nextEnd = keyEnd + shared + unshared;
    if (nextEnd > keysMax) throw fail(`keys of over ${keysMax} bytes`);
    if (nextEnd > keyScratch.length) keyScratch = withRoom(keyScratch, keyEnd, nextEnd);
    copyBytes(keyScratch, keyEnd, keyScratch, keyStart, keyStart + shared);
    copyBytes(keyScratch, keyEnd + shared, bytes, unsharedAt, unsharedAt + unshared);
    keyStart = keyEnd;
    keyEnd = nextEnd;
    if (
      holds === "entries" &&
      (kindAt(keyScratch, keyEnd) > KIND_VALUE || keyScratch[keyEnd - 1]! > SEQUENCE_HIGH_BYTE_MAX)
    ) throw fail("an entry whose kind or sequence number cannot be");
    const slot = count * STRIDE;
    if (slot + STRIDE >= entryScratch.length) growEntryScratch();
    entryScratch[slot] = keyStart;
    entryScratch[slot + 1] = unsharedAt + unshared;
    entryScratch[slot + 2] = valueEnd;
    at = valueEnd;
    count++;
  }
  const isEmpty = count === 0 && restartCount === 1;
  if (restart < restartCount && !isEmpty) throw fail("a restart point that is not an entry");
  entryScratch[count * STRIDE] = keyEnd;
  return count;
}

/** Fills the scratch array with the handles that the entries have for values; true if all of them are small. */
function decodeHandles(bytes: Uint8Array, count: number): boolean {
  if (handleScratch.length < 2 * count) handleScratch = new Int32Array(4 * count);
  let areSmall = true;
  for (let i = 0; i < count; i++) {
    reader.reset(bytes, entryScratch[i * STRIDE + 1]!, entryScratch[i * STRIDE + 2]!);
    const offset = reader.varint64();
    const size = reader.varint64();
    const isSmall = !reader.failed && offset <= OFFSET_MAX && size <= OFFSET_MAX;
    handleScratch[2 * i] = isSmall ? offset : -1;
    handleScratch[2 * i + 1] = isSmall ? size : -1;
    areSmall &&= isSmall;
  }
  return areSmall;
}

function growEntryScratch(): void {
  const grown = new Int32Array(entryScratch.length * 2);
  grown.set(entryScratch);
  entryScratch = grown;
}
