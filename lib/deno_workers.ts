/**
 * **What.** Starts workers in Deno. They are those of `node:worker_threads`: a web `Worker` would keep the process
 * alive as long as a database is open.
 *
 * **Invariants.**
 * 1. A worker is not started where it could not read its own modules: it would never answer.
 * 2. Without jobs a worker does not keep the process alive.
 *
 * **Read next.** `database.ts`
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { MessageChannel, Worker } from "node:worker_threads";
import type { WorkerData } from "./deno_worker.ts";
import type { JobChannel } from "./job_channel.ts";
import type { WorkerEvents, WorkerHost, Workers } from "./job_client.ts";
import type { JobRequest } from "./job_messages.ts";
import type { WorkerSetup } from "./job_server.ts";

/** Where the modules are that a worker has to load: ours, and those that we import. */
const modules = [".", "@std/fs", "@std/path"].map((name) =>
  new URL(".", name === "." ? import.meta.url : import.meta.resolve(name))
);
const entry = new URL("deno_worker.ts", import.meta.url);

/** A module that is not a file can't be started by itself, but from one that is nothing but an address. */
function startable(url: URL): URL {
  if (url.protocol === "file:") return url;
  return new URL(
    `data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(url.href)};`)}`,
  );
}

/** A worker of Deno. */
class DenoWorkerHost implements WorkerHost {
  readonly #worker: Worker;
  readonly #port: MessageChannel["port1"];
  #isEnded = false;

  constructor(setup: WorkerSetup, events: WorkerEvents) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: WorkerData = { varveSetup: setup, varveRequests: port2 };
    this.#worker = new Worker(startable(entry), { workerData, transferList: [port2] });
    this.#worker.unref();
    this.#worker.on("message", (error: unknown) => {
      if (this.#isEnded) return;
      if (error === undefined) events.news();
      else events.failed(error);
    });
    this.#worker.on("error", (error: unknown) => this.#isEnded || events.failed(error));
    this.#worker.on("exit", () => this.#isEnded || events.failed(undefined));
  }

  post(request: JobRequest): void {
    this.#port.postMessage(request);
  }

  wait(channel: JobChannel, steps: number, ms: number): void {
    channel.waitForStep(steps, ms);
  }

  alarm(ms: number, task: () => void): () => void {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  }

  keepAlive(isKept: boolean): void {
    if (isKept) this.#worker.ref();
    else this.#worker.unref();
  }

  terminate(): void {
    this.#isEnded = true;
    this.#port.close();
    this.#worker.terminate();
  }
}

/** A worker takes 35 to 65 ms to start, nearly all of it from the thread that starts it. */
const WORTH_BYTES = 1024 * 1024;

/** Workers that work on Deno's disk. */
export const denoWorkers: Workers = {
  worthBytes: WORTH_BYTES,
  unavailable() {
    const unreadable = modules.filter(({ protocol }) => protocol === "file:").map(fromFileUrl)
      .filter((path) => Deno.permissions.querySync({ name: "read", path }).state !== "granted");
    if (unreadable.length === 0) return undefined;
    const flag = `--allow-read=${unreadable.join(",")}`;
    return `it may not read the modules that it runs, run again with ${flag}`;
  },
  start: (setup, events) => new DenoWorkerHost(setup, events),
};
