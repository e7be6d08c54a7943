/*
 * The rules are tested by shapes and decisions that a person can read, in tests/testdata/compaction_picker. To see
 * what a change to the rules does to them: UPDATE=1 deno test -A lib/compaction_picker_test.ts, then git diff.
 *
 * A file is a list of cases with an empty line between them; a case is a shape, one or more questions, `----`, and
 * the answers:
 *
 *   # A title, and more comment
 *   options tableBytes=1MB levelZeroTrigger=2 seekCompaction=false
 *   L0: 7[a..f] 6[c..k]              tables 7 and 6, each from one key to another, of 2 MB
 *   L1: 3[a..c:9]@500KB              its last key is c with sequence number 9; by default it is the table's number
 *   pointer L1 d                     the last compaction of level 1 ended after d
 *   scores                           the score of every level
 *   pick                             the next compaction
 *   seek L1 3                        the next compaction if table 3 of level 1 was searched in vain
 *   range L1 a f                     a manual compaction; - for no bound
 *   overlap L0 a c                   Version.overlapping()
 *   flush a c                        Version.levelForFlush()
 *   gone L1 a c                      BaseLevelChecker.isGoneBelow() for outputs to level 1, key by key
 *   cut L3 a c:4 d@1MB               OutputCutter.isCutBefore() with level 3 as grandparents, key by key; the output
 *                                    has 1 MB before d, and next to nothing before keys without a size
 */
import { assert, assertEquals } from "@std/assert";
import {
  type CompactionPlan,
  DEFAULT_PICKER_OPTIONS,
  levelScores,
  pickCompaction,
  type PickerOptions,
  planRange,
} from "./compaction_picker.ts";
import { BaseLevelChecker, OutputCutter } from "./compaction_rules.ts";
import {
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  makeInternalKey,
  sequenceAt,
  userKeyOf,
} from "./internal_key.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit, type TableMeta } from "./version_edit.ts";
import { onSources } from "../tests/permissions.ts";

const DATA = new URL("../tests/testdata/compaction_picker/", import.meta.url);

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function parseBytes(text: string): number {
  const match = /^(\d+)(KB|MB|GB)?$/.exec(text);
  assert(match, `not a size: ${text}`);
  return Number(match[1]) * { "": 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }[match[2] ?? ""]!;
}

function parseKey(text: string, defaultSequence: number): Uint8Array {
  const [user, sequence] = text.split(":");
  return makeInternalKey(encode(user!), Number(sequence ?? defaultSequence), KIND_VALUE);
}

function parseTable(text: string): TableMeta {
  const match = /^(\d+)\[([^.\]]+)\.\.([^.\]]+)\](?:@(\w+))?$/.exec(text);
  assert(match, `not a table: ${text}`);
  const number = Number(match[1]);
  const bytes = parseBytes(match[4] ?? "2MB");
  const [smallest, largest] = [parseKey(match[2]!, number), parseKey(match[3]!, number)];
  return { number, bytes, smallest, largest, allowedSeeks: 100 };
}

/** The state that a case's lines build up, and the answers to its questions. */
class Shape {
  options: PickerOptions = DEFAULT_PICKER_OPTIONS;
  version: Version = Version.empty(new InternalKeyComparator());
  readonly pointers: (Uint8Array | undefined)[] = [];

  /** Reads one line; returns the answer if it is a question. */
  line(line: string): string | undefined {
    const [word, ...rest] = line.trim().split(/\s+/);
    const level = Number(rest[0]?.slice(1));
    const bound = (text: string) => text === "-" ? undefined : encode(text);
    switch (word) {
      case "options":
        return this.#setOptions(rest);
      case "pointer":
        this.pointers[level] = parseKey(rest[1]!, 0);
        return undefined;
      case "scores":
        return levelScores(this.version, this.options).map((score) => score.toFixed(2)).join(" ");
      case "pick":
        return this.#show(pickCompaction(this.version, this.pointers, this.options));
      case "seek": {
        const candidate = { level, table: { number: Number(rest[1]) } };
        return this.#show(pickCompaction(this.version, this.pointers, this.options, candidate));
      }
      case "range":
        return this.#show(
          planRange(this.version, level, bound(rest[1]!), bound(rest[2]!), this.options),
        );
      case "overlap":
        return numbers(this.version.overlapping(level, bound(rest[1]!), bound(rest[2]!)));
      case "flush":
        return `L${this.version.levelForFlush(encode(rest[0]!), encode(rest[1]!), this.options)}`;
      case "gone":
        return this.#gone(level, rest.slice(1));
      case "cut":
        return this.#cut(level, rest.slice(1));
      default:
        return this.#addLevel(word!, rest);
    }
  }

  #setOptions(settings: string[]): undefined {
    for (const setting of settings) {
      const [name, value] = setting.split("=");
      assert(name! in this.options, `no such option: ${name}`);
      const parsed = value === "false" ? false : value === "true" ? true : parseBytes(value!);
      this.options = { ...this.options, [name!]: parsed };
    }
  }

  #addLevel(word: string, tables: string[]): undefined {
    const match = /^L(\d):$/.exec(word);
    assert(match, `not a line of a case: ${word}`);
    const level = Number(match[1]);
    const added = tables.map((table) => ({ level, table: parseTable(table) }));
    this.version = this.version.apply({ ...emptyVersionEdit(), added });
  }

  #gone(outputLevel: number, keys: string[]): string {
    const checker = new BaseLevelChecker(this.version, outputLevel);
    return keys.map((key) => `${key} ${checker.isGoneBelow(encode(key), 0, key.length)}`).join(
      ", ",
    );
  }

  #cut(level: number, keys: string[]): string {
    const { comparator, levels } = this.version;
    const cutter = new OutputCutter(comparator, levels[level]!, this.options);
    return keys.map((text, i) => {
      const [name, size] = text.split("@");
      const key = parseKey(name!, 1);
      const outputBytes = i === 0 ? 0 : parseBytes(size ?? "1");
      return (cutter.isCutBefore(key, 0, key.length, outputBytes) ? "| " : "") + text;
    }).join(" ");
  }

  #show(plan: CompactionPlan | undefined): string {
    if (plan === undefined) return "nothing to do";
    const { level, outputLevel, reason, score, inputs, between, overlapping, grandparents } = plan;
    const pointer = plan.compactPointer;
    return `L${level} -> L${outputLevel} (${reason}, score ${score.toFixed(2)}) ` +
      `inputs ${[inputs, ...between, overlapping].map(numbers).join(" + ")}, ` +
      `grandparents ${numbers(grandparents)}, ` +
      `pointer ${decode(userKeyOf(pointer))}:${sequenceAt(pointer, pointer.length)}` +
      (plan.isTrivialMove ? ", trivial move" : "");
  }
}

function numbers(tables: readonly TableMeta[]): string {
  return tables.length === 0 ? "none" : tables.map(({ number }) => number).join(" ");
}

/** The lines of a case before `----`, and what comes after it. */
interface Case {
  readonly lines: string[];
  readonly expected: string;
}

function parseCases(text: string): Case[] {
  return text.trim().split(/\n\n+/).map((block) => {
    const lines = block.split("\n");
    const ruler = lines.indexOf("----");
    assert(ruler >= 0, `no ---- in the case: ${block}`);
    return { lines: lines.slice(0, ruler), expected: lines.slice(ruler + 1).join("\n") };
  });
}

function answers({ lines }: Case): string {
  const shape = new Shape();
  return lines.filter((line) => !line.startsWith("#"))
    .map((line) => shape.line(line))
    .filter((answer) => answer !== undefined)
    .join("\n");
}

function isUpdate(): boolean {
  const permission = Deno.permissions.querySync({ name: "env", variable: "UPDATE" });
  return permission.state === "granted" && Boolean(Deno.env.get("UPDATE"));
}

const FILES: Record<string, string> = {
  "scores.txt": "levelScores() says how full levels are",
  "level_zero.txt": "pickCompaction() takes tables of level 0 with all that they overlap",
  "level_size.txt": "pickCompaction() works through a level that is too large, round and round",
  "seeks.txt":
    "pickCompaction() takes a table that was searched in vain, if nothing is more urgent",
  "neighbours.txt": "pickCompaction() keeps the versions of one user key together",
  "growth.txt": "pickCompaction() takes more inputs if they cost nothing",
  "trivial_move.txt": "pickCompaction() moves a table that overlaps nothing",
  "manual.txt": "planRange() compacts a range in pieces of bounded size",
  "overlap.txt": "overlapping() grows in level 0 and nowhere else",
  "flush.txt": "levelForFlush() goes as deep as it may",
  "gone.txt": "isGoneBelow() looks at the levels below the output only",
  "cut.txt": "isCutBefore() bounds what an output overlaps",
};

for (const [file, what] of Object.entries(FILES)) {
  Deno.test(`${what} (${file})`, onSources, () => {
    const url = new URL(file, DATA);
    const cases = parseCases(Deno.readTextFileSync(url));
    if (isUpdate()) {
      const blocks = cases.map((one) => [...one.lines, "----", answers(one)].join("\n"));
      Deno.writeTextFileSync(url, blocks.join("\n\n") + "\n");
      return;
    }
    for (const one of cases) assertEquals(answers(one), one.expected, one.lines.join("\n"));
  });
}

Deno.test("every file of cases is tested", onSources, () => {
  assertEquals(
    [...Deno.readDirSync(DATA)].map(({ name }) => name).sort(),
    Object.keys(FILES).sort(),
  );
});

/** An entry of the simulated tree. */
interface Entry {
  readonly key: Uint8Array;
  readonly user: number;
  readonly sequence: number;
  readonly kind: number;
}

/** A tree whose tables are arrays, and whose outputs are cut anywhere, also between versions of a user key. */
class Simulation {
  version: Version = Version.empty(new InternalKeyComparator());
  readonly pointers: (Uint8Array | undefined)[] = [];
  readonly contents = new Map<number, Entry[]>();
  readonly random: (below: number) => number;
  #nextNumber = 1;

  constructor(random: (below: number) => number) {
    this.random = random;
  }

  table(entries: Entry[]): TableMeta {
    const number = this.#nextNumber++;
    this.contents.set(number, entries);
    const [smallest, largest] = [entries[0]!.key, entries.at(-1)!.key];
    return { number, bytes: 10 * entries.length, smallest, largest, allowedSeeks: 100 };
  }

  /** Does what a plan says, with the drop rules of compactions. */
  compact(plan: CompactionPlan): void {
    const { comparator } = this.version;
    const { level, outputLevel, inputs, between, overlapping } = plan;
    const edit = emptyVersionEdit();
    const read = [inputs, ...between, overlapping];
    for (const [i, tables] of read.entries()) {
      for (const { number } of tables) edit.deleted.push({ level: level + i, number });
    }
    this.pointers[level] = plan.compactPointer;
    const entries = read.flat().flatMap(({ number }) => this.contents.get(number)!)
      .sort((a, b) => comparator.compareKeys(a.key, b.key));
    const kept = this.#withoutDropped(entries, outputLevel);
    while (kept.length > 0) {
      const table = this.table(kept.splice(0, 1 + this.random(8)));
      edit.added.push({ level: outputLevel, table });
    }
    if (plan.isTrivialMove) edit.added = [{ level: outputLevel, table: inputs[0]! }];
    this.version = this.version.apply(edit);
  }

  #withoutDropped(entries: Entry[], outputLevel: number): Entry[] {
    const checker = new BaseLevelChecker(this.version, outputLevel);
    const smallestSnapshot = entries[this.random(entries.length)]!.sequence;
    let user = -1;
    let newer = Infinity;
    return entries.filter((entry) => {
      if (entry.user !== user) newer = Infinity;
      const isHidden = newer <= smallestSnapshot;
      user = entry.user;
      newer = entry.sequence;
      const isGone = entry.kind === KIND_TOMBSTONE && entry.sequence <= smallestSnapshot &&
        checker.isGoneBelow(Uint8Array.of(entry.user), 0, 1);
      return !isHidden && !isGone;
    });
  }

  /** The sequence number of the value that a search finds first; `undefined` for none or a tombstone. */
  get(user: number): number | undefined {
    for (const [level, tables] of this.version.levels.entries()) {
      const target = makeInternalKey(Uint8Array.of(user), Number.MAX_SAFE_INTEGER, KIND_VALUE);
      const first = level === 0 ? 0 : this.version.findTable(level, target, 0, target.length);
      for (const { number } of level === 0 ? tables : tables.slice(first, first + 1)) {
        const entry = this.contents.get(number)!.find((entry) => entry.user === user);
        if (entry !== undefined) return entry.kind === KIND_VALUE ? entry.sequence : undefined;
      }
    }
    return undefined;
  }
}

Deno.test("a tree that follows the picker answers every search with the newest entry", () => {
  const options = {
    tableBytes: 50,
    levelZeroTrigger: 3,
    baseLevelBytes: 200,
    levelMultiplier: 2,
    seekCompaction: true,
  };
  const reasons = new Set<string>();
  let folds = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const tree = new Simulation(randomOf(seed));
    const newest = new Map<number, number | undefined>();
    let sequence = 0;
    for (let round = 0; round < 80; round++) {
      const entries: Entry[] = [];
      const base = tree.random(30);
      for (let i = 1 + tree.random(12); i > 0; i--) {
        const user = base + tree.random(10);
        const kind = tree.random(3) === 0 ? KIND_TOMBSTONE : KIND_VALUE;
        const key = makeInternalKey(Uint8Array.of(user), ++sequence, kind);
        entries.push({ key, user, sequence, kind });
        newest.set(user, kind === KIND_VALUE ? sequence : undefined);
      }
      entries.sort((a, b) => tree.version.comparator.compareKeys(a.key, b.key));
      const level = tree.version.levelForFlush(
        Uint8Array.of(entries[0]!.user),
        Uint8Array.of(entries.at(-1)!.user),
        options,
      );
      const added = [{ level, table: tree.table(entries) }];
      tree.version = tree.version.apply({ ...emptyVersionEdit(), added });
      for (let i = tree.random(4); i > 0; i--) {
        const tables = tree.version.levels[tree.random(4)]!;
        const table = tables[tree.random(tables.length)];
        const candidate = table && { level: tree.version.levels.indexOf(tables), table };
        const plan = tree.random(4) === 0
          ? planRange(tree.version, tree.random(6), Uint8Array.of(base), undefined, options)
          : pickCompaction(tree.version, tree.pointers, options, candidate);
        if (plan === undefined) continue;
        reasons.add(plan.reason);
        if (plan.between.length > 0) folds++;
        tree.compact(plan);
      }
      for (const [user, expected] of newest) {
        assertEquals(tree.get(user), expected, `seed ${seed}, round ${round}, user key ${user}`);
      }
    }
  }
  assert(folds > 50, `only ${folds} compactions of several levels at once`);
  assertEquals([...reasons].sort(), ["level-size", "level0-count", "manual", "seeks"]);
});

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}
