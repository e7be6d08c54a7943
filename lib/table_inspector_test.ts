/**
 * Tests of `table_inspector.ts`: what is whole comes out, what is not is reported once, at its place.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { generator } from "./random.ts";
import {
  bytewiseKeys,
  decimalEntries,
  type Entry,
  entry,
  entryAt,
  fileOf,
  tableBytes,
  utf8,
} from "../tests/tables.ts";
import { snappy } from "./compression.ts";
import { decodeBlock } from "./block.ts";
import { findFilter } from "./table_blocks.ts";
import { putBlockTrailer, readBlock, readFooter } from "./table_format.ts";
import { type TableDamage, type TableExpectation, TableInspector } from "./table_inspector.ts";

interface Inspected {
  entries: Entry[];
  damage: TableDamage[];
  table: TableInspector;
}

function inspect(bytes: Uint8Array, expected?: TableExpectation): Inspected {
  const damage: TableDamage[] = [];
  const table = new TableInspector(fileOf(bytes), {
    comparator: bytewiseKeys,
    onDamage: (it) => damage.push(it),
    expected,
  });
  const entries: Entry[] = [];
  for (table.first(); table.valid; table.next()) entries.push(entryAt(table));
  table.close();
  return { entries, damage, table };
}

const entries = decimalEntries(400, 20);
const whole = tableBytes(entries, { blockBytes: 512 });
const blocks = blocksOf(whole);

/** Where each data block is, and its first and last entry. */
function blocksOf(bytes: Uint8Array): { offset: number; bytes: number; first: number }[] {
  const file = fileOf(bytes);
  const { index } = readFooter(file);
  const block = readBlock(file, index.offset, index.bytes);
  const decoded = decodeBlock(block, block.length, "separators", bytewiseKeys, file.path, 0);
  let first = 0;
  return Array.from({ length: decoded.count }, (_, i) => {
    const at = decoded.handleAt(i);
    const found = { offset: decoded.words[at]!, bytes: decoded.words[at + 1]!, first };
    const data = readBlock(file, found.offset, found.bytes);
    first += decodeBlock(data, data.length, "entries", bytewiseKeys, file.path, 0).count;
    return found;
  });
}

function expectationOf(list: readonly Entry[], bytes: Uint8Array): TableExpectation {
  return {
    bytes: bytes.length,
    smallest: list[0]![0],
    largest: list.at(-1)![0],
    sequenceMax: list.length,
  };
}

Deno.test("a whole table gives all of its entries, and no damage", () => {
  for (const options of [{}, { filterBits: 0 }, { compression: snappy }, { blockBytes: 64 }]) {
    const bytes = tableBytes(entries, options);
    const { damage, entries: found, table } = inspect(bytes, expectationOf(entries, bytes));
    assertEquals(damage, []);
    assertEquals(found, entries);
    assertEquals(table.entryCount, entries.length);
  }
});

Deno.test("a damaged block costs its entries and no others, and is reported with its keys", () => {
  for (const [i, block] of blocks.entries()) {
    const bytes = whole.slice();
    bytes[block.offset + 3]! ^= 1;
    const { entries: found, damage } = inspect(bytes);
    const end = blocks[i + 1]?.first ?? entries.length;
    assertEquals(found, entries.toSpliced(block.first, end - block.first));
    assertEquals(damage.map(({ offset, bytes, what }) => [offset, bytes, what]), [
      [block.offset, block.bytes + 5, "block checksum mismatch"],
    ]);
    const { mayContain } = damage[0]!.lost!;
    const isLost = ([key]: Entry) => mayContain(key, 0, key.length - 8);
    assert(entries.slice(block.first, end).every(isLost));
    // The index tells the others apart, but for the key before, of which there may have been older versions.
    const others = entries.toSpliced(block.first, end - block.first).filter(isLost);
    assert(others.every((it) => it === entries[block.first - 1]), `block ${i}`);
    // Keys between those that were there: the filter excludes most.
    const absent = entries.slice(block.first, end - 1)
      .map(([key]) => Uint8Array.of(...key.slice(0, -8), 0x2d, 0x2d))
      .filter((key) => mayContain(key, 0, key.length));
    assert(absent.length < 4, `${absent.length} keys that never were`);
  }
});

Deno.test("without a footer, an index or a filter every entry is found by checksums", () => {
  const { index, metaindex } = readFooter(fileOf(whole));
  for (const from of [whole.length - 48, whole.length - 8, index.offset, metaindex.offset]) {
    for (const cut of [whole.slice(0, from), whole.slice().fill(0, from)]) {
      const { entries: found, damage } = inspect(cut);
      assertEquals(found.length, entries.length);
      assert(damage.every(({ lost }) => lost === undefined), JSON.stringify(damage));
    }
  }
});

Deno.test("a table that was cut gives every whole block, and says where it ends", () => {
  for (let length = 0; length < whole.length; length += 37) {
    const { entries: found, damage } = inspect(whole.slice(0, length));
    const end = blocks.findIndex((it) => it.offset + it.bytes + 5 > length);
    const count = end < 0 ? entries.length : blocks[end]!.first;
    assertEquals(found.length, count, `cut at ${length}`);
    const lost = damage.filter((it) => it.lost !== undefined);
    // In what is left of a block there may have been more.
    const isInside = end >= 0 && length - blocks[end]!.offset > 5;
    if (isInside) assertEquals(lost.map(({ offset }) => offset), [blocks[end]!.offset]);
  }
});

Deno.test("what comes behind the data is not taken for data where there is no footer", () => {
  // The index of one entry has that entry's key, and a handle as its value.
  for (const list of [[entry("a", "1")], [entry("a", "1", 2), entry("a", "0", 1)]]) {
    for (const blockBytes of [1, 4096]) {
      const bytes = tableBytes(list, { filterBits: 0, blockBytes });
      const { entries: found, damage } = inspect(bytes.slice(0, -48));
      assertEquals(found, list);
      assert(damage.every(({ lost }) => lost === undefined), JSON.stringify(damage));
    }
  }
});

Deno.test("what the manifest says of a table is compared with it", () => {
  const expected = expectationOf(entries, whole);
  const whatOf = (change: Partial<TableExpectation>) =>
    inspect(whole, { ...expected, ...change }).damage.map(({ what }) => what);
  assertEquals(whatOf({}), []);
  assertEquals(whatOf({ bytes: 1 }), [`the table has ${whole.length} bytes, not 1`]);
  assertEquals(whatOf({ smallest: entry("0", "")[0] }), ["the table starts with another key"]);
  assertEquals(whatOf({ largest: entry("9", "")[0] }), ["the table ends before its last key"]);
  assertEquals(whatOf({ largest: entries.at(-2)![0] }), ["the table goes on behind its last key"]);
  assertEquals(whatOf({ sequenceMax: 399 }), ["sequence number 400 is over the last one"]);
});

Deno.test("a filter that denies a key is damage, though its checksum holds", () => {
  const file = fileOf(whole);
  const { offset, bytes: size } = findFilter(file, readFooter(file).metaindex, bytewiseKeys)!;
  const bytes = whole.slice();
  // The first filter without its bits; its last byte says how many of them a key has.
  bytes.fill(0, offset, offset + 20);
  putBlockTrailer(bytes.subarray(offset + size), bytes.subarray(offset), size, 0);
  const { damage, entries: found } = inspect(bytes);
  assertEquals(found.length, entries.length);
  // It may be a block of another place; what was in the right one is known from the filter.
  const isLost = ([key]: Entry) => damage[0]!.lost!.mayContain(key, 0, key.length - 8);
  assert(damage.length > 0 && !entries.some(isLost));
  assertEquals(damage[0]!.offset, 0);
  assertMatch(damage[0]!.what, /^the filter denies entry \d+ of the block$/);
});

Deno.test("blocks that are whole but out of order are damage", () => {
  // The second half of the table first: each block in order, and the index with them.
  const bytes = whole.slice();
  const [first, second] = [blocks[0]!, blocks[1]!];
  assertEquals(first.bytes, second.bytes, "the test swaps blocks of one size");
  bytes.copyWithin(first.offset, second.offset, second.offset + second.bytes + 5);
  bytes.set(whole.subarray(first.offset, first.offset + first.bytes + 5), second.offset);
  const { damage, entries: found } = inspect(bytes);
  assertEquals(damage.map(({ offset, what }) => [offset, what]), [
    [0, "the index says that the block ends earlier"],
    [second.offset, "the index says that the block starts later"],
  ]);
  assertEquals(found, entries.slice(blocks[2]!.first));
  assertEquals(damage.map(({ bytes }) => bytes), [first.bytes + 5, second.bytes + 5]);

  const scanned = inspect(bytes.slice(0, -48));
  assertEquals(scanned.damage.at(-1)!.offset, second.offset);
  assertMatch(scanned.damage.at(-1)!.what, /^entry 0 of the block is not after the one before it/);
  const [from, to] = [blocks[1]!.first, blocks[2]!.first];
  assertEquals(scanned.entries, entries.slice(from, to).concat(entries.slice(to)));
});

Deno.test("a block of another place costs the one of this place, which is reported, and no others", () => {
  for (let from = 0; from < blocks.length; from++) {
    for (let to = 0; to < blocks.length; to++) {
      const [source, target] = [blocks[from]!, blocks[to]!];
      if (from === to || source.bytes !== target.bytes) continue;
      const bytes = whole.slice();
      bytes.copyWithin(target.offset, source.offset, source.offset + source.bytes + 5);
      const { damage, entries: found } = inspect(bytes, expectationOf(entries, whole));
      const end = blocks[to + 1]?.first ?? entries.length;
      const lost = entries.slice(target.first, end);
      assertEquals(found, entries.toSpliced(target.first, lost.length), `${from} at ${to}`);
      for (const [key] of lost) {
        const isReported = damage.some((it) => it.lost?.mayContain(key, 0, key.length - 8));
        assert(isReported, `${from} at ${to}`);
      }
    }
  }
});

Deno.test("where only the index is wrong, the blocks that it leads to are kept, and told", () => {
  const { index } = readFooter(fileOf(whole));
  const bytes = whole.slice();
  // A separator in the middle of its block: its last digits are made smaller.
  const stored = readBlock(fileOf(whole), index.offset, index.bytes);
  const decoded = decodeBlock(stored, stored.length, "separators", bytewiseKeys, "", 0);
  const [start, end] = [decoded.keyStart(0), decoded.keyEnd(0)];
  const separator = decoded.bytes.slice(start, end - 8);
  const at = bytes.findIndex((_, i) =>
    i >= index.offset && separator.every((byte, j) => bytes[i + j] === byte)
  );
  bytes[at + separator.length - 1]! -= 1;
  putBlockTrailer(
    bytes.subarray(index.offset + index.bytes),
    bytes.subarray(index.offset),
    index.bytes,
    0,
  );
  const { damage, entries: found } = inspect(bytes, expectationOf(entries, whole));
  assertEquals(found, entries);
  assertEquals(damage.map(({ what }) => what), ["the index says that the block ends earlier"]);
});

Deno.test("another table in the place of one is told, and all that should be there counts as lost", () => {
  const other = tableBytes(entries.slice(100, 300), { blockBytes: 512 });
  const { damage, entries: found } = inspect(other, expectationOf(entries, whole));
  assertEquals(found, entries.slice(100, 300));
  assertEquals(damage.map(({ isOtherTable }) => isOtherTable), [true]);
  for (const [key] of entries) assert(damage[0]!.lost!.mayContain(key, 0, key.length - 8));
});

Deno.test("whatever bytes there are, entries come out in order, or not at all", () => {
  const original = new Map(entries.map(([key, value]) => [key.toHex(), value.toHex()]));
  for (let seed = 0; seed < 300; seed++) {
    const random = generator(seed);
    let bytes = whole.slice();
    for (let i = 1 + random(3); i > 0; i--) {
      const at = random(bytes.length);
      const kind = random(4);
      if (kind === 0) bytes = bytes.slice(0, at);
      else if (kind === 1) bytes.fill(random(256), at, at + random(2000));
      else if (kind === 2) bytes.copyWithin(at, random(bytes.length), random(bytes.length));
      else if (bytes.length > 0) bytes[at]! ^= 1 << random(8);
    }
    const { entries: found, damage } = inspect(bytes, expectationOf(entries, whole));
    for (const [i, [key, value]] of found.entries()) {
      assertEquals(original.get(key.toHex()), value.toHex(), `seed ${seed}`);
      assert(i === 0 || bytewiseKeys.compareKeys(found[i - 1]![0], key) < 0, `seed ${seed}`);
    }
    if (found.length === entries.length) continue;
    const present = new Set(found.map(([key]) => key.toHex()));
    for (const [key] of entries) {
      if (present.has(key.toHex())) continue;
      const isReported = damage.some(({ lost }) => lost?.mayContain(key, 0, key.length - 8));
      assert(isReported, `seed ${seed}: ${new TextDecoder().decode(key)} is lost and not reported`);
    }
  }
});

Deno.test("a value as large as many blocks is found without an index", () => {
  const large: Entry[] = [entry("a", "x".repeat(300_000)), entry("b", "y")];
  const bytes = tableBytes(large);
  assertEquals(inspect(bytes.slice(0, -60)).entries, large);
  assertEquals(utf8("a").length, 1);
});
