/**
 * **What.** The engine as Deno KV needs it: entries with a versionstamp and a time they expire at, commits that are
 * written at once and share syncs, and the versionstamps. What the keys and values mean is left to others.
 *
 * **Format.**
 * ```text
 * 00                     := 01, epoch as 4 bytes         about the database
 * 01 key                 := stamp, expiry, value         an entry
 * 02 expiry, key         :=                              an entry that expires then, or once did
 * 03 …                   := …                            the queue's own
 *
 * stamp  := epoch, number of the commit in it, 4 bytes each
 * expiry := milliseconds since the epoch of Unix, 8 bytes; 0 for never
 * ```
 * All numbers are big-endian. A versionstamp is the stamp in hexadecimal and `0000`: as many digits as the runtime's.
 *
 * **Invariants.**
 * 1. Versionstamps increase strictly, from commit to commit and from one opening to the next, and none is given
 *    twice, whatever a power cut takes: the epoch of an opening is on disk before its first stamp is given.
 * 2. An entry is not read from its expiry on, by anything, and no clock brings it back within one opening.
 * 3. A commit is in the log, and visible, when {@linkcode KvStore.commit} returns; its promise resolves when it is as
 *    durable as was asked for. So what is checked before a commit holds when it is written.
 * 4. A commit removes at most {@linkcode SWEEP_MAX} expired entries beside its own work.
 *
 * **Read next.** `kv_list.ts`
 *
 * @module
 */
import { bytes } from "./codec.ts";
import type { Engine } from "./engine.ts";
import { VarveError } from "./errors.ts";
import { decodeKvKey, encodeKvKeyIn, type KvKey } from "./kv_key.ts";
import { deserializeValue } from "./kv_value.ts";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "./options.ts";
import { createDatabase, type Database } from "./store.ts";
import type { Surroundings } from "./background.ts";
import { WriteBatch } from "./write_batch.ts";

const META_KEY = Uint8Array.of(0);
const META_FORMAT = 1;
const META_BYTES = 5;
/** The first byte of the keys of entries. */
export const ENTRY_SPACE = 0x01;
const EXPIRY_SPACE = 0x02;
const EXPIRY_START = Uint8Array.of(EXPIRY_SPACE);
const EXPIRY_END = Uint8Array.of(EXPIRY_SPACE + 1);
const EXPIRY_KEY_BYTES = 9;
const NO_BYTES = new Uint8Array(0);

/** Where the value begins in an entry. */
const ENTRY_HEADER_BYTES = 16;
const WORD = 2 ** 32;

/** So many expired entries a commit removes at most. */
export const SWEEP_MAX = 16;

/**
 * A clock and timers, for {@linkcode KvOptions.clock}: expiry and the delays of queues are by them.
 *
 * @example An hour passes
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvClock, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * let now = 0;
 * const clock: KvClock = { now: () => now, startTimer: () => () => {} };
 * await using kv = await openKv("sessions", { clock, fileSystem: new MemoryFileSystem() });
 * await kv.set(["session", "a1"], "Ada", { expireIn: 3_600_000 });
 * now = 3_599_999;
 * assertEquals((await kv.get(["session", "a1"])).value, "Ada");
 * now++;
 * assertEquals((await kv.get(["session", "a1"])).value, null);
 * ```
 *
 * @category Deno KV
 */
export interface KvClock {
  /**
   * The time.
   *
   * @returns Milliseconds since the epoch of Unix.
   */
  now(): number;
  /**
   * Starts a timer.
   *
   * @param callback What to call.
   * @param delayMs After how many milliseconds.
   * @returns What stops it.
   */
  startTimer(callback: () => void, delayMs: number): () => void;
}

/** The longest that a timer of the platform can wait; a longer one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The clock of the platform. A timer may fire early if it is to wait for weeks. */
export const systemClock: KvClock = {
  now: () => Date.now(),
  startTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(delayMs, TIMER_MS_MAX));
    return () => clearTimeout(timer);
  },
};

/** What puts and deletes are added to. */
export interface KvBatch {
  /** Adds a put, of bytes of the database. */
  put(key: Uint8Array, value: Uint8Array): unknown;
  /** Adds a delete. */
  delete(key: Uint8Array): unknown;
}

/** Who is told that something was committed. */
export type CommitListener = (keys: readonly Uint8Array[]) => void;

/** An entry as it is stored, and not expired. */
export class StoredEntry {
  /** Its bytes in the database. */
  readonly bytes: Uint8Array;

  /**
   * Looks at an entry.
   *
   * @param bytes Its bytes in the database.
   */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Its versionstamp. */
  get versionstamp(): string {
    return versionstampOf(wordAt(this.bytes, 0), wordAt(this.bytes, 4));
  }

  /** When it expires; 0 for never. */
  get expiresAt(): number {
    return wordAt(this.bytes, 8) * WORD + wordAt(this.bytes, 12);
  }

  /** Its value, a new one each time. */
  get value(): unknown {
    return deserializeValue(this.bytes, ENTRY_HEADER_BYTES);
  }

  /** Its value as bytes, as `serializeValue` gave them. */
  get serialized(): Uint8Array {
    return this.bytes.subarray(ENTRY_HEADER_BYTES);
  }
}

function wordAt(source: Uint8Array, at: number): number {
  return ((source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) |
    source[at + 3]!) >>> 0;
}

function putWord(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function putTime(target: Uint8Array, at: number, time: number): void {
  putWord(target, at, Math.floor(time / WORD));
  putWord(target, at + 4, time % WORD);
}

function versionstampOf(epoch: number, commit: number): string {
  return epoch.toString(16).padStart(8, "0") + commit.toString(16).padStart(8, "0") + "0000";
}

/** A commit that is being put together. */
export class KvCommit implements KvBatch {
  /** Its versionstamp. */
  readonly versionstamp: string;
  /** The keys of the entries that it changes. */
  readonly changed: Uint8Array[] = [];
  /** The earliest time that something in it expires at. */
  firstExpiry: number = Infinity;
  /** What is left to expire after those that it removes; `undefined` if it did not look. */
  sweptTo: number | undefined;
  /** What it writes. */
  readonly batch: WriteBatch;
  readonly #epoch: number;
  readonly #number: number;

  /**
   * Begins a commit.
   *
   * @param batch An empty batch.
   * @param epoch The epoch of its versionstamp.
   * @param number Its number in the epoch.
   */
  constructor(batch: WriteBatch, epoch: number, number: number) {
    this.batch = batch;
    this.#epoch = epoch;
    this.#number = number;
    this.versionstamp = versionstampOf(epoch, number);
  }

  /** The bytes of its versionstamp. */
  get versionstampBytes(): Uint8Array {
    const stamp = new Uint8Array(10);
    putWord(stamp, 0, this.#epoch);
    putWord(stamp, 4, this.#number);
    return stamp;
  }

  /** Sets an entry. The key begins with {@linkcode ENTRY_SPACE}; `expiresAt` is 0 for never. */
  set(key: Uint8Array, serialized: Uint8Array, expiresAt: number): void {
    const entry = new Uint8Array(ENTRY_HEADER_BYTES + serialized.length);
    putWord(entry, 0, this.#epoch);
    putWord(entry, 4, this.#number);
    putTime(entry, 8, expiresAt);
    entry.set(serialized, ENTRY_HEADER_BYTES);
    this.put(key, entry);
    this.changed.push(key);
    if (expiresAt === 0) return;
    this.put(expiryKey(expiresAt, key), NO_BYTES);
    this.firstExpiry = Math.min(this.firstExpiry, expiresAt);
  }

  /** Removes an entry. */
  remove(key: Uint8Array): void {
    this.delete(key);
    this.changed.push(key);
  }

  /** {@inheritDoc} */
  put(key: Uint8Array, value: Uint8Array): void {
    if (key.length > KEY_BYTES_MAX) throw tooLarge("key", key.length, KEY_BYTES_MAX);
    if (value.length > VALUE_BYTES_MAX) throw tooLarge("value", value.length, VALUE_BYTES_MAX);
    this.batch.put(key, 0, key.length, value, 0, value.length);
  }

  /** {@inheritDoc} */
  delete(key: Uint8Array): void {
    if (key.length > KEY_BYTES_MAX) throw tooLarge("key", key.length, KEY_BYTES_MAX);
    this.batch.delete(key, 0, key.length);
  }
}

function tooLarge(what: string, length: number, limit: number): VarveError {
  return new VarveError(
    "TOO_LARGE",
    `Cannot write: ${what} of ${length} bytes is over the limit of ${limit}`,
  );
}

/** The key in the index of what expires: the time, and the entry's key without its first byte. */
function expiryKey(time: number, key: Uint8Array): Uint8Array {
  const indexKey = new Uint8Array(EXPIRY_KEY_BYTES + key.length - 1);
  indexKey[0] = EXPIRY_SPACE;
  putTime(indexKey, 1, time);
  indexKey.set(key.subarray(1), EXPIRY_KEY_BYTES);
  return indexKey;
}

function expiryTime(indexKey: Uint8Array): number {
  return wordAt(indexKey, 1) * WORD + wordAt(indexKey, 5);
}

/** The entry's key that a key in the index is about. */
function indexedKey(indexKey: Uint8Array): Uint8Array {
  const key = indexKey.slice(EXPIRY_KEY_BYTES - 1);
  key[0] = ENTRY_SPACE;
  return key;
}

/** The entries of one database. */
export class KvStore {
  /** The same database, as bytes. */
  readonly database: Database<Uint8Array, Uint8Array>;
  /** What time it is, and timers. */
  readonly clock: KvClock;
  readonly #engine: Engine;
  readonly #listeners = new Set<CommitListener>();
  #epoch = 0;
  #commits = 0;
  /** Nothing in the index of what expires is earlier. */
  #firstExpiry = 0;
  /** The latest time there was. */
  #now = 0;
  #spare: WriteBatch | undefined = new WriteBatch();

  /**
   * Takes possession of a running engine. If it throws, the engine is still the caller's.
   *
   * @param engine The engine, in the order of bytes.
   * @param surroundings How awaited iterators let others work.
   * @param clock What time it is, and timers.
   * @throws {VarveError} `UNSUPPORTED_FORMAT` if what is in the database is not Deno KV's.
   */
  constructor(engine: Engine, surroundings: Surroundings, clock: KvClock) {
    this.#engine = engine;
    this.clock = clock;
    this.database = createDatabase(engine, bytes, bytes, surroundings);
    const meta = this.database.getSync(META_KEY);
    if (meta !== undefined) {
      if (meta[0] !== META_FORMAT || meta.length !== META_BYTES) {
        throw this.#unsupported("its format is of a later version");
      }
      this.#epoch = wordAt(meta, 1);
    } else if (this.database.keysSync({ limit: 1 }).next().done !== true) {
      throw this.#unsupported("it holds a database of something else");
    }
    if (!engine.options.readOnly) this.#beginEpoch();
  }

  #unsupported(why: string): VarveError {
    const { directory } = this.#engine;
    return new VarveError("UNSUPPORTED_FORMAT", `Cannot open Deno KV: ${why}: ${directory}`);
  }

  /** Makes an epoch durable that no stamp was given of: what follows may be lost, and is not given again. */
  #beginEpoch(): void {
    if (this.#epoch === WORD - 1) {
      throw new VarveError("TOO_LARGE", "Cannot write: versionstamps are used up");
    }
    const meta = new Uint8Array(META_BYTES);
    meta[0] = META_FORMAT;
    putWord(meta, 1, this.#epoch + 1);
    this.database.putSync(META_KEY, meta, { sync: true });
    this.#epoch++;
    this.#commits = 0;
  }

  // ——— Reading ———

  /** The time, which never goes back. */
  now(): number {
    return this.#now = Math.max(this.#now, Math.floor(this.clock.now()));
  }

  /** Whether an entry is to be read; `undefined` if there is none. */
  #live(found: Uint8Array | undefined): StoredEntry | undefined {
    if (found === undefined) return undefined;
    if (found.length <= ENTRY_HEADER_BYTES) {
      throw new TypeError("Cannot read entry: its bytes are not what was stored");
    }
    const entry = new StoredEntry(found);
    const { expiresAt } = entry;
    return expiresAt === 0 || expiresAt > this.now() ? entry : undefined;
  }

  /** The entry of a key, at once. The key begins with {@linkcode ENTRY_SPACE}. */
  getSync(key: Uint8Array): StoredEntry | undefined {
    return this.#live(this.database.getSync(key));
  }

  /** The entry of a key. */
  async get(key: Uint8Array): Promise<StoredEntry | undefined> {
    return this.#live(await this.database.get(key));
  }

  /** The entries of some keys, all as of one moment. */
  async getMany(keys: readonly Uint8Array[]): Promise<(StoredEntry | undefined)[]> {
    const found = await this.database.getMany(keys);
    return found.map((entry) => this.#live(entry));
  }

  /** The keys and entries from one key on and up to before another one, as of one moment. */
  *range(
    start: Uint8Array,
    end: Uint8Array,
    reverse: boolean,
  ): Generator<[key: Uint8Array, entry: StoredEntry]> {
    for (const [key, value] of this.database.entriesSync({ gte: start, lt: end, reverse })) {
      const entry = this.#live(value);
      if (entry !== undefined) yield [key, entry];
    }
  }

  /** What a read that is awaited waits for beside its result, now and then: a turn for others. */
  turn(): Promise<void> | undefined {
    return this.#engine.turn();
  }

  // ——— Writing ———

  /** Throws `CLOSED` after the database was closed. */
  assertOpen(action: string): void {
    this.#engine.assertOpen(action);
  }

  /** Throws if a write would be refused. */
  assertWritable(): void {
    this.#engine.assertWritable();
  }

  /** Whether a logger or a listener is being told of other work: what is committed now is written later. */
  get isTelling(): boolean {
    return this.#engine.isTelling;
  }

  /** Begins a commit: to be filled and committed, or forgotten, before anything else is done with the store. */
  begin(): KvCommit {
    this.#engine.assertWritable();
    if (this.#commits === WORD - 1) this.#beginEpoch();
    const batch = this.#spare ?? new WriteBatch();
    this.#spare = undefined;
    const commit = new KvCommit(batch, this.#epoch, ++this.#commits);
    // First in the batch: what the commit sets anew comes after it.
    if (this.#firstExpiry <= this.now()) commit.sweptTo = this.#sweep(batch);
    return commit;
  }

  /**
   * Writes a commit, now.
   *
   * @param commit The commit.
   * @returns A promise that resolves when it is as durable as the database is to be.
   * @throws {VarveError} As every write: the promise rejects.
   */
  commit(commit: KvCommit): Promise<void> {
    const { batch, changed, sweptTo, firstExpiry } = commit;
    this.#firstExpiry = Math.min(sweptTo ?? this.#firstExpiry, firstExpiry);
    const { queue, options } = this.#engine;
    const done = batch.count === 0 ? Promise.resolve() : queue.commit(batch, options.sync);
    batch.clear();
    this.#spare = batch;
    for (const listener of this.#listeners) listener(changed);
    return done;
  }

  /**
   * Removes some of what has expired, and what the index has of entries that were set anew since.
   *
   * @returns The earliest time that is left in the index.
   */
  #sweep(batch: WriteBatch): number {
    const now = this.now();
    let count = 0;
    for (const indexKey of this.database.keysSync({ gte: EXPIRY_START, lt: EXPIRY_END })) {
      const time = expiryTime(indexKey);
      if (time > now || count++ === SWEEP_MAX) return time;
      batch.delete(indexKey, 0, indexKey.length);
      const key = indexedKey(indexKey);
      const found = this.database.getSync(key);
      if (found !== undefined && new StoredEntry(found).expiresAt === time) {
        batch.delete(key, 0, key.length);
      }
    }
    return Infinity;
  }

  /**
   * Hears of every commit.
   *
   * @param listener Is told the keys of the entries that were changed.
   * @returns What ends that.
   */
  listen(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/**
 * The key of an entry.
 *
 * @param key The key, as programs have it.
 * @returns Its bytes in the database.
 * @throws {TypeError} If it is no key.
 */
export function entryKey(key: KvKey): Uint8Array {
  return encodeKvKeyIn(ENTRY_SPACE, key);
}

/**
 * The key that an entry's bytes stand for.
 *
 * @param key Its bytes in the database.
 * @returns The key, as programs have it.
 */
export function keyOfEntry(key: Uint8Array): KvKey {
  return decodeKvKey(key, 1);
}
