/**
 * Cursors of the public API: where they go, what they lend and for how long, and how they end.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { bytewiseKeys } from "../tests/tables.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { bytes, type Codec, type KeyCodec, number, utf8 } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { Lookup } from "./internal_key.ts";
import { Keyspace } from "./keyspace.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemtableSlot } from "./memtable_set.ts";
import type { RangeOptions } from "./options.ts";
import { generator } from "./random.ts";
import { type RangeCursor, StoreCursor } from "./range_cursor.ts";
import { ReadView } from "./read_view.ts";
import { Scan } from "./scan.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A memtable and a table to walk over. */
class Stage {
  readonly small = new SmallTree();
  readonly #view: ReadView;
  readonly scans: Scan[] = [];
  /** Scans that were closed. */
  ends = 0;

  constructor(entries: string, table?: string) {
    if (table !== undefined) this.small.addTable(1, table);
    this.#view = new ReadView(
      [new MemtableSlot(memtableOf(entries), 3, () => {})],
      this.small.tree,
    );
  }

  of<K, V>(key: KeyCodec<K>, value: Codec<V>, range: RangeOptions<K> = {}, prefix = "") {
    const keyspace = new Keyspace(key, value, encoder.encode(prefix), true);
    const lookup = new Lookup();
    const settings = { fillPool: true, onClose: () => void this.ends++ };
    const bounds = keyspace.bounds(range, lookup);
    const scan = new Scan(this.#view, bytewiseKeys, 2 ** 40, bounds, settings);
    this.scans.push(scan);
    return new StoreCursor<K, V>(scan, keyspace, lookup);
  }

  cursor(range: RangeOptions<string> = {}, prefix = ""): StoreCursor<string, string> {
    return this.of(utf8, utf8, range, prefix);
  }
}

const FRUIT = "apple@1=5 banana@2=6 cherry@3=6 damson@4=6";

/** The entry that a cursor is at, told in every way that there is. */
function current(cursor: RangeCursor<string, string>): string {
  const { key, value, keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
  assertEquals(decoder.decode(keyBuffer.slice(keyStart, keyEnd)), key);
  assertEquals(decoder.decode(valueBuffer.slice(valueStart, valueEnd)), value);
  return `${key}=${value}`;
}

function forward(cursor: RangeCursor<string, string>): string {
  const seen: string[] = [];
  while (cursor.next()) seen.push(current(cursor));
  return seen.join(" ");
}

function backward(cursor: RangeCursor<string, string>): string {
  const seen: string[] = [];
  while (cursor.previous()) seen.push(current(cursor));
  return seen.join(" ");
}

Deno.test("A new cursor goes to the first entry or to the last, and on from end to end", () => {
  const there = new Stage(FRUIT).cursor();
  assertEquals(forward(there), "apple=5 banana=6 cherry=6 damson=6");
  assertEquals([there.next(), there.next()], [false, false], "it stays after the last");
  assertEquals(backward(there), "damson=6 cherry=6 banana=6 apple=5");
  assertEquals([there.previous(), there.previous()], [false, false], "it stays before the first");
  assertEquals([there.next(), current(there)], [true, "apple=5"]);
  const back = new Stage(FRUIT).cursor();
  assertEquals(backward(back), "damson=6 cherry=6 banana=6 apple=5");
  assertEquals(forward(back), "apple=5 banana=6 cherry=6 damson=6");
});

Deno.test("seek() goes to the first entry of the range at or after a key, or behind the last", () => {
  const cursor = new Stage(FRUIT, "avocado@5=7 zucchini@6=8").cursor({
    gt: "apple",
    lte: "damson",
  });
  const sought = (key: string) => cursor.seek(key) ? cursor.key : "none";
  assertEquals(["", "apple", "b", "banana", "banana "].map(sought), [
    ...["avocado", "avocado", "banana", "banana", "cherry"],
  ]);
  assertEquals(["damson", "damson ", "zucchini", "zz"].map(sought), [
    ...["damson", "none", "none", "none"],
  ]);
  assertEquals([cursor.previous(), cursor.key], [true, "damson"], "back from behind the last");
  assertEquals([sought("x"), cursor.next()], ["none", false]);
  assertEquals([sought("banana"), cursor.previous(), cursor.key], ["banana", true, "avocado"]);
  assertEquals([cursor.previous(), cursor.next(), cursor.key], [false, true, "avocado"]);
});

Deno.test("An empty range has no entry, whichever way", () => {
  for (const range of [{ gt: "x" }, { lt: "a" }, { gte: "b", lt: "b" }, { prefix: "q" }]) {
    const cursor = new Stage(FRUIT).cursor(range);
    assertEquals([cursor.next(), cursor.previous(), cursor.seek("banana")], [false, false, false]);
    assertEquals([cursor.previous(), cursor.next()], [false, false]);
  }
});

Deno.test("In a sublevel keys are without its prefix, and no move leaves it", () => {
  const cursor = new Stage("!a@1=x !a!k@2=1 !a!l@3=2 !b!k@4=y", "!a!@5=0 !a!z@6=3").cursor(
    {},
    "!a!",
  );
  assertEquals(forward(cursor), "=0 k=1 l=2 z=3");
  assertEquals(backward(cursor), "z=3 l=2 k=1 =0");
  assertEquals([cursor.seek("kk"), cursor.key, cursor.seek("zz")], [true, "l", false]);
});

Deno.test("At no entry there is nothing to read", () => {
  const cursor = new Stage(FRUIT).cursor();
  const assertNothing = () => {
    assertThrows(() => cursor.key, TypeError, "Cannot read key: cursor is at no entry");
    assertThrows(() => cursor.value, TypeError, "Cannot read value: cursor is at no entry");
    const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
    assertEquals([keyBuffer.length, keyStart, keyEnd], [0, 0, 0]);
    assertEquals([valueBuffer.length, valueStart, valueEnd], [0, 0, 0]);
  };
  assertNothing();
  cursor.next();
  cursor.previous();
  assertNothing();
  cursor.seek("z");
  assertNothing();
});

Deno.test("The bytes codec lends views until the next move; other codecs give what may be kept (invariant 1)", () => {
  const stage = new Stage("", "a@1=xx b@2=yyy c@3=");
  const lent = stage.of(bytes, bytes);
  lent.next();
  const { key, value } = lent;
  assertEquals([decoder.decode(key), decoder.decode(value)], ["a", "xx"]);
  assertStrictEquals(key.buffer, lent.keyBuffer.buffer, "no copy");
  assertStrictEquals(value.buffer, lent.valueBuffer.buffer, "no copy");
  lent.seek(encoder.encode("c"));
  assertEquals([decoder.decode(lent.key), lent.value.length], ["c", 0]);

  const plain = { ordered: true, encode: bytes.encode, decode: bytes.decode } as const;
  const kept = stage.of(plain, plain);
  const entries: string[] = [];
  const all: Uint8Array[] = [];
  while (kept.next()) {
    all.push(kept.key, kept.value);
    entries.push(decoder.decode(kept.key), decoder.decode(kept.value));
  }
  assertEquals(all.map((it) => decoder.decode(it)), entries);
  const numbers = stage.of(number, utf8);
  numbers.next();
  assertThrows(() => numbers.key, TypeError, "expected 8 bytes");
  assertEquals(numbers.value, "xx", "a key that cannot be decoded leaves the cursor where it is");
});

Deno.test("A closed cursor holds nothing and says CLOSED, also at its end (invariant 3)", () => {
  for (const move of ["next", "previous", "none"] as const) {
    const stage = new Stage(FRUIT);
    {
      using cursor = stage.cursor();
      if (move !== "none") { while (cursor[move]()); }
      assertEquals(stage.ends, 0, "an end does not close it");
      cursor.close();
      assertEquals(stage.ends, 1);
      for (
        const use of [
          () => cursor.next(),
          () => cursor.previous(),
          () => cursor.seek("apple"),
          () => cursor.key,
          () => cursor.value,
        ]
      ) {
        const { code, message } = assertThrows(use, VarveError);
        assertEquals(code, "CLOSED");
        assert(message.endsWith("cursor is closed"), message);
      }
      assertEquals([cursor.keyBuffer.length, cursor.keyEnd, cursor.valueEnd], [0, 0, 0]);
    }
    assertEquals(stage.ends, 1);
  }
});

Deno.test("A cursor whose scan was closed under it says CLOSED (invariant 3)", () => {
  const stage = new Stage(FRUIT);
  const cursor = stage.cursor();
  cursor.next();
  for (const scan of stage.scans) scan.close();
  for (const use of [() => cursor.next(), () => cursor.seek("apple"), () => cursor.key]) {
    const { code, message } = assertThrows(use, VarveError);
    assertEquals([code, message.endsWith("database is closed")], ["CLOSED", true]);
  }
  assertEquals(cursor.valueBuffer.length, 0);
});

Deno.test("A cursor that meets damage tells, and is closed (invariant 3)", () => {
  for (const move of ["next", "previous", "seek"] as const) {
    const stage = new Stage("a@1=memory", "b@2=table");
    const { tree, memory } = stage.small;
    const path = tree.tablePath(tree.version.levels[1]![0]!.number);
    const damaged = memory.readAll(path);
    damaged[3]! ^= 1;
    memory.writeAll(path, damaged);
    const cursor = stage.cursor();
    assertThrows(() => move === "seek" ? cursor.seek("b") : cursor[move](), CorruptionError);
    assertEquals(stage.ends, 1);
    assertEquals(assertThrows(() => cursor.next(), VarveError).code, "CLOSED");
  }
});

Deno.test("A key that cannot be encoded leaves the cursor where it is", () => {
  const cursor = new Stage(FRUIT).cursor();
  cursor.next();
  assertThrows(() => cursor.seek(5 as unknown as string), TypeError, "Cannot encode as utf8");
  assertThrows(() => cursor.seek("x".repeat(70_000)), VarveError, "over the limit");
  assertEquals([current(cursor), cursor.next(), current(cursor)], ["apple=5", true, "banana=6"]);
});

Deno.test("A key codec that closes the cursor meanwhile finds it closed", () => {
  const stage = new Stage(FRUIT);
  const meddling: KeyCodec<string> = {
    ordered: true,
    encode(value) {
      cursor.close();
      return encoder.encode(value);
    },
    decode: utf8.decode,
  };
  const cursor: StoreCursor<string, string> = stage.of(meddling, utf8);
  assertEquals(assertThrows(() => cursor.seek("apple"), VarveError).code, "CLOSED");
  assertEquals(stage.ends, 1);
});

Deno.test("Cursors walk at random as a position in an array does, whatever is written meanwhile", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = generator(seed);
    const memtableBytes = 65_536;
    const options = { sync: false, memtableBytes, blockBytes: 256, tableBytes: 4096, poolBytes: 0 };
    const db = openDatabase<string, string>("db", options, new MemoryFileSystem());
    const key = () => `k${random(60)}`.slice(0, 1 + random(3));
    const writeSome = async () => {
      for (let i = random(60); i > 0; i--) {
        if (random(3) === 0) db.deleteSync(key());
        else db.putSync(key(), `${random(1000)}`.repeat(random(20)));
      }
      if (random(3) === 0) await db.flush();
      if (random(6) === 0) await db.compact();
    };
    for (let i = 0; i < 5; i++) await writeSome();
    const range = {
      ...random(2) === 0 ? { gte: key() } : {},
      ...random(2) === 0 ? { lt: key() } : {},
    };
    const entries = [...db.entriesSync(range)];
    using cursor = db.cursorSync(range);
    /** -1 before the first, the length after the last; undefined for a new one. */
    let at: number | undefined;
    for (let step = 0; step < 300; step++) {
      const move = random(5);
      let moved: boolean;
      if (move < 2) {
        at = at === undefined ? 0 : Math.min(at + 1, entries.length);
        moved = cursor.next();
      } else if (move < 4) {
        at = at === undefined ? entries.length - 1 : Math.max(at - 1, -1);
        moved = cursor.previous();
      } else {
        const target = key();
        const found = entries.findIndex(([it]) => it >= target);
        at = found < 0 ? entries.length : found;
        moved = cursor.seek(target);
      }
      const about = `seed ${seed}, step ${step}`;
      assertEquals(moved, entries[at] !== undefined, about);
      if (moved) assertEquals([cursor.key, cursor.value], entries[at], about);
      if (random(20) === 0) await writeSome();
    }
    await db.close();
    assertEquals(assertThrows(() => cursor.next(), VarveError).code, "CLOSED");
  }
});
