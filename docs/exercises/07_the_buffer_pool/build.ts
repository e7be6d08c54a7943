/**
 * **What.** Build it: two policies that choose which block of a buffer pool has to go, LRU first and then SIEVE. A pool
 * calls `victim`, then `remove` with what it got, then `add` when the frame holds another block.
 *
 * **Format.** Frames are whole numbers from 0, below what `grow` was last called with. SIEVE is
 * ```text
 * a queue of frames, oldest first; a bit for each, "visited"; a hand, which begins at the oldest frame
 *
 * add:    the frame goes to the newest end, with its bit 0
 * touch:  sets the bit; the frame stays where it is
 * victim: while the frame at the hand is visited or pinned, clear its bit and go to the next newer one, and from the
 *         newest to the oldest; then the hand stays, and the frame at it is the victim
 * remove: takes a frame out; if the hand is on it, it goes to the next newer one. From the newest one it goes nowhere,
 *         which means: to whatever is the oldest when the next victim is looked for
 * ```
 *
 * **Invariants.**
 * 1. A victim is never pinned, and stays until it is removed.
 * 2. All but `grow` and `victim` cost the same however many frames there are.
 *
 * **Read next.** `../../07_the_buffer_pool.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { EvictionPolicy } from "../../../lib/lru_policy.ts";

/** Least recently used: what has not been added or touched for longest has to go. */
export class LruPolicy implements EvictionPolicy {
  /** Makes room for frames numbered below `frameCount`. What is known of the others stays. */
  grow(frameCount: number): void {
    throw new NotBuiltError(`LruPolicy.grow, given ${frameCount},`);
  }

  /** A frame now holds a block that was not there before. */
  add(frame: number): void {
    throw new NotBuiltError(`LruPolicy.add, given ${frame},`);
  }

  /** A frame's block was asked for again. */
  touch(frame: number): void {
    throw new NotBuiltError(`LruPolicy.touch, given ${frame},`);
  }

  /** A frame's block is gone. */
  remove(frame: number): void {
    throw new NotBuiltError(`LruPolicy.remove, given ${frame},`);
  }

  /** The frame that has to go; `pins` says how often each is pinned, and at least one here is not. */
  victim(pins: Int32Array): number {
    throw new NotBuiltError(`LruPolicy.victim, given ${pins.length} pins,`);
  }
}

/** SIEVE, as described above. */
export class SievePolicy implements EvictionPolicy {
  /** Makes room for frames numbered below `frameCount`. What is known of the others stays. */
  grow(frameCount: number): void {
    throw new NotBuiltError(`SievePolicy.grow, given ${frameCount},`);
  }

  /** A frame now holds a block that was not there before. */
  add(frame: number): void {
    throw new NotBuiltError(`SievePolicy.add, given ${frame},`);
  }

  /** A frame's block was asked for again. */
  touch(frame: number): void {
    throw new NotBuiltError(`SievePolicy.touch, given ${frame},`);
  }

  /** A frame's block is gone. */
  remove(frame: number): void {
    throw new NotBuiltError(`SievePolicy.remove, given ${frame},`);
  }

  /** The frame that has to go; `pins` says how often each is pinned, and at least one here is not. */
  victim(pins: Int32Array): number {
    throw new NotBuiltError(`SievePolicy.victim, given ${pins.length} pins,`);
  }
}
