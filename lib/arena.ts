/**
 * **What.** The memory of one memtable: a bump allocator over one fixed block of shared memory, the layout of
 * an entry in it, and what every ordered index over such entries offers. An entry is a number, the offset of
 * its record in 4-byte words, so that a million entries are a million numbers and not a million objects: the
 * garbage collector sees one buffer.
 *
 * All state is in the buffer itself. Another worker that is given the buffer makes an {@linkcode Arena} of
 * it and reads the same entries without a copy.
 *
 * **Format.** Offsets in words of 4 bytes, in the machine's byte order: an arena never leaves the machine.
 * ```text
 * arena  := header(16), records and index nodes growing up →   free   ← directory of the index growing down
 * header := magic, index kind, low, high, entry count, 0, 0, 0, index root(8)
 * record := internal key length, value length, user key, trailer(8 bytes), value, padding to a whole word
 *           1 word               1 word        `------ internal key -----'
 * ```
 *
 * **Invariants.**
 * 1. `header <= low <= high <= capacity`; everything below `low` and from `high` on is taken, and nothing
 *    that was taken moves or is taken back before {@linkcode Arena.reset}.
 * 2. An allocation that does not fit fails before anything is changed.
 * 3. A record is written once, before its entry is given to an index, and never again.
 * 4. The buffer is of fixed size: on a growable one every load costs thirty times as much.
 *
 * **Read next.** `skip_list.ts`
 *
 * @module
 */
import { putTrailer, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import type { BatchReader } from "./write_batch.ts";

const MAGIC = 0x56415256; // "VARV"
const MAGIC_WORD = 0;
const INDEX_KIND_WORD = 1;
const LOW_WORD = 2;
const HIGH_WORD = 3;
/** Word of the header that counts the entries; the index keeps it. */
export const ENTRY_COUNT_WORD = 4;
/** First of the eight words of the header that belong to the index. */
export const INDEX_ROOT_WORD = 8;
const HEADER_WORDS = 16;

/** Bytes that an empty arena has taken. */
export const ARENA_HEADER_BYTES: number = HEADER_WORDS * 4;
/** An arena's capacity in bytes is at most this, so that offsets in words and their sums are 32-bit integers. */
export const ARENA_BYTES_MAX: number = 2 ** 32;
/** Bytes that a record takes over its user key and value, at most: two lengths, the trailer, the padding. */
export const RECORD_OVERHEAD_BYTES_MAX: number = 8 + TRAILER_BYTES + 3;

/** No index yet: see {@linkcode Arena.indexKind}. */
export const INDEX_NONE = 0;
/** The arena's entries are ordered by a `SortedArray`. */
export const INDEX_SORTED_ARRAY = 1;
/** The arena's entries are ordered by a `SkipList`. */
export const INDEX_SKIP_LIST = 2;

/** Up to here a loop copies faster than `set`, which needs a view of the source. Measured: 30 ns a view. */
const LOOP_COPY_BYTES_MAX = 40;

/** Up to here {@linkcode copyView} copies into shared memory faster than `set` does. */
const VIEW_COPY_BYTES_MAX = 1000;

/**
 * Words that the record of an entry takes.
 *
 * @param userKeyBytes Length of the user key.
 * @param valueBytes Length of the value.
 * @returns The number of words, the two lengths and the padding included.
 */
export function recordWords(userKeyBytes: number, valueBytes: number): number {
  return 2 + ((userKeyBytes + TRAILER_BYTES + valueBytes + 3) >>> 2);
}

/**
 * Four bytes of a key as one number that sorts as they do: read big-endian, past the end as zeros, with the
 * top bit turned over so that a signed comparison gives the unsigned order. If two heads taken at the same
 * offset differ, so do the keys, and in the same way; if they are equal, the keys have to be compared.
 *
 * @param bytes Where the key is.
 * @param at The first of the four bytes; at most `end`.
 * @param end Where the user key ends, exclusive.
 * @returns A signed 32-bit integer.
 */
export function keyHead(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) ^
      (1 << 31);
  }
  let head = 0;
  for (let i = 0; i < 4; i++) head = (head << 8) | (at + i < end ? bytes[at + i]! : 0);
  return head ^ (1 << 31);
}

/**
 * Copies bytes from one view to another, eight at a time: 21 ns for 100 bytes, against 55 for a loop over bytes and 44
 * for `set`, which needs a view made for it and is slow on shared memory. No BigInt is made of the eight bytes, since
 * the compiler sees that they are only moved. A double would not do: it need not keep every pattern of bits.
 *
 * @param into Where to.
 * @param at At which byte.
 * @param from Where from; the two ranges do not overlap.
 * @param start Where the range starts.
 * @param end Where it ends, exclusive.
 */
function copyView(into: DataView, at: number, from: DataView, start: number, end: number): void {
  for (const last = end - 8; start <= last; start += 8, at += 8) {
    into.setBigInt64(at, from.getBigInt64(start, true), true);
  }
  for (; start < end; start++, at++) into.setUint8(at, from.getUint8(start));
}

/** Where a reader of an {@linkcode OrderedIndex} stands. Made once and moved by the index. */
export class Position {
  /** The current entry; 0 if there is none. */
  entry = 0;
  /** The index's node that the entry was last seen in. */
  node = 0;
  /** Which of the node's slots it was in, for an index that has several. */
  slot = 0;
}

/**
 * Entries of an arena in the order of their internal keys. A {@linkcode Position} stays on its entry whatever is
 * inserted; `next` and `previous` go to the entry that is the neighbour at the time of the call.
 */
export interface OrderedIndex {
  /** How many entries there are. */
  readonly entryCount: number;
  /** Adds an entry, whose record is written. Its internal key must not be there yet. */
  insert(entry: number): void;
  /** Bytes of the arena that `count` more insertions take at most, records not included. */
  growthBytesMax(count: number): number;
  /** Goes to the first entry whose internal key is at or after `key[start, end)`. */
  seek(position: Position, key: Uint8Array, start: number, end: number): void;
  /** Goes to the first entry. */
  first(position: Position): void;
  /** Goes to the last entry. */
  last(position: Position): void;
  /** Goes from the current entry to the following one. */
  next(position: Position): void;
  /** Goes from the current entry to the preceding one. */
  previous(position: Position): void;
}

/**
 * Shared memory with a bump allocator. `allocate…` of a plain kind is for the only writer; with several of them
 * everyone uses {@linkcode Arena.allocateShared}.
 *
 * @example Writing an entry and reading it back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Arena, recordWords } from "./arena.ts";
 *
 * const arena = Arena.create(4096);
 * const key = new TextEncoder().encode("color");
 * const value = new TextEncoder().encode("blue");
 * const entry = arena.allocate(recordWords(key.length, value.length));
 * arena.writeRecord(entry, 7, 1, key, 0, key.length, value, 0, value.length);
 *
 * const other = new Arena(arena.buffer); // as another worker would
 * const found = other.bytes.slice(other.valueStart(entry), other.valueEnd(entry));
 * assertEquals(found, value);
 * ```
 */
export class Arena {
  /** The memory. Never of growable kind. */
  readonly buffer: SharedArrayBuffer;
  /** The memory as bytes. A plain field, as is `words`: they are read on every step of every search. */
  readonly bytes: Uint8Array;
  /** The memory as words. */
  readonly words: Int32Array;
  readonly #view: DataView;
  /** How many words there are; even, so that what grows down from the end is aligned to 8 bytes. */
  readonly capacityWords: number;

  /**
   * A view of an arena that was created before, here or in another worker.
   *
   * @param buffer What {@linkcode Arena.create} or {@linkcode Arena.format} made.
   */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.capacityWords = Math.floor(buffer.byteLength / 8) * 2;
    this.words = new Int32Array(buffer, 0, this.capacityWords);
    this.#view = new DataView(buffer);
    invariant(this.words[MAGIC_WORD] === MAGIC, "an arena is formatted before it is viewed");
  }

  /**
   * Makes an empty arena.
   *
   * @param capacityBytes Its size, header included.
   * @returns The arena.
   */
  static create(capacityBytes: number): Arena {
    return Arena.format(new SharedArrayBuffer(capacityBytes));
  }

  /**
   * Makes an empty arena of memory that may have been anything before.
   *
   * @param buffer The memory.
   * @returns The arena.
   */
  static format(buffer: SharedArrayBuffer): Arena {
    invariant(!buffer.growable, "an arena's memory is of fixed size");
    invariant(
      buffer.byteLength >= ARENA_HEADER_BYTES && buffer.byteLength <= ARENA_BYTES_MAX,
      "an arena holds its header, and no more than 32-bit offsets reach",
    );
    new Int32Array(buffer, 0, 1)[MAGIC_WORD] = MAGIC;
    const arena = new Arena(buffer);
    arena.reset();
    return arena;
  }

  /** Forgets all that is in it. Nobody may be reading any more. Nothing is erased: that would cost time. */
  reset(): void {
    const words = this.words;
    words.fill(0, INDEX_KIND_WORD, HEADER_WORDS);
    words[LOW_WORD] = HEADER_WORDS;
    words[HIGH_WORD] = this.capacityWords;
  }

  /** Which index orders the entries: one of the `INDEX_` constants. */
  get indexKind(): number {
    return this.words[INDEX_KIND_WORD]!;
  }

  /** Set once by an index when it makes itself in an empty arena. */
  set indexKind(kind: number) {
    invariant(this.words[INDEX_KIND_WORD] === INDEX_NONE, "an arena has one index for life");
    this.words[INDEX_KIND_WORD] = kind;
  }

  /** Bytes between what grows up and what grows down. */
  get freeBytes(): number {
    return (Atomics.load(this.words, HIGH_WORD) - Atomics.load(this.words, LOW_WORD)) * 4;
  }

  /** The same for the only writer, at a fifth of the price. */
  get ownFreeBytes(): number {
    return (this.words[HIGH_WORD]! - this.words[LOW_WORD]!) * 4;
  }

  /** Bytes taken: header, records, index. */
  get usedBytes(): number {
    return this.capacityWords * 4 - this.freeBytes;
  }

  /**
   * Takes words from the lower end, for one writer alone.
   *
   * @param count How many.
   * @returns The offset of the first one, in words. What is in them is arbitrary.
   */
  allocate(count: number): number {
    const words = this.words;
    const start = words[LOW_WORD]!;
    invariant(start + count <= words[HIGH_WORD]!, "a writer asks whether an entry fits");
    words[LOW_WORD] = start + count;
    return start;
  }

  /**
   * Takes words from the lower end, for one of many writers. A compare-and-swap rather than an atomic add, so
   * that a request that does not fit leaves nothing to be undone while others allocate.
   *
   * @param count How many.
   * @returns The offset of the first one, in words. What is in them is arbitrary.
   */
  allocateShared(count: number): number {
    const words = this.words;
    for (;;) {
      const start = Atomics.load(words, LOW_WORD);
      invariant(start + count <= words[HIGH_WORD]!, "a writer asks whether an entry fits");
      if (Atomics.compareExchange(words, LOW_WORD, start, start + count) === start) return start;
    }
  }

  /**
   * Takes words from the upper end, just below what was taken there before, for one writer alone.
   *
   * @param count How many.
   * @returns The offset of the first one, in words.
   */
  allocateHigh(count: number): number {
    const words = this.words;
    const start = words[HIGH_WORD]! - count;
    invariant(start >= words[LOW_WORD]!, "a writer asks whether an entry fits");
    words[HIGH_WORD] = start;
    return start;
  }

  /**
   * Writes the record of an entry: key, trailer and value are copied once, to where they stay.
   *
   * @param entry The first of {@linkcode recordWords} allocated words.
   * @param sequence Sequence number of the write.
   * @param kind Kind of the write.
   * @param key Buffer that the user key is in.
   * @param keyStart Where the user key starts.
   * @param keyEnd Where it ends, exclusive.
   * @param value Buffer that the value is in.
   * @param valueStart Where the value starts.
   * @param valueEnd Where it ends, exclusive.
   */
  writeRecord(
    entry: number,
    sequence: number,
    kind: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const keyBytes = keyEnd - keyStart;
    this.words[entry] = keyBytes + TRAILER_BYTES;
    this.words[entry + 1] = valueEnd - valueStart;
    const at = entry * 4 + 8;
    this.#copy(key, keyStart, keyEnd, at);
    putTrailer(this.bytes, at + keyBytes, sequence, kind);
    this.#copy(value, valueStart, valueEnd, at + keyBytes + TRAILER_BYTES);
  }

  /**
   * Takes the record over that a reader of a batch stands on. It is the same as {@linkcode Arena.writeRecord}, in half
   * the time: nothing is called and nothing allocated to copy what is short.
   *
   * @param entry The first of {@linkcode recordWords} allocated words.
   * @param batch The reader.
   */
  copyRecord(entry: number, batch: BatchReader): void {
    const { view, keyStart, keyEnd, valueStart, valueEnd } = batch;
    const keyBytes = keyEnd - keyStart;
    const valueBytes = valueEnd - valueStart;
    this.words[entry] = keyBytes + TRAILER_BYTES;
    this.words[entry + 1] = valueBytes;
    const keyAt = entry * 4 + 8;
    const valueAt = keyAt + keyBytes + TRAILER_BYTES;
    if (keyBytes <= VIEW_COPY_BYTES_MAX) copyView(this.#view, keyAt, view, keyStart, keyEnd);
    else this.#copy(batch.buffer, keyStart, keyEnd, keyAt);
    // As putTrailer does, in two words.
    const { sequence } = batch;
    const low = ((sequence % 2 ** 24) * 256 + batch.kind) | 0;
    this.#view.setInt32(valueAt - 8, low, true);
    this.#view.setInt32(valueAt - 4, Math.floor(sequence / 2 ** 24), true);
    if (valueBytes <= VIEW_COPY_BYTES_MAX) {
      copyView(this.#view, valueAt, view, valueStart, valueEnd);
    } else this.#copy(batch.buffer, valueStart, valueEnd, valueAt);
  }

  #copy(source: Uint8Array, start: number, end: number, at: number): void {
    const bytes = this.bytes;
    if (end - start > LOOP_COPY_BYTES_MAX) {
      bytes.set(source.subarray(start, end), at);
    } else {
      for (let i = start; i < end; i++) bytes[at++] = source[i]!;
    }
  }

  /** Where an entry's internal key starts, in bytes. */
  keyStart(entry: number): number {
    return entry * 4 + 8;
  }

  /** Where an entry's internal key ends, exclusive. */
  keyEnd(entry: number): number {
    return entry * 4 + 8 + this.words[entry]!;
  }

  /** Where an entry's value starts: where its key ends. */
  valueStart(entry: number): number {
    return entry * 4 + 8 + this.words[entry]!;
  }

  /** Where an entry's value ends, exclusive. */
  valueEnd(entry: number): number {
    return entry * 4 + 8 + this.words[entry]! + this.words[entry + 1]!;
  }
}
