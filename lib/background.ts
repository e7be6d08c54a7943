/**
 * **What.** When flushes and compactions are done, and in which order. Here they run on the caller's thread in
 * bounded slices: in turns of the event loop of their own while the caller is idle, and inside writes when a
 * caller writes faster than that. A worker would take the place of this file and of nothing else.
 *
 * **Invariants.**
 * 1. A flush goes before a compaction, also in the middle of one: it is what writers wait for.
 * 2. There is at most one flush and one compaction at a time.
 * 3. A job that fails is given up, its files are removed, and its owner is told; no further job starts then, before
 *    the owner says so.
 * 4. A slice scheduled on the event loop is bounded in bytes, and at most one is scheduled at a time.
 *
 * **Read next.** `recovery.ts`
 *
 * @module
 */
import type { CompactionJob } from "./compaction.ts";
import type { Job } from "./job.ts";

/** Runs a task in a later turn of the event loop; returns what takes it back. */
export type Scheduler = (task: () => void) => () => void;

/** Schedules by a timer: other events of the loop get their turn in between. */
export function timerScheduler(task: () => void): () => void {
  const timer = setTimeout(task, 0);
  return () => clearTimeout(timer);
}

/** What the engine takes from its surroundings besides the disk. */
export interface Surroundings {
  /** How background work gets a turn of the event loop. */
  readonly schedule: Scheduler;
  /** Milliseconds from some moment on, for statistics only. */
  readonly now: () => number;
}

/** Who needs the work done. */
export interface BackgroundOwner {
  /** The next flush to do, or `undefined` if there is none. */
  nextFlush(): Job | undefined;
  /** A flush is done. */
  flushed(): void;
  /** The next compaction to do, or `undefined` if there is none. */
  nextCompaction(): CompactionJob | undefined;
  /** A compaction is done. */
  compacted(job: CompactionJob): void;
  /** A job failed. */
  backgroundFailed(error: unknown): void;
}

/** Bytes that one scheduled slice goes through: one to three milliseconds of work. */
export const SLICE_BYTES: number = 256 * 1024;

/** Does the jobs of one database. */
export class Background {
  readonly #owner: BackgroundOwner;
  readonly #schedule: Scheduler;
  #flush: Job | undefined;
  #compaction: CompactionJob | undefined;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  #isStepping = false;
  #owesCompaction = false;

  /**
   * Makes one that does nothing before it is asked to.
   *
   * @param owner Who needs the work done.
   * @param schedule How slices get a turn of the event loop.
   */
  constructor(owner: BackgroundOwner, schedule: Scheduler) {
    this.#owner = owner;
    this.#schedule = schedule;
  }

  /** The compaction under way. */
  get compaction(): CompactionJob | undefined {
    return this.#compaction;
  }

  /** Whether a job is under way. */
  get isBusy(): boolean {
    return this.#flush !== undefined || this.#compaction !== undefined;
  }

  /** Whether a compaction failed, and none has been done or was found needless since. */
  get owesCompaction(): boolean {
    return this.#owesCompaction;
  }

  /** Whether a slice waits for its turn of the event loop. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  /** Says that there may be work: a slice is scheduled if none is. */
  wake(): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#schedule(() => {
      this.#cancel = undefined;
      if (this.step(SLICE_BYTES)) this.wake();
    });
  }

  /**
   * Does some of the most urgent job.
   *
   * @param bytes About how many bytes to go through.
   * @returns Whether there was anything to do.
   */
  step(bytes: number): boolean {
    return this.stepFlush(bytes) || this.#stepCompaction(bytes);
  }

  /**
   * Does some of a flush, if there is one.
   *
   * @param bytes About how many bytes to go through.
   * @returns Whether there was one.
   */
  stepFlush(bytes: number): boolean {
    if (this.#isStopped || this.#isStepping) return false;
    try {
      const job = this.#flush ??= this.#owner.nextFlush();
      if (job === undefined) return false;
      if (this.#run(job, bytes)) {
        this.#flush = undefined;
        this.#owner.flushed();
      }
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  /** Takes up work again after it was stopped; jobs start from the beginning. */
  start(): void {
    this.#isStopped = false;
  }

  /** Stops: jobs under way are given up, and none starts. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#flush?.abandon();
    this.#compaction?.abandon();
    this.#flush = undefined;
    this.#compaction = undefined;
  }

  #stepCompaction(bytes: number): boolean {
    if (this.#isStopped || this.#isStepping) return false;
    try {
      const job = this.#compaction ??= this.#owner.nextCompaction();
      if (job === undefined) {
        this.#owesCompaction = false;
        return false;
      }
      if (this.#run(job, bytes)) {
        this.#compaction = undefined;
        this.#owesCompaction = false;
        this.#owner.compacted(job);
      }
    } catch (error) {
      this.#owesCompaction = true;
      this.#fail(error);
    }
    return true;
  }

  /** Runs a step of a job; whether it is done. */
  #run(job: Job, bytes: number): boolean {
    this.#isStepping = true;
    try {
      return job.step(bytes);
    } finally {
      this.#isStepping = false;
    }
  }

  /** Stops everything (invariant 3), also when choosing a job failed: an order of keys may be the caller's own. */
  #fail(error: unknown): void {
    this.stop();
    this.#owner.backgroundFailed(error);
  }
}
