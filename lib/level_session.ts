/**
 * **What.** A database between opening and closing, as abstract-level's private methods need it: gets, walks, deletes
 * of ranges, snapshots and batches on the engine, in the three forms of keys and values.
 *
 * **Invariants.**
 * 1. A snapshot is read only in the database that it was taken of, and while that is open.
 * 2. Closing waits for what was begun: writes, deletes of ranges and compactions.
 * 3. A read with `fillCache: false` leaves no block in the pool.
 *
 * **Read next.** `level.ts`
 *
 * @module
 */
import { AbstractChainedBatch, AbstractSnapshot } from "abstract-level";
import { EMPTY_BYTES } from "./bytes.ts";
import { openDatabase, webSurroundings } from "./database.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import { denoWorkers } from "./deno_workers.ts";
import type { Engine } from "./engine.ts";
import { VarveError } from "./errors.ts";
import { FOUND } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { Keyspace } from "./keyspace.ts";
import { translated } from "./level_errors.ts";
import { decodeAs, type LevelData, levelData, type LevelFormat } from "./level_formats.ts";
import { levelBounds, type LevelIteratorOptions, type LevelSource } from "./level_iterators.ts";
import { storeWriteOptions } from "./level_operations.ts";
import type { OwnOptions } from "./level_options.ts";
import type { WriteOptions } from "./options.ts";
import { StoreReader } from "./reader.ts";
import type { EngineSnapshot } from "./snapshots.ts";
import type { Batch, Database } from "./store.ts";

/** What abstract-level's private methods are given. */
export interface PrivateOptions {
  /** The form of keys. */
  readonly keyEncoding: LevelFormat;
  /** The form of values. */
  readonly valueEncoding: LevelFormat;
  /** The moment to read at. */
  readonly snapshot?: AbstractSnapshot | null;
  /** Whether blocks that are read stay in the pool. */
  readonly fillCache?: boolean;
  /** Whether a write waits for the disk. */
  readonly sync?: boolean;
}

/** One of the writes of a batch. */
export interface PrivateOperation {
  /** Which of the two. */
  readonly type: "put" | "del";
  /** The key. */
  readonly key: LevelData;
  /** Its value, of a put. */
  readonly value: LevelData;
}

const UNSYNCED: WriteOptions = Object.freeze({ sync: false });
/** What abstract-level is told that the database can do: what `classic-level` can. */
export const MANIFEST = {
  encodings: { buffer: true, utf8: true, view: true },
  has: true,
  createIfMissing: true,
  errorIfExists: true,
  explicitSnapshots: true,
  getSync: true,
  additionalMethods: { approximateSize: true, compactRange: true },
  signals: { iterators: true },
} as const;
/** `clear()` deletes so many bytes at a time: it neither gathers all keys in memory, nor writes each by itself. */
const CLEAR_BATCH_BYTES = 64 * 1024;

/** There is no code of Level's for a database that is not there: programs look for these words. */
function saysNotThere(error: unknown, location: string, options: OwnOptions): unknown {
  if (!(error instanceof VarveError && error.code === "NOT_FOUND")) return error;
  if (options.createIfMissing !== false && options.readOnly !== true) return error;
  const message = `Cannot open database: it does not exist: ${location}`;
  return new VarveError("NOT_FOUND", message, { cause: error });
}

/** The database while it is open, and what is still under way in it. */
export class OpenLevel {
  /** The store on bytes, which takes all three forms. */
  readonly db: Database<LevelData, LevelData>;
  /** Its engine. */
  readonly engine: Engine;
  /** How keys become bytes. */
  readonly keyspace = new Keyspace(levelData, levelData, EMPTY_BYTES, true);
  /** What `close()` waits for beside writes, which the engine sees to. */
  readonly pending = new Set<Promise<unknown>>();

  /**
   * Opens the database.
   *
   * @param location The directory.
   * @param options How.
   */
  constructor(location: string, options: OwnOptions) {
    const codecs = { key: levelData, value: levelData };
    const surroundings = { ...webSurroundings, workers: denoWorkers };
    try {
      this.db = openDatabase(location, { ...options, ...codecs }, denoFileSystem, surroundings);
    } catch (error) {
      throw saysNotThere(error, location, options);
    }
    invariant(this.db instanceof StoreReader, "a database is a reader on an engine");
    this.engine = this.db.context.engine;
  }

  /** What a read looks at, now or at a snapshot of this database. */
  sequence(snapshot: AbstractSnapshot | null | undefined): number {
    this.engine.assertOpen("read");
    return snapshot ? sequenceOf(snapshot, this.engine) : this.engine.lastSequence;
  }

  /** What a walk is over. */
  source(snapshot: AbstractSnapshot | null | undefined): LevelSource {
    const sequence = this.sequence(snapshot);
    return {
      turns: webSurroundings,
      scan: (bounds, fillPool) => this.engine.scan(sequence, bounds, fillPool),
    };
  }

  /** Looks for a key: what is found is in the engine's lookup. */
  find(key: LevelData, sequence: number): boolean {
    const { engine } = this;
    const end = this.keyspace.encodeKey(key, engine.lookup);
    engine.get(end, sequence);
    return engine.lookup.outcome === FOUND;
  }

  /** The value of a key. */
  get(key: LevelData, options: PrivateOptions, sequence: number): LevelData | undefined {
    if (options.fillCache === false) return this.#getOnce(key, options, sequence);
    if (!this.find(key, sequence)) return undefined;
    const { value, valueStart, valueEnd } = this.engine.lookup;
    return decodeAs(options.valueEncoding, value, valueStart, valueEnd);
  }

  /** The same, and leaves nothing in the pool: a scan can do that. */
  #getOnce(key: LevelData, options: PrivateOptions, sequence: number): LevelData | undefined {
    const scan = this.engine.scan(sequence, levelBounds({ gte: key, lte: key }), false);
    try {
      const { cursor } = scan;
      cursor.first();
      return cursor.valid
        ? decodeAs(options.valueEncoding, cursor.valueBuffer, cursor.valueStart, cursor.valueEnd)
        : undefined;
    } finally {
      scan.close();
    }
  }

  /** Deletes a range, in batches. */
  async clear(options: LevelIteratorOptions & PrivateOptions): Promise<void> {
    const { reverse, limit } = options;
    const scan = this.engine.scan(this.sequence(options.snapshot), levelBounds(options), false);
    try {
      const { cursor } = scan;
      let batch = this.db.batch();
      if (reverse) cursor.last();
      else cursor.first();
      for (let left = limit < 0 ? Infinity : limit; left > 0 && cursor.valid; left--) {
        if (batch.byteLength > CLEAR_BATCH_BYTES) {
          await batch.commit(UNSYNCED);
          batch = this.db.batch();
        }
        batch.delete(cursor.keyBuffer.subarray(cursor.keyStart, cursor.keyEnd));
        if (reverse) cursor.previous();
        else cursor.next();
      }
      await batch.commit(storeWriteOptions(options)); // a sync is one of all before it
    } finally {
      scan.close();
    }
  }

  /** Lets `close()` wait for something. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.pending.add(work);
    try {
      return await work;
    } finally {
      this.pending.delete(work);
    }
  }

  /** Waits for what was begun, and closes everything. */
  async close(): Promise<void> {
    while (this.pending.size > 0) await Promise.allSettled(this.pending);
    await this.db.close();
  }
}

/** A moment of an open database. */
export class LevelSnapshot extends AbstractSnapshot {
  /** The engine it is of. */
  readonly engine: Engine;
  /** What keeps the moment readable. */
  readonly moment: EngineSnapshot;

  /**
   * Takes a snapshot.
   *
   * @param options What abstract-level says.
   * @param engine The engine.
   */
  constructor(options: unknown, engine: Engine) {
    // Which database closes the snapshot: the types of abstract-level keep that to themselves.
    super(...[options] as unknown as []);
    this.engine = engine;
    this.moment = engine.takeSnapshot();
  }

  /** {@inheritDoc} */
  _close(): Promise<void> {
    this.engine.releaseSnapshot(this.moment);
    return Promise.resolve();
  }
}

function sequenceOf(snapshot: AbstractSnapshot, engine: Engine): number {
  if (snapshot instanceof LevelSnapshot && snapshot.engine === engine) {
    return snapshot.moment.sequence;
  }
  throw new TypeError("Cannot read: the snapshot is not one of this database");
}

/** A batch on its way into an open database. */
export class LevelChainedBatch<D> extends AbstractChainedBatch<D, unknown, unknown> {
  readonly #state: OpenLevel;
  #batch: Batch<LevelData, LevelData>;

  /**
   * Makes an empty batch.
   *
   * @param db The database.
   * @param state The same, open.
   */
  constructor(db: D, state: OpenLevel) {
    const batch = state.db.batch(); // before the database knows of this one: it may refuse
    super(db);
    this.#state = state;
    this.#batch = batch;
  }

  /** {@inheritDoc} */
  _put(key: LevelData, value: LevelData): void {
    this.#batch.put(key, value);
  }

  /** {@inheritDoc} */
  _del(key: LevelData): void {
    this.#batch.delete(key);
  }

  /** {@inheritDoc} */
  _clear(): void {
    this.#batch = this.#state.db.batch();
  }

  /** {@inheritDoc} */
  _write(options: PrivateOptions): Promise<void> {
    return translated(this.#batch.commit(storeWriteOptions(options)));
  }
}
