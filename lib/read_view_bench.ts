/**
 * What it costs to ask everyone who may know a key: 40 000 keys of 16 decimal digits with values of 100 bytes, all
 * blocks in the pool. Deno 2.9.6, 2 shared cores (AMD EPYC), nanoseconds a get, best of many runs on a busy machine:
 * 220 from the memtable, 250 from one table of level 0, 490 from four and 750 from eight (each filter that says no
 * costs about 70), 280 from a level; 980 where a memtable, three tables of level 0 and two levels are asked, 930 if
 * nobody has the key. A cursor over all of these takes 2.5 µs.
 *
 * @module
 */
import { decimalEntries, type Entry } from "../tests/tables.ts";
import { SmallTree } from "../tests/trees.ts";
import { InternalKeyComparator, Lookup, SEQUENCE_MAX } from "./internal_key.ts";
import { Memtable } from "./memtable.ts";
import { MemtableSlot } from "./memtable_set.ts";
import { ReadView } from "./read_view.ts";

const COUNT = 40_000;
const GETS = 10_000;
const entries = decimalEntries(COUNT, 100);
const digits = new Uint8Array(COUNT * 16);
for (const [i, [key]] of entries.entries()) digits.set(key.subarray(0, 16), i * 16);
const lookup = new Lookup();

/** Gets keys that are there, or keys right after them. */
function getMany(view: ReadView, from: number, to: number, flip = 0): void {
  for (let i = 0, at = from; i < GETS; i++, at = from + (at - from + 7919) % (to - from)) {
    for (let j = 0; j < 16; j++) lookup.key[j] = digits[at * 16 + j]!;
    lookup.key[15] = lookup.key[15]! + flip;
    lookup.begin(16, SEQUENCE_MAX);
    view.get(lookup);
  }
}

function memtableOf(entries: readonly Entry[]): MemtableSlot {
  const comparator = new InternalKeyComparator();
  const memtable = new Memtable({ comparator, capacityBytes: 8 << 20 });
  for (const [i, [key, value]] of entries.entries()) {
    memtable.add(1e6 + i, 1, key, 0, key.length - 8, value, 0, value.length);
  }
  return new MemtableSlot(memtable, 0, () => {});
}

/** Everything in one level, in tables of 4000 entries. */
function levelView(level: number): ReadView {
  const small = new SmallTree();
  for (let at = 0; at < COUNT; at += 4000) small.addTable(level, entries.slice(at, at + 4000));
  return new ReadView([memtableOf([])], small.tree);
}

/** Level 0 has several tables over all keys, none with a key of the others. */
function levelZeroView(tables: number): ReadView {
  const small = new SmallTree();
  for (let table = 0; table < tables; table++) {
    small.addTable(0, entries.filter((_, i) => i % tables === table));
  }
  return new ReadView([memtableOf([])], small.tree);
}

/** All of it as a database grows: a memtable, three tables of level 0, two levels. */
function wholeView(): ReadView {
  const small = new SmallTree();
  for (const [level, modulus] of [[2, 1], [1, 4]] as const) {
    const some = entries.filter((_, i) => i % modulus === 0);
    for (let at = 0; at < some.length; at += 4000) small.addTable(level, some.slice(at, at + 4000));
  }
  for (let table = 0; table < 3; table++) {
    small.addTable(0, entries.filter((_, i) => i % 20 === table));
  }
  return new ReadView([memtableOf(entries.filter((_, i) => i % 40 === 7))], small.tree);
}

const inMemory = new ReadView([memtableOf(entries)], new SmallTree().tree);
const levelOne = levelView(1);
const whole = wholeView();

Deno.bench("10 000 gets from the memtable", { group: "get" }, () => getMany(inMemory, 0, COUNT));
Deno.bench("10 000 gets from one level", { group: "get" }, () => getMany(levelOne, 0, COUNT));
for (const tables of [1, 4, 8]) {
  const view = levelZeroView(tables);
  Deno.bench(`10 000 gets from ${tables} tables of level 0`, { group: "get" }, () => {
    getMany(view, 0, COUNT);
  });
}
Deno.bench("10 000 gets from all at once", { group: "get" }, () => getMany(whole, 0, COUNT));
Deno.bench("10 000 gets of absent keys", { group: "get" }, () => getMany(whole, 0, COUNT, 1));

Deno.bench("a cursor over all at once, opened and closed", { group: "cursor" }, () => {
  whole.cursor({ fillPool: true }).close();
});
Deno.bench("a cursor over all at once, at its first entry", { group: "cursor" }, () => {
  const cursor = whole.cursor({ fillPool: true });
  cursor.first();
  cursor.close();
});
