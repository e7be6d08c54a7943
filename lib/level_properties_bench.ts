/**
 * What it costs to ask for a property of a tree of a thousand tables.
 *
 * @module
 */
import { decimalEntries } from "../tests/tables.ts";
import { openDatabase } from "./database.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { levelProperty } from "./level_properties.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit } from "./version_edit.ts";

const edit = emptyVersionEdit();
for (const [i, [key]] of decimalEntries(1000, 0).entries()) {
  const table = { number: i + 1, bytes: 2 ** 21, smallest: key, largest: key, allowedSeeks: 128 };
  edit.added.push({ level: 3, table });
}
const version = Version.empty(new InternalKeyComparator()).apply(edit);
const db = openDatabase("db", {}, new MemoryFileSystem());
const stats = db.stats();

for (const name of ["leveldb.num-files-at-level3", "leveldb.stats", "leveldb.sstables"]) {
  Deno.bench(name, () => {
    levelProperty(name, stats, version);
  });
}
