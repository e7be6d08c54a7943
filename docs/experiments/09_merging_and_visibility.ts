/**
 * **What.** The experiment of chapter 9: the same entries, dealt to 2 to 64 runs, are merged in four ways. How often
 * are keys compared for each entry, and how many of their bytes are looked at?
 *
 * **Invariants.**
 * 1. All four give the entries in the same order.
 * 2. A byte counts each time that it is read: for whole keys by who compares them, for codes by the array itself.
 *
 * **Read next.** `../09_merging_and_visibility.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { bytewise, type Comparator } from "../../lib/comparator.ts";
import { Cursor } from "../../lib/cursor.ts";
import {
  InternalKeyComparator,
  makeInternalKey,
  sequenceAt,
  TRAILER_BYTES,
} from "../../lib/internal_key.ts";
import { MergeCursor } from "../../lib/merge_cursor.ts";
import { generator } from "../../lib/random.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { Plot } from "./plot.ts";

const ENTRIES = 2048;
const USER_KEY_BYTES = 24;
const RUNS = [2, 4, 8, 16, 32, 64];

/** What a merge has cost. */
interface Cost {
  comparisons: number;
  bytes: number;
}

/** Compares whole keys, and counts. */
class CountingComparator extends InternalKeyComparator {
  readonly cost: Cost = { comparisons: 0, bytes: 0 };
  /** Whether the keys count themselves how often their bytes are read. */
  readonly isWatched: boolean;

  constructor(user: Comparator = bytewise, isWatched = false) {
    super(user);
    this.isWatched = isWatched;
  }

  override compare(
    a: Uint8Array,
    aStart: number,
    aEnd: number,
    b: Uint8Array,
    bStart: number,
    bEnd: number,
  ): number {
    this.cost.comparisons++;
    if (this.isWatched) return super.compare(a, aStart, aEnd, b, bStart, bEnd);
    const most = Math.min(aEnd - aStart, bEnd - bStart) - TRAILER_BYTES;
    let same = 0;
    while (same < most && a[aStart + same] === b[bStart + same]) same++;
    this.cost.bytes += 2 * Math.min(same + 1, most);
    return super.compare(a, aStart, aEnd, b, bStart, bEnd);
  }
}

/** Walks keys that are in order. */
class RunCursor extends Cursor {
  readonly #keys: readonly Uint8Array[];
  #at = 0;

  constructor(keys: readonly Uint8Array[]) {
    super();
    this.#keys = keys;
  }
  #go(at: number): void {
    this.#at = at;
    this.valid = at >= 0 && at < this.#keys.length;
    if (!this.valid) return;
    this.keyBuffer = this.#keys[at]!;
    this.keyEnd = USER_KEY_BYTES + TRAILER_BYTES;
  }
  override first(): void {
    this.#go(0);
  }
  override last(): void {
    this.#go(this.#keys.length - 1);
  }
  override seek(): void {
    throw new Error("not needed");
  }
  override next(): void {
    this.#go(this.#at + 1);
  }
  override previous(): void {
    this.#go(this.#at - 1);
  }
  override close(): void {}
}

/** The same key in an array that counts how often one of its bytes is read. */
function watched(key: Uint8Array, cost: Cost): Uint8Array {
  return new Proxy(key, {
    get(target, name) {
      if (typeof name === "string" && /^\d/.test(name)) cost.bytes++;
      return Reflect.get(target, name, target);
    },
  });
}

/** Takes the smallest of all first keys, again and again, by looking at all of them. */
function mergeByMinimum(runs: readonly Uint8Array[][], order: CountingComparator): Uint8Array[] {
  const merged: Uint8Array[] = [];
  const heads = runs.map((keys) => ({ keys, at: 0 }));
  for (;;) {
    const open = heads.filter(({ keys, at }) => at < keys.length);
    if (open.length === 0) return merged;
    let best = open[0]!;
    for (const head of open.slice(1)) {
      if (order.compareKeys(head.keys[head.at]!, best.keys[best.at]!) < 0) best = head;
    }
    merged.push(best.keys[best.at++]!);
  }
}

/** The same with a binary heap: the first run of the heap moves on and sinks to its place. */
function mergeByHeap(runs: readonly Uint8Array[][], order: CountingComparator): Uint8Array[] {
  const heap = runs.filter((keys) => keys.length > 0).map((keys) => ({ keys, at: 0 }));
  const comesFirst = (a: number, b: number) =>
    order.compareKeys(heap[a]!.keys[heap[a]!.at]!, heap[b]!.keys[heap[b]!.at]!) < 0;
  const sink = (from: number) => {
    for (let parent = from;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && comesFirst(child + 1, child)) child++;
      if (!comesFirst(child, parent)) return;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      parent = child;
    }
  };
  for (let i = heap.length >> 1; i >= 0; i--) sink(i);
  const merged: Uint8Array[] = [];
  while (heap.length > 0) {
    const top = heap[0]!;
    merged.push(top.keys[top.at++]!);
    if (top.at === top.keys.length) {
      const last = heap.pop()!;
      if (heap.length === 0) break;
      heap[0] = last;
    }
    sink(0);
  }
  return merged;
}

/** The merge of the engine. In an order that it does not know to be that of bytes it has no codes. */
function mergeByTree(runs: readonly Uint8Array[][], order: CountingComparator): Uint8Array[] {
  const merge = new MergeCursor(order, runs.map((keys) => new RunCursor(keys)));
  const merged: Uint8Array[] = [];
  for (merge.first(); merge.valid; merge.next()) merged.push(merge.keyBuffer);
  merge.close();
  return merged;
}

/** Deals keys to runs at random. */
function deal(count: number, seed: number): Uint8Array[][] {
  const random = generator(seed);
  const runs = Array.from({ length: count }, (): Uint8Array[] => []);
  for (let i = 0; i < ENTRIES; i++) {
    const text = `core:${String(i >> 4).padStart(8, "0")}:layer${String(i & 15).padStart(5, "0")}`;
    const key = new TextEncoder().encode(text);
    assertEquals(key.length, USER_KEY_BYTES);
    runs[random(count)]!.push(makeInternalKey(key, i + 1, 1));
  }
  return runs;
}

type Merge = (runs: readonly Uint8Array[][], order: CountingComparator) => Uint8Array[];

/** What the ways cost for each entry, for so many runs. */
function measure(count: number, seed: number) {
  const runs = deal(count, seed);
  const perEntry = (merge: Merge, order: CountingComparator): Cost => {
    const { cost, isWatched } = order;
    const dealt = isWatched ? runs.map((keys) => keys.map((key) => watched(key, cost))) : runs;
    const merged = merge(dealt, order);
    const { comparisons, bytes } = cost; // before the keys are looked at again
    // Sequence numbers were given in the order of the keys.
    const isInOrder = merged.every((key, i) => sequenceAt(key, key.length) === i + 1);
    assert(isInOrder && merged.length === ENTRIES);
    return { comparisons: comparisons / ENTRIES, bytes: bytes / ENTRIES };
  };
  // The same order, but an object that the merge does not know.
  const unknown = { ...bytewise };
  return {
    count,
    minimum: perEntry(mergeByMinimum, new CountingComparator()),
    heap: perEntry(mergeByHeap, new CountingComparator()),
    tree: perEntry(mergeByTree, new CountingComparator(unknown)),
    codes: perEntry(mergeByTree, new CountingComparator(bytewise, true)),
  };
}

/** What the text claims. */
function check(measured: readonly ReturnType<typeof measure>[]): void {
  for (const { count, minimum, heap, tree, codes } of measured) {
    const levels = Math.log2(count);
    assert(minimum.comparisons <= count - 1 && minimum.comparisons > 0.7 * (count - 1));
    assert(heap.comparisons <= 2 * levels, "a heap compares twice a level");
    assert(tree.comparisons < 1.1 * levels + 0.5, "a tree once");
    assert(codes.comparisons <= 0.5, "codes decide most matches");
    assert(codes.bytes <= 2 * USER_KEY_BYTES, "each byte is looked at twice at most");
  }
}

function run(seed: number): Outcome {
  const measured = RUNS.map((count) => measure(count, seed));
  check(measured);
  const rows = measured.map(({ count, minimum, heap, tree, codes }) => [
    count,
    Math.log2(count),
    rounded(minimum.comparisons, 1),
    rounded(heap.comparisons, 1),
    rounded(tree.comparisons, 1),
    rounded(codes.comparisons, 1),
    rounded(minimum.bytes, 0),
    rounded(heap.bytes, 0),
    rounded(tree.bytes, 0),
    rounded(codes.bytes, 0),
  ]);
  const points = measured.flatMap(({ count, minimum, heap, tree, codes }) => [
    { count, bytes: minimum.bytes, way: "smallest of all" },
    { count, bytes: heap.bytes, way: "heap" },
    { count, bytes: tree.bytes, way: "tree, whole keys" },
    { count, bytes: codes.bytes, way: "tree with codes (ours)" },
  ]);
  const ends = points.slice(-4);
  return {
    counts: {
      columns: [
        "runs, k",
        "log₂ k",
        "comparisons: smallest of all",
        "comparisons: heap",
        "comparisons: tree",
        "comparisons: tree, codes",
        "bytes: smallest of all",
        "bytes: heap",
        "bytes: tree",
        "bytes: tree, codes",
      ],
      rows,
    },
    plot: {
      marginRight: 180,
      x: { type: "log", base: 2, label: "runs merged →", ticks: RUNS, tickFormat: "d" },
      y: { type: "log", label: "↑ key bytes looked at, per entry", grid: true, tickFormat: "d" },
      marks: [
        Plot.line(points, { x: "count", y: "bytes", stroke: "way" }),
        Plot.dot(points, { x: "count", y: "bytes", fill: "way" }),
        Plot.ruleY([USER_KEY_BYTES], { strokeDasharray: "4 3" }),
        Plot.text([{ count: 64, bytes: USER_KEY_BYTES }], {
          x: "count",
          y: "bytes",
          text: () => "a key once",
          textAnchor: "start",
          dx: 8,
        }),
        Plot.text(ends, {
          x: "count",
          y: "bytes",
          text: "way",
          fill: "way",
          textAnchor: "start",
          dx: 8,
        }),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What does it cost to merge k runs?",
  alt:
    "Bytes of keys looked at for each entry, against the number of runs from 2 to 64. Taking the smallest of all " +
    "rises to 1700, a heap to 300, a tree that compares whole keys to 217; a tree with codes stays at 40 to 47.",
  run: ({ seed }) => run(seed),
};
