/**
 * Tables as they get to the disk, and what is left when they do not.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { bytewiseKeys } from "../tests/tables.ts";
import { ArrayCursor, parseEntries, SmallTree } from "../tests/trees.ts";
import { snappy, zstd } from "./compression.ts";
import { userKeyOf } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { engineOptions } from "./options.ts";
import { TableOutput, tableWriterOptions } from "./table_output.ts";
import { emptyVersionEdit, seekBudget, type TableMeta } from "./version_edit.ts";

/** Writes entries; before each word `|` a table ends. */
function write(output: TableOutput, text: string): void {
  for (const [i, part] of text.split("|").entries()) {
    if (i > 0) output.cut();
    const cursor = new ArrayCursor(parseEntries(part));
    for (cursor.first(); cursor.valid; cursor.next()) output.add(cursor);
  }
}

function outputOf(small: SmallTree): TableOutput {
  return new TableOutput(small.tree.jobContext, small.tableOptions());
}

function keysOf({ smallest, largest }: TableMeta): string {
  return [smallest, largest].map((key) => new TextDecoder().decode(userKeyOf(key))).join("..");
}

Deno.test("tables have the bounds, sizes and numbers of what was written", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  const long = "c".repeat(300);
  write(output, `a@9=x b@8! b@3=y | bb@5=z | ${long}@1=${"v".repeat(5000)} d@2=w`);
  const tables = output.finish();
  assertEquals(tables.map(keysOf), ["a..b", "bb..bb", `${long}..d`]);
  assertEquals(tables.map((table) => small.entriesOf(table)), [
    "a@9=x b@8! b@3=y",
    "bb@5=z",
    `${long}@1=${"v".repeat(5000)} d@2=w`,
  ]);
  for (const { number, bytes, allowedSeeks } of tables) {
    assertEquals(bytes, small.memory.size(small.tree.tablePath(number)));
    assertEquals(allowedSeeks, seekBudget(bytes));
  }
  assertEquals(output.bytesWritten, tables.reduce((sum, { bytes }) => sum + bytes, 0));
  assertEquals(new Set(tables.map(({ number }) => number)).size, 3);
  small.close();
});

Deno.test("a table's bounds are copies: the cursor may go on", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  const entries = parseEntries("a@1=x b@2=y c@3=z");
  const cursor = new ArrayCursor(entries);
  for (cursor.first(); cursor.valid; cursor.next()) {
    output.add(cursor);
    cursor.keyBuffer.fill(0xee);
    cursor.valueBuffer.fill(0xee);
  }
  const [table] = output.finish();
  assertEquals([keysOf(table!), small.entriesOf(table!)], ["a..c", "a@1=x b@2=y c@3=z"]);
  small.close();
});

Deno.test("contents, then names, are durable when finish() returns (invariant 1)", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  write(output, "a@1=x | b@2=y");
  output.finish();
  const order = small.disk.changes.map(({ kind, name }) => `${kind} ${name}`);
  const [one, two] = small.tableFiles();
  assertEquals(order, [
    ...[`create ${one}`, `append ${one}`, `sync ${one}`],
    ...[`create ${two}`, `append ${two}`, `sync ${two}`],
    "syncDirectory db",
  ]);
  assertEquals(small.disk.openHandles, 1, "the manifest's");
  small.close();
});

Deno.test("nothing written is nothing made durable", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  output.cut();
  assertEquals([output.finish(), output.bytesWritten, output.tableBytes], [[], 0, 0]);
  assertEquals(small.disk.changes, []);
  small.close();
});

Deno.test("abandon() removes every table, the unfinished one too (invariant 2)", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  write(output, "a@1=x | b@2=y | c@3=z");
  assertEquals(small.tableFiles().length, 3);
  output.abandon();
  assertEquals([small.tableFiles(), small.disk.openHandles], [[], 1]);
  output.abandon();
  small.close();
});

Deno.test("whatever fails, nothing is left after abandon() (invariant 2)", () => {
  for (let failing = 0;; failing++) {
    const small = new SmallTree();
    const output = outputOf(small);
    small.disk.fails = ({ index }) => index === failing;
    let isFinished = false;
    try {
      write(output, "a@1=x | b@2=y");
      output.finish();
      isFinished = true;
    } catch (error) {
      assert(error instanceof Error && error.message.includes("the test says so"), `${error}`);
    }
    if (isFinished) {
      assertEquals(failing, 7, "one for each step");
      small.close();
      return;
    }
    small.disk.fails = () => false;
    output.abandon();
    const why = `failing at change ${failing}`;
    assertEquals([small.tableFiles(), small.disk.openHandles], [[], 1], why);
    small.close();
  }
});

Deno.test("finished tables stay: a manifest may name them (invariant 2)", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  write(output, "a@1=x");
  const [table] = output.finish();
  small.disk.fails = ({ kind }) => kind === "sync";
  const edit = { ...emptyVersionEdit(), added: [{ level: 0, table: table! }] };
  assertThrows(() => small.tree.apply(edit));
  output.abandon();
  assertEquals(small.tableFiles().length, 1);
  // Indeed this one is named: its record reached the disk, though nobody could tell.
  assertEquals(small.levelsOnDisk(), ["0: a@1=x"]);
  small.close();
});

Deno.test("a table that cannot be removed is left for the next open, with a warning", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  write(output, "a@1=x | b@2=y");
  small.disk.fails = ({ kind, name }) => kind === "remove" && name === small.tableFiles()[0];
  output.abandon();
  assertEquals(small.tableFiles().length, 1);
  assertEquals(small.messages.filter((message) => message.startsWith("warn")).length, 1);
  small.close();
});

Deno.test("cut() is the only thing that ends a table: versions of a key stay together (invariant 3)", () => {
  const small = new SmallTree();
  const output = outputOf(small);
  const versions = Array.from({ length: 500 }, (_, i) => `k@${1000 - i}=${"v".repeat(100)}`);
  write(output, versions.join(" "));
  assert(output.tableBytes > 40_000);
  assertEquals(output.finish().length, 1);
  assertEquals(output.tableBytes, 0);
  small.close();
});

Deno.test("tableWriterOptions() takes each level's compression, the last for all deeper", () => {
  const disk = new MemoryFileSystem();
  const options = engineOptions({ compression: ["none", "snappy", "zstd"], filterBits: 7 }, disk);
  const of = (level: number) => tableWriterOptions(options, bytewiseKeys, level);
  assertEquals([0, 1, 2, 6].map((level) => of(level).compression), [undefined, snappy, zstd, zstd]);
  assertEquals(of(0).comparator, bytewiseKeys);
  assertEquals([of(3).filterBits, of(3).blockBytes, of(3).restartInterval], [7, 4096, 16]);
});
