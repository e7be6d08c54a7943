/**
 * **What.** The options of `classic-level`, which are LevelDB's, as options of ours, and what else can be chosen.
 *
 * | classic-level | ours | brought within |
 * | -- | -- | -- |
 * | `compression` | `compression` | `true` is Snappy, `false` is none |
 * | `cacheSize` | `poolBytes` | 0 to 1 TiB |
 * | `writeBufferSize` | `memtableBytes` | 64 KiB to 1 GiB |
 * | `blockSize` | `blockBytes` | 1 KiB to 4 MiB |
 * | `maxOpenFiles` | `maxOpenTables` | 74 to 50,000; 10 are for other files |
 * | `blockRestartInterval` | `restartInterval` | 1 to 1024 |
 * | `maxFileSize` | `tableBytes` | 1 MiB to 1 GiB |
 *
 * **Invariants.**
 * 1. A number out of range is brought within it without a word, as LevelDB does; one of our own options is refused.
 * 2. What neither knows is left alone: subclasses and plugins have options of their own.
 *
 * Source: `SanitizeOptions` of LevelDB's `db/db_impl.cc`.
 *
 * **Read next.** `level_operations.ts`
 *
 * @module
 */
import type { AbstractDatabaseOptions, AbstractOpenOptions } from "abstract-level";
import { type CompressionName, describe, type OpenOptions as StoreOptions } from "./options.ts";

/**
 * Options that `classic-level` has in common with LevelDB, but for how they are called.
 *
 * @example A database for large values
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type LevelDBOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: LevelDBOptions = { compression: false, blockSize: 64 * 1024, cacheSize: 64 << 20 };
 * await using db = new VarveLevel("images", { ...options, fileSystem: new MemoryFileSystem() });
 * await db.put("cover", "…");
 * assertEquals(await db.get("cover"), "…");
 * ```
 *
 * @category Level
 */
export interface LevelDBOptions {
  /**
   * Whether tables are compressed with Snappy; or one of our own names, or one for each level.
   *
   * @default {true}
   */
  compression?: boolean | CompressionName | readonly CompressionName[] | undefined;
  /**
   * How many bytes of blocks are kept in memory.
   *
   * @default {8 MiB}
   */
  cacheSize?: number | undefined;
  /**
   * How many bytes of writes are gathered in memory before they become a table.
   *
   * @default {8 MiB}
   */
  writeBufferSize?: number | undefined;
  /**
   * About how many bytes of entries are in a block of a table, before compression.
   *
   * @default {4096}
   */
  blockSize?: number | undefined;
  /**
   * How many files may be open, 10 of them for other things than tables.
   *
   * @default {510}
   */
  maxOpenFiles?: number | undefined;
  /**
   * Every how many entries a block has a full key.
   *
   * @default {16}
   */
  blockRestartInterval?: number | undefined;
  /**
   * About how large a table gets.
   *
   * @default {2 MiB}
   */
  maxFileSize?: number | undefined;
  /**
   * Ignored: a directory is open once. Where `classic-level` would share a database with other threads of the process,
   * opening it there fails with `LEVEL_LOCKED`.
   *
   * @default {false}
   */
  multithreading?: boolean | undefined;
}

/**
 * The options of ours that can be passed as they are. The order of keys is part of abstract-level: bytewise.
 *
 * @example A disk in memory, and tables of our own making
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type OwnOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: OwnOptions = { fileSystem: new MemoryFileSystem(), filterBits: 14 };
 * await using db = new VarveLevel("data", options);
 * await db.put("key", "value");
 * assertEquals(await db.get("key"), "value");
 * ```
 *
 * @category Level
 */
export type OwnOptions = Omit<StoreOptions, "key" | "value" | "comparator" | "compression">;

/**
 * How a {@linkcode VarveLevel} is made and opened: abstract-level's options, LevelDB's by the names of `classic-level`,
 * and ours.
 *
 * @example Writes that survive a power cut, on a disk in memory
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { VarveLevel, type VarveLevelOptions } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: VarveLevelOptions<string, { name: string }> = {
 *   valueEncoding: "json",
 *   sync: true, // unless a write says otherwise
 *   fileSystem: new MemoryFileSystem(),
 * };
 * await using db = new VarveLevel<string, { name: string }>("people", options);
 * await db.put("ada", { name: "Ada" });
 * assertEquals(await db.get("ada"), { name: "Ada" });
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export interface VarveLevelOptions<K = string, V = string>
  extends
    AbstractDatabaseOptions<K, V>,
    LevelDBOptions,
    Omit<OwnOptions, "sync" | keyof AbstractOpenOptions> {
  /**
   * Whether writes wait until they are on disk, unless they say otherwise.
   *
   * @default {false}
   */
  sync?: boolean | undefined;
}

/**
 * The same, by the name of `classic-level`.
 *
 * @example Values of JSON
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type DatabaseOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: DatabaseOptions<string, number[]> = { valueEncoding: "json", createIfMissing: true };
 * const fileSystem = new MemoryFileSystem();
 * await using db = new VarveLevel<string, number[]>("data", { ...options, fileSystem });
 * await db.put("key", [1, 2]);
 * assertEquals(await db.get("key"), [1, 2]);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export type DatabaseOptions<K, V> = VarveLevelOptions<K, V>;

/**
 * Options of {@linkcode VarveLevel.open}: all but the encodings, which a database has from the beginning.
 *
 * @example Only one that is there
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type OpenOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const options: OpenOptions = { createIfMissing: false };
 * const db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await assertRejects(() => db.open(options));
 * assertEquals(db.status, "closed");
 * ```
 *
 * @category Level
 */
export interface OpenOptions
  extends AbstractOpenOptions, LevelDBOptions, Omit<OwnOptions, keyof AbstractOpenOptions> {}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Name of ours, least and greatest value, and how many of it are for something else. */
const RENAMED = {
  cacheSize: ["poolBytes", 0, 2 ** 40, 0],
  writeBufferSize: ["memtableBytes", 64 * KIB, 1024 * MIB, 0],
  blockSize: ["blockBytes", KIB, 4 * MIB, 0],
  maxOpenFiles: ["maxOpenTables", 74, 50_000, 10],
  blockRestartInterval: ["restartInterval", 1, 1024, 0],
  maxFileSize: ["tableBytes", MIB, 1024 * MIB, 0],
} as const;

/** Every option of ours, so that a new one is not forgotten: the compiler would miss it. */
const OWN: Readonly<Record<keyof OwnOptions, true>> = {
  createIfMissing: true,
  errorIfExists: true,
  readOnly: true,
  sync: true,
  memtableBytes: true,
  maxImmutableMemtables: true,
  poolBytes: true,
  poolPolicy: true,
  maxOpenTables: true,
  blockBytes: true,
  restartInterval: true,
  tableBytes: true,
  filterBits: true,
  levelZeroTables: true,
  baseLevelBytes: true,
  seekCompaction: true,
  worker: true,
  fileSystem: true,
  logger: true,
  onEvent: true,
};

/**
 * Translates options.
 *
 * @example Of classic-level, of ours, and of somebody else
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ownOptions } from "./level_options.ts";
 *
 * const options = { cacheSize: 1 << 20, maxFileSize: 1, readOnly: true, color: "red" };
 * const { poolBytes, tableBytes, readOnly } = ownOptions(options);
 * assertEquals([poolBytes, tableBytes, readOnly], [1 << 20, 1 << 20, true]);
 * ```
 *
 * @param options What the caller gave, merged from the constructor and `open()`.
 * @returns Options to open a database with, to be checked there. Writes are not synced unless they say so.
 * @throws {TypeError} If an option of `classic-level` is of a wrong type, or given by both of its names.
 */
export function ownOptions(options: Readonly<Record<string, unknown>>): OwnOptions {
  const own: Record<string, unknown> = { sync: false };
  for (const name in OWN) {
    if (options[name] !== undefined) own[name] = options[name];
  }
  for (const [name, [ownName, least, greatest, others]] of Object.entries(RENAMED)) {
    const value = options[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw new TypeError(`Cannot open database: ${name} must be a number, got ${describe(value)}`);
    }
    if (own[ownName] !== undefined) {
      throw new TypeError(`Cannot open database: both ${name} and ${ownName} are given`);
    }
    own[ownName] = Math.trunc(Math.min(greatest, Math.max(least, value))) - others;
  }
  const { compression } = options;
  if (typeof compression === "boolean") own.compression = compression ? "snappy" : "none";
  else if (compression !== undefined) own.compression = compression;
  return own;
}

/**
 * Checks where a database is to be.
 *
 * @param location What the caller gave.
 * @throws {TypeError} If it is no string, or an empty one.
 */
export function checkLocation(location: unknown): asserts location is string {
  if (typeof location !== "string" || location === "") {
    throw new TypeError(
      `The first argument 'location' must be a non-empty string, got ${describe(location)}`,
    );
  }
}
