/**
 * **What.** What a database tells by events: each kind is provoked, its numbers are looked at, and their sums are
 * compared with the statistics. The clock and the turns of the event loop come from the test, so every run is a
 * function of its seed.
 *
 * **Read next.** `telemetry_test.ts`
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { openDatabase } from "../lib/database.ts";
import { VarveError } from "../lib/errors.ts";
import type { DatabaseEvent } from "../lib/events.ts";
import type { FileSystem } from "../lib/file_system.ts";
import { MemoryFileSystem } from "../lib/memory_file_system.ts";
import type { OpenOptions } from "../lib/options.ts";
import { generator } from "../lib/random.ts";
import { SimulatedFileSystem } from "../lib/simulated_file_system.ts";
import type { DatabaseStats } from "../lib/stats.ts";
import type { Database } from "../lib/store.ts";
import { type Change, FailingFileSystem } from "./fixtures/failing_file_system.ts";
import { ManualTurns } from "./fixtures/manual_turns.ts";

const TINY: OpenOptions = {
  memtableBytes: 64 * 1024,
  tableBytes: 16 * 1024,
  baseLevelBytes: 64 * 1024,
  compression: "none",
  sync: false,
};

type Kind = DatabaseEvent["type"];

/** A database, and the events that it has told of. */
class Watched {
  readonly turns: ManualTurns;
  readonly events: DatabaseEvent[] = [];
  readonly db: Database<string, string>;
  /** Called for each event, after it is noted. */
  onEvent: (event: DatabaseEvent) => void = () => {};

  constructor(disk: FileSystem, hasWorker = false, options: OpenOptions = {}) {
    this.turns = new ManualTurns(hasWorker ? disk : undefined);
    const onEvent = (event: DatabaseEvent) => {
      this.events.push(event);
      this.onEvent(event);
    };
    this.db = openDatabase("db", { ...TINY, ...options, onEvent }, disk, this.turns);
  }

  /** The events of a kind. */
  of<T extends Kind>(type: T): Extract<DatabaseEvent, { type: T }>[] {
    return this.events.filter((it) => it.type === type) as Extract<DatabaseEvent, { type: T }>[];
  }

  /** Puts, group by group, while the event loop does not turn. */
  async putWithoutTurns(count: number, bytes: number): Promise<Promise<void>[]> {
    const writes: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      writes.push(this.db.put(key(i * 7 % count), "v".repeat(bytes)));
      for (let microtask = 0; microtask < 3; microtask++) await undefined;
    }
    return writes;
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.turns.settle(promise);
  }

  async close(): Promise<void> {
    await this.settle(this.db.close());
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** What the statistics count of work that events tell of. */
function countedBy({ background, writes, failures }: DatabaseStats) {
  const { flushes, flushBytes, flushMs, compactions, trivialMoves } = background;
  const { compactionReadBytes, compactionWriteBytes, compactionMs, droppedEntries } = background;
  const { stalls, stallMs, memtableStalls, memtableStallMs, levelZeroStalls, levelZeroStallMs } =
    writes;
  return {
    ...{ flushes, flushBytes, flushMs, compactions, trivialMoves, compactionReadBytes },
    ...{ compactionWriteBytes, compactionMs, droppedEntries, stalls, stallMs, memtableStalls },
    ...{ memtableStallMs, levelZeroStalls, levelZeroStallMs, failures },
  };
}

/** The same, as the sum over events. */
function toldBy(watched: Watched): ReturnType<typeof countedBy> {
  const flushes = watched.of("flush");
  const compactions = watched.of("compaction");
  const stalls = watched.of("stall");
  const memtableStalls = stalls.filter(({ cause }) => cause === "memtables");
  const levelZeroStalls = stalls.filter(({ cause }) => cause === "levelZero");
  const ms = (it: { readonly durationMs: number }) => it.durationMs;
  return {
    flushes: flushes.length,
    flushBytes: sum(flushes, (it) => it.bytesWritten),
    flushMs: sum(flushes, ms),
    compactions: compactions.filter(({ isMove }) => !isMove).length,
    trivialMoves: compactions.filter(({ isMove }) => isMove).length,
    compactionReadBytes: sum(compactions, (it) => it.bytesRead),
    compactionWriteBytes: sum(compactions, (it) => it.bytesWritten),
    compactionMs: sum(compactions, ms),
    droppedEntries: sum([...flushes, ...compactions], (it) => it.droppedEntries),
    stalls: stalls.length,
    stallMs: sum(stalls, ms),
    memtableStalls: memtableStalls.length,
    memtableStallMs: sum(memtableStalls, ms),
    levelZeroStalls: levelZeroStalls.length,
    levelZeroStallMs: sum(levelZeroStalls, ms),
    failures: watched.of("error").length,
  };
}

/** Runs a test on one thread, and with a worker. */
function test(name: string, body: (hasWorker: boolean) => Promise<void>): void {
  Deno.test(name, () => body(false));
  Deno.test(`${name}, with a worker`, () => body(true));
}

const key = (i: number) => `key ${String(i).padStart(6, "0")}`;

test("Opening tells what was found and replayed, and stats() goes on to", async (hasWorker) => {
  const disk = new MemoryFileSystem();
  const first = new Watched(disk, hasWorker);
  assertEquals(first.events.map(({ type }) => type), ["recovery"]);
  const [fresh] = first.of("recovery");
  const { sequence, logs, logBytes, entries, tables, tableBytes, droppedBytes } = fresh!;
  assertEquals({ sequence, logs, entries, tables }, {
    sequence: 0,
    logs: 0,
    entries: 0,
    tables: 0,
  });
  assertEquals([logBytes, tableBytes, droppedBytes], [0, 0, 0]);
  for (let i = 0; i < 100; i++) first.db.putSync(key(i), "value");
  const { bytesWritten } = first.db.stats().log;
  await first.close();

  const again = new Watched(disk, hasWorker);
  const [{ type, ...recovery }] = again.of("recovery") as [DatabaseEvent & { type: "recovery" }];
  assertEquals([type, recovery.sequence, recovery.logs, recovery.entries], [
    "recovery",
    100,
    1,
    100,
  ]);
  // A record has a head of 7 bytes.
  assertEquals(recovery.logBytes, bytesWritten - 100 * 7);
  const levels = again.db.stats().levels;
  assertEquals([recovery.tables, recovery.tableBytes], [
    sum(levels, (it) => it.tables),
    sum(levels, (it) => it.bytes),
  ]);
  assert(recovery.replayMs > 0 && recovery.durationMs > recovery.replayMs);
  const { sequence: _, ...stats } = recovery;
  assertEquals(again.db.stats().recovery, stats);
  await again.close();
});

Deno.test("Opening tells how much of a log was torn", async () => {
  const disk = new SimulatedFileSystem({ seed: 1 });
  const first = new Watched(disk);
  await first.settle(first.db.put("durable", "1", { sync: true }));
  first.db.putSync("torn", "v".repeat(1000));
  const size = first.db.stats().log.bytesWritten;
  await first.close();
  const [log] = disk.list("db").filter((name) => name.endsWith(".log"));
  const bytes = new Uint8Array(size);
  const file = disk.open(`db/${log}`);
  file.read(bytes, 0);
  file.close();
  const torn = disk.create(`db/${log}`);
  torn.append(bytes.subarray(0, size - 10));
  torn.syncSync();
  torn.close();
  const again = new Watched(disk);
  const [{ entries, droppedBytes }] = again.of("recovery") as [
    DatabaseEvent & { type: "recovery" },
  ];
  assertEquals(entries, 1);
  assert(droppedBytes > 980 && droppedBytes < 1040, `${droppedBytes}`);
  await again.close();
});

test("A flush tells what went in, what came out, and where it is", async (hasWorker) => {
  const watched = new Watched(new MemoryFileSystem(), hasWorker);
  const { db } = watched;
  for (let i = 0; i < 100; i++) db.putSync(key(i % 50), "value");
  const { usedBytes } = db.stats().memtable;
  await watched.settle(db.flush());
  const [flush] = watched.of("flush");
  const stats = db.stats();
  const [level] = stats.levels.filter(({ tables }) => tables > 0);
  const { durationMs, table, ...rest } = flush!;
  assert(durationMs > 0 && table! > 0);
  assertEquals(rest, {
    type: "flush",
    where: hasWorker ? "worker" : "here",
    entries: 100,
    droppedEntries: 50,
    memtableBytes: usedBytes,
    bytesWritten: level!.bytes,
    level: level!.level,
  });
  await watched.close();
});

test("A compaction tells why, of which levels, and what it read and wrote", async (hasWorker) => {
  const watched = new Watched(new MemoryFileSystem(), hasWorker);
  const { db } = watched;
  for (const value of ["old", "new"]) {
    for (let i = 0; i < 50; i++) db.putSync(key(i), value);
    await watched.settle(db.flush());
  }
  const before = sum(db.stats().levels, (it) => it.bytes);
  await watched.settle(db.compact());
  const compactions = watched.of("compaction").filter(({ isMove }) => !isMove);
  const [{ durationMs, ...compaction }] = compactions as [DatabaseEvent & { type: "compaction" }];
  assert(durationMs > 0);
  assertEquals({ ...compaction, level: 0, outputLevel: 0 }, {
    type: "compaction",
    where: hasWorker ? "worker" : "here",
    reason: "manual",
    isMove: false,
    level: 0,
    outputLevel: 0,
    tablesRead: 2,
    tablesWritten: 1,
    bytesRead: before,
    bytesWritten: sum(db.stats().levels, (it) => it.bytes),
    droppedEntries: 50,
  });
  assert(compaction.outputLevel > compaction.level);
  await watched.close();
});

Deno.test("A writer who is held up at a bound is told of as a stall, with its cause", async () => {
  const watched = new Watched(new MemoryFileSystem(), false, { maxImmutableMemtables: 1 });
  for (let i = 0; i < 40; i++) watched.db.putSync(key(i), "v".repeat(20_000));
  const stalls = watched.of("stall");
  assert(stalls.length > 0);
  for (const { cause, condition, isAwaited, durationMs } of stalls) {
    assertEquals([cause, condition, isAwaited], ["memtables", "stopped", false]);
    assert(durationMs > 0);
  }
  await watched.close();
});

Deno.test("Awaited writers who wait for a worker are told of as stalls, too", async () => {
  const watched = new Watched(new MemoryFileSystem(), true, { maxImmutableMemtables: 1 });
  const writes = await watched.putWithoutTurns(100, 20_000);
  await watched.settle(Promise.all(writes));
  const awaited = watched.of("stall").filter(({ isAwaited }) => isAwaited);
  assert(awaited.some(({ cause, condition }) => cause === "memtables" && condition === "stopped"));
  assert(awaited.every(({ durationMs }) => durationMs > 0));
  assertEquals(toldBy(watched), countedBy(watched.db.stats()));
  await watched.close();
});

test("Tables of level 0 that wait are the cause of stalls", async (hasWorker) => {
  const watched = new Watched(new MemoryFileSystem(), hasWorker, { levelZeroTables: 1 });
  for (let i = 0; i < 300; i++) watched.db.putSync(key(i * 7 % 300), "v".repeat(60_000));
  if (hasWorker) await watched.settle(Promise.all(await watched.putWithoutTurns(300, 30_000)));
  const stalls = watched.of("stall").filter(({ cause }) => cause === "levelZero");
  const conditions = [...new Set(stalls.map(({ condition }) => condition))].sort();
  // On the caller's thread a writer does the work himself, in proportion, and never gets that far.
  assertEquals(conditions, hasWorker ? ["delayed"] : []);
  assertEquals(toldBy(watched), countedBy(watched.db.stats()));
  await watched.close();
});

Deno.test("A failure is told of once, with what failed; so is that writes go on, and a failed attempt", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const watched = new Watched(disk);
  const { db } = watched;
  db.putSync("a", "1");
  disk.fails = ({ name, kind }) => kind === "append" && name.endsWith(".log");
  for (let i = 0; i < 3; i++) assertThrows(() => db.putSync("b", "2"));
  const [error, ...more] = watched.of("error");
  assertEquals([error!.action, error!.error.code, error!.durationMs, more], [
    "write to the log",
    "IO",
    0,
    [],
  ]);
  assertEquals(db.stats().failure, error!.error.message);
  disk.fails = ({ kind }) => kind === "create";
  await watched.settle(assertRejects(() => db.resume()));
  assertEquals([watched.of("error").length, watched.of("resume").length], [2, 0]);
  disk.fails = () => false;
  await watched.settle(Promise.all([db.resume(), db.resume()]));
  assertEquals([watched.of("error").length, watched.of("resume").length], [2, 1]);
  assert(watched.of("resume")[0]!.durationMs > 0);
  const { failure, failures, lastFailure } = db.stats();
  assertEquals([failure, failures, lastFailure], [
    undefined,
    2,
    watched.of("error")[1]!.error.message,
  ]);
  await watched.close();
});

test("A full disk under a flush is told of once, as the flush's failure", async (hasWorker) => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const watched = new Watched(disk, hasWorker);
  const { db } = watched;
  db.putSync("a", "1");
  disk.fails = ({ name, kind }) => kind === "append" && name.endsWith(".ldb");
  await watched.settle(assertRejects(() => db.flush()));
  assertThrows(() => db.putSync("b", "2"));
  await watched.settle(assertRejects(() => db.flush()));
  const [error, ...more] = watched.of("error");
  assertEquals([error!.action, error!.error.code, more, watched.of("flush")], [
    "flush",
    "IO",
    [],
    [],
  ]);
  assert(error!.durationMs > 0);
  disk.fails = () => false;
  await watched.settle(db.resume());
  assertEquals(watched.of("flush").length, 1);
  assertEquals(toldBy(watched), countedBy(db.stats()));
  await watched.close();
});

Deno.test("Of two writes that fail at the same time the first is told of", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const watched = new Watched(disk);
  const { db } = watched;
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const awaited = db.put("a", "1", { sync: true });
  for (let microtask = 0; microtask < 5; microtask++) await undefined; // its sync is under way
  disk.fails = ({ kind }) => kind === "sync" || kind === "append";
  assertThrows(() => db.putSync("b", "2"));
  gate.resolve();
  await watched.settle(assertRejects(() => awaited));
  assertEquals(watched.of("error").map(({ action }) => action), ["write to the log"]);
  disk.fails = () => false;
  await watched.close();
});

Deno.test("A failed compaction is told of as such", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const watched = new Watched(disk);
  for (const value of ["old", "new"]) {
    watched.db.putSync("a", value);
    await watched.settle(watched.db.flush());
  }
  disk.fails = ({ name, kind }) => kind === "append" && name.endsWith(".ldb");
  await watched.settle(assertRejects(() => watched.db.compact()));
  assertEquals(watched.of("error").map(({ action }) => action), ["compact"]);
  await watched.close();
});

test("Closing is the last event, once", async (hasWorker) => {
  const watched = new Watched(new MemoryFileSystem(), hasWorker);
  await watched.settle(watched.db.put("key", "value"));
  await watched.settle(Promise.all([watched.db.close(), watched.db.close()]));
  const last = watched.events.at(-1)!;
  assert(last.type === "close" && last.durationMs > 0 && last.openMs > last.durationMs);
  assertEquals(watched.of("close").length, 1);
});

test("Under random load the statistics are the sum of all events so far (invariant 1)", async (hasWorker) => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = generator(seed);
    const disk = new FailingFileSystem(new MemoryFileSystem());
    const watched = new Watched(disk, hasWorker, {
      maxImmutableMemtables: 1 + random(2),
      levelZeroTables: 1 + random(3),
    });
    const { db } = watched;
    let compared = 0;
    let isFailed = false;
    let table = 0;
    watched.onEvent = (event) => {
      const { type, durationMs } = event;
      if (type === "close") return;
      compared++;
      const where = `seed ${seed}, event ${watched.events.length}`;
      // The test's clock knows whole milliseconds only.
      keep(() => assert(Number.isInteger(durationMs) && durationMs >= 0, where));
      if (type === "flush" && event.table !== undefined) {
        const before = table;
        table = event.table;
        keep(() => assert(before < table, `${where}: table ${table} after ${before}`));
      }
      if (type === "error" || type === "resume") {
        const wasFailed = isFailed;
        isFailed = type === "error";
        keep(() => assert(type === "error" || wasFailed, `${where}: what was resumed?`));
      }
      assertSame(watched, `seed ${seed}, event ${watched.events.length}`);
    };
    for (let i = 0; i < 1200; i++) {
      const [name, value] = [key(random(400)), "v".repeat(random(2000))];
      const failed = await tryWrite(watched, random(100), name, value);
      if (failed) {
        disk.fails = () => false;
        await watched.settle(db.resume());
      } else if (random(300) === 0) {
        disk.fails = ({ kind }) => kind === "append" && random(20) === 0;
      }
    }
    disk.fails = () => false;
    await watched.settle(db.resume());
    await watched.settle(db.compact());
    assertSame(watched, `seed ${seed}`);
    assertEquals([watched.of("recovery").length, watched.events[0]!.type], [1, "recovery"]);
    assert(compared > 30, `seed ${seed}: ${compared} events`);
    await watched.close();
  }
});

let mismatch: unknown;

/** A listener's errors are lost, so one is kept for the test. */
function assertSame(watched: Watched, where: string): void {
  keep(() => assertEquals(toldBy(watched), countedBy(watched.db.stats()), where));
}

/** Keeps the first error, which the test throws when it comes to compare by itself. */
function keep(check: () => void): void {
  try {
    check();
  } catch (error) {
    mismatch ??= error;
  }
  if (mismatch !== undefined) throw mismatch;
}

/** One random operation; whether it failed. */
async function tryWrite(watched: Watched, which: number, name: string, value: string) {
  const { db } = watched;
  try {
    if (which < 60) db.putSync(name, value);
    else if (which < 90) await watched.settle(db.put(name, value));
    else if (which < 95) db.deleteSync(name);
    else if (which < 97) await watched.settle(db.flush());
    else watched.turns.turn();
    return db.stats().failure !== undefined;
  } catch {
    return true;
  }
}

test("A listener may read and write by awaited writes, and throw; what it writes is not lost", async (hasWorker) => {
  const disk = new MemoryFileSystem();
  const watched = new Watched(disk, hasWorker, { maxImmutableMemtables: 1 });
  const { db } = watched;
  const written: Promise<void>[] = [];
  const refusals: string[] = [];
  watched.onEvent = ({ type }) => {
    if (type === "close") throw new Error("the listener is broken");
    db.getSync(key(0));
    assertEquals([...db.keysSync({ limit: 1 })].length, 1);
    written.push(db.put(`event ${written.length}`, type));
    for (const act of [() => db.putSync("at once", type), () => db.deleteSync(key(0))]) {
      try {
        act();
      } catch (error) {
        refusals.push((error as Error).message);
      }
    }
    throw new Error("the listener is broken");
  };
  for (let i = 0; i < 200; i++) {
    if (i < 150) db.putSync(key(i), "v".repeat(3000));
    else await watched.settle(db.put(key(i), "v".repeat(3000)));
  }
  await watched.settle(db.compact());
  await watched.settle(Promise.all(written));
  assert(written.length > 5);
  // Whether the event came in the middle of a write or of a turn of its own.
  const [first] = refusals;
  assertStringIncludes(first!, "Cannot write at once");
  assertEquals(refusals.length, 2 * written.length);
  await watched.close();
  const again = new Watched(disk, hasWorker);
  assertEquals([...again.db.keysSync({ prefix: "event " })].length, written.length);
  assertEquals([...again.db.keysSync({ prefix: "key " })].length, 200);
  await again.close();
});

Deno.test("Nothing on the path of reads and writes makes an event (invariant 2)", async () => {
  const watched = new Watched(new MemoryFileSystem());
  const { db } = watched;
  watched.events.length = 0;
  for (let i = 0; i < 100; i++) {
    db.putSync(key(i), "value", { sync: i % 2 === 0 });
    await watched.settle(db.put(key(i), "value", { sync: true }));
    db.getSync(key(i));
    await watched.settle(db.get(key(i)));
  }
  assertEquals([...db.entriesSync()].length, 100);
  assertEquals(watched.events, []);
  await watched.close();
});

test("A logger may write by awaited writes, too, and never at once", async (hasWorker) => {
  const disk = new MemoryFileSystem();
  const turns = new ManualTurns(hasWorker ? disk : undefined);
  const written: Promise<void>[] = [];
  let refusals = 0;
  let isOpen = false;
  const log = () => {
    if (!isOpen) return; // it is being opened
    if (written.length < 20) written.push(db.put(`message ${written.length}`, "1"));
    try {
      db.putSync("at once", "1");
    } catch {
      refusals++;
    }
  };
  const db: Database<string, string> = openDatabase(
    "db",
    { ...TINY, logger: { log } },
    disk,
    turns,
  );
  isOpen = true;
  for (let i = 0; i < 200; i++) db.putSync(key(i), "v".repeat(3000));
  await turns.settle(db.compact());
  await turns.settle(Promise.all(written));
  assert(refusals > 5, `${refusals}`);
  assertEquals(db.getSync("at once"), undefined);
  assertEquals([...db.keysSync({ prefix: "message " })].length, written.length);
  await turns.settle(db.close());
});

test("A large batch that a listener awaits is written, after what was asked for before", async (hasWorker) => {
  const watched = new Watched(new MemoryFileSystem(), hasWorker);
  const { db } = watched;
  const written: Promise<void>[] = [];
  watched.onEvent = ({ type }) => {
    if (type !== "flush" || written.length > 0) return;
    const batch = db.batch();
    for (let i = 0; i < 30; i++) batch.put(`large ${i}`, "v".repeat(50_000));
    written.push(db.put("large 0", "before"), batch.commit(), db.put("large 1", "after"));
    batch.put("large 2", "not of it");
  };
  db.putSync("a", "1");
  await watched.settle(db.flush());
  await watched.settle(Promise.allSettled(written));
  assertEquals((await Promise.allSettled(written)).map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ]);
  assertEquals([db.getSync("large 0")!.length, db.getSync("large 1")], [50_000, "after"]);
  assertEquals([...db.keysSync({ prefix: "large " })].length, 30);
  await watched.close();
});

test("A listener may ask for a flush, a compaction, the end, and for another database", async (hasWorker) => {
  for (const when of ["recovery", "flush", "compaction", "stall"] as const) {
    const watched = new Watched(new MemoryFileSystem(), hasWorker, { maxImmutableMemtables: 1 });
    const { db } = watched;
    const asked: Promise<unknown>[] = [];
    const others: Watched[] = [];
    watched.onEvent = ({ type }) => {
      if (type !== when || asked.length > 0) return;
      asked.push(db.put("asked", "1"), db.flush(), db.compact());
      const other = new Watched(new MemoryFileSystem());
      other.db.putSync("a", "1"); // that one has nothing under way
      others.push(other);
    };
    for (let i = 0; i < 100; i++) db.putSync(key(i % 50), "v".repeat(5000));
    await watched.settle(db.flush());
    await watched.settle(db.compact());
    await watched.settle(Promise.all(asked));
    assertEquals(toldBy(watched), countedBy(db.stats()), when);
    if (when !== "recovery") { // nobody has the database yet
      assertEquals([asked.length, others.length, db.getSync("asked")], [3, 1, "1"], when);
    }
    for (const other of others) await other.close();

    const closing: Promise<void>[] = [];
    watched.onEvent = () => void closing.push(db.close());
    db.putSync("last", "1");
    await watched.settle(Promise.allSettled([db.flush()]));
    await watched.settle(Promise.all(closing));
    await watched.close();
    assertEquals([watched.of("close").length, watched.events.at(-1)!.type], [1, "close"], when);
  }
});

Deno.test("A listener that hears of a failure may resume", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const watched = new Watched(disk);
  const { db } = watched;
  const resumed: Promise<void>[] = [];
  watched.onEvent = ({ type }) => {
    if (type !== "error") return;
    disk.fails = () => false;
    resumed.push(db.resume());
  };
  db.putSync("a", "1");
  disk.fails = ({ kind }) => kind === "append";
  assertThrows(() => db.putSync("b", "2"));
  await watched.settle(Promise.all(resumed));
  assertEquals([watched.of("error").length, watched.of("resume").length, resumed.length], [
    1,
    1,
    1,
  ]);
  db.putSync("c", "3");
  assertEquals([...db.keysSync()], ["a", "c"]);
  await watched.close();
});

Deno.test("Each thing that fails is told of once, by its name", async () => {
  const cases: [string, Change["kind"], string, (db: Database<string, string>) => unknown][] = [
    ["write to the log", "append", ".log", (db) => db.put("b", "2")],
    ["sync the log", "sync", ".log", (db) => db.put("b", "2", { sync: true })],
    ["sync the log", "sync", ".log", (db) => db.putSync("b", "2", { sync: true })],
    ["start a log", "create", ".log", (db) => db.flush()],
    ["flush", "create", ".ldb", (db) => db.flush()],
    ["flush", "sync", ".ldb", (db) => db.flush()],
    ["flush", "append", "MANIFEST", (db) => db.flush()],
    ["compact", "append", "MANIFEST", (db) => db.compact()],
    ["sync the log", "sync", ".log", (db) => db.close()],
  ];
  for (const [action, kind, name, act] of cases) {
    const disk = new FailingFileSystem(new MemoryFileSystem());
    const watched = new Watched(disk);
    const { db } = watched;
    db.putSync("a", "1");
    if (action === "compact") {
      await watched.settle(db.flush());
      db.putSync("a", "2");
      await watched.settle(db.flush());
    }
    disk.fails = (change) => change.kind === kind && change.name.includes(name);
    const failed = async () => await act(db);
    const why = `${kind} ${name}`;
    await watched.settle(assertRejects(failed, VarveError, `Cannot ${action}`, why));
    assertEquals(watched.of("error").map((it) => it.action), [action], why);
    if (watched.of("close").length === 0) assertEquals(db.stats().failures, 1, why);
    disk.fails = () => false;
    await watched.settle(Promise.allSettled([db.close()]));
    assertEquals([watched.of("error").length, watched.of("close").length], [1, 1], why);
  }
});

Deno.test("Opening that fails throws, and tells nobody", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const first = new Watched(disk);
  first.db.putSync("a", "1");
  await first.close();
  const events: DatabaseEvent[] = [];
  const onEvent = (event: DatabaseEvent) => void events.push(event);
  for (const kind of ["create", "append", "sync", "rename"] as const) {
    disk.fails = (change) => change.kind === kind;
    assertThrows(() => openDatabase("db", { ...TINY, onEvent }, disk, new ManualTurns()));
    assertEquals(events, []);
  }
  disk.fails = () => false;
  const again = new Watched(disk);
  assertEquals(again.db.getSync("a"), "1");
  await again.close();
});

test("At the bound of level 0 writers stop, and are told of as that", async (hasWorker) => {
  const disk = new MemoryFileSystem();
  const before = new Watched(disk, hasWorker, { levelZeroTables: 64 });
  for (let i = 0; i < 12; i++) {
    before.db.putSync(key(0), "first"); // so that each table overlaps the one before
    before.db.putSync(key(i), "v".repeat(1000));
    await before.settle(before.db.flush());
  }
  assert(before.db.stats().levels[0]!.tables >= 9);
  await before.close();
  for (const isAwaited of hasWorker ? [false, true] : [false]) {
    const copy = isAwaited ? disk : await copyOf(disk);
    const watched = new Watched(copy, hasWorker, { levelZeroTables: 1 });
    const { db } = watched;
    for (let i = 0; i < 3; i++) {
      if (!isAwaited) db.putSync(key(i), "v".repeat(60_000));
      else await watched.settle(Promise.all(await watched.putWithoutTurns(3, 60_000)));
    }
    const stopped = watched.of("stall").filter((it) => it.condition === "stopped");
    const levelZero = stopped.filter(({ cause }) => cause === "levelZero");
    assert(levelZero.length > 0, JSON.stringify(watched.of("stall")));
    assert(levelZero.every(({ durationMs }) => durationMs > 0));
    assertEquals(toldBy(watched), countedBy(db.stats()));
    assert(db.stats().levels[0]!.tables < 9);
    await watched.close();
  }
});

/** The same files on another disk. */
async function copyOf(disk: MemoryFileSystem): Promise<MemoryFileSystem> {
  const copy = new MemoryFileSystem();
  copy.makeDirectory("db");
  for (const name of disk.list("db")) {
    const path = `db/${name}`;
    const from = disk.open(path);
    const bytes = new Uint8Array(disk.size(path));
    from.read(bytes, 0);
    from.close();
    const to = copy.create(path);
    to.append(bytes);
    await to.sync();
    to.close();
  }
  return copy;
}
