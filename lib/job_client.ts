/**
 * **What.** The side of the caller's thread: it starts a worker, gives it jobs, and takes what they came to. Nothing
 * here depends on the event loop: a caller in a synchronous loop posts requests, reads reports from shared memory, and
 * waits for the worker's next step if it has to.
 *
 * **Invariants.**
 * 1. A job ends once: with its result, with an error, or given up. None is left waiting for a worker that died, or
 *    that gave no sign of life for {@linkcode SILENCE_MS}: their jobs fail, with the cause.
 * 2. What a job wrote that was given up too late to stop it is removed.
 * 3. The process is kept alive while jobs are under way, or files to be removed, and not otherwise.
 * 4. When {@linkcode JobClient.close} is done the worker does nothing in the directory any more, and no file is left
 *    that it was to remove. What a worker that was lost has not removed is given back.
 *
 * **Read next.** `worker_runner.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import type { FileNumbers } from "./file_numbers.ts";
import type { RemovalHelper } from "./file_remover.ts";
import { invariant } from "./invariant.ts";
import type { JobResult } from "./job.ts";
import { JobChannel } from "./job_channel.ts";
import { decodeReport, type JobReport, type JobRequest, toPosted } from "./job_messages.ts";
import type { JobDescription, JobKind, RunningJob } from "./job_runner.ts";
import type { WorkerSetup } from "./job_server.ts";
import type { Logger } from "./logger.ts";
import { mailboxMemory, MailboxReceiver } from "./mailbox.ts";
import type { TableMeta } from "./version_edit.ts";

/** A worker at work makes a step every few milliseconds, or waits for the disk. After so long it is taken for lost. */
export const SILENCE_MS = 30_000;
/** A caller waits for so long at a time. */
const WAIT_MS = 1000;

/** A worker that was started. */
export interface WorkerHost {
  /** Sends a request. It arrives though the sender does not return to its event loop. */
  post(request: JobRequest): void;
  /**
   * Waits until the worker makes a step.
   *
   * @param channel The words it counts its steps in.
   * @param steps How many it had made.
   * @param ms How long to wait at most.
   */
  wait(channel: JobChannel, steps: number, ms: number): void;
  /**
   * Runs a task later, when the event loop turns.
   *
   * @param ms How much later.
   * @param task The task.
   * @returns What takes it back.
   */
  alarm(ms: number, task: () => void): () => void;
  /** Whether the process stays alive for the worker's sake. It does not before the first call. */
  keepAlive(isKept: boolean): void;
  /** Ends the worker, whatever it is at. */
  terminate(): void;
}

/** What a worker's host calls. */
export interface WorkerEvents {
  /** There may be something to receive. */
  news(): void;
  /** The worker has ended by itself, or could not be started. */
  failed(cause: unknown): void;
}

/** Starts workers. */
export interface Workers {
  /** A job that goes through fewer bytes is not worth starting a worker for. */
  readonly worthBytes: number;
  /** Why no worker can be started here, and what to do about it; `undefined` if one can. */
  unavailable(): string | undefined;
  /** Starts one. It says in the channel when it is ready. */
  start(setup: WorkerSetup, events: WorkerEvents): WorkerHost;
}

/** What a client works with. */
export interface JobClientContext {
  /** The directory of the database. */
  readonly directory: string;
  /** Where new files get their numbers. */
  readonly fileNumbers: FileNumbers;
  /** Who is told what the worker has to tell. */
  readonly logger: Logger;
  /** Removes tables that are not wanted. */
  discard(tables: readonly TableMeta[]): void;
  /** There may be something to receive. */
  onNews(): void;
}

/** A job that the worker does. */
class RemoteJob implements RunningJob {
  readonly isHere = false;
  readonly id: number;
  report: JobReport | undefined;
  isGivenUp = false;
  readonly #giveUp: (job: RemoteJob) => void;

  constructor(id: number, giveUp: (job: RemoteJob) => void) {
    this.id = id;
    this.#giveUp = giveUp;
  }

  step(): JobResult | undefined {
    const { report } = this;
    if (report?.kind === "done") return report.result;
    if (report?.kind === "failed") throw report.error;
    return undefined;
  }

  abandon(): void {
    if (this.isGivenUp) return;
    this.isGivenUp = true;
    this.#giveUp(this);
  }
}

/** A worker, and the jobs that it was given. */
export class JobClient {
  readonly #context: JobClientContext;
  readonly #channel = new JobChannel();
  readonly #inbox: MailboxReceiver;
  readonly #host: WorkerHost;
  /** Those that were not reported on. */
  readonly #jobs = new Map<number, RemoteJob>();
  /** Who is told of the files that are being removed, in the order in which the worker does it. */
  readonly #removals: Parameters<RemovalHelper>[1][] = [];
  #lastId = 0;
  #death: VarveError | undefined;
  #silentWaits = 0;
  /** The steps that there were when a wait ended the last time: those made since are a sign of life, too. */
  #stepsSeen = 0;
  #takeBackAlarm: (() => void) | undefined;
  #isClosing = false;
  #onIdle: (() => void) | undefined;

  /**
   * Starts a worker.
   *
   * @param workers Starts it.
   * @param context What to work with.
   */
  constructor(workers: Workers, context: JobClientContext) {
    this.#context = context;
    const mailbox = mailboxMemory();
    this.#inbox = new MailboxReceiver(mailbox);
    const { directory, fileNumbers } = context;
    const setup = {
      directory,
      channel: this.#channel.memory,
      mailbox,
      fileNumbers: fileNumbers.memory,
    };
    this.#host = workers.start(setup, {
      news: () => this.#context.onNews(),
      failed: (cause) => this.#die("ended by itself", cause),
    });
  }

  /** Whether it takes jobs. */
  get isReady(): boolean {
    return this.#death === undefined && !this.#isClosing && this.#channel.isReady;
  }

  /** Whether it took jobs at any time. */
  get hasBeenReady(): boolean {
    return this.#channel.isReady;
  }

  /** Why it takes none any more. */
  get death(): VarveError | undefined {
    return this.#death;
  }

  /** Whether there is something to receive. */
  get hasNews(): boolean {
    return this.#inbox.hasPart;
  }

  /** Whether the worker has jobs to do. */
  get isBusy(): boolean {
    return this.#jobs.size > 0;
  }

  /** Bytes that jobs of a kind have gone through. */
  progress(kind: JobKind): number {
    return this.#channel.bytes(kind);
  }

  /** Gives the worker a job. */
  submit(description: JobDescription): RunningJob {
    invariant(this.isReady, "jobs are given to a worker that takes them");
    const id = ++this.#lastId;
    this.#host.post({ kind: "start", id, description: toPosted(description) });
    const job = new RemoteJob(id, (job) => {
      // All others are given up at the same time, or were reported on.
      if (this.#death === undefined && this.#jobs.has(job.id)) this.#channel.giveUp(job.id);
      else if (job.report?.kind === "done") this.#context.discard(job.report.result.tables);
    });
    if (this.#jobs.size === 0) this.#silentWaits = 0;
    if (this.#isIdle) this.#begin();
    this.#jobs.set(id, job);
    return job;
  }

  /** Has files removed, unless the worker takes nothing. */
  readonly remove: RemovalHelper = (paths, done) => {
    if (!this.isReady) return false;
    this.#host.post({ kind: "remove", paths });
    if (this.#isIdle) this.#begin();
    this.#removals.push(done);
    return true;
  };

  /** Takes in reports that are there. */
  receive(): void {
    while (this.#death === undefined && this.#inbox.hasPart) {
      const message = this.#inbox.take();
      this.#host.post({ kind: "look" });
      if (message !== undefined) this.#take(decodeReport(message));
    }
  }

  /** Wants to be told of the next step. */
  wantNews(): void {
    this.#channel.setWanted();
  }

  /** Waits for a step of the worker. */
  wait(): void {
    const { steps } = this.#channel;
    if (this.hasNews || this.#death !== undefined) return;
    if (steps !== this.#stepsSeen) this.#silentWaits = 0;
    this.#host.wait(this.#channel, steps, WAIT_MS);
    this.#stepsSeen = this.#channel.steps;
    if (this.#stepsSeen !== steps || this.hasNews) this.#silentWaits = 0;
    else if (++this.#silentWaits * WAIT_MS >= SILENCE_MS) this.#fallSilent();
  }

  /** Ends the worker, once the jobs that were given up are reported on, and files are removed. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#isIdle) {
      this.#host.post({ kind: "look" });
      await new Promise<void>((resolve) => this.#onIdle = resolve);
    }
    this.#takeBackAlarm?.();
    if (this.#death === undefined) this.#host.terminate();
    this.#death ??= new VarveError("CLOSED", "The worker was ended");
  }

  #take(report: JobReport): void {
    if (report.kind === "log") {
      this.#context.logger.log(report.level, report.source, report.message);
      return;
    }
    if (report.kind === "removed") {
      this.#removals.shift()?.(report.outcomes);
    } else {
      const job = this.#jobs.get(report.id);
      if (job === undefined) return;
      this.#jobs.delete(report.id);
      job.report = report;
      if (job.isGivenUp && report.kind === "done") this.#context.discard(report.result.tables);
    }
    if (this.#isIdle) this.#idle();
  }

  get #isIdle(): boolean {
    return this.#jobs.size === 0 && this.#removals.length === 0;
  }

  #begin(): void {
    this.#takeBackAlarm?.(); // a logger that heard of the end of the last job may begin the next
    this.#host.keepAlive(true);
    this.#watch();
  }

  #idle(): void {
    this.#takeBackAlarm?.();
    this.#takeBackAlarm = undefined;
    if (this.#death === undefined) this.#host.keepAlive(false);
    this.#onIdle?.();
  }

  /** Looks now and then whether the worker is alive, for those who wait for a promise. */
  #watch(): void {
    const { steps } = this.#channel;
    this.#takeBackAlarm = this.#host.alarm(SILENCE_MS, () => {
      this.#takeBackAlarm = undefined;
      if (this.#channel.steps !== steps || this.hasNews) this.#watch();
      else this.#fallSilent();
    });
  }

  #fallSilent(): void {
    this.#die(`has given no sign of life for ${SILENCE_MS / 1000} s`, undefined);
  }

  #die(how: string, cause: unknown): void {
    if (this.#death !== undefined) return;
    const what = cause === undefined ? "" : `: ${cause instanceof Error ? cause.message : cause}`;
    const error = this.#death = new VarveError("IO", `The worker ${how}${what}`, { cause });
    this.#channel.giveUpAll();
    this.#host.terminate();
    for (const job of this.#jobs.values()) job.report = { kind: "failed", id: job.id, error };
    this.#jobs.clear();
    for (const done of this.#removals.splice(0)) done(undefined);
    this.#idle();
    this.#context.onNews();
  }
}
