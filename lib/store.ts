/**
 * **What.** Writing typed keys and values, and the store as programs use it: puts and deletes, batches, snapshots and
 * sublevels, each operation awaited or not. It checks and encodes what it is given and leaves the rest to the engine.
 *
 * **Invariants.**
 * 1. Wrong arguments throw from the synchronous form and reject the promise of the awaited one, before anything
 *    is written.
 * 2. A batch is written whole or not at all, across sublevels too, and once.
 *
 * **Read next.** `shell.ts`
 *
 * @module
 */
import type { Surroundings } from "./background.ts";
import { addDelete, addPut, BatchState } from "./batch.ts";
import { EMPTY_BYTES } from "./bytes.ts";
import { type Codec, type KeyCodec, utf8 } from "./codec.ts";
import { GROUP_BYTES_MAX } from "./commit_queue.ts";
import type { Engine } from "./engine.ts";
import { Keyspace } from "./keyspace.ts";
import {
  checkCodec,
  checkRange,
  describe,
  type RangeOptions,
  syncOption,
  type WriteOptions,
} from "./options.ts";
import {
  type Reader,
  type Snapshot,
  type StoreContext,
  StoreReader,
  StoreSnapshot,
} from "./reader.ts";
import type { DatabaseStats } from "./stats.ts";
import { WriteBatch } from "./write_batch.ts";

/**
 * Puts and deletes that are written together or not at all: every reader, and every recovery, sees all of them or none.
 *
 * @example An entry and its index
 * ```ts
 * import { MemoryFileSystem, number, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("people", { key: number, fileSystem: new MemoryFileSystem() });
 * const byName = db.sublevel("by-name", { value: number });
 * const batch = db.batch().put(42, "Ada");
 * batch.on(byName).put("Ada", 42);
 * assertEquals(batch.length, 2);
 * await batch.commit();
 * assertEquals(await db.get((await byName.get("Ada"))!), "Ada");
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Writing
 */
export interface Batch<K, V> {
  /**
   * Adds a put. Of two puts or deletes of one key the later one counts.
   *
   * @param key The key.
   * @param value Its value. Both are encoded at once: changing them later changes nothing.
   * @returns The batch.
   * @throws {VarveError} As every write: see {@linkcode Store}.
   */
  put(key: K, value: V): this;
  /**
   * Adds a delete.
   *
   * @param key The key. It need not be there.
   * @returns The batch.
   * @throws {VarveError} As every write: see {@linkcode Store}.
   */
  delete(key: K): this;
  /** How many puts and deletes it has, those for other stores included. */
  readonly length: number;
  /** Its bytes as written to the log. */
  readonly byteLength: number;
  /**
   * The same batch for the keys and values of another store of the same database.
   *
   * @param store The database, or a sublevel of it.
   * @returns The batch, as one of that store.
   * @throws {TypeError} If the store is of another database.
   */
  on<SK, SV>(store: Store<SK, SV>): Batch<SK, SV>;
  /**
   * Writes it, once, and resolves when the write is as durable as was asked for.
   *
   * @param options How to write it.
   * @throws {VarveError} As every write: see {@linkcode Store}.
   */
  commit(options?: WriteOptions): Promise<void>;
  /** As {@linkcode Batch.commit}, and returns when the write is as durable as was asked for. */
  commitSync(options?: WriteOptions): void;
}

/**
 * How keys and values of a sublevel become bytes.
 *
 * @example Two kinds of things in one database
 * ```ts
 * import { json, MemoryFileSystem, number, open, type SublevelOptions } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("shop", { fileSystem: new MemoryFileSystem() });
 * const options: SublevelOptions<number, string[]> = { key: number, value: json() };
 * const orders = db.sublevel("orders", options);
 * await orders.put(1, ["tea", "milk"]);
 * await db.sublevel("prices", { value: number }).put("tea", 3.5);
 * assertEquals([...orders.entriesSync()], [[1, ["tea", "milk"]]]);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Writing
 */
export interface SublevelOptions<K, V> {
  /** How keys become bytes; strings as UTF-8 by default. */
  key?: KeyCodec<K>;
  /** How values become bytes; strings as UTF-8 by default. */
  value?: Codec<V>;
}

/**
 * What can be read from and written to: a database or a sublevel of it. Every read after a write sees it. Each write is
 * there twice: awaited, so that writers share syncs, and at once. What fails throws from the `Sync` form, before
 * anything is written, and rejects the promise of the other one:
 *
 * - `TypeError` if the codec does not take a key or a value, or an option is unknown or of a wrong type.
 * - {@linkcode VarveError} `TOO_LARGE` if a key, a value or a batch is; `CLOSED`, also of a batch that is committed
 *   already; `READ_ONLY`; `IO` if the disk fails, and after that until {@linkcode Database.resume} has mended it.
 *
 * @example On disk, or quickly
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("order", "paid"); // survives a power cut from here on
 * await db.put("page views", "12", { sync: false }); // survives the death of the process
 * await Promise.all([db.put("a", "1"), db.put("b", "2"), db.delete("page views")]); // share a sync
 * assertEquals(db.stats().writes.syncs, 2);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Writing
 */
export interface Store<K, V> extends Reader<K, V> {
  /**
   * Sets the value of a key, and resolves when the write is as durable as was asked for.
   *
   * @param key The key.
   * @param value Its value.
   * @param options How to write it.
   * @throws {VarveError} As every write: see {@linkcode Store}.
   */
  put(key: K, value: V, options?: WriteOptions): Promise<void>;
  /** As {@linkcode Store.put}, and returns when the write is as durable as was asked for. */
  putSync(key: K, value: V, options?: WriteOptions): void;
  /**
   * Removes a key, if it is there, and resolves when the write is as durable as was asked for.
   *
   * @param key The key.
   * @param options How to write that.
   * @throws {VarveError} As every write: see {@linkcode Store}.
   */
  delete(key: K, options?: WriteOptions): Promise<void>;
  /** As {@linkcode Store.delete}, and returns when the write is as durable as was asked for. */
  deleteSync(key: K, options?: WriteOptions): void;
  /**
   * A batch without anything in it yet.
   *
   * @returns The batch, of which nothing comes unless it is committed.
   * @throws {VarveError} As every write: see {@linkcode Store}.
   */
  batch(): Batch<K, V>;
  /**
   * The store as it is now, to be disposed of with `using`.
   *
   * @returns The snapshot.
   */
  snapshot(): Snapshot<K, V>;
  /**
   * A part of the store with keys and values of its own: those of its keys that begin with `!name!`.
   *
   * @param name One or more of the characters from `#` to `~`.
   * @param options How its keys and values become bytes.
   * @returns The sublevel. It need not be closed.
   * @throws {TypeError} If a codec is not one, or the database is not in the order of {@linkcode bytewise}.
   * @throws {RangeError} If the name has other characters.
   */
  sublevel<SK = string, SV = string>(
    name: string,
    options?: SublevelOptions<SK, SV>,
  ): Store<SK, SV>;
}

/**
 * An open database. `await using` closes it at the end of the block.
 *
 * @example What a compaction drops
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * for (let i = 0; i < 1000; i++) await db.put(`key ${i % 10}`, `value ${i}`, { sync: false });
 * await db.compact(); // all but the last value of each key
 * assertEquals(db.stats().background.droppedEntries, 990);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Opening
 */
export interface Database<K, V> extends Store<K, V>, AsyncDisposable {
  /** The directory it is in, as a path. */
  readonly directory: string;
  /**
   * Writes what is in memory to tables. Not needed for durability, which the log sees to.
   *
   * @throws {VarveError} `CLOSED`; `READ_ONLY`; `IO` or `CORRUPTION` if it failed.
   */
  flush(): Promise<void>;
  /**
   * Compacts a range, or everything: drops hidden versions and tombstones, and makes reads cheap.
   *
   * @param range Which keys. Its signal ends it between two levels.
   * @throws {TypeError} If an option is unknown or of a wrong type.
   * @throws {VarveError} `CLOSED`; `READ_ONLY`; `IO` or `CORRUPTION` if it failed.
   */
  compact(range?: Pick<RangeOptions<K>, "gte" | "lt" | "signal">): Promise<void>;
  /**
   * About how many bytes on disk a range takes. It reads no entries, only the indexes of tables that an end of the
   * range is in. What is still in memory does not count; `flush()` before, and it does.
   *
   * @example How much each part of a database takes
   * ```ts
   * import { assert, assertEquals } from "@std/assert";
   * import { MemoryFileSystem, open } from "@varve/varve";
   *
   * const options = { compression: "none", fileSystem: new MemoryFileSystem() } as const;
   * await using db = await open("mail", options);
   * for (let i = 0; i < 1000; i++) await db.put(`inbox/${i}`, "mail ".repeat(100), { sync: false });
   * for (let i = 0; i < 1000; i++) await db.put(`sent/${i}`, "mail ".repeat(10), { sync: false });
   * assertEquals(await db.approximateBytes(), 0); // nothing is in a table yet
   * await db.flush();
   * const inbox = await db.approximateBytes({ prefix: "inbox/" });
   * assert(inbox > 500_000 && inbox < 600_000);
   * assert(await db.approximateBytes({ prefix: "sent/" }) < 100_000);
   * ```
   *
   * @param range Which keys; all of them by default.
   * @returns The number of bytes, compressed as they are, to within a block at either end.
   * @throws {TypeError} If an option is unknown, of a wrong type, or contradicts another one.
   * @throws {VarveError} `CLOSED`; `IO`, or a {@linkcode CorruptionError} if an index is damaged.
   */
  approximateBytes(
    range?: Pick<RangeOptions<K>, "gt" | "gte" | "lt" | "lte" | "prefix">,
  ): Promise<number>;
  /**
   * What the database holds and what it has cost.
   *
   * @returns The numbers as they are now.
   */
  stats(): DatabaseStats;
  /**
   * Tries again what a failure stopped, once its cause is gone: when a full disk has room again, say. Does nothing if
   * nothing failed. Resolves when writes are taken again, with everything that reads can see durable by then, if the
   * log had failed. If it rejects, reads go on and writes are refused as before, and it may be called again.
   *
   * @throws {VarveError} What still fails. After damage (`CORRUPTION`) it always does.
   */
  resume(): Promise<void>;
  /**
   * Finishes what was asked for, makes it durable and closes everything; what is used after that says `CLOSED`. A
   * second call waits for the first. After a failure of the log nothing is made durable without `resume()`.
   *
   * @throws {VarveError} `IO` if something could not be made durable.
   */
  close(): Promise<void>;
}

/** A keyspace that can be written to. */
class KeyspaceStore<K, V> extends StoreReader<K, V> implements Store<K, V> {
  readonly #single = new WriteBatch();
  // Made once: a put is too cheap to make a function for.
  readonly #toSingle = () => this.#emptySingle();
  readonly #toGroup = (bytes: number) => this.#groupFor(bytes);

  put(key: K, value: V, options?: WriteOptions): Promise<void> {
    try {
      return this.#putAsync(key, value, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  putSync(key: K, value: V, options?: WriteOptions): void {
    const { engine } = this.context;
    const sync = syncOption(options, engine.options.sync);
    engine.assertWritable();
    engine.queue.commitSync(addPut(this.context, this.keyspace, key, value, this.#toSingle), sync);
  }

  delete(key: K, options?: WriteOptions): Promise<void> {
    try {
      const { engine } = this.context;
      const sync = syncOption(options, engine.options.sync);
      engine.assertWritable();
      addDelete(this.context, this.keyspace, key, this.#toGroup);
      return engine.queue.join(sync);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  deleteSync(key: K, options?: WriteOptions): void {
    const { engine } = this.context;
    const sync = syncOption(options, engine.options.sync);
    engine.assertWritable();
    engine.queue.commitSync(addDelete(this.context, this.keyspace, key, this.#toSingle), sync);
  }

  batch(): Batch<K, V> {
    this.context.engine.assertWritable();
    return new StoreBatch<K, V>(this.context, this.keyspace, new BatchState(this.context));
  }

  snapshot(): Snapshot<K, V> {
    return new StoreSnapshot(this.context, this.keyspace);
  }

  sublevel<SK = string, SV = string>(
    name: string,
    options: SublevelOptions<SK, SV> = {},
  ): Store<SK, SV> {
    const { key = utf8 as unknown as KeyCodec<SK>, value = utf8 as unknown as Codec<SV> } = options;
    checkCodec("open sublevel", "key", key);
    checkCodec("open sublevel", "value", value);
    if (!this.keyspace.isBytewise) {
      throw new TypeError("Cannot open sublevel: the database needs the bytewise comparator");
    }
    const prefix = new Uint8Array([...this.keyspace.prefix, ...sublevelPrefix(name)]);
    return new KeyspaceStore(this.context, new Keyspace(key, value, prefix, true));
  }

  /** The batch for a single write, unless that one is being written at this moment. */
  #emptySingle(): WriteBatch {
    this.context.engine.queue.assertIdle();
    this.#single.clear();
    return this.#single;
  }

  /** The batch for writes that are awaited. */
  #groupFor(bytes: number): WriteBatch {
    const { queue, lookup } = this.context.engine;
    // The group before is written first, and a logger that hears of it may read or write: with a key elsewhere.
    if (queue.isFullFor(bytes)) lookup.key = EMPTY_BYTES;
    return queue.gather(bytes);
  }

  #putAsync(key: K, value: V, options: WriteOptions | undefined): Promise<void> {
    const { engine } = this.context;
    const sync = syncOption(options, engine.options.sync);
    engine.assertWritable();
    addPut(this.context, this.keyspace, key, value, this.#toGroup);
    return engine.queue.join(sync);
  }
}

/**
 * A keyspace of its own name begins with `!name!`. The name's characters must sort after the separator, and after
 * the `"` that abstract-level ends a sublevel with.
 */
function sublevelPrefix(name: string): Uint8Array {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot open sublevel: name must be a string, got ${describe(name)}`);
  }
  if (!/^[\x23-\x7e]+$/.test(name)) {
    throw new RangeError(
      `Cannot open sublevel: name must be one or more of the characters from '#' to '~', got ${
        describe(name)
      }`,
    );
  }
  return new TextEncoder().encode(`!${name}!`);
}

class StoreBatch<K, V> implements Batch<K, V> {
  readonly #context: StoreContext;
  readonly #keyspace: Keyspace<K, V>;
  readonly #state: BatchState;
  readonly #toPending = () => this.#state.pending("add to");

  constructor(context: StoreContext, keyspace: Keyspace<K, V>, state: BatchState) {
    this.#context = context;
    this.#keyspace = keyspace;
    this.#state = state;
  }

  get length(): number {
    return this.#state.count;
  }

  get byteLength(): number {
    return this.#state.byteLength;
  }

  put(key: K, value: V): this {
    this.#state.added(addPut(this.#context, this.#keyspace, key, value, this.#toPending));
    return this;
  }

  delete(key: K): this {
    this.#state.added(addDelete(this.#context, this.#keyspace, key, this.#toPending));
    return this;
  }

  on<SK, SV>(store: Store<SK, SV>): Batch<SK, SV> {
    if (!(store instanceof KeyspaceStore) || store.context.engine !== this.#context.engine) {
      throw new TypeError("Cannot add to batch: the store is not one of the same database");
    }
    return new StoreBatch<SK, SV>(this.#context, store.keyspace, this.#state);
  }

  async commit(options?: WriteOptions): Promise<void> {
    const { engine } = this.#context;
    const sync = syncOption(options, engine.options.sync);
    engine.assertWritable();
    await this.#state.commit((batch) => {
      if (batch.count === 0) return undefined;
      if (batch.byteLength > GROUP_BYTES_MAX) return engine.queue.commit(batch, sync);
      engine.queue.gather(batch.byteLength).append(batch);
      return engine.queue.join(sync);
    });
  }

  commitSync(options?: WriteOptions): void {
    const { engine } = this.#context;
    const sync = syncOption(options, engine.options.sync);
    engine.assertWritable();
    engine.queue.assertIdle();
    this.#state.commit((batch) => {
      if (batch.count > 0) engine.queue.commitSync(batch, sync);
    });
  }
}

/** The database itself: the keyspace without a prefix, and what only the whole can do. */
class KeyspaceDatabase<K, V> extends KeyspaceStore<K, V> implements Database<K, V> {
  readonly #engine: Engine;

  constructor(engine: Engine, key: KeyCodec<K>, value: Codec<V>, turns: Surroundings) {
    super(
      { engine, turns, spareBatches: [], spareValues: [] },
      new Keyspace(key, value, EMPTY_BYTES, engine.comparator.isBytewise),
    );
    this.#engine = engine;
  }

  get directory(): string {
    return this.#engine.directory;
  }

  async flush(): Promise<void> {
    this.#engine.assertOpen("flush");
    await this.#engine.flush();
  }

  async compact(range: Pick<RangeOptions<K>, "gte" | "lt" | "signal"> = {}): Promise<void> {
    checkRange(range);
    const engine = this.#engine;
    engine.assertOpen("compact");
    const { lower, upper } = this.keyspace.bounds(range, engine.lookup);
    await engine.compact(lower?.key, upper?.key, range.signal);
  }

  // deno-lint-ignore require-await -- async so that errors reject instead of throwing
  async approximateBytes(
    range: Pick<RangeOptions<K>, "gt" | "gte" | "lt" | "lte" | "prefix"> = {},
  ): Promise<number> {
    checkRange(range);
    const engine = this.#engine;
    const bounds = this.keyspace.bounds(range, engine.lookup);
    engine.assertOpen("measure range"); // after the codec, which is the caller's code
    return engine.approximateBytes(bounds);
  }

  stats(): DatabaseStats {
    this.#engine.assertOpen("read statistics");
    return this.#engine.stats();
  }

  async resume(): Promise<void> {
    this.#engine.assertOpen("resume");
    await this.#engine.resume();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Puts the typed surface on an engine.
 *
 * @param engine The running engine.
 * @param key How keys become bytes.
 * @param value How values become bytes.
 * @param turns How awaited iterators let others work.
 * @returns The database.
 */
export function createDatabase<K, V>(
  engine: Engine,
  key: KeyCodec<K>,
  value: Codec<V>,
  turns: Surroundings,
): Database<K, V> {
  return new KeyspaceDatabase(engine, key, value, turns);
}
