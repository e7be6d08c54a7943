/**
 * **What.** An [abstract-level](https://github.com/Level/abstract-level) database over the same engine, for programs
 * that were written for `classic-level`, and for packages that take such a database. The files are the same: a
 * directory that either has made opens in the other.
 *
 * ```ts
 * import { VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * const location = await Deno.makeTempDir(); // "./db", say
 * const db = new VarveLevel<string, number>(location, { valueEncoding: "json" });
 * await db.put("a", 1);
 * await db.batch([{ type: "put", key: "b", value: 2 }]);
 * assertEquals(await db.get("a"), 1);
 * for await (const [key, value] of db.iterator({ gt: "a" })) {
 *   assertEquals([key, value], ["b", 2]);
 * }
 * await db.close();
 * await VarveLevel.destroy(location);
 * ```
 *
 * A program moves by one line: `import { ClassicLevel } from "@varve/varve/level"` is the same class, and the types of
 * `classic-level` are there by their names. What is different:
 *
 * - It needs no native addon, so no `--allow-ffi`; only to read and write the directory.
 * - A key has at most 64 KiB, a value at most 1 GiB; longer ones are refused with a `VarveError`, `TOO_LARGE`.
 * - A database is made in a directory that is not there or empty, not among the files of somebody else.
 * - Reading is done on the caller's thread. A long iteration gives way to the event loop every few milliseconds.
 * - `multithreading` is ignored, `repair()` refuses a database that is open, and `getProperty("leveldb.stats")` counts
 *   the work of compactions together, not by level.
 *
 * As in `classic-level`, a write that was awaited survives the death of the process, and only with `{ sync: true }` a
 * power cut. `new VarveLevel(location, { sync: true })` makes that the default.
 *
 * **Invariants.**
 * 1. What abstract-level's own tests ask for, holds, with nothing left out that `classic-level` supports.
 * 2. Keys of sublevels are where `classic-level` and {@linkcode Store.sublevel} have them.
 * 3. Errors have the codes that `classic-level` gives them.
 * 4. `close()` waits for what was asked for before.
 *
 * **Read next.** `kv.ts`
 *
 * @module
 */
import {
  type AbstractClearOptions,
  type AbstractDatabaseOptions,
  AbstractLevel,
  type Transcoder,
} from "abstract-level";
import { denoFileSystem } from "./deno_file_system.ts";
import { destroyDatabase, type DestroyOptions } from "./destroy.ts";
import { LevelError, levelError, translated, unlessMissing } from "./level_errors.ts";
import type { LevelData } from "./level_formats.ts";
import {
  levelBounds,
  LevelIterator,
  type LevelIteratorOptions,
  LevelKeyIterator,
  type LevelSource,
  LevelValueIterator,
  walkEntries,
  walkKeys,
  walkValues,
} from "./level_iterators.ts";
import {
  type BatchOperation,
  type BatchOptions,
  type ChainedBatch,
  type DelOptions,
  type GetManyOptions,
  type GetOptions,
  type HasManyOptions,
  type HasOptions,
  type Iterator,
  type IteratorOptions,
  type KeyIterator,
  type KeyIteratorOptions,
  type PutOptions,
  type StartEndOptions,
  storeWriteOptions,
  type ValueIterator,
  type ValueIteratorOptions,
  type WriteOptions,
} from "./level_operations.ts";
import {
  checkLocation,
  type OpenOptions,
  ownOptions,
  type VarveLevelOptions,
} from "./level_options.ts";
import { levelProperty } from "./level_properties.ts";
import {
  LevelChainedBatch,
  LevelSnapshot,
  MANIFEST,
  OpenLevel,
  type PrivateOperation,
  type PrivateOptions,
} from "./level_session.ts";
import { repairDatabase, type RepairOptions } from "./repair.ts";

export type {
  AdditionalIteratorOptions,
  BatchOperation,
  BatchOptions,
  ChainedBatch,
  ChainedBatchWriteOptions,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasManyOptions,
  HasOptions,
  Iterator,
  IteratorOptions,
  KeyIterator,
  KeyIteratorOptions,
  PutOptions,
  ReadOptions,
  Snapshot,
  StartEndOptions,
  ValueIterator,
  ValueIteratorOptions,
  WriteOptions,
} from "./level_operations.ts";
export type {
  DatabaseOptions,
  LevelDBOptions,
  OpenOptions,
  OwnOptions,
  VarveLevelOptions,
} from "./level_options.ts";

/**
 * An abstract-level database in a directory. It opens by itself; what is asked of it before waits for that.
 *
 * Errors have a `code`, such as `LEVEL_DATABASE_NOT_OPEN`, with the reason as their `cause`: `LEVEL_LOCKED` if another
 * handle has the directory open, `LEVEL_CORRUPTION` or `LEVEL_IO_ERROR`.
 *
 * @example Sublevels, and a batch across two of them
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("library", { fileSystem: new MemoryFileSystem() });
 * const books = db.sublevel<string, { title: string }>("books", { valueEncoding: "json" });
 * const titles = db.sublevel("titles");
 * await db.batch([
 *   { type: "put", sublevel: books, key: "1", value: { title: "Ulysses" } as never },
 *   { type: "put", sublevel: titles, key: "Ulysses", value: "1" },
 * ]);
 * assertEquals(await books.get((await titles.get("Ulysses"))!), { title: "Ulysses" });
 * ```
 *
 * @typeParam KDefault What keys are, unless an operation has an encoding of its own.
 * @typeParam VDefault What values are, unless an operation has an encoding of its own.
 * @category Level
 */
export class VarveLevel<KDefault = string, VDefault = string>
  extends AbstractLevel<string | Uint8Array, KDefault, VDefault> {
  readonly #location: string;
  #open: OpenLevel | undefined;

  /**
   * Makes a database, which opens in a moment.
   *
   * @param location The directory; it is made if it is missing, with those above it.
   * @param options How to open it, and how keys and values are encoded.
   * @throws {TypeError} If the location is no string, or an empty one.
   */
  constructor(location: string, options?: VarveLevelOptions<KDefault, VDefault>) {
    checkLocation(location);
    super(MANIFEST, options as AbstractDatabaseOptions<KDefault, VDefault>);
    this.#location = location;
  }

  /** The directory, as it was given. */
  get location(): string {
    return this.#location;
  }

  /**
   * About how many bytes on disk a range takes. What was written last may not count yet.
   *
   * @param start The first key.
   * @param end The first key after the range.
   * @param options How the two are encoded.
   * @returns The number of bytes.
   * @throws {TypeError} If one of the two is missing.
   */
  // deno-lint-ignore require-await -- async so that errors reject instead of throwing
  async approximateSize<K = KDefault>(
    start: K,
    end: K,
    options?: StartEndOptions<K>,
  ): Promise<number> {
    if (arguments.length < 2) throw new TypeError("The arguments 'start' and 'end' are required");
    if (this.status === "opening") {
      return this.deferAsync(() => this.approximateSize(start, end, options));
    }
    const { engine } = this.#opened("approximateSize()");
    const [gte, lt] = this.#encoded([start, end], options);
    try {
      return engine.approximateBytes(levelBounds({ gte, lt }));
    } catch (error) {
      throw levelError(error);
    }
  }

  /**
   * Compacts a range: drops hidden versions and tombstones, and makes reads cheap.
   *
   * @param start The first key.
   * @param end The last key.
   * @param options How the two are encoded.
   * @throws {TypeError} If one of the two is missing.
   */
  async compactRange<K = KDefault>(
    start: K,
    end: K,
    options?: StartEndOptions<K>,
  ): Promise<void> {
    if (arguments.length < 2) throw new TypeError("The arguments 'start' and 'end' are required");
    if (this.status === "opening") {
      return this.deferAsync(() => this.compactRange(start, end, options));
    }
    const open = this.#opened("compactRange()");
    const [gte, lte] = this.#encoded([start, end], options);
    const { lower, upper } = levelBounds({ gte, lte });
    await translated(open.track(open.engine.compact(lower?.key, upper?.key, undefined)));
  }

  /**
   * What LevelDB tells of itself under a name: `leveldb.stats`, `leveldb.sstables`, `leveldb.num-files-at-level0` and
   * further levels, `leveldb.approximate-memory-usage`.
   *
   * @param property The name.
   * @returns The text; empty if there is no such property.
   * @throws {TypeError} If the name is no string.
   */
  getProperty(property: string): string {
    if (typeof property !== "string") {
      throw new TypeError("The first argument 'property' must be a string");
    }
    const { engine, db } = this.#opened("getProperty()");
    return levelProperty(property, db.stats(), engine.tree.version);
  }

  /**
   * Removes a database's files, and the directory if nothing else is in it. It does nothing if there is no database.
   *
   * @param location The directory. The database must not be open.
   * @param options On which disk.
   * @throws {TypeError} If the location is no string, or an empty one.
   */
  static async destroy(location: string, options: DestroyOptions = {}): Promise<void> {
    checkLocation(location);
    await unlessMissing(() => destroyDatabase(location, options, denoFileSystem));
  }

  /**
   * Makes a database that opens again of what can still be read. What cannot is moved to the directory `lost` in it;
   * `repair()` of `@varve/varve` says what that is. It does nothing if there is no database.
   *
   * @param location The directory. The database must not be open.
   * @param options How to repair it.
   * @throws {TypeError} If the location is no string, or an empty one.
   */
  static async repair(location: string, options: RepairOptions = {}): Promise<void> {
    checkLocation(location);
    await unlessMissing(() => repairDatabase(location, options, denoFileSystem));
  }

  #encoded<K>(keys: [K, K], options: StartEndOptions<K> | undefined): [LevelData, LevelData] {
    const encoding = options?.keyEncoding as Transcoder.MixedEncoding<K, unknown, K>;
    const { encode } = this.keyEncoding(encoding);
    return [encode(keys[0]), encode(keys[1])];
  }

  /** What there is only of an open database. */
  #opened(action: string): OpenLevel {
    if (this.status === "open" && this.#open !== undefined) return this.#open;
    throw new LevelError(
      "LEVEL_DATABASE_NOT_OPEN",
      `Database is not open: cannot call ${action}: ${this.#location}`,
    );
  }

  // ——— What abstract-level asks for: arguments are checked and encoded, and the database is open ———

  /** {@inheritDoc} */
  private _open(options: Record<string, unknown>): Promise<void> {
    return translated((async () => {
      this.#open = await new OpenLevel(this.#location, ownOptions(options));
    })());
  }

  /** {@inheritDoc} */
  private async _close(): Promise<void> {
    const open = this.#open;
    // Also if closing fails: what can be given back has been, and a second close has nothing to do.
    this.#open = undefined;
    if (open !== undefined) await translated(open.close());
  }

  /** {@inheritDoc} */
  private _getSync(key: LevelData, options: PrivateOptions): LevelData | undefined {
    try {
      const open = this.#state();
      return open.get(key, options, open.sequence(options.snapshot));
    } catch (error) {
      throw levelError(error);
    }
  }

  /** {@inheritDoc} */
  private _get(
    key: LevelData,
    options: PrivateOptions,
  ): LevelData | undefined | Promise<LevelData | undefined> {
    return this.#inTurn(this._getSync(key, options));
  }

  /** {@inheritDoc} */
  private _getMany(
    keys: LevelData[],
    options: PrivateOptions,
  ): (LevelData | undefined)[] | Promise<(LevelData | undefined)[]> {
    return this.#inTurn(keys.map((key) => this._getSync(key, options)));
  }

  /** {@inheritDoc} */
  private _has(key: LevelData, options: PrivateOptions): boolean | Promise<boolean> {
    return this.#inTurn(this.#has(key, options));
  }

  /** {@inheritDoc} */
  private _hasMany(keys: LevelData[], options: PrivateOptions): boolean[] | Promise<boolean[]> {
    return this.#inTurn(keys.map((key) => this.#has(key, options)));
  }

  #has(key: LevelData, options: PrivateOptions): boolean {
    try {
      const open = this.#state();
      const sequence = open.sequence(options.snapshot);
      return options.fillCache === false
        ? open.get(key, options, sequence) !== undefined
        : open.find(key, sequence);
    } catch (error) {
      throw levelError(error);
    }
  }

  /** A result, after the background has had a turn if it waits for one. */
  #inTurn<T>(result: T): T | Promise<T> {
    const turn = this.#state().engine.turn();
    return turn === undefined ? result : turn.then(() => result);
  }

  /** {@inheritDoc} */
  private _put(key: LevelData, value: LevelData, options: PrivateOptions): Promise<void> {
    return translated(this.#state().db.put(key, value, storeWriteOptions(options)));
  }

  /** {@inheritDoc} */
  private _del(key: LevelData, options: PrivateOptions): Promise<void> {
    return translated(this.#state().db.delete(key, storeWriteOptions(options)));
  }

  /** {@inheritDoc} */
  private _batch(operations: PrivateOperation[], options: PrivateOptions): Promise<void> {
    return translated((async () => {
      const batch = this.#state().db.batch();
      for (const { type, key, value } of operations) {
        if (type === "put") batch.put(key, value);
        else batch.delete(key);
      }
      await batch.commit(storeWriteOptions(options));
    })());
  }

  /** {@inheritDoc} */
  private _chainedBatch(): LevelChainedBatch<this> {
    try {
      return new LevelChainedBatch(this, this.#state());
    } catch (error) {
      throw levelError(error);
    }
  }

  /** {@inheritDoc} */
  private _clear(options: LevelIteratorOptions & PrivateOptions): Promise<void> {
    const open = this.#state();
    return translated(open.track(open.clear(options)));
  }

  /** {@inheritDoc} */
  private _iterator(options: LevelIteratorOptions & PrivateOptions): LevelIterator<this> {
    return new LevelIterator(this, options, this.#walk(walkEntries, options));
  }

  /** {@inheritDoc} */
  private _keys(options: LevelIteratorOptions & PrivateOptions): LevelKeyIterator<this> {
    return new LevelKeyIterator(this, options, this.#walk(walkKeys, options));
  }

  /** {@inheritDoc} */
  private _values(options: LevelIteratorOptions & PrivateOptions): LevelValueIterator<this> {
    return new LevelValueIterator(this, options, this.#walk(walkValues, options));
  }

  #walk<W>(
    start: (source: LevelSource, options: LevelIteratorOptions) => W,
    options: LevelIteratorOptions & PrivateOptions,
  ): W {
    try {
      return start(this.#state().source(options.snapshot), options);
    } catch (error) {
      throw levelError(error);
    }
  }

  /** {@inheritDoc} */
  private _snapshot(options: unknown): LevelSnapshot {
    const { engine } = this.#state();
    return new LevelSnapshot(options, engine);
  }

  #state(): OpenLevel {
    if (this.#open !== undefined) return this.#open;
    throw new LevelError("LEVEL_DATABASE_NOT_OPEN", "Database is not open");
  }
}

/**
 * The methods of abstract-level that take more options here than there, all of which `classic-level` has as well. They
 * do what they do in every such database.
 *
 * @example One write that waits for the disk, and reads at a moment before it
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { VarveLevel } from "@varve/varve/level";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = new VarveLevel("shop", { fileSystem: new MemoryFileSystem() });
 * await db.put("stock", "7");
 * await using before = db.snapshot();
 * await db.put("stock", "6", { sync: true });
 * assertEquals(await db.get("stock", { snapshot: before }), "7");
 * assertEquals(db.getSync("stock", { fillCache: false }), "6");
 * ```
 *
 * @typeParam KDefault What keys are, unless an operation has an encoding of its own.
 * @typeParam VDefault What values are, unless an operation has an encoding of its own.
 * @category Level
 */
export interface VarveLevel<KDefault = string, VDefault = string> {
  /**
   * Opens the database, which happens by itself if it is not called.
   */
  open(): Promise<void>;
  /** As {@linkcode VarveLevel.open}, with options. */
  open(options: OpenOptions): Promise<void>;
  /**
   * The value of a key.
   *
   * @param key The key.
   * @returns The value, or `undefined` if there is none.
   */
  get(key: KDefault): Promise<VDefault | undefined>;
  /** As {@linkcode VarveLevel.get}, with options. */
  get<K = KDefault, V = VDefault>(
    key: K,
    options: GetOptions<K, V>,
  ): Promise<V | undefined>;
  /**
   * The value of a key, at once; the database must be open.
   *
   * @param key The key.
   * @returns The value, or `undefined` if there is none.
   */
  getSync(key: KDefault): VDefault | undefined;
  /** As {@linkcode VarveLevel.getSync}, with options. */
  getSync<K = KDefault, V = VDefault>(
    key: K,
    options: GetOptions<K, V>,
  ): V | undefined;
  /**
   * The values of several keys, all as of one moment.
   *
   * @param keys The keys.
   * @returns As many values as there are keys; `undefined` for each that is not there.
   */
  getMany(keys: KDefault[]): Promise<(VDefault | undefined)[]>;
  /** As {@linkcode VarveLevel.getMany}, with options. */
  getMany<K = KDefault, V = VDefault>(
    keys: K[],
    options: GetManyOptions<K, V>,
  ): Promise<(V | undefined)[]>;
  /**
   * Whether a key is there.
   *
   * @param key The key.
   * @returns Whether it is there.
   */
  has(key: KDefault): Promise<boolean>;
  /** As {@linkcode VarveLevel.has}, with options. */
  has<K = KDefault>(key: K, options: HasOptions<K>): Promise<boolean>;
  /**
   * Which of several keys are there, all as of one moment.
   *
   * @param keys The keys.
   * @returns For each key whether it is there.
   */
  hasMany(keys: KDefault[]): Promise<boolean[]>;
  /** As {@linkcode VarveLevel.hasMany}, with options. */
  hasMany<K = KDefault>(
    keys: K[],
    options: HasManyOptions<K>,
  ): Promise<boolean[]>;
  /**
   * Sets the value of a key.
   *
   * @param key The key.
   * @param value Its value.
   */
  put(key: KDefault, value: VDefault): Promise<void>;
  /** As {@linkcode VarveLevel.put}, with options. */
  put<K = KDefault, V = VDefault>(
    key: K,
    value: V,
    options: PutOptions<K, V>,
  ): Promise<void>;
  /**
   * Removes a key, if it is there.
   *
   * @param key The key.
   */
  del(key: KDefault): Promise<void>;
  /** As {@linkcode VarveLevel.del}, with options. */
  del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>;
  /**
   * Writes several puts and deletes, all or none.
   *
   * @param operations The puts and deletes.
   */
  batch(operations: BatchOperation<this, KDefault, VDefault>[]): Promise<void>;
  /** As {@linkcode VarveLevel.batch}, with options. */
  batch<K = KDefault, V = VDefault>(
    operations: BatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>;
  /**
   * A batch to be filled step by step, and written with `write()`.
   *
   * @returns The batch, with nothing in it.
   */
  batch(): ChainedBatch<this, KDefault, VDefault>;
  /**
   * The entries in order.
   *
   * @returns The iterator, as of now.
   */
  iterator(): Iterator<this, KDefault, VDefault>;
  /** As {@linkcode VarveLevel.iterator}, with options. */
  iterator<K = KDefault, V = VDefault>(
    options: IteratorOptions<K, V>,
  ): Iterator<this, K, V>;
  /**
   * The keys in order.
   *
   * @returns The iterator, as of now.
   */
  keys(): KeyIterator<this, KDefault>;
  /** As {@linkcode VarveLevel.keys}, with options. */
  keys<K = KDefault>(
    options: KeyIteratorOptions<K>,
  ): KeyIterator<this, K>;
  /**
   * The values in the order of their keys.
   *
   * @returns The iterator, as of now.
   */
  values(): ValueIterator<this, KDefault, VDefault>;
  /** As {@linkcode VarveLevel.values}, with options. */
  values<K = KDefault, V = VDefault>(
    options: ValueIteratorOptions<K, V>,
  ): ValueIterator<this, K, V>;
  /**
   * Removes all entries. It is not atomic: a crash may leave a part of them.
   */
  clear(): Promise<void>;
  /** As {@linkcode VarveLevel.clear}, with options. */
  clear<K = KDefault>(options: AbstractClearOptions<K> & WriteOptions): Promise<void>;
}

export { VarveLevel as ClassicLevel, VarveLevel as Level };
