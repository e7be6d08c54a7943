/**
 * What a runner adds to a client: the look of every write, without a worker and with one. Deno 2.9.6, 2 shared cores
 * (AMD EPYC), best of many runs on a busy machine: 0.3 ns, and 6.
 *
 * @module
 */
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { WorkerRunner } from "./worker_runner.ts";

const small = new SmallTree();
const { workers } = new ManualTurns(small.disk);
const without = new WorkerRunner(small.tree, workers!, () => {});
const runner = new WorkerRunner(small.tree, workers!, () => {});
runner.start(small.describeFlush(memtableOf("a@1=x")));
let found = 0;

Deno.bench("1000 looks without a worker", () => {
  for (let i = 0; i < 1000; i++) if (without.hasNews) found++;
});
Deno.bench("1000 looks with a worker", () => {
  for (let i = 0; i < 1000; i++) if (runner.hasNews) found++;
});
