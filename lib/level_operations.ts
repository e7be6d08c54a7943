/**
 * **What.** What operations take and give, by the names that `classic-level` has for it: a program that imports these
 * types from there imports them from here. And how the options of a write become ours.
 *
 * **Invariants.**
 * 1. A type takes what the one of `classic-level` takes, `undefined` for "as if it were not there" included.
 *
 * **Read next.** `level_formats.ts`
 *
 * @module
 */
import type {
  AbstractBatchOperation,
  AbstractBatchOptions,
  AbstractChainedBatch,
  AbstractChainedBatchWriteOptions,
  AbstractDelOptions,
  AbstractGetManyOptions,
  AbstractGetOptions,
  AbstractHasManyOptions,
  AbstractHasOptions,
  AbstractIterator,
  AbstractIteratorOptions,
  AbstractKeyIterator,
  AbstractKeyIteratorOptions,
  AbstractPutOptions,
  AbstractSnapshot,
  AbstractValueIterator,
  AbstractValueIteratorOptions,
  Transcoder,
} from "abstract-level";
import type { WriteOptions as StoreWriteOptions } from "./options.ts";

// ——— Reading ———

/**
 * What every read may say in addition to abstract-level's options.
 *
 * @example A look at many values that are not needed again
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type ReadOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const once: ReadOptions = { fillCache: false };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * assertEquals(await db.get("key", once), "value");
 * ```
 *
 * @category Level
 */
export interface ReadOptions {
  /**
   * Whether blocks that are read stay in memory.
   *
   * @default {true}
   */
  fillCache?: boolean | undefined;
}

/**
 * Options of {@linkcode VarveLevel.get} and `getSync()`.
 *
 * @example A value in another form
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type GetOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const asBytes: GetOptions<string, Uint8Array> = { valueEncoding: "view" };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "A");
 * assertEquals(await db.get("key", asBytes), Uint8Array.of(65));
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export interface GetOptions<K, V> extends AbstractGetOptions<K, V>, ReadOptions {}

/**
 * Options of {@linkcode VarveLevel.getMany}.
 *
 * @example Values as they were
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type GetManyOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("a", "1");
 * await using snapshot = db.snapshot();
 * await db.del("a");
 * const before: GetManyOptions<string, string> = { snapshot };
 * assertEquals(await db.getMany(["a", "b"], before), ["1", undefined]);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export interface GetManyOptions<K, V> extends AbstractGetManyOptions<K, V>, ReadOptions {}

/**
 * Options of {@linkcode VarveLevel.has}.
 *
 * @example A key given as bytes
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type HasOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const byBytes: HasOptions<Uint8Array> = { keyEncoding: "view" };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("A", "1");
 * assertEquals(await db.has(Uint8Array.of(65), byBytes), true);
 * ```
 *
 * @typeParam K What keys are.
 * @category Level
 */
export interface HasOptions<K> extends AbstractHasOptions<K>, ReadOptions {}

/**
 * Options of {@linkcode VarveLevel.hasMany}.
 *
 * @example Without a trace in memory
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type HasManyOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const once: HasManyOptions<string> = { fillCache: false };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("a", "1");
 * assertEquals(await db.hasMany(["a", "b"], once), [true, false]);
 * ```
 *
 * @typeParam K What keys are.
 * @category Level
 */
export interface HasManyOptions<K> extends AbstractHasManyOptions<K>, ReadOptions {}

/**
 * How the ends of a range are encoded.
 *
 * @example A range of bytes in a database of strings
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type StartEndOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: StartEndOptions<Uint8Array> = { keyEncoding: "view" };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * const size = await db.approximateSize(Uint8Array.of(0), Uint8Array.of(255), options);
 * assertEquals(size, 0); // nothing is in a table yet
 * ```
 *
 * @typeParam K What the ends are.
 * @category Level
 */
export interface StartEndOptions<K> {
  /** How they are encoded; the database's encoding of keys by default. */
  keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined;
}

/**
 * A moment of a database, to be read later.
 *
 * @example What has changed since
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type Snapshot, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.open();
 * const before: Snapshot = db.snapshot();
 * await db.put("a", "1");
 * assertEquals([await db.has("a"), await db.has("a", { snapshot: before })], [true, false]);
 * await before.close();
 * ```
 *
 * @category Level
 */
export type Snapshot = AbstractSnapshot;

// ——— Iterators ———

/**
 * What an iterator may say in addition to abstract-level's options.
 *
 * @example Many entries at a time
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type AdditionalIteratorOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: AdditionalIteratorOptions = { highWaterMarkBytes: 1024 * 1024 };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch([{ type: "put", key: "a", value: "1" }, { type: "put", key: "b", value: "2" }]);
 * await using keys = db.keys(options);
 * assertEquals(await keys.nextv(1000), ["a", "b"]);
 * ```
 *
 * @category Level
 */
export interface AdditionalIteratorOptions {
  /**
   * Whether blocks that are read stay in memory.
   *
   * @default {false}
   */
  fillCache?: boolean | undefined;
  /**
   * `nextv()` stops when it has read more than so many bytes of keys and values, and gives at least one entry.
   *
   * @default {16 KiB}
   */
  highWaterMarkBytes?: number | undefined;
}

/**
 * Options of {@linkcode VarveLevel.iterator}.
 *
 * @example A part of the entries
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type IteratorOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: IteratorOptions<string, string> = { gt: "a", limit: 1 };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch([{ type: "put", key: "a", value: "1" }, { type: "put", key: "b", value: "2" }]);
 * assertEquals(await db.iterator(options).all(), [["b", "2"]]);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export type IteratorOptions<K, V> = AbstractIteratorOptions<K, V> & AdditionalIteratorOptions;

/**
 * Entries in order.
 *
 * @example The first of the entries
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type Iterator, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("a", "1");
 * await using found: Iterator<typeof db, string, string> = db.iterator();
 * assertEquals(await found.next(), ["a", "1"]);
 * ```
 *
 * @typeParam D The database.
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export type Iterator<D, K, V> = AbstractIterator<D, K, V>;

/**
 * Options of {@linkcode VarveLevel.keys}.
 *
 * @example A part of the keys
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KeyIteratorOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: KeyIteratorOptions<string> = { reverse: true };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch([{ type: "put", key: "a", value: "1" }, { type: "put", key: "b", value: "2" }]);
 * assertEquals(await db.keys(options).all(), ["b", "a"]);
 * ```
 *
 * @typeParam K What keys are.
 * @category Level
 */
export type KeyIteratorOptions<K> = AbstractKeyIteratorOptions<K> & AdditionalIteratorOptions;

/**
 * Keys in order.
 *
 * @example The first of the keys
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KeyIterator, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("a", "1");
 * await using found: KeyIterator<typeof db, string> = db.keys();
 * assertEquals(await found.next(), "a");
 * ```
 *
 * @typeParam D The database.
 * @typeParam K What keys are.
 * @category Level
 */
export type KeyIterator<D, K> = AbstractKeyIterator<D, K>;

/**
 * Options of {@linkcode VarveLevel.values}.
 *
 * @example A part of the values
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type ValueIteratorOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ValueIteratorOptions<string, string> = { lte: "a" };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch([{ type: "put", key: "a", value: "1" }, { type: "put", key: "b", value: "2" }]);
 * assertEquals(await db.values(options).all(), ["1"]);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export type ValueIteratorOptions<K, V> =
  & AbstractValueIteratorOptions<K, V>
  & AdditionalIteratorOptions;

/**
 * Values in the order of their keys.
 *
 * @example The first of the values
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type ValueIterator, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("a", "1");
 * await using found: ValueIterator<typeof db, string, string> = db.values();
 * assertEquals(await found.next(), "1");
 * ```
 *
 * @typeParam D The database.
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export type ValueIterator<D, K, V> = AbstractValueIterator<D, K, V>;

// ——— Writing ———

/**
 * What every write may say in addition to abstract-level's options.
 *
 * @example A write that survives a power cut
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type WriteOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const durable: WriteOptions = { sync: true };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("order", "paid", durable);
 * assertEquals(await db.get("order"), "paid");
 * ```
 *
 * @category Level
 */
export interface WriteOptions {
  /**
   * Whether it waits until it is on disk.
   *
   * @default {false, or as the database was told}
   */
  sync?: boolean | undefined;
}

/**
 * Options of {@linkcode VarveLevel.put}.
 *
 * @example A value in another form
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type PutOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const asJson: PutOptions<string, number[]> = { valueEncoding: "json", sync: true };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", [1, 2], asJson);
 * assertEquals(await db.get("key"), "[1,2]");
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions {}

/**
 * Options of {@linkcode VarveLevel.del}.
 *
 * @example A key given as bytes
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type DelOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const byBytes: DelOptions<Uint8Array> = { keyEncoding: "view" };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("A", "1");
 * await db.del(Uint8Array.of(65), byBytes);
 * assertEquals(await db.has("A"), false);
 * ```
 *
 * @typeParam K What keys are.
 * @category Level
 */
export interface DelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}

/**
 * Options of {@linkcode VarveLevel.batch}.
 *
 * @example A batch that survives a power cut
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type BatchOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const durable: BatchOptions<string, string> = { sync: true };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch([{ type: "put", key: "a", value: "1" }], durable);
 * assertEquals(await db.get("a"), "1");
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, WriteOptions {}

/**
 * One of the writes of a batch.
 *
 * @example A list of them
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type BatchOperation, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * const operations: BatchOperation<typeof db, string, string>[] = [
 *   { type: "put", key: "a", value: "1" },
 *   { type: "del", key: "b" },
 * ];
 * await db.batch(operations);
 * assertEquals(await db.keys().all(), ["a"]);
 * ```
 *
 * @typeParam D The database.
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export type BatchOperation<D, K, V> = AbstractBatchOperation<D, K, V>;

/**
 * Options of {@linkcode ChainedBatch.write}.
 *
 * @example A batch that survives a power cut
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type ChainedBatchWriteOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const durable: ChainedBatchWriteOptions = { sync: true };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.open();
 * await db.batch().put("a", "1").write(durable);
 * assertEquals(await db.get("a"), "1");
 * ```
 *
 * @category Level
 */
export interface ChainedBatchWriteOptions extends AbstractChainedBatchWriteOptions, WriteOptions {}

/**
 * A batch that is filled step by step.
 *
 * @example Two puts on disk together
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type ChainedBatch, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.open();
 * const batch: ChainedBatch<typeof db, string, string> = db.batch();
 * await batch.put("a", "1").put("b", "2").write({ sync: true });
 * assertEquals(await db.keys().all(), ["a", "b"]);
 * ```
 *
 * @typeParam D The database.
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export interface ChainedBatch<D, K, V> extends AbstractChainedBatch<D, K, V> {
  /** Writes it, all or nothing. */
  write(): Promise<void>;
  /**
   * The same with options.
   *
   * @param options How.
   */
  write(options: ChainedBatchWriteOptions): Promise<void>;
}

// ——— As options of ours ———

const SYNCED: StoreWriteOptions = Object.freeze({ sync: true });
const UNSYNCED: StoreWriteOptions = Object.freeze({ sync: false });

/**
 * The options of a write, as the store takes them.
 *
 * @example What is not said, the database decides
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { storeWriteOptions } from "./level_operations.ts";
 *
 * assertEquals(storeWriteOptions({}), undefined);
 * assertEquals(storeWriteOptions({ sync: true }), { sync: true });
 * ```
 *
 * @param options What abstract-level hands on.
 * @returns Whether to sync; `undefined` if the database is to decide. The store refuses what is neither true nor false.
 */
export function storeWriteOptions({ sync }: WriteOptions): StoreWriteOptions | undefined {
  if (sync === undefined || sync === null) return undefined;
  return sync === true ? SYNCED : sync === false ? UNSYNCED : { sync };
}
