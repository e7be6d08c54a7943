/**
 * **What.** The eighteen ways in which an earlier engine of this shape lost, hid or repeated data, each as a test of
 * the whole store that names it. B17's second half, a shell that ends with its input, is in `lib/shell_test.ts`.
 *
 * **Read next.** `bad_input_test.ts`
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { TextLineStream } from "@std/streams";
import { openDatabase } from "../lib/database.ts";
import { LogReader } from "../lib/log.ts";
import { BatchReader } from "../lib/write_batch.ts";
import {
  bytes,
  CorruptionError,
  type Database,
  MemoryFileSystem,
  open,
  type OpenOptions,
  VarveError,
} from "../mod.ts";
import { copyOf } from "./fixtures/disk_copies.ts";
import { FailingFileSystem } from "./fixtures/failing_file_system.ts";
import { ManualTurns } from "./fixtures/manual_turns.ts";
import { inProcesses, onDisk } from "./permissions.ts";
import { generator } from "../lib/random.ts";

type Texts = Database<string, string>;

/** Small enough that a few hundred entries make many blocks, tables and levels. */
const TINY = {
  memtableBytes: 64 * 1024,
  blockBytes: 256,
  tableBytes: 4096,
  baseLevelBytes: 16_384,
};

const keyOf = (i: number) => `key ${String(i).padStart(6, "0")}`;

function newDisk(): MemoryFileSystem {
  return new MemoryFileSystem();
}

function filesOf(disk: MemoryFileSystem, ending: string): string[] {
  return disk.list("db").filter((name) => name.endsWith(ending)).map((name) => `db/${name}`);
}

function tableCount(db: Texts): number {
  return db.stats().levels.reduce((sum, level) => sum + level.tables, 0);
}

/** A database whose background work waits for `turns`. */
function openWith(turns: ManualTurns, disk: MemoryFileSystem, options: OpenOptions = {}): Texts {
  return openDatabase("db", { ...TINY, ...options, fileSystem: disk }, disk, turns);
}

// ——— B1 ———

for (const [filterBits, restartInterval] of [[10, 16], [0, 1]] as const) {
  const name =
    `B1: every key of a table with many blocks is found, by get and by seek (${filterBits})`;
  Deno.test(name, async () => {
    const disk = newDisk();
    const options = { fileSystem: disk, blockBytes: 128, filterBits, restartInterval };
    let db = await open("db", options);
    const count = 3000;
    for (let i = 0; i < count; i++) db.putSync(keyOf(i * 2), `value ${i}`);
    await db.flush();
    await db.close();
    db = await open("db", options);
    assertEquals(tableCount(db), 1);
    for (let i = 0; i < count; i++) {
      const key = keyOf(i * 2);
      const entry: [string, string] = [key, `value ${i}`];
      assertEquals(db.getSync(key), entry[1]);
      assertEquals(db.entriesSync({ gte: key }).next().value, entry);
      assertEquals(db.entriesSync({ lte: key, reverse: true }).next().value, entry);
      // From the gaps on both sides.
      const gap = keyOf(i * 2 - 1);
      assertEquals(db.getSync(gap), undefined);
      assertEquals(db.keysSync({ gte: gap }).next().value, i === 0 ? keyOf(0) : key);
      assertEquals(db.keysSync({ lt: keyOf(i * 2 + 1), reverse: true }).next().value, key);
    }
    assertEquals([...db.keysSync()].length, count);
    await db.close();
  });
}

// ——— B2 ———

/** What the program `put_until_killed.ts` has written after so many operations. */
function writtenAfter(count: number): [string, string][] {
  const state = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    if (i % 7 === 0) state.delete(String(i % 300));
    else state.set(String(i % 300), `${i} `.repeat(40));
  }
  return [...state].sort(([a], [b]) => a < b ? -1 : 1);
}

Deno.test("B2: killed at any moment, every acknowledged write is there", inProcesses, async () => {
  const directory = await Deno.makeTempDir();
  const script = new URL("fixtures/put_until_killed.ts", import.meta.url).href;
  const seed = 2;
  const random = generator(seed);
  try {
    for (let round = 0; round < 10; round++) {
      await using child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "--quiet",
          "--allow-read",
          `--allow-write=${directory}`,
          script,
          directory,
        ],
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
        new TextLineStream(),
      );
      let acknowledged = -1;
      let left = random(120);
      for await (const line of lines) {
        acknowledged = Number(line);
        // What it has said by now is still read after its death.
        if (left-- === 0) child.kill("SIGKILL");
      }
      await child.status;
      assertGreaterOrEqual(acknowledged, 0);

      const before = [...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith(".log"));
      await using db = await open(directory, { ...TINY });
      const { sequence } = db.stats();
      const about =
        `round ${round} of seed ${seed}: acknowledged ${acknowledged}, found ${sequence}`;
      assertGreaterOrEqual(sequence, acknowledged, about);
      assertEquals([...db.entriesSync()], writtenAfter(sequence), about);
      const after = [...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith(".log"));
      assertEquals(after.length, 1);
      assert(!before.some(({ name }) => name === after[0]!.name), "a replayed log is still there");
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

// ——— B3 to B9: what is flushed is what was written ———

Deno.test("B3: a flushed key is readable at once, by every reader", async () => {
  const disk = newDisk();
  await using db = await open("db", { ...TINY, fileSystem: disk });
  const sublevel = db.sublevel("s");
  for (let round = 0; round < 10; round++) {
    const key = keyOf(round);
    db.putSync(key, `${round}`);
    sublevel.putSync("key", `${round}`);
    using snapshot = db.snapshot();
    const opened = db.valuesSync({ gte: key });
    const flushed = db.flush();
    assertEquals(db.getSync(key), `${round}`, "while it is flushed");
    await flushed;
    assertEquals(db.stats().memtable.entries, 0);
    assertEquals(db.getSync(key), `${round}`);
    assertEquals(await db.get(key), `${round}`);
    assertEquals([db.hasSync(key), await db.has(key)], [true, true]);
    assertEquals(await db.getMany([key, "none"]), [`${round}`, undefined]);
    assertEquals([...db.valuesSync({ prefix: "key" })].length, round + 1);
    assertEquals([...db.keysSync({ reverse: true, limit: 1 })], [key]);
    assertEquals(await Array.fromAsync(db.values({ gte: key })), [`${round}`]);
    assertEquals([...opened], [`${round}`], "opened before the flush");
    assertEquals(snapshot.getSync(key), `${round}`);
    assertEquals(sublevel.getSync("key"), `${round}`);
  }
});

Deno.test("B3: what is flushed in the middle of a compaction is readable, during and after", async () => {
  const disk = newDisk();
  const turns = new ManualTurns();
  const large = { memtableBytes: 4 << 20, tableBytes: 64 << 20, baseLevelBytes: 64 << 20 };
  const db = openWith(turns, disk, { ...large, compression: "none" });
  const value = "v".repeat(200_000);
  const expected: string[] = [];
  const flushed = async (...keys: string[]) => {
    for (const key of keys) db.putSync(key, value);
    expected.push(...keys.filter((key) => !expected.includes(key)));
    await turns.settle(db.flush());
  };
  // Two tables on level 2, and two above them that reach further into the gap between.
  for (const keys of [["a", "b"], ["y", "z"], ["a", "c"], ["x", "z"]]) await flushed(...keys);
  const tablesOf = () => db.stats().levels.slice(0, 3).map(({ tables }) => tables);
  assertEquals(tablesOf(), [0, 2, 2]);
  const compacted = db.compact();
  while (!db.stats().background.isBusy) {
    await undefined;
    turns.turn();
  }
  // The table that the compaction is writing will span the gap that this one falls into.
  await flushed("m", "n");
  assertEquals([db.stats().background.isBusy, tablesOf()], [true, [1, 2, 2]]);
  const check = (db: Texts) => {
    assertEquals([...db.keysSync()], expected.toSorted());
    assertEquals([...db.keysSync({ reverse: true })], expected.toSorted().reverse());
    for (const key of expected) assert(db.getSync(key) === value, key);
  };
  check(db);
  await turns.settle(compacted);
  check(db);
  await turns.settle(db.compact());
  check(db);
  await db.close();
  await using reopened = await open("db", { fileSystem: disk });
  check(reopened);
});

Deno.test("B4: ten thousand rotations, and memory and files stay bounded", async () => {
  const disk = newDisk();
  const turns = new ManualTurns();
  const options = { maxImmutableMemtables: 2, maxOpenTables: 20, poolBytes: 16_384, filterBits: 0 };
  const db = openWith(turns, disk, options);
  const rotations = 10_000;
  for (let i = 0; i < rotations; i++) {
    db.putSync(`key ${i % 10}`, `${i}`);
    await turns.settle(db.flush());
    if (i % 100 !== 99) continue;
    const { memtable, pool, tables, log, background, levels } = db.stats();
    assertEquals(background.flushes, i + 1);
    assertEquals([memtable.entries, memtable.immutables, log.segments], [0, 0, 1]);
    assertEquals(memtable.capacityBytes, TINY.memtableBytes);
    assertLessOrEqual(pool.usedBytes, pool.capacityBytes);
    assertLessOrEqual(tables.openTables, options.maxOpenTables);
    assertLessOrEqual(levels[0]!.tables, 12);
    assertLessOrEqual(disk.list("db").length, 40);
  }
  for (let i = 0; i < 10; i++) assertEquals(db.getSync(`key ${i}`), `${rotations - 10 + i}`);
  await turns.settle(db.close());
});

Deno.test("B4: a writer who never pauses is held to the limits, and never refused", async () => {
  const disk = newDisk();
  // No turn of the event loop ever comes: all the work is done inside the writes.
  const db = openWith(new ManualTurns(), disk, { maxImmutableMemtables: 2, sync: false });
  const value = "v".repeat(500);
  let mostImmutables = 0;
  let mostTables = 0;
  for (let i = 0; i < 20_000; i++) {
    db.putSync(keyOf(i % 2000), `${i} ${value}`);
    if (i % 50 !== 0) continue;
    const { memtable, levels } = db.stats();
    mostImmutables = Math.max(mostImmutables, memtable.immutables);
    mostTables = Math.max(mostTables, levels[0]!.tables);
  }
  assertLessOrEqual(mostImmutables, 2);
  // A third of what is flushed: where the limit is, is a matter of speed.
  assertLessOrEqual(mostTables, 50);
  assert(db.stats().background.flushes > 100);
  for (let i = 18_000; i < 20_000; i++) assertEquals(db.getSync(keyOf(i % 2000)), `${i} ${value}`);
  await db.close();
});

Deno.test("B5: flush twice, nothing twice, nothing lost", async () => {
  const disk = newDisk();
  await using db = await open("db", { ...TINY, fileSystem: disk });
  for (let i = 0; i < 100; i++) db.putSync(keyOf(i), `${i}`);
  await Promise.all([db.flush(), db.flush()]);
  await db.flush();
  await db.flush();
  assertEquals(db.stats().background.flushes, 1);
  assertEquals([tableCount(db), filesOf(disk, ".ldb").length], [1, 1]);
  assertEquals([...db.valuesSync()], Array.from({ length: 100 }, (_, i) => `${i}`));
  // Writes between two flushes belong to the second one.
  const first = db.flush();
  db.putSync("late", "x");
  await Promise.all([first, db.flush()]);
  assertEquals(db.stats().memtable.entries, 0);
  assertEquals([...db.keysSync()].length, 101);
});

Deno.test("B6: the configured memtable size holds for every memtable", async () => {
  const disk = newDisk();
  const memtableBytes = 100_000;
  for (let round = 0; round < 2; round++) {
    await using db = await open("db", { fileSystem: disk, memtableBytes, compression: "none" });
    const sizes = new Set<number>();
    const before = new Set(disk.list("db"));
    for (let i = 0; i < 5000; i++) {
      db.putSync(keyOf(i), "v".repeat(100));
      sizes.add(db.stats().memtable.capacityBytes);
      // One that is larger gets a memtable of its own size, and the next one is as configured again.
      if (i === 2500) {
        db.putSync("large", "v".repeat(300_000));
        assertGreaterOrEqual(db.stats().memtable.capacityBytes, 300_000);
      }
    }
    assertEquals([...sizes].filter((size) => size < 300_000), [memtableBytes]);
    assertLessOrEqual(sizes.size, 2);
    const { flushes } = db.stats().background;
    assert(flushes >= 5 && flushes <= 10, `${flushes} flushes`);
    assert(disk.list("db").some((name) => !before.has(name)));
  }
});

Deno.test("B7: delete, flush, reopen, compact: still deleted", async () => {
  const disk = newDisk();
  const options = { ...TINY, fileSystem: disk };
  let db = await open("db", options);
  const check = async (about: string) => {
    for (let i = 0; i < 300; i++) {
      assertEquals(db.getSync(keyOf(i)), i % 3 === 0 ? undefined : `${i}`, `${about}: ${i}`);
    }
    assertEquals([...db.keysSync()].length, 200, about);
    assertEquals((await Array.fromAsync(db.keys({ reverse: true }))).length, 200, about);
  };
  for (let i = 0; i < 300; i++) db.putSync(keyOf(i), `${i}`);
  await db.flush();
  await db.compact();
  for (let i = 0; i < 300; i += 3) db.deleteSync(keyOf(i));
  await check("deleted");
  await db.flush();
  await check("flushed");
  await db.close();
  db = await open("db", options);
  await check("reopened");
  await db.compact();
  await check("compacted");
  await db.compact();
  await db.close();
  db = await open("db", options);
  await check("compacted and reopened");
  // And the space is given back.
  for (let i = 0; i < 300; i++) db.deleteSync(keyOf(i));
  await db.compact();
  assertEquals([tableCount(db), filesOf(disk, ".ldb").length], [0, 0]);
  await db.close();
});

Deno.test("B8: a tombstone ends the search, wherever the older value is", async () => {
  const places = ["active memtable", "frozen memtable", "level 0", "a deeper level"] as const;
  for (const place of places) {
    const turns = new ManualTurns();
    const db = openWith(turns, newDisk(), { maxImmutableMemtables: 8 });
    db.putSync("key", "old");
    db.putSync("other", "kept");
    if (place === "frozen memtable") {
      // Not flushed, since no turn comes.
      while (db.stats().memtable.immutables === 0) db.putSync("filler", "f".repeat(3000));
    } else if (place !== "active memtable") {
      await turns.settle(db.flush());
      if (place === "a deeper level") await turns.settle(db.compact());
    }
    using before = db.snapshot();
    const writes = db.stats().writes.entries;
    db.deleteSync("key");
    assertEquals(db.stats().writes.entries, writes + 1, `${place}: nothing was written`);
    for (const step of ["deleted", "flushed", "compacted"]) {
      if (step === "flushed") await turns.settle(db.flush());
      if (step === "compacted") await turns.settle(db.compact());
      const about = `${place}, ${step}`;
      assertEquals([db.getSync("key"), db.hasSync("key")], [undefined, false], about);
      assertEquals([...db.keysSync({ prefix: "k" })], [], about);
      assertEquals([...db.keysSync({ lte: "key", gte: "key", reverse: true })], [], about);
      assertEquals(db.getSync("other"), "kept", about);
      assertEquals(before.getSync("key"), "old", about);
    }
    await turns.settle(db.close());
  }
});

Deno.test("B9: an empty value is a value, everywhere; so is an empty key", async () => {
  const disk = newDisk();
  const options = { ...TINY, fileSystem: disk };
  let db = await open("db", options);
  db.putSync("", "");
  await db.put("a", "");
  await db.batch().put("b", "").put("c", "not empty").commit();
  db.putSync("c", "");
  const check = async (about: string) => {
    const expected: [string, string][] = [["", ""], ["a", ""], ["b", ""], ["c", ""]];
    assertEquals([...db.entriesSync()], expected, about);
    assertEquals([...db.entriesSync({ reverse: true })], expected.toReversed(), about);
    assertEquals(await db.getMany(["", "a", "b", "c", "d"]), ["", "", "", "", undefined], about);
    assertEquals([db.hasSync(""), db.hasSync("a"), db.hasSync("d")], [true, true, false], about);
  };
  await check("memtable");
  await db.flush();
  await check("table");
  await db.compact();
  await check("compacted");
  await db.close();
  db = await open("db", options);
  await check("reopened");
  db.putSync("a", "");
  await db.close();
  db = await open("db", options);
  await check("replayed");
  await db.close();

  const raw = await open("raw", { fileSystem: disk, key: bytes, value: bytes });
  raw.putSync(new Uint8Array(0), new Uint8Array(0));
  await raw.flush();
  assertEquals(raw.getSync(new Uint8Array(0)), new Uint8Array(0));
  await raw.close();
});

// ——— B10 to B12: files and addresses ———

Deno.test("B10: file numbers never repeat, across any number of reopens and crashes", async () => {
  const inner = newDisk();
  const created: string[] = [];
  const seed = 10;
  const random = generator(seed);
  for (let round = 0; round < 60; round++) {
    const disk = new FailingFileSystem(inner);
    const crashAt = round % 2 === 0 ? Infinity : 10 + random(60);
    disk.fails = ({ index }) => index >= crashAt;
    try {
      const db = await open("db", { ...TINY, fileSystem: disk });
      try {
        for (let i = 0; i < 4; i++) {
          await db.put("key", `${round} ${i}`);
          await db.flush();
        }
        if (round % 5 === 0) await db.compact();
      } finally {
        await db.close();
      }
    } catch (error) {
      assert(error instanceof VarveError, String(error));
    }
    for (const { kind, name, index } of disk.changes) {
      if (kind === "create" && index < crashAt && /\d/.test(name)) created.push(name);
    }
  }
  const kept = created.filter((name) => !name.endsWith(".dbtmp"));
  const numbers = kept.map((name) => parseInt(name.replace("MANIFEST-", ""), 10));
  assert(numbers.length > 300);
  assertEquals(new Set(numbers).size, numbers.length, `a number was used again: ${kept.join(" ")}`);
});

Deno.test("B11: close, reopen: all there, even without a flush", async () => {
  const disk = newDisk();
  for (let round = 0; round < 3; round++) {
    const db = await open("db", { fileSystem: disk });
    db.putSync(`sync ${round}`, "v");
    db.putSync(`unsynced ${round}`, "v", { sync: false });
    // Asked for and not awaited: closing finishes it.
    const promises = [
      db.put(`async ${round}`, "v"),
      db.put(`loose ${round}`, "v", { sync: false }),
    ];
    await db.close();
    await Promise.all(promises);
    await using reopened = await open("db", { fileSystem: disk });
    assertEquals([...reopened.keysSync()].length, 4 * (round + 1));
  }
});

Deno.test("B12: index, filter and data blocks never share an address", async () => {
  for (const poolPolicy of ["sieve", "lru"] as const) {
    const disk = newDisk();
    const large = { ...TINY, fileSystem: disk, poolPolicy, poolBytes: 64 * 1024 * 1024 };
    let db = await open("db", large);
    const values = new Map<string, string>();
    const random = generator(12);
    for (let i = 0; i < 2000; i++) {
      const [key, value] = [keyOf(random(100_000)), `${i} `.repeat(random(20))];
      values.set(key, value);
      db.putSync(key, value);
    }
    await db.compact();
    await db.close();
    const readAll = () => {
      for (const [key, value] of values) {
        assertEquals(db.getSync(key), value);
        assertEquals(db.getSync(`${key} not there`), undefined);
      }
      assertEquals([...db.keysSync()].length, values.size);
    };
    db = await open("db", large);
    assert(tableCount(db) > 10);
    readAll();
    // Every block of every kind was loaded once, under an address of its own, and is found there again.
    const first = db.stats().pool;
    assertEquals([first.evictions, first.misses], [0, first.frames]);
    assert(first.frames > 2 * tableCount(db) + 100, `${first.frames} blocks`);
    readAll();
    assertEquals(db.stats().pool.misses, first.misses);
    await db.close();
    // And when they come and go all the time.
    for (const poolBytes of [0, 1000, 20_000]) {
      db = await open("db", { ...large, poolBytes });
      readAll();
      assertLessOrEqual(db.stats().pool.usedBytes, poolBytes);
      await db.close();
    }
  }
});

// ——— B13 to B15: limits and damage ———

Deno.test("B13: values of every size work, and grow their block", async () => {
  const disk = newDisk();
  const options = { fileSystem: disk, key: bytes, value: bytes, memtableBytes: 1024 * 1024 };
  const sizes = [
    0,
    1,
    4000,
    4087,
    4088,
    4089,
    4096,
    32_761,
    32_768,
    65_536,
    1 << 20,
    (5 << 20) + 3,
    17 << 20,
  ];
  const valueOf = (size: number) => {
    const value = new Uint8Array(size).fill(size & 0xff);
    if (size > 0) value[size - 1] = 1;
    return value;
  };
  const key = (size: number) => new TextEncoder().encode(`${size}`);
  let db = await open("db", options);
  for (const size of sizes) db.putSync(key(size), valueOf(size));
  const longKey = new Uint8Array(64 * 1024).fill(7);
  db.putSync(longKey, valueOf(10));
  const check = (about: string) => {
    for (const size of sizes) {
      const value = db.getSync(key(size));
      assertEquals(value?.length, size, about);
      // Not by assertEquals, which takes seconds for millions of bytes.
      const expected = valueOf(size);
      assert(value?.every((byte, i) => byte === expected[i]), `${about}: value of ${size} bytes`);
    }
    assertEquals(db.getSync(longKey), valueOf(10), about);
  };
  check("memtable");
  await db.close();
  db = await open("db", options);
  check("replayed");
  await db.compact();
  check("compacted");
  await db.close();
});

Deno.test("B13: over the limit is a clear error before anything is written", async () => {
  const disk = newDisk();
  const db = await open("db", { fileSystem: disk, key: bytes, value: bytes });
  const small = Uint8Array.of(1);
  db.putSync(small, small);
  const sizes = () => disk.list("db").map((name) => [name, disk.size(`db/${name}`)]);
  const before = sizes();
  const longKey = new Uint8Array(64 * 1024 + 1);
  // Zeros that nobody touches take no memory.
  const longValue = new Uint8Array(2 ** 30 + 1);
  const batch = db.batch().put(small, Uint8Array.of(2));
  const length = batch.byteLength;
  const attempts: [() => unknown, string][] = [
    [() => db.putSync(longKey, small), "65537"],
    [() => db.putSync(small, longValue), "1073741825"],
    [() => db.deleteSync(longKey), "65537"],
    [() => db.getSync(longKey), "65537"],
    [() => batch.put(longKey, small), "65537"],
    [() => batch.put(small, longValue), "1073741825"],
    [() => batch.delete(longKey), "65537"],
    [
      () => db.sublevel("s", { key: bytes, value: bytes }).putSync(longKey.subarray(1), small),
      "65539",
    ],
  ];
  for (const [attempt, value] of attempts) {
    const error = assertThrows(attempt, VarveError, value);
    assertEquals(error.code, "TOO_LARGE");
  }
  const promises = [db.put(longKey, small), db.put(small, longValue), db.delete(longKey)];
  for (const promise of [...promises, db.get(longKey), db.has(longKey), db.getMany([longKey])]) {
    assertEquals((await assertRejects(() => promise, VarveError)).code, "TOO_LARGE");
  }
  assertEquals(batch.byteLength, length, "the batch has changed");
  assertEquals(sizes(), before, "something was written");
  batch.commitSync();
  assertEquals(db.getSync(small), Uint8Array.of(2));
  await db.close();
});

Deno.test("B14: a pool of 8 blocks serves 1 000 tables", async () => {
  const disk = newDisk();
  let db = await open("db", { ...TINY, fileSystem: disk, compression: "none", sync: false });
  const value = "v".repeat(400);
  const count = 11_000;
  for (let i = 0; i < count; i += 100) {
    const some = db.batch();
    // Not in order of the keys, or each memtable would be one large table for good.
    for (let j = i; j < i + 100; j++) some.put(keyOf(j * 7 % count), `${j * 7 % count} ${value}`);
    some.commitSync();
  }
  await db.compact();
  assertGreaterOrEqual(tableCount(db), 1000);
  for (let i = 0; i < count; i += 11) db.getSync(keyOf(i));
  const { usedBytes, frames } = db.stats().pool;
  await db.close();
  const poolBytes = Math.ceil(usedBytes / frames * 8);
  for (const poolPolicy of ["sieve", "lru"] as const) {
    db = await open("db", { ...TINY, fileSystem: disk, poolBytes, poolPolicy, maxOpenTables: 20 });
    for (let i = 0; i < count; i += 7) assert(db.getSync(keyOf(i)) === `${i} ${value}`, keyOf(i));
    let n = 0;
    for (const key of db.keysSync()) assert(key === keyOf(n++), key);
    assertEquals(n, count);
    for (const key of db.keysSync({ reverse: true })) assert(key === keyOf(--n), key);
    assertEquals(n, 0);
    // A hundred cursors at once hold a block each.
    const iterators = Array.from({ length: 100 }, (_, i) => db.keysSync({ gte: keyOf(i * 100) }));
    iterators.forEach((iterator, i) => assertEquals(iterator.next().value, keyOf(i * 100)));
    iterators.forEach((iterator) => iterator.return?.());
    const { pool, tables } = db.stats();
    assertLessOrEqual(pool.usedBytes, poolBytes);
    assertEquals([pool.pinnedBytes, pool.transientBytes], [0, 0]);
    assertLessOrEqual(tables.openTables, 20);
    await db.close();
  }
});

Deno.test("B15: a damaged CURRENT is an error naming file and offset, never an empty database", async () => {
  const disk = newDisk();
  const db = await open("db", { fileSystem: disk });
  await db.put("key", "value");
  await db.flush();
  await db.close();
  const current = disk.readAll("db/CURRENT");
  const damages: Uint8Array[] = [new Uint8Array(0), new TextEncoder().encode("garbage\n")];
  for (let i = 0; i < current.length; i++) {
    damages.push(current.subarray(0, i), current.with(i, current[i]! ^ 1));
  }
  for (const damage of damages) {
    const copy = copyOf(disk);
    copy.writeAll("db/CURRENT", damage);
    const before = copy.list("db");
    const error = await assertRejects(() => open("db", { fileSystem: copy }), CorruptionError);
    assertEquals([error.code, error.file, error.offset], ["CORRUPTION", "db/CURRENT", 0]);
    assertEquals(copy.list("db"), before, "something was removed or created");
  }
  const copy = copyOf(disk);
  copy.remove("db/CURRENT");
  const error = await assertRejects(() => open("db", { fileSystem: copy }), CorruptionError);
  assertEquals(error.file, "db/CURRENT");
});

Deno.test("B15: no damaged manifest opens as a smaller database", async () => {
  const disk = newDisk();
  const db = await open("db", { ...TINY, fileSystem: disk });
  const expected: [string, string][] = [];
  for (let i = 0; i < 4; i++) {
    await db.put(`key ${i}`, "value");
    expected.push([`key ${i}`, "value"]);
    await db.flush();
  }
  await db.put("in the log", "value");
  expected.unshift(["in the log", "value"]);
  await db.close();
  const path = `db/${disk.list("db").find((name) => name.startsWith("MANIFEST"))}`;
  const manifest = disk.readAll(path);
  const damages: [string, Uint8Array][] = [["empty", new Uint8Array(0)]];
  for (let i = 0; i < manifest.length; i++) {
    damages.push([`byte ${i} changed`, manifest.with(i, manifest[i]! ^ 0x40)]);
    damages.push([`cut at ${i}`, manifest.slice(0, i)]);
    damages.push([`zeros from ${i}`, manifest.slice().fill(0, i)]);
  }
  let refused = 0;
  for (const [what, damage] of damages) {
    const copy = copyOf(disk);
    copy.writeAll(path, damage);
    const before = copy.list("db");
    try {
      await using reopened = await open("db", { fileSystem: copy });
      assertEquals([...reopened.entriesSync()], expected, what);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      refused++;
      assert(error.file.startsWith("db/") && error.offset >= 0, what);
      assertEquals(copy.list("db"), before, `${what}: something was removed or created`);
    }
  }
  // The few that are not refused lost an edit that is made again.
  assertGreaterOrEqual(refused, damages.length * 0.9);
  const copy = copyOf(disk);
  copy.remove(path);
  const error = await assertRejects(() => open("db", { fileSystem: copy }), CorruptionError);
  assertEquals([error.file, error.offset], ["db/CURRENT", 0]);
});

// ——— B16 to B18: what is in the files ———

interface LoggedRecord {
  readonly sequence: number;
  readonly key: string;
  readonly value: string;
}

/** The batches of a log. */
function readLog(disk: MemoryFileSystem, path: string): LoggedRecord[][] {
  const file = disk.open(path);
  const reader = new LogReader(file);
  const batches: LoggedRecord[][] = [];
  const text = (start: number, end: number) =>
    new TextDecoder().decode(batch.buffer.subarray(start, end));
  const batch = new BatchReader();
  while (reader.next()) {
    batch.reset(reader.recordBuffer, reader.recordStart, reader.recordEnd);
    const records: LoggedRecord[] = [];
    while (batch.next()) {
      records.push({
        sequence: batch.sequence,
        key: text(batch.keyStart, batch.keyEnd),
        value: text(batch.valueStart, batch.valueEnd),
      });
    }
    batches.push(records);
  }
  file.close();
  return batches;
}

Deno.test("B16: a log segment holds exactly its memtable's entries", async () => {
  const inner = newDisk();
  const disk = new FailingFileSystem(inner);
  // Logs that are not needed any more are left where they are, for this test to read.
  disk.fails = ({ kind, name }) => kind === "remove" && name.endsWith(".log");
  const options = { ...TINY, fileSystem: disk, sync: false, maxImmutableMemtables: 1 };
  const db = openDatabase("db", options, disk, new ManualTurns());
  const seed = 16;
  const random = generator(seed);
  const logs = () => filesOf(inner, ".log");
  /** How many entries were in each memtable that was frozen. */
  const frozen: number[] = [];
  let active = 0;
  let sequence = 0;
  let hasBatchMovedOn = false;
  for (let i = 0; logs().length < 12; i++) {
    // A batch that does not fit into the memtable goes to the next one as a whole, and so to the next log.
    const count = random(10) === 0 ? 1 + random(30) : 1;
    const batch = db.batch();
    for (let j = 0; j < count; j++) batch.put(`key ${i} ${j}`, "v".repeat(random(2000)));
    const before = logs().length;
    batch.commitSync();
    sequence += count;
    if (logs().length > before) {
      frozen.push(active);
      active = 0;
      hasBatchMovedOn ||= count > 1;
    }
    active += count;
    assertEquals(db.stats().memtable.entries, active, `seed ${seed}, write ${i}`);
  }
  assert(hasBatchMovedOn, `seed ${seed}: no batch met the end of a memtable`);
  const contents = logs().map((path) => readLog(inner, path).flat());
  assertEquals(contents.map((records) => records.length), [...frozen, active]);
  const sequences = contents.flat().map((record) => record.sequence);
  assertEquals(sequences, Array.from({ length: sequence }, (_, i) => i + 1));

  // What is in a table needs no log.
  const { flushes } = db.stats().background;
  assert(flushes >= 9, `${flushes} flushes`);
  const copy = copyOf(inner);
  for (const path of filesOf(copy, ".log").slice(0, flushes)) copy.remove(path);
  for (const path of filesOf(copy, ".log")) copy.writeAll(path, new Uint8Array(0));
  await using reopened = await open("db", { fileSystem: copy });
  const flushed = contents.slice(0, flushes).flat();
  assertEquals([...reopened.keysSync()].length, flushed.length);
  for (const { key, value } of flushed) assert(reopened.getSync(key) === value, key);
  await db.close();
});

Deno.test("B17: a damaged table is reported, by every reader and by compaction, and not skipped", async () => {
  const disk = newDisk();
  let db = await open("db", {
    ...TINY,
    fileSystem: disk,
    tableBytes: 1 << 20,
    compression: "none",
  });
  for (let i = 0; i < 200; i++) db.putSync(keyOf(i), "v".repeat(20));
  await db.flush();
  await db.close();
  const [path] = filesOf(disk, ".ldb");
  const whole = disk.readAll(path!);
  disk.writeAll(path!, whole.with(100, whole[100]! ^ 1));
  db = await open("db", { ...TINY, fileSystem: disk });
  const expectDamage = (error: unknown) => {
    assert(error instanceof CorruptionError, String(error));
    assertEquals([error.code, error.file, error.offset], ["CORRUPTION", path, 0]);
  };
  expectDamage(assertThrows(() => db.getSync(keyOf(1))));
  expectDamage(assertThrows(() => db.hasSync(keyOf(1))));
  expectDamage(assertThrows(() => [...db.keysSync()]));
  expectDamage(assertThrows(() => [...db.keysSync({ reverse: true })]));
  expectDamage(await assertRejects(() => db.getMany([keyOf(199), keyOf(1)])));
  expectDamage(await assertRejects(() => Array.fromAsync(db.keys())));
  assertEquals(db.getSync(keyOf(199)), "v".repeat(20), "a block that is not damaged");
  assertEquals(db.stats().iterators, 0);
  // Folding it away would make the loss final.
  db.putSync(keyOf(0), "new");
  await db.flush();
  const error = await assertRejects(() => db.compact(), VarveError);
  assertEquals(error.code, "CORRUPTION");
  expectDamage(error.cause);
  assert(disk.exists(path!), "the damaged table was removed");
  await db.close();
  disk.writeAll(path!, whole);
  db = await open("db", { ...TINY, fileSystem: disk });
  await db.compact();
  assertEquals([...db.keysSync()].length, 200);
  await db.close();
});

Deno.test("B17: a missing table is reported when the database is opened", async () => {
  const disk = newDisk();
  const db = await open("db", { fileSystem: disk });
  await db.put("key", "value");
  await db.flush();
  await db.close();
  const [path] = filesOf(disk, ".ldb");
  disk.remove(path!);
  const before = disk.list("db");
  const error = await assertRejects(() => open("db", { fileSystem: disk }), CorruptionError);
  assertEquals(error.file, path);
  assertEquals(disk.list("db"), before);
});

Deno.test("B18: an entry takes its key, its value and a few bytes more on disk", async () => {
  const disk = newDisk();
  const random = generator(18);
  const db = await open("db", {
    fileSystem: disk,
    key: bytes,
    value: bytes,
    compression: "none",
    filterBits: 10,
    memtableBytes: 16 << 20,
    tableBytes: 16 << 20,
  });
  const count = 10_000;
  const [keyBytes, valueBytes] = [16, 100];
  const some = (size: number) => Uint8Array.from({ length: size }, () => random(256));
  for (let i = 0; i < count; i++) db.putSync(some(keyBytes), some(valueBytes), { sync: false });
  // 7 for the record's frame, 12 for the batch, 1 for the kind, 1 each for the lengths of key and value;
  // a record that meets the end of a block takes another frame and up to 6 bytes of padding.
  const log = filesOf(disk, ".log").reduce((sum, path) => sum + disk.size(path), 0);
  const record = 7 + 12 + 1 + 1 + keyBytes + 1 + valueBytes;
  const blocks = Math.ceil(log / 32_768);
  assertGreaterOrEqual(log, count * record);
  assertLessOrEqual(log, count * record + blocks * (7 + 6));
  assertEquals(db.stats().log.bytesWritten, log);
  await db.flush();
  // 8 for sequence and kind, 3 for the lengths, less what the key has in common with the one before it; a restart
  // point of 4 every 16 entries; 10 bits of filter; and about 34 entries a block, which share an entry of the index.
  const table = filesOf(disk, ".ldb").reduce((sum, path) => sum + disk.size(path), 0);
  const entry = keyBytes + 8 + 3 + valueBytes;
  assertGreaterOrEqual(table, count * (entry - 2));
  assertLessOrEqual(table, count * (entry + 4));
  await db.close();
});

Deno.test("B18: on a real disk too", onDisk, async () => {
  const directory = await Deno.makeTempDir();
  try {
    await using db = await open(directory, { compression: "none" });
    const batch = db.batch();
    for (let i = 0; i < 1000; i++) batch.put(keyOf(i), "v".repeat(90));
    await batch.commit();
    await db.flush();
    let size = 0;
    for await (const { name } of Deno.readDir(directory)) {
      if (name.endsWith(".ldb")) size += (await Deno.stat(`${directory}/${name}`)).size;
    }
    // The keys share all but their last digits, so an entry takes less than key, value and overhead.
    assert(size > 90_000 && size < 1000 * (10 + 90 + 12), `${size} bytes`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
