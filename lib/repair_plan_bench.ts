/**
 * What it costs to find out what a database consists of: a manifest of 1,000 edits, read once for what it says and once
 * more for what it mentions.
 *
 * @module
 */
import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";
import { MaintainedDirectory } from "./maintenance.ts";
import { loadManifest, Manifest, writeNewDatabase } from "./manifest.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { planRepair } from "./repair_plan.ts";
import { emptyVersionEdit } from "./version_edit.ts";

const comparator = new InternalKeyComparator();
const disk = new MemoryFileSystem();
disk.makeDirectory("db");
writeNewDatabase(disk, "db", comparator);
const state = { ...loadManifest(disk, "db", comparator), nextFileNumber: 2000 };
const manifest = Manifest.create(disk, "db", 2, state);
const key = makeInternalKey(Uint8Array.of(1), 1, 1);
for (let number = 10; number < 1010; number++) {
  const table = { number, bytes: 1000, smallest: key, largest: key, allowedSeeks: 100 };
  manifest.append({
    ...emptyVersionEdit(),
    deleted: number > 10 ? [{ level: 0, number: number - 1 }] : [],
    added: [{ level: 0, table }],
  });
}
manifest.close();

Deno.bench("a manifest of 1 000 edits that lacks a table", () => {
  planRepair(new MaintainedDirectory("look", disk, "db"));
});
