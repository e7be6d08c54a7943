/**
 * Which versions nobody can see, and what flushes and compactions have in common.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator } from "./random.ts";
import { utf8 } from "../tests/tables.ts";
import { memtableOf, SmallTree, type TreeJob } from "../tests/trees.ts";
import { planRange } from "./compaction_picker.ts";
import { HiddenVersions, JobCounters } from "./job.ts";

/** Gives versions, newest first for each key, and tells which are seen: `key@sequence`. */
function kept(versions: [key: string, sequence: number][], smallestSnapshot: number): string[] {
  const hidden = new HiddenVersions(smallestSnapshot);
  // All in one buffer, so that a version's place in it decides nothing.
  const buffer = utf8(versions.map(([key]) => key).join(""));
  let at = 0;
  return versions.filter(([key, sequence]) => {
    const start = at;
    at += key.length;
    return !hidden.isHidden(buffer, start, at, sequence);
  }).map(([key, sequence]) => `${key}@${sequence}`);
}

Deno.test("Without a snapshot the newest version of each key is kept", () => {
  const versions: [string, number][] = [["a", 9], ["a", 3], ["a", 1], ["b", 2], ["c", 8], ["c", 7]];
  assertEquals(kept(versions, 9), ["a@9", "b@2", "c@8"]);
});

Deno.test("Of what the oldest snapshot can see the newest is kept, and everything after it", () => {
  const versions: [string, number][] = [["a", 9], ["a", 6], ["a", 5], ["a", 4], ["a", 1]];
  assertEquals(kept(versions, 5), ["a@9", "a@6", "a@5"]);
  assertEquals(kept(versions, 0), ["a@9", "a@6", "a@5", "a@4", "a@1"]);
  assertEquals(kept(versions, 6), ["a@9", "a@6"]);
  assertEquals(kept(versions, 8), ["a@9", "a@6"]);
});

Deno.test("Keys that begin or end alike are different keys, and so is the empty one", () => {
  const versions: [string, number][] = [["", 9], ["a", 8], ["aa", 7], ["ab", 6], ["b", 5], [
    "bb",
    4,
  ]];
  assertEquals(kept(versions, 9).length, 6);
  assertEquals(kept([["", 9], ["", 8]], 9), ["@9"]);
  const long = "k".repeat(1000);
  const lengths: [string, number][] = [["k", 9], [long, 8], [long, 7], [`${long}k`, 6]];
  assertEquals(kept(lengths, 9), ["k@9", `${long}@8`, `${long}k@6`]);
});

Deno.test("The first version of each key is known as such", () => {
  const hidden = new HiddenVersions(9);
  const seen = ["a", "a", "b", "b", "a"].map((key, i) => {
    hidden.isHidden(utf8(key), 0, 1, 9 - i);
    return hidden.isNewUserKey;
  });
  assertEquals(seen, [true, false, true, false, true]);
});

Deno.test("A key is remembered, not the buffer that it was in", () => {
  const hidden = new HiddenVersions(9);
  const buffer = utf8("key");
  assertEquals(hidden.isHidden(buffer, 0, 3, 5), false);
  buffer.fill(0); // the cursor has gone on
  assertEquals(hidden.isHidden(utf8("key"), 0, 3, 4), true);
});

Deno.test("Whatever is hidden, no snapshot reads anything else than before", () => {
  const seed = 11;
  const random = generator(seed);
  for (let round = 0; round < 500; round++) {
    const versions: [string, number][] = [];
    for (const key of ["a", "b", "bb"]) {
      const sequences = new Set(Array.from({ length: random(6) }, () => 1 + random(20)));
      for (const sequence of [...sequences].sort((x, y) => y - x)) versions.push([key, sequence]);
    }
    const smallest = random(22);
    const left = kept(versions, smallest);
    const newestAt = (names: string[], key: string, snapshot: number) =>
      names.find((name) => name.startsWith(`${key}@`) && Number(name.split("@")[1]) <= snapshot);
    const all = versions.map(([key, sequence]) => `${key}@${sequence}`);
    for (let snapshot = smallest; snapshot < 25; snapshot++) {
      for (const key of ["a", "b", "bb"]) {
        const about = `seed ${seed}, round ${round}, ${all} at ${snapshot} of ${smallest}`;
        assertEquals(newestAt(left, key, snapshot), newestAt(all, key, snapshot), about);
      }
    }
    for (const key of ["a", "b", "bb"]) { // and nothing is kept for nobody
      const old = left.filter((name) =>
        name.startsWith(`${key}@`) && Number(name.split("@")[1]) <= smallest
      );
      assert(old.length <= 1, `seed ${seed}, round ${round}, ${left} of ${smallest}`);
    }
  }
});

/** Flush and compaction, of 400 entries of about 40 bytes. */
function jobs(): [name: string, stage: SmallTree, job: TreeJob][] {
  const text = (from: number) =>
    Array.from({ length: 200 }, (_, i) => {
      const key = String(2 * i + from).padStart(10, "0");
      return `${key}@${2 * i + from + 1}=${"v".repeat(20)}`;
    }).join(" ");
  const one = new SmallTree();
  const flush = one.flush({
    memtable: memtableOf(`${text(0)} ${text(1)}`),
    lastSequence: 400,
    nextLogNumber: 9,
    level: () => 0,
  });
  const other = new SmallTree();
  other.addTable(0, text(0));
  other.addTable(0, text(1));
  const options = {
    tableBytes: 1 << 20,
    levelZeroTrigger: 4,
    baseLevelBytes: 1 << 20,
    levelMultiplier: 10,
    seekCompaction: false,
  };
  const plan = planRange(other.tree.version, 0, undefined, undefined, options);
  return [
    ["flush", one, flush],
    ["compaction", other, other.compaction(plan!, options)],
  ];
}

Deno.test("A step does about as much as it was given, and at least one entry (invariant 1)", () => {
  for (const [bytes, least, most] of [[1, 100, 410], [400, 20, 60], [1 << 20, 1, 3]] as const) {
    for (const [name, stage, job] of jobs()) {
      let steps = 1;
      while (!job.step(bytes)) steps++;
      assert(steps >= least && steps <= most, `${name} of ${bytes} bytes: ${steps} steps`);
      stage.close();
    }
  }
});

Deno.test("The tree changes in the last step of a job (invariant 2)", () => {
  for (const [name, stage, job] of jobs()) {
    const before = stage.tree.version;
    while (true) {
      assertEquals(stage.tree.version === before, true, name);
      if (job.step(1000)) break;
    }
    assertEquals(stage.tree.version === before, false, name);
    assertEquals(stage.levelsOnDisk(), stage.levels());
    const { flushes, compactions } = stage.counters;
    assertEquals([flushes, compactions], name === "flush" ? [1, 0] : [0, 1]);
    stage.close();
  }
});

Deno.test("A job that is given up has changed nothing, and leaves nothing (invariant 2)", () => {
  for (const steps of [0, 1, 3]) {
    for (const [name, stage, job] of jobs()) {
      const before = [stage.tree.version, stage.levels(), stage.tableFiles()];
      for (let i = 0; i < steps; i++) assertEquals(job.step(1000), false, name);
      job.abandon();
      assertEquals([stage.tree.version, stage.levels(), stage.tableFiles()], before, name);
      assertEquals(stage.levelsOnDisk(), stage.levels(), name);
      stage.close();
    }
  }
});

Deno.test("Everything is counted from zero", () => {
  for (const [name, count] of Object.entries(new JobCounters())) assertEquals(count, 0, name);
});
