/**
 * **What.** Reading typed keys and values: a store as it is now, or as it was when a snapshot was taken, one key at
 * a time or a range.
 *
 * **Invariants.**
 * 1. A miss is `undefined`; an empty value is a value.
 * 2. Wrong arguments throw from the synchronous form and reject the promise of the awaited one.
 * 3. A snapshot never changes, and neither does what an iterator walks over.
 *
 * **Read next.** `store.ts`
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
 * for what a cursor lends.
 */
export interface Reader<K, V> {
  /** The value of a key, or `undefined`. */
  get(key: K): Promise<V | undefined>;
  /** The value of a key, or `undefined`. */
  getSync(key: K): V | undefined;
  /** The values of several keys, all as of one moment; `undefined` for each that is not there. */
  getMany(keys: readonly K[]): Promise<(V | undefined)[]>;
  /** The values of several keys, all as of one moment; `undefined` for each that is not there. */
  getManySync(keys: readonly K[]): (V | undefined)[];
  /** Whether a key is there. */
  has(key: K): Promise<boolean>;
  /** Whether a key is there. */
  hasSync(key: K): boolean;
  /** The entries of a range in order, as of the moment of the call. */
  entries(range?: RangeOptions<K>): AsyncIteratorObject<[K, V], undefined>;
  /** The keys of a range in order, as of the moment of the call. */
  keys(range?: RangeOptions<K>): AsyncIteratorObject<K, undefined>;
  /** The values of a range in the order of their keys, as of the moment of the call. */
  values(range?: RangeOptions<K>): AsyncIteratorObject<V, undefined>;
  /** The entries of a range in order, as of the moment of the call. */
  entriesSync(range?: RangeOptions<K>): IteratorObject<[K, V], undefined>;
  /** The keys of a range in order, as of the moment of the call. */
  keysSync(range?: RangeOptions<K>): IteratorObject<K, undefined>;
  /** The values of a range in the order of their keys, as of the moment of the call. */
  valuesSync(range?: RangeOptions<K>): IteratorObject<V, undefined>;
  /**
   * A cursor over a range, as of the moment of the call: moved forward and back without an allocation for each entry.
   * It lends what it shows until the next move, and is to be closed, with `using` say.
   */
  cursorSync(range?: CursorOptions<K>): RangeCursor<K, V>;
}

/** A moment of a store, readable until it is disposed of. */
export interface Snapshot<K, V> extends Reader<K, V>, Disposable {
  /** Writes after this one are not seen. */
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
