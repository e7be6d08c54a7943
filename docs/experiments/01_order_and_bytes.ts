/**
 * **What.** The experiment of chapter 1: numbers are encoded in four ways and sorted by their bytes. How wrong is the
 * order, and what does somebody get who asks for a range?
 *
 * **Invariants.**
 * 1. Every encoding is given the same numbers and the same ranges.
 *
 * **Read next.** `../01_order_and_bytes.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { compareBytes } from "../../lib/bytes.ts";
import { number, utf8 } from "../../lib/codec.ts";
import { generator, type Random } from "../../lib/random.ts";
import { type Experiment, median, type Outcome, rounded, type Table } from "./experiment.ts";
import { Plot } from "./plot.ts";

/** How many different numbers are encoded. */
const COUNT = 1000;
/** How many of them each range should have. */
const RANGE = 100;
const RANGES = 50;

interface Encoding {
  readonly name: string;
  encode(value: number): Uint8Array;
}

function double(value: number, isLittleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, isLittleEndian);
  return bytes;
}

const ENCODINGS: readonly Encoding[] = [
  { name: "decimal text", encode: (value) => utf8.encode(String(value)) },
  { name: "double, little-endian", encode: (value) => double(value, true) },
  { name: "double, big-endian", encode: (value) => double(value, false) },
  { name: "number codec", encode: number.encode },
];

const DATA: readonly { readonly name: string; draw(random: Random): number }[] = [
  { name: "temperatures, -40 to 40", draw: (random) => (random(8001) - 4000) / 100 },
  // Small ones are more likely, as with most things that are counted.
  { name: "counts, 1 to 100 000", draw: (random) => 1 + random(10 ** (1 + random(5))) },
  // All of them have 13 digits.
  { name: "times of one day, in ms", draw: (random) => 1_700_000_000_000 + random(86_400_000) },
];

/** As many different numbers, in order. */
function distinct(draw: (random: Random) => number, random: Random): number[] {
  const values = new Set<number>();
  while (values.size < COUNT) values.add(draw(random));
  return [...values].sort((a, b) => a - b);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length);
}

/** How many pairs of keys, given in the order of their values, are in the wrong order of bytes. */
function inversions(keys: readonly Uint8Array[]): number {
  let count = 0;
  for (let i = 0; i < keys.length; i++) {
    for (let j = i + 1; j < keys.length; j++) if (compare(keys[i]!, keys[j]!) > 0) count++;
  }
  return count;
}

/** What a scan from the bytes of one value to those of another gives: how many keys that belong there, and others. */
function scan(keys: readonly Uint8Array[], first: number): { found: number; foreign: number } {
  const last = first + RANGE - 1;
  let found = 0;
  let foreign = 0;
  keys.forEach((key, i) => {
    if (compare(key, keys[first]!) < 0 || compare(key, keys[last]!) > 0) return;
    if (i >= first && i <= last) found++;
    else foreign++;
  });
  return { found, foreign };
}

/** What a comparison costs: of bytes that keep order, and of bytes that have to be decoded first. */
function measure(values: readonly number[]): Table {
  const json = values.map((value) => utf8.encode(JSON.stringify(value)));
  const ordered = values.map((value) => number.encode(value));
  const decoder = new TextDecoder();
  const ways: readonly [string, (i: number, j: number) => number][] = [
    ["bytes of the number codec, as they are", (i, j) => compare(ordered[i]!, ordered[j]!)],
    [
      "bytes of the number codec, decoded",
      (i, j) => number.decode(ordered[i]!) - number.decode(ordered[j]!),
    ],
    [
      "bytes of JSON, decoded",
      (i, j) => JSON.parse(decoder.decode(json[i]!)) - JSON.parse(decoder.decode(json[j]!)),
    ],
  ];
  const rounds = 200_000;
  const rows = ways.map(([name, way]) => {
    let sink = 0;
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      for (let i = 0; i < rounds; i++) sink += way(i % COUNT, (i * 7919) % COUNT) > 0 ? 1 : 0;
      return (performance.now() - start) * 1e6 / rounds;
    });
    assert(sink > 0);
    return [name, `${rounded(median(times), 0)} ns`];
  });
  return { columns: ["what is compared", "a comparison"], rows };
}

function run(seed: number, withTimes: boolean): Outcome {
  const random = generator(seed);
  const pairs = COUNT * (COUNT - 1) / 2;
  let temperatures: number[] = [];
  const results = DATA.flatMap(({ name: data, draw }) => {
    const values = distinct(draw, random);
    if (temperatures.length === 0) temperatures = values;
    const starts = Array.from({ length: RANGES }, () => random(COUNT - RANGE + 1));
    return ENCODINGS.map(({ name, encode }) => {
      const keys = values.map(encode);
      const scans = starts.map((first) => scan(keys, first));
      // A range of plain doubles is whole, or empty where its end comes before its beginning.
      if (name === "double, big-endian") {
        assert(scans.every(({ found }) => found === 0 || found === RANGE), "whole or empty");
      }
      const mean = (of: "found" | "foreign") =>
        scans.reduce((sum, one) => sum + one[of], 0) / scans.length;
      const wrong = 100 * inversions(keys) / pairs;
      return { data, name, wrong, found: mean("found"), foreign: mean("foreign") };
    });
  });
  const of = (data: number, encoding: number) => results[data * ENCODINGS.length + encoding]!;
  for (let data = 0; data < DATA.length; data++) {
    const { wrong, found, foreign } = of(data, 3);
    assertEquals([wrong, found, foreign], [0, RANGE, 0], "the number codec keeps order");
  }
  // With a share p of negative numbers, p² of the pairs are of two of them, 2p(1 - p) of one: all in the wrong order.
  const p = temperatures.filter((value) => value < 0).length / COUNT;
  assert(Math.abs(of(0, 2).wrong - 100 * (p * p + 2 * p * (1 - p))) < 0.2, "as calculated");
  assertEquals(of(1, 2).wrong, 0, "big-endian doubles above 0 are in order");
  assertEquals(of(2, 0).wrong, 0, "and so are texts of one length");
  assert(of(1, 0).wrong > 10 && of(0, 0).wrong > 20, "others are not");
  for (let data = 0; data < DATA.length; data++) {
    assert(of(data, 1).wrong > 20, "little-endian is no order");
  }
  return {
    counts: {
      columns: [
        "numbers",
        "encoding",
        "pairs in the wrong order",
        `of ${RANGE} keys in a range, found`,
        "others found",
      ],
      rows: results.map(({ data, name, wrong, found, foreign }) => [
        data,
        name,
        `${rounded(wrong, 1)} %`,
        rounded(found, 1),
        rounded(foreign, 1),
      ]),
    },
    plot: {
      height: 320,
      marginLeft: 170,
      marginRight: 150,
      x: {
        label: "pairs in the wrong order, % (shuffled numbers have 50)",
        domain: [0, 100],
        grid: true,
      },
      y: { axis: null, domain: ENCODINGS.map(({ name }) => name) },
      fy: { axis: "left", label: null, domain: DATA.map(({ name }) => name) },
      marks: [
        Plot.barX(results, { x: "wrong", y: "name", fy: "data", fill: "name" }),
        Plot.text(results, {
          x: "wrong",
          y: "name",
          fy: "data",
          text: ({ name, wrong }: typeof results[number]) => `${name}: ${rounded(wrong, 1)}`,
          textAnchor: "start",
          dx: 6,
        }),
        Plot.ruleX([0]),
      ],
    },
    ...(withTimes ? { times: measure(temperatures) } : {}),
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How wrong is the order of numbers that are encoded without care?",
  alt:
    "Bars of pairs in the wrong order. The number codec has none. Big-endian doubles have three quarters of them " +
    "wrong when half of the numbers are negative, and none otherwise. Decimal text is right for numbers of one " +
    "length only, little-endian doubles for none.",
  run: ({ seed, withTimes }) => run(seed, withTimes),
};
