import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  bytewiseKeys,
  decimalEntries,
  lookupOf,
  roomyPool,
  utf8,
  valueOf,
  writeTable,
} from "../tests/tables.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";
import { DELETED, FOUND } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { TableCache } from "./table_cache.ts";

/** A disk with tables 1 to `count`, each with ten entries, and a count of its open files. */
function diskWithTables(count: number): { fileSystem: FileSystem; opened: Set<string> } {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("data");
  for (let number = 1; number <= count; number++) {
    const path = `data/${String(number).padStart(6, "0")}.ldb`;
    writeTable(fileSystem, path, decimalEntries(10, number));
  }
  const opened = new Set<string>();
  const open = fileSystem.open.bind(fileSystem);
  fileSystem.open = (path) => {
    const file = open(path);
    opened.add(path);
    return {
      path,
      size: file.size,
      read: (into, position) => file.read(into, position),
      close: () => {
        opened.delete(path);
        file.close();
      },
    };
  };
  return { fileSystem, opened };
}

function cacheOf(fileSystem: FileSystem, maxOpenTables: number, pool = roomyPool()): TableCache {
  const comparator = bytewiseKeys;
  return new TableCache({ fileSystem, directory: "data", comparator, pool, maxOpenTables });
}

/** Asks a table for a key that it has; table n has values of n bytes. */
function ask(cache: TableCache, number: number): void {
  const lookup = lookupOf(utf8("0000000000000006"));
  cache.get(number, lookup);
  assertEquals([lookup.outcome, valueOf(lookup).length], [FOUND, number]);
}

Deno.test("get() opens a table once", () => {
  const { fileSystem } = diskWithTables(2);
  const cache = cacheOf(fileSystem, 10);
  for (let i = 0; i < 5; i++) {
    ask(cache, 1);
    ask(cache, 2);
  }
  assertEquals([cache.stats().opens, cache.stats().openTables], [2, 2]);
  cache.close();
});

Deno.test("At most so many tables are open, and the idlest one is closed (invariant 1)", () => {
  const { fileSystem, opened } = diskWithTables(5);
  const cache = cacheOf(fileSystem, 3);
  for (const number of [1, 2, 3, 1, 4]) ask(cache, number);
  assertEquals([...opened].sort(), ["data/000001.ldb", "data/000003.ldb", "data/000004.ldb"]);
  ask(cache, 3);
  ask(cache, 5); // 1 is the idlest now
  assertEquals([...opened].sort(), ["data/000003.ldb", "data/000004.ldb", "data/000005.ldb"]);
  assertEquals([cache.stats().openTables, cache.stats().maxOpenTables], [3, 3]);
  cache.close();
  assertEquals(opened.size, 0);
});

Deno.test("A table in use is not closed, even if there are too many (invariant 1)", () => {
  const { fileSystem, opened } = diskWithTables(5);
  const cache = cacheOf(fileSystem, 2);
  const cursors = [1, 2, 3, 4].map((number) => cache.cursor(number));
  assertEquals(opened.size, 4);
  ask(cache, 5);
  assertEquals(opened.size, 5);
  for (const [i, cursor] of cursors.entries()) {
    let count = 0;
    for (cursor.first(); cursor.valid; cursor.next()) {
      assertEquals(cursor.valueEnd - cursor.valueStart, i + 1);
      count++;
    }
    assertEquals(count, 10);
  }
  for (const cursor of cursors) cursor.close();
  assertEquals(opened.size, 2);
  for (const number of [1, 2, 3, 4, 5]) ask(cache, number);
  assertEquals(opened.size, 2);
  cache.close();
});

Deno.test("acquire() and release() keep a table open", () => {
  const { fileSystem, opened } = diskWithTables(3);
  const cache = cacheOf(fileSystem, 1);
  const table = cache.acquire(1);
  assertEquals(cache.acquire(1), table);
  cache.release(1);
  ask(cache, 2);
  assert(opened.has("data/000001.ldb"));
  cache.release(1);
  ask(cache, 3);
  assertEquals([...opened], ["data/000003.ldb"]);
  assertThrows(() => cache.release(3), Error, "as often as acquired");
  assertThrows(() => cache.release(1), Error, "as often as acquired");
  cache.close();
});

Deno.test("drop() closes a table, at once or when its last user is done (invariant 2)", () => {
  const { fileSystem, opened } = diskWithTables(2);
  const pool = roomyPool();
  const cache = cacheOf(fileSystem, 10, pool);
  ask(cache, 1);
  const cursor = cache.cursor(2);
  const other = cache.cursor(2);
  cursor.first();
  cache.drop(1);
  cache.drop(2);
  cache.drop(2);
  cache.drop(77); // never opened
  assertEquals([...opened], ["data/000002.ldb"]);
  fileSystem.remove("data/000002.ldb");
  let count = 0;
  for (; cursor.valid; cursor.next()) count++;
  assertEquals(count, 10);
  cursor.close();
  cursor.close();
  assertEquals(opened.size, 1);
  other.close();
  assertEquals(opened.size, 0);
  assertEquals(pool.stats().usedBytes, 0);
  cache.close();
});

Deno.test("stats() counts filters over all tables, also closed ones (invariant 3)", () => {
  const { fileSystem } = diskWithTables(20);
  const cache = cacheOf(fileSystem, 2);
  for (let number = 1; number <= 20; number++) {
    ask(cache, number);
    cache.get(number, lookupOf(utf8("0000000000000007"))); // not there
  }
  const { filterProbes, filterSaves, opens } = cache.stats();
  assertEquals([filterProbes, opens], [40, 20]);
  assert(filterSaves >= 18 && filterSaves <= 20, `${filterSaves}`);
  cache.close();
  assertEquals(cache.stats().filterProbes, 40);
});

Deno.test("get() finds tables that are called .sst, as before LevelDB 1.14", () => {
  const { fileSystem } = diskWithTables(1);
  fileSystem.rename("data/000001.ldb", "data/000001.sst");
  const cache = cacheOf(fileSystem, 10);
  ask(cache, 1);
  cache.close();
});

Deno.test("A table that is missing or damaged is a CorruptionError, and not kept", () => {
  const { fileSystem, opened } = diskWithTables(1);
  const cache = cacheOf(fileSystem, 10);
  const error = assertThrows(() => cache.get(7, lookupOf(utf8("a"))), CorruptionError, "missing");
  assertEquals([error.file, error.offset], ["data/000007.ldb", 0]);
  assert(error.cause instanceof VarveError);
  const file = fileSystem.create("data/000007.ldb");
  file.append(new Uint8Array(100));
  file.close();
  assertThrows(() => cache.cursor(7), CorruptionError, "magic");
  assertEquals(opened.size, 0);
  assertEquals(cache.stats().openTables, 0);
  writeTable(fileSystem, "data/000007.ldb", decimalEntries(10, 7));
  ask(cache, 7);
  cache.close();
});

Deno.test("A file system that fails otherwise is heard", () => {
  const { fileSystem } = diskWithTables(1);
  fileSystem.open = (path) => {
    throw new VarveError("IO", `Cannot open ${path}`);
  };
  const cache = cacheOf(fileSystem, 10);
  const error = assertThrows(() => cache.get(1, lookupOf(utf8("a"))), VarveError);
  assertEquals(error.code, "IO");
});

Deno.test("get() tells a tombstone from a value", () => {
  const { fileSystem } = diskWithTables(0);
  const [key] = decimalEntries(1, 0)[0]!;
  key[16] = 0; // the kind
  writeTable(fileSystem, "data/000001.ldb", [[key, new Uint8Array(0)]]);
  const cache = cacheOf(fileSystem, 1);
  const lookup = lookupOf(utf8("0000000000000000"));
  cache.get(1, lookup);
  assertEquals(lookup.outcome, DELETED);
  cache.close();
});

Deno.test("TableCache wants room for one table", () => {
  assertThrows(() => cacheOf(new MemoryFileSystem(), 0), Error, "one table");
});
