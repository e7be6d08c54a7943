/**
 * **What.** An ordered index that several workers may add to and read at the same time, without locks: a skip
 * list whose nodes are words of the arena. Level 0 is a linked list of all entries in order; each higher level
 * links about a quarter of those below it, so that a search skips most of the way. For one writer alone a
 * `SortedArray` is faster.
 *
 * **Format.** In words of the arena.
 * ```text
 * root := head node, height of the highest node
 * node := entry, head of the key's bytes 0–3, head of its bytes 4–7, next at level 0, …, next at height - 1
 * ```
 * The head node has all levels and no entry. `next` is 0 at the end of a level. No node is ever removed.
 *
 * **Invariants.**
 * 1. Every level ascends by internal key, and the entries of a level are among those of the level below.
 * 2. An entry is in the list from the moment it is linked into level 0; the levels above only shorten the way.
 *    A node is linked from level 0 upwards, so whoever meets it at a level finds its links at all levels below.
 * 3. A link changes only from one node to a new node that comes before it, so whoever walks a level sees every
 *    node that was in it when the walk began, each once and in order.
 * 4. A node and its entry's record are written before the compare-and-swap that links the node to level 0.
 *
 * **Memory model.** Links are read with `Atomics.load` and changed with `Atomics.compareExchange`. Reading a
 * link that a writer set synchronizes with that writer, so by invariant 4 everything reached through the link,
 * node and record, is then read with plain loads. Plain loads of the links would work on the processors of today,
 * which keep a load behind the load that gave its address, and would save a quarter of a search in 4 MB, next to
 * nothing in 64 MB; but the language does not promise it, and a list that one thread alone uses should be a sorted
 * array anyway. Plain stores suffice where nobody can look yet: a new node's own link is stored before the swap
 * that makes it reachable at that level.
 *
 * Source: W. Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990; the shape of LevelDB's
 * `db/skiplist.h`, which allows one writer.
 *
 * **Read next.** `sorted_array.ts`
 *
 * @module
 */
import {
  type Arena,
  ENTRY_COUNT_WORD,
  INDEX_NONE,
  INDEX_ROOT_WORD,
  INDEX_SKIP_LIST,
  keyHead,
  type OrderedIndex,
  type Position,
} from "./arena.ts";
import { type InternalKeyComparator, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";

/** Levels at most: with a quarter of the nodes on each next level, enough for 4^12 = 16 million entries. */
export const HEIGHT_MAX = 12;

const HEAD_NODE_WORD = INDEX_ROOT_WORD;
const HEIGHT_WORD = INDEX_ROOT_WORD + 1;

// Offsets in a node; its entry is at 0.
const HEAD_HIGH = 1;
const HEAD_LOW = 2;
const NEXT = 3;

/** Bytes that a node takes at most. */
export const SKIP_LIST_NODE_BYTES_MAX: number = (NEXT + HEIGHT_MAX) * 4;

/**
 * Bytes of the arena that a skip list of so many entries takes at most: every node of full height.
 *
 * @param entryCount How many entries.
 * @returns The bound. About 17 bytes an entry are taken on average.
 */
export function skipListBytesMax(entryCount: number): number {
  return (entryCount + 1) * SKIP_LIST_NODE_BYTES_MAX;
}

/** Entries of an arena in order. Each worker makes its own object over the same arena, with a seed of its own. */
export class SkipList implements OrderedIndex {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #comparator: InternalKeyComparator;
  readonly #isBytewise: boolean;
  readonly #headNode: number;
  /** State of the generator of heights. */
  #random: number;

  // What is searched for, set by #aim.
  #key: Uint8Array;
  #start = 0;
  #end = 0;
  #headHigh = 0;
  #headLow = 0;
  /** For each level, the last node before the key and the one after it, as the last search saw them. */
  readonly #before: Int32Array = new Int32Array(HEIGHT_MAX);
  readonly #after: Int32Array = new Int32Array(HEIGHT_MAX);

  /**
   * Makes one in an empty arena, or joins the one that is there.
   *
   * @param arena Where the entries are.
   * @param comparator The order of their keys.
   * @param seed Of the heights of the nodes that this object inserts; the same seed gives the same heights.
   */
  constructor(arena: Arena, comparator: InternalKeyComparator, seed = 1) {
    this.#arena = arena;
    this.#words = arena.words;
    this.#bytes = arena.bytes;
    this.#key = arena.bytes;
    this.#comparator = comparator;
    this.#isBytewise = comparator.isBytewise;
    // Spread the seed's bits, and keep off 0, from which xorshift never gets away.
    this.#random = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) || 1;
    if (arena.indexKind === INDEX_NONE) {
      arena.indexKind = INDEX_SKIP_LIST;
      const node = arena.allocate(NEXT + HEIGHT_MAX);
      arena.words.fill(0, node, node + NEXT + HEIGHT_MAX);
      arena.words[HEAD_NODE_WORD] = node;
      arena.words[HEIGHT_WORD] = 1;
    }
    invariant(arena.indexKind === INDEX_SKIP_LIST, "the arena's index is a skip list");
    this.#headNode = arena.words[HEAD_NODE_WORD]!;
  }

  /** How many entries there are. While others insert, those whose insertion has ended. */
  get entryCount(): number {
    return Atomics.load(this.#words, ENTRY_COUNT_WORD);
  }

  /** Bytes of the arena that `count` more insertions take at most, records not included. */
  growthBytesMax(count: number): number {
    return count * SKIP_LIST_NODE_BYTES_MAX;
  }

  /** Adds an entry, whose record is written. Its internal key must not be there yet. */
  insert(entry: number): void {
    const words = this.#words;
    this.#aim(this.#bytes, this.#arena.keyStart(entry), this.#arena.keyEnd(entry));
    this.#search();
    const height = this.#randomHeight();
    const node = this.#arena.allocateShared(NEXT + height);
    words[node] = entry;
    words[node + HEAD_HIGH] = this.#headHigh;
    words[node + HEAD_LOW] = this.#headLow;
    for (let level = 0; level < height; level++) this.#link(node, level);
    let highest = Atomics.load(words, HEIGHT_WORD);
    while (highest < height) {
      highest = Atomics.compareExchange(words, HEIGHT_WORD, highest, height);
    }
    Atomics.add(words, ENTRY_COUNT_WORD, 1);
  }

  /** Goes to the first entry whose internal key is at or after `key[start, end)`. */
  seek(position: Position, key: Uint8Array, start: number, end: number): void {
    this.#aim(key, start, end);
    this.#search();
    this.#stand(position, this.#after[0]!);
  }

  /** Goes to the first entry. */
  first(position: Position): void {
    this.#stand(position, this.#next(this.#headNode, 0));
  }

  /** Goes to the last entry. */
  last(position: Position): void {
    let node = this.#headNode;
    for (let level = Atomics.load(this.#words, HEIGHT_WORD) - 1; level >= 0; level--) {
      for (let next = this.#next(node, level); next !== 0; next = this.#next(node, level)) {
        node = next;
      }
    }
    this.#stand(position, node === this.#headNode ? 0 : node);
  }

  /** Goes from the current entry to the following one. */
  next(position: Position): void {
    this.#stand(position, this.#next(position.node, 0));
  }

  /** Goes from the current entry to the preceding one, by a search: links back could not be kept without locks. */
  previous(position: Position): void {
    const entry = position.entry;
    this.#aim(this.#bytes, this.#arena.keyStart(entry), this.#arena.keyEnd(entry));
    this.#search();
    const node = this.#before[0]!;
    this.#stand(position, node === this.#headNode ? 0 : node);
  }

  #stand(position: Position, node: number): void {
    position.node = node;
    position.entry = node === 0 ? 0 : this.#words[node]!;
  }

  #next(node: number, level: number): number {
    return Atomics.load(this.#words, node + NEXT + level);
  }

  /** Sets what the following searches are for. */
  #aim(key: Uint8Array, start: number, end: number): void {
    this.#key = key;
    this.#start = start;
    this.#end = end;
    if (!this.#isBytewise) return;
    const userEnd = end - TRAILER_BYTES;
    this.#headHigh = keyHead(key, start, userEnd);
    this.#headLow = keyHead(key, Math.min(start + 4, userEnd), userEnd);
  }

  /** Whether a node's key comes before the one searched for. */
  #isBefore(node: number): boolean {
    const words = this.#words;
    if (this.#isBytewise) {
      const high = words[node + HEAD_HIGH]!;
      if (high !== this.#headHigh) return high < this.#headHigh;
      const low = words[node + HEAD_LOW]!;
      if (low !== this.#headLow) return low < this.#headLow;
    }
    const entry = words[node]!;
    const entryStart = entry * 4 + 8;
    return this.#comparator.compare(
      this.#bytes,
      entryStart,
      entryStart + words[entry]!,
      this.#key,
      this.#start,
      this.#end,
    ) < 0;
  }

  /** Fills `#before` and `#after` for all levels; those above the list's height begin and end at its ends. */
  #search(): void {
    const before = this.#before;
    const after = this.#after;
    const height = Atomics.load(this.#words, HEIGHT_WORD);
    for (let level = HEIGHT_MAX - 1; level >= height; level--) {
      before[level] = this.#headNode;
      after[level] = 0;
    }
    let node = this.#headNode;
    let bound = 0; // a node known not to be before the key: no need to compare it again a level below
    for (let level = height - 1; level >= 0; level--) {
      let next = this.#next(node, level);
      while (next !== 0 && next !== bound && this.#isBefore(next)) {
        node = next;
        next = this.#next(node, level);
      }
      before[level] = node;
      after[level] = next;
      bound = next;
    }
  }

  /** Links a node into one level between the two nodes found, or those that others have put there since. */
  #link(node: number, level: number): void {
    const words = this.#words;
    let before = this.#before[level]!;
    let next = this.#after[level]!;
    for (;;) {
      words[node + NEXT + level] = next;
      if (Atomics.compareExchange(words, before + NEXT + level, next, node) === next) return;
      next = this.#next(before, level);
      while (next !== 0 && this.#isBefore(next)) {
        before = next;
        next = this.#next(before, level);
      }
    }
  }

  /** 1, and one more with a probability of 1/4 each time: a leading pair of zero bits for each level. */
  #randomHeight(): number {
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.#random = random;
    return Math.min(HEIGHT_MAX, 1 + (Math.clz32(random) >>> 1));
  }
}
