/**
 * **What.** What the workloads need of an engine, and which engines there are. Each is one file in `engines/` that
 * exports `openEngine`, loaded only by the process that measures it; LevelDB itself is `leveldb.cc`.
 *
 * **Invariants.**
 * 1. Each engine is used by its fastest documented way in which a write is done when the next one begins: other readers
 *    see it, and it survives the death of the process. Writes are synced only where a workload says so.
 * 2. What an engine can't do is missing, and the workload is left out for it.
 *
 * **Read next.** `process.ts`
 *
 * @module
 */
import type { Data, DataMaker, Kind } from "./data.ts";

/** Everything an engine may be asked to do. What is done at once returns nothing to wait for. */
export interface Engine {
  /** The version of the engine. */
  readonly version: string;
  /** Writes an entry, not synced. */
  put(key: Data, value: Data): void | Promise<unknown>;
  /** Writes an entry and syncs it. */
  putDurable?(key: Data, value: Data): void | Promise<unknown>;
  /** The same where many may be under way at once and share a sync. */
  putShared?(key: Data, value: Data): Promise<unknown>;
  /** Removes a key, not synced. */
  delete(key: Data): void | Promise<unknown>;
  /** Writes the entries `order[from…to − 1]` together, each with the value of its place plus `salt`. */
  batch(order: Uint32Array, from: number, to: number, salt: number): void | Promise<unknown>;
  /** Reads a value. A promise only if there is no other way. */
  get(key: Data): Data | undefined | Promise<Data | undefined>;
  /** Reads a value through a promise, where there is a way that does not need one. */
  getAwaited?(key: Data): Promise<Data | undefined>;
  /** Reads all entries; returns the bytes of their keys and values. */
  scan(reverse: boolean): number | Promise<number>;
  /** The same without making objects of keys and values. */
  scanRaw?(): number;
  /** Reads entries from a key on; returns how many there were. */
  seek(key: Data, count: number): number | Promise<number>;
  /** Compacts everything. */
  compact?(): void | Promise<unknown>;
  /** Resolves when background work is done, as far as can be known. */
  settle(): Promise<void>;
  /** Bytes written for each byte put, as the engine says. */
  writeAmplification?(): number;
  /** Closes it. */
  close(): void | Promise<unknown>;
}

/** Options that are alike for all, or what each has chosen by itself. */
export type Settings = "matched" | "defaults";

/** How an engine is opened. */
export interface EngineOptions {
  /** What keys and values are. */
  readonly kind: Kind;
  /** Which options. */
  readonly settings: Settings;
  /** Whether the workload syncs its writes, for engines that have to know that when they are opened. */
  readonly durable: boolean;
  /** What makes keys and values, for batches. */
  readonly data: DataMaker;
}

/** What the file of an engine exports. */
export type OpenEngine = (directory: string, options: EngineOptions) => Promise<Engine>;

/** Bytes of a memtable, where settings are matched. */
export const MATCHED_MEMTABLE_BYTES: number = 4 * 1024 * 1024;
/** Bytes of a cache of blocks or pages, where settings are matched. */
export const MATCHED_CACHE_BYTES: number = 8 * 1024 * 1024;

/** The engines, in the order of the tables. */
export const ENGINES = {
  "leveldb": { title: "LevelDB (C++)", file: "leveldb.cc", hasSettings: true },
  "varve": { title: "Varve", file: "engines/varve.ts", hasSettings: true },
  "classic-level": {
    title: "classic-level",
    file: "engines/classic_level.ts",
    hasSettings: true,
  },
  "lmdb": { title: "lmdb", file: "engines/lmdb.ts", hasSettings: false },
  "sqlite": { title: "node:sqlite", file: "engines/sqlite.ts", hasSettings: true },
  "deno-kv": { title: "Deno.Kv", file: "engines/deno_kv.ts", hasSettings: false },
} as const;

/** The name of an engine. */
export type EngineName = keyof typeof ENGINES;
