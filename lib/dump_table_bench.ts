import { snappy } from "./compression.ts";
import { MemorySource } from "./dump_part.ts";
import { dumpTable } from "./dump_table.ts";
import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { TableWriter } from "./table_writer.ts";

const disk = new MemoryFileSystem();
const writer = new TableWriter(disk.create("table"), {
  comparator: new InternalKeyComparator(),
  blockBytes: 4096,
  restartInterval: 16,
  filterBits: 10,
  compression: snappy,
});
for (let i = 0; i < 10_000; i++) {
  const key = makeInternalKey(new TextEncoder().encode(`key ${10_000 + i}`), i, 1);
  writer.add(key, 0, key.length, new Uint8Array(100), 0, 100);
}
writer.finish();
const source = new MemorySource(disk.readAll("table"), undefined);
const options = { valueBytes: 64, keysOnly: false };

Deno.bench("a table of 10 000 entries", () => {
  for (const _ of dumpTable(source, 0, options));
});
