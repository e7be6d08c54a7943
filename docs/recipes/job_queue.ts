/**
 * **What.** A durable job queue: priorities, delays, retries with backoff, leases and dead letters. A job that was
 * taken and not finished comes back, whatever became of who took it. This runs some jobs, with a crash among them:
 * ```text
 * deno run --allow-read --allow-write docs/recipes/job_queue.ts [DIRECTORY]
 * ```
 *
 * **Format.** Sublevels of one store. A job is in `job`, and in one of the other three.
 * ```text
 * job    id              → { id, payload, priority, attempts, at, state, error? }, as JSON
 * ready  [-priority, id] → nothing: what can be taken, the most urgent first, then the oldest
 * due    [at, id]        → nothing: when a delay, a pause before a retry or a lease ends
 * dead   id              → nothing: what failed too often
 * next   "id"            → the number of the next job
 * ```
 *
 * **Invariants.**
 * 1. A job and its entry in `ready`, `due` or `dead` change in one batch.
 * 2. What is read to decide on a write is read without `await` before that write: no job is taken twice.
 * 3. What was added or finished is on disk when the promise resolves. What was taken need not be: if that is lost, the
 *    process that took it is gone as well, and the job can be taken again.
 * 4. A lease that has ended, or whose job was finished, finishes nothing.
 *
 * **Read next.** `job_queue_test.ts`
 *
 * @module
 */
import { type Batch, json, number, open, type Store, tuple } from "@varve/varve";

/** A job, as it is stored. */
export interface Job<P> {
  readonly id: number;
  readonly payload: P;
  /** The higher, the earlier. */
  readonly priority: number;
  /** How often it was taken. */
  readonly attempts: number;
  /** When the delay or the lease ends, if it has one. */
  readonly at: number;
  readonly state: "ready" | "delayed" | "taken" | "dead";
  /** Why the last attempt failed. */
  readonly error?: string;
}

/** What can be chosen. */
export interface JobQueueOptions {
  /** How long a job may take before others may take it: 30 s by default. */
  readonly leaseMs?: number;
  /** How often a job is tried: 5 times by default. */
  readonly attemptsMax?: number;
  /** The pause before the second attempt, doubled for each further one, up to an hour: 1 s by default. */
  readonly backoffMs?: number;
  /** The time, in milliseconds since 1970. */
  readonly now?: () => number;
}

/** So many delays and leases that have ended are looked at in one take. */
const DUE_MAX = 100;
const BACKOFF_MAX_MS = 3600_000;

/** A queue of jobs with a payload of type `P`. */
export class JobQueue<P> {
  readonly #store: Store<string, string>;
  readonly #jobs: Store<number, Job<P>>;
  readonly #ready: Store<readonly [urgency: number, id: number], string>;
  readonly #due: Store<readonly [at: number, id: number], string>;
  readonly #dead: Store<number, string>;
  readonly #next: Store<string, number>;
  readonly #options: Required<JobQueueOptions>;
  #nextId: number;
  /** Of each priority, negated, the first number that may be in `ready`: before it there is nothing but tombstones. */
  readonly #heads = new Map<number, number>();
  /** The same for `due`. */
  #dueFrom = -Infinity;
  #woken = Promise.withResolvers<void>();

  /**
   * Makes the queue of a store. There may be only one of it: it counts the jobs.
   *
   * @param store The database, or a sublevel of it.
   * @param options What can be chosen.
   */
  constructor(store: Store<string, string>, options: JobQueueOptions = {}) {
    this.#store = store;
    const pair = { key: tuple<readonly [number, number]>() };
    this.#jobs = store.sublevel("job", { key: number, value: json<Job<P>>() });
    this.#ready = store.sublevel("ready", pair);
    this.#due = store.sublevel("due", pair);
    this.#dead = store.sublevel("dead", { key: number });
    this.#next = store.sublevel("next", { value: number });
    this.#nextId = this.#next.getSync("id") ?? 1;
    using cursor = this.#ready.cursorSync();
    for (let isAt = cursor.next(); isAt;) {
      const [urgency, id] = cursor.key;
      this.#heads.set(urgency, id);
      isAt = cursor.seek([urgency, Infinity]); // past all others of that priority
    }
    this.#options = {
      leaseMs: 30_000,
      attemptsMax: 5,
      backoffMs: 1000,
      now: Date.now,
      ...options,
    };
  }

  /**
   * Adds a job.
   *
   * @param payload What is to be done.
   * @param options Its priority, 0 by default, and how long nobody may take it.
   * @returns Its number. It is on disk by then.
   */
  async add(payload: P, options: { priority?: number; delayMs?: number } = {}): Promise<number> {
    const { priority = 0, delayMs = 0 } = options;
    const id = this.#nextId++;
    const batch = this.#store.batch();
    batch.on(this.#next).put("id", this.#nextId);
    const at = this.#options.now() + delayMs;
    const state = delayMs > 0 ? "delayed" : "ready";
    this.#put(batch, { id, payload, priority, attempts: 0, at, state });
    batch.commitSync({ sync: false }); // at once, so that who takes next finds it
    this.#wake();
    await this.#durable();
    return id;
  }

  // #region take
  /**
   * Takes the most urgent job, for as long as a lease lasts.
   *
   * @returns The job, to be given to `finish` or `fail`; `undefined` if there is none now.
   */
  take(): Job<P> | undefined {
    this.#letDueGo();
    const job = this.#first();
    if (job === undefined) return undefined;
    const at = this.#options.now() + this.#options.leaseMs;
    const taken: Job<P> = { ...job, attempts: job.attempts + 1, at, state: "taken" };
    const batch = this.#store.batch();
    this.#remove(batch, job);
    this.#put(batch, taken);
    batch.commitSync({ sync: false });
    return taken;
  }

  #first(): Job<P> | undefined {
    for (const urgency of [...this.#heads.keys()].sort((a, b) => a - b)) {
      const range = { gte: [urgency, this.#heads.get(urgency)!], lt: [urgency, Infinity] } as const;
      const [first] = this.#ready.keysSync({ ...range, limit: 1 });
      if (first === undefined) {
        this.#heads.delete(urgency);
        continue;
      }
      this.#heads.set(urgency, first[1]); // not to go over what is before it again
      return this.#jobs.getSync(first[1]);
    }
    return undefined;
  }
  // #endregion

  // #region finish
  /**
   * Removes a job that was done. What it came to may go into the same batch: then it is there if and only if the job
   * is finished, and no crash makes it happen twice.
   *
   * @param taken The job, as `take` gave it.
   * @param also Adds to the batch.
   * @returns Whether it was still ours to finish. If not, nothing is written.
   */
  async finish(
    taken: Job<P>,
    also: (batch: Batch<string, string>) => void = () => {},
  ): Promise<boolean> {
    const job = this.#held(taken);
    if (job === undefined) return false;
    const batch = this.#store.batch();
    this.#remove(batch, job);
    also(batch);
    batch.commitSync({ sync: false }); // at once, so that a second finish finds nothing
    await this.#durable();
    return true;
  }
  // #endregion

  /**
   * Gives back a job that was not done: for another attempt, or to the dead letters.
   *
   * @param taken The job, as `take` gave it.
   * @param error Why.
   * @returns The job as it is now; `undefined` if it was not ours any more.
   */
  fail(taken: Job<P>, error: string): Job<P> | undefined {
    const job = this.#held(taken);
    if (job === undefined) return undefined;
    const batch = this.#store.batch();
    this.#remove(batch, job);
    const failed = this.#put(batch, this.#afterFailure(job, error));
    batch.commitSync({ sync: false }); // if that is lost, the lease ends
    this.#wake();
    return failed;
  }

  /**
   * Makes the lease of a job last for another `leaseMs` from now.
   *
   * @param taken The job, as `take` or `extend` gave it.
   * @returns The job with its new lease; `undefined` if it was not ours any more.
   */
  extend(taken: Job<P>): Job<P> | undefined {
    const job = this.#held(taken);
    if (job === undefined) return undefined;
    const batch = this.#store.batch();
    this.#remove(batch, job);
    const at = this.#options.now() + this.#options.leaseMs;
    const extended = this.#put(batch, { ...job, at });
    batch.commitSync({ sync: false });
    return extended;
  }

  /** The dead letters, the oldest first, a hundred at most. */
  dead(): Job<P>[] {
    return this.#jobs.getManySync([...this.#dead.keysSync({ limit: 100 })]).map((job) => job!);
  }

  /**
   * Gives a dead letter as many attempts as a new job has.
   *
   * @param id Its number.
   * @returns Whether it was one. It is on disk by then.
   */
  async revive(id: number): Promise<boolean> {
    const job = this.#jobs.getSync(id);
    if (job?.state !== "dead") return false;
    const batch = this.#store.batch();
    this.#remove(batch, job);
    this.#put(batch, { ...job, attempts: 0, state: "ready" });
    batch.commitSync({ sync: false });
    await this.#durable();
    this.#wake();
    return true;
  }

  /**
   * Takes jobs and does them, one after the other, until it is told to stop. Call it several times for several at once.
   *
   * @param work Does a job. If it throws, the job is given back.
   * @param signal Tells it to stop; a job under way is done first.
   */
  async run(work: (job: Job<P>) => Promise<unknown>, signal: AbortSignal): Promise<void> {
    const stop = () => this.#wake();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const job = this.take();
        if (job === undefined) {
          await this.#wait();
          continue;
        }
        try {
          await work(job);
          await this.finish(job);
        } catch (error) {
          this.fail(job, error instanceof Error ? error.message : String(error));
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Waits until a job is added, or a delay or a lease ends. */
  async #wait(): Promise<void> {
    const [first] = this.#due.keysSync({ gte: [this.#dueFrom, 0], limit: 1 });
    const dueIn = first === undefined ? 60_000 : Math.max(1, first[0] - this.#options.now());
    const timer = setTimeout(() => this.#wake(), Math.min(dueIn, 60_000));
    await this.#woken.promise;
    clearTimeout(timer);
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  // #region due
  /** Makes jobs ready whose delay has ended, and gives back those whose lease has. */
  #letDueGo(): void {
    const batch = this.#store.batch();
    const now = this.#options.now();
    const range = { gte: [this.#dueFrom, 0], lte: [now, Infinity] } as const;
    const over = [...this.#due.keysSync({ ...range, limit: DUE_MAX })];
    if (over.length < DUE_MAX) this.#dueFrom = now;
    for (const [, id] of over) {
      const job = this.#jobs.getSync(id)!;
      this.#remove(batch, job);
      const isLost = job.state === "taken" && job.attempts >= this.#options.attemptsMax;
      if (isLost) this.#put(batch, this.#afterFailure(job, "its last lease ended"));
      else this.#put(batch, { ...job, state: "ready" });
    }
    batch.commitSync({ sync: false });
  }
  // #endregion

  #afterFailure(job: Job<P>, error: string): Job<P> {
    const { attemptsMax, backoffMs, now } = this.#options;
    if (job.attempts >= attemptsMax) return { ...job, state: "dead", error };
    const pauseMs = Math.min(backoffMs * 2 ** (job.attempts - 1), BACKOFF_MAX_MS);
    return { ...job, state: "delayed", at: now() + pauseMs, error };
  }

  /** The job as it is stored, if the lease is still the one that it is under. */
  #held({ id, attempts }: Job<P>): Job<P> | undefined {
    const job = this.#jobs.getSync(id);
    return job?.state === "taken" && job.attempts === attempts ? job : undefined;
  }

  #put(batch: Batch<string, string>, job: Job<P>): Job<P> {
    const { id, state, priority, at } = job;
    batch.on(this.#jobs).put(id, job);
    if (state === "ready") {
      batch.on(this.#ready).put([-priority, id], "");
      this.#heads.set(-priority, Math.min(id, this.#heads.get(-priority) ?? id));
    } else if (state === "dead") {
      batch.on(this.#dead).put(id, "");
    } else {
      batch.on(this.#due).put([at, id], "");
      this.#dueFrom = Math.min(at, this.#dueFrom);
    }
    return job;
  }

  #remove(batch: Batch<string, string>, { id, state, priority, at }: Job<P>): void {
    batch.on(this.#jobs).delete(id);
    if (state === "ready") batch.on(this.#ready).delete([-priority, id]);
    else if (state === "dead") batch.on(this.#dead).delete(id);
    else batch.on(this.#due).delete([at, id]);
  }

  /** Resolves when all that was written before is on disk. Who waits at the same time shares a sync. */
  async #durable(): Promise<void> {
    await this.#next.put("id", this.#nextId);
  }
}

/**
 * Shows it at work.
 *
 * @param directory Where the database is.
 * @param print Told what happens.
 */
export async function demo(
  directory: string,
  print: (line: string) => void = console.log,
): Promise<void> {
  {
    await using db = await open(directory);
    const queue = new JobQueue<string>(db);
    await queue.add("write the newsletter", { priority: -1 });
    await queue.add("charge the card", { priority: 10 });
    await queue.add("print the label");
    await queue.add("send a letter to nowhere");
    const taken = queue.take()!;
    print(`Taken: ${taken.payload}. Then the process ends, before it is done.`);
  }
  await using db = await open(directory);
  let time = Date.now() + 30_000;
  const queue = new JobQueue<string>(db, { now: () => time, attemptsMax: 3 });
  print("Half a minute later, the lease has ended:");
  const done = db.sublevel("done");
  while (true) {
    const job = queue.take();
    if (job === undefined) {
      if (queue.dead().length > 0) break;
      time += 1000; // nothing to do but to wait for the next attempt
      continue;
    }
    const { id, payload, attempts } = job;
    if (payload.endsWith("nowhere")) {
      const { state, at } = queue.fail(job, "no such address")!;
      const next = state === "dead" ? "a dead letter" : `again in ${(at - time) / 1000} s`;
      print(`  ${payload}: attempt ${attempts} failed, ${next}`);
      continue;
    }
    // The result and the end of the job are one batch: it is done once, however often it is tried.
    const [first, second] = await Promise.all([
      queue.finish(job, (batch) => batch.on(done).put(`${id}`, payload)),
      queue.finish(job, (batch) => batch.on(done).put(`${id} again`, payload)),
    ]);
    print(`  ${payload}: attempt ${attempts}, finished: ${first}, and once more: ${second}`);
  }
  print(`Done: ${[...done.valuesSync()].join(", ")}`);
  print(`Dead: ${queue.dead().map(({ payload, error }) => `${payload} (${error})`).join(", ")}`);
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "varve_job_queue_" });
  await demo(directory);
  if (Deno.args.length === 0) await Deno.remove(directory, { recursive: true });
}
