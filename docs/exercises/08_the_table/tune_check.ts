/**
 * **What.** The targets for a table of ten thousand entries, and options that meet them.
 *
 * **Invariants.**
 * 1. Only bytes and looks are counted. Each key asked for must be found, and each absent one not.
 *
 * **Read next.** `../../08_the_table.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createBufferPool } from "../../../lib/buffer_pool.ts";
import { snappy } from "../../../lib/compression.ts";
import type { ReadableFile } from "../../../lib/file_system.ts";
import {
  FOUND,
  InternalKeyComparator,
  Lookup,
  makeInternalKey,
} from "../../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import { generator } from "../../../lib/random.ts";
import { TableReader } from "../../../lib/table_reader.ts";
import { TableWriter } from "../../../lib/table_writer.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./tune.ts");

const ENTRIES = 10_000;
const VALUE_BYTES = 120;
/** How many keys that are there are asked for, each in a table just opened. */
const PRESENT = 40;
const WORDS = ["clay", "sand", "silt", "marl", "chalk", "flint", "gravel", "basalt"];
/** The targets. */
const FILE_KIB_MAX = 530;
const MEMORY_KIB_MAX = 40;
const READ_BYTES_MAX = 2048;
const LOOKS_PER_THOUSAND_MAX = 4;

const comparator = new InternalKeyComparator();

/** Key `i`; the even ones are in the table. */
function keyOf(i: number): Uint8Array {
  return new TextEncoder().encode(`core:site ${String(i).padStart(9, "0")}:`);
}

/** Writes a table as it is tuned. */
function written({ options }: Subject): MemoryFileSystem {
  const { blockBytes, restartInterval, filterBits, compression } = options;
  const isInRange = blockBytes >= 128 && blockBytes <= 2 ** 20 && restartInterval >= 1 &&
    restartInterval <= 128 && filterBits >= 0 && filterBits <= 30;
  assert(isInRange, "options are out of their ranges");
  const disk = new MemoryFileSystem();
  const writer = new TableWriter(disk.create("table"), {
    comparator,
    blockBytes,
    restartInterval,
    filterBits,
    compression: compression === "snappy" ? snappy : undefined,
  });
  const random = generator(8);
  for (let i = 0; i < ENTRIES; i++) {
    let text = "";
    while (text.length < VALUE_BYTES) text += `${WORDS[random(WORDS.length)]} ${random(100)} cm; `;
    const key = makeInternalKey(keyOf(2 * i), 1, 1);
    writer.add(key, 0, key.length, new TextEncoder().encode(text), 0, VALUE_BYTES);
  }
  writer.finish();
  return disk;
}

/** Opens a table with an empty pool, and counts the bytes that are read of it. */
function opened(disk: MemoryFileSystem) {
  const file = disk.open("table");
  const counted = { bytes: 0 };
  const counting: ReadableFile = {
    path: file.path,
    size: file.size,
    read(into, position) {
      counted.bytes += into.length;
      return file.read(into, position);
    },
    close: () => file.close(),
  };
  const pool = createBufferPool({ capacityBytes: 1 << 26 });
  return { table: TableReader.open(counting, { comparator, pool }), pool, counted };
}

/** Asks for a key that must be there, or must not. */
function get(table: TableReader, i: number): void {
  const lookup = new Lookup();
  const key = keyOf(i);
  lookup.key.set(key);
  lookup.begin(key.length, 1);
  table.get(lookup);
  assertEquals(lookup.outcome === FOUND, i % 2 === 0, `key ${i}`);
}

function assertAtMost(count: number, most: number, what: string): void {
  assert(count <= most, `${Math.ceil(count)} ${what}; ${most} are the most`);
}

const cases: Case<Subject>[] = [
  {
    name: `takes at most ${FILE_KIB_MAX} KiB on disk`,
    run(subject) {
      const disk = written(subject);
      assertAtMost(disk.size("table") / 1024, FILE_KIB_MAX, "KiB on disk");
    },
  },
  {
    name: `looks into a block for at most ${LOOKS_PER_THOUSAND_MAX} of a thousand absent keys`,
    run(subject) {
      const { table } = opened(written(subject));
      for (let i = 0; i < ENTRIES; i++) get(table, 2 * i + 1);
      const looks = (ENTRIES - table.filterSaves) * 1000 / ENTRIES;
      assertAtMost(looks, LOOKS_PER_THOUSAND_MAX, "looks for a thousand absent keys");
    },
  },
  {
    name:
      `keeps index and filter in ${MEMORY_KIB_MAX} KiB, and reads ${READ_BYTES_MAX} bytes a get`,
    run(subject) {
      const disk = written(subject);
      let bytes = 0;
      for (let i = 1; i <= PRESENT; i++) {
        const { table, pool, counted } = opened(disk);
        get(table, 1); // which loads index and filter, and perhaps the first block
        if (i === 1) {
          assertAtMost(pool.stats().usedBytes / 1024, MEMORY_KIB_MAX, "KiB of index and filter");
        }
        counted.bytes = 0;
        get(table, 2 * Math.floor(i * (ENTRIES - 1) / PRESENT));
        bytes += counted.bytes;
      }
      assertAtMost(bytes / PRESENT, READ_BYTES_MAX, "bytes read for a get");
    },
  },
];

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a table that is small on disk and read little, with a small index and filter",
  own: {
    options: { blockBytes: 4096, restartInterval: 16, filterBits: 15, compression: "snappy" },
  },
  cases,
};
