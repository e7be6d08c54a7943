/**
 * **What.** What a Bloom filter has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Bytes that are expected are LevelDB's: hashes of its own tests, filters of tables that it wrote.
 *
 * **Read next.** `../../../lib/bloom_filter_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import * as bloom from "../../../lib/bloom_filter.ts";
import { generator } from "../../../lib/random.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Keys of 0 to 19 random bytes. */
function drawKeys(count: number, seed: number): Uint8Array[] {
  const random = generator(seed);
  return Array.from(
    { length: count },
    () => Uint8Array.from({ length: random(20) }, () => random(256)),
  );
}

function assertHash(subject: Subject, key: number[], hash: number): void {
  const hex = (value: number) => `0x${value.toString(16)}`;
  // A key may be part of a larger buffer.
  const bytes = Uint8Array.from([1, 2, 3, ...key, 4]).subarray(3, 3 + key.length);
  assertEquals(hex(subject.hashKey(bytes)), hex(hash), `the hash of a key of bytes [${key}]`);
}

/** Checks a filter: its length, k, and which bits are set, by their numbers. */
function assertFilter(filter: Uint8Array, expected: Uint8Array, what: string): void {
  assertEquals(filter.length, expected.length, `${what}: bytes, with that of k`);
  assertEquals(filter.at(-1), expected.at(-1), `${what}: k`);
  const bits = Array.from({ length: (expected.length - 1) * 8 }, (_, bit) => bit);
  const isSet = (bytes: Uint8Array, bit: number) => (bytes[bit >>> 3]! & (1 << (bit & 7))) !== 0;
  const wrong = bits.filter((bit) => isSet(filter, bit) !== isSet(expected, bit));
  const listed = (bytes: Uint8Array) => bits.filter((bit) => isSet(bytes, bit)).join(" ");
  const difference = bits.length <= 64
    ? `set: ${listed(filter)}; expected: ${listed(expected)}`
    : `${wrong.length} bits are wrong, the first is bit ${wrong[0]}`;
  assert(wrong.length === 0, `${what}: ${difference}`);
}

const cases: Case<Subject>[] = [
  {
    name: "hashes the empty key, and keys of whole 4 bytes, to unsigned numbers",
    run(subject) {
      assertHash(subject, [], 0xbc9f1d34);
      assertHash(subject, [0xe1, 0x80, 0xb9, 0x32], 0xed21633a);
    },
  },
  {
    name: "hashes what is left of a key after whole 4 bytes",
    run(subject) {
      assertHash(subject, [0x62], 0xef1345c4);
      assertHash(subject, [0xc3, 0x97], 0x5b663814);
      assertHash(subject, [0xe2, 0x99, 0xa5], 0x323c078f);
      for (const key of drawKeys(200, 1)) assertHash(subject, [...key], hashKey(key));
    },
  },
  {
    name: "makes filters of whole bytes, at least 8, and k behind them",
    run(subject) {
      const shape = (count: number, bitsPerKey: number) => {
        const filter = subject.makeFilter(drawKeys(count, 2), bitsPerKey);
        return [filter.length - 1, filter.at(-1)];
      };
      assertEquals(shape(1, 10), [8, 6], "bytes of bits, and k, for 1 key with 10 bits");
      assertEquals(shape(7, 10), [9, 6], "for 7 keys with 10 bits each");
      assertEquals(shape(100, 3), [38, 2], "for 100 keys with 3 bits each");
      assertEquals(shape(100, 1), [13, 1], "for 100 keys with 1 bit each");
      assertEquals(shape(10, 64), [80, 30], "for 10 keys with 64 bits each");
    },
  },
  {
    name: "sets the bits that LevelDB sets for one key",
    run(subject) {
      const filter = subject.makeFilter([utf8("varve")], 10);
      const expected = [0x28, 0x00, 0x00, 0x0a, 0x00, 0xa0, 0x00, 0x00, 6];
      assertFilter(filter, Uint8Array.from(expected), '"varve"');
    },
  },
  {
    name: "sets the bits that LevelDB sets for two keys",
    run(subject) {
      const filter = subject.makeFilter([utf8("apple"), utf8("apply")], 10);
      const expected = [0x04, 0x10, 0x00, 0x40, 0x00, 0x01, 0xc1, 0x0f, 6];
      assertFilter(filter, Uint8Array.from(expected), '"apple" and "apply"');
    },
  },
  {
    name: "makes the bytes that ours has, for any number of keys and bits",
    run(subject) {
      for (let seed = 1; seed <= 40; seed++) {
        const keys = drawKeys(generator(seed)(300), seed);
        const bits = 1 + seed % 24;
        const what = `${keys.length} keys, ${bits} bits for each`;
        assertFilter(subject.makeFilter(keys, bits), makeFilter(keys, bits), what);
      }
    },
  },
  {
    name: "says that a key may be there if it was added",
    run(subject) {
      const keys = drawKeys(500, 3);
      for (const bits of [1, 7, 10, 16]) {
        const filter = makeFilter(keys, bits);
        const denied = keys.find((key) => !subject.mayContain(filter, key));
        assert(denied === undefined, `the key of bytes ${denied} was added, ${bits} bits for each`);
      }
    },
  },
  {
    name: "refuses 99 of 100 absent keys at 10 bits a key, and no other keys than ours does",
    run(subject) {
      const filter = makeFilter(Array.from({ length: 5000 }, (_, i) => utf8(`there ${i}`)), 10);
      let passed = 0;
      for (let i = 0; i < 20_000; i++) {
        const key = utf8(`absent ${i}`);
        const answer = subject.mayContain(filter, key);
        assertEquals(answer, mayContain(filter, key), `"absent ${i}" may be there`);
        if (answer) passed++;
      }
      assert(passed < 300, `${passed} of 20 000 absent keys passed, expected about 200`);
    },
  },
  {
    name: "probes as often as the filter says, not as one of 10 bits a key would",
    run(subject) {
      // Of 64 bits 63 are set: with one probe, one key in 64 finds the one that is not.
      const filter = new Uint8Array(9).fill(0xff);
      for (const probes of [1, 2, 30]) {
        filter[0] = 0xfe;
        filter[8] = probes;
        for (const key of drawKeys(500, 4)) {
          const expected = mayContain(filter, key);
          assertEquals(subject.mayContain(filter, key), expected, `k is ${probes}, key ${key}`);
        }
      }
    },
  },
  {
    name: "denies every key of a filter without bits, and allows every key if k is over 30",
    run(subject) {
      const key = utf8("key");
      const answers = (...bytes: number[]) => subject.mayContain(Uint8Array.from(bytes), key);
      assertEquals(answers(), false, "no bytes at all");
      assertEquals(answers(6), false, "k and nothing else");
      assertEquals(answers(0, 0, 30), false, "bits that are all 0");
      assertEquals(answers(0, 0, 31), true, "k is 31");
      assertEquals(answers(0, 0, 255), true, "k is 255");
    },
  },
];

function hashKey(key: Uint8Array): number {
  return bloom.bloomHash(key, 0, key.length);
}

function makeFilter(keys: readonly Uint8Array[], bitsPerKey: number): Uint8Array {
  const builder = new bloom.BloomFilterBuilder(bitsPerKey);
  for (const key of keys) builder.add(key, 0, key.length);
  const filter = new Uint8Array(builder.filterBytes);
  builder.finish(filter, 0);
  return filter;
}

function mayContain(filter: Uint8Array, key: Uint8Array): boolean {
  return bloom.mayContain(filter, 0, filter.length, hashKey(key));
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a Bloom filter whose bytes are LevelDB's",
  own: { hashKey, makeFilter, mayContain },
  cases,
};
