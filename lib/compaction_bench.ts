/**
 * What folding costs: 40 000 entries of 16 + 100 bytes, 4.6 MB, read, merged and written on a disk in memory. Deno
 * 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 23 ms, 570 ns an entry, from level 0 as from
 * a level and the next; 28 with Snappy; 19 if a tenth of the keys is deleted, 13 if half of what is read is dropped.
 *
 * @module
 */
import { bytewiseKeys, decimalEntries, type Entry } from "../tests/tables.ts";
import { SmallTree } from "../tests/trees.ts";
import { DEFAULT_PICKER_OPTIONS, planRange } from "./compaction_picker.ts";
import { makeInternalKey, userKeyOf } from "./internal_key.ts";

const COUNT = 40_000;
const entries = decimalEntries(COUNT, 100);

/** Newer versions of some entries, or their tombstones. */
function newer(some: readonly Entry[], sequence: number, kind = 1): Entry[] {
  return some.map(([key, value]) => [makeInternalKey(userKeyOf(key), sequence, kind), value]);
}

/** Four tables of level 0 that each span all keys; nothing below. */
function levelZero(small: SmallTree): void {
  for (let table = 0; table < 4; table++) {
    small.addTable(0, entries.filter((_, i) => i % 4 === table));
  }
}

/** A tenth in the upper level, the rest below, as levels are. */
function levels(small: SmallTree, kind: number): void {
  small.addTable(1, newer(entries.filter((_, i) => i % 10 === 3), COUNT + 1, kind));
  const below = entries.filter((_, i) => i % 10 !== 3 || kind === 0);
  for (let at = 0; at < below.length; at += 10_000) {
    small.addTable(2, below.slice(at, at + 10_000));
  }
}

/** Every key twice: half of what is read is dropped. */
function overwritten(small: SmallTree): void {
  const half = entries.slice(0, COUNT / 2);
  small.addTable(1, newer(half, COUNT + 1).sort(([a], [b]) => bytewiseKeys.compareKeys(a, b)));
  small.addTable(2, half);
}

for (
  const [name, level, fill, writerOptions] of [
    ["four tables of level 0", 0, levelZero, {}],
    ["a level and the next, ten times as large", 1, (small: SmallTree) => levels(small, 1), {}],
    ["the same with Snappy", 1, (small: SmallTree) => levels(small, 1), {
      compression: ["snappy"],
    }],
    ["tombstones above a tenth of the keys", 1, (small: SmallTree) => levels(small, 0), {}],
    ["every key overwritten", 1, overwritten, {}],
  ] as const
) {
  Deno.bench(name, { group: "compaction of 40 000 entries" }, (bench) => {
    const small = new SmallTree();
    small.writerOptions = writerOptions;
    fill(small);
    const { version } = small.tree;
    const plan = planRange(version, level, undefined, undefined, DEFAULT_PICKER_OPTIONS)!;
    const job = small.compaction(plan, DEFAULT_PICKER_OPTIONS);
    bench.start();
    while (!job.step(256 * 1024));
    bench.end();
    small.close();
  });
}
