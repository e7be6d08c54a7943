/**
 * What runs in a worker, run here: a server behind a port, on the disk of the machine.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { MessageChannel } from "node:worker_threads";
import { onDisk } from "../tests/permissions.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { serve } from "./deno_worker.ts";
import { FileNumbers } from "./file_numbers.ts";
import { JobChannel } from "./job_channel.ts";
import { decodeReport, type JobReport, toPosted } from "./job_messages.ts";
import { mailboxMemory, MailboxReceiver } from "./mailbox.ts";

Deno.test(
  "Requests that come through a port are served, however many come at once",
  onDisk,
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_worker_" });
    const channel = new JobChannel();
    const mailbox = mailboxMemory();
    const inbox = new MailboxReceiver(mailbox);
    const { port1, port2 } = new MessageChannel();
    const fileNumbers = new FileNumbers(5);
    const setup = { directory, channel: channel.memory, mailbox, fileNumbers: fileNumbers.memory };
    const reports: JobReport[] = [];
    const { promise: done, resolve } = Promise.withResolvers<void>();
    serve({ varveSetup: setup, varveRequests: port2 }, () => {
      const message = inbox.take();
      if (message === undefined) return;
      port1.postMessage({ kind: "look" });
      reports.push(decodeReport(message));
      if (reports.length === 3) resolve();
    });
    assert(channel.isReady);
    const small = new SmallTree();
    for (let id = 1; id <= 3; id++) {
      const description = toPosted(small.describeFlush(memtableOf(`${id}@1=x`)));
      port1.postMessage({ kind: "start", id, description });
    }
    await done;
    assertEquals(reports.map(({ kind }) => kind), ["done", "done", "done"]);
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assertEquals(names, ["000005.ldb", "000006.ldb", "000007.ldb"]);
    assertEquals(fileNumbers.upcoming, 8);
    port1.close();
    port2.close();
    small.close();
    await Deno.remove(directory, { recursive: true });
  },
);
