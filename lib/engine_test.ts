/**
 * The engine on bytes, with turns of the event loop that come when a test says so.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { utf8, valueOf } from "../tests/tables.ts";
import { Engine } from "./engine.ts";
import { VarveError } from "./errors.ts";
import { FOUND, InternalKeyComparator } from "./internal_key.ts";
import { loadManifest, Manifest } from "./manifest.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { engineOptions, type OpenOptions } from "./options.ts";
import { WriteBatch } from "./write_batch.ts";

const KIB = 1024;
const TINY = {
  memtableBytes: 64 * KIB,
  tableBytes: 16 * KIB,
  baseLevelBytes: 64 * KIB,
  compression: "none",
} as const;

let withWorker = false;

/** A test of an engine that does all on one thread, and of one with a worker. */
function test(name: string, body: () => void | Promise<void>): void {
  for (const hasWorker of [false, true]) {
    Deno.test(hasWorker ? `${name}, with a worker` : name, async () => {
      withWorker = hasWorker;
      await body();
    });
  }
}

/** An engine on a disk that may fail, and the turns of its event loop. */
class Stage {
  readonly disk = new FailingFileSystem(new MemoryFileSystem());
  turns = new ManualTurns(withWorker ? this.disk : undefined);
  engine: Engine;

  constructor(options: OpenOptions<never, never> = {}) {
    this.engine = this.open(options);
  }

  open(options: OpenOptions<never, never> = {}): Engine {
    const all = engineOptions({ ...TINY, ...options }, this.disk);
    return this.engine = Engine.open("db", all, this.turns);
  }

  put(key: string, value: string, sync = false): void {
    this.engine.queue.commitSync(batchOf(key, value), sync);
  }

  get(key: string, sequence = this.engine.lastSequence): string | undefined {
    const { engine } = this;
    const bytes = utf8(key);
    engine.lookup.reserve(bytes.length);
    engine.lookup.key.set(bytes);
    engine.get(bytes.length, sequence);
    const { lookup } = engine;
    return lookup.outcome === FOUND ? new TextDecoder().decode(valueOf(lookup)) : undefined;
  }

  close(): Promise<void> {
    return this.turns.settle(this.engine.close());
  }
}

function batchOf(key: string, value: string): WriteBatch {
  const [keyBytes, valueBytes] = [utf8(key), utf8(value)];
  const batch = new WriteBatch();
  batch.put(keyBytes, 0, keyBytes.length, valueBytes, 0, valueBytes.length);
  return batch;
}

function keyOf(i: number): string {
  return String(i).padStart(8, "0");
}

test("A write is visible only when it is in the log (invariant 1)", async () => {
  const stage = new Stage();
  stage.put("a", "old");
  const seen: (string | undefined)[] = [];
  stage.disk.fails = ({ kind }) => {
    if (kind === "append") seen.push(stage.get("a", 2 ** 40));
    return false;
  };
  stage.put("a", "new");
  assertEquals([seen, stage.get("a")], [["old"], "new"]);
  stage.disk.fails = ({ kind }) => kind === "append";
  assertThrows(() => stage.put("a", "lost"), VarveError);
  assertEquals([stage.get("a", 2 ** 40), stage.engine.lastSequence], ["new", 2]);
  await stage.close();
});

test("A synced write is on disk when it is acknowledged, over two segments too (invariant 1)", async () => {
  const stage = new Stage();
  stage.put("a", "1"); // not synced
  const first = stage.engine.stats().log.segments;
  const value = "v".repeat(40 * KIB);
  stage.put("b", value);
  stage.put("c", value, true); // in a segment of its own
  assertEquals([first, stage.engine.stats().log.segments], [1, 2]);
  const unsynced = new Set<string>();
  for (const { kind, name } of stage.disk.changes) {
    if (kind === "append") unsynced.add(name);
    if (kind === "sync") unsynced.delete(name);
  }
  assertEquals([...unsynced], []);
  await stage.close();
});

test("There is a log segment for each memtable, at every moment (invariant 2)", async () => {
  const stage = new Stage({ maxImmutableMemtables: 3 });
  let most = 0;
  for (let i = 0; i < 3000; i++) {
    stage.put(keyOf(i), "v".repeat(100));
    if (i % 700 === 0) stage.turns.turn();
    const { memtable, log } = stage.engine.stats();
    assertEquals(log.segments, memtable.immutables + 1, `after write ${i}`);
    most = Math.max(most, log.segments);
  }
  assert(most > 1, `${most}`);
  await stage.close();
});

test("After a failed write nothing more is written, and reads go on (invariant 3)", async () => {
  for (const failing of ["append", "sync", "create"] as const) {
    const stage = new Stage();
    stage.put("a", "1", true);
    stage.disk.fails = ({ kind, name }) => kind === failing && name.endsWith(".log");
    const value = "v".repeat(40 * KIB);
    const first = assertThrows(() => {
      for (let i = 0; i < 3; i++) stage.put("b", value, true); // a new segment among them
    }, VarveError);
    stage.disk.fails = () => false;
    const changes = stage.disk.changes.length;
    for (let i = 0; i < 3; i++) {
      const later = assertThrows(() => stage.put("c", "3"), VarveError, "open it again to recover");
      assertStrictEquals(later.cause, first);
    }
    await assertRejects(() => stage.engine.flush(), VarveError, "an earlier failure");
    await assertRejects(
      () => stage.engine.compact(undefined, undefined, undefined),
      VarveError,
      "an earlier failure",
    );
    while (stage.turns.turn());
    assertEquals(stage.disk.changes.length, changes, failing);
    assertEquals([stage.get("a"), stage.get("c")], ["1", undefined]);
    assertEquals(stage.engine.stats().failure, first.message);
    await stage.close();
    stage.open();
    assertEquals([stage.get("a"), stage.get("c")], ["1", undefined], failing);
    stage.put("c", "3", true);
    await stage.close();
  }
});

test("flush() covers writes that were asked for before it and are not in the log yet", async () => {
  const stage = new Stage();
  const { engine } = stage;
  const key = utf8("asked for");
  engine.queue.gather(100).put(key, 0, key.length, key, 0, key.length);
  const asked = engine.queue.join(false);
  await stage.turns.settle(engine.flush());
  await asked;
  assertEquals([engine.stats().memtable.entries, stage.get("asked for")], [0, "asked for"]);
  await stage.close();
});

test("Who waits for a flush hears that it failed (invariant 3)", async () => {
  const stage = new Stage();
  stage.put("a", "1");
  stage.disk.fails = ({ name }) => name.endsWith(".ldb");
  const { engine } = stage;
  const waiting = [engine.flush(), engine.flush(), engine.compact(undefined, undefined, undefined)];
  for (const end of await stage.turns.settle(Promise.allSettled(waiting))) {
    assertEquals(end.status === "rejected" ? end.reason.code : "done", "IO");
  }
  assertEquals(stage.get("a"), "1");
  stage.disk.fails = () => false;
  await stage.close();
  stage.open();
  assertEquals(stage.get("a"), "1");
  await stage.close();
});

test("A writer who gives no turn is bounded in memtables and in tables (invariant 4)", async () => {
  for (const maxImmutableMemtables of [1, 3]) {
    const stage = new Stage({ maxImmutableMemtables });
    const { engine } = stage;
    const value = "v".repeat(1000);
    let most = 0;
    for (let i = 0; i < 6000; i++) {
      stage.put(keyOf((i * 7919) % 6000), value); // everywhere, so that tables overlap
      const { memtable, levels } = engine.stats();
      most = Math.max(most, levels[0]!.tables);
      assert(memtable.immutables <= maxImmutableMemtables, `${memtable.immutables}`);
    }
    const { background } = engine.stats();
    assert(most <= 37 && background.flushes > 50 && background.compactions > 0, `${most}`);
    await stage.close();
  }
});

test("Flushes that nobody waits for are bounded in memtables, too (invariant 4)", async () => {
  const stage = new Stage({ maxImmutableMemtables: 2 });
  const flushes: Promise<void>[] = [];
  for (let i = 0; i < 50; i++) {
    stage.put(keyOf(i), "v");
    flushes.push(stage.engine.flush());
    const { immutables } = stage.engine.stats().memtable;
    assert(immutables <= 2, `${immutables} after flush ${i}`);
  }
  await stage.turns.settle(Promise.all(flushes));
  // With a worker a flush waits for room, and what is asked for meanwhile is flushed together.
  const { flushes: count } = stage.engine.stats().background;
  assert(withWorker ? count >= 2 && count <= 50 : count === 50, `${count}`);
  for (let i = 0; i < 50; i++) assertEquals(stage.get(keyOf(i)), "v");
  await stage.close();
});

test("A writer who waits is counted as stalled (invariant 4)", async () => {
  const stage = new Stage({ maxImmutableMemtables: 1 });
  for (let i = 0; i < 4; i++) stage.put(keyOf(i), "v".repeat(50 * KIB)); // a memtable each
  const { stalls, stallMs } = stage.engine.stats().writes;
  assert(stalls > 0 && stallMs > 0, `${stalls} stalls of ${stallMs} ms`);
  await stage.close();
});

test("When close has returned nothing is open or running (invariant 5)", async () => {
  const stage = new Stage();
  const { engine } = stage;
  for (let i = 0; i < 2000; i++) stage.put(keyOf(i % 500), "v".repeat(100));
  const scan = engine.scan(engine.lastSequence, { lower: undefined, upper: undefined }, true);
  scan.cursor.first();
  engine.takeSnapshot();
  const waiting = [engine.flush(), engine.compact(undefined, undefined, undefined)];
  engine.queue.gather(10).append(batchOf("last", "written"));
  const pending = engine.queue.join(true);
  const closing = engine.close();
  assertStrictEquals(engine.close(), closing);
  const ends = await stage.turns.settle(Promise.allSettled([...waiting, pending, closing]));
  const heard = ends.map((end) => end.status === "rejected" ? end.reason.code : "done");
  assert(["done", "CLOSED"].includes(heard[0]), heard[0]); // there may have been time for the flush
  assertEquals(heard.slice(1), ["CLOSED", "done", "done"]);
  assertEquals([stage.disk.openHandles, stage.turns.turn(), scan.isClosed], [0, false, true]);
  stage.open();
  assertEquals([stage.get("last"), stage.get(keyOf(499))?.length], ["written", 100]);
  await stage.close();
});

test("The oldest snapshot decides what may be left out, whatever the order of their ends", () => {
  const stage = new Stage();
  const { engine } = stage;
  assertEquals(engine.smallestSnapshot(), 0);
  stage.put("a", "1");
  const one = engine.takeSnapshot();
  stage.put("a", "2");
  const other = engine.takeSnapshot();
  stage.put("a", "3");
  assertEquals([one.sequence, other.sequence, engine.smallestSnapshot()], [1, 2, 1]);
  assertEquals([stage.get("a", 1), stage.get("a", 2), stage.get("a")], ["1", "2", "3"]);
  engine.releaseSnapshot(one);
  engine.releaseSnapshot(one);
  assertEquals(engine.smallestSnapshot(), 2);
  engine.releaseSnapshot(other);
  assertEquals([engine.smallestSnapshot(), engine.stats().snapshots], [3, 0]);
  return stage.close();
});

test("A compaction leaves every key once, and a range leaves the rest alone", async () => {
  const stage = new Stage();
  const { engine, turns } = stage;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 300; i++) stage.put(keyOf(i), `${round}${"v".repeat(100)}`);
    await turns.settle(engine.flush());
  }
  await turns.settle(engine.compact(undefined, undefined, undefined));
  const { levels, background } = engine.stats();
  assertEquals([levels[0]!.tables, background.droppedEntries, background.isBusy], [0, 600, false]);
  for (let i = 0; i < 300; i++) assertEquals(stage.get(keyOf(i))?.[0], "2");
  const before = engine.stats().background.compactionWriteBytes;
  await turns.settle(engine.compact(utf8("x"), utf8("z"), undefined));
  assertEquals(engine.stats().background.compactionWriteBytes, before);
  const aborted = AbortSignal.abort(new RangeError("enough"));
  await assertRejects(() => engine.compact(undefined, undefined, aborted), RangeError, "enough");
  await stage.close();
});

test("Same operations, same bytes on disk", async () => {
  const run = async () => {
    const stage = new Stage();
    for (let i = 0; i < 3000; i++) {
      stage.put(keyOf((i * 31) % 1000), `${i}${"v".repeat(i % 200)}`);
      if (i % 50 === 0) stage.turns.turn();
    }
    await stage.close();
    const { inner } = stage.disk;
    const memory = inner as MemoryFileSystem;
    return memory.list("db").map((name) => [name, memory.readAll(`db/${name}`)]);
  };
  const [one, other] = [await run(), await run()];
  assert(one.length > 5);
  assertEquals(one, other);
});

test("A database opened to be read only gives no work to the background", async () => {
  const stage = new Stage();
  for (let i = 0; i < 1000; i++) stage.put(keyOf(i), "v".repeat(100));
  await stage.close();
  const changes = stage.disk.changes.length;
  stage.open({ readOnly: true });
  while (stage.turns.turn());
  assertEquals(stage.get(keyOf(999))?.length, 100);
  assertEquals(assertThrows(() => stage.put("a", "1"), VarveError).code, "READ_ONLY");
  const error = await assertRejects(() => stage.engine.flush(), VarveError);
  assertEquals(error.code, "READ_ONLY");
  await stage.close();
  const after = stage.disk.changes.slice(changes).map(({ kind, name }) => `${kind} ${name}`);
  assertEquals(after, ["lock LOCK"]);
});

test("A log is made durable also when a flush fails meanwhile (invariant 1)", async () => {
  const stage = new Stage();
  const { engine, disk } = stage;
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const waiting = ["a", "b"].map((key) => {
    const written = engine.queue.commit(batchOf(key, "1"), true);
    if (key === "a") disk.fails = ({ name }) => name.endsWith(".ldb");
    return written;
  });
  const flushed = assertRejects(() => engine.flush(), VarveError);
  while (engine.stats().failure === undefined) stage.turns.turn();
  gate.resolve();
  await Promise.all(waiting);
  await flushed;
  assertEquals(disk.count("sync", ".log"), 2);
  await stage.close();
});

test("A key that the comparator does not take is refused before it is in the log", async () => {
  const decoder = new TextDecoder();
  const ofKey = (key: Uint8Array) => BigInt(decoder.decode(key)); // throws if it is no number
  const comparator = {
    name: "numbers",
    compare: (a: Uint8Array, b: Uint8Array) => Number(ofKey(a) - ofKey(b)),
  };
  const stage = new Stage({ comparator });
  const changes = stage.disk.changes.length;
  assertThrows(() => stage.put("oops", "1"), SyntaxError);
  assertEquals(stage.disk.changes.length, changes);
  stage.put("7", "seven");
  await stage.close();
  stage.open({ comparator });
  assertEquals(stage.get("7"), "seven");
  await stage.close();
});

test("A write that the memtable takes half of is not seen, nor its numbers used again (invariant 3)", async () => {
  let isBroken = false;
  const comparator = {
    name: "breaks",
    compare(a: Uint8Array, b: Uint8Array) {
      if (isBroken && a !== b) throw new Error("it is broken");
      return a[0]! - b[0]!;
    },
  };
  const stage = new Stage({ comparator });
  stage.put("m", "1");
  const { lastSequence } = stage.engine;
  isBroken = true;
  assertThrows(() => stage.put("n", "2"), VarveError, "it is broken");
  isBroken = false;
  assertThrows(() => stage.put("o", "3"), VarveError, "open it again to recover");
  await assertRejects(() => stage.engine.resume(), VarveError, "it is broken); open it again");
  assertEquals([stage.engine.lastSequence, stage.get("n")], [lastSequence, undefined]);
  await stage.close();
});

test("A batch that no memtable can hold is TOO_LARGE before anything is written", async () => {
  const stage = new Stage();
  class Huge extends WriteBatch {
    override get count(): number {
      return 2 ** 28;
    }
  }
  const changes = stage.disk.changes.length;
  const error = assertThrows(() => stage.engine.queue.commitSync(new Huge(), false), VarveError);
  assertEquals([error.code, stage.disk.changes.length], ["TOO_LARGE", changes]);
  stage.put("a", "1");
  await stage.close();
});

test("compact() also drops what a table hides that moves deeper meanwhile by itself", async () => {
  const stage = new Stage({ baseLevelBytes: 8 * KIB });
  async function compact(): Promise<void> {
    let isDone = false;
    const compacted = stage.engine.compact(undefined, undefined, undefined);
    compacted.finally(() => isDone = true);
    while (!isDone) {
      stage.turns.turn();
      for (let i = 0; i < 20; i++) await undefined; // as between two turns of a real event loop
    }
    await compacted;
  }
  const levels = () => stage.engine.stats().levels.filter(({ tables }) => tables > 0);
  for (let i = 0; i < 600; i++) stage.put(keyOf(i), "v".repeat(1000));
  while (stage.turns.turn());
  await compact();
  assertEquals(levels().map(({ level }) => level), [3]);
  await stage.close();
  stage.open({ baseLevelBytes: 4 * KIB }); // level 3 holds too much now: its first table will move
  stage.put(keyOf(0), "new");
  await compact();
  assertEquals(levels().map(({ level }) => level), [4]);
  assertEquals(stage.get(keyOf(0)), "new");
  await stage.close();
});

test("A logger that throws, or closes the database, does no harm", async () => {
  let closing: Promise<void> | undefined;
  const stage = new Stage({
    logger: {
      log(_level, source) {
        if (source === "log") closing ??= stage.engine?.close();
        throw new Error("the logger is broken");
      },
    },
  });
  const { engine } = stage;
  const batch = batchOf("last", "v".repeat(TINY.memtableBytes));
  const writes = [engine.queue.commit(batchOf("a", "1"), false)];
  engine.queue.gather(batch.byteLength).append(batch); // starts a log when close writes it
  writes.push(engine.queue.join(true));
  const closed = engine.close();
  await stage.turns.settle(Promise.all([...writes, closed]));
  assertStrictEquals(closing, closed);
  assertEquals(stage.disk.openHandles, 0);
  stage.open();
  assertEquals([stage.get("a"), stage.get("last")?.length], ["1", TINY.memtableBytes]);
  await stage.close();
});

test("A table that is due for being searched in vain stays so when a memtable is frozen meanwhile", async () => {
  const stage = new Stage({ seekCompaction: true, filterBits: 0 });
  for (const keys of [["a", "b", "z"], ["a", "z"]]) {
    for (const key of keys) stage.put(key, "1");
    await stage.turns.settle(stage.engine.flush());
  }
  for (let i = 0; i < 100; i++) stage.get("b");
  for (let i = 0; i < 3; i++) stage.put("q", "v".repeat(30 * KIB));
  while (stage.turns.turn());
  const { flushes, compactions } = stage.engine.stats().background;
  assertEquals([flushes, compactions], [3, 1]);
  await stage.close();
});

test("When the sequence numbers or the file numbers are used up it says so, and reads go on", async () => {
  for (const used of ["lastSequence", "nextFileNumber"] as const) {
    const stage = new Stage();
    stage.put("a", "1");
    await stage.close();
    const state = loadManifest(stage.disk, "db", new InternalKeyComparator());
    // Opening takes three files: a table, a log and a manifest.
    const left = used === "lastSequence" ? 2 : 3;
    const later = { ...state, nextFileNumber: 101, [used]: Number.MAX_SAFE_INTEGER - left };
    Manifest.create(stage.disk, "db", 100, later).close();
    stage.open();
    assertEquals(stage.get("a"), "1");
    const error = assertThrows(() => {
      for (let i = 0; i < 3; i++) stage.put("b", "2".repeat(40 * KIB));
    }, VarveError);
    assertEquals(error.code, "TOO_LARGE", used);
    assertEquals([stage.get("a"), stage.engine.stats().failure], ["1", undefined]);
    await stage.close();
    if (used === "nextFileNumber") continue;
    stage.open();
    assertEquals([stage.get("a"), stage.get("b")?.length], ["1", 40 * KIB]);
    await stage.close();
  }
});

Deno.test("What was deleted stays deleted where the order takes different bytes for one key", async () => {
  withWorker = false; // it would not know the order
  const decoder = new TextDecoder();
  const comparator = {
    name: "any case",
    compare(a: Uint8Array, b: Uint8Array) {
      const [left, right] = [a, b].map((key) => decoder.decode(key).toLowerCase());
      return left! < right! ? -1 : left! > right! ? 1 : 0;
    },
  };
  const stage = new Stage({ comparator, filterBits: 0 });
  const compact = () => stage.turns.settle(stage.engine.compact(undefined, undefined, undefined));
  stage.put("key", "1");
  await compact();
  const batch = new WriteBatch();
  batch.delete(utf8("KEY"), 0, 3);
  stage.engine.queue.commitSync(batch, false);
  assertEquals(stage.get("key"), undefined);
  await compact();
  assertEquals(stage.get("key"), undefined);
  await stage.close();
});

// ——— resume() ———

/** Stops all writes by what fails when `run` is called, once. */
function stop(stage: Stage, fails: Stage["disk"]["fails"], run: () => void): VarveError {
  let hasFailed = false;
  stage.disk.fails = (change) => !hasFailed && fails(change) && (hasFailed = true);
  const error = assertThrows(run, VarveError, "the test says so");
  stage.disk.fails = () => false;
  return error;
}

const ofLog = (failing: string) => ({ kind, name }: { kind: string; name: string }) =>
  kind === failing && name.endsWith(".log");

test("resume() after a failed log makes all that reads can see durable (invariant 3)", async () => {
  for (const failing of ["append", "sync", "create"] as const) {
    const stage = new Stage();
    const { disk, engine, turns } = stage;
    for (const key of ["a", "b"]) stage.put(key, "v".repeat(20 * KIB));
    stop(stage, ofLog(failing), () => {
      for (let i = 0; i < 3; i++) stage.put("c", "w".repeat(20 * KIB), true);
    });
    const { lastSequence } = engine;
    const logs = disk.list("db").filter((name) => name.endsWith(".log"));
    disk.changes.length = 0;
    await turns.settle(engine.resume());
    assertEquals(
      disk.changes.filter(({ kind, name }) => kind !== "remove" && logs.includes(name)),
      [],
    );
    assertEquals(
      disk.list("db").filter((name) => logs.includes(name)),
      [],
      "the old logs are gone",
    );
    assertEquals(engine.stats().log.segments, 1);
    assertEquals([engine.lastSequence, engine.stats().failure], [lastSequence, undefined]);
    stage.put("d", "4", true);
    assertEquals([engine.lastSequence, stage.get("d")], [lastSequence + 1, "4"], failing);
    await stage.close();
    stage.open();
    for (const key of ["a", "b"]) assertEquals(stage.get(key)?.length, 20 * KIB);
    assertEquals([stage.get("d"), stage.engine.lastSequence], ["4", lastSequence + 1]);
    await stage.close();
  }
});

test("resume() does nothing when nothing failed, whatever is under way", async () => {
  const stage = new Stage();
  stage.put("a", "1");
  const changes = stage.disk.changes.length;
  stage.disk.gate = new Promise(() => {});
  await stage.engine.resume();
  assertEquals([stage.disk.changes.length, stage.turns.turn()], [changes, true]); // the turn is from opening
  stage.disk.gate = undefined;
  await stage.close();
  stage.open({ readOnly: true });
  await stage.engine.resume();
  await stage.close();
});

test("resume() works in slices, refuses writes meanwhile, and is joined by others (invariant 3)", async () => {
  const stage = new Stage({ memtableBytes: 2048 * KIB });
  const { engine, turns } = stage;
  for (let i = 0; i < 400; i++) stage.put(keyOf(i), "v".repeat(4 * KIB));
  const failure = stop(stage, ofLog("sync"), () => stage.put("last", "1", true));
  const resuming = [engine.resume(), engine.resume()];
  let steps = 0;
  let isDone = false;
  const done = Promise.all(resuming).then(() => isDone = true);
  for (; !isDone; steps++) {
    assertEquals(engine.stats().failure, failure.message);
    assertThrows(() => stage.put("x", "1"), VarveError, "an earlier failure");
    assertEquals(stage.get(keyOf(7))?.length, 4 * KIB);
    turns.turn();
    for (let i = 0; i < 10; i++) await undefined;
  }
  await done;
  assert(steps > 6, `${steps} turns`);
  assertEquals(engine.stats().background.flushes, 1, "it was done once");
  stage.put("x", "1", true);
  await stage.close();
});

test("A sync under way when the log fails is over before resume() begins, and vouches for nothing", async () => {
  const stage = new Stage();
  const { disk, engine, turns } = stage;
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const early = engine.queue.commit(batchOf("early", "1"), true);
  const late = engine.queue.commit(batchOf("late", "1"), true); // waits for the next sync
  stop(stage, ofLog("append"), () => stage.put("never", "1"));
  let isDone = false;
  const resumed = engine.resume().then(() => isDone = true);
  while (turns.turn() || !disk.changes.some(({ kind }) => kind === "sync")) await undefined;
  const changes = disk.changes.length;
  for (let i = 0; i < 20; i++) {
    turns.turn();
    await undefined;
  }
  assertEquals([isDone, disk.changes.length], [false, changes], "it waits");
  disk.gate = undefined;
  gate.resolve();
  await assertRejects(() => early, VarveError, "an earlier write or sync failed");
  await assertRejects(() => late, VarveError, "an earlier write or sync failed");
  await turns.settle(resumed);
  assertEquals([stage.get("early"), stage.get("late"), stage.get("never")], ["1", "1", undefined]);
  assertEquals(disk.count("sync", ".log"), 1, "a log that failed is not synced again");
  await turns.settle(engine.queue.commit(batchOf("x", "1"), true));
  await stage.close();
});

Deno.test("flush() rejects if an earlier flush, done here, fails while it freezes the memtable", async () => {
  withWorker = true;
  const stage = new Stage({ memtableBytes: 1024 * KIB });
  const { engine, turns, disk } = stage;
  turns.workers!.isSlow = true;
  for (const key of ["a", "b"]) stage.put(key, "v".repeat(300 * KIB));
  const outcomes = ["pending", "pending"];
  const watch = (flush: Promise<void>, i: number) =>
    flush.then(() => outcomes[i] = "done", (error) => outcomes[i] = error.code);
  watch(engine.flush(), 0);
  turns.turn(); // begins here, since the worker is not ready, and is half done
  turns.workers!.last.begin();
  stage.put("c", "1");
  disk.fails = ({ name }) => name.endsWith(".ldb");
  watch(engine.flush(), 1);
  for (let i = 0; i < 20; i++) await undefined;
  assertEquals(outcomes, ["IO", "IO"]);
  disk.fails = () => false;
  await turns.settle(engine.resume());
  assertEquals(stage.get("c"), "1");
  await stage.close();
});

test("A group that was gathered before the failure is refused, and not written by resume()", async () => {
  const stage = new Stage();
  const { engine, turns } = stage;
  stage.put("a", "1");
  const flushed = assertRejects(() => engine.flush(), VarveError, "the test says so");
  stage.disk.fails = ({ name }) => name.endsWith(".ldb");
  engine.queue.gather(100).append(batchOf("late", "1"));
  const written = assertRejects(() => engine.queue.join(true), VarveError, "an earlier failure");
  while (engine.stats().failure === undefined) turns.turn();
  stage.disk.fails = () => false;
  await turns.settle(engine.resume());
  await Promise.all([flushed, written]);
  assertEquals([stage.get("a"), stage.get("late")], ["1", undefined]);
  await stage.close();
});

test("close() during resume() ends it, and leaves nothing open or running (invariant 5)", async () => {
  for (let turnsBefore = 0; turnsBefore < 12; turnsBefore++) {
    const stage = new Stage({ memtableBytes: 1024 * KIB });
    const { engine, turns, disk } = stage;
    for (let i = 0; i < 200; i++) stage.put(keyOf(i), "v".repeat(4 * KIB));
    stop(stage, ofLog("sync"), () => stage.put("last", "1", true));
    const resumed = engine.resume().then(() => "done", (error) => error.code);
    for (let i = 0; i < turnsBefore; i++) {
      turns.turn();
      for (let i = 0; i < 10; i++) await undefined;
    }
    const isDone = engine.stats().failure === undefined;
    const ends: string[] = [];
    resumed.then((end) => ends.push(end));
    const closed = engine.close().then(() => ends.push("closed"));
    for (let i = 0; i < 20; i++) await undefined; // no turn meanwhile
    await turns.settle(closed);
    assertEquals(ends, [isDone ? "done" : "CLOSED", "closed"]);
    assertEquals([disk.openHandles, turns.turn()], [0, false]);
    stage.open();
    for (let i = 0; i < 200; i++) assertEquals(stage.get(keyOf(i))?.length, 4 * KIB);
    await stage.close();
  }
});

test("A failed compaction is done before writes are taken again, unless it was asked for", async () => {
  const stage = new Stage();
  const { engine, turns, disk } = stage;
  const flushTable = async () => {
    for (let i = 0; i < 20; i++) stage.put(keyOf(i), "v".repeat(KIB));
    await turns.settle(engine.flush());
  };
  for (let i = 0; i < 3; i++) await flushTable();
  disk.fails = ({ kind, name }) => kind === "append" && name.endsWith(".ldb");
  const compacted = engine.compact(undefined, undefined, undefined);
  await assertRejects(() => turns.settle(compacted), VarveError, "the test says so");
  await turns.settle(engine.resume()); // the disk still fails, but there is nothing that has to be written
  disk.fails = () => false;
  assertEquals(engine.stats().background.compactions, 0);
  disk.fails = ({ kind, name }) =>
    kind === "append" && name.endsWith(".ldb") && engine.stats().memtable.immutables === 0;
  for (let i = 0; i < 6 && engine.stats().failure === undefined; i++) {
    await flushTable();
    while (turns.turn());
  }
  assert(engine.stats().failure !== undefined);
  await assertRejects(() => turns.settle(engine.resume()), VarveError, "the test says so");
  disk.fails = () => false;
  await turns.settle(engine.resume());
  assertEquals(engine.stats().background.compactions, 1);
  await stage.close();
});

test("A database that damage has stopped is not resumed", async () => {
  const stage = new Stage();
  const { engine, turns } = stage;
  for (let round = 0; round < 2; round++) {
    stage.put("a", "v".repeat(KIB));
    stage.put("z", `${round}`);
    await turns.settle(engine.flush());
  }
  const memory = stage.disk.inner as MemoryFileSystem;
  for (const name of memory.list("db").filter((name) => name.endsWith(".ldb"))) {
    const bytes = memory.readAll(`db/${name}`);
    bytes[20]! ^= 1;
    memory.writeAll(`db/${name}`, bytes);
  }
  const compacted = engine.compact(undefined, undefined, undefined);
  await assertRejects(() => turns.settle(compacted), VarveError, "checksum");
  for (let i = 0; i < 2; i++) {
    const error = await assertRejects(
      () => turns.settle(engine.resume()),
      VarveError,
      "open it again",
    );
    assertEquals(error.code, "CORRUPTION");
  }
  await stage.close();
});

test("After a log that could not be started close() still makes what was written durable", async () => {
  const stage = new Stage();
  stage.put("a", "v".repeat(40 * KIB));
  stop(stage, ofLog("create"), () => stage.put("b", "v".repeat(40 * KIB)));
  assertEquals(stage.disk.count("sync", ".log"), 0);
  await stage.close();
  assertEquals(stage.disk.count("sync", ".log"), 1);
});

test("A logger that asks to resume when it hears of the failure gets what it asks for", async () => {
  const resumed: Promise<void>[] = [];
  const stage = new Stage({
    logger: {
      log(level) {
        if (level === "error") resumed.push(stage.engine.resume());
      },
    },
  });
  stage.put("a", "1");
  stop(stage, ofLog("append"), () => stage.put("b", "1"));
  assertEquals(resumed.length, 1);
  await stage.turns.settle(resumed[0]!);
  stage.put("c", "1", true);
  assertEquals([stage.get("a"), stage.get("b"), stage.get("c")], ["1", undefined, "1"]);
  await stage.close();
});
