import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
import { loadManifest, Manifest, writeNewDatabase } from "./manifest.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { emptyVersionEdit } from "./version_edit.ts";

const comparator = new InternalKeyComparator();

function key(number: number): Uint8Array {
  return makeInternalKey(new TextEncoder().encode(String(number).padStart(16, "0")), 1, KIND_VALUE);
}

function edit(number: number) {
  const table = {
    number,
    bytes: 2 ** 21,
    smallest: key(number),
    largest: key(number),
    allowedSeeks: 128,
  };
  return {
    ...emptyVersionEdit(),
    logNumber: 1,
    nextFileNumber: number + 1,
    added: [{ level: 2, table }],
  };
}

/** A database whose manifest added one table an edit. */
function database(tables: number): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  writeNewDatabase(disk, "db", comparator);
  const state = { ...loadManifest(disk, "db", comparator), nextFileNumber: 3 };
  const manifest = Manifest.create(disk, "db", 2, state);
  for (let number = 3; number < tables + 3; number++) manifest.append(edit(number));
  manifest.close();
  return disk;
}

for (const tables of [100, 10_000]) {
  const disk = database(tables);
  Deno.bench(`loadManifest() of ${tables} edits`, { group: "load" }, () => {
    loadManifest(disk, "db", comparator);
  });
  const state = loadManifest(disk, "db", comparator);
  Deno.bench(`create() with ${tables} tables`, { group: "create" }, () => {
    Manifest.create(disk, "db", 2, state).close();
  });
}
