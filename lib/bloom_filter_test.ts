import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { generator } from "./random.ts";
import {
  BloomFilterBuilder,
  bloomHash,
  FilterBlock,
  FilterBlockBuilder,
  mayContain,
} from "./bloom_filter.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const hashOf = (text: string) => bloomHash(utf8(text), 0, utf8(text).length);

function number32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

function filterOf(keys: readonly Uint8Array[], bitsPerKey = 10): Uint8Array {
  const builder = new BloomFilterBuilder(bitsPerKey);
  for (const key of keys) builder.add(key, 0, key.length);
  const filter = new Uint8Array(builder.filterBytes);
  builder.finish(filter, 0);
  return filter;
}

function has(filter: Uint8Array, key: Uint8Array): boolean {
  return mayContain(filter, 0, filter.length, bloomHash(key, 0, key.length));
}

Deno.test("bloomHash() gives the values that LevelDB's does", () => {
  // The vectors of LevelDB's util/hash_test.cc: bytes over 0x7f count as unsigned, also in the tail.
  const vectors: [bytes: number[], hash: number][] = [
    [[], 0xbc9f1d34],
    [[0x62], 0xef1345c4],
    [[0xc3, 0x97], 0x5b663814],
    [[0xe2, 0x99, 0xa5], 0x323c078f],
    [[0xe1, 0x80, 0xb9, 0x32], 0xed21633a],
  ];
  for (const [bytes, hash] of vectors) {
    assertEquals(bloomHash(Uint8Array.from(bytes), 0, bytes.length), hash);
    const around = Uint8Array.from([0xff, 0xff, ...bytes, 0xff]);
    assertEquals(bloomHash(around, 2, 2 + bytes.length), hash);
  }
});

Deno.test("BloomFilterBuilder writes the bytes that LevelDB does (invariant 2)", () => {
  // From tables that LevelDB 1.20 wrote.
  const pair = filterOf([utf8("apple"), utf8("apply")]);
  assertEquals([...pair], [0x04, 0x10, 0x00, 0x40, 0x00, 0x01, 0xc1, 0x0f, 6]);
  const one = filterOf([utf8("varve")]);
  assertEquals([...one], [0x28, 0x00, 0x00, 0x0a, 0x00, 0xa0, 0x00, 0x00, 6]);
});

Deno.test("BloomFilterBuilder takes bits for each key, at least 64, and 0.69 probes for each", () => {
  const keys = (count: number) => Array.from({ length: count }, (_, i) => number32(i));
  // keys, bits per key, bytes of bits, probes
  const cases = [[0, 10, 8, 6], [1, 10, 8, 6], [6, 10, 8, 6], [7, 10, 9, 6], [100, 10, 125, 6]];
  cases.push([100, 1, 13, 1], [100, 2, 25, 1], [100, 3, 38, 2], [10, 43, 54, 29], [10, 64, 80, 30]);
  for (const [count, bits, bytes, probes] of cases) {
    const filter = filterOf(keys(count!), bits);
    assertEquals(
      [filter.length - 1, filter.at(-1)],
      [bytes, probes],
      `${count} keys, ${bits} bits`,
    );
  }
});

Deno.test("mayContain() never denies a key that was added (invariant 1)", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = generator(seed);
    const keys = Array.from({ length: random(400) }, () => {
      return Uint8Array.from({ length: random(20) }, () => random(256));
    });
    const filter = filterOf(keys, 1 + random(30));
    for (const key of keys) assert(has(filter, key), `seed ${seed}, key ${key}`);
  }
});

Deno.test("mayContain() lets through about one absent key in a hundred at 10 bits a key", () => {
  // The counts are the same on every machine. Small filters are worse: a probe more or less counts for more.
  let good = 0;
  let mediocre = 0;
  for (
    let length = 1;
    length <= 10_000;
    length += Math.min(1000, 10 ** Math.floor(Math.log10(length)))
  ) {
    const filter = filterOf(Array.from({ length }, (_, i) => number32(i)));
    let passed = 0;
    for (let i = 0; i < 10_000; i++) if (has(filter, number32(i + 1_000_000_000))) passed++;
    assertLess(passed, 200, `${length} keys`);
    if (passed > 125) mediocre++;
    else good++;
  }
  assertLess(mediocre, good / 5);
});

Deno.test("mayContain() denies everything for no keys, allows everything for an unknown encoding", () => {
  assertStrictEquals(has(filterOf([]), utf8("hello")), false);
  assertStrictEquals(has(new Uint8Array(0), utf8("hello")), false);
  assertStrictEquals(has(Uint8Array.of(6), utf8("hello")), false);
  assertStrictEquals(has(Uint8Array.of(0, 0, 30), utf8("hello")), false);
  assertStrictEquals(has(Uint8Array.of(0, 0, 31), utf8("hello")), true);
  assertStrictEquals(has(Uint8Array.of(0, 0, 255), utf8("hello")), true);
});

Deno.test("FilterBlockBuilder of nothing is an empty array of offsets", () => {
  const bytes = new FilterBlockBuilder(10).finish();
  assertEquals([...bytes], [0, 0, 0, 0, 11]);
  assertStrictEquals(new FilterBlock(bytes).mayContain(0, hashOf("foo")), true);
  assertStrictEquals(new FilterBlock(bytes).mayContain(100_000, hashOf("foo")), true);
});

Deno.test("FilterBlockBuilder gives each 2 KiB of blocks a filter, an empty one where no block starts", () => {
  const builder = new FilterBlockBuilder(10);
  const add = (text: string) => builder.add(utf8(text), 0, utf8(text).length);
  builder.startBlock(0);
  add("foo");
  builder.startBlock(2000);
  add("bar");
  builder.startBlock(3100);
  add("box");
  builder.startBlock(9000);
  add("box");
  add("hello");
  const bytes = builder.finish();
  // Filters of nine bytes 0 (foo, bar), 1 (box), 4 (box, hello); 2 and 3 have no bytes. Then five offsets.
  const offsets = [0, 9, 18, 18, 18];
  assertEquals(bytes.length, 27 + 5 * 4 + 5);
  assertEquals([...bytes.subarray(27)], [...offsets, 27].flatMap((n) => [n, 0, 0, 0]).concat(11));
  const filter = new FilterBlock(bytes);
  const there: [offset: number, key: string][] = [
    [0, "foo"],
    [2000, "bar"],
    [2047, "foo"],
    [3100, "box"],
    [9000, "box"],
    [9000, "hello"],
  ];
  for (const [offset, key] of there) {
    assertStrictEquals(filter.mayContain(offset, hashOf(key)), true);
  }
  const absent: [offset: number, key: string][] = [
    [0, "box"],
    [0, "hello"],
    [3100, "foo"],
    [3100, "bar"],
    [3100, "hello"],
    [4100, "box"],
    [6200, "foo"],
    [9000, "foo"],
    [9000, "bar"],
  ];
  for (const [offset, key] of absent) {
    assertStrictEquals(filter.mayContain(offset, hashOf(key)), false, `${key} at ${offset}`);
  }
  assertStrictEquals(filter.mayContain(10_240, hashOf("foo")), true); // past the last filter
});

Deno.test("FilterBlock of damaged bytes answers, and says 'may be there' where it makes no sense", () => {
  const builder = new FilterBlockBuilder(10);
  builder.startBlock(0);
  builder.add(utf8("foo"), 0, 3);
  const bytes = builder.finish().slice();
  for (let end = 0; end < 5; end++) {
    assertStrictEquals(new FilterBlock(bytes.slice(0, end)).mayContain(0, hashOf("x")), true);
  }
  const beyond = bytes.slice();
  beyond.set([255, 255, 255, 255], bytes.length - 5); // the offsets start past the end
  assertStrictEquals(new FilterBlock(beyond).mayContain(0, hashOf("x")), true);
  const backwards = bytes.slice();
  backwards.set([10, 0, 0, 0], 9); // the filter starts after its end
  assertStrictEquals(new FilterBlock(backwards).mayContain(0, hashOf("x")), true);
  for (let at = 0; at < bytes.length; at++) {
    for (let flip = 1; flip < 256; flip++) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ flip;
      const filter = new FilterBlock(damaged);
      for (const offset of [0, 2047, 2048, 2 ** 40]) {
        assertStrictEquals(typeof filter.mayContain(offset, hashOf("foo")), "boolean");
      }
    }
  }
});

Deno.test("FilterBlock counts what it takes in memory", () => {
  const bytes = new Uint8Array(5000);
  const { memoryBytes } = new FilterBlock(bytes);
  assert(memoryBytes >= 5000 && memoryBytes < 6000);
});
