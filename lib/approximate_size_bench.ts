/**
 * What it costs to measure a range: a comparison or two for each table, and a search of an index where an end of the
 * range is within one.
 *
 * @module
 */
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const keyOf = (i: number) => `key ${String(i).padStart(6, "0")}`;
const options = { sync: false, tableBytes: 16 * 1024, memtableBytes: 1 << 20 } as const;
const db = openDatabase<string, string>("db", options, new MemoryFileSystem());
for (let i = 0; i < 50_000; i++) db.putSync(keyOf(i), "v".repeat(100));
await db.compact();

let sum = 0;
Deno.bench("approximateBytes() of everything", { group: "range" }, async () => {
  sum += await db.approximateBytes();
});
Deno.bench("approximateBytes() with both ends within tables", { group: "range" }, async () => {
  sum += await db.approximateBytes({ gte: keyOf(10_001), lt: keyOf(40_001) });
});
