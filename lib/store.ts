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
import { EMPTY_BYTES } from "./bytes.ts";
import { bytes, type Codec, type KeyCodec, utf8 } from "./codec.ts";
import { GROUP_BYTES_MAX } from "./commit_queue.ts";
import type { Engine } from "./engine.ts";
import { VarveError } from "./errors.ts";
import type { Surroundings } from "./background.ts";
import { EncodedValue, Keyspace } from "./keyspace.ts";
import {
  checkCodec,
  checkRange,
  describe,
  KEY_BYTES_MAX,
  type RangeOptions,
  syncOption,
  VALUE_BYTES_MAX,
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
import { BATCH_HEADER_BYTES, WriteBatch } from "./write_batch.ts";

/** Puts and deletes that are written together or not at all. */
export interface Batch<K, V> {
  /** Adds a put. */
  put(key: K, value: V): this;
  /** Adds a delete. */
  delete(key: K): this;
  /** How many puts and deletes it has. */
  readonly length: number;
  /** Its bytes as written to the log. */
  readonly byteLength: number;
  /** The same batch for the keys and values of another store of the same database. */
  on<SK, SV>(store: Store<SK, SV>): Batch<SK, SV>;
  /** Writes it. A batch is written once. */
  commit(options?: WriteOptions): Promise<void>;
  /** Writes it. A batch is written once. */
  commitSync(options?: WriteOptions): void;
}

/** How keys and values of a sublevel become bytes; strings as UTF-8 unless given. */
export interface SublevelOptions<K, V> {
  /** How keys become bytes. @default {utf8} */
  key?: KeyCodec<K>;
  /** How values become bytes. @default {utf8} */
  value?: Codec<V>;
}

/** What can be read from and written to: a database or a sublevel of it. */
export interface Store<K, V> extends Reader<K, V> {
  /** Sets the value of a key. Resolves when the write is as durable as was asked for. */
  put(key: K, value: V, options?: WriteOptions): Promise<void>;
  /** Sets the value of a key. Returns when the write is as durable as was asked for. */
  putSync(key: K, value: V, options?: WriteOptions): void;
  /** Removes a key, if it is there. Resolves when the write is as durable as was asked for. */
  delete(key: K, options?: WriteOptions): Promise<void>;
  /** Removes a key, if it is there. Returns when the write is as durable as was asked for. */
  deleteSync(key: K, options?: WriteOptions): void;
  /** A batch without anything in it yet. */
  batch(): Batch<K, V>;
  /** The store as it is now, to be disposed of with `using`. */
  snapshot(): Snapshot<K, V>;
  /** A part of the store with keys and values of its own. */
  sublevel<SK = string, SV = string>(
    name: string,
    options?: SublevelOptions<SK, SV>,
  ): Store<SK, SV>;
}

/** An open database. */
export interface Database<K, V> extends Store<K, V>, AsyncDisposable {
  /** The directory it is in. */
  readonly directory: string;
  /** Writes what is in memory to tables. Not needed for durability. */
  flush(): Promise<void>;
  /** Compacts a range, or everything: drops hidden versions and tombstones, and makes reads cheap. */
  compact(range?: Pick<RangeOptions<K>, "gte" | "lt" | "signal">): Promise<void>;
  /** What the database holds and what it has cost. */
  stats(): DatabaseStats;
  /**
   * Tries again what a failure stopped, once its cause is gone: when a full disk has room again, say. Does nothing if
   * nothing failed. Resolves when writes are taken again, with everything that reads can see durable by then, if the
   * log had failed. Rejects with what still fails; then reads go on and writes are refused as before, and it may be
   * called again. After damage (`CORRUPTION`) it always rejects.
   */
  resume(): Promise<void>;
  /**
   * Finishes what was asked for, makes it durable and closes everything. A second call waits for the first. After a
   * failed write or sync of the log it can't make anything durable: `resume()` before it does.
   */
  close(): Promise<void>;
}

/** Whether keys and values are bytes, which are their own encoding: they go from the caller's arrays into a batch. */
function takesBytes<K, V>(keyspace: Keyspace<K, V>): boolean {
  const { key, value, prefix } = keyspace;
  return (key as unknown) === bytes && (value as unknown) === bytes && prefix.length === 0;
}

/**
 * Encodes an entry and adds it to a batch. Codecs are the caller's code and may use the store: so the value comes
 * first, the key goes into the shared lookup after it, and only then the batch is asked for, which a codec may have
 * written or committed.
 *
 * @param context What the stores of the database share.
 * @param keyspace How the entry is encoded.
 * @param key The key.
 * @param value The value.
 * @param target Gives the batch for an entry of so many bytes.
 * @returns The batch.
 */
function addPut<K, V>(
  context: StoreContext,
  keyspace: Keyspace<K, V>,
  key: K,
  value: V,
  target: (bytes: number) => WriteBatch,
): WriteBatch {
  if (takesBytes(keyspace)) {
    const keyBytes = bytes.encode(key as Uint8Array);
    const valueBytes = bytes.encode(value as Uint8Array);
    // Longer ones are refused below.
    if (keyBytes.length <= KEY_BYTES_MAX && valueBytes.length <= VALUE_BYTES_MAX) {
      const batch = target(keyBytes.length + valueBytes.length);
      batch.put(keyBytes, 0, keyBytes.length, valueBytes, 0, valueBytes.length);
      return batch;
    }
  }
  const { engine: { lookup }, spareValues } = context;
  const encodedValue = spareValues.pop() ?? new EncodedValue();
  encodedValue.set(keyspace.value, value);
  const keyEnd = keyspace.encodeKey(key, lookup);
  const keyBuffer = lookup.key;
  const { buffer, start, end } = encodedValue;
  const batch = target(keyEnd + end - start);
  batch.put(keyBuffer, 0, keyEnd, buffer, start, end);
  spareValues.push(encodedValue);
  return batch;
}

/** The same for a delete. */
function addDelete<K, V>(
  context: StoreContext,
  keyspace: Keyspace<K, V>,
  key: K,
  target: (bytes: number) => WriteBatch,
): WriteBatch {
  if (takesBytes(keyspace)) {
    const keyBytes = bytes.encode(key as Uint8Array);
    if (keyBytes.length <= KEY_BYTES_MAX) {
      const batch = target(keyBytes.length);
      batch.delete(keyBytes, 0, keyBytes.length);
      return batch;
    }
  }
  const { lookup } = context.engine;
  const keyEnd = keyspace.encodeKey(key, lookup);
  const keyBuffer = lookup.key;
  const batch = target(keyEnd);
  batch.delete(keyBuffer, 0, keyEnd);
  return batch;
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

/** So many batches are kept to be used again: a batch of a thousand entries costs eight allocations to grow. */
const SPARE_BATCHES_MAX = 4;

/** What a batch and its views of other stores share. */
class BatchState {
  /** How many entries it has, and how many bytes: what is left to know when it is committed. */
  count = 0;
  byteLength = BATCH_HEADER_BYTES;
  readonly #context: StoreContext;
  #batch: WriteBatch | undefined;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#batch = context.spareBatches.pop() ?? new WriteBatch();
  }

  /** The batch to add to or to write. Throws if it is committed already. */
  pending(action: string): WriteBatch {
    if (this.#batch === undefined) {
      throw new VarveError("CLOSED", `Cannot ${action} batch: it is committed already`);
    }
    return this.#batch;
  }

  /** Counts what was added. */
  added(batch: WriteBatch): void {
    this.count = batch.count;
    this.byteLength = batch.byteLength;
  }

  /** Commits the batch, which happens once: `write` writes it or copies it. */
  commit<T>(write: (batch: WriteBatch) => T): T {
    const batch = this.pending("commit");
    this.#batch = undefined;
    try {
      return write(batch);
    } finally {
      batch.clear();
      const { spareBatches } = this.#context;
      if (spareBatches.length < SPARE_BATCHES_MAX) spareBatches.push(batch);
    }
  }
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
