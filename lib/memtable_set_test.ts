/**
 * The active memtable and the frozen ones: who holds them, what becomes of their memory, and in which order they leave.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { bytewiseKeys, lookupOf, utf8, valueOf } from "../tests/tables.ts";
import { memtableOf, textOf } from "../tests/trees.ts";
import { FOUND } from "./internal_key.ts";
import type { Memtable } from "./memtable.ts";
import { MemtableSet, MemtableSlot } from "./memtable_set.ts";

const BYTES = 64 * 1024;

function put(memtable: Memtable, sequence: number, key: string, value: string): void {
  const [keyBytes, valueBytes] = [utf8(key), utf8(value)];
  memtable.add(sequence, 1, keyBytes, 0, keyBytes.length, valueBytes, 0, valueBytes.length);
}

function emptySet(): MemtableSet {
  return new MemtableSet(bytewiseKeys, BYTES, 3, []);
}

/** Holds all memtables, as a view does. */
function hold(set: MemtableSet): () => void {
  const slots = set.newestFirst();
  for (const slot of slots) slot.retain();
  return () => slots.forEach((slot) => slot.release());
}

Deno.test("A set begins with an empty active memtable, of the size asked for", () => {
  const set = emptySet();
  const { memtable, logNumber } = set.active;
  assertEquals([memtable.entryCount, memtable.capacityBytes, logNumber], [0, BYTES, 3]);
  assertEquals([set.frozenCount, set.frozenBytes], [0, 0]);
  assertEquals([set.oldestFrozen, set.newestFrozen], [undefined, undefined]);
  assertEquals(set.newestFirst(), [set.active]);
});

Deno.test("Memtables replayed from logs are asked newest first", () => {
  const old = memtableOf("a@1=old");
  const young = memtableOf("a@2=young");
  const set = new MemtableSet(bytewiseKeys, BYTES, 0, [old, young]);
  const order = set.newestFirst().map(({ memtable }) => memtable);
  assertEquals([order[1] === young, order[2] === old, order.length], [true, true, 3]);
});

Deno.test("A frozen memtable keeps its entries and its log; writes go to another (invariant 2)", () => {
  const set = emptySet();
  put(set.active.memtable, 1, "a", "old");
  const first = set.active;
  set.freeze(1, 5, 0);
  put(set.active.memtable, 2, "a", "new");
  assertEquals([set.active.logNumber, set.frozenCount], [5, 1]);
  assertStrictEquals(set.oldestFrozen, first);
  assertEquals([first.logNumber, first.lastSequence], [3, 1]);
  assertEquals(textOf(first.memtable.cursor()), "a@1=old");
  assertEquals(textOf(set.active.memtable.cursor()), "a@2=new");
  assertEquals(set.frozenBytes, first.memtable.usedBytes);
});

Deno.test("Frozen memtables leave oldest first, and say which log is needed then (invariant 2)", () => {
  const set = emptySet();
  for (const logNumber of [4, 6, 9]) set.freeze(logNumber, logNumber, 0);
  const order = set.newestFirst().map((slot) => slot.logNumber);
  assertEquals(order, [9, 6, 4, 3]);
  assertEquals(set.newestFrozen?.logNumber, 6);
  const left: number[] = [];
  while (set.frozenCount > 0) {
    const after = set.logNumberAfterFlush;
    const slot = set.removeOldest();
    left.push(slot.logNumber);
    // Once it is in a table, the lowest log needed is that of the oldest memtable left.
    assertEquals(after, (set.oldestFrozen ?? set.active).logNumber);
  }
  assertEquals(left, [3, 4, 6]);
  assertThrows(() => set.removeOldest(), Error, "only a frozen memtable is flushed");
});

Deno.test("The memory of a flushed memtable is used again when its last reader is gone (invariant 1)", () => {
  const set = emptySet();
  put(set.active.memtable, 1, "key", "precious");
  const release = [hold(set), hold(set)];
  const { memtable } = set.active;
  const { buffer } = memtable;
  set.freeze(1, 4, 0);
  release.push(hold(set)); // of the new one too
  set.removeOldest();
  const readsKey = () => {
    const lookup = lookupOf(utf8("key"));
    memtable.get(lookup);
    return lookup.outcome === FOUND && new TextDecoder().decode(valueOf(lookup)) === "precious";
  };
  for (const [i, letGo] of release.entries()) {
    set.freeze(2 + i, 5 + i, 0);
    assert(set.active.memtable.buffer !== buffer, `reader ${i}`);
    put(set.active.memtable, 3 + i, "key", "overwritten");
    assert(readsKey(), `reader ${i}`);
    letGo();
  }
  set.freeze(9, 20, 0);
  assertStrictEquals(set.active.memtable.buffer, buffer);
  assertEquals([set.active.memtable.entryCount, textOf(set.active.memtable.cursor())], [0, ""]);
});

Deno.test("Memory is kept for two memtables of the usual size, and not for large ones (invariant 1)", () => {
  const set = emptySet();
  set.freeze(0, 4, 10 * BYTES);
  assertEquals(set.active.memtable.capacityBytes, 10 * BYTES);
  const large = set.active.memtable.buffer;
  for (let i = 0; i < 5; i++) set.freeze(0, 5 + i, 0);
  const buffers = new Set(set.newestFirst().map(({ memtable }) => memtable.buffer));
  assertEquals(buffers.size, 7);
  const release = hold(set);
  while (set.frozenCount > 0) set.removeOldest();
  release();
  const again: boolean[] = [];
  for (let i = 0; i < 4; i++) {
    set.freeze(0, 20 + i, 0);
    const { buffer, capacityBytes } = set.active.memtable;
    assertEquals([buffer === large, capacityBytes], [false, BYTES]);
    again.push(buffers.has(buffer));
  }
  assertEquals(again, [true, true, false, false]);
});

Deno.test("A memtable is released as often as it was retained, and unused once (invariant 1)", () => {
  let unused = 0;
  const slot = new MemtableSlot(memtableOf("a@1=1"), 3, () => unused++);
  slot.retain();
  slot.retain();
  slot.release();
  assertEquals(unused, 0);
  slot.release();
  assertEquals(unused, 1);
  assertThrows(() => slot.release(), Error, "as often as it was retained");
});

Deno.test("Without memory for another memtable all is as it was", () => {
  const set = new MemtableSet(bytewiseKeys, BYTES, 3, [memtableOf("a@1=old")]);
  const { active } = set;
  put(active.memtable, 2, "a", "new");
  assertThrows(() => set.freeze(2, 7, 2 ** 52), RangeError);
  assertStrictEquals(set.active, active);
  assertEquals([set.frozenCount, set.logNumberAfterFlush], [1, 3]);
  assertEquals(set.newestFirst().map(({ memtable }) => textOf(memtable.cursor())), [
    "a@2=new",
    "a@1=old",
  ]);
});
