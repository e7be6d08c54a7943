/**
 * What abstract-level costs on top of the store: 10,000 entries with keys of 16 characters and values of 100, on a disk
 * in memory. Beside classic-level, on Deno's disk, it is measured by `bench/level.ts`.
 *
 * @module
 */
import { VarveLevel } from "./level.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const COUNT = 10_000;
const KEYS = Array.from({ length: COUNT }, (_, i) => String(i).padStart(16, "0"));
const VALUE = "v".repeat(100);
const db = new VarveLevel("db", { fileSystem: new MemoryFileSystem(), cacheSize: 64 << 20 });
await db.batch(KEYS.map((key) => ({ type: "put", key, value: VALUE })));
await db.compactRange("", "~");

let sum = 0;
Deno.bench("1000 puts, each awaited", { group: "put" }, async () => {
  for (let i = 0; i < 1000; i++) await db.put(KEYS[i]!, VALUE);
});
Deno.bench("1000 gets", { group: "get" }, async () => {
  for (let i = 0; i < 1000; i++) sum += (await db.get(KEYS[(i * 7919) % COUNT]!))!.length;
});
Deno.bench("1000 getSync", { group: "get" }, () => {
  for (let i = 0; i < 1000; i++) sum += db.getSync(KEYS[(i * 7919) % COUNT]!)!.length;
});
Deno.bench("10 000 entries with for await", { group: "iterate" }, async () => {
  for await (const [, value] of db.iterator()) sum += value.length;
});
Deno.bench("10 000 entries with all()", { group: "iterate" }, async () => {
  sum += (await db.iterator().all()).length;
});
