/**
 * What a job costs the caller's thread if it is done elsewhere: a flush of one entry, its description, its report and
 * the worker's side of it. The looks are what every write pays. Deno 2.9.6, 2 shared cores (AMD EPYC),
 * best of many runs on a busy machine: 23 µs, and 6 ns a look.
 *
 * @module
 */
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { JobClient } from "./job_client.ts";
import { silentLogger } from "./logger.ts";

const small = new SmallTree();
const turns = new ManualTurns(small.disk);
const client = new JobClient(turns.workers!, {
  directory: "db",
  fileNumbers: small.tree.fileNumbers,
  logger: silentLogger,
  discard: () => {},
  onNews: () => {},
});
const description = small.describeFlush(memtableOf("a@1=x"));
let found = 0;

Deno.bench("1000 looks for news", () => {
  for (let i = 0; i < 1000; i++) if (client.hasNews) found++;
});
Deno.bench("a flush of one entry", () => {
  const job = client.submit(description);
  while (job.step(0) === undefined) {
    client.wait();
    client.receive();
  }
  while (turns.turn());
});
