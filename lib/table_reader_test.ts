import { assert, assertEquals, assertThrows } from "@std/assert";
import { generator } from "./random.ts";
import {
  bytewiseKeys,
  decimalEntries,
  type Entry,
  entry,
  entryAt,
  fileOf,
  lookupOf,
  openTable,
  roomyPool,
  tableBytes,
  textAt,
  utf8,
  valueOf,
} from "../tests/tables.ts";
import { compareBytes } from "./bytes.ts";
import { snappy, zstd } from "./compression.ts";
import { CorruptionError } from "./errors.ts";
import {
  ABSENT,
  DELETED,
  FOUND,
  InternalKeyComparator,
  makeInternalKey,
  userKeyOf,
} from "./internal_key.ts";
import { createBufferPool } from "./buffer_pool.ts";
import { TableReader } from "./table_reader.ts";

/** Checks that every entry is found in every way there is, and nothing else. */
function checkAll(bytes: Uint8Array, entries: Entry[], where: string): void {
  const pool = roomyPool();
  const table = openTable(bytes, pool);
  for (const [key, value] of entries) {
    const lookup = lookupOf(userKeyOf(key));
    table.get(lookup);
    assertEquals([lookup.outcome, valueOf(lookup)], [FOUND, value], `${where}: get ${key}`);
  }
  const cursor = table.cursor();
  let i = 0;
  for (cursor.first(); cursor.valid; cursor.next()) {
    assertEquals(entryAt(cursor), entries[i], `${where}: forward ${i}`);
    i++;
  }
  assertEquals(i, entries.length, where);
  for (cursor.last(); cursor.valid; cursor.previous()) {
    i--;
    assertEquals(entryAt(cursor), entries[i], `${where}: backward ${i}`);
  }
  assertEquals(i, 0, where);
  for (i = 0; i < entries.length; i++) {
    cursor.seek(entries[i]![0], 0, entries[i]![0].length);
    assertEquals(entryAt(cursor), entries[i], `${where}: seek ${i}`);
    cursor.next();
    assertEquals(cursor.valid, i + 1 < entries.length);
    if (cursor.valid) assertEquals(entryAt(cursor), entries[i + 1], `${where}: after seek ${i}`);
    cursor.seek(entries[i]![0], 0, entries[i]![0].length);
    cursor.previous();
    assertEquals(cursor.valid, i > 0);
    if (cursor.valid) assertEquals(entryAt(cursor), entries[i - 1], `${where}: before seek ${i}`);
  }
  cursor.close();
  assertEquals(pool.stats().pinnedBytes, 0, where);
  table.close();
}

Deno.test("B1: every key of a table with many blocks is found by get and by seek, forward and backward", () => {
  const entries = decimalEntries(1500, 20);
  for (const blockBytes of [1, 256, 1024, 4096]) {
    checkAll(tableBytes(entries, { blockBytes }), entries, `blocks of ${blockBytes}`);
  }
  checkAll(tableBytes(entries, { blockBytes: 512, filterBits: 0 }), entries, "no filter");
  checkAll(tableBytes(entries, { blockBytes: 512, restartInterval: 1 }), entries, "restarts");
  checkAll(tableBytes(entries, { blockBytes: 512, compression: snappy }), entries, "snappy");
  checkAll(tableBytes(entries.slice(0, 300), { compression: zstd }), entries.slice(0, 300), "zstd");
});

Deno.test("B1: keys that are not there are not found, in every gap of a table with many blocks", () => {
  const entries = decimalEntries(1500, 20); // even numbers
  for (const filterBits of [0, 10]) {
    const table = openTable(tableBytes(entries, { blockBytes: 512, filterBits }));
    const cursor = table.cursor();
    for (let number = -1; number <= 3001; number += 2) {
      const user = utf8(number < 0 ? "" : String(number).padStart(16, "0"));
      const lookup = lookupOf(user);
      table.get(lookup);
      assertEquals(lookup.outcome, ABSENT, `${number}`);
      const target = makeInternalKey(user, 1, 1);
      cursor.seek(target, 0, target.length);
      const next = (number + 1) / 2;
      assertEquals(cursor.valid, next < 1500, `${number}`);
      if (cursor.valid) assertEquals(entryAt(cursor), entries[next], `${number}`);
    }
    cursor.close();
    table.close();
  }
});

Deno.test("B1: an order of one's own is kept to", () => {
  const reversed = new InternalKeyComparator({
    name: "test.Reversed",
    compare: (a, b) => compareBytes(b, 0, b.length, a, 0, a.length),
  });
  const entries = decimalEntries(500, 20).reverse();
  const bytes = tableBytes(entries, { comparator: reversed, blockBytes: 512 });
  const table = openTable(bytes, roomyPool(), reversed);
  const cursor = table.cursor();
  let i = 0;
  for (cursor.first(); cursor.valid; cursor.next()) assertEquals(entryAt(cursor), entries[i++]);
  assertEquals(i, 500);
  for (const [key, value] of entries) {
    const lookup = lookupOf(userKeyOf(key));
    table.get(lookup);
    assertEquals([lookup.outcome, valueOf(lookup)], [FOUND, value]);
    cursor.seek(key, 0, key.length);
    assertEquals(entryAt(cursor), [key, value]);
  }
  cursor.close();
  table.close();
});

Deno.test("get() sees the newest version that its sequence number allows, over block borders too", () => {
  const entries: Entry[] = [];
  for (const user of ["a", "b", "c"]) {
    for (let sequence = 90; sequence > 0; sequence -= 3) {
      entries.push(entry(user, `${user}${sequence}`, sequence, sequence % 2));
    }
  }
  for (const blockBytes of [1, 100, 4096]) {
    const table = openTable(tableBytes(entries, { blockBytes }));
    for (const user of ["a", "b", "c"]) {
      for (let sequence = 0; sequence <= 92; sequence++) {
        const lookup = lookupOf(utf8(user), sequence);
        table.get(lookup);
        const visible = Math.min(90, sequence - sequence % 3);
        if (visible === 0) assertEquals(lookup.outcome, ABSENT);
        else if (visible % 2 === 0) assertEquals(lookup.outcome, DELETED);
        else {
          assertEquals(lookup.outcome, FOUND);
          assertEquals(valueOf(lookup), utf8(`${user}${visible}`));
        }
      }
    }
    table.close();
  }
});

Deno.test("B9: empty values and zero bytes are values", () => {
  const entries = [entry("", ""), entry("\0", "\0"), entry("a", ""), entry("b", "\0\0\0")];
  checkAll(tableBytes(entries), entries, "empty values");
  const table = openTable(tableBytes([entry("a", "", 5, 1), entry("b", "", 5, 0)]));
  const value = lookupOf(utf8("a"));
  table.get(value);
  assertEquals([value.outcome, valueOf(value).length], [FOUND, 0]);
  const tombstone = lookupOf(utf8("b"));
  table.get(tombstone);
  assertEquals(tombstone.outcome, DELETED);
  table.close();
});

Deno.test("B13: large keys and values make large blocks", () => {
  const entries: Entry[] = [];
  const sizes = [0, 1, 4000, 4088, 4089, 4096, 5000, 65_535, 65_536, 100_000, 3_000_000];
  for (const [i, bytes] of sizes.entries()) {
    const key = makeInternalKey(utf8(`${String(i).padStart(2, "0")}`), 1, 1);
    entries.push([key, new Uint8Array(bytes).fill(i + 1)]);
  }
  entries.push(entry("k".repeat(65_535), "v"), entry("k".repeat(65_536), "w"), entry("z", ""));
  for (const compression of [undefined, snappy, zstd]) {
    checkAll(tableBytes(entries, { compression }), entries, compression?.name ?? "none");
  }
});

Deno.test("A table of one entry, and one of none, work", () => {
  checkAll(tableBytes([entry("a", "1")]), [entry("a", "1")], "one");
  checkAll(tableBytes([]), [], "none");
  const table = openTable(tableBytes([]));
  const lookup = lookupOf(utf8("a"));
  table.get(lookup);
  assertEquals(lookup.outcome, ABSENT);
  const cursor = table.cursor();
  cursor.seek(entry("a", "")[0], 0, 9);
  assertEquals(cursor.valid, false);
  cursor.close();
  table.close();
});

Deno.test("TableReader reads a table that LevelDB wrote and compressed with Snappy", () => {
  // 000005.ldb of a database to which LevelDB 1.20 put varve = "clay and silt " twelve times.
  const hex =
    "c1012c000da8017661727665010100050134636c617920616e642073696c7420fe0e00fe0e00660e001c00000000" +
    "01000000015e5edf892800000a00a000000600000000090000000b0042f1a00600220266696c7465722e6c657665" +
    "6c64622e4275696c74696e426c6f6f6d46696c74657232371200000000010000000088f491230009027701ffffff" +
    "ffffffff0032000000000100000000acf95eb54e2f820116" + "00".repeat(35) +
    "57fb808b247547db";
  const bytes = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
  const table = openTable(bytes);
  const cursor = table.cursor();
  cursor.first();
  assertEquals(textAt(cursor), `varve@1=${"clay and silt ".repeat(12)}`);
  cursor.next();
  assertEquals(cursor.valid, false);
  cursor.close();
  const lookup = lookupOf(utf8("varve"));
  table.get(lookup);
  assertEquals(lookup.outcome, FOUND);
  table.close();
});

Deno.test("A cursor agrees with an array on random walks", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = generator(seed);
    const entries = decimalEntries(1 + random(200), random(60));
    const bytes = tableBytes(entries, {
      blockBytes: 1 + random(600),
      restartInterval: 1 + random(5),
    });
    const pool = createBufferPool({ capacityBytes: random(20_000) });
    const table = openTable(bytes, pool);
    const cursor = table.cursor({ fillPool: random(2) === 0 });
    let at = -1;
    for (let step = 0; step < 300; step++) {
      const where = `seed ${seed}, step ${step}`;
      const action = at < 0 || at >= entries.length ? random(3) : random(12);
      if (action === 0) {
        cursor.first();
        at = 0;
      } else if (action === 1) {
        cursor.last();
        at = entries.length - 1;
      } else if (action === 2) {
        const number = random(entries.length * 2 + 2);
        const target = makeInternalKey(utf8(String(number).padStart(16, "0")), 2 ** 40, 1);
        cursor.seek(target, 0, target.length);
        at = Math.ceil(number / 2);
      } else if (action < 8) {
        cursor.next();
        at++;
      } else {
        cursor.previous();
        at--;
      }
      assertEquals(cursor.valid, at >= 0 && at < entries.length, where);
      if (cursor.valid) assertEquals(entryAt(cursor), entries[at], where);
    }
    cursor.close();
    assertEquals(pool.stats().pinnedBytes, 0, `seed ${seed}`);
    table.close();
  }
});

Deno.test("Damage at every byte of a table gives the right answer or a CorruptionError", () => {
  const entries = decimalEntries(40, 10);
  for (const compression of [undefined, snappy]) {
    const bytes = tableBytes(entries, { blockBytes: 300, compression });
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ (1 << (at & 7));
      readEverything(damaged, entries, `byte ${at} of ${bytes.length}`);
    }
  }
});

Deno.test("A table cut at any length is a CorruptionError", () => {
  const bytes = tableBytes(decimalEntries(40, 10), { blockBytes: 300 });
  for (let end = 0; end < bytes.length; end++) {
    const error = assertThrows(() => openTable(bytes.slice(0, end)), CorruptionError);
    assertEquals(error.file, "000005.ldb");
    assert(error.offset <= end, `cut at ${end}, offset ${error.offset}`);
  }
});

/** Every answer that a damaged table gives must be right; every failure a CorruptionError that names the file. */
function readEverything(bytes: Uint8Array, entries: Entry[], where: string): void {
  const pool = roomyPool();
  const attempt = (action: () => void) => {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      assertEquals(error.file, "000005.ldb", where);
      assert(error.offset >= 0 && error.offset <= bytes.length, where);
      return false;
    }
  };
  let table: TableReader | undefined;
  if (!attempt(() => table = openTable(bytes, pool))) return;
  let answers = 0;
  for (const [key, value] of entries) {
    const lookup = lookupOf(userKeyOf(key));
    if (!attempt(() => table!.get(lookup))) continue;
    assertEquals([lookup.outcome, valueOf(lookup)], [FOUND, value], where);
    answers++;
  }
  const cursor = table!.cursor();
  let i = 0;
  const isWhole = attempt(() => {
    for (cursor.first(); cursor.valid; cursor.next()) {
      assertEquals(entryAt(cursor), entries[i], where);
      i++;
    }
  });
  if (isWhole) assertEquals(i, entries.length, where);
  assert(!isWhole || answers === entries.length || answers === 0, where);
  assertEquals(cursor.valid, false, where);
  cursor.close();
  assertEquals(pool.stats().pinnedBytes, 0, where);
  table!.close();
}

Deno.test("A cursor that met damage can be used again (invariant 4)", () => {
  const entries = decimalEntries(100, 10);
  const bytes = tableBytes(entries, { blockBytes: 300 });
  bytes[700]! ^= 1; // in the third block
  const table = openTable(bytes);
  const cursor = table.cursor();
  let count = 0;
  assertThrows(
    () => {
      for (cursor.first(); cursor.valid; cursor.next()) count++;
    },
    CorruptionError,
    "checksum",
  );
  assert(count > 0 && count < 100);
  assertEquals(cursor.valid, false);
  cursor.last();
  assertEquals(entryAt(cursor), entries[99]);
  cursor.first();
  assertEquals(entryAt(cursor), entries[0]);
  cursor.close();
  table.close();
});

Deno.test("A cursor that is closed stays so", () => {
  const table = openTable(tableBytes(decimalEntries(10, 10)));
  let closed = 0;
  const cursor = table.cursor({}, () => closed++);
  cursor.first();
  cursor.close();
  cursor.close();
  assertEquals([cursor.valid, closed], [false, 1]);
  assertThrows(() => cursor.first(), Error, "closed cursor");
  table.close();
});

Deno.test("A cursor with fillPool false leaves data blocks out of the pool", () => {
  const pool = roomyPool();
  const table = openTable(tableBytes(decimalEntries(1000, 100)), pool);
  const walk = (fillPool: boolean) => {
    const cursor = table.cursor({ fillPool });
    for (cursor.first(); cursor.valid; cursor.next());
    cursor.close();
    return pool.stats().usedBytes;
  };
  const without = walk(false);
  assert(without < 10_000, `${without}`); // the index
  assert(walk(true) > 100_000);
  table.close();
});

Deno.test("A filter saves looking at blocks, and is counted", () => {
  const table = openTable(tableBytes(decimalEntries(1000, 20)));
  for (let number = 0; number < 2000; number++) {
    const lookup = lookupOf(utf8(String(number).padStart(16, "0")));
    table.get(lookup);
    assertEquals(lookup.outcome, number % 2 === 0 ? FOUND : ABSENT);
  }
  // Past the last key there is no block to ask a filter about.
  assertEquals(table.filterProbes, 2000);
  assert(table.filterSaves >= 970 && table.filterSaves <= 1000, `${table.filterSaves}`);
  table.close();
  const without = openTable(tableBytes(decimalEntries(1000, 20), { filterBits: 0 }));
  without.get(lookupOf(utf8("0")));
  assertEquals([without.filterProbes, without.filterSaves], [0, 0]);
  without.close();
});

Deno.test("A filter that saves nothing is asked less, until it saves again or a block is to be read", () => {
  const bytes = tableBytes(decimalEntries(1000, 20));
  const ask = (table: TableReader, from: number, to: number, step: number) => {
    const before = table.filterProbes;
    for (let number = from; number < to; number += step) {
      const lookup = lookupOf(utf8(String(number).padStart(16, "0")));
      table.get(lookup);
      assertEquals(lookup.outcome, number % 2 === 0 ? FOUND : ABSENT);
    }
    return table.filterProbes - before;
  };
  const table = openTable(bytes);
  ask(table, 0, 2000, 2); // reads the blocks
  const probes = ask(table, 0, 2000, 2);
  assert(probes >= 50 && probes < 100, `${probes} of 1000 keys that are there`);
  const absentProbes = ask(table, 1, 2000, 2);
  assert(absentProbes > 950, `${absentProbes} of 1000 keys that are not`);
  assert(table.filterSaves > 930, `${table.filterSaves}`);
  table.close();
  const uncached = openTable(bytes, createBufferPool({ capacityBytes: 0 }));
  for (let round = 0; round < 3; round++) assertEquals(ask(uncached, 0, 200, 2), 100);
  uncached.close();
});

Deno.test("get() works out a lookup's hash once, for all tables", () => {
  const table = openTable(tableBytes(decimalEntries(10, 20)));
  const lookup = lookupOf(utf8("0000000000000004"));
  assertEquals(lookup.hash, -1);
  table.get(lookup);
  const { hash } = lookup;
  assert(hash >= 0);
  lookup.outcome = ABSENT;
  lookup.hash = (hash ^ 0xffff) >>> 0; // were it worked out again, the key would be found
  table.get(lookup);
  assertEquals(lookup.outcome, ABSENT);
  table.close();
});

Deno.test("approximateOffset() grows with the key, up to where the data ends", () => {
  const entries = decimalEntries(1000, 100);
  const bytes = tableBytes(entries);
  const table = openTable(bytes);
  let before = 0;
  for (const [key] of entries) {
    const offset = table.approximateOffset(key, 0, key.length);
    assert(offset >= before && offset < bytes.length);
    before = offset;
  }
  assert(before > 100_000);
  const past = makeInternalKey(utf8("9"), 1, 1);
  assert(table.approximateOffset(past, 0, past.length) > before);
  table.close();
});

Deno.test("open() closes the file if it is not a table, close() makes the pool forget it", () => {
  let closed = 0;
  const file = fileOf(new Uint8Array(100));
  const options = { comparator: bytewiseKeys, pool: roomyPool() };
  const watched = {
    path: file.path,
    size: file.size,
    read: (into: Uint8Array, position: number) => file.read(into, position),
    close: () => (closed++, file.close()),
  };
  assertThrows(() => TableReader.open(watched, options), CorruptionError);
  assertEquals(closed, 1);
  const table = openTable(tableBytes(decimalEntries(100, 100)), options.pool);
  table.get(lookupOf(utf8("0000000000000004")));
  assert(options.pool.stats().usedBytes > 0);
  table.close();
  table.close();
  assertEquals(options.pool.stats().usedBytes, 0);
});

Deno.test("A cursor counts the memory that is its own, and gives it back", () => {
  const bytes = tableBytes(decimalEntries(5000, 100), { compression: snappy });
  for (const fillPool of [false, true]) {
    const pool = roomyPool();
    const table = openTable(bytes, pool);
    const cursor = table.cursor({ fillPool });
    cursor.first();
    const { transientBytes: first } = pool.stats();
    assertEquals(first > 4000, !fillPool, `${first}`);
    for (let i = 1; i < 5000; i++) cursor.next();
    assert(cursor.valid);
    // One block, and what was read ahead.
    const { transientBytes } = pool.stats();
    assert(transientBytes > 60_000 && transientBytes < 80_000, `${transientBytes}`);
    cursor.close();
    assertEquals(pool.stats().transientBytes, 0);
    table.close();
  }
});

Deno.test("A scan does not read the disk once for each block", () => {
  const bytes = tableBytes(decimalEntries(5000, 100));
  const file = fileOf(bytes);
  let reads = 0;
  const counting = {
    path: file.path,
    size: file.size,
    read: (into: Uint8Array, position: number) => (reads++, file.read(into, position)),
    close: () => file.close(),
  };
  const table = TableReader.open(counting, { comparator: bytewiseKeys, pool: roomyPool() });
  const cursor = table.cursor({ fillPool: false });
  let count = 0;
  for (cursor.first(); cursor.valid; cursor.next()) count++;
  assertEquals(count, 5000);
  assert(reads < 20, `${reads} reads for ${bytes.length} bytes`);
  cursor.close();
  table.close();
});

Deno.test("What a cursor shows stays as it is until it moves, whatever is read meanwhile", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = generator(seed);
    const entries = decimalEntries(1000, 100);
    const pool = createBufferPool({ capacityBytes: 40_000 + random(40_000) });
    const table = openTable(tableBytes(entries), pool);
    const cursors = Array.from({ length: 4 }, () => table.cursor({ fillPool: random(2) === 0 }));
    const places = cursors.map(() => -1);
    for (let step = 0; step < 1000; step++) {
      const which = random(cursors.length);
      const cursor = cursors[which]!;
      if (places[which] === -1 || random(10) === 0) {
        places[which] = random(1000);
        cursor.seek(entries[places[which]]![0], 0, 24);
      } else if (random(3) > 0) {
        cursor.next();
        places[which]! += 1;
      } else {
        cursor.previous();
        places[which]! -= 1;
      }
      if (!cursor.valid) places[which] = -1;
      table.get(lookupOf(userKeyOf(entries[random(1000)]![0])));
      for (const [i, at] of places.entries()) {
        if (at < 0) continue;
        assertEquals(entryAt(cursors[i]!), entries[at], `seed ${seed}, step ${step}`);
      }
    }
    for (const cursor of cursors) cursor.close();
    table.close();
    assertEquals([pool.stats().usedBytes, pool.stats().transientBytes], [0, 0]);
  }
});
