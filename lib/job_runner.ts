/**
 * **What.** Where jobs are done. Whoever needs one gives its description to a runner and gets a handle of the job under
 * way. The runner here does jobs on the caller's thread, in the steps that it is asked for; `worker_runner.ts` has them
 * done in a worker. Both run the same code from the same description.
 *
 * **Invariants.**
 * 1. A job that was begun somewhere ends there.
 *
 * **Read next.** `mailbox.ts`
 *
 * @module
 */
import { type CompactionDescription, CompactionJob } from "./compaction.ts";
import { type FlushDescription, FlushJob } from "./flush.ts";
import type { Job, JobResult } from "./job.ts";
import type { JobContext } from "./tree.ts";

/** A job to be done: plain data. */
export type JobDescription = FlushDescription | CompactionDescription;

/** What a job does. */
export type JobKind = JobDescription["kind"];

/**
 * Prepares a job.
 *
 * @param context What it works with.
 * @param description What it is to do.
 * @returns The job, of which nothing is done yet.
 */
export function createJob(context: JobContext, description: JobDescription): Job {
  return description.kind === "flush"
    ? new FlushJob(context, description)
    : new CompactionJob(context, description);
}

/** A job under way. */
export interface RunningJob {
  /** Whether it is done here, by {@linkcode RunningJob.step}. Otherwise a step only looks whether it is done. */
  readonly isHere: boolean;
  /**
   * Does some of the work, if it is done here.
   *
   * @param bytes About how many bytes to go through.
   * @returns What the job came to, once it is done.
   * @throws What the job failed with; it is to be given up then.
   */
  step(bytes: number): JobResult | undefined;
  /** Gives it up; what it wrote is removed. */
  abandon(): void;
}

/** Where jobs are done. */
export interface JobRunner {
  /** Whether jobs are done elsewhere now. */
  readonly hasWorker: boolean;
  /** Whether {@linkcode JobRunner.receive} would find something. Costs next to nothing. */
  readonly hasNews: boolean;
  /** Starts a job. */
  start(description: JobDescription): RunningJob;
  /** Takes in what was said elsewhere: steps of jobs that are done there see it from now on. */
  receive(): void;
  /** Wants to be told of the next step that is made elsewhere, not only of the last one of a job. */
  wantNews(): void;
  /**
   * Waits, for a bounded time, until a step is made elsewhere.
   *
   * @returns False if nothing is under way elsewhere.
   */
  wait(): boolean;
  /** Bytes that jobs of a kind have gone through elsewhere, modulo 2^32. */
  progress(kind: JobKind): number;
  /** Ends all work elsewhere. Not before all jobs are done or given up. */
  close(): Promise<void>;
}

/** Does jobs on the caller's thread. */
export class LocalRunner implements JobRunner {
  /** {@inheritDoc} */
  readonly hasWorker: boolean = false;
  /** {@inheritDoc} */
  readonly hasNews: boolean = false;
  readonly #context: JobContext;

  /**
   * Makes one.
   *
   * @param context What jobs work with.
   */
  constructor(context: JobContext) {
    this.#context = context;
  }

  /** {@inheritDoc} */
  start(description: JobDescription): RunningJob {
    const job = createJob(this.#context, description);
    return {
      isHere: true,
      step: (bytes) => job.step(bytes),
      abandon: () => job.abandon(),
    };
  }

  /** {@inheritDoc} */
  receive(): void {}

  /** {@inheritDoc} */
  wantNews(): void {}

  /** {@inheritDoc} */
  wait(): boolean {
    return false;
  }

  /** {@inheritDoc} */
  progress(): number {
    return 0;
  }

  /** {@inheritDoc} */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
