/**
 * What it costs to repair a database, on a disk in memory: with nothing to do, with one damaged block, and without a
 * manifest, where everything is written anew.
 *
 * On a shared 2-core machine (AMD EPYC, Deno 2.9.6): 160 ms, 280 ms and 400 ms.
 *
 * @module
 */
import { copyOf } from "../tests/fixtures/disk_copies.ts";
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { repairDatabase } from "./repair.ts";

/** A database of 100,000 entries with keys of 16 characters and values of 100: 12 MB, compressed to less. */
async function makeDatabase(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const db = openDatabase<string, string>("db", { sync: false }, disk);
  for (let i = 0; i < 100_000; i++) {
    db.putSync(String(i * 7919 % 100_000).padStart(16, "0"), `${i}`.repeat(20));
  }
  await db.flush();
  await db.close();
  return disk;
}

const disk = await makeDatabase();

function bench(name: string, damage: (disk: MemoryFileSystem) => void): void {
  Deno.bench(name, async (b) => {
    const copy = copyOf(disk);
    damage(copy);
    b.start();
    await repairDatabase("db", {}, copy);
    b.end();
  });
}

bench("repair 100 000 entries, nothing damaged", () => {});
bench("repair 100 000 entries, one block damaged", (copy) => {
  const table = copy.list("db").find((name) => name.endsWith(".ldb"))!;
  copy.writeAll(`db/${table}`, copy.readAll(`db/${table}`).fill(0, 0, 100));
});
bench("repair 100 000 entries, no manifest", (copy) => {
  for (const name of copy.list("db")) if (name.startsWith("MANIFEST")) copy.remove(`db/${name}`);
});
