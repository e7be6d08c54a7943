/**
 * **What.** Every member of the public API, used and checked: as tests of `public_api_test.ts`, and as a program that
 * `permissions_test.ts` runs with nothing but `--allow-read` and `--allow-write` on one directory. So nothing here may
 * need more.
 *
 * **Invariants.**
 * 1. A check works in the directory it is given, which is empty, and leaves nothing open.
 * 2. Every code of a `VarveError` is met at least once.
 *
 * **Read next.** `public_api_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import {
  bytes,
  bytewise,
  type Comparator,
  CorruptionError,
  type CursorOptions,
  type Database,
  DenoFileSystem,
  destroy,
  json,
  type KeyCodec,
  MemoryFileSystem,
  number,
  open,
  type RangeCursor,
  type RangeOptions,
  type Reader,
  repair,
  type Store,
  tuple,
  utf8,
  VarveError,
  type VarveErrorCode,
  verify,
  type WritableFile,
  writeAmplification,
} from "../mod.ts";

/** One thing that the public API does. */
export interface Check {
  /** What it does. */
  readonly name: string;
  /** Uses it in an empty directory. */
  readonly run: (directory: string) => Promise<void>;
}

/** All checks. */
export const checks: Check[] = [];

/** The codes that were met so far. */
export const codesMet: Set<VarveErrorCode> = new Set();

function check(name: string, run: (directory: string) => Promise<void>): void {
  checks.push({ name, run });
}

/** Runs what must fail with a code, at once or as a promise, and gives back the error. */
async function failsWith(code: VarveErrorCode, body: () => unknown): Promise<VarveError> {
  // deno-lint-ignore require-await -- what throws at once rejects, too
  const error = await assertRejects(async () => body(), VarveError);
  assertEquals(error.code, code, error.message);
  assertEquals(error.name, error instanceof CorruptionError ? "CorruptionError" : "VarveError");
  assert(/^[A-Z].*[^.]$/s.test(error.message), error.message);
  codesMet.add(code);
  return error;
}

/** A wrong argument throws from the synchronous form, and rejects the promise of the other one. */
async function refuses(
  kind: typeof TypeError | typeof RangeError,
  message: string,
  sync: (() => unknown) | undefined,
  async?: () => Promise<unknown>,
): Promise<void> {
  if (sync !== undefined) assertThrows(sync, kind, message);
  if (async === undefined) return;
  const promise = async();
  await assertRejects(() => promise, kind, message);
}

const FRUIT = ["apple", "banana", "cherry", "damson", "elder", "fig"] as const;

/** Each fruit, with its length as a value. */
async function fill(store: Store<string, string>): Promise<void> {
  const batch = store.batch();
  for (const name of FRUIT) batch.put(name, String(name.length));
  await batch.commit();
}

async function collect<T>(iterator: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(iterator);
}

/** The names of the files in a directory that end so. */
function filesEnding(directory: string, ending: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name)
    .filter((name) => name.endsWith(ending)).sort();
}

// ——— Opening and closing ———

check(
  "open makes a database, close closes it, and what was written is there again",
  async (directory) => {
    const path = join(directory, "new", "and", "deep");
    const db = await open(path);
    assertEquals(db.directory, path);
    await db.put("apple", "5");
    const closing = db.close();
    assertStrictEquals(db.close(), closing);
    await closing;
    await db.close();
    {
      await using again = await open(path);
      assertEquals(await again.get("apple"), "5");
    }
    const third = await open(path, { createIfMissing: false });
    await third[Symbol.asyncDispose]();
  },
);

check("a directory can be a file: URL, whatever characters are in it", async (directory) => {
  const path = join(directory, "with space, 100 %, ü and #");
  {
    await using db = await open(toFileUrl(path));
    assertEquals(db.directory, path);
    await db.put("apple", "5");
  }
  await using db = await open(path);
  assertEquals(await db.get("apple"), "5");
  await assertRejects(() => open(new URL("https://example.com/db")), TypeError);
  await assertRejects(() => open(""), TypeError, "directory");
  await assertRejects(() => open(5 as unknown as string), TypeError, "directory");
});

check("every option of open is taken", async (directory) => {
  const messages: string[] = [];
  /** Numbers that compression does not make much of. */
  const valueOf = (i: number) =>
    [1, 2, 3, 4, 5, 6].map((j) => Math.imul(i + j, 0x9e3779b1 * j)).join();
  {
    await using db = await open(directory, {
      key: utf8,
      value: utf8,
      createIfMissing: true,
      errorIfExists: true,
      readOnly: false,
      sync: false,
      memtableBytes: 64 * 1024,
      maxImmutableMemtables: 3,
      poolBytes: 100_000,
      poolPolicy: "lru",
      maxOpenTables: 5,
      blockBytes: 512,
      restartInterval: 4,
      tableBytes: 8192,
      filterBits: 12,
      compression: ["none", "snappy", "zstd"],
      levelZeroTables: 2,
      baseLevelBytes: 16 * 1024,
      seekCompaction: true,
      comparator: bytewise,
      fileSystem: new DenoFileSystem(),
      logger: { log: (level, source, message) => messages.push(`${level} ${source} ${message}`) },
    });
    for (let i = 0; i < 3000; i++) db.putSync(`key ${i % 1500}`, valueOf(i));
    await db.flush();
    await db.compact();
    const { memtable, pool, tables, levels } = db.stats();
    assertEquals(memtable.capacityBytes, 64 * 1024);
    assertEquals(pool.capacityBytes, 100_000);
    assertEquals(tables.maxOpenTables, 5);
    assert(levels.reduce((sum, level) => sum + level.tables, 0) > 5, "small tables");
    for (let i = 0; i < 1500; i++) {
      assertEquals(db.getSync(`key ${i}`), valueOf(i + 1500));
    }
  }
  assert(messages.some((message) => message.startsWith("info engine opened")), messages.join("\n"));
  assert(messages.some((message) => message.startsWith("debug compaction")), messages.join("\n"));
});

check("a wrong option is refused by name before anything is touched", async (directory) => {
  const path = join(directory, "never");
  const wrong: [Record<string, unknown>, typeof TypeError | typeof RangeError][] = [
    [{ blokBytes: 1 }, TypeError],
    [{ memtableBytes: "4 MiB" }, TypeError],
    [{ memtableBytes: 1 }, RangeError],
    [{ restartInterval: 1.5 }, RangeError],
    [{ filterBits: -1 }, RangeError],
    [{ readOnly: 1 }, TypeError],
    [{ compression: "lzma" }, RangeError],
    [{ compression: [] }, RangeError],
    [{ poolPolicy: "fifo" }, RangeError],
    [{ comparator: { compare() {} } }, TypeError],
    [{ comparator: { name: "x" } }, TypeError],
    [{ logger: {} }, TypeError],
    [{ fileSystem: {} }, TypeError],
    [{ key: json() }, TypeError],
    [{ value: {} }, TypeError],
  ];
  for (const [options, kind] of wrong) {
    const name = Object.keys(options)[0]!;
    await assertRejects(() => open(path, options as never), kind, name, JSON.stringify(options));
  }
  await assertRejects(() => open(path, null as never), TypeError, "options");
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
});

check("a database in memory needs no directory", async (directory) => {
  const fileSystem = new MemoryFileSystem();
  {
    await using db = await open("nowhere", { fileSystem });
    await fill(db);
    await db.flush();
  }
  await using db = await open("nowhere", { fileSystem, createIfMissing: false });
  assertEquals([...db.keysSync()], [...FRUIT]);
  assertEquals([...Deno.readDirSync(directory)], []);
});

// ——— Reading and writing ———

check("put, get, has and delete, each awaited and not", async (directory) => {
  await using db = await open(directory);
  assertEquals(await db.get("apple"), undefined);
  assertEquals(db.getSync("apple"), undefined);
  assertEquals([await db.has("apple"), db.hasSync("apple")], [false, false]);
  await db.put("apple", "1");
  db.putSync("banana", "2");
  assertEquals([await db.get("apple"), db.getSync("banana")], ["1", "2"]);
  assertEquals([await db.has("banana"), db.hasSync("apple")], [true, true]);
  await db.put("apple", "3", { sync: false });
  db.putSync("banana", "4", { sync: true });
  assertEquals(await db.getMany(["banana", "nothing", "apple"]), ["4", undefined, "3"]);
  assertEquals(db.getManySync(["apple", "apple"]), ["3", "3"]);
  await db.delete("apple");
  db.deleteSync("banana", { sync: false });
  await db.delete("never there", { sync: true });
  assertEquals(db.getManySync(["apple", "banana"]), [undefined, undefined]);
  assertEquals([await db.has("apple"), db.hasSync("banana")], [false, false]);
});

check(
  "the empty key and the empty value are a key and a value, in memory and in a table",
  async (directory) => {
    await using db = await open(directory);
    await db.put("", "empty key");
    await db.put("empty value", "");
    for (let turn = 0; turn < 2; turn++) {
      assertEquals(db.getManySync(["", "empty value", "x"]), ["empty key", "", undefined]);
      assertEquals([...db.entriesSync()], [["", "empty key"], ["empty value", ""]]);
      assert(db.hasSync("empty value"));
      await db.flush();
    }
  },
);

check("writes are seen in the order of their calls, whether awaited or not", async (directory) => {
  await using db = await open(directory);
  const writes = [db.put("a", "1"), db.put("a", "2"), db.delete("a"), db.put("a", "3")];
  db.putSync("b", "4", { sync: false });
  assertEquals(db.getSync("a"), "3");
  await Promise.all(writes);
  assertEquals(await db.getMany(["a", "b"]), ["3", "4"]);
});

check(
  "wrong keys, values and options of reads and writes are refused, and nothing is written",
  async (directory) => {
    await using db = await open(directory);
    for (const wrong of [undefined, null, 5, {}, "\ud800"] as unknown[] as string[]) {
      await refuses(TypeError, "Cannot", () => db.getSync(wrong), () => db.get(wrong));
      await refuses(TypeError, "Cannot", () => db.hasSync(wrong), () => db.has(wrong));
      await refuses(TypeError, "Cannot", () => db.putSync(wrong, "v"), () => db.put(wrong, "v"));
      await refuses(TypeError, "Cannot", () => db.putSync("k", wrong), () => db.put("k", wrong));
      await refuses(TypeError, "Cannot", () => db.deleteSync(wrong), () => db.delete(wrong));
      await refuses(TypeError, "Cannot", () => db.getManySync([wrong]), () => db.getMany([wrong]));
      await refuses(TypeError, "Cannot", () => db.batch().put("k", wrong));
      await refuses(TypeError, "Cannot", () => db.batch().delete(wrong));
    }
    for (const wrong of [null, 1, { sync: 1 }] as never[]) {
      await refuses(
        TypeError,
        "write",
        () => db.putSync("k", "v", wrong),
        () => db.put("k", "v", wrong),
      );
      await refuses(
        TypeError,
        "write",
        () => db.deleteSync("k", wrong),
        () => db.delete("k", wrong),
      );
      const batch = db.batch().put("k", "v");
      await refuses(TypeError, "write", () => batch.commitSync(wrong), () => batch.commit(wrong));
    }
    await refuses(
      TypeError,
      "array",
      () => db.getManySync("k" as never),
      () => db.getMany("k" as never),
    );
    assertEquals([...db.keysSync()], []);
  },
);

// ——— Ranges ———

const RANGES: [RangeOptions<string>, string][] = [
  [{}, "apple banana cherry damson elder fig"],
  [{ gt: "banana" }, "cherry damson elder fig"],
  [{ gte: "banana" }, "banana cherry damson elder fig"],
  [{ lt: "damson" }, "apple banana cherry"],
  [{ lte: "damson" }, "apple banana cherry damson"],
  [{ gt: "b", lte: "e" }, "banana cherry damson"],
  [{ gte: "fig", lt: "apple" }, ""],
  [{ gt: "fig" }, ""],
  [{ lt: "apple" }, ""],
  [{ prefix: "c" }, "cherry"],
  [{ prefix: "" }, "apple banana cherry damson elder fig"],
  [{ prefix: "x" }, ""],
  [{ prefix: "d", gt: "damson" }, ""],
  [{ limit: 2 }, "apple banana"],
  [{ limit: 0 }, ""],
  [{ limit: Infinity }, "apple banana cherry damson elder fig"],
  [{ gte: "b", limit: 1 }, "banana"],
];

check(
  "ranges forward and in reverse: entries, keys and values, each awaited and not",
  async (directory) => {
    await using db = await open(directory);
    await fill(db);
    for (let turn = 0; turn < 2; turn++) {
      for (const reverse of [false, true]) {
        for (const [range, expected] of RANGES) {
          let keys = expected === "" ? [] : expected.split(" ");
          if (reverse) {
            // A limit counts from the end then.
            const { limit = Infinity, ...bounds } = range;
            keys = [...db.keysSync(bounds)].reverse().slice(0, limit);
            if (range.limit === undefined) assertEquals(keys.toReversed().join(" "), expected);
          }
          const values = keys.map((key) => String(key.length));
          const entries = keys.map((key, i): [string, string] => [key, values[i]!]);
          const given = reverse ? { ...range, reverse } : range;
          const what = JSON.stringify(given);
          assertEquals([...db.keysSync(given)], keys, what);
          assertEquals([...db.valuesSync(given)], values, what);
          assertEquals([...db.entriesSync(given)], entries, what);
          assertEquals(await collect(db.keys(given)), keys, what);
          assertEquals(await collect(db.values(given)), values, what);
          assertEquals(await collect(db.entries(given)), entries, what);
        }
      }
      await db.flush(); // the second time from a table
    }
  },
);

check(
  "an iterator is of the moment it was asked for, and lets go when it is left",
  async (directory) => {
    await using db = await open(directory);
    await fill(db);
    const [sync, async] = [db.keysSync(), db.keys()];
    await db.delete("apple");
    await db.put("aardvark", "8");
    await db.flush();
    await db.compact();
    assertEquals([...sync], [...FRUIT]);
    assertEquals(await collect(async), [...FRUIT]);
    assertEquals(db.stats().iterators, 0);

    for (const key of db.keysSync()) if (key === "aardvark") break;
    for await (const key of db.keys()) if (key === "aardvark") break;
    assertEquals(db.stats().iterators, 0);

    const [left, leftAsync] = [db.valuesSync(), db.values()];
    assertEquals(left.next(), { done: false, value: "8" });
    assertEquals(await leftAsync.next(), { done: false, value: "8" });
    assertEquals(db.stats().iterators, 2);
    assertEquals(left.return!(), { done: true, value: undefined });
    assertEquals(await leftAsync.return!(), { done: true, value: undefined });
    assertEquals(left.next(), { done: true, value: undefined });
    assertEquals(await leftAsync.next(), { done: true, value: undefined });
    {
      using own = db.entriesSync() as IterableIterator<[string, string]> & Disposable;
      await using other = db.entries() as AsyncIterableIterator<[string, string]> & AsyncDisposable;
      assertEquals(own[Symbol.iterator](), own);
      assertEquals(other[Symbol.asyncIterator](), other);
      assertEquals(db.stats().iterators, 2);
    }
    assertEquals(db.stats().iterators, 0);
  },
);

check("an aborted signal ends an iteration with its reason", async (directory) => {
  await using db = await open(directory);
  await fill(db);
  const reason = new Error("Enough");
  const controller = new AbortController();
  const { signal } = controller;
  const [sync, async] = [db.keysSync({ signal }), db.keys({ signal })];
  assertEquals(sync.next().value, "apple");
  assertEquals((await async.next()).value, "apple");
  controller.abort(reason);
  assertStrictEquals(assertThrows(() => sync.next()), reason);
  assertStrictEquals(await assertRejects(() => async.next()), reason);
  assertEquals(sync.next(), { done: true, value: undefined });
  assertStrictEquals(assertThrows(() => [...db.keysSync({ signal })]), reason);
  assertStrictEquals(await assertRejects(() => collect(db.keys({ signal }))), reason);
  assertStrictEquals(await assertRejects(() => db.compact({ signal })), reason);
  assertEquals(db.stats().iterators, 0);
});

check("a wrong range is refused", async (directory) => {
  await using db = await open(directory);
  const wrong: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [null, TypeError, "options"],
    [{ from: "a" }, TypeError, "from"],
    [{ gt: "a", gte: "b" }, TypeError, "gte"],
    [{ lt: "a", lte: "b" }, TypeError, "lte"],
    [{ gt: 5 }, TypeError, "Cannot"],
    [{ prefix: 5 }, TypeError, "Cannot"],
    [{ reverse: "yes" }, TypeError, "reverse"],
    [{ limit: "5" }, TypeError, "limit"],
    [{ limit: -1 }, RangeError, "limit"],
    [{ limit: NaN }, RangeError, "limit"],
    [{ limit: 1.5 }, RangeError, "limit"],
    [{ signal: {} }, TypeError, "signal"],
  ];
  for (
    const [range, kind, message] of wrong as [RangeOptions<string>, typeof TypeError, string][]
  ) {
    await refuses(kind, message, () => [...db.entriesSync(range)]);
    await assertRejects(async () => await collect(db.entries(range)), kind, message);
  }
  assertEquals(db.stats().iterators, 0);
});

check("a cursor is moved through a range, and lends the entry it is at", async (directory) => {
  await using db = await open(directory);
  await fill(db);
  await db.flush();
  const seen: string[] = [];
  {
    using cursor: RangeCursor<string, string> = db.cursorSync({ gt: "apple", lte: "elder" });
    while (cursor.next()) {
      seen.push(cursor.key);
      assertEquals(cursor.value, String(cursor.key.length));
      assertEquals(cursor.keyEnd - cursor.keyStart, cursor.key.length);
      const value = cursor.valueBuffer.subarray(cursor.valueStart, cursor.valueEnd);
      assertEquals(utf8.decode(value), cursor.value);
    }
    assertEquals(seen, ["banana", "cherry", "damson", "elder"]);
    await db.put("coconut", "later");
    assertEquals([cursor.previous(), cursor.key], [true, "elder"]);
    assertEquals([cursor.seek("ch"), cursor.key], [true, "cherry"]);
    assertEquals([cursor.seek("fig"), cursor.keyBuffer.length], [false, 0]);
    await refuses(TypeError, "at no entry", () => cursor.key);
    await refuses(TypeError, "Cannot", () => cursor.seek(5 as never));
    assertEquals(db.stats().iterators, 1);
  }
  assertEquals(db.stats().iterators, 0);

  const raw = db.sublevel("raw", { key: bytes, value: bytes });
  await raw.put(Uint8Array.of(7), Uint8Array.of(8, 9));
  using snapshot = raw.snapshot();
  await raw.delete(Uint8Array.of(7));
  const options: CursorOptions<Uint8Array> = { prefix: Uint8Array.of(7), fillPool: false };
  const lent = snapshot.cursorSync(options);
  assert(lent.next());
  assertEquals([lent.key, lent.value], [Uint8Array.of(7), Uint8Array.of(8, 9)]);
  assertEquals(raw.cursorSync().next(), false);
  lent[Symbol.dispose]();
  lent.close();
  await failsWith("CLOSED", () => lent.next());
  snapshot.close();
  await failsWith("CLOSED", () => snapshot.cursorSync());

  const left = db.cursorSync();
  assert(left.next());
  for (const wrong of [null, { reverse: true }, { limit: 1 }, { gt: 5 }, { lt: "a", lte: "b" }]) {
    await refuses(TypeError, "Cannot", () => db.cursorSync(wrong as never));
  }
  await db.close();
  for (const use of [() => left.next(), () => left.previous(), () => left.value]) {
    await failsWith("CLOSED", use);
  }
  await failsWith("CLOSED", () => db.cursorSync());
});

// ——— Batches, snapshots, sublevels ———

check("a batch is written whole, in its order, and once", async (directory) => {
  await using db = await open(directory);
  await db.put("old", "1");
  const batch = db.batch();
  assertEquals(batch.length, 0);
  const emptyBytes = batch.byteLength;
  assertStrictEquals(
    batch.put("new", "2").delete("old").put("twice", "3").put("twice", "4"),
    batch,
  );
  assertEquals(batch.length, 4);
  // Kind, length of the key, key, and length of the value and value of a put.
  assertEquals(
    batch.byteLength,
    emptyBytes + (1 + 1 + 3 + 1 + 1) + (1 + 1 + 3) + 2 * (1 + 1 + 5 + 1 + 1),
  );
  assertEquals([...db.entriesSync()], [["old", "1"]]);
  await batch.commit();
  assertEquals([...db.entriesSync()], [["new", "2"], ["twice", "4"]]);
  await failsWith("CLOSED", () => batch.put("late", "5"));
  await failsWith("CLOSED", () => batch.delete("new"));
  await failsWith("CLOSED", () => batch.commit());
  await failsWith("CLOSED", () => batch.commitSync());

  db.batch().delete("new").put("sync", "6").commitSync({ sync: true });
  await db.batch().delete("twice").commit({ sync: false });
  db.batch().commitSync();
  await db.batch().commit();
  assertEquals([...db.entriesSync()], [["sync", "6"]]);
});

check("a batch reaches over sublevels of the same database", async (directory) => {
  await using db = await open(join(directory, "a"));
  await using other = await open(join(directory, "b"));
  const byName = db.sublevel("byName", { value: json<{ id: number }>() });
  const byId = db.sublevel("byId", { key: number });
  const batch = db.batch().put("count", "1");
  batch.on(byName).put("apple", { id: 7 });
  batch.on(byId).put(7, "apple").delete(8);
  assertEquals(batch.length, 4);
  assertEquals([...db.keysSync()], []);
  await batch.commit();
  assertEquals([db.getSync("count"), byName.getSync("apple"), byId.getSync(7)], [
    "1",
    { id: 7 },
    "apple",
  ]);
  await refuses(TypeError, "same database", () => db.batch().on(other));
  await refuses(TypeError, "same database", () => db.batch().on({} as Store<string, string>));
});

check(
  "a snapshot stays as it is, for every way of reading, until it is closed",
  async (directory) => {
    await using db = await open(directory);
    await fill(db);
    const snapshot = db.snapshot();
    assertEquals(snapshot.sequence, db.stats().sequence);
    assertEquals(db.stats().snapshots, 1);
    await db.put("apple", "new");
    await db.delete("fig");
    await db.flush();
    await db.compact();
    const reader: Reader<string, string> = snapshot;
    assertEquals([await reader.get("apple"), reader.getSync("fig")], ["5", "3"]);
    assertEquals([await reader.has("fig"), reader.hasSync("grape")], [true, false]);
    assertEquals(await reader.getMany(["apple", "grape"]), ["5", undefined]);
    assertEquals(reader.getManySync(["fig"]), ["3"]);
    assertEquals([...reader.keysSync()], [...FRUIT]);
    assertEquals([...reader.valuesSync({ limit: 2 })], ["5", "6"]);
    assertEquals([...reader.entriesSync({ gte: "fig" })], [["fig", "3"]]);
    assertEquals(await collect(reader.keys({ reverse: true })), FRUIT.toReversed());
    assertEquals(await collect(reader.values({ limit: 1 })), ["5"]);
    assertEquals(await collect(reader.entries({ prefix: "f" })), [["fig", "3"]]);
    assertEquals(db.getManySync(["apple", "fig"]), ["new", undefined]);
    snapshot.close();
    snapshot.close();
    snapshot[Symbol.dispose]();
    assertEquals(db.stats().snapshots, 0);
    await failsWith("CLOSED", () => reader.getSync("apple"));
    await failsWith("CLOSED", () => reader.keysSync());
    {
      using second = db.sublevel("s").snapshot();
      assertEquals(await second.get("apple"), undefined);
    }
    assertEquals(db.stats().snapshots, 0);
  },
);

check(
  "a sublevel is a store of its own, and part of the keys of the one around it",
  async (directory) => {
    await using db = await open(directory);
    const a = db.sublevel("a");
    const inner = a.sublevel("b");
    const numbers = db.sublevel("numbers", { key: number, value: json<number[]>() });
    const raw = db.sublevel("raw", { key: bytes, value: bytes });
    await fill(a);
    await inner.put("apple", "inner");
    for (const key of [10, -1, 2, -Infinity]) numbers.putSync(key, [key]);
    raw.putSync(Uint8Array.of(0xff), new Uint8Array());
    await db.put("apple", "outer");

    assertEquals([await db.get("apple"), await a.get("apple"), await inner.get("apple")], [
      "outer",
      "5",
      "inner",
    ]);
    assertEquals([...a.keysSync()], ["!b!apple", ...FRUIT]);
    assertEquals([...inner.entriesSync({ prefix: "a" })], [["apple", "inner"]]);
    assertEquals([...numbers.keysSync()], [-Infinity, -1, 2, 10]);
    assertEquals([...numbers.valuesSync({ gt: -1, reverse: true })], [[10], [2]]);
    assertEquals(await collect(raw.entries()), [[Uint8Array.of(0xff), new Uint8Array()]]);
    assertEquals([...db.keysSync({ prefix: "!a!!b!" })], ["!a!!b!apple"]);
    await a.delete("apple");
    a.deleteSync("fig");
    assertEquals(await a.getMany(["apple", "banana", "fig"]), [undefined, "6", undefined]);
    assertEquals([await a.has("fig"), a.hasSync("banana"), await db.has("apple")], [
      false,
      true,
      true,
    ]);

    await refuses(TypeError, "name", () => db.sublevel(5 as unknown as string));
    for (const name of ["", "a!b", "a b", "ü"]) {
      await refuses(RangeError, "name", () => db.sublevel(name));
    }
    await refuses(
      TypeError,
      "key codec",
      () => db.sublevel("x", { key: json() as unknown as KeyCodec<string> }),
    );
  },
);

check("the codecs keep what they are given", async (directory) => {
  const value = { text: "ä", list: [1, null, { deep: true }] };
  await using db = await open<string, typeof value>(directory, { key: utf8, value: json() });
  await db.put("one", value);
  assertEquals(await db.get("one"), value);
  const events = db.sublevel("events", { key: tuple<[string, number]>() });
  for (const [city, year] of [["Bern", 10], ["Bern", 9], ["Aarau", 11]] as const) {
    await events.put([city, year], `${city} ${year}`);
  }
  assertEquals([...events.keysSync()], [["Aarau", 11], ["Bern", 9], ["Bern", 10]]);
  assertEquals(await events.get(["Bern", 10]), "Bern 10");
  const raw = db.sublevel("raw", { key: bytes, value: bytes });
  const given = Uint8Array.of(1, 2, 3);
  await raw.put(given, given);
  given.fill(9); // what was written does not change with what was given
  const found = await raw.get(Uint8Array.of(1, 2, 3));
  assertEquals(found, Uint8Array.of(1, 2, 3));
  found!.fill(9); // nor with what was read
  assertEquals(raw.getSync(Uint8Array.of(1, 2, 3)), Uint8Array.of(1, 2, 3));
});

check(
  "an order of keys can be one's own, and is asked for again at every open",
  async (directory) => {
    const comparator: Comparator = {
      name: "test.ReverseComparator",
      compare: (a, b) => bytewise.compare(b, a),
    };
    {
      await using db = await open(directory, { comparator });
      await fill(db);
      await db.flush();
      assertEquals([...db.keysSync({ gte: "damson" })], ["damson", "cherry", "banana", "apple"]);
      await refuses(TypeError, "bytewise", () => db.keysSync({ prefix: "a" }));
      await refuses(TypeError, "bytewise", () => db.sublevel("a"));
    }
    const error = await failsWith("UNSUPPORTED_FORMAT", () => open(directory));
    assert(
      error.message.includes(comparator.name) && error.message.includes(bytewise.name),
      error.message,
    );
    await using db = await open(directory, { comparator });
    assertEquals([...db.keysSync({ limit: 1 })], ["fig"]);
  },
);

// ——— What the database itself does ———

check("flush and compact keep every entry, and stats tells what they did", async (directory) => {
  await using db = await open(directory, { sync: false });
  assertEquals(writeAmplification(db.stats()), 0);
  for (let i = 0; i < 1000; i++) await db.put(`key ${i % 500}`, `value ${i}`);
  await db.delete("key 7");
  const before = db.stats();
  assertEquals(before.memtable.entries, 1001);
  assertEquals(before.writes.entries, 1001);
  assertEquals(before.levels.map(({ tables }) => tables), [0, 0, 0, 0, 0, 0, 0]);
  await db.flush();
  await db.flush();
  const flushed = db.stats();
  assertEquals(flushed.memtable.entries, 0);
  assertEquals(flushed.levels.reduce((sum, { tables }) => sum + tables, 0), 1);
  await db.put("key 7", "back");
  await db.compact({ gte: "key 7", lt: "key 8" });
  await db.compact();
  const after = db.stats();
  assertEquals(after.levels[0]!.tables, 0);
  assert(after.levels.some(({ level, tables, bytes }) => level > 0 && tables > 0 && bytes > 0));
  assert(after.background.flushBytes > 0 && after.log.bytesWritten > 0 && after.log.segments >= 1);
  assert(writeAmplification(after) > 1);
  assertEquals(after.sequence, 1002);
  assertEquals([after.snapshots, after.iterators, after.failure], [0, 0, undefined]);
  assertEquals([...db.keysSync()].length, 500);
  assertEquals(db.getSync("key 7"), "back");
  assert(db.stats().pool.hits > 0 && db.stats().tables.openTables > 0);
  await assertRejects(() => db.compact({ gte: 5 } as never), TypeError);
  await assertRejects(() => db.compact({ from: "a" } as never), TypeError, "from");
  const bytesOf = (range?: { gte?: string; lt?: string }) => db.approximateBytes(range);
  const bytesOnDisk = after.levels.reduce((sum, { bytes }) => sum + bytes, 0);
  const parts = [await bytesOf({ lt: "key 5" }), await bytesOf({ gte: "key 5" })];
  assert(parts.every((bytes) => bytes > 0), `${parts}`);
  assertEquals([parts[0]! + parts[1]!, await bytesOf()], [bytesOnDisk, bytesOnDisk]);
  await assertRejects(() => db.approximateBytes({ from: "a" } as never), TypeError, "from");
});

// ——— Errors ———

/** Every way to use a database, each of which must fail once it is closed. */
function everyUse(db: Database<string, string>): (() => unknown)[] {
  const sublevel = db.sublevel("s");
  return [
    ...[db, sublevel].flatMap((store) => [
      () => store.get("a"),
      () => store.getSync("a"),
      () => store.has("a"),
      () => store.hasSync("a"),
      () => store.getMany(["a"]),
      () => store.getManySync(["a"]),
      () => store.entriesSync(),
      () => store.keysSync(),
      () => store.valuesSync(),
      () => collect(store.entries()),
      () => collect(store.keys()),
      () => collect(store.values()),
      () => store.put("a", "1"),
      () => store.putSync("a", "1"),
      () => store.delete("a"),
      () => store.deleteSync("a"),
      () => store.batch(),
      () => store.snapshot(),
    ]),
    () => db.flush(),
    () => db.compact(),
    () => db.resume(),
    () => db.approximateBytes(),
    () => db.stats(),
  ];
}

check(
  "CLOSED: nothing works after close, nor do iterators, snapshots and batches from before",
  async (directory) => {
    const db = await open(directory);
    await fill(db);
    const uses = everyUse(db);
    const [sync, async] = [db.keysSync(), db.keys()];
    sync.next();
    await async.next();
    const snapshot = db.snapshot();
    const batch = db.batch().put("late", "1");
    await db.close();
    for (const use of uses) await failsWith("CLOSED", use);
    await failsWith("CLOSED", () => sync.next());
    await failsWith("CLOSED", () => async.next());
    await failsWith("CLOSED", () => snapshot.get("apple"));
    await failsWith("CLOSED", () => batch.commitSync());
    await failsWith("CLOSED", () => batch.commit());
    snapshot.close();
    assertEquals(sync.return!(), { done: true, value: undefined });
    await using again = await open(directory);
    assertEquals([...again.keysSync()], [...FRUIT]);
  },
);

check("LOCKED: a directory is open once", async (directory) => {
  const db = await open(directory);
  await failsWith("LOCKED", () => open(directory));
  await failsWith("LOCKED", () => open(directory, { readOnly: true }));
  await db.put("apple", "5");
  await db.close();
  await using reader = await open(directory, { readOnly: true });
  await using second = await open(directory, { readOnly: true });
  assertEquals([await reader.get("apple"), await second.get("apple")], ["5", "5"]);
  await failsWith("LOCKED", () => open(directory));
});

check("CORRUPTION: damage is an error that names file and offset", async (directory) => {
  {
    await using db = await open(directory, { compression: "none" });
    await fill(db);
    await db.flush();
  }
  const table = join(directory, filesEnding(directory, ".ldb")[0]!);
  const content = Deno.readFileSync(table);
  content[3]! ^= 1;
  Deno.writeFileSync(table, content);
  {
    await using db = await open(directory);
    for (const use of [() => db.get("apple"), () => db.getSync("fig"), () => [...db.keysSync()]]) {
      const error = await failsWith("CORRUPTION", use);
      assert(
        error instanceof CorruptionError && error instanceof VarveError && error instanceof Error,
      );
      assertEquals([error.file, error.offset], [table, 0]);
      assert(error.message.includes(table) && error.message.includes("offset 0"), error.message);
    }
  }
  const current = join(directory, "CURRENT");
  Deno.writeTextFileSync(current, "nonsense\n");
  const error = await failsWith("CORRUPTION", () => open(directory));
  assert(error instanceof CorruptionError);
  assertEquals(error.file, current);
});

check("NOT_FOUND: no database, and none is to be made", async (directory) => {
  const path = join(directory, "missing");
  await failsWith("NOT_FOUND", () => open(path, { createIfMissing: false }));
  await failsWith("NOT_FOUND", () => open(path, { readOnly: true }));
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  Deno.writeTextFileSync(join(directory, "letter.txt"), "Dear …");
  await failsWith("NOT_FOUND", () => open(directory));
  assertEquals(filesEnding(directory, "").length, 1);
});

check("ALREADY_EXISTS: a database, and it was to be new", async (directory) => {
  await using db = await open(directory, { errorIfExists: true });
  await db.put("apple", "5");
  await db.close();
  await failsWith("ALREADY_EXISTS", () => open(directory, { errorIfExists: true }));
  await using again = await open(directory);
  assertEquals(await again.get("apple"), "5");
});

check(
  "READ_ONLY: a database that is only read refuses every write, and no byte changes",
  async (directory) => {
    {
      await using db = await open(directory);
      await fill(db);
      await db.flush();
      await db.put("grape", "5"); // in the log
    }
    const contents = () =>
      filesEnding(directory, "").map((name) => [name, Deno.readFileSync(join(directory, name))]);
    const before = contents();
    {
      await using db = await open(directory, { readOnly: true });
      assertEquals([...db.keysSync()], [...FRUIT, "grape"]);
      await failsWith("READ_ONLY", () => db.put("a", "1"));
      await failsWith("READ_ONLY", () => db.putSync("a", "1"));
      await failsWith("READ_ONLY", () => db.delete("a"));
      await failsWith("READ_ONLY", () => db.deleteSync("apple"));
      await failsWith("READ_ONLY", () => db.batch());
      await failsWith("READ_ONLY", () => db.flush());
      await failsWith("READ_ONLY", () => db.compact());
      using snapshot = db.snapshot();
      assertEquals(snapshot.getSync("grape"), "5");
      assertEquals(db.stats().failure, undefined);
    }
    assertEquals(contents(), before);
  },
);

/** A disk whose files can be made to fail. */
class FailingFileSystem extends DenoFileSystem {
  isBroken = false;

  override create(path: string): WritableFile {
    const file = super.create(path);
    const fail = () => {
      if (this.isBroken) throw new VarveError("IO", `Cannot write: no space left: ${path}`);
    };
    return {
      path,
      get size() {
        return file.size;
      },
      append(bytes) {
        fail();
        file.append(bytes);
      },
      async sync() {
        fail();
        await file.sync();
      },
      syncSync() {
        fail();
        file.syncSync();
      },
      close: () => file.close(),
    };
  }
}

check(
  "IO: after a failed write nothing more is written, reads go on, opening again recovers",
  async (directory) => {
    const fileSystem = new FailingFileSystem();
    const db = await open(directory, { fileSystem });
    await fill(db);
    fileSystem.isBroken = true;
    const first = await failsWith("IO", () => db.put("lost", "1"));
    assert(first.message.includes("no space left"), first.message);
    assert(first.cause instanceof Error);
    fileSystem.isBroken = false;
    const second = await failsWith("IO", () => db.put("refused", "2"));
    assert(
      second.cause instanceof Error && second.message.includes("open it again"),
      second.message,
    );
    await failsWith("IO", () => db.deleteSync("apple"));
    await failsWith("IO", () => db.flush());
    assert(db.stats().failure?.includes("no space left"));
    assertEquals([...db.keysSync()], [...FRUIT]);
    await db.close();
    {
      await using again = await open(directory);
      assertEquals([...again.keysSync()], [...FRUIT]);
      await again.put("grape", "5");
    }
    const file = join(directory, "file");
    Deno.writeTextFileSync(file, "");
    await failsWith("IO", () => open(join(file, "below")));
  },
);

check(
  "resume() takes writes again once the disk works, and says what still fails until then",
  async (directory) => {
    const fileSystem = new FailingFileSystem();
    const db = await open(directory, { fileSystem });
    await fill(db);
    await db.resume(); // nothing failed
    fileSystem.isBroken = true;
    await failsWith("IO", () => db.put("lost", "1"));
    const still = await failsWith("IO", () => db.resume());
    assert(still.message.includes("no space left"), still.message);
    assertEquals(db.stats().failure, still.message);
    assertEquals([...db.keysSync()], [...FRUIT]);
    fileSystem.isBroken = false;
    await failsWith("IO", () => db.put("refused", "2"));
    await Promise.all([db.resume(), db.resume()]);
    assertEquals(db.stats().failure, undefined);
    await db.put("grape", "5");
    await db.compact();
    await db.close();
    await using again = await open(directory);
    assertEquals([...again.keysSync()], [...FRUIT, "grape"].toSorted());
  },
);

check(
  "verify() tells what is wrong, repair() puts it right, and destroy() removes it all",
  async (directory) => {
    {
      await using db = await open(directory);
      for (const fruit of FRUIT) await db.put(fruit, "1");
      await failsWith("LOCKED", () => verify(directory));
    }
    assertEquals((await verify(directory)).isSound, true);
    await Deno.remove(join(directory, "CURRENT"));
    const { isSound, findings } = await verify(toFileUrl(directory));
    assertEquals([isSound, findings[0]?.severity], [false, "error"]);
    assertEquals((await repair(directory)).isComplete, true);
    assertEquals((await verify(directory)).isSound, true);
    {
      await using db = await open(directory);
      assertEquals([...db.keysSync()], FRUIT.toSorted());
    }
    // What the repair put aside stays.
    await destroy(directory);
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["lost"]);
    await failsWith("NOT_FOUND", () => destroy(directory));
  },
);

check(
  "TOO_LARGE: keys and values up to their limits work, and one byte more is refused",
  async (directory) => {
    await using db = await open<Uint8Array, Uint8Array>(directory, { key: bytes, value: bytes });
    const [longest, tooLong] = [new Uint8Array(64 * 1024), new Uint8Array(64 * 1024 + 1)];
    const value = new Uint8Array(5 * 1024 * 1024).fill(7);
    await db.put(longest, value);
    await db.flush();
    assertEquals(db.getSync(longest)?.length, value.length);
    assertEquals([...db.keysSync()], [longest]);
    const tooLarge = new Uint8Array(2 ** 30 + 1); // never touched, so it takes no memory
    const one = Uint8Array.of(1);
    for (
      const use of [
        () => db.put(tooLong, one),
        () => db.putSync(tooLong, one),
        () => db.get(tooLong),
        () => db.hasSync(tooLong),
        () => db.deleteSync(tooLong),
        () => db.batch().put(tooLong, one),
        () => db.keysSync({ gt: tooLong }),
        () => db.sublevel("a", { key: bytes }).getSync(longest),
        () => db.put(one, tooLarge),
        () => db.putSync(one, tooLarge),
        () => db.batch().put(one, tooLarge),
      ]
    ) await failsWith("TOO_LARGE", use);
    assertEquals([...db.keysSync()], [longest]);
  },
);

/**
 * Runs every check in a directory of its own.
 *
 * @param directory Where these directories are made; they are removed again.
 * @param report Told the name of each check that has passed.
 */
export async function runChecks(directory: string, report: (name: string) => void): Promise<void> {
  for (const [index, { name, run }] of checks.entries()) {
    const own = join(directory, `check ${index}`);
    await Deno.mkdir(own);
    await run(own);
    await Deno.remove(own, { recursive: true });
    report(name);
  }
}

if (import.meta.main) {
  await runChecks(Deno.args[0]!, (name) => console.log(name));
}
