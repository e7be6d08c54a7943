/* The rules are also tested by cases for people: see compaction_picker_test.ts. */
import { assert, assertEquals } from "@std/assert";
import { BaseLevelChecker, OutputCutter } from "./compaction_rules.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey, userKeyOf } from "./internal_key.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit, LEVELS, type TableMeta } from "./version_edit.ts";

const COMPARATOR = new InternalKeyComparator();

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

function key(number: number): Uint8Array {
  return makeInternalKey(Uint8Array.of(number), 7, KIND_VALUE);
}

/** Disjoint tables over one-byte keys, with gaps. */
function randomTables(random: (below: number) => number, firstNumber: number): TableMeta[] {
  const tables: TableMeta[] = [];
  for (let at = random(20); at < 250; at += 1 + random(30)) {
    const smallest = key(at);
    at = Math.min(255, at + random(20));
    const bytes = random(1000);
    tables.push({ number: firstNumber++, bytes, smallest, largest: key(at), allowedSeeks: 100 });
  }
  return tables;
}

Deno.test("isGoneBelow() says what looking at every table says, for every ascending row of keys", () => {
  const seed = 12;
  const random = randomOf(seed);
  for (let round = 0; round < 100; round++) {
    const edit = emptyVersionEdit();
    for (let level = 1; level < LEVELS; level++) {
      if (random(3) === 0) continue;
      for (const table of randomTables(random, 1000 * level)) edit.added.push({ level, table });
    }
    const version = Version.empty(COMPARATOR).apply(edit);
    const outputLevel = 1 + random(LEVELS - 1);
    const checker = new BaseLevelChecker(version, outputLevel);
    for (let at = random(5); at < 256; at += random(5)) {
      const isThere = version.levels.some((tables, level) =>
        level > outputLevel &&
        tables.some(({ smallest, largest }) =>
          userKeyOf(smallest)[0]! <= at && at <= userKeyOf(largest)[0]!
        )
      );
      const buffer = Uint8Array.of(255, at, 255);
      const where = `seed ${seed}, round ${round}, key ${at}`;
      assertEquals(checker.isGoneBelow(buffer, 1, 2), !isThere, where);
    }
  }
});

Deno.test("isCutBefore() keeps every output within the bound", () => {
  const seed = 5;
  const random = randomOf(seed);
  let cuts = 0;
  for (let round = 0; round < 100; round++) {
    const grandparents = randomTables(random, 1);
    const tableBytes = 50 + random(200);
    const cutter = new OutputCutter(COMPARATOR, grandparents, { tableBytes });
    const endsBetween = (from: number, to: number) =>
      grandparents.filter(({ largest }) => from <= largest[0]! && largest[0]! < to);
    let begin: number | undefined;
    let outputBytes = 0;
    for (let at = random(30); at < 256; at += 1 + random(3)) {
      const key = makeInternalKey(Uint8Array.of(at), 7, KIND_VALUE);
      const isCut = cutter.isCutBefore(key, 0, key.length, outputBytes);
      outputBytes = (isCut ? 0 : outputBytes) + 1 + random(4);
      if (isCut || begin === undefined) {
        if (begin !== undefined) cuts++;
        begin = at;
        continue;
      }
      const bytes = endsBetween(begin, at).reduce((sum, table) => sum + table.bytes, 0);
      const where = `seed ${seed}, round ${round}, output from ${begin} to ${at}`;
      assert(bytes <= 10 * tableBytes, where);
    }
  }
  assert(cuts > 100, `only ${cuts} cuts`);
});
