/**
 * What the way to an open table costs a get, and what opening one does: tables of 1000 entries, keys of 16 digits,
 * values of 100, on a disk in memory, blocks in the pool. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on
 * a busy machine: 121 ns a get, 9 to acquire and release a table; 2.3 µs to open a table, 4.1 if the idlest of 99 is
 * looked for first.
 *
 * @module
 */
import { bytewiseKeys, decimalEntries, lookupOf, roomyPool, writeTable } from "../tests/tables.ts";
import { tableName } from "./file_names.ts";
import { SEQUENCE_MAX } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { TableCache } from "./table_cache.ts";

const TABLES = 100;
const fileSystem = new MemoryFileSystem();
fileSystem.makeDirectory("db");
const entries = decimalEntries(1000, 100);
for (let number = 1; number <= TABLES; number++) {
  writeTable(fileSystem, fileSystem.join("db", tableName(number)), entries);
}
const pool = roomyPool();
const keys = entries.map(([key]) => key.slice(0, 16));
const lookup = lookupOf(keys[0]!);

function cacheOf(maxOpenTables: number): TableCache {
  const cache = new TableCache({
    fileSystem,
    directory: "db",
    comparator: bytewiseKeys,
    pool,
    maxOpenTables,
  });
  for (let number = 1; number <= maxOpenTables; number++) use(cache, number);
  return cache;
}

function use(cache: TableCache, number: number): void {
  cache.acquire(number);
  cache.release(number);
}

const all = cacheOf(TABLES);
let at = 0;

Deno.bench("1000 gets from one open table", { group: "get" }, () => {
  for (let i = 0; i < 1000; i++, at = (at + 379) % keys.length) {
    lookup.key.set(keys[at]!);
    lookup.begin(16, SEQUENCE_MAX);
    all.get(7, lookup);
  }
});
Deno.bench("1000 uses of open tables", { group: "use" }, () => {
  for (let i = 0; i < 1000; i++) use(all, 1 + i % TABLES);
});
for (const open of [1, TABLES - 1]) {
  const cache = cacheOf(open);
  let number = 0;
  Deno.bench(`a table opened, one of ${open} closed for it`, { group: "open" }, () => {
    number = 1 + number % TABLES;
    use(cache, number);
  });
}
