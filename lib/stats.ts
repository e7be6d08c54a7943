/**
 * **What.** What `stats()` says of a database: what it holds, how much of each limit is used, and what its work
 * has cost since it was opened.
 *
 * **Invariants.**
 * 1. Reading statistics costs nothing on any path but that of the reader.
 *
 * **Read next.** `approximate_size.ts`
 *
 * @module
 */
import type { BufferPoolStats } from "./buffer_pool.ts";
import type { JobCounters } from "./job.ts";
import type { TableCacheStats } from "./table_cache.ts";
import { LEVELS, type Version } from "./version.ts";

/**
 * One level of the tree.
 *
 * @example Tables and bytes of each level
 * ```ts
 * import { type LevelStats, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const text = ({ level, tables }: LevelStats) => `level ${level}: ${tables}`;
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * await db.flush();
 * const lines = db.stats().levels.filter(({ tables }) => tables > 0).map(text);
 * assertEquals(lines, ["level 2: 1"]); // nothing is in the way, so it goes that deep
 * ```
 *
 * @category Statistics
 */
export interface LevelStats {
  /** 0 for the newest tables. */
  readonly level: number;
  /** How many tables it has. */
  readonly tables: number;
  /** Their bytes on disk. */
  readonly bytes: number;
}

/**
 * The memtables.
 *
 * @example How full the memtable is
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assert, assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * await db.delete("key"); // a tombstone is an entry, too
 * const { entries, usedBytes, capacityBytes } = db.stats().memtable;
 * assertEquals(entries, 2);
 * assert(usedBytes / capacityBytes < 0.01);
 * ```
 *
 * @category Statistics
 */
export interface MemtableStats {
  /** Entries in the active one, overwritten versions and tombstones included. */
  readonly entries: number;
  /** Bytes used of the active one, its index included. */
  readonly usedBytes: number;
  /** Bytes that it may use before it is frozen. */
  readonly capacityBytes: number;
  /** How many frozen ones wait to be flushed. */
  readonly immutables: number;
  /** Bytes used by those. */
  readonly immutableBytes: number;
}

/**
 * What was written by callers since the database was opened.
 *
 * @example Writers that shared a sync
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await Promise.all(["a", "b", "c"].map((key) => db.put(key, "value")));
 * const { entries, bytes, syncs } = db.stats().writes;
 * assertEquals({ entries, bytes, syncs }, { entries: 3, bytes: 18, syncs: 1 });
 * ```
 *
 * @category Statistics
 */
export interface WriteStats {
  /** Puts and deletes. */
  readonly entries: number;
  /** Bytes of their keys and values. */
  readonly bytes: number;
  /** Syncs of the log, each of them shared by all who waited. */
  readonly syncs: number;
  /** How often a writer had to wait for a flush or a compaction. */
  readonly stalls: number;
  /** How long all of them waited, in milliseconds. */
  readonly stallMs: number;
}

/**
 * Flushes and compactions since the database was opened.
 *
 * @example Where they are done
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * const { worker, isBusy } = db.stats().background;
 * assertEquals([worker, isBusy], [false, false]); // memory is not shared with a worker
 * ```
 *
 * @category Statistics
 */
export interface BackgroundStats extends Readonly<JobCounters> {
  /** Bytes of manifests written. */
  readonly manifestBytes: number;
  /** Whether a flush or compaction is under way. */
  readonly isBusy: boolean;
  /** Whether they are done in a worker. It is started for the first that is worth it. */
  readonly worker: boolean;
}

/**
 * What a database holds and what it has cost.
 *
 * @example A line for a program's own log
 * ```ts
 * import { type DatabaseStats, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * function line({ writes, levels, failure }: DatabaseStats): string {
 *   const tables = levels.reduce((sum, level) => sum + level.tables, 0);
 *   return `${writes.entries} writes, ${tables} tables, ${failure ?? "well"}`;
 * }
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * await db.flush();
 * assertEquals(line(db.stats()), "1 writes, 1 tables, well");
 * ```
 *
 * @category Statistics
 */
export interface DatabaseStats {
  /** The sequence number of the last write. */
  readonly sequence: number;
  /** The memtables. */
  readonly memtable: MemtableStats;
  /** The levels of the tree, all of them. */
  readonly levels: readonly LevelStats[];
  /** The buffer pool. */
  readonly pool: BufferPoolStats;
  /** Open tables and their filters. */
  readonly tables: TableCacheStats;
  /** What callers wrote. */
  readonly writes: WriteStats;
  /** The write-ahead log: bytes written to it, and segments still needed. */
  readonly log: { readonly bytesWritten: number; readonly segments: number };
  /** Flushes and compactions. */
  readonly background: BackgroundStats;
  /** Open snapshots. */
  readonly snapshots: number;
  /** Open iterators. */
  readonly iterators: number;
  /** Why writes are refused, if they are. */
  readonly failure: string | undefined;
}

/** Counts what callers write. */
export class WriteCounters implements WriteStats {
  /** {@inheritDoc} */
  entries = 0;
  /** {@inheritDoc} */
  bytes = 0;
  /** {@inheritDoc} */
  syncs = 0;
  /** {@inheritDoc} */
  stalls = 0;
  /** {@inheritDoc} */
  stallMs = 0;

  /** A copy of the counts as they are now. */
  stats(): WriteStats {
    return { ...this };
  }
}

/**
 * Counts a version's tables.
 *
 * @param version The version.
 * @returns One element for each level.
 */
export function levelStats(version: Version): LevelStats[] {
  const levels: LevelStats[] = [];
  for (let level = 0; level < LEVELS; level++) {
    levels.push({ level, tables: version.tableCount(level), bytes: version.levelBytes(level) });
  }
  return levels;
}

/**
 * Bytes written to disk for each byte that callers wrote: log, flushes, compactions and manifests.
 *
 * @example What small entries cost
 * ```ts
 * import { MemoryFileSystem, open, writeAmplification } from "@varve/varve";
 * import { assert, assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * assertEquals(writeAmplification(db.stats()), 0);
 * await db.put("key", "value"); // 8 bytes
 * assert(writeAmplification(db.stats()) > 3); // 28 to the log, and the head of a manifest
 * ```
 *
 * @param stats The statistics of a database.
 * @returns The ratio; 0 if nothing was written.
 * @category Statistics
 */
export function writeAmplification(stats: DatabaseStats): number {
  const { log, background, writes } = stats;
  if (writes.bytes === 0) return 0;
  const written = log.bytesWritten + background.flushBytes + background.compactionWriteBytes +
    background.manifestBytes;
  return written / writes.bytes;
}
