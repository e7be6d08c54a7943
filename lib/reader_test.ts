/**
 * Reading a store now and at a snapshot, over a whole engine in memory.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { json } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { VarveError } from "./errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { OpenOptions, RangeOptions } from "./options.ts";
import { type Reader, StoreReader, StoreSnapshot } from "./reader.ts";
import type { Database, Store } from "./store.ts";

/** What no type would allow. */
// deno-lint-ignore no-explicit-any
type Wrong = any;

function openInMemory<V = string>(options: OpenOptions<string, V> = {}): Database<string, V> {
  return openDatabase<string, V>("db", options, new MemoryFileSystem());
}

/** Every way of reading everything, synchronous and not, as one list. */
async function readAll(reader: Reader<string, string>, keys: string[]): Promise<unknown[]> {
  return [
    keys.map((key) => reader.getSync(key)),
    keys.map((key) => reader.hasSync(key)),
    reader.getManySync(keys),
    [...reader.entriesSync()],
    [...reader.keysSync({ reverse: true })],
    [...reader.valuesSync()],
    await Promise.all(keys.map((key) => reader.get(key))),
    await Promise.all(keys.map((key) => reader.has(key))),
    await reader.getMany(keys),
    await Array.fromAsync(reader.entries()),
    await Array.fromAsync(reader.keys({ reverse: true })),
    await Array.fromAsync(reader.values()),
  ];
}

Deno.test("A miss is undefined, and an empty value a value, in memory and in tables (invariant 1)", async () => {
  await using db = openInMemory();
  db.putSync("empty", "");
  db.putSync("gone", "x");
  db.deleteSync("gone");
  const keys = ["empty", "gone", "never", ""];
  const values = ["", undefined, undefined, undefined];
  const there = [true, false, false, false];
  const entries = [["empty", ""]];
  const expected = [values, there, values, entries, ["empty"], [""]];
  for (const where of ["memory", "a table"]) {
    assertEquals(await readAll(db, keys), [...expected, ...expected], where);
    await db.flush();
  }
});

Deno.test("undefined is a miss also to a codec whose values may be null (invariant 1)", async () => {
  await using db = openInMemory<Wrong>({ value: json() });
  db.putSync("null", null);
  assertEquals([db.getSync("null"), db.getSync("nil")], [null, undefined]);
  assertEquals([db.hasSync("null"), db.hasSync("nil")], [true, false]);
});

Deno.test("Wrong arguments throw, and reject where a promise is the result (invariant 2)", async () => {
  await using db = openInMemory();
  using snapshot = db.snapshot();
  for (const reader of [db, db.sublevel("s"), snapshot]) {
    for (const key of [undefined, null, 5, {}, "\udfff"] as Wrong[]) {
      assertThrows(() => reader.getSync(key), TypeError);
      assertThrows(() => reader.hasSync(key), TypeError);
      assertThrows(() => reader.getManySync([key]), TypeError);
      for (const promise of [reader.get(key), reader.has(key), reader.getMany(["a", key])]) {
        await assertRejects(() => promise, TypeError);
      }
      if (key === undefined) continue; // a bound that is not given
      assertThrows(() => reader.entriesSync({ gt: key }), TypeError);
      assertThrows(() => reader.keys({ prefix: key }), TypeError);
    }
    for (const keys of [undefined, "abc", { length: 0 }, new Set(["a"])] as Wrong[]) {
      assertThrows(() => reader.getManySync(keys), TypeError, "keys must be an array");
      await assertRejects(() => reader.getMany(keys), TypeError, "keys must be an array");
    }
    assertThrows(() => reader.valuesSync({ limit: -1 }), RangeError, "limit");
  }
  assertEquals(db.stats().iterators, 0);
});

Deno.test("getMany gives a value for each key, in their order, repeated ones too", async () => {
  await using db = openInMemory();
  for (const key of ["a", "b", "c"]) db.putSync(key, key.toUpperCase());
  assertEquals(await db.getMany(["c", "x", "a", "c"]), ["C", undefined, "A", "C"]);
  assertEquals(db.getManySync([]), []);
});

Deno.test("A snapshot never changes, whatever is written, flushed or compacted (invariant 3)", async () => {
  await using db = openInMemory();
  for (const key of ["a", "b", "c"]) db.putSync(key, `old ${key}`);
  const keys = ["a", "b", "c", "d"];
  using snapshot = db.snapshot();
  assertEquals(snapshot.sequence, 3);
  const before = await readAll(db, keys);
  db.putSync("a", "new");
  db.deleteSync("b");
  db.putSync("d", "new");
  assertEquals(await readAll(snapshot, keys), before, "in memory");
  await db.flush();
  assertEquals(await readAll(snapshot, keys), before, "flushed");
  await db.compact();
  assertEquals(await readAll(snapshot, keys), before, "compacted");
  assertEquals([...db.entriesSync()], [["a", "new"], ["c", "old c"], ["d", "new"]]);
});

Deno.test("What an iterator walks over never changes, also before its first step (invariant 3)", async () => {
  await using db = openInMemory();
  for (const key of ["a", "b", "c"]) db.putSync(key, "old");
  const all: [string, string][] = [["a", "old"], ["b", "old"], ["c", "old"]];
  const iterators = [db.entriesSync(), db.entriesSync({ reverse: true })];
  const awaited = db.entries();
  db.deleteSync("a");
  db.putSync("b", "new");
  await db.flush();
  await db.compact();
  assertEquals([...iterators[0]!], all);
  assertEquals([...iterators[1]!], all.toReversed());
  assertEquals(await Array.fromAsync(awaited), all);
  assertEquals([...db.keysSync()], ["b", "c"]);
});

Deno.test("A snapshot of a sublevel sees that sublevel alone (invariant 3)", async () => {
  await using db = openInMemory();
  const fruit = db.sublevel("fruit");
  db.putSync("apple", "outside");
  fruit.putSync("apple", "inside");
  using snapshot = fruit.snapshot();
  fruit.putSync("banana", "later");
  assertEquals([...snapshot.entriesSync()], [["apple", "inside"]]);
  assertEquals([...fruit.keysSync()], ["apple", "banana"]);
});

Deno.test("A closed snapshot fails with CLOSED, and what it gave out goes on (invariant 3)", async () => {
  await using db = openInMemory();
  db.putSync("a", "1");
  const snapshot = db.snapshot();
  const iterator = snapshot.keysSync();
  snapshot.close();
  snapshot.close();
  snapshot[Symbol.dispose]();
  assertEquals(db.stats().snapshots, 0);
  for (const act of [() => snapshot.getSync("a"), () => snapshot.entriesSync()]) {
    const error = assertThrows(act, VarveError, "snapshot is closed");
    assertEquals(error.code, "CLOSED");
  }
  await assertRejects(() => snapshot.get("a"), VarveError, "snapshot is closed");
  assertEquals([...iterator], ["a"]);
  assertEquals(snapshot.sequence, 1);
});

Deno.test("The same snapshot taken twice is held until both are closed (invariant 3)", async () => {
  await using db = openInMemory();
  db.putSync("a", "old");
  const one = db.snapshot();
  const other = db.snapshot();
  db.putSync("a", "new");
  one.close();
  await db.flush();
  await db.compact();
  assertEquals([other.getSync("a"), db.stats().snapshots], ["old", 1]);
  other.close();
  assertEquals([db.getSync("a"), db.stats().snapshots], ["new", 0]);
});

Deno.test("A scan that shall not fill the pool does not", async () => {
  await using db = openInMemory({ compression: "none" });
  for (let i = 0; i < 300; i++) db.putSync(String(i).padStart(4, "0"), "v".repeat(100));
  await db.flush();
  const ranges: RangeOptions<string>[] = [{ fillPool: false }, {}];
  const used = ranges.map((range) => {
    assertEquals([...db.keysSync(range)].length, 300);
    return db.stats().pool.usedBytes;
  });
  assert(used[1]! > used[0]! + 20_000, `${used}`);
});

Deno.test("Awaited reads come in the order of their calls", async () => {
  const turns = new ManualTurns();
  const db = openDatabase("db", {}, new MemoryFileSystem(), turns);
  db.putSync("a", "1", { sync: false });
  const arrived: number[] = [];
  const reads = [db.get("a"), db.has("a"), db.getMany(["a"]), db.get("b")];
  for (const [i, read] of reads.entries()) read.then(() => arrived.push(i));
  assertEquals(await turns.settle(Promise.all(reads)), ["1", true, ["1"], undefined]);
  assertEquals(arrived, [0, 1, 2, 3]);
  await turns.settle(db.close());
});

Deno.test("Database, sublevel and snapshot are one kind of reader", async () => {
  await using db = openInMemory();
  const stores: Store<string, string>[] = [db, db.sublevel("s")];
  using snapshot = db.snapshot();
  for (const reader of [...stores, snapshot]) assert(reader instanceof StoreReader);
  assert(snapshot instanceof StoreSnapshot);
  const iterator = db.entries();
  assertStrictEquals(iterator[Symbol.asyncIterator](), iterator);
  await iterator.return?.();
});
