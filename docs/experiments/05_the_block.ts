/**
 * **What.** The experiment of chapter 5: the same entries in blocks with restart points at different distances. What do
 * they take, and how many entries does a search look at? Beside them is another way to leave out what keys share.
 *
 * **Invariants.**
 * 1. All blocks are cut when they reach 4 KiB, as those of a table are.
 *
 * **Read next.** `../05_the_block.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { BlockBuilder } from "../../lib/block_builder.ts";
import { putVarint } from "../../lib/coding.ts";
import { snappy } from "../../lib/compression.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "../../lib/internal_key.ts";
import { generator, type Random } from "../../lib/random.ts";
import { WatchedBlock } from "../figures/05_search.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { Plot } from "./plot.ts";

const ENTRIES = 8_000;
const BLOCK_BYTES = 4096;
const VALUE_BYTES = 16;
const INTERVALS = [1, 2, 4, 8, 16, 32, 64];
/** The intervals that the table shows. */
const SHOWN = [1, 4, 16, 64];
const WORDS = "basalt chalk clay coal flint gneiss granite loam marl sand shale slate tuff".split(
  " ",
);

const comparator = new InternalKeyComparator();

/** Keys as one meets them: a name, and a key made of random numbers. */
const SHAPES: readonly (readonly [name: string, make: (random: Random) => string])[] = [
  [
    "random",
    (random) => Array.from({ length: 16 }, () => String.fromCharCode(33 + random(94))).join(""),
  ],
  ["numbers", (random) => `user:${String(random(1_000_000)).padStart(12, "0")}`],
  [
    "paths",
    (random) => {
      const word = () => WORDS[random(WORDS.length)]!;
      const folders = `/survey/${word()}/core-${random(20)}/layer-${random(50)}`;
      return `${folders}/${word()}-${word()}-${random(1000)}.json`;
    },
  ],
];

/** What entries in blocks take, and what searching them costs. */
interface Packed {
  readonly bytes: number;
  readonly compressed: number;
  readonly blocks: number;
  /** Entries that a search looks at, on average. */
  readonly looked: number;
}

function keysOf(make: (random: Random) => string, seed: number): Uint8Array[] {
  const random = generator(seed);
  const texts = new Set<string>();
  while (texts.size < ENTRIES) texts.add(make(random));
  // Compared as bytes: all characters are ASCII.
  return [...texts].sort((a, b) => a < b ? -1 : 1)
    .map((text, i) => makeInternalKey(new TextEncoder().encode(text), i + 1, KIND_VALUE));
}

/** Values that are hexadecimal numbers: half of each byte says nothing. */
function valuesOf(seed: number): Uint8Array[] {
  const random = generator(seed + 1);
  const digits = new TextEncoder().encode("0123456789abcdef");
  return Array.from(
    { length: ENTRIES },
    () => Uint8Array.from({ length: VALUE_BYTES }, () => digits[random(16)]!),
  );
}

/** What is stored of a block: compressed if that saves an eighth. */
function compressedBytes(block: Uint8Array, end: number): number {
  return snappy.compress(block, 0, end)?.length ?? end;
}

/** How many entries are looked at to find each key of a block. */
function looksIn(block: Uint8Array, end: number, keys: readonly Uint8Array[]): number {
  const stored = new WatchedBlock(end);
  stored.bytes.set(block.subarray(0, end));
  stored.accept(end, "experiment", 0);
  stored.looks.length = 0;
  for (const key of keys) assert(stored.search(comparator, key, 0, key.length), "a key is lost");
  return stored.looks.length;
}

/** Packs entries as the engine does. */
function pack(
  keys: readonly Uint8Array[],
  values: readonly Uint8Array[],
  interval: number,
): Packed {
  const builder = new BlockBuilder(interval);
  let bytes = 0;
  let compressed = 0;
  let blocks = 0;
  let looked = 0;
  let first = 0;
  for (let i = 0; i < keys.length; i++) {
    builder.add(keys[i]!, 0, keys[i]!.length, values[i]!, 0, VALUE_BYTES);
    if (builder.bytes < BLOCK_BYTES && i < keys.length - 1) continue;
    const end = builder.finish();
    bytes += end;
    compressed += compressedBytes(builder.buffer, end);
    looked += looksIn(builder.buffer, end, keys.slice(first, i + 1));
    blocks++;
    first = i + 1;
    builder.reset();
  }
  return { bytes, compressed, blocks, looked: looked / keys.length };
}

/**
 * Packs them another way: each key without what it shares with the *first* one of its block, and at the end the offset
 * of every entry, in two bytes. Then each entry can be looked at by itself, and a search is halving, to the end.
 */
function packByFirst(keys: readonly Uint8Array[], values: readonly Uint8Array[]): Packed {
  const block = new Uint8Array(2 * BLOCK_BYTES);
  const packed = { bytes: 0, compressed: 0, blocks: 0, looked: 0 };
  let first = 0;
  let at = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    let shared = 0;
    while (i > first && key[shared] === keys[first]![shared]) shared++;
    at = putVarint(block, at, shared);
    at = putVarint(block, at, key.length - shared);
    at = putVarint(block, at, VALUE_BYTES);
    block.set(key.subarray(shared), at);
    block.set(values[i]!, at + key.length - shared);
    at += key.length - shared + VALUE_BYTES;
    const count = i + 1 - first;
    const end = at + 2 * count + 2;
    if (end < BLOCK_BYTES && i < keys.length - 1) continue;
    // The offsets grow evenly, more or less; what matters is that they do not compress.
    for (let j = 0; j <= count; j++) {
      new DataView(block.buffer).setUint16(at + 2 * j, (at * j) / count);
    }
    packed.bytes += end;
    packed.compressed += compressedBytes(block, end);
    packed.looked += halvings(count);
    packed.blocks++;
    first = i + 1;
    at = 0;
  }
  return { ...packed, looked: packed.looked / keys.length };
}

/** How many of `count` entries halving looks at to find each of them once, all together. */
function halvings(count: number): number {
  let looks = 0;
  for (let wanted = 0; wanted < count; wanted++) {
    let low = 0;
    for (let high = count; low < high; looks++) {
      const middle = (low + high) >>> 1;
      if (middle < wanted) low = middle + 1;
      else high = middle;
    }
  }
  return looks + count; // and once more, for its value
}

/** What the chapter says of keys of a shape, packed at each of the intervals and by the first key. */
function check(shape: string, each: ReadonlyMap<number, Packed>, byFirst: Packed): void {
  const [one, four, sixteen, last] = [1, 4, 16, 64].map((interval) => each.get(interval)!) as [
    Packed,
    Packed,
    Packed,
    Packed,
  ];
  assert(four.bytes < one.bytes && four.looked < one.looked + 0.1, `${shape}: four is better`);
  assert(sixteen.bytes - last.bytes < 0.05 * sixteen.bytes, `${shape}: little is left to save`);
  const more = byFirst.bytes / sixteen.bytes - 1;
  assert(byFirst.looked < sixteen.looked && more > 0.05 && more < 0.17, `${shape}: ${more} more`);
  if (shape === "random") assert(sixteen.compressed === sixteen.bytes, "it does not compress");
  else assert(sixteen.compressed < 0.95 * one.compressed, `${shape}: Snappy alone does as well`);
}

/** What the chapter's "Predict" says of a block of 128 entries: entries looked at, on average and at most. */
function checkPrediction(): void {
  const keys = Array.from(
    { length: 128 },
    (_, i) => makeInternalKey(new TextEncoder().encode(`user:${1000 + i}`), i + 1, KIND_VALUE),
  );
  const predicted = [[16, 12.4, 20], [1, 9, 9], [128, 64.5, 128]] as const;
  for (const [interval, average, most] of predicted) {
    const builder = new BlockBuilder(interval);
    for (const key of keys) builder.add(key, 0, key.length, key, 0, 4);
    const end = builder.finish();
    const looks = keys.map((key) => looksIn(builder.buffer, end, [key]));
    const sum = looks.reduce((all, one) => all + one, 0);
    assertEquals([interval, rounded(sum / 128, 1), Math.max(...looks)], [
      interval,
      rounded(average, 1),
      most,
    ]);
  }
}

function run(seed: number): Outcome {
  checkPrediction();
  const values = valuesOf(seed);
  const rows: (string | number)[][] = [];
  const points: { shape: string; interval: number; bytes: number; looked: number }[] = [];
  for (const [shape, make] of SHAPES) {
    const keys = keysOf(make, seed);
    const row = (how: string, { bytes, compressed, blocks, looked }: Packed, formula: string) => {
      const sizes = [bytes, compressed].map((sum) => rounded(sum / ENTRIES, 1));
      rows.push([shape, how, rounded(ENTRIES / blocks, 0), ...sizes, rounded(looked, 1), formula]);
    };
    const each = new Map<number, Packed>();
    for (const interval of INTERVALS) {
      const packed = pack(keys, values, interval);
      each.set(interval, packed);
      const { bytes, blocks, looked } = packed;
      points.push({ shape, interval, bytes: bytes / ENTRIES, looked });
      // Halve the restart points, then go through half a group; one more, for a key may end the group before.
      const formula = Math.log2(ENTRIES / blocks / interval) + (interval + 3) / 2;
      if (interval <= 16) assert(Math.abs(looked - formula) < 1, `${shape} ${interval}: ${looked}`);
      if (SHOWN.includes(interval)) row(`each ${interval}`, packed, rounded(formula, 1));
    }
    const byFirst = packByFirst(keys, values);
    check(shape, each, byFirst);
    row("by the first key", byFirst, rounded(Math.log2(ENTRIES / byFirst.blocks) + 1, 1));
  }
  return {
    counts: {
      columns: [
        "keys",
        "whole keys",
        "entries in a block",
        "bytes per entry",
        "with Snappy",
        "looked at per search",
        "formula",
      ],
      rows,
    },
    plot: plotOf(points),
  };
}

function plotOf(
  points: readonly { shape: string; interval: number; bytes: number; looked: number }[],
): Outcome["plot"] {
  return {
    height: 340,
    marginRight: 30,
    x: { label: "entries looked at per search", grid: true, domain: [5, 36], ticks: 4 },
    y: { label: "bytes per entry", grid: true, domain: [20, 90] },
    fx: { label: null, domain: SHAPES.map(([shape]) => shape), padding: 0.1 },
    marks: [
      Plot.frame({ strokeOpacity: 0.3 }),
      Plot.line(points, { fx: "shape", x: "looked", y: "bytes", stroke: "shape" }),
      Plot.dot(points, { fx: "shape", x: "looked", y: "bytes", fill: "shape", r: 4 }),
      Plot.text(points.filter(({ interval }) => interval >= 8), {
        fx: "shape",
        x: "looked",
        y: "bytes",
        text: ({ interval }) => String(interval),
        dy: 16,
      }),
      Plot.text(points.filter(({ interval }) => interval === 1), {
        fx: "shape",
        x: "looked",
        y: "bytes",
        text: () => "every key whole",
        textAnchor: "start",
        dx: 8,
        dy: -8,
      }),
    ],
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What do restart points cost, and what do they save?",
  alt:
    "Bytes per entry against entries looked at per search, for restart intervals from 1 to 64, keys of three kinds. " +
    "From 1 to 4 the curves fall steeply and a search costs the same; from 16 on they are flat and it costs more. " +
    "For random keys they hardly fall at all.",
  run: ({ seed }) => run(seed),
};
