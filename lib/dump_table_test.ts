import { assert, assertEquals } from "@std/assert";
import { type Compressor, snappy, zstd } from "./compression.ts";
import { MemorySource } from "./dump_part.ts";
import type { DumpBlockPlace } from "./dump_part.ts";
import { dumpTable } from "./dump_table.ts";
import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { FOOTER_BYTES } from "./table_format.ts";
import { TableWriter } from "./table_writer.ts";

/** A table of three blocks of four entries. */
function tableOf(compression?: Compressor, filterBits = 10): Uint8Array {
  const disk = new MemoryFileSystem();
  const writer = new TableWriter(disk.create("table"), {
    comparator: new InternalKeyComparator(),
    blockBytes: 400,
    restartInterval: 16,
    filterBits,
    compression,
  });
  for (let i = 0; i < 12; i++) {
    const key = makeInternalKey(new TextEncoder().encode(`key ${10 + i}`), i + 1, 1);
    writer.add(key, 0, key.length, new Uint8Array(100).fill(0x61), 0, 100);
  }
  writer.finish();
  return disk.readAll("table");
}

function dump(bytes: Uint8Array, wants?: (place: DumpBlockPlace) => boolean) {
  const source = new MemorySource(bytes, undefined);
  return [...dumpTable(source, 0, { valueBytes: 8, keysOnly: true, wants })];
}

const blocksOf = (parts: ReturnType<typeof dump>) =>
  parts.filter(({ depth }) => depth === 0).map(({ name, damage }) =>
    damage === undefined ? name : `${name}: ${damage.replaceAll(/0x[0-9a-f]{8}/g, "0x")}`
  );

const SOUND = [
  "data block 0",
  "data block 1",
  "data block 2",
  "filter block",
  "metaindex block",
  "index block",
  "footer",
];
const FOUND = "nothing leads to it; found by its checksum";
const MISMATCH = "checksum 0x stored, 0x computed";

Deno.test("dumpTable() shows the blocks of a table, however they are compressed", () => {
  for (const compression of [undefined, snappy, zstd]) {
    const parts = dump(tableOf(compression));
    assertEquals(blocksOf(parts), SOUND);
    assertEquals(parts.filter(({ isEntry }) => isEntry).length, 12);
    const within = parts.find(({ isEntry }) => isEntry)!.source.within;
    assertEquals(within, compression === undefined ? undefined : "block at 0");
  }
  const withoutFilter = blocksOf(dump(tableOf(undefined, 0)));
  assertEquals(withoutFilter, SOUND.filter((name) => name !== "filter block"));
});

Deno.test("dumpTable() shows a damaged block as far as it goes, and all others", () => {
  const bytes = tableOf();
  const parts = dump(bytes.with(20, 0xff));
  assertEquals(blocksOf(parts), [`data block 0: ${MISMATCH}`, ...SOUND.slice(1)]);
  assertEquals(parts.filter(({ isEntry }) => isEntry).length, 12);
  const compressed = tableOf(snappy);
  const broken = dump(compressed.with(0, 0xff));
  assertEquals(blocksOf(broken)[0], `data block 0: ${MISMATCH}`);
  const problem = broken.find(({ name }) => name === "compressed")!;
  assertEquals(problem.damage, "it cannot be decompressed: damaged snappy data");
  assertEquals(broken.filter(({ isEntry }) => isEntry).length, 8);
});

Deno.test("dumpTable() finds the blocks of a table without footer, and tells what they are", () => {
  for (const compression of [undefined, snappy]) {
    const bytes = tableOf(compression);
    const parts = dump(bytes.slice(0, -FOOTER_BYTES));
    assertEquals(blocksOf(parts), [
      ...SOUND.slice(0, -1).map((name) => `${name}: ${FOUND}`),
      "end: no table magic number at the end of the file",
    ]);
    assertEquals(parts.filter(({ isEntry }) => isEntry).length, 12);
  }
});

Deno.test("dumpTable() finds what a damaged index leads to, without believing it", () => {
  const bytes = tableOf();
  const index = dump(bytes).find(({ name }) => name === "index block")!;
  for (let at = index.offset; at < index.offset + index.length; at++) {
    const parts = dump(bytes.with(at, bytes[at]! ^ 0x55));
    assertEquals(parts.filter(({ isEntry }) => isEntry).length, 12, `byte ${at}`);
    assertEquals(blocksOf(parts).filter((it) => it.startsWith("data")), [
      `data block 0: ${FOUND}`,
      `data block 1: ${FOUND}`,
      `data block 2: ${FOUND}`,
    ]);
  }
  // A damaged data block beside it: the handles lead over it.
  const both = bytes.with(20, 0xff);
  both[index.offset + index.length - 1]! ^= 0xff;
  const blocks = blocksOf(dump(both));
  assertEquals(blocks[0], "lost: bytes that nothing leads to, and in which no checksum holds");
  assertEquals(blocks.filter((block) => block.startsWith("data block")).length, 2);
});

Deno.test("dumpTable() does not follow handles that lead back or out of the table", () => {
  const bytes = tableOf();
  // The footer's handles, without checksum, lead to the metaindex and to the index.
  const footer = bytes.length - FOOTER_BYTES;
  for (let at = footer; at < footer + 6; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      if (bytes[at] === value) continue;
      const parts = dump(bytes.with(at, value));
      assert(parts.some(({ damage }) => damage !== undefined), `byte ${at} as ${value}`);
      assertEquals(parts.filter(({ isEntry }) => isEntry).length, 12, `byte ${at} as ${value}`);
    }
  }
});

Deno.test("dumpTable() shows the blocks that are wanted", () => {
  const bytes = tableOf();
  assertEquals(blocksOf(dump(bytes, ({ number }) => number === 1)), ["data block 1"]);
  assertEquals(blocksOf(dump(bytes, ({ kind }) => kind === "index")), ["index block"]);
  assertEquals(blocksOf(dump(bytes, ({ kind }) => kind === "footer")), ["footer"]);
});

Deno.test("dumpTable() says so of what is too short, empty, or not a table", () => {
  const of = (length: number) => blocksOf(dump(new Uint8Array(length).fill(1)));
  assertEquals(of(0), ["end: a table of 0 bytes, too short for its footer"]);
  assertEquals(of(60), [
    "lost: bytes that nothing leads to, and in which no checksum holds",
    "end: no table magic number at the end of the file",
  ]);
});
