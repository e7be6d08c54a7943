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
import { copyBytes } from "./bytes.ts";
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
/** Words for the key searched for, to begin with. */
const PROBE_WORDS = 64;

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

/**
 * Compares two different words as the bytes that they are in memory. The machine is little-endian, as all that Deno
 * runs on are: the first byte in which they differ is the lowest one.
 */
function compareWords(a: number, b: number): number {
  const difference = a ^ b;
  const shift = (31 - Math.clz32(difference & -difference)) & 24;
  return ((a >>> shift) & 255) - ((b >>> shift) & 255);
}

/** Entries of an arena in order, for one writer; any number of workers may read once the writer has stopped. */
export class SortedArray implements OrderedIndex {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #comparator: InternalKeyComparator;
  readonly #isBytewise: boolean;
  readonly #view: DataView;
  /**
   * The internal key that is being searched for, at a whole word as those of the entries are: comparing it with theirs
   * takes a step for every four bytes. Copying it here costs less than one comparison of bytes.
   */
  #probe: Int32Array = new Int32Array(PROBE_WORDS);
  #probeBytes: Uint8Array = new Uint8Array(this.#probe.buffer);
  #probeEnd = 0;
  /** Whether the entry added last came after all others, so that the next one is likely to do so too. */
  #isAscending = true;

  /**
   * Makes one in an empty arena, or views the one that is there.
   *
   * @param arena Where the entries are.
   * @param comparator The order of their keys.
   */
  constructor(arena: Arena, comparator: InternalKeyComparator) {
    this.#arena = arena;
    this.#words = arena.words;
    this.#view = new DataView(arena.buffer);
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
    this.#takeEntry(entry);
    const last = words[LAST_BLOCK_WORD]!;
    const lastCount = words[last]!;
    let place = words[BLOCK_COUNT_WORD]! - 1;
    let block = last;
    let slot = lastCount;
    // Loads in key order are common: while they last, one comparison finds the place.
    if (
      !this.#isAscending || lastCount > 0 && this.#compare(words[last + ENTRIES + slot - 1]!, 0) > 0
    ) {
      place = this.#directorySearch();
      block = this.#blockAt(place);
      slot = this.#blockSearch(block);
    }
    this.#isAscending = block === last && slot === lastCount;
    if (words[block] === BLOCK_SLOTS) {
      if (this.#isAscending) {
        // Nothing more will come before it, so the full block stays full.
        block = this.#addBlock(last, place + 1, entry);
        slot = 0;
      } else {
        const upper = this.#split(block, place);
        if (slot > HALF_SLOTS) {
          block = upper;
          slot -= HALF_SLOTS;
        }
      }
    }
    this.#place(block, slot, entry);
  }

  /** Goes to the first entry whose internal key is at or after `key[start, end)`. */
  seek(position: Position, key: Uint8Array, start: number, end: number): void {
    this.#reserveProbe(end - start);
    copyBytes(this.#probeBytes, 0, key, start, end);
    this.#seekProbe(position);
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
    this.#takeEntry(entry);
    this.#seekProbe(position);
  }

  /** Goes to the first entry at or after the probe. */
  #seekProbe(position: Position): void {
    const block = this.#blockAt(this.#directorySearch());
    this.#stand(position, block, this.#blockSearch(block));
  }

  /** Searches for the internal key of an entry from now on. */
  #takeEntry(entry: number): void {
    const words = this.#words;
    const bytes = words[entry]!;
    this.#reserveProbe(bytes);
    const probe = this.#probe;
    for (let i = (bytes - 1) >>> 2; i >= 0; i--) probe[i] = words[entry + 2 + i]!;
  }

  /** Makes the probe one of so many bytes. */
  #reserveProbe(bytes: number): void {
    this.#probeEnd = bytes;
    if (bytes <= this.#probeBytes.length) return;
    this.#probe = new Int32Array(Math.ceil(bytes / 4));
    this.#probeBytes = new Uint8Array(this.#probe.buffer);
  }

  /** Compares an entry with the probe, whose first `skip` bytes are equal. */
  #compare(entry: number, skip: number): number {
    const words = this.#words;
    const probe = this.#probe;
    const entryBytes = words[entry]!;
    let at = 0;
    if (this.#isBytewise) {
      const wordCount = (Math.min(entryBytes, this.#probeEnd) - TRAILER_BYTES) >>> 2;
      at = skip >>> 2;
      while (at < wordCount && words[entry + 2 + at] === probe[at]) at++;
      if (at < wordCount) return compareWords(words[entry + 2 + at]!, probe[at]!);
    }
    const start = entry * 4 + 8;
    return this.#comparator.compare(
      this.#bytes,
      start + 4 * at,
      start + entryBytes,
      this.#probeBytes,
      4 * at,
      this.#probeEnd,
    );
  }

  /** Compares the probe's first `skip` bytes with those of an entry, whose user key has as many. */
  #comparePrefix(entry: number, skip: number): number {
    const words = this.#words;
    const probe = this.#probe;
    const shared = Math.min(skip, this.#probeEnd - TRAILER_BYTES);
    let at = 0;
    while (at < shared >>> 2 && words[entry + 2 + at] === probe[at]) at++;
    if (at < shared >>> 2) return compareWords(probe[at]!, words[entry + 2 + at]!);
    const start = entry * 4 + 8;
    for (at *= 4; at < shared; at++) {
      const difference = this.#probeBytes[at]! - this.#bytes[start + at]!;
      if (difference !== 0) return difference;
    }
    return shared - skip;
  }

  #probeHead(skip: number): number {
    return this.#isBytewise ? keyHead(this.#probeBytes, skip, this.#probeEnd - TRAILER_BYTES) : 0;
  }

  #entryHead(entry: number, skip: number): number {
    if (!this.#isBytewise) return 0;
    const start = entry * 4 + 8;
    return keyHead(this.#bytes, start + skip, start + this.#words[entry]! - TRAILER_BYTES);
  }

  /** How many bytes two user keys have in common at their beginning. */
  #commonPrefix(a: number, b: number): number {
    if (!this.#isBytewise) return 0;
    const words = this.#words;
    const bytes = this.#bytes;
    const shorter = Math.min(words[a]!, words[b]!) - TRAILER_BYTES;
    let common = 0;
    while (common < shorter >>> 2 && words[a + 2 + common] === words[b + 2 + common]) common++;
    common *= 4;
    const aStart = a * 4 + 8;
    const bStart = b * 4 + 8;
    while (common < shorter && bytes[aStart + common] === bytes[bStart + common]) common++;
    return common;
  }

  /** The first slot of a block whose entry is at or after the probe. */
  #blockSearch(block: number): number {
    const words = this.#words;
    const count = words[block]!;
    const skip = words[block + SKIP]!;
    const heads = block + HEADS;
    const entries = block + ENTRIES;
    if (skip > 0) {
      const order = this.#comparePrefix(words[entries]!, skip);
      if (order !== 0) return order < 0 ? 0 : count;
    }
    const head = this.#probeHead(skip);
    let low = firstNotBelow(words, heads, 1, count, head);
    let high = count;
    // Of several equal heads the first is the likeliest to be it; if it is not, search by keys from there.
    for (let middle = low; low < high; middle = (low + high) >>> 1) {
      if (words[heads + middle] === head && this.#compare(words[entries + middle]!, skip) < 0) {
        low = middle + 1;
      } else high = middle;
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

  /** The place of the last block whose first entry is before the probe; 0 if there is none. */
  #directorySearch(): number {
    const words = this.#words;
    const count = words[BLOCK_COUNT_WORD]!;
    if (count === 1) return 0;
    const skip = words[DIRECTORY_SKIP_WORD]!;
    if (skip > 0) {
      const order = this.#comparePrefix(this.#firstEntryAt(1), skip);
      if (order !== 0) return order < 0 ? 0 : count - 1;
    }
    const head = this.#probeHead(skip);
    const top = this.#pair(0);
    let low = 1 + firstNotBelow(words, this.#pair(1), -DIRECTORY_WORDS, count - 1, head);
    let high = count;
    for (let middle = low; low < high; middle = (low + high) >>> 1) {
      if (
        words[top - DIRECTORY_WORDS * middle] === head &&
        this.#compare(this.#firstEntryAt(middle), skip) < 0
      ) low = middle + 1;
      else high = middle;
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
    this.#moveUp(heads + slot, heads + count);
    this.#moveUp(entries + slot, entries + count);
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

  /**
   * Moves the words from one place up to another by one, two at a time: half of what a loop over words takes. Not
   * `copyWithin`: on shared memory it moves unaligned words byte by byte. No BigInt is made: see `copyView`.
   */
  #moveUp(from: number, to: number): void {
    const view = this.#view;
    let at = 4 * to - 8;
    for (const first = 4 * from; at >= first; at -= 8) {
      view.setBigInt64(at + 4, view.getBigInt64(at, true), true);
    }
    if (at === 4 * from - 4) this.#words[from + 1] = this.#words[from]!;
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
