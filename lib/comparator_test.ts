import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { generator } from "./random.ts";
import { bytewise } from "./comparator.ts";

/** Every key of up to three bytes out of those at the edges: all that can go wrong goes wrong here. */
function smallWorld(): Uint8Array[] {
  const edges = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
  const keys: number[][] = [[]];
  for (let i = 0; keys[i]!.length < 3; i++) {
    for (const byte of edges) keys.push([...keys[i]!, byte]);
  }
  return keys.map((key) => Uint8Array.from(key));
}

const world = smallWorld();
const separator = bytewise.separator!;
const successor = bytewise.successor!;

/** One character a byte. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (it) => it.charCodeAt(0));
}

/** The order as its definition has it: strings of one character a byte compare by code unit, a prefix first. */
function naiveOrder(a: Uint8Array, b: Uint8Array): number {
  const one = String.fromCharCode(...a);
  const other = String.fromCharCode(...b);
  return one < other ? -1 : one > other ? 1 : 0;
}

Deno.test("bytewise has the name that LevelDB stores", () => {
  assertEquals(bytewise.name, "leveldb.BytewiseComparator");
  assert(Object.isFrozen(bytewise));
});

Deno.test("bytewise.compare() orders by unsigned bytes, a prefix before what it begins", () => {
  for (const a of world) {
    for (const b of world) {
      assertStrictEquals(Math.sign(bytewise.compare(a, b)), naiveOrder(a, b), `${a} and ${b}`);
    }
  }
});

Deno.test("bytewise.separator() shortens as LevelDB does", () => {
  const known: [string, string, string][] = [
    ["helloworld", "hellozoomer", "hellox"],
    ["abc1", "abd", "abc1"], // nothing of three bytes lies between
    ["abc", "abe", "abd"],
    ["a", "b", "a"],
    ["a", "c", "b"],
    ["abcdefghi", "b", "abcdefghi"],
    ["abcdefghi", "c", "b"],
    ["foo", "foobar", "foo"], // one is a prefix of the other
    ["", "a", ""],
    ["\x7fzz", "\x81", "\x80"], // bytes are unsigned
    ["a\xffz", "b\x00", "a\xffz"],
    ["a\xfe1", "a\xff", "a\xfe1"],
  ];
  for (const [start, limit, expected] of known) {
    assertEquals(separator(latin1(start), latin1(limit)), latin1(expected), `${start}, ${limit}`);
  }
});

Deno.test("bytewise.separator() gives the start back when start and limit are not in order", () => {
  for (const [start, limit] of [["foo", "bar"], ["foobar", "foo"], ["foo", "foo"]]) {
    assertEquals(separator(latin1(start!), latin1(limit!)), latin1(start!));
  }
});

Deno.test("invariant 2: start <= separator(start, limit) < limit, and it is no longer than start", () => {
  for (const start of world) {
    for (const limit of world) {
      if (bytewise.compare(start, limit) >= 0) continue;
      checkSeparator(start, limit, `${start} and ${limit}`);
    }
  }
});

Deno.test("invariant 2 holds for long keys that share a beginning", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = generator(seed);
    const shared = Array.from({ length: random(40) }, () => random(256));
    const key = () =>
      Uint8Array.from([...shared, ...Array.from({ length: random(20) }, () => random(256))]);
    const [start, limit] = [key(), key()].sort(bytewise.compare);
    if (bytewise.compare(start!, limit!) < 0) checkSeparator(start!, limit!, `seed ${seed}`);
  }
});

function checkSeparator(start: Uint8Array, limit: Uint8Array, where: string): void {
  const [startBefore, limitBefore] = [start.slice(), limit.slice()];
  const between = separator(start, limit);
  assert(bytewise.compare(start, between) <= 0, where);
  assert(bytewise.compare(between, limit) < 0, where);
  assert(between.length <= start.length, where);
  assertEquals([start, limit], [startBefore, limitBefore], `${where}: changed what it was given`);
}

Deno.test("bytewise.successor() shortens as LevelDB does", () => {
  const known: [string, string][] = [
    ["helloworld", "i"],
    ["\xff\xffab", "\xff\xffb"],
    ["\x00", "\x01"],
    ["\xff\xff", "\xff\xff"],
    ["", ""],
  ];
  for (const [key, expected] of known) assertEquals(successor(latin1(key)), latin1(expected), key);
});

Deno.test("invariant 3: successor(key) >= key, and it is no longer than key", () => {
  for (const key of world) {
    const before = key.slice();
    const after = successor(key);
    assert(bytewise.compare(after, key) >= 0, `${key}`);
    assert(after.length <= key.length, `${key}`);
    assertEquals(key, before, "changed what it was given");
  }
});
