/**
 * What it costs to start a job and to give it up, besides the job: it is paid for each flush and compaction. Deno
 * 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 0.4 µs.
 *
 * @module
 */
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { LocalRunner } from "./job_runner.ts";

const small = new SmallTree();
const runner = new LocalRunner(small.tree.jobContext);
const description = small.describeFlush(memtableOf("a@1=x"));

Deno.bench("start() and abandon() of a flush", () => {
  runner.start(description).abandon();
});
