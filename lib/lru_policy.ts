/**
 * **What.** Which block of a full buffer pool has to go: the interface of such a policy, and the classic one,
 * least recently used. Blocks are frames, small integers, in a doubly linked list with the one used last at
 * its head. The list is two `Int32Array`s rather than objects: a node costs 8 bytes and nothing to collect.
 *
 * **Invariants.**
 * 1. The list holds exactly the frames added and not yet removed, each once.
 * 2. Frames are in the order of their last use, the latest first.
 * 3. A victim is never pinned, and there is no unpinned frame that was used before it.
 *
 * **Read next.** `sieve_policy.ts`
 *
 * @module
 */

/** Decides which frame of a buffer pool to evict. Frames are small integers, numbered by the pool. */
export interface EvictionPolicy {
  /** Makes room for frames numbered below `frameCount`. */
  grow(frameCount: number): void;
  /** A frame now holds a block that was not there before. */
  add(frame: number): void;
  /** A frame's block was asked for again. */
  touch(frame: number): void;
  /** A frame's block is gone. */
  remove(frame: number): void;
  /**
   * Chooses a frame whose block should make room; the frame stays until it is removed.
   *
   * @param pins How often each frame is pinned. At least one frame here must not be pinned at all.
   */
  victim(pins: Int32Array): number;
}

/** End of the list. */
const NONE = -1;

/** Least recently used: every use moves a frame to the head, the victim is the unpinned frame nearest the tail. */
export class LruPolicy implements EvictionPolicy {
  /** The frame used just after this one. */
  #newer = new Int32Array(0);
  /** The frame used just before this one. */
  #older = new Int32Array(0);
  #head = NONE;
  #tail = NONE;

  /** Makes room for frames numbered below `frameCount`. */
  grow(frameCount: number): void {
    const newer = new Int32Array(frameCount);
    const older = new Int32Array(frameCount);
    newer.set(this.#newer);
    older.set(this.#older);
    this.#newer = newer;
    this.#older = older;
  }

  /** Puts a frame at the head. */
  add(frame: number): void {
    const head = this.#head;
    this.#newer[frame] = NONE;
    this.#older[frame] = head;
    if (head === NONE) this.#tail = frame;
    else this.#newer[head] = frame;
    this.#head = frame;
  }

  /** Moves a frame to the head. */
  touch(frame: number): void {
    if (frame === this.#head) return;
    this.remove(frame);
    this.add(frame);
  }

  /** Takes a frame out of the list. */
  remove(frame: number): void {
    const newer = this.#newer[frame]!;
    const older = this.#older[frame]!;
    if (newer === NONE) this.#head = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#tail = newer;
    else this.#newer[older] = newer;
  }

  /** The unpinned frame whose last use is longest ago. */
  victim(pins: Int32Array): number {
    let frame = this.#tail;
    while (pins[frame] !== 0) frame = this.#newer[frame]!;
    return frame;
  }
}
