import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import {
  compareArrays,
  compareBytes,
  EMPTY_BYTES,
  equalBytes,
  prefixEnd,
  Slab,
  SLAB_BYTES,
  wordsOf,
} from "./bytes.ts";

/** Every array of at most `length` bytes out of these, shortest first. */
function everyArray(bytes: number[], length: number): Uint8Array[] {
  const result = [new Uint8Array(0)];
  let last = result;
  for (let i = 0; i < length; i++) {
    last = last.flatMap((head) => bytes.map((byte) => Uint8Array.of(...head, byte)));
    result.push(...last);
  }
  return result;
}

/** The definition of the order, written another way: as text in which every byte has two digits. */
function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function compareWhole(a: Uint8Array, b: Uint8Array): number {
  return Math.sign(compareBytes(a, 0, a.length, b, 0, b.length));
}

Deno.test("compareBytes() orders bytes as unsigned numbers, a prefix first", () => {
  const arrays = everyArray([0x00, 0x01, 0x7f, 0x80, 0xff], 3);
  for (const a of arrays) {
    for (const b of arrays) {
      const expected = hex(a) < hex(b) ? -1 : hex(a) > hex(b) ? 1 : 0;
      if (compareWhole(a, b) !== expected) {
        assertEquals(compareWhole(a, b), expected, `${hex(a)} and ${hex(b)}`);
      }
    }
  }
});

Deno.test("compareBytes() tells all pairs of single bytes apart", () => {
  for (let a = 0; a < 256; a++) {
    for (let b = 0; b < 256; b++) {
      const result = compareWhole(Uint8Array.of(a), Uint8Array.of(b));
      if (result !== Math.sign(a - b)) assertEquals(result, Math.sign(a - b), `${a} and ${b}`);
    }
  }
});

Deno.test("compareBytes() looks at nothing outside the ranges", () => {
  const [a, b] = [Uint8Array.of(9, 1, 2, 3, 9), Uint8Array.of(1, 2, 3, 0)];
  assertEquals(compareBytes(a, 1, 4, b, 0, 3), 0);
  assert(compareBytes(a, 1, 4, b, 0, 4) < 0);
  assert(compareBytes(a, 1, 5, b, 0, 4) > 0);
  assert(compareBytes(a, 1, 3, b, 0, 3) < 0);
  assertEquals(compareBytes(a, 2, 2, b, 4, 4), 0);
});

Deno.test("equalBytes() is true for equal contents only", () => {
  const arrays = everyArray([0x00, 0x80, 0xff], 3);
  for (const a of arrays) {
    for (const b of arrays) {
      if (equalBytes(a, b.slice()) !== (hex(a) === hex(b))) {
        assertEquals(equalBytes(a, b.slice()), hex(a) === hex(b), `${hex(a)} and ${hex(b)}`);
      }
    }
  }
});

Deno.test("prefixEnd() is the least key above all that begin with the prefix", () => {
  assertEquals(prefixEnd(Uint8Array.of(0x61)), Uint8Array.of(0x62));
  assertEquals(prefixEnd(Uint8Array.of(0x61, 0xff)), Uint8Array.of(0x62));
  assertEquals(prefixEnd(Uint8Array.of(0x61, 0x00)), Uint8Array.of(0x61, 0x01));
  assertEquals(prefixEnd(Uint8Array.of(0xfe, 0xff, 0xff)), Uint8Array.of(0xff));

  const keys = everyArray([0x00, 0x01, 0xfe, 0xff], 4);
  for (const prefix of everyArray([0x00, 0x01, 0xfe, 0xff], 2)) {
    const end = prefixEnd(prefix);
    for (const key of keys) {
      const begins = hex(key).startsWith(hex(prefix));
      const inRange = compareWhole(key, prefix) >= 0 &&
        (end === undefined || compareWhole(key, end) < 0);
      if (begins !== inRange) {
        assertEquals(inRange, begins, `prefix ${hex(prefix)}, key ${hex(key)}`);
      }
    }
  }
});

Deno.test("prefixEnd() has no answer for an empty prefix, nor for one of nothing but 0xff", () => {
  assertEquals(prefixEnd(EMPTY_BYTES), undefined);
  assertEquals(prefixEnd(Uint8Array.of(0xff)), undefined);
  assertEquals(prefixEnd(Uint8Array.of(0xff, 0xff, 0xff)), undefined);
});

Deno.test("prefixEnd() leaves the prefix alone", () => {
  const prefix = Uint8Array.of(0x61, 0xff);
  prefixEnd(prefix);
  assertEquals(prefix, Uint8Array.of(0x61, 0xff));
});

Deno.test("Slab.copy() copies any range, of every length around its thresholds", () => {
  const source = Uint8Array.from({ length: SLAB_BYTES + 10 }, (_, i) => i * 31 + (i >> 8));
  const slab = new Slab();
  for (
    const length of [0, 1, 63, 64, 65, 4095, 4096, 4097, SLAB_BYTES - 1, SLAB_BYTES, SLAB_BYTES + 1]
  ) {
    for (const start of [0, 1, 9]) {
      const copy = slab.copy(source, start, start + length);
      assertEquals(copy.length, length);
      assert(
        equalBytes(copy, source.slice(start, start + length)),
        `${length} bytes from ${start}`,
      );
    }
  }
});

Deno.test("Slab.copy() gives out bytes that nobody else writes to (invariant 2)", () => {
  const slab = new Slab();
  const source = new Uint8Array(5000);
  const copies: Uint8Array[] = [];
  for (let i = 0; i < 2000; i++) {
    source.fill(i);
    copies.push(slab.copy(source, 0, i % 97 === 0 ? 5000 : i % 300));
  }
  source.fill(0xee);
  copies.forEach((copy, i) => {
    assert(copy.every((byte) => byte === (i & 0xff)), `copy ${i}`);
  });
  copies.forEach((copy) => copy.fill(0xdd));
  assertEquals(slab.copy(Uint8Array.of(1, 2, 3), 0, 3), Uint8Array.of(1, 2, 3));
});

Deno.test("Slab.copy() gives plain arrays, also of a Buffer's kind (invariant 1)", () => {
  class Special extends Uint8Array {}
  const slab = new Slab();
  for (const length of [0, 3, 100, 5000]) {
    const copy = slab.copy(new Special(length), 0, length);
    assertStrictEquals(Object.getPrototypeOf(copy), Uint8Array.prototype, `${length} bytes`);
  }
});

Deno.test("Slab.copy() shares a buffer among small results, and gives large ones their own", () => {
  const slab = new Slab();
  const source = new Uint8Array(5000);
  const [one, two] = [slab.copy(source, 0, 10), slab.copy(source, 0, 10)];
  assertStrictEquals(one.buffer, two.buffer);
  const large = slab.copy(source, 0, 5000);
  assertNotEquals(large.buffer, one.buffer);
  assertEquals(large.buffer.byteLength, 5000);
});

Deno.test("wordsOf() views the buffer that it is given, whichever it viewed before", () => {
  const buffers = [
    new Uint8Array(8),
    new Uint8Array(16).subarray(3, 11),
    new Uint8Array(2 ** 20 + 1),
  ];
  for (const [i, buffer] of [...buffers, ...buffers.toReversed()].entries()) {
    for (let round = 0; round < 2; round++) {
      wordsOf(buffer).setInt32(1, i * 256 + round, true);
      assertEquals([...buffer.subarray(1, 3)], [round, i]);
      assertEquals(wordsOf(buffer).byteLength, buffer.length);
    }
  }
});

Deno.test("compareArrays() orders arrays as compareBytes() does their whole ranges", () => {
  const arrays = everyArray([0, 1, 255], 3);
  for (const a of arrays) {
    for (const b of arrays) {
      assertEquals(compareArrays(a, b), compareBytes(a, 0, a.length, b, 0, b.length));
    }
  }
});
