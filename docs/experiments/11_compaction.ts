/**
 * **What.** The experiment of chapter 11: a tree is overwritten at random, with levels that grow by different factors.
 * How much is written, how many runs are there to look into, how much room does it take? And how much by tiers, where
 * runs are collected before they are merged?
 *
 * **Invariants.**
 * 1. What is compacted, and where outputs are cut, is decided by the engine's own rules on real versions. Tables are
 *    simulated: lists of keys, of which a merge is the union. So the factor, which is 10 in a database, can be varied.
 * 2. Leveled and tiered trees take the same writes from memtables of the same size, and are counted only once they hold
 *    all keys.
 *
 * **Read next.** `../11_compaction.md`
 *
 * @module
 */
import { assert } from "@std/assert";
import { compactionEdit, tablesRead } from "../../lib/compaction.ts";
import {
  type CompactionPlan,
  DEFAULT_PICKER_OPTIONS,
  pickCompaction,
  type PickerOptions,
} from "../../lib/compaction_picker.ts";
import { OutputCutter } from "../../lib/compaction_rules.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "../../lib/internal_key.ts";
import { generator } from "../../lib/random.ts";
import { Version } from "../../lib/version.ts";
import { emptyVersionEdit, LEVELS, type TableMeta } from "../../lib/version_edit.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { Plot } from "./plot.ts";

const KEYS = 30_000;
/** Entries of a memtable, which have different keys, and of a table. */
const TABLE_ENTRIES = 64;
/** Sizes here are in entries; the rules take them for bytes. */
const ENTRY_BYTES = 1;
const FLUSHES = 1000;
const RATIOS = [3, 4, 6, 10, 16, 32];
const LEVEL_ZERO_TABLES = 4;
const COMPARATOR = new InternalKeyComparator();
const NAMES = Array.from(
  { length: KEYS },
  (_, key) =>
    makeInternalKey(new TextEncoder().encode(String(key).padStart(5, "0")), 1, KIND_VALUE),
);

/** What is counted of a tree. */
interface Cost {
  /** Entries written to tables for each one put. */
  readonly write: number;
  /** Sorted runs that a read may have to look into, on average. */
  readonly runs: number;
  /** Entries in tables for each key, on average. */
  readonly space: number;
}

/** The keys of each memtable: first all keys once in random order, then as many again at random. */
function memtablesOf(seed: number): number[][] {
  const random = generator(seed);
  const all = Array.from({ length: KEYS }, (_, key) => key);
  for (let i = KEYS - 1; i > 0; i--) {
    const j = random(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  const memtables: number[][] = [];
  for (let i = 0; i < KEYS; i += TABLE_ENTRIES) memtables.push(all.slice(i, i + TABLE_ENTRIES));
  for (let i = 0; i < FLUSHES; i++) {
    const keys = new Set<number>();
    while (keys.size < TABLE_ENTRIES) keys.add(random(KEYS));
    memtables.push([...keys]);
  }
  return memtables;
}

/** A leveled tree of simulated tables, compacted by the engine's rules. */
class LeveledTree {
  readonly #options: PickerOptions;
  readonly #compactPointers: (Uint8Array | undefined)[] = Array(LEVELS).fill(undefined);
  /** The keys of each table, in order. */
  readonly #keys = new Map<number, Int32Array>();
  #nextNumber = 1;
  /** The tables that there are. */
  version: Version = Version.empty(COMPARATOR);
  /** Entries of tables written so far. */
  written = 0;

  constructor(levelMultiplier: number) {
    this.#options = {
      ...DEFAULT_PICKER_OPTIONS,
      tableBytes: TABLE_ENTRIES * ENTRY_BYTES,
      levelZeroTrigger: LEVEL_ZERO_TABLES,
      baseLevelBytes: LEVEL_ZERO_TABLES * TABLE_ENTRIES * ENTRY_BYTES,
      levelMultiplier,
      seekCompaction: false,
    };
  }

  /** Adds a memtable to level 0, and compacts until nothing is due. */
  flush(keys: readonly number[]): void {
    const table = this.#write(Int32Array.from(keys).sort());
    this.version = this.version.apply({ ...emptyVersionEdit(), added: [{ level: 0, table }] });
    for (;;) {
      const plan = pickCompaction(this.version, this.#compactPointers, this.#options);
      if (plan === undefined) return;
      const edit = compactionEdit(plan, plan.isTrivialMove ? plan.inputs : this.#merge(plan));
      this.version = this.version.apply(edit);
      this.#compactPointers[plan.level] = plan.compactPointer;
    }
  }

  /** The union of what a plan reads, cut into tables. */
  #merge(plan: CompactionPlan): TableMeta[] {
    const read = tablesRead(plan).flat().map(({ number }) => this.#keys.get(number)!);
    const all = new Int32Array(read.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const keys of read) {
      all.set(keys, at);
      at += keys.length;
    }
    all.sort();
    for (const { number } of tablesRead(plan).flat()) this.#keys.delete(number);
    const cutter = new OutputCutter(COMPARATOR, plan.grandparents, this.#options);
    const tables: TableMeta[] = [];
    let output: number[] = [];
    for (let i = 0; i < all.length; i++) {
      const key = all[i]!;
      if (i > 0 && key === all[i - 1]) continue;
      const name = NAMES[key]!;
      if (cutter.isCutBefore(name, 0, name.length, output.length * ENTRY_BYTES)) {
        tables.push(this.#write(Int32Array.from(output)));
        output = [];
      }
      output.push(key);
    }
    return [...tables, this.#write(Int32Array.from(output))];
  }

  #write(keys: Int32Array): TableMeta {
    const number = this.#nextNumber++;
    this.#keys.set(number, keys);
    this.written += keys.length;
    const smallest = NAMES[keys[0]!]!;
    const largest = NAMES[keys.at(-1)!]!;
    return { number, bytes: keys.length * ENTRY_BYTES, smallest, largest, allowedSeeks: 100 };
  }
}

/** What a leveled tree costs. */
function leveled(memtables: readonly number[][], ratio: number): Cost {
  const tree = new LeveledTree(ratio);
  let before = 0;
  let runs = 0;
  let entries = 0;
  for (const [i, keys] of memtables.entries()) {
    if (i === memtables.length - FLUSHES) before = tree.written;
    tree.flush(keys);
    if (i < memtables.length - FLUSHES) continue;
    const { version } = tree;
    for (let level = 0; level < LEVELS; level++) {
      const tables = version.tableCount(level);
      runs += level === 0 ? tables : Math.min(tables, 1);
      entries += version.levelBytes(level) / ENTRY_BYTES;
    }
  }
  return {
    write: (tree.written - before) / (FLUSHES * TABLE_ENTRIES),
    runs: runs / FLUSHES,
    space: entries / FLUSHES / KEYS,
  };
}

/** A tiered tree: a level collects runs, and once there are so many it merges them to one of the next. */
function tiered(memtables: readonly number[][], ratio: number): Cost {
  const depth = Math.max(1, Math.ceil(Math.log(KEYS / TABLE_ENTRIES) / Math.log(ratio)));
  const levels: number[][][] = Array.from({ length: depth }, () => []);
  let written = 0;
  let runs = 0;
  let entries = 0;
  for (const [i, keys] of memtables.entries()) {
    const isCounted = i >= memtables.length - FLUSHES;
    levels[0]!.push(keys);
    if (isCounted) written += keys.length;
    for (let level = 0; level < depth && levels[level]!.length >= ratio; level++) {
      const merged = [...new Set(levels[level]!.flat())];
      if (isCounted) written += merged.length;
      levels[level] = [];
      // The last level has nowhere to go: its runs become one.
      levels[Math.min(level + 1, depth - 1)]!.push(merged);
    }
    if (!isCounted) continue;
    runs += levels.flat().length;
    for (const keys of levels.flat()) entries += keys.length;
  }
  return {
    write: written / (FLUSHES * TABLE_ENTRIES),
    runs: runs / FLUSHES,
    space: entries / FLUSHES / KEYS,
  };
}
/** How many levels a tree needs, as textbooks count: not rounded. */
function textbookLevels(ratio: number): number {
  return Math.log(KEYS / TABLE_ENTRIES) / Math.log(ratio);
}

/**
 * What textbooks say. A leveled tree writes an entry once in its flush and again half a factor of times on each level,
 * a tiered one once on each level, of which the first is the flush. The levels above the last one have a factor less
 * each, so together 1/(T − 1) of it: so much may be there twice.
 */
function textbook(ratio: number): { leveled: Cost; tiered: Cost } {
  const levels = textbookLevels(ratio);
  const levelZero = (LEVEL_ZERO_TABLES - 1) / 2;
  return {
    leveled: {
      write: 1 + ratio / 2 * levels,
      runs: levels + levelZero,
      space: ratio / (ratio - 1),
    },
    tiered: { write: levels, runs: levels * (ratio - 1) / 2, space: ratio },
  };
}

interface Result {
  readonly ratio: number;
  readonly leveled: Cost;
  readonly tiered: Cost;
  readonly theory: { readonly leveled: Cost; readonly tiered: Cost };
}

/** What the chapter says of the results. */
function check(results: readonly Result[]): void {
  for (const [i, { ratio, leveled, tiered, theory }] of results.entries()) {
    const of = `factor ${ratio}`;
    assert(tiered.write < leveled.write, `${of}: tiers write less`);
    assert(ratio < 4 || tiered.runs > leveled.runs, `${of}: tiers are more runs`);
    assert(leveled.space > theory.leveled.space, `${of}: more room than the formula says`);
    const part = leveled.write / theory.leveled.write;
    assert(part < 1 && part > (ratio <= 6 ? 0.9 : ratio <= 10 ? 5 / 6 : 0), `${of}: the formula`);
    const over = tiered.write - theory.tiered.write;
    assert(over > 0.5 && over < 1.5, `${of}: in tiers about once more than the formula says`);
    const next = results[i + 1];
    if (next === undefined) continue;
    assert(next.leveled.write > leveled.write, `${of}: a larger one writes more`);
    assert(next.leveled.runs <= leveled.runs, `${of}: a larger one has no more runs`);
  }
  const at = (wanted: number) => results.find(({ ratio }) => ratio === wanted)!;
  const isBetween = (value: number, low: number, high: number) => value > low && value < high;
  const [three, ten] = [at(3), at(10)];
  assert(isBetween(ten.leveled.write / three.leveled.write, 1.3, 1.37), "a third more at 10");
  assert(isBetween(three.leveled.runs, 7.4, 7.6) && isBetween(ten.leveled.runs, 5.4, 5.6), "runs");
  assert(isBetween(ten.tiered.write / ten.leveled.write, 0.25, 0.3), "tiers: over a quarter");
  assert(isBetween(ten.tiered.runs / ten.leveled.runs, 2, 3), "and two to three times the runs");
}

/** A point for each result, in order, to be joined by a line. */
function pointsOf(results: readonly Result[], kind: "leveled" | "tiered") {
  return results.map(({ ratio, theory, ...measured }) => ({
    kind,
    ratio: String(ratio),
    ...measured[kind],
    textbookWrite: theory[kind].write,
    textbookRuns: theory[kind].runs,
  }));
}

function run(seed: number): Outcome {
  const memtables = memtablesOf(seed);
  const results = RATIOS.map((ratio): Result => ({
    ratio,
    leveled: leveled(memtables, ratio),
    tiered: tiered(memtables, ratio),
    theory: textbook(ratio),
  }));
  check(results);
  const points = (["leveled", "tiered"] as const).flatMap((kind) => pointsOf(results, kind));
  const notes = [
    { x: 17.8, y: 7.6, label: "levels", kind: "leveled" },
    { x: 16.2, y: 2.1, label: "as the formulas say", kind: "leveled" },
    { x: 3.6, y: 27, label: "tiers", kind: "tiered" },
  ];
  const axes = { x: "write", y: "runs", stroke: "kind" };
  return {
    counts: {
      columns: [
        "factor T",
        "levels: written",
        "1 + T/2 · log_T(N/M)",
        "levels: runs",
        "levels: room",
        "T/(T − 1)",
        "tiers: written",
        "log_T(N/M)",
        "tiers: runs",
        "tiers: room",
      ],
      rows: results.map(({ ratio, leveled, tiered, theory }) => [
        ratio,
        rounded(leveled.write, 1),
        rounded(theory.leveled.write, 1),
        rounded(leveled.runs, 1),
        rounded(leveled.space, 2),
        rounded(theory.leveled.space, 2),
        rounded(tiered.write, 1),
        rounded(theory.tiered.write, 1),
        rounded(tiered.runs, 1),
        rounded(tiered.space, 2),
      ]),
    },
    plot: {
      height: 400,
      marginRight: 60,
      x: { label: "times that an entry is written", domain: [0, 19], grid: true },
      y: { label: "runs that a read may have to look into", domain: [0, 34], grid: true },
      marks: [
        Plot.line(points, { ...axes, strokeWidth: 2 }),
        Plot.line(points, {
          ...axes,
          x: "textbookWrite",
          y: "textbookRuns",
          strokeDasharray: "4 4",
          clip: true,
        }),
        Plot.dot(points, { ...axes, fill: "kind" }),
        Plot.text(points, { x: "write", y: "runs", text: "ratio", dx: 9, dy: -9 }),
        Plot.text(notes, { x: "x", y: "y", text: "label", fill: "kind" }),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What does the factor between levels cost, and what would tiers?",
  alt:
    "Times that an entry is written against runs that a read may have to look into, a point for each factor from 3 " +
    "to 32. Levels write more and have fewer runs the larger the factor is, tiers the other way round: together they " +
    "make one curve from much writing to much reading. Dashed, what the formulas say.",
  run: ({ seed }) => run(seed),
};
