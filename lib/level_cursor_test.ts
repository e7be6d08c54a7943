/**
 * A level as one run, against the entries of all its tables in one array.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { generator } from "./random.ts";
import { bytewiseKeys, type Entry, entry, textAt } from "../tests/tables.ts";
import { SmallTree, textOf } from "../tests/trees.ts";
import { CorruptionError } from "./errors.ts";
import { makeInternalKey, userKeyOf } from "./internal_key.ts";
import { LevelCursor } from "./level_cursor.ts";
import { MergeCursor } from "./merge_cursor.ts";
import { VisibleCursor } from "./visible_cursor.ts";
import type { Cursor } from "./cursor.ts";

const TABLES = ["b@5=1 b@2=2 d@3!", "f@9=3", "h@4=4 h@3=5", "h@1=6 k@8=7"];
const ALL = TABLES.join(" ").split(" ");

/** A level of some tables, and how many of its tables are open. */
function levelOf(tables: readonly (string | readonly Entry[])[]) {
  const small = new SmallTree();
  for (const entries of tables) small.addTable(1, entries);
  // Without idle tables that stay open: what is open is in use.
  const inUse: number[] = [];
  const cache = {
    cursor(number: number, options: { fillPool: boolean }) {
      const cursor = small.cache.cursor(number, options);
      const close = cursor.close.bind(cursor);
      inUse.push(number);
      cursor.close = () => {
        const at = inUse.indexOf(number);
        if (at >= 0) inUse.splice(at, 1);
        close();
      };
      return cursor;
    },
  } as typeof small.cache;
  const level = small.tree.version.levels[1]!;
  return {
    small,
    inUse,
    cursor: () => new LevelCursor(level, bytewiseKeys, cache, { fillPool: true }),
  };
}

function seek(cursor: Cursor, key: string, sequence = 1000): string | undefined {
  const target = makeInternalKey(new TextEncoder().encode(key), sequence, 1);
  const padded = new Uint8Array(target.length + 2);
  padded.set(target, 1);
  cursor.seek(padded, 1, padded.length - 1);
  return cursor.valid ? textAt(cursor) : undefined;
}

Deno.test("a level is walked forward and backward as one run", () => {
  const { small, cursor } = levelOf(TABLES);
  const walk = cursor();
  assertEquals(textOf(walk), ALL.join(" "));
  const backward: string[] = [];
  for (walk.last(); walk.valid; walk.previous()) backward.push(textAt(walk));
  assertEquals(backward, ALL.toReversed());
  walk.close();
  small.close();
});

Deno.test("seek() finds the first entry at or after a key, across the ends of tables", () => {
  const { small, cursor } = levelOf(TABLES);
  const walk = cursor();
  assertEquals(seek(walk, "a"), "b@5=1");
  assertEquals(seek(walk, "b", 4), "b@2=2");
  assertEquals(seek(walk, "b", 1), "d@3!");
  assertEquals(seek(walk, "e"), "f@9=3");
  assertEquals(seek(walk, "g"), "h@4=4");
  assertEquals(seek(walk, "h", 2), "h@1=6", "versions of one key in two tables");
  assertEquals(seek(walk, "k", 8), "k@8=7");
  assertEquals(seek(walk, "k", 7), undefined);
  assertEquals(seek(walk, "z"), undefined);
  assertEquals(seek(walk, "c"), "d@3!", "after a seek past the end");
  walk.close();
  small.close();
});

Deno.test("the direction may change at any entry, at the ends of tables too", () => {
  const { small, cursor } = levelOf(TABLES);
  const walk = cursor();
  for (let at = 1; at < ALL.length; at++) {
    const [key, sequence] = ALL[at]!.split(/[@=!]/);
    assertEquals(seek(walk, key!, Number(sequence)), ALL[at]);
    walk.previous();
    assertEquals(textAt(walk), ALL[at - 1]);
    walk.next();
    assertEquals(textAt(walk), ALL[at]);
  }
  walk.first();
  walk.previous();
  assert(!walk.valid);
  walk.last();
  walk.next();
  assert(!walk.valid);
  walk.close();
  small.close();
});

Deno.test("at most one table is open at a time, and none after close() (invariant 1)", () => {
  const { small, inUse, cursor } = levelOf(TABLES);
  const walk = cursor();
  assertEquals(inUse.length, 0, "none before it is needed");
  let most = 0;
  for (walk.first(); walk.valid; walk.next()) most = Math.max(most, inUse.length);
  assertEquals([most, inUse.length], [1, 0], "none after the end");
  for (walk.last(); walk.valid; walk.previous()) most = Math.max(most, inUse.length);
  for (const key of ["k", "b", "f", "h"]) {
    seek(walk, key);
    most = Math.max(most, inUse.length);
  }
  assertEquals([most, inUse.length], [1, 1]);
  walk.close();
  assertEquals([inUse.length, walk.valid], [0, false]);
  walk.close();
  small.close();
});

Deno.test("a level without tables has nothing in it", () => {
  const { small, cursor } = levelOf([]);
  const walk = cursor();
  walk.first();
  assert(!walk.valid);
  walk.last();
  assert(!walk.valid);
  assertEquals(seek(walk, "a"), undefined);
  walk.close();
  small.close();
});

Deno.test("a table that cannot be opened leaves the cursor at no entry (invariant 2)", () => {
  for (const direction of ["next", "previous"] as const) {
    const { small, inUse, cursor } = levelOf(TABLES);
    const name = small.tableFiles()[1]!;
    const bytes = small.memory.readAll(`db/${name}`);
    small.cache.drop(small.tree.version.levels[1]![1]!.number);
    small.memory.writeAll(`db/${name}`, new Uint8Array(bytes.length));
    const walk = cursor();
    if (direction === "next") seek(walk, "d");
    else seek(walk, "h", 4);
    assert(walk.valid);
    assertThrows(() => walk[direction](), CorruptionError, name);
    assertEquals([walk.valid, inUse.length], [false, 0]);
    assertThrows(() => seek(walk, "e"), CorruptionError, name);
    assertEquals([walk.valid, inUse.length], [false, 0]);
    // It can be used again where the level is whole.
    assertEquals(seek(walk, "k"), "k@8=7");
    walk.close();
    small.close();
  }
});

Deno.test("a block that cannot be read leaves the cursor at no entry (invariant 2)", () => {
  const small = new SmallTree();
  small.writerOptions = { blockBytes: 1 }; // each entry has a block of its own
  const { number } = small.addTable(1, "a@1=x b@2=y c@3=z");
  const path = small.tree.tablePath(number);
  const bytes = small.memory.readAll(path);
  const needle = bytes.indexOf("y".charCodeAt(0));
  bytes[needle]! ^= 1;
  small.memory.writeAll(path, bytes);
  const level = small.tree.version.levels[1]!;
  const walk = new LevelCursor(level, bytewiseKeys, small.cache, { fillPool: true });
  walk.first();
  assertEquals(textAt(walk), "a@1=x");
  assertThrows(() => walk.next(), CorruptionError);
  assert(!walk.valid);
  walk.last();
  assertEquals(textAt(walk), "c@3=z");
  assertThrows(() => walk.previous(), CorruptionError);
  assert(!walk.valid);
  walk.close();
  small.close();
});

/** Entries in order, cut into tables at random places. */
function randomLevel(random: (below: number) => number, sequences: number[]): Entry[][] {
  const entries: Entry[] = [];
  for (const sequence of sequences) {
    entries.push(entry(`key ${random(40)}`, `${sequence}`, sequence, random(4) === 0 ? 0 : 1));
  }
  entries.sort(([a], [b]) => bytewiseKeys.compareKeys(a, b));
  const tables: Entry[][] = [];
  for (const one of entries) {
    if (tables.length === 0 || random(4) === 0) tables.push([]);
    tables.at(-1)!.push(one);
  }
  return tables;
}

Deno.test("random walks over a level go where they go in an array of its entries", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = generator(seed);
    const tables = randomLevel(random, Array.from({ length: 60 }, (_, i) => i + 1));
    const { small, inUse, cursor } = levelOf(tables);
    const model = tables.flat();
    const walk = cursor();
    let at = -1;
    for (let step = 0; step < 300; step++) {
      const move = random(6);
      if (move === 0) {
        walk.first();
        at = 0;
      } else if (move === 1) {
        walk.last();
        at = model.length - 1;
      } else if (move === 2) {
        const target = makeInternalKey(userKeyOf(model[random(60)]![0]), random(70), 1);
        walk.seek(target, 0, target.length);
        at = model.findIndex(([key]) => bytewiseKeys.compareKeys(key, target) >= 0);
      } else if (walk.valid) {
        if (move === 3) walk.next();
        else walk.previous();
        at += move === 3 ? 1 : -1;
      }
      const expected = model[at]?.[0];
      const found = walk.valid ? walk.keyBuffer.slice(walk.keyStart, walk.keyEnd) : undefined;
      assertEquals(found, expected, `seed ${seed}, step ${step}`);
      if (expected === undefined) at = -1;
      assert(inUse.length <= 1, `seed ${seed}, step ${step}: ${inUse.length} tables are open`);
    }
    walk.close();
    small.close();
  }
});

Deno.test("merged levels, filtered by a snapshot, are walked to and fro like a map", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = generator(seed);
    // Sequence numbers fall from level to level, as they do in a tree.
    const ranges = [61, 31, 1].map((from) => Array.from({ length: 30 }, (_, i) => from + i));
    const levels = ranges.map((sequences) => randomLevel(random, sequences));
    const made = levels.map((tables) => levelOf(tables));
    const snapshot = random(95);
    const model = new Map<string, string>();
    const text = new TextDecoder();
    for (const tables of levels.toReversed()) {
      // Oldest first, and of one key the oldest version first: the last one set is the newest.
      for (const [key, value] of tables.flat().toReversed()) {
        const trailer = new DataView(key.buffer).getBigUint64(key.length - 8, true);
        if (Number(trailer >> 8n) > snapshot) continue;
        const user = text.decode(userKeyOf(key));
        if ((trailer & 1n) === 1n) model.set(user, text.decode(value));
        else model.delete(user);
      }
    }
    const keys = [...model.keys()].sort();
    const merged = new MergeCursor(bytewiseKeys, made.map(({ cursor }) => cursor()));
    const visible = new VisibleCursor(merged, bytewiseKeys, snapshot);
    let at = -1;
    for (let step = 0; step < 200; step++) {
      const move = random(10);
      if (move === 0) {
        visible.first();
        at = 0;
      } else if (move === 1) {
        visible.last();
        at = keys.length - 1;
      } else if (move === 2) {
        const key = `key ${random(40)}`;
        const bytes = new TextEncoder().encode(key);
        visible.seek(bytes, 0, bytes.length);
        at = keys.findIndex((it) => it >= key);
      } else if (visible.valid) {
        if (move < 7) visible.next();
        else visible.previous();
        at += move < 7 ? 1 : -1;
      }
      const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = visible;
      const found = visible.valid
        ? [
          text.decode(keyBuffer.slice(keyStart, keyEnd)),
          text.decode(valueBuffer.slice(valueStart, valueEnd)),
        ]
        : undefined;
      const key = keys[at];
      const why = `seed ${seed}, step ${step}`;
      assertEquals(found, key === undefined ? undefined : [key, model.get(key)!], why);
      if (key === undefined) at = -1;
    }
    visible.close();
    for (const { small, inUse } of made) {
      assertEquals(inUse, [], `seed ${seed}`);
      small.close();
    }
  }
});
