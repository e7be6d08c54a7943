/**
 * **What.** Many sorted cursors as one: the merge at the heart of a scan, which sees memtables and tables in one
 * order, and of a compaction, which writes that order down. It is a tournament, a *loser tree*: each child
 * plays its current key up a tree of matches, each match remembers its loser, and who wins the last match is
 * the next entry. When the winner has moved on, only the matches on its own path are played again.
 *
 * **Format.** The tree is an array. Match `m` is between the winners at places `2m` and `2m + 1`; child `c` of `n`
 * is at place `n + c`. With five children:
 * ```text
 *                         match 1 ───► winner
 *                    ┌───────┴───────┐
 *                 match 2         match 3
 *               ┌────┴────┐      ┌───┴───┐
 *            match 4   child 0 child 1 child 2
 *           ┌───┴───┐
 *        child 3 child 4
 * ```
 *
 * **Invariants.**
 * 1. Entries come in the order of their internal keys, those with the same one in the order of the children.
 *    Going back is the exact reverse.
 * 2. Going forward, each child but the winner is at its first entry after the current one, or exhausted.
 *    Going back, at its last entry before the current one, or exhausted. So a change of direction moves
 *    each child by one step and searches nothing. (An entry that a memtable gets meanwhile may turn up on the
 *    wrong side of a turn. It is newer than every snapshot the cursor is read at, and so never seen.)
 * 3. On the path of the last winner all codes are relative to the base, which is its key or, while it wins again and
 *    again, one that it had before. Elsewhere the code of a match's loser is relative to its winner. In an order
 *    other than that of bytes all codes are the same, and say nothing.
 * 4. An error of a child leaves the cursor invalid, never at a wrong entry.
 *
 * Sources: Knuth, The Art of Computer Programming, volume 3, section 5.4.1; Conner, "Offset-Value Coding" (1977);
 * Do and Graefe, "Robust and Efficient Sorting with Offset-Value Coding" (2022).
 *
 * **Read next.** `visible_cursor.ts`
 *
 * @module
 */
import { headOf } from "./block.ts";
import { EMPTY_BYTES } from "./bytes.ts";
import { Cursor, EmptyCursor } from "./cursor.ts";
import { type InternalKeyComparator, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";

const FORWARD = 1;
const BACKWARD = -1;
/** No child known. */
const UNKNOWN = -1;
/** The offset in the code of a child that has no more entries: it loses every match. */
const EXHAUSTED = -1;
/** The offset in the code of a key that has no word, among those looked at, that the base has not. */
const SAME = 1 << 30;
/** How many words of a key are looked at: keys with longer common prefixes are compared as a whole. */
const WORDS_MAX = 1024;
/** What stands for the word of a key behind its end: the lowest there is. */
const NO_BYTES = -(1 << 31);

/** Words of an array that is used again: for 32 children, or a key of 256 bytes. */
const SPARE_WORDS = 64;
const SPARE_ARRAYS_MAX = 64;
/** Arrays of merges that were closed: making a small one takes 200 ns, and a merge, for a short scan, has seven. */
const spareArrays: Int32Array[] = [];

/** An array of at least `count` words, whatever is in them. */
function takeWords(count: number): Int32Array {
  if (count > SPARE_WORDS) return new Int32Array(count);
  return spareArrays.pop() ?? new Int32Array(SPARE_WORDS);
}

function giveBack(words: Int32Array): void {
  const isSpare = words.length === SPARE_WORDS && spareArrays.length < SPARE_ARRAYS_MAX;
  if (isSpare) spareArrays.push(words);
}

/**
 * One cursor over everything that `children` hold.
 *
 * @param comparator The order that the children are in.
 * @param children What to merge; the result closes them.
 * @returns A merge, or for fewer than two children the only one or an empty cursor.
 */
export function mergeCursors(comparator: InternalKeyComparator, children: Cursor[]): Cursor {
  if (children.length === 0) return new EmptyCursor();
  return children.length === 1 ? children[0]! : new MergeCursor(comparator, children);
}

/**
 * A sorted merge of cursors.
 *
 * @example Two memtables as one
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { InternalKeyComparator, KIND_VALUE } from "./internal_key.ts";
 * import { Memtable } from "./memtable.ts";
 * import { MergeCursor } from "./merge_cursor.ts";
 *
 * const comparator = new InternalKeyComparator();
 * const memtables = [[1, 4, 6], [2, 3, 5]].map((keys, sequence) => {
 *   const memtable = new Memtable({ comparator, capacityBytes: 65536 });
 *   for (const key of keys) {
 *     memtable.add(sequence, KIND_VALUE, Uint8Array.of(key), 0, 1, Uint8Array.of(), 0, 0);
 *   }
 *   return memtable;
 * });
 * const merged = new MergeCursor(comparator, memtables.map((memtable) => memtable.cursor()));
 * const keys: number[] = [];
 * for (merged.first(); merged.valid; merged.next()) keys.push(merged.keyBuffer[merged.keyStart]!);
 * merged.close();
 * assertEquals(keys, [1, 2, 3, 4, 5, 6]);
 * ```
 */
export class MergeCursor extends Cursor {
  readonly #comparator: InternalKeyComparator;
  readonly #children: Cursor[];
  // The children's current keys. Children are of several classes, and reading a field of an object that may be
  // any of them is slow: it is done once a step, not once a match.
  readonly #buffers: Uint8Array[] = [];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  // The children's codes.
  readonly #offsets: Int32Array;
  readonly #words: Int32Array;
  /** Whether keys are in the order of their words. */
  readonly #isBytewise: boolean;
  /** Who lost each match. */
  readonly #losers: Int32Array;
  /** Who won at each place; used only while all matches are played. */
  readonly #winners: Int32Array;
  #winner = 0;
  /** Who wins when the winner is out of the way, if known: worth knowing once a child wins twice in a row. */
  #runnerUp = UNKNOWN;
  /** The words of the base's user key. */
  #base: Int32Array;
  #baseWords = 0;
  /** Flips all bits of a word when going back, so that the lower word comes first then too. */
  #mask = 0;
  #direction = FORWARD;
  #closed = false;

  /**
   * Makes an invalid cursor: `first`, `last` or `seek` makes it valid.
   *
   * @param comparator The order that the children are in.
   * @param children What to merge; this cursor closes them.
   */
  constructor(comparator: InternalKeyComparator, children: Cursor[]) {
    super();
    const count = children.length;
    this.#comparator = comparator;
    this.#children = children.slice();
    for (let child = 0; child < count; child++) this.#buffers.push(EMPTY_BYTES);
    this.#starts = takeWords(count);
    this.#ends = takeWords(count);
    this.#offsets = takeWords(count);
    this.#words = takeWords(count);
    this.#isBytewise = comparator.isBytewise;
    this.#losers = takeWords(count);
    this.#winners = takeWords(2 * count);
    this.#base = takeWords(1);
    for (let child = 0; child < count; child++) this.#winners[count + child] = child;
  }

  /** Goes to the first entry of all children. */
  override first(): void {
    this.valid = false;
    for (const child of this.#children) child.first();
    this.#playAll(FORWARD);
  }

  /** Goes to the last entry of all children. */
  override last(): void {
    this.valid = false;
    for (const child of this.#children) child.last();
    this.#playAll(BACKWARD);
  }

  /** Goes to the first entry of all children that is at or after `target[start, end)`. */
  override seek(target: Uint8Array, start: number, end: number): void {
    this.valid = false;
    for (const child of this.#children) child.seek(target, start, end);
    this.#playAll(FORWARD);
  }

  /** Goes to the following entry. */
  override next(): void {
    invariant(this.valid, "only a valid cursor moves on");
    this.valid = false;
    if (this.#direction === FORWARD) {
      const winner = this.#winner;
      this.#children[winner]!.next();
      this.#playAgain(winner);
    } else {
      for (const child of this.#children) child.valid ? child.next() : child.first();
      this.#playAll(FORWARD);
    }
  }

  /** Goes to the preceding entry. */
  override previous(): void {
    invariant(this.valid, "only a valid cursor moves back");
    this.valid = false;
    if (this.#direction === BACKWARD) {
      const winner = this.#winner;
      this.#children[winner]!.previous();
      this.#playAgain(winner);
    } else {
      for (const child of this.#children) child.valid ? child.previous() : child.last();
      this.#playAll(BACKWARD);
    }
  }

  /** Closes all children. */
  override close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.valid = false;
    for (const child of this.#children) child.close();
    this.#children.length = 0;
    this.#buffers.length = 0; // they may be blocks, which the pool should be able to drop
    for (const words of [this.#starts, this.#ends, this.#offsets, this.#words]) giveBack(words);
    for (const words of [this.#losers, this.#winners, this.#base]) giveBack(words);
    this.keyBuffer = EMPTY_BYTES;
    this.valueBuffer = EMPTY_BYTES;
  }

  /** Plays every match, from the leaves up, after every child has moved. */
  #playAll(direction: number): void {
    invariant(!this.#closed, "a closed cursor is not used");
    const count = this.#children.length;
    if (count === 0) return;
    this.#direction = direction;
    this.#mask = direction === FORWARD ? 0 : -1;
    this.#baseWords = 0;
    this.#runnerUp = UNKNOWN;
    for (let child = 0; child < count; child++) {
      // As if the base were a key that has its first word with no other in common.
      const hasKey = this.#load(child);
      const word = hasKey && this.#isBytewise ? this.#word(child, 0) : 0;
      this.#setCode(child, hasKey ? 0 : EXHAUSTED, word);
    }
    const winners = this.#winners;
    for (let match = count - 1; match >= 1; match--) {
      const a = winners[2 * match]!;
      const b = winners[2 * match + 1]!;
      const aWins = this.#beats(a, b);
      winners[match] = aWins ? a : b;
      this.#losers[match] = aWins ? b : a;
    }
    this.#winner = winners[1]!; // with a single child, place 1 is its own
    this.#rebase();
    this.#show();
  }

  /**
   * Plays the matches of the last winner again, after it has moved. A child that won twice in a row is likely
   * to win again (keys written in order, a level merged with a smaller one): it is then compared with the
   * runner-up alone, which stays the same as long as the winner does.
   */
  #playAgain(challenger: number): void {
    const hasKey = this.#load(challenger);
    if (hasKey && this.#runnerUp !== UNKNOWN && this.#comesFirst(challenger, this.#runnerUp)) {
      this.#show();
      return;
    }
    if (hasKey) this.#code(challenger);
    else this.#setCode(challenger, EXHAUSTED, 0);
    const losers = this.#losers;
    const place = this.#children.length + challenger;
    let winner = challenger;
    for (let match = place >>> 1; match >= 1; match >>>= 1) {
      const loser = losers[match]!;
      if (this.#beats(loser, winner)) {
        losers[match] = winner;
        winner = loser;
      }
    }
    this.#winner = winner;
    // With a single child there is no match, and nobody has lost one.
    this.#runnerUp = winner === challenger && place > 1 ? this.#bestLoser(place) : UNKNOWN;
    this.#rebase();
    this.#show();
  }

  /** The best of those who lost to the winner, whose place is given: it would win without the winner. */
  #bestLoser(place: number): number {
    let best = this.#losers[place >>> 1]!;
    for (let match = place >>> 2; match >= 1; match >>>= 1) {
      const loser = this.#losers[match]!;
      if (this.#comesFirst(loser, best)) best = loser;
    }
    return best;
  }

  /** Whether child `a` comes before child `b` in the direction of travel. */
  #comesFirst(a: number, b: number): boolean {
    if (this.#offsets[a] === EXHAUSTED) return false;
    if (this.#offsets[b] === EXHAUSTED) return true;
    const order = this.#comparator.compare(
      this.#buffers[a]!,
      this.#starts[a]!,
      this.#ends[a]!,
      this.#buffers[b]!,
      this.#starts[b]!,
      this.#ends[b]!,
    );
    return (order !== 0 ? order : a - b) * this.#direction < 0;
  }

  /**
   * Plays a match: whether child `a` comes before child `b` in the direction of travel. The codes of both are
   * relative to one key; the loser's is relative to the winner's key then.
   */
  #beats(a: number, b: number): boolean {
    const offsets = this.#offsets;
    const offset = offsets[a]!;
    if (offset !== offsets[b]!) return offset > offsets[b]!;
    const word = this.#words[a]!;
    if (word !== this.#words[b]!) return word < this.#words[b]!;
    return offset !== EXHAUSTED && this.#beatsBehind(a, b, offset);
  }

  /** The same for two that have one code. */
  #beatsBehind(a: number, b: number, offset: number): boolean {
    const words = this.#isBytewise ? Math.max(this.#wordCount(a), this.#wordCount(b)) : 0;
    for (let i = offset + 1; i < words; i++) {
      const aWord = this.#word(a, i);
      const bWord = this.#word(b, i);
      if (aWord === bWord) continue;
      if (aWord < bWord) this.#setCode(b, i, bWord);
      else this.#setCode(a, i, aWord);
      return aWord < bWord;
    }
    const aWins = this.#comesFirst(a, b);
    this.#setCode(aWins ? b : a, SAME, 0);
    return aWins;
  }

  /** Codes a child's key relative to the base. */
  #code(child: number): void {
    const buffer = this.#buffers[child]!;
    const end = this.#ends[child]! - TRAILER_BYTES;
    const mask = this.#mask;
    const base = this.#base;
    const baseWords = this.#baseWords;
    const most = this.#isBytewise ? WORDS_MAX : 0;
    for (let i = 0, at = this.#starts[child]!; i < most; i++, at += 4) {
      const word = headOf(buffer, at, end) ^ mask;
      if (word !== (i < baseWords ? base[i] : NO_BYTES ^ mask)) {
        this.#setCode(child, i, word);
        return;
      }
      if (at >= end && i >= baseWords) break;
    }
    this.#setCode(child, SAME, 0);
  }

  #setCode(child: number, offset: number, word: number): void {
    this.#offsets[child] = offset;
    this.#words[child] = word;
  }

  /** Word `i` of a child's user key. */
  #word(child: number, i: number): number {
    const end = this.#ends[child]! - TRAILER_BYTES;
    return headOf(this.#buffers[child]!, this.#starts[child]! + 4 * i, end) ^ this.#mask;
  }

  /** How many words of a child's user key are looked at. */
  #wordCount(child: number): number {
    const userBytes = this.#ends[child]! - this.#starts[child]! - TRAILER_BYTES;
    return Math.min(WORDS_MAX, (userBytes + 3) >>> 2);
  }

  /** Makes the winner's key the base. The two have the words in common that come before its offset. */
  #rebase(): void {
    const winner = this.#winner;
    const offset = this.#offsets[winner]!;
    if (offset === EXHAUSTED || offset === SAME) return;
    const words = this.#wordCount(winner);
    if (words > this.#base.length) {
      const grown = new Int32Array(2 * words);
      grown.set(this.#base);
      this.#base = grown;
    }
    // A base may end before that place, if its lack of bytes looks like the zeros of the winner's key.
    for (let i = Math.min(offset, this.#baseWords); i < words; i++) {
      this.#base[i] = this.#word(winner, i);
    }
    this.#baseWords = words;
  }

  /** Takes note of a child's current key; whether it has one. */
  #load(index: number): boolean {
    const child = this.#children[index]!;
    if (!child.valid) return false;
    this.#buffers[index] = child.keyBuffer;
    this.#starts[index] = child.keyStart;
    this.#ends[index] = child.keyEnd;
    return true;
  }

  /** Makes the winner's entry the current one. */
  #show(): void {
    const winner = this.#winner;
    if (this.#offsets[winner] === EXHAUSTED) return;
    const child = this.#children[winner]!;
    this.keyBuffer = this.#buffers[winner]!;
    this.keyStart = this.#starts[winner]!;
    this.keyEnd = this.#ends[winner]!;
    this.valueBuffer = child.valueBuffer;
    this.valueStart = child.valueStart;
    this.valueEnd = child.valueEnd;
    this.valid = true;
  }
}
