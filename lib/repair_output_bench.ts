/**
 * What it costs to write a table of 17,000 entries (2 MB) under a temporary name and to publish it, in memory.
 *
 * @module
 */
import { bytewiseKeys, decimalEntries } from "../tests/tables.ts";
import { ArrayCursor } from "../tests/trees.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { RepairOutput } from "./repair_output.ts";

const entries = decimalEntries(17_000, 100);

Deno.bench("one table of 17 000 entries", () => {
  const disk = new MemoryFileSystem();
  const comparator = bytewiseKeys;
  const output = new RepairOutput({
    fileSystem: disk,
    directory: "",
    comparator,
    newFileNumber: () => 7,
  });
  const cursor = new ArrayCursor(entries);
  for (cursor.first(); cursor.valid; cursor.next()) output.add(cursor);
  output.cut();
  output.publish();
});
