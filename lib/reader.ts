/**
 * **What.** Reading typed keys and values: a store as it is now, or as it was when a snapshot was taken, one key at
 * a time or a range.
 *
 * **Invariants.**
 * 1. A miss is `undefined`; an empty value is a value.
 * 2. Wrong arguments throw from the synchronous form and reject the promise of the awaited one.
 * 3. A snapshot never changes, and neither does what an iterator walks over.
 *
 * **Read next.** `batch.ts`
 *
 * @module
 */
import type { Surroundings } from "./background.ts";
import type { Engine } from "./engine.ts";
import { VarveError } from "./errors.ts";
import { FOUND } from "./internal_key.ts";
import { AsyncRangeIterator, type Part, RangeIterator } from "./iterators.ts";
import type { EncodedValue, Keyspace } from "./keyspace.ts";
import { checkObject, checkRange, describe, type RangeOptions } from "./options.ts";
import { type CursorOptions, type RangeCursor, StoreCursor } from "./range_cursor.ts";
import type { Scan } from "./scan.ts";
import type { EngineSnapshot } from "./snapshots.ts";
import type { WriteBatch } from "./write_batch.ts";

/** What the range of a cursor may say. */
const CURSOR_OPTIONS: ReadonlySet<string> = new Set([
  "gt",
  "gte",
  "lt",
  "lte",
  "prefix",
  "fillPool",
]);

/**
 * What can be read from: a database, a sublevel or a snapshot of either. All that is read belongs to the caller, but
 * for what a cursor lends. A key that is not there is `undefined`; an empty value is a value.
 *
 * Each read is there twice: awaited, so that others get their turn during a long run of reads, and at once. What fails
 * throws at once from the `Sync` form, and rejects the promise of the other one:
 *
 * - `TypeError` if the codec does not take a key, or cannot read what is stored; or if an option of a range is unknown,
 *   of a wrong type, or contradicts another one.
 * - `RangeError` if a limit is not a whole number from 0 on, or `Infinity`.
 * - {@linkcode VarveError} `CLOSED` if the database or snapshot is; `TOO_LARGE` if a key is longer than any can be;
 *   `IO` if the disk fails; a {@linkcode CorruptionError} if what is read is damaged.
 *
 * @example A function that reads whatever it is given
 * ```ts
 * import { MemoryFileSystem, open, type Reader } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * function count(reader: Reader<string, string>, prefix: string): number {
 *   return reader.keysSync({ prefix }).reduce((sum) => sum + 1, 0);
 * }
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch().put("fruit/apple", "").put("fruit/pear", "").put("nut/hazel", "").commit();
 * using before = db.snapshot();
 * await db.delete("fruit/pear");
 * assertEquals([count(db, "fruit/"), count(before, "fruit/")], [1, 2]);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Reading
 */
export interface Reader<K, V> {
  /**
   * The value of a key.
   *
   * @example There, empty, and not there
   * ```ts
   * import { MemoryFileSystem, open } from "@varve/varve";
   * import { assertEquals } from "@std/assert";
   *
   * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
   * await db.batch().put("key", "value").put("empty", "").commit();
   * assertEquals(await db.get("key"), "value");
   * assertEquals(await db.get("empty"), "");
   * assertEquals(await db.get("nowhere"), undefined);
   * ```
   *
   * @param key The key.
   * @returns The value, or `undefined` if there is none.
   * @throws {TypeError} If the codec does not take the key, or cannot read the value.
   * @throws {VarveError} As every read: see {@linkcode Reader}.
   */
  get(key: K): Promise<V | undefined>;
  /**
   * The value of a key, at once.
   *
   * @param key The key.
   * @returns The value, or `undefined` if there is none.
   * @throws {TypeError} If the codec does not take the key, or cannot read the value.
   * @throws {VarveError} As every read: see {@linkcode Reader}.
   */
  getSync(key: K): V | undefined;
  /**
   * The values of several keys, all as of one moment.
   *
   * @example In the order of the keys
   * ```ts
   * import { MemoryFileSystem, open } from "@varve/varve";
   * import { assertEquals } from "@std/assert";
   *
   * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
   * await db.batch().put("a", "1").put("b", "2").commit();
   * assertEquals(await db.getMany(["b", "c", "a"]), ["2", undefined, "1"]);
   * ```
   *
   * @param keys The keys.
   * @returns As many values as there are keys; `undefined` for each that is not there.
   * @throws {TypeError} If the keys are no array, the codec does not take one, or cannot read a value.
   * @throws {VarveError} As every read: see {@linkcode Reader}.
   */
  getMany(keys: readonly K[]): Promise<(V | undefined)[]>;
  /**
   * The values of several keys, all as of one moment, at once.
   *
   * @param keys The keys.
   * @returns As many values as there are keys; `undefined` for each that is not there.
   * @throws {TypeError} If the keys are no array, the codec does not take one, or cannot read a value.
   * @throws {VarveError} As every read: see {@linkcode Reader}.
   */
  getManySync(keys: readonly K[]): (V | undefined)[];
  /**
   * Whether a key is there. Its value is not decoded.
   *
   * @param key The key.
   * @returns Whether it is there.
   * @throws {TypeError} If the codec does not take the key.
   * @throws {VarveError} As every read: see {@linkcode Reader}.
   */
  has(key: K): Promise<boolean>;
  /**
   * Whether a key is there, at once. Its value is not decoded.
   *
   * @param key The key.
   * @returns Whether it is there.
   * @throws {TypeError} If the codec does not take the key.
   * @throws {VarveError} As every read: see {@linkcode Reader}.
   */
  hasSync(key: K): boolean;
  /**
   * The entries of a range in order, as of the moment of the call: what is written meanwhile is not among them.
   *
   * @example A page of entries, and the next one
   * ```ts
   * import { MemoryFileSystem, number, open } from "@varve/varve";
   * import { assertEquals } from "@std/assert";
   *
   * await using db = await open("data", { key: number, fileSystem: new MemoryFileSystem() });
   * for (let i = 1; i <= 5; i++) await db.put(i, `line ${i}`, { sync: false });
   *
   * const page = await Array.fromAsync(db.entries({ limit: 2 }));
   * assertEquals(page, [[1, "line 1"], [2, "line 2"]]);
   * const next = await Array.fromAsync(db.entries({ gt: page.at(-1)![0], limit: 2 }));
   * assertEquals(next, [[3, "line 3"], [4, "line 4"]]);
   * ```
   *
   * @param range Which, and in which order; all of them by default.
   * @returns An iterator, to be gone through to its end, or left by a `break`.
   * @throws {TypeError} If the codec does not take a bound, or an option is unknown or of a wrong type.
   * @throws {RangeError} If the limit is not a whole number from 0 on, or `Infinity`.
   * @throws {VarveError} As every read: see {@linkcode Reader}. Each step may fail as well.
   */
  entries(range?: RangeOptions<K>): AsyncIteratorObject<[K, V], undefined>;
  /**
   * The keys of a range in order, as of the moment of the call. Values are not decoded.
   *
   * @param range Which, and in which order; all of them by default.
   * @returns An iterator, to be gone through to its end, or left by a `break`.
   * @throws {TypeError} If the codec does not take a bound, or an option is unknown or of a wrong type.
   * @throws {RangeError} If the limit is not a whole number from 0 on, or `Infinity`.
   * @throws {VarveError} As every read: see {@linkcode Reader}. Each step may fail as well.
   */
  keys(range?: RangeOptions<K>): AsyncIteratorObject<K, undefined>;
  /**
   * The values of a range in the order of their keys, as of the moment of the call.
   *
   * @param range Which, and in which order; all of them by default.
   * @returns An iterator, to be gone through to its end, or left by a `break`.
   * @throws {TypeError} If the codec does not take a bound, or an option is unknown or of a wrong type.
   * @throws {RangeError} If the limit is not a whole number from 0 on, or `Infinity`.
   * @throws {VarveError} As every read: see {@linkcode Reader}. Each step may fail as well.
   */
  values(range?: RangeOptions<K>): AsyncIteratorObject<V, undefined>;
  /**
   * The entries of a range in order, as of the moment of the call, without promises.
   *
   * @example With the helpers of iterators
   * ```ts
   * import { MemoryFileSystem, number, open } from "@varve/varve";
   * import { assertEquals } from "@std/assert";
   *
   * await using db = await open("stock", { value: number, fileSystem: new MemoryFileSystem() });
   * await db.batch().put("tea", 0).put("milk", 2).put("sugar", 0).commit();
   * const missing = db.entriesSync().filter(([, left]) => left === 0).map(([what]) => what);
   * assertEquals([...missing], ["sugar", "tea"]);
   * ```
   *
   * @param range Which, and in which order; all of them by default.
   * @returns An iterator, to be gone through to its end, or left by a `break`.
   * @throws {TypeError} If the codec does not take a bound, or an option is unknown or of a wrong type.
   * @throws {RangeError} If the limit is not a whole number from 0 on, or `Infinity`.
   * @throws {VarveError} As every read: see {@linkcode Reader}. Each step may fail as well.
   */
  entriesSync(range?: RangeOptions<K>): IteratorObject<[K, V], undefined>;
  /**
   * The keys of a range in order, as of the moment of the call, without promises. Values are not decoded.
   *
   * @param range Which, and in which order; all of them by default.
   * @returns An iterator, to be gone through to its end, or left by a `break`.
   * @throws {TypeError} If the codec does not take a bound, or an option is unknown or of a wrong type.
   * @throws {RangeError} If the limit is not a whole number from 0 on, or `Infinity`.
   * @throws {VarveError} As every read: see {@linkcode Reader}. Each step may fail as well.
   */
  keysSync(range?: RangeOptions<K>): IteratorObject<K, undefined>;
  /**
   * The values of a range in the order of their keys, as of the moment of the call, without promises.
   *
   * @param range Which, and in which order; all of them by default.
   * @returns An iterator, to be gone through to its end, or left by a `break`.
   * @throws {TypeError} If the codec does not take a bound, or an option is unknown or of a wrong type.
   * @throws {RangeError} If the limit is not a whole number from 0 on, or `Infinity`.
   * @throws {VarveError} As every read: see {@linkcode Reader}. Each step may fail as well.
   */
  valuesSync(range?: RangeOptions<K>): IteratorObject<V, undefined>;
  /**
   * A cursor over a range, as of the moment of the call: moved forward and back without an allocation for each entry.
   * It lends what it shows until the next move, and is to be closed, with `using` say.
   *
   * @param range Which entries; all of them by default.
   * @returns The cursor, at no entry yet.
   * @throws {TypeError} If the codec does not take a bound, or an option is unknown or of a wrong type.
   * @throws {VarveError} As every read: see {@linkcode Reader}.
   */
  cursorSync(range?: CursorOptions<K>): RangeCursor<K, V>;
}

/**
 * A moment of a store, readable until it is closed, which `using` does. Versions that it can see are kept on disk until
 * then.
 *
 * @example A copy that nothing is written into
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("accounts", { fileSystem: new MemoryFileSystem() });
 * await db.batch().put("Ada", "70").put("Bob", "30").commit();
 * {
 *   using snapshot = db.snapshot();
 *   await db.batch().put("Ada", "60").put("Bob", "40").commit(); // meanwhile
 *   assertEquals([...snapshot.valuesSync()], ["70", "30"]);
 * }
 * assertEquals([...db.valuesSync()], ["60", "40"]);
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Reading
 */
export interface Snapshot<K, V> extends Reader<K, V>, Disposable {
  /** The sequence number of the last write that it sees: those after it are not seen. */
  readonly sequence: number;
  /** Lets go of the moment: reads fail with `CLOSED` from then on. The same as `using` does. */
  close(): void;
}

/** What all stores of one database share. */
export interface StoreContext {
  /** The engine. */
  readonly engine: Engine;
  /** Room for values being written: more than one only if a codec of keys writes while it encodes one. */
  readonly spareValues: EncodedValue[];
  /** How awaited iterators let others work. */
  readonly turns: Surroundings;
  /** Committed batches, whose memory the next ones use. */
  readonly spareBatches: WriteBatch[];
}

/** Reads of a keyspace, now or at a snapshot. */
export class StoreReader<K, V> implements Reader<K, V> {
  /** What it shares with the other stores of the database. */
  readonly context: StoreContext;
  /** Its keys and values. */
  readonly keyspace: Keyspace<K, V>;
  readonly #engine: Engine;

  /**
   * Reads what is newest.
   *
   * @param context What it shares with the other stores of the database.
   * @param keyspace Its keys and values.
   */
  constructor(context: StoreContext, keyspace: Keyspace<K, V>) {
    this.context = context;
    this.keyspace = keyspace;
    this.#engine = context.engine;
  }

  /** The sequence number to read at; throws if there is nothing to read any more. */
  readSequence(): number {
    this.#engine.assertOpen("read");
    return this.#engine.lastSequence;
  }

  /** {@inheritDoc} */
  getSync(key: K): V | undefined {
    const { lookup } = this.#engine;
    const end = this.keyspace.encodeKey(key, lookup);
    this.#engine.get(end, this.readSequence()); // after the codec, which is the caller's code
    return lookup.outcome === FOUND
      ? this.keyspace.decodeValue(lookup.value, lookup.valueStart, lookup.valueEnd)
      : undefined;
  }

  /** {@inheritDoc} */
  hasSync(key: K): boolean {
    const { lookup } = this.#engine;
    const end = this.keyspace.encodeKey(key, lookup);
    this.#engine.get(end, this.readSequence()); // after the codec, which is the caller's code
    return lookup.outcome === FOUND;
  }

  /** {@inheritDoc} */
  getManySync(keys: readonly K[]): (V | undefined)[] {
    if (!Array.isArray(keys)) {
      throw new TypeError(`Cannot read: keys must be an array, got ${describe(keys)}`);
    }
    return keys.map((key: K) => this.getSync(key));
  }

  /** {@inheritDoc} */
  async get(key: K): Promise<V | undefined> {
    const value = this.getSync(key);
    const turn = this.#engine.turn();
    if (turn !== undefined) await turn;
    return value;
  }

  /** {@inheritDoc} */
  async has(key: K): Promise<boolean> {
    const has = this.hasSync(key);
    const turn = this.#engine.turn();
    if (turn !== undefined) await turn;
    return has;
  }

  /** {@inheritDoc} */
  async getMany(keys: readonly K[]): Promise<(V | undefined)[]> {
    const values = this.getManySync(keys);
    const turn = this.#engine.turn();
    if (turn !== undefined) await turn;
    return values;
  }

  /** {@inheritDoc} */
  entriesSync(range: RangeOptions<K> = {}): RangeIterator<K, V, [K, V]> {
    return this.#iterate("entries", range);
  }

  /** {@inheritDoc} */
  keysSync(range: RangeOptions<K> = {}): RangeIterator<K, V, K> {
    return this.#iterate("keys", range);
  }

  /** {@inheritDoc} */
  valuesSync(range: RangeOptions<K> = {}): RangeIterator<K, V, V> {
    return this.#iterate("values", range);
  }

  /** {@inheritDoc} */
  cursorSync(range: CursorOptions<K> = {}): StoreCursor<K, V> {
    checkObject("open cursor", range, CURSOR_OPTIONS);
    return new StoreCursor(this.#scan(range), this.keyspace, this.#engine.lookup);
  }

  /** {@inheritDoc} */
  entries(range: RangeOptions<K> = {}): AsyncRangeIterator<[K, V]> {
    return this.#iterateAsync("entries", range);
  }

  /** {@inheritDoc} */
  keys(range: RangeOptions<K> = {}): AsyncRangeIterator<K> {
    return this.#iterateAsync("keys", range);
  }

  /** {@inheritDoc} */
  values(range: RangeOptions<K> = {}): AsyncRangeIterator<V> {
    return this.#iterateAsync("values", range);
  }

  #scan(range: RangeOptions<K>): Scan {
    checkRange(range);
    const bounds = this.keyspace.bounds(range, this.#engine.lookup);
    // After the codec, which is the caller's code and may write, or close the database.
    return this.#engine.scan(this.readSequence(), bounds, range.fillPool ?? true);
  }

  #iterate<T>(part: Part, range: RangeOptions<K>): RangeIterator<K, V, T> {
    return new RangeIterator<K, V, T>(this.#scan(range), this.keyspace, part, range);
  }

  #iterateAsync<T>(part: Part, range: RangeOptions<K>): AsyncRangeIterator<T> {
    const source = this.#iterate<T>(part, range);
    return new AsyncRangeIterator<T>(
      source as unknown as RangeIterator<unknown, unknown, T>,
      this.context.turns,
    );
  }
}

/** A keyspace at one moment. */
export class StoreSnapshot<K, V> extends StoreReader<K, V> implements Snapshot<K, V> {
  readonly #snapshot: EngineSnapshot;
  #isClosed = false;

  /**
   * Takes a snapshot.
   *
   * @param context What it shares with the other stores of the database.
   * @param keyspace Its keys and values.
   */
  constructor(context: StoreContext, keyspace: Keyspace<K, V>) {
    super(context, keyspace);
    context.engine.assertOpen("take a snapshot");
    this.#snapshot = context.engine.takeSnapshot();
  }

  /** {@inheritDoc} */
  get sequence(): number {
    return this.#snapshot.sequence;
  }

  /** {@inheritDoc} */
  override readSequence(): number {
    super.readSequence();
    if (this.#isClosed) throw new VarveError("CLOSED", "Cannot read: snapshot is closed");
    return this.#snapshot.sequence;
  }

  /** {@inheritDoc} */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.context.engine.releaseSnapshot(this.#snapshot);
  }

  /** {@inheritDoc} */
  [Symbol.dispose](): void {
    this.close();
  }
}
