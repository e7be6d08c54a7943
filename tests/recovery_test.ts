/**
 * **What.** What is left after a crash, a cut log or a failing disk: everything that was acknowledged, a prefix of
 * what was written, and no files that nobody needs.
 *
 * **Read next.** `rustydb_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openDatabase } from "../lib/database.ts";
import { parseFileName } from "../lib/file_names.ts";
import { LogReader } from "../lib/log.ts";
import {
  CorruptionError,
  type Database,
  MemoryFileSystem,
  open,
  type OpenOptions,
  VarveError,
} from "../mod.ts";
import { copyOf } from "./fixtures/disk_copies.ts";
import { type Change, FailingFileSystem } from "./fixtures/failing_file_system.ts";
import { ManualTurns } from "./fixtures/manual_turns.ts";

type Texts = Database<string, string>;

const TINY = { memtableBytes: 64 * 1024, blockBytes: 256, tableBytes: 4096, baseLevelBytes: 8192 };

/** Opens over a disk that may fail, with turns that come when asked for. */
function openOver(disk: FailingFileSystem, turns: ManualTurns, options: OpenOptions = {}): Texts {
  return openDatabase("db", { ...TINY, ...options, fileSystem: disk }, disk, turns);
}

function openCopy(disk: MemoryFileSystem, options: OpenOptions = {}): Promise<Texts> {
  return open("db", { ...options, fileSystem: copyOf(disk) });
}

function logsOf(disk: MemoryFileSystem): string[] {
  return disk.list("db").filter((name) => name.endsWith(".log"));
}

/** Numbers of all files, those of temporary ones left out: they bear the number of what they announce. */
function numbersIn(disk: MemoryFileSystem): number[] {
  return disk.list("db").flatMap((name) => {
    const parsed = parseFileName(name);
    return parsed === undefined || parsed.number === 0 || parsed.kind === "temporary"
      ? []
      : [parsed.number];
  });
}

// ——— Replay ———

Deno.test("every write of the log is there after reopening, the last one too", async () => {
  const disk = new MemoryFileSystem();
  {
    await using db = await open("db", { fileSystem: disk });
    db.putSync("a", "1");
    db.putSync("b", "2");
    await db.batch().put("c", "3").delete("a").commit();
  }
  await using db = await open("db", { fileSystem: disk });
  assertEquals([...db.entriesSync()], [["b", "2"], ["c", "3"]]);
  assertEquals(db.stats().sequence, 4);
});

Deno.test("sequence numbers go on where they ended", async () => {
  const disk = new MemoryFileSystem();
  for (let round = 0; round < 5; round++) {
    await using db = await open("db", { fileSystem: disk });
    assertEquals(db.stats().sequence, round);
    db.putSync("key", `${round}`);
    assertEquals(db.getSync("key"), `${round}`);
  }
});

Deno.test("a replayed log is in a table, and removed", async () => {
  const disk = new MemoryFileSystem();
  let db = await open("db", { fileSystem: disk });
  db.putSync("a", "1");
  await db.close();
  const before = logsOf(disk);
  db = await open("db", { fileSystem: disk });
  const after = logsOf(disk);
  assertEquals([before.length, after.length], [1, 1]);
  assert(before[0] !== after[0], "the old log is still there");
  assertEquals(disk.size(`db/${after[0]}`), 0);
  assertEquals(disk.list("db").filter((name) => name.endsWith(".ldb")).length, 1);
  await db.close();
  // With nothing in the log there is nothing to write.
  db = await open("db", { fileSystem: disk });
  assertEquals(disk.list("db").filter((name) => name.endsWith(".ldb")).length, 1);
  assertEquals([...db.entriesSync()], [["a", "1"]]);
  await db.close();
});

Deno.test("a log that is larger than a memtable is replayed into several tables", async () => {
  const disk = new MemoryFileSystem();
  let db = await open("db", { fileSystem: disk });
  for (let i = 0; i < 3000; i++) db.putSync(`key ${i % 1000}`, `${i}`.repeat(20));
  await db.close();
  db = await open("db", { fileSystem: disk, ...TINY });
  assert(db.stats().levels[0]!.tables > 1);
  for (let i = 0; i < 1000; i++) assertEquals(db.getSync(`key ${i}`), `${2000 + i}`.repeat(20));
  await db.close();
});

Deno.test("a log cut at any byte gives the writes that are whole, and takes new ones", async () => {
  const disk = new MemoryFileSystem();
  const steps: [string, string][][] = [];
  await using db = await open("db", { fileSystem: disk });
  const log = `db/${logsOf(disk)[0]}`;
  const ends: number[] = [0];
  for (let i = 0; i < 5; i++) {
    const batch = db.batch();
    for (let j = 0; j <= i; j++) batch.put(`key ${j}`, `value ${i}`);
    if (i === 3) batch.delete("key 0");
    batch.commitSync();
    steps.push([...db.entriesSync()]);
    ends.push(disk.size(log));
  }
  const whole = disk.readAll(log);
  for (let bytes = 0; bytes <= whole.length; bytes++) {
    const cut = copyOf(disk);
    cut.writeAll(log, whole.subarray(0, bytes));
    const count = ends.findLastIndex((end) => end <= bytes);
    const expected = count === 0 ? [] : steps[count - 1]!;
    for (let round = 0; round < 2; round++) {
      await using reopened = await open("db", { fileSystem: cut });
      const extra = round === 0 ? [] : [["new", "write"] as [string, string]];
      assertEquals([...reopened.entriesSync()], [...expected, ...extra], `cut at ${bytes}`);
      reopened.putSync("new", "write");
    }
  }
});

Deno.test("damage in the middle of a log is an error naming file and offset", async () => {
  const disk = new MemoryFileSystem();
  await using db = await open("db", { fileSystem: disk });
  const log = `db/${logsOf(disk)[0]}`;
  db.putSync("a", "1".repeat(100));
  const offset = disk.size(log);
  db.putSync("b", "2".repeat(100));
  db.putSync("c", "3".repeat(100));
  const bytes = disk.readAll(log);
  bytes[offset + 50]! ^= 1;
  const damaged = copyOf(disk);
  damaged.writeAll(log, bytes);
  const names = damaged.list("db");
  const error = await assertRejects(() => open("db", { fileSystem: damaged }), CorruptionError);
  assertEquals([error.file, error.offset], [log, offset]);
  assertEquals(damaged.list("db"), names);
  assertEquals(damaged.readAll(log), bytes);
});

Deno.test("after a log that lost its tail later logs are dropped: a prefix, never a hole", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const inner = disk.inner as MemoryFileSystem;
  const db = openOver(disk, new ManualTurns(), { maxImmutableMemtables: 3, sync: false });
  // Fill three memtables; nothing is flushed as long as no turn comes and little is written.
  let written = 0;
  const log = (n: number) => `db/${logsOf(inner)[n]}`;
  while (logsOf(inner).length < 3) db.putSync(`key ${1e6 + written++}`, "v".repeat(1000));
  const [first, second] = [inner.readAll(log(0)), inner.readAll(log(1))];
  const recordsOf = (path: string) => {
    const file = inner.open(path);
    const reader = new LogReader(file);
    let count = 0;
    while (reader.next()) count++;
    file.close();
    return count;
  };
  const [firstRecords, secondRecords] = [recordsOf(log(0)), recordsOf(log(1))];
  assertEquals(firstRecords + secondRecords + 1, written);

  const expectPrefix = async (copy: MemoryFileSystem, count: number) => {
    for (let round = 0; round < 2; round++) {
      await using reopened = await open("db", { fileSystem: copy });
      const keys = [...reopened.keysSync()];
      assertEquals(keys, Array.from({ length: count }, (_, i) => `key ${1e6 + i}`));
      assertEquals(reopened.stats().sequence, count);
    }
    assertEquals(logsOf(copy).length, 1);
  };
  await expectPrefix(copyOf(inner), written);
  // Lost: the end of the first, all of the first, the end of the second.
  let copy = copyOf(inner);
  copy.writeAll(log(0), first.subarray(0, first.length - 1));
  await expectPrefix(copy, firstRecords - 1);
  copy = copyOf(inner);
  copy.writeAll(log(0), new Uint8Array(0));
  await expectPrefix(copy, 0);
  copy = copyOf(inner);
  copy.writeAll(log(1), second.subarray(0, second.length >> 1));
  await expectPrefix(copy, firstRecords + Math.floor(secondRecords / 2));
  // A page of the first that was not written, though those behind it were.
  const record = first.length / firstRecords;
  for (let page = 4096; page < first.length; page += 4096) {
    copy = copyOf(inner);
    copy.writeAll(log(0), first.slice().fill(0, page, page + 4096));
    await expectPrefix(copy, Math.floor(page / record));
  }
  await db.close();
});

// ——— Crashes ———

/** What a database was told, and what it said. */
class History {
  /** Acknowledged. */
  readonly state = new Map<string, string>();
  /** Asked for and not answered: all of it may be there, or none. */
  pending: [string, string | undefined][] = [];

  write(db: Texts, operations: [string, string | undefined][]): void {
    this.pending = operations;
    const batch = db.batch();
    for (const [key, value] of operations) {
      if (value === undefined) batch.delete(key);
      else batch.put(key, value);
    }
    batch.commitSync();
    this.settle();
  }

  settle(): void {
    for (const [key, value] of this.pending) {
      if (value === undefined) this.state.delete(key);
      else this.state.set(key, value);
    }
    this.pending = [];
  }

  check(db: Texts, about: string): void {
    const entries = [...db.entriesSync()];
    const sorted = () => [...this.state].sort(([a], [b]) => a < b ? -1 : 1);
    if (JSON.stringify(entries) === JSON.stringify(sorted())) return;
    this.settle();
    assertEquals(entries, sorted(), about);
  }
}

/** A short life: creation, a few logs, flushes, compactions, reopening. */
async function life(disk: FailingFileSystem, history: History): Promise<void> {
  const turns = new ManualTurns();
  const filler = (i: number) => `${i} `.repeat(60);
  for (let session = 0; session < 3; session++) {
    const db = openOver(disk, turns, { levelZeroTables: 2, compression: "none" });
    try {
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 4; i++) history.write(db, [[`${session} ${i}`, filler(round)]]);
        history.write(db, [["same", filler(round)], ["0 1", undefined], [`r${round}`, ""]]);
        await turns.settle(db.flush());
        while (turns.turn());
      }
      // Enough for a rotation that nobody asked for.
      const large = Array.from({ length: 30 }, (_, i): [string, string] => [
        `large ${i}`,
        filler(session).repeat(10),
      ]);
      history.write(db, large);
      history.write(db, large);
      if (session === 1) await turns.settle(db.compact());
      history.write(db, [[`last ${session}`, "…"]]);
    } finally {
      await turns.settle(db.close());
    }
  }
}

Deno.test("a crash at any step leaves everything acknowledged, and nothing over", async () => {
  const rehearsal = new FailingFileSystem(new MemoryFileSystem());
  await life(rehearsal, new History());
  const total = rehearsal.changes.length;
  assert(rehearsal.count("create", ".ldb") > 20 && rehearsal.count("rename") >= 3);
  assertEquals(rehearsal.openHandles, 0);

  for (let step = 0; step < total; step++) {
    const inner = new MemoryFileSystem();
    const disk = new FailingFileSystem(inner);
    disk.fails = ({ index }) => index >= step;
    const history = new History();
    const { kind, name } = rehearsal.changes[step]!;
    const about = `step ${step}: ${kind} ${name}`;
    // The last ones may fail in the background, and nobody is there any more who would be told.
    await life(disk, history).catch((error) =>
      assert(error instanceof VarveError, `${about}: ${error}`)
    );
    assert(disk.changes.length > step, about);
    assertEquals(disk.openHandles, 0, `${about}: handles left open`);

    const hadDatabase = inner.exists("db/CURRENT");
    const highest = hadDatabase ? Math.max(...numbersIn(inner)) : 0;
    const after = new FailingFileSystem(inner);
    let db = await open("db", { ...TINY, fileSystem: after });
    history.check(db, about);
    for (const { kind, name } of after.changes) {
      const parsed = parseFileName(name);
      if (kind !== "create" || parsed === undefined || parsed.kind === "lock") continue;
      if (!hadDatabase && name === "MANIFEST-000001") continue;
      assert(parsed.number > highest || parsed.number === 0, `${about}: ${name} created again`);
    }
    const tables = (db: Texts) => db.stats().levels.reduce((sum, level) => sum + level.tables, 0);
    const files = ["CURRENT", "LOCK", "a log", "a manifest"].length;
    assertEquals(inner.list("db").length, files + tables(db), `${about}: ${inner.list("db")}`);
    await db.close();

    const contents = () =>
      inner.list("db").filter((name) => name.endsWith(".ldb"))
        .map((name) => [name, inner.readAll(`db/${name}`)]);
    const before = contents();
    db = await open("db", { ...TINY, fileSystem: after });
    history.check(db, `${about}, second time`);
    await db.close();
    assertEquals(contents(), before, `${about}: the second reopening changed tables`);
    assertEquals(after.openHandles, 0);
  }
});

Deno.test("a crash at any step of a recovery is recovered from by another one", async () => {
  const inner = new MemoryFileSystem();
  const history = new History();
  const db = await open("db", { ...TINY, fileSystem: inner });
  for (let i = 0; i < 40; i++) history.write(db, [[`key ${i % 30}`, "v".repeat(i * 100)]]);
  const entries = [...db.entriesSync()];
  for (let step = 0;; step++) {
    const copy = copyOf(inner);
    const disk = new FailingFileSystem(copy);
    disk.fails = ({ index }) => index >= step;
    let isOpen = false;
    try {
      const first = await open("db", { ...TINY, fileSystem: disk });
      isOpen = true;
      await first.close();
    } catch (error) {
      assert(error instanceof VarveError && error.code === "IO", `step ${step}: ${error}`);
    }
    assertEquals(disk.openHandles, 0, `handles left open at step ${step}`);
    await using second = await open("db", { fileSystem: copy });
    assertEquals([...second.entriesSync()], entries, `step ${step}`);
    if (isOpen && disk.changes.length <= step) break;
    assert(step < 1000);
  }
  await db.close();
});

// ——— A failing disk ———

interface Failure {
  readonly what: string;
  readonly fails: (change: Change) => boolean;
  /** What runs into it. */
  readonly run: (db: Texts) => Promise<void>;
}

const overfill = async (db: Texts) => {
  for (let i = 0; i < 100; i++) await db.put(`filler ${i}`, "f".repeat(2000));
};

const FAILURES: Failure[] = [
  {
    what: "append to the log",
    fails: ({ kind, name }) => kind === "append" && name.endsWith(".log"),
    run: (db) => db.put("lost", "1"),
  },
  {
    what: "append to the log, not awaited",
    fails: ({ kind, name }) => kind === "append" && name.endsWith(".log"),
    run: (db) => Promise.resolve().then(() => db.putSync("lost", "1", { sync: false })),
  },
  {
    what: "sync of the log",
    fails: ({ kind, name }) => kind === "sync" && name.endsWith(".log"),
    run: (db) => db.put("lost", "1"),
  },
  {
    what: "sync of the log, not awaited",
    fails: ({ kind, name }) => kind === "sync" && name.endsWith(".log"),
    run: (db) => Promise.resolve().then(() => db.putSync("lost", "1")),
  },
  {
    what: "start of a new log",
    fails: ({ kind, name }) => kind === "create" && name.endsWith(".log"),
    run: overfill,
  },
  {
    what: "sync of the directory with the new log's name",
    fails: ({ kind }) => kind === "syncDirectory",
    run: overfill,
  },
  {
    what: "creation of a flushed table",
    fails: ({ kind, name }) => kind === "create" && name.endsWith(".ldb"),
    run: (db) => db.flush(),
  },
  {
    what: "append to a flushed table",
    fails: ({ kind, name }) => kind === "append" && name.endsWith(".ldb"),
    run: (db) => db.flush(),
  },
  {
    what: "sync of a flushed table",
    fails: ({ kind, name }) => kind === "sync" && name.endsWith(".ldb"),
    run: (db) => db.flush(),
  },
  {
    what: "append to the manifest",
    fails: ({ kind, name }) => kind === "append" && name.startsWith("MANIFEST"),
    run: (db) => db.flush(),
  },
  {
    what: "sync of the manifest",
    fails: ({ kind, name }) => kind === "sync" && name.startsWith("MANIFEST"),
    run: (db) => db.flush(),
  },
];

for (const { what, fails, run } of FAILURES) {
  Deno.test(`after a failed ${what} writes are refused, reads go on, reopening recovers`, async () => {
    const inner = new MemoryFileSystem();
    const disk = new FailingFileSystem(inner);
    const db = await open("db", { ...TINY, fileSystem: disk });
    await db.put("table", "0");
    await db.flush();
    await db.put("log", "0");
    const snapshot = db.snapshot();
    const iterator = db.keysSync({ prefix: "l" });
    disk.fails = fails;
    const error = await assertRejects(() => run(db), VarveError);
    assertEquals(error.code, "IO");
    assert(error.cause !== undefined);
    assert(db.stats().failure?.includes("the test says so"), db.stats().failure);
    // The disk works again, which changes nothing: what was lost in between is unknown.
    disk.fails = () => false;
    const changes = disk.changes.length;
    const writes = [
      () => db.put("x", "1"),
      () => db.put("x", "1", { sync: false }),
      () => db.delete("log"),
      () => db.flush(),
      () => db.compact(),
      // deno-lint-ignore require-await -- so that it rejects
      async () => db.putSync("x", "1"),
      // deno-lint-ignore require-await -- as above
      async () => db.deleteSync("log"),
      // deno-lint-ignore require-await -- as above
      async () => db.batch().put("x", "1").commitSync(),
    ];
    for (const write of writes) {
      const refused = await assertRejects(
        write,
        VarveError,
        "an earlier failure stopped all writes",
      );
      assertEquals(refused.code, "IO");
      assert((refused.cause as Error).message.includes("the test says so"));
    }
    assertEquals(disk.changes.length, changes, "something was written");
    assertEquals([db.getSync("table"), await db.get("log")], ["0", "0"]);
    assertEquals(snapshot.getSync("log"), "0");
    assertEquals([iterator.next().value, db.getSync("x")], ["log", undefined]);
    await db.close();
    assertEquals(disk.openHandles, 0);

    await using reopened = await open("db", { ...TINY, fileSystem: disk });
    assertEquals(reopened.stats().failure, undefined);
    assertEquals([reopened.getSync("table"), reopened.getSync("log")], ["0", "0"]);
    assertEquals(reopened.getSync("x"), undefined);
    await reopened.put("x", "1");
    await reopened.flush();
    const kept = copyOf(inner);
    await using again = await open("db", { fileSystem: kept });
    assertEquals(again.getSync("x"), "1");
  });
}

Deno.test("after a failed compaction writes are refused, reads go on, reopening recovers", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const turns = new ManualTurns();
  const db = openOver(disk, turns, { levelZeroTables: 2 });
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 50; i++) db.putSync(`key ${i}`, `${round}`);
    await turns.settle(db.flush());
  }
  disk.fails = ({ kind, name }) => kind === "create" && name.endsWith(".ldb");
  for (let i = 0; i < 50; i++) db.putSync(`key ${i}`, "2");
  const error = await assertRejects(() => turns.settle(db.compact()), VarveError, "the test says");
  assertEquals(error.code, "IO");
  assertThrows(() => db.putSync("x", "1"), VarveError, "earlier failure");
  for (let i = 0; i < 50; i++) assertEquals(db.getSync(`key ${i}`), "2");
  await db.close();
  disk.fails = () => false;
  assertEquals(disk.openHandles, 0);
  const reopened = openOver(disk, turns);
  await turns.settle(reopened.compact());
  assertEquals([...reopened.valuesSync()], new Array(50).fill("2"));
  await reopened.close();
});

Deno.test("a file that cannot be removed is no failure, and goes when opened again", async () => {
  const inner = new MemoryFileSystem();
  const disk = new FailingFileSystem(inner);
  disk.fails = ({ kind }) => kind === "remove";
  let db = await open("db", { ...TINY, fileSystem: disk });
  for (let round = 0; round < 5; round++) {
    await db.put("key", `${round}`);
    await db.flush();
  }
  await db.compact();
  await db.close();
  assert(logsOf(inner).length > 4);
  disk.fails = () => false;
  db = await open("db", { ...TINY, fileSystem: disk });
  assertEquals(logsOf(inner).length, 1);
  assertEquals(inner.list("db").filter((name) => name.endsWith(".ldb")).length, 1);
  assertEquals([...db.entriesSync()], [["key", "4"]]);
  await db.close();
});

Deno.test("a failed close still gives back the lock and every handle", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const db = await open("db", { fileSystem: disk });
  await db.put("a", "1", { sync: false });
  disk.fails = ({ kind }) => kind === "sync";
  await assertRejects(() => db.close(), VarveError, "the test says so");
  assertEquals(disk.openHandles, 0);
  disk.fails = () => false;
  await using reopened = await open("db", { fileSystem: disk });
  assertEquals(reopened.getSync("a"), "1");
});

// ——— Group commit ———

Deno.test("concurrent durable puts share a few syncs", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  await using db = await open("db", { fileSystem: disk });
  const before = disk.count("sync", ".log");
  await Promise.all(Array.from({ length: 1000 }, (_, i) => db.put(`key ${i}`, "v")));
  assertEquals(disk.count("sync", ".log") - before, 1);
  // While a sync is under way further groups are written, and wait for the next one together.
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const promises = [db.put("first", "v")];
  for (let i = 0; i < 10; i++) {
    await undefined;
    promises.push(db.put(`later ${i}`, "v"));
  }
  await undefined;
  assertEquals(db.getSync("later 9"), "v", "written, though not yet durable");
  gate.resolve();
  await Promise.all(promises);
  assertEquals(disk.count("sync", ".log") - before, 3);
});

Deno.test("a put is acknowledged only after a sync that began after it was written", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  await using db = await open("db", { fileSystem: disk });
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  let isDurable = false;
  const durable = db.put("a", "1").then(() => void (isDurable = true));
  await db.put("b", "2", { sync: false });
  assertEquals(isDurable, false);
  gate.resolve();
  await durable;
  assertEquals(isDurable, true);
});

Deno.test("an unsynced put syncs nothing, until close does", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const db = await open("db", { fileSystem: disk, sync: false });
  const before = disk.count("sync");
  await db.put("a", "1");
  db.putSync("b", "2");
  await db.batch().put("c", "3").commit();
  assertEquals(disk.count("sync") - before, 0);
  await db.close();
  assertEquals(disk.count("sync", ".log"), 1);
});

Deno.test("a durable write makes everything before it durable, older logs first", async () => {
  for (const isAwaited of [false, true]) {
    const disk = new FailingFileSystem(new MemoryFileSystem());
    const db = openOver(disk, new ManualTurns(), { sync: false, maxImmutableMemtables: 3 });
    const logs = () => logsOf(disk.inner as MemoryFileSystem);
    while (logs().length < 3) db.putSync("key", "v".repeat(1000));
    const before = disk.changes.length;
    if (isAwaited) await db.put("last", "v", { sync: true });
    else db.putSync("last", "v", { sync: true });
    const synced = disk.changes.slice(before).filter(({ kind }) => kind === "sync");
    assertEquals(synced.map(({ name }) => name), logs());
    // What is on disk already is not synced again.
    db.putSync("last", "v", { sync: true });
    assertEquals(disk.changes.slice(-1).map(({ kind, name }) => [kind, name]), [[
      "sync",
      logs()[2],
    ]]);
    assertEquals(disk.count("sync", ".log"), 4);
    await db.close();
  }
});

Deno.test("writes take effect in the order of the calls, whatever their form", async () => {
  const disk = new MemoryFileSystem();
  const order: string[] = [];
  {
    await using db = await open("db", { fileSystem: disk });
    const first = db.put("key", "1").then(() => order.push("1"));
    const second = db.batch().put("key", "2").commit({ sync: false });
    db.putSync("key", "3");
    assertEquals(db.getSync("key"), "3");
    const third = db.delete("key");
    const fourth = db.put("key", "4");
    db.batch().put("other", "5").commitSync();
    assertEquals(db.getSync("key"), "4");
    await Promise.all([first, second, third, fourth]);
  }
  await using db = await open("db", { fileSystem: disk });
  assertEquals([db.getSync("key"), db.getSync("other"), db.stats().sequence], ["4", "5", 6]);
});

Deno.test("every promise settles when the database is closed at once", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const db = await open("db", { ...TINY, fileSystem: disk });
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const puts = Array.from({ length: 20 }, (_, i) => db.put(`key ${i}`, "v".repeat(5000)));
  const flushed = db.flush();
  const compacted = db.compact();
  const late = db.put("late", "v");
  const iterator = db.entries();
  const closed = db.close();
  const after = assertRejects(() => db.put("after", "v"), VarveError, "closed");
  gate.resolve();
  await Promise.all([...puts, late, after]);
  await closed;
  for (const promise of [flushed, compacted]) {
    // Done, or told that it will not be.
    await promise.catch((error) => assertEquals(error.code, "CLOSED"));
  }
  await assertRejects(() => iterator.next(), VarveError, "closed");
  assertEquals(disk.openHandles, 0);
  await using reopened = await openCopy(disk.inner as MemoryFileSystem);
  assertEquals([...reopened.keysSync()].length, 21);
});

Deno.test("a failed sync rejects everyone who waited for it", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  const db = await open("db", { fileSystem: disk });
  const unsynced = db.put("unsynced", "v", { sync: false });
  disk.fails = ({ kind }) => kind === "sync";
  const puts = [db.put("a", "1"), db.put("b", "2")];
  const results = await Promise.allSettled([unsynced, ...puts]);
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
  await db.close();
});
