/**
 * **What.** Has jobs done in a worker. The worker is started for the first job that is worth it, and until it is ready
 * jobs are done here, so nothing ever waits for it to start.
 *
 * **Invariants.**
 * 1. A program that only reads, or writes little, has no worker.
 * 2. If no worker can be started, all goes on here, and the log says why.
 * 3. While there is one it also removes the files that the tree needs no more.
 * 4. After a worker was lost in the middle of a job the next job starts another.
 *
 * **Read next.** `background.ts`
 *
 * @module
 */
import { JobClient, type Workers } from "./job_client.ts";
import {
  type JobDescription,
  type JobKind,
  type JobRunner,
  LocalRunner,
  type RunningJob,
} from "./job_runner.ts";
import { tableName } from "./file_names.ts";
import type { Tree } from "./tree.ts";
import type { TableMeta } from "./version_edit.ts";

/** Does jobs in a worker. */
export class WorkerRunner implements JobRunner {
  readonly #tree: Tree;
  readonly #workers: Workers;
  readonly #onNews: () => void;
  readonly #local: LocalRunner;
  #client: JobClient | undefined;
  #isHopeless = false;

  /**
   * Makes one without a worker yet.
   *
   * @param tree Whose jobs they are.
   * @param workers Starts a worker.
   * @param onNews Called from the event loop when there may be something to receive.
   */
  constructor(tree: Tree, workers: Workers, onNews: () => void) {
    this.#tree = tree;
    this.#workers = workers;
    this.#onNews = onNews;
    this.#local = new LocalRunner(tree.jobContext);
    tree.remover.helper = (paths, done) => this.#client?.remove(paths, done) ?? false;
  }

  /** {@inheritDoc} */
  get hasWorker(): boolean {
    return this.#client?.isReady ?? false;
  }

  /** {@inheritDoc} */
  get hasNews(): boolean {
    return this.#client !== undefined && (this.#client.hasNews || this.#client.death !== undefined);
  }

  /** {@inheritDoc} */
  start(description: JobDescription): RunningJob {
    if (this.#client === undefined && description.bytes >= this.#workers.worthBytes) this.#launch();
    return this.#client?.isReady
      ? this.#client.submit(description)
      : this.#local.start(description);
  }

  /** {@inheritDoc} */
  receive(): void {
    const client = this.#client;
    client?.receive();
    if (client?.death === undefined) return;
    this.#client = undefined;
    // One that did not even start would not the next time.
    if (!client.hasBeenReady) this.#isHopeless = true;
    this.#tree.context.logger.log("warn", "worker", client.death.message);
  }

  /** {@inheritDoc} */
  wantNews(): void {
    this.#client?.wantNews();
  }

  /** {@inheritDoc} */
  wait(): boolean {
    if (!this.#client?.isBusy) return false;
    this.#client.wait();
    return true;
  }

  /** {@inheritDoc} */
  progress(kind: JobKind): number {
    return this.#client?.progress(kind) ?? 0;
  }

  /** {@inheritDoc} */
  async close(): Promise<void> {
    const client = this.#client;
    this.#isHopeless = true;
    await client?.close();
    this.#client = undefined;
  }

  #launch(): void {
    if (this.#isHopeless) return;
    const { directory, logger } = this.#tree.context;
    const obstacle = this.#workers.unavailable();
    if (obstacle !== undefined) {
      this.#isHopeless = true;
      logger.log("info", "worker", `flushes and compactions are done here: ${obstacle}`);
      return;
    }
    const { fileNumbers } = this.#tree;
    const discard = (tables: readonly TableMeta[]) => this.#discard(tables);
    try {
      this.#client = new JobClient(this.#workers, {
        directory,
        fileNumbers,
        logger,
        discard,
        onNews: this.#onNews,
      });
    } catch (error) {
      this.#isHopeless = true;
      logger.log("warn", "worker", `cannot start a worker: ${error}`);
    }
  }

  #discard(tables: readonly TableMeta[]): void {
    const { fileSystem, directory, logger } = this.#tree.context;
    for (const { number } of tables) {
      try {
        fileSystem.remove(fileSystem.join(directory, tableName(number)));
      } catch (error) {
        logger.log("warn", "worker", `cannot remove table ${number}: ${error}`);
      }
    }
  }
}
