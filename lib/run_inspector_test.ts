/**
 * Tests of `run_inspector.ts`: tables one after another, runs merged, and who an entry is from.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { bytewiseKeys, entry, fileOf, tableBytes, textAt } from "../tests/tables.ts";
import { parseEntries } from "../tests/trees.ts";
import { bytewise } from "./comparator.ts";
import type { ReadableFile } from "./file_system.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { Losses, RunInspector, walkRuns } from "./run_inspector.ts";
import { lostKeys, TableInspector } from "./table_inspector.ts";

/** Runs of tables written as text; `undefined` is a table that cannot be opened. */
function runsOf(runs: readonly (readonly (string | undefined)[])[]) {
  const open = { now: 0, most: 0 };
  const inspectors = runs.map((tables) =>
    new RunInspector(tables.length, (i) => {
      const text = tables[i];
      if (text === undefined) return undefined;
      const file = fileOf(tableBytes(parseEntries(text), { blockBytes: 1 }));
      open.most = Math.max(open.most, ++open.now);
      const counted: ReadableFile = {
        path: file.path,
        size: file.size,
        read: (into, position) => file.read(into, position),
        close: () => void open.now--,
      };
      return new TableInspector(counted, { comparator: bytewiseKeys, onDamage: () => {} });
    })
  );
  return { inspectors, open };
}

function walk(runs: readonly (readonly (string | undefined)[])[]) {
  const { inspectors, open } = runsOf(runs);
  const seen: string[] = [];
  const walking = walkRuns(bytewiseKeys, inspectors, (entry, run, isNewest) => {
    seen.push(`${run}${isNewest ? "" : "-"} ${textAt(entry)}`);
  }, () => undefined);
  assertEquals(walking.next().done, true);
  assertEquals(open.now, 0);
  return { seen, most: open.most, inspectors };
}

Deno.test("runs are walked in order, each entry with its run, newest versions first", () => {
  const { seen } = walk([["b@9! d@8=x"], ["a@5=x b@6=y", "d@7=z"], ["b@1=old"]]);
  assertEquals(seen, ["1 a@5=x", "0 b@9!", "1- b@6=y", "2- b@1=old", "0 d@8=x", "1- d@7=z"]);
});

Deno.test("a run has one table open at a time, and passes those that cannot be opened", () => {
  const { seen, most, inspectors } = walk([[undefined, "a@1=x b@2=x", undefined, "c@3=x"], []]);
  assertEquals(seen, ["0 a@1=x", "0 b@2=x", "0 c@3=x"]);
  assertEquals(most, 1);
  // Two data blocks and one, and for each table filter, metaindex and index.
  assertEquals(inspectors.map(({ blockCount }) => blockCount), [9, 0]);
});

Deno.test("without runs there is nothing", () => {
  assertEquals(walk([]).seen, []);
});

Deno.test("a walk can pause at every entry, and be given up there", () => {
  const { inspectors, open } = runsOf([["a@1=x b@2=x"], ["c@3=x"]]);
  const seen: string[] = [];
  const visit = (entry: Parameters<typeof textAt>[0]) => void seen.push(textAt(entry));
  const walking = walkRuns(bytewiseKeys, inspectors, visit, () => seen.length);
  assertEquals([walking.next().value, walking.next().value], [1, 2]);
  assertEquals(open.now > 0, true);
  walking.return();
  assertEquals([seen.length, open.now], [2, 0]);
});

Deno.test("of many losses those that an entry may be in are found by a few comparisons (invariant 3)", () => {
  let comparisons = 0;
  const comparator = new InternalKeyComparator({
    ...bytewise,
    name: "counting",
    compare: (a, b) => {
      comparisons++;
      return bytewise.compare(a, b);
    },
  });
  const keyOf = (i: number) => entry(String(1e6 + i), "", 5)[0];
  const losses = new Losses(comparator);
  // Each has the keys from an even number to the next odd one.
  for (let i = 0; i < 4000; i += 2) losses.add(1, lostKeys(comparator, keyOf(i), keyOf(i + 1)));
  const mayHide = (key: Uint8Array, run: number) =>
    losses.mayHide({ keyBuffer: key, keyStart: 0, keyEnd: key.length }, run);
  for (let i = 0; i < 4000; i += 37) {
    const inside = keyOf(i);
    const between = entry(`${1e6 + i + (i % 2 === 0 ? 1 : 0)}5`, "", 5)[0];
    comparisons = 0;
    assertEquals([mayHide(inside, 2), mayHide(inside, 0), mayHide(between, 2)], [
      true,
      false,
      false,
    ]);
    assert(comparisons < 40, `${comparisons} comparisons`);
  }
  // In one run, what comes before a loss is newer than it.
  assertEquals([mayHide(keyOf(2), 1), mayHide(entry(String(1e6 + 3), "", 4)[0], 1)], [false, true]);
});
