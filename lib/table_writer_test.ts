import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import {
  bytewiseKeys,
  decimalEntries,
  entry,
  entryAt,
  fileOf,
  openTable,
  tableBytes,
  tableDefaults,
  textAt,
} from "../tests/tables.ts";
import { decodeBlock } from "./block.ts";
import { snappy, zstd } from "./compression.ts";
import type { WritableFile } from "./file_system.ts";
import { makeInternalKey } from "./internal_key.ts";
import { readBlock, readFooter } from "./table_format.ts";
import { BLOCK_KEY_BYTES_MAX, TableWriter } from "./table_writer.ts";

function bytesOf(...parts: string[]): Uint8Array {
  const pairs = parts.join("").replaceAll(/\s/g, "").match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => parseInt(pair, 16));
}

/** A file that remembers how it is written, and that nothing else is done to it. */
class RecordingFile implements WritableFile {
  readonly path = "000005.ldb";
  readonly appends: number[] = [];
  size = 0;
  append(bytes: Uint8Array): void {
    this.appends.push(bytes.length);
    this.size += bytes.length;
  }
  sync(): Promise<void> {
    throw new Error("the writer does not sync");
  }
  syncSync(): void {
    throw new Error("the writer does not sync");
  }
  close(): void {
    throw new Error("the writer does not close");
  }
}

Deno.test("TableWriter writes the bytes that LevelDB does (invariant 2)", () => {
  // The whole of 000005.ldb of a database to which LevelDB 1.20 put apple = 1 and apply = "", uncompressed.
  const expected = bytesOf(
    "00 0d 01 6170706c65 0101000000000000 31", // nothing shared, "apple" of write 1, a value; "1"
    "04 09 00 79 0102000000000000", //            four bytes shared, "apply" of write 2, a value; ""
    "00000000 01000000", //                       one restart point, at 0
    "00 e0bd4269", //                             stored as it is; checksum
    "0410004000 01c10f 06", //                    a filter of two keys: 64 bits, six probes
    "00000000 09000000 0b", //                    it starts at 0, the offsets at 9; each is for 2^11 bytes
    "00 d3799ab8",
    "00 22 02", //                                the metaindex: a name of 34 bytes, a handle of two
    "66696c7465722e6c6576656c64622e4275696c74696e426c6f6f6d46696c74657232", // filter.leveldb.Built…
    "2a 12 00000000 01000000", //                 the filter block is at 42, of 18 bytes
    "00 08538e5c",
    "00 09 02 62 01ffffffffffffff 00 25", //      the index: up to "b", a block at 0, of 37 bytes
    "00000000 01000000",
    "00 9fae45d5",
    "41 2f 75 16", //                             metaindex at 65, of 47 bytes; index at 117, of 22
    "00".repeat(36),
    "57fb808b247547db",
  );
  assertEquals(tableBytes([entry("apple", "1", 1), entry("apply", "", 2)]), expected);
});

Deno.test("TableWriter writes an empty table: two empty blocks and a footer", () => {
  const empty = "00000000 01000000 00 c0f2a1b0";
  const bytes = tableBytes([], { filterBits: 0 });
  const footer = bytesOf("00 08 0d 08", "00".repeat(36), "57fb808b247547db");
  assertEquals(
    bytes,
    bytesOf(empty, empty, ...[...footer].map((b) => b.toString(16).padStart(2, "0"))),
  );
});

Deno.test("TableWriter refuses entries out of order (invariant 1)", () => {
  const cases: [first: Uint8Array, second: Uint8Array][] = [
    [entry("b", "")[0], entry("a", "")[0]],
    [entry("a", "", 5)[0], entry("a", "", 6)[0]], // newer versions come first
    [entry("a", "", 5)[0], entry("a", "", 5)[0]],
    [entry("a", "", 5, 0)[0], entry("a", "", 5, 1)[0]],
  ];
  for (const [first, second] of cases) {
    const writer = new TableWriter(new RecordingFile(), tableDefaults);
    writer.add(first, 0, first.length, first, 0, 0);
    assertThrows(() => writer.add(second, 0, second.length, first, 0, 0), Error, "ascending");
  }
});

Deno.test("TableWriter refuses to finish twice", () => {
  const writer = new TableWriter(new RecordingFile(), tableDefaults);
  writer.finish();
  assertThrows(() => writer.finish(), Error, "once");
});

Deno.test("TableWriter cuts a block after the entry that fills it (invariant 3)", () => {
  const entries = decimalEntries(500, 100);
  for (const blockBytes of [1, 200, 1000, 4096, 1 << 20]) {
    const bytes = tableBytes(entries, { blockBytes });
    const file = fileOf(bytes);
    const { index } = readFooter(file);
    const stored = readBlock(file, index.offset, index.bytes);
    const block = decodeBlock(stored, stored.length, "separators", bytewiseKeys, "", 0);
    let at = 0;
    let entriesSeen = 0;
    for (let i = 0; i < block.count; i++) {
      const [offset = -1, size = -1] = block.words.subarray(block.handleAt(i));
      assertEquals(offset, at);
      at = offset + size + 5;
      const raw = readBlock(file, offset, size);
      const data = decodeBlock(raw, size, "entries", bytewiseKeys, "", 0);
      const isLast = i === block.count - 1;
      if (!isLast) assert(size >= blockBytes, `block ${i} of ${size} bytes`);
      // Without its last entry (at most 3 + 24 + 100 bytes, and a restart point) it would not have been full.
      assert(data.count === 1 || size - 131 < blockBytes, `block ${i} of ${size} bytes`);
      // Invariant 4.
      const key = block.bytes.slice(block.keyStart(i), block.keyEnd(i));
      const last = data.bytes.slice(data.keyStart(data.count - 1), data.keyEnd(data.count - 1));
      assert(
        bytewiseKeys.compareKeys(last, key) <= 0,
        `index entry ${i} is before its block's end`,
      );
      entriesSeen += data.count;
      if (!isLast) {
        const next = entries[entriesSeen]![0];
        assert(bytewiseKeys.compareKeys(key, next) < 0, `index entry ${i} is in the next block`);
      }
    }
    assertEquals(entriesSeen, 500);
  }
});

Deno.test("TableWriter ends a block whose keys would expand too far", () => {
  // 64 KiB keys that share all but four bytes, with one restart point for all: 64 bytes each on disk.
  const prefix = new Uint8Array(64 * 1024 - 4).fill(112);
  const keys = Array.from({ length: 300 }, (_, i) => {
    const user = new Uint8Array(64 * 1024);
    user.set(prefix);
    user.set(new TextEncoder().encode(String(i).padStart(4, "0")), prefix.length);
    return makeInternalKey(user, 1, 1);
  });
  const options = { blockBytes: 4 << 20, restartInterval: 1024, filterBits: 0 };
  const bytes = tableBytes(keys.map((key) => [key, new Uint8Array(0)]), options);
  // 300 keys of 64 KiB are 18.75 MiB: three blocks, each with one whole key.
  const blocks = Math.ceil(300 * (64 * 1024 + 8) / BLOCK_KEY_BYTES_MAX);
  assertLess(bytes.length, (blocks * 2 + 1) * 66_000);
  const table = openTable(bytes);
  const cursor = table.cursor();
  let i = 0;
  for (cursor.first(); cursor.valid; cursor.next()) assertEquals(entryAt(cursor)[0], keys[i++]);
  assertEquals(i, 300);
  cursor.close();
  table.close();
});

Deno.test("TableWriter.size grows with every entry, and is the file's size in the end", () => {
  const file = new RecordingFile();
  const writer = new TableWriter(file, { ...tableDefaults, compression: undefined });
  assertEquals(writer.size, 0);
  let before = 0;
  for (const [i, [key, value]] of decimalEntries(1000, 100).entries()) {
    writer.add(key, 0, key.length, value, 0, value.length);
    assertEquals(writer.entryCount, i + 1);
    assert(writer.size > before + 100, `entry ${i}`);
    before = writer.size;
  }
  const bytes = writer.finish();
  assertEquals([bytes, writer.size], [file.size, file.size]);
});

Deno.test("TableWriter appends in pieces of at most 64 KiB, and of a large value in one", () => {
  const file = new RecordingFile();
  const writer = new TableWriter(file, tableDefaults);
  for (const [key, value] of decimalEntries(5000, 100)) {
    writer.add(key, 0, key.length, value, 0, value.length);
  }
  const large = entry("9", "x".repeat(300_000));
  writer.add(large[0], 0, large[0].length, large[1], 0, large[1].length);
  writer.finish();
  assertEquals(file.appends.filter((bytes) => bytes > 64 * 1024).length, 1);
  assertLess(file.appends.length, file.size / (50 * 1024));
});

Deno.test("TableWriter takes ranges of buffers", () => {
  const [key, value] = entry("apple", "red");
  const buffer = new Uint8Array(100).fill(0xee);
  buffer.set(key, 10);
  buffer.set(value, 50);
  const file = new RecordingFile();
  const writer = new TableWriter(file, tableDefaults);
  writer.add(buffer, 10, 10 + key.length, buffer, 50, 53);
  assertEquals(writer.finish(), tableBytes([[key, value]]).length);
});

Deno.test("TableWriter makes smaller tables with a compressor, of the same entries", () => {
  const entries = decimalEntries(2000, 100);
  const plain = tableBytes(entries);
  for (const compression of [snappy, zstd]) {
    const compressed = tableBytes(entries, { compression });
    assertLess(compressed.length, plain.length / 2);
    const one = openTable(plain).cursor();
    const other = openTable(compressed).cursor();
    other.first();
    for (one.first(); one.valid; one.next()) {
      assertEquals(textAt(other), textAt(one));
      other.next();
    }
    assertEquals(other.valid, false);
    one.close();
    other.close();
  }
});

Deno.test("TableWriter gives the same bytes for the same entries", () => {
  const entries = decimalEntries(3000, 50);
  for (const compression of [undefined, snappy, zstd]) {
    assertEquals(tableBytes(entries, { compression }), tableBytes(entries, { compression }));
  }
});

Deno.test("B18: bytes on disk per entry are key, value and the documented overhead", () => {
  for (const [count, valueBytes] of [[1, 0], [10, 100], [5000, 0], [5000, 100], [2000, 1000]]) {
    for (const filterBits of [0, 10]) {
      const entries = decimalEntries(count!, valueBytes!);
      const bytes = tableBytes(entries, { filterBits });
      const data = count! * (16 + 8 + valueBytes!); // user key, sequence number and kind, value
      // The header's sum, without what keys share; a block holds at least 4096 bytes but for the last one.
      const blocks = Math.ceil(data / 4096) + 1;
      const most = data + count! * (5 + filterBits / 8 + 4 / 16) +
        blocks * (5 + 4 + 4 + (16 + 8) + 12 + filterBits + 3 * 4) + 150;
      assert(bytes.length <= most, `${count} of ${valueBytes}: ${bytes.length} > ${most}`);
      // Keys that follow each other share most of their 16 digits, so that it is less than key + value.
      const least = count! * (valueBytes! + 8);
      assert(bytes.length >= least, `${count} of ${valueBytes}: ${bytes.length} < ${least}`);
      if (count! > 100 && valueBytes! >= 100) assertLess(bytes.length, data * 1.02);
    }
  }
});
