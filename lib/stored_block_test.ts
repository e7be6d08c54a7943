import { assert, assertEquals, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import {
  damagedBlocks,
  entry,
  restarts,
  searchTargets,
  trailer,
} from "../tests/fixtures/damaged_blocks.ts";
import { bytewiseKeys, type Entry, entryAt, utf8 } from "../tests/tables.ts";
import { decodeBlock } from "./block.ts";
import { BlockBuilder } from "./block_builder.ts";
import { compareBytes } from "./bytes.ts";
import { CorruptionError } from "./errors.ts";
import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";
import { generator } from "./random.ts";
import { BlockCursor, StoredBlock } from "./stored_block.ts";

const reversedKeys = new InternalKeyComparator({
  name: "test.Reversed",
  compare: (a, b) => compareBytes(b, 0, b.length, a, 0, a.length),
});
const key = (text: string, sequence = 1, kind = 1) => makeInternalKey(utf8(text), sequence, kind);

function built(entries: readonly Entry[], interval = 16): Uint8Array {
  const builder = new BlockBuilder(interval);
  for (const [k, v] of entries) builder.add(k, 0, k.length, v, 0, v.length);
  return builder.buffer.slice(0, builder.finish());
}

/** Each key with a value that says which it is. */
function entriesOf(keys: readonly Uint8Array[], valueBytes = 3): Entry[] {
  return keys.map((k, i) => [k, new Uint8Array(valueBytes).fill(i)]);
}

function stored(bytes: Uint8Array, room = new StoredBlock(bytes.length)): StoredBlock {
  room.bytes.set(bytes);
  room.accept(bytes.length, "data/000005.ldb", 4711);
  return room;
}

function cursorOver(block: StoredBlock, comparator = bytewiseKeys): BlockCursor {
  const cursor = new BlockCursor(comparator);
  cursor.enter(block, "data/000005.ldb", 4711);
  return cursor;
}

function entriesIn(block: StoredBlock): Entry[] {
  const cursor = cursorOver(block);
  const entries: Entry[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) entries.push(entryAt(cursor));
  cursor.close();
  return entries;
}

/** Checks `search` and `seek` for every entry's key, just before it and just after it, against a plain scan. */
function checkSearch(keys: Uint8Array[], comparator: InternalKeyComparator, where: string): void {
  const targets = searchTargets(keys);
  const entries = entriesOf(keys);
  for (const interval of [1, 3, 16]) {
    const block = stored(built(entries, interval));
    const cursor = cursorOver(block, comparator);
    for (const target of targets) {
      const about = `${where}, interval ${interval}, target ${target}`;
      const expected = entries.find(([k]) => comparator.compareKeys(k, target) >= 0);
      cursor.seek(target, 0, target.length);
      assertEquals(cursor.valid ? entryAt(cursor) : undefined, expected, about);
      const isVersion = expected !== undefined &&
        comparator.user.compare(expected[0].subarray(0, -8), target.subarray(0, -8)) === 0;
      const larger = new Uint8Array(target.length + 5);
      larger.set(target, 2);
      const answer = block.search(comparator, larger, 2, 2 + target.length);
      assertStrictEquals(answer, isVersion, about);
      assertStrictEquals(block.foundAt === block.entriesEnd, expected === undefined, about);
      if (!isVersion) continue;
      assertStrictEquals(block.foundKind, expected[0].at(-8), about);
      assertEquals(block.bytes.slice(block.valueStart, block.valueEnd), expected[1], about);
    }
    cursor.close();
  }
}

Deno.test("A stored block has the entries that were built, whatever the restart interval", () => {
  const keys = Array.from({ length: 100 }, (_, i) => key(`user:${String(i).padStart(6, "0")}`));
  for (const interval of [1, 2, 3, 16, 100, 1000]) {
    for (const valueBytes of [0, 1, 127, 128, 300, 20_000]) {
      const entries = entriesOf(keys, valueBytes);
      assertEquals(entriesIn(stored(built(entries, interval))), entries);
    }
  }
});

Deno.test("A stored block may be empty, and its keys from nothing to 64 KiB", () => {
  const empty = stored(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0));
  assertEquals(entriesIn(empty), []);
  assertStrictEquals(empty.search(bytewiseKeys, key("a"), 0, 9), false);
  assertStrictEquals(empty.foundAt, empty.entriesEnd);
  const keys = [key("")];
  for (const bytes of [1, 100, 4096, 65535, 65536]) keys.push(key("k".repeat(bytes)));
  assertEquals(entriesIn(stored(built(entriesOf(keys)))), entriesOf(keys));
  checkSearch(keys, bytewiseKeys, "long keys");
});

Deno.test("A stored block counts its memory, and takes one block after another", () => {
  const room = new StoredBlock(10_000);
  assert(room.bytes.length >= 10_000);
  assert(room.memoryBytes > room.bytes.length);
  assertLess(room.memoryBytes, 11_000);
  assertStrictEquals(room.memoryBytes, StoredBlock.memoryBytesFor(10_000));
  for (const count of [50, 3, 0, 80]) {
    const entries = entriesOf(Array.from({ length: count }, (_, i) => key(`key ${100 + i}`)));
    assertEquals(entriesIn(stored(built(entries), room)), entries);
  }
  assertThrows(() => stored(Uint8Array.of(1, 2, 3, 4, 5), room), CorruptionError);
  assertEquals(entriesIn(room), [], "nothing is left of what was damaged");
});

Deno.test("accept() refuses what breaks the format, naming file and offset (invariants 1 and 2)", () => {
  assertEquals(entriesIn(stored(Uint8Array.from([...entry, ...restarts]))).length, 1);
  for (const [why, bytes] of damagedBlocks) {
    const error = assertThrows(() => stored(Uint8Array.from(bytes)), CorruptionError, "", why);
    assertEquals([error.file, error.offset], ["data/000005.ldb", 4711], why);
  }
  // Sound ones of that sort.
  for (
    const more of [[9, 0, 0], [1, 8, 0, 1, ...trailer.slice(1)], [8, 1, 0, 1], [
      2,
      7,
      0,
      ...trailer.slice(1),
    ]]
  ) {
    const bytes = Uint8Array.from([...entry, ...more, ...restarts]);
    assertEquals(entriesIn(stored(bytes)).length, 2, `${more}`);
  }
});

Deno.test("accept() agrees with decodeBlock() on every changed byte", () => {
  const keys = Array.from({ length: 12 }, (_, i) => key(`key${String(i * 3 >> 1)}`, 99 - i));
  const bytes = built(entriesOf(keys), 4);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (let flip = 1; flip < 256; flip++) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ flip;
      let decoded;
      try {
        decoded = decodeBlock(damaged, damaged.length, "entries", bytewiseKeys, "", 0);
      } catch (error) {
        assert(error instanceof CorruptionError);
        assertThrows(() => stored(damaged), CorruptionError, "", `byte ${at}, flip ${flip}`);
        refused++;
        continue;
      }
      const block = stored(damaged);
      const found = entriesIn(block);
      assertStrictEquals(found.length, decoded.count, `byte ${at}, flip ${flip}`);
      for (const [i, [k]] of found.entries()) {
        assertEquals(k, decoded.bytes.slice(decoded.keyStart(i), decoded.keyEnd(i)));
      }
      block.search(bytewiseKeys, keys[5]!, 0, keys[5]!.length);
      assert(block.foundAt >= 0 && block.foundAt <= block.entriesEnd);
    }
  }
  assert(refused > 1000, `${refused}`);
});

Deno.test("search() and seek() find every entry and every gap: keys of all shapes", () => {
  const shapes: Record<string, string[]> = {
    "one key": ["a"],
    "one empty key": [""],
    "decimals": Array.from({ length: 40 }, (_, i) => String(i * 7).padStart(16, "0")),
    "prefixes of each other": Array.from({ length: 20 }, (_, i) => "a".repeat(i)),
    "zero bytes at the end": ["a", "a\0", "a\0\0", "a\0\0\0", "a\0\0\0\0", "a\0\0\0\0\0", "b"],
    "bytes as in trailers": [
      "a",
      "a\x01",
      "a\x01\x05",
      "a\x01\x05\0\0",
      "a\x01\x05\0\0\0\0\0\0z",
      "a\x02",
    ],
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

Deno.test("search() and seek() tell versions of a key apart", () => {
  const versions = (kindOf: (sequence: number) => number) =>
    ["a", "b", "c"].flatMap((user) =>
      Array.from({ length: 20 }, (_, i) => key(user, 60 - 3 * i, kindOf(60 - 3 * i)))
    );
  checkSearch(versions((sequence) => sequence & 1), bytewiseKeys, "kinds that alternate");
  // Neighbours of one kind share it behind the user key: more bytes than a search for that key has matched.
  for (const kind of [0, 1]) checkSearch(versions(() => kind), bytewiseKeys, `kind ${kind} only`);
});

Deno.test("search() and seek() agree with a scan on random keys", () => {
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

Deno.test("search() does not rely on keys sharing as much as they could", () => {
  // Restart interval 1 and only the first restart point kept: whole keys that nothing says could be shorter.
  const entries = entriesOf(["aa", "ab", "abc", "b", "ba"].map((text) => key(text)));
  const whole = built(entries, 1);
  const bytes = new Uint8Array(whole.length - 4 * 4);
  bytes.set(whole.subarray(0, bytes.length - 8));
  bytes[bytes.length - 4] = 1;
  const block = stored(bytes);
  assertEquals(entriesIn(block), entries);
  for (const [k, v] of entries) {
    assert(block.search(bytewiseKeys, k, 0, k.length));
    assertEquals(block.bytes.slice(block.valueStart, block.valueEnd), v);
  }
  assertStrictEquals(block.search(bytewiseKeys, key("abb"), 0, 11), false);
});

Deno.test("compareFirst() and compareLast() compare with the first and the last key", () => {
  for (const interval of [1, 4, 16, 100]) {
    for (const count of [1, 16, 17, 50]) {
      const keys = Array.from(
        { length: count },
        (_, i) => key(`key ${String(i * 2 + 1).padStart(4, "0")}`),
      );
      const block = stored(built(entriesOf(keys), interval));
      for (let number = 0; number < 2 * count + 2; number++) {
        const other = key(`key ${String(number).padStart(4, "0")}`);
        const [first, last] = [keys[0]!, keys.at(-1)!].map((k) =>
          bytewiseKeys.compareKeys(k, other)
        );
        const about = `interval ${interval}, ${count} keys, ${number}`;
        assertStrictEquals(
          Math.sign(block.compareFirst(bytewiseKeys, other, 0, 16)),
          Math.sign(first!),
          about,
        );
        assertStrictEquals(
          Math.sign(block.compareLast(bytewiseKeys, other, 0, 16)),
          Math.sign(last!),
          about,
        );
      }
    }
  }
});

Deno.test("BlockCursor walks forward and backward, and turns anywhere", () => {
  const entries = entriesOf(Array.from({ length: 50 }, (_, i) => key(String(i).padStart(3, "0"))));
  const block = stored(built(entries));
  const cursor = cursorOver(block);
  assertStrictEquals(cursor.valid, false);
  let i = 0;
  for (cursor.first(); cursor.valid; cursor.next()) assertEquals(entryAt(cursor), entries[i++]);
  assertStrictEquals(i, 50);
  for (cursor.last(); cursor.valid; cursor.previous()) assertEquals(entryAt(cursor), entries[--i]);
  assertStrictEquals(i, 0);
  for (let seed = 1; seed <= 20; seed++) {
    const random = generator(seed);
    let at = random(50);
    cursor.seek(entries[at]![0], 0, 11);
    for (let step = 0; step < 40 && at >= 0 && at < 50; step++) {
      assertEquals(entryAt(cursor), entries[at], `seed ${seed}, step ${step}`);
      if (random(2) === 0) {
        cursor.next();
        at++;
      } else {
        cursor.previous();
        at--;
      }
      assertStrictEquals(cursor.valid, at >= 0 && at < 50, `seed ${seed}, step ${step}`);
    }
  }
  cursor.seek(key("x"), 0, 9);
  assertStrictEquals(cursor.valid, false);
  cursor.first();
  cursor.close();
  assertStrictEquals(cursor.valid, false);
});

Deno.test("BlockCursor goes from block to block, and is nowhere without one", () => {
  const cursor = new BlockCursor(bytewiseKeys);
  const blocks = [["a", "b"], [], ["c"]].map((texts) =>
    stored(built(entriesOf(texts.map((text) => key(text)))))
  );
  for (const block of [undefined, ...blocks, undefined]) {
    cursor.enter(block);
    assertStrictEquals(cursor.valid, false);
    const expected = block === undefined ? [] : entriesIn(block);
    cursor.first();
    assertEquals(cursor.valid ? entryAt(cursor) : undefined, expected[0]);
    cursor.last();
    assertEquals(cursor.valid ? entryAt(cursor) : undefined, expected.at(-1));
    cursor.seek(key("a"), 0, 9);
    assertEquals(cursor.valid ? entryAt(cursor) : undefined, expected[0]);
  }
  cursor.close();
});

Deno.test("Cursors that are open at the same time do not share their keys (invariant 4)", () => {
  const block = stored(
    built(entriesOf(Array.from({ length: 20 }, (_, i) => key(`key ${10 + i}`)))),
  );
  for (let round = 0; round < 3; round++) {
    const cursors = Array.from({ length: 5 }, () => cursorOver(block));
    for (const [i, cursor] of cursors.entries()) {
      cursor.first();
      for (let step = 0; step < i; step++) cursor.next();
    }
    for (const [i, cursor] of cursors.entries()) {
      assertEquals(entryAt(cursor)[0], key(`key ${10 + i}`));
      cursor.close();
      cursor.close();
    }
  }
});

Deno.test("BlockCursor is nowhere once a block has turned out to be too large to go back in", () => {
  // Keys of 9 KB that differ in their ends alone: together 30 MB, of 50 KB stored.
  const keys = Array.from(
    { length: 3400 },
    (_, i) => key("k".repeat(9000) + i.toString().padStart(4, "0")),
  );
  const cursor = cursorOver(stored(built(entriesOf(keys, 0), 10_000)));
  cursor.first();
  cursor.next();
  assertThrows(() => cursor.previous(), CorruptionError, "keys of over");
  assertStrictEquals(cursor.valid, false);
  cursor.first();
  assertStrictEquals(cursor.valid, true);
  cursor.close();
});
