/**
 * **What.** What the store says to mistakes: wrong arguments, use after close, directories that are no database of
 * its own, disks it may not write to, a second one who wants in. Each gets a clear error, and the data stays.
 *
 * **Read next.** `tidiness_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { crc32c, mask } from "../lib/crc32c.ts";
import { LogWriter } from "../lib/log.ts";
import { BLOCK_TRAILER_BYTES } from "../lib/table_format.ts";
import {
  bytes,
  bytewise,
  CorruptionError,
  type Database,
  json,
  MemoryFileSystem,
  open,
  type OpenOptions,
  VarveError,
  type VarveErrorCode,
} from "../mod.ts";
import { Peer } from "./fixtures/line_protocol.ts";
import { inProcesses, onDisk } from "./permissions.ts";

type Texts = Database<string, string>;

// deno-lint-ignore no-explicit-any -- a wrong argument of any type
type Wrong = any;

async function inTemporaryDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Contents of every file of a directory of a disk in memory. */
function contentsOf(disk: MemoryFileSystem): [string, string][] {
  return disk.list("db").map((name) => [name, disk.readAll(`db/${name}`).toHex()]);
}

function assertCode(error: unknown, code: VarveErrorCode, ...parts: string[]): void {
  assert(error instanceof VarveError, String(error));
  assertEquals(error.code, code, error.message);
  assertMatch(error.message, /^[A-Z]/);
  assert(!error.message.endsWith("."), error.message);
  for (const part of parts) assert(error.message.includes(part), `${error.message}: no ${part}`);
}

/** A database of two entries, one in a table and one in the log. */
async function smallDatabase(options: OpenOptions = {}): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await using db = await open("db", { ...options, fileSystem: disk });
  await db.put("in a table", "1");
  await db.flush();
  await db.put("in the log", "2");
  return disk;
}

const ENTRIES: [string, string][] = [["in a table", "1"], ["in the log", "2"]];

async function assertIntact(disk: MemoryFileSystem, about = ""): Promise<void> {
  await using db = await open("db", { fileSystem: disk });
  assertEquals([...db.entriesSync()], ENTRIES, about);
}

// ——— Options ———

const WRONG_OPTIONS: [Wrong, typeof TypeError | typeof RangeError, string][] = [
  [null, TypeError, "options must be an object, got null"],
  ["fast", TypeError, 'got "fast"'],
  [{ cacheSize: 5 }, TypeError, 'unknown option "cacheSize"'],
  [{ sync: "yes" }, TypeError, "sync must be true or false"],
  [{ readOnly: 1 }, TypeError, "readOnly must be true or false"],
  [{ createIfMissing: 0 }, TypeError, "createIfMissing"],
  [{ errorIfExists: "" }, TypeError, "errorIfExists"],
  [{ memtableBytes: "4 MiB" }, TypeError, "memtableBytes must be a number"],
  [{ memtableBytes: 1 }, RangeError, "memtableBytes must be a whole number from 65536"],
  [{ memtableBytes: 65536.5 }, RangeError, "65536.5"],
  [{ poolBytes: -1 }, RangeError, "poolBytes"],
  [{ poolBytes: NaN }, RangeError, "NaN"],
  [{ poolPolicy: "fifo" }, RangeError, "poolPolicy"],
  [{ blockBytes: 0 }, RangeError, "blockBytes"],
  [{ tableBytes: 2 ** 40 }, RangeError, "tableBytes"],
  [{ filterBits: 1000 }, RangeError, "filterBits"],
  [{ maxOpenTables: 0 }, RangeError, "maxOpenTables"],
  [{ maxImmutableMemtables: 0 }, RangeError, "maxImmutableMemtables"],
  [{ levelZeroTables: 0 }, RangeError, "levelZeroTables"],
  [{ compression: "gzip" }, RangeError, '"gzip"'],
  [{ compression: ["none", "lz4"] }, RangeError, '"lz4"'],
  [{ compression: [] }, RangeError, "empty"],
  [{ compression: 2 }, RangeError, "compression"],
  [{ comparator: (a: number, b: number) => a - b }, TypeError, "comparator"],
  [{ comparator: { compare: () => 0 } }, TypeError, "name"],
  [{ comparator: { name: "", compare: () => 0 } }, TypeError, "name"],
  [{ fileSystem: {} }, TypeError, "fileSystem"],
  [{ logger: {} }, TypeError, "logger"],
  [{ key: json() }, TypeError, "key codec must keep order"],
  [{ key: "utf8" }, TypeError, "key codec"],
  [{ value: { encode: () => new Uint8Array() } }, TypeError, "decode"],
];

Deno.test("open() refuses wrong options, naming them, and touches nothing", async () => {
  for (const [options, type, part] of WRONG_OPTIONS) {
    const disk = new MemoryFileSystem();
    const all = typeof options === "object" && options !== null
      ? { fileSystem: disk, ...options }
      : options;
    const error = await assertRejects(() => open("db", all), type, part);
    assertMatch(error.message, /^Cannot open database: /);
    assertEquals(disk.exists("db"), false, part);
  }
});

Deno.test("open() refuses what is no directory name", async () => {
  for (const directory of ["", 5, null, undefined, {}, []]) {
    await assertRejects(() => open(directory as Wrong), TypeError, "directory must be");
  }
  await assertRejects(() => open(new URL("https://example.com/db")), TypeError);
});

// ——— Arguments ———

Deno.test("wrong arguments throw, or reject, before anything is written", async () => {
  const disk = await smallDatabase();
  const db = await open("db", { fileSystem: disk });
  const before = contentsOf(disk);
  const sublevel = db.sublevel("s");
  const wrongs: Wrong[] = [
    undefined,
    null,
    5,
    {},
    [],
    true,
    Symbol("s"),
    new Uint8Array(1),
    "\ud800",
  ];
  for (const wrong of wrongs) {
    for (const store of [db, sublevel]) {
      const batch = store.batch();
      const calls: (() => unknown)[] = [
        () => store.putSync(wrong, "v"),
        () => store.putSync("k", wrong),
        () => store.deleteSync(wrong),
        () => store.getSync(wrong),
        () => store.hasSync(wrong),
        () => store.getManySync(["k", wrong]),
        () => batch.put(wrong, "v"),
        () => batch.put("k", wrong),
        () => batch.delete(wrong),
      ];
      for (const call of calls) assertThrows(call, TypeError);
      assertEquals(batch.length, 0);
      const promises = [
        store.put(wrong, "v"),
        store.put("k", wrong),
        store.delete(wrong),
        store.get(wrong),
        store.has(wrong),
        store.getMany(["k", wrong]),
      ];
      for (const promise of promises) await assertRejects(() => promise, TypeError);
      // As a bound, undefined is no bound.
      if (wrong === undefined) continue;
      for (const bound of ["gt", "gte", "lt", "lte", "prefix"]) {
        assertThrows(() => [...store.keysSync({ [bound]: wrong })], TypeError);
      }
    }
  }
  assertEquals(contentsOf(disk), before);
  // A good write asked for together with bad ones is not harmed by them.
  const results = await Promise.allSettled([
    db.put("a", "1"),
    db.put(5 as Wrong, ""),
    db.put("b", "2"),
  ]);
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assertEquals([db.getSync("a"), db.getSync("b")], ["1", "2"]);
  await db.batch().delete("a").delete("b").commit();
  await db.close();
  await assertIntact(disk);
});

Deno.test("wrong ranges are refused, naming what is wrong", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  const ranges: [Wrong, typeof TypeError | typeof RangeError, string][] = [
    [null, TypeError, "null"],
    ["a", TypeError, '"a"'],
    [{ from: "a" }, TypeError, '"from"'],
    [{ gt: "a", gte: "a" }, TypeError, "both gt and gte"],
    [{ lt: "a", lte: "a" }, TypeError, "both lt and lte"],
    [{ reverse: "yes" }, TypeError, "reverse"],
    [{ limit: "5" }, TypeError, "limit"],
    [{ limit: -1 }, RangeError, "limit"],
    [{ limit: 1.5 }, RangeError, "1.5"],
    [{ limit: NaN }, RangeError, "NaN"],
    [{ signal: {} }, TypeError, "signal"],
  ];
  for (const [range, type, part] of ranges) {
    assertThrows(() => db.entriesSync(range), type, part);
    assertThrows(() => db.keysSync(range), type, part);
    assertThrows(() => db.valuesSync(range), type, part);
    await assertRejects(async () => await Array.fromAsync(db.entries(range)), type, part);
    await assertRejects(() => db.compact(range), type, part);
  }
  assertEquals([...db.keysSync({ limit: Infinity })], []);
  assertEquals(db.stats().iterators, 0);
});

Deno.test("wrong write options, stores and names are refused", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = await open("db", { fileSystem });
  await using other = await open("other", { fileSystem });
  const options: Wrong[] = [null, 5, "sync", { sync: "no" }];
  for (const wrong of options) {
    assertThrows(() => db.putSync("k", "v", wrong), TypeError);
    assertThrows(() => db.deleteSync("k", wrong), TypeError);
    assertThrows(() => db.batch().put("k", "v").commitSync(wrong), TypeError);
    await assertRejects(() => db.put("k", "v", wrong), TypeError);
    await assertRejects(() => db.delete("k", wrong), TypeError);
    await assertRejects(() => db.batch().put("k", "v").commit(wrong), TypeError);
  }
  assertEquals(db.hasSync("k"), false);
  for (const wrong of [undefined, null, 5, "", "a!b", "a b", "é", "\x7f"]) {
    assertThrows(() => db.sublevel(wrong as Wrong), Error, "sublevel");
  }
  assertThrows(() => db.sublevel("s", { key: json() as Wrong }), TypeError, "order");
  for (const wrong of [undefined, {}, db.snapshot(), other, other.sublevel("s")]) {
    assertThrows(() => db.batch().on(wrong as Wrong), TypeError, "same database");
  }
  for (const wrong of [undefined, null, "abc", 5, new Set(["a"])]) {
    assertThrows(() => db.getManySync(wrong as Wrong), TypeError, "array");
    await assertRejects(() => db.getMany(wrong as Wrong), TypeError, "array");
  }
});

Deno.test("a batch is written once", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  const batch = db.batch().put("a", "1");
  batch.commitSync();
  assertCode(assertThrows(() => batch.commitSync()), "CLOSED", "batch", "committed already");
  assertCode(assertThrows(() => batch.put("b", "2")), "CLOSED", "batch");
  assertCode(assertThrows(() => batch.delete("b")), "CLOSED", "batch");
  assertCode(await assertRejects(() => batch.commit()), "CLOSED", "batch");
  assertEquals(db.stats().sequence, 1);
});

Deno.test("a codec that fails harms nothing", async () => {
  let isBroken = false;
  const fragile = {
    ...bytes,
    encode: (value: Uint8Array) => {
      if (isBroken) throw new Error("codec out of order");
      return value;
    },
    decode: (value: Uint8Array) => {
      if (isBroken) throw new Error("codec out of order");
      return value;
    },
  };
  const options = {
    key: bytes,
    value: { encode: fragile.encode, decode: fragile.decode, ordered: false },
  };
  await using db = await open("db", {
    ...options,
    fileSystem: new MemoryFileSystem(),
    poolBytes: 0,
  });
  const key = Uint8Array.of(1);
  db.putSync(key, key);
  await db.flush();
  isBroken = true;
  assertThrows(() => db.putSync(key, Uint8Array.of(2)), Error, "out of order");
  assertThrows(() => db.getSync(key), Error, "out of order");
  assertThrows(() => [...db.entriesSync()], Error, "out of order");
  await assertRejects(() => db.put(key, key), Error, "out of order");
  await assertRejects(() => Array.fromAsync(db.values()), Error, "out of order");
  isBroken = false;
  assertEquals(db.getSync(key), key);
  const { iterators, pool } = db.stats();
  assertEquals([iterators, pool.pinnedBytes, pool.transientBytes], [0, 0, 0]);
  const wrong = db.sublevel("w", {
    value: { ordered: false, encode: () => "text" as Wrong, decode: () => "" },
  });
  assertThrows(() => wrong.putSync("k", "v"), TypeError, "must encode to bytes");
});

// ——— After close ———

Deno.test("every method fails with CLOSED after close, but close", async () => {
  const disk = await smallDatabase();
  const db = await open("db", { fileSystem: disk });
  const sublevel = db.sublevel("s");
  const snapshot = db.snapshot();
  const batch = db.batch().put("x", "1");
  await db.close();
  const before = contentsOf(disk);
  for (const store of [db, sublevel]) {
    const calls: (() => unknown)[] = [
      () => store.putSync("k", "v"),
      () => store.deleteSync("k"),
      () => store.batch(),
      () => store.snapshot(),
    ];
    for (const call of calls) assertCode(assertThrows(call), "CLOSED", "Cannot", "db");
    assertCode(await assertRejects(() => store.put("k", "v")), "CLOSED", "Cannot write", "db");
    assertCode(await assertRejects(() => store.delete("k")), "CLOSED", "Cannot write", "db");
  }
  for (const reader of [db, sublevel, snapshot]) {
    const calls: (() => unknown)[] = [
      () => reader.getSync("k"),
      () => reader.hasSync("k"),
      () => reader.getManySync(["k"]),
      () => reader.entriesSync(),
      () => reader.keysSync(),
      () => reader.valuesSync(),
    ];
    for (const call of calls) assertCode(assertThrows(call), "CLOSED", "Cannot", "closed");
    const asyncCalls: (() => Promise<unknown>)[] = [
      () => reader.get("k"),
      () => reader.has("k"),
      () => reader.getMany(["k"]),
      async () => await Array.fromAsync(reader.entries()),
      async () => await Array.fromAsync(reader.keys()),
      async () => await Array.fromAsync(reader.values()),
    ];
    for (const call of asyncCalls) assertCode(await assertRejects(call), "CLOSED", "Cannot");
  }
  assertCode(assertThrows(() => batch.commitSync()), "CLOSED");
  assertCode(await assertRejects(() => batch.commit()), "CLOSED");
  assertCode(await assertRejects(() => db.flush()), "CLOSED", "flush");
  assertCode(await assertRejects(() => db.compact()), "CLOSED", "compact");
  assertCode(assertThrows(() => db.stats()), "CLOSED", "statistics");
  snapshot.close();
  snapshot[Symbol.dispose]();
  await db.close();
  await db[Symbol.asyncDispose]();
  assertEquals(contentsOf(disk), before);
  await assertIntact(disk);
});

Deno.test("iterators and snapshots left open at close end with CLOSED, and hold nothing back", async () => {
  const disk = new MemoryFileSystem();
  const options = { fileSystem: disk, memtableBytes: 65536, blockBytes: 256 };
  const db = await open("db", options);
  for (let i = 0; i < 500; i++) db.putSync(`key ${i}`, "v".repeat(100));
  const snapshot = db.snapshot();
  const started = db.entriesSync();
  started.next();
  const fresh = db.keysSync({ reverse: true });
  const awaited = db.entries();
  await awaited.next();
  const ofSnapshot = snapshot.keys();
  await db.compact();
  assertEquals([db.stats().iterators, db.stats().snapshots], [4, 1]);
  await db.close();
  assertCode(assertThrows(() => started.next()), "CLOSED", "iterate");
  assertCode(assertThrows(() => fresh.next()), "CLOSED", "iterate");
  assertCode(await assertRejects(() => awaited.next()), "CLOSED", "iterate");
  assertCode(await assertRejects(() => ofSnapshot.next()), "CLOSED", "iterate");
  // Ended by that, and again no error.
  assertEquals(started.next().done, true);
  started.return?.();
  await awaited.return?.();
  snapshot.close();
  await using again = await open("db", options);
  assertEquals([...again.keysSync()].length, 500);
  assertEquals(
    disk.list("db").filter((name) => name.endsWith(".ldb")).length,
    again.stats().levels
      .reduce((sum, { tables }) => sum + tables, 0),
  );
});

Deno.test("a closed snapshot fails with CLOSED, and the database goes on", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  db.putSync("k", "1");
  const snapshot = db.snapshot();
  const iterator = snapshot.keysSync();
  snapshot.close();
  snapshot.close();
  assertCode(assertThrows(() => snapshot.getSync("k")), "CLOSED", "snapshot is closed");
  assertCode(assertThrows(() => snapshot.keysSync()), "CLOSED", "snapshot is closed");
  assertEquals(iterator.next().value, "k", "an iterator holds what it needs by itself");
  iterator.return?.();
  assertEquals([db.getSync("k"), db.stats().snapshots, db.stats().iterators], ["1", 0, 0]);
});

Deno.test("an aborted iteration and an aborted compaction end with the signal's reason", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  for (let i = 0; i < 10; i++) db.putSync(`${i}`, "v");
  const controller = new AbortController();
  const reason = new Error("enough");
  const iterator = db.keysSync({ signal: controller.signal });
  const awaited = db.keys({ signal: controller.signal });
  iterator.next();
  controller.abort(reason);
  assertEquals(assertThrows(() => iterator.next()), reason);
  assertEquals(await assertRejects(() => awaited.next()), reason);
  assertEquals(await assertRejects(() => db.compact({ signal: controller.signal })), reason);
  assertEquals(db.stats().iterators, 0);
  assertEquals(iterator.next().done, true);
});

// ——— What is no database, or another one's ———

Deno.test("createIfMissing and errorIfExists are obeyed", async () => {
  const disk = new MemoryFileSystem();
  const missing = () => open("db", { fileSystem: disk, createIfMissing: false });
  assertCode(await assertRejects(missing), "NOT_FOUND", "Cannot open database", "db");
  assertEquals(disk.exists("db"), false);
  const readOnly = () => open("db", { fileSystem: disk, readOnly: true });
  assertCode(await assertRejects(readOnly), "NOT_FOUND", "db");
  assertEquals(disk.exists("db"), false);
  const existing = await smallDatabase();
  const before = contentsOf(existing);
  const create = () => open("db", { fileSystem: existing, errorIfExists: true });
  assertCode(await assertRejects(create), "ALREADY_EXISTS", "db");
  assertEquals(contentsOf(existing), before);
  await assertIntact(existing);
});

Deno.test("a directory of somebody else's files is left alone", async () => {
  for (const name of ["notes.txt", "CURRENT.bak", "000005.ldb", "000003.log", "7.sst"]) {
    const disk = new MemoryFileSystem();
    disk.makeDirectory("db");
    disk.writeAll(`db/${name}`, new TextEncoder().encode("mine"));
    const before = contentsOf(disk);
    const error = await assertRejects(() => open("db", { fileSystem: disk }), VarveError);
    assert(error.code === "NOT_FOUND" || error.code === "CORRUPTION", error.message);
    assert(error.message.includes(name) && error.message.includes("db"), error.message);
    assertEquals(contentsOf(disk), before);
  }
});

Deno.test("a database keeps files of others in its directory", async () => {
  const disk = await smallDatabase();
  disk.writeAll("db/notes.txt", new TextEncoder().encode("mine"));
  await assertIntact(disk);
  await assertIntact(disk);
  assertEquals(disk.readAll("db/notes.txt"), new TextEncoder().encode("mine"));
});

Deno.test("a file in place of the directory is an error, in memory", async () => {
  const disk = new MemoryFileSystem();
  disk.writeAll("db", new TextEncoder().encode("mine"));
  const error = await assertRejects(() => open("db", { fileSystem: disk }));
  assertCode(error, "IO", "db");
  assertEquals(disk.readAll("db"), new TextEncoder().encode("mine"));
});

Deno.test("a file in place of the directory is an error, on a real disk", onDisk, async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = `${directory}/file`;
    await Deno.writeTextFile(path, "mine");
    for (const options of [{}, { readOnly: true }, { createIfMissing: false }]) {
      const error = await assertRejects(() => open(path, options), VarveError);
      assert(["IO", "NOT_FOUND"].includes(error.code), error.message);
      assert(error.message.includes(path), error.message);
    }
    assertEquals(await Deno.readTextFile(path), "mine");
  });
});

Deno.test("another order of keys is refused by name", async () => {
  const disk = await smallDatabase();
  const before = contentsOf(disk);
  const comparator = { ...bytewise, name: "somebody.Else" };
  const error = await assertRejects(() => open("db", { fileSystem: disk, comparator }));
  assertCode(error, "UNSUPPORTED_FORMAT", "somebody.Else", "leveldb.BytewiseComparator", "db");
  assertEquals(contentsOf(disk), before);
  await assertIntact(disk);
});

Deno.test("a compression of a later version is refused by its id, and the rest is readable", async () => {
  const disk = await smallDatabase({ compression: "none", filterBits: 0 });
  const path = `db/${disk.list("db").find((name) => name.endsWith(".ldb"))}`;
  const whole = disk.readAll(path);
  // The one data block comes first; its trailer is the compression's id and a checksum over both.
  const table = whole.slice();
  const view = new DataView(table.buffer);
  const end = table.findIndex((byte, i) => {
    if (byte !== 0 || i + BLOCK_TRAILER_BYTES > table.length) return false;
    return view.getUint32(i + 1, true) === mask(crc32c(table, 0, i + 1)) >>> 0;
  });
  assert(end > 0, "the end of the first block was not found");
  table[end] = 77;
  view.setUint32(end + 1, mask(crc32c(table, 0, end + 1)), true);
  disk.writeAll(path, table);
  await using db = await open("db", { fileSystem: disk });
  assertCode(assertThrows(() => db.getSync("in a table")), "UNSUPPORTED_FORMAT", "77");
  assertCode(assertThrows(() => [...db.keysSync()]), "UNSUPPORTED_FORMAT", "77");
  assertEquals(db.getSync("in the log"), "2");
  await db.close();
  disk.writeAll(path, whole);
  await assertIntact(disk);
});

Deno.test("a manifest of garbage, or of a later version, is an error naming it", async () => {
  const disk = await smallDatabase();
  const path = `db/${disk.list("db").find((name) => name.startsWith("MANIFEST"))}`;
  const whole = disk.readAll(path);
  const record = (...bytes: number[]) => {
    const scratch = new MemoryFileSystem();
    const writer = new LogWriter(scratch.create("log"));
    writer.add(Uint8Array.from(bytes), 0, bytes.length);
    return scratch.readAll("log");
  };
  const damages = [
    new TextEncoder().encode("This is not a manifest. ".repeat(50)),
    crypto.getRandomValues(new Uint8Array(5000)),
    new Uint8Array(5000),
    record(99, 1, 2, 3), // an edit with a field of a later version
    record(), // an edit that says nothing
  ];
  for (const [i, damage] of damages.entries()) {
    disk.writeAll(path, damage);
    const before = contentsOf(disk);
    for (const readOnly of [false, true]) {
      const error = await assertRejects(
        () => open("db", { fileSystem: disk, readOnly }),
        VarveError,
      );
      assert(["CORRUPTION", "UNSUPPORTED_FORMAT"].includes(error.code), `${i}: ${error.message}`);
      assert(error.message.includes(path), `${i}: ${error.message}`);
      if (error instanceof CorruptionError) assertEquals(error.file, path, `${i}`);
    }
    assertEquals(contentsOf(disk), before);
  }
  disk.writeAll(path, whole);
  await assertIntact(disk);
});

// ——— Reading only ———

Deno.test("a database opened for reading only changes nothing and refuses writes", async () => {
  const disk = await smallDatabase();
  for (const hasLock of [true, false]) {
    if (!hasLock) disk.remove("db/LOCK");
    const before = contentsOf(disk);
    {
      await using db = await open("db", { fileSystem: disk, readOnly: true });
      await using other = await open("db", { fileSystem: disk, readOnly: true });
      for (const reader of [db, other]) {
        assertEquals([...reader.entriesSync()], ENTRIES);
        assertEquals(await reader.get("in the log"), "2");
        using snapshot = reader.snapshot();
        assertEquals(snapshot.getSync("in a table"), "1");
        const calls: (() => unknown)[] = [
          () => reader.putSync("k", "v"),
          () => reader.deleteSync("k"),
          () => reader.batch(),
        ];
        for (const call of calls) assertCode(assertThrows(call), "READ_ONLY", "Cannot write", "db");
        assertCode(await assertRejects(() => reader.put("k", "v")), "READ_ONLY");
        assertCode(await assertRejects(() => reader.flush()), "READ_ONLY");
        assertCode(await assertRejects(() => reader.compact()), "READ_ONLY");
        assertEquals(reader.stats().memtable.immutables, 1);
      }
    }
    assertEquals(contentsOf(disk), before);
  }
  await assertIntact(disk);
});

const SOURCES = `--allow-read=${new URL("..", import.meta.url).pathname}`;

Deno.test(
  "without permission to write a database can be read, and not opened otherwise",
  inProcesses,
  async () => {
    await inTemporaryDirectory(async (directory) => {
      {
        await using db = await open(directory);
        for (const [key, value] of ENTRIES) await db.put(key, value);
      }
      for (const hasLock of [true, false]) {
        if (!hasLock) await Deno.remove(`${directory}/LOCK`);
        await using peer = new Peer("store_commands.ts", [`${SOURCES},${directory}`]);
        const refused = await peer.ask<string>("open", { directory });
        assertMatch(refused, /^READ_ONLY: Cannot .*--allow-write/);
        const options = { readOnly: true };
        assertEquals(await peer.ask("open", { directory, options }), "done");
        assertEquals(await peer.ask("entries"), ENTRIES);
        assertMatch(await peer.ask<string>("put", { key: "k", value: "v" }), /^READ_ONLY: /);
        assertEquals(await peer.ask("close"), "done");
      }
      const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
      assert(!names.includes("LOCK"));
      await using db = await open(directory);
      assertEquals([...db.entriesSync()], ENTRIES);
    });
  },
);

Deno.test("without any permission the error says which one is missing", inProcesses, async () => {
  await inTemporaryDirectory(async (directory) => {
    await using peer = new Peer("store_commands.ts", [SOURCES]);
    const refused = await peer.ask<string>("open", { directory });
    assertMatch(refused, /^(IO|READ_ONLY): Cannot .*--allow-(read|write)/);
    assert(refused.includes(directory), refused);
  });
});

// ——— A second one ———

async function expectLocked(db: Texts, openAgain: (options?: OpenOptions) => Promise<Texts>) {
  for (const options of [{}, { readOnly: true }, { createIfMissing: false }]) {
    assertCode(await assertRejects(() => openAgain(options)), "LOCKED", "Cannot", db.directory);
  }
  await db.put("still", "works");
  assertEquals(await db.get("still"), "works");
  await db.close();
  const again = await openAgain();
  assertEquals(await again.get("still"), "works");
  await again.close();
}

Deno.test("a second open in the same process fails with LOCKED until the first is closed", async () => {
  const fileSystem = new MemoryFileSystem();
  const openAgain = (options = {}) => open("db", { ...options, fileSystem });
  await expectLocked(await openAgain(), openAgain);
  // A reader keeps writers out, and no readers.
  const reader = await openAgain({ readOnly: true });
  assertCode(await assertRejects(() => openAgain()), "LOCKED");
  await (await openAgain({ readOnly: true })).close();
  await reader.close();
  await (await openAgain()).close();
});

Deno.test(
  "a second open in the same process fails with LOCKED, on a real disk",
  onDisk,
  async () => {
    await inTemporaryDirectory(async (directory) => {
      const openAgain = (options = {}) => open(directory, options);
      await expectLocked(await openAgain(), openAgain);
    });
  },
);

Deno.test("an open that fails gives back its lock", async () => {
  const disk = await smallDatabase();
  const current = disk.readAll("db/CURRENT");
  disk.writeAll("db/CURRENT", new Uint8Array(3));
  await assertRejects(() => open("db", { fileSystem: disk }), CorruptionError);
  disk.writeAll("db/CURRENT", current);
  await assertIntact(disk);
});

Deno.test(
  "another process is kept out at once, and let in after close or death",
  inProcesses,
  async () => {
    await inTemporaryDirectory(async (directory) => {
      const permissions = [`${SOURCES},${directory}`, `--allow-write=${directory}`];
      const db = await open(directory);
      await db.put("ours", "1");
      await using peer = new Peer("store_commands.ts", permissions);
      assertMatch(await peer.ask<string>("open", { directory }), /^LOCKED: Cannot .*LOCK/);
      await db.close();
      assertEquals(await peer.ask("open", { directory }), "done");
      assertEquals(await peer.ask("put", { key: "theirs", value: "2" }), "done");
      assertCode(await assertRejects(() => open(directory)), "LOCKED", directory);
      await peer.kill();
      await using again = await open(directory);
      assertEquals([...again.entriesSync()], [["ours", "1"], ["theirs", "2"]]);
    });
  },
);
