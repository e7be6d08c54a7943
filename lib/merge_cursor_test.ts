import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { bytewise, type Comparator } from "./comparator.ts";
import { Cursor, EmptyCursor } from "./cursor.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey, sequenceAt } from "./internal_key.ts";
import { MergeCursor, mergeCursors } from "./merge_cursor.ts";
import { generator, type Random } from "./random.ts";

const comparator = new InternalKeyComparator();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Entry {
  key: Uint8Array;
  value: Uint8Array;
}

/** An entry `name@sequence`, whose value says which run it is from. */
function entry(name: string, sequence: number, run: number): Entry {
  const key = makeInternalKey(encoder.encode(name), sequence, KIND_VALUE);
  return { key, value: encoder.encode(`run ${run}`) };
}

/** A strict child: complains when moved while invalid or used when closed, and overwrites what it showed before. */
class ArrayCursor extends Cursor {
  at = -1;
  closed = 0;
  failing = false;
  moves = 0;
  constructor(readonly entries: Entry[], readonly order: InternalKeyComparator) {
    super();
  }
  #show(at: number): void {
    if (this.closed > 0) throw new Error("used after close");
    if (this.failing) throw new Error("disk on fire");
    this.moves++;
    this.keyBuffer.fill(0xee);
    this.valueBuffer.fill(0xee);
    this.at = at;
    this.valid = at >= 0 && at < this.entries.length;
    if (!this.valid) return;
    const { key, value } = this.entries[at]!;
    // Neither starts at 0 nor ends at the end of its buffer.
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
    const wanted = target.subarray(start, end);
    const at = this.entries.findIndex((e) => this.order.compareKeys(e.key, wanted) >= 0);
    this.#show(at < 0 ? this.entries.length : at);
  }
  override next(): void {
    if (!this.valid) throw new Error("next on an invalid child");
    this.#show(this.at + 1);
  }
  override previous(): void {
    if (!this.valid) throw new Error("previous on an invalid child");
    this.#show(this.at - 1);
  }
  override close(): void {
    this.closed++;
    this.valid = false;
  }
}

/** Runs of entries written `name` or `name@sequence`, merged. */
function merge(...runs: string[]): { cursor: MergeCursor; children: ArrayCursor[] } {
  const children = runs.map((run, index) => {
    const entries = run.split(" ").filter((word) => word !== "").map((word) => {
      const [name, sequence] = word.split("@");
      return entry(name!, Number(sequence ?? 1), index);
    });
    return new ArrayCursor(entries, comparator);
  });
  return { cursor: new MergeCursor(comparator, children), children };
}

function current(cursor: Cursor): string {
  if (!cursor.valid) return "end";
  const name = decoder.decode(cursor.keyBuffer.subarray(cursor.keyStart, cursor.keyEnd - 8));
  return `${name}@${sequenceAt(cursor.keyBuffer, cursor.keyEnd)} ${
    decoder.decode(cursor.valueBuffer.subarray(cursor.valueStart, cursor.valueEnd))
  }`;
}

function forward(cursor: Cursor): string[] {
  const seen: string[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) seen.push(current(cursor));
  return seen;
}

function backward(cursor: Cursor): string[] {
  const seen: string[] = [];
  for (cursor.last(); cursor.valid; cursor.previous()) seen.push(current(cursor));
  return seen;
}

function seek(cursor: Cursor, name: string, sequence: number): string {
  const key = makeInternalKey(encoder.encode(name), sequence, KIND_VALUE);
  cursor.seek(Uint8Array.of(7, ...key, 7), 1, 1 + key.length);
  return current(cursor);
}

Deno.test("MergeCursor merges runs in order, newer versions of a key first", () => {
  const { cursor } = merge("a c@5 d", "", "b c@9 c@2", "e");
  const expected = [
    "a@1 run 0",
    "b@1 run 2",
    "c@9 run 2",
    "c@5 run 0",
    "c@2 run 2",
    "d@1 run 0",
    "e@1 run 3",
  ];
  assertEquals(forward(cursor), expected);
  assertEquals(backward(cursor), expected.toReversed());
});

Deno.test("MergeCursor gives equal keys in the order of the children, and back in reverse", () => {
  const { cursor } = merge("a b", "b c", "a b", "b");
  const expected = ["a", "a", "b", "b", "b", "b", "c"].map((name, i) =>
    `${name}@1 run ${[0, 2, 0, 1, 2, 3, 1][i]}`
  );
  assertEquals(forward(cursor), expected);
  assertEquals(backward(cursor), expected.toReversed());
  // And turning round on each of them, either way.
  for (let i = 0; i < expected.length; i++) {
    cursor.first();
    for (let n = 0; n < i; n++) cursor.next();
    cursor.previous();
    assertEquals(current(cursor), expected[i - 1] ?? "end");
    cursor.last();
    for (let n = expected.length - 1; n > i; n--) cursor.previous();
    cursor.next();
    assertEquals(current(cursor), expected[i + 1] ?? "end");
  }
});

Deno.test("seek() goes to the first entry at or after the target, of all runs", () => {
  const { cursor } = merge("a@3 d@3", "b@8 b@4", "b@6");
  assertEquals(seek(cursor, "", 1), "a@3 run 0");
  assertEquals(seek(cursor, "a", 2), "b@8 run 1");
  assertEquals(seek(cursor, "b", 7), "b@6 run 2");
  assertEquals(seek(cursor, "b", 6), "b@6 run 2");
  assertEquals(seek(cursor, "b", 5), "b@4 run 1");
  cursor.previous();
  assertEquals(current(cursor), "b@6 run 2");
  assertEquals(seek(cursor, "d", 2), "end");
  assertEquals(seek(cursor, "c", 1), "d@3 run 0");
  cursor.next();
  assertEquals(current(cursor), "end");
});

Deno.test("MergeCursor turns round anywhere, for every way to deal five entries to three runs", () => {
  const names = ["a", "b", "c", "d", "e"];
  for (let dealt = 0; dealt < 3 ** 5; dealt++) {
    const runs = ["", "", ""];
    names.forEach((name, i) => runs[Math.floor(dealt / 3 ** i) % 3] += ` ${name}`);
    const { cursor } = merge(...runs);
    for (let start = 0; start < 5; start++) {
      for (let moves = 0; moves < 2 ** 5; moves++) {
        seek(cursor, names[start]!, 1);
        let at = start;
        for (let m = 0; m < 5 && cursor.valid; m++) {
          const back = ((moves >> m) & 1) === 1;
          if (back) cursor.previous();
          else cursor.next();
          at += back ? -1 : 1;
          assertEquals(
            current(cursor).slice(0, 1),
            names[at] ?? "e",
            `runs ${runs} from ${start}, moves ${moves.toString(2)}`,
          );
          assertEquals(cursor.valid, names[at] !== undefined);
        }
      }
    }
  }
});

for (const [order, user] of [["bytewise", bytewise], ["reverse", reverse()]] as const) {
  Deno.test(`MergeCursor agrees with a sorted array on random walks (${order} order)`, () => {
    for (let seed = 1; seed <= 60; seed++) randomWalk(new InternalKeyComparator(user), seed);
  });
}

function reverse(): Comparator {
  return { name: "reverse", compare: (a, b) => bytewise.compare(b, a) };
}

for (const [which, prefix] of [["", 0], ["behind a long common prefix, ", 4095]] as const) {
  Deno.test(`codes tell keys apart, ${which}that differ late, or in zeros and where they end`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      randomWalk(comparator, seed, (random) => {
        const key = new Uint8Array(prefix + random(14)).fill(0xaa);
        for (let i = prefix; i < key.length; i++) {
          key[i] = [0, 0, 0, 1, 0x7f, 0x80, 0xff][random(7)]!;
        }
        return key;
      });
    }
  });
}

const fewNames = (random: Random) => encoder.encode("k".repeat(random(4)) + random(12));

function randomWalk(order: InternalKeyComparator, seed: number, userKey = fewNames): void {
  const random = generator(seed);
  const runs = Array.from({ length: 1 + random(9) }, (_, run) => {
    const byKey = new Map<string, Entry>();
    for (let i = random(30); i > 0; i--) {
      const key = makeInternalKey(userKey(random), random(6), KIND_VALUE);
      byKey.set(key.toString(), { key, value: encoder.encode(`run ${run}`) });
    }
    return [...byKey.values()].sort((a, b) => order.compareKeys(a.key, b.key));
  });
  // Array.prototype.sort is stable: equal keys stay in the order of their runs.
  const model = runs.flat().sort((a, b) => order.compareKeys(a.key, b.key));
  const cursor = new MergeCursor(order, runs.map((run) => new ArrayCursor(run, order)));
  let at = -1;
  for (let step = 0; step < 400; step++) {
    const action = random(20);
    if (action === 0) {
      cursor.first();
      at = 0;
    } else if (action === 1) {
      cursor.last();
      at = model.length - 1;
    } else if (action < 4 || !cursor.valid) {
      const target = makeInternalKey(userKey(random), random(6), KIND_VALUE);
      cursor.seek(target, 0, target.length);
      at = model.findIndex((e) => order.compareKeys(e.key, target) >= 0);
      if (at < 0) at = model.length;
    } else if (random(seed % 5 + 2) === 0) {
      cursor.previous();
      at--;
    } else {
      cursor.next();
      at++;
    }
    const where = `seed ${seed}, step ${step}, action ${action}`;
    const expected = model[at];
    assertEquals(cursor.valid, expected !== undefined, where);
    if (expected === undefined) continue;
    assertEquals(cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd), expected.key, where);
    assertEquals(
      cursor.valueBuffer.slice(cursor.valueStart, cursor.valueEnd),
      expected.value,
      where,
    );
  }
}

Deno.test("next() compares with the runner-up alone while one child keeps winning", () => {
  let comparisons = 0;
  const counting = new InternalKeyComparator({
    name: "counting",
    compare: (a, b) => (comparisons++, bytewise.compare(a, b)),
  });
  // Run r holds keys r000 to r999: eight stretches of a thousand.
  const runs = Array.from({ length: 8 }, (_, run) => {
    const name = (i: number) => run + String(i).padStart(3, "0");
    return Array.from({ length: 1000 }, (_, i) => entry(name(i), 1, run));
  });
  const cursor = new MergeCursor(counting, runs.map((run) => new ArrayCursor(run, counting)));
  let count = 0;
  for (cursor.first(); cursor.valid; cursor.next()) count++;
  assertEquals(count, 8000);
  assert(comparisons < 8000 + 8 * 12, `${comparisons} comparisons for 8,000 entries`);
});

Deno.test("a turn moves each child by one step", () => {
  const { cursor, children } = merge("a d g", "b e h", "c f i");
  seek(cursor, "e", 1);
  const before = children.map((child) => child.moves);
  cursor.previous();
  cursor.next();
  cursor.previous();
  assertEquals(children.map((child, i) => child.moves - before[i]!), [3, 3, 3]);
  assertEquals(current(cursor), "d@1 run 0");
});

Deno.test("an error of a child leaves the cursor invalid, and usable once the child works again", () => {
  const { cursor, children } = merge("a b c", "b d");
  for (const move of ["first", "last", "next", "previous"] as const) {
    cursor.first();
    cursor.next();
    children.forEach((child) => child.failing = true);
    assertThrows(() => cursor[move](), Error, "disk on fire");
    assertEquals(cursor.valid, false);
    children.forEach((child) => child.failing = false);
  }
  assertEquals(forward(cursor).length, 5);
});

Deno.test("next() and previous() refuse an invalid cursor", () => {
  const { cursor } = merge("a", "b");
  assertThrows(() => cursor.next(), Error, "only a valid cursor");
  cursor.last();
  cursor.next();
  assertEquals(cursor.valid, false);
  assertThrows(() => cursor.previous(), Error, "only a valid cursor");
});

Deno.test("close() closes every child once, and lets go of their buffers", () => {
  const { cursor, children } = merge("a", "b");
  cursor.first();
  cursor.close();
  cursor.close();
  assertEquals(children.map((child) => child.closed), [1, 1]);
  assertEquals(cursor.valid, false);
  assertEquals([cursor.keyBuffer.length, cursor.valueBuffer.length], [0, 0]);
  assertThrows(() => cursor.first(), Error, "a closed cursor is not used");
});

Deno.test("mergeCursors() does not wrap what needs no merging", () => {
  const only = new ArrayCursor([], comparator);
  assertStrictEquals(mergeCursors(comparator, [only]), only);
  assert(mergeCursors(comparator, []) instanceof EmptyCursor);
  assert(mergeCursors(comparator, [only, only]) instanceof MergeCursor);
  for (const runs of [[], [""], ["a b"]]) {
    assertEquals(forward(merge(...runs).cursor).length, runs[0] ? 2 : 0);
  }
});

Deno.test("A merge of one child goes by nothing that a merge before has left in its arrays", () => {
  // These take all arrays that the tests above have left.
  const open = Array.from({ length: 20 }, () => merge("a", "b").cursor);
  const before = merge("a@3", "a@5", "a@4");
  before.cursor.first(); // the first child loses by its sequence number: its code names no place
  before.cursor.close();
  // An order of a caller's own cannot do with keys that are not there.
  const order = new InternalKeyComparator({ name: "test", compare: bytewise.compare });
  const run = ["a", "b", "c", "d"].map((name) => entry(name, 1, 0));
  const cursor = new MergeCursor(order, [new ArrayCursor(run, order)]);
  const seen: string[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) seen.push(current(cursor));
  assertEquals(seen, ["a@1 run 0", "b@1 run 0", "c@1 run 0", "d@1 run 0"]);
  for (const each of [cursor, ...open]) each.close();
});
