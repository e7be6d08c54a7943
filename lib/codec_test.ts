import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { compareBytes } from "./bytes.ts";
import { bytes, type Codec, json, type KeyCodec, number, utf8 } from "./codec.ts";
import { generator } from "./random.ts";

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.split(" ").filter(Boolean), (byte) => parseInt(byte, 16));
}

function compareEncoded(a: Uint8Array, b: Uint8Array): number {
  return Math.sign(compareBytes(a, 0, a.length, b, 0, b.length));
}

/** Encodes and decodes by every way the codec has, in the middle of a larger buffer; returns the bytes. */
function everyWay<T>(codec: Codec<T>, value: T, expected: T = value): Uint8Array {
  const encoded = codec.encode(value);
  assertStrictEquals(Object.getPrototypeOf(encoded), Uint8Array.prototype);
  assertEquals(codec.decode(encoded.slice()), expected);
  if (codec.encodeInto !== undefined) {
    const max = codec.maxBytes!(value);
    const target = new Uint8Array(max + 7).fill(0xaa);
    const end = codec.encodeInto(value, target, 5);
    assert(end <= 5 + max, `${end - 5} bytes written, at most ${max} announced`);
    assertEquals(target.slice(5, end), encoded);
    assertEquals([...target.subarray(0, 5)], [0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
    assertEquals([...target.subarray(5 + max)], [0xaa, 0xaa]);
  }
  const around = Uint8Array.of(0xff, 0x41, ...encoded, 0x42, 0xff);
  const decoded = codec.decodeRange!(around, 2, around.length - 2);
  assertEquals(decoded, expected);
  around.fill(0xee); // a range is only borrowed
  assertEquals(decoded, expected);
  return encoded;
}

Deno.test("utf8 writes the bytes of UTF-8", () => {
  const cases: [string, string][] = [
    ["", ""],
    ["a", "61"],
    ["\0\x7f", "00 7f"],
    ["\x80é", "c2 80 c3 a9"],
    ["\u07ff\u0800", "df bf e0 a0 80"],
    ["€\uffff", "e2 82 ac ef bf bf"],
    ["😀", "f0 9f 98 80"],
    ["\u{10ffff}", "f4 8f bf bf"],
    ["\ufeffa", "ef bb bf 61"], // a byte order mark is a character, also at the beginning
    ["a\ufffdb", "61 ef bf bd 62"], // and so is the replacement character
  ];
  for (const [text, expected] of cases) assertEquals(hex(everyWay(utf8, text)), expected, text);
});

Deno.test("utf8 takes strings of every length, with a wide character at every place", () => {
  for (let length = 0; length < 140; length++) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(33 + i % 94)).join("");
    everyWay(utf8, text);
    for (let at = 0; at < length; at++) {
      for (const wide of ["\x80", "€", "😀"]) {
        const mixed = text.slice(0, at) + wide + text.slice(at + 1);
        assertEquals(utf8.encode(mixed), new TextEncoder().encode(mixed));
        assertEquals(utf8.decode(utf8.encode(mixed)), mixed);
      }
    }
  }
});

Deno.test("utf8 refuses a lone surrogate wherever it is, rather than making two keys one", () => {
  for (const lone of ["\ud800", "\udbff", "\udc00", "\udfff", "\ude00\ud83d"]) {
    for (const text of [lone, `a${lone}`, `${lone}a`, `${"x".repeat(100)}${lone}€`]) {
      assertThrows(() => utf8.encode(text), TypeError, "lone surrogate");
      const target = new Uint8Array(1000);
      assertThrows(() => utf8.encodeInto!(text, target, 0), TypeError, "lone surrogate");
    }
  }
});

Deno.test("utf8 refuses what is not a string, naming its type", () => {
  const cases: [unknown, string][] = [
    [42, "number"],
    [undefined, "undefined"],
    [null, "null"],
    [5n, "bigint"],
    [["a"], "Array"],
    [new Uint8Array(1), "Uint8Array"],
    [Object.create(null), "object"],
  ];
  for (const [value, type] of cases) {
    const message = `Cannot encode as utf8: expected a string, got ${type}`;
    assertThrows(() => utf8.encode(value as string), TypeError, message);
    assertThrows(() => utf8.maxBytes!(value as string), TypeError, message);
    assertThrows(() => utf8.encodeInto!(value as string, new Uint8Array(9), 0), TypeError, message);
  }
});

Deno.test("utf8 refuses bytes that are not UTF-8, of every length", () => {
  const bad = ["80", "c3", "c3 28", "e2 82", "ed a0 80", "f5 80 80 80", "c0 80", "ff", "fe ff"];
  for (const text of bad) {
    for (const before of [0, 3, 8, 31, 40, 200]) {
      const encoded = Uint8Array.of(...new Uint8Array(before).fill(0x61), ...fromHex(text));
      const encodedLonger = Uint8Array.of(...encoded, 0x61);
      for (const given of [encoded, encodedLonger]) {
        assertThrows(() => utf8.decode(given), TypeError, "Cannot decode as utf8: not UTF-8", text);
        assertThrows(() => utf8.decodeRange!(given, 0, given.length), TypeError, "not UTF-8");
      }
    }
  }
  // Also when genuine replacement characters are among them.
  assertThrows(() => utf8.decode(fromHex("ef bf bd ff")), TypeError, "not UTF-8");
  assertThrows(() => utf8.decode(fromHex("ef bf bd c3 28 61")), TypeError, "not UTF-8");
});

Deno.test("utf8 keeps the order of code points", () => {
  const alphabet = ["\0", "a", "b", "\x7f", "\x80", "é", "\u07ff", "€", "\ud7ff", "\uffff", "😀"];
  const random = generator(11);
  const text = () => Array.from({ length: random(5) }, () => alphabet[random(11)]!).join("");
  for (let i = 0; i < 5000; i++) {
    const [a, b] = [text(), text()];
    const [pointsA, pointsB] = [a, b].map((t) => [...t].map((c) => c.codePointAt(0)!));
    let expected = 0;
    for (let at = 0; expected === 0 && at < Math.max(pointsA!.length, pointsB!.length); at++) {
      expected = Math.sign((pointsA![at] ?? -1) - (pointsB![at] ?? -1));
    }
    const order = compareEncoded(utf8.encode(a), utf8.encode(b));
    assertEquals(order, expected, `seed 11: ${JSON.stringify([a, b])}`);
  }
});

Deno.test("bytes gives back the bytes, and a plain Uint8Array for any subclass", () => {
  for (const text of ["", "00", "ff 00 80", "01 ".repeat(5000)]) everyWay(bytes, fromHex(text));
  const pool = Buffer.from("xxhello");
  const buffer = pool.subarray(2);
  const plain = bytes.encode(buffer);
  assertStrictEquals(plain.constructor, Uint8Array);
  assertEquals(plain, new TextEncoder().encode("hello"));
  assertStrictEquals(bytes.decode(buffer).constructor, Uint8Array);
  assertEquals(bytes.maxBytes!(buffer), 5);
  const own = Uint8Array.of(1);
  assertStrictEquals(bytes.encode(own), own);
});

Deno.test("bytes refuses everything else", () => {
  for (const value of ["a", 1, null, [1], new ArrayBuffer(1), new Uint16Array(1)]) {
    const given = value as unknown as Uint8Array;
    assertThrows(() => bytes.encode(given), TypeError, "expected a Uint8Array, got");
    assertThrows(() => bytes.maxBytes!(given), TypeError, "expected a Uint8Array, got");
  }
});

Deno.test("bytes.decodeRange() gives results that do not share what they hold", () => {
  const source = Uint8Array.from({ length: 256 }, (_, i) => i);
  const results = Array.from({ length: 256 }, (_, i) => bytes.decodeRange!(source, 0, i));
  results.forEach((result) => result.fill(result.length));
  results.forEach((result, i) => assert(result.length === i && result.every((byte) => byte === i)));
  assertEquals(source[255], 255);
});

Deno.test("json writes and reads JSON", () => {
  const value = { a: [1, null, "é\ud800"], b: { c: true } };
  assertEquals(hex(everyWay(json<unknown>(), [1, "€"])), "5b 31 2c 22 e2 82 ac 22 5d");
  everyWay(json<unknown>(), value);
  for (const text of ["", "plain", "\ufeff"]) everyWay(json<string>(), text);
  assertEquals(json<unknown>().decode(json<unknown>().encode({ a: undefined, d: new Date(0) })), {
    d: "1970-01-01T00:00:00.000Z",
  });
});

Deno.test("json refuses what JSON cannot express", () => {
  const codec = json<unknown>();
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [undefined, () => 1, Symbol("s")]) {
    assertThrows(() => codec.encode(value), TypeError, "Cannot encode as json: expected a value");
  }
  for (const value of [5n, cycle]) {
    assertThrows(() => codec.encode(value), TypeError, "Cannot encode as json: ");
  }
});

Deno.test("json refuses bytes that are no JSON", () => {
  for (const text of ["", "7b", "22 61", "61", "ff", "22 ff 22", "5b 31 2c 5d", "31 20 32"]) {
    const error = assertThrows(
      () => json().decode(fromHex(text)),
      TypeError,
      "Cannot decode as json",
    );
    assert(error.cause instanceof Error);
  }
});

const NUMBERS: [number, string][] = [
  [-Infinity, "00 0f ff ff ff ff ff ff"],
  [-Number.MAX_VALUE, "00 10 00 00 00 00 00 00"],
  [-42, "3f ba ff ff ff ff ff ff"],
  [-1.5, "40 07 ff ff ff ff ff ff"],
  [-1, "40 0f ff ff ff ff ff ff"],
  [-Number.MIN_VALUE, "7f ff ff ff ff ff ff fe"],
  [0, "80 00 00 00 00 00 00 00"],
  [Number.MIN_VALUE, "80 00 00 00 00 00 00 01"],
  [0.1, "bf b9 99 99 99 99 99 9a"],
  [1, "bf f0 00 00 00 00 00 00"],
  [256, "c0 70 00 00 00 00 00 00"],
  [Number.MAX_SAFE_INTEGER, "c3 3f ff ff ff ff ff ff"],
  [Number.MAX_VALUE, "ff ef ff ff ff ff ff ff"],
  [Infinity, "ff f0 00 00 00 00 00 00"],
];

Deno.test("number writes ordered big-endian doubles", () => {
  for (const [value, expected] of NUMBERS) assertEquals(hex(everyWay(number, value)), expected);
  for (let i = 1; i < NUMBERS.length; i++) {
    assert(compareEncoded(fromHex(NUMBERS[i - 1]![1]), fromHex(NUMBERS[i]![1])) < 0);
  }
});

Deno.test("number writes -0 as 0, and refuses NaN and what is no number", () => {
  assertEquals(hex(number.encode(-0)), hex(number.encode(0)));
  assert(Object.is(number.decode(number.encode(-0)), 0));
  const target = new Uint8Array(8);
  for (const encode of [number.encode, (n: number) => number.encodeInto!(n, target, 0)]) {
    assertThrows(() => encode(NaN), TypeError, "NaN has no place in order");
    for (const value of ["1", 1n, null, undefined]) {
      assertThrows(
        () => encode(value as unknown as number),
        TypeError,
        "as number: expected a number, got",
      );
    }
  }
});

Deno.test("number keeps order", () => {
  const random = generator(12);
  const view = new DataView(new ArrayBuffer(8));
  const any = () => {
    if (random(3) === 0) return random(2000) - 1000;
    view.setUint32(0, random(2 ** 32));
    view.setUint32(4, random(2 ** 32));
    const value = view.getFloat64(0);
    return Number.isNaN(value) ? 0.5 : value;
  };
  for (let i = 0; i < 10_000; i++) {
    const [a, b] = [any(), any()];
    const order = compareEncoded(number.encode(a), number.encode(b));
    assertEquals(order, a < b ? -1 : a > b ? 1 : 0, `seed 12: ${a} and ${b}`);
    assertEquals(number.decode(number.encode(a)), a, `seed 12: ${a}`);
  }
});

Deno.test("number refuses bytes that no number is encoded as", () => {
  for (const text of ["", "80", "80 00 00 00 00 00 00", "80 00 00 00 00 00 00 00 00"]) {
    assertThrows(() => number.decode(fromHex(text)), TypeError, "expected 8 bytes, got");
  }
  const negativeZero = "7f ff ff ff ff ff ff ff";
  for (const text of [negativeZero, "ff f8 00 00 00 00 00 00", "00 00 00 00 00 00 00 00"]) {
    assertThrows(() => number.decode(fromHex(text)), TypeError, "not bytes that a number");
  }
});

Deno.test("a codec without order is no key codec, for the compiler", () => {
  const fine: KeyCodec<unknown>[] = [utf8, bytes, number] as KeyCodec<unknown>[];
  // @ts-expect-error json() does not keep order
  const wrong: KeyCodec<string> = json<string>();
  // @ts-expect-error a codec of numbers is no codec of strings
  const other: KeyCodec<string> = number;
  const value: Codec<string> = utf8; // while a key codec can be used for values
  assert(fine.every((codec) => codec.ordered) && !wrong.ordered && other.ordered && value.ordered);
});
