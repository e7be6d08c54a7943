/**
 * What is told under LevelDB's names.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";
import { levelProperty } from "./level_properties.ts";
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { DatabaseStats } from "./stats.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit } from "./version_edit.ts";

const key = (bytes: number[], sequence: number, kind: number) =>
  makeInternalKey(Uint8Array.from(bytes), sequence, kind);
const version = Version.empty(new InternalKeyComparator()).apply({
  ...emptyVersionEdit(),
  added: [
    {
      level: 2,
      table: {
        number: 5,
        bytes: 900,
        smallest: key([0x61, 0x00, 0x27], 7, 1),
        largest: key([0x7e, 0x7f, 0xff], 9, 0),
        allowedSeeks: 100,
      },
    },
  ],
});

async function someStats(): Promise<DatabaseStats> {
  await using db = openDatabase("db", {}, new MemoryFileSystem());
  db.putSync("a", "1");
  await db.flush();
  return db.stats();
}

Deno.test("Tables are told as LevelDB tells them", async () => {
  const stats = await someStats();
  assertEquals(levelProperty("leveldb.num-files-at-level2", stats, version), "1");
  assertEquals(levelProperty("leveldb.num-files-at-level02", stats, version), "1");
  assertEquals(levelProperty("leveldb.num-files-at-level0", stats, version), "0");
  assertEquals(
    levelProperty("leveldb.sstables", stats, version),
    [
      "--- level 0 ---",
      "--- level 1 ---",
      "--- level 2 ---",
      " 5:900['a\\x00'' @ 7 : 1 .. '~\\x7f\\xff' @ 9 : 0]",
      "--- level 3 ---",
      "--- level 4 ---",
      "--- level 5 ---",
      "--- level 6 ---",
      "",
    ].join("\n"),
  );
});

Deno.test("What there is no property for is empty", async () => {
  const stats = await someStats();
  for (const name of ["", "stats", "leveldb.", "leveldb.num-files-at-level", "leveldb.statsx"]) {
    assertEquals(levelProperty(name, stats, version), "");
  }
  for (const level of ["7", "x", "-1", "1.5", "99999999999999999999"]) {
    assertEquals(levelProperty(`leveldb.num-files-at-level${level}`, stats, version), "");
  }
});

Deno.test("Memory and work are those of the statistics", async () => {
  const stats = await someStats();
  const { pool, memtable } = stats;
  assertEquals(
    levelProperty("leveldb.approximate-memory-usage", stats, version),
    String(pool.usedBytes + memtable.usedBytes + memtable.immutableBytes),
  );
  assertEquals(levelProperty("leveldb.stats", stats, version).split("\n"), [
    "                               Compactions",
    "Level  Files Size(MB)",
    "--------------------------------------------------",
    "  2        1        0",
    "1 flushes wrote 0 MB",
    "0 compactions read 0 MB and wrote 0 MB",
    "",
  ]);
});
