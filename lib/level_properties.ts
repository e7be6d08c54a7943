/**
 * **What.** What LevelDB tells of itself under a name: `leveldb.stats`, `leveldb.sstables` and a few more, as text.
 *
 * **Format.**
 * ```text
 * leveldb.num-files-at-levelN       := decimal number of tables
 * leveldb.approximate-memory-usage  := decimal number of bytes
 * leveldb.sstables                  := for each level: "--- level ", level, " ---\n", table*
 * table                             := " ", file number, ":", bytes, "[", key, " .. ", key, "]\n"
 * key                               := "'", escaped user key, "' @ ", sequence number, " : ", kind
 * leveldb.stats                     := heading, for each level with tables: level, files, size; then the work
 * ```
 *
 * **Invariants.**
 * 1. What LevelDB has no property for is the empty string.
 * 2. Numbers are those of the moment, and are read without touching the disk.
 *
 * Source: `GetProperty` of LevelDB's `db/db_impl.cc`. LevelDB splits time, reads and writes of compactions by level;
 * here they are counted together, and stand below the levels.
 *
 * **Read next.** `level_types.ts`
 *
 * @module
 */
import { kindAt, sequenceAt, userKeyOf } from "./internal_key.ts";
import type { DatabaseStats } from "./stats.ts";
import { LEVELS, type TableMeta, type Version } from "./version.ts";

const MIB = 1024 * 1024;

/**
 * The text of a property.
 *
 * @example A database without tables
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { InternalKeyComparator } from "./internal_key.ts";
 * import { levelProperty } from "./level_properties.ts";
 * import { openDatabase } from "./database.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { Version } from "./version.ts";
 *
 * await using db = openDatabase("db", {}, new MemoryFileSystem());
 * const version = Version.empty(new InternalKeyComparator());
 * const read = (property: string) => levelProperty(property, db.stats(), version);
 * assertEquals(read("leveldb.num-files-at-level0"), "0");
 * assertEquals(read("leveldb.sstables").split("\n")[0], "--- level 0 ---");
 * assertEquals(read("leveldb.nothing"), "");
 * ```
 *
 * @param property Its name.
 * @param stats What the database holds and has cost.
 * @param version Its tables.
 * @returns The text; empty if there is no such property.
 */
export function levelProperty(property: string, stats: DatabaseStats, version: Version): string {
  const files = /^leveldb\.num-files-at-level(\d+)$/.exec(property);
  if (files !== null) {
    const level = Number(files[1]);
    return level < LEVELS ? String(version.tableCount(level)) : "";
  }
  switch (property) {
    case "leveldb.stats":
      return compactions(stats);
    case "leveldb.sstables":
      return sstables(version);
    case "leveldb.approximate-memory-usage": {
      const { pool, memtable } = stats;
      return String(pool.usedBytes + memtable.usedBytes + memtable.immutableBytes);
    }
    default:
      return "";
  }
}

function compactions({ levels, background }: DatabaseStats): string {
  const mib = (bytes: number) => (bytes / MIB).toFixed(0);
  const rows = levels.filter(({ tables }) => tables > 0).map(({ level, tables, bytes }) =>
    `${String(level).padStart(3)} ${String(tables).padStart(8)} ${mib(bytes).padStart(8)}\n`
  );
  const { flushes, flushBytes, compactions } = background;
  return "                               Compactions\n" +
    "Level  Files Size(MB)\n" +
    "--------------------------------------------------\n" +
    rows.join("") +
    `${flushes} flushes wrote ${mib(flushBytes)} MB\n` +
    `${compactions} compactions read ${mib(background.compactionReadBytes)} MB` +
    ` and wrote ${mib(background.compactionWriteBytes)} MB\n`;
}

function sstables({ levels }: Version): string {
  return levels.map((tables, level) => `--- level ${level} ---\n${tables.map(tableLine).join("")}`)
    .join("");
}

function tableLine({ number, bytes, smallest, largest }: TableMeta): string {
  return ` ${number}:${bytes}[${keyText(smallest)} .. ${keyText(largest)}]\n`;
}

function keyText(key: Uint8Array): string {
  let text = "";
  for (const byte of userKeyOf(key)) {
    text += byte >= 0x20 && byte <= 0x7e
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `'${text}' @ ${sequenceAt(key, key.length)} : ${kindAt(key, key.length)}`;
}
