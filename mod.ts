/**
 * Varve: an embedded, ordered key–value store for Deno. A log-structured merge tree in TypeScript alone, in
 * LevelDB's files.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { openDatabase } from "./lib/database.ts";
import { denoFileSystem } from "./lib/deno_file_system.ts";
import type { OpenOptions } from "./lib/options.ts";
import type { Database } from "./lib/store.ts";

export * from "./lib/codec.ts";
export { CorruptionError, VarveError, type VarveErrorCode } from "./lib/errors.ts";
export { bytewise, type Comparator } from "./lib/comparator.ts";
export type { FileLock, FileSystem, ReadableFile, WritableFile } from "./lib/file_system.ts";
export { MemoryFileSystem } from "./lib/memory_file_system.ts";
export { DenoFileSystem } from "./lib/deno_file_system.ts";
export { type Logger, type LogLevel } from "./lib/logger.ts";
export type { CompressionName, OpenOptions, RangeOptions, WriteOptions } from "./lib/options.ts";
export { type DatabaseStats, writeAmplification } from "./lib/stats.ts";
export type { Batch, Database, Reader, Snapshot, Store, SublevelOptions } from "./lib/store.ts";

/** Opens a database. */
// deno-lint-ignore require-await -- async so that errors reject instead of throwing
export async function open<K = string, V = string>(
  directory: string | URL,
  options: OpenOptions<K, V> = {},
): Promise<Database<K, V>> {
  const path = directory instanceof URL ? fromFileUrl(directory) : directory;
  return openDatabase(path, options, denoFileSystem);
}
