import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { equalBytes } from "./bytes.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { LOG_ROOM_BYTES } from "./log.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_HEADER_BYTES,
  BATCH_ROOM_BYTES,
  BatchReader,
  WriteBatch,
} from "./write_batch.ts";

type Record = [sequence: number, kind: number, key: string, value: string];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function put(batch: WriteBatch, key: string, value: string): void {
  const k = encoder.encode(key);
  const v = encoder.encode(value);
  batch.put(k, 0, k.length, v, 0, v.length);
}

function del(batch: WriteBatch, key: string): void {
  const k = encoder.encode(key);
  batch.delete(k, 0, k.length);
}

/** All records of a representation, with a new reader or the one given. */
function readAll(bytes: Uint8Array, reader = new BatchReader()): Record[] {
  reader.reset(bytes, 0, bytes.length, "000007.log", 1234);
  const records: Record[] = [];
  while (reader.next()) {
    const key = decoder.decode(bytes.subarray(reader.keyStart, reader.keyEnd));
    const value = decoder.decode(bytes.subarray(reader.valueStart, reader.valueEnd));
    records.push([reader.sequence, reader.kind, key, value]);
  }
  assertEquals(records.length, reader.count);
  return records;
}

function sample(): WriteBatch {
  const batch = new WriteBatch();
  put(batch, "foo", "bar");
  del(batch, "box");
  put(batch, "baz", "");
  put(batch, "", "boo");
  batch.setSequence(100);
  return batch;
}

/** Small random numbers, the same in every run with the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

Deno.test("WriteBatch is twelve zero bytes when it is new", () => {
  const batch = new WriteBatch();
  assertEquals(batch.bytes(), new Uint8Array(12));
  assertEquals(
    [batch.count, batch.byteLength, batch.sequence, batch.keyAndValueBytes],
    [0, BATCH_HEADER_BYTES, 0, 0],
  );
  assertEquals(readAll(batch.bytes()), []);
});

Deno.test("WriteBatch keeps LevelDB's representation byte for byte", () => {
  // deno-fmt-ignore
  assertEquals(
    sample().bytes(),
    Uint8Array.of(
      100, 0, 0, 0, 0, 0, 0, 0, // sequence of the first record
      4, 0, 0, 0, // count
      1, 3, 0x66, 0x6f, 0x6f, 3, 0x62, 0x61, 0x72, // put foo bar
      0, 3, 0x62, 0x6f, 0x78, // delete box
      1, 3, 0x62, 0x61, 0x7a, 0, // put baz with an empty value: not a delete
      1, 0, 3, 0x62, 0x6f, 0x6f, // put the empty key
    ),
  );
});

Deno.test("put() takes the ranges of its buffers and nothing else", () => {
  const batch = new WriteBatch();
  const text = encoder.encode("..key..value..");
  batch.put(text, 2, 5, text, 7, 12);
  batch.delete(text, 2, 5);
  text.fill(0);
  assertEquals(readAll(batch.bytes()), [[0, 1, "key", "value"], [1, 0, "key", ""]]);
});

Deno.test("put() writes lengths as varints at every width", () => {
  for (const length of [0, 1, 15, 16, 17, 63, 64, 127, 128, 255, 16383, 16384, 2097151, 2097152]) {
    const batch = new WriteBatch();
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + length);
    batch.put(bytes, 0, length, Uint8Array.of(9), 0, 1);
    batch.put(Uint8Array.of(8), 0, 1, bytes, 0, length);
    batch.delete(bytes, 0, length);
    const lengthBytes = length < 128 ? 1 : length < 16384 ? 2 : length < 2097152 ? 3 : 4;
    assertEquals(batch.byteLength, 12 + 3 * length + 3 * lengthBytes + 3 + 4, `length ${length}`);
    assertEquals(batch.keyAndValueBytes, 3 * length + 2);
    const reader = new BatchReader();
    reader.reset(batch.buffer, 0, batch.byteLength);
    const ranges: [number, number][] = [];
    while (reader.next()) {
      ranges.push([reader.keyStart, reader.keyEnd], [reader.valueStart, reader.valueEnd]);
    }
    for (const i of [0, 3, 4]) {
      const [start, end] = ranges[i]!;
      assert(equalBytes(batch.buffer.subarray(start, end), bytes), `length ${length}, range ${i}`);
    }
  }
});

Deno.test("setSequence() numbers the records one after another, up to 2^53 - 1", () => {
  for (const sequence of [0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER - 3]) {
    const batch = sample();
    batch.setSequence(sequence);
    assertEquals(batch.sequence, sequence);
    const reader = new BatchReader();
    const records = readAll(batch.bytes(), reader);
    assertEquals(records.map(([s]) => s), [0, 1, 2, 3].map((i) => sequence + i));
    assertEquals([reader.firstSequence, reader.lastSequence], [sequence, sequence + 3]);
  }
  assertThrows(() => sample().setSequence(Number.MAX_SAFE_INTEGER - 2), Error, "Invariant");
  assertThrows(() => sample().setSequence(-1), Error, "Invariant");
  assertThrows(() => sample().setSequence(0.5), Error, "Invariant");
});

Deno.test("append() adds the other's records after its own", () => {
  const a = new WriteBatch();
  const b = new WriteBatch();
  a.setSequence(200);
  b.setSequence(300);
  a.append(b);
  assertEquals([a.count, a.sequence], [0, 200]);
  put(b, "a", "va");
  a.append(b);
  assertEquals(readAll(a.bytes()), [[200, 1, "a", "va"]]);
  b.clear();
  put(b, "b", "vb");
  a.append(b);
  del(b, "foo");
  a.append(b);
  assertEquals(readAll(a.bytes()), [
    [200, 1, "a", "va"],
    [201, 1, "b", "vb"],
    [202, 1, "b", "vb"],
    [203, 0, "foo", ""],
  ]);
  assertEquals(a.keyAndValueBytes, 3 + 3 + 3 + 3);
  assertEquals(readAll(b.bytes()).length, 2);
});

Deno.test("append() of a batch to itself doubles it", () => {
  const batch = new WriteBatch();
  for (let i = 0; i < 50; i++) put(batch, `key ${i}`, "v".repeat(i));
  const once = readAll(batch.bytes()).map(([, ...rest]) => rest);
  batch.append(batch);
  assertEquals(readAll(batch.bytes()).map(([, ...rest]) => rest), [...once, ...once]);
});

Deno.test("clear() gives an empty batch that can be used again", () => {
  const batch = sample();
  batch.clear();
  assertEquals(batch.bytes(), new Uint8Array(12));
  assertEquals([batch.count, batch.keyAndValueBytes], [0, 0]);
  put(batch, "k", "v");
  assertEquals(readAll(batch.bytes()), [[0, 1, "k", "v"]]);
});

Deno.test("clear() keeps a buffer of up to 1 MiB and lets go of a larger one", () => {
  const batch = new WriteBatch();
  batch.put(new Uint8Array(1), 0, 1, new Uint8Array(500_000), 0, 500_000);
  const kept = batch.buffer;
  batch.clear();
  assertStrictEquals(batch.buffer, kept);
  batch.put(new Uint8Array(1), 0, 1, new Uint8Array(1_100_000), 0, 1_100_000);
  batch.clear();
  assertEquals(batch.buffer.length <= 1024 * 1024, true);
});

Deno.test("A batch has room before it for a log's header, in whatever memory it is", () => {
  assert(BATCH_ROOM_BYTES >= LOG_ROOM_BYTES);
  const batch = new WriteBatch();
  const check = () => {
    const { memory, buffer, view, byteLength } = batch;
    assertStrictEquals(memory.buffer, buffer.buffer);
    assertEquals([memory.byteOffset, buffer.byteOffset], [0, BATCH_ROOM_BYTES]);
    assertEquals([view.buffer, view.byteOffset], [buffer.buffer, buffer.byteOffset]);
    assertEquals([view.byteLength, memory.length - BATCH_ROOM_BYTES], [
      buffer.length,
      buffer.length,
    ]);
    const before = batch.bytes().slice();
    memory.fill(0xee, 0, BATCH_ROOM_BYTES);
    assertEquals(memory.slice(BATCH_ROOM_BYTES, BATCH_ROOM_BYTES + byteLength), before);
  };
  check();
  for (let i = 0; i < 12; i++) {
    batch.put(new Uint8Array(1), 0, 1, new Uint8Array(2 ** i), 0, 2 ** i);
    batch.setSequence(2 ** 52 + i);
    check();
  }
  batch.append(batch);
  check();
  batch.put(new Uint8Array(1), 0, 1, new Uint8Array(1_100_000), 0, 1_100_000);
  check();
  batch.clear();
  check();
  assertEquals(batch.bytes(), new Uint8Array(12));
});

Deno.test("put() and delete() fill memory to its last byte before they take more", () => {
  // 256 bytes to begin with; each record ends so many bytes before that, or behind it.
  for (let value = 200; value <= 260; value++) {
    const batch = new WriteBatch();
    const bytes = new Uint8Array(value).fill(0x76);
    batch.put(bytes, 0, 3, bytes, 0, value);
    const end = 12 + 1 + 1 + 3 + (value < 128 ? 1 : 2) + value;
    assertEquals([batch.byteLength, batch.buffer.length], [end, end <= 256 ? 256 : 512]);
    batch.delete(bytes, 0, 10);
    assertEquals(batch.buffer.length, end + 12 <= 256 ? 256 : 512);
    assertEquals(readAll(batch.bytes()).map(([, , k, v]) => [k.length, v.length]), [
      [3, value],
      [10, 0],
    ]);
  }
});

Deno.test("truncate() goes back to every earlier state", () => {
  const batch = new WriteBatch();
  const next = random(301);
  const states: [Uint8Array, number, number][] = [];
  for (let i = 0; i < 60; i++) {
    states.push([batch.bytes().slice(), batch.count, batch.keyAndValueBytes]);
    if (next(3) === 0) del(batch, "k".repeat(next(200)));
    else put(batch, "k".repeat(next(200)), "v".repeat(next(300)));
  }
  while (states.length > 0) {
    const [bytes, count, keyAndValueBytes] = states.pop()!;
    batch.truncate(bytes.length, count);
    assertEquals(batch.bytes(), bytes, `back to ${count} records`);
    assertEquals([batch.count, batch.keyAndValueBytes], [count, keyAndValueBytes]);
    if (count % 20 === 0) {
      // Over several records at once, and then on from there.
      put(batch, "x", "y");
      batch.append(batch);
      batch.truncate(bytes.length, count);
      assertEquals(batch.bytes(), bytes);
    }
  }
});

Deno.test("truncate() refuses to cut inside a record, and changes nothing then", () => {
  const batch = sample();
  const before = batch.bytes().slice();
  const ends = [12, 21, 26, 32, 38];
  for (let at = 0; at <= before.length; at++) {
    for (let count = 0; count <= 4; count++) {
      if (ends[count] === at) continue;
      assertThrows(() => batch.truncate(at, count), Error, "Invariant", `${at}, ${count}`);
      assertEquals(batch.bytes(), before);
    }
  }
});

Deno.test("put() and delete() over the limit throw TOO_LARGE and change nothing", () => {
  const batch = sample();
  const before = batch.bytes().slice();
  // Never touched, so the system never backs it with memory.
  const huge = new Uint8Array(BATCH_BYTES_MAX);
  const small = new Uint8Array(1);
  const calls = [
    () => batch.put(small, 0, 1, huge, 0, huge.length),
    () => batch.put(huge, 0, huge.length, small, 0, 1),
    () => batch.delete(huge, 0, huge.length),
    // A record that would make it one byte too long: kind 1, key 1 + 0, value 5 bytes of length.
    () => batch.put(small, 0, 0, huge, 0, BATCH_BYTES_MAX - before.length - 7 + 1),
  ];
  for (const call of calls) {
    const error = assertThrows(call, VarveError, `over the limit of ${BATCH_BYTES_MAX}`);
    assertEquals(error.code, "TOO_LARGE");
    assertEquals(batch.bytes(), before);
    assertEquals([batch.count, batch.keyAndValueBytes], [4, 15]);
  }
});

Deno.test("put() refuses ranges outside of their buffers", () => {
  const batch = new WriteBatch();
  const bytes = new Uint8Array(4);
  assertThrows(() => batch.put(bytes, 0, 5, bytes, 0, 1), Error, "Invariant");
  assertThrows(() => batch.put(bytes, 0, 1, bytes, 3, 2), Error, "Invariant");
  assertThrows(() => batch.delete(bytes, -1, 1), Error, "Invariant");
  assertEquals(batch.bytes(), new Uint8Array(12));
});

Deno.test("BatchReader reads back what random batches were made of", () => {
  const reader = new BatchReader();
  for (let seed = 1; seed <= 30; seed++) {
    const next = random(seed);
    const batch = new WriteBatch();
    const expected: Record[] = [];
    const sequence = next(1000);
    const count = next(300);
    for (let i = 0; i < count; i++) {
      const key = "k".repeat(next(40)) + i;
      const value = next(4) === 0 ? "" : "v".repeat(next(next(3) === 0 ? 2000 : 60));
      const kind = next(4) === 0 ? 0 : 1;
      if (kind === 1) put(batch, key, value);
      else del(batch, key);
      expected.push([sequence + i, kind, key, kind === 1 ? value : ""]);
    }
    batch.setSequence(sequence);
    assertEquals(readAll(batch.bytes(), reader), expected, `seed ${seed}`);
    const bytes = expected.reduce((sum, [, , k, v]) => sum + k.length + v.length, 0);
    assertEquals(batch.keyAndValueBytes, bytes, `seed ${seed}`);
  }
});

Deno.test("BatchReader reads a batch in the middle of a larger buffer", () => {
  const bytes = sample().bytes();
  const room = new Uint8Array(bytes.length + 20).fill(0xff);
  room.set(bytes, 7);
  const reader = new BatchReader();
  reader.reset(room, 7, 7 + bytes.length);
  const keys = [];
  while (reader.next()) keys.push(decoder.decode(room.subarray(reader.keyStart, reader.keyEnd)));
  assertEquals(keys, ["foo", "box", "baz", ""]);
});

Deno.test("BatchReader.resetTo() reads the same as reset(), batch after batch", () => {
  const [trusting, checking] = [new BatchReader(), new BatchReader()];
  const next = random(77);
  const batches = [new WriteBatch(), new WriteBatch()];
  for (let i = 0; i < 100; i++) {
    const batch = batches[next(2)]!;
    if (next(3) === 0) batch.clear();
    for (let records = next(4); records > 0; records--) {
      if (next(3) === 0) del(batch, "k".repeat(next(200)));
      else put(batch, "k".repeat(next(20)), "v".repeat(next(400)));
    }
    batch.setSequence(next(1000) * 2 ** 32 + i);
    trusting.resetTo(batch);
    checking.reset(batch.buffer, 0, batch.byteLength);
    let more = true;
    while (more) {
      const { view: _, ...seen } = trusting;
      const { view, ...expected } = checking;
      assertEquals(seen, expected);
      assertStrictEquals(trusting.buffer, batch.buffer);
      for (const { byteOffset, byteLength, buffer } of [view, trusting.view]) {
        assertStrictEquals(buffer, batch.buffer.buffer);
        assertEquals([byteOffset, byteLength], [BATCH_ROOM_BYTES, batch.buffer.length]);
      }
      more = trusting.next();
      assertEquals(checking.next(), more);
    }
  }
});

/** The error that reading `bytes` ends in, with how many records were read before. */
function damageIn(bytes: Uint8Array): [CorruptionError, number] {
  const reader = new BatchReader();
  let seen = 0;
  const error = assertThrows(() => {
    reader.reset(bytes, 0, bytes.length, "000007.log", 1234);
    while (reader.next()) seen++;
  }, CorruptionError);
  assertEquals([error.file, error.offset, error.code], ["000007.log", 1234, "CORRUPTION"]);
  return [error, seen];
}

Deno.test("BatchReader reports a batch cut at any length", () => {
  const bytes = sample().bytes();
  for (let length = 0; length < bytes.length; length++) damageIn(bytes.slice(0, length));
});

Deno.test("BatchReader names what is wrong and where", () => {
  const damaged = (offset: number, byte: number): string => {
    const bytes = sample().bytes().slice();
    bytes[offset] = byte;
    return damageIn(bytes)[0].message;
  };
  const at = " at offset 1234 of 000007.log";
  const batch = "Cannot read database: write batch with ";
  assertEquals(damaged(21, 2), `${batch}record of unknown kind 2 at its byte 21${at}`);
  assertEquals(damaged(13, 99), `${batch}cut record at its byte 12${at}`);
  assertEquals(damaged(8, 5), `${batch}fewer records than its count at its byte 38${at}`);
  assertEquals(damaged(8, 3), `${batch}more records than its count at its byte 32${at}`);
  assertEquals(damaged(11, 255), `${batch}no room for its 4278190084 records at its byte 8${at}`);
  assertEquals(damaged(7, 1), `${batch}sequence number over 2^53 - 1 at its byte 0${at}`);
  assertEquals(
    damageIn(new Uint8Array(11))[0].message,
    `${batch}cut header at its byte 0${at}`,
  );
});

Deno.test("BatchReader refuses a last sequence number over 2^53 - 1", () => {
  const bytes = sample().bytes().slice();
  bytes.set([0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], 0); // 2^53 - 4, and four records
  assertEquals(readAll(bytes).at(-1)![0], Number.MAX_SAFE_INTEGER);
  bytes[0] = 0xfd;
  damageIn(bytes);
});

Deno.test("BatchReader throws CorruptionError or reads whole records, whatever byte changes", () => {
  const bytes = sample().bytes();
  const reader = new BatchReader();
  for (let offset = 0; offset < bytes.length; offset++) {
    for (let byte = 0; byte < 256; byte++) {
      const changed = bytes.slice();
      changed[offset] = byte;
      try {
        reader.reset(changed, 0, changed.length, "f", 0);
        while (reader.next()) {
          const ordered = 12 < reader.keyStart && reader.keyStart <= reader.keyEnd &&
            reader.keyEnd <= reader.valueStart && reader.valueStart <= reader.valueEnd &&
            reader.valueEnd <= changed.length;
          assertEquals(ordered, true, `byte ${offset} set to ${byte}`);
        }
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
      }
    }
  }
});

Deno.test("BatchReader keeps throwing at the same place when asked again", () => {
  const bytes = sample().bytes().slice();
  bytes[27] = 99; // the length of "baz"
  const reader = new BatchReader();
  reader.reset(bytes, 0, bytes.length);
  assertEquals([reader.next(), reader.next()], [true, true]);
  const first = assertThrows(() => reader.next(), CorruptionError);
  assertEquals(assertThrows(() => reader.next(), CorruptionError).message, first.message);
});
