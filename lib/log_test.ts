import { assert, assertEquals, assertThrows } from "@std/assert";
import { equalBytes } from "./bytes.ts";
import { putFixed32 } from "./coding.ts";
import { crc32c, mask } from "./crc32c.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import type { ReadableFile, WritableFile } from "./file_system.ts";
import { LOG_BLOCK_BYTES, LOG_HEADER_BYTES, LOG_ROOM_BYTES, LogReader, LogWriter } from "./log.ts";
import { generator } from "./random.ts";

const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

/** A file in memory that counts its appends and can be made to fail. */
class TestFile implements WritableFile {
  readonly path = "000007.log";
  readonly appends: number[] = [];
  bytes: Uint8Array;
  failure: Error | undefined = undefined;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes;
  }
  get size(): number {
    return this.bytes.length;
  }
  append(bytes: Uint8Array): void {
    if (this.failure !== undefined) throw this.failure;
    this.appends.push(bytes.length);
    this.bytes = concat(this.bytes, bytes);
  }
  sync(): Promise<void> {
    return Promise.resolve();
  }
  syncSync(): void {}
  close(): void {}
}

/** The first `size` bytes of an array as a file. */
class Source implements ReadableFile {
  readonly path = "000007.log";
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly size: number;

  constructor(bytes: Uint8Array, end = bytes.length, size = end) {
    this.#bytes = bytes;
    this.#end = end;
    this.size = size;
  }
  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#end - position));
    into.set(this.#bytes.subarray(position, position + count));
    return count;
  }
  close(): void {}
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes that look random and are the same in every run. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const text = (string: string): Uint8Array => new TextEncoder().encode(string);

/** Like assertEquals, whose report of a difference is too much for arrays of this size. */
function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  const index = expected.findIndex((byte, i) => byte !== actual[i]);
  assertEquals([index, actual.length], [-1, expected.length], "first difference, length");
}

/** A log of these records. */
function logOf(...records: Uint8Array[]): Uint8Array {
  const file = new TestFile();
  const writer = new LogWriter(file);
  for (const record of records) writer.add(record, 0, record.length);
  assertEquals(writer.size, file.size);
  return file.bytes;
}

/** A fragment with a right checksum. */
function fragment(type: number, payload: Uint8Array): Uint8Array {
  const bytes = concat(new Uint8Array(LOG_HEADER_BYTES), payload);
  bytes[4] = payload.length;
  bytes[5] = payload.length >>> 8;
  bytes[6] = type;
  putFixed32(bytes, 0, mask(crc32c(bytes, 6, bytes.length)));
  return bytes;
}

interface Outcome {
  records: Uint8Array[];
  error: CorruptionError | undefined;
  reader: LogReader;
  damage: [offset: number, bytes: number, reason: string][];
}

/** Reads a log to its end, or to its first damage. */
function read(bytes: Uint8Array, size = bytes.length, salvage = false): Outcome {
  const damage: [number, number, string][] = [];
  const reader = new LogReader(new Source(bytes, size), {
    salvage,
    onDamage: (...args) => damage.push(args),
  });
  const records: Uint8Array[] = [];
  let error: CorruptionError | undefined;
  try {
    while (reader.next()) {
      records.push(reader.recordBuffer.slice(reader.recordStart, reader.recordEnd));
    }
  } catch (thrown) {
    if (!(thrown instanceof CorruptionError)) throw thrown;
    error = thrown;
  }
  return { records, error, reader, damage };
}

/** Whether `records` are the first of `written`, byte for byte. */
function isPrefix(records: Uint8Array[], written: Uint8Array[]): boolean {
  return records.length <= written.length &&
    records.every((record, i) => equalBytes(record, written[i]!));
}

function assertReads(bytes: Uint8Array, written: Uint8Array[], message = ""): LogReader {
  const { records, error, reader } = read(bytes);
  assertEquals(error, undefined, message);
  assertEquals(records.length, written.length, message);
  assert(isPrefix(records, written), message);
  return reader;
}

function assertDamaged(bytes: Uint8Array, offset: number, what: string): void {
  const { error } = read(bytes);
  assertEquals([error?.file, error?.offset], ["000007.log", offset], error?.message);
  assertEquals(error?.message, `Cannot read database: ${what} at offset ${offset} of 000007.log`);
}

/** Where each of a log's records starts, and where the last ends. */
function recordBorders(bytes: Uint8Array): number[] {
  const reader = new LogReader(new Source(bytes));
  const borders: number[] = [];
  while (reader.next()) borders.push(reader.recordOffset);
  return [...borders, reader.validOffset];
}

Deno.test("LogWriter writes LevelDB's bytes: the first record of every LevelDB manifest", () => {
  const record = concat(Uint8Array.of(1, 26), text("leveldb.BytewiseComparator"));
  assertEquals(
    logOf(record),
    concat(Uint8Array.of(0x56, 0xf9, 0xb8, 0xf8, 0x1c, 0x00, 0x01), record),
  );
});

Deno.test("LogWriter cuts a record at block borders, and fills a short trailer with zeros", () => {
  const record = noise(LOG_BLOCK_BYTES * 2 - 100, 1);
  const whole = LOG_BLOCK_BYTES - LOG_HEADER_BYTES;
  const small = noise(whole - LOG_HEADER_BYTES - 3, 2);
  assertSameBytes(
    logOf(small, record, text("x")),
    concat(
      fragment(FULL, small),
      // Ten bytes are left: a header and three bytes.
      fragment(FIRST, record.subarray(0, 3)),
      fragment(MIDDLE, record.subarray(3, 3 + whole)),
      fragment(LAST, record.subarray(3 + whole)),
      fragment(FULL, text("x")),
    ),
  );
  const shorter = noise(whole - 5, 3);
  assertSameBytes(
    logOf(shorter, text("x")),
    concat(fragment(FULL, shorter), new Uint8Array(5), fragment(FULL, text("x"))),
  );
});

Deno.test("LogWriter writes an empty FIRST where only a header has room, as LevelDB does", () => {
  const filler = noise(LOG_BLOCK_BYTES - 2 * LOG_HEADER_BYTES, 1);
  const bytes = logOf(filler, text("abc"));
  assertSameBytes(
    bytes,
    concat(
      fragment(FULL, filler),
      fragment(FIRST, new Uint8Array(0)),
      fragment(LAST, text("abc")),
    ),
  );
  assertReads(bytes, [filler, text("abc")]);
});

Deno.test("LogReader reads an empty log", () => {
  const reader = assertReads(new Uint8Array(0), []);
  assertEquals([reader.endReason, reader.validOffset, reader.tornBytes], ["whole", 0, 0]);
});

Deno.test("LogReader reads what was written, empty records too, and stays at the end", () => {
  const records = [text("foo"), text("bar"), text(""), text("xxxx")];
  const bytes = logOf(...records);
  const reader = assertReads(bytes, records);
  assertEquals([reader.next(), reader.next()], [false, false]);
  assertEquals([reader.endReason, reader.validOffset, reader.tornBytes], [
    "whole",
    bytes.length,
    0,
  ]);
  assertEquals(recordBorders(bytes), [0, 10, 20, 27, 38]);
});

Deno.test("LogReader reads many small records over many blocks", () => {
  const records = Array.from({ length: 20_000 }, (_, i) => text(`${i}.`));
  assertReads(bulk(records), records);
});

/** The same as {@linkcode logOf} for many records: grows its file by doubling. */
function bulk(records: Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  const file: WritableFile = {
    path: "000007.log",
    get size() {
      return size;
    },
    append(bytes) {
      parts.push(bytes.slice());
      size += bytes.length;
    },
    sync: () => Promise.resolve(),
    syncSync() {},
    close() {},
  };
  const writer = new LogWriter(file);
  for (const record of records) writer.add(record, 0, record.length);
  return concat(...parts);
}

Deno.test("LogReader reads records in many fragments", () => {
  const records = [text("small"), noise(50_000, 1), noise(100_000, 2), noise(3_000_000, 3)];
  assertReads(logOf(...records), records);
});

Deno.test("LogReader reads random records, small and large", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const dice = noise(400, seed);
    const records: Uint8Array[] = [];
    for (let i = 0; i < 200; i++) {
      const skew = dice[2 * i]! % 17;
      records.push(noise((dice[2 * i + 1]! << skew) >> 8, i));
    }
    assertReads(bulk(records), records, `seed ${seed}`);
  }
});

Deno.test("LogReader reads records behind every size of trailer", () => {
  for (let left = 0; left <= 16; left++) {
    const filler = noise(LOG_BLOCK_BYTES - LOG_HEADER_BYTES - left, left);
    for (const length of [0, 1, 2, 8, 9, 10, 40_000]) {
      const records = [filler, noise(length, 1), text("bar")];
      const reader = assertReads(logOf(...records), records, `${left} left, ${length} bytes`);
      assertEquals(reader.endReason, "whole");
    }
    // A block with nothing behind it.
    assertEquals(assertReads(logOf(filler), [filler]).endReason, "whole");
  }
});

Deno.test("LogReader takes a trailer at the end of the file as the end, and what is in it as nothing", () => {
  const filler = noise(LOG_BLOCK_BYTES - LOG_HEADER_BYTES - 4, 1);
  for (const trailer of [new Uint8Array(4), text("junk")]) {
    const reader = assertReads(concat(logOf(filler), trailer), [filler]);
    assertEquals([reader.endReason, reader.tornBytes], ["whole", 0]);
    assertReads(concat(logOf(filler), trailer, fragment(FULL, text("x"))), [filler, text("x")]);
  }
});

Deno.test("LogWriter goes on where another writer stopped, anywhere in a block", () => {
  const records = Array.from({ length: 60 }, (_, i) => noise((i * 977) % 3000, i));
  const expected = logOf(...records);
  for (let cut = 0; cut <= records.length; cut++) {
    const file = new TestFile(logOf(...records.slice(0, cut)));
    const writer = new LogWriter(file);
    for (const record of records.slice(cut)) writer.add(record, 0, record.length);
    assert(equalBytes(file.bytes, expected), `reopened after ${cut} records`);
    assertEquals(writer.size, expected.length);
  }
});

Deno.test("LogWriter appends once for a record, and large ones in pieces of at most 1 MiB", () => {
  const file = new TestFile();
  const writer = new LogWriter(file);
  for (const length of [0, 10, 100_000, 1_000_000]) writer.add(new Uint8Array(length), 0, length);
  assertEquals(file.appends.length, 4);
  const large = noise(5_000_000, 1);
  writer.add(large, 0, large.length);
  assertEquals(file.appends.length, 4 + 5);
  assert(file.appends.every((bytes) => bytes <= 1024 * 1024));
  assert(equalBytes(read(file.bytes).records[4]!, large));
});

Deno.test("LogWriter takes a range out of a larger buffer", () => {
  const file = new TestFile();
  new LogWriter(file).add(text("..record.."), 2, 8);
  assertReads(file.bytes, [text("record")]);
});

/** A record in memory that has room before and after it, for what must not be touched as well. */
function withRoom(record: Uint8Array, room: number): [Uint8Array, number, number, number] {
  const memory = concat(new Uint8Array(3 + room).fill(0xee), record, new Uint8Array(3).fill(0xee));
  return [memory, 3 + room, 3 + room + record.length, room];
}

Deno.test("LogWriter writes the same bytes in place as with a copy, wherever in a block", () => {
  // What is left of the block before the record: every case around a trailer, a header and the record's own end.
  const lefts = Array.from({ length: 60 }, (_, i) => i + 1);
  for (const length of [0, 1, 2, 20, 36, LOG_BLOCK_BYTES - 7, LOG_BLOCK_BYTES - 6]) {
    for (const left of [...lefts, LOG_BLOCK_BYTES - 1, LOG_BLOCK_BYTES]) {
      const record = noise(length, left);
      const start = noise(LOG_BLOCK_BYTES - left, 5); // not a log: only where it ends counts
      const files = [0, LOG_ROOM_BYTES - 1, LOG_ROOM_BYTES, LOG_ROOM_BYTES + 9].map((room) => {
        const file = new TestFile(start);
        const writer = new LogWriter(file);
        const [memory, ...rest] = withRoom(record, room);
        for (let i = 0; i < 3; i++) {
          writer.add(memory, ...rest);
          const [from, end] = rest;
          assertSameBytes(memory.slice(from, end), record);
          assertEquals([...memory.slice(0, 3), ...memory.slice(end)], new Array(6).fill(0xee));
        }
        assertEquals([writer.size, file.appends.length], [file.size, 3]);
        return file.bytes;
      });
      for (const bytes of files) assertSameBytes(bytes, files[0]!);
    }
  }
});

Deno.test("LogWriter in place takes records of any size from any memory in turn", () => {
  const random = generator(17);
  const memories = [new Uint8Array(70_000), new Uint8Array(70_000)];
  const [file, expected] = [new TestFile(), new TestFile()];
  const [writer, copying] = [new LogWriter(file), new LogWriter(expected)];
  const written: Uint8Array[] = [];
  for (let i = 0; i < 300; i++) {
    // Often the same place again, often the same size.
    const memory = memories[random(4) === 0 ? 1 : 0]!;
    const start = LOG_ROOM_BYTES + (random(3) === 0 ? random(9) : 0);
    const length = [40, 41, random(100), random(50) === 0 ? random(69_000) : 40][random(4)]!;
    const record = noise(length, i);
    memory.set(record, start);
    writer.add(memory, start, start + length, LOG_ROOM_BYTES);
    copying.add(record, 0, length);
    written.push(record);
  }
  assertSameBytes(file.bytes, expected.bytes);
  assertReads(file.bytes, written);
});

Deno.test("LogWriter takes no more room than there is", () => {
  const writer = new LogWriter(new TestFile());
  const memory = new Uint8Array(100);
  assertThrows(() => writer.add(memory, 12, 20, 13), Error, "Invariant");
  assertEquals([writer.size, memory], [0, new Uint8Array(100)]);
});

Deno.test("LogWriter refuses to go on after a failed append", () => {
  const file = new TestFile();
  const writer = new LogWriter(file);
  writer.add(text("foo"), 0, 3);
  file.failure = new VarveError("IO", "Cannot append to file: disk is full: 000007.log");
  assertThrows(() => writer.add(text("bar"), 0, 3), VarveError, "disk is full");
  file.failure = undefined;
  const error = assertThrows(() => writer.add(text("bar"), 0, 3), VarveError, "000007.log");
  assertEquals([error.code, writer.size, file.size], ["IO", 10, 10]);
});

// The end of the log. None of these is an error.

Deno.test("LogReader reads a prefix of a log cut at every length, and tells how much it dropped", () => {
  // Two and a bit blocks: small records, and one across each border.
  const written: Uint8Array[] = [];
  for (let i = 0; i < 80; i++) written.push(noise((i * 97) % 700, i));
  written.push(noise(12_000, 97), noise(15_000, 98), noise(12_000, 99), noise(0, 1), noise(500, 2));
  const bytes = logOf(...written);
  assert(bytes.length > 2 * LOG_BLOCK_BYTES);
  const ends: number[] = [];
  const all = new LogReader(new Source(bytes));
  while (all.next()) ends.push(all.validOffset);
  assertEquals([ends.length, ends.at(-1)], [written.length, bytes.length]);

  let whole = 0;
  for (let size = 0; size <= bytes.length; size++) {
    if (size === ends[whole]) whole++;
    const valid = whole === 0 ? 0 : ends[whole - 1]!;
    const reader = new LogReader(new Source(bytes, size));
    let count = 0;
    while (reader.next()) {
      // Each record is compared where it is the last one, not again at every greater length.
      if (++count < whole) continue;
      const record = reader.recordBuffer.subarray(reader.recordStart, reader.recordEnd);
      assert(equalBytes(record, written[count - 1]!), `cut at ${size}`);
    }
    const isWhole = size === valid;
    const right = count === whole && reader.validOffset === valid &&
      reader.tornBytes === size - valid && reader.endReason === (isWhole ? "whole" : "cut");
    assert(right, `cut at ${size}: ${count} records, ${reader.tornBytes} bytes torn`);
  }
  assertEquals(whole, written.length);
});

Deno.test("LogReader drops a record of many blocks cut at any border", () => {
  const written = [text("kept"), noise(4 * LOG_BLOCK_BYTES, 1)];
  const bytes = logOf(...written);
  for (let block = 0; block * LOG_BLOCK_BYTES < bytes.length; block++) {
    for (let near = -8; near <= 8; near++) {
      const size = block * LOG_BLOCK_BYTES + near;
      if (size < 11 || size >= bytes.length) continue;
      const { records, error, reader } = read(bytes, size);
      assertEquals(error, undefined, `cut at ${size}`);
      assertEquals(records, [text("kept")], `cut at ${size}`);
      assertEquals([reader.endReason, reader.validOffset], ["cut", 11], `cut at ${size}`);
    }
  }
});

Deno.test("LogReader takes zeros up to the end of the file as the end", () => {
  const written = [text("foo"), noise(40_000, 1), text("bar")];
  const bytes = logOf(...written);
  for (const zeros of [7, 8, 100, 4096, LOG_BLOCK_BYTES, 10 * LOG_BLOCK_BYTES + 13]) {
    const reader = assertReads(concat(bytes, new Uint8Array(zeros)), written, `${zeros} zeros`);
    assertEquals([reader.endReason, reader.tornBytes], ["zeros", zeros]);
  }
});

Deno.test("LogReader drops a record that the file system replaced by zeros from any byte on", () => {
  const written = [text("foo"), noise(300, 1), noise(200, 2)];
  const bytes = logOf(...written);
  for (let cut = 0; cut < bytes.length; cut++) {
    for (const more of [0, 50_000]) {
      const zeroed = concat(bytes.slice(0, cut), new Uint8Array(bytes.length - cut + more));
      const { records, error } = read(zeroed);
      assertEquals(error, undefined, `zeros from ${cut} on, ${more} more`);
      assert(isPrefix(records, written), `zeros from ${cut} on, ${more} more`);
    }
  }
});

Deno.test("LogReader drops a last record that does not pass its checksum", () => {
  for (const last of [noise(500, 3), noise(100_000, 4)]) {
    const bytes = logOf(text("kept"), last);
    bytes[bytes.length - 100]! ^= 1;
    const { records, error, reader } = read(bytes);
    assertEquals([records.length, error], [1, undefined]);
    const torn = bytes.length - 11;
    assertEquals([reader.endReason, reader.validOffset, reader.tornBytes], ["checksum", 11, torn]);
  }
});

Deno.test("LogReader drops a last record with a hole, since pages are written in any order", () => {
  const written = [text("kept"), noise(5 * LOG_BLOCK_BYTES, 1)];
  const bytes = logOf(...written);
  for (let page = 1; page * 4096 < bytes.length; page++) {
    const holed = bytes.slice();
    holed.fill(0, page * 4096, (page + 1) * 4096);
    const { records, error, reader } = read(holed);
    assertEquals([records.length, error, reader.validOffset], [1, undefined, 11], `page ${page}`);
  }
});

Deno.test("LogReader is not misled by a value that holds a log when that record is cut", () => {
  const inner = logOf(text("a"), noise(50, 1), text("b"), text(""));
  const written = [text("kept"), concat(noise(20, 1), inner, inner)];
  const bytes = logOf(...written);
  for (let size = 11; size < bytes.length; size++) {
    for (const zeros of [0, 1000]) {
      const { records, error } = read(concat(bytes.slice(0, size), new Uint8Array(zeros)));
      assertEquals([records.length, error], [1, undefined], `cut at ${size}, ${zeros} zeros`);
    }
  }
});

Deno.test("LogReader takes a file that got shorter as one that ends there", () => {
  const bytes = logOf(text("foo"), noise(40_000, 1), noise(40_000, 2));
  for (const end of [0, 5, 10, 20_000, LOG_BLOCK_BYTES, LOG_BLOCK_BYTES + 3, 41_000, 70_000]) {
    const reader = new LogReader(new Source(bytes, end, bytes.length));
    let count = 0;
    while (reader.next()) count++;
    assertEquals(count, end < 10 ? 0 : end < 40_031 ? 1 : 2, `now ${end} bytes`);
  }
});

// Damage. All of these are errors.

Deno.test("LogReader reports any bit that changed in any record but the last", () => {
  const written = [text("foo"), text(""), noise(40, 1), text("b"), noise(130, 2), text("last one")];
  const bytes = logOf(...written);
  const lastStart = recordBorders(bytes).at(-2)!;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const offset = bit >> 3;
    bytes[offset]! ^= 1 << (bit & 7);
    const { records, error } = read(bytes);
    bytes[offset]! ^= 1 << (bit & 7);
    assert(isPrefix(records, written) && records.length < written.length, `bit ${bit}`);
    if (offset < lastStart) assert(error !== undefined, `bit ${bit} of the log changed silently`);
    if (error !== undefined) assert(error.offset <= offset, `bit ${bit}: ${error.message}`);
  }
});

Deno.test("LogReader reads a prefix or reports damage, whatever value a byte takes", () => {
  const written = [text("foo"), noise(20, 1), text(""), text("last")];
  const bytes = logOf(...written);
  for (let offset = 0; offset < bytes.length; offset++) {
    const right = bytes[offset]!;
    for (let byte = 0; byte < 256; byte++) {
      bytes[offset] = byte;
      const { records } = read(bytes);
      assert(isPrefix(records, written), `byte ${offset} set to ${byte}`);
    }
    bytes[offset] = right;
  }
});

Deno.test("LogReader reports changed bits in every fragment of records across blocks", () => {
  const written = [
    noise(20_000, 1),
    noise(90_000, 2),
    noise(100, 3),
    noise(30_000, 4),
    text("last"),
  ];
  const bytes = logOf(...written);
  const lastStart = recordBorders(bytes).at(-2)!;
  // Every header, and some bytes of every payload.
  const offsets = new Set<number>();
  for (let at = 0; at < lastStart;) {
    for (let i = 0; i < LOG_HEADER_BYTES + 2; i++) offsets.add(at + i);
    at += LOG_HEADER_BYTES + (bytes[at + 4]! | (bytes[at + 5]! << 8));
    offsets.add(at - 1);
  }
  for (const offset of offsets) {
    if (offset >= lastStart) continue;
    for (let bit = 0; bit < 8; bit++) {
      bytes[offset]! ^= 1 << bit;
      const { records, error } = read(bytes);
      bytes[offset]! ^= 1 << bit;
      assert(isPrefix(records, written), `bit ${bit} of byte ${offset}`);
      assert(error !== undefined, `bit ${bit} of byte ${offset} changed silently`);
    }
  }
});

Deno.test("LogReader reports zeros with a whole record behind them", () => {
  const written = [text("first"), noise(3 * LOG_BLOCK_BYTES, 1), text("last")];
  const bytes = logOf(...written);
  for (let page = 1; page * 4096 < bytes.length - 4096; page++) {
    const holed = bytes.slice();
    holed.fill(0, page * 4096, (page + 1) * 4096);
    const { records, error } = read(holed);
    assertEquals(records.length, 1, `page ${page}`);
    assert(error !== undefined, `page ${page}`);
  }
  const zeroed = bytes.slice().fill(0, 12, LOG_BLOCK_BYTES);
  assertDamaged(zeroed, 12, "log fragment of zeros");
});

Deno.test("LogReader reports a header overwritten with garbage when a whole record is left in its block", () => {
  const bytes = logOf(text("foo"), noise(100, 1), text("bar"), noise(50, 2));
  for (const garbage of [0x00, 0x78, 0xff]) {
    for (let length = LOG_HEADER_BYTES; length < 60; length++) {
      const damaged = bytes.slice().fill(garbage, 10, 10 + length);
      const { records, error } = read(damaged);
      assertEquals([records.length, error?.offset], [1, 10], `${length} times ${garbage}`);
      const salvaged = read(damaged, damaged.length, true).records;
      assertEquals(
        salvaged,
        [text("foo"), text("bar"), noise(50, 2)],
        `${length} times ${garbage}`,
      );
    }
  }
});

Deno.test("LogReader names a checksum that fails", () => {
  const bytes = logOf(text("foo"), text("bar"));
  bytes[8]! ^= 1;
  assertDamaged(bytes, 0, "log fragment failing its checksum");
});

Deno.test("LogReader names a length that changed, in the last record too", () => {
  for (const length of [0, 2, 4, 100, 30_000]) {
    const bytes = logOf(text("foo"), text("bar"));
    bytes[14] = length;
    bytes[15] = length >>> 8;
    assertDamaged(bytes, 10, "log fragment with a wrong length");
  }
});

Deno.test("LogReader names a fragment that goes beyond its block in the middle of a log", () => {
  const bytes = logOf(text("foo"), noise(LOG_BLOCK_BYTES, 1));
  // Length and payload changed, so that no other length fits; what follows is one LAST.
  bytes[15] = 0xff;
  bytes[500]! ^= 1;
  assertDamaged(bytes, 10, "log fragment beyond its block");
});

Deno.test("LogReader drops a fragment that goes beyond its block at the end of a log", () => {
  const bytes = concat(logOf(text("foo")), noise(100, 1));
  bytes[14] = 0xff;
  bytes[15] = 0xff;
  assertEquals(assertReads(bytes, [text("foo")]).tornBytes, 100);
});

Deno.test("LogReader reports a type that no writer writes, in the last record too", () => {
  for (const type of [0, 5, 6, 104, 255]) {
    const bytes = concat(logOf(text("foo")), fragment(type, text("bar")));
    assertDamaged(bytes, 10, `log fragment of unknown type ${type}`);
  }
});

Deno.test("LogReader reports a MIDDLE or LAST without a FIRST", () => {
  for (const type of [MIDDLE, LAST]) {
    assertDamaged(fragment(type, text("x")), 0, "log record without its beginning");
    const behind = concat(logOf(text("foo")), fragment(type, text("x")));
    assertDamaged(behind, 10, "log record without its beginning");
  }
});

Deno.test("LogReader reports a FIRST that another record follows", () => {
  for (const next of [logOf(text("bar")), logOf(noise(50, 1)), fragment(FIRST, text("x"))]) {
    const bytes = concat(fragment(FIRST, text("foo")), next);
    assertDamaged(bytes, 0, "log record without its end");
  }
});

Deno.test("LogReader lets an empty FIRST be followed by another record, as LevelDB does", () => {
  const empty = fragment(FIRST, new Uint8Array(0));
  assertReads(concat(empty, logOf(text("bar"))), [text("bar")]);
  const bytes = concat(empty, fragment(FIRST, text("b")), fragment(LAST, text("ar")));
  assertEquals(assertReads(bytes, [text("bar")]).recordOffset, LOG_HEADER_BYTES);
});

Deno.test("LogReader does not join the parts of two records when a block between them is wiped", () => {
  const written = [noise(LOG_BLOCK_BYTES, 1), noise(LOG_BLOCK_BYTES, 2), text("correct")];
  const bytes = logOf(...written);
  bytes.fill(0x78, LOG_BLOCK_BYTES, 2 * LOG_BLOCK_BYTES);
  assertDamaged(bytes, LOG_BLOCK_BYTES, "log fragment failing its checksum");
  const { records, damage } = read(bytes, bytes.length, true);
  assertEquals(records, [text("correct")]);
  // Wiped from the first record's beginning on; the second's LAST goes with it.
  const end = recordBorders(logOf(...written))[2]!;
  assertEquals(damage, [[0, end, "log fragment failing its checksum"]]);
});

Deno.test("LogReader throws the same error again when asked again", () => {
  const bytes = logOf(text("foo"), text("bar"), text("baz"));
  bytes[18]! ^= 1;
  const reader = new LogReader(new Source(bytes));
  assertEquals(reader.next(), true);
  const first = assertThrows(() => reader.next(), CorruptionError);
  assertEquals(assertThrows(() => reader.next(), CorruptionError), first);
  assertEquals([reader.endReason, reader.validOffset, reader.tornBytes], [undefined, 10, 0]);
});

Deno.test("LogReader lets errors of the file system through", () => {
  const source: ReadableFile = {
    path: "000007.log",
    size: 100,
    read() {
      throw new VarveError("IO", "Cannot read file: 000007.log");
    },
    close() {},
  };
  assertThrows(() => new LogReader(source).next(), VarveError, "Cannot read file");
});

Deno.test("LogReader looks again before it drops a record for a read that came back wrong", () => {
  const bytes = logOf(text("foo"), noise(40_000, 1), text("last"));
  for (const wrong of [0, 1]) {
    for (const offset of [3, 12, 20_000, bytes.length - 1]) {
      const inner = new Source(bytes);
      let reads = 0;
      const reader = new LogReader({
        path: inner.path,
        size: inner.size,
        read(into, position) {
          const count = inner.read(into, position);
          const at = offset - position;
          if (at >= 0 && at < count && reads++ === wrong) into[at]! ^= 4;
          return count;
        },
        close() {},
      }, { holes: "end" });
      let count = 0;
      while (reader.next()) count++;
      assertEquals([count, reader.endReason], [3, "whole"], `read ${wrong}, byte ${offset}`);
    }
  }
});

Deno.test("LogReader meets garbage with an end or an error, soon and in little memory", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const bytes = noise(seed * 2500, seed);
    for (const salvage of [false, true]) {
      const { records, reader } = read(bytes, bytes.length, salvage);
      assertEquals(records, [], `seed ${seed}`);
      assertEquals(reader.recordBuffer.length, 0, `seed ${seed}`);
    }
  }
  for (const byte of [0, 1, 2, 3, 4, 0x78, 0xff]) {
    for (const size of [6, 7, 100, LOG_BLOCK_BYTES, 3 * LOG_BLOCK_BYTES + 9]) {
      const { records } = read(new Uint8Array(size).fill(byte), size, true);
      assertEquals(records, [], `${size} times byte ${byte}`);
    }
  }
});

Deno.test("LogReader needs no more memory than twice the largest record", () => {
  const record = noise(300_000, 1);
  const reader = new LogReader(new Source(logOf(record, record)));
  while (reader.next()) assert(reader.recordBuffer.length <= 2 * record.length);
});

// Holes: what a power cut leaves of unsynced appends. None of these is an error.

const SECTOR = 512;
const PAGE = 4096;

/** A batch as the store writes it: few bytes, then a value of zeros. */
function zeroFilled(length: number, seed: number): Uint8Array {
  return concat(noise(30, seed), new Uint8Array(length - 30));
}

/** Records of all sizes, from inside a block and across blocks, with and without zeros in them. */
function mixedRecords(): Uint8Array[] {
  const small = (i: number) => noise(10 + (i * 53) % 200, i);
  const smalls = (from: number) => Array.from({ length: 12 }, (_, i) => small(from + i));
  return [
    ...smalls(0),
    zeroFilled(700, 1),
    noise(5000, 2),
    ...smalls(20),
    zeroFilled(9000, 3),
    noise(70 * 1024, 4),
    zeroFilled(40_000, 5),
    ...smalls(40),
    concat(noise(3000, 6), new Uint8Array(2000), noise(3000, 7)),
    new Uint8Array(0),
    noise(20_000, 8),
    ...smalls(60),
  ];
}

/** A log and what is known of it. */
class Holed {
  readonly bytes: Uint8Array;
  /** Where records, and so appends, end. */
  readonly ends: number[] = [0];

  constructor(records: Uint8Array[]) {
    this.bytes = bulk(records);
    const reader = new LogReader(new Source(this.bytes));
    while (reader.next()) this.ends.push(reader.validOffset);
  }

  /** How a log reads that a power cut left of this one: whole records up to the first byte that was lost. */
  check(left: Uint8Array, about: () => string): "whole" | "torn" | "hole" {
    let lost = 0;
    while (lost < left.length && left[lost] === this.bytes[lost]) lost++;
    const reader = new LogReader(new Source(left), { holes: "end" });
    let count = 0;
    try {
      while (reader.next()) count++;
    } catch (error) {
      throw new Error(`${about()}: lost from ${lost} on`, { cause: error });
    }
    const expected = this.ends.findLastIndex((end) => end <= lost);
    assert(count === expected, `${about()}: ${count} records, ${expected} expected`);
    assertEquals(reader.validOffset, this.ends[expected]!, about());
    assertEquals(reader.tornBytes, left.length - reader.validOffset, about());
    if (lost === this.bytes.length) return "whole";
    return reader.endReason === "hole" ? "hole" : "torn";
  }

  /** The log with zeros in place of a range. */
  without(from: number, to: number): Uint8Array {
    return this.bytes.slice().fill(0, from, to);
  }
}

Deno.test("LogReader ends a log at a hole, wherever sectors or pages are lost (invariant 5)", () => {
  const log = new Holed(mixedRecords());
  const { bytes, ends } = log;
  const counts = { whole: 0, torn: 0, hole: 0 };
  const lose = (from: number, to: number) =>
    counts[log.check(log.without(from, to), () => `lost from ${from} to ${to}`)]++;
  const starts = new Set(ends);
  for (let sector = 0; sector < bytes.length; sector += SECTOR) starts.add(sector);
  for (const from of starts) {
    // From the end of a sync or of an earlier append on, what is left of a sector is lost.
    const sector = from - from % SECTOR;
    for (const sectors of [1, 2, 3, 7, 8, 64, 65]) lose(from, sector + sectors * SECTOR);
    lose(from, from - from % PAGE + PAGE);
    lose(from, bytes.length);
  }
  assert(counts.hole > 1500 && counts.torn > 100 && counts.whole > 10, JSON.stringify(counts));
});

Deno.test("LogReader ends a log at a hole between the pieces of a record that was appended in several", () => {
  const log = new Holed([text("kept"), noise(2_500_000, 1), text("last")]);
  const pieces: number[] = [];
  const file: WritableFile = {
    path: "000007.log",
    size: 0,
    append: (bytes) => void pieces.push((pieces.at(-1) ?? 0) + bytes.length),
    sync: () => Promise.resolve(),
    syncSync() {},
    close() {},
  };
  const writer = new LogWriter(file);
  writer.add(text("kept"), 0, 4);
  writer.add(new Uint8Array(2_500_000), 0, 2_500_000);
  assert(pieces.length > 3);
  for (const from of pieces.slice(1, -1)) {
    for (const size of [SECTOR, PAGE]) {
      const outcome = log.check(log.without(from, from - from % size + size), () => `from ${from}`);
      assertEquals(outcome, "hole", `from ${from}`);
    }
  }
});

Deno.test("LogReader ends a log at the first of many holes (invariant 5)", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = generator(seed);
    const sizes = [40, 40, 300, 3000, 40_000];
    const records = Array.from({ length: 10 + random(60) }, (_, i) => {
      const length = 31 + random(sizes[random(sizes.length)]!);
      return random(4) === 0 ? zeroFilled(length, i) : noise(length, seed * 100 + i);
    });
    const log = new Holed(records);
    const { bytes, ends } = log;
    for (let round = 0; round < 5; round++) {
      const someEnd = () => ends[random(ends.length)]!;
      const synced = someEnd();
      const size = random(2) === 0 ? bytes.length : Math.max(synced, someEnd());
      const left = bytes.slice(0, size);
      for (let page = synced - synced % PAGE; page < size; page += PAGE) {
        const pageEnd = Math.min(page + PAGE, size);
        const lose = (from: number, to: number) => left.fill(0, Math.max(from, synced), to);
        const fate = random(4);
        if (fate === 0) lose(page, pageEnd);
        // As it was after an earlier append.
        if (fate === 1) lose(Math.min(Math.max(someEnd(), page), pageEnd), pageEnd);
        for (let at = page; fate === 2 && at < pageEnd; at += SECTOR) {
          if (random(2) === 0) lose(at, Math.min(at + SECTOR, pageEnd));
        }
      }
      log.check(left, () => `seed ${seed}, round ${round}`);
    }
  }
});

Deno.test("LogReader takes a hole for damage where it was not told of holes", () => {
  const log = new Holed([text("first"), noise(20_000, 1), text("last")]);
  const holed = log.without(2 * PAGE, 3 * PAGE);
  assertEquals(log.check(holed, () => "told"), "hole");
  assertDamaged(holed, 12, "log fragment failing its checksum");
});

Deno.test("LogReader with salvage ends at a hole, if that is what holes are", () => {
  const log = new Holed([text("first"), noise(20_000, 1), text("last")]);
  const source = new Source(log.without(2 * PAGE, 3 * PAGE));
  for (const [holes, expected] of [["end", 1], ["damage", 2]] as const) {
    const reader = new LogReader(source, { holes, salvage: true });
    let count = 0;
    while (reader.next()) count++;
    assertEquals(count, expected, holes);
  }
});

/** Whether all is zeros in the sector that a place is in, from the beginning of its fragment on. */
function isZeroSector(bytes: Uint8Array, fragmentAt: number, at: number): boolean {
  const sector = at - at % SECTOR;
  return bytes.subarray(Math.max(sector, fragmentAt), sector + SECTOR).every((byte) => byte === 0);
}

Deno.test("LogReader does not take a changed byte for a hole, also beside zeros (invariant 2)", () => {
  const logs = [
    // Values of zeros: whole sectors of them, in one fragment and in several, and nearly a sector.
    [noise(40, 1), zeroFilled(1200, 2), zeroFilled(600, 3), noise(50, 4), zeroFilled(520, 5)],
    [
      zeroFilled(40, 6),
      new Uint8Array(2000),
      new Uint8Array(0),
      concat(noise(900, 7), new Uint8Array(1100)),
    ],
    [zeroFilled(33_000, 8), zeroFilled(700, 9), concat(new Uint8Array(3000), noise(20, 10))],
  ];
  let changes = 0;
  for (const [index, records] of logs.entries()) {
    const bytes = logOf(...records, text("last"));
    const borders = recordBorders(bytes);
    const fragments = fragmentsOf(bytes);
    const random = generator(index);
    for (let at = 0; at < borders.at(-2)!; at++) {
      const fragmentAt = fragments.findLast((it) => it <= at)!;
      // The middle of the longest value of zeros is more of the same.
      if (at - fragmentAt > 300 && at % 101 !== 0) continue;
      const right = bytes[at]!;
      for (const byte of [right ^ 255, right ^ (1 << random(8)), random(256), 0]) {
        if (byte === right) continue;
        bytes[at] = byte;
        const reader = new LogReader(new Source(bytes), { holes: "end" });
        let isDamage = false;
        try {
          while (reader.next());
        } catch (error) {
          assert(error instanceof CorruptionError, `${error}`);
          isDamage = true;
        }
        changes++;
        const isExcused = isZeroSector(bytes, fragmentAt, at);
        assert(isDamage || isExcused, `log ${index}: byte ${at} from ${right} to ${byte}`);
        bytes[at] = right;
      }
    }
  }
  assert(changes > 5000);
});

Deno.test("LogReader takes a changed byte that makes a whole sector zeros for a hole", () => {
  // It is what a hole would have left.
  const record = concat(noise(505, 1), new Uint8Array(1000).fill(9, 0, 1), noise(9, 2));
  const log = new Holed([record, text("last")]);
  assertEquals(log.bytes[512], 9);
  assertEquals(log.check(log.without(512, 513), () => "byte 512"), "hole");
});

/** Where each fragment of a whole log starts. */
function fragmentsOf(bytes: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const room = LOG_BLOCK_BYTES - at % LOG_BLOCK_BYTES;
    if (room < LOG_HEADER_BYTES) at += room;
    starts.push(at);
    at += LOG_HEADER_BYTES + (bytes[at + 4]! | (bytes[at + 5]! << 8));
  }
  return starts;
}

// Salvage.

Deno.test("LogReader with salvage reads all records but the damaged one, and tells what it skipped", () => {
  const written = [
    text("foo"),
    noise(300, 1),
    text("bar"),
    noise(40_000, 2),
    text("b"),
    text("end"),
  ];
  const bytes = logOf(...written);
  const borders = recordBorders(bytes);
  for (let i = 0; i < written.length - 1; i++) {
    const from = borders[i]!;
    for (const at of [0, 4, 6, LOG_HEADER_BYTES]) {
      const damaged = bytes.slice();
      damaged[from + at]! ^= 0x10;
      const { records, damage, reader } = read(damaged, damaged.length, true);
      assertEquals(records.length, written.length - 1, `byte ${at} of record ${i}`);
      assert(isPrefix(records, written.toSpliced(i, 1)), `byte ${at} of record ${i}`);
      assertEquals(damage.map(([offset, count]) => [offset, count]), [[
        from,
        borders[i + 1]! - from,
      ]]);
      assertEquals(reader.endReason, "whole");
    }
  }
});

Deno.test("LogReader with salvage does not take a value that holds a log for records", () => {
  const value = concat(noise(9, 1), logOf(text("not"), text("a"), text("record")));
  const bytes = logOf(text("foo"), value, text("bar"));
  for (let at = 0; at <= LOG_HEADER_BYTES; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = bytes.slice();
      damaged[10 + at]! ^= 1 << bit;
      const { records } = read(damaged, damaged.length, true);
      assertEquals(records, [text("foo"), text("bar")], `bit ${bit} of byte ${at}`);
    }
  }
});

Deno.test("LogReader with salvage skips fragments in an order that no writer produces", () => {
  const bytes = concat(
    fragment(LAST, text("1")),
    fragment(FULL, text("two")),
    fragment(FIRST, text("3")),
    fragment(FULL, text("four")),
    fragment(9, text("5")),
    fragment(FIRST, text("6")),
    fragment(9, text("7")),
    fragment(MIDDLE, text("8")),
    fragment(FULL, text("nine")),
  );
  const { records, damage } = read(bytes, bytes.length, true);
  assertEquals(records, [text("two"), text("four"), text("nine")]);
  assertEquals(damage, [
    [0, 8, "log record without its beginning"],
    [18, 8, "log record without its end"],
    [37, 8, "log fragment of unknown type 9"],
    [45, 16, "log fragment of unknown type 9"],
    [61, 8, "log record without its beginning"],
  ]);
});

Deno.test("LogReader with salvage does not report a torn tail", () => {
  const bytes = logOf(text("foo"), noise(300, 1));
  const { records, damage, reader } = read(bytes, 200, true);
  assertEquals([records.length, damage], [1, []]);
  assertEquals([reader.endReason, reader.tornBytes], ["cut", 190]);
});

Deno.test("LogReader with salvage passes damage that nothing follows", () => {
  const bytes = logOf(text("foo"), text("bar"));
  bytes[14] = 4;
  const { records, damage } = read(bytes, bytes.length, true);
  assertEquals(records, [text("foo")]);
  assertEquals(damage, [[10, 10, "log fragment with a wrong length"]]);
});
