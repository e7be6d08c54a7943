import { assert, assertEquals, assertThrows } from "@std/assert";
import { compareBytes } from "./bytes.ts";
import { decodeKvKey, encodeKvKey, encodeKvKeyIn, type KvKey } from "./kv_key.ts";
import { generator } from "./random.ts";

const negativeNaN = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0000n]).buffer)[0]!;

/** Parts in their order. */
// deno-fmt-ignore
const ordered = [
  Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(0, 255), Uint8Array.of(1), Uint8Array.of(255),
  "", "\0", "\0\0", "a", "a\0b", "a\x01", "b", "\xff", "\u{1f30a}",
  -(2n ** 2040n) + 1n, -(2n ** 64n), -(2n ** 64n) + 1n, -256n, -255n, -1n, 0n, 1n, 255n, 256n, 2n ** 64n - 1n,
  2n ** 64n, 2n ** 2040n - 1n,
  negativeNaN, -Infinity, -1e300, -1, -5e-324, -0, 0, 5e-324, 0.5, 1, 2 ** 53, Infinity, NaN,
  false, true,
] as const;

function compare(a: KvKey, b: KvKey): number {
  const [left, right] = [encodeKvKey(a), encodeKvKey(b)];
  return Math.sign(compareBytes(left, 0, left.length, right, 0, right.length));
}

Deno.test("encodeKvKey() gives the bytes that the runtime stores", () => {
  // As read from the database file of Deno 2.9.
  assertEquals([...encodeKvKey(["a", 1n, true])], [2, 0x61, 0, 0x15, 1, 0x27]);
  assertEquals([...encodeKvKey([Uint8Array.of(0, 1)])], [1, 0, 0xff, 1, 0]);
  assertEquals([...encodeKvKey([-1n, 0n])], [0x13, 0xfe, 0x14]);
  assertEquals([...encodeKvKey([1])], [0x21, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0]);
  assertEquals([...encodeKvKey([2n ** 64n])], [0x1d, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals([...encodeKvKeyIn(7, [false])], [7, 0x26]);
});

Deno.test("keys are in the order of their parts (invariant 1)", () => {
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) {
      assertEquals(compare([a], [b]), Math.sign(i - j), `${String(a)} and ${String(b)}`);
      if (i !== j) assertEquals(compare([a, true], [b]), Math.sign(i - j));
    }
    assertEquals(compare([a], [a, Uint8Array.of()]), -1, "a key comes before its extensions");
  }
});

Deno.test("the extensions of a key lie between its bytes and 00, and its bytes and ff (invariant 2)", () => {
  for (const a of ordered) {
    const prefix = encodeKvKey([a]);
    const isBetween = (key: KvKey) => {
      const bytes = encodeKvKey(key);
      const [low, high] = [new Uint8Array([...prefix, 0]), new Uint8Array([...prefix, 255])];
      return compareBytes(bytes, 0, bytes.length, low, 0, low.length) >= 0 &&
        compareBytes(bytes, 0, bytes.length, high, 0, high.length) < 0;
    };
    for (const b of ordered) {
      assert(isBetween([a, b]), `${String(a)}, ${String(b)}`);
      assert(!isBetween([b]), String(b));
    }
  }
});

Deno.test("decodeKvKey() gives back every key", () => {
  for (const part of ordered) {
    const [decoded] = decodeKvKey(encodeKvKey([part]));
    assert(Object.is(decoded, part) || part instanceof Uint8Array, String(part));
    if (part instanceof Uint8Array) assertEquals(decoded, part);
  }
  const random = generator(1);
  for (let round = 0; round < 2000; round++) {
    const key = Array.from({ length: random(4) }, () => ordered[random(ordered.length)]!);
    assertEquals(decodeKvKey(encodeKvKeyIn(1, key), 1), key);
  }
});

Deno.test("encodeKvKey() takes views of any kind as their bytes, and half a character as U+FFFD", () => {
  const view = new Uint16Array([1, 2, 3]).subarray(1) as unknown as Uint8Array;
  assertEquals(decodeKvKey(encodeKvKey([view])), [Uint8Array.of(2, 0, 3, 0)]);
  assertEquals(decodeKvKey(encodeKvKey(["\ud800x"])), ["\ufffdx"]);
});

Deno.test("encodeKvKey() takes long keys, and is not left with their memory", () => {
  const long = "é".repeat(100_000);
  assertEquals(decodeKvKey(encodeKvKey(["a", long, 1])), ["a", long, 1]);
  assertEquals(decodeKvKey(encodeKvKey(["a"])), ["a"]);
});

Deno.test("encodeKvKey() refuses what is no key", () => {
  for (const part of [null, undefined, {}, ["a"], Symbol("a"), new Date(), new ArrayBuffer(1)]) {
    assertThrows(() => encodeKvKey([1, part] as KvKey), TypeError, "part 1 must be");
  }
  for (const key of ["a", { 0: "a", length: 1 }, Uint8Array.of(1), null, undefined]) {
    assertThrows(() => encodeKvKey(key as unknown as KvKey), TypeError, "must be an array");
  }
  assertThrows(() => encodeKvKey([2n ** 2040n]), TypeError, "256 bytes");
});

Deno.test("decodeKvKey() refuses bytes that are cut short or of no kind", () => {
  for (const part of ordered) {
    const bytes = encodeKvKey([part]);
    if (bytes.includes(0xff) && bytes.includes(0)) continue; // cut at an escaped zero it is another key
    for (let end = 1; end < bytes.length; end++) {
      assertThrows(() => decodeKvKey(bytes.subarray(0, end)), TypeError, "cut short", String(part));
    }
  }
  for (const kind of [0, 3, 0x0a, 0x1e, 0x20, 0x28, 0xff]) {
    assertThrows(() => decodeKvKey(Uint8Array.of(kind)), TypeError, "no kind of part");
  }
});
