/**
 * **What.** Everything that can be chosen when a database is opened or used, its defaults and its limits, and
 * the checks that turn a wrong choice into a clear error before anything is touched.
 *
 * **Invariants.**
 * 1. An unknown option, a wrong type (`TypeError`) or a value out of range (`RangeError`) is refused, naming it.
 *
 * **Read next.** `table_output.ts`
 *
 * @module
 */
import { bytewise, type Comparator } from "./comparator.ts";
import type { Codec, KeyCodec } from "./codec.ts";
import { type DatabaseEvent, type EventListener, unfailingListener } from "./events.ts";
import type { FileSystem } from "./file_system.ts";
import { type Logger, silentLogger, unfailing } from "./logger.ts";

/** The longest key, in bytes, the prefix of a sublevel included: 64 KiB. */
export const KEY_BYTES_MAX: number = 64 * 1024;
/** The longest value, in bytes: 1 GiB. */
export const VALUE_BYTES_MAX: number = 2 ** 30;

/**
 * How tables are compressed.
 *
 * @example What it saves
 * ```ts
 * import { type CompressionName, MemoryFileSystem, open } from "@varve/varve";
 * import { assert } from "@std/assert";
 *
 * async function bytesOnDisk(compression: CompressionName): Promise<number> {
 *   await using db = await open("data", { compression, fileSystem: new MemoryFileSystem() });
 *   await db.put("key", "value ".repeat(1000));
 *   await db.flush();
 *   return db.stats().levels.reduce((sum, { bytes }) => sum + bytes, 0);
 * }
 * const [none, snappy, zstd] = [
 *   await bytesOnDisk("none"),
 *   await bytesOnDisk("snappy"),
 *   await bytesOnDisk("zstd"),
 * ];
 * assert(none > 6000 && snappy < 600 && zstd < 300);
 * ```
 *
 * @category Opening
 */
export type CompressionName = "none" | "snappy" | "zstd";

/**
 * How a write is made.
 *
 * @example One sync for many writes
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * for (let i = 0; i < 100; i++) await db.put(`key ${i}`, "value", { sync: false });
 * await db.put("last", "value"); // with all before it
 * assertEquals(db.stats().writes.syncs, 1);
 * ```
 *
 * @category Writing
 */
export interface WriteOptions {
  /**
   * Whether the write is on disk when it is acknowledged. Without, it survives the death of the process, and a
   * power cut may take it back together with everything written after it.
   *
   * @default {the database's `sync` option, which is true unless set}
   */
  sync?: boolean;
}

/**
 * Which entries, and in which order. All of it may be combined, but for `gt` with `gte` and `lt` with `lte`.
 *
 * @example Part of the keys, from the end
 * ```ts
 * import { MemoryFileSystem, open, type RangeOptions } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("fruit", { fileSystem: new MemoryFileSystem() });
 * for (const fruit of ["apple", "banana", "blueberry", "cherry"]) await db.put(fruit, "");
 * const keys = (range: RangeOptions<string>) => Array.fromAsync(db.keys(range));
 * assertEquals(await keys({ gte: "banana", lt: "cherry" }), ["banana", "blueberry"]);
 * assertEquals(await keys({ prefix: "b" }), ["banana", "blueberry"]);
 * assertEquals(await keys({ reverse: true, limit: 2 }), ["cherry", "blueberry"]);
 * ```
 *
 * @typeParam K What keys are.
 * @category Reading
 */
export interface RangeOptions<K> {
  /** Only keys after this one. */
  gt?: K;
  /** Only this key and those after it. */
  gte?: K;
  /** Only keys before this one. */
  lt?: K;
  /** Only this key and those before it. */
  lte?: K;
  /** Only keys whose encoded form begins with this one's. */
  prefix?: K;
  /**
   * Whether to go from the last key to the first.
   *
   * @default {false}
   */
  reverse?: boolean;
  /**
   * At most this many entries.
   *
   * @default {Infinity}
   */
  limit?: number;
  /** Ends the iteration with the signal's reason when it is aborted. */
  signal?: AbortSignal;
  /**
   * Whether blocks read stay in the buffer pool: false for a scan that would only push others out.
   *
   * @default {true}
   */
  fillPool?: boolean;
}

/**
 * How a database is opened. All of it may be chosen anew each time, but for `key`, `value` and `comparator`: the files
 * are to be read as they were written.
 *
 * @example A database for many writes, little of which matters by itself
 * ```ts
 * import { json, MemoryFileSystem, number, open, type OpenOptions } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const options: OpenOptions<number, { celsius: number }> = {
 *   key: number,
 *   value: json(),
 *   sync: false, // a power cut may take the last ones
 *   memtableBytes: 32 * 1024 * 1024,
 *   compression: ["none", "none", "zstd"], // for levels 0 and 1, and all deeper ones
 *   fileSystem: new MemoryFileSystem(),
 * };
 * await using db = await open("measurements", options);
 * await db.put(1_767_225_600, { celsius: -3 });
 * assertEquals(db.stats().memtable.capacityBytes, 32 * 1024 * 1024);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Opening
 */
export interface OpenOptions<K = string, V = string> {
  /**
   * How keys become bytes.
   *
   * @default {utf8}
   */
  key?: KeyCodec<K>;
  /**
   * How values become bytes.
   *
   * @default {utf8}
   */
  value?: Codec<V>;
  /**
   * Whether to create the database if there is none.
   *
   * @default {true}
   */
  createIfMissing?: boolean;
  /**
   * Whether it is an error if there is one.
   *
   * @default {false}
   */
  errorIfExists?: boolean;
  /**
   * Whether to open it for reading only: nothing in the directory is changed.
   *
   * @default {false}
   */
  readOnly?: boolean;
  /**
   * Whether writes wait until they are on disk, unless they say otherwise.
   *
   * @default {true}
   */
  sync?: boolean;
  /**
   * How many bytes of writes are gathered in memory before they become a table. LevelDB gathers 4 MiB; with twice as
   * many a million random puts write half as many tables, and take two thirds of the time.
   *
   * @default {8 MiB}
   */
  memtableBytes?: number;
  /**
   * How many full memtables may wait to become tables before writes wait for them.
   *
   * @default {2}
   */
  maxImmutableMemtables?: number;
  /**
   * How many bytes of decoded blocks are kept in memory.
   *
   * @default {8 MiB}
   */
  poolBytes?: number;
  /**
   * How the buffer pool chooses what to evict.
   *
   * @default {"sieve"}
   */
  poolPolicy?: "sieve" | "lru";
  /**
   * How many tables are kept open.
   *
   * @default {500}
   */
  maxOpenTables?: number;
  /**
   * About how many bytes of entries are in a block of a table, before compression.
   *
   * @default {4096}
   */
  blockBytes?: number;
  /**
   * Every how many entries a block has a full key.
   *
   * @default {16}
   */
  restartInterval?: number;
  /**
   * About how large a table gets.
   *
   * @default {2 MiB}
   */
  tableBytes?: number;
  /**
   * Bits a key in the Bloom filter of a table; 0 for no filter.
   *
   * @default {10}
   */
  filterBits?: number;
  /**
   * How tables are compressed: one for all, or one for each level, the last for all deeper.
   *
   * @default {"snappy"}
   */
  compression?: CompressionName | readonly CompressionName[];
  /**
   * How many tables of level 0 start a compaction.
   *
   * @default {4}
   */
  levelZeroTables?: number;
  /**
   * How large level 1 may get; each deeper one ten times as large.
   *
   * @default {10 MiB}
   */
  baseLevelBytes?: number;
  /**
   * Whether a table that is searched in vain too often is compacted, as LevelDB does.
   *
   * @default {false}
   */
  seekCompaction?: boolean;
  /**
   * Whether flushes and compactions are done in a worker, beside the caller's thread. It is started for the first that
   * is worth it, and needs permission to read the library's own modules where these are files. It works on Deno's disk
   * and with the order of bytes: with a `fileSystem` or `comparator` of the caller's they are done on his thread, in
   * slices. `true` makes it an error if there can be no worker, `false` starts none.
   *
   * @default {if possible}
   */
  worker?: boolean;
  /**
   * The order of keys, for good.
   *
   * @default {bytewise}
   */
  comparator?: Comparator;
  /**
   * The disk.
   *
   * @default {Deno's}
   */
  fileSystem?: FileSystem;
  /**
   * Who is told what the engine does.
   *
   * @default {nobody}
   */
  logger?: Logger;
  /**
   * Told of every recovery, flush, compaction, stall and failure, by one typed event each.
   *
   * @default {nobody}
   */
  onEvent?: (event: DatabaseEvent) => void;
}

/** The options that the engine on bytes has, all of them set; a compression for each level. */
export type EngineOptions =
  & Readonly<Required<Omit<OpenOptions, "key" | "value" | "compression" | "worker" | "onEvent">>>
  & {
    readonly compression: readonly CompressionName[];
    /** Whether there must be a worker, or must not be one; `undefined` if there may be one. */
    readonly worker: boolean | undefined;
    /** Who is told of events; it never throws. Without one no event is made. */
    readonly onEvent: EventListener | undefined;
  };

const MIB = 1024 * 1024;

/** Default, least and greatest value of every option that is a whole number. */
const NUMBERS = {
  memtableBytes: [8 * MIB, 64 * 1024, 1024 * MIB],
  maxImmutableMemtables: [2, 1, 64],
  poolBytes: [8 * MIB, 0, 2 ** 40],
  maxOpenTables: [500, 1, 100_000],
  blockBytes: [4096, 64, 4 * MIB],
  restartInterval: [16, 1, 1024],
  tableBytes: [2 * MIB, 4096, 2 ** 31],
  filterBits: [10, 0, 64],
  levelZeroTables: [4, 1, 64],
  baseLevelBytes: [10 * MIB, 4096, 2 ** 40],
} as const;

/** Every option that is true or false, and its default. */
const BOOLEANS = {
  createIfMissing: true,
  errorIfExists: false,
  readOnly: false,
  sync: true,
  seekCompaction: false,
} as const;

const COMPRESSIONS: readonly CompressionName[] = ["none", "snappy", "zstd"];
const OBJECTS = [
  "key",
  "value",
  "poolPolicy",
  "compression",
  "worker",
  "comparator",
  "fileSystem",
  "logger",
  "onEvent",
] as const;
const OPEN_OPTIONS: ReadonlySet<string> = new Set([
  ...Object.keys(NUMBERS),
  ...Object.keys(BOOLEANS),
  ...OBJECTS,
]);
const RANGE_OPTIONS: ReadonlySet<string> = new Set(
  ["gt", "gte", "lt", "lte", "prefix", "reverse", "limit", "signal", "fillPool"],
);

/**
 * Names a value for an error message.
 *
 * @param value Anything.
 * @returns What it is, shortly.
 */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "no prototype"})`;
  return typeof value === "function" ? "a function" : `${String(value)} (${typeof value})`;
}

/** Refuses anything but an object, and any property that is not known. */
/**
 * Checks that options are an object of known names.
 *
 * @param action What is being done, for the error.
 * @param value What the caller gave.
 * @param known The names that there are.
 */
export function checkObject(action: string, value: unknown, known: ReadonlySet<string>): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`Cannot ${action}: options must be an object, got ${describe(value)}`);
  }
  for (const name in value) {
    if (!known.has(name)) throw new TypeError(`Cannot ${action}: unknown option "${name}"`);
  }
}

function checkBoolean(action: string, name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`Cannot ${action}: ${name} must be true or false, got ${describe(value)}`);
}

/** Checks that the caller's comparator is one. */
export function checkComparator(action: string, comparator: Comparator): void {
  checkMethods(action, "comparator", comparator, ["compare"]);
  const { name } = comparator;
  if (typeof name === "string" && name !== "") return;
  throw new TypeError(`Cannot ${action}: comparator must have a name, got ${describe(name)}`);
}

/** Checks that the caller's disk is one. */
export function checkFileSystem(action: string, fileSystem: FileSystem): void {
  checkMethods(action, "fileSystem", fileSystem, ["create", "open", "lock", "rename"]);
}

function checkMethods(action: string, name: string, value: unknown, methods: string[]): void {
  for (const method of methods) {
    const member = (value as Record<string, unknown> | null | undefined)?.[method];
    if (typeof member !== "function") {
      throw new TypeError(
        `Cannot ${action}: ${name} must have a method ${method}, got ${describe(value)}`,
      );
    }
  }
}

/**
 * Checks a codec.
 *
 * @param action What is being done, for the error.
 * @param name Which codec, for the error.
 * @param codec The codec.
 * @throws {TypeError} If it is not one, or does not keep order where that is needed.
 */
export function checkCodec(action: string, name: "key" | "value", codec: unknown): void {
  checkMethods(action, `${name} codec`, codec, ["encode", "decode"]);
  if (name === "key" && (codec as Codec<unknown>).ordered !== true) {
    throw new TypeError(`Cannot ${action}: key codec must keep order`);
  }
}

/**
 * Checks the options of a write.
 *
 * @param options What the caller gave.
 * @param fallback The database's default.
 * @returns Whether to sync.
 */
export function syncOption(options: WriteOptions | undefined, fallback: boolean): boolean {
  if (options === undefined) return fallback;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot write: options must be an object, got ${describe(options)}`);
  }
  for (const name in options) {
    if (name !== "sync") throw new TypeError(`Cannot write: unknown option "${name}"`);
  }
  const { sync } = options;
  return sync === undefined ? fallback : checkBoolean("write", "sync", sync);
}

/**
 * Checks the options of a range; its bounds are checked when they are encoded.
 *
 * @param range What the caller gave.
 * @throws {TypeError} If an option is unknown, of a wrong type, or contradicts another.
 * @throws {RangeError} If the limit is not a whole number from 0 on, or `Infinity`.
 */
export function checkRange<K>(range: RangeOptions<K>): void {
  checkObject("iterate", range, RANGE_OPTIONS);
  if (range.gt !== undefined && range.gte !== undefined) {
    throw new TypeError("Cannot iterate: both gt and gte are given");
  }
  if (range.lt !== undefined && range.lte !== undefined) {
    throw new TypeError("Cannot iterate: both lt and lte are given");
  }
  if (range.reverse !== undefined) checkBoolean("iterate", "reverse", range.reverse);
  if (range.fillPool !== undefined) checkBoolean("iterate", "fillPool", range.fillPool);
  const { limit, signal } = range;
  if (limit !== undefined) {
    if (typeof limit !== "number") {
      throw new TypeError(`Cannot iterate: limit must be a number, got ${describe(limit)}`);
    }
    if (!(limit >= 0) || (limit !== Infinity && !Number.isSafeInteger(limit))) {
      throw new RangeError(
        `Cannot iterate: limit must be a whole number from 0 on, or Infinity, got ${limit}`,
      );
    }
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot iterate: signal must be an AbortSignal, got ${describe(signal)}`);
  }
}

/**
 * Checks the options a database is opened with, and fills in the defaults.
 *
 * @param options What the caller gave.
 * @param defaultFileSystem The disk, if the caller names none.
 * @returns The engine's options.
 */
export function engineOptions(
  options: OpenOptions<never, never>,
  defaultFileSystem: FileSystem,
): EngineOptions {
  const action = "open database";
  checkObject(action, options, OPEN_OPTIONS);
  const chosen: Record<string, unknown> = {};
  for (const [name, fallback] of Object.entries(BOOLEANS)) {
    const value = options[name as keyof typeof BOOLEANS];
    chosen[name] = value === undefined ? fallback : checkBoolean(action, name, value);
  }
  for (const [name, [fallback, least, greatest]] of Object.entries(NUMBERS)) {
    const { [name as keyof typeof NUMBERS]: value = fallback as unknown } = options;
    if (typeof value !== "number") {
      throw new TypeError(`Cannot ${action}: ${name} must be a number, got ${describe(value)}`);
    }
    if (!Number.isInteger(value) || value < least || value > greatest) {
      throw new RangeError(
        `Cannot ${action}: ${name} must be a whole number from ${least} to ${greatest}, got ${value}`,
      );
    }
    chosen[name] = value;
  }
  chosen.compression = compressionOption(action, options.compression);
  const { worker } = options;
  chosen.worker = worker === undefined ? undefined : checkBoolean(action, "worker", worker);
  const { poolPolicy = "sieve", comparator = bytewise, fileSystem = defaultFileSystem } = options;
  chosen.poolPolicy = poolPolicy;
  if (poolPolicy !== "sieve" && poolPolicy !== "lru") {
    throw new RangeError(
      `Cannot ${action}: poolPolicy must be "sieve" or "lru", got ${describe(poolPolicy)}`,
    );
  }
  chosen.comparator = comparator;
  checkComparator(action, comparator);
  chosen.fileSystem = fileSystem;
  checkFileSystem(action, fileSystem);
  const { logger = silentLogger } = options;
  checkMethods(action, "logger", logger, ["log"]);
  chosen.logger = logger === silentLogger ? logger : unfailing(logger);
  const { onEvent } = options;
  if (onEvent !== undefined && typeof onEvent !== "function") {
    throw new TypeError(`Cannot ${action}: onEvent must be a function, got ${describe(onEvent)}`);
  }
  chosen.onEvent = onEvent && unfailingListener(onEvent);
  return chosen as unknown as EngineOptions;
}

function compressionOption(action: string, value: unknown = "snappy"): readonly CompressionName[] {
  const names: readonly unknown[] = Array.isArray(value) ? [...value] : [value];
  for (const name of names) {
    if (!COMPRESSIONS.includes(name as CompressionName)) {
      throw new RangeError(
        `Cannot ${action}: compression must be "none", "snappy" or "zstd", got ${describe(name)}`,
      );
    }
  }
  if (names.length === 0) throw new RangeError(`Cannot ${action}: compression must not be empty`);
  return names as readonly CompressionName[];
}
