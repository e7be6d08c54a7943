/**
 * **What.** LevelDB agrees with us: it reads what we wrote, we read what it wrote, the two take turns on one directory,
 * and where both write the same they write the same bytes. LevelDB is a child process, for it is native code.
 *
 * **Invariants.**
 * 1. What is compared is compared whole: every key, every value, forward and in reverse, and by gets of keys that are
 *    there and of keys that are not.
 *
 * **Read next.** `fixtures/line_protocol.ts`
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createBufferPool } from "../lib/buffer_pool.ts";
import { denoFileSystem as disk } from "../lib/deno_file_system.ts";
import { parseFileName } from "../lib/file_names.ts";
import { InternalKeyComparator, Lookup, TRAILER_BYTES } from "../lib/internal_key.ts";
import { LogReader, LogWriter } from "../lib/log.ts";
import { loadManifest } from "../lib/manifest.ts";
import { MemoryFileSystem } from "../lib/memory_file_system.ts";
import { TableReader } from "../lib/table_reader.ts";
import { TableWriter } from "../lib/table_writer.ts";
import { decodeVersionEdit, encodeVersionEdit } from "../lib/version_edit.ts";
import { BatchReader } from "../lib/write_batch.ts";
import { bytes, bytewise, type Database, open, type OpenOptions, VarveError } from "../mod.ts";
import { type Entry, type Operation, Peer } from "./fixtures/line_protocol.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses } from "./permissions.ts";
import { generator, type Random } from "../lib/random.ts";

type Bytes = Uint8Array;
type Varve = Database<Bytes, Bytes>;
type Options = OpenOptions<Bytes, Bytes>;

const KIB = 1024;
/** Small sizes, so that a few megabytes make a tree of several levels. */
const SMALL = { memtableBytes: 64 * KIB, tableBytes: 16 * KIB, baseLevelBytes: 64 * KIB } as const;
/** The smallest that LevelDB takes. */
const SMALL_LEVELDB = { writeBufferSize: 64 * KIB, maxFileSize: 1024 * KIB } as const;

// ——— Data ———

/** How many different keys there are; some of them are never written. */
const KEYS = 1500;
const NOISE = new Uint8Array(new ArrayBuffer(1024 * KIB));
const noise = generator(1);
for (let i = 0; i < NOISE.length; i++) NOISE[i] = noise(256);

/** The keys that everything here is about: short and long, with bytes at both ends of the order, and the empty one. */
const keys: readonly string[] = Array.from({ length: KEYS }, (_, i) => {
  const random = generator(i);
  const length = i === 0
    ? 0
    : i === 1
    ? 64 * KIB
    : i < 8
    ? random(64 * KIB)
    : 1 + random(i % 16 === 0 ? 400 : 24);
  return Uint8Array.from({ length }, () => {
    const kind = random(8);
    return kind === 0 ? 0xff : kind === 1 ? 0 : kind < 6 ? 97 + random(4) : random(256);
  }).toHex();
});

function randomValue(random: Random): string {
  const kind = random(1000);
  const bytesMax = kind < 50
    ? 1
    : kind < 700
    ? 100
    : kind < 975
    ? 1000
    : kind < 997
    ? 20_000
    : NOISE.length + 1;
  const length = random(bytesMax);
  if (random(2) === 0) return new Uint8Array(length).fill(97 + random(26)).toBase64();
  const start = random(NOISE.length - length + 1);
  return NOISE.subarray(start, start + length).toBase64();
}

/** What a store must hold. */
class Model {
  readonly #values = new Map<string, string>();

  apply(operations: readonly Operation[]): void {
    for (const [key, value] of operations) {
      if (value === null) this.#values.delete(key);
      else this.#values.set(key, value);
    }
  }

  get(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  entries(): Entry[] {
    return [...this.#values].sort(([a], [b]) => a < b ? -1 : 1);
  }
}

/** Puts, overwrites and deletes, in batches of 1 to 64. */
function randomBatches(random: Random, operationCount: number): Operation[][] {
  const batches: Operation[][] = [];
  for (let left = operationCount; left > 0;) {
    const length = Math.min(left, random(3) === 0 ? 1 + random(64) : 1);
    left -= length;
    batches.push(Array.from({ length }, () => {
      const key = keys[random(KEYS)]!;
      return [key, random(5) === 0 ? null : randomValue(random)];
    }));
  }
  return batches;
}

// ——— The two stores ———

function startLevelDB(): Peer {
  return new Peer("classic_level.ts", [
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-ffi",
  ]);
}

function startVarve(directory: string): Peer {
  return new Peer("varve_writer.ts", [`--allow-read=${directory}`, `--allow-write=${directory}`]);
}

function openVarve(directory: string, options: Options = {}): Promise<Varve> {
  return open<Bytes, Bytes>(directory, { sync: false, ...options, key: bytes, value: bytes });
}

async function write(
  store: Varve | Peer,
  model: Model,
  batches: readonly Operation[][],
): Promise<void> {
  for (const operations of batches) {
    if (store instanceof Peer) await store.ask("write", { operations });
    else {
      const batch = store.batch();
      for (const [key, value] of operations) {
        if (value === null) batch.delete(Uint8Array.fromHex(key));
        else batch.put(Uint8Array.fromHex(key), Uint8Array.fromBase64(value));
      }
      await batch.commit();
    }
    model.apply(operations);
  }
}

function shorten(entry: Entry | undefined): string {
  if (entry === undefined) return "nothing";
  const [key, value] = entry;
  return `${key.slice(0, 60)} (${key.length / 2} bytes) = ${
    value.slice(0, 40)
  } (${value.length} characters)`;
}

function assertSameEntries(
  actual: readonly Entry[],
  expected: readonly Entry[],
  what: string,
): void {
  for (let i = 0; i < Math.max(actual.length, expected.length); i++) {
    const [a, e] = [actual[i], expected[i]];
    if (a?.[0] === e?.[0] && a?.[1] === e?.[1]) continue;
    throw new Error(`${what}: entry ${i} is ${shorten(a)}, expected ${shorten(e)}`);
  }
}

function assertSameValues(
  actual: (key: string, i: number) => string | null,
  model: Model,
  what: string,
): void {
  keys.forEach((key, i) => {
    if (actual(key, i) !== model.get(key)) {
      throw new Error(`${what}: get of key ${key.slice(0, 60)} (no. ${i})`);
    }
  });
}

function hexEntries(entries: Iterable<[Bytes, Bytes]>): Entry[] {
  return Array.from(entries, ([key, value]) => [key.toHex(), value.toBase64()]);
}

/** Compares all that a store holds, in both directions and by gets, with a model. */
async function check(store: Varve | Peer, model: Model, what: string): Promise<void> {
  const expected = model.entries();
  if (store instanceof Peer) {
    assertSameEntries(await store.ask("entries", {}), expected, `LevelDB, ${what}, forward`);
    const values = await store.ask<(string | null)[]>("get", keys);
    assertSameValues((_, i) => values[i]!, model, `LevelDB, ${what}`);
    assertSameEntries(
      await store.ask("entries", { reverse: true }),
      expected.reverse(),
      `LevelDB, ${what}, reverse`,
    );
    return;
  }
  assertSameEntries(hexEntries(store.entriesSync()), expected, `Varve, ${what}, forward`);
  assertSameValues(
    (key) => store.getSync(Uint8Array.fromHex(key))?.toBase64() ?? null,
    model,
    `Varve, ${what}`,
  );
  assertSameEntries(
    hexEntries(store.entriesSync({ reverse: true })),
    expected.reverse(),
    `Varve, ${what}, reverse`,
  );
}

async function checkLevelDB(directory: string, model: Model, what: string): Promise<void> {
  await using level = startLevelDB();
  await level.ask("open", { directory, options: { createIfMissing: false } });
  await check(level, model, what);
  await level.ask("close");
}

async function checkVarve(
  directory: string,
  model: Model,
  what: string,
  options: Options = {},
): Promise<void> {
  await using db = await openVarve(directory, { createIfMissing: false, ...options });
  await check(db, model, what);
}

// ——— Directories ———

/** The files of a database of one kind, in the order of their numbers. */
function filesOf(directory: string, wanted: "table" | "log" | "manifest"): string[] {
  return disk.list(directory).flatMap((name) => {
    const file = parseFileName(name);
    return file?.kind === wanted ? [{ ...file, name }] : [];
  }).sort((a, b) => a.number - b.number).map(({ name }) => join(directory, name));
}

/** Every file of a database with what is in it. */
function contents(directory: string): Map<string, string> {
  return new Map(
    disk.list(directory).map((name) => [name, Deno.readFileSync(join(directory, name)).toBase64()]),
  );
}

function interopTest(name: string, body: (directory: string) => Promise<void>): void {
  Deno.test(name, inProcesses, () => inDirectory(body));
}

// ——— We write, LevelDB reads ———

for (
  const [seed, name, options] of [
    [11, "uncompressed, with a filter", { compression: "none" }],
    [12, "compressed with Snappy, with a filter", { compression: "snappy", blockBytes: 1024 }],
    [13, "compressed with Snappy, without a filter", { compression: "snappy", filterBits: 0 }],
    [14, "uncompressed, without a filter", {
      compression: "none",
      filterBits: 0,
      restartInterval: 1,
    }],
    [15, "compressed by level, with an odd filter", {
      compression: ["none", "snappy"],
      filterBits: 3,
      restartInterval: 5,
      blockBytes: 100,
    }],
  ] satisfies [number, string, Options][]
) {
  interopTest(`LevelDB reads a tree of several levels that we wrote ${name}`, async (directory) => {
    const model = new Model();
    const what = `seed ${seed}`;
    {
      // How far a worker has come by now depends on the machine.
      await using db = await openVarve(directory, { ...SMALL, ...options, worker: false });
      await write(db, model, randomBatches(generator(seed), 4000));
      await db.flush();
      const levels = db.stats().levels.filter(({ tables }) => tables > 0);
      assert(levels.length >= 3, `${what}: ${levels.length} levels`);
    }
    await using level = startLevelDB();
    await level.ask("open", { directory, options: { createIfMissing: false } });
    await check(level, model, what);
    await level.ask("compact");
    await check(level, model, `${what}, compacted by LevelDB`);
    await level.ask("close");
    await checkVarve(directory, model, `${what}, compacted by LevelDB`);
  });
}

interopTest("LevelDB repairs tables of ours that have lost their manifest", async (directory) => {
  const model = new Model();
  {
    await using db = await openVarve(directory, SMALL);
    await write(db, model, randomBatches(generator(21), 2000));
    // Repair puts all tables in level 0, where an older version in a newer file would hide a newer one.
    await db.compact();
  }
  for (const path of filesOf(directory, "manifest")) Deno.removeSync(path);
  Deno.removeSync(join(directory, "CURRENT"));
  await using level = startLevelDB();
  await level.ask("repair", directory);
  await level.ask("open", { directory, options: { createIfMissing: false } });
  await check(level, model, "repaired");
  await level.ask("close");
  Deno.removeSync(join(directory, "lost"), { recursive: true });
  await checkVarve(directory, model, "repaired");
});

// ——— LevelDB writes, we read ———

for (
  const [seed, name, options] of [
    [31, "uncompressed", { compression: false, blockRestartInterval: 1 }],
    [32, "compressed", { compression: true }],
    [33, "in small blocks", { compression: true, blockSize: 1024, blockRestartInterval: 3 }],
  ] as const
) {
  interopTest(`we read a tree that LevelDB wrote ${name}, and compact it`, async (directory) => {
    const model = new Model();
    const what = `seed ${seed}`;
    await using level = startLevelDB();
    await level.ask("open", { directory, options: { ...SMALL_LEVELDB, ...options } });
    await write(level, model, randomBatches(generator(seed), 3000));
    const tables = await level.ask<number[]>("tables");
    assert(tables.filter((count) => count > 0).length >= 2, `${what}: tables by level ${tables}`);
    await level.ask("close");
    {
      await using db = await openVarve(directory, { createIfMissing: false });
      await check(db, model, what);
      await db.compact();
      await check(db, model, `${what}, compacted`);
    }
    await level.ask("open", { directory, options: { createIfMissing: false } });
    await check(level, model, `${what}, compacted by us`);
    await level.ask("close");
  });
}

interopTest(
  "a key longer than our limit that LevelDB wrote is read, and can be compacted",
  async (directory) => {
    const key = "61".repeat(1024 * KIB);
    await using level = startLevelDB();
    await level.ask("open", { directory, options: {} });
    await level.ask("write", { operations: [["60", "AAAA"], [key, "BBBB"], ["62", "CCCC"]] });
    await level.ask("close");
    await using db = await openVarve(directory);
    const expected: Entry[] = [["60", "AAAA"], [key, "BBBB"], ["62", "CCCC"]];
    assertEquals(hexEntries(db.entriesSync()), expected);
    await db.compact();
    assertEquals(hexEntries(db.entriesSync({ reverse: true })), expected.toReversed());
    const error = assertThrows(() => db.getSync(Uint8Array.fromHex(key)), VarveError);
    assertEquals(error.code, "TOO_LARGE");
  },
);

// ——— Without a clean end ———

for (const end of ["kill", "exit"] as const) {
  const died = end === "kill" ? "was killed" : "ended without close";
  interopTest(
    `LevelDB reads all that our writer was told is written when it ${died}`,
    async (directory) => {
      const model = new Model();
      await using writer = startVarve(directory);
      await writer.ask("open", { directory, options: { sync: false, memtableBytes: 1024 * KIB } });
      await write(writer, model, randomBatches(generator(41), 1500));
      if (end === "kill") await writer.kill();
      else await writer.tell("exit");
      await writer[Symbol.asyncDispose]();
      assert(
        filesOf(directory, "log").some((path) => disk.size(path) > 0),
        "there is a log to replay",
      );
      await checkLevelDB(directory, model, died);
      await checkVarve(directory, model, died);
    },
  );

  interopTest(`we read all that LevelDB was told is written when it ${died}`, async (directory) => {
    const model = new Model();
    await using level = startLevelDB();
    await level.ask("open", { directory, options: { writeBufferSize: 1024 * KIB } });
    await write(level, model, randomBatches(generator(42), 1500));
    if (end === "kill") await level.kill();
    else await level.tell("exit");
    await level[Symbol.asyncDispose]();
    assert(
      filesOf(directory, "log").some((path) => disk.size(path) > 0),
      "there is a log to replay",
    );
    const before = contents(directory);
    await checkVarve(directory, model, `${died}, to be read only`, { readOnly: true });
    assertEquals(contents(directory), before);
    await checkVarve(directory, model, died);
    await checkLevelDB(directory, model, died);
  });
}

interopTest(
  "a batch larger than a memtable is one batch to the other side too",
  async (directory) => {
    const random = generator(51);
    const operations: Operation[] = Array.from({ length: 20_000 }, (_, i) => {
      const key = new TextEncoder().encode(`key ${i * 7919 % 20_000}`).toHex();
      return [key, NOISE.subarray(i, i + random(200)).toBase64()];
    });
    const model = new Model();
    await using level = startLevelDB();
    for (const [ours, theirs] of [["a", "b"], ["c", "d"]] as const) {
      const [a, b] = [join(directory, ours), join(directory, theirs)];
      await using writer = startVarve(directory);
      await writer.ask("open", { directory: a, options: SMALL });
      await write(writer, model, [operations]);
      await writer.kill();
      await checkLevelDB(a, model, "a batch of ours");
      await level.ask("open", { directory: b, options: SMALL_LEVELDB });
      await level.ask("write", { operations });
      await level.ask("close");
      await checkVarve(b, model, "a batch of LevelDB's", SMALL);
      // The second time in reverse, with every other key deleted.
      operations.reverse().forEach((operation, i) =>
        operation[1] = i % 2 === 0 ? operation[1] : null
      );
    }
  },
);

// ——— Turns ———

/** Watches the files of a directory: names and numbers are used once, and what is in a file stays in it. */
class FileWatch {
  #present = new Map<string, string>();
  readonly #names = new Set<string>();
  readonly #numbers = new Set<number>();

  /**
   * Looks at the files that have come since the last time, and at those that have stayed.
   *
   * @param directory Where they are.
   * @param what When this is, for the error.
   * @param byUs Whether the new ones are ours. LevelDB's are held to less: it may give a new manifest the number of a
   * log that a crash left, and is not confused, for the names differ.
   */
  look(directory: string, what: string, byUs: boolean): void {
    const present = new Map<string, string>();
    for (const name of disk.list(directory)) {
      const file = parseFileName(name);
      if (file === undefined || !["table", "log", "manifest"].includes(file.kind)) continue;
      const content = Deno.readFileSync(join(directory, name)).toHex();
      present.set(name, content);
      const before = this.#present.get(name);
      if (before !== undefined) {
        assert(content.startsWith(before), `${what}: ${name} was written over`);
        continue;
      }
      assert(!this.#names.has(name), `${what}: there was a file ${name} before`);
      assert(
        !byUs || !this.#numbers.has(file.number),
        `${what}: the number of ${name} was used before`,
      );
      this.#names.add(name);
      this.#numbers.add(file.number);
    }
    this.#present = present;
  }
}

interopTest(
  "B10 LevelDB and we take turns on one directory ten times: all is there, and no file number repeats",
  async (directory) => {
    const seed = 61;
    const random = generator(seed);
    const model = new Model();
    const files = new FileWatch();
    let level = startLevelDB();
    for (let round = 0; round < 10; round++) {
      const what = `seed ${seed}, round ${round}`;
      const isKilled = round % 3 === 1;
      // Sometimes we have a second turn, after what the first one has left.
      for (let turn = 0; turn < 1 + round % 2; turn++) {
        const options = {
          ...(random(2) === 0 ? SMALL : {}),
          compression: (["none", "snappy"] as const)[random(2)]!,
          filterBits: random(2) * 10,
          blockBytes: 256 << random(5),
        };
        if (isKilled && turn === 0) {
          await checkVarve(directory, model, what, options);
          await using writer = startVarve(directory);
          await writer.ask("open", { directory, options });
          await write(writer, model, randomBatches(random, 400));
          await writer.kill();
        } else {
          await using db = await openVarve(directory, options);
          await check(db, model, what);
          await write(db, model, randomBatches(random, 400));
          await check(db, model, `${what}, own writes`);
          if (round % 4 === 0) await db.compact();
        }
        files.look(directory, `${what}, after our turn`, true);
      }

      await level.ask("open", {
        directory,
        options: { ...(random(2) === 0 ? SMALL_LEVELDB : {}), compression: random(2) === 0 },
      });
      await check(level, model, what);
      await write(level, model, randomBatches(random, 400));
      await check(level, model, `${what}, own writes`);
      if (round % 4 === 1) await level.ask("compact");
      if (isKilled) {
        await level.kill();
        level = startLevelDB();
      } else await level.ask("close");
      files.look(directory, `${what}, after LevelDB's turn`, false);
    }
    await level[Symbol.asyncDispose]();
    await checkVarve(directory, model, `seed ${seed}, at the end`);
  },
);

// ——— What is asked ———

interopTest(
  "ranges with every kind of bound are the same to LevelDB and to us",
  async (directory) => {
    const seed = 71;
    const random = generator(seed);
    {
      await using db = await openVarve(directory, SMALL);
      await write(db, new Model(), randomBatches(random, 1500));
    }
    const ranges = Array.from({ length: 150 }, () => {
      const at = () => keys[random(KEYS)]!.slice(0, 2 * (1 + random(8)));
      return {
        ...(random(4) === 0 ? {} : { [random(2) === 0 ? "gt" : "gte"]: at() }),
        ...(random(4) === 0 ? {} : { [random(2) === 0 ? "lt" : "lte"]: at() }),
        reverse: random(2) === 0,
        limit: random(40),
      };
    });
    const answers: Entry[][] = [];
    await using level = startLevelDB();
    await level.ask("open", { directory, options: {} });
    for (const range of ranges) answers.push(await level.ask("entries", range));
    await level.ask("close");
    assert(
      answers.some((answer) => answer.length === 0) && answers.some((answer) => answer.length > 30),
    );
    await using db = await openVarve(directory);
    ranges.forEach((range, i) => {
      const bounds = Object.entries(range).map(([name, value]) => [
        name,
        typeof value === "string" ? Uint8Array.fromHex(value) : value,
      ]);
      const answer = hexEntries(db.entriesSync(Object.fromEntries(bounds)));
      assertSameEntries(answer, answers[i]!, `seed ${seed}, range ${JSON.stringify(range)}`);
    });
  },
);

interopTest(
  "sublevels, also within each other, are the same to abstract-level and to us",
  async (directory) => {
    const hex = (text: string) => new TextEncoder().encode(text).toHex();
    const base64 = (text: string) => new TextEncoder().encode(text).toBase64();
    const unfit = ['a"b', "a b", "a!b", "a\x7f", "é"];
    const paths = [[], ["a"], ["a", "b"], ["aa"], ["a#b"], ["~"]];
    /** Two keys in each sublevel, one of them empty, and one in common with all others. */
    const entriesOf = (path: readonly string[], by: string): Entry[] => [
      [hex(""), base64(`${by} empty in ${path}`)],
      [hex("common"), base64(`${by} common in ${path}`)],
      [hex(`only ${by}`), base64(`${by} only in ${path}`)],
    ];
    const sublevelOf = (db: Varve, path: readonly string[]) => {
      let store: Pick<Varve, "sublevel" | "entriesSync" | "putSync"> = db;
      for (const name of path) store = store.sublevel(name, { key: bytes, value: bytes });
      return store;
    };
    await using level = startLevelDB();
    await level.ask("open", { directory, options: {} });
    for (const path of paths) {
      await level.ask("write", {
        path,
        operations: entriesOf(path, "theirs"),
      });
    }
    await level.ask("close");
    const seen: Entry[][] = [];
    {
      await using db = await openVarve(directory);
      for (const path of paths.slice(1)) {
        // What lies in a sublevel of it belongs to it too, under the name of that one.
        const own = hexEntries(sublevelOf(db, path).entriesSync()).filter(([key]) =>
          !key.startsWith(hex("!"))
        );
        assertEquals(own, entriesOf(path, "theirs"), `our sublevel ${path}`);
      }
      for (const path of paths) {
        for (const [key, value] of entriesOf(path, "ours")) {
          sublevelOf(db, path).putSync(Uint8Array.fromHex(key), Uint8Array.fromBase64(value));
        }
      }
      for (const path of paths) seen.push(hexEntries(sublevelOf(db, path).entriesSync()));
      assertEquals(seen[0]!.filter(([key]) => key.startsWith(hex("!a!!b!"))).length, 4);
      for (const name of unfit) assertThrows(() => db.sublevel(name), RangeError, "name");
    }
    await level.ask("open", { directory, options: {} });
    for (const [i, path] of paths.entries()) {
      assertEquals(
        await level.ask("entries", { path }),
        seen[i],
        `sublevel ${path} of abstract-level`,
      );
    }
    for (const name of unfit) {
      await assertRejects(() => level.ask("entries", { path: [name] }), Error, "name");
    }
    await level.ask("close");
  },
);

// ——— The same bytes ———

interopTest(
  "the same batches make the same log, and the same table, byte for byte",
  async (directory) => {
    const model = new Model();
    // A key once, for LevelDB writes hidden versions to a table and we do not; blocks as they are, for there are many
    // ways to compress them.
    const written = new Set<string>();
    const batches = randomBatches(generator(81), 1000)
      .map((operations) => operations.filter(([key]) => !written.has(key) && written.add(key)))
      .filter((operations) => operations.length > 0);
    const [a, b] = [join(directory, "ours"), join(directory, "theirs")];
    const blocks = { blockBytes: 4096, restartInterval: 16, filterBits: 10 };
    await using db = await openVarve(a, {
      ...blocks,
      compression: "none",
      memtableBytes: 32 * KIB * KIB,
    });
    await using level = startLevelDB();
    await level.ask("open", {
      directory: b,
      options: { compression: false, writeBufferSize: 32 * KIB * KIB },
    });
    await write(db, model, batches);
    await write(level, model, batches);
    const only = (kind: "log" | "table", of: string) => {
      const paths = filesOf(of, kind);
      assertEquals(paths.length, 1, `one ${kind} in ${of}`);
      return Deno.readFileSync(paths[0]!);
    };
    const log = only("log", a);
    assert(log.length > 200 * KIB, `a log of ${log.length} bytes`);
    assert(log.toHex() === only("log", b).toHex(), "the logs differ");
    await db.flush();
    await level.ask("compact");
    const table = only("table", a);
    assert(table.length > 200 * KIB, `a table of ${table.length} bytes`);
    assert(table.toHex() === only("table", b).toHex(), "the tables differ");
    await level.ask("close");
  },
);

/** Writes a log's records to a new log; whatever of the first one is no record is missing in the second. */
function copyLog(path: string, each: (reader: LogReader) => Bytes | undefined): Bytes {
  const memory = new MemoryFileSystem();
  const copy = new LogWriter(memory.create("copy"));
  const file = disk.open(path);
  try {
    const reader = new LogReader(file);
    while (reader.next()) {
      const own = each(reader);
      if (own === undefined) copy.add(reader.recordBuffer, reader.recordStart, reader.recordEnd);
      else copy.add(own, 0, own.length);
    }
    assertEquals(reader.endReason, "whole", path);
  } finally {
    file.close();
  }
  return memory.readAll("copy");
}

/** Reads a table entry by entry, finds each of them by a get, and writes all of them to a table of our own. */
function copyTable(path: string, blockBytes: number, restartInterval: number): Bytes {
  const comparator = new InternalKeyComparator();
  const memory = new MemoryFileSystem();
  const file = memory.create("copy");
  const writer = new TableWriter(file, {
    comparator,
    blockBytes,
    restartInterval,
    filterBits: 10,
    compression: undefined,
  });
  const table = TableReader.open(disk.open(path), {
    comparator,
    pool: createBufferPool({ capacityBytes: 1 << 20 }),
  });
  const cursor = table.cursor();
  const lookup = new Lookup();
  let previous: Bytes | undefined;
  for (cursor.first(); cursor.valid; cursor.next()) {
    const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
    const key = keyBuffer.slice(keyStart, keyEnd);
    assert(
      previous === undefined ||
        comparator.compare(previous, 0, previous.length, key, 0, key.length) < 0,
      `order of ${path}`,
    );
    previous = key;
    writer.add(keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd);
    lookup.reserve(key.length);
    lookup.key.set(key);
    lookup.begin(key.length - TRAILER_BYTES, Number.MAX_SAFE_INTEGER);
    table.get(lookup);
    assert(lookup.outcome !== 0, `a get finds each key of ${path}`);
  }
  assertEquals(table.filterSaves, 0, `the filter of ${path} knows all keys`);
  cursor.close();
  table.close();
  writer.finish();
  return memory.readAll("copy");
}

interopTest(
  "LevelDB's logs, manifest and tables pass all our checks, and come out of our writers the same",
  async (directory) => {
    await using level = startLevelDB();
    const blocks = { blockSize: 2048, blockRestartInterval: 7 };
    await level.ask("open", {
      directory,
      options: { ...SMALL_LEVELDB, ...blocks, compression: false },
    });
    await write(level, new Model(), randomBatches(generator(91), 2500));
    await level.tell("exit"); // so that a log is left
    await level[Symbol.asyncDispose]();

    const same = (path: string, copy: Bytes) => {
      const bytes = Deno.readFileSync(path);
      assert(bytes.length > 0 && bytes.toHex() === copy.toHex(), `${path} came out otherwise`);
    };
    const comparator = new InternalKeyComparator();
    const { version } = loadManifest(disk, directory, comparator);
    const live = version.levels.flat();
    assert(live.length >= 2, `${live.length} tables`);
    for (const { number, bytes: size } of live) {
      const path = filesOf(directory, "table").find((it) =>
        parseFileName(it.slice(directory.length + 1))?.number === number
      )!;
      assertEquals(disk.size(path), size);
      same(path, copyTable(path, blocks.blockSize, blocks.blockRestartInterval));
    }
    for (const path of filesOf(directory, "manifest")) {
      same(
        path,
        copyLog(
          path,
          ({ recordBuffer, recordStart, recordEnd, recordOffset }) =>
            encodeVersionEdit(
              decodeVersionEdit(recordBuffer, recordStart, recordEnd, path, recordOffset),
            ),
        ),
      );
    }
    for (const path of filesOf(directory, "log")) {
      const batch = new BatchReader();
      let entries = 0;
      same(
        path,
        copyLog(path, ({ recordBuffer, recordStart, recordEnd, recordOffset }) => {
          batch.reset(recordBuffer, recordStart, recordEnd, path, recordOffset);
          while (batch.next()) entries++;
          return undefined;
        }),
      );
      assert(entries > 0);
    }
  },
);

// ——— What only one of the two can read ———

interopTest(
  "LevelDB refuses blocks compressed with zstd and loses nothing, and we read them",
  async (directory) => {
    const model = new Model();
    {
      await using db = await openVarve(directory, { ...SMALL, compression: "zstd" });
      // Nothing but what zstd makes smaller: a block that it does not is stored as it is, which LevelDB could read.
      const value = new Uint8Array(200).toBase64();
      await write(db, model, keys.map((key) => [[key, value]]));
      await db.compact();
    }
    {
      await using level = startLevelDB();
      await level.ask("open", { directory, options: {} });
      for (const reverse of [false, true]) {
        await assertRejects(() => level.ask("entries", { reverse }), Error, "orruption");
      }
      await assertRejects(() => level.ask("get", [keys[9]]), Error, "orruption");
      await level.ask("close");
    }
    await checkVarve(directory, model, "after LevelDB tried");
  },
);

interopTest(
  "a database in another order is refused by name, by either side, and not changed",
  async (directory) => {
    const options: Options = {
      comparator: { name: "test.ReverseComparator", compare: (a, b) => bytewise.compare(b, a) },
    };
    const [ours, theirs] = [join(directory, "ours"), join(directory, "theirs")];
    {
      await using db = await openVarve(ours, options);
      for (const byte of [1, 3, 2]) await db.put(Uint8Array.of(byte), Uint8Array.of());
    }
    await using level = startLevelDB();
    await assertRejects(
      () => level.ask("open", { directory: ours, options: {} }),
      Error,
      "test.ReverseComparator",
    );
    await level.ask("open", { directory: theirs, options: {} });
    await level.ask("write", { operations: [["01", ""]] });
    await level.ask("close");
    for (const [path, chosen] of [[ours, {}], [theirs, options]] as const) {
      const before = contents(path);
      const error = await assertRejects(
        () => openVarve(path, chosen),
        VarveError,
        "test.ReverseComparator",
      );
      assertEquals(error.code, "UNSUPPORTED_FORMAT");
      assert(error.message.includes(bytewise.name), error.message);
      assertEquals(contents(path), before);
    }
    await using db = await openVarve(ours, options);
    assertEquals(hexEntries(db.entriesSync()).map(([key]) => key), ["03", "02", "01"]);
  },
);
