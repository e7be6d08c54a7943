/**
 * **What.** The experiment of chapter 6: how many absent keys slip through a filter, by the formula, through one large
 * filter, through filters as small as those of a table, and through these if each probe had a hash of its own.
 *
 * **Invariants.**
 * 1. All filters are asked for the same absent keys, and none for a key that it was made of.
 *
 * **Read next.** `../06_bloom_filters.md`
 *
 * @module
 */
import { assert } from "@std/assert";
import { BloomFilterBuilder, bloomHash, mayContain } from "../../lib/bloom_filter.ts";
import { putFixed32 } from "../../lib/coding.ts";
import { generator } from "../../lib/random.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { COLOURS, Plot } from "./plot.ts";

const BITS_MAX = 20;
/** Keys of the large filter, and of all small ones together. */
const KEYS = 10_000;
/** Keys of a small filter: a block of 4 KiB has as many entries of 128 bytes. */
const SMALL_KEYS = 32;
const QUESTIONS = 400_000;
const KEY_BYTES = 16;
const SERIES = ["10 000 keys", `${SMALL_KEYS} keys`, `${SMALL_KEYS}, independent probes`];

/** A filter that is asked by hash, and the probes that it makes. */
interface Filter {
  readonly probes: number;
  has(hash: number): boolean;
}

/** Random keys, one behind the other. */
function drawKeys(count: number, seed: number): Uint8Array {
  const random = generator(seed);
  const keys = new Uint8Array(count * KEY_BYTES);
  for (let at = 0; at < keys.length; at += 4) putFixed32(keys, at, random(2 ** 32));
  return keys;
}

function hashesOf(keys: Uint8Array): Uint32Array {
  return Uint32Array.from(
    { length: keys.length / KEY_BYTES },
    (_, i) => bloomHash(keys, i * KEY_BYTES, (i + 1) * KEY_BYTES),
  );
}

/** The engine's filter. */
function filterOf(keys: Uint8Array, bitsPerKey: number): Filter {
  const builder = new BloomFilterBuilder(bitsPerKey);
  for (let at = 0; at < keys.length; at += KEY_BYTES) builder.add(keys, at, at + KEY_BYTES);
  const bytes = new Uint8Array(builder.filterBytes);
  builder.finish(bytes, 0);
  return { probes: bytes.at(-1)!, has: (hash) => mayContain(bytes, 0, bytes.length, hash) };
}

/** The same, but for where the probes are: each has a hash of its own, made by mixing the key's with its number. */
function independentFilterOf(hashes: Uint32Array, bitsPerKey: number, probes: number): Filter {
  const bits = new Uint8Array(Math.max(64, Math.ceil(hashes.length * bitsPerKey / 8) * 8));
  const place = (hash: number, probe: number) => {
    let mixed = Math.imul(hash ^ Math.imul(probe + 1, 0x9e3779b1), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0x27d4eb2f);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % bits.length;
  };
  for (const hash of hashes) {
    for (let probe = 0; probe < probes; probe++) bits[place(hash, probe)] = 1;
  }
  const has = (hash: number) => {
    for (let probe = 0; probe < probes; probe++) if (bits[place(hash, probe)] === 0) return false;
    return true;
  };
  return { probes, has };
}

/** Which share of the absent keys slips through, each filter being asked for as many of them. */
function rate(filters: readonly Filter[], absent: Uint32Array): number {
  const each = Math.floor(absent.length / filters.length);
  let passed = 0;
  filters.forEach(({ has }, f) => {
    for (let i = f * each; i < (f + 1) * each; i++) if (has(absent[i]!)) passed++;
  });
  return passed / (each * filters.length);
}

/** What the textbook says: each of k probes finds one of the bits that kn others have set. */
function formula(probes: number, bitsPerKey: number): number {
  return (1 - Math.exp(-probes / bitsPerKey)) ** probes;
}

/** How many different bits a key of that hash asks for. */
function bitsAsked(hash: number, probes: number, bits: number): number {
  const asked = new Set<number>();
  const delta = (hash >>> 17) | (hash << 15);
  for (let probe = 0; probe < probes; probe++) {
    asked.add(hash % bits);
    hash = (hash + delta) >>> 0;
  }
  return asked.size;
}

/** Of the absent keys that slip through small filters of 16 bits a key, which share asks for at most 8 bits of 512. */
function shareOfRepeats(keys: Uint8Array, absent: Uint32Array): number {
  let passed = 0;
  let repeats = 0;
  for (let f = 0; f < 200; f++) {
    const from = f * SMALL_KEYS * KEY_BYTES;
    const { has, probes } = filterOf(keys.subarray(from, from + SMALL_KEYS * KEY_BYTES), 16);
    for (const hash of absent.subarray(0, 20_000)) {
      if (!has(hash)) continue;
      passed++;
      if (bitsAsked(hash, probes, SMALL_KEYS * 16) <= 8) repeats++;
    }
  }
  return repeats / passed;
}

/** What is counted for filters of so many bits a key. */
function measure(bits: number, keys: Uint8Array, hashes: Uint32Array, absent: Uint32Array) {
  const parts = Array.from({ length: Math.floor(KEYS / SMALL_KEYS) }, (_, i) => i * SMALL_KEYS);
  const large = filterOf(keys, bits);
  const small = parts.map((from) =>
    filterOf(keys.subarray(from * KEY_BYTES, (from + SMALL_KEYS) * KEY_BYTES), bits)
  );
  const { probes } = large;
  const independent = parts.map((from) =>
    independentFilterOf(hashes.subarray(from, from + SMALL_KEYS), bits, probes)
  );
  return {
    bits,
    probes,
    formula: formula(probes, bits),
    large: rate([large], absent),
    small: rate(small, absent),
    independent: rate(independent, absent),
  };
}

function check(rows: readonly ReturnType<typeof measure>[]): void {
  for (const { bits, formula, large, small, independent } of rows) {
    if (bits > 12) continue; // too few slip through to compare them
    assert(large < formula * 1.2 && large > formula * 0.85, `${bits} bits, large`);
    if (bits > 2) {
      assert(independent < formula * 1.35 && independent > formula * 0.85, `${bits}, independent`);
    }
    if (bits <= 10) assert(small < formula * 1.5, `${bits} bits, small`);
  }
  const excessOf = (key: "large" | "small", ...of: number[]) =>
    of.reduce((sum, bits) => sum + rows[bits - 1]![key] / rows[bits - 1]!.formula - 1, 0) /
    of.length;
  const last = rows.at(-1)!;
  // Steps that repeat bits are the rarer, the larger a filter is.
  const scale = SMALL_KEYS / 32;
  const [ten, twenty] = [excessOf("small", 10) * scale, excessOf("small", 20) * scale];
  assert(ten > 0.15 && ten < 0.35, `10 bits, small: a quarter more, not ${ten}`);
  assert(twenty > 7 && twenty < 12, `20 bits, small: ten times as many, not ${twenty}`);
  if (SMALL_KEYS < 64) assert(rows[0]!.small < rows[0]!.large, "the smallest have 64 bits");
  assert(last.small > 3 * last.large, "small filters do not get much better");
  assert(last.small > 3 * last.independent, "because of the positions");
  const [threes, others] = [excessOf("large", 3, 6, 9, 12), excessOf("large", 4, 5, 7, 8, 10, 11)];
  assert(threes > 0.08 && threes < 0.16, `bits divisible by 3: an eighth more, not ${threes}`);
  assert(others < threes / 2, `other numbers of bits: half of that or less, not ${others}`);
  assert(last.large < 2.5 * last.formula, "large ones do");
}

function run(seed: number): Outcome {
  const keys = drawKeys(KEYS, seed);
  const hashes = hashesOf(keys);
  const absent = hashesOf(drawKeys(QUESTIONS, seed + 1_000_000));
  const measured = Array.from(
    { length: BITS_MAX },
    (_, i) => measure(i + 1, keys, hashes, absent),
  );
  check(measured);
  const repeats = shareOfRepeats(keys, absent);
  if ((SMALL_KEYS & (SMALL_KEYS - 1)) === 0) { // and so is its number of bits
    assert(repeats > 0.5 && repeats < 0.65, "more than half of them ask for some bits again");
  }
  const percent = (share: number) => rounded(share * 100, share < 0.01 ? 4 : 2);
  const points = measured.flatMap(({ bits, large, small, independent }) => [
    { bits, series: SERIES[0], percent: large * 100, dy: 9 },
    { bits, series: SERIES[1], percent: small * 100, dy: 0 },
    { bits, series: SERIES[2], percent: independent * 100, dy: -9 },
  ]);
  const line = measured.map(({ bits, formula }) => ({ bits, percent: formula * 100 }));
  const ends = points.filter(({ bits }) => bits === BITS_MAX);
  return {
    counts: {
      columns: [
        "bits a key",
        "probes",
        "formula, %",
        ...SERIES.map((name) => `${name}, %`),
      ],
      rows: measured.map((row) => [
        row.bits,
        row.probes,
        percent(row.formula),
        percent(row.large),
        percent(row.small),
        percent(row.independent),
      ]),
    },
    plot: {
      height: 400,
      marginRight: 190,
      marginBottom: 56,
      x: {
        label: "bits a key",
        labelAnchor: "center",
        labelArrow: "none",
        ticks: 10,
        domain: [1, BITS_MAX],
      },
      y: {
        type: "log",
        domain: [0.003, 100],
        label: "absent keys that slip through, %",
        grid: true,
        ticks: [100, 10, 1, 0.1, 0.01],
        tickFormat: (tick: number) => String(tick),
      },
      color: { domain: SERIES, range: [...COLOURS] },
      marks: [
        Plot.line(line, { x: "bits", y: "percent", stroke: "currentColor", strokeOpacity: 0.5 }),
        Plot.dot(points, { x: "bits", y: "percent", fill: "series", r: 3.5 }),
        ...ends.map((end) =>
          Plot.text([end], {
            x: "bits",
            y: "percent",
            text: "series",
            fill: "series",
            dx: 10,
            dy: end.dy,
            textAnchor: "start",
          })
        ),
        Plot.text([line[4]!], {
          x: "bits",
          y: "percent",
          text: ["formula (line)"],
          dx: -8,
          dy: 14,
          textAnchor: "end",
        }),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How many absent keys slip through, for so many bits a key?",
  alt:
    "False positives against bits a key, 1 to 20, on a logarithmic scale. The formula is a falling line, which the " +
    "large filter follows. Small filters follow it to about ten bits and then stay above it, ten times as high at " +
    "twenty bits; small filters with independent probes keep to it.",
  run: ({ seed }) => run(seed),
};
