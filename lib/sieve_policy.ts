/**
 * **What.** SIEVE, the default eviction policy of the buffer pool. A queue in order of arrival, one `visited`
 * bit a frame, and a hand that walks from the oldest frame to the newest and starts over. A hit only sets the
 * bit. The hand clears the bits it meets and evicts the first frame without one. What was never asked for
 * again is so sifted out soon, while what is popular stays where it is and costs nothing to keep.
 *
 * A least-recently-used list lets one scan push out everything popular; here a scan's blocks, never visited
 * again, are what the hand finds. And a hit writes one byte instead of six list links.
 *
 * **Invariants.**
 * 1. The queue holds exactly the frames added and not yet removed, each once, in order of arrival.
 * 2. The hand is on a frame of the queue, or nowhere, which means the tail.
 * 3. A victim is never pinned. A frame visited since the hand last passed it is not evicted while there is
 *    an unpinned one that was not.
 *
 * Source: Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024.
 *
 * **Read next.** `buffer_pool.ts`
 *
 * @module
 */
import type { EvictionPolicy } from "./lru_policy.ts";

/** End of the queue, or a hand that is nowhere. */
const NONE = -1;

/** SIEVE: a queue in order of arrival, from which a moving hand evicts what was not visited since it last passed. */
export class SievePolicy implements EvictionPolicy {
  /** The frame that arrived just after this one. */
  #newer = new Int32Array(0);
  /** The frame that arrived just before this one. */
  #older = new Int32Array(0);
  /** 1 if the frame was asked for since the hand last passed. */
  #visited = new Uint8Array(0);
  #head = NONE;
  #tail = NONE;
  #hand = NONE;

  /** Makes room for frames numbered below `frameCount`. */
  grow(frameCount: number): void {
    const newer = new Int32Array(frameCount);
    const older = new Int32Array(frameCount);
    const visited = new Uint8Array(frameCount);
    newer.set(this.#newer);
    older.set(this.#older);
    visited.set(this.#visited);
    this.#newer = newer;
    this.#older = older;
    this.#visited = visited;
  }

  /** Puts a frame at the head of the queue, not visited. */
  add(frame: number): void {
    const head = this.#head;
    this.#visited[frame] = 0;
    this.#newer[frame] = NONE;
    this.#older[frame] = head;
    if (head === NONE) this.#tail = frame;
    else this.#newer[head] = frame;
    this.#head = frame;
  }

  /** Marks a frame as visited. */
  touch(frame: number): void {
    this.#visited[frame] = 1;
  }

  /** Takes a frame out of the queue; a hand that is on it moves on. */
  remove(frame: number): void {
    const newer = this.#newer[frame]!;
    const older = this.#older[frame]!;
    if (frame === this.#hand) this.#hand = newer;
    if (newer === NONE) this.#head = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#tail = newer;
    else this.#newer[older] = newer;
  }

  /** Moves the hand to the next frame that is neither visited nor pinned. At most two rounds of the queue. */
  victim(pins: Int32Array): number {
    const visited = this.#visited;
    let frame = this.#hand === NONE ? this.#tail : this.#hand;
    while (visited[frame] !== 0 || pins[frame] !== 0) {
      visited[frame] = 0;
      frame = this.#newer[frame]!;
      if (frame === NONE) frame = this.#tail;
    }
    this.#hand = frame;
    return frame;
  }
}
