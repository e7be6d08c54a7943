/**
 * What the database adds to abstract-level's own tests, which are run by `tests/level_suite_test.ts`, and to what it
 * has in common with classic-level, which `tests/level_classic_test.ts` compares: our options, limits and errors.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { openDatabase } from "./database.ts";
import { VarveError } from "./errors.ts";
import { ClassicLevel, Level, VarveLevel, type VarveLevelOptions } from "./level.ts";
import { LevelError } from "./level_errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** The error that something is refused with, by its code and that of its cause. */
async function codes(run: () => Promise<unknown>): Promise<(string | undefined)[]> {
  const error = await assertRejects(run, Error) as Error & { code?: string };
  return [error.code, (error.cause as { code?: string } | undefined)?.code];
}

Deno.test("Writes are not synced unless they or the database say so", async () => {
  const syncsOf = async (options: VarveLevelOptions, write: (db: VarveLevel) => Promise<void>) => {
    const fileSystem = new FailingFileSystem(new MemoryFileSystem());
    await using db = new VarveLevel("db", { ...options, fileSystem });
    await db.open();
    await db.batch().put("a", "1").put("b", "1").write({ sync: true });
    const before = fileSystem.count("sync");
    await write(db);
    return fileSystem.count("sync") - before;
  };
  for (const sync of [undefined, false, true]) {
    const options = sync === undefined ? {} : { sync };
    const writes: ((db: VarveLevel, options: object) => Promise<void>)[] = [
      (db, own) => db.put("a", "2", own),
      (db, own) => db.del("a", own),
      (db, own) => db.batch([{ type: "put", key: "a", value: "3" }], own),
      (db, own) => db.batch().put("a", "4").write(own),
      (db, own) => db.clear(own),
      (db, own) => db.sublevel("s").put("a", "5", own),
    ];
    for (const [i, write] of writes.entries()) {
      const note = `write ${i} of a database with sync ${sync}`;
      assertEquals(await syncsOf(options, (db) => write(db, {})), sync === true ? 1 : 0, note);
      assertEquals(await syncsOf(options, (db) => write(db, { sync: true })), 1, note);
      assertEquals(await syncsOf(options, (db) => write(db, { sync: false })), 0, note);
    }
  }
});

Deno.test("Our own options are taken, and wrong ones refused when it opens", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using db = new VarveLevel("db", { fileSystem, memtableBytes: 1 << 20, filterBits: 0 });
    await db.put("a", "1");
  }
  await using reader = new VarveLevel("db", { fileSystem, readOnly: true });
  assertEquals(await reader.get("a"), "1");
  assertEquals(await codes(() => reader.put("b", "2")), ["READ_ONLY", undefined]);
  assertThrows(() => reader.batch(), VarveError, "Cannot write");
  for (
    const wrong of [{ cacheSize: "1" }, { filterBits: -1 }, { sync: 1 }, { compression: "gzip" }]
  ) {
    const db = new VarveLevel("other", { fileSystem, ...wrong } as never);
    assertEquals(await codes(() => db.open()), ["LEVEL_DATABASE_NOT_OPEN", undefined]);
    assertEquals(db.status, "closed");
  }
  assertEquals(fileSystem.exists("other"), false);
  await assertRejects(() => reader.put("b", "2", { sync: 1 as never }), TypeError, "sync");
});

Deno.test("Options of open() go before those of the constructor", async () => {
  const fileSystem = new MemoryFileSystem();
  const db = new VarveLevel("db", { fileSystem, createIfMissing: false });
  assertEquals(await codes(() => db.open()), ["LEVEL_DATABASE_NOT_OPEN", "NOT_FOUND"]);
  await db.open({ createIfMissing: true });
  await db.close();
  assertEquals(
    await codes(() => db.open({ errorIfExists: true, createIfMissing: true })),
    ["LEVEL_DATABASE_NOT_OPEN", "ALREADY_EXISTS"],
  );
});

Deno.test("Sublevels are those of our own store, and the other way round", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using db = new VarveLevel("db", { fileSystem });
    await db.sublevel("a").sublevel("b").put("key", "from Level");
  }
  {
    await using db = openDatabase<string, string>("db", {}, fileSystem);
    assertEquals([...db.sublevel("a").sublevel("b").entriesSync()], [["key", "from Level"]]);
    await db.sublevel("a").put("other", "from the store");
  }
  await using db = new VarveLevel("db", { fileSystem });
  assertEquals(await db.sublevel("a").get("other"), "from the store");
});

Deno.test("What is too large is refused, and nothing of its batch is written", async () => {
  await using db = new VarveLevel("db", { fileSystem: new MemoryFileSystem() });
  const long = "k".repeat(64 * 1024 + 1);
  assertEquals(await codes(() => db.put(long, "1")), ["TOO_LARGE", undefined]);
  assertEquals(await codes(() => db.get(long)), ["TOO_LARGE", undefined]);
  const operations = [{ type: "put", key: "a", value: "1" }, { type: "del", key: long }] as const;
  assertEquals(await codes(() => db.batch([...operations])), ["TOO_LARGE", undefined]);
  assertThrows(() => db.batch().put("a", "1").del(long), VarveError, "limit");
  assertEquals(await db.keys().all(), []);
});

Deno.test("A disk that fails is LEVEL_IO_ERROR; reads go on, and what was acknowledged is there", async () => {
  const fileSystem = new FailingFileSystem(new MemoryFileSystem());
  const db = new VarveLevel("db", { fileSystem });
  await db.put("a", "1", { sync: true });
  fileSystem.fails = ({ kind }) => kind === "append" || kind === "sync";
  assertEquals(await codes(() => db.put("b", "2")), ["LEVEL_IO_ERROR", "IO"]);
  assertEquals(
    await codes(() => db.batch([{ type: "put", key: "b", value: "2" }])),
    ["LEVEL_IO_ERROR", "IO"],
  );
  assertThrows(() => db.batch(), LevelError);
  assertEquals(await codes(() => db.clear()), ["LEVEL_IO_ERROR", "IO"]);
  assertEquals(await db.get("a"), "1");
  fileSystem.fails = () => false;
  await db.close().catch(() => db.close());
  assertEquals(db.status, "closed");
  await db.open();
  assertEquals(await db.iterator().all(), [["a", "1"]]);
  await db.close();
});

Deno.test("destroy() and repair() take a disk, and do nothing where there is no database", async () => {
  const fileSystem = new MemoryFileSystem();
  await VarveLevel.destroy("db", { fileSystem });
  await VarveLevel.repair("db", { fileSystem });
  {
    await using db = new VarveLevel("db", { fileSystem });
    await db.put("a", "1");
    assertEquals(await codes(() => VarveLevel.destroy("db", { fileSystem })), [
      "LEVEL_LOCKED",
      "LOCKED",
    ]);
    assertEquals(await codes(() => VarveLevel.repair("db", { fileSystem })), [
      "LEVEL_LOCKED",
      "LOCKED",
    ]);
  }
  fileSystem.remove("db/CURRENT");
  await VarveLevel.repair("db", { fileSystem });
  {
    await using db = new VarveLevel("db", { fileSystem });
    assertEquals(await db.get("a"), "1");
  }
  await VarveLevel.destroy("db", { fileSystem });
  assertEquals(fileSystem.list("db").filter((name) => name === "CURRENT"), []);
});

Deno.test("It is there by the names of the packages it takes the place of", () => {
  assertEquals([ClassicLevel, Level], [VarveLevel, VarveLevel]);
});

Deno.test("An iterator that is given up is closed with the database, and holds nothing then", async () => {
  const fileSystem = new MemoryFileSystem();
  const db = new VarveLevel("db", { fileSystem });
  await db.batch([{ type: "put", key: "a", value: "1" }]);
  const [entries, keys, values] = [db.iterator(), db.keys(), db.values()];
  await entries.next();
  await db.close();
  for (const iterator of [entries, keys, values]) {
    assertEquals(await codes(() => iterator.next()), ["LEVEL_ITERATOR_NOT_OPEN", undefined]);
  }
  await using store = openDatabase("db", {}, fileSystem);
  assertEquals(store.stats().iterators, 0);
});

Deno.test("A long iteration lets timers run", async () => {
  await using db = new VarveLevel("db", { fileSystem: new MemoryFileSystem() });
  await db.batch(
    Array.from({ length: 20_000 }, (_, i) => ({ type: "put", key: `${i}`, value: "v" })),
  );
  let ticks = 0;
  const timer = setInterval(() => ticks++, 0);
  // Walked until the timer has run: without turns that would be never.
  for (let walks = 0; ticks === 0 && walks < 1000; walks++) for await (const _ of db.keys());
  clearInterval(timer);
  assert(ticks > 0);
});

Deno.test(
  "On Deno's disk: directories are made, and a second handle is told",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      const location = `${directory}/a/b`;
      await using db = new VarveLevel<string, number>(location, { valueEncoding: "json" });
      await db.put("n", 7);
      assertEquals(db.location, location);
      const second = new VarveLevel(location);
      assertEquals(await codes(() => second.open()), ["LEVEL_DATABASE_NOT_OPEN", "LEVEL_LOCKED"]);
      const error = await second.open().catch((error) => error.cause);
      assertInstanceOf(error.cause, VarveError);
    }),
);
