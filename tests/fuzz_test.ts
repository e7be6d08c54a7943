/**
 * **What.** Everything that decodes bytes, fed with bytes that nobody wrote: noise, and valid input that was
 * changed, cut, spliced and repeated, with lengths set to extremes. Whatever comes in, a decoder gives something that
 * makes sense, or the one error that it is documented to give; it takes a bounded number of steps, and allocates no
 * more than its input is worth.
 *
 * Each decoder gets 100 000 inputs; `VARVE_FUZZ=n` says how many, and `VARVE_SEED=n` makes others. What fails is
 * printed as an array that can be pasted into a test.
 *
 * **Invariants.**
 * 1. Every test also decodes what was encoded, and finds it again.
 *
 * **Read next.** `recovery_test.ts`
 *
 * @module
 */
import { type BlockKeys, decodeBlock, type DecodedBlock } from "../lib/block.ts";
import { bloomHash, FilterBlock, mayContain } from "../lib/bloom_filter.ts";
import { compareBytes, equalBytes } from "../lib/bytes.ts";
import { type Codec, number, utf8 } from "../lib/codec.ts";
import { getFixed32, putVarint, VarintReader } from "../lib/coding.ts";
import { type Compressor, snappy, zstd } from "../lib/compression.ts";
import { CorruptionError, VarveError } from "../lib/errors.ts";
import { kindAt, makeInternalKey, sequenceAt, userKeyOf } from "../lib/internal_key.ts";
import type { LogReaderOptions } from "../lib/log.ts";
import { loadManifest } from "../lib/manifest.ts";
import { MemoryFileSystem } from "../lib/memory_file_system.ts";
import type { Random } from "../lib/random.ts";
import { BlockCursor, StoredBlock } from "../lib/stored_block.ts";
import { putHandle } from "../lib/table_format.ts";
import { tuple, type TuplePart } from "../lib/tuple_codec.ts";
import { decodeVersionEdit, emptyVersionEdit, encodeVersionEdit } from "../lib/version_edit.ts";
import { BatchReader, WriteBatch } from "../lib/write_batch.ts";
import { readLog, readTable, useTable } from "./fixtures/fuzz_files.ts";
import {
  filterPlace,
  recordsByTheBook,
  snappyByTheBook,
  varintByTheBook,
} from "./fixtures/fuzz_references.ts";
import {
  anyInput,
  change,
  damaged,
  fuzz,
  joined,
  mutated,
  randomBytes,
} from "./fixtures/fuzz_input.ts";
import {
  anyNumber,
  anyTable,
  batch,
  blockOf,
  comparator,
  compressed,
  compressible,
  differentRecords,
  entries,
  type Entry,
  filter,
  fragment,
  indexBlock,
  logOf,
  LONG_LOGS,
  samplesOf,
  shortBytes,
  table,
  tupleValue,
  versionEdit,
  writtenLogs,
} from "./fixtures/fuzz_samples.ts";

/** What a decoder gives, or nothing if it refuses as it is documented to. */
function attempt<T>(decode: () => T, isDocumented = isCorruption): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isDocumented(error)) return undefined;
    throw error;
  }
}

function isCorruption(error: unknown): boolean {
  return error instanceof CorruptionError;
}

/** Cheaper than `assert`, whose message is made also if all is well. */
function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

// ---- numbers

Deno.test("varints of any bytes are what they say, or refused", () => {
  const reader = new VarintReader();
  const written = new Uint8Array(10);
  const samples = samplesOf(
    1,
    (random) => written.slice(0, putVarint(written, 0, anyNumber(random))),
  );
  fuzz({
    input: (random) => anyInput(random, samples),
    check: (bytes) => {
      for (const most of [2n ** 32n - 1n, 2n ** 53n - 1n]) {
        const expected = varintByTheBook(bytes, most);
        reader.reset(bytes, 0, bytes.length);
        const value = most < 2n ** 32n ? reader.varint32() : reader.varint64();
        check(reader.failed === (expected === undefined), `failed is ${reader.failed}`);
        if (expected === undefined) continue;
        check(BigInt(value) === expected[0] && reader.offset === expected[1], `reads ${value}`);
        const end = putVarint(written, 0, value);
        reader.reset(written, 0, end);
        check(reader.varint64() === value && reader.offset === end, `${value} reads otherwise`);
      }
      reader.reset(bytes, 0, bytes.length);
      const start = reader.lengthPrefixed();
      const isIn = start >= 0 && start <= reader.offset && reader.offset <= bytes.length;
      check(reader.failed ? start === -1 : isIn, "a string goes beyond its end");
      return !reader.failed;
    },
    allocatedBytesMax: () => 0,
  });
});

Deno.test("internal keys of any bytes come apart, and keep their order between others", () => {
  fuzz({
    input: (random) => mutated(random, [makeInternalKey(shortBytes(random), anyNumber(random), 1)]),
    check: (bytes, random) => {
      const sequence = anyNumber(random);
      const kind = random(2);
      const key = makeInternalKey(bytes, sequence, kind);
      check(sequenceAt(key, key.length) === sequence, "another sequence number");
      check(kindAt(key, key.length) === kind && equalBytes(userKeyOf(key), bytes), "another key");
      const other = makeInternalKey(shortBytes(random), anyNumber(random), random(2));
      const order = comparator.compareKeys(key, other);
      const backwards = comparator.compareKeys(other, key);
      check(Math.sign(order) === -Math.sign(backwards), "no order");
      const users = compareBytes(bytes, 0, bytes.length, other, 0, other.length - 8);
      const versions = sequenceAt(other, other.length) - sequence ||
        kindAt(other, other.length) - kind;
      check(Math.sign(order) === Math.sign(users || versions), "another order");
      if (bytes.length >= 8) {
        const asIs = comparator.compareKeys(bytes, other);
        check(Math.sign(asIs) === -Math.sign(comparator.compareKeys(other, bytes)), "no order");
      }
      const [low, high] = order < 0 ? [key, other] : [other, key];
      const successor = comparator.successor(low);
      check(comparator.compareKeys(successor, low) >= 0, "a successor that comes before");
      if (order === 0) return bytes.length >= 8;
      const separator = comparator.separator(low, high);
      check(comparator.compareKeys(separator, low) >= 0, "a separator that comes before");
      check(comparator.compareKeys(separator, high) < 0, "a separator that comes after");
      return bytes.length >= 8;
    },
    allocatedBytesMax: (inputBytes) => 2048 + 8 * inputBytes,
  });
});

// ---- codecs

function isTypeError(error: unknown): boolean {
  return error instanceof TypeError && error.message.startsWith("Cannot decode as ");
}

/** A value is decoded only from the bytes that it is encoded as. */
function fuzzCodec<T>(codec: Codec<T>, valueOf: (random: Random) => T): void {
  const samples = samplesOf(2, (random) => codec.encode(valueOf(random)).slice());
  fuzz({
    input: (random) => anyInput(random, samples),
    check: (bytes, random) => {
      const value = attempt(() => ({ it: codec.decode(bytes) }), isTypeError);
      if (value !== undefined) {
        check(equalBytes(codec.encode(value.it), bytes), "decoded, but encoded otherwise");
      }
      const encoded = codec.encode(valueOf(random));
      check(equalBytes(codec.encode(codec.decode(encoded)), encoded), "not what was encoded");
      return value !== undefined;
    },
    allocatedBytesMax: (inputBytes) => 20_000 + 16 * inputBytes,
  });
}

Deno.test("numbers are decoded only from what they are encoded as", () => {
  fuzzCodec(number, (random) => (random(2) - 0.5) * anyNumber(random) * 2 ** (random(2000) - 1000));
});

Deno.test("strings are decoded only from what they are encoded as", () => {
  fuzzCodec(
    utf8,
    (random) => ["é", "\u{10437}", "\ufeff", "text\0"][random(4)]!.repeat(random(20)),
  );
});

Deno.test("tuples are decoded only from what they are encoded as", () => {
  fuzzCodec<TuplePart[]>(tuple(), (random) => tupleValue(random));
});

// ---- batches and edits

Deno.test("a batch of any bytes gives whole records within it, or a CorruptionError", () => {
  const samples = samplesOf(3, batch);
  const reader = new BatchReader();
  const rebuilt = new WriteBatch();
  fuzz({
    input: (random) => anyInput(random, samples),
    check: (bytes) => {
      let records = 0;
      let end = 12;
      rebuilt.clear();
      const isWhole = attempt(() => {
        reader.reset(bytes, 0, bytes.length, "log", 7);
        check(reader.count <= bytes.length / 2, "more records than there is room for");
        while (reader.next()) {
          const { keyStart, keyEnd, valueStart, valueEnd, kind } = reader;
          check(++records <= reader.count, "more records than there are");
          check(end < keyStart && keyStart <= keyEnd && keyEnd <= valueStart, "keys out of place");
          check(valueStart <= valueEnd && valueEnd <= bytes.length, "a value out of bounds");
          if (kind === 0) rebuilt.delete(bytes, keyStart, keyEnd);
          else rebuilt.put(bytes, keyStart, keyEnd, bytes, valueStart, valueEnd);
          end = valueEnd;
        }
        return true;
      });
      if (!isWhole) return false;
      check(records === reader.count && end === bytes.length, "not all of it was read");
      rebuilt.setSequence(reader.firstSequence);
      // Lengths may have been written with more bytes than they need, and are not then.
      check(rebuilt.byteLength <= bytes.length, "grows when it is written again");
      if (rebuilt.byteLength === bytes.length) {
        check(equalBytes(rebuilt.bytes(), bytes), "written otherwise");
      }
      return true;
    },
    allocatedBytesMax: (inputBytes) => 512 + 2 * inputBytes,
  });
});

Deno.test("a version edit of any bytes is an edit, or a CorruptionError", () => {
  const samples = samplesOf(4, (random) => encodeVersionEdit(versionEdit(random)).slice());
  fuzz({
    input: (random) => anyInput(random, samples),
    check: (bytes) => {
      const edit = attempt(() => decodeVersionEdit(bytes, 0, bytes.length, "MANIFEST-000005", 0));
      if (edit === undefined) return false;
      const fields = edit.added.length + edit.deleted.length + edit.compactPointers.length;
      check(fields <= bytes.length / 3, "more fields than there is room for");
      const again = encodeVersionEdit(edit);
      const decoded = decodeVersionEdit(again, 0, again.length, "MANIFEST-000005", 0);
      check(
        equalBytes(encodeVersionEdit(decoded), again),
        "an edit that changes when it is stored",
      );
      return true;
    },
    allocatedBytesMax: (inputBytes) => 2048 + 64 * inputBytes,
  });
});

/** The first edit of a manifest. */
const manifestStart = encodeVersionEdit({
  ...emptyVersionEdit(),
  comparator: comparator.user.name,
  logNumber: 3,
  nextFileNumber: 9,
  lastSequence: 8,
});

/** Opens a manifest. It may be in another order of keys, by what it says. */
function manifestOf(disk: MemoryFileSystem) {
  return attempt(
    () => loadManifest(disk, "db", comparator),
    (error) =>
      isCorruption(error) || (error instanceof VarveError && error.code === "UNSUPPORTED_FORMAT"),
  );
}

Deno.test("a manifest of any edits is a consistent tree, or a CorruptionError", () => {
  const samples = samplesOf(5, (random) => encodeVersionEdit(versionEdit(random)).slice());
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  disk.writeAll("db/CURRENT", new TextEncoder().encode("MANIFEST-000005\n"));
  fuzz({
    // The edits are damaged, or else the log that they are in.
    input: (random) => {
      const pick = () => samples[random(samples.length)]!;
      return random(2) > 0
        ? logOf([manifestStart, anyInput(random, samples), pick()])
        : anyInput(random, [logOf([manifestStart, pick(), pick()])]);
    },
    check: (bytes) => {
      disk.writeAll("db/MANIFEST-000005", bytes);
      const state = manifestOf(disk);
      if (state === undefined) return false;
      const numbers = new Set<number>();
      let last = 0;
      for (const [level, tables] of state.version.levels.entries()) {
        for (const [i, { number, smallest, largest }] of tables.entries()) {
          check(!numbers.has(number) && number < state.nextFileNumber, "a number in use twice");
          numbers.add(number);
          check(
            comparator.compareKeys(smallest, largest) <= 0,
            "a table that ends before it starts",
          );
          const before = level > 0 && i > 0 ? tables[i - 1]! : undefined;
          const isApart = !before || comparator.compareKeys(before.largest, smallest) < 0;
          check(isApart, "tables that overlap");
          last = Math.max(last, number);
        }
      }
      check(state.nextFileNumber > Math.max(last, 5, state.logNumber), "a number that is in use");
      check(state.tornBytes < bytes.length, "nothing of it was read");
      return true;
    },
    allocatedBytesMax: (inputBytes) => 80_000 + 64 * inputBytes,
  });
});

Deno.test("a CURRENT of any bytes names the manifest that is there, or is a CorruptionError", () => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  disk.writeAll("db/MANIFEST-000005", logOf([manifestStart]));
  const samples = ["MANIFEST-000005\n", "MANIFEST-000006\n", "000005.log\n", "MANIFEST-000005\r\n"];
  const encoded = samples.map((text) => new TextEncoder().encode(text));
  fuzz({
    input: (random) => anyInput(random, encoded),
    check: (bytes) => {
      disk.writeAll("db/CURRENT", bytes);
      const state = manifestOf(disk);
      const names = new TextDecoder().decode(bytes) === "MANIFEST-000005\n";
      check((state !== undefined) === names, state ? "opened" : "not opened");
      check(state === undefined || state.lastSequence === 8, "another manifest");
      return state !== undefined;
    },
    allocatedBytesMax: (inputBytes) => 40_000 + 8 * inputBytes,
  });
});

// ---- blocks

/** A decoded block is walked in both directions and searched, whatever is in it. */
function useBlock(bytes: Uint8Array, holds: BlockKeys, random: Random): Entry[] | undefined {
  const block = attempt(() => decodeBlock(bytes, bytes.length, holds, comparator, "table", 9));
  if (holds === "entries") useStoredBlock(bytes, block, random);
  if (block === undefined) return undefined;
  check(block.count <= bytes.length / 3, "more entries than there is room for");
  const found: Entry[] = [];
  for (let i = 0; i < block.count; i++) {
    const [keyStart, keyEnd] = [block.keyStart(i), block.keyEnd(i)];
    check(0 <= keyStart && keyStart <= keyEnd && keyEnd <= block.bytes.length, "out of bounds");
    const key = block.bytes.subarray(keyStart, keyEnd);
    const numbersAt = block.handleAt(i);
    if (holds === "separators" && block.words[numbersAt]! >= 0) {
      // In an index, the handle is all that is kept of the value.
      const [offset, size] = block.words.subarray(numbersAt);
      found.push({ key, value: handleOf(offset!, size!) });
      continue;
    }
    const [valueStart, valueEnd] = [block.valueStart(i), block.valueEnd(i)];
    check(keyEnd <= valueStart && valueStart <= valueEnd, "out of order");
    check(valueEnd <= block.bytes.length, "out of bounds");
    found.push({ key, value: block.bytes.subarray(valueStart, valueEnd) });
  }
  const restarts = getFixed32(bytes, bytes.length - 4);
  const keyBytes = block.count === 0 ? 0 : block.keyEnd(block.count - 1);
  const storedBytes = bytes.length - 4 - restarts * 4;
  check(restarts > 0 && block.bytes.length - keyBytes <= storedBytes, "a value among restarts");
  if (holds === "names") return found;
  for (let questions = 2; questions > 0; questions--) {
    const key = someKey(found, random);
    const at = block.search(comparator, key, 0, key.length);
    check(at >= 0 && at <= block.count, `searched and found ${at}`);
  }
  return found;
}

function handleOf(offset: number, size: number): Uint8Array {
  const value = new Uint8Array(16);
  return value.subarray(0, putHandle(value, 0, offset, size));
}

/** The handle that a value begins with, if it is one of small numbers. */
function handleIn(value: Uint8Array): Uint8Array | undefined {
  const reader = new VarintReader();
  reader.reset(value, 0, value.length);
  const [offset, size] = [reader.varint64(), reader.varint64()];
  return reader.failed || Math.max(offset, size) >= 2 ** 31 ? undefined : handleOf(offset, size);
}

function someKey(found: readonly Entry[], random: Random): Uint8Array {
  return random(3) > 0 && found.length > 0
    ? found[random(found.length)]!.key.slice()
    : makeInternalKey(shortBytes(random), anyNumber(random), 1);
}

/** The same block as it is stored: refused alike, and with the same entries in both directions. */
function useStoredBlock(
  bytes: Uint8Array,
  decoded: DecodedBlock | undefined,
  random: Random,
): void {
  const block = new StoredBlock(bytes.length);
  block.bytes.fill(random(256)); // what was there before
  block.bytes.set(bytes);
  const isSound = attempt(() => (block.accept(bytes.length, "table", 9), true)) === true;
  check(isSound === (decoded !== undefined), "only one sees damage");
  if (decoded === undefined) return;
  const cursor = new BlockCursor(comparator);
  cursor.enter(block, "table", 9);
  const found: Entry[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) {
    check(found.length < decoded.count, "the cursor goes on behind the end");
    const key = cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd);
    found.push({ key, value: cursor.valueBuffer.slice(cursor.valueStart, cursor.valueEnd) });
    const i = found.length - 1;
    const expected = decoded.bytes.subarray(decoded.keyStart(i), decoded.keyEnd(i));
    check(equalBytes(key, expected), "another key");
    check(cursor.valueEnd <= block.entriesEnd, "out of bounds");
    const value = decoded.bytes.subarray(decoded.valueStart(i), decoded.valueEnd(i));
    check(equalBytes(found[i]!.value, value), "another value");
  }
  let left = found.length;
  for (cursor.last(); cursor.valid; cursor.previous()) {
    left--;
    const key = cursor.keyBuffer.subarray(cursor.keyStart, cursor.keyEnd);
    check(left >= 0 && equalBytes(key, found[left]!.key), "another key on the way back");
  }
  check(left === 0 && found.length === decoded.count, "not all of it was walked");
  const isOrdered = found.every(({ key }, i) =>
    i === 0 || comparator.compareKeys(found[i - 1]!.key, key) < 0
  );
  for (let questions = 2; questions > 0; questions--) {
    const key = someKey(found, random);
    const isVersion = block.search(comparator, key, 0, key.length);
    const { foundAt, entriesEnd } = block;
    check(foundAt >= 0 && foundAt <= entriesEnd, `searched and found ${foundAt}`);
    check(!isVersion || foundAt < entriesEnd, "found the end");
    cursor.seek(key, 0, key.length);
    if (!isOrdered) continue;
    const expected = found.find((entry) => comparator.compareKeys(entry.key, key) >= 0);
    check(cursor.valid === (expected !== undefined), "found, or not");
    if (expected === undefined) continue;
    const now = cursor.keyBuffer.subarray(cursor.keyStart, cursor.keyEnd);
    check(equalBytes(now, expected.key), "found another key");
    const isSame = equalBytes(key.subarray(0, -8), expected.key.subarray(0, -8));
    check(isVersion === isSame, "taken for a version of another key");
  }
  cursor.close();
}

for (const holds of ["entries", "separators", "names"] as const) {
  Deno.test(`a block of ${holds} of any bytes can be searched, or is a CorruptionError`, () => {
    const samples = samplesOf(
      6,
      (random) =>
        holds === "separators" ? indexBlock(random) : blockOf(entries(random, 8), 1 + random(5)),
    );
    fuzz({
      input: (random) => anyInput(random, samples),
      check: (bytes, random) => {
        const isBlock = useBlock(bytes, holds, random) !== undefined;
        if (random(8) > 0) return isBlock;
        const wanted = entries(random, 8);
        const block = blockOf(wanted, 1 + random(5));
        const found = useBlock(block, holds, random)!;
        check(found.length === wanted.length, "not as many entries as were stored");
        for (const [i, { key, value }] of wanted.entries()) {
          check(equalBytes(found[i]!.key, key), `key ${i}`);
          const kept = holds === "separators" ? handleIn(value) ?? value : value;
          check(equalBytes(found[i]!.value, kept), `value ${i}`);
        }
        return isBlock;
      },
      // A key may be repeated with a byte or two each time: that makes the square of the input at worst.
      allocatedBytesMax: (inputBytes) => 100_000 + inputBytes * inputBytes,
    });
  });
}

Deno.test("a filter of any bytes says yes or no, and never no to a key of a whole one", () => {
  const filters = samplesOf(7, filter);
  const samples = filters.map(({ bytes }) => bytes);
  fuzz({
    input: (random) => anyInput(random, samples),
    check: (bytes, random) => {
      const hash = random(2 ** 32);
      const made = new FilterBlock(bytes);
      const offsets = [0, random(20_000), anyNumber(random)];
      const answers = offsets.map((offset) => made.mayContain(offset, hash));
      for (const [i, offset] of offsets.entries()) {
        const place = filterPlace(bytes, offset);
        const expected = place === undefined || mayContain(bytes, ...place, hash);
        check(answers[i] === expected, `says ${answers[i]} of block ${offset}`);
      }
      const whole = filters[random(filters.length)]!;
      const read = new FilterBlock(whole.bytes);
      for (const [offset, key] of whole.keys) {
        check(read.mayContain(offset, bloomHash(key, 0, key.length)), "no to a key that it has");
      }
      return answers.includes(false);
    },
    allocatedBytesMax: () => 0,
  });
});

// ---- compression

/** Damaged input gives nothing or other bytes, as many as it says and as are possible. */
function fuzzCompressor(
  compressor: Compressor,
  expansionMax: number,
  byTheBook?: (bytes: Uint8Array) => number[] | undefined,
): void {
  const samples = samplesOf(8, (random) => compressed(random, compressor));
  const room = new Uint8Array(100);
  // Where there is room around input and output, more is read and written at once.
  const around = Uint8Array.from({ length: 1 << 16 }, (_, i) => i * 7);
  const largeRoom = new Uint8Array(1 << 16);
  fuzz({
    input: (random) => anyInput(random, samples),
    check: (bytes, random) => {
      const made = compressor.decompress(bytes, 0, bytes.length, room);
      const start = random(around.length - bytes.length);
      around.set(bytes, start);
      const same = compressor.decompress(around, start, start + bytes.length, largeRoom);
      check((made === undefined) === (same === undefined), "damage depends on the room");
      check(!made || equalBytes(made, same!), "what is made depends on the room");
      check((made?.length ?? 0) <= bytes.length * expansionMax, `${made?.length} bytes made`);
      if (byTheBook !== undefined) {
        const expected = byTheBook(bytes);
        check((made === undefined) === (expected === undefined), "only one sees damage");
        check(made?.every((byte, i) => byte === expected![i]) ?? true, "other bytes");
        check(made?.length === expected?.length, "another length");
      }
      if (random(8) === 0) {
        const original = compressible(random);
        const smaller = compressor.compress(original, 0, original.length)?.slice();
        const again = smaller && compressor.decompress(smaller, 0, smaller.length);
        check(!again || equalBytes(again, original), "not what was compressed");
        check(!smaller === !again, "what was compressed is refused");
      }
      return made !== undefined;
    },
    allocatedBytesMax: (inputBytes) => 4096 + 2 * expansionMax * inputBytes,
  });
}

Deno.test("Snappy of any bytes gives no more than its input can make, or nothing", () => {
  fuzzCompressor(snappy, 64 / 3, snappyByTheBook);
});

Deno.test("zstd of any bytes gives no more than its input can make, or nothing", () => {
  fuzzCompressor(zstd, 128 * 1024 / 3);
});

// ---- logs

/** How a log can be read. */
const LOG_MODES: readonly LogReaderOptions[] = [{}, { salvage: true }, { holes: "end" }];

Deno.test("a log of any bytes gives only records that were written, or a CorruptionError", () => {
  const logs = samplesOf(9, differentRecords);
  const written = new Set(logs.flat().map((record) => record.toHex()));
  const samples = logs.map(logOf);
  fuzz({
    input: (random) => anyInput(random, samples),
    check: (bytes) => {
      const [strict, salvaged, untilHole] = LOG_MODES.map((mode) => readLog(bytes, mode));
      for (const record of salvaged!.records) check(written.has(record.toHex()), "no such record");
      const most = salvaged!.records.length;
      check(strict!.records.length <= most, "salvage gives fewer");
      check(untilHole!.records.length <= most, "salvage gives fewer than there are up to a hole");
      for (const { records } of [strict!, untilHole!]) {
        for (const [i, record] of records.entries()) {
          check(equalBytes(record, salvaged!.records[i]!), "salvage gives others");
        }
      }
      check((strict!.end === "damage") === salvaged!.skipped.length > 0, "only one sees damage");
      return strict!.end !== "damage";
    },
    allocatedBytesMax: (inputBytes) => 110_000 + 16 * inputBytes,
  });
});

Deno.test("a log changed in one place gives what is before it, and to salvage nearly all", () => {
  const logs = writtenLogs();
  let log = logs[0]!;
  fuzz({
    input: (random) => {
      log = logs[random(logs.length - (random(64) > 0 ? LONG_LOGS : 0))]!;
      const bytes = log.bytes.slice();
      // Of a log of two blocks the part around the border.
      change(random, bytes, Math.max(0, bytes.length - 300));
      return bytes;
    },
    check: (bytes, random) => {
      const mode = LOG_MODES[random(LOG_MODES.length)]!;
      const { records, end, skipped } = readLog(bytes, mode);
      // What salvage gives is in order, but may lack what is damaged; the others end there.
      let at = 0;
      for (const record of records) {
        const isIt = () => at < log.records.length && equalBytes(record, log.records[at]!);
        while (mode.salvage && at < log.records.length && !isIt()) at++;
        check(isIt(), "a record that was not written there");
        at++;
      }
      let changed = 0;
      for (let i = 0; i < bytes.length; i++) if (bytes[i] !== log.bytes[i]) changed++;
      const isNearlyAll = records.length >= log.records.length - 1;
      check(!mode.salvage || changed > 1 || isNearlyAll, "one byte costs two records");
      return end !== "damage" && skipped.length === 0;
    },
    allocatedBytesMax: (inputBytes) => 110_000 + 16 * inputBytes,
  });
});

Deno.test("a log of any fragments gives the records that the grammar says", () => {
  let fragments: [number, Uint8Array][] = [];
  fuzz({
    input: (random) => {
      let isBegun = false;
      fragments = Array.from({ length: random(8) }, () => {
        // Mostly one that may follow.
        const type = random(8) === 0 ? random(7) : (isBegun ? 3 : 1) + random(2);
        isBegun = type === 2 || type === 3;
        return [type, randomBytes(random, random(3))];
      });
      return joined(...fragments.map(([type, payload]) => fragment(type, payload)));
    },
    check: (bytes) => {
      const expected = recordsByTheBook(fragments);
      const { records, end } = readLog(bytes, {});
      check(end === expected.end, `ends with ${end} instead of ${expected.end}`);
      check(records.length === expected.records.length, `${records.length} records`);
      for (const [i, record] of records.entries()) {
        check(equalBytes(record, expected.records[i]!), `record ${i}`);
      }
      return end !== "damage";
    },
    allocatedBytesMax: (inputBytes) => 40_000 + 16 * inputBytes,
  });
});

// ---- tables

Deno.test("a damaged table gives what was written to it, or a CorruptionError", () => {
  const tables = samplesOf(11, table);
  let which = tables[0]!;
  fuzz({
    input: (random) => {
      which = tables[random(tables.length)]!;
      return random(10) === 0 ? which.bytes.slice() : damaged(random, which.bytes);
    },
    check: (bytes) => readTable(bytes, which.entries),
    allocatedBytesMax: (inputBytes) => 100_000 + inputBytes * inputBytes,
  });
});

Deno.test("a table of any blocks whose checksums hold can be read, or is a CorruptionError", () => {
  const data = samplesOf(12, (random) => entries(random, 8));
  const filters = samplesOf(7, filter).map(({ bytes }) => bytes);
  const keys = samplesOf(13, shortBytes);
  fuzz({
    input: (random) => anyTable(random, data, filters),
    check: (bytes, random) => useTable(bytes, keys[random(keys.length)]!, random(2) === 0),
    allocatedBytesMax: (inputBytes) => 200_000 + inputBytes * inputBytes,
  });
});
