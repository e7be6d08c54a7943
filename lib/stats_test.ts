/**
 * What the statistics say, and that asking for them changes nothing.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { SmallTree } from "../tests/trees.ts";
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { type DatabaseStats, levelStats, writeAmplification, WriteCounters } from "./stats.ts";
import { LEVELS } from "./version.ts";

Deno.test("Every level is counted, empty ones too", () => {
  const stage = new SmallTree();
  const one = stage.addTable(0, "a@5=1");
  const other = stage.addTable(0, "a@6=2 b@7=3");
  const deep = stage.addTable(3, "a@1=0 c@2=0");
  const levels = levelStats(stage.tree.version);
  assertEquals(levels.map(({ level }) => level), Array.from({ length: LEVELS }, (_, i) => i));
  assertEquals(levels[0], { level: 0, tables: 2, bytes: one.bytes + other.bytes });
  assertEquals(levels[3], { level: 3, tables: 1, bytes: deep.bytes });
  assertEquals(levels[1], { level: 1, tables: 0, bytes: 0 });
  stage.close();
});

Deno.test("Write amplification is everything written for each byte of callers, and 0 for none", () => {
  const work = { flushBytes: 300, compactionWriteBytes: 500, manifestBytes: 90 };
  const statsOf = (bytes: number) =>
    ({ log: { bytesWritten: 110 }, background: work, writes: { bytes } }) as DatabaseStats;
  assertEquals(writeAmplification(statsOf(100)), 10);
  assertEquals(writeAmplification(statsOf(0)), 0);
});

Deno.test("What was counted when it was asked for stays as it was", () => {
  const counters = new WriteCounters();
  counters.entries = 5;
  const before = counters.stats();
  counters.entries++;
  counters.stalled("memtables", 3);
  assertEquals(before, { ...new WriteCounters().stats(), entries: 5 });
  assertEquals([counters.stats().entries, counters.stats().stallMs], [6, 3]);
});

Deno.test("Waits are counted by what was waited for, and in all", () => {
  const counters = new WriteCounters();
  counters.stalled("memtables", 3);
  counters.stalled("levelZero", 10);
  counters.stalled("memtables", 4);
  assertEquals(counters.stats(), {
    entries: 0,
    bytes: 0,
    syncs: 0,
    stalls: 3,
    stallMs: 17,
    memtableStalls: 2,
    memtableStallMs: 7,
    levelZeroStalls: 1,
    levelZeroStallMs: 10,
  });
});

Deno.test("Asking changes nothing and asks the disk for nothing (invariant 1)", async () => {
  const turns = new ManualTurns();
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const db = openDatabase("db", { sync: false }, disk, turns);
  for (let i = 0; i < 100; i++) db.putSync(`key ${i}`, "value");
  await turns.settle(db.flush());
  db.getSync("key 5");
  using _snapshot = db.snapshot();
  const iterator = db.keysSync();
  const before = db.stats();
  const steps = disk.changes.length;
  disk.fails = () => true;
  for (let i = 0; i < 10; i++) assertEquals(db.stats(), before);
  assertEquals([disk.changes.length, before.snapshots, before.iterators], [steps, 1, 1]);
  disk.fails = () => false;
  iterator.return?.();
  await turns.settle(db.close());
});

Deno.test("A database counts what it is given, each thing once", async () => {
  const turns = new ManualTurns();
  const db = openDatabase("db", {}, new MemoryFileSystem(), turns);
  db.putSync("key", "value");
  db.deleteSync("key", { sync: false });
  await turns.settle(db.batch().put("a", "1").put("b", "22").commit());
  const { sequence, writes, memtable, log, levels } = db.stats();
  assertEquals([sequence, writes.entries, writes.bytes, writes.syncs], [4, 4, 8 + 3 + 2 + 3, 2]);
  assertEquals([memtable.entries, memtable.immutables, log.segments], [4, 0, 1]);
  assert(log.bytesWritten > writes.bytes && memtable.usedBytes > writes.bytes);
  assert(memtable.usedBytes <= memtable.capacityBytes);
  assert(levels.every(({ tables }) => tables === 0));
  await turns.settle(db.flush());
  const after = db.stats();
  assertEquals([after.memtable.entries, after.background.flushes, after.log.segments], [0, 1, 1]);
  assertEquals(
    after.levels.reduce((sum, { bytes }) => sum + bytes, 0),
    after.background.flushBytes,
  );
  assertEquals(after.background.droppedEntries, 1); // the put that the delete hides
  assert(
    writeAmplification(after) > writeAmplification({ ...after, writes: { ...writes, bytes: 99 } }),
  );
  await turns.settle(db.close());
});
