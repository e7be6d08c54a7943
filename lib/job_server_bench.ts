/**
 * What a worker's side costs besides the jobs: a flush of one entry from request to report, and a step with nothing to
 * do. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 17 µs, and 48 ns.
 *
 * @module
 */
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { JobChannel } from "./job_channel.ts";
import { toPosted } from "./job_messages.ts";
import { JobServer } from "./job_server.ts";
import { mailboxMemory, MailboxReceiver } from "./mailbox.ts";

const small = new SmallTree();
const channel = new JobChannel();
const mailbox = mailboxMemory();
const inbox = new MailboxReceiver(mailbox);
const server = new JobServer(
  {
    ...{ directory: "db", channel: channel.memory, mailbox },
    fileNumbers: small.tree.fileNumbers.memory,
  },
  small.disk,
  () => {},
);
const description = toPosted(small.describeFlush(memtableOf("a@1=x")));
let id = 0;

Deno.bench("a step with nothing to do", () => {
  server.step();
});
Deno.bench("a flush of one entry", () => {
  server.receive({ kind: "start", id: ++id, description });
  while (server.step());
  inbox.take();
});
