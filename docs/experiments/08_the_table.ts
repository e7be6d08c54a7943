/**
 * **What.** The experiment of chapter 8: the same entries in tables with blocks of 256 bytes to 64 KiB. How often does
 * a get read, and how much, when a tenth of the table fits in memory?
 *
 * **Invariants.**
 * 1. Every table holds the same entries and is asked for the same keys, each time with an empty pool of the same size.
 * 2. Reads are counted where the file is read, not where somebody thinks that it is.
 *
 * **Read next.** `../08_the_table.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createBufferPool } from "../../lib/buffer_pool.ts";
import type { ReadableFile } from "../../lib/file_system.ts";
import { FOUND, InternalKeyComparator, Lookup, makeInternalKey } from "../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../lib/memory_file_system.ts";
import { generator } from "../../lib/random.ts";
import { readFooter } from "../../lib/table_format.ts";
import { TableReader } from "../../lib/table_reader.ts";
import { TableWriter } from "../../lib/table_writer.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { Plot } from "./plot.ts";

const ENTRIES = 20_000;
const VALUE_BYTES = 100;
const POOL_BYTES = 256 * 1024;
const WARM_UP_GETS = 500;
const GETS = 500;
const BLOCK_BYTES = [256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

const comparator = new InternalKeyComparator();
const encoder = new TextEncoder();

/** A file that counts how it is read. */
class CountedFile implements ReadableFile {
  reads = 0;
  bytes = 0;
  readonly #file: ReadableFile;

  constructor(file: ReadableFile) {
    this.#file = file;
  }
  get path(): string {
    return this.#file.path;
  }
  get size(): number {
    return this.#file.size;
  }
  read(into: Uint8Array, position: number): number {
    this.reads++;
    this.bytes += into.length;
    return this.#file.read(into, position);
  }
  close(): void {
    this.#file.close();
  }
}

/** Key `i`: those in a table are even, so that every odd one is absent and has neighbours. */
function keyOf(i: number): Uint8Array {
  return encoder.encode(`user:${String(i).padStart(12, "0")}`);
}

/** Writes a table of all even keys. */
function write(disk: MemoryFileSystem, blockBytes: number, filterBits: number): void {
  const value = new Uint8Array(VALUE_BYTES).fill(0x76);
  const options = { comparator, blockBytes, restartInterval: 16, compression: undefined };
  const writer = new TableWriter(disk.create("table"), { ...options, filterBits });
  for (let i = 0; i < ENTRIES; i++) {
    const key = makeInternalKey(keyOf(2 * i), 1, 1);
    writer.add(key, 0, key.length, value, 0, value.length);
  }
  writer.finish();
}

/** Reads per get of random keys, after enough gets that the pool has what it can have. */
function measure(file: CountedFile, isPresent: boolean, seed: number) {
  const random = generator(seed);
  const pool = createBufferPool({ capacityBytes: POOL_BYTES });
  const table = TableReader.open(file, { comparator, pool });
  const lookup = new Lookup();
  for (let i = 0; i < WARM_UP_GETS + GETS; i++) {
    if (i === WARM_UP_GETS) file.reads = file.bytes = 0;
    const key = keyOf(2 * random(ENTRIES) + (isPresent ? 0 : 1));
    lookup.reserve(key.length);
    lookup.key.set(key);
    lookup.begin(key.length, 1);
    table.get(lookup);
    assertEquals(lookup.outcome === FOUND, isPresent);
  }
  return { reads: file.reads / GETS, bytes: file.bytes / GETS };
}

/** What it takes to get keys from a table with blocks of that size. */
function measureBlocks(blockBytes: number, seed: number) {
  const disk = new MemoryFileSystem();
  const open = () => new CountedFile(disk.open("table"));
  write(disk, blockBytes, 0);
  const unfiltered = measure(open(), false, seed);
  write(disk, blockBytes, 10);
  const index = readFooter(disk.open("table")).index.bytes;
  const [present, absent] = [measure(open(), true, seed), measure(open(), false, seed)];
  return { blockBytes, tableBytes: disk.size("table"), index, present, absent, unfiltered };
}

type Measured = ReturnType<typeof measureBlocks>;

/** What the text claims. */
function check(measured: readonly Measured[]): void {
  const first = measured[0]!;
  const last = measured.at(-1)!;
  const best = measured.reduce((a, b) => a.present.bytes < b.present.bytes ? a : b);
  assert(first.present.reads > 1, "the index of tiny blocks does not stay in memory");
  assert(best !== first && best !== last, "neither the smallest nor the largest block is the best");
  for (const { blockBytes, present, absent, unfiltered } of measured) {
    if (blockBytes < 1024) continue;
    assert(present.reads <= 1 && unfiltered.reads <= 1, "one block at most");
    assert(absent.reads < 0.03, "a filter of ten bits lets one in a hundred through");
  }
}

function plotOf(measured: readonly Measured[]): Outcome["plot"] {
  const points = measured.flatMap(({ blockBytes, present, absent }) => [
    { blockBytes, bytes: present.bytes, key: "a key that is there" },
    { blockBytes, bytes: absent.bytes, key: "an absent one, with a filter" },
  ]);
  const ends = points.slice(-2);
  const block = measured.map(({ blockBytes }) => ({ blockBytes, bytes: blockBytes }));
  const label = { x: "blockBytes", y: "bytes", textAnchor: "start", dx: 8 } as const;
  return {
    marginRight: 210,
    x: {
      type: "log",
      base: 2,
      label: "bytes of a block →",
      ticks: BLOCK_BYTES,
      tickFormat: (bytes: number) => bytes < 1024 ? String(bytes) : `${bytes / 1024} Ki`,
    },
    y: { type: "log", label: "↑ bytes read for a get", grid: true, ticks: 6, tickFormat: "~s" },
    marks: [
      Plot.line(block, { x: "blockBytes", y: "bytes", strokeDasharray: "4 3" }),
      Plot.line(points, { x: "blockBytes", y: "bytes", stroke: "key" }),
      Plot.dot(points, { x: "blockBytes", y: "bytes", fill: "key" }),
      Plot.text(ends, { ...label, text: "key", fill: "key", dy: 6 }),
      Plot.text(block.slice(-1), { ...label, text: () => "one whole block", dy: -8 }),
    ],
  };
}

function run(seed: number): Outcome {
  const measured = BLOCK_BYTES.map((blockBytes) => measureBlocks(blockBytes, seed));
  check(measured);
  const rows = measured.map(({ blockBytes, tableBytes, index, present, absent, unfiltered }) => [
    blockBytes,
    rounded(tableBytes / 1024, 0),
    rounded(index / 1024, 1),
    rounded(present.reads, 2),
    rounded(present.bytes, 0),
    rounded(unfiltered.reads, 2),
    rounded(absent.reads, 3),
  ]);
  return {
    counts: {
      columns: [
        "block, bytes",
        "table, KiB",
        "index, KiB",
        "reads: present",
        "bytes read: present",
        "reads: absent, no filter",
        "reads: absent",
      ],
      rows,
    },
    plot: plotOf(measured),
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How large should a block be?",
  alt:
    "Bytes read for a get against the bytes of a block. With blocks of 256 bytes a get reads 240 KiB, all of the " +
    "index; from 512 bytes on about one block, so the line rises with its size. An absent key takes a hundredth.",
  run: ({ seed }) => run(seed),
};
