import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { bytewise, type Comparator } from "./comparator.ts";
import {
  ABSENT,
  FOUND,
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  kindAt,
  Lookup,
  makeInternalKey,
  putTrailer,
  SEQUENCE_MAX,
  sequenceAt,
  TRAILER_BYTES,
  userKeyOf,
} from "./internal_key.ts";

const comparator = new InternalKeyComparator();

/** The order of bytes turned around: a comparator that is not the default and shortens nothing. */
const backwards: Comparator = { name: "test.Backwards", compare: (a, b) => bytewise.compare(b, a) };

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (it) => it.charCodeAt(0));
}

function internal(userKey: string, sequence: number, kind: number = KIND_VALUE): Uint8Array {
  return makeInternalKey(latin1(userKey), sequence, kind);
}

/** The key that a shortened user key becomes: the highest trailer that LevelDB has. */
function shortened(userKey: string): Uint8Array {
  return Uint8Array.of(...latin1(userKey), 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
}

/** Sequence numbers on both sides of where the trailer's two halves meet, and at both ends. */
const SEQUENCES = [
  0,
  1,
  255,
  256,
  2 ** 24 - 1,
  2 ** 24,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 52,
  SEQUENCE_MAX,
];
const USER_KEYS = ["", "\x00", "a", "a\x00", "a\xff", "b", "\x7f", "\x80", "\xff", "\xff\xff"];
const KINDS = [KIND_TOMBSTONE, KIND_VALUE];

Deno.test("makeInternalKey() puts sequence << 8 | kind behind the user key, lowest byte first", () => {
  const known: [Uint8Array, number[]][] = [
    [internal("abc", 5), [0x61, 0x62, 0x63, 1, 5, 0, 0, 0, 0, 0, 0]],
    [internal("", 0x01020304050607, KIND_TOMBSTONE), [0, 7, 6, 5, 4, 3, 2, 1]],
    [internal("", 2 ** 24 - 1), [1, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    [internal("", 2 ** 24), [1, 0, 0, 0, 1, 0, 0, 0]],
    [internal("", SEQUENCE_MAX), [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]],
  ];
  for (const [key, bytes] of known) assertEquals(key, Uint8Array.from(bytes));
});

Deno.test("putTrailer() writes eight bytes and no more", () => {
  const buffer = new Uint8Array(TRAILER_BYTES + 2).fill(0xaa);
  putTrailer(buffer, 1, 0, KIND_TOMBSTONE);
  assertEquals(buffer, Uint8Array.of(0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa));
});

Deno.test("sequenceAt(), kindAt() and userKeyOf() read what makeInternalKey() wrote", () => {
  for (const sequence of SEQUENCES) {
    for (const kind of KINDS) {
      const key = internal("key", sequence, kind);
      assertEquals(sequenceAt(key, key.length), sequence);
      assertEquals(kindAt(key, key.length), kind);
      assertEquals(userKeyOf(key), latin1("key"));
    }
  }
});

Deno.test("sequenceAt() gives no safe integer when LevelDB's 56 bits are more than ours", () => {
  const key = shortened("a");
  assert(!Number.isSafeInteger(sequenceAt(key, key.length)));
  const smallest = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0x20); // 2^53
  assert(!Number.isSafeInteger(sequenceAt(smallest, smallest.length)));
});

/** Invariant 1 word for word, with the trailer as one whole number. */
function naiveOrder(user: Comparator, a: Uint8Array, b: Uint8Array): number {
  const order = user.compare(userKeyOf(a), userKeyOf(b));
  if (order !== 0) return Math.sign(order);
  const trailer = (key: Uint8Array) =>
    new DataView(key.buffer).getBigUint64(key.length - TRAILER_BYTES, true);
  return trailer(a) > trailer(b) ? -1 : trailer(a) < trailer(b) ? 1 : 0;
}

function everyKey(): Uint8Array[] {
  const keys = USER_KEYS.flatMap((userKey) =>
    SEQUENCES.flatMap((sequence) => KINDS.map((kind) => internal(userKey, sequence, kind)))
  );
  return [...keys, ...USER_KEYS.map(shortened)];
}

Deno.test("invariant 1: user keys ascend, then trailers descend, for any order of user keys", () => {
  for (const user of [bytewise, backwards]) {
    const order = new InternalKeyComparator(user);
    const keys = everyKey();
    for (const a of keys) {
      for (const b of keys) {
        const expected = naiveOrder(user, a, b);
        if (Math.sign(order.compareKeys(a, b)) !== expected) {
          assertStrictEquals(
            Math.sign(order.compareKeys(a, b)),
            expected,
            `${user.name}: ${a}, ${b}`,
          );
        }
      }
    }
  }
});

Deno.test("compare() and compareUser() look at nothing outside the ranges they are given", () => {
  for (const user of [bytewise, backwards]) {
    const order = new InternalKeyComparator(user);
    for (const other of ["key", "kex", "kez", "ke", "keyy"]) {
      const [a, b] = [internal("key", 7), internal(other, 7)];
      const padded = Uint8Array.of(0xff, 0xff, ...a, 0xff);
      const padded2 = Uint8Array.of(0x00, ...b, 0x00, 0x00);
      const [aEnd, bEnd] = [2 + a.length, 1 + b.length];
      assertEquals(order.compare(padded, 2, aEnd, padded2, 1, bEnd), order.compareKeys(a, b));
      assertEquals(
        Math.sign(order.compareUser(padded, 2, aEnd - 8, padded2, 1, bEnd - 8)),
        Math.sign(user.compare(latin1("key"), latin1(other))),
      );
    }
  }
});

Deno.test("invariant 3: a seek lands on the newest version that is not newer than its sequence", () => {
  const versions = [9, 7, 7, 3].map((sequence, i) =>
    internal("k", sequence, i === 1 ? KIND_VALUE : KIND_TOMBSTONE)
  );
  const entries = [internal("j", 1), ...versions, internal("l", 100)];
  const seek = (sequence: number) => {
    const target = internal("k", sequence, KIND_VALUE);
    const found = entries.find((entry) => comparator.compareKeys(entry, target) >= 0)!;
    return [String.fromCharCode(found[0]!), sequenceAt(found, found.length)];
  };
  assertEquals(seek(SEQUENCE_MAX), ["k", 9]);
  assertEquals(seek(9), ["k", 9]);
  assertEquals(seek(8), ["k", 7]);
  assertEquals(seek(3), ["k", 3]);
  assertEquals(seek(2), ["l", 100]);
});

Deno.test("separator() shortens as LevelDB does", () => {
  const unchanged: [Uint8Array, Uint8Array][] = [
    [internal("foo", 100), internal("foo", 99)], // one user key
    [internal("foo", 100), internal("foo", 101)],
    [internal("foo", 100), internal("foo", 100)],
    [internal("foo", 100), internal("foo", 100, KIND_TOMBSTONE)],
    [internal("foo", 100), internal("bar", 99)], // not in order
    [internal("foo", 100), internal("foobar", 200)], // a prefix
    [internal("foobar", 100), internal("foo", 200)],
    [internal("f", 100), internal("h", 200)], // "g" is no shorter
  ];
  for (const [start, limit] of unchanged) {
    assertEquals(comparator.separator(start, limit), start, `${start}, ${limit}`);
  }
  assertEquals(comparator.separator(internal("foo", 100), internal("hello", 200)), shortened("g"));
});

Deno.test("successor() shortens as LevelDB does", () => {
  assertEquals(comparator.successor(internal("foo", 100)), shortened("g"));
  assertEquals(comparator.successor(internal("\xff\xff", 100)), internal("\xff\xff", 100));
  assertEquals(comparator.successor(internal("\xff1", 100)), internal("\xff1", 100));
});

Deno.test("start <= separator(start, limit) < limit, and successor(key) >= key, for any order", () => {
  for (const user of [bytewise, backwards]) {
    const order = new InternalKeyComparator(user);
    const keys = [...USER_KEYS, "abc", "abcd", "ace", "zzz"].map((it) => internal(it, 5));
    for (const start of keys) {
      assert(order.compareKeys(start, order.successor(start)) <= 0, `${start}`);
      for (const limit of keys) {
        if (order.compareKeys(start, limit) >= 0) continue;
        const between = order.separator(start, limit);
        assert(order.compareKeys(start, between) <= 0, `${user.name}: ${start}, ${limit}`);
        assert(order.compareKeys(between, limit) < 0, `${user.name}: ${start}, ${limit}`);
      }
    }
  }
});

Deno.test("separator() and successor() keep the key when a comparator shortens it downwards", () => {
  const careless: Comparator = {
    name: "test.Careless",
    compare: bytewise.compare,
    separator: (start) => start.subarray(0, 1),
    successor: (key) => key.subarray(0, 1),
  };
  const order = new InternalKeyComparator(careless);
  assertEquals(order.separator(internal("foo", 1), internal("goo", 1)), internal("foo", 1));
  assertEquals(order.successor(internal("foo", 1)), internal("foo", 1));
});

Deno.test("Lookup.begin() asks for a key as of a sequence number, and forgets the last answer", () => {
  const lookup = new Lookup();
  lookup.reserve(3);
  lookup.key.set(latin1("abc"));
  lookup.hash = 1234;
  lookup.outcome = FOUND;
  lookup.begin(3, 77);
  assertEquals(lookup.key.slice(0, lookup.end), internal("abc", 77, KIND_VALUE));
  assertEquals([lookup.userEnd, lookup.end], [3, 3 + TRAILER_BYTES]);
  assertEquals([lookup.outcome, lookup.hash], [ABSENT, -1]);
});

Deno.test("Lookup.reserve() makes room for the key and its trailer at every length", () => {
  const lookup = new Lookup();
  for (let length = 0; length <= 2000; length++) {
    lookup.reserve(length);
    assert(lookup.key.length >= length + TRAILER_BYTES, `${length}`);
  }
  const { key } = lookup;
  lookup.reserve(10);
  assertStrictEquals(lookup.key, key, "a shorter key needs no new room");
});
