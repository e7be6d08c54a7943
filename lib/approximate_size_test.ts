/**
 * How much of a tree a range takes: whole tables, parts of tables, none; and that parts add up.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { RangeOptions } from "./options.ts";
import type { Database } from "./store.ts";

const COUNT = 4000;
const keyOf = (i: number) => `key ${String(i).padStart(6, "0")}`;

/** A database of several tables and levels, nothing of it in memory. */
async function openTree(): Promise<Database<string, string>> {
  const db = openDatabase<string, string>("db", {
    sync: false,
    compression: "none",
    memtableBytes: 64 * 1024,
    tableBytes: 16 * 1024,
    baseLevelBytes: 64 * 1024,
  }, new MemoryFileSystem());
  for (let i = 0; i < COUNT; i++) db.putSync(keyOf((i * 7919) % COUNT), "v".repeat(100));
  await db.compact();
  for (let i = 0; i < COUNT; i += 10) db.putSync(keyOf(i), "w".repeat(100));
  await db.flush();
  return db;
}

function bytesOnDisk(db: Database<string, string>): number {
  return db.stats().levels.reduce((sum, { bytes }) => sum + bytes, 0);
}

Deno.test("A range without ends is all tables, and an empty one nothing", async () => {
  await using db = await openTree();
  assert(db.stats().levels.filter(({ tables }) => tables > 0).length > 1);
  assertEquals(await db.approximateBytes(), bytesOnDisk(db));
  assertEquals(await db.approximateBytes({ gte: "a", lt: "z" }), bytesOnDisk(db));
  for (
    const range of [
      { gte: "z" },
      { lt: "a" },
      { gte: keyOf(9), lt: keyOf(9) },
      { gt: keyOf(20), lt: keyOf(10) },
    ] satisfies RangeOptions<string>[]
  ) assertEquals(await db.approximateBytes(range), 0);
});

Deno.test("Ranges that meet add up, wherever they meet and whichever of them has the end", async () => {
  await using db = await openTree();
  const all = await db.approximateBytes();
  for (let i = -1; i <= COUNT; i += 61) {
    const key = keyOf(i);
    const before = await db.approximateBytes({ lt: key });
    assertEquals(before + await db.approximateBytes({ gte: key }), all, key);
    const upTo = await db.approximateBytes({ lte: key });
    assertEquals(upTo + await db.approximateBytes({ gt: key }), all, key);
    assert(upTo >= before);
  }
});

Deno.test("A part of the keys is about that part of the bytes", async () => {
  await using db = await openTree();
  const all = await db.approximateBytes();
  for (const [from, to] of [[0, 1000], [1500, 2500], [3900, 4000], [0, 4000]] as const) {
    const bytes = await db.approximateBytes({ gte: keyOf(from), lt: keyOf(to) });
    const expected = all * (to - from) / COUNT;
    // An end may be a block off in each of the runs that overlap.
    assert(Math.abs(bytes - expected) < 40_000, `${from} to ${to}: ${bytes}, not ${expected}`);
  }
});

Deno.test("What is in memory only does not count, and no entry is read", async () => {
  await using db = await openTree();
  const before = await db.approximateBytes();
  const { misses } = db.stats().pool;
  db.putSync("new", "n".repeat(10_000));
  assertEquals(await db.approximateBytes(), before);
  assertEquals(await db.approximateBytes({ prefix: "new" }), 0);
  assertEquals(db.stats().pool.misses, misses);
});

Deno.test("Tables are released, so that closing closes them", async () => {
  const db = await openTree();
  await db.approximateBytes({ gte: keyOf(5), lt: keyOf(3000) });
  assert(db.stats().tables.openTables > 0);
  await db.close();
});

Deno.test("An end that an index has as a shortened key is in the block before it, as in LevelDB", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = openDatabase<string, string>("db", { compression: "none" }, fileSystem);
  // A block each; the index has "b" between them.
  db.putSync("apple", "v".repeat(5000));
  db.putSync("cherry", "v".repeat(5000));
  await db.flush();
  assertEquals(await db.approximateBytes({ lt: "apple~" }), 0);
  assertEquals(await db.approximateBytes({ lt: "b" }), 0);
  assertEquals(await db.approximateBytes({ gte: "b" }), bytesOnDisk(db));
  assert(await db.approximateBytes({ lt: "b~" }) > 5000);
});
