/**
 * Jobs that are done where they are asked for.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { CompactionJob } from "./compaction.ts";
import { FlushJob } from "./flush.ts";
import { createJob, LocalRunner } from "./job_runner.ts";

Deno.test("A description becomes the job that it describes", () => {
  const small = new SmallTree();
  small.addTable(1, "a@1=x");
  const { jobContext } = small.tree;
  const flush = createJob(jobContext, small.describeFlush(memtableOf("a@1=x")));
  const compaction = createJob(jobContext, small.describeCompaction(1));
  assert(flush instanceof FlushJob && compaction instanceof CompactionJob);
  flush.abandon();
  compaction.abandon();
  small.close();
});

Deno.test("A job is done here, by its steps and nothing else (invariant 1)", async () => {
  const small = new SmallTree();
  const runner = new LocalRunner(small.tree.jobContext);
  const job = runner.start(small.describeFlush(memtableOf("a@1=x b@2=y")));
  assertEquals([job.isHere, runner.hasWorker, runner.hasNews, runner.wait()], [
    true,
    false,
    false,
    false,
  ]);
  runner.receive();
  runner.wantNews();
  assertEquals([job.step(1), small.tableFiles().length], [undefined, 1]);
  const result = job.step(1)!;
  assertEquals(result.tables.map((table) => small.entriesOf(table)), ["a@1=x b@2=y"]);
  assertEquals(small.levels(), [], "the tree is none of its business");
  const other = runner.start(small.describeFlush(memtableOf("a@1=x b@2=y")));
  other.step(1);
  other.abandon();
  assertEquals([small.tableFiles().length, runner.progress()], [1, 0]);
  await runner.close();
  small.close();
});
