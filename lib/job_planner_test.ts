/**
 * Which job is due, and what becomes of the tree: on a small tree, with jobs done at once.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { bytewiseKeys, utf8 } from "../tests/tables.ts";
import { SmallTree } from "../tests/trees.ts";
import type { DueJob } from "./background.ts";
import type { CompactionPlan, SeekCandidate } from "./compaction_picker.ts";
import { KIND_VALUE } from "./internal_key.ts";
import type { JobResult } from "./job.ts";
import { JobPlanner } from "./job_planner.ts";
import { LocalRunner } from "./job_runner.ts";
import { MemtableSet, type MemtableSlot } from "./memtable_set.ts";
import { engineOptions, type OpenOptions } from "./options.ts";

/** How jobs are done here. */
const RUN = { isHere: true, durationMs: 1 };

/** A planner and what it plans for. */
class Stage {
  readonly small = new SmallTree();
  readonly memtables = new MemtableSet(bytewiseKeys, 65_536, 10, []);
  readonly notes: string[] = [];
  readonly planner: JobPlanner;
  candidate: SeekCandidate | undefined;
  compaction: CompactionPlan | undefined;
  #sequence = 100;
  #logNumber = 10;

  constructor(options: OpenOptions<never, never> = {}) {
    this.planner = new JobPlanner({
      options: engineOptions({ levelZeroTables: 2, ...options }, this.small.disk),
      tree: this.small.tree,
      memtables: this.memtables,
      smallestSnapshot: () => this.small.snapshot,
      seekCandidate: () => this.candidate,
      compaction: () => this.compaction,
      flushed: (slot: MemtableSlot) => void this.notes.push(`flushed ${slot.lastSequence}`),
      compacted: () => void this.notes.push("compacted"),
    });
  }

  /** Freezes a memtable of some keys. */
  freeze(...keys: string[]): void {
    for (const key of keys) {
      const bytes = utf8(key);
      const { memtable } = this.memtables.active;
      memtable.add(++this.#sequence, KIND_VALUE, bytes, 0, bytes.length, bytes, 0, 1);
    }
    this.memtables.freeze(this.#sequence, ++this.#logNumber, 0);
  }

  run(due: DueJob): JobResult {
    const job = new LocalRunner(this.small.tree.jobContext).start(due.description!);
    return job.step(Number.MAX_SAFE_INTEGER)!;
  }

  finish(due: DueJob | undefined): void {
    assert(due !== undefined);
    due.install(this.run(due), RUN);
  }
}

Deno.test("The oldest memtable is flushed first, and leaves when its table is in the tree", () => {
  const stage = new Stage();
  const { planner, small, memtables } = stage;
  assertEquals(planner.nextFlush(), undefined);
  stage.freeze("a", "b");
  stage.freeze("c");
  const due = planner.nextFlush()!;
  const result = stage.run(due);
  assertEquals([small.levels(), memtables.frozenCount, stage.notes], [[], 2, []]);
  due.install(result, RUN);
  assertEquals([small.levels(), memtables.frozenCount], [["2: a@101=a b@102=b"], 1]);
  assertEquals([small.tree.logNumber, small.tree.flushedSequence], [11, 102]);
  stage.finish(planner.nextFlush());
  assertEquals([small.tree.logNumber, small.tree.flushedSequence], [12, 103]);
  assertEquals([stage.notes, planner.nextFlush()], [["flushed 102", "flushed 103"], undefined]);
  const { flushes, flushBytes } = planner.counters;
  assertEquals([flushes, flushBytes], [2, small.tree.version.levelBytes(2)]);
  small.close();
});

Deno.test("A memtable stays frozen if its flush cannot be installed", () => {
  const stage = new Stage();
  const { planner, small, memtables } = stage;
  stage.freeze("a");
  const due = planner.nextFlush()!;
  const result = stage.run(due);
  small.disk.fails = ({ name }) => name.startsWith("MANIFEST");
  assertThrows(() => due.install(result, RUN), Error, "the test says so");
  small.disk.fails = () => false;
  assertEquals([memtables.frozenCount, planner.counters.flushes, stage.notes], [1, 0, []]);
  small.tree.renewManifest();
  stage.finish(planner.nextFlush());
  assertEquals(small.levels(), ["2: a@101=a"]);
  small.close();
});

Deno.test("Who waits for a flush or a compaction hears of it", async () => {
  const stage = new Stage();
  const { planner, small, memtables } = stage;
  stage.freeze("a");
  const flushed = planner.requests.waitForFlush(memtables.newestFrozen!);
  stage.finish(planner.nextFlush());
  await flushed;
  const range = { level: 2, begin: utf8("a"), end: utf8("c") };
  const compacted = planner.requests.waitForCompaction(range);
  const due = planner.nextCompaction()!;
  assertEquals([due.plan.reason, due.plan.level], ["manual", 2]);
  stage.finish(due);
  assertEquals(planner.nextCompaction(), undefined, "nothing of the range is left in level 2");
  await compacted;
  assertEquals(small.levels(), ["3: a@101=a"]);
  small.close();
});

Deno.test("A table is flushed to where nothing is in its way by then (invariant 2)", () => {
  const flushedTo = (prepare: (stage: Stage) => void): number => {
    const stage = new Stage();
    stage.freeze("f", "m");
    const due = stage.planner.nextFlush()!;
    const result = stage.run(due);
    prepare(stage);
    due.install(result, RUN);
    const { levels } = stage.small.tree.version;
    const level = levels.findIndex((tables) =>
      tables.some(({ bytes }) => bytes === result.bytesWritten)
    );
    stage.small.close();
    return level;
  };
  const compacting = (...keys: string[]) => (stage: Stage) => {
    for (const key of keys) stage.small.addTable(3, `${key}@1=${"longer".repeat(50)}`);
    const inputs = stage.small.tree.version.levels[3]!;
    stage.compaction = { inputs, between: [], overlapping: [] } as unknown as CompactionPlan;
  };
  const adding = (level: number, entries: string) => (stage: Stage) =>
    void stage.small.addTable(level, `${entries}=${"longer".repeat(50)}`);
  assertEquals(flushedTo(() => {}), 2);
  assertEquals(flushedTo(adding(0, "g@1")), 0, "a table of level 0 came meanwhile");
  assertEquals(flushedTo(adding(2, "g@1")), 1);
  assertEquals(flushedTo(adding(2, "x@1")), 2, "beside it");
  assertEquals(flushedTo(compacting("a", "z")), 0, "outputs may span what lies between inputs");
  assertEquals(flushedTo(compacting("m")), 0);
  assertEquals(flushedTo(compacting("n", "z")), 2);
  assertEquals(flushedTo(compacting("a", "e")), 2);
});

Deno.test("Tables that a compaction reads stay until its end, done or given up (invariant 1)", () => {
  for (const isDone of [true, false]) {
    const stage = new Stage();
    const { planner, small } = stage;
    for (const sequence of [1, 2]) small.addTable(0, `a@${sequence}=x`);
    const due = planner.nextCompaction()!;
    const inputs = small.tree.version.levels[0]!;
    const deleted = inputs.map(({ number }) => ({ level: 0, number }));
    small.tree.apply({ compactPointers: [], added: [], deleted });
    assertEquals(small.tableFiles().length, 2);
    if (isDone) {
      const result = stage.run(due);
      assertThrows(() => due.install(result, RUN), Error, "is not in level 0");
    } else {
      due.abandon();
    }
    assertEquals(small.tableFiles().length, isDone ? 1 : 0);
    small.close();
  }
});

Deno.test("A range that was asked for goes before what the tree's shape asks for (invariant 3)", () => {
  const stage = new Stage();
  const { planner, small } = stage;
  for (const sequence of [1, 2]) small.addTable(0, `a@${sequence}=x`);
  small.addTable(1, "x@1=x");
  const asked = planner.requests.waitForCompaction({ level: 1, begin: undefined, end: undefined });
  asked.catch(() => {});
  const first = planner.nextCompaction()!;
  assertEquals([first.plan.reason, first.plan.level], ["manual", 1]);
  stage.finish(first);
  const second = planner.nextCompaction()!;
  assertEquals([second.plan.reason, second.plan.level], ["level0-count", 0]);
  stage.finish(second);
  assertEquals(small.levels(), ["1: a@2=x", "2: x@1=x"]);
  const { compactions, droppedEntries } = planner.counters;
  assertEquals([compactions, droppedEntries], [2, 1]);
  small.close();
});

Deno.test("A table that overlaps nothing moves without a job", () => {
  const stage = new Stage({ baseLevelBytes: 4096 });
  const { planner, small } = stage;
  small.addTable(1, `a@1=${"v".repeat(5000)}`);
  const due = planner.nextCompaction()!;
  assertEquals([due.plan.isTrivialMove, due.description], [true, undefined]);
  due.install({ tables: [], bytesWritten: 0, droppedEntries: 0 }, RUN);
  assertEquals([small.tree.version.levels[2]!.length, planner.counters.trivialMoves], [1, 1]);
  assertEquals(stage.notes, ["compacted"]);
  small.close();
});

Deno.test("A table that was searched in vain is compacted if that is wanted", () => {
  for (const seekCompaction of [true, false]) {
    const stage = new Stage({ seekCompaction });
    const table = stage.small.addTable(1, "a@1=x");
    stage.candidate = { level: 1, table };
    assertEquals(stage.planner.nextCompaction()?.plan.reason, seekCompaction ? "seeks" : undefined);
    stage.small.close();
  }
});

Deno.test("A database that is only read has no jobs", () => {
  const stage = new Stage({ readOnly: true });
  stage.freeze("a");
  for (const sequence of [1, 2]) stage.small.addTable(0, `a@${sequence}=x`);
  assertEquals([stage.planner.nextFlush(), stage.planner.nextCompaction()], [undefined, undefined]);
  stage.small.close();
});
