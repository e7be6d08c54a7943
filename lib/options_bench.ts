/**
 * What checking what callers pass costs: once for a database, once for each scan, once for each write. Deno 2.9.6, 2
 * shared cores (AMD EPYC), best of many runs on a busy machine: 600 ns for all options of a database, 11 for those of
 * a scan, 0.8 for a write without options and 2.5 with.
 *
 * @module
 */
import { MemoryFileSystem } from "./memory_file_system.ts";
import { checkRange, engineOptions, type OpenOptions, syncOption } from "./options.ts";

const disk = new MemoryFileSystem();
const chosen = {
  createIfMissing: true,
  sync: false,
  memtableBytes: 4 << 20,
  poolBytes: 64 << 20,
  compression: ["none", "snappy", "zstd"],
  logger: { log() {} },
} as const satisfies OpenOptions<never, never>;
const range = { gte: "a", lt: "b", reverse: true, limit: 10 };
const unsynced = { sync: false };
let synced = 0;

Deno.bench("engineOptions(), none given", { group: "open" }, () => {
  engineOptions({}, disk);
});
Deno.bench("engineOptions(), six given", { group: "open" }, () => {
  engineOptions(chosen, disk);
});
Deno.bench("1000 of checkRange()", { group: "scan" }, () => {
  for (let i = 0; i < 1000; i++) checkRange(range);
});
Deno.bench("1000 of syncOption(), nothing given", { group: "write" }, () => {
  for (let i = 0; i < 1000; i++) if (syncOption(undefined, true)) synced++;
});
Deno.bench("1000 of syncOption(), one given", { group: "write" }, () => {
  for (let i = 0; i < 1000; i++) if (syncOption(unsynced, true)) synced++;
});
