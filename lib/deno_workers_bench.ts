/**
 * What it takes to start a worker, of which the first part holds up the thread that starts it. Deno 2.9.6, 2 shared
 * cores (AMD EPYC): 65 ms and more until it is ready, on a busy machine.
 *
 * @module
 */
import { denoWorkers } from "./deno_workers.ts";
import { FileNumbers } from "./file_numbers.ts";
import { JobChannel } from "./job_channel.ts";
import { mailboxMemory } from "./mailbox.ts";

const mailbox = mailboxMemory();
const fileNumbers = new FileNumbers(1).memory;

Deno.bench("start a worker, and wait until it is ready", { n: 10 }, () => {
  const channel = new JobChannel();
  const host = denoWorkers.start({ directory: "", channel: channel.memory, mailbox, fileNumbers }, {
    news: () => {},
    failed: () => {},
  });
  while (!channel.isReady) channel.waitForStep(channel.steps, 1000);
  host.terminate();
});
