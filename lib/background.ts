/**
 * **What.** When flushes and compactions are done, and in which order. Where they are done is up to a runner. On the
 * caller's thread that is in bounded slices: in turns of the event loop of their own while the caller is idle, and
 * inside writes when a caller writes faster than that. With a worker what is left here is to hand out the next job
 * when one is done, and to make its tables part of the tree: when the worker's message comes, or inside a write if the
 * caller gives the event loop no turn.
 *
 * **Invariants.**
 * 1. A flush goes before a compaction, also in the middle of one: it is what writers wait for.
 * 2. There is at most one flush and one compaction at a time.
 * 3. A job that fails is given up, its files are removed, and its owner is told; no further job starts then, before
 *    the owner says so.
 * 4. A slice scheduled on the event loop is bounded in bytes, and at most one is scheduled at a time.
 * 5. The tree changes here and nowhere else: never while a step of something else is under way.
 *
 * **Read next.** `job_planner.ts`
 *
 * @module
 */
import type { CompactionPlan } from "./compaction_picker.ts";
import { EMPTY_RESULT, type JobResult } from "./job.ts";
import type { Workers } from "./job_client.ts";
import type { JobDescription, JobKind, JobRunner, RunningJob } from "./job_runner.ts";

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
  /** Milliseconds from some moment on, for statistics and for how long a writer waits at a time. */
  readonly now: () => number;
  /**
   * How long awaited writes may follow one another before the event loop gets a turn, in milliseconds. Promises that
   * are fulfilled at once would keep it from one for ever, and nothing else in the program would happen.
   *
   * @default {Infinity}
   */
  readonly burstMs?: number;
  /** What starts a worker for flushes and compactions. Without, they are done on the caller's thread. */
  readonly workers?: Workers | undefined;
}

/** How a job was done. */
export interface JobRun {
  /** Whether on the caller's thread. */
  readonly isHere: boolean;
  /** From its beginning to its end. */
  readonly durationMs: number;
}

/** A job that is to be done, and what is to become of it. */
export interface DueJob {
  /** The job; none if the tree is to be changed and nothing to be written. */
  readonly description: JobDescription | undefined;
  /** Makes what it came to part of the tree. It may throw. */
  install(result: JobResult, run: JobRun): void;
  /** It is given up. */
  abandon(): void;
}

/** A compaction that is to be done. */
export interface DueCompaction extends DueJob {
  /** What it compacts. */
  readonly plan: CompactionPlan;
}

/** Who needs the work done. */
export interface BackgroundOwner {
  /** The next flush to do, or `undefined` if there is none. */
  nextFlush(): DueJob | undefined;
  /** The next compaction to do, or `undefined` if there is none. */
  nextCompaction(): DueCompaction | undefined;
  /** Something was done, here or elsewhere: there may be room for writes. */
  backgroundAdvanced(): void;
  /** A job failed, so long after it was begun. */
  backgroundFailed(error: unknown, kind: JobKind, durationMs: number): void;
}

/** Bytes that one scheduled slice goes through: one to three milliseconds of work. */
export const SLICE_BYTES: number = 256 * 1024;

/** A job under way. */
interface Underway<T extends DueJob> {
  readonly due: T;
  readonly job: RunningJob;
}

/** The jobs of one kind, of which one at most is under way. */
interface Lane<T extends DueJob> {
  readonly kind: JobKind;
  /** The next one to do, or `undefined` if there is none. */
  readonly next: () => T | undefined;
  underway: Underway<T> | undefined;
  /** When the last one was begun. */
  startMs: number;
  /** Whether one failed, and none has been done or was found needless since. */
  isOwed: boolean;
}

/** Does the jobs of one database. */
export class Background {
  readonly #owner: BackgroundOwner;
  readonly #schedule: Scheduler;
  readonly #runner: JobRunner;
  readonly #now: () => number;
  readonly #flushes: Lane<DueJob>;
  readonly #compactions: Lane<DueCompaction>;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  #isStepping = false;

  /**
   * Makes one that does nothing before it is asked to.
   *
   * @param owner Who needs the work done.
   * @param schedule How slices get a turn of the event loop.
   * @param runner Where jobs are done.
   * @param now The clock, which is looked at when a job begins and when it ends.
   */
  constructor(
    owner: BackgroundOwner,
    schedule: Scheduler,
    runner: JobRunner,
    now: () => number,
  ) {
    this.#owner = owner;
    this.#schedule = schedule;
    this.#runner = runner;
    this.#now = now;
    const idle = { underway: undefined, startMs: 0, isOwed: false };
    this.#flushes = { kind: "flush", next: () => owner.nextFlush(), ...idle };
    this.#compactions = { kind: "compaction", next: () => owner.nextCompaction(), ...idle };
  }

  /** What the compaction under way compacts. */
  get compaction(): CompactionPlan | undefined {
    return this.#compactions.underway?.due.plan;
  }

  /** Whether a job is under way. */
  get isBusy(): boolean {
    return this.#flushes.underway !== undefined || this.#compactions.underway !== undefined;
  }

  /** Whether jobs are done in a worker. */
  get hasWorker(): boolean {
    return this.#runner.hasWorker;
  }

  /** Whether a compaction failed, and none has been done or was found needless since. */
  get owesCompaction(): boolean {
    return this.#compactions.isOwed;
  }

  /** Whether a slice waits for its turn of the event loop. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  /** Whether a job of a kind is done elsewhere now. */
  isElsewhere(kind: JobKind): boolean {
    const { underway } = kind === "flush" ? this.#flushes : this.#compactions;
    return underway !== undefined && !underway.job.isHere;
  }

  /** Bytes that jobs of a kind have gone through elsewhere, modulo 2^32. */
  progress(kind: JobKind): number {
    return this.#runner.progress(kind);
  }

  /** Says that there may be work: a slice is scheduled if none is. */
  wake(): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#schedule(() => {
      this.#cancel = undefined;
      if (this.step(SLICE_BYTES)) this.wake();
    });
  }

  /** Takes in what was done elsewhere, and hands out what is next. Costs next to nothing if there is nothing new. */
  poll(): void {
    if (!this.#runner.hasNews || this.#isStepping) return;
    this.#runner.receive();
    // Where a job is done here its turn comes by itself.
    for (const lane of [this.#flushes, this.#compactions]) {
      while (!lane.underway?.job.isHere && this.#step(lane, 0));
    }
    this.#owner.backgroundAdvanced();
  }

  /** The same when the worker's message comes: it may also have been asked to tell of a step. */
  heard(): void {
    this.poll();
    this.#owner.backgroundAdvanced();
  }

  /** Wants the owner to be told of the next step that is made elsewhere. */
  wantNews(): void {
    this.#runner.wantNews();
  }

  /**
   * Waits for something to be done elsewhere, for a bounded time.
   *
   * @returns False if nothing is.
   */
  wait(): boolean {
    if (this.#isStopped || this.#isStepping || !this.#runner.wait()) return false;
    this.poll();
    return true;
  }

  /**
   * Does some of the most urgent job.
   *
   * @param bytes About how many bytes to go through.
   * @returns Whether there was anything to do here.
   */
  step(bytes: number): boolean {
    return this.stepFlush(bytes) || this.#step(this.#compactions, bytes);
  }

  /**
   * Does some of a flush, if there is one.
   *
   * @param bytes About how many bytes to go through.
   * @returns Whether there was anything to do here.
   */
  stepFlush(bytes: number): boolean {
    return this.#step(this.#flushes, bytes);
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
    const lanes = [this.#flushes, this.#compactions];
    for (const { underway } of lanes) {
      underway?.job.abandon();
      underway?.due.abandon();
    }
    for (const lane of lanes) lane.underway = undefined;
    this.#owner.backgroundAdvanced();
  }

  /** Stops for good, and waits until nothing is done elsewhere any more. */
  async close(): Promise<void> {
    this.stop();
    await this.#runner.close();
  }

  /** Does some of a lane's job, or begins its next one; whether there was anything to do here. */
  #step<T extends DueJob>(lane: Lane<T>, bytes: number): boolean {
    if (this.#isStopped || this.#isStepping) return false;
    return this.#guard(lane, () => {
      let isNew = false;
      if (lane.underway === undefined) {
        lane.startMs = this.#now();
        const due = lane.next();
        if (due === undefined) {
          lane.isOwed = false;
          return false;
        }
        lane.underway = this.#start(due);
        isNew = true;
      }
      const { due, job } = lane.underway;
      const result = job.step(bytes);
      if (result === undefined) return isNew || job.isHere;
      lane.underway = undefined;
      due.install(result, { isHere: job.isHere, durationMs: this.#now() - lane.startMs });
      lane.isOwed = false;
      return true;
    });
  }

  #start<T extends DueJob>(due: T): Underway<T> {
    const { description } = due;
    if (description === undefined) {
      return { due, job: { isHere: true, step: () => EMPTY_RESULT, abandon: () => {} } };
    }
    try {
      return { due, job: this.#runner.start(description) };
    } catch (error) {
      due.abandon();
      throw error;
    }
  }

  /**
   * Does something that no other step may come in the middle of: a logger may call back. If it fails everything is
   * stopped (invariant 3), also when choosing a job failed: an order of keys may be the caller's own.
   */
  #guard<T extends DueJob>(lane: Lane<T>, body: () => boolean): boolean {
    this.#isStepping = true;
    try {
      return body();
    } catch (error) {
      lane.isOwed = true;
      this.stop();
      this.#owner.backgroundFailed(error, lane.kind, this.#now() - lane.startMs);
      return true;
    } finally {
      this.#isStepping = false;
    }
  }
}
