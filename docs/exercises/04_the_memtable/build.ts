/**
 * **What.** Build it: a memtable on a skip list, with versions and tombstones, for one writer.
 *
 * **Invariants.**
 * 1. Entries are in order of their keys; versions of one key newest first, that is, by falling sequence number.
 * 2. Level 0 links all entries. A quarter of the entries of a level, chosen by chance, are linked in the next one, too.
 * 3. Nothing is ever overwritten or taken out: a delete is an entry like others.
 *
 * **Read next.** `../../04_the_memtable.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

// For the heights of nodes: `const random = generator(seed)`, and random(4) is 0 once in four times.
// import { generator } from "../../../lib/random.ts";

/** Compares two keys: negative, zero or positive as `a` comes before, equals or comes after `b`. */
export type Compare = (a: Uint8Array, b: Uint8Array) => number;

/** An entry: one version of one key. */
export interface Entry {
  /** The key. */
  readonly key: Uint8Array;
  /** Its sequence number; no other entry has it. */
  readonly sequence: number;
  /** The value; `undefined` if this is a tombstone. */
  readonly value: Uint8Array | undefined;
}

/** What a memtable knows of a key: a value, that it was deleted, or nothing. */
export type Answer = Uint8Array | "deleted" | "absent";

/** The newest writes, in order. */
export class OrderedMemtable {
  /**
   * Makes an empty memtable.
   *
   * @param compare The order of keys: the only way to compare them, so that it can be counted.
   * @param seed Of the heights of nodes.
   */
  constructor(compare: Compare, seed: number) {
    throw new NotBuiltError(`OrderedMemtable, by ${compare.length} keys and seed ${seed},`);
  }

  /** Adds an entry. */
  add(entry: Entry): void {
    throw new NotBuiltError(`add, of entry ${entry.sequence},`);
  }

  /** Looks for the newest version of a key that is not newer than `sequence`. */
  get(key: Uint8Array, sequence: number): Answer {
    throw new NotBuiltError(`get, as of ${sequence}, of ${key.length} bytes`);
  }

  /**
   * The entries in order, from the newest version of `key` or the first key behind it; all of them without a key. What
   * is added while somebody walks is seen if it comes behind the entry that the walk is at.
   */
  entries(key?: Uint8Array): Iterable<Entry> {
    throw new NotBuiltError(`entries, from ${key?.length ?? 0} bytes on,`);
  }

  /** The sequence numbers of the entries that are linked at a level, in order; none above the highest level. */
  level(level: number): number[] {
    throw new NotBuiltError(`level ${level}`);
  }
}
