import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  bytewiseKeys,
  decimalEntries,
  entry,
  fileOf,
  lookupOf,
  openTable,
  roomyPool,
  tableBytes,
  utf8,
  valueOf,
} from "../tests/tables.ts";
import { generator } from "./random.ts";
import type { DecodedBlock } from "./block.ts";
import { BlockBuilder } from "./block_builder.ts";
import { bloomHash } from "./bloom_filter.ts";
import { createBufferPool } from "./buffer_pool.ts";
import { CorruptionError } from "./errors.ts";
import { FOUND } from "./internal_key.ts";
import { BlockCursor, type StoredBlock } from "./stored_block.ts";
import { TableBlocks } from "./table_blocks.ts";
import { encodeFooter, putBlockTrailer, putHandle, ReadAhead } from "./table_format.ts";

/** A table put together by hand: blocks one after another, the last but one the metaindex, the last the index. */
function assembled(blocks: Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const handles: { offset: number; bytes: number }[] = [];
  let offset = 0;
  for (const block of blocks) {
    const trailer = new Uint8Array(5);
    putBlockTrailer(trailer, block, block.length, 0);
    handles.push({ offset, bytes: block.length });
    parts.push(block, trailer);
    offset += block.length + 5;
  }
  parts.push(encodeFooter(handles.at(-2)!, handles.at(-1)!));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function blockOf(entries: [key: Uint8Array, value: Uint8Array][]): Uint8Array {
  const builder = new BlockBuilder(1);
  for (const [key, value] of entries) builder.add(key, 0, key.length, value, 0, value.length);
  return builder.buffer.slice(0, builder.finish());
}

function handle(offset: number, bytes: number): Uint8Array {
  const buffer = new Uint8Array(16);
  return buffer.slice(0, putHandle(buffer, 0, offset, bytes));
}

const empty = blockOf([]);

function keysOf(block: StoredBlock): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const cursor = new BlockCursor(bytewiseKeys);
  cursor.enter(block);
  for (cursor.first(); cursor.valid; cursor.next()) {
    keys.push(cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd));
  }
  cursor.close();
  return keys;
}

Deno.test("TableBlocks keeps no block when it opens (invariant 1)", () => {
  const pool = roomyPool();
  const file = fileOf(tableBytes(decimalEntries(1000, 100)));
  const blocks = new TableBlocks(file, { comparator: bytewiseKeys, pool });
  assertEquals([pool.stats().usedBytes, pool.stats().misses], [0, 0]);
  assertEquals(blocks.hasFilter, true);
  blocks.close();
});

Deno.test("TableBlocks reads a block once, and finds it in the pool then (invariant 2)", () => {
  const pool = roomyPool();
  const file = fileOf(tableBytes(decimalEntries(1000, 100)));
  let reads = 0;
  const counting = {
    path: file.path,
    size: file.size,
    read: (into: Uint8Array, position: number) => (reads++, file.read(into, position)),
    close: () => file.close(),
  };
  const blocks = new TableBlocks(counting, { comparator: bytewiseKeys, pool });
  assertEquals(reads, 2); // footer and metaindex
  for (let round = 0; round < 3; round++) {
    const frame = blocks.pinIndex();
    const index = pool.content(frame) as DecodedBlock;
    blocks.readHandle(index, 3);
    pool.unpin(frame);
    assert(blocks.mayContain(bloomHash(utf8("no such key"), 0, 11)) !== undefined);
    pool.unpin(blocks.pinBlock(index, 3));
    assertEquals(reads, 5); // index, filter and one data block
  }
  assertEquals(pool.stats().pinnedBytes, 0);
  assert(pool.stats().usedBytes > 4096);
  blocks.close();
  assertEquals(pool.stats().usedBytes, 0);
});

Deno.test("B12: a filter and a block at one address are told apart (invariant 3)", () => {
  // The metaindex calls the data block a filter.
  const [key, value] = entry("a", "1");
  const data = blockOf([[key, value]]);
  const name = utf8("filter.leveldb.BuiltinBloomFilter2");
  const bytes = assembled([
    data,
    blockOf([[name, handle(0, data.length)]]),
    blockOf([[key, handle(0, data.length)]]),
  ]);
  const pool = roomyPool();
  const blocks = new TableBlocks(fileOf(bytes), { comparator: bytewiseKeys, pool });
  for (let round = 0; round < 2; round++) {
    const indexFrame = blocks.pinIndex();
    const index = pool.content(indexFrame) as DecodedBlock;
    blocks.readHandle(index, 0);
    pool.unpin(indexFrame);
    assertEquals(typeof blocks.mayContain(12345), "boolean");
    const frame = blocks.pinBlock(index, 0);
    assertEquals((pool.content(frame) as StoredBlock).entriesEnd, data.length - 8);
    pool.unpin(frame);
  }
  blocks.close();
});

Deno.test("TableBlocks finds a block where it was, where it is now, and in the file (invariant 2)", () => {
  const bytes = tableBytes(decimalEntries(1000, 100));
  const pool = createBufferPool({ capacityBytes: 60_000 });
  const tables = [1, 2].map(() =>
    new TableBlocks(fileOf(bytes), { comparator: bytewiseKeys, pool })
  );
  const random = generator(5);
  for (let i = 0; i < 3000; i++) {
    const blocks = tables[random(2)]!;
    const index = blocks.index();
    const at = random(random(3) === 0 ? index.count : 5);
    blocks.readHandle(index, at);
    assert(blocks.mayContain(bloomHash(utf8("any key"), 0, 7)) !== undefined);
    const block = blocks.block(index, at);
    const keys = keysOf(block);
    const separator = index.bytes.slice(index.keyStart(at), index.keyEnd(at));
    assert(bytewiseKeys.compareKeys(keys.at(-1)!, separator) <= 0, `seed 5, step ${i}`);
    if (at > 0) {
      const before = index.bytes.slice(index.keyStart(at - 1), index.keyEnd(at - 1));
      assert(bytewiseKeys.compareKeys(before, keys[0]!) < 0, `seed 5, step ${i}`);
    }
    assertEquals([pool.stats().pinnedBytes, pool.stats().transientBytes], [0, 0]);
  }
  const { hits, misses, evictions } = pool.stats();
  assert(hits > 3000 && misses > 300 && evictions > 300, JSON.stringify(pool.stats()));
  for (const blocks of tables) blocks.close();
});

Deno.test("TableBlocks reads handles of any size", () => {
  const [key] = entry("a", "");
  for (const offset of [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 7, 2 ** 53 - 1]) {
    const pool = roomyPool();
    const bytes = assembled([empty, blockOf([[key, handle(offset, 5)]])]);
    const blocks = new TableBlocks(fileOf(bytes), { comparator: bytewiseKeys, pool });
    blocks.readHandle(blocks.index(), 0);
    assertEquals(blocks.blockOffset, offset);
    blocks.close();
  }
});

Deno.test("B14: a pool of eight blocks serves a thousand tables", () => {
  const pool = createBufferPool({ capacityBytes: 8 * 6000 });
  const bytes = tableBytes(decimalEntries(200, 100));
  const tables = Array.from({ length: 1000 }, () => openTable(bytes, pool));
  for (let round = 0; round < 2; round++) {
    for (const table of tables) {
      const lookup = lookupOf(utf8("0000000000000200"));
      table.get(lookup);
      assertEquals([lookup.outcome, valueOf(lookup)], [FOUND, new Uint8Array(100).fill(100)]);
      assert(pool.stats().usedBytes <= pool.capacityBytes);
      assertEquals(pool.stats().pinnedBytes, 0);
    }
  }
  // Even with all of them being walked at once.
  const cursors = tables.map((table) => table.cursor());
  for (const cursor of cursors) {
    let count = 0;
    for (cursor.first(); cursor.valid; cursor.next()) count++;
    assertEquals(count, 200);
    cursor.first();
  }
  for (const cursor of cursors) cursor.close();
  assertEquals(pool.stats().pinnedBytes, 0);
  for (const table of tables) table.close();
});

Deno.test("TableBlocks leaves filters of other names alone", () => {
  const bytes = assembled([
    blockOf([[utf8("filter.other"), handle(0, 10)], [utf8("meta"), utf8("")]]),
    empty,
  ]);
  const blocks = new TableBlocks(fileOf(bytes), { comparator: bytewiseKeys, pool: roomyPool() });
  assertEquals(blocks.hasFilter, false);
  assertEquals(blocks.mayContain(1), true);
  blocks.close();
});

Deno.test("TableBlocks refuses handles that are damaged, naming file and offset", () => {
  const name = utf8("filter.leveldb.BuiltinBloomFilter2");
  const options = { comparator: bytewiseKeys, pool: roomyPool() };
  const damaged = assembled([blockOf([[name, Uint8Array.of(0x80)]]), empty]);
  const error = assertThrows(() => new TableBlocks(fileOf(damaged), options), CorruptionError);
  assertEquals([error.file, error.offset], ["000005.ldb", 0]);

  const [key] = entry("a", "");
  for (const value of [[], [0x80], [5], [5, 0x80], Array(12).fill(0xff)]) {
    const bytes = assembled([empty, blockOf([[key, Uint8Array.from(value)]])]);
    const blocks = new TableBlocks(fileOf(bytes), options);
    const frame = blocks.pinIndex();
    const index = options.pool.content(frame) as DecodedBlock;
    const failure = assertThrows(() => blocks.readHandle(index, 0), CorruptionError, "handle");
    assertEquals(failure.offset, empty.length + 5);
    options.pool.unpin(frame);
    blocks.close();
  }
});

Deno.test("TableBlocks refuses a block that a handle places outside the data", () => {
  const [key] = entry("a", "");
  const pool = roomyPool();
  for (const [offset, bytes] of [[0, 1000], [1e6, 8], [2 ** 52, 2 ** 52], [30, 4]]) {
    const table = assembled([empty, blockOf([[key, handle(offset!, bytes!)]])]);
    const blocks = new TableBlocks(fileOf(table), { comparator: bytewiseKeys, pool });
    const frame = blocks.pinIndex();
    const index = pool.content(frame) as DecodedBlock;
    blocks.readHandle(index, 0);
    pool.unpin(frame);
    assertThrows(() => blocks.pinBlock(index, 0), CorruptionError);
    blocks.close();
  }
  assertEquals(pool.stats().pinnedBytes, 0);
});

Deno.test("TableBlocks does not take a block of another place for the one it asked for (invariant 5)", () => {
  // Entries of the same length, so that blocks are alike in size.
  const entries = Array.from({ length: 1000 }, (_, i) => entry(`key ${1000 + i}`, "v".repeat(100)));
  const sound = fileOf(tableBytes(entries));
  let other = -1;
  const file = {
    path: sound.path,
    size: sound.size,
    read: (into: Uint8Array, at: number) => sound.read(into, other < 0 ? at : other),
    close: () => sound.close(),
  };
  const pool = createBufferPool({ capacityBytes: 0 });
  const blocks = new TableBlocks(file, { comparator: bytewiseKeys, pool });
  const index = blocks.index();
  const at = 3;
  let alike = 0;
  for (let from = 0; from < index.count; from++) {
    const [place, bytes] = index.words.subarray(index.handleAt(from));
    if (bytes !== index.words[index.handleAt(at) + 1]) continue;
    alike++;
    blocks.readHandle(index, at);
    other = place!;
    if (from === at) pool.unpin(blocks.pinBlock(index, at));
    else assertThrows(() => blocks.pinBlock(index, at), CorruptionError, "index");
  }
  assert(alike > 5);
  blocks.close();
});

Deno.test("TableBlocks reads to the memory of blocks that made room (invariant 6)", () => {
  const bytes = tableBytes(decimalEntries(3000, 100));
  const pool = createBufferPool({ capacityBytes: 60_000 });
  const blocks = new TableBlocks(fileOf(bytes), { comparator: bytewiseKeys, pool });
  const random = generator(6);
  const memories = new Set<StoredBlock>();
  const pinned: { frame: number; at: number; keys: Uint8Array[] }[] = [];
  for (let i = 0; i < 2000; i++) {
    const where = `seed 6, step ${i}`;
    const index = blocks.index();
    const at = random(index.count);
    blocks.readHandle(index, at);
    const frame = blocks.pinBlock(index, at);
    const block = pool.content(frame) as StoredBlock;
    memories.add(block);
    assert(pool.stats().usedBytes <= pool.capacityBytes, where);
    pinned.push({ frame, at, keys: keysOf(block) });
    // The last few stay pinned, and as they are, whatever is read meanwhile.
    for (const other of pinned) {
      const now = pool.content(other.frame) as StoredBlock;
      assertEquals(keysOf(now), other.keys, where);
    }
    if (pinned.length > 3) pool.unpin(pinned.shift()!.frame);
  }
  const { evictions } = pool.stats();
  assert(evictions > 1500 && memories.size < 100, `${evictions}, ${memories.size}`);
  for (const { frame } of pinned) pool.unpin(frame);
  blocks.close();
});

Deno.test("TableBlocks.readBlock() reads past the pool, to memory that is large enough", () => {
  const entries = Array.from(
    { length: 60 },
    (_, i) => entry(`key ${100 + i}`, "v".repeat(i % 3 * 3000)),
  );
  const bytes = tableBytes(entries);
  const pool = roomyPool();
  const blocks = new TableBlocks(fileOf(bytes), { comparator: bytewiseKeys, pool });
  const index = blocks.index();
  const { usedBytes } = pool.stats();
  const ahead = new ReadAhead();
  let room: StoredBlock | undefined;
  const keys: Uint8Array[] = [];
  for (let at = 0; at < index.count; at++) {
    blocks.readHandle(index, at);
    room = blocks.readBlock(index, at, room, ahead);
    keys.push(...keysOf(room));
  }
  assertEquals(keys, entries.map(([key]) => key));
  assertEquals(pool.stats().usedBytes, usedBytes);
  blocks.close();
});
