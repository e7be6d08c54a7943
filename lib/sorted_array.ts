/**
 * **What.** An ordered index for one writer: a sorted array of entries cut into blocks, with a sorted directory
 * of the blocks. An insertion moves half a block at most; a search is two binary searches over numbers that
 * lie side by side, which a processor's cache likes better than the scattered nodes of a skip list.
 *
 * A search compares *heads*: four bytes of each key, kept as a number beside the entry. Keys that begin alike,
 * such as zero-padded decimals, would all have the same first four bytes. So a block leaves out the bytes that
 * all its keys share, which in a sorted run are those that its first and its last key share, and takes the
 * heads from there on; so does the directory. Only where heads are equal are keys themselves compared.
 *
 * **Format.** In words of the arena. The directory grows down from the arena's end, so that neither it nor the
 * records below ever have to move out of the other's way; adding a block after all others moves nothing.
 * ```text
 * root      := first block, last block, block count, skip of the directory
 * block     := entry count, next block, previous block, skip, head(128), entry(128)     0 for no block
 * directory := { head, block } of the last block, …, of the second block, { unused, first block }
 * ```
 *
 * **Invariants.**
 * 1. Entries ascend by internal key within a block and from each block to the next.
 * 2. Blocks never move. All but the last hold at least half of their slots (only a full block is split), so
 *    `n` entries need at most `1 + floor((n - 1) / 64)` blocks.
 * 3. The keys of a block agree in their first `skip` bytes, and its heads are taken after those. The same holds
 *    for the directory, with the first keys of all blocks but the first: that one stands for everything that
 *    comes before the second.
 * 4. The first entry of every block but the first is never replaced by an insertion: what comes before it goes
 *    to the block before.
 * 5. With a comparator other than bytewise all heads and skips are 0, and every comparison is of whole keys.
 *
 * **Read next.** `memtable.ts`
 *
 * @module
 */
import {
  type Arena,
  ENTRY_COUNT_WORD,
  INDEX_NONE,
  INDEX_ROOT_WORD,
  INDEX_SORTED_ARRAY,
  keyHead,
  type OrderedIndex,
  type Position,
} from "./arena.ts";
import { compareBytes } from "./bytes.ts";
import { type InternalKeyComparator, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";

/** Entries in a block at most. */
export const BLOCK_SLOTS = 128;
const HALF_SLOTS = BLOCK_SLOTS / 2;

const FIRST_BLOCK_WORD = INDEX_ROOT_WORD;
const LAST_BLOCK_WORD = INDEX_ROOT_WORD + 1;
const BLOCK_COUNT_WORD = INDEX_ROOT_WORD + 2;
const DIRECTORY_SKIP_WORD = INDEX_ROOT_WORD + 3;

// Offsets in a block; its entry count is at 0.
const NEXT = 1;
const PREVIOUS = 2;
const SKIP = 3;
const HEADS = 4;
const ENTRIES = HEADS + BLOCK_SLOTS;
const BLOCK_WORDS = ENTRIES + BLOCK_SLOTS;
const DIRECTORY_WORDS = 2;

/** Bytes that a block takes, with its place in the directory. */
export const SORTED_BLOCK_BYTES: number = (BLOCK_WORDS + DIRECTORY_WORDS) * 4;

/**
 * Bytes of the arena that a sorted array of so many entries takes at most (invariant 2).
 *
 * @param entryCount How many entries.
 * @returns The bound.
 */
export function sortedArrayBytesMax(entryCount: number): number {
  return blockCountMax(entryCount) * SORTED_BLOCK_BYTES;
}

function blockCountMax(entryCount: number): number {
  return entryCount <= 1 ? 1 : 1 + Math.floor((entryCount - 1) / HALF_SLOTS);
}

/**
 * Which of some ascending heads, `stride` words apart, is the first that is not below another one; `count` if all
 * are below it. The plain loop: choosing steps by a mask instead of a branch is faster while all heads are in the
 * processor's cache and slower when they are not, for then it cannot guess ahead and load early.
 */
function firstNotBelow(
  words: Int32Array,
  at: number,
  stride: number,
  count: number,
  head: number,
): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (words[at + stride * middle]! < head) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Entries of an arena in order, for one writer; any number of workers may read once the writer has stopped. */
export class SortedArray implements OrderedIndex {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #comparator: InternalKeyComparator;
  readonly #isBytewise: boolean;

  /**
   * Makes one in an empty arena, or views the one that is there.
   *
   * @param arena Where the entries are.
   * @param comparator The order of their keys.
   */
  constructor(arena: Arena, comparator: InternalKeyComparator) {
    this.#arena = arena;
    this.#words = arena.words;
    this.#bytes = arena.bytes;
    this.#comparator = comparator;
    this.#isBytewise = comparator.isBytewise;
    if (arena.indexKind === INDEX_NONE) {
      arena.indexKind = INDEX_SORTED_ARRAY;
      this.#words[FIRST_BLOCK_WORD] = this.#addBlock(0, 0);
    }
    invariant(arena.indexKind === INDEX_SORTED_ARRAY, "the arena's index is a sorted array");
  }

  /** How many entries there are. */
  get entryCount(): number {
    return this.#words[ENTRY_COUNT_WORD]!;
  }

  /** Bytes of the arena that `count` more insertions take at most, records not included. */
  growthBytesMax(count: number): number {
    const blockCount = blockCountMax(this.entryCount + count) - this.#words[BLOCK_COUNT_WORD]!;
    // An insertion adds one block at most.
    return Math.min(count, blockCount) * SORTED_BLOCK_BYTES;
  }

  /** Adds an entry, whose record is written. Its internal key must not be there yet. */
  insert(entry: number): void {
    const words = this.#words;
    const start = this.#arena.keyStart(entry);
    const end = this.#arena.keyEnd(entry);
    const last = words[LAST_BLOCK_WORD]!;
    const lastCount = words[last]!;
    // Loads in key order are common: one comparison puts what comes after all others at the end.
    if (
      lastCount === 0 ||
      this.#compare(words[last + ENTRIES + lastCount - 1]!, 0, this.#bytes, start, end) < 0
    ) {
      if (lastCount < BLOCK_SLOTS) this.#place(last, lastCount, entry);
      // Nothing more will come before it, so the full block stays full.
      else this.#place(this.#addBlock(last, words[BLOCK_COUNT_WORD]!, entry), 0, entry);
      return;
    }
    const place = this.#directorySearch(this.#bytes, start, end);
    let block = this.#blockAt(place);
    let slot = this.#blockSearch(block, this.#bytes, start, end);
    if (words[block] === BLOCK_SLOTS) {
      const upper = this.#split(block, place);
      if (slot > HALF_SLOTS) {
        block = upper;
        slot -= HALF_SLOTS;
      }
    }
    this.#place(block, slot, entry);
  }

  /** Goes to the first entry whose internal key is at or after `key[start, end)`. */
  seek(position: Position, key: Uint8Array, start: number, end: number): void {
    const block = this.#blockAt(this.#directorySearch(key, start, end));
    this.#stand(position, block, this.#blockSearch(block, key, start, end));
  }

  /** Goes to the first entry. */
  first(position: Position): void {
    this.#stand(position, this.#words[FIRST_BLOCK_WORD]!, 0);
  }

  /** Goes to the last entry. */
  last(position: Position): void {
    const block = this.#words[LAST_BLOCK_WORD]!;
    this.#stand(position, block, this.#words[block]! - 1);
  }

  /** Goes from the current entry to the following one. */
  next(position: Position): void {
    this.#refresh(position);
    this.#stand(position, position.node, position.slot + 1);
  }

  /** Goes from the current entry to the preceding one. */
  previous(position: Position): void {
    this.#refresh(position);
    this.#stand(position, position.node, position.slot - 1);
  }

  /** Stands on a slot; one past either end of a block means the neighbour's first or last slot. */
  #stand(position: Position, block: number, slot: number): void {
    const words = this.#words;
    if (slot < 0) {
      block = words[block + PREVIOUS]!;
      slot = block === 0 ? 0 : words[block]! - 1;
    } else if (slot >= words[block]!) {
      block = words[block + NEXT]!;
      slot = 0;
    }
    position.node = block;
    position.slot = slot;
    position.entry = block === 0 ? 0 : words[block + ENTRIES + slot]!;
  }

  /** Finds the current entry again if insertions have moved it. An entry is in one live slot only. */
  #refresh(position: Position): void {
    const words = this.#words;
    const { entry, node, slot } = position;
    if (slot < words[node]! && words[node + ENTRIES + slot] === entry) return;
    this.seek(position, this.#bytes, this.#arena.keyStart(entry), this.#arena.keyEnd(entry));
  }

  /** Compares an entry with an internal key, both without their first `skip` bytes, which are equal. */
  #compare(entry: number, skip: number, key: Uint8Array, start: number, end: number): number {
    const entryStart = entry * 4 + 8;
    return this.#comparator.compare(
      this.#bytes,
      entryStart + skip,
      entryStart + this.#words[entry]!,
      key,
      start + skip,
      end,
    );
  }

  /** Compares an internal key's first `skip` bytes with those of an entry, whose user key has as many. */
  #comparePrefix(
    skip: number,
    entry: number,
    key: Uint8Array,
    start: number,
    end: number,
  ): number {
    const entryStart = entry * 4 + 8;
    const prefixEnd = Math.min(start + skip, end - TRAILER_BYTES);
    return compareBytes(key, start, prefixEnd, this.#bytes, entryStart, entryStart + skip);
  }

  #head(key: Uint8Array, start: number, end: number, skip: number): number {
    return this.#isBytewise ? keyHead(key, start + skip, end - TRAILER_BYTES) : 0;
  }

  #entryHead(entry: number, skip: number): number {
    return this.#head(this.#bytes, this.#arena.keyStart(entry), this.#arena.keyEnd(entry), skip);
  }

  /** How many bytes two user keys have in common at their beginning. */
  #commonPrefix(a: number, b: number): number {
    if (!this.#isBytewise) return 0;
    const bytes = this.#bytes;
    const shorter = Math.min(this.#words[a]!, this.#words[b]!) - TRAILER_BYTES;
    const aStart = this.#arena.keyStart(a);
    const bStart = this.#arena.keyStart(b);
    let common = 0;
    while (common < shorter && bytes[aStart + common] === bytes[bStart + common]) common++;
    return common;
  }

  /** The first slot of a block whose entry is at or after a key. */
  #blockSearch(block: number, key: Uint8Array, start: number, end: number): number {
    const words = this.#words;
    const count = words[block]!;
    const skip = words[block + SKIP]!;
    const heads = block + HEADS;
    const entries = block + ENTRIES;
    if (skip > 0) {
      const order = this.#comparePrefix(skip, words[entries]!, key, start, end);
      if (order !== 0) return order < 0 ? 0 : count;
    }
    const head = this.#head(key, start, end, skip);
    let low = firstNotBelow(words, heads, 1, count, head);
    let high = count;
    // Of several equal heads the first is the likeliest to be it; if it is not, search by keys from there.
    for (let probe = low; low < high; probe = (low + high) >>> 1) {
      if (
        words[heads + probe] === head &&
        this.#compare(words[entries + probe]!, skip, key, start, end) < 0
      ) low = probe + 1;
      else high = probe;
    }
    return low;
  }

  /** Which word of the directory begins its pair for the block at `place`. */
  #pair(place: number): number {
    return this.#arena.capacityWords - DIRECTORY_WORDS * (place + 1);
  }

  #blockAt(place: number): number {
    return this.#words[this.#pair(place) + 1]!;
  }

  /** The place of the last block whose first entry is before a key; 0 if there is none. */
  #directorySearch(key: Uint8Array, start: number, end: number): number {
    const words = this.#words;
    const count = words[BLOCK_COUNT_WORD]!;
    if (count === 1) return 0;
    const skip = words[DIRECTORY_SKIP_WORD]!;
    if (skip > 0) {
      const order = this.#comparePrefix(skip, this.#firstEntryAt(1), key, start, end);
      if (order !== 0) return order < 0 ? 0 : count - 1;
    }
    const head = this.#head(key, start, end, skip);
    const top = this.#pair(0);
    let low = 1 + firstNotBelow(words, this.#pair(1), -DIRECTORY_WORDS, count - 1, head);
    let high = count;
    for (let probe = low; low < high; probe = (low + high) >>> 1) {
      if (
        words[top - DIRECTORY_WORDS * probe] === head &&
        this.#compare(this.#firstEntryAt(probe), skip, key, start, end) < 0
      ) low = probe + 1;
      else high = probe;
    }
    return low - 1;
  }

  #firstEntryAt(place: number): number {
    return this.#words[this.#blockAt(place) + ENTRIES]!;
  }

  /** Puts an entry into a slot of a block that is not full, moving up those from there on. */
  #place(block: number, slot: number, entry: number): void {
    const words = this.#words;
    const count = words[block]!;
    const heads = block + HEADS;
    const entries = block + ENTRIES;
    // Not copyWithin: on shared memory it moves unaligned words byte by byte and takes twice as long.
    for (let i = count; i > slot; i--) {
      words[heads + i] = words[heads + i - 1]!;
      words[entries + i] = words[entries + i - 1]!;
    }
    words[entries + slot] = entry;
    words[block] = count + 1;
    words[ENTRY_COUNT_WORD] = words[ENTRY_COUNT_WORD]! + 1;
    // Only a new first or last key can share less with the others.
    if (slot === 0 || slot === count) {
      const skip = this.#commonPrefix(words[entries]!, words[entries + count]!);
      if (count === 0 || skip < words[block + SKIP]!) {
        this.#takeHeads(block, skip);
        return;
      }
    }
    words[heads + slot] = this.#entryHead(entry, words[block + SKIP]!);
  }

  /** Sets a block's skip, and all its heads to match. */
  #takeHeads(block: number, skip: number): void {
    const words = this.#words;
    const count = words[block]!;
    words[block + SKIP] = skip;
    for (let i = 0; i < count; i++) {
      words[block + HEADS + i] = this.#entryHead(words[block + ENTRIES + i]!, skip);
    }
  }

  /** Moves the upper half of a full block to a new one. */
  #split(block: number, place: number): number {
    const words = this.#words;
    const upper = this.#addBlock(block, place + 1, words[block + ENTRIES + HALF_SLOTS]!);
    for (let i = 0; i < HALF_SLOTS; i++) {
      words[upper + HEADS + i] = words[block + HEADS + HALF_SLOTS + i]!;
      words[upper + ENTRIES + i] = words[block + ENTRIES + HALF_SLOTS + i]!;
    }
    words[block] = HALF_SLOTS;
    words[upper] = HALF_SLOTS;
    words[upper + SKIP] = words[block + SKIP]!;
    this.#raiseSkip(block);
    this.#raiseSkip(upper);
    return upper;
  }

  /** Leaves out what the keys of a block have come to share. */
  #raiseSkip(block: number): void {
    const words = this.#words;
    const lastEntry = words[block + ENTRIES + words[block]! - 1]!;
    const skip = this.#commonPrefix(words[block + ENTRIES]!, lastEntry);
    if (skip !== words[block + SKIP]) this.#takeHeads(block, skip);
  }

  /** Adds an empty block after another one and to the directory; `firstEntry` is what it will begin with. */
  #addBlock(after: number, place: number, firstEntry = 0): number {
    const words = this.#words;
    const block = this.#arena.allocate(BLOCK_WORDS);
    const lowest = this.#arena.allocateHigh(DIRECTORY_WORDS);
    const next = after === 0 ? 0 : words[after + NEXT]!;
    words[block] = 0;
    words[block + NEXT] = next;
    words[block + PREVIOUS] = after;
    words[block + SKIP] = 0;
    if (after !== 0) words[after + NEXT] = block;
    if (next === 0) words[LAST_BLOCK_WORD] = block;
    else words[next + PREVIOUS] = block;

    const pair = this.#pair(place);
    words.copyWithin(lowest, lowest + DIRECTORY_WORDS, pair + DIRECTORY_WORDS);
    words[pair + 1] = block;
    words[BLOCK_COUNT_WORD] = words[BLOCK_COUNT_WORD]! + 1;
    if (place > 0) this.#addHead(place, firstEntry);
    return block;
  }

  /** Takes the head of a new place of the directory, and all of them again if it shares less than the others. */
  #addHead(place: number, firstEntry: number): void {
    const words = this.#words;
    const count = words[BLOCK_COUNT_WORD]!;
    let skip = words[DIRECTORY_SKIP_WORD]!;
    if (place === 1 || place === count - 1) {
      const other = place === 1 ? count - 1 : 1;
      const common = this.#commonPrefix(
        firstEntry,
        other === place ? firstEntry : this.#firstEntryAt(other),
      );
      if (count === 2 || common < skip) {
        skip = common;
        words[DIRECTORY_SKIP_WORD] = skip;
        for (let i = 1; i < count; i++) {
          if (i !== place) words[this.#pair(i)] = this.#entryHead(this.#firstEntryAt(i), skip);
        }
      }
    }
    words[this.#pair(place)] = this.#entryHead(firstEntry, skip);
  }
}
