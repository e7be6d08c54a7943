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
import { Arena, INDEX_ROOT_WORD, Position, recordWords } from "../../lib/arena.ts";
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

/** Bytes of the heap and of what belongs to it. */
function memory(): number {
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
      if (round === 0) bytes = structure.memtable?.usedBytes ?? memory() - before;
      for (const key of asked) assert(structure.has(key));
      insertMs = Math.min(insertMs, middle - begin);
      lookupMs = Math.min(lookupMs, performance.now() - middle);
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

function run(seed: number, withTimes: boolean): Outcome {
  const all = SIZES.flatMap((entries) => {
    const keys = makeKeys(entries, generator(seed));
    return STRUCTURES.map((name) => count(name, keys, seed));
  });
  const ascending = makeKeys(SIZES.at(-1)!, generator(seed)).sort((a, b) =>
    compareBytes(a, 0, KEY_BYTES, b, 0, KEY_BYTES)
  );
  const sorted = STRUCTURES.map((name) => count(name, ascending, seed));
  for (const { name, entries, perLookup } of all) {
    const halving = Math.log2(entries);
    // Halving asks one more question in a directory and one more in a block: is the first one it, perhaps?
    const [least, most] = name === "skip list"
      ? [1.3 * halving, 2.2 * halving]
      : [halving - 1, halving + 2.5];
    assert(perLookup >= least && perLookup <= most, `${name}: ${perLookup} among ${entries}`);
  }
  assert(sorted[1]!.perInsertion < 1.2, "a sorted array sees that keys ascend");
  const [, block, objects] = all.slice(-3);
  assert(
    block!.moved < BLOCK_SLOTS && objects!.moved > SIZES.at(-1)! / 5,
    "blocks bound what is moved",
  );
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
