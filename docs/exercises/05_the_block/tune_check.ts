/**
 * **What.** Targets for the size of blocks and the distance of their restart points: what a get reads of the file and
 * looks at in memory, and what the file takes.
 *
 * **Invariants.**
 * 1. What is counted are bytes and entries of tables that the engine writes, from fixed seeds.
 *
 * **Read next.** `../../../lib/table_writer.ts`
 *
 * @module
 */
import { assert } from "@std/assert";
import { BlockBuilder } from "../../../lib/block_builder.ts";
import { snappy } from "../../../lib/compression.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "../../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import { generator } from "../../../lib/random.ts";
import { TableWriter } from "../../../lib/table_writer.ts";
import { rounded } from "../../experiments/experiment.ts";
import { WatchedBlock } from "../../figures/05_search.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./tune.ts");

const ENTRIES = 10_000;
const VALUE_BYTES = 24;

/** What a table of a telephone book costs. */
interface Costs {
  /** Bytes of the file for each entry, filters not included. */
  readonly file: number;
  /** Bytes of a data block in the file, on average: what a get reads. */
  readonly read: number;
  /** Entries that a get looks at in the block, on average. */
  readonly looked: number;
}

/** Keys `city/street/number`, in order. */
function keys(): Uint8Array[] {
  const random = generator(9);
  const texts = new Set<string>();
  while (texts.size < ENTRIES) {
    const street = random(400).toString(36).padStart(4, "a");
    texts.add(`city-${10 + random(30)}/street-${street}/${1000 + random(300)}`);
  }
  return [...texts].sort().map((text, i) =>
    makeInternalKey(new TextEncoder().encode(text), i + 1, KIND_VALUE)
  );
}

let memory: { readonly options: string; readonly costs: Costs } | undefined;

function costsOf({ blockBytes, restartInterval }: Subject): Costs {
  const options = `${blockBytes} ${restartInterval}`;
  if (memory?.options === options) return memory.costs;
  assert(Number.isInteger(blockBytes) && blockBytes >= 64, "a block has at least 64 bytes");
  assert(Number.isInteger(restartInterval) && restartInterval >= 1, "an interval is at least 1");
  const comparator = new InternalKeyComparator();
  const disk = new MemoryFileSystem();
  const writer = new TableWriter(disk.create("5.ldb"), {
    comparator,
    blockBytes,
    restartInterval,
    filterBits: 0,
    compression: snappy,
  });
  const random = generator(10);
  const all = keys();
  const builder = new BlockBuilder(restartInterval);
  let first = 0;
  let looked = 0;
  let read = 0;
  all.forEach((key, i) => {
    // Numbers as text: they compress to two thirds or so, as values of small records do.
    const value = Uint8Array.from({ length: VALUE_BYTES }, () => 48 + random(10));
    writer.add(key, 0, key.length, value, 0, VALUE_BYTES);
    builder.add(key, 0, key.length, value, 0, VALUE_BYTES);
    if (builder.bytes < blockBytes && i < ENTRIES - 1) return;
    const end = builder.finish();
    read += (snappy.compress(builder.buffer, 0, end)?.length ?? end) * (i + 1 - first);
    looked += looksIn(builder.buffer.subarray(0, end), all.slice(first, i + 1), comparator);
    first = i + 1;
    builder.reset();
  });
  writer.finish();
  const costs = {
    file: disk.size("5.ldb") / ENTRIES,
    read: read / ENTRIES,
    looked: looked / ENTRIES,
  };
  memory = { options, costs };
  return costs;
}

/** How many entries are looked at to get each key of a block. */
function looksIn(
  bytes: Uint8Array,
  wanted: readonly Uint8Array[],
  comparator: InternalKeyComparator,
): number {
  const block = new WatchedBlock(bytes.length);
  block.bytes.set(bytes);
  block.accept(bytes.length, "5.ldb", 0);
  block.looks.length = 0;
  for (const key of wanted) assert(block.search(comparator, key, 0, key.length), "a key is lost");
  return block.looks.length;
}

/** Checks two costs at a time: each is easy to have without the other. */
function assertCosts(subject: Subject, limits: Partial<Costs>): void {
  const costs = costsOf(subject);
  const names = {
    file: "bytes of the file per entry",
    read: "bytes read for a get",
    looked: "entries looked at for a get",
  };
  for (const [name, limit] of Object.entries(limits) as [keyof Costs, number][]) {
    const found = rounded(costs[name], 2);
    assert(costs[name] <= limit, `${found} ${names[name]}; ${limit} were allowed`);
  }
}

const cases: Case<Subject>[] = [
  {
    name: "a get reads at most 3 800 bytes, and the file takes at most 36.5 bytes an entry",
    run: (subject) => assertCosts(subject, { read: 3_800, file: 36.5 }),
  },
  {
    name: "a get looks at no more than 10 entries, and the file takes at most 36.5 bytes an entry",
    run: (subject) => assertCosts(subject, { looked: 10, file: 36.5 }),
  },
];

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "blocks for a database that is asked for single keys",
  own: { blockBytes: 4096, restartInterval: 8 },
  cases,
};
