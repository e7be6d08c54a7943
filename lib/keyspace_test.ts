/**
 * Keys and values as bytes, and ranges of keys as ranges of bytes that stay within a prefix.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { generator } from "./random.ts";
import { utf8 as bytesOf } from "../tests/tables.ts";
import { compareBytes, EMPTY_BYTES } from "./bytes.ts";
import { bytes, type Codec, json, type KeyCodec, number, utf8 } from "./codec.ts";
import { VarveError } from "./errors.ts";
import { Lookup } from "./internal_key.ts";
import { EncodedValue, Keyspace } from "./keyspace.ts";
import { KEY_BYTES_MAX, type RangeOptions, VALUE_BYTES_MAX } from "./options.ts";
import type { ScanBounds } from "./scan.ts";

/** What no type would allow. */
// deno-lint-ignore no-explicit-any
type Wrong = any;

const decoder = new TextDecoder();

function textSpace(prefix = "", isBytewise = true): Keyspace<string, string> {
  return new Keyspace(utf8, utf8, bytesOf(prefix), isBytewise);
}

function encoded<K>(space: Keyspace<K, unknown>, key: K, lookup = new Lookup()): Uint8Array {
  const end = space.encodeKey(key, lookup); // may take another buffer
  return lookup.key.slice(0, end);
}

/** Bounds as text: `[a..b)`; an end that is not there is left out. */
function shown({ lower, upper }: ScanBounds): string {
  const from = lower === undefined
    ? "("
    : (lower.inclusive ? "[" : "(") + decoder.decode(lower.key);
  const to = upper === undefined ? ")" : decoder.decode(upper.key) + (upper.inclusive ? "]" : ")");
  return `${from}..${to}`;
}

function isWithin(key: Uint8Array, { lower, upper }: ScanBounds): boolean {
  const order = (bound: Uint8Array) => compareBytes(key, 0, key.length, bound, 0, bound.length);
  if (lower !== undefined && order(lower.key) < (lower.inclusive ? 0 : 1)) return false;
  return upper === undefined || order(upper.key) < (upper.inclusive ? 1 : 0);
}

/** A codec without the quicker forms. */
function slow<T>(codec: Codec<T>): KeyCodec<T> {
  const { encode, decode } = codec;
  return { ordered: true, encode: encode.bind(codec), decode: decode.bind(codec) };
}

Deno.test("A key is its prefix and its encoded form, and comes back without the prefix", () => {
  for (const prefix of ["", "!a!", "!a!!b!"]) {
    for (const codec of [utf8, slow(utf8)]) {
      const space = new Keyspace(codec, utf8, bytesOf(prefix), true);
      for (const key of ["", "k", "Zürich 🏔", "x".repeat(3000)]) {
        const engineKey = encoded(space, key);
        assertEquals(decoder.decode(engineKey), prefix + key);
        const framed = new Uint8Array([9, ...engineKey, 9]);
        assertEquals(space.decodeKey(framed, 1, 1 + engineKey.length), key);
      }
    }
  }
});

Deno.test("A key of exactly 64 KiB is taken, and one byte more refused (invariant 1)", () => {
  for (const prefix of ["", "!sub!"]) {
    const room = KEY_BYTES_MAX - prefix.length;
    for (const codec of [utf8, slow(utf8)]) {
      const space = new Keyspace(codec, utf8, bytesOf(prefix), true);
      assertEquals(encoded(space, "k".repeat(room)).length, KEY_BYTES_MAX);
      const lookup = new Lookup();
      const error = assertThrows(() => space.encodeKey("k".repeat(room + 1), lookup), VarveError);
      assertEquals(error.code, "TOO_LARGE");
      assert(error.message.includes(`its ${KEY_BYTES_MAX + 1} bytes`), error.message);
    }
  }
  // Three bytes a character: the quick bound is exact here, and far too high above.
  const space = textSpace();
  assertEquals(encoded(space, "€".repeat(21_845)).length, 65_535);
  assertThrows(() => encoded(space, "€".repeat(21_846)), VarveError, "65538");
});

Deno.test("A key or value that its codec does not take is refused (invariant 1)", () => {
  const space = textSpace();
  for (const wrong of [undefined, null, 5, {}, Uint8Array.of(1), "\ud800"] as Wrong[]) {
    assertThrows(() => encoded(space, wrong), TypeError, "Cannot encode as utf8");
    assertThrows(() => new EncodedValue().set(utf8, wrong), TypeError, "Cannot encode as utf8");
  }
  for (const result of ["text", undefined, [1, 2], new Uint16Array(2)]) {
    const lying = { ordered: true, encode: () => result, decode: () => 0 } as Wrong;
    const keys = new Keyspace(lying, utf8, EMPTY_BYTES, true);
    assertThrows(() => encoded(keys, "k"), TypeError, "key codec must give bytes, got");
    const value = new EncodedValue();
    assertThrows(() => value.set(lying, "v"), TypeError, "value codec must encode to bytes, got");
  }
});

Deno.test("A value over 1 GiB is refused (invariant 1)", () => {
  // A view that says how long it is; no machine has to find the bytes.
  const huge = new Proxy(new Uint8Array(1), {
    get: (target, name) => name === "length" ? VALUE_BYTES_MAX + 1 : Reflect.get(target, name),
  });
  const error = assertThrows(
    () => new EncodedValue().set({ ordered: false, encode: () => huge, decode: () => huge }, huge),
    VarveError,
    `${VALUE_BYTES_MAX + 1} bytes is over the limit`,
  );
  assertEquals(error.code, "TOO_LARGE");
});

Deno.test("A value is encoded the same by the quick way and the other, whatever its size", () => {
  for (const length of [0, 1, 64, 65, 4096, 21_845, 21_846, 65_536, 65_537, 200_000]) {
    const text = "v".repeat(length);
    for (const codec of [utf8, slow(utf8)]) {
      const value = new EncodedValue();
      value.set(codec, text);
      assertEquals(value.end - value.start, length);
      assertEquals(decoder.decode(value.buffer.subarray(value.start, value.end)), text);
    }
  }
});

Deno.test("A subclass of Uint8Array is turned into a plain one, over the same bytes", () => {
  class Sub extends Uint8Array {}
  const whole = new Sub([9, 1, 2, 9]);
  const part = whole.subarray(1, 3);
  const value = new EncodedValue();
  value.set({ ordered: false, encode: () => part, decode: () => part }, part);
  assertStrictEquals(value.buffer.constructor, Uint8Array);
  assertEquals([...value.buffer.subarray(value.start, value.end)], [1, 2]);
});

Deno.test("A decoded value is the caller's own", () => {
  const space = new Keyspace(bytes, slow(bytes), bytesOf("!s!"), true);
  const borrowed = bytesOf("!s!key");
  const key = space.decodeKey(borrowed, 0, borrowed.length);
  const value = space.decodeValue(borrowed, 3, 6);
  borrowed.fill(0);
  assertEquals([decoder.decode(key), decoder.decode(value)], ["key", "key"]);
});

Deno.test("Bounds are those of the range, in order of bytes", () => {
  const space = textSpace();
  const lookup = new Lookup();
  const cases: [RangeOptions<string>, string][] = [
    [{}, "(..)"],
    [{ gt: "b" }, "(b..)"],
    [{ gte: "b", lt: "d" }, "[b..d)"],
    [{ gt: "", lte: "d" }, "(..d]"],
    [{ prefix: "b" }, "[b..c)"],
    [{ prefix: "" }, "[..)"],
    [{ prefix: "b", gt: "b" }, "(b..c)"],
    [{ prefix: "b", gte: "a", lte: "z" }, "[b..c)"],
    [{ prefix: "b", gt: "bb", lte: "bd" }, "(bb..bd]"],
    [{ prefix: "b", lt: "c" }, "[b..c)"],
    [{ prefix: "b", lte: "c" }, "[b..c)"],
    [{ reverse: true, limit: 5 }, "(..)"],
  ];
  for (const [range, expected] of cases) {
    assertEquals(shown(space.bounds(range, lookup)), expected, JSON.stringify(range));
  }
});

Deno.test("Bounds do not change when the next key is encoded", () => {
  const space = textSpace();
  const lookup = new Lookup();
  const bounds = space.bounds({ gte: "aaa", lt: "bbb" }, lookup);
  space.encodeKey("zzzzzz", lookup);
  assertEquals(shown(bounds), "[aaa..bbb)");
});

Deno.test("Falsy keys are bounds as any other, and null is not the same as none", () => {
  const numbers = new Keyspace(number, json(), EMPTY_BYTES, true);
  const { lower, upper } = numbers.bounds({ gte: 0, lt: 0 }, new Lookup());
  assertEquals([lower?.key.length, upper?.key.length], [8, 8]);
  const nullable = { ...slow(json() as Codec<Wrong>), ordered: true } as KeyCodec<Wrong>;
  const space = new Keyspace(nullable, utf8, EMPTY_BYTES, true);
  assertEquals(shown(space.bounds({ gt: null, lte: null }, new Lookup())), "(null..null]");
});

Deno.test("No range reaches outside the keyspace's prefix (invariant 2)", () => {
  const seed = 20;
  const random = generator(seed);
  const letters = ["!", '"', "a", "b", "\xff", ""];
  const word = () => Array.from({ length: random(4) }, () => letters[random(6)]!).join("");
  const lookup = new Lookup();
  for (const prefix of ["", "!a!", "!a!!b!"]) {
    const space = textSpace(prefix);
    for (let i = 0; i < 3000; i++) {
      const range: RangeOptions<string> = {};
      if (random(2)) range[random(2) ? "gt" : "gte"] = word();
      if (random(2)) range[random(2) ? "lt" : "lte"] = word();
      if (random(3) === 0) range.prefix = word();
      const bounds = space.bounds(range, lookup);
      const at = `seed ${seed}, ${prefix} ${JSON.stringify(range)}`;
      // Inside the keyspace, exactly what the range says …
      const key = word();
      const isIn = (range.gt === undefined || key > range.gt) &&
        (range.gte === undefined || key >= range.gte) &&
        (range.lt === undefined || key < range.lt) &&
        (range.lte === undefined || key <= range.lte) && key.startsWith(range.prefix ?? "");
      assertEquals(isWithin(bytesOf(prefix + key), bounds), isIn, `${at}, key ${key}`);
      // … and outside of it nothing.
      const other = ["!a", "!a ", '!a"', "!a!!b", '!a!!b"', "!b!", "", "\xff"][random(8)]! + word();
      if (!other.startsWith(prefix)) {
        assert(!isWithin(bytesOf(other), bounds), `${at}, other ${other}`);
      }
    }
  }
});

Deno.test("A prefix needs the order of bytes", () => {
  const space = textSpace("", false);
  assertEquals(shown(space.bounds({ gt: "b" }, new Lookup())), "(b..)");
  assertThrows(
    () => space.bounds({ prefix: "b" }, new Lookup()),
    TypeError,
    "Cannot iterate: prefix needs the bytewise comparator",
  );
});
