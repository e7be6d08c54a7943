/**
 * **What.** Tables in memory, for the tests and benchmarks of everything that reads or writes tables.
 *
 * **Invariants.**
 * 1. Same arguments, same bytes.
 *
 * **Read next.** `../lib/table_writer.ts`
 *
 * @module
 */
import { type BufferPool, createBufferPool } from "../lib/buffer_pool.ts";
import { compareBytes } from "../lib/bytes.ts";
import type { Cursor } from "../lib/cursor.ts";
import type { FileSystem, ReadableFile } from "../lib/file_system.ts";
import {
  InternalKeyComparator,
  Lookup,
  makeInternalKey,
  SEQUENCE_MAX,
} from "../lib/internal_key.ts";
import { MemoryFileSystem } from "../lib/memory_file_system.ts";
import { generator } from "../lib/random.ts";
import { TableReader } from "../lib/table_reader.ts";
import { TableWriter, type TableWriterOptions } from "../lib/table_writer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The order of bytes, with sequence numbers. */
export const bytewiseKeys: InternalKeyComparator = new InternalKeyComparator();

/** What tables are written with unless a test says otherwise. */
export const tableDefaults: TableWriterOptions = {
  comparator: bytewiseKeys,
  blockBytes: 4096,
  restartInterval: 16,
  filterBits: 10,
  compression: undefined,
};

/** An internal key and its value. */
export type Entry = [key: Uint8Array, value: Uint8Array];

/** Text as bytes. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** An entry of two texts. */
export function entry(key: string, value: string, sequence = 1, kind = 1): Entry {
  return [makeInternalKey(utf8(key), sequence, kind), utf8(value)];
}

/** Entries with keys of 16 digits, as `db_bench` makes them, `step` apart. */
export function decimalEntries(count: number, valueBytes: number, step = 2): Entry[] {
  return Array.from({ length: count }, (_, i) => {
    const digits = String(i * step).padStart(16, "0");
    return [makeInternalKey(utf8(digits), i + 1, 1), new Uint8Array(valueBytes).fill(i)];
  });
}

/** Blocks of 32 entries for benchmarks, with keys of 16 bytes and values of 100: the keys random, and decimal. */
export function benchEntries(): [name: string, entries: Entry[]][] {
  const random = generator(1);
  const entries = Array.from({ length: 32 }, (): Entry => [
    makeInternalKey(Uint8Array.from({ length: 16 }, () => random(256)), 1, 1),
    new Uint8Array(100),
  ]);
  entries.sort((a, b) => bytewiseKeys.compareKeys(a[0], b[0]));
  return [["random", entries], ["decimal", decimalEntries(32, 100)]];
}

/** The order of bytes by a comparator of one's own: whole keys are compared. */
export const ownKeys: InternalKeyComparator = new InternalKeyComparator({
  name: "test.Own",
  compare: (a, b) => compareBytes(a, 0, a.length, b, 0, b.length),
});

/** Writes a table, and gives its size. */
export function writeTable(
  fileSystem: FileSystem,
  path: string,
  entries: readonly Entry[],
  options: Partial<TableWriterOptions> = {},
): number {
  const file = fileSystem.create(path);
  const writer = new TableWriter(file, { ...tableDefaults, ...options });
  for (const [key, value] of entries) writer.add(key, 0, key.length, value, 0, value.length);
  const bytes = writer.finish();
  file.close();
  return bytes;
}

/** Some bytes as an open file. */
export function fileOf(bytes: Uint8Array, path = "000005.ldb"): ReadableFile {
  const fileSystem = new MemoryFileSystem();
  const file = fileSystem.create(path);
  file.append(bytes);
  file.close();
  return fileSystem.open(path);
}

/** The bytes of a table of some entries. */
export function tableBytes(
  entries: readonly Entry[],
  options: Partial<TableWriterOptions> = {},
): Uint8Array {
  const fileSystem = new MemoryFileSystem();
  const bytes = new Uint8Array(writeTable(fileSystem, "table", entries, options));
  const file = fileSystem.open("table");
  file.read(bytes, 0);
  file.close();
  return bytes;
}

/** A pool of 16 MiB. */
export function roomyPool(): BufferPool {
  return createBufferPool({ capacityBytes: 16 << 20 });
}

/** Opens a table given as bytes. */
export function openTable(
  bytes: Uint8Array,
  pool: BufferPool = roomyPool(),
  comparator: InternalKeyComparator = bytewiseKeys,
): TableReader {
  return TableReader.open(fileOf(bytes), { comparator, pool });
}

/** A question for a user key. */
export function lookupOf(userKey: Uint8Array, sequence: number = SEQUENCE_MAX): Lookup {
  const lookup = new Lookup();
  lookup.reserve(userKey.length);
  lookup.key.set(userKey);
  lookup.begin(userKey.length, sequence);
  return lookup;
}

/** A copy of the value that a lookup found. */
export function valueOf(lookup: Lookup): Uint8Array {
  return lookup.value.slice(lookup.valueStart, lookup.valueEnd);
}

/** A copy of a cursor's current entry. */
export function entryAt(cursor: Cursor): Entry {
  return [
    cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd),
    cursor.valueBuffer.slice(cursor.valueStart, cursor.valueEnd),
  ];
}

/** A cursor's current entry as text, `key@sequence=value`, or `key@sequence!` for a tombstone. */
export function textAt(cursor: Cursor): string {
  const [key, value] = entryAt(cursor);
  const trailer = new DataView(key.buffer, key.length - 8).getBigUint64(0, true);
  const end = (trailer & 255n) === 0n ? "!" : `=${decoder.decode(value)}`;
  return `${decoder.decode(key.subarray(0, -8))}@${trailer >> 8n}${end}`;
}
