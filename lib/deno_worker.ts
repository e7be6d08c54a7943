/**
 * **What.** The module that runs in a worker: it connects a server of jobs with Deno's disk, and with the port that
 * requests come through. `deno_workers.ts` starts it; imported anywhere else it does nothing.
 *
 * **Invariants.**
 * 1. Between two steps requests are looked for, though the event loop has not turned: with `setImmediate` alone they
 *    came 50 to 130 ms late in steps of 5 ms, with timers each step took 2 ms longer.
 * 2. The event loop turns between two steps all the same, so that the worker can be ended.
 *
 * **Read next.** `deno_workers.ts`
 *
 * @module
 */
import {
  isMainThread,
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from "node:worker_threads";
import { denoFileSystem } from "./deno_file_system.ts";
import type { JobRequest } from "./job_messages.ts";
import { JobServer, type WorkerSetup } from "./job_server.ts";

/** What the worker is given when it is started, under a name that no other program gives a worker of its own. */
export interface WorkerData {
  /** What it shares with the thread that started it. */
  readonly varveSetup: WorkerSetup;
  /** Where requests come from. */
  readonly varveRequests: MessagePort;
}

/**
 * Does the jobs that come through a port, for as long as the worker lives.
 *
 * @param data What the worker was given.
 * @param wake Tells the other side's event loop that there is something new.
 */
export function serve({ varveSetup, varveRequests }: WorkerData, wake: () => void): void {
  const server = new JobServer(varveSetup, denoFileSystem, wake);
  let isAtWork = false;
  const work = () => {
    for (let next; (next = receiveMessageOnPort(varveRequests)) !== undefined;) {
      server.receive(next.message as JobRequest);
    }
    isAtWork = server.step();
    if (isAtWork) setImmediate(work);
  };
  varveRequests.on("message", (request: JobRequest) => {
    server.receive(request);
    if (!isAtWork) work();
  });
}

const data = isMainThread ? undefined : workerData as Partial<WorkerData> | null | undefined;
if (data?.varveSetup !== undefined) {
  try {
    serve(data as WorkerData, () => parentPort!.postMessage(undefined));
  } catch (error) {
    parentPort!.postMessage(error); // thrown, it would be printed
  }
}
