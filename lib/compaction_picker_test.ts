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
 *   cut L3 a c:4                     OutputCutter.isCutBefore() with level 3 as grandparents, key by key
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
  KIND_VALUE,
  makeInternalKey,
  sequenceAt,
  userKeyOf,
} from "./internal_key.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit, type TableMeta } from "./version_edit.ts";

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
    return keys.map((text) => {
      const key = parseKey(text, 1);
      return (cutter.isCutBefore(key, 0, key.length) ? "| " : "") + text;
    }).join(" ");
  }

  #show(plan: CompactionPlan | undefined): string {
    if (plan === undefined) return "nothing to do";
    const { level, outputLevel, reason, score, inputs, overlapping, grandparents } = plan;
    const pointer = plan.compactPointer;
    return `L${level} -> L${outputLevel} (${reason}, score ${score.toFixed(2)}) ` +
      `inputs ${numbers(inputs)} + ${numbers(overlapping)}, ` +
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
  Deno.test(`${what} (${file})`, () => {
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

Deno.test("every file of cases is tested", () => {
  assertEquals(
    [...Deno.readDirSync(DATA)].map(({ name }) => name).sort(),
    Object.keys(FILES).sort(),
  );
});
