/**
 * One moment of a database: who answers a get, what a cursor sees, and what is held for them.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { generator } from "./random.ts";
import { bytewiseKeys, type Entry, entry, lookupOf, utf8, valueOf } from "../tests/tables.ts";
import { memtableOf, parseEntries, SmallTree, textOf } from "../tests/trees.ts";
import { CorruptionError } from "./errors.ts";
import { ABSENT, DELETED, SEQUENCE_MAX, userKeyOf } from "./internal_key.ts";
import { MemtableSlot } from "./memtable_set.ts";
import { ReadView } from "./read_view.ts";
import { emptyVersionEdit } from "./version_edit.ts";
import type { Bound } from "./visible_cursor.ts";

/** Slots of memtables, newest first, and how many are no longer held by anyone. */
function slotsOf(...texts: string[]): { slots: MemtableSlot[]; released: number[] } {
  const released: number[] = [];
  const slots = texts.map((text, i) => {
    return new MemtableSlot(memtableOf(text), i, () => void released.push(i));
  });
  return { slots, released };
}

function get(view: ReadView, key: string, sequence = SEQUENCE_MAX): string | undefined {
  const lookup = lookupOf(utf8(key), sequence);
  view.get(lookup);
  if (lookup.outcome === DELETED) return "deleted";
  return lookup.outcome === ABSENT ? undefined : new TextDecoder().decode(valueOf(lookup));
}

Deno.test("a get is answered by the newest that knows the key", () => {
  const small = new SmallTree();
  for (const [level, text] of ["a@1=L2 b@1=L2 c@1=L2 d@1=L2 e@1=L2 f@1=L2"].entries()) {
    small.addTable(level + 2, text);
  }
  small.addTable(1, "a@2=L1 b@2=L1 c@2=L1 d@2=L1 e@2=L1");
  small.addTable(0, "a@3=old b@3=old c@3=old d@3=old");
  small.addTable(0, "a@4=new b@4=new c@4=new");
  const { slots } = slotsOf("a@6=active", "a@5=frozen b@5=frozen");
  const view = new ReadView(slots, small.tree);
  const found = ["a", "b", "c", "d", "e", "f", "g"].map((key) => get(view, key));
  assertEquals(found, ["active", "frozen", "new", "old", "L1", "L2", undefined]);
  assertEquals([6, 5, 4, 3, 2, 1, 0].map((sequence) => get(view, "a", sequence)), [
    ...["active", "frozen", "new", "old", "L1", "L2"],
    undefined,
  ]);
  view.release();
  small.close();
});

Deno.test("a tombstone ends the search, wherever it is (invariant 3)", () => {
  for (const at of ["active", "frozen", "0", "1", "2"]) {
    const small = new SmallTree();
    small.addTable(3, "a@1=x b@1=y");
    if (at.length === 1) small.addTable(Number(at), "a@5!");
    const { slots } = slotsOf(at === "active" ? "a@5!" : "", at === "frozen" ? "a@5!" : "");
    const view = new ReadView(slots, small.tree);
    assertEquals([get(view, "a"), get(view, "b"), get(view, "a", 4)], ["deleted", "y", "x"], at);
    view.release();
    small.close();
  }
});

Deno.test("an empty value is a value, wherever it is", () => {
  const small = new SmallTree();
  small.addTable(1, "a@1= b@1=x");
  const { slots } = slotsOf("b@2=");
  const view = new ReadView(slots, small.tree);
  assertEquals([get(view, "a"), get(view, "b"), get(view, "b", 1)], ["", "", "x"]);
  view.release();
  small.close();
});

Deno.test("versions of one key in two tables of a level are found in either", () => {
  const small = new SmallTree();
  small.addTable(1, "a@9=z b@8=8 b@7=7");
  small.addTable(1, "b@6=6 b@5! c@1=y");
  const view = new ReadView([], small.tree);
  assertEquals([9, 8, 7, 6, 5, 4].map((sequence) => get(view, "b", sequence)), [
    ...["8", "8", "7", "6", "deleted"],
    undefined,
  ]);
  view.release();
  small.close();
});

Deno.test("keys between and beyond the tables of a level are not there", () => {
  const small = new SmallTree();
  small.addTable(1, "b@1=x d@1=x");
  small.addTable(1, "f@1=x h@1=x");
  small.addTable(0, "c@2=y");
  const view = new ReadView([], small.tree);
  const found = ["", "a", "b", "c", "cc", "d", "e", "f", "g", "h", "i"].map((key) =>
    get(view, key)
  );
  const absent = undefined;
  assertEquals(found, [
    ...[absent, absent, "x", "y", absent, "x", absent, "x", absent, "x"],
    absent,
  ]);
  view.release();
  small.close();
});

Deno.test("a view does not change, but its newest memtable grows (invariant 1)", () => {
  const small = new SmallTree();
  const a = small.addTable(1, "a@1=x");
  const { slots } = slotsOf("", "b@2=y");
  const view = new ReadView(slots, small.tree);
  slots[0]!.memtable.add(7, 1, utf8("c"), 0, 1, utf8("z"), 0, 1);
  small.tree.apply({ ...emptyVersionEdit(), deleted: [{ level: 1, number: a.number }] });
  small.addTable(0, "a@9=later");
  assertEquals([get(view, "a"), get(view, "b")], ["x", "y"]);
  assertEquals([get(view, "c"), get(view, "c", 6)], ["z", undefined]);
  const cursor = view.cursor({ fillPool: true });
  assertEquals(textOf(cursor), "a@1=x b@2=y c@7=z");
  cursor.close();
  view.release();
  small.close();
});

Deno.test("what a view holds is let go of by its last holder, not before (invariant 2)", () => {
  const small = new SmallTree();
  const { number } = small.addTable(1, "a@1=x");
  const { slots, released } = slotsOf("b@2=y", "c@3=z");
  slots[0]!.retain(); // another view
  const view = new ReadView(slots, small.tree);
  view.retain();
  small.tree.apply({ ...emptyVersionEdit(), deleted: [{ level: 1, number }] });
  view.release();
  assertEquals([released, small.tableFiles().length], [[], 1]);
  assertEquals([get(view, "a"), get(view, "c")], ["x", "z"]);
  view.release();
  assertEquals([released, small.tableFiles().length], [[1], 0]);
  slots[0]!.release();
  assertEquals(released, [1, 0]);
  assertThrows(() => view.release(), Error, "as often as");
  small.close();
});

Deno.test("a cursor sees all versions of all memtables and tables, in order", () => {
  const small = new SmallTree();
  small.addTable(2, "a@1=1 m@2=2");
  small.addTable(1, "b@5=5");
  small.addTable(1, "m@6! z@3=3");
  small.addTable(0, "a@8=8 z@9!");
  small.addTable(0, "c@10=10");
  const { slots } = slotsOf("a@20! b@21=21", "a@15=15");
  const view = new ReadView(slots, small.tree);
  const cursor = view.cursor({ fillPool: true });
  assertEquals(
    textOf(cursor),
    "a@20! a@15=15 a@8=8 a@1=1 b@21=21 b@5=5 c@10=10 m@6! m@2=2 z@9! z@3=3",
  );
  cursor.close();
  view.release();
  small.close();
});

Deno.test("a cursor of a range opens no table that is outside it", () => {
  const small = new SmallTree();
  small.addTable(2, "g@1=1 h@1=1");
  small.addTable(1, "c@2=2");
  small.addTable(1, "k@3=3");
  small.addTable(0, "a@4=4 b@4=4");
  small.addTable(0, "h@5=5 z@5=5");
  const { slots } = slotsOf("", "g@6=6");
  const view = new ReadView(slots, small.tree);
  const opened = (lower?: Bound, upper?: Bound) => {
    for (let number = 0; number < 20; number++) small.cache.drop(number);
    const before = small.cache.stats().opens;
    const cursor = view.cursor({ fillPool: true }, lower, upper);
    const text = textOf(cursor);
    cursor.close();
    return [text, small.cache.stats().opens - before];
  };
  const at = (key: string, inclusive = true) => ({ key: utf8(key), inclusive });
  const all = "a@4=4 b@4=4 c@2=2 g@6=6 g@1=1 h@5=5 h@1=1 k@3=3 z@5=5";
  assertEquals(opened(), [all, 5]);
  assertEquals(opened(at("d"), at("f")), ["c@2=2 g@6=6 k@3=3", 2], "level 1 goes from c to k");
  assertEquals(opened(at("l")), ["g@6=6 h@5=5 z@5=5", 1]);
  assertEquals(opened(undefined, at("b")), ["a@4=4 b@4=4 g@6=6", 1]);
  // A key that begins or ends a table is in it.
  assertEquals(opened(at("z"), at("z")), ["g@6=6 h@5=5 z@5=5", 1]);
  assertEquals(opened(at("a"), at("a")), ["a@4=4 b@4=4 g@6=6", 1]);
  assertEquals(opened(at("zz")), ["g@6=6", 0]);
  view.release();
  small.close();
});

Deno.test("a cursor that cannot be made leaves nothing open", () => {
  const small = new SmallTree();
  const good = small.addTable(0, "a@1=x");
  const bad = small.addTable(0, "b@2=x");
  // The newest is asked for first: let the older one be the damaged one.
  const damaged = small.tree.tablePath(Math.min(good.number, bad.number));
  small.memory.writeAll(damaged, new Uint8Array(100));
  const view = new ReadView([], small.tree);
  assertThrows(() => view.cursor({ fillPool: true }), CorruptionError);
  view.release();
  for (const { number } of [good, bad]) small.cache.drop(number);
  assertEquals(small.disk.openHandles, 1, "the manifest's; a table in use would still be open");
  small.close();
});

Deno.test("of a get that looks in several tables the first one is charged, once", () => {
  const small = new SmallTree();
  small.addTable(2, "a@1=x c@1=x");
  small.addTable(1, "a@2=y c@2=y");
  const top = small.addTable(0, "a@3=z c@3=z");
  const view = new ReadView([], small.tree);
  top.allowedSeeks = 3;
  get(view, "a"); // found at once
  get(view, "z"); // in nobody's range
  assertEquals(top.allowedSeeks, 3);
  get(view, "b"); // in everybody's range
  get(view, "b");
  assertEquals([top.allowedSeeks, view.seekCandidate], [1, undefined]);
  get(view, "b");
  assertEquals(top.allowedSeeks, 0);
  assertEquals(view.seekCandidate, { level: 0, table: top });
  view.release();
  small.close();
});

Deno.test("random views: get and cursor agree with all entries in one array", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = generator(seed);
    const small = new SmallTree();
    const all: Entry[] = [];
    /** Twelve random versions, numbered from `from` on, in order. */
    const some = (from: number): Entry[] => {
      const entries = Array.from({ length: 12 }, (_, i) => {
        return entry(`k${random(15)}`, `${from + i}`, from + i, random(4) === 0 ? 0 : 1);
      });
      all.push(...entries);
      return entries.sort(([a], [b]) => bytewiseKeys.compareKeys(a, b));
    };
    let from = 1;
    for (const level of [3, 2, 1, 0, 0, 0]) {
      if (random(4) > 0) small.addTable(level, some(from));
      from += 12;
    }
    const texts: string[] = [];
    for (let i = 0; i < 3; i++, from += 12) {
      texts.unshift(
        some(from).map(([key, value]) => {
          const trailer = new DataView(key.buffer).getBigUint64(key.length - 8, true);
          const user = new TextDecoder().decode(userKeyOf(key));
          const end = (trailer & 1n) === 0n ? "!" : `=${new TextDecoder().decode(value)}`;
          return `${user}@${trailer >> 8n}${end}`;
        }).join(" "),
      );
    }
    const view = new ReadView(slotsOf(...texts).slots, small.tree);
    all.sort(([a], [b]) => bytewiseKeys.compareKeys(a, b));
    const cursor = view.cursor({ fillPool: true });
    const words = textOf(cursor).split(" ");
    cursor.close();
    assertEquals(parseEntries(words.join(" ")).map(([key]) => key), all.map(([key]) => key));
    for (let i = 0; i < 300; i++) {
      const key = `k${random(17)}`;
      const sequence = random(from + 2);
      // In order, so the first version that is old enough is the newest of these.
      const word = words.find((word) => {
        const [user, rest] = word.split("@");
        return user === key && Number.parseInt(rest!) <= sequence;
      });
      const expected = word === undefined
        ? undefined
        : word.endsWith("!")
        ? "deleted"
        : word.split("=")[1];
      assertEquals(get(view, key, sequence), expected, `seed ${seed}: ${key} at ${sequence}`);
    }
    view.release();
    small.close();
  }
});

Deno.test("blocks read for a scan stay in the pool if they may, and not if they may not", () => {
  for (const fillPool of [true, false]) {
    const small = new SmallTree();
    const entries = Array.from({ length: 500 }, (_, i) => `k${1000 + i}@1=${"v".repeat(90)}`);
    small.addTable(1, entries.join(" "));
    const view = new ReadView([], small.tree);
    const cursor = view.cursor({ fillPool });
    textOf(cursor);
    cursor.close();
    const { usedBytes } = small.pool.stats();
    assert(fillPool ? usedBytes > 45_000 : usedBytes < 20_000, `${usedBytes} bytes`);
    view.release();
    small.close();
  }
});
