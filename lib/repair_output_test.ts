/**
 * Tests of `repair_output.ts`: temporary until published, gone when abandoned.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { bytewiseKeys } from "../tests/tables.ts";
import { ArrayCursor, parseEntries, textOf } from "../tests/trees.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { RepairOutput } from "./repair_output.ts";
import { TableInspector } from "./table_inspector.ts";

function begin(comparator = bytewiseKeys) {
  const disk = new FailingFileSystem(new MemoryFileSystem());
  disk.makeDirectory("db");
  let next = 7;
  const newFileNumber = () => next++;
  const output = new RepairOutput({ fileSystem: disk, directory: "db", comparator, newFileNumber });
  const write = (text: string) => {
    const cursor = new ArrayCursor(parseEntries(text));
    for (cursor.first(); cursor.valid; cursor.next()) output.add(cursor);
  };
  return { disk, output, write };
}

Deno.test("tables have temporary names until they are published (invariant 1)", () => {
  const { disk, output, write } = begin();
  write("a@1=x b@2=y");
  assertEquals(output.tableBytes > 0, true);
  const first = output.cut()!;
  assertEquals([first.number, output.tableBytes, output.nameOf(first)], [7, 0, "000007.dbtmp"]);
  write("c@3!");
  output.cut();
  assertEquals(output.cut(), undefined);
  assertEquals(disk.list("db"), ["000007.dbtmp", "000008.dbtmp"]);
  assertEquals(disk.count("sync"), 2);
  output.publish();
  assertEquals(disk.list("db"), ["000007.ldb", "000008.ldb"]);
  assertEquals(output.tables.map(({ number }) => number), [7, 8]);
  assertEquals(disk.openHandles, 0);
  const onDamage = () => assertEquals(1, 0, "damage");
  const expected = { ...first, sequenceMax: 2 };
  const options = { comparator: bytewiseKeys, onDamage, expected };
  const table = new TableInspector(disk.open("db/000007.ldb"), options);
  assertEquals(textOf(table), "a@1=x b@2=y");
  assertEquals(table.hasFilter, true);
  table.close();
});

Deno.test("abandoned at any moment it leaves nothing, under no name (invariant 2)", () => {
  for (const moment of ["begun", "cut", "published", "half published", "kept"]) {
    const { disk, output, write } = begin();
    write("a@1=x");
    if (moment !== "begun") {
      output.cut();
      write("b@2=x");
    }
    if (moment !== "begun" && moment !== "cut") output.cut();
    if (moment === "published" || moment === "kept") output.publish();
    if (moment === "half published") {
      disk.fails = ({ kind, name }) => kind === "rename" && name === "000008.ldb";
      try {
        output.publish();
      } catch { /* as it should */ }
    }
    if (moment === "kept") output.keep();
    output.abandon();
    assertEquals(disk.list("db").length, moment === "kept" ? 2 : 0, moment);
    assertEquals(disk.openHandles, 0);
  }
});

Deno.test("in an order of the caller's own there are no filters", () => {
  const reversed = { name: "reversed", compare: (a: Uint8Array, b: Uint8Array) => b[0]! - a[0]! };
  const comparator = new InternalKeyComparator(reversed);
  const { disk, output, write } = begin(comparator);
  write("b@1=x a@2=x");
  output.cut();
  const table = new TableInspector(disk.open("db/000007.dbtmp"), {
    comparator,
    onDamage: () => assertEquals(1, 0, "damage"),
  });
  assertEquals([textOf(table), table.hasFilter], ["b@1=x a@2=x", false]);
  table.close();
});
