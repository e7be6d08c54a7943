/**
 * What opening and closing an empty database costs, on a disk in memory: options, lock, manifest, log and memtable.
 * `recovery_bench.ts` has databases with something in them. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs
 * on a busy machine: 50 µs for a new one, 43 for one that is there, 30 to read only; on average ten times as long,
 * which is the collection of memtables that were given up.
 *
 * @module
 */
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { OpenOptions } from "./options.ts";

async function openAndClose(disk: MemoryFileSystem, options: OpenOptions = {}): Promise<void> {
  await openDatabase("db", options, disk).close();
}

const there = new MemoryFileSystem();
await openAndClose(there);

Deno.bench("a new database", { group: "open and close" }, async () => {
  await openAndClose(new MemoryFileSystem());
});
Deno.bench("an empty database that is there", { group: "open and close" }, async () => {
  await openAndClose(there);
});
Deno.bench("an empty database, to read only", { group: "open and close" }, async () => {
  await openAndClose(there, { readOnly: true });
});
