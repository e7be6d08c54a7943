/**
 * **What.** Options of a Level database: abstract-level's, what `classic-level` adds to them, and ours.
 *
 * **Invariants.**
 * 1. These are types alone. What `classic-level` takes, they take.
 *
 * **Read next.** `level_session.ts`
 *
 * @module
 */
import type {
  AbstractChainedBatch,
  AbstractChainedBatchWriteOptions,
  AbstractDatabaseOptions,
  Transcoder,
} from "abstract-level";
import type { LevelDBOptions, OwnOptions } from "./level_options.ts";
import type { WriteOptions } from "./options.ts";

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
    Omit<AbstractDatabaseOptions<K, V>, keyof OwnOptions>,
    LevelDBOptions,
    Omit<OwnOptions, "sync"> {
  /**
   * Whether writes wait until they are on disk, unless they say otherwise.
   *
   * @default {false}
   */
  sync?: boolean;
}

/**
 * What a read may say in addition to abstract-level's options.
 *
 * @example A look at many values that are not needed again
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type LevelReadOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const once: LevelReadOptions = { fillCache: false };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * assertEquals(await db.get("key", once), "value");
 * ```
 *
 * @category Level
 */
export interface LevelReadOptions {
  /**
   * Whether blocks that are read stay in memory.
   *
   * @default {true; false for iterators}
   */
  fillCache?: boolean | undefined;
}

/**
 * What an iterator may say in addition to abstract-level's options.
 *
 * @example Many entries at a time
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type LevelScanOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch([{ type: "put", key: "a", value: "1" }, { type: "put", key: "b", value: "2" }]);
 * const options: LevelScanOptions = { highWaterMarkBytes: 1024 * 1024 };
 * await using keys = db.keys(options);
 * assertEquals(await keys.nextv(1000), ["a", "b"]);
 * ```
 *
 * @category Level
 */
export interface LevelScanOptions extends LevelReadOptions {
  /**
   * `nextv()` stops when it has read more than so many bytes of keys and values, and gives at least one entry.
   *
   * @default {16 KiB}
   */
  highWaterMarkBytes?: number | undefined;
}

/**
 * How the ends of a range are encoded.
 *
 * @example A range of bytes in a database of strings
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type LevelRangeOptions, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const options: LevelRangeOptions<Uint8Array> = { keyEncoding: "view" };
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * const size = await db.approximateSize(Uint8Array.of(0), Uint8Array.of(255), options);
 * assertEquals(size, 0); // nothing is in a table yet
 * ```
 *
 * @typeParam K What the ends are.
 * @category Level
 */
export interface LevelRangeOptions<K> {
  /** How they are encoded; the database's encoding of keys by default. */
  keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined;
}

/**
 * A batch that is filled step by step.
 *
 * @example Two puts on disk together
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type LevelBatch, VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("data", { fileSystem: new MemoryFileSystem() });
 * await db.open();
 * const batch: LevelBatch<typeof db, string, string> = db.batch();
 * await batch.put("a", "1").put("b", "2").write({ sync: true });
 * assertEquals(await db.keys().all(), ["a", "b"]);
 * ```
 *
 * @typeParam D The database.
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Level
 */
export interface LevelBatch<D, K, V> extends AbstractChainedBatch<D, K, V> {
  /** Writes it, all or nothing. */
  write(): Promise<void>;
  /**
   * The same with options.
   *
   * @param options How.
   */
  write(options: AbstractChainedBatchWriteOptions & WriteOptions): Promise<void>;
}
