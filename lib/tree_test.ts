/**
 * The tree beside its manifest: whatever fails, memory never says more than the disk.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MANIFEST_GROWTH_BYTES } from "./manifest.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { emptyVersionEdit, type TableMeta, type VersionEdit } from "./version_edit.ts";
import { SmallTree } from "../tests/trees.ts";

function deletion(level: number, ...tables: TableMeta[]): VersionEdit {
  const deleted = tables.map(({ number }) => ({ level, number }));
  return { ...emptyVersionEdit(), deleted };
}

/** Edits until the manifest is long enough to be replaced by the next one. */
function growManifest(small: SmallTree): void {
  const key = new Uint8Array(60_000);
  while (small.tree.manifestBytes < MANIFEST_GROWTH_BYTES + 2000) {
    small.tree.apply({ ...emptyVersionEdit(), compactPointers: [{ level: 1, key }] });
  }
  small.disk.changes.length = 0;
}

Deno.test("a change is on disk before it is to be seen (invariant 1)", () => {
  const small = new SmallTree();
  const before = small.tree.version;
  const seen: boolean[] = [];
  small.disk.fails = ({ name }) => {
    if (name.startsWith("MANIFEST")) seen.push(small.tree.version !== before);
    return false;
  };
  const table = small.addTable(1, "a@1=x");
  assertEquals(seen, [false, false], "one append and one sync, both before");
  small.disk.fails = () => false;
  assertEquals(small.tree.version.levels[1], [table]);
  assertEquals([small.levels(), small.levelsOnDisk()], [["1: a@1=x"], ["1: a@1=x"]]);
  small.close();
});

Deno.test("a change says which log is needed and what is flushed, or leaves them as they are", () => {
  const small = new SmallTree();
  const { tree } = small;
  tree.apply({ ...emptyVersionEdit(), logNumber: 7, lastSequence: 100 });
  assertEquals([tree.logNumber, tree.flushedSequence], [7, 100]);
  const key = Uint8Array.of(97, 1, 1, 0, 0, 0, 0, 0, 0);
  tree.apply({ ...emptyVersionEdit(), compactPointers: [{ level: 2, key }] });
  assertEquals([tree.logNumber, tree.flushedSequence], [7, 100]);
  tree.close();
  const again = new SmallTree(small.memory);
  assertEquals([again.tree.logNumber, again.tree.flushedSequence], [7, 100]);
  assertEquals(again.tree.compactPointers[2], key);
  again.close();
  small.close();
});

Deno.test("file numbers only grow, across reopens and over what lies about (invariant 2)", () => {
  const small = new SmallTree();
  const numbers = [small.tree.fileNumbers.next(), small.tree.fileNumbers.next()];
  small.tree.fileNumbers.markUsed(50);
  small.tree.fileNumbers.markUsed(20);
  numbers.push(small.tree.fileNumbers.next());
  assertEquals(numbers.at(-1), 51);
  assertEquals(numbers.toSorted((a, b) => a - b), numbers);
  const table = small.addTable(0, "a@1=x");
  assert(table.number > 51);
  const unused = small.tree.fileNumbers.next(); // of a file that never came to be, or is gone
  small.tree.apply(emptyVersionEdit());
  small.close();
  const again = new SmallTree(small.memory);
  const next = again.tree.fileNumbers.next();
  assert(next > unused, `${next} was handed out before`);
  again.close();
});

Deno.test("a table goes when no version that anyone holds contains it (invariant 3)", () => {
  const small = new SmallTree();
  const a = small.addTable(1, "a@1=x");
  const b = small.addTable(1, "b@2=x");
  const { tree } = small;
  const held = tree.version;
  tree.retain(held);
  tree.apply(deletion(1, a));
  const younger = tree.version; // has only b
  tree.retain(younger);
  tree.apply(deletion(1, b));
  assertEquals(small.tableFiles().length, 2, "both are in a version that is held");
  assertEquals(small.levels(), []);
  tree.release(younger);
  assertEquals(small.tableFiles().length, 2, "the older version has both");
  assertEquals([small.entriesOf(a), small.entriesOf(b)], ["a@1=x", "b@2=x"]);
  tree.retain(held);
  tree.release(held);
  assertEquals(small.tableFiles().length, 2, "it is held twice");
  tree.release(held);
  assertEquals(small.tableFiles(), []);
  small.close();
});

Deno.test("a table that moves to another level is not removed (invariant 3)", () => {
  const small = new SmallTree();
  const table = small.addTable(1, "a@1=x");
  const edit = deletion(1, table);
  edit.added.push({ level: 2, table });
  small.tree.apply(edit);
  assertEquals([small.levels(), small.tableFiles().length], [["2: a@1=x"], 1]);
  small.close();
});

Deno.test("a table of old, called .sst, is removed by that name (invariant 3)", () => {
  const small = new SmallTree();
  const table = small.addTable(1, "a@1=x");
  const [name] = small.tableFiles();
  small.memory.rename(`db/${name}`, `db/${name!.replace(".ldb", ".sst")}`);
  assertEquals(small.levels(), ["1: a@1=x"]);
  small.tree.apply(deletion(1, table));
  assertEquals(small.tableFiles(), []);
  small.close();
});

Deno.test("a table that cannot be removed is left, with a warning", () => {
  const small = new SmallTree();
  const table = small.addTable(1, "a@1=x");
  small.disk.fails = ({ kind }) => kind === "remove";
  small.tree.apply(deletion(1, table));
  assertEquals([small.levels(), small.tableFiles().length], [[], 1]);
  assert(small.messages.some((message) => message.startsWith("warn tree: cannot remove db/")));
  small.close();
});

for (const kind of ["append", "sync"] as const) {
  Deno.test(`after a failed ${kind} of the manifest nothing is applied any more (invariant 4)`, () => {
    const small = new SmallTree();
    const a = small.addTable(1, "a@1=x");
    const before = small.tree.version;
    small.disk.fails = (change) => change.kind === kind;
    assertThrows(() => small.tree.apply(deletion(1, a)), Error, kind);
    assertEquals(small.tree.version, before);
    small.disk.fails = () => false;
    assertThrows(() => small.tree.apply(deletion(1, a)), Error, "an earlier write of its manifest");
    assertEquals([small.levels(), small.tableFiles().length], [["1: a@1=x"], 1]);
    small.close();
  });
}

Deno.test("a manifest that has grown too long is replaced by one that says the same", () => {
  const small = new SmallTree();
  const a = small.addTable(1, "a@1=x");
  small.addTable(2, "a@1=w");
  growManifest(small);
  const [before, bytes] = [small.tree.manifestNumber, small.tree.manifestBytes];
  const edit = deletion(1, a);
  edit.logNumber = 9;
  edit.compactPointers.push({ level: 1, key: a.largest });
  small.tree.apply(edit);
  assert(small.tree.manifestNumber > before);
  assert(small.tree.manifestBytes > bytes, "what was written to the old one still counts");
  const names = small.disk.list("db").filter((name) => name.startsWith("MANIFEST"));
  assertEquals(names.length, 1, `the old one is removed: ${names}`);
  assert(small.memory.size(`db/${names[0]}`) < 200_000);
  assertEquals([small.levels(), small.levelsOnDisk()], [["2: a@1=w"], ["2: a@1=w"]]);
  const again = new SmallTree(small.memory);
  assertEquals([again.tree.logNumber, again.tree.compactPointers[1]], [9, a.largest]);
  again.close();
  small.close();
});

Deno.test("after a failed change of manifests nothing is applied any more (invariant 4)", () => {
  for (let failing = 0;; failing++) {
    const small = new SmallTree();
    const a = small.addTable(1, "a@1=x");
    const b = small.addTable(1, "b@2=x");
    growManifest(small);
    const before = small.tree.version;
    small.disk.fails = ({ index, kind }) => index === failing && kind !== "remove";
    const edit = deletion(1, a);
    edit.logNumber = 99;
    try {
      small.tree.apply(edit);
      assert(failing > 5, "a new manifest takes more steps than that");
      small.close();
      break;
    } catch (error) {
      assert(error instanceof Error && error.message.includes("the test says so"), `${error}`);
    }
    const why = `failing at change ${failing}, ${small.disk.changes.at(-1)!.kind}`;
    assertEquals(small.tree.version, before, why);
    small.disk.fails = () => false;
    // The new manifest may be current or not: a further edit could only be lost, or take the first one along.
    assertThrows(() => small.tree.apply(deletion(1, b)), Error, "earlier write", why);
    assertEquals(small.tableFiles().length, 2, why);
    const onDisk = small.levelsOnDisk();
    assert(onDisk[0] === "1: a@1=x | b@2=x" || onDisk[0] === "1: b@2=x", why);
    small.close();
  }
});

/** Every file there is to be when nobody holds an older version. */
function assertNothingLeftOver(small: SmallTree, why: string): void {
  const { tree } = small;
  const tables = tree.version.levels.flat().map(({ number }) => tree.tablePath(number).slice(3));
  const expected = [...tables, "CURRENT", `MANIFEST-00000${tree.manifestNumber}`].toSorted();
  assertEquals(small.disk.list("db").filter((name) => name !== "LOCK"), expected, why);
}

for (const kind of ["append", "sync"] as const) {
  Deno.test(`after a failed ${kind} of the manifest a new one ends all doubt (invariant 4)`, () => {
    const small = new SmallTree();
    const a = small.addTable(1, "a@1=x");
    small.disk.fails = (change) => change.kind === kind && change.name.startsWith("MANIFEST");
    assertThrows(() => small.addTable(1, "b@2=x"), Error, kind);
    small.disk.fails = () => false;
    assertEquals(small.tableFiles().length, 2, "the manifest may name both");
    assertEquals(small.levelsOnDisk(), [kind === "append" ? "1: a@1=x" : "1: a@1=x | b@2=x"]);
    small.tree.renewManifest();
    assertEquals([small.levels(), small.levelsOnDisk()], [["1: a@1=x"], ["1: a@1=x"]]);
    assertNothingLeftOver(small, kind);
    small.addTable(1, "c@3=x");
    small.tree.apply(deletion(1, a));
    assertEquals([small.levels(), small.levelsOnDisk()], [["1: c@3=x"], ["1: c@3=x"]]);
    small.close();
  });
}

Deno.test("without doubt there is no new manifest", () => {
  const small = new SmallTree();
  small.addTable(1, "a@1=x");
  small.tree.renewManifest();
  assertEquals(small.disk.changes, []);
  small.close();
});

Deno.test("while in doubt nothing goes that any manifest may name, however often a new one fails (invariant 4)", () => {
  for (let failing = 0, isDone = false; !isDone; failing++) {
    const small = new SmallTree();
    small.addTable(1, "a@1=x");
    const { disk, tree } = small;
    disk.fails = ({ kind, name }) => kind === "sync" && name.startsWith("MANIFEST");
    assertThrows(() => small.addTable(1, "b@2=x"), Error, "sync");
    const why = `failing at change ${failing}`;
    for (let attempt = 0; attempt < 3; attempt++) {
      disk.changes.length = 0;
      disk.fails = ({ index }) => index === failing;
      try {
        tree.renewManifest();
        isDone = disk.changes.length <= failing;
        break;
      } catch (error) {
        assert(error instanceof Error && error.message.includes("the test says so"), `${error}`);
      }
      disk.fails = () => false;
      assertEquals(small.tableFiles().length, 2, why);
      // Whichever manifest a power cut leaves current, all that it names is there.
      const current = small.memory.readAll("db/CURRENT");
      for (const name of disk.list("db").filter((it) => it.startsWith("MANIFEST"))) {
        small.memory.writeAll("db/CURRENT", new TextEncoder().encode(`${name}\n`));
        const [onDisk] = small.levelsOnDisk();
        assert(onDisk === "1: a@1=x" || onDisk === "1: a@1=x | b@2=x", `${why}: ${onDisk}`);
      }
      small.memory.writeAll("db/CURRENT", current);
    }
    disk.fails = () => false;
    tree.renewManifest();
    // One that could not be removed stays until the next open.
    if (isDone) assertNothingLeftOver(small, why);
    assertEquals([small.levels(), small.levelsOnDisk()], [["1: a@1=x"], ["1: a@1=x"]], why);
    small.close();
  }
});

Deno.test("a change that failed with a new manifest has changed nothing in memory (invariant 4)", () => {
  const small = new SmallTree();
  const a = small.addTable(1, "a@1=x");
  const { disk, tree } = small;
  growManifest(small);
  const before = [tree.logNumber, tree.flushedSequence, tree.compactPointers[1]];
  disk.fails = ({ kind, name }) => kind === "rename" && name === "CURRENT";
  const key = Uint8Array.of(1, 2, 3);
  const edit = { ...deletion(1, a), compactPointers: [{ level: 1, key }] };
  assertThrows(() => tree.apply({ ...edit, logNumber: 99, lastSequence: 99 }), Error, "rename");
  disk.fails = () => false;
  assertEquals([tree.logNumber, tree.flushedSequence, tree.compactPointers[1]], before);
  tree.renewManifest();
  assertEquals([tree.logNumber, tree.flushedSequence, tree.compactPointers[1]], before);
  assertEquals([small.levels(), small.levelsOnDisk()], [["1: a@1=x"], ["1: a@1=x"]]);
  const again = new SmallTree(small.memory);
  assertEquals([again.tree.logNumber, again.tree.flushedSequence], before.slice(0, 2));
  again.close();
  tree.apply(edit);
  assertEquals(tree.compactPointers[1], key);
  small.close();
});

Deno.test("a tree without a manifest is never changed", () => {
  const disk = new MemoryFileSystem();
  new SmallTree(disk).close();
  const small = new SmallTree(disk);
  assertEquals(small.tree.manifestNumber, 0);
  assertThrows(() => small.tree.apply(emptyVersionEdit()), Error, "only read");
  small.close();
});
