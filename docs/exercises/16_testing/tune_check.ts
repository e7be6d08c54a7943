/**
 * **What.** What a plan of power cuts has to find, and one that does.
 *
 * **Invariants.**
 * 1. A plan is tried on runs of several lengths, so that none is made for one of them.
 *
 * **Read next.** `../../experiments/16_faulty_disks.ts`
 *
 * @module
 */
import { assert } from "@std/assert";
import type { Operation } from "../../../lib/fault_rules.ts";
import { FAULTY_DISKS, runOn } from "../../experiments/16_faulty_disks.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Cut } from "./tune.ts";

type Subject = typeof import("./tune.ts");

/** How many puts the runs make before each close. */
const RUNS = [6, 9, 14, 20];

/** Whether a plan finds out a disk in every run, with at most one cut for every two calls. */
async function assertFound(
  { plan }: Subject,
  { Disk }: (typeof FAULTY_DISKS)[number],
): Promise<void> {
  for (const puts of RUNS) {
    const { points } = await runOn(Disk, puts);
    const calls = points.flatMap(({ operation }) => operation ?? []);
    const cuts = plan(calls);
    const what = `a run of ${calls.length} calls`;
    const most = Math.floor(calls.length / 2);
    for (const { point, seed } of cuts) {
      assert(
        points[point] !== undefined && Number.isSafeInteger(seed),
        `expected points from 0 to ${calls.length}, and whole seeds, got ${point} and ${seed}`,
      );
    }
    assert(cuts.length <= most, `expected at most ${most} cuts for ${what}, got ${cuts.length}`);
    const { crashes } = await runOn(
      Disk,
      puts,
      (point) => cuts.filter((cut) => cut.point === point).map(({ seed }) => seed),
    );
    const found = crashes.filter(({ problem }) => problem !== undefined).length;
    assert(
      found > 0,
      `expected that one cut finds the fault in ${what}, got none of ${cuts.length}`,
    );
  }
}

const cases: Case<Subject>[] = FAULTY_DISKS.map((disk) => ({
  name: `finds out a disk on which ${disk.name}`,
  run: (subject) => assertFound(subject, disk),
}));

/**
 * Cuts where a put has just been acknowledged and nothing has been done since, which is before the call that comes
 * after its sync, or in place of it; and around what must be atomic.
 */
function plan(calls: readonly Operation[]): Cut[] {
  const cuts: Cut[] = [{ point: calls.length, seed: 0 }];
  const isOfLog = (call: Operation | undefined, kind: string) =>
    call?.kind === kind && call.path.endsWith(".log");
  calls.forEach((call, point) => {
    const before = calls[point - 1];
    const isAfterPut = isOfLog(before, "append") || isOfLog(before, "sync");
    if (isAfterPut && !isOfLog(call, "sync")) cuts.push({ point, seed: 0 });
    if (call.kind === "rename") cuts.push({ point, seed: 1 });
  });
  return cuts;
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "few power cuts that find every fault",
  own: { plan },
  cases,
};
