/**
 * **What.** What versions and a switch of manifests have to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Ours is tried on tables with internal keys; those of the cases all have the same sequence number.
 *
 * **Read next.** `../../../lib/version_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { currentName, manifestName, parseFileName } from "../../../lib/file_names.ts";
import { type FileSystem, readFile } from "../../../lib/file_system.ts";
import {
  InternalKeyComparator,
  KIND_VALUE,
  makeInternalKey,
  userKeyOf,
} from "../../../lib/internal_key.ts";
import { setCurrent } from "../../../lib/manifest.ts";
import { SimulatedFileSystem } from "../../../lib/simulated_file_system.ts";
import { Version } from "../../../lib/version.ts";
import { LEVELS, type TableMeta } from "../../../lib/version_edit.ts";
import { type Case, type Exercise, NotBuiltError } from "../exercise.ts";
import type { Edit, Levels, Table } from "./build.ts";

type Subject = typeof import("./build.ts");

const decoder = new TextDecoder();
const EMPTY: Levels = Array.from({ length: LEVELS }, () => []);
const NOTHING: Edit = { deleted: [], added: [] };

/** A table, written as `5[a..f]`. */
function table(text: string): Table {
  const [, number, smallest, largest] = /^(\d+)\[(.*)\.\.(.*)\]$/.exec(text)!;
  return { number: Number(number), smallest: smallest!, largest: largest! };
}

/** A version with tables in some levels: `{ 1: "5[a..f] 7[g..k]" }`. */
function tree(tables: Record<number, string>): Levels {
  return EMPTY.map((_, level) => (tables[level] ?? "").split(" ").filter(Boolean).map(table));
}

/** An edit: `["-1 5", "+2 5[a..f]"]` takes table 5 from level 1 and adds it to level 2. */
function edit(...changes: string[]): Edit {
  const parsed = changes.map((change) => {
    const [, sign, level, rest] = /^([+-])(\d) (.*)$/.exec(change)!;
    return { sign, level: Number(level), rest: rest! };
  });
  return {
    deleted: parsed.filter(({ sign }) => sign === "-")
      .map(({ level, rest }) => ({ level, number: Number(rest) })),
    added: parsed.filter(({ sign }) => sign === "+")
      .map(({ level, rest }) => ({ level, table: table(rest) })),
  };
}

/** Checks what a tree becomes by some edits, one after another. */
function assertTree(
  subject: Subject,
  before: Levels,
  edits: readonly Edit[],
  expected: Record<number, string>,
): void {
  const after = edits.reduce(subject.applyEdit, structuredClone(before));
  const shown = (levels: Levels) =>
    levels.map((tables) => tables.map((it) => `${it.number}[${it.smallest}..${it.largest}]`));
  assertEquals(shown(after), shown(tree(expected)), "the tables of each level");
}

/** Checks that an edit is refused, and not for want of a function. */
function assertRefused(subject: Subject, before: Levels, change: Edit, why: string): void {
  const copy = structuredClone(before);
  const error = assertThrows(() => subject.applyEdit(copy, change), Error, undefined, why);
  assert(!(error instanceof NotBuiltError), error.message);
}

const versionCases: Case<Subject>[] = [
  {
    name: "a table joins a level, and leaves it",
    run(subject) {
      assertTree(subject, EMPTY, [NOTHING], {});
      assertTree(subject, EMPTY, [edit("+1 5[a..f]")], { 1: "5[a..f]" });
      assertTree(subject, EMPTY, [edit("+1 5[a..f]"), edit("-1 5")], {});
    },
  },
  {
    name: "level 0 has the newest table first, deeper levels are in the order of keys",
    run(subject) {
      const changes = [edit("+0 9[a..f]", "+1 2[p..q]"), edit("+0 100[a..f]", "+1 3[a..f]")];
      const last = edit("+0 10[a..f]", "+1 1[g..o]");
      const expected = { 0: "100[a..f] 10[a..f] 9[a..f]", 1: "3[a..f] 1[g..o] 2[p..q]" };
      assertTree(subject, EMPTY, [...changes, last], expected);
    },
  },
  {
    name: "who reads the version before an edit sees no difference",
    run(subject) {
      const before = tree({ 0: "9[a..f]", 1: "5[a..f] 7[g..k]" });
      const copy = structuredClone(before);
      subject.applyEdit(before, edit("-0 9", "-1 5", "+1 11[a..f]", "+0 12[x..z]"));
      assertEquals(before, copy, "the version before");
      assertThrows(() => subject.applyEdit(before, edit("-0 9", "-1 8")));
      assertEquals(before, copy, "the version before an edit that is refused");
    },
  },
  {
    name: "a compaction is one edit: its inputs leave before its outputs join",
    run(subject) {
      const before = tree({ 1: "5[a..f] 7[g..k]", 2: "3[a..e] 4[f..m]" });
      const change = edit("+2 8[a..d]", "+2 9[e..m]", "-1 5", "-2 3", "-2 4");
      assertTree(subject, before, [change], { 1: "7[g..k]", 2: "8[a..d] 9[e..m]" });
      assertTree(subject, before, [edit("-1 7", "+3 7[g..k]")], {
        1: "5[a..f]",
        2: "3[a..e] 4[f..m]",
        3: "7[g..k]",
      });
      assertTree(subject, before, [edit("-1 5", "+1 5[b..f]")], {
        1: "5[b..f] 7[g..k]",
        2: "3[a..e] 4[f..m]",
      });
    },
  },
  {
    name: "refuses to take away a table that is not there, or not in that level",
    run(subject) {
      const before = tree({ 1: "5[a..f]" });
      assertRefused(subject, before, edit("-1 6"), "table 6 is nowhere");
      assertRefused(subject, before, edit("-2 5"), "table 5 is in level 1, not 2");
      assertRefused(subject, before, edit("-1 5", "-1 5"), "table 5 leaves twice");
      assertRefused(subject, before, edit("+1 6[x..z]", "-1 6"), "6 is to leave before it joins");
    },
  },
  {
    name: "refuses tables that overlap, but for level 0",
    run(subject) {
      const before = tree({ 0: "9[a..f]", 1: "5[c..f]" });
      assertTree(subject, before, [edit("+0 10[b..z]")], { 0: "10[b..z] 9[a..f]", 1: "5[c..f]" });
      for (const other of ["d..e", "a..z", "a..d", "e..z"]) {
        assertRefused(subject, before, edit(`+1 6[${other}]`), `[${other}] overlaps [c..f]`);
      }
      assertRefused(subject, before, edit("+1 6[f..h]"), "both tables have the key f");
      assertTree(subject, before, [edit("+1 6[fa..h]")], { 0: "9[a..f]", 1: "5[c..f] 6[fa..h]" });
    },
  },
  {
    name: "refuses a number that is there twice, and a table that ends before it begins",
    run(subject) {
      const before = tree({ 1: "5[a..f]" });
      assertRefused(subject, before, edit("+2 5[a..f]"), "5 is in level 1 and in level 2");
      assertRefused(subject, before, edit("+0 5[x..z]"), "5 is in level 1 and in level 0");
      assertRefused(subject, EMPTY, edit("+1 5[f..a]"), "f is after a");
    },
  },
];

const OLD = new TextEncoder().encode("what the old manifest says");
const NEW = new TextEncoder().encode("what the new manifest says, which is more");

/** A disk on which manifest 3 is in use, all of it durable. */
function newDisk(): SimulatedFileSystem {
  const disk = new SimulatedFileSystem();
  disk.makeDirectory("db");
  disk.writeAll(`db/${manifestName(3)}`, OLD);
  disk.writeAll("db/CURRENT", new TextEncoder().encode("MANIFEST-000003\n"));
  return disk;
}

/** What the manifest says that is in use; throws if there is none, or `CURRENT` does not name one. */
function found(disk: SimulatedFileSystem, when: string): string {
  const current = disk.exists("db/CURRENT") ? decoder.decode(readFile(disk, "db/CURRENT")) : "";
  assert(/^MANIFEST-\d{6}\n$/.test(current), `${when}: CURRENT holds ${JSON.stringify(current)}`);
  const name = current.trimEnd();
  assert(disk.exists(`db/${name}`), `${when}: CURRENT names ${name}, which is not there`);
  return decoder.decode(readFile(disk, `db/${name}`));
}

/** Replaces the manifest with the power cut before every call, and once more at the end. */
function crashEverywhere(subject: Subject, seeds: readonly number[]): void {
  const disk = newDisk();
  const both = [decoder.decode(OLD), decoder.decode(NEW)];
  disk.onMutation = ({ kind, path }) => {
    for (const seed of seeds) {
      const when = `power cut before ${kind} of ${path} (crash seed ${seed})`;
      const said = found(disk.crash(seed), when);
      assert(both.includes(said), `${when}: the manifest in use says ${JSON.stringify(said)}`);
    }
  };
  subject.replaceManifest(disk, 7, NEW);
  disk.onMutation = undefined;
  for (const seed of seeds) {
    const when = `power cut after replaceManifest has returned (crash seed ${seed})`;
    assertEquals(found(disk.crash(seed), when), decoder.decode(NEW), when);
  }
}

const switchCases: Case<Subject>[] = [
  {
    name: "CURRENT names the new manifest, and the old one is gone",
    run(subject) {
      const disk = newDisk();
      subject.replaceManifest(disk, 7, NEW);
      assertEquals(disk.list("db"), ["CURRENT", "MANIFEST-000007"]);
      assertEquals(found(disk, "afterwards"), decoder.decode(NEW));
      disk.remove("db/CURRENT");
      disk.remove("db/MANIFEST-000007");
      subject.replaceManifest(disk, 1, OLD);
      assertEquals(disk.list("db"), ["CURRENT", "MANIFEST-000001"], "where there was none before");
    },
  },
  {
    name: "one of the two is found whenever the power fails, if all is lost that was not synced",
    run: (subject) => crashEverywhere(subject, [0]),
  },
  {
    name: "one of the two is found whatever else a power cut leaves",
    run: (subject) => crashEverywhere(subject, Array.from({ length: 60 }, (_, i) => i)),
  },
  {
    name: "a call that fails leaves one of the two in use, and is not kept secret",
    run(subject) {
      const calls = ["create", "append", "sync", "rename", "syncDirectory"] as const;
      for (const kind of calls) {
        for (let after = 0; after < 3; after++) {
          const disk = newDisk();
          const fault = disk.addFault({ kind, after });
          const when = `${kind} number ${after + 1} fails`;
          let hasThrown = true;
          try {
            subject.replaceManifest(disk, 7, NEW);
            hasThrown = false;
          } catch (error) {
            if (error instanceof NotBuiltError || fault.hits === 0) throw error;
          }
          assertEquals(hasThrown, fault.hits > 0, `${when}: whether replaceManifest throws`);
          fault.remove();
          for (const seed of [0, 1, 2, 3, 4, 5]) {
            const said = found(disk.crash(seed), `${when}, then a power cut`);
            assert([OLD, NEW].some((it) => decoder.decode(it) === said), `${when}: ${said}`);
          }
        }
      }
    },
  },
];

const metas = new WeakMap<Table, TableMeta>();

/** A table as the engine has it. */
function metaOf(table: Table): TableMeta {
  const key = (text: string) => makeInternalKey(new TextEncoder().encode(text), 1, KIND_VALUE);
  const meta = metas.get(table) ?? {
    number: table.number,
    bytes: 1000,
    smallest: key(table.smallest),
    largest: key(table.largest),
    allowedSeeks: 100,
  };
  metas.set(table, meta);
  return meta;
}

/** Applies an edit as `lib/version.ts` does. */
function applyEdit(levels: Levels, { deleted, added }: Edit): Levels {
  const comparator = new InternalKeyComparator();
  const after = new Version(comparator, levels.map((tables) => tables.map(metaOf))).apply({
    compactPointers: [],
    deleted: [...deleted],
    added: added.map(({ level, table }) => ({ level, table: metaOf(table) })),
  });
  const text = (key: Uint8Array) => decoder.decode(userKeyOf(key));
  return after.levels.map((tables) =>
    tables.map(({ number, smallest, largest }) => ({
      number,
      smallest: text(smallest),
      largest: text(largest),
    }))
  );
}

/** Replaces a manifest as `lib/manifest.ts` and `lib/tree.ts` do. */
function replaceManifest(disk: FileSystem, number: number, contents: Uint8Array): void {
  const old = disk.exists(`db/${currentName}`)
    ? parseFileName(decoder.decode(readFile(disk, `db/${currentName}`)).trimEnd())?.number
    : undefined;
  const file = disk.create(`db/${manifestName(number)}`);
  try {
    file.append(contents);
    file.syncSync();
  } finally {
    file.close();
  }
  disk.syncDirectory("db");
  setCurrent(disk, "db", number);
  if (old !== undefined) disk.remove(`db/${manifestName(old)}`);
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "versions of a tree, and a switch of manifests that no crash catches halfway",
  own: { applyEdit, replaceManifest },
  cases: [...versionCases, ...switchCases],
};
