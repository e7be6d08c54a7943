/**
 * What asking for statistics costs the one who asks. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a
 * busy machine: 730 ns for `stats()`; 28 for the levels, whose bytes every version knows, however many tables they
 * have.
 *
 * @module
 */
import { decimalEntries } from "../tests/tables.ts";
import { openDatabase } from "./database.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { levelStats, writeAmplification } from "./stats.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit } from "./version_edit.ts";

/** A version with so many tables in level 3. */
function versionOf(count: number): Version {
  const edit = emptyVersionEdit();
  for (const [i, [key]] of decimalEntries(count, 0).entries()) {
    const table = { number: i + 1, bytes: 2 ** 21, smallest: key, largest: key, allowedSeeks: 128 };
    edit.added.push({ level: 3, table });
  }
  return Version.empty(new InternalKeyComparator()).apply(edit);
}

let sum = 0;
for (const tables of [10, 1000]) {
  const version = versionOf(tables);
  Deno.bench(`levelStats() of ${tables} tables`, { group: "levels" }, () => {
    sum += levelStats(version).length;
  });
}

const db = openDatabase<string, string>("db", { sync: false }, new MemoryFileSystem());
for (let i = 0; i < 1000; i++) db.putSync(`key ${i}`, "value");
await db.flush();
const stats = db.stats();

Deno.bench("stats() of a small database", { group: "database" }, () => {
  sum += db.stats().sequence;
});
Deno.bench("writeAmplification()", { group: "database" }, () => {
  sum += writeAmplification(stats);
});
