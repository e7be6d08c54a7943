import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { damagedBlocks, entry, restarts, searchTargets } from "../tests/fixtures/damaged_blocks.ts";
import { generator } from "./random.ts";
import { BlockBuilder } from "./block_builder.ts";
import { type BlockKeys, decodeBlock, type DecodedBlock } from "./block.ts";
import { compareBytes } from "./bytes.ts";
import { CorruptionError } from "./errors.ts";
import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";

const bytewiseKeys = new InternalKeyComparator();
const reversedKeys = new InternalKeyComparator({
  name: "test.Reversed",
  compare: (a, b) => compareBytes(b, 0, b.length, a, 0, a.length),
});
const utf8 = (text: string) => new TextEncoder().encode(text);
const key = (text: string, sequence = 1, kind = 1) => makeInternalKey(utf8(text), sequence, kind);

function built(keys: readonly Uint8Array[], interval = 16, valueBytes = 3): Uint8Array {
  const builder = new BlockBuilder(interval);
  keys.forEach((k, i) =>
    builder.add(k, 0, k.length, new Uint8Array(valueBytes).fill(i), 0, valueBytes)
  );
  return builder.buffer.slice(0, builder.finish());
}

function decoded(
  bytes: Uint8Array,
  comparator = bytewiseKeys,
  holds: BlockKeys = "entries",
): DecodedBlock {
  return decodeBlock(bytes, bytes.length, holds, comparator, "data/000005.ldb", 4711);
}

function keyOf(block: DecodedBlock, i: number): Uint8Array {
  return block.bytes.slice(block.keyStart(i), block.keyEnd(i));
}

/** Checks `search` for every entry's key, just before it and just after it, against a plain scan. */
function checkSearch(keys: Uint8Array[], comparator: InternalKeyComparator, where: string): void {
  for (const holds of ["entries", "separators"] as const) {
    const block = decoded(built(keys), comparator, holds);
    const targets = searchTargets(keys);
    for (const target of targets) {
      let expected = keys.findIndex((k) => comparator.compareKeys(k, target) >= 0);
      if (expected < 0) expected = keys.length;
      const found = block.search(comparator, target, 0, target.length);
      assertEquals(found, expected, `${where}, ${holds}, target ${target}`);
    }
  }
}

Deno.test("decodeBlock() gives back the entries, whatever the restart interval", () => {
  const keys = Array.from({ length: 100 }, (_, i) => key(`user:${String(i).padStart(6, "0")}`));
  for (const interval of [1, 2, 3, 16, 100, 1000]) {
    for (const valueBytes of [0, 1, 127, 128, 300]) {
      const block = decoded(built(keys, interval, valueBytes));
      assertEquals(block.count, 100);
      for (let i = 0; i < 100; i++) {
        assertEquals(keyOf(block, i), keys[i]);
        const value = block.bytes.slice(block.valueStart(i), block.valueEnd(i));
        assertEquals(value, new Uint8Array(valueBytes).fill(i));
      }
    }
  }
});

Deno.test("decodeBlock() takes an empty block", () => {
  const block = decoded(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0));
  assertEquals(block.count, 0);
  assertEquals(block.search(bytewiseKeys, key("a"), 0, 9), 0);
});

Deno.test("decodeBlock() takes keys from nothing to 64 KiB", () => {
  const keys = [key("")];
  for (const bytes of [1, 100, 4096, 65535, 65536]) keys.push(key("k".repeat(bytes)));
  const block = decoded(built(keys));
  for (let i = 0; i < keys.length; i++) assertEquals(keyOf(block, i), keys[i]);
});

Deno.test("decodeBlock() lets long keys pass that share almost everything", () => {
  const prefix = "p".repeat(64 * 1024 - 4);
  const keys = Array.from({ length: 64 }, (_, i) => key(prefix + String(i).padStart(4, "0")));
  const block = decoded(built(keys, 16));
  assertEquals(keyOf(block, 63), keys[63]);
});

Deno.test("decodeBlock() reads a block at the start of a larger buffer", () => {
  const bytes = built([key("a"), key("b")]);
  const larger = new Uint8Array(bytes.length + 5).fill(0xee);
  larger.set(bytes);
  const block = decodeBlock(larger, bytes.length, "entries", bytewiseKeys, "x", 0);
  assertEquals([keyOf(block, 0), keyOf(block, 1)], [key("a"), key("b")]);
});

Deno.test("decodeBlock() counts what the block takes in memory (invariant 4)", () => {
  const bytes = built(
    Array.from({ length: 50 }, (_, i) => key(`key${String(i).padStart(3, "0")}`)),
  );
  const block = decoded(bytes);
  // The block, 14 bytes of key for each entry, and 16 of numbers.
  assert(block.memoryBytes >= bytes.length + 50 * (14 + 16));
  assertLess(block.memoryBytes, bytes.length + 50 * (14 + 16) + 2048);
});

Deno.test("decodeBlock() refuses what breaks the format, naming file and offset", () => {
  assertEquals(decoded(Uint8Array.from([...entry, ...restarts])).count, 1);
  for (const [why, bytes] of damagedBlocks) {
    const error = assertThrows(() => decoded(Uint8Array.from(bytes)), CorruptionError, "", why);
    assertEquals([error.file, error.offset], ["data/000005.ldb", 4711], why);
  }
});

Deno.test("decodeBlock() takes highest sequence numbers between blocks, short names in a metaindex", () => {
  const separator = [0, 9, 0, 97, 1, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 1, 0, 0, 0];
  const bytes = Uint8Array.from(separator);
  assertThrows(() => decoded(bytes), CorruptionError, "sequence number");
  assertEquals(decoded(bytes, bytewiseKeys, "separators").count, 1);
  const name = Uint8Array.of(0, 1, 0, 97, 0, 0, 0, 0, 1, 0, 0, 0);
  assertThrows(() => decoded(name), CorruptionError);
  assertEquals(keyOf(decoded(name, bytewiseKeys, "names"), 0), utf8("a"));
});

Deno.test("decodeBlock() refuses a small block that expands to gigabytes", () => {
  // One key of 1 MiB, then 100 000 entries of five bytes that each repeat it: 100 GiB.
  const prefix = new Uint8Array(1 << 20).fill(97);
  const bytes = new Uint8Array((1 << 20) + 13 + 5 * 100_000 + 8);
  let at = 0;
  const put = (...values: number[]) => values.forEach((value) => bytes[at++] = value);
  put(0, 0x88, 0x80, 0x40, 0);
  bytes.set(prefix, at);
  at += prefix.length;
  put(...makeInternalKey(new Uint8Array(0), 1, 1));
  for (let i = 0; i < 100_000; i++) put(0x88, 0x80, 0x40, 0, 0);
  put(0, 0, 0, 0, 1, 0, 0, 0);
  const block = bytes.subarray(0, at);
  assertThrows(() => decoded(block), CorruptionError, "keys of over");
});

Deno.test("decodeBlock() of a damaged block gives a block or a CorruptionError, nothing else", () => {
  const keys = Array.from({ length: 12 }, (_, i) => key(`key${String(i * 3).padStart(2, "0")}`));
  const bytes = built(keys, 4);
  for (let at = 0; at < bytes.length; at++) {
    for (let flip = 1; flip < 256; flip++) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ flip;
      try {
        const block = decoded(damaged);
        const found = block.search(bytewiseKeys, keys[5]!, 0, keys[5]!.length);
        assert(found >= 0 && found <= block.count);
      } catch (error) {
        assert(error instanceof CorruptionError, `byte ${at}, flip ${flip}: ${error}`);
      }
    }
  }
  for (let end = 0; end < bytes.length; end++) {
    try {
      decoded(bytes.slice(0, end));
    } catch (error) {
      assert(error instanceof CorruptionError, `cut at ${end}: ${error}`);
    }
  }
});

Deno.test("search() finds every entry and every gap: keys of all shapes", () => {
  const shapes: Record<string, string[]> = {
    "one key": ["a"],
    "one empty key": [""],
    "decimals": Array.from({ length: 40 }, (_, i) => String(i * 7).padStart(16, "0")),
    "prefixes of each other": Array.from({ length: 20 }, (_, i) => "a".repeat(i)),
    "zero bytes at the end": ["a", "a\0", "a\0\0", "a\0\0\0", "a\0\0\0\0", "a\0\0\0\0\0", "b"],
    "high bytes": ["\x7f", "\x80", "\xc0x", "\xff", "\xff\xff"],
    "an outlier at the end": ["user:1000", "user:1001", "user:1002", "z"],
    "an outlier at the start": ["a", "user:1000", "user:1001", "user:1002"],
    "equal heads": Array.from({ length: 30 }, (_, i) => `same${i % 2}long${String(i >> 1)}`).sort(),
    "heads that end in the key": ["ab", "abc", "abcd", "abcde", "abcdef", "abd"],
  };
  for (const [name, users] of Object.entries(shapes)) {
    const sorted = users.map((user) => {
      const bytes = Uint8Array.from(user, (c) => c.charCodeAt(0));
      return makeInternalKey(bytes, 5, 1);
    });
    sorted.sort((a, b) => bytewiseKeys.compareKeys(a, b));
    checkSearch(sorted, bytewiseKeys, name);
    sorted.sort((a, b) => reversedKeys.compareKeys(a, b));
    checkSearch(sorted, reversedKeys, `${name}, reversed`);
  }
});

Deno.test("search() tells versions of a key apart", () => {
  const keys = [];
  for (const user of ["a", "b", "c"]) {
    for (let sequence = 60; sequence > 0; sequence -= 3) keys.push(key(user, sequence));
  }
  checkSearch(keys, bytewiseKeys, "versions");
  const block = decoded(built(keys));
  for (let sequence = 1; sequence <= 62; sequence++) {
    const target = key("b", sequence);
    const found = keyOf(block, block.search(bytewiseKeys, target, 0, target.length));
    const expected = sequence < 3 ? key("c", 60) : key("b", Math.min(60, sequence - sequence % 3));
    assertEquals(found, expected, `sequence ${sequence}`);
  }
});

Deno.test("search() agrees with a scan on random keys", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const keys = Array.from({ length: 1 + random(40) }, () => {
      const user = Uint8Array.from({ length: random(12) }, () => random(seed % 3 === 0 ? 256 : 3));
      return makeInternalKey(user, 1 + random(4), random(2));
    });
    for (const comparator of [bytewiseKeys, reversedKeys]) {
      keys.sort((a, b) => comparator.compareKeys(a, b));
      const distinct = keys.filter((k, i) =>
        i === 0 || comparator.compareKeys(keys[i - 1]!, k) !== 0
      );
      checkSearch(distinct, comparator, `seed ${seed}`);
    }
  }
});

Deno.test("decodeBlock() copies what it keeps", () => {
  const bytes = built([key("a"), key("b")]);
  const block = decoded(bytes);
  bytes.fill(0xee);
  assertEquals([keyOf(block, 0), keyOf(block, 1)], [key("a"), key("b")]);
  assertEquals(block.bytes.slice(block.valueStart(1), block.valueEnd(1)), Uint8Array.of(1, 1, 1));
});

Deno.test("decodeBlock() keeps of an index the handles, and values only if one is no handle of small numbers", () => {
  const keys = ["a", "b", "c"].map((text) => key(text));
  const values = [[5, 0x80, 1], [0xff, 0xff, 0xff, 0xff, 7, 9], [0x86, 0, 3, 77]];
  const index = (last: number[]) => {
    const builder = new BlockBuilder(1);
    for (const [i, value] of [...values.slice(0, 2), last].entries()) {
      const bytes = Uint8Array.from(value);
      builder.add(keys[i]!, 0, keys[i]!.length, bytes, 0, bytes.length);
    }
    return decoded(builder.buffer.slice(0, builder.finish()), bytewiseKeys, "separators");
  };
  const handleOf = (block: DecodedBlock, i: number) => [
    ...block.words.subarray(block.handleAt(i), block.handleAt(i) + 3),
  ];
  const small = index(values[2]!);
  assertEquals([0, 1, 2].map((i) => handleOf(small, i)), [
    [5, 128, -1],
    [2 ** 31 - 1, 9, -1],
    [6, 3, -1],
  ]);
  for (
    const other of [[], [0x80], [1], [0x80, 0x80, 0x80, 0x80, 8, 9], [9, 0xff, 0xff, 0xff, 0xff, 8]]
  ) {
    const block = index(other);
    assertEquals(handleOf(block, 1), [2 ** 31 - 1, 9, -1]);
    assertEquals(handleOf(block, 2), [-1, -1, -1]);
    assertEquals([...block.bytes.subarray(block.valueStart(2), block.valueEnd(2))], other);
    assert(block.memoryBytes > small.memoryBytes);
  }
  for (const block of [small, index([])]) {
    for (const [i, k] of keys.entries()) assertEquals(keyOf(block, i), k);
  }
});
