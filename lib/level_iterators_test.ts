/**
 * Walks over ranges: against a model, over high-water marks, after failures, and with turns for the event loop.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Surroundings } from "./background.ts";
import { openDatabase, webSurroundings } from "./database.ts";
import { VarveError } from "./errors.ts";
import { invariant } from "./invariant.ts";
import { LevelError } from "./level_errors.ts";
import {
  levelBounds,
  type LevelIteratorOptions,
  type LevelSource,
  walkEntries,
  walkKeys,
  walkValues,
} from "./level_iterators.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { generator } from "./random.ts";
import { StoreReader } from "./reader.ts";
import type { Database } from "./store.ts";

const FORMS = { reverse: false, limit: -1, keyEncoding: "utf8", valueEncoding: "utf8" } as const;

function openWith(keys: Iterable<string>, fileSystem = new MemoryFileSystem()) {
  const db = openDatabase<string, string>("db", { sync: false, compression: "none" }, fileSystem);
  for (const key of keys) db.putSync(key, `value of ${key}`);
  return db;
}

function sourceOf(
  db: Database<string, string>,
  turns: Surroundings = webSurroundings,
): LevelSource {
  invariant(db instanceof StoreReader, "a database is a reader");
  const { engine } = db.context;
  return {
    turns,
    scan: (bounds, fillPool) => engine.scan(engine.lastSequence, bounds, fillPool),
  };
}

Deno.test("Bounds are the ends, inclusive ones before others, and copies of the caller's bytes", () => {
  const key = Uint8Array.of(1);
  const { lower, upper } = levelBounds({ gt: "a", gte: key, lt: "z", lte: "y" });
  assertEquals(lower, { key: Uint8Array.of(1), inclusive: true });
  assertEquals(upper, { key: Uint8Array.of(0x79), inclusive: true });
  key[0] = 2;
  assertEquals(lower!.key[0], 1);
  assertEquals(levelBounds({}), { lower: undefined, upper: undefined });
  assertEquals(levelBounds({ gt: "", lt: "" }).upper, { key: new Uint8Array(), inclusive: false });
});

/** What walking must give: all that is at or after a target in the direction, or in the whole range. */
function expected(
  keys: readonly string[],
  options: Partial<LevelIteratorOptions>,
  target?: string,
) {
  const { gt, gte, lt, lte, reverse = false } = options;
  const isInside = (key: string) =>
    (gte !== undefined ? key >= gte : gt === undefined || key > gt) &&
    (lte !== undefined ? key <= lte : lt === undefined || key < lt);
  const inside = keys.filter(isInside);
  if (reverse) inside.reverse();
  if (target === undefined) return inside;
  return isInside(target) ? inside.filter((key) => reverse ? key <= target : key >= target) : [];
}

Deno.test("Walks and seeks of all ranges, in both directions, are those of a sorted array", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  const random = generator(seed);
  const alphabet = Array.from({ length: 40 }, (_, i) => String.fromCharCode(97 + i % 20) + i % 3);
  const keys = [...new Set(alphabet.filter(() => random(2) === 0))].sort();
  await using db = openWith(keys);
  await db.flush();
  for (const key of keys.filter(() => random(4) === 0)) db.putSync(key, `value of ${key}`);
  const ends = () => random(3) === 0 ? undefined : alphabet[random(alphabet.length)]!;
  for (let i = 0; i < 300; i++) {
    const range: Partial<LevelIteratorOptions> = { reverse: random(2) === 0 };
    for (const name of ["gt", "gte", "lt", "lte"] as const) {
      const end = random(2) === 0 ? ends() : undefined;
      if (end !== undefined) range[name] = end;
    }
    const note = JSON.stringify({ seed, range });
    const walk = walkKeys(sourceOf(db), { ...FORMS, ...range });
    const all = expected(keys, range);
    assertEquals(walk.nextMany(3), all.slice(0, 3), note);
    assertEquals(walk.next(), all[3], note);
    for (let j = 0; j < 5; j++) {
      const target = random(4) === 0 ? alphabet[random(alphabet.length)]! + "~" : ends() ?? "";
      const after = expected(keys, range, target);
      walk.seek(target);
      assertEquals(walk.next(), after[0], `${note} at ${target}`);
      assertEquals(walk.all(4), after.slice(1, 5), `${note} at ${target}`);
      assertEquals(walk.all(Infinity), after.slice(5), `${note} at ${target}`);
      assertEquals([walk.next(), walk.nextMany(2)], [undefined, []]);
    }
    walk.close();
  }
});

Deno.test("What is wanted is read, in its form", async () => {
  await using db = openWith(["a"]);
  const view = new TextEncoder();
  const [key, value] = [view.encode("a"), view.encode("value of a")];
  const read = (options: Partial<LevelIteratorOptions>) => {
    const walk = walkEntries(sourceOf(db), { ...FORMS, ...options });
    const entry = walk.next();
    walk.close();
    return entry;
  };
  assertEquals(read({}), ["a", "value of a"]);
  assertEquals(read({ keys: false }), [undefined, "value of a"]);
  assertEquals(read({ values: false }), ["a", undefined]);
  assertEquals(read({ keys: false, values: false }), [undefined, undefined]);
  assertEquals(read({ keyEncoding: "view", valueEncoding: "view" }), [key, value]);
  const keys = walkKeys(sourceOf(db), FORMS);
  const values = walkValues(sourceOf(db), FORMS);
  assertEquals([keys.next(), values.next()], ["a", "value of a"]);
  keys.close();
  values.close();
});

Deno.test("nextMany() stops after the entry that goes over the high-water mark; all() does not", async () => {
  await using db = openWith(["a", "b", "c", "d"]); // 11 bytes each
  const sizes = (highWaterMarkBytes: number) => {
    const walk = walkEntries(sourceOf(db), { ...FORMS, highWaterMarkBytes });
    const found: number[] = [];
    for (let many; (many = walk.nextMany(3) as unknown[]).length > 0;) found.push(many.length);
    walk.close();
    return found;
  };
  assertEquals(sizes(0), [1, 1, 1, 1]);
  assertEquals(sizes(10), [1, 1, 1, 1]);
  assertEquals(sizes(11), [2, 2]);
  assertEquals(sizes(22), [3, 1]);
  assertEquals(sizes(1000), [3, 1]);
  const walk = walkEntries(sourceOf(db), { ...FORMS, highWaterMarkBytes: 0 });
  assertEquals((walk.all(Infinity) as unknown[]).length, 4);
  walk.close();
  for (const highWaterMarkBytes of [-1, NaN, "1" as never]) {
    assertThrows(() => walkEntries(sourceOf(db), { ...FORMS, highWaterMarkBytes }), TypeError);
  }
});

Deno.test("The event loop gets its turns during a long walk, and an abort is noticed then", async () => {
  await using db = openWith(Array.from({ length: 1000 }, (_, i) => `key ${1000 + i}`));
  let [now, turns] = [0, 0];
  const surroundings: Surroundings = {
    now: () => now += 10, // each look at the clock is one too many
    schedule: (work) => {
      turns++;
      queueMicrotask(work);
      return () => {};
    },
  };
  const walk = walkKeys(sourceOf(db, surroundings), FORMS);
  const all = walk.all(Infinity);
  assert(all instanceof Promise);
  assertEquals((await all).length, 1000);
  assertEquals(turns, 7); // one for each 128
  walk.close();

  const steps = walkKeys(sourceOf(db, surroundings), FORMS);
  for (let i = 0; i < 1000; i++) assertEquals(await steps.next(), `key ${1000 + i}`);
  assertEquals(turns, 14);
  steps.close();

  const controller = new AbortController();
  const { signal } = controller;
  const aborted = walkKeys(
    sourceOf(db, {
      ...surroundings,
      schedule: (work) => {
        controller.abort();
        queueMicrotask(work);
        return () => {};
      },
    }),
    { ...FORMS, signal },
  );
  const error = await assertRejects(async () => await aborted.all(Infinity), LevelError);
  assertEquals([error.name, error.code], ["AbortError", "LEVEL_ABORTED"]);
  aborted.close();
});

Deno.test("A failure is not the end: it stays until a seek that works", async () => {
  const fileSystem = new MemoryFileSystem();
  const keys = Array.from({ length: 400 }, (_, i) => `key ${1000 + i}`);
  {
    await using db = openWith(keys, fileSystem);
    await db.flush();
  }
  const table = fileSystem.list("db").find((name) => name.endsWith(".ldb"))!;
  const damaged = fileSystem.readAll(`db/${table}`);
  damaged[3]! ^= 1; // in the first block
  fileSystem.writeAll(`db/${table}`, damaged);
  await using db = openWith([], fileSystem);
  const walk = walkKeys(sourceOf(db), FORMS);
  for (let i = 0; i < 3; i++) {
    const error = assertThrows(() => walk.next(), LevelError);
    assertEquals(error.code, "LEVEL_CORRUPTION");
  }
  walk.seek("key 1399");
  assertEquals(walk.all(Infinity), ["key 1399"]);
  assertThrows(() => walk.seek("key 1001"), LevelError);
  assertThrows(() => walk.nextMany(1), LevelError);
  walk.close();
});

Deno.test("A walk of a database that was closed says so", async () => {
  const db = openWith(["a", "b"]);
  const walk = walkKeys(sourceOf(db), FORMS);
  walk.next();
  await db.close();
  const error = assertThrows(() => walk.next(), LevelError);
  assertEquals(error.code, "LEVEL_DATABASE_NOT_OPEN");
  assert(error.cause instanceof VarveError);
  walk.close();
});
