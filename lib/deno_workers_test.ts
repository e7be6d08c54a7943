/**
 * Workers that are threads, on the disk of the machine.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { onDisk } from "../tests/permissions.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { denoWorkers } from "./deno_workers.ts";
import { FileNumbers } from "./file_numbers.ts";
import { JobClient, type WorkerHost } from "./job_client.ts";
import { JobChannel } from "./job_channel.ts";
import { silentLogger } from "./logger.ts";
import { mailboxMemory } from "./mailbox.ts";

/** Runs a body with a client whose worker is a thread. */
async function withClient(
  body: (client: JobClient, small: SmallTree, directory: string) => void | Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "varve_workers_" });
  const small = new SmallTree();
  const client: JobClient = new JobClient(denoWorkers, {
    directory,
    fileNumbers: new FileNumbers(5),
    logger: silentLogger,
    discard: () => {},
    onNews: () => client.receive(),
  });
  try {
    while (!client.isReady) await new Promise((resolve) => setTimeout(resolve, 1));
    await body(client, small, directory);
  } finally {
    await client.close();
    small.close();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("There can be a worker if its modules can be read", onDisk, () => {
  assertEquals(denoWorkers.unavailable(), undefined);
});

Deno.test(
  "A worker flushes while the thread that started it never turns its event loop",
  onDisk,
  () =>
    withClient((client, small, directory) => {
      for (const [i, text] of ["a@1=x", "b@2!", "c@3=z"].entries()) {
        const job = client.submit(small.describeFlush(memtableOf(text)));
        while (!client.hasNews) client.wait();
        client.receive();
        const [table] = job.step(0)!.tables;
        assertEquals(table!.number, 5 + i);
        assertEquals(Deno.statSync(`${directory}/00000${5 + i}.ldb`).size, table!.bytes);
      }
    }),
);

Deno.test(
  "What a worker has done comes with the next turn of an idle event loop",
  onDisk,
  () =>
    withClient(async (client, small) => {
      const job = client.submit(small.describeFlush(memtableOf("a@1=x")));
      while (client.isBusy) await new Promise((resolve) => setTimeout(resolve, 1));
      assertEquals(job.step(0)!.tables.length, 1);
    }),
);

Deno.test("A worker that throws is heard of, and one that is ended is not", onDisk, async () => {
  const mailbox = mailboxMemory();
  const start = (fileNumbers: SharedArrayBuffer): [WorkerHost, JobChannel, Promise<unknown>] => {
    const channel = new JobChannel();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const setup = { directory: "", channel: channel.memory, mailbox, fileNumbers };
    return [denoWorkers.start(setup, { news: () => {}, failed: resolve }), channel, promise];
  };
  const [failing, , failed] = start(new SharedArrayBuffer(3)); // of no use as a counter
  failing.keepAlive(true);
  assert(await failed instanceof Error);
  failing.terminate();
  const [host, channel, never] = start(new SharedArrayBuffer(8));
  while (!channel.isReady) channel.waitForStep(0, 1000);
  host.terminate();
  const later = new Promise((resolve) => setTimeout(resolve, 100, "nothing"));
  assertEquals(await Promise.race([never, later]), "nothing");
});
