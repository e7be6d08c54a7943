/**
 * Writing typed keys and values over a whole engine in memory: what reaches the log, in which order, and when.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { bytes, type Codec, json, type KeyCodec, number, utf8 } from "./codec.ts";
import { GROUP_BYTES_MAX } from "./commit_queue.ts";
import type { Comparator } from "./comparator.ts";
import { openDatabase } from "./database.ts";
import { VarveError } from "./errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { KEY_BYTES_MAX, type OpenOptions, VALUE_BYTES_MAX } from "./options.ts";
import type { Batch, Database, Store } from "./store.ts";

/** What no type would allow. */
// deno-lint-ignore no-explicit-any
type Wrong = any;

function openOn<V = string>(
  disk: FailingFileSystem,
  options: OpenOptions<string, V> = {},
): Database<string, V> {
  return openDatabase<string, V>("db", options, disk);
}

function emptyDisk(): FailingFileSystem {
  return new FailingFileSystem(new MemoryFileSystem());
}

/** Appends to logs and syncs of them so far. */
function logWork(disk: FailingFileSystem): [appends: number, syncs: number] {
  return [disk.count("append", ".log"), disk.count("sync", ".log")];
}

Deno.test("Wrong arguments throw or reject, before anything is written (invariant 1)", async () => {
  const disk = emptyDisk();
  await using db = openOn(disk);
  const before = logWork(disk);
  const wrongs: [key: Wrong, value: Wrong, options: Wrong][] = [
    [undefined, "v", undefined],
    [5, "v", undefined],
    ["k", undefined, undefined],
    ["k", null, undefined],
    ["\ud800", "v", undefined],
    ["k", "v", null],
    ["k", "v", { sync: 1 }],
    ["k", "v", { synced: true }],
  ];
  for (const store of [db, db.sublevel("s")]) {
    for (const [key, value, options] of wrongs) {
      assertThrows(() => store.putSync(key, value, options), TypeError);
      const promise = store.put(key, value, options); // throws nothing
      await assertRejects(() => promise, TypeError);
      const batch = store.batch();
      assertThrows(() => batch.put(key, value).commitSync(options), TypeError);
      if (value !== "v") continue;
      assertThrows(() => store.deleteSync(key, options), TypeError);
      const deletion = store.delete(key, options);
      await assertRejects(() => deletion, TypeError);
    }
    const long = "k".repeat(KEY_BYTES_MAX + 1);
    for (const act of [() => store.putSync(long, ""), () => store.batch().delete(long)]) {
      assertEquals(assertThrows(act, VarveError).code, "TOO_LARGE");
    }
    assertEquals((await assertRejects(() => store.delete(long), VarveError)).code, "TOO_LARGE");
  }
  assertEquals([logWork(disk), db.stats().sequence], [before, 0]);
});

Deno.test("A wrong write in a group leaves the others of the group alone (invariant 1)", async () => {
  await using db = openOn(emptyDisk());
  const results = await Promise.allSettled([
    db.put("a", "1"),
    db.put("b", 5 as Wrong),
    db.put(null as Wrong, "3"),
    db.put("d", "4"),
  ]);
  assertEquals(results.map(({ status }) => status[0]), ["f", "r", "r", "f"]);
  assertEquals([...db.entriesSync()], [["a", "1"], ["d", "4"]]);
});

Deno.test("A value that reads and writes the store while it is encoded is written under its own key", async () => {
  await using db = openOn<unknown>(emptyDisk(), { value: json() });
  db.putSync("other, longer than the rest", 1);
  const nosy = {
    toJSON(): unknown {
      db.putSync("written meanwhile", 2);
      db.deleteSync("deleted meanwhile");
      return db.getSync("other, longer than the rest");
    },
  };
  db.putSync("sync", nosy);
  await db.put("awaited", nosy);
  db.batch().put("batch", nosy).commitSync();
  await db.batch().put("batch 2", nosy).commit();
  assertEquals(Object.fromEntries(db.entriesSync()), {
    "awaited": 1,
    "batch": 1,
    "batch 2": 1,
    "other, longer than the rest": 1,
    "sync": 1,
    "written meanwhile": 2,
  });
});

Deno.test("A batch is one record of the log, across sublevels too (invariant 2)", async () => {
  const disk = emptyDisk();
  await using db = openOn(disk);
  const numbers = db.sublevel("numbers", { key: number, value: json<number[]>() });
  const deep = db.sublevel("a").sublevel("b");
  db.putSync("gone", "x", { sync: false });
  const [before] = logWork(disk);
  const batch = db.batch().put("top", "1").delete("gone");
  batch.on(numbers).put(-1.5, [1, 2]).on(deep).put("k", "v");
  assertEquals(batch.length, 4);
  batch.commitSync();
  assertEquals(logWork(disk)[0], before + 1);
  assertEquals(db.stats().sequence, 5);
  assertEquals([numbers.getSync(-1.5), deep.getSync("k")], [[1, 2], "v"]);
  assertEquals([db.getSync("!a!!b!k"), db.hasSync("gone")], ["v", false]);
});

Deno.test("A batch whose record cannot be written is not there at all (invariant 2)", async () => {
  for (const form of ["commit", "commitSync"] as const) {
    const disk = emptyDisk();
    const db = openOn(disk);
    const sub = db.sublevel("s");
    const batch = db.batch().put("a", "1").on(sub).put("b", "2").on(db).delete("a");
    disk.fails = ({ kind, name }) => kind === "append" && name.endsWith(".log");
    const commit = async () => await batch[form]();
    assertEquals((await assertRejects(commit, VarveError)).code, "IO");
    assertEquals([[...db.keysSync()], db.stats().sequence], [[], 0]);
    await db.close();
    disk.fails = () => false;
    await using again = openOn(disk);
    assertEquals([...again.keysSync()], []);
  }
});

Deno.test("A batch that was given something wrong keeps what was right (invariant 2)", async () => {
  await using db = openOn(emptyDisk());
  const batch = db.batch().put("a", "1");
  assertThrows(() => batch.put("b", 5 as Wrong), TypeError);
  assertThrows(() => batch.delete("k".repeat(KEY_BYTES_MAX + 1)), VarveError);
  assertEquals(batch.length, 1);
  await batch.commit();
  assertEquals([...db.entriesSync()], [["a", "1"]]);
});

Deno.test("A batch is written once, by any of its views (invariant 2)", async () => {
  await using db = openOn(emptyDisk());
  const batch = db.batch().put("a", "1");
  const view: Batch<string, string> = batch.on(db.sublevel("s"));
  await view.commit();
  const acts = [() => batch.commitSync(), () => batch.put("b", "2"), () => view.delete("a")];
  for (const act of acts) {
    const error = assertThrows(act, VarveError, "it is committed already");
    assertEquals(error.code, "CLOSED");
  }
  await assertRejects(() => batch.commit(), VarveError, "it is committed already");
  assertEquals([batch.length, db.stats().sequence], [1, 1]);
});

Deno.test("A commit with wrong options may be tried again (invariant 2)", async () => {
  await using db = openOn(emptyDisk());
  const batch = db.batch().put("a", "1");
  await assertRejects(() => batch.commit({ sync: "yes" } as Wrong), TypeError);
  assertThrows(() => batch.commitSync(null as Wrong), TypeError);
  await batch.commit();
  assertEquals(db.getSync("a"), "1");
});

Deno.test("An empty batch writes nothing", async () => {
  const disk = emptyDisk();
  await using db = openOn(disk);
  const before = logWork(disk);
  await db.batch().commit();
  db.batch().commitSync();
  assertEquals([logWork(disk), db.stats().sequence], [before, 0]);
});

Deno.test("A batch larger than a group, and one larger than a memtable, is written whole (invariant 2)", async () => {
  for (const form of ["commit", "commitSync"] as const) {
    const disk = emptyDisk();
    {
      await using db = openOn(disk, { memtableBytes: 64 * 1024 });
      const pending = db.put("before", "0");
      const batch = db.batch();
      const value = "v".repeat(1000);
      for (let i = 0; i < 1500; i++) batch.put(String(i).padStart(5, "0"), value);
      assert(batch.byteLength > GROUP_BYTES_MAX);
      const done = batch[form]();
      assertEquals(db.stats().sequence, 1501); // written, and after what was pending
      await Promise.all([pending, done]);
    }
    await using db = openOn(disk);
    assertEquals([...db.keysSync()].length, 1501);
  }
});

Deno.test("byteLength is what the log gets", async () => {
  const disk = emptyDisk();
  await using db = openOn(disk, { sync: false });
  const batch = db.batch().put("key", "value").delete("k");
  // 12 bytes of header; kind, length and bytes of each key and value.
  assertEquals(batch.byteLength, 12 + (1 + 1 + 3 + 1 + 5) + (1 + 1 + 1));
  const before = db.stats().log.bytesWritten;
  await batch.commit();
  assertEquals(db.stats().log.bytesWritten - before, 7 + batch.byteLength);
});

Deno.test("A write syncs as it says, and as the database does where it does not say", async () => {
  for (const [fallback, option] of [[true, false], [false, true]] as const) {
    const disk = emptyDisk();
    await using db = openOn(disk, { sync: fallback });
    const writes: ((options?: { sync: boolean }) => Promise<void> | void)[] = [
      (options) => db.putSync("a", "1", options),
      (options) => db.put("b", "1", options),
      (options) => db.deleteSync("a", options),
      (options) => db.delete("b", options),
      (options) => db.batch().put("c", "1").commitSync(options),
      (options) => db.batch().put("d", "1").commit(options),
    ];
    for (const write of writes) {
      for (
        const [options, isSynced] of [[undefined, fallback], [{ sync: option }, option]] as const
      ) {
        const [, before] = logWork(disk);
        await write(options);
        assertEquals(logWork(disk)[1] - before, isSynced ? 1 : 0, `${write} ${option}`);
      }
    }
  }
});

Deno.test("Writes of one turn share a record, in the order of their calls", async () => {
  const disk = emptyDisk();
  await using db = openOn(disk);
  const [before] = logWork(disk);
  const writes = Array.from({ length: 100 }, (_, i) => db.put("same", String(i)));
  writes.push(db.batch().put("other", "x").commit());
  assertEquals(db.getSync("same"), undefined); // not in the log yet
  await Promise.all(writes);
  assertEquals([logWork(disk)[0] - before, db.getSync("same")], [1, "99"]);
  const late = db.put("same", "awaited");
  db.putSync("same", "sync"); // takes what is pending along, before it
  assertEquals(db.getSync("same"), "sync");
  await late;
  assertEquals(db.getSync("same"), "sync");
});

Deno.test("The value and the key are read at the call, not when they are written", async () => {
  await using db = openDatabase("db", { key: bytes, value: bytes }, new MemoryFileSystem());
  for (const size of [10, 100_000]) { // one in the shared buffer, one over it
    const key = new Uint8Array(10).fill(1);
    const value = new Uint8Array(size).fill(1);
    const write = db.put(key, value);
    const batch = db.batch().put(Uint8Array.of(2), value);
    key.fill(9);
    value.fill(9);
    await write;
    await batch.commit();
    const expected = new Uint8Array(size).fill(1);
    assertEquals(db.getSync(new Uint8Array(10).fill(1)), expected);
    assertEquals(db.getSync(Uint8Array.of(2)), expected);
  }
});

Deno.test("Bytes are taken from where they are, at the call, in every form", async () => {
  type Bytes = Uint8Array;
  const options: OpenOptions<Bytes, Bytes> = { key: bytes, value: bytes };
  await using db = openDatabase<Bytes, Bytes>("db", options, emptyDisk());
  const part = db.sublevel<Bytes, Bytes>("part", { key: bytes, value: bytes });
  const memory = new Uint8Array(300);
  /** A key and a value in the middle of memory that is used for others as soon as the call returns. */
  function entry(name: string, length: number): [Bytes, Bytes] {
    memory.fill(0x2e);
    const { written } = new TextEncoder().encodeInto(name, memory.subarray(7));
    memory.fill(name.length, 100, 100 + length);
    return [memory.subarray(7, 7 + written), memory.subarray(100, 100 + length)];
  }
  const writes: Promise<void>[] = [];
  for (const [place, store] of Object.entries({ db, part })) {
    for (const length of [0, 1, 24, 25, 150]) {
      const name = (form: string) => `${place} ${form} ${length}`;
      store.putSync(...entry(name("putSync"), length));
      writes.push(store.put(...entry(name("put"), length)));
      const batch = store.batch();
      batch.put(...entry(name("batch"), length));
      batch.put(...entry(name("gone"), length));
      batch.delete(entry(name("gone"), 0)[0]);
      batch.commitSync();
      for (const [form, remove] of Object.entries({ deleteSync: true, delete: false })) {
        store.putSync(...entry(name(form), length));
        const [key] = entry(name(form), 0);
        if (remove) store.deleteSync(key);
        else writes.push(store.delete(key));
      }
    }
  }
  memory.fill(0xff);
  await Promise.all(writes);
  for (const [place, store] of Object.entries({ db, part })) {
    for (const length of [0, 1, 24, 25, 150]) {
      for (const form of ["putSync", "put", "batch", "gone", "deleteSync", "delete"]) {
        const name = `${place} ${form} ${length}`;
        const expected = ["putSync", "put", "batch"].includes(form)
          ? new Uint8Array(length).fill(name.length)
          : undefined;
        assertEquals(store.getSync(new TextEncoder().encode(name)), expected, name);
      }
    }
  }
});

Deno.test("Bytes that are none, or too many, are refused in every form", async () => {
  type Bytes = Uint8Array;
  const options: OpenOptions<Bytes, Bytes> = { key: bytes, value: bytes };
  await using db = openDatabase<Bytes, Bytes>("db", options, emptyDisk());
  const good = new Uint8Array(KEY_BYTES_MAX);
  const long = new Uint8Array(KEY_BYTES_MAX + 1);
  const large = new Uint8Array(VALUE_BYTES_MAX + 1); // never touched, so it takes no memory
  db.putSync(good, long); // a value may be as long
  const forms: Record<string, (key: Wrong, value: Wrong) => void> = {
    putSync: (key, value) => db.putSync(key, value),
    batch: (key, value) => void db.batch().put(key, value),
    deleteSync: (key) => db.deleteSync(key),
    "batch delete": (key) => void db.batch().delete(key),
  };
  for (const [form, call] of Object.entries(forms)) {
    assertThrows(() => call("key", good), TypeError, "expected a Uint8Array, got string", form);
    const error = assertThrows(() => call(long, good), VarveError, "65537 bytes", form);
    assertEquals(error.code, "TOO_LARGE");
    if (form.includes("delete")) continue;
    assertThrows(() => call(good, [1]), TypeError, "expected a Uint8Array, got Array", form);
    assertThrows(() => call(good, large), VarveError, "over the limit", form);
  }
  await assertRejects(() => db.put(long, good), VarveError, "65537 bytes");
  await assertRejects(() => db.delete(long), VarveError, "65537 bytes");
  await assertRejects(() => db.put(good, large), VarveError, "over the limit");
  assertEquals(db.stats().sequence, 1);
});

Deno.test("Sublevels do not see each other, whatever their names", async () => {
  await using db = openOn(emptyDisk());
  const names = ["a", "aa", "b", "~", "#", "a#"];
  const stores: [string, Store<string, string>][] = names.map((name) => [name, db.sublevel(name)]);
  for (const [name, store] of stores) {
    for (const key of ["", "a", "!a!x", "\u{10ffff}"]) store.putSync(key, name);
  }
  for (const [name, store] of stores) {
    assertEquals([...store.valuesSync()], Array(4).fill(name));
    assertEquals([...store.keysSync({ reverse: true })], ["\u{10ffff}", "a", "!a!x", ""]);
    assertEquals([...store.keysSync({ gte: "!", lt: "b" })], ["!a!x", "a"]);
  }
  assertEquals([...db.keysSync()].length, 24);
  for (const name of ["", "a!b", "!", '"', " ", "ä", "a\n", null, 5, {}] as Wrong[]) {
    assertThrows(() => db.sublevel(name), Error, "Cannot open sublevel: name must be");
  }
});

Deno.test("A sublevel needs the order of bytes, and codecs as the database does", async () => {
  await using db = openOn(emptyDisk());
  assertThrows(() => db.sublevel("s", { key: json() as Wrong }), TypeError, "must keep order");
  assertThrows(() => db.sublevel("s", { value: {} as Codec<Wrong> }), TypeError, "value codec");
  const backwards: Comparator = { name: "test.Backwards", compare: (a, b) => b[0]! - a[0]! };
  await using other = openOn(emptyDisk(), { comparator: backwards, key: utf8 });
  assertThrows(() => other.sublevel("s"), TypeError, "needs the bytewise comparator");
});

Deno.test("flush, compact, resume and stats fail with CLOSED, and close gives the same promise", async () => {
  const db = openOn(emptyDisk());
  const batch = db.batch().put("a", "1");
  const closing = db.close();
  assert(db.close() === closing);
  const acts: (() => unknown)[] = [
    () => db.flush(),
    () => db.compact(),
    () => db.resume(),
    () => db.stats(),
    () => db.batch(),
    () => db.snapshot(),
    () => batch.commit(),
    () => batch.commitSync(),
    () => db.put("a", "1"),
    () => db.deleteSync("a"),
  ];
  for (const act of acts) {
    // deno-lint-ignore require-await -- what throws at once rejects, too
    const error = await assertRejects(async () => act(), VarveError, undefined, `${act}`);
    assertEquals(error.code, "CLOSED", `${act}`);
  }
  await closing;
});

Deno.test("A codec of keys that writes to the store leaves the value that goes with the key", async () => {
  await using db = openOn(emptyDisk());
  const numbers = db.sublevel("numbers");
  let last = 0;
  const key: KeyCodec<string> = {
    ordered: true,
    encode(name) {
      let number = numbers.getSync(name);
      if (number === undefined) numbers.putSync(name, number = String(++last));
      return utf8.encode(number);
    },
    decode: utf8.decode,
  };
  const data = db.sublevel("data", { key });
  data.putSync("plum", "blue");
  await data.put("kiwi", "green");
  await data.batch().put("pear", "yellow").commit();
  assertEquals([...data.entriesSync()], [["1", "blue"], ["2", "green"], ["3", "yellow"]]);
});

Deno.test("A batch that a codec commits meanwhile takes nothing more (invariant 2)", async () => {
  await using db = openOn<unknown>(emptyDisk(), { value: json() });
  const batch = db.batch().put("a", 1);
  const value = { toJSON: () => (batch.commitSync(), "late") };
  assertThrows(() => batch.put("b", value), VarveError, "committed already");
  await db.batch().put("c", 3).commit();
  assertEquals([...db.entriesSync()], [["a", 1], ["c", 3]]);
});

Deno.test("What a logger writes comes after what is being written, or is refused: nothing is lost", async () => {
  const disk = emptyDisk();
  const awaited: Promise<void>[] = [];
  let db: Database<string, string> | undefined;
  let refusals = 0;
  const logger = {
    log(_level: string, _source: string, message: string) {
      if (db === undefined) return;
      awaited.push(db.put(`log ${String(awaited.length).padStart(4, "0")}`, message));
      try {
        db.putSync("log", message);
      } catch {
        refusals++;
      }
    },
  };
  db = openOn(disk, { memtableBytes: 64 * 1024, sync: false, logger });
  const value = (i: number) => String(i).repeat(300);
  for (let i = 0; i < 300; i++) {
    if (i % 3 === 0) db.putSync(`key ${i}`, value(i));
    else await db.put(`key ${i}`, value(i));
  }
  await db.flush();
  await Promise.all(awaited);
  assert(refusals > 0, "a log was started in the middle of a write");
  const open = db;
  for (const logged of [open, undefined]) {
    const store = logged ?? openOn(disk);
    for (let i = 0; i < 300; i++) assertEquals(store.getSync(`key ${i}`), value(i));
    assertEquals([...store.keysSync({ prefix: "log 0" })].length, awaited.length);
    db = undefined;
    await store.close();
  }
});

Deno.test("A logger that reads while a full group is written changes no key of it", async () => {
  let db: Database<string, string> | undefined;
  let messages = 0;
  const logger = {
    log() {
      if (db === undefined) return;
      messages++;
      db.getSync("z".repeat(300));
      db.put("logged", String(messages));
    },
  };
  db = openOn(emptyDisk(), { logger, memtableBytes: 1 << 16, sync: false });
  const writes: Promise<void>[] = [];
  const expected: string[] = [];
  for (let i = 0; i < 1500; i++) {
    const key = `k${String(i).padStart(6, "0")}`;
    writes.push(i % 3 === 0 ? db.delete(key) : db.put(key, "v".repeat(3000)));
    if (i % 3 !== 0) expected.push(key);
  }
  await Promise.all(writes);
  assert(messages > 0);
  expected.push("logged");
  assertEquals([...db.keysSync()], expected);
  const open = db;
  db = undefined;
  await open.close();
});

Deno.test("A codec of keys that uses the store while it encodes into a buffer leaves its key whole", async () => {
  await using db = openOn(emptyDisk());
  let bytesRead = 100;
  const busy: KeyCodec<string> = {
    ...utf8,
    encodeInto(key, target, offset) {
      const half = utf8.encodeInto!(key.slice(0, 2), target, offset);
      db.hasSync("x".repeat(bytesRead *= 2)); // in the end larger than any memory that was there for keys
      return utf8.encodeInto!(key.slice(2), target, half);
    },
  };
  const store = db.sublevel("s", { key: busy });
  const keys = ["ant", "bee", "cow", "dog"];
  for (const key of keys) await store.put(key, key);
  assertEquals([...db.keysSync()], keys.map((key) => `!s!${key}`));
  for (const key of keys) assertEquals(store.getSync(key), key);
});

Deno.test("A codec of keys that closes the database ends the read that it encodes for", async () => {
  for (const read of ["getSync", "hasSync", "entriesSync", "cursorSync"] as const) {
    const db = openOn(emptyDisk());
    let closed: Promise<void> | undefined;
    const last: KeyCodec<string> = {
      ordered: true,
      decode: utf8.decode,
      encode(key) {
        closed = db.close();
        return utf8.encode(key);
      },
    };
    const store = db.sublevel("s", { key: last });
    const run = read === "getSync" || read === "hasSync"
      ? () => store[read]("k")
      : () => store[read]({ gte: "k" });
    const error = assertThrows(run, VarveError, undefined, read);
    assertEquals(error.code, "CLOSED", read);
    await closed;
  }
});

Deno.test("A result whose buffer is transferred takes no scan's bounds along", async () => {
  const raw: Codec<Uint8Array> = {
    ordered: false,
    encode: (value) => value,
    decode: (value) => value,
  };
  await using db = openOn<Uint8Array>(emptyDisk(), { value: raw });
  for (const key of "abcdefgh") await db.put(key, Uint8Array.of(1));
  const seen: string[] = [];
  for (const [key, value] of db.entriesSync({ gte: "b", lt: "g" })) {
    seen.push(key);
    structuredClone(value, { transfer: [value.buffer as ArrayBuffer] });
  }
  assertEquals(seen.join(""), "bcdef");
});
