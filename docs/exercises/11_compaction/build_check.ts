/**
 * **What.** What the rules of a compaction have to pass, and ours in the same shape: a compaction of real tables.
 *
 * **Format.** Entries are written as `k@8`, a value, and `k@5!`, a tombstone.
 *
 * **Invariants.**
 * 1. The last case knows no rules: it tries what readers see before and after.
 *
 * **Read next.** `../../../lib/compaction_test.ts`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { DEFAULT_PICKER_OPTIONS, planRange } from "../../../lib/compaction_picker.ts";
import { generator, type Random } from "../../../lib/random.ts";
import { SmallTree } from "../../../tests/trees.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Entry } from "./build.ts";

type Subject = typeof import("./build.ts");

function parse(text: string): Entry[] {
  return text.split(" ").filter(Boolean).map((word) => {
    const [, key, sequence, mark] = /^(\w+)@(\d+)(!?)$/.exec(word)!;
    return { key: key!, sequence: Number(sequence), isTombstone: mark === "!" };
  });
}

function shown(entries: readonly Entry[]): string {
  return entries.map(({ key, sequence, isTombstone }) =>
    `${key}@${sequence}${isTombstone ? "!" : ""}`
  )
    .join(" ");
}

/** Checks what is kept of some entries; `below` has the keys that deeper levels may have. */
function assertKept(
  subject: Subject,
  entries: string,
  oldestSnapshot: number,
  below: string,
  expected: string,
): void {
  const kept = subject.keptEntries(parse(entries), oldestSnapshot, new Set(below.split(" ")));
  const where = below === "" ? "at the bottom" : `above ${below}`;
  assertEquals(shown(kept), expected, `${entries}, oldest snapshot ${oldestSnapshot}, ${where}`);
}

/** A case of several such checks: entries, oldest snapshot, keys below, what is kept. */
function keeps(name: string, ...checks: [string, number, string, string][]): Case<Subject> {
  return { name, run: (subject) => checks.forEach((check) => assertKept(subject, ...check)) };
}

/** What somebody sees who reads at a sequence number: the newest version of a key, if it is a value. */
function seen(entries: readonly Entry[], key: string, sequence: number): string {
  const newest = entries.filter((it) => it.key === key && it.sequence <= sequence)
    .toSorted((a, b) => b.sequence - a.sequence)[0];
  return newest === undefined || newest.isTombstone ? "nothing" : shown([newest]);
}

/** Some versions of some keys, in order. */
function randomEntries(random: Random): Entry[] {
  const sequences = Array.from({ length: 20 }, (_, i) => i + 5).filter(() => random(2) === 0);
  return sequences
    .map((sequence) => ({ key: "abcd"[random(4)]!, sequence, isTombstone: random(2) === 0 }))
    .sort((a, b) => a.key === b.key ? b.sequence - a.sequence : a.key < b.key ? -1 : 1);
}

const cases: Case<Subject>[] = [
  keeps(
    "keeps the only version of a key",
    ["a@1 b@2 c@3", 9, "", "a@1 b@2 c@3"],
    ["a@1 b@2 c@3", 2, "a c", "a@1 b@2 c@3"],
  ),
  keeps(
    "leaves out what a newer version hides from everybody",
    ["k@8 k@5 k@2", 9, "", "k@8"],
    ["k@8 k@5 k@2", 8, "k", "k@8"],
  ),
  keeps(
    "does not take one key for another",
    ["a@9 a@3 b@2 b@1 c@8", 9, "", "a@9 b@2 c@8"],
    ["a@1 ab@3 ab@2 b@4", 9, "", "a@1 ab@3 b@4"],
  ),
  keeps(
    "keeps what the oldest snapshot sees, and everything newer",
    ["k@8 k@5 k@2", 5, "", "k@8 k@5"],
    ["k@8 k@5 k@2", 7, "", "k@8 k@5"],
    ["k@8 k@5 k@2", 4, "", "k@8 k@5 k@2"],
    ["k@8 k@5 k@2", 1, "", "k@8 k@5 k@2"],
  ),
  keeps(
    "leaves out a tombstone that hides nothing below",
    ["a@1 k@8! z@2", 9, "", "a@1 z@2"],
    ["a@1 k@8! z@2", 8, "a z", "a@1 z@2"],
  ),
  keeps(
    "keeps a tombstone as long as a deeper level may have its key",
    ["a@1 k@8! z@2", 9, "k", "a@1 k@8! z@2"],
    ["a@1! k@8! z@2!", 9, "a z", "a@1! z@2!"],
  ),
  keeps(
    "leaves out what a tombstone hides, also if the tombstone goes",
    ["k@8! k@5 k@2", 9, "", ""],
    ["k@8! k@5 k@2", 9, "k", "k@8!"],
    ["k@8! k@5! k@2", 9, "", ""],
  ),
  keeps(
    "keeps a tombstone that is newer than the oldest snapshot",
    ["k@8! k@5", 5, "", "k@8! k@5"],
    ["k@8!", 7, "", "k@8!"],
    ["k@8! k@5", 7, "k", "k@8! k@5"],
  ),
  keeps(
    "leaves out the tombstone that the oldest snapshot sees, if it hides nothing below",
    ["k@8 k@5! k@2", 5, "", "k@8"],
    ["k@8 k@5! k@2", 5, "k", "k@8 k@5!"],
    ["k@8! k@5! k@2", 6, "", "k@8!"],
    ["k@8! k@5! k@2", 6, "k", "k@8! k@5!"],
  ),
  {
    name: "changes nothing that anybody sees, and leaves out all it can",
    run(subject) {
      const random = generator(11);
      for (let round = 0; round < 200; round++) {
        const entries = randomEntries(random);
        const oldest = random(26) + 1;
        const below = new Set([..."abcd"].filter(() => random(2) === 0));
        const deeper = [...below].map((key, i) => ({ key, sequence: i + 1, isTombstone: false }));
        const kept = subject.keptEntries(entries, oldest, below);
        const about = `${shown(entries)}, oldest snapshot ${oldest}, below: ${
          [...below].join(" ")
        }`;
        for (let sequence = oldest; sequence <= 26; sequence++) {
          for (const key of "abcd") {
            const before = seen([...entries, ...deeper], key, sequence);
            const after = seen([...kept, ...deeper], key, sequence);
            assertEquals(after, before, `${about}: ${key} at ${sequence}`);
          }
        }
        assertEquals(kept.length, fewest(entries, oldest, below), `${about}: entries kept`);
      }
    },
  },
];

/** How many entries have to be kept: those above the oldest snapshot, and of the others what it needs of each key. */
function fewest(entries: readonly Entry[], oldest: number, below: ReadonlySet<string>): number {
  const newer = entries.filter(({ sequence }) => sequence > oldest).length;
  const needed = [..."abcd"].filter((key) => {
    const visible = entries.filter((it) => it.key === key && it.sequence <= oldest);
    return visible.length > 0 && (!visible[0]!.isTombstone || below.has(key));
  });
  return newer + needed.length;
}

/** A compaction from level 1 to level 2, with a table for each key below. */
function keptEntries(
  entries: Iterable<Entry>,
  oldestSnapshot: number,
  below: ReadonlySet<string>,
): Entry[] {
  const all = [...entries];
  if (all.length === 0) return [];
  const small = new SmallTree();
  const written = all.map((it) => `${it.key}@${it.sequence}${it.isTombstone ? "!" : "=value"}`);
  small.addTable(1, written.join(" "));
  for (const key of below) if (key !== "") small.addTable(3, `${key}@0=value`);
  small.snapshot = oldestSnapshot;
  const { version } = small.tree;
  const plan = planRange(version, 1, undefined, undefined, DEFAULT_PICKER_OPTIONS, 2)!;
  const job = small.compaction(plan, DEFAULT_PICKER_OPTIONS);
  while (!job.step(1 << 20));
  const kept = small.tree.version.levels[2]!.map((table) => small.entriesOf(table)).join(" ");
  small.close();
  return parse(kept.replaceAll("=value", ""));
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "what a compaction keeps of the entries that it reads",
  own: { keptEntries },
  cases,
};
