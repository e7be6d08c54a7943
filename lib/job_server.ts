/**
 * **What.** The side of a worker: it is given descriptions of jobs, does them in steps over a disk of its own, and
 * reports what they came to. Between two steps it looks for what is new: a flush that goes before the compaction it is
 * at, or a job that is not wanted any more. Files that nobody needs are removed here, too, a few at each step.
 *
 * **Invariants.**
 * 1. A flush goes before a compaction, also in the middle of one.
 * 2. Nothing that a job does gets out of here as an error: it becomes a report.
 * 3. For each job there is exactly one report, after which it holds nothing: no file is open, and unless the job is
 *    done none that it wrote is left. So files that the other side wants to be removed are not in use here.
 * 4. A job that is given up creates no file any more, and once all is given up none is removed.
 * 5. Files are removed faster than compactions can leave them: these wait for it, flushes do not.
 *
 * **Read next.** `job_client.ts`
 *
 * @module
 */
import { createBufferPool } from "./buffer_pool.ts";
import { FileNumbers } from "./file_numbers.ts";
import { type RemovalOutcome, removeIfThere } from "./file_remover.ts";
import type { FileSystem } from "./file_system.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import type { Job, JobResult } from "./job.ts";
import { JobChannel } from "./job_channel.ts";
import { encodeReport, fromPosted, type JobReport, type JobRequest } from "./job_messages.ts";
import { createJob, type JobDescription } from "./job_runner.ts";
import type { LogLevel } from "./logger.ts";
import { MailboxSender } from "./mailbox.ts";
import { TableCache } from "./table_cache.ts";

/** What a worker is started with: plain data. */
export interface WorkerSetup {
  /** The directory of the database. */
  readonly directory: string;
  /** The memory of the {@linkcode JobChannel}. */
  readonly channel: SharedArrayBuffer;
  /** The memory of the mailbox for reports. */
  readonly mailbox: SharedArrayBuffer;
  /** The memory of the {@linkcode FileNumbers}. */
  readonly fileNumbers: SharedArrayBuffer;
}

/**
 * Bytes that a step goes through: a few milliseconds, which is how long a flush or the end of a database has to wait,
 * and how finely writers are slowed down. What comes between two steps takes 50 µs.
 */
export const STEP_BYTES: number = 256 * 1024;

/** Files removed in a step: each takes up to a millisecond, but every second one is a name that is seldom there. */
const STEP_REMOVALS = 4;

/** For the indexes and filters of the tables being read; their blocks are read once, and not kept. */
const POOL_BYTES = 4 * 1024 * 1024;
/** More are opened if level 0 has more, since it is merged as a whole. */
const OPEN_TABLES = 64;

/** A job and what it holds. */
interface ServedJob {
  readonly id: number;
  readonly description: JobDescription;
  readonly cache: TableCache;
  job: Job | undefined;
}

/** Files to be removed, and what became of the first of them. */
interface Removal {
  readonly paths: readonly string[];
  readonly outcomes: RemovalOutcome[];
}

/** Does jobs for another thread. */
export class JobServer {
  readonly #setup: WorkerSetup;
  readonly #fileSystem: FileSystem;
  readonly #wake: () => void;
  readonly #comparator = new InternalKeyComparator();
  readonly #channel: JobChannel;
  readonly #outbox: MailboxSender;
  readonly #fileNumbers: FileNumbers;
  #jobs: ServedJob[] = [];
  readonly #removals: Removal[] = [];

  /**
   * Makes one that has nothing to do yet, and says that it is ready.
   *
   * @param setup What it shares with the other side.
   * @param fileSystem The disk.
   * @param wake Tells the other side's event loop that there is something in the mailbox, or a step that it wanted to
   * hear of.
   */
  constructor(setup: WorkerSetup, fileSystem: FileSystem, wake: () => void) {
    this.#setup = setup;
    this.#fileSystem = fileSystem;
    this.#wake = wake;
    this.#channel = new JobChannel(setup.channel);
    this.#outbox = new MailboxSender(setup.mailbox);
    this.#fileNumbers = FileNumbers.attach(setup.fileNumbers);
    this.#channel.setReady();
  }

  /** Takes a request. */
  receive(request: JobRequest): void {
    if (request.kind === "look") return;
    if (request.kind === "remove") {
      this.#removals.push({ paths: request.paths, outcomes: [] });
      return;
    }
    const { id } = request;
    let description: JobDescription;
    try {
      description = fromPosted(request.description);
    } catch (error) {
      this.#report({ kind: "failed", id, error });
      return;
    }
    const cache = new TableCache({
      fileSystem: this.#fileSystem,
      directory: this.#setup.directory,
      comparator: this.#comparator,
      pool: createBufferPool({ capacityBytes: POOL_BYTES }),
      maxOpenTables: OPEN_TABLES,
    });
    this.#jobs.push({ id, description, cache, job: undefined });
  }

  /**
   * Does a step of the most urgent job, removes some files, and sees to the mailbox.
   *
   * @returns Whether there is more to do at once. If not, the next request is a reason to call again.
   */
  step(): boolean {
    for (const served of this.#jobs.filter(({ id }) => this.#channel.isGivenUp(id))) {
      this.#end(served, { kind: "abandoned", id: served.id });
    }
    this.#removeSome();
    const served = this.#jobs.find(({ description }) => description.kind === "flush") ??
      (this.#removals.length > 0 ? undefined : this.#jobs[0]);
    if (served !== undefined) this.#work(served);
    const hasPut = this.#outbox.pump();
    this.#channel.countStep();
    if (this.#channel.takeWanted() || hasPut) this.#wake();
    return this.#jobs.length > 0 || this.#removals.length > 0;
  }

  #removeSome(): void {
    const removal = this.#removals[0];
    if (removal === undefined) return;
    const { paths, outcomes } = removal;
    for (let i = 0; i < STEP_REMOVALS && outcomes.length < paths.length; i++) {
      if (this.#channel.isOver) return void this.#removals.splice(0); // the other side does it
      outcomes.push(removeIfThere(this.#fileSystem, paths[outcomes.length]!));
    }
    if (outcomes.length < paths.length) return;
    this.#removals.shift();
    this.#report({ kind: "removed", outcomes });
  }

  #work(served: ServedJob): void {
    const { id, description } = served;
    let result: JobResult | undefined;
    try {
      served.job ??= this.#create(served);
      result = served.job.step(STEP_BYTES);
    } catch (error) {
      this.#end(served, { kind: "failed", id, error });
      return;
    }
    this.#channel.countBytes(description.kind, STEP_BYTES);
    if (result !== undefined) this.#end(served, { kind: "done", id, result });
  }

  #create({ id, description, cache }: ServedJob): Job {
    const { directory } = this.#setup;
    const next = () => {
      // Whoever gave it up may have gone, and the next owner of the directory counts files anew.
      if (this.#channel.isGivenUp(id)) throw new Error("The job was given up");
      return this.#fileNumbers.next();
    };
    const context = {
      fileSystem: this.#fileSystem,
      directory,
      comparator: this.#comparator,
      cache,
      fileNumbers: { next },
      logger: {
        log: (level: LogLevel, source: string, message: string) =>
          this.#report({ kind: "log", level, source, message }),
      },
    };
    return createJob(context, description);
  }

  #end(served: ServedJob, report: JobReport): void {
    this.#jobs = this.#jobs.filter((it) => it !== served);
    try {
      if (report.kind !== "done") served.job?.abandon();
      served.cache.close();
    } catch (error) {
      const message = `cannot give back what a job held: ${error}`;
      this.#report({ kind: "log", level: "warn", source: "worker", message });
    }
    this.#report(report);
  }

  #report(report: JobReport): void {
    this.#outbox.send(encodeReport(report));
    this.#wake();
  }
}
