/**
 * What it costs to open a database, on a disk in memory: 100,000 entries with keys of 16 characters and values of 100.
 *
 * On a shared 2-core machine (AMD EPYC, Deno 2.9.6): 0.1 to 1 ms for a new database; 0.2 ms when everything is in
 * tables; 25 ms as close leaves it, with what was in memory in the log; 60 ms when all of it is, and 30 to read only,
 * which writes no tables.
 *
 * @module
 */
import { copyOf } from "../tests/fixtures/disk_copies.ts";
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { OpenOptions } from "./options.ts";

const COUNT = 100_000;
const VALUE = "v".repeat(100);

/** A disk with a database that was closed after so many entries. */
async function diskOf(count: number, options: OpenOptions, isCompacted: boolean) {
  const disk = new MemoryFileSystem();
  const db = openDatabase<string, string>("db", { ...options, sync: false }, disk);
  for (let i = 0; i < count; i++) db.putSync(String(i).padStart(16, "0"), VALUE);
  if (isCompacted) await db.compact();
  await db.close();
  return disk;
}

function bench(name: string, disk: MemoryFileSystem, options: OpenOptions = {}): void {
  Deno.bench(name, { group: "open" }, async (b) => {
    const copy = copyOf(disk); // opening changes it
    b.start();
    const db = openDatabase<string, string>("db", options, copy);
    b.end();
    await db.close();
  });
}

const inTables = await diskOf(COUNT, {}, true);
const inLog = await diskOf(COUNT, { memtableBytes: 64 << 20 }, false);
const usual = await diskOf(COUNT, {}, false);

bench("a new database", await diskOf(0, {}, false));
bench("100 000 entries, all in tables", inTables);
bench("100 000 entries, as they are left by close", usual);
bench("100 000 entries, all in the log", inLog);
bench("100 000 entries, all in the log, to read only", inLog, { readOnly: true });
