/**
 * The words that two threads share.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { JobChannel } from "./job_channel.ts";

function sides(): { caller: JobChannel; worker: JobChannel } {
  const caller = new JobChannel();
  return { caller, worker: new JobChannel(caller.memory) };
}

Deno.test("What the worker says is seen on the other side", () => {
  const { caller, worker } = sides();
  assertEquals([caller.isReady, caller.steps], [false, 0]);
  worker.setReady();
  assertEquals([caller.isReady, caller.steps], [true, 1]);
  worker.countBytes("flush", 100);
  worker.countBytes("compaction", 7);
  worker.countBytes("flush", 50);
  worker.countStep();
  assertEquals([caller.bytes("flush"), caller.bytes("compaction"), caller.steps], [150, 7, 2]);
});

Deno.test("Counts go round: only differences count", () => {
  const { caller, worker } = sides();
  for (let i = 0; i < 2; i++) worker.countBytes("compaction", 2 ** 31 - 1);
  const before = caller.bytes("compaction");
  worker.countBytes("compaction", 2 ** 31 - 1);
  const after = caller.bytes("compaction");
  assert(after < before, `${before}, ${after}`);
  assertEquals((after - before) >>> 0, 2 ** 31 - 1);
});

Deno.test("A job that is given up stays so, and so do all before it, or all there can be", () => {
  const { caller, worker } = sides();
  assert(!worker.isGivenUp(1));
  caller.giveUp(7);
  caller.giveUp(5);
  assertEquals([5, 7, 8].map((id) => worker.isGivenUp(id)), [true, true, false]);
  assert(!worker.isOver);
  caller.giveUpAll();
  caller.giveUp(9);
  assertEquals([worker.isOver, worker.isGivenUp(2 ** 31 - 2)], [true, true]);
});

Deno.test("Who wants to be told of a step is told once", () => {
  const { caller, worker } = sides();
  assert(!worker.takeWanted());
  caller.setWanted();
  caller.setWanted();
  assertEquals([worker.takeWanted(), worker.takeWanted()], [true, false]);
});

Deno.test("Waiting ends at once if a step was made since, and else by itself", () => {
  const { caller, worker } = sides();
  const { steps } = caller;
  worker.countStep();
  caller.waitForStep(steps, 60_000);
  caller.waitForStep(caller.steps, 1);
});
