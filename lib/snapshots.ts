/**
 * **What.** The moments that somebody still reads at. A compaction may leave out a version only when none of them,
 * nor the present, can see it.
 *
 * **Invariants.**
 * 1. Snapshots are kept in the order in which they were taken, so the first has the lowest sequence number.
 * 2. Releasing one twice does nothing.
 *
 * **Read next.** `requests.ts`
 *
 * @module
 */

/** A moment of the database to read at. */
export interface EngineSnapshot {
  /** Writes after this one are not seen. */
  readonly sequence: number;
}

/** The open snapshots of a database. */
export class Snapshots {
  #open: EngineSnapshot[] = [];

  /** How many are open. */
  get count(): number {
    return this.#open.length;
  }

  /**
   * Takes one.
   *
   * @param sequence The last write that it sees.
   * @returns The snapshot, to be released.
   */
  take(sequence: number): EngineSnapshot {
    const snapshot = { sequence };
    this.#open.push(snapshot);
    return snapshot;
  }

  /** Lets go of one. */
  release(snapshot: EngineSnapshot): void {
    const index = this.#open.indexOf(snapshot);
    if (index >= 0) this.#open.splice(index, 1);
  }

  /**
   * The oldest moment that somebody reads at.
   *
   * @param lastSequence The present, if there is no snapshot.
   * @returns Its sequence number.
   */
  oldestSequence(lastSequence: number): number {
    return this.#open[0]?.sequence ?? lastSequence;
  }

  /** Lets go of all of them. */
  clear(): void {
    this.#open = [];
  }
}
