import { assert, assertEquals, assertThrows } from "@std/assert";
import { bytewise, type Comparator } from "./comparator.ts";
import { Cursor } from "./cursor.ts";
import {
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  makeInternalKey,
  SEQUENCE_MAX,
} from "./internal_key.ts";
import { Memtable } from "./memtable.ts";
import { MergeCursor } from "./merge_cursor.ts";
import { type Bound, VisibleCursor } from "./visible_cursor.ts";
import { generator } from "./random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const reverse: Comparator = { name: "reverse", compare: (a, b) => bytewise.compare(b, a) };

/** One version of a key; without a value it is a tombstone. */
interface Version {
  name: string;
  sequence: number;
  value?: string;
}

/** Versions written `name@sequence=value`, or `name@sequence` for a tombstone. */
function versions(text: string): Version[] {
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const [, name, sequence, value] = /^(.*)@(\d+)(?:=(.*))?$/.exec(word)!;
    return { name: name!, sequence: Number(sequence), ...(value !== undefined && { value }) };
  });
}

/** A strict source: complains when moved while invalid, and overwrites what it showed before. */
class VersionCursor extends Cursor {
  at = -1;
  closed = false;
  failing = false;
  readonly entries: { key: Uint8Array; value: Uint8Array }[];
  constructor(list: Version[], readonly order: InternalKeyComparator) {
    super();
    this.entries = list.map(({ name, sequence, value }) => ({
      key: makeInternalKey(
        encoder.encode(name),
        sequence,
        value === undefined ? KIND_TOMBSTONE : KIND_VALUE,
      ),
      value: encoder.encode(value ?? ""),
    })).sort((a, b) => order.compareKeys(a.key, b.key));
  }
  #show(at: number): void {
    if (this.failing) throw new Error("disk on fire");
    this.keyBuffer.fill(0xee);
    this.valueBuffer.fill(0xee);
    this.at = at;
    this.valid = at >= 0 && at < this.entries.length;
    if (!this.valid) return;
    const { key, value } = this.entries[at]!;
    this.keyBuffer = Uint8Array.of(9, ...key, 9, 9);
    this.keyStart = 1;
    this.keyEnd = 1 + key.length;
    this.valueBuffer = Uint8Array.of(9, 9, ...value, 9);
    this.valueStart = 2;
    this.valueEnd = 2 + value.length;
  }
  override first(): void {
    this.#show(0);
  }
  override last(): void {
    this.#show(this.entries.length - 1);
  }
  override seek(target: Uint8Array, start: number, end: number): void {
    const wanted = target.slice(start, end);
    const at = this.entries.findIndex((e) => this.order.compareKeys(e.key, wanted) >= 0);
    this.#show(at < 0 ? this.entries.length : at);
  }
  override next(): void {
    if (!this.valid) throw new Error("next on an invalid source");
    this.#show(this.at + 1);
  }
  override previous(): void {
    if (!this.valid) throw new Error("previous on an invalid source");
    this.#show(this.at - 1);
  }
  override close(): void {
    this.closed = true;
  }
}

interface Range {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
}

function bound(exclusive?: string, inclusive?: string): Bound | undefined {
  const key = inclusive ?? exclusive;
  return key === undefined
    ? undefined
    : { key: encoder.encode(key), inclusive: inclusive !== undefined };
}

function look(list: Version[], sequence: number, range: Range = {}, user = bytewise) {
  const order = new InternalKeyComparator(user);
  const source = new VersionCursor(list, order);
  const lower = bound(range.gt, range.gte);
  const upper = bound(range.lt, range.lte);
  return { source, cursor: new VisibleCursor(source, order, sequence, lower, upper) };
}

function current(cursor: VisibleCursor): string {
  if (!cursor.valid) return "end";
  const key = cursor.keyBuffer.subarray(cursor.keyStart, cursor.keyEnd);
  const value = cursor.valueBuffer.subarray(cursor.valueStart, cursor.valueEnd);
  return `${decoder.decode(key)}=${decoder.decode(value)}`;
}

function forward(cursor: VisibleCursor): string {
  const seen: string[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) seen.push(current(cursor));
  return seen.join(" ");
}

function backward(cursor: VisibleCursor): string {
  const seen: string[] = [];
  for (cursor.last(); cursor.valid; cursor.previous()) seen.push(current(cursor));
  return seen.join(" ");
}

function seek(cursor: VisibleCursor, name: string): string {
  const key = encoder.encode(`<${name}>`);
  cursor.seek(key, 1, key.length - 1);
  return current(cursor);
}

Deno.test("VisibleCursor shows the newest version of each key at each snapshot, both ways", () => {
  const list = versions("a@3=x b@9=y b@4 b@2=w c@5=u c@1=t");
  const expected = [
    "", // 0
    "c=t",
    "b=w c=t",
    "a=x b=w c=t",
    "a=x c=t",
    "a=x c=u",
    "a=x c=u",
    "a=x c=u",
    "a=x c=u",
    "a=x b=y c=u",
  ];
  for (const [sequence, seen] of expected.entries()) {
    const { cursor } = look(list, sequence);
    assertEquals(forward(cursor), seen, `at snapshot ${sequence}`);
    assertEquals(backward(cursor), seen.split(" ").toReversed().join(" "), `at ${sequence}`);
  }
});

Deno.test("B7: a tombstone hides every older version of its key, and no other key", () => {
  const { cursor } = look(versions("a@1=1 b@9 b@8=2 b@7=1 b@6 bb@2=3 c@5 c@4"), SEQUENCE_MAX);
  assertEquals(forward(cursor), "a=1 bb=3");
  assertEquals(backward(cursor), "bb=3 a=1");
});

Deno.test("B9: an empty value is a value, and an empty key a key", () => {
  const { cursor } = look(versions("@1= a@2= b@3"), SEQUENCE_MAX);
  assertEquals(forward(cursor), "= a=");
  assertEquals(backward(cursor), "a= =");
  assertEquals(seek(cursor, ""), "=");
  cursor.next();
  assertEquals(current(cursor), "a=");
});

Deno.test("seek() goes to the first visible key at or after the one asked for", () => {
  const { cursor } = look(versions("a@1=1 c@9=3 c@2=2 e@4 e@3=4 g@5=5"), 8);
  assertEquals(["", "a", "b", "c", "d", "e", "f", "g", "h"].map((name) => seek(cursor, name)), [
    "a=1",
    "a=1",
    "c=2",
    "c=2",
    "g=5",
    "g=5",
    "g=5",
    "g=5",
    "end",
  ]);
});

Deno.test("bounds hold for every move, whatever keys are at them", () => {
  const names = ["a", "b", "c", "d", "e"];
  const list = versions("b@1=1 b@7=2 c@3=3 d@8 d@2=4 d@1=5");
  for (const gone of [false, true]) { // d is deleted at snapshot 8
    const visible = ["b=2", "c=3", ...(gone ? [] : ["d=4"])];
    for (const low of [undefined, ...names]) {
      for (const high of [undefined, ...names]) {
        for (const kind of [0, 1, 2, 3]) {
          const range: Range = {
            ...(low !== undefined && (kind & 1 ? { gt: low } : { gte: low })),
            ...(high !== undefined && (kind & 2 ? { lt: high } : { lte: high })),
          };
          const within = visible.filter((seen) => {
            const name = seen[0]!;
            return !(name < low! || name > high! || (kind & 1 && name === low) ||
              (kind & 2 && name === high));
          });
          const where = JSON.stringify({ range, gone });
          const { cursor } = look(list, gone ? 8 : 7, range);
          assertEquals(forward(cursor), within.join(" "), where);
          assertEquals(backward(cursor), within.toReversed().join(" "), where);
          for (const name of names) {
            const expected = within.find((seen) => seen[0]! >= name) ?? "end";
            assertEquals(seek(cursor, name), expected, `seek ${name} ${where}`);
          }
        }
      }
    }
  }
});

for (const user of [bytewise, reverse]) {
  Deno.test(`VisibleCursor agrees with a model on random walks (${user.name})`, () => {
    for (let seed = 1; seed <= 120; seed++) randomWalk(user, seed);
  });
}

function randomWalk(user: Comparator, seed: number): void {
  const random = generator(seed);
  const names = 1 + random(12);
  const name = () => String.fromCharCode(97 + random(names)).repeat(1 + random(2));
  const list: Version[] = [];
  for (let sequence = 1 + random(60); sequence >= 0; sequence--) {
    list.push({ name: name(), sequence, ...(random(3) > 0 && { value: `v${sequence}` }) });
  }
  const range: Range = {};
  if (random(2) === 0) range[random(2) === 0 ? "gt" : "gte"] = name();
  if (random(2) === 0) range[random(2) === 0 ? "lt" : "lte"] = name();
  const compare = (a: string, b: string) => user.compare(encoder.encode(a), encoder.encode(b));
  for (let sequence = 0; sequence <= list.length; sequence++) {
    const newest = new Map<string, Version>();
    for (const version of list.toReversed()) {
      if (version.sequence <= sequence) newest.set(version.name, version);
    }
    const model = [...newest.values()].filter((v) =>
      v.value !== undefined &&
      !(range.gt !== undefined && compare(v.name, range.gt) <= 0) &&
      !(range.gte !== undefined && compare(v.name, range.gte) < 0) &&
      !(range.lt !== undefined && compare(v.name, range.lt) >= 0) &&
      !(range.lte !== undefined && compare(v.name, range.lte) > 0)
    ).sort((a, b) => compare(a.name, b.name));
    const { cursor } = look(list, sequence, range, user);
    let at = -1;
    for (let step = 0; step < 30; step++) {
      const action = cursor.valid ? random(12) : random(3);
      if (action === 0) {
        cursor.first();
        at = 0;
      } else if (action === 1) {
        cursor.last();
        at = model.length - 1;
      } else if (action === 2) {
        const target = name();
        seek(cursor, target);
        at = model.findIndex((v) => compare(v.name, target) >= 0);
      } else if (action < 8) {
        cursor.next();
        at++;
      } else {
        cursor.previous();
        at--;
      }
      const expected = model[at];
      assertEquals(
        current(cursor),
        expected === undefined ? "end" : `${expected.name}=${expected.value}`,
        `seed ${seed}, snapshot ${sequence}, step ${step}, action ${action}, ${
          JSON.stringify(range)
        }`,
      );
    }
  }
}

Deno.test("VisibleCursor is not disturbed by what its memtables get meanwhile", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = generator(seed);
    const order = new InternalKeyComparator();
    const index = random(2) === 0 ? "sorted-array" : "skip-list";
    const memtables = Array.from(
      { length: 1 + random(3) },
      () => new Memtable({ comparator: order, capacityBytes: 1 << 18, index }),
    );
    let sequence = 0;
    const model = new Map<string, string>();
    const write = () => {
      const name = String(random(40)).padStart(2, "0");
      const [key, value] = [encoder.encode(name), encoder.encode(`v${++sequence}`)];
      const kind = random(3) === 0 ? KIND_TOMBSTONE : KIND_VALUE;
      const valueEnd = kind === KIND_VALUE ? value.length : 0;
      // Into any of them: newer versions need not be in newer memtables for a cursor.
      memtables[random(memtables.length)]!
        .add(sequence, kind, key, 0, key.length, value, 0, valueEnd);
      return [name, kind === KIND_VALUE ? `v${sequence}` : undefined] as const;
    };
    for (let i = random(60); i > 0; i--) {
      const [name, value] = write();
      if (value === undefined) model.delete(name);
      else model.set(name, value);
    }
    const seen = [...model].sort(([a], [b]) => a < b ? -1 : 1).map((pair) => pair.join("="));
    const source = new MergeCursor(order, memtables.map((memtable) => memtable.cursor()));
    const cursor = new VisibleCursor(source, order, sequence);
    let at = -1;
    for (let step = 0; step < 400; step++) {
      for (let i = random(3); i > 0; i--) write();
      if (!cursor.valid) {
        at = random(2) === 0 ? 0 : seen.length - 1;
        if (at === 0) cursor.first();
        else cursor.last();
      } else if (random(2) === 0) {
        cursor.next();
        at++;
      } else {
        cursor.previous();
        at--;
      }
      assertEquals(current(cursor), seen[at] ?? "end", `seed ${seed}, step ${step}, ${index}`);
    }
    cursor.close();
  }
});

Deno.test("VisibleCursor keeps large keys and values apart while it goes backward", () => {
  const list: Version[] = [];
  for (let i = 0; i < 40; i++) {
    const name = String(i).padStart(2, "0") + "k".repeat(i * 37 % 1000);
    list.push({ name, sequence: 1, value: "w".repeat(i * 101 % 3000) });
    list.push({ name, sequence: 2, value: String(i).repeat(i * 89 % 4000) });
  }
  const { cursor } = look(list, SEQUENCE_MAX);
  const expected = list.filter((v) => v.sequence === 2).map((v) => `${v.name}=${v.value}`);
  assertEquals(forward(cursor), expected.join(" "));
  assertEquals(backward(cursor), expected.toReversed().join(" "));
});

Deno.test("skipped counts tombstones, older versions and versions newer than the snapshot", () => {
  const list = versions("a@9=1 a@3=2 a@2=3 b@4 b@1=4 c@2=5");
  const there = look(list, 5).cursor;
  assertEquals(forward(there), "a=2 c=5");
  assertEquals(there.skipped, 4); // a@9 a@2 b@4 b@1
  const back = look(list, 5).cursor;
  assertEquals(backward(back), "c=5 a=2");
  assertEquals(back.skipped, 4);
});

Deno.test("a range does not walk into the tombstones beside it", () => {
  const list = versions("m@1=1");
  for (let i = 0; i < 1000; i++) {
    list.push({ name: `a${i}`, sequence: 2 }, { name: `z${i}`, sequence: 2 });
  }
  for (const sequence of [1, 2]) { // not visible yet; deleted
    const { cursor } = look(list, sequence, { gte: "m", lt: "n" });
    assertEquals(forward(cursor), "m=1");
    assertEquals(backward(cursor), "m=1");
    assertEquals(cursor.skipped, 0);
  }
});

Deno.test("an error of the source leaves the cursor invalid, and usable once the source works again", () => {
  const { cursor, source } = look(versions("a@2=1 a@1=0 b@3=2 c@4=3"), SEQUENCE_MAX);
  for (const start of ["first", "last"] as const) {
    for (const move of ["first", "last", "next", "previous"] as const) {
      cursor[start]();
      source.failing = true;
      assertThrows(() => cursor[move](), Error, "disk on fire", `${move} after ${start}`);
      assertEquals(cursor.valid, false);
      source.failing = false;
    }
  }
  assertEquals(forward(cursor), "a=1 b=2 c=3");
});

Deno.test("next() and previous() refuse an invalid cursor; close() closes the source", () => {
  const { cursor, source } = look(versions("a@1=1"), SEQUENCE_MAX);
  assertThrows(() => cursor.next(), Error, "only a valid cursor");
  cursor.first();
  cursor.next();
  assert(!cursor.valid);
  assertThrows(() => cursor.previous(), Error, "only a valid cursor");
  cursor.first();
  cursor.close();
  cursor.close();
  assertEquals([cursor.valid, source.closed], [false, true]);
});

Deno.test("cursors that are open together have buffers of their own, whatever was closed before", () => {
  const list = versions("a@1=1 b@1=2 c@1=3");
  for (let round = 0; round < 20; round++) {
    const { cursor } = look(list, SEQUENCE_MAX);
    assertEquals(forward(cursor), "a=1 b=2 c=3");
    cursor.close();
    cursor.close(); // must not give anything back a second time
  }
  const cursors = Array.from({ length: 20 }, () => look(list, SEQUENCE_MAX).cursor);
  cursors.forEach((cursor, i) => {
    cursor.last();
    for (let steps = i % 3; steps > 0; steps--) cursor.previous();
  });
  const expected = cursors.map((_, i) => ["c=3", "b=2", "a=1"][i % 3]!);
  assertEquals(cursors.map(current), expected);
});
