/**
 * **What.** Build it: one view of many runs, as of a snapshot. Keys and values are strings here, so that nothing is
 * left of the task but the order of things.
 *
 * **Invariants.**
 * 1. Each key is shown at most once, with the value of its newest version whose sequence number is not above the
 *    snapshot; not at all if that version is a tombstone, or if there is none.
 * 2. Keys are shown in ascending order going forward, in descending order going back.
 * 3. A move looks at a few versions, not at all of them.
 *
 * **Read next.** `../../09_merging_and_visibility.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

/** A version of a key. */
export interface Version {
  /** The key. */
  readonly key: string;
  /** When it was written. No two versions of a view have one number. */
  readonly sequence: number;
  /** The value; `undefined` for a tombstone. */
  readonly value: string | undefined;
}

/** A position in a sorted run: keys ascending, and of one key the newest version first. You are given these. */
export interface Run {
  /** The version that it is at; `undefined` at first, and when it has gone past either end. */
  readonly current: Version | undefined;
  /** Goes to the first version. */
  first(): void;
  /** Goes to the last version. */
  last(): void;
  /** Goes to the first version whose key is at or after this one. */
  seek(key: string): void;
  /** Goes to the following version; to be called at a version only. */
  next(): void;
  /** Goes to the version before; to be called at a version only. */
  previous(): void;
}

/** What a reader sees of some runs. */
export class View {
  /**
   * Makes a view that is at no entry.
   *
   * @param runs What it looks at, in any order. It moves them as it likes.
   * @param snapshot Versions with a higher sequence number are not seen.
   */
  constructor(runs: readonly Run[], snapshot: number) {
    throw new NotBuiltError(`View, of ${runs.length} runs at ${snapshot},`);
  }

  /** The entry that it is at: key and value; `undefined` at first, and when it has gone past either end. */
  get current(): readonly [key: string, value: string] | undefined {
    throw new NotBuiltError("current");
  }

  /** Goes to the first entry. */
  first(): void {
    throw new NotBuiltError("first");
  }

  /** Goes to the last entry. */
  last(): void {
    throw new NotBuiltError("last");
  }

  /** Goes to the first entry whose key is at or after this one. */
  seek(key: string): void {
    throw new NotBuiltError(`seek("${key}")`);
  }

  /** Goes to the following entry; called at an entry only. */
  next(): void {
    throw new NotBuiltError("next");
  }

  /** Goes to the entry before; called at an entry only. */
  previous(): void {
    throw new NotBuiltError("previous");
  }
}
