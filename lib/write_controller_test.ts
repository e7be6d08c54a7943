/**
 * How fast writers may go: over a background that does what a test says.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { bytewiseKeys } from "../tests/tables.ts";
import type { Background } from "./background.ts";
import type { JobKind } from "./job_runner.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemtableSet } from "./memtable_set.ts";
import { engineOptions } from "./options.ts";
import { WriteCounters } from "./stats.ts";
import type { Tree } from "./tree.ts";
import { WriteController } from "./write_controller.ts";

const KIB = 1024;
const PACE = 64 * KIB;

/** A controller, what it looks at, and notes of what it does. */
class Stage {
  readonly memtables = new MemtableSet(bytewiseKeys, 65_536, 1, []);
  readonly counters = new WriteCounters();
  readonly turns = new ManualTurns();
  levelZero = 0;
  /** Which jobs are under way in a worker. */
  readonly elsewhere = new Set<JobKind>();
  readonly progress = { flush: 0, compaction: 0 };
  readonly notes: string[] = [];
  /** What becomes of a wait; false if there is nothing to wait for. */
  onWait: () => boolean = () => false;
  readonly controller: WriteController;

  constructor(burstMs?: number) {
    const background = {
      poll: () => {},
      isElsewhere: (kind: JobKind) => this.elsewhere.has(kind),
      progress: (kind: JobKind) => this.progress[kind],
      stepFlush: (bytes: number) => {
        this.notes.push(`flush ${bytes / KIB}`);
        if (this.memtables.frozenCount > 0) this.memtables.removeOldest();
        return !this.elsewhere.has("flush");
      },
      step: (bytes: number) => {
        this.notes.push(`compact ${bytes / KIB}`);
        this.levelZero--;
        return !this.elsewhere.has("compaction");
      },
      wait: () => {
        this.notes.push("wait");
        return this.onWait();
      },
      wantNews: () => this.notes.push("want news"),
    };
    const stage = this as Stage;
    const tree = {
      version: {
        get levels() {
          return [{ length: stage.levelZero }];
        },
      },
    };
    this.controller = new WriteController({
      options: engineOptions({ maxImmutableMemtables: 2 }, new MemoryFileSystem()),
      background: background as unknown as Background,
      memtables: this.memtables,
      tree: tree as unknown as Tree,
      counters: this.counters,
      surroundings: burstMs === undefined
        ? this.turns
        : { now: this.turns.now, schedule: this.turns.schedule, burstMs },
    });
  }

  freeze(count: number): void {
    for (let i = 0; i < count; i++) this.memtables.freeze(i, i + 2, 0);
  }

  write(bytes: number): void {
    this.controller.beforeWrite();
    this.controller.wrote(bytes);
  }
}

Deno.test("A writer whom nothing waits for is never held up", () => {
  const stage = new Stage();
  for (let i = 0; i < 1000; i++) stage.write(PACE);
  stage.controller.beforeFreeze();
  assertEquals([stage.notes, stage.controller.room(1, 100)], [[], undefined]);
  stage.levelZero = 19;
  stage.freeze(1);
  stage.elsewhere.add("flush").add("compaction");
  for (let i = 0; i < 1000; i++) stage.write(PACE);
  assertEquals([stage.notes, stage.controller.roomToFreeze()], [[], undefined]);
});

Deno.test("On the caller's thread a writer does the work, in proportion", () => {
  const stage = new Stage();
  stage.freeze(1);
  for (let i = 0; i < 3; i++) stage.write(PACE / 2);
  assertEquals(stage.notes, ["flush 128"]);
  stage.levelZero = 21;
  for (let i = 0; i < 4; i++) stage.write(PACE);
  assertEquals(stage.notes.slice(1), ["compact 320", "compact 320"], "until there are 19");
  assertEquals(stage.controller.room(1, 1), undefined, "an awaited write does so, too");
});

Deno.test("At a bound a writer works until there is room (invariant 1)", () => {
  const stage = new Stage();
  stage.freeze(3);
  stage.levelZero = 37;
  stage.controller.beforeFreeze();
  assertEquals(stage.notes, ["flush 1024", "flush 1024", "compact 1024", "compact 1024"]);
  assertEquals([stage.memtables.frozenCount, stage.levelZero, stage.counters.stalls], [1, 35, 2]);
  assert(stage.counters.stallMs > 0);
  assertEquals([stage.counters.memtableStalls, stage.counters.levelZeroStalls], [1, 1]);
});

Deno.test("At a bound a writer waits for a worker, and for nothing else (invariants 1 and 2)", () => {
  const stage = new Stage();
  stage.levelZero = 36;
  stage.elsewhere.add("compaction");
  let waits = 0;
  stage.onWait = () => {
    stage.levelZero += 1; // what the step of the stage took away
    if (++waits === 3) stage.levelZero = 5;
    return true;
  };
  stage.controller.beforeFreeze();
  assertEquals([waits, stage.counters.stalls], [3, 1]);
  stage.levelZero = 40;
  stage.onWait = () => false; // nothing is under way any more
  stage.controller.beforeFreeze();
  assertEquals(stage.counters.stalls, 2);
});

Deno.test("An awaited wait is counted when its reason is gone, whoever comes next", () => {
  for (const next of ["roomToFreeze", "beforeWrite", "close"] as const) {
    const stage = new Stage();
    stage.freeze(2);
    stage.elsewhere.add("flush");
    for (let i = 0; i < 2; i++) assert(stage.controller.roomToFreeze() !== undefined);
    assertEquals(stage.counters.stalls, 0, "it goes on");
    stage.memtables.removeOldest();
    for (let i = 0; i < 2; i++) stage.controller[next]();
    assertEquals([stage.counters.stalls, stage.counters.memtableStalls], [1, 1], next);
  }
});

Deno.test("A writer at the bound of memtables goes on as the worker flushes", () => {
  const stage = new Stage();
  stage.freeze(2);
  stage.elsewhere.add("flush");
  stage.onWait = () => {
    stage.progress.flush += 50 * KIB;
    return true;
  };
  for (let i = 0; i < 5; i++) stage.write(PACE);
  // 128 KiB for each 64: three waits, and what was done too much counts for the next.
  const waits = [3, 3, 2, 3].reduce((a, b) => a + b);
  assert(Math.abs(stage.notes.length - waits) <= 1, `${stage.notes}`);
  assertEquals(stage.counters.stalls, 4);
});

Deno.test("The more tables there are the more must be compacted for each byte", () => {
  const waitsAt = (levelZero: number): number => {
    const stage = new Stage();
    stage.levelZero = levelZero;
    stage.elsewhere.add("compaction");
    let waits = 0;
    stage.onWait = () => {
      waits++;
      stage.progress.compaction += 16 * KIB;
      return true;
    };
    // The clock goes on by a millisecond at each look, so that a writer waits some 20 times at most.
    for (let i = 0; i < 2; i++) stage.write(PACE / 4);
    for (let i = 0; i < 3; i++) stage.write(PACE);
    return waits;
  };
  const counts = [20, 22, 25].map(waitsAt);
  assert(counts[0]! >= 20 && counts[0]! < counts[1]! && counts[1]! < counts[2]!, `${counts}`);
  assertEquals(waitsAt(19), 0);
});

Deno.test("A writer is not held up for long at a time, however slow the worker is (invariant 2)", () => {
  const stage = new Stage();
  stage.levelZero = 30;
  stage.elsewhere.add("compaction");
  stage.onWait = () => true; // and no progress
  stage.write(PACE);
  for (let i = 0; i < 3; i++) {
    const before = stage.notes.length;
    stage.write(PACE);
    const waits = stage.notes.length - before;
    assert(waits > 10 && waits < 25, `${waits}: as many as there are milliseconds`);
  }
});

Deno.test("A job that ends while a writer waits for it lets him go on", () => {
  const stage = new Stage();
  stage.levelZero = 30;
  stage.elsewhere.add("compaction");
  stage.onWait = () => {
    stage.levelZero = 2;
    return true;
  };
  for (let i = 0; i < 2; i++) stage.write(PACE);
  assertEquals(stage.notes, ["wait"]);
});

Deno.test("An awaited write is given a promise in place of a wait (invariant 3)", async () => {
  const stage = new Stage();
  const { controller, elsewhere } = stage;
  stage.freeze(2);
  elsewhere.add("flush").add("compaction");
  assertEquals(controller.room(1, 100), undefined, "the active memtable has room");
  const rooms = [controller.room(1, 70_000), controller.roomToFreeze()];
  assert(rooms[0] !== undefined && rooms[0] === rooms[1]);
  stage.memtables.removeOldest();
  controller.advanced();
  await Promise.all(rooms);
  assertEquals(controller.room(1, 70_000), undefined);
  stage.levelZero = 36;
  assert(controller.room(1, 70_000) !== undefined);
  controller.advanced();
  elsewhere.clear(); // everything was stopped
  assertEquals(controller.room(1, 70_000), undefined);
});

Deno.test("Awaited writes are slowed down by promises, and pay once (invariant 3)", async () => {
  const stage = new Stage();
  const { controller } = stage;
  stage.levelZero = 20;
  stage.elsewhere.add("compaction");
  for (let i = 0; i < 3; i++) {
    controller.wrote(PACE);
    const room = controller.room(1, 100);
    assert(room !== undefined);
    stage.progress.compaction += 5 * PACE;
    controller.advanced();
    await room;
    assertEquals(controller.room(1, 100), undefined);
    controller.beforeWrite();
  }
  assert(!stage.notes.includes("wait"));
  controller.wrote(4096 * KIB); // far more than what counts in advance
  assert(controller.room(1, 100) !== undefined);
  for (let i = 0; i < 20; i++) {
    stage.progress.compaction = (stage.progress.compaction + 1024 * KIB) >>> 0;
  }
  assertEquals(controller.room(1, 100), undefined);
});

Deno.test("Awaited writes that follow one another let the event loop turn (invariant 3)", async () => {
  const stage = new Stage(20);
  const { controller, turns } = stage;
  let count = 0;
  let room: Promise<void> | undefined;
  while ((room = controller.room(1, 100)) === undefined) count++; // each looks at the clock once
  assert(count >= 18 && count <= 22, `${count}`);
  assert(turns.turn());
  await room;
  assertEquals(controller.room(1, 100), undefined);
  controller.close();
  assert(!turns.turn(), "the turn was taken back");
});

Deno.test("close() lets everyone go who waits for a turn", async () => {
  const stage = new Stage(20);
  let room: Promise<void> | undefined;
  while ((room = stage.controller.room(1, 100)) === undefined);
  stage.controller.close();
  await room;
  assert(!stage.turns.turn());
});

Deno.test("After close() nothing asks for a turn", () => {
  const stage = new Stage(20);
  stage.controller.close();
  for (let i = 0; i < 100; i++) assertEquals(stage.controller.room(1, 100), undefined);
  assert(!stage.turns.turn());
});
