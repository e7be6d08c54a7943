/**
 * Opening a database: what is checked before anything is touched, and what the engine is given.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { bytes, json, number } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { VarveError } from "./errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** What no type would allow. */
// deno-lint-ignore no-explicit-any
type Wrong = any;

Deno.test("Nothing is touched on disk before all options are checked (invariant 1)", () => {
  const wrongs: Wrong[] = [
    null,
    "options",
    { cache: 1 },
    { memtableBytes: 1 },
    { sync: 1 },
    { compression: ["snappy", "gzip"] },
    { comparator: { name: "no compare" } },
    { logger: {} },
    { key: json() },
    { key: null },
    { key: { ordered: true, encode: () => {} } },
    { value: null },
    { value: "json" },
  ];
  for (const wrong of wrongs) {
    const disk = new FailingFileSystem(new MemoryFileSystem());
    disk.exists = disk.list = disk.open = () => {
      throw new Error("The disk was asked");
    };
    const error = assertThrows(
      () => openDatabase("db", wrong, disk),
      Error,
      "Cannot open database",
    );
    assert(error instanceof TypeError || error instanceof RangeError, error.message);
    assertEquals(disk.changes, []);
  }
});

Deno.test("A directory is a path (invariant 1)", () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  for (const directory of ["", undefined, null, 5, {}, new URL("file:///db")] as Wrong[]) {
    assertThrows(() => openDatabase(directory, {}, disk), TypeError, "directory must be a path");
  }
  assertEquals(disk.changes, []);
});

Deno.test("The disk is the one of the options, or else the default one", async () => {
  const given = new MemoryFileSystem();
  const fallback = new MemoryFileSystem();
  const one = openDatabase("db", { fileSystem: given }, fallback);
  assertEquals([given.exists("db"), fallback.exists("db")], [true, false]);
  const other = openDatabase("db", {}, fallback);
  assertEquals(fallback.exists("db/CURRENT"), true);
  await Promise.all([one.close(), other.close()]);
});

Deno.test("Keys and values are text unless codecs are given", async () => {
  const disk = new MemoryFileSystem();
  {
    await using db = openDatabase<string, string>("db", {}, disk);
    db.putSync("ключ", "значение");
  }
  {
    await using db = openDatabase("db", { key: bytes, value: bytes }, disk);
    assertEquals(new TextDecoder().decode([...db.valuesSync()][0]), "значение");
  }
  await using db = openDatabase("numbers", { key: number, value: json<number[]>() }, disk);
  for (const key of [10, -2, 9]) db.putSync(key, [key]);
  assertEquals([...db.entriesSync()], [[-2, [-2]], [9, [9]], [10, [10]]]);
});

Deno.test("Background work and awaited iterators take their turns from the surroundings", async () => {
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", {}, new MemoryFileSystem(), turns);
  db.putSync("a", "1");
  let isFlushed = false;
  const flush = db.flush().then(() => isFlushed = true);
  await new Promise((resolve) => setTimeout(resolve)); // the event loop's own turns bring nothing
  assertEquals([isFlushed, db.stats().background.flushes], [false, 0]);
  await turns.settle(flush);
  assertEquals([isFlushed, db.stats().background.flushes], [true, 1]);
  await turns.settle(db.close());
});

Deno.test("An open that fails leaves the directory free, and one that works holds it", async () => {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  disk.fails = ({ kind }) => kind === "rename";
  assertEquals(assertThrows(() => openDatabase("db", {}, disk), VarveError).code, "IO");
  assertEquals(disk.openHandles, 0);
  disk.fails = () => false;
  const db = openDatabase("db", {}, disk);
  assertStrictEquals(db.directory, "db");
  assertEquals(assertThrows(() => openDatabase("db", {}, disk), VarveError).code, "LOCKED");
  await db.close();
  assertEquals(disk.openHandles, 0);
});
