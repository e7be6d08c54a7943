import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { bytewise } from "./comparator.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey, userKeyOf } from "./internal_key.ts";
import { InconsistentEditError, LEVELS, totalBytes, Version, VersionBuilder } from "./version.ts";
import { emptyVersionEdit, type TableMeta, type VersionEdit } from "./version_edit.ts";

const COMPARATOR = new InternalKeyComparator();
const MB = 2 ** 20;

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** `"c"` or `"c:7"`, with a sequence number; 100 by default. */
function key(text: string): Uint8Array {
  const [user, sequence] = text.split(":");
  return makeInternalKey(encode(user!), Number(sequence ?? 100), KIND_VALUE);
}

function table(number: number, smallest: string, largest: string, bytes = 2 * MB): TableMeta {
  return { number, bytes, smallest: key(smallest), largest: key(largest), allowedSeeks: 100 };
}

function edit(added: [number, TableMeta][], deleted: [number, number][] = []): VersionEdit {
  return {
    ...emptyVersionEdit(),
    added: added.map(([level, table]) => ({ level, table })),
    deleted: deleted.map(([level, number]) => ({ level, number })),
  };
}

function version(...added: [number, TableMeta][]): Version {
  return Version.empty(COMPARATOR).apply(edit(added));
}

function numbers(tables: readonly TableMeta[]): number[] {
  return tables.map(({ number }) => number);
}

/** A small generator: the same seed, the same numbers, on every machine. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

Deno.test("empty() has every level and no table", () => {
  const empty = Version.empty(COMPARATOR);
  assertEquals(empty.levels, Array.from({ length: LEVELS }, () => []));
  for (let level = 0; level < LEVELS; level++) {
    assertEquals([empty.tableCount(level), empty.levelBytes(level)], [0, 0]);
    assertEquals(empty.overlapping(level), []);
    assertEquals(empty.overlapsLevel(level), false);
  }
});

Deno.test("apply() orders level 0 by age and the others by key", () => {
  const tree = version(
    [0, table(5, "a", "f")],
    [0, table(9, "m", "z")],
    [0, table(7, "c", "k")],
    [1, table(8, "x", "z", 3)],
    [1, table(4, "a", "b", 5)],
    [1, table(6, "k", "l", 7)],
  );
  assertEquals(numbers(tree.levels[0]!), [9, 7, 5]);
  assertEquals(numbers(tree.levels[1]!), [4, 6, 8]);
  assertEquals([tree.tableCount(0), tree.tableCount(1), tree.tableCount(2)], [3, 3, 0]);
  assertEquals([tree.levelBytes(0), tree.levelBytes(1)], [6 * MB, 15]);
});

Deno.test("apply() leaves the version as it was and shares the levels without a change", () => {
  const before = version([0, table(5, "a", "f")], [1, table(4, "a", "b")]);
  const after = before.apply(edit([[0, table(6, "a", "f")]]));
  assertEquals(numbers(before.levels[0]!), [5]);
  assertEquals(numbers(after.levels[0]!), [6, 5]);
  assertStrictEquals(after.levels[1], before.levels[1]);
});

Deno.test("apply() moves a table from level to level in one edit", () => {
  const moved = table(5, "a", "f");
  const tree = version([0, moved]).apply(edit([[1, moved]], [[0, 5]]));
  assertEquals([tree.levels[0], tree.levels[1]], [[], [moved]]);
});

Deno.test("apply() deletes before it adds, so a table can be replaced in place", () => {
  const tree = version([1, table(5, "a", "f")]).apply(edit([[1, table(5, "b", "c")]], [[1, 5]]));
  assertEquals(decode(userKeyOf(tree.levels[1]![0]!.smallest)), "b");
});

Deno.test("apply() takes neighbours that share a user key if the newer versions are to the left", () => {
  const tree = version([1, table(5, "c:10", "f")], [1, table(4, "a", "c:20")]);
  assertEquals(numbers(tree.levels[1]!), [4, 5]);
});

Deno.test("apply() refuses what does not fit", () => {
  const tree = version([1, table(4, "c", "f")], [2, table(5, "a", "z")]);
  const refused: [VersionEdit, string][] = [
    [
      edit([[1, table(6, "f:50", "h")], [1, table(7, "g", "k")]]),
      "tables 6 and 7 of level 1 overlap",
    ],
    [
      edit([[1, table(6, "a", "c:101")], [1, table(7, "b", "b")]]),
      "tables 6 and 7 of level 1 overlap",
    ],
    [edit([[1, table(6, "f", "h")]]), "tables 4 and 6 of level 1 overlap"],
    [edit([[1, table(6, "f:101", "h")]]), "tables 4 and 6 of level 1 overlap"],
    [edit([[1, table(6, "a", "c")]]), "tables 6 and 4 of level 1 overlap"],
    [edit([[1, table(6, "d", "e")]]), "tables 4 and 6 of level 1 overlap"],
    [edit([[3, table(6, "b", "a")]]), "table 6 ends before it starts"],
    [edit([[0, table(6, "a:1", "a:2")]]), "table 6 ends before it starts"],
    [edit([[3, table(4, "c", "f")]]), "table 4 is there twice"],
    [edit([[0, table(4, "c", "f")]]), "table 4 is there twice"],
    [edit([[3, table(6, "c", "d")], [3, table(6, "x", "z")]]), "table 6 of level 3 is added twice"],
    [edit([], [[1, 5]]), "deleted table 5 is not in level 1"],
    [edit([], [[0, 4]]), "deleted table 4 is not in level 0"],
    [edit([], [[1, 4], [1, 4]]), "table 4 of level 1 is deleted twice"],
  ];
  for (const [bad, what] of refused) {
    assertThrows(() => tree.apply(bad), InconsistentEditError, what);
  }
  assertEquals(numbers(tree.apply(edit([[1, table(6, "f:99", "h")]])).levels[1]!), [4, 6]);
});

Deno.test("VersionBuilder makes of many edits what apply() makes of them one by one", () => {
  const seed = 77;
  const random = randomOf(seed);
  for (let round = 0; round < 50; round++) {
    let oneByOne = version([0, table(1, "m", "n")]);
    const builder = new VersionBuilder(oneByOne);
    for (let number = 2; number < 40; number++) {
      const level = random(LEVELS);
      const name = String.fromCharCode(97 + random(26)) + number; // no two the same
      const next = edit([[level, table(number, name, name)]]);
      const victims = oneByOne.levels[random(LEVELS)]!;
      if (victims.length > 0 && random(2) === 0) {
        const victim = victims[random(victims.length)]!;
        next.deleted.push({ level: oneByOne.levels.indexOf(victims), number: victim.number });
      }
      oneByOne = oneByOne.apply(next);
      builder.apply(next);
    }
    assertEquals(builder.build().levels, oneByOne.levels, `seed ${seed}, round ${round}`);
  }
});

/** Disjoint tables over two-letter keys, some of which share a user key with their neighbour. */
function randomLevel(random: (below: number) => number, level: number): [number, TableMeta][] {
  const keys = Array.from({ length: 2 * random(8) }, () => {
    const letters = String.fromCharCode(97 + random(4), 97 + random(4)).slice(0, 1 + random(2));
    return `${letters}:${1 + random(9)}`;
  });
  const unique = [...new Set(keys)];
  if (unique.length % 2 === 1) unique.pop();
  if (level > 0) unique.sort((a, b) => COMPARATOR.compareKeys(key(a), key(b)));
  const tables: [number, TableMeta][] = [];
  for (let i = 0; i < unique.length; i += 2) {
    const pair = [unique[i]!, unique[i + 1]!];
    pair.sort((a, b) => COMPARATOR.compareKeys(key(a), key(b)));
    tables.push([level, table(100 * level + i + 1, pair[0]!, pair[1]!)]);
  }
  return tables;
}

const USER_KEYS = ["", "a", "b", "c", "d", "e"].flatMap((first) =>
  first === "" ? [first] : ["", "a", "b", "c", "d", "e"].map((second) => first + second)
);

Deno.test("findTable() is the first table that does not end before the key, for every key", () => {
  const seed = 4;
  const random = randomOf(seed);
  for (let round = 0; round < 60; round++) {
    const tree = version(...randomLevel(random, 1));
    const tables = tree.levels[1]!;
    for (const user of USER_KEYS) {
      for (let sequence = 0; sequence <= 10; sequence++) {
        const target = key(`${user}:${sequence}`);
        const buffer = new Uint8Array(target.length + 5).fill(0xff);
        buffer.set(target, 2);
        const first = tables.findIndex((t) => COMPARATOR.compareKeys(t.largest, target) >= 0);
        assertEquals(
          tree.findTable(1, buffer, 2, 2 + target.length),
          first < 0 ? tables.length : first,
          `seed ${seed}, round ${round}, ${user}:${sequence}`,
        );
      }
    }
  }
});

Deno.test("findTable() and tableOf() agree with a scan, for keys of all shapes", () => {
  const seed = 12;
  const random = randomOf(seed);
  const reverse = {
    name: "reverse",
    compare: (a: Uint8Array, b: Uint8Array) => bytewise.compare(b, a),
  };
  for (let round = 0; round < 80; round++) {
    const comparator = new InternalKeyComparator(round % 4 === 0 ? reverse : bytewise);
    // Much in common, few different bytes: heads are often equal, or the keys end in them.
    const prefix = (round % 3 === 0 ? "\0\0\0" : "common").slice(0, random(7));
    const keyOf = () => {
      const rest = Array.from(
        { length: random(9) },
        () => [0, 97, 98, 255][random(round % 3 + 2)]!,
      );
      return makeInternalKey(Uint8Array.from([...encode(prefix), ...rest]), 1 + random(9), 1);
    };
    const keys = Array.from({ length: 2 + 2 * random(12) }, keyOf)
      .sort((a, b) => comparator.compareKeys(a, b))
      .filter((k, i, all) => i === 0 || comparator.compareKeys(all[i - 1]!, k) !== 0);
    if (keys.length % 2 === 1) keys.pop();
    const added: [number, TableMeta][] = [];
    for (let i = 0; i < keys.length; i += 2) {
      const [smallest, largest] = [keys[i]!, keys[i + 1]!];
      added.push([1, { number: i + 1, bytes: 1, smallest, largest, allowedSeeks: 1 }]);
    }
    const tree = Version.empty(comparator).apply(edit(added));
    const tables = tree.levels[1]!;
    const targets = [
      ...keys,
      ...Array.from({ length: 60 }, keyOf),
      key(""),
      key("zzz"),
      key("com"),
    ];
    for (const target of targets) {
      const where = `seed ${seed}, round ${round}, target ${target}`;
      const first = tables.findIndex((t) => comparator.compareKeys(t.largest, target) >= 0);
      const found = tree.findTable(1, target, 0, target.length);
      assertEquals(found, first < 0 ? tables.length : first, where);
      const user = userKeyOf(target);
      const has = first >= 0 &&
        comparator.user.compare(userKeyOf(tables[first]!.smallest), user) <= 0;
      assertStrictEquals(
        tree.tableOf(1, target, target.length),
        has ? tables[first] : undefined,
        where,
      );
    }
  }
});

/** The rule itself, slowly: whatever overlaps the range is in, and in level 0 the range grows by what is in. */
function overlappingModel(tree: Version, level: number, begin?: string, end?: string): TableMeta[] {
  let found: TableMeta[] = [];
  for (;;) {
    const next = tree.levels[level]!.filter((table) =>
      (begin === undefined || decode(userKeyOf(table.largest)) >= begin) &&
      (end === undefined || decode(userKeyOf(table.smallest)) <= end)
    );
    if (level > 0 || next.length === found.length) return next;
    found = next;
    for (const { smallest, largest } of found) {
      if (begin !== undefined && decode(userKeyOf(smallest)) < begin) {
        begin = decode(userKeyOf(smallest));
      }
      if (end !== undefined && decode(userKeyOf(largest)) > end) end = decode(userKeyOf(largest));
    }
  }
}

Deno.test("overlapping() and overlapsLevel() follow the rule, for every range", () => {
  const seed = 9;
  const random = randomOf(seed);
  const bounds = [undefined, ...USER_KEYS.filter((_, i) => i % 2 === 0)];
  for (let round = 0; round < 30; round++) {
    const tree = version(...randomLevel(random, 0), ...randomLevel(random, 1));
    for (const begin of bounds) {
      for (const end of bounds) {
        if (begin !== undefined && end !== undefined && begin > end) continue;
        const range = [begin, end].map((text) => text === undefined ? undefined : encode(text));
        for (const level of [0, 1]) {
          const expected = numbers(overlappingModel(tree, level, begin, end));
          const where = `seed ${seed}, round ${round}, level ${level}, ${begin} to ${end}`;
          assertEquals(numbers(tree.overlapping(level, range[0], range[1])), expected, where);
          assertEquals(tree.overlapsLevel(level, range[0], range[1]), expected.length > 0, where);
        }
      }
    }
  }
});

Deno.test("overlapping() follows the comparator, not the bytes", () => {
  const reverse = {
    name: "reverse",
    compare: (a: Uint8Array, b: Uint8Array) => bytewise.compare(b, a),
  };
  const tree = Version.empty(new InternalKeyComparator(reverse))
    .apply(edit([[1, table(5, "f", "a")], [1, table(4, "z", "m")]]));
  assertEquals(numbers(tree.levels[1]!), [4, 5]);
  assertEquals(numbers(tree.overlapping(1, encode("g"), encode("b"))), [5]);
  assertEquals(tree.findTable(1, key("l"), 0, key("l").length), 1);
});

Deno.test("levelForFlush() never goes below or into a level that has keys of the range", () => {
  const seed = 31;
  const random = randomOf(seed);
  const reached = new Set<number>();
  for (let round = 0; round < 300; round++) {
    const levels = [0, 1, 2, 3].filter(() => random(2) === 0);
    const tree = version(...levels.flatMap((level) => randomLevel(random, level)));
    const [smallest, largest] = [random(USER_KEYS.length), random(USER_KEYS.length)]
      .sort((a, b) => a - b).map((index) => encode(USER_KEYS[index]!));
    const tableBytes = random(2 * MB);
    const level = tree.levelForFlush(smallest!, largest!, { tableBytes });
    reached.add(level);
    const where = `seed ${seed}, round ${round}`;
    for (let above = level; above > 0; above--) {
      assert(!tree.overlapsLevel(above, smallest, largest), where);
      const next = tree.overlapping(above + 1, smallest, largest);
      assert(totalBytes(next) <= 10 * tableBytes, where);
    }
    if (level > 0) assert(!tree.overlapsLevel(0, smallest, largest), where);
  }
  assertEquals([...reached].sort(), [0, 1, 2]);
});

Deno.test("references are counted, and none is released twice", () => {
  const tree = version();
  assertEquals(tree.references, 0);
  tree.addReference();
  tree.addReference();
  tree.release();
  assertEquals(tree.references, 1);
  tree.release();
  assertEquals(tree.references, 0);
  assertThrows(() => tree.release(), Error, "Invariant");
});
