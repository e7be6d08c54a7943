import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { compareBytes, prefixEnd } from "./bytes.ts";
import { type KeyCodec, number } from "./codec.ts";
import { tuple, type TuplePart } from "./tuple_codec.ts";
import { generator } from "./random.ts";

const codec = tuple();

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.split(" ").filter(Boolean), (byte) => parseInt(byte, 16));
}

function compareEncoded(a: Uint8Array, b: Uint8Array): number {
  return Math.sign(compareBytes(a, 0, a.length, b, 0, b.length));
}

/** Tuples and their bytes, by hand from the grammar. */
const EXAMPLES: [TuplePart[], string][] = [
  [[], ""],
  [[null], "01"],
  [[new Uint8Array(0)], "02 00"],
  [[Uint8Array.of(0x66, 0, 0x6f, 1, 2, 0xff)], "02 66 01 01 6f 01 02 02 ff 00"],
  [["FÔO\0bar\x01"], "03 46 c3 94 4f 01 01 62 61 72 01 02 00"],
  [[""], "03 00"],
  [["\0"], "03 01 01 00"],
  [["a", "b"], "03 61 00 03 62 00"],
  [["a", null], "03 61 00 01"],
  [[["foo\0bar", null, []]], "05 03 66 6f 6f 01 01 62 61 72 00 01 05 00 00"],
  [[[], [null], [[null]]], "05 00 05 01 00 05 05 01 00 00"],
  [[-5551212n], "11 ab 4b 93"], // as in FoundationDB's document
  [[0n], "14"],
  [[1n], "15 01"],
  [[-1n], "13 fe"],
  [[255n, 256n], "15 ff 16 01 00"],
  [[-255n, -256n], "13 00 12 fe ff"],
  [[2n ** 64n - 1n], "1c ff ff ff ff ff ff ff ff"],
  [[1n - 2n ** 64n], "0c 00 00 00 00 00 00 00 00"],
  [[2n ** 64n], "1d 09 01 00 00 00 00 00 00 00 00"],
  [[-(2n ** 64n)], "0b f6 fe ff ff ff ff ff ff ff ff"],
  [[-42], "21 3f ba ff ff ff ff ff ff"],
  [[0, 1], "21 80 00 00 00 00 00 00 00 21 bf f0 00 00 00 00 00 00"],
  [[false, true], "26 27"],
];

Deno.test("tuple() writes the bytes that its grammar says", () => {
  for (const [value, expected] of EXAMPLES) {
    const encoded = codec.encode(value);
    assertEquals(hex(encoded), expected);
    assertEquals(codec.decode(encoded), value, expected);
    const target = new Uint8Array(3 + codec.maxBytes!(value)).fill(0xff);
    assertEquals(codec.encodeInto!(value, target, 3), 3 + encoded.length);
    assertEquals(hex(target.subarray(3, 3 + encoded.length)), expected);
    const around = Uint8Array.of(0xff, ...encoded, 0xff, 0x00);
    const decoded = codec.decodeRange!(around, 1, 1 + encoded.length);
    around.fill(0xee); // a range is only borrowed
    assertEquals(decoded, value, expected);
  }
});

Deno.test("tuple() takes subclasses of Uint8Array, and gives back plain ones", () => {
  const [part] = codec.decode(codec.encode([Buffer.from("hi")])) as [Uint8Array];
  assertEquals(part.constructor, Uint8Array);
  assertEquals(part, Uint8Array.of(0x68, 0x69));
});

/** A tuple of few kinds of small parts, so that tuples share beginnings. */
function randomTuple(random: (below: number) => number, depth = 0): TuplePart[] {
  const bigints = [0n, 1n, -1n, 255n, -256n, 2n ** 63n, -(2n ** 64n), 2n ** 64n, 2n ** 2039n];
  const numbers = [0, 1, -1, 0.5, -1e300, Infinity, -Infinity, 2 ** 53];
  const strings = [
    "",
    "\0",
    "\0\0",
    "a",
    "a\0",
    "a\0b",
    "ab",
    "\x01",
    "a\x01",
    "é",
    "😀",
    "\uffff",
    "ÿ",
  ];
  return Array.from({ length: random(4) }, () => {
    switch (random(depth < 3 ? 9 : 8)) {
      case 0:
        return null;
      case 1:
        return Uint8Array.from({ length: random(4) }, () => [0, 1, 2, 0xff][random(4)]!);
      case 2:
      case 3:
        return strings[random(strings.length)]!;
      case 4:
        return bigints[random(bigints.length)]! + BigInt(random(3) - 1);
      case 5:
        return numbers[random(numbers.length)]!;
      case 6:
        return random(100) - 50;
      case 7:
        return random(2) === 0;
      default:
        return randomTuple(random, depth + 1);
    }
  });
}

function kindOf(part: TuplePart): number {
  if (part === null) return 0;
  if (part instanceof Uint8Array) return 1;
  return ["string", "object", "bigint", "number", "boolean"].indexOf(typeof part) + 2;
}

/** The order that the codec documents, worked out on the values. */
function compareTuples(a: readonly TuplePart[], b: readonly TuplePart[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareParts(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

function compareParts(a: TuplePart, b: TuplePart): number {
  if (kindOf(a) !== kindOf(b)) return Math.sign(kindOf(a) - kindOf(b));
  if (a === null || b === null) return 0;
  if (a instanceof Uint8Array) return compareEncoded(a, b as Uint8Array);
  if (Array.isArray(a)) return compareTuples(a, b as TuplePart[]);
  if (typeof a === "string") {
    const points = (text: string) => [...text].map((c) => c.codePointAt(0)!);
    return compareTuples(points(a), points(b as string));
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

Deno.test("tuple() keeps the documented order, and gives back what went in", () => {
  const random = generator(21);
  for (let i = 0; i < 20_000; i++) {
    const a = randomTuple(random);
    const b = random(4) === 0 ? [...a, ...randomTuple(random)] : randomTuple(random);
    const where = `seed 21: ${Deno.inspect(a)} and ${Deno.inspect(b)}`;
    const [encodedA, encodedB] = [codec.encode(a), codec.encode(b)];
    assertEquals(compareEncoded(encodedA, encodedB), compareTuples(a, b), where);
    if (i < 4000) assertEquals(codec.decode(encodedA), a, where);
    assert(codec.maxBytes!(b) >= encodedB.length, where);
  }
});

Deno.test("tuple() makes a prefix's bytes a prefix of its extensions' bytes, and of no other's", () => {
  const random = generator(22);
  for (let i = 0; i < 10_000; i++) {
    const prefix = randomTuple(random);
    const other = random(2) === 0 ? [...prefix, ...randomTuple(random)] : randomTuple(random);
    const extends_ = prefix.every((part, at) =>
      at < other.length && compareParts(part, other[at]!) === 0
    );
    const [short, long] = [codec.encode(prefix), codec.encode(other)];
    const within = compareEncoded(short, long) <= 0 &&
      (prefix.length === 0 || compareEncoded(long, prefixEnd(short)!) < 0);
    const where = `seed 22: ${Deno.inspect(prefix)} and ${Deno.inspect(other)}`;
    assertEquals(hex(long.subarray(0, short.length)) === hex(short), extends_, where);
    assertEquals(within, extends_, where);
  }
});

Deno.test("tuple() refuses parts that it cannot put in order, naming their type", () => {
  const cases: [unknown, string][] = [
    [undefined, "undefined"],
    [{}, "Object"],
    [new Date(0), "Date"],
    [Symbol("s"), "symbol"],
    [new Uint16Array(2), "Uint16Array"],
  ];
  for (const [part, type] of cases) {
    for (const value of [[part], ["a", [part]]] as TuplePart[][]) {
      assertThrows(
        () => codec.encode(value),
        TypeError,
        `Cannot encode as tuple: expected null, a`,
      );
      assertThrows(() => codec.encode(value), TypeError, `got ${type}`);
    }
  }
  for (const value of ["a", null, 1, {}, new Uint8Array(1)]) {
    const given = value as unknown as TuplePart[];
    assertThrows(() => codec.encode(given), TypeError, "as tuple: expected an array, got");
    assertThrows(() => codec.maxBytes!(given), TypeError, "as tuple: expected an array, got");
  }
  assertThrows(() => codec.encode([NaN]), TypeError, "NaN");
  assertThrows(() => codec.encode(["\ud800"]), TypeError, "lone surrogate");
});

Deno.test("tuple() writes -0 as 0", () => {
  assertEquals(codec.encode([-0]), codec.encode([0]));
});

Deno.test("tuple() has limits: 255 bytes for a bigint, 64 levels of arrays", () => {
  const largest = 2n ** 2040n - 1n;
  for (const value of [largest, -largest]) {
    assertEquals(codec.decode(codec.encode([value])), [value]);
    assertThrows(() => codec.encode([value + value]), TypeError, "more than 255 bytes");
  }
  let deep: TuplePart[] = [];
  for (let level = 1; level < 64; level++) deep = [deep];
  assertEquals(codec.decode(codec.encode(deep)), deep);
  assertThrows(() => codec.encode([deep]), TypeError, "nested more than 64 deep");
  const cycle: TuplePart[] = [];
  cycle.push(cycle);
  assertThrows(() => codec.encode(cycle), TypeError, "nested more than 64 deep");
  assertThrows(() => codec.decode(new Uint8Array(1e6).fill(5)), TypeError, "nested too deep");
});

Deno.test("tuple() refuses bytes that no tuple is encoded as", () => {
  const bad = [
    "00", // the end of an array outside one
    "04", // no such kind
    "20 00 00 00 00", // a 32-bit float of FoundationDB's
    "ff",
    "02",
    "02 61",
    "02 01 03 00", // no such escape
    "02 01 00", // an escape of nothing
    "03 61 01 00",
    "03 ff 00", // not UTF-8
    "03 ff 01 01 00",
    "05",
    "05 14",
    "05 05 00",
    "15",
    "16 01",
    "16 00 01", // shorter as 15 01
    "12 ff fe",
    "1d 08 01 00 00 00 00 00 00 00", // shorter as 1c
    "1d 09 00 01 00 00 00 00 00 00 00",
    "1d 09 01 00",
    "1d",
    "0b",
    "21 80 00",
    "21 7f ff ff ff ff ff ff ff", // -0
    "21 ff f8 00 00 00 00 00 00", // NaN
  ];
  for (const text of bad) {
    assertThrows(() => codec.decode(fromHex(text)), TypeError, "Cannot", text);
  }
});

Deno.test("tuple() decodes any bytes to a tuple with just these bytes, or refuses them", () => {
  const random = generator(23);
  const likely = [
    0,
    0,
    0,
    1,
    1,
    2,
    3,
    5,
    0x0b,
    0x13,
    0x14,
    0x15,
    0x1d,
    0x21,
    0x26,
    0x27,
    0x61,
    0xff,
  ];
  let accepted = 0;
  const check = (encoded: Uint8Array) => {
    let value: TuplePart[];
    try {
      value = codec.decode(encoded);
    } catch (error) {
      assert(error instanceof TypeError, `seed 23: ${error} for ${hex(encoded)}`);
      return;
    }
    accepted++;
    assertEquals(hex(codec.encode(value)), hex(encoded), "seed 23");
  };
  for (let i = 0; i < 20_000; i++) {
    check(Uint8Array.from({ length: random(8) }, () => likely[random(likely.length)]!));
  }
  // And every example with a bit flipped, or cut short.
  for (const [, text] of EXAMPLES) {
    const encoded = fromHex(text);
    for (let at = 0; at < encoded.length; at++) {
      check(encoded.slice(0, at));
      for (let bit = 0; bit < 8; bit++) {
        const damaged = encoded.slice();
        damaged[at] = damaged[at]! ^ (1 << bit);
        check(damaged);
      }
    }
  }
  assert(accepted > 100, `${accepted} accepted`);
});

Deno.test("tuple() is a key codec of the tuple's type, for the compiler", () => {
  const typed: KeyCodec<[string, number]> = tuple<[string, number]>();
  const [name, count]: [string, number] = typed.decode(typed.encode(["a", 1]));
  // @ts-expect-error a date is no part of a tuple
  tuple<[Date]>();
  // @ts-expect-error parts have their types
  typed.encode(["a", "b"]);
  assertEquals([name, count, number.ordered, typed.ordered], ["a", 1, true, true]);
});
