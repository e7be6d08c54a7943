/**
 * **What.** What flushes and compactions have in common: work that is done in bounded steps, so that it can be
 * spread over the turns of an event loop, and the counting of what it costs. A job reads a memtable or tables and
 * writes tables. It knows nothing of the tree, so it can be done in a worker: what it came to is made part of the tree
 * by whoever asked for it.
 *
 * **Invariants.**
 * 1. A step does a bounded amount of work: about as many bytes as it was given, and at least one entry.
 * 2. A job that is done has made its tables durable; one that is given up has removed them.
 *
 * **Read next.** `flush.ts`
 *
 * @module
 */
import { InternalKeyComparator } from "./internal_key.ts";
import type { TableMeta } from "./version_edit.ts";

/** Work done in bounded steps. */
export interface Job {
  /**
   * Does some of the work.
   *
   * @param bytes About how many bytes to go through.
   * @returns What it came to, once it is done.
   */
  step(bytes: number): JobResult | undefined;
  /** Gives the job up and removes what it wrote. Only before it is done. */
  abandon(): void;
}

/** What a job came to. */
export interface JobResult {
  /** The new tables, in key order, durable. */
  readonly tables: readonly TableMeta[];
  /** Bytes written. */
  readonly bytesWritten: number;
  /** Entries left out since newer ones hide them. */
  readonly droppedEntries: number;
}

/** What a job that has nothing to write comes to. */
export const EMPTY_RESULT: JobResult = Object.freeze({
  tables: [],
  bytesWritten: 0,
  droppedEntries: 0,
});

/**
 * What flushes and compactions have cost since the database was opened: part of {@linkcode BackgroundStats}.
 *
 * @example What compactions rewrote
 * ```ts
 * import { type JobCounters, MemoryFileSystem, open } from "@varve/varve";
 * import { assert, assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * for (const value of ["old", "new"]) {
 *   await db.put("key", value);
 *   await db.flush();
 * }
 * await db.compact();
 * const counters: Readonly<JobCounters> = db.stats().background;
 * assertEquals([counters.flushes, counters.droppedEntries], [2, 1]);
 * assert(counters.compactionReadBytes > counters.compactionWriteBytes);
 * ```
 *
 * @category Statistics
 */
export class JobCounters {
  /** Memtables turned into tables. */
  flushes = 0;
  /** Bytes of tables written by flushes. */
  flushBytes = 0;
  /** How long they took, in milliseconds: here, turns of others in between included. */
  flushMs = 0;
  /** Compactions that rewrote tables. */
  compactions = 0;
  /** Compactions that only moved a table to the next level. */
  trivialMoves = 0;
  /** Bytes of tables read by compactions. */
  compactionReadBytes = 0;
  /** Bytes of tables written by compactions. */
  compactionWriteBytes = 0;
  /** How long compactions took, in milliseconds: here, turns of others in between included. */
  compactionMs = 0;
  /** Entries left out since newer ones hide them. */
  droppedEntries = 0;
}

/**
 * Decides which entries a rewrite may leave out: those that no snapshot can see, since a newer version of the
 * same key that is itself visible to the oldest snapshot comes before them.
 */
export class HiddenVersions {
  readonly #smallestSnapshot: number;
  readonly #comparator: InternalKeyComparator;
  #previous = new Uint8Array(64);
  #previousLength = -1;
  #previousSequence = Number.MAX_SAFE_INTEGER;
  /** Whether the last entry given was the first (newest) of its user key. */
  isNewUserKey = true;

  /**
   * Starts before the first entry.
   *
   * @param smallestSnapshot The oldest sequence number that anyone reads at.
   * @param comparator Says which keys are the same one: in an order of the caller's own they may differ in bytes.
   */
  constructor(smallestSnapshot: number, comparator = new InternalKeyComparator()) {
    this.#smallestSnapshot = smallestSnapshot;
    this.#comparator = comparator;
  }

  /**
   * Takes the next entry in order.
   *
   * @param buffer Where the user key is.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @param sequence The entry's sequence number.
   * @returns Whether the entry is hidden from everyone.
   */
  isHidden(buffer: Uint8Array, start: number, end: number, sequence: number): boolean {
    const length = end - start;
    let isSame = length === this.#previousLength;
    let previous = this.#previous;
    for (let i = length - 1; isSame && i >= 0; i--) isSame = previous[i] === buffer[start + i];
    if (!isSame && !this.#comparator.isBytewise && this.#previousLength >= 0) {
      isSame =
        this.#comparator.compareUser(previous, 0, this.#previousLength, buffer, start, end) === 0;
    }
    this.isNewUserKey = !isSame;
    if (!isSame) {
      if (previous.length < length) previous = this.#previous = new Uint8Array(length * 2);
      for (let i = 0; i < length; i++) previous[i] = buffer[start + i]!;
      this.#previousLength = length;
      this.#previousSequence = sequence;
      return false;
    }
    const isHidden = this.#previousSequence <= this.#smallestSnapshot;
    this.#previousSequence = sequence;
    return isHidden;
  }
}
