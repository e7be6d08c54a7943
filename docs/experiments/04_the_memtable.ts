/**
 * **What.** The experiment of chapter 4: the same keys in a skip list, in a sorted array of blocks, and in a plain
 * JavaScript array of objects that is kept sorted. What do they compare, what do they move, what do they take?
 *
 * **Invariants.**
 * 1. All get the same keys in the same order, and are asked for the same ones.
 *
 * **Read next.** `../04_the_memtable.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  Arena,
  INDEX_ROOT_WORD,
  Position,
  RECORD_OVERHEAD_BYTES_MAX,
  recordWords,
} from "../../lib/arena.ts";
import { compareBytes } from "../../lib/bytes.ts";
import type { Comparator } from "../../lib/comparator.ts";
import { FOUND, InternalKeyComparator, KIND_VALUE, Lookup } from "../../lib/internal_key.ts";
import { Memtable, type MemtableIndex } from "../../lib/memtable.ts";
import { generator, type Random } from "../../lib/random.ts";
import { BLOCK_SLOTS, SortedArray } from "../../lib/sorted_array.ts";
import { type Experiment, type Outcome, rounded, type Table } from "./experiment.ts";
import { Plot } from "./plot.ts";

const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const SIZES = [1_000, 8_000, 64_000];
/** How many lookups are counted at each size. */
const LOOKUPS = 4_000;
const TIMED = 64_000;
const ROUNDS = 3;

const STRUCTURES = ["skip list", "sorted array", "array of objects"] as const;
type StructureName = typeof STRUCTURES[number];

/** Something that keeps keys in order. */
interface Structure {
  add(key: Uint8Array, sequence: number): void;
  /** Whether the key is there. */
  has(key: Uint8Array): boolean;
  /** The memtable, if it is one. */
  readonly memtable?: Memtable;
  /** How many entries the last insertion has moved. */
  readonly moved: number;
}

/** An order of keys that counts how often it is asked. */
class Counter implements Comparator {
  readonly name = "counted";
  count = 0;

  compare(a: Uint8Array, b: Uint8Array): number {
    this.count++;
    return compareBytes(a, 0, a.length, b, 0, b.length);
  }
}

const value = new Uint8Array(VALUE_BYTES).fill(7);

class InMemtable implements Structure {
  readonly memtable: Memtable;
  readonly #arena: Arena;
  /** Another view of the sorted array, by which its places are found without being counted. */
  readonly #places: SortedArray | undefined;
  readonly #position = new Position();
  readonly #lookup = new Lookup();
  #blocks = 1;

  constructor(index: MemtableIndex, comparator: InternalKeyComparator, entries: number) {
    const bytes = (KEY_BYTES + VALUE_BYTES) * entries;
    const capacityBytes = Memtable.worstCaseBytes(entries, bytes, index);
    this.memtable = new Memtable({ comparator, capacityBytes, index });
    this.#arena = new Arena(this.memtable.buffer);
    if (index === "skip-list") return;
    const isCounted = !comparator.isBytewise;
    this.#places = new SortedArray(
      this.#arena,
      new InternalKeyComparator(isCounted ? new Counter() : undefined),
    );
  }

  add(key: Uint8Array, sequence: number): void {
    this.memtable.add(sequence, KIND_VALUE, key, 0, key.length, value, 0, VALUE_BYTES);
    this.#lookup.key.set(key);
    this.#lookup.begin(key.length, sequence);
  }

  /** Those behind the new one in its block, and half a block if a full one was split. A skip list moves none. */
  get moved(): number {
    if (this.#places === undefined) return 0;
    this.#places.seek(this.#position, this.#lookup.key, 0, this.#lookup.end);
    const { words } = this.#arena;
    const count = words[this.#position.node]!;
    const blocks = words[INDEX_ROOT_WORD + 2]!;
    const isSplit = blocks > this.#blocks && count > 1;
    this.#blocks = blocks;
    return count - 1 - this.#position.slot + (isSplit ? BLOCK_SLOTS / 2 : 0);
  }

  has(key: Uint8Array): boolean {
    const lookup = this.#lookup;
    lookup.key.set(key);
    lookup.begin(key.length, Number.MAX_SAFE_INTEGER);
    this.memtable.get(lookup);
    return lookup.outcome === FOUND;
  }
}

interface ObjectEntry {
  readonly key: Uint8Array;
  readonly sequence: number;
  readonly value: Uint8Array;
}

/** What one would write first: objects in an array, found by halving, inserted by `splice`. */
class InObjects implements Structure {
  readonly #entries: ObjectEntry[] = [];
  readonly #order: Pick<Comparator, "compare">;
  moved = 0;

  constructor(order: Pick<Comparator, "compare">) {
    this.#order = order;
  }

  add(key: Uint8Array, sequence: number): void {
    const at = this.#search(key);
    this.moved = this.#entries.length - at;
    this.#entries.splice(at, 0, { key: key.slice(), sequence, value: value.slice() });
  }

  has(key: Uint8Array): boolean {
    const found = this.#entries[this.#search(key)];
    return found !== undefined && this.#order.compare(found.key, key) === 0;
  }

  #search(key: Uint8Array): number {
    let low = 0;
    for (let high = this.#entries.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (this.#order.compare(this.#entries[middle]!.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function make(name: StructureName, user: Comparator | undefined, entries: number): Structure {
  if (name === "array of objects") {
    return new InObjects(
      user ?? { compare: (a, b) => compareBytes(a, 0, a.length, b, 0, b.length) },
    );
  }
  const comparator = new InternalKeyComparator(user);
  return new InMemtable(name === "skip list" ? "skip-list" : "sorted-array", comparator, entries);
}

function makeKeys(count: number, random: Random): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const key = new Uint8Array(KEY_BYTES);
    for (let i = 0; i < KEY_BYTES; i++) key[i] = random(256);
    return key;
  });
}

/** What a structure does with some keys, by counts. */
interface Counts {
  readonly name: StructureName;
  readonly entries: number;
  readonly perInsertion: number;
  readonly perLookup: number;
  /** Entries moved for each insertion. */
  readonly moved: number;
  /** Bytes of the index for each entry, if they can be counted. */
  readonly indexBytes: number | undefined;
}

function count(name: StructureName, keys: readonly Uint8Array[], seed: number): Counts {
  const entries = keys.length;
  const order = new Counter();
  const structure = make(name, order, entries);
  let moved = 0;
  keys.forEach((key, i) => {
    structure.add(key, i + 1);
    moved += structure.moved;
  });
  const perInsertion = order.count / entries;
  const random = generator(seed);
  order.count = 0;
  for (let i = 0; i < LOOKUPS; i++) assert(structure.has(keys[random(entries)]!));
  // The last comparison of a lookup only says that what was found is the key: it is part of no search.
  const perLookup = order.count / LOOKUPS - 1;
  const { memtable } = structure;
  let indexBytes: number | undefined;
  if (memtable !== undefined) {
    const arena = new Arena(memtable.buffer);
    assertEquals(arena.usedBytes, memtable.usedBytes);
    indexBytes = memtable.usedBytes / entries - 4 * recordWords(KEY_BYTES, VALUE_BYTES);
  }
  return { name, entries, perInsertion, perLookup, moved: moved / entries, indexBytes };
}

/** Bytes of the heap and of what belongs to it, without garbage: else they depend on when it was collected last. */
function memory(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** What is measured: how long 64 000 of each take, and what they take up. */
function measure(seed: number): Table {
  const keys = makeKeys(TIMED, generator(seed));
  const asked = keys.toReversed();
  const rows = STRUCTURES.map((name) => {
    let insertMs = Infinity;
    let lookupMs = Infinity;
    let bytes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const before = memory();
      const structure = make(name, undefined, TIMED); // byte order: heads are compared, not whole keys
      const begin = performance.now();
      keys.forEach((key, i) => structure.add(key, i + 1));
      const middle = performance.now();
      for (const key of asked) assert(structure.has(key));
      lookupMs = Math.min(lookupMs, performance.now() - middle);
      insertMs = Math.min(insertMs, middle - begin);
      bytes = Math.max(bytes, structure.memtable?.usedBytes ?? memory() - before);
      assert(structure.has(asked[0]!)); // which keeps it alive until here
    }
    const perEntry = [insertMs * 1e6, lookupMs * 1e6, bytes].map((sum) => rounded(sum / TIMED, 0));
    return [name, ...perEntry];
  });
  const columns = ["64 000 entries, random", "ns an insertion", "ns a lookup", "bytes an entry"];
  return { columns, rows };
}

/** The plot: a line for each structure, and the textbook's. */
function plotOf(all: readonly Counts[]): Outcome["plot"] {
  const formula = SIZES.map((entries) => ({ entries, perLookup: Math.log2(entries) }));
  const lines = STRUCTURES.slice(0, 2).map((name) => all.filter((counts) => counts.name === name));
  const labels = [...lines.map((line) => line.at(-1)!), { name: "log₂ n", ...formula.at(-1)! }];
  return {
    height: 340,
    marginRight: 150,
    x: { type: "log", label: "entries" },
    y: { label: "keys compared per lookup", grid: true, domain: [0, 32] },
    marks: [
      Plot.axisX(SIZES, { text: SIZES.map(String), label: "entries" }),
      Plot.line(formula, { x: "entries", y: "perLookup", strokeDasharray: "4 4" }),
      ...lines.map((line) =>
        Plot.line(line, { x: "entries", y: "perLookup", stroke: "name", marker: "dot" })
      ),
      Plot.text(labels, {
        x: "entries",
        y: "perLookup",
        text: "name",
        textAnchor: "start",
        dx: 10,
      }),
    ],
  };
}

/** What the chapter says of the counts. */
function check(all: readonly Counts[], sorted: readonly Counts[]): void {
  const isWithin = (what: number, least: number, most: number, { name, entries }: Counts) =>
    assert(what >= least && what <= most, `${name}, ${entries} entries: ${what}`);
  for (const counts of all) {
    const { name, entries, perLookup, moved } = counts;
    const halving = Math.log2(entries);
    if (name === "skip list") isWithin(perLookup, 1.3 * halving, 1.9 * halving, counts);
    // It asks once more in the directory and once more in a block: is the first one it, perhaps?
    if (name === "sorted array") isWithin(perLookup, halving + 1, halving + 2.5, counts);
    if (name === "array of objects") isWithin(perLookup, halving - 0.1, halving + 0.1, counts);
    if (name === "sorted array") isWithin(moved, 40, 50, counts);
    if (name === "array of objects") isWithin(moved, 0.9 * entries / 4, 1.1 * entries / 4, counts);
  }
  const [skipList, sortedArray, objects] = all.slice(-3);
  isWithin(skipList!.perLookup / Math.log2(skipList!.entries), 1.55, 1.8, skipList!);
  isWithin(4 * recordWords(KEY_BYTES, VALUE_BYTES) + skipList!.indexBytes!, 149, 150, skipList!);
  isWithin(
    4 * recordWords(KEY_BYTES, VALUE_BYTES) + sortedArray!.indexBytes!,
    143,
    145,
    sortedArray!,
  );
  for (const counts of sorted) assertEquals(counts.moved, 0);
  isWithin(sorted[1]!.perInsertion, 0.9, 1.2, sorted[1]!);
  isWithin(sorted[1]!.indexBytes!, 8, 8.5, sorted[1]!);
  assert(objects!.perLookup < sortedArray!.perLookup, "nothing compares less than halving");
}

/** What the chapter's "Predict" says: how many bytes a memtable of these keys has to have free for more entries. */
function checkPrediction(keys: readonly Uint8Array[]): void {
  const needed = (index: MemtableIndex, entries: number): number => {
    const comparator = new InternalKeyComparator();
    const memtable = new Memtable({ comparator, capacityBytes: 1 << 20, index });
    keys.forEach((key, i) =>
      memtable.add(i + 1, KIND_VALUE, key, 0, KEY_BYTES, value, 0, VALUE_BYTES)
    );
    // All that is free, but for what may be in keys and values, is what the rest of so many entries may take.
    const free = memtable.capacityBytes - memtable.usedBytes;
    let bytes = 0;
    while (memtable.fits(entries, bytes + 1)) bytes++;
    return free - bytes + entries * (KEY_BYTES + VALUE_BYTES);
  };
  assertEquals([needed("skip-list", 1), needed("sorted-array", 1)], [195, 1_183]);
  const records = 1_000 * (KEY_BYTES + VALUE_BYTES + RECORD_OVERHEAD_BYTES_MAX);
  assertEquals(needed("skip-list", 1_000) - records, 60_000);
  const blocks = needed("sorted-array", 1_000) - records;
  assert(blocks > 20_000 && blocks < 24_000, `a sorted array wants ${blocks} bytes for blocks`);
}

function run(seed: number, withTimes: boolean): Outcome {
  const all = SIZES.flatMap((entries) => {
    const keys = makeKeys(entries, generator(seed));
    return STRUCTURES.map((name) => count(name, keys, seed));
  });
  const ascending = makeKeys(SIZES.at(-1)!, generator(seed)).sort((a, b) =>
    compareBytes(a, 0, KEY_BYTES, b, 0, KEY_BYTES)
  );
  const sorted = STRUCTURES.map((name) => count(name, ascending, seed));
  check(all, sorted);
  checkPrediction(makeKeys(SIZES[0]!, generator(seed)));
  const cells = (order: string, counts: Counts) =>
    [
      counts.name,
      counts.entries,
      order,
      rounded(Math.log2(counts.entries), 1),
      rounded(counts.perLookup, 1),
      rounded(counts.perInsertion, 1),
      rounded(counts.moved, 0),
      counts.indexBytes === undefined ? "" : rounded(counts.indexBytes, 1),
    ] as const;
  return {
    counts: {
      columns: [
        "structure",
        "entries",
        "keys come",
        "log₂ n",
        "compared per lookup",
        "compared per insertion",
        "entries moved per insertion",
        "index bytes per entry",
      ],
      rows: [
        ...all.map((counts) => cells("at random", counts)),
        ...sorted.map((counts) => cells("ascending", counts)),
      ],
    },
    plot: plotOf(all),
    ...(withTimes ? { times: measure(seed) } : {}),
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What does it cost to keep entries in order?",
  alt:
    "Keys compared per lookup against the number of entries. The sorted array runs two above the dashed line of the " +
    "logarithm to base 2, which goes from 10 at a thousand entries to 16 at 64 000; the skip list far above it, at 27.",
  run: ({ seed, withTimes }) => run(seed, withTimes),
};
