import { assert, assertEquals, assertThrows } from "@std/assert";
import { ARENA_HEADER_BYTES, recordWords } from "./arena.ts";
import { bytewise, type Comparator } from "./comparator.ts";
import type { Cursor } from "./cursor.ts";
import {
  ABSENT,
  DELETED,
  FOUND,
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  kindAt,
  Lookup,
  makeInternalKey,
  SEQUENCE_MAX,
  sequenceAt,
} from "./internal_key.ts";
import { Memtable, type MemtableIndex } from "./memtable.ts";
import { SKIP_LIST_NODE_BYTES_MAX } from "./skip_list.ts";
import { BLOCK_SLOTS, SORTED_BLOCK_BYTES } from "./sorted_array.ts";
import { backwards, SHAPES } from "../tests/fixtures/ordered_index_contract.ts";
import { generator } from "./random.ts";
import { BatchReader, WriteBatch } from "./write_batch.ts";
import type { MemtableReport, MemtableTask } from "../tests/fixtures/memtable_worker.ts";
import { onSources } from "../tests/permissions.ts";

const INDEXES: MemtableIndex[] = ["sorted-array", "skip-list"];
const comparator = new InternalKeyComparator();
const bytes = (text: string) => new TextEncoder().encode(text);

function put(
  memtable: Memtable,
  sequence: number,
  key: Uint8Array,
  value: Uint8Array | undefined,
): void {
  const kind = value === undefined ? KIND_TOMBSTONE : KIND_VALUE;
  const { length } = value ?? { length: 0 };
  memtable.add(sequence, kind, key, 0, key.length, value ?? key, 0, length);
}

/** The value, `"deleted"` or `"absent"`. */
function get(memtable: Memtable, key: Uint8Array, sequence: number): Uint8Array | string {
  const lookup = new Lookup();
  lookup.reserve(key.length);
  lookup.key.set(key);
  lookup.begin(key.length, sequence);
  memtable.get(lookup);
  if (lookup.outcome === ABSENT) return "absent";
  if (lookup.outcome === DELETED) return "deleted";
  assertEquals(lookup.outcome, FOUND);
  return lookup.value.slice(lookup.valueStart, lookup.valueEnd);
}

function keyOf(cursor: Cursor): Uint8Array {
  return cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd);
}

function valueOf(cursor: Cursor): Uint8Array {
  return cursor.valueBuffer.slice(cursor.valueStart, cursor.valueEnd);
}

interface Version {
  readonly key: Uint8Array;
  readonly sequence: number;
  readonly value: Uint8Array | undefined;
}

function checkModel(index: MemtableIndex, user: Comparator, shapeName: string, seed: number): void {
  const why = `${index}, ${user.name}, ${shapeName}, seed ${seed}`;
  const random = generator(seed);
  const order = new InternalKeyComparator(user);
  const memtable = new Memtable({ comparator: order, capacityBytes: 1 << 20, index, seed });
  const versions: Version[] = [];
  const count = 700;
  for (let i = 0; i < count; i++) {
    const known = versions.length > 0 && random(3) === 0;
    const key = known ? versions[random(versions.length)]!.key : SHAPES[shapeName]!(random, i);
    const value = random(4) === 0 ? undefined : new Uint8Array(random(60)).fill(i);
    versions.push({ key, sequence: (i + 1) * 3, value });
    put(memtable, (i + 1) * 3, key, value);
  }
  assertEquals(memtable.entryCount, count, why);

  const newestFirst = versions.toReversed();
  for (const { key } of versions) {
    const sequence = random(count * 3 + 6);
    const expected = newestFirst.find((version) =>
      version.sequence <= sequence && user.compare(version.key, key) === 0
    );
    const found = get(memtable, key, sequence);
    assertEquals(found, expected === undefined ? "absent" : expected.value ?? "deleted", why);
  }
  const sorted = versions.toSorted((a, b) => user.compare(a.key, b.key) || b.sequence - a.sequence);
  const cursor = memtable.cursor();
  cursor.first();
  for (const { key, sequence, value } of sorted) {
    assertEquals(
      keyOf(cursor),
      makeInternalKey(key, sequence, value === undefined ? KIND_TOMBSTONE : KIND_VALUE),
      why,
    );
    assertEquals(valueOf(cursor), value ?? new Uint8Array(0), why);
    cursor.next();
  }
  assertEquals(cursor.valid, false, why);
  cursor.last();
  for (const { sequence } of sorted.toReversed()) {
    assertEquals(sequenceAt(cursor.keyBuffer, cursor.keyEnd), sequence, why);
    cursor.previous();
  }
  assertEquals(cursor.valid, false, why);
  cursor.close();
}

for (const index of INDEXES) {
  Deno.test(`Memtable agrees with a sorted array of versions, by ${index}`, () => {
    Object.keys(SHAPES).forEach((shape, i) => {
      checkModel(index, bytewise, shape, 10 + i);
      checkModel(index, backwards, shape, 50 + i);
    });
  });

  Deno.test(`Memtable.addAll() adds what add() adds, by ${index}`, () => {
    const random = generator(5);
    const [one, other] = [0, 1].map(() =>
      new Memtable({ comparator, capacityBytes: 1 << 20, index, seed: 3 })
    ) as [Memtable, Memtable];
    const batch = new WriteBatch();
    const reader = new BatchReader();
    for (let sequence = 1; sequence < 1500; sequence += batch.count) {
      batch.clear();
      for (let i = random(20) + 1; i > 0; i--) {
        const key = bytes(String(random(500)).repeat(1 + random(4)));
        const value = new Uint8Array(random(9) === 0 ? 1100 : random(60)).fill(i);
        if (random(4) === 0) batch.delete(key, 0, key.length);
        else batch.put(key, 0, key.length, value, 0, value.length);
      }
      batch.setSequence(sequence);
      reader.resetTo(batch);
      one.addAll(reader);
      reader.reset(batch.bytes(), 0, batch.byteLength);
      while (reader.next()) {
        const { buffer, kind, keyStart, keyEnd, valueStart, valueEnd } = reader;
        other.add(reader.sequence, kind, buffer, keyStart, keyEnd, buffer, valueStart, valueEnd);
      }
    }
    assertEquals([one.entryCount, one.usedBytes], [other.entryCount, other.usedBytes]);
    const [a, b] = [one.cursor(), other.cursor()];
    for (a.first(), b.first(); b.valid; a.next(), b.next()) {
      assertEquals([keyOf(a), valueOf(a)], [keyOf(b), valueOf(b)]);
    }
    assertEquals(a.valid, false);
  });

  Deno.test(`Memtable.get() ends at a tombstone, also of a key that was never there (B8), by ${index}`, () => {
    const memtable = new Memtable({ comparator, capacityBytes: 1 << 14, index });
    put(memtable, 1, bytes("a"), bytes("old"));
    put(memtable, 2, bytes("a"), undefined);
    put(memtable, 3, bytes("never"), undefined);
    assertEquals(get(memtable, bytes("a"), 1), bytes("old"));
    assertEquals(get(memtable, bytes("a"), 2), "deleted");
    assertEquals(get(memtable, bytes("a"), 9), "deleted");
    assertEquals(get(memtable, bytes("a"), 0), "absent");
    assertEquals(get(memtable, bytes("never"), 9), "deleted");
    assertEquals(get(memtable, bytes("other"), 9), "absent");
    put(memtable, 4, bytes("a"), bytes("new"));
    assertEquals(get(memtable, bytes("a"), 4), bytes("new"));
    assertEquals(memtable.entryCount, 4);
  });

  Deno.test(`Memtable.get() finds values of no bytes and the key of no bytes (B9), by ${index}`, () => {
    const memtable = new Memtable({ comparator, capacityBytes: 1 << 14, index });
    put(memtable, 1, bytes(""), bytes("empty key"));
    put(memtable, 2, bytes("k"), bytes(""));
    put(memtable, 3, bytes("\0"), bytes("zero"));
    assertEquals(get(memtable, bytes(""), 9), bytes("empty key"));
    assertEquals(get(memtable, bytes("k"), 9), bytes(""));
    assertEquals(get(memtable, bytes("\0"), 9), bytes("zero"));
    assertEquals(get(memtable, bytes("\0\0"), 9), "absent");
    put(memtable, 4, bytes(""), undefined);
    assertEquals(get(memtable, bytes(""), 9), "deleted");
  });

  Deno.test(`Memtable keeps sequence numbers up to 2^53 - 1 apart, by ${index}`, () => {
    const memtable = new Memtable({ comparator, capacityBytes: 1 << 14, index });
    const sequences = [0, 1, 2 ** 24 - 1, 2 ** 24, 2 ** 32 - 1, 2 ** 32, 2 ** 52, SEQUENCE_MAX];
    for (const sequence of sequences.toReversed()) {
      put(memtable, sequence, bytes("k"), bytes(String(sequence)));
    }
    for (const sequence of sequences) {
      assertEquals(get(memtable, bytes("k"), sequence), bytes(String(sequence)));
    }
    assertEquals(get(memtable, bytes("k"), SEQUENCE_MAX - 1), bytes(String(2 ** 52)));
    assertEquals(get(memtable, bytes("k"), 2 ** 32 - 2), bytes(String(2 ** 24)));
  });

  Deno.test(`Memtable takes keys of 64 KiB that differ in the last byte only, by ${index}`, () => {
    const keys = [0x00, 0x7f, 0x80, 0xff].map((last) => {
      const key = new Uint8Array(65536).fill(0xab);
      key[65535] = last;
      return key;
    });
    const memtable = new Memtable({
      comparator,
      capacityBytes: Memtable.worstCaseBytes(4, 4 * 65537, index),
      index,
    });
    [2, 0, 3, 1].forEach((i, at) => put(memtable, at + 1, keys[i]!, Uint8Array.of(i)));
    keys.forEach((key, i) => assertEquals(get(memtable, key, 9), Uint8Array.of(i)));
    assertEquals(get(memtable, keys[0]!.subarray(0, 65535), 9), "absent");
  });

  Deno.test(`Memtable.cursor() stays on its entry and sees what is added beside it, by ${index}`, () => {
    const memtable = new Memtable({ comparator, capacityBytes: 1 << 18, index });
    const key = (n: number) => bytes(String(n).padStart(8, "0"));
    put(memtable, 1, key(500_000), bytes("here"));
    const cursor = memtable.cursor();
    assertEquals(cursor.valid, false);
    cursor.first();
    // Many splits to the left and to the right.
    for (let i = 1; i <= 600; i++) {
      put(memtable, 1 + i, key(500_000 + (i % 2 === 0 ? i : -i)), bytes("there"));
      assertEquals(valueOf(cursor), bytes("here"));
    }
    cursor.next();
    assertEquals(keyOf(cursor), makeInternalKey(key(500_002), 3, KIND_VALUE));
    // What is added before the cursor comes on the way back, what is added after it on the way on.
    put(memtable, 700, key(500_001), bytes("back"));
    put(memtable, 701, key(500_003), bytes("on"));
    cursor.previous();
    assertEquals(valueOf(cursor), bytes("back"));
    cursor.next();
    cursor.next();
    assertEquals(valueOf(cursor), bytes("on"));
    cursor.last();
    put(memtable, 702, key(999_999), bytes("last"));
    cursor.next();
    assertEquals(valueOf(cursor), bytes("last"));
    cursor.next();
    assertEquals(cursor.valid, false);
    assertThrows(() => cursor.next(), Error, "valid cursor");
    assertThrows(() => cursor.previous(), Error, "valid cursor");
    cursor.close();
    cursor.close();
    assertEquals([cursor.valid, cursor.keyBuffer.length], [false, 0]);
  });

  Deno.test(`Memtable.fits() is never wrong when it says yes, by ${index}`, () => {
    for (const order of ["ascending", "descending", "shuffled"]) {
      const random = generator(4);
      const memtable = new Memtable({ comparator, capacityBytes: 100_000, index });
      let n = 0;
      while (true) {
        const count = 1 + random(50);
        const batch = Array.from({ length: count }, () => {
          n++;
          const id = order === "ascending" ? n : order === "descending" ? 1e6 - n : random(1e6);
          return { key: bytes(String(id).padStart(7, "0")), value: new Uint8Array(random(20)), n };
        });
        const size = batch.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
        if (!memtable.fits(count, size)) break;
        for (const { key, value, n } of batch) put(memtable, n, key, value);
        assert(memtable.usedBytes <= memtable.capacityBytes);
      }
      // The rest is what the worst keys would have taken.
      assert(memtable.usedBytes > 75_000, `${order}: only ${memtable.usedBytes} bytes were used`);
    }
  });

  Deno.test(`Memtable.worstCaseBytes() is a capacity that holds the entries, by ${index}`, () => {
    for (const count of [0, 1, 2, BLOCK_SLOTS, BLOCK_SLOTS + 1, 1000]) {
      for (let valueBytes = 0; valueBytes < 4; valueBytes++) {
        const capacityBytes = Memtable.worstCaseBytes(count, count * (3 + valueBytes), index);
        const memtable = new Memtable({ comparator, capacityBytes, index });
        assert(memtable.fits(count, count * (3 + valueBytes)));
        for (let i = 0; i < count; i++) {
          put(memtable, i + 1, Uint8Array.of(9, i >>> 8, i), new Uint8Array(valueBytes));
        }
        assertEquals(memtable.entryCount, count);
      }
    }
  });

  Deno.test(`Memtable.add() refuses what does not fit and keeps what is there, by ${index}`, () => {
    const memtable = new Memtable({ comparator, capacityBytes: 4096, index });
    put(memtable, 1, bytes("a"), bytes("1"));
    const { usedBytes } = memtable;
    assertEquals(memtable.fits(1, 4096), false);
    assertThrows(() => put(memtable, 2, bytes("b"), new Uint8Array(4096)), Error, "fits");
    assertEquals([memtable.entryCount, memtable.usedBytes], [1, usedBytes]);
    assertEquals(get(memtable, bytes("a"), 9), bytes("1"));
    assertThrows(() => memtable.add(1, 2, bytes("a"), 0, 1, bytes("a"), 0, 1), Error, "tombstone");
    assertThrows(() => put(memtable, 2 ** 53, bytes("b"), bytes("")), Error, "53 bits");
  });

  Deno.test(`Memtable of a buffer used before knows nothing of what was in it, by ${index}`, () => {
    const first = new Memtable({ comparator, capacityBytes: 1 << 16, index });
    for (let i = 0; i < 500; i++) put(first, i + 1, bytes(`key ${i}`), bytes("old"));
    for (const other of INDEXES) {
      const again = new Memtable({
        comparator,
        capacityBytes: 1 << 16,
        buffer: first.buffer,
        index: other,
      });
      assertEquals(again.buffer, first.buffer);
      assertEquals([again.entryCount, get(again, bytes("key 7"), 999)], [0, "absent"]);
      for (let i = 0; i < 400; i++) put(again, i + 1, bytes(`key ${i * 2}`), bytes("new"));
      assertEquals(get(again, bytes("key 8"), 999), bytes("new"));
      assertEquals(get(again, bytes("key 7"), 999), "absent");
      let count = 0;
      const cursor = again.cursor();
      for (cursor.first(); cursor.valid; cursor.next()) count++;
      assertEquals(count, 400);
    }
    assertThrows(
      () => new Memtable({ comparator, capacityBytes: 1 << 17, buffer: first.buffer }),
      Error,
      "as large",
    );
  });
}

Deno.test("Memtable.usedBytes is header, records and index to the byte", () => {
  const sorted = new Memtable({ comparator, capacityBytes: 1 << 18 });
  const list = new Memtable({ comparator, capacityBytes: 1 << 18, index: "skip-list" });
  assertEquals(sorted.usedBytes, ARENA_HEADER_BYTES + SORTED_BLOCK_BYTES);
  assertEquals(list.usedBytes, ARENA_HEADER_BYTES + SKIP_LIST_NODE_BYTES_MAX);
  let records = 0;
  for (let i = 0; i < 1000; i++) {
    const key = bytes(String(i).padStart(4 + i % 5, "0")).subarray(-4);
    const value = new Uint8Array(i % 7);
    put(sorted, i + 1, key, value);
    put(list, i + 1, key, value);
    records += recordWords(key.length, value.length) * 4;
    const blocks = Math.ceil((i + 1) / BLOCK_SLOTS);
    assertEquals(sorted.usedBytes, ARENA_HEADER_BYTES + records + blocks * SORTED_BLOCK_BYTES);
    const nodes = list.usedBytes - ARENA_HEADER_BYTES - SKIP_LIST_NODE_BYTES_MAX - records;
    assert(nodes >= 16 * (i + 1) && nodes <= SKIP_LIST_NODE_BYTES_MAX * (i + 1));
  }
  // Documented in docs and figures: 16-byte keys and 100-byte values take 140 bytes each in key order.
  assertEquals(recordWords(16, 100) * 4 + SORTED_BLOCK_BYTES / BLOCK_SLOTS, 132 + 8.1875);
});

Deno.test("Memtable takes a value of 64 MiB", () => {
  const value = new Uint8Array(64 << 20);
  for (let i = 0; i < value.length; i += 4096) value[i] = i >>> 12;
  value[value.length - 1] = 0x5a;
  const memtable = new Memtable({
    comparator,
    capacityBytes: Memtable.worstCaseBytes(2, value.length + 8),
  });
  assert(memtable.fits(2, value.length + 8));
  put(memtable, 1, bytes("huge"), value);
  put(memtable, 2, bytes("next"), bytes(""));
  const lookup = new Lookup();
  lookup.key.set(bytes("huge"));
  lookup.begin(4, 9);
  memtable.get(lookup);
  assertEquals(lookup.valueEnd - lookup.valueStart, value.length);
  for (let i = 0; i < value.length; i += 4096) {
    assert(lookup.value[lookup.valueStart + i] === (i >>> 12 & 255));
  }
  assertEquals(lookup.value[lookup.valueEnd - 1], 0x5a);
  assertEquals(get(memtable, bytes("next"), 9), bytes(""));
});

Deno.test("Memtable reaches entries beyond 2 GiB of its arena", () => {
  const value = new Uint8Array(2 ** 20);
  const memtable = new Memtable({ comparator, capacityBytes: 2 ** 31 + 2 ** 22 });
  const { buffer } = memtable;
  // The header's word for the lower end stands in for 2 GiB of values, which would take seconds to write.
  const words = new Int32Array(buffer, 0, 16);
  words[2] = 2 ** 29 + 1024;
  put(memtable, 1, bytes("far"), value.fill(7));
  put(memtable, 2, bytes("farther"), bytes("out"));
  const lookup = new Lookup();
  lookup.key.set(bytes("far"));
  lookup.begin(3, 9);
  memtable.get(lookup);
  assert(lookup.valueStart > 2 ** 31);
  assertEquals([lookup.value[lookup.valueStart], lookup.value[lookup.valueEnd - 1]], [7, 7]);
  assertEquals(get(memtable, bytes("farther"), 9), bytes("out"));
  const cursor = memtable.cursor();
  cursor.last();
  assertEquals(kindAt(cursor.keyBuffer, cursor.keyEnd), KIND_VALUE);
  cursor.previous();
  assertEquals(keyOf(cursor), makeInternalKey(bytes("far"), 1, KIND_VALUE));
});

async function inWorker(task: MemtableTask): Promise<MemtableReport> {
  const url = new URL("../tests/fixtures/memtable_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = (event: MessageEvent<MemtableReport>) => resolve(event.data);
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}

for (const index of INDEXES) {
  Deno.test(
    `Memtable.attach() in a worker reads every entry where it is, by ${index}`,
    onSources,
    async () => {
      const memtable = new Memtable({ comparator, capacityBytes: 1 << 18, index });
      const random = generator(8);
      const keys = Array.from({ length: 900 }, () => Uint8Array.from([random(256), random(256)]));
      keys.forEach((key, i) => put(memtable, i + 1, key, i % 5 === 0 ? undefined : bytes(`v${i}`)));
      const entries: [Uint8Array, Uint8Array][] = [];
      const cursor = memtable.cursor();
      for (cursor.first(); cursor.valid; cursor.next()) {
        entries.push([keyOf(cursor), valueOf(cursor)]);
      }
      assertEquals(entries.length, 900);
      const asked = [...keys, bytes("not there")];
      const report = await inWorker({ buffer: memtable.buffer, keys: asked, addFrom: 0 });
      assertEquals(report.entries.length, 900);
      assertEquals(report.entries, entries);
      const expected = asked.map((key) => {
        const found = get(memtable, key, SEQUENCE_MAX);
        return found === "absent" ? ABSENT : found === "deleted" ? DELETED : FOUND;
      });
      assertEquals(report.outcomes, expected);
    },
  );
}

Deno.test(
  "Memtable.attach() lets several workers add to a skip list, and nobody else to a sorted array",
  onSources,
  async () => {
    const memtable = new Memtable({ comparator, capacityBytes: 1 << 20, index: "skip-list" });
    const keys = (worker: number) =>
      Array.from({ length: 500 }, (_, i) => bytes(`${i % 50} ${worker % 2}`));
    const reports = [1, 2, 3].map((worker) =>
      inWorker({ buffer: memtable.buffer, keys: keys(worker), addFrom: worker * 1000 })
    );
    for (let i = 0; i < 500; i++) put(memtable, i + 1, bytes(`${i % 50} 0`), bytes("mine"));
    for (const report of await Promise.all(reports)) {
      assertEquals(report.outcomes, new Array(500).fill(FOUND));
    }
    assertEquals(memtable.entryCount, 2000);
    const cursor = memtable.cursor();
    const sequences = new Set<number>();
    let last: Uint8Array | undefined;
    for (cursor.first(); cursor.valid; cursor.next()) {
      const key = keyOf(cursor);
      if (last !== undefined) assert(comparator.compareKeys(last, key) < 0);
      last = key;
      sequences.add(sequenceAt(key, key.length));
    }
    assertEquals(sequences.size, 2000);

    const sorted = new Memtable({ comparator, capacityBytes: 1 << 14 });
    const view = Memtable.attach(sorted.buffer, comparator);
    assertThrows(() => put(view, 1, bytes("k"), bytes("v")), Error, "maker");
  },
);
