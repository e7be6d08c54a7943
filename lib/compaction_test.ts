/**
 * Folding tables, on a small tree: what is kept, what is dropped, where it is cut, and what is left if it fails.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator } from "./random.ts";
import { bytewiseKeys, type Entry, entry, textAt } from "../tests/tables.ts";
import { SmallTree } from "../tests/trees.ts";
import {
  type CompactionPlan,
  DEFAULT_PICKER_OPTIONS,
  pickCompaction,
  type PickerOptions,
  planRange,
} from "./compaction_picker.ts";
import { SEQUENCE_MAX } from "./internal_key.ts";
import { TableOutput } from "./table_output.ts";
import { emptyVersionEdit } from "./version_edit.ts";
import { VisibleCursor } from "./visible_cursor.ts";
import { ReadView } from "./read_view.ts";

const WHOLE = Number.MAX_SAFE_INTEGER;

/** The plan for everything in a level, down to the next. */
function planOf(small: SmallTree, level: number, deepest = level + 1): CompactionPlan {
  const { version } = small.tree;
  const plan = planRange(version, level, undefined, undefined, DEFAULT_PICKER_OPTIONS, deepest);
  assert(plan !== undefined);
  return plan;
}

function compact(small: SmallTree, level: number, options: Partial<PickerOptions> = {}): void {
  const job = small.compaction(planOf(small, level), {
    ...DEFAULT_PICKER_OPTIONS,
    ...options,
  });
  assert(job.step(WHOLE));
}

/** Fills levels, written as `1: table | table`, into a new tree. */
function treeOf(...levels: string[]): SmallTree {
  const small = new SmallTree();
  for (const text of levels) {
    const [level, tables] = text.split(": ");
    for (const table of tables!.split(" | ")) small.addTable(Number(level), table);
  }
  return small;
}

Deno.test("tables of two levels become one run in the deeper one", () => {
  const small = treeOf("1: a@7=x c@8=y | e@9=z", "2: a@1=o b@2=p | d@3=q e@4=r");
  compact(small, 1);
  assertEquals(small.levels(), ["2: a@7=x b@2=p c@8=y d@3=q e@9=z"]);
  assertEquals(small.levelsOnDisk(), small.levels());
  assertEquals(small.tableFiles().length, 1, "the inputs are removed");
  small.close();
});

Deno.test("tables of level 0 overlap: the newest version wins, whatever table it is in", () => {
  const small = treeOf("0: a@1=1 c@2=2", "0: a@3=3 b@4=4", "0: b@6! c@5=5", "1: a@0=0 z@0=0");
  compact(small, 0);
  assertEquals(small.levels(), ["1: a@3=3 c@5=5 z@0=0"]);
  small.close();
});

Deno.test("several levels become one run in the deepest of them, in one go", () => {
  const small = treeOf(
    "0: b@9=new | a@8=newer d@7!",
    "1: a@6=old b@6=old",
    "2: c@4=only d@4=gone | e@4=beside",
    "4: d@1=older",
  );
  const job = small.compaction(planOf(small, 0, 2), DEFAULT_PICKER_OPTIONS);
  assert(job.step(WHOLE));
  assertEquals(small.levels(), [
    "2: a@8=newer b@9=new c@4=only d@7! | e@4=beside",
    "4: d@1=older",
  ]);
  assertEquals(small.levelsOnDisk(), small.levels());
  assertEquals(small.tableFiles().length, 3, "the inputs are removed");
  small.close();
});

Deno.test("outputs are durable before the manifest names them (invariant 1)", () => {
  const small = treeOf("1: a@3=x b@4=y", "2: a@1=o");
  const inputs = small.tableFiles();
  compact(small, 1);
  const changes = small.disk.changes.map(({ kind, name }) => `${kind} ${name}`);
  const [output] = small.tableFiles();
  const manifest = small.disk.list("db").find((name) => name.startsWith("MANIFEST"));
  assertEquals(changes, [
    ...[`create ${output}`, `append ${output}`, `sync ${output}`, "syncDirectory db"],
    ...[`append ${manifest}`, `sync ${manifest}`],
    ...inputs.map((name) => `remove ${name}`),
  ]);
  small.close();
});

Deno.test("inputs stay until no reader holds them (invariant 1)", () => {
  const small = treeOf("1: a@3=x b@4=y", "2: a@1=o");
  const { tree } = small;
  const { version } = tree;
  tree.retain(version);
  const cursor = small.cache.cursor(version.levels[2]![0]!.number);
  compact(small, 1);
  assertEquals(small.tableFiles().length, 3);
  cursor.first();
  assertEquals(textAt(cursor), "a@1=o");
  cursor.close();
  assertEquals(small.entriesOf(version.levels[1]![0]!), "a@3=x b@4=y");
  tree.release(version);
  assertEquals(small.tableFiles().length, 1);
  small.close();
});

/** What becomes of two levels under the oldest snapshot, with some levels below. */
const DROPS: [why: string, snapshot: number, levels: string[], after: string[]][] = [
  ["a tombstone goes with what it hides", SEQUENCE_MAX, ["1: a@5!", "2: a@1=x"], []],
  ["and so it does at its own sequence number", 5, ["1: a@5!", "2: a@1=x"], []],
  [
    "an old snapshot keeps both the value and the tombstone",
    4,
    ["1: a@5!", "2: a@1=x"],
    ["2: a@5! a@1=x"],
  ],
  [
    "a tombstone stays as long as a deeper level may have the key",
    SEQUENCE_MAX,
    ["1: b@5!", "2: b@2=x", "3: a@1=x c@1=x"],
    ["2: b@5!", "3: a@1=x c@1=x"],
  ],
  [
    "in the deepest one too",
    SEQUENCE_MAX,
    ["1: b@5!", "2: b@2=x", "6: b@1=x"],
    ["2: b@5!", "6: b@1=x"],
  ],
  [
    "a deeper level beside the key does not matter",
    SEQUENCE_MAX,
    ["1: b@5!", "2: b@2=x", "3: c@1=x d@1=y", "4: a@1=z"],
    ["3: c@1=x d@1=y", "4: a@1=z"],
  ],
  [
    "of a tombstone and a newer value the value is left",
    SEQUENCE_MAX,
    ["1: a@7=y a@5!", "2: a@1=x"],
    ["2: a@7=y"],
  ],
  [
    "a snapshot in between sees the tombstone, so it stays, though what it hides may go",
    6,
    ["1: a@7=y a@5!", "2: a@1=x", "3: a@0=w"],
    ["2: a@7=y a@5!", "3: a@0=w"],
  ],
  [
    "with nothing below, the snapshot in between sees as little without it",
    6,
    ["1: a@7=y a@5!", "2: a@1=x"],
    ["2: a@7=y"],
  ],
  [
    "versions hidden from everyone go, whatever lies below",
    SEQUENCE_MAX,
    ["1: a@7=y a@6=x", "2: a@5=w a@4=v", "3: a@1=u"],
    ["2: a@7=y", "3: a@1=u"],
  ],
  ["an empty value is no tombstone", SEQUENCE_MAX, ["1: a@5=", "2: a@1=x"], ["2: a@5="]],
  ["a tombstone that hides nothing goes", SEQUENCE_MAX, ["1: a@5! b@6=x", "2: c@1=y"], [
    "2: b@6=x | c@1=y",
  ]],
];

for (const [why, snapshot, levels, after] of DROPS) {
  Deno.test(`${why}, with the oldest snapshot at ${snapshot} (invariant 2)`, () => {
    const small = treeOf(...levels);
    small.snapshot = snapshot;
    const entries = (lines: string[]) =>
      lines.join(" ").split(/[ |:]+/).filter((it) => /@/.test(it));
    const before = entries(small.levels()).length;
    compact(small, 1);
    assertEquals(small.levels(), after);
    assertEquals(small.counters.droppedEntries, before - entries(after).length);
    assertEquals(small.levelsOnDisk(), after);
    small.close();
  });
}

Deno.test("a snapshot taken or released meanwhile changes nothing (invariant 4)", () => {
  const small = treeOf("1: a@5! b@6=y b@3=x", "2: a@1=x b@2=w");
  small.snapshot = 4;
  const job = small.compaction(planOf(small, 1), DEFAULT_PICKER_OPTIONS);
  small.snapshot = SEQUENCE_MAX;
  job.step(1);
  small.snapshot = 0;
  while (!job.step(1));
  assertEquals(small.levels(), ["2: a@5! a@1=x b@6=y b@3=x"]);
  small.close();
});

Deno.test("outputs are cut when large enough, and never inside a user key (invariant 3)", () => {
  const small = new SmallTree();
  small.snapshot = 0; // every version stays
  small.writerOptions = { blockBytes: 256 };
  const entries: Entry[] = [];
  for (let key = 10; key < 40; key++) {
    const versions = key % 5 === 0 ? 200 : 3;
    for (let i = versions; i > 0; i--) entries.push(entry(`k${key}`, "v".repeat(50), i * 10));
  }
  small.addTable(1, entries);
  const tableBytes = 4096;
  compact(small, 1, { tableBytes });
  const tables = small.tree.version.levels[2]!;
  assert(tables.length > 4, `${tables.length} tables`);
  const keys = tables.map((table) =>
    new Set(small.entriesOf(table).split(" ").map((word) => word.split("@")[0]!))
  );
  const all = keys.flatMap((set) => [...set]);
  assertEquals(all.length, new Set(all).size, "no key is in two tables");
  for (const [i, { bytes }] of tables.entries()) {
    // A table may go over by the versions of its last key: 200 of them, or three.
    const last = [...keys[i]!].at(-1)!;
    const excess = /[05]$/.test(last) ? 14_000 : 1000;
    assert(bytes < tableBytes + excess, `table ${i} has ${bytes} bytes`);
    if (i < tables.length - 1) assert(bytes > tableBytes / 2, `table ${i} has ${bytes} bytes`);
  }
  small.close();
});

Deno.test("outputs are cut where they would overlap too much of the level after (invariant 3)", () => {
  const small = treeOf("1: a@5=1 b@6=2 b@5=0 c@7=3 d@8=4", "2: a@1=o d@1=o");
  small.snapshot = 0;
  const plan = planOf(small, 1);
  const key = (text: string) => entry(text, "", 1)[0];
  // Ten tables' worth of bytes between b and c, which nobody has to read.
  const grandparents = ["b0", "b1", "b2"].map((name, i) => ({
    number: 900 + i,
    bytes: 4 * DEFAULT_PICKER_OPTIONS.tableBytes,
    smallest: key(name),
    largest: key(`${name}z`),
    allowedSeeks: 100,
  }));
  const job = small.compaction({ ...plan, grandparents }, DEFAULT_PICKER_OPTIONS);
  assert(job.step(WHOLE));
  assertEquals(small.levels(), ["2: a@5=1 a@1=o b@6=2 b@5=0 | c@7=3 d@8=4 d@1=o"]);
  small.close();
});

Deno.test("a grandparent that ends inside a user key does not cut there (invariant 3)", () => {
  const small = treeOf("1: a@9=1 m@9=2 m@5=3 m@2=4 n@9=5", "2: a@1=o");
  small.snapshot = 0;
  const grandparent = {
    number: 900,
    bytes: 11 * DEFAULT_PICKER_OPTIONS.tableBytes,
    smallest: entry("b", "", 1)[0],
    largest: entry("m", "", 4)[0],
    allowedSeeks: 100,
  };
  const plan = { ...planOf(small, 1), grandparents: [grandparent] };
  assert(small.compaction(plan, DEFAULT_PICKER_OPTIONS).step(WHOLE));
  assertEquals(small.levels(), ["2: a@9=1 a@1=o m@9=2 m@5=3 m@2=4 | n@9=5"]);
  small.close();
});

Deno.test("a table that overlaps nothing is moved, not rewritten", () => {
  const small = treeOf("1: a@5! b@6=x", "2: c@1=y");
  const options = { ...DEFAULT_PICKER_OPTIONS, baseLevelBytes: 1 };
  const plan = pickCompaction(small.tree.version, [], options)!;
  assert(plan.isTrivialMove);
  const files = small.tableFiles();
  plan.inputs[0]!.allowedSeeks = 0;
  assert(small.compaction(plan, options).step(1));
  assertEquals(small.levels(), ["2: a@5! b@6=x | c@1=y"], "its tombstone is moved along");
  assertEquals(small.tree.version.levels[2]![0]!.allowedSeeks, 100, "it may be searched again");
  assertEquals(small.tableFiles(), files);
  const { compactions, trivialMoves, compactionWriteBytes } = small.counters;
  assertEquals([compactions, trivialMoves, compactionWriteBytes], [0, 1, 0]);
  assertEquals(small.levelsOnDisk(), small.levels());
  small.close();
});

Deno.test("the next compaction of the level begins where this one ended", () => {
  const small = treeOf("1: a@5=x | c@6=y", "2: a@1=o");
  compact(small, 1);
  const pointer = small.tree.compactPointers[1]!;
  assertEquals(pointer, entry("c", "", 6)[0]);
  const again = new SmallTree(small.memory);
  assertEquals(again.tree.compactPointers[1], pointer);
  again.close();
  small.close();
});

Deno.test("what it costs is counted", () => {
  const small = treeOf("1: a@5=x b@6=y", "2: a@1=o | b@2=p | z@1=q");
  const read = small.tree.version.levelBytes(1) + small.tree.version.levels[2]![0]!.bytes +
    small.tree.version.levels[2]![1]!.bytes;
  compact(small, 1);
  const { compactions, trivialMoves, compactionReadBytes, compactionWriteBytes } = small.counters;
  assertEquals([compactions, trivialMoves], [1, 0]);
  assertEquals(compactionReadBytes, read);
  assertEquals(compactionWriteBytes, small.tree.version.levels[2]![0]!.bytes);
  small.close();
});

Deno.test("a compaction does not fill the pool with what it reads once", () => {
  const keys = Array.from({ length: 500 }, (_, i) => `k${1000 + i}@5=${"v".repeat(90)}`);
  const small = treeOf(`1: ${keys.join(" ")}`, "2: k1000@1=o");
  const job = small.compaction(planOf(small, 1), DEFAULT_PICKER_OPTIONS);
  assert(!job.step(45_000));
  const { usedBytes } = small.pool.stats();
  assert(usedBytes < 20_000, `${usedBytes} bytes: more than two indexes, two filters, two blocks`);
  job.abandon();
  small.close();
});

Deno.test("a step is bounded, and the tree changes in the last one", () => {
  const keys = Array.from({ length: 20 }, (_, i) => `k${i + 10}@${i + 1}=${"v".repeat(89)}`);
  const small = treeOf(`1: ${keys.join(" ")}`, "2: k10@0=o");
  const before = small.tree.version;
  const job = small.compaction(planOf(small, 1), DEFAULT_PICKER_OPTIONS);
  let steps = 0;
  while (!job.step(500)) {
    steps++;
    assertEquals(small.tree.version, before);
  }
  assertEquals(steps, 3, "the fourth is the last");
  small.close();
});

Deno.test("abandon() at any point leaves the tree and the directory as they were", () => {
  for (let steps = 0; steps < 6; steps++) {
    const small = treeOf("1: a@5=x b@6=y c@7=z", "2: a@1=o b@2=p");
    const [levels, files] = [small.levels(), small.tableFiles()];
    const job = small.compaction(planOf(small, 1), {
      ...DEFAULT_PICKER_OPTIONS,
      tableBytes: 1,
    });
    for (let i = 0; i < steps && i < 4; i++) assert(!job.step(1));
    job.abandon();
    job.abandon();
    assertEquals([small.levels(), small.tableFiles()], [levels, files]);
    assertEquals(small.tree.version.references, 1, "the job's hold on the version is let go");
    small.close();
  }
});

Deno.test("a compaction that fails at any step leaves the tree as it was, and no file that nobody needs", () => {
  const options = { ...DEFAULT_PICKER_OPTIONS, tableBytes: 1 }; // a table for every key
  for (let failing = 0;; failing++) {
    const small = treeOf("1: a@5=x b@6=y", "2: a@1=o");
    const [levels, files] = [small.levels(), small.tableFiles()];
    const job = small.compaction(planOf(small, 1), options);
    small.disk.fails = ({ index, kind }) => index === failing && kind !== "remove";
    try {
      while (!job.step(1));
      assertEquals(failing, 9, "two tables of three steps, their names, two steps of the manifest");
      assertEquals(small.levels(), ["2: a@5=x | b@6=y"]);
      small.close();
      return;
    } catch (error) {
      assert(error instanceof Error && error.message.includes("the test says so"), `${error}`);
    }
    job.abandon();
    small.disk.fails = () => false;
    const why = `failing at change ${failing}`;
    assertEquals([small.levels(), small.tree.version.references], [levels, 1], why);
    if (failing < 7) assertEquals(small.tableFiles(), files, why);
    else for (const name of files) assert(small.tableFiles().includes(name), why);
    const onDisk = small.levelsOnDisk();
    if (onDisk.length === 1) assertEquals(onDisk, ["2: a@5=x | b@6=y"], why);
    else assertEquals(onDisk, levels, why);
    small.close();
  }
});

/** What a reader at a snapshot sees. */
function seenAt(small: SmallTree, sequence: number): string {
  const view = new ReadView([], small.tree);
  const cursor = new VisibleCursor(view.cursor({ fillPool: true }), bytewiseKeys, sequence);
  const words: string[] = [];
  const text = new TextDecoder();
  for (cursor.first(); cursor.valid; cursor.next()) {
    const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
    const key = text.decode(keyBuffer.slice(keyStart, keyEnd));
    words.push(`${key}=${text.decode(valueBuffer.slice(valueStart, valueEnd))}`);
  }
  cursor.close();
  view.release();
  return words.join(" ");
}

/** Sorted tables of random versions, with sequence numbers from a range. */
function addRandomLevel(
  small: SmallTree,
  random: (below: number) => number,
  level: number,
  from: number,
): void {
  const entries: Entry[] = [];
  for (let sequence = from; sequence < from + 20; sequence++) {
    entries.push(entry(`k${random(12)}`, `${sequence}`, sequence, random(3) === 0 ? 0 : 1));
  }
  entries.sort(([a], [b]) => bytewiseKeys.compareKeys(a, b));
  const output = new TableOutput(small.tree.jobContext, small.tableOptions());
  const edit = emptyVersionEdit();
  for (const [key, value] of entries) {
    // Below level 0 tables may part the versions of a key, as LevelDB's once did.
    if (level > 0 && random(6) === 0) output.cut();
    output.add(
      {
        keyBuffer: key,
        keyStart: 0,
        keyEnd: key.length,
        valueBuffer: value,
        valueStart: 0,
        valueEnd: value.length,
      } as Parameters<TableOutput["add"]>[0],
    );
  }
  for (const table of output.finish()) edit.added.push({ level, table });
  small.tree.apply(edit);
}

Deno.test("random compactions change nothing that any snapshot sees, and never split a key", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const small = new SmallTree();
    let from = 1;
    for (const level of [4, 3, 2, 1, 0, 0, 0]) {
      if (random(4) > 0) addRandomLevel(small, random, level, from);
      from += 20;
    }
    const oldest = random(from + 5);
    small.snapshot = oldest;
    const snapshots = Array.from({ length: 6 }, () => oldest + random(from + 5));
    const before = [oldest, ...snapshots].map((sequence) => seenAt(small, sequence));
    for (let round = 0; round < 6; round++) {
      const level = random(4);
      const begin = random(2) === 0 ? undefined : new TextEncoder().encode(`k${random(12)}`);
      const options = { ...DEFAULT_PICKER_OPTIONS, tableBytes: 1 + random(400) };
      const { version } = small.tree;
      const plan = planRange(version, level, begin, undefined, options);
      if (plan === undefined) continue;
      const job = small.compaction(plan, options);
      while (!job.step(1 + random(500)));
      const after = [oldest, ...snapshots].map((sequence) => seenAt(small, sequence));
      assertEquals(after, before, `seed ${seed}, round ${round}, oldest snapshot ${oldest}`);
    }
    assertEquals(small.levelsOnDisk(), small.levels(), `seed ${seed}`);
    const files = small.tree.version.levels.flat().length;
    assertEquals(small.tableFiles().length, files, `seed ${seed}: files`);
    small.close();
  }
});
