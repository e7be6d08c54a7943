/**
 * **What.** A block as it is searched, and as the buffer pool keeps it. A block read from disk is decoded once, into
 * flat arrays in which a search neither parses nor allocates. Data blocks and index blocks are alike. The format is
 * in `block_builder.ts`.
 *
 * **Invariants.**
 * 1. What is read is bounded before it is used: every length by the block's end, `shared` by the previous key's
 *    length, the expanded keys by {@linkcode expandedBytesMax}. Anything else is a {@linkcode CorruptionError}.
 * 2. Each entry of a data block is a value or a tombstone, with a sequence number up to 2^53 - 1.
 * 3. Restart points must be what they claim to be. Whether entries are in order is not checked: the checksum says
 *    that they are as written, and a wrong order gives wrong answers, never a read out of bounds.
 * 4. A decoded block never changes; memory for it is counted in `memoryBytes`.
 *
 * Source: LevelDB's `table/block.cc` for what a reader may rely on.
 *
 * **Read next.** `bloom_filter.ts`
 *
 * @module
 */
import { copyRange, withRoom } from "./block_builder.ts";
import { getFixed32, VarintReader } from "./coding.ts";
import { Cursor } from "./cursor.ts";
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

/** What the heap takes for a decoded block besides its arrays' contents: four array objects and the block itself. */
const OVERHEAD_BYTES = 1024;
/** Numbers for each entry in {@linkcode DecodedBlock.entries}. */
const STRIDE = 3;

/**
 * A block ready for searching. Keys are expanded into one array, values stay in the block's bytes, and where they
 * start and end is in a third one. When keys are in byte order, the 32 bits that follow what all keys of the block
 * have in common (their *heads*) are kept apart, so that a binary search touches one small array and then compares
 * one whole key, as a rule. Common bytes must be skipped: the first four of keys like `user:000001234` never differ.
 */
export class DecodedBlock {
  // All plain and read-only: searches and cursors read them for each entry.
  /** The block as it was stored. */
  readonly bytes: Uint8Array;
  /** The keys, one after another. */
  readonly keys: Uint8Array;
  /**
   * For entry i, from 3i on: where its key starts in {@linkcode keys}, where its value starts and ends in
   * {@linkcode bytes}. One number more at the end is where the last key ends.
   */
  readonly entries: Int32Array;
  /** The heads of the first entries' keys, as signed numbers of the same order; empty if keys are not in byte order. */
  readonly heads: Int32Array;
  /** How many bytes the user keys that have heads begin with alike. */
  readonly prefixBytes: number;
  /** How many entries there are. */
  readonly count: number;
  /** What the block takes in memory, for the buffer pool. */
  readonly memoryBytes: number;

  /**
   * Made by {@linkcode decodeBlock}, from arrays that it copies what it needs of.
   *
   * @param bytes The block as it was stored; kept.
   * @param keys The keys.
   * @param entries As in {@linkcode entries}.
   * @param count How many entries there are.
   * @param headsLength How many of the first entries get heads.
   */
  constructor(
    bytes: Uint8Array,
    keys: Uint8Array,
    entries: Int32Array,
    count: number,
    headsLength: number,
  ) {
    const entriesLength = count * STRIDE + 1;
    const keysLength = entries[entriesLength - 1]!;
    // One piece of memory for the three arrays: an array buffer costs about 0.7 µs to get and to collect, which is
    // a third of what decoding costs; a view is cheap.
    const memory = new ArrayBuffer((entriesLength + headsLength) * 4 + keysLength);
    this.entries = new Int32Array(memory, 0, entriesLength);
    this.entries.set(entries.subarray(0, entriesLength));
    this.heads = new Int32Array(memory, entriesLength * 4, headsLength);
    this.keys = new Uint8Array(memory, (entriesLength + headsLength) * 4, keysLength);
    this.keys.set(keys.subarray(0, keysLength));
    this.bytes = bytes;
    this.count = count;
    this.prefixBytes = commonPrefix(this.keys, this.entries, headsLength);
    for (let i = 0; i < headsLength; i++) {
      const start = entries[i * STRIDE]! + this.prefixBytes;
      this.heads[i] = headOf(this.keys, start, entries[i * STRIDE + STRIDE]! - TRAILER_BYTES);
    }
    this.memoryBytes = bytes.buffer.byteLength + memory.byteLength + OVERHEAD_BYTES;
  }

  /** Where the key of entry `i` starts in {@linkcode keys}. */
  keyStart(i: number): number {
    return this.entries[i * STRIDE]!;
  }

  /** Where the key of entry `i` ends. */
  keyEnd(i: number): number {
    return this.entries[i * STRIDE + STRIDE]!;
  }

  /** Where the value of entry `i` starts in {@linkcode bytes}. */
  valueStart(i: number): number {
    return this.entries[i * STRIDE + 1]!;
  }

  /** Where the value of entry `i` ends. */
  valueEnd(i: number): number {
    return this.entries[i * STRIDE + 2]!;
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
    const heads = this.heads;
    const headsLength = heads.length;
    const prefixBytes = this.prefixBytes;
    const userEnd = end - TRAILER_BYTES;
    const order = headsLength === 0 ? 1 : this.#compareWithPrefix(key, start, userEnd);
    if (order < 0) return 0;
    if (order > 0) {
      return this.#searchWhole(comparator, key, start, end, headsLength, this.count);
    }
    const head = headOf(key, start + prefixBytes, userEnd);
    let low = 0;
    let high = headsLength;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (heads[middle]! < head) low = middle + 1;
      else high = middle;
    }
    if (low < headsLength) {
      if (heads[low] !== head) return low;
      // Most often one entry has this head; if more do, whole keys decide.
      const keyStart = this.entries[low * STRIDE]! + prefixBytes;
      const keyEnd = this.entries[low * STRIDE + STRIDE]!;
      if (comparator.compare(this.keys, keyStart, keyEnd, key, start + prefixBytes, end) >= 0) {
        return low;
      }
      low++;
      if (low < headsLength && heads[low] !== head) return low;
    }
    return this.#searchWhole(comparator, key, start, end, low, this.count);
  }

  /** Orders a user key against what the keys with heads have in common; 0 if it begins with that, too. */
  #compareWithPrefix(key: Uint8Array, start: number, end: number): number {
    const keys = this.keys;
    const prefixBytes = this.prefixBytes;
    const most = prefixBytes < end - start ? prefixBytes : end - start;
    for (let i = 0; i < most; i++) {
      const order = key[start + i]! - keys[i]!;
      if (order !== 0) return order;
    }
    return most - prefixBytes;
  }

  /** The same by whole keys, among the entries `[low, high)`. */
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
      const keyStart = this.entries[middle * STRIDE]!;
      const keyEnd = this.entries[middle * STRIDE + STRIDE]!;
      if (comparator.compare(this.keys, keyStart, keyEnd, key, start, end) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The four bytes from `start` on, zeros from `end` on, as a signed number in the order of the bytes. */
function headOf(key: Uint8Array, start: number, end: number): number {
  if (end - start >= 4) {
    // The flipped top bit makes the order of signed numbers that of unsigned ones, and signed ones are cheaper.
    return ((key[start]! ^ 0x80) << 24) | (key[start + 1]! << 16) | (key[start + 2]! << 8) |
      key[start + 3]!;
  }
  let head = 0;
  for (let i = start; i < end; i++) head |= key[i]! << (24 - 8 * (i - start));
  return head ^ 0x80000000;
}

/** How many bytes the first and the last user key, and so all between them, begin with alike. */
function commonPrefix(keys: Uint8Array, entries: Int32Array, count: number): number {
  if (count === 0) return 0;
  const lastStart = entries[(count - 1) * STRIDE]!;
  const firstBytes = entries[STRIDE]! - TRAILER_BYTES;
  const lastBytes = entries[count * STRIDE]! - lastStart - TRAILER_BYTES;
  const most = firstBytes < lastBytes ? firstBytes : lastBytes;
  let common = 0;
  while (common < most && keys[common] === keys[lastStart + common]) common++;
  return common;
}

const reader = new VarintReader();
let keyScratch: Uint8Array = new Uint8Array(16 * 1024);
let entryScratch: Int32Array = new Int32Array(1024);

/**
 * What a block's keys are: internal keys of entries, internal keys that separate blocks (whose sequence numbers are
 * higher than any entry's), or plain names as in a metaindex.
 */
export type BlockKeys = "entries" | "separators" | "names";

/** The last byte of a trailer is the highest of its sequence number: 2^53 - 1 has 0x1f there. */
const SEQUENCE_HIGH_BYTE_MAX = 0x1f;

/**
 * Decodes a block.
 *
 * @param bytes A buffer that begins with the block. It becomes part of the result and must not change any more.
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
    return new DecodedBlock(bytes, keyScratch, entryScratch, count, headsLength);
  } finally {
    if (keyScratch.length > RETAINED_LENGTH_MAX) keyScratch = new Uint8Array(16 * 1024);
    if (entryScratch.length > RETAINED_LENGTH_MAX) entryScratch = new Int32Array(1024);
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
  const keysMax = expandedBytesMax(end);
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
    copyRange(keyScratch, keyEnd, keyScratch, keyStart, keyStart + shared);
    copyRange(keyScratch, keyEnd + shared, bytes, unsharedAt, unsharedAt + unshared);
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

function growEntryScratch(): void {
  const grown = new Int32Array(entryScratch.length * 2);
  grown.set(entryScratch);
  entryScratch = grown;
}

/** A cursor over a decoded block. */
export class BlockCursor extends Cursor {
  readonly #block: DecodedBlock;
  readonly #comparator: InternalKeyComparator;
  #index = -1;

  /**
   * Makes a cursor, at no entry.
   *
   * @param block The block.
   * @param comparator The order that it was decoded for.
   */
  constructor(block: DecodedBlock, comparator: InternalKeyComparator) {
    super();
    this.#block = block;
    this.#comparator = comparator;
    this.keyBuffer = block.keys;
    this.valueBuffer = block.bytes;
  }

  /** Goes to the first entry. */
  override first(): void {
    this.#goTo(0);
  }

  /** Goes to the last entry. */
  override last(): void {
    this.#goTo(this.#block.count - 1);
  }

  /** Goes to the first entry whose key is at or after `target[start, end)`. */
  override seek(target: Uint8Array, start: number, end: number): void {
    this.#goTo(this.#block.search(this.#comparator, target, start, end));
  }

  /** Goes to the following entry. */
  override next(): void {
    this.#goTo(this.#index + 1);
  }

  /** Goes to the preceding entry. */
  override previous(): void {
    this.#goTo(this.#index - 1);
  }

  /** There is nothing to let go of. */
  override close(): void {
    this.valid = false;
  }

  #goTo(index: number): void {
    this.#index = index;
    const block = this.#block;
    this.valid = index >= 0 && index < block.count;
    if (!this.valid) return;
    const entries = block.entries;
    this.keyStart = entries[index * STRIDE]!;
    this.valueStart = entries[index * STRIDE + 1]!;
    this.valueEnd = entries[index * STRIDE + 2]!;
    this.keyEnd = entries[index * STRIDE + STRIDE]!;
  }
}
