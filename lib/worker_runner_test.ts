/**
 * Where jobs are done: in a worker if there is one, and worth it, and ready; here otherwise.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import type { RunningJob } from "./job_runner.ts";
import { emptyVersionEdit } from "./version_edit.ts";
import { WorkerRunner } from "./worker_runner.ts";

/** A runner and what starts its workers. */
class Stage {
  readonly small = new SmallTree();
  readonly turns = new ManualTurns(this.small.disk);
  readonly workers = this.turns.workers!;
  readonly runner = new WorkerRunner(this.small.tree, this.workers, () => this.runner.receive());

  start(): RunningJob {
    return this.runner.start(this.small.describeFlush(memtableOf("a@1=x")));
  }

  /** Brings a job to its end, wherever it is done. */
  finish(job: RunningJob): string {
    for (let i = 0; i < 100; i++) {
      const result = job.step(1);
      if (result !== undefined) return result.tables.map((it) => this.small.entriesOf(it)).join();
      this.runner.wait();
      this.runner.receive();
    }
    throw new Error("The job does not end");
  }

  close(): Promise<void> {
    return this.turns.settle(this.runner.close()).finally(() => this.small.close());
  }
}

Deno.test("No worker is started before there is a job that is worth it (invariant 1)", async () => {
  const stage = new Stage();
  const description = stage.small.describeFlush(memtableOf("a@1=x"));
  stage.workers.worthBytes = description.bytes + 1;
  assert(stage.start().isHere);
  assertEquals([stage.workers.started.length, stage.runner.wait()], [0, false]);
  stage.workers.worthBytes = description.bytes;
  assert(!stage.start().isHere);
  assert(stage.runner.hasWorker);
  stage.workers.worthBytes = Infinity; // it is there now
  const job = stage.start();
  assertEquals([job.isHere, stage.finish(job)], [false, "a@1=x"]);
  assertEquals(stage.workers.started.length, 1);
  assert(stage.runner.progress("flush") > 0);
  await stage.close();
  assert(stage.workers.last.isTerminated);
});

Deno.test("Until the worker is ready jobs are done here, and those end here", async () => {
  const stage = new Stage();
  stage.workers.isSlow = true;
  const first = stage.start();
  assertEquals([first.isHere, stage.runner.hasWorker, stage.workers.started.length], [
    true,
    false,
    1,
  ]);
  assert(stage.start().isHere);
  stage.workers.last.begin();
  assert(stage.runner.hasWorker);
  assertEquals(stage.finish(first), "a@1=x");
  assert(!stage.start().isHere);
  assertEquals(stage.workers.started.length, 1);
  await stage.close();
});

Deno.test("Where there can be no worker all goes on here, and the log says why (invariant 2)", async () => {
  const stage = new Stage();
  stage.workers.obstacle = "it may not read its modules";
  for (let i = 0; i < 3; i++) assertEquals(stage.finish(stage.start()), "a@1=x");
  const told = stage.small.messages.filter((it) => it.includes("worker"));
  assertEquals(told.length, 1);
  assert(told[0]!.startsWith("info") && told[0]!.endsWith("it may not read its modules"));
  await stage.close();
});

Deno.test("A worker that cannot be started, or dies before it is ready, is not tried again (invariant 2)", async () => {
  for (const dies of [true, false]) {
    const stage = new Stage();
    stage.workers.isSlow = true;
    if (!dies) {
      stage.workers.start = () => {
        throw new Error("no such module");
      };
    }
    const first = stage.start();
    if (dies) stage.workers.last.die(new Error("no such module"));
    assertEquals(stage.finish(first), "a@1=x");
    for (let i = 0; i < 3; i++) assertEquals(stage.finish(stage.start()), "a@1=x");
    assert(stage.workers.started.length <= 1 && !stage.runner.hasWorker);
    const told = stage.small.messages.filter((it) => it.includes("no such module"));
    assert(told.length === 1 && told[0]!.startsWith("warn"), told.join());
    await stage.close();
  }
});

Deno.test("After a worker was lost the next job starts another (invariant 4)", async () => {
  const stage = new Stage();
  const job = stage.start();
  stage.workers.last.die(new Error("Out of memory"));
  assertThrows(() => job.step(1), Error, "Out of memory");
  job.abandon();
  assert(!stage.runner.hasNews, "it was received");
  assertEquals(stage.finish(stage.start()), "a@1=x");
  assertEquals(stage.workers.started.length, 2);
  await stage.close();
});

Deno.test("Files that the tree needs no more are removed by the worker while there is one (invariant 3)", async () => {
  const stage = new Stage();
  const { small, turns } = stage;
  const { disk, tree } = small;
  const dropTable = () => {
    const { number } = small.addTable(1, "a@1=x");
    tree.apply({ ...emptyVersionEdit(), deleted: [{ level: 1, number }] });
  };
  dropTable();
  assertEquals(small.tableFiles(), [], "there is no worker yet");
  stage.finish(stage.start());
  const own = small.tableFiles();
  dropTable();
  assertEquals(small.tableFiles().length, own.length + 1);
  assertEquals(small.messages.filter((it) => it.includes("removed")).length, 1);
  while (turns.turn());
  assertEquals(small.tableFiles(), own);
  assertEquals(small.messages.filter((it) => it.startsWith("debug tree: removed db/")).length, 2);
  disk.fails = ({ kind }) => kind === "remove";
  dropTable();
  while (turns.turn());
  assert(small.messages.some((it) => it.startsWith("warn tree: cannot remove db/")));
  disk.fails = () => false;
  await stage.close();
});

Deno.test("After close() no worker is started", async () => {
  const stage = new Stage();
  stage.finish(stage.start());
  await stage.turns.settle(stage.runner.close());
  assert(stage.start().isHere);
  assertEquals([stage.workers.started.length, stage.runner.hasNews], [1, false]);
  stage.small.close();
});

Deno.test("What a job wrote that was given up too late is removed", async () => {
  const stage = new Stage();
  const job = stage.start();
  while (!stage.runner.hasNews) stage.runner.wait();
  assertEquals(stage.small.tableFiles().length, 1);
  job.abandon();
  stage.runner.receive();
  assertEquals(stage.small.tableFiles(), []);
  await stage.close();
});
