import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, ARENA_HEADER_BYTES, Position, recordWords } from "./arena.ts";
import { bytewise } from "./comparator.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { SkipList } from "./skip_list.ts";
import {
  BLOCK_SLOTS,
  SORTED_BLOCK_BYTES,
  SortedArray,
  sortedArrayBytesMax,
} from "./sorted_array.ts";
import {
  backwards,
  checkShape,
  type MakeIndex,
  sequenceOf,
  SHAPES,
  writeEntry,
} from "../tests/fixtures/ordered_index_contract.ts";
import { generator } from "./random.ts";

const makeIndex: MakeIndex = (arena, comparator) => new SortedArray(arena, comparator);
const bytewiseKeys = new InternalKeyComparator();

function decimal(value: number): Uint8Array {
  return new TextEncoder().encode(String(value).padStart(10, "0"));
}

for (const shape of Object.keys(SHAPES)) {
  Deno.test(`SortedArray keeps order and positions under insertion: ${shape}`, () => {
    for (const seed of [1, 2]) checkShape(makeIndex, shape, bytewise, 1500, seed);
    checkShape(makeIndex, shape, backwards, 700, 3);
  });
}

Deno.test("SortedArray is right at every size up to three blocks, ascending and descending", () => {
  for (const direction of [1, -1]) {
    const arena = Arena.create(1 << 20);
    const index = new SortedArray(arena, bytewiseKeys);
    const position = new Position();
    index.first(position);
    assertEquals(position.entry, 0);
    index.last(position);
    assertEquals(position.entry, 0);
    for (let n = 1; n <= 3 * BLOCK_SLOTS + 2; n++) {
      index.insert(writeEntry(arena, decimal(5000 + direction * n), n));
      // The sequence number is n, so ascending keys give 1..n, descending ones n..1.
      let expected = direction === 1 ? 1 : n;
      for (index.first(position); position.entry !== 0; index.next(position)) {
        assertEquals(sequenceOf(arena, position), expected);
        expected += direction;
      }
      assertEquals(expected, direction === 1 ? n + 1 : 0);
      for (index.last(position); position.entry !== 0; index.previous(position)) {
        expected -= direction;
        assertEquals(sequenceOf(arena, position), expected);
      }
      assertEquals(expected, direction === 1 ? 1 : n);
    }
  }
});

Deno.test("SortedArray splits a full block rightly whichever slot the new entry goes to", () => {
  for (let at = 0; at <= BLOCK_SLOTS; at++) {
    const arena = Arena.create(1 << 15);
    const index = new SortedArray(arena, bytewiseKeys);
    // Three blocks, so that heads in the directory count; the first one is split. Two bytes a key.
    const keys = Array.from(
      { length: 3 * BLOCK_SLOTS },
      (_, i) => (i < BLOCK_SLOTS ? 10 : 40_000) + i * 10,
    );
    // The second and third go right beside the first, on either side of it.
    keys.push(5 + at * 10, 3 + at * 10, 7 + at * 10);
    for (const key of keys) index.insert(writeEntry(arena, Uint8Array.of(key >>> 8, key), key));
    keys.sort((a, b) => a - b);
    const position = new Position();
    index.first(position);
    for (const key of keys) {
      assertEquals(sequenceOf(arena, position), key, `split at slot ${at}`);
      index.next(position);
    }
    assertEquals(position.entry, 0);
  }
});

Deno.test("SortedArray moves up what comes after a new entry, however many that are", () => {
  for (const count of [0, 1, 2, 3, 4, 5, 8, 9, 63, 64, BLOCK_SLOTS - 2, BLOCK_SLOTS - 1]) {
    for (let at = 0; at <= count; at++) {
      const arena = Arena.create(1 << 15);
      const index = new SortedArray(arena, bytewiseKeys);
      const keys = Array.from({ length: count }, (_, i) => 1000 + 10 * i);
      keys.push(1000 + 10 * at - 5);
      for (const key of keys) index.insert(writeEntry(arena, decimal(key), key));
      const position = new Position();
      const seen: (number | undefined)[] = [];
      for (index.first(position); position.entry !== 0; index.next(position)) {
        seen.push(sequenceOf(arena, position));
      }
      assertEquals(seen, keys.sort((a, b) => a - b), `slot ${at} of ${count}`);
    }
  }
});

Deno.test("SortedArray tells keys apart by whichever byte differs, in whatever bits", () => {
  // Keys of 0 to 9 bytes that differ from 0x80808080… in one byte, so that words differ at every place in every sign.
  for (let length = 0; length <= 9; length++) {
    const keys: Uint8Array[] = [];
    for (let at = 0; at < length; at++) {
      for (const byte of [0, 1, 0x7f, 0x81, 0xff]) {
        keys.push(new Uint8Array(length).fill(0x80));
        keys.at(-1)![at] = byte;
      }
    }
    for (let shorter = 0; shorter <= length; shorter++) {
      keys.push(new Uint8Array(shorter).fill(0x80));
    }
    const sorted = keys.toSorted(bytewise.compare);
    for (const seed of [1, 2, 3]) {
      const random = generator(seed);
      const arena = Arena.create(1 << 15);
      const index = new SortedArray(arena, bytewiseKeys);
      const order = keys.map((key) => ({ key, at: random(1e6) })).sort((a, b) => a.at - b.at);
      for (const { key } of order) index.insert(writeEntry(arena, key, 1 + sorted.indexOf(key)));
      const position = new Position();
      index.first(position);
      for (let i = 1; i <= sorted.length; i++) {
        assertEquals(sequenceOf(arena, position), i, `${length} bytes, seed ${seed}`);
        index.next(position);
      }
      assertEquals(position.entry, 0);
    }
  }
});

Deno.test("SortedArray fills its blocks when one of two interleaved runs ascends at the end", () => {
  const arena = Arena.create(1 << 20);
  const index = new SortedArray(arena, bytewiseKeys);
  for (let n = 0; n < 4 * BLOCK_SLOTS; n++) {
    index.insert(writeEntry(arena, decimal(n % 2 === 0 ? n : 5e5 + n), n + 1));
  }
  const blocks = (arena.usedBytes - ARENA_HEADER_BYTES) / SORTED_BLOCK_BYTES -
    4 * BLOCK_SLOTS * recordWords(10, 0) * 4 / SORTED_BLOCK_BYTES;
  // The upper run takes two full blocks beside what the first block held of it, the lower one half-full ones.
  assert(blocks <= 7, `${blocks} blocks`);
});

Deno.test("SortedArray leaves full blocks behind a load in key order", () => {
  const arena = Arena.create(1 << 20);
  const index = new SortedArray(arena, bytewiseKeys);
  for (let n = 1; n <= 4 * BLOCK_SLOTS + 1; n++) {
    index.insert(writeEntry(arena, decimal(n), n));
    const blocks = Math.ceil(n / BLOCK_SLOTS);
    const records = n * recordWords(10, 0) * 4;
    assertEquals(arena.usedBytes, ARENA_HEADER_BYTES + records + blocks * SORTED_BLOCK_BYTES);
  }
});

Deno.test("SortedArray never takes more than sortedArrayBytesMax() and growthBytesMax() promise", () => {
  const orders: Record<string, (i: number, random: (limit: number) => number) => number> = {
    ascending: (i) => i,
    descending: (i) => 1e6 - i,
    random: (_i, random) => random(1e6),
    // Fills a block at the end, then splits it, over and over: the emptiest blocks there can be.
    "split what is full": (i) =>
      i % (BLOCK_SLOTS + 1) < BLOCK_SLOTS ? i * 10 : (i - BLOCK_SLOTS / 2) * 10 + 5,
  };
  for (const [name, order] of Object.entries(orders)) {
    const random = generator(5);
    const arena = Arena.create(1 << 20);
    const index = new SortedArray(arena, bytewiseKeys);
    let promise = { after: 0, bytes: arena.usedBytes };
    for (let n = 1; n <= 3000; n++) {
      const recordBytes = recordWords(10, 0) * 4;
      if (n > promise.after) {
        const count = 1 + random(500);
        const growth = index.growthBytesMax(count) + count * recordBytes;
        promise = { after: n + count - 1, bytes: arena.usedBytes + growth };
      }
      index.insert(writeEntry(arena, decimal(order(n, random)), n));
      const indexBytes = arena.usedBytes - ARENA_HEADER_BYTES - n * recordBytes;
      assert(indexBytes <= sortedArrayBytesMax(n), `${name}: ${n} entries, ${indexBytes} bytes`);
      assert(arena.usedBytes <= promise.bytes, `${name}: growth at ${n} entries`);
    }
  }
});

Deno.test("SortedArray stays whole when an insertion does not fit", () => {
  const arena = Arena.create(
    ARENA_HEADER_BYTES + SORTED_BLOCK_BYTES + 130 * recordWords(10, 0) * 4,
  );
  const index = new SortedArray(arena, bytewiseKeys);
  for (let n = 1; n <= BLOCK_SLOTS; n++) index.insert(writeEntry(arena, decimal(n * 2), n));
  for (const key of [3, 1000]) {
    const entry = writeEntry(arena, decimal(key), 1000);
    assertThrows(() => index.insert(entry), Error, "asks whether an entry fits");
    assertEquals(index.entryCount, BLOCK_SLOTS);
    const position = new Position();
    let expected = 0;
    for (index.first(position); position.entry !== 0; index.next(position)) {
      assertEquals(sequenceOf(arena, position), ++expected);
    }
    assertEquals(expected, BLOCK_SLOTS);
  }
});

Deno.test("SortedArray in an arena that has one views it, and refuses another kind of index", () => {
  const arena = Arena.create(1 << 16);
  const index = new SortedArray(arena, bytewiseKeys);
  for (let n = 1; n <= 300; n++) index.insert(writeEntry(arena, decimal(n * 7 % 301), n));
  const view = new SortedArray(new Arena(arena.buffer), bytewiseKeys);
  assertEquals(view.entryCount, 300);
  const [a, b] = [new Position(), new Position()];
  view.first(b);
  for (index.first(a); a.entry !== 0; index.next(a)) {
    assertEquals(b.entry, a.entry);
    view.next(b);
  }
  assertEquals(b.entry, 0);
  assertThrows(() => new SkipList(arena, bytewiseKeys), Error, "skip list");
});
