import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  ARENA_HEADER_BYTES,
  INDEX_NONE,
  INDEX_SKIP_LIST,
  INDEX_SORTED_ARRAY,
  keyHead,
  RECORD_OVERHEAD_BYTES_MAX,
  recordWords,
} from "./arena.ts";
import { BatchReader, WriteBatch } from "./write_batch.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("Arena.writeRecord() lays out lengths, key, trailer and value as documented", () => {
  const arena = Arena.create(1024);
  const key = bytes(9, 0x61, 0x62, 0x63, 9);
  const value = bytes(0x76, 0x77, 9);
  const entry = arena.allocate(recordWords(3, 2));
  arena.bytes.fill(0xee, entry * 4, entry * 4 + 24);
  arena.writeRecord(entry, 0x0102030405, 1, key, 1, 4, value, 0, 2);
  assertEquals(arena.words[entry], 11);
  assertEquals(arena.words[entry + 1], 2);
  assertEquals(
    arena.bytes.slice(entry * 4 + 8, entry * 4 + 24),
    // "abc", (0x0102030405 << 8 | 1) little-endian, "vw", and padding that is left as it was.
    bytes(0x61, 0x62, 0x63, 1, 5, 4, 3, 2, 1, 0, 0, 0x76, 0x77, 0xee, 0xee, 0xee),
  );
  assertEquals(arena.keyStart(entry), entry * 4 + 8);
  assertEquals(arena.keyEnd(entry), entry * 4 + 19);
  assertEquals(arena.valueStart(entry), entry * 4 + 19);
  assertEquals(arena.valueEnd(entry), entry * 4 + 21);
});

Deno.test("Arena.writeRecord() copies keys and values of every length around the switch of methods", () => {
  const source = Uint8Array.from({ length: 400 }, (_, i) => i * 7);
  for (let length = 0; length <= 130; length++) {
    const arena = Arena.create(4096);
    const before = arena.allocate(1);
    const entry = arena.allocate(recordWords(length, length + 1));
    const after = arena.allocate(1);
    arena.words[before] = arena.words[after] = 0x12345678;
    arena.writeRecord(entry, 1, 1, source, 3, 3 + length, source, 100, 101 + length);
    assertEquals(
      arena.bytes.slice(arena.keyStart(entry), arena.keyEnd(entry) - 8),
      source.slice(3, 3 + length),
    );
    assertEquals(
      arena.bytes.slice(arena.valueStart(entry), arena.valueEnd(entry)),
      source.slice(100, 101 + length),
    );
    assertEquals([arena.words[before], arena.words[after]], [0x12345678, 0x12345678]);
  }
});

Deno.test("Arena.copyRecord() writes what writeRecord() writes, at every length around the switch of methods", () => {
  const lengths = [...Array.from({ length: 41 }, (_, i) => i), 999, 1000, 1001, 1009];
  const noise = Uint8Array.from({ length: 1100 }, (_, i) => (i * 151) ^ (i >> 3));
  const reader = new BatchReader();
  for (const [at, length] of lengths.entries()) {
    for (const other of [0, 3, 16, lengths[lengths.length - 1 - at]!]) {
      for (const kind of [0, 1]) {
        const valueLength = kind === 1 ? other : 0;
        const batch = new WriteBatch();
        if (kind === 1) batch.put(noise, 5, 5 + length, noise, 8, 8 + other);
        else batch.delete(noise, 5, 5 + length);
        const sequence = [0, 7, 2 ** 24 - 1, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER][at % 5]!;
        batch.setSequence(sequence);
        reader.resetTo(batch);
        assert(reader.next());
        const arenas = [0, 1].map((way) => {
          const arena = Arena.create(8192);
          arena.bytes.fill(0xee, ARENA_HEADER_BYTES);
          const entry = arena.allocate(recordWords(length, valueLength));
          if (way === 0) arena.copyRecord(entry, reader);
          else {
            arena.writeRecord(
              entry,
              sequence,
              kind,
              noise,
              5,
              5 + length,
              noise,
              8,
              8 + valueLength,
            );
          }
          return arena.bytes.slice();
        });
        assertEquals(arenas[0], arenas[1], `key of ${length}, value of ${valueLength}`);
      }
    }
  }
});

Deno.test("recordWords() is the size of a record in whole words, within the stated overhead", () => {
  assertEquals(recordWords(0, 0), 4);
  assertEquals(recordWords(1, 0), 5);
  assertEquals(recordWords(3, 1), 5);
  assertEquals(recordWords(16, 100), 33);
  for (let key = 0; key < 9; key++) {
    for (let value = 0; value < 9; value++) {
      const size = recordWords(key, value) * 4;
      assert(size >= key + value + 16 && size <= key + value + RECORD_OVERHEAD_BYTES_MAX);
    }
  }
  assertEquals(recordWords(65536, 2 ** 30), 2 + (65536 + 8 + 2 ** 30) / 4);
});

Deno.test("keyHead() orders as the bytes do, short keys padded with zeros", () => {
  // In ascending order, each different from the one before in its first four bytes.
  const keys = [
    bytes(),
    bytes(0, 0, 0, 1),
    bytes(0, 1),
    bytes(1),
    bytes(0x7f, 0xff, 0xff, 0xff),
    bytes(0x80),
    bytes(0x80, 0, 0, 1, 5),
    bytes(0xff),
    bytes(0xff, 0xff, 0xff, 0xfe),
    bytes(0xff, 0xff, 0xff, 0xff),
  ];
  for (let i = 1; i < keys.length; i++) {
    const low = keyHead(keys[i - 1]!, 0, keys[i - 1]!.length);
    const high = keyHead(keys[i]!, 0, keys[i]!.length);
    assert(low < high, `head ${i - 1} is below head ${i}`);
  }
  // Equal heads say nothing: a zero byte and the end of the key look alike.
  assertEquals(keyHead(bytes(7), 0, 1), keyHead(bytes(7, 0, 0, 0, 9), 0, 5));
  // What follows the key is not looked at, and the head is taken from where it is asked.
  assertEquals(keyHead(bytes(1, 2, 3, 9, 9), 1, 3), keyHead(bytes(2, 3), 0, 2));
  assertEquals(keyHead(bytes(1, 2), 2, 2), keyHead(bytes(), 0, 0));
});

Deno.test("Arena takes from both ends until they meet, and refuses before anything is changed", () => {
  const arena = Arena.create(ARENA_HEADER_BYTES + 40);
  assertEquals([arena.usedBytes, arena.freeBytes], [ARENA_HEADER_BYTES, 40]);
  assertEquals(arena.allocate(3), ARENA_HEADER_BYTES / 4);
  assertEquals(arena.allocateHigh(2), ARENA_HEADER_BYTES / 4 + 8);
  assertEquals(arena.allocateShared(4), ARENA_HEADER_BYTES / 4 + 3);
  assertEquals([arena.usedBytes, arena.freeBytes], [ARENA_HEADER_BYTES + 36, 4]);
  for (const take of [arena.allocate, arena.allocateShared, arena.allocateHigh]) {
    assertThrows(() => take.call(arena, 2), Error, "asks whether an entry fits");
    assertEquals(arena.freeBytes, 4);
  }
  assertEquals(arena.allocateShared(1), ARENA_HEADER_BYTES / 4 + 7);
  assertEquals(arena.freeBytes, 0);
});

Deno.test("Arena of the same buffer shares entries, counters and kind of index", () => {
  const arena = Arena.create(1024);
  assertEquals(arena.indexKind, INDEX_NONE);
  arena.indexKind = INDEX_SKIP_LIST;
  arena.allocate(10);
  const other = new Arena(arena.buffer);
  assertEquals([other.indexKind, other.usedBytes], [INDEX_SKIP_LIST, arena.usedBytes]);
  other.allocateShared(10);
  assertEquals(arena.usedBytes, ARENA_HEADER_BYTES + 80);
  assertThrows(() => other.indexKind = INDEX_SORTED_ARRAY, Error, "one index");
});

Deno.test("Arena.reset() and Arena.format() make an arena as good as new", () => {
  const arena = Arena.create(1024);
  arena.indexKind = INDEX_SKIP_LIST;
  arena.allocate(100);
  arena.allocateHigh(10);
  arena.words.fill(-1, 4, 16);
  arena.reset();
  assertEquals([arena.indexKind, arena.usedBytes], [INDEX_NONE, ARENA_HEADER_BYTES]);
  assertEquals(arena.words.slice(4, 16), new Int32Array(12));

  const dirty = new SharedArrayBuffer(1028);
  new Uint8Array(dirty).fill(0xff);
  const formatted = Arena.format(dirty);
  assertEquals(formatted.usedBytes, ARENA_HEADER_BYTES);
  assertEquals(formatted.capacityWords, 256, "an odd last word is left out");
});

Deno.test("Arena refuses growable memory, too little memory and memory that is no arena", () => {
  assertThrows(() => Arena.format(new SharedArrayBuffer(1024, { maxByteLength: 2048 })), Error);
  assertThrows(() => Arena.create(ARENA_HEADER_BYTES - 8), Error);
  assertThrows(() => new Arena(new SharedArrayBuffer(1024)), Error, "formatted");
});
