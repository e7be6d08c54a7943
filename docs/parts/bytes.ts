/**
 * **What.** Bytes that the engine writes today, taken apart, as Markdown: what `../format.md` shows.
 *
 * **Invariants.**
 * 1. Each byte shown comes from a file that the engine wrote, each byte of the part that is shown is explained, and
 *    every checksum, length and offset in the explanation was worked out again, or read from where it is stored.
 *
 * **Read next.** `tour.ts`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { getFixed32 } from "../../lib/coding.ts";
import { crc32c, unmask } from "../../lib/crc32c.ts";
import { readFile } from "../../lib/file_system.ts";
import { sequenceAt } from "../../lib/internal_key.ts";
import { LogWriter } from "../../lib/log.ts";
import { MemoryFileSystem, open } from "../../mod.ts";
import { fenced } from "./document.ts";

const decoder = new TextDecoder();

/** Bytes on a line of a dump. */
const LINE_BYTES = 12;

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

/** A range of a file, taken apart from left to right. */
class Dump {
  readonly #bytes: Uint8Array;
  readonly #base: number;
  readonly #lines: string[] = [];
  #at = 0;

  /**
   * Starts at the beginning.
   *
   * @param bytes The range.
   * @param base Where in its file it begins.
   */
  constructor(bytes: Uint8Array, base = 0) {
    this.#bytes = bytes;
    this.#base = base;
  }

  /** Where the next part begins, in the range. */
  get at(): number {
    return this.#at;
  }

  /** Writes the next bytes with what they mean. */
  take(count: number, meaning: string): Uint8Array {
    const part = this.#bytes.slice(this.#at, this.#at + count);
    assertEquals(part.length, count, `no ${count} bytes are left for "${meaning}"`);
    for (let i = 0; i < count; i += LINE_BYTES) {
      const offset = (this.#base + this.#at + i).toString(16).padStart(4, "0");
      const bytes = hex(part.subarray(i, i + LINE_BYTES)).padEnd(LINE_BYTES * 3 - 1);
      this.#lines.push(`${offset}  ${bytes}  ${i === 0 ? meaning : ""}`.trimEnd());
    }
    this.#at += count;
    return part;
  }

  /** The same for bytes that must be a text. */
  text(expected: string, meaning = ""): void {
    const length = new TextEncoder().encode(expected).length;
    const shown = JSON.stringify(expected) + (meaning && `: ${meaning}`);
    assertEquals(decoder.decode(this.take(length, shown)), expected);
  }

  /** The same for a number of one byte. */
  byte(expected: number, meaning: string): void {
    assertEquals(this.take(1, meaning)[0], expected, meaning);
  }

  /** The same for a fixed32. */
  fixed32(expected: number, meaning: string): void {
    assertEquals(getFixed32(this.take(4, meaning), 0), expected, meaning);
  }

  /** The same for a masked checksum of bytes that follow, or of others. */
  checksum(of: Uint8Array, meaning: string): void {
    const crc = crc32c(of, 0, of.length);
    const stored = getFixed32(this.take(4, `${meaning}: CRC-32C ${hex32(crc)}, masked`), 0);
    assertEquals(unmask(stored), crc, meaning);
  }

  /** The same for a trailer of an internal key. */
  trailer(sequence: number, kind: 0 | 1): void {
    const name = kind === 1 ? "value" : "tombstone";
    const bytes = this.take(8, `trailer: sequence number ${sequence}, kind ${kind}, a ${name}`);
    assertEquals([sequenceAt(bytes, 8), bytes[0]], [sequence, kind]);
  }

  /** A line without bytes. */
  note(text: string): void {
    this.#lines.push(text);
  }

  /** Leaves bytes out. */
  skip(count: number): void {
    this.#lines.push("....");
    this.#at += count;
  }

  /** The dump, which must have come to the end of its range. */
  finish(end: number = this.#bytes.length): string {
    assertEquals(this.#at, end, "all bytes are explained");
    return fenced(this.#lines);
  }
}

/** The database that format.md takes apart, as it is written and after its flush. */
async function exampleFiles(): Promise<ExampleFiles> {
  const disk = new MemoryFileSystem();
  await using db = await open("db", { fileSystem: disk, compression: "none" });
  await db.put("clay", "grey");
  await db.batch().put("sand", "yellow").put("silt", "brown").commit();
  await db.delete("clay");
  const log = readFile(disk, "db/000002.log");
  await db.flush();
  const [current, manifest, table] = ["CURRENT", "MANIFEST-000003", "000005.ldb"]
    .map((name) => readFile(disk, `db/${name}`));
  return { log, current: current!, manifest: manifest!, table: table! };
}

interface ExampleFiles {
  readonly log: Uint8Array;
  readonly current: Uint8Array;
  readonly manifest: Uint8Array;
  readonly table: Uint8Array;
}

/** Everything that `format.md` shows of bytes, by name. */
export async function makeDumps(): Promise<Map<string, string>> {
  const files = await exampleFiles();
  return new Map([
    ["log", dumpLog(files.log)],
    ["fragments", dumpFragments()],
    ["current", dumpCurrent(files.current)],
    ["manifest", dumpManifest(files.manifest)],
    ...dumpTable(files.table),
  ]);
}

/** The header of a log fragment. */
function takeHeader(dump: Dump, bytes: Uint8Array, type: number, name: string): number {
  const start = dump.at;
  const length = bytes[start + 4]! | (bytes[start + 5]! << 8);
  dump.checksum(bytes.subarray(start + 6, start + 7 + length), "type and payload");
  dump.take(2, `payload: ${length} bytes`);
  dump.byte(type, `type ${type}: ${name}`);
  return length;
}

function takePut(dump: Dump, key: string, value?: string): void {
  dump.byte(value === undefined ? 0 : 1, value === undefined ? "a tombstone" : "a value");
  dump.byte(key.length, `key: ${key.length} bytes`);
  dump.text(key);
  if (value === undefined) return;
  dump.byte(value.length, `value: ${value.length} bytes`);
  dump.text(value);
}

function dumpLog(log: Uint8Array): string {
  const dump = new Dump(log);
  const takeBatch = (sequence: number, count: number) => {
    takeHeader(dump, log, 1, "FULL, a whole record");
    const first = dump.take(8, `batch: its first record has sequence number ${sequence}`);
    assertEquals(first[0], sequence);
    dump.fixed32(count, `records: ${count}`);
  };
  takeBatch(1, 1);
  takePut(dump, "clay", "grey");
  dump.note("");
  takeBatch(2, 2);
  takePut(dump, "sand", "yellow");
  takePut(dump, "silt", "brown");
  dump.note("");
  takeBatch(4, 1);
  takePut(dump, "clay");
  return dump.finish();
}

/** A record of 40 000 bytes, which is longer than a block. */
function dumpFragments(): string {
  const disk = new MemoryFileSystem();
  const file = disk.create("log");
  new LogWriter(file).add(new Uint8Array(40_000).fill(0x61), 0, 40_000);
  file.close();
  const log = readFile(disk, "log");
  const dump = new Dump(log);
  dump.skip(takeHeader(dump, log, 2, "FIRST, a record begins"));
  dump.skip(takeHeader(dump, log, 4, "LAST, it ends"));
  return dump.finish();
}

function dumpCurrent(current: Uint8Array): string {
  const dump = new Dump(current);
  dump.text("MANIFEST-000003", "the manifest in use");
  dump.byte(10, "end of line");
  return dump.finish();
}

function dumpManifest(manifest: Uint8Array): string {
  const dump = new Dump(manifest);
  takeHeader(dump, manifest, 1, "FULL: the tree when the database was opened");
  dump.byte(1, "field 1, comparator");
  const comparator = "leveldb.BytewiseComparator";
  dump.byte(comparator.length, `${comparator.length} bytes`);
  dump.text(comparator);
  takeNumbers(dump, { log: 2, next: 4, last: 0 });
  dump.note("");
  takeHeader(dump, manifest, 1, "FULL: what the flush changed");
  takeNumbers(dump, { log: 4, next: 6, last: 4 });
  dump.byte(7, "field 7, added table");
  dump.byte(2, "level: 2");
  dump.byte(5, "file number: 5, so 000005.ldb");
  assertEquals(dump.take(2, "bytes in the file: 218, a varint64"), Uint8Array.of(0xda, 1));
  dump.byte(12, "smallest internal key: 12 bytes");
  dump.text("clay");
  dump.trailer(4, 0);
  dump.byte(12, "largest internal key: 12 bytes");
  dump.text("silt");
  dump.trailer(3, 1);
  return dump.finish();
}

function takeNumbers(dump: Dump, is: { log: number; next: number; last: number }): void {
  dump.byte(2, "field 2, log number");
  dump.byte(is.log, `${is.log}: older logs are not needed`);
  dump.byte(3, "field 3, next file number");
  dump.byte(is.next, String(is.next));
  dump.byte(4, "field 4, last sequence number in a table");
  dump.byte(is.last, String(is.last));
}

/** The blocks of the example's table, one after another, and its footer. */
function dumpTable(table: Uint8Array): [string, string][] {
  const dumps: [string, string][] = [];
  let at = 0;
  const handles = new Map<string, [offset: number, bytes: number]>();
  const block = (name: string, body: (dump: Dump) => void) => {
    const dump = new Dump(table.subarray(at), at);
    body(dump);
    const bytes = dump.at;
    dump.byte(0, "compression 0: none");
    dump.checksum(table.subarray(at, at + bytes + 1), "block and compression");
    handles.set(name, [at, bytes]);
    dumps.push([name, dump.finish(bytes + 5)]);
    at += bytes + 5;
  };
  const handle = (dump: Dump, name: string) => {
    const [offset, bytes] = handles.get(name)!;
    const varint = (value: number, what: string) => {
      const stored = value < 128
        ? Uint8Array.of(value)
        : Uint8Array.of((value & 127) | 128, value >> 7);
      assertEquals(dump.take(stored.length, `${what} ${value}`), stored);
    };
    varint(offset, `handle of the ${name} block: offset`);
    varint(bytes, "  bytes");
  };

  block("data", takeEntries);
  block("filter", takeFilter);
  block("metaindex", (dump) => {
    const name = "filter.leveldb.BuiltinBloomFilter2";
    takeLengths(dump, 0, name.length, 2);
    dump.text(name);
    handle(dump, "filter");
    takeRestarts(dump);
  });
  block("index", (dump) => {
    takeLengths(dump, 0, 9, 2);
    dump.text("t", "after every key of the data block");
    const trailer = dump.take(8, "trailer: the highest there is");
    assertEquals(trailer, Uint8Array.of(1, 255, 255, 255, 255, 255, 255, 255));
    handle(dump, "data");
    takeRestarts(dump);
  });
  const footer = new Dump(table.subarray(at), at);
  handle(footer, "metaindex");
  handle(footer, "index");
  const zeros = footer.take(40 - footer.at, "zeros up to 40 bytes");
  assertEquals(zeros, new Uint8Array(zeros.length));
  const magic = footer.take(8, "magic: 0xdb4775248b80fb57, little-endian");
  assertEquals(hex(magic.toReversed()).replaceAll(" ", ""), "db4775248b80fb57");
  dumps.push(["footer", footer.finish()]);
  return dumps;
}

function takeLengths(dump: Dump, shared: number, unshared: number, value: number): void {
  dump.byte(shared, `shared with the key before: ${shared}`);
  dump.byte(unshared, `not shared: ${unshared}`);
  dump.byte(value, `value: ${value}`);
}

function takeRestarts(dump: Dump): void {
  dump.fixed32(0, "restart point: offset 0");
  dump.fixed32(1, "restart points: 1");
}

function takeEntries(dump: Dump): void {
  takeLengths(dump, 0, 12, 0);
  dump.text("clay");
  dump.trailer(4, 0);
  takeLengths(dump, 0, 12, 6);
  dump.text("sand");
  dump.trailer(2, 1);
  dump.text("yellow");
  takeLengths(dump, 1, 11, 5);
  dump.text("ilt", 'with the shared "s": silt');
  dump.trailer(3, 1);
  dump.text("brown");
  takeRestarts(dump);
}

function takeFilter(dump: Dump): void {
  const bits = dump.take(8, "bits");
  const set = [...bits].map((byte) => byte.toString(2).replaceAll("0", "").length)
    .reduce((a, b) => a + b);
  dump.byte(6, `k: 6 bits for each of 3 keys; ${set} of 64 are set`);
  dump.fixed32(0, "filter 0 starts at 0");
  dump.fixed32(9, "the offsets start at 9, where the last filter ends");
  dump.byte(11, "one filter for every 2^11 bytes of table");
}
