/**
 * **What.** Deno KV over Varve: {@linkcode openKv} gives an object that can stand where a `Deno.Kv` does, without an
 * unstable flag, over a directory of LevelDB's files.
 *
 * ```ts
 * import { openKv } from "@varve/varve/kv";
 *
 * const directory = await Deno.makeTempDir(); // "./data", say
 * {
 *   await using kv = await openKv(directory);
 *   await kv.set(["city", "Rome"], { people: 2_800_000 });
 *   console.log((await kv.get(["city", "Rome"])).value); // { people: 2800000 }
 * }
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * It does what the `Deno.Kv` of Deno 2.9 does on a file, compared call by call in its tests. These differ, and why:
 *
 * - **Expiry is exact.** An entry is not read from its expiry on, and a watch tells of it. The runtime goes on giving
 *   it until a sweep, a minute later or more. `expireIn: 0` is expired at once. On disk it stays until a later commit,
 *   each of which removes up to 16 that are expired: a database that nobody writes to does not get smaller.
 * - **A failed operation writes nothing.** In the runtime the mutations before one that fails stay, as where `sum`
 *   meets a string.
 * - **No limits but the engine's**: keys of 64 KiB, values and commits of 1 GiB, any number of checks, mutations, keys
 *   read and keys watched. `limits: "deno"` gives those of the runtime, for a program that is to move to it.
 * - **Objects of the platform are refused** that V8 by itself would store as `{}`: a `Blob`, `File`, `CryptoKey` or
 *   `DOMException`, at any depth. The runtime stores these four; like the runtime, a port or stream is refused, too.
 * - **Errors.** After `close` it is a `VarveError` with the code `CLOSED`, where the runtime has `BadResource`, and
 *   a `RangeError` for a `limit` or `batchSize` below 1, where it has `Error`. What is wrong with a key or a
 *   versionstamp is thrown where it is given; by the runtime, when the operation is committed. Messages are Varve's.
 * - **`list` checks its arguments at once**, the runtime some of them with the first entry; and two calls of `next`
 *   that are not awaited never give the same entry.
 * - **A prefix is an array of parts**: of `list({ prefix: "a" })`, a slip, the runtime makes something of its own, and
 *   here it is a `TypeError`. A `KvU64` that is printed shows the name of its class.
 * - **`watch` reads nothing ahead**: its first state is that of the first read, not that of the call, and no state
 *   that was overtaken is given. The process is kept alive while a read waits; in the runtime by every watch.
 * - **Messages of the queue** come in the order of their deadlines, and of their commits; the runtime's come in any
 *   order within a millisecond, up to 0.1 s later. A message that was being handled when the process died is
 *   delivered again at once, and that costs it no retry; in the runtime after some seconds, and it does. A
 *   `KvU64` in a message stays one. What a handler throws goes to the `logger`, not to the console. After a power cut
 *   messages may come again that were finished since the last sync of a commit.
 * - **`close`** gives a promise, to be awaited where the directory is opened or removed next, and may be called again.
 *   Commits that were asked for before it are finished. {@linkcode openKv} waits by itself for a database of the same
 *   process that is being closed.
 * - **Versionstamps** are as many digits and increase as strictly, also across crashes, but are not the same ones:
 *   four bytes for the number of times the database was opened, four for the number of the commit since, and `0000`.
 *   Commits are counted one by one; the runtime leaves random gaps.
 * - **A directory is to be named**: there is none that belongs to a program, as the runtime has it, and databases
 *   elsewhere are opened by `Deno.openKv`.
 * - **One process** has a directory open. The runtime lets several share a file.
 *
 * **Invariants.**
 * 1. A commit that was awaited is on disk (unless `sync` is false), whole; one that was not acknowledged is there
 *    whole or not at all.
 * 2. Wrong arguments throw or reject before anything is written.
 * 3. After `close` nothing of it is running: no timer, no stream, no listener.
 *
 * **Read next.** `cli_context.ts`
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { openEngine, webSurroundings } from "./database.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import { denoWorkers } from "./deno_workers.ts";
import type { FileSystem } from "./file_system.ts";
import {
  type AtomicOperation,
  COMMIT_VERSIONSTAMP,
  type EnqueueOptions,
  type KvCommitResult,
  KvOperation,
} from "./kv_atomic.ts";
import type { KvKey } from "./kv_key.ts";
import {
  checkKeyLimit,
  checkLimit,
  DENO_LIMITS,
  ENGINE_LIMITS,
  type KvLimits,
} from "./kv_limits.ts";
import {
  checkConsistency,
  type KvConsistencyLevel,
  type KvEntryMaybe,
  KvLister,
  type KvListIterator,
  type KvListOptions,
  type KvListSelector,
} from "./kv_list.ts";
import {
  entryKey,
  keyOfEntry,
  type KvClock,
  KvStore,
  type StoredEntry,
  systemClock,
} from "./kv_store.ts";
import { StoreQueue } from "./kv_queue_store.ts";
import { KvWatch } from "./kv_watch.ts";
import { type Logger, silentLogger } from "./logger.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { describe, type OpenOptions } from "./options.ts";

export type {
  AtomicCheck,
  AtomicOperation,
  EnqueueOptions,
  KvCommitError,
  KvCommitResult,
  KvMutation,
} from "./kv_atomic.ts";
export type { KvKey, KvKeyPart } from "./kv_key.ts";
export type {
  KvConsistencyLevel,
  KvEntry,
  KvEntryMaybe,
  KvListIterator,
  KvListOptions,
  KvListSelector,
} from "./kv_list.ts";
export type { KvClock } from "./kv_store.ts";
export { KvU64 } from "./kv_value.ts";

/**
 * How a database is opened: as every database of Varve, but that keys and values are Deno KV's.
 *
 * @example For a program that is to run on Deno Deploy one day
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvOptions, openKv } from "@varve/varve/kv";
 * import { assertRejects } from "@std/assert";
 *
 * const options: KvOptions = { limits: "deno", fileSystem: new MemoryFileSystem() };
 * await using kv = await openKv("data", options);
 * await assertRejects(() => kv.set(["image"], new Uint8Array(100_000)), TypeError, "over the limit");
 * ```
 *
 * @category Deno KV
 */
export interface KvOptions extends Omit<OpenOptions, "key" | "value" | "comparator"> {
  /**
   * Whether to refuse what the runtime's Deno KV would refuse for its size.
   *
   * @default {"none"}
   */
  limits?: "none" | "deno";
  /**
   * What time it is, for expiry and the queue.
   *
   * @default {the system's}
   */
  clock?: KvClock;
}

/**
 * An open database, to be used as a `Deno.Kv`. What fails rejects the promise:
 *
 * - `TypeError` if a key, value, selector, cursor or option is none, or over a limit of `limits: "deno"`.
 * - `VarveError` `CLOSED`; `READ_ONLY`; `TOO_LARGE` over a limit of the engine; `IO` if the disk fails, after which
 *   writes are refused until it is opened again; `CORRUPTION` if what is on disk is not what was written.
 *
 * @example Where a `Deno.Kv` is asked for
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type Kv, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * async function countUsers(kv: Deno.Kv): Promise<number> {
 *   let count = 0;
 *   for await (const _ of kv.list({ prefix: ["user"] })) count++;
 *   return count;
 * }
 * await using kv: Kv = await openKv("users", { fileSystem: new MemoryFileSystem() });
 * await kv.set(["user", "ada"], {});
 * assertEquals(await countUsers(kv), 1);
 * ```
 *
 * @category Deno KV
 */
export interface Kv extends Disposable, AsyncDisposable {
  /**
   * The entry of a key.
   *
   * @param key The key.
   * @param options How recent it has to be; it always is.
   * @returns The entry, with `null` for value and versionstamp if there is none.
   */
  get<T = unknown>(
    key: KvKey,
    options?: { consistency?: KvConsistencyLevel },
  ): Promise<KvEntryMaybe<T>>;
  /**
   * Sets a key.
   *
   * @param key The key. Its last part may be {@linkcode Kv.commitVersionstamp}.
   * @param value Anything that structured cloning takes, or a {@linkcode KvU64}.
   * @param options With `expireIn`: after how many milliseconds it is not there any more.
   * @returns Its versionstamp, when it is on disk.
   */
  set(key: KvKey, value: unknown, options?: { expireIn?: number }): Promise<KvCommitResult>;
  /**
   * Removes a key.
   *
   * @param key The key. It need not be there.
   */
  delete(key: KvKey): Promise<void>;
  /**
   * The entries of a range, in the order of their keys.
   *
   * @param selector Which range.
   * @param options How.
   * @returns An iterator, to be gone through with `for await`.
   * @throws {TypeError} If the selector or an option is none.
   * @throws {RangeError} If limit or batch size is not a whole number from 1 on.
   */
  list<T = unknown>(selector: KvListSelector, options?: KvListOptions): KvListIterator<T>;
  /**
   * Begins an atomic operation.
   *
   * @returns The operation, of which nothing comes unless it is committed.
   */
  atomic(): AtomicOperation;
  /**
   * Puts a message into the queue.
   *
   * @param value The message.
   * @param options When it is to be delivered, and what if it cannot be.
   * @returns The versionstamp of the commit, when the message is on disk.
   */
  enqueue(value: unknown, options?: EnqueueOptions): Promise<KvCommitResult>;
  /**
   * Hands the messages of the queue to a handler, from now on until the database is closed: up to a hundred at a time,
   * each of them once or, after a failure or a crash, more often. With several listeners each message goes to one of
   * them, in turn.
   *
   * @param handler Takes a message. When it returns, or its promise resolves, the message is removed; if it throws, the
   * message is tried again by its `backoffSchedule`, and after that set under each of its `keysIfUndelivered`.
   * @returns A promise that resolves when the database is closed, though handlers may still be running: their messages
   * are delivered again when it is opened. It rejects if the disk fails.
   */
  // deno-lint-ignore no-explicit-any -- as in Deno's types
  listenQueue(handler: (value: any) => Promise<void> | void): Promise<void>;
  /**
   * The entries of some keys, all as of one moment.
   *
   * @param keys The keys.
   * @param options How recent they have to be; they always are.
   * @returns As many entries, in the same order.
   */
  getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: KvKey }],
    options?: { consistency?: KvConsistencyLevel },
  ): Promise<{ [K in keyof T]: KvEntryMaybe<T[K]> }>;
  /**
   * Gives the state of some keys, and again whenever it is another one. States in between may be left out, the last
   * one never.
   *
   * @param keys The keys.
   * @param options With `raw`: to give the state after each change, be it the same again.
   * @returns A stream of states: as many entries, in the same order.
   * @throws {TypeError} If a key is none.
   */
  watch<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: KvKey }],
    options?: { raw?: boolean },
  ): ReadableStream<{ [K in keyof T]: KvEntryMaybe<T[K]> }>;
  /**
   * Stands at the end of a key that is set, in place of the versionstamp that the commit will have.
   *
   * @returns The symbol.
   */
  commitVersionstamp(): symbol;
  /**
   * Ends what watches and listens, finishes what was asked for, makes it durable and closes the files.
   *
   * @returns A promise that resolves when that is done; a second call gives the same one.
   */
  close(): Promise<void>;
}

/** An open database. */
class KvDatabase implements Kv {
  readonly #store: KvStore;
  readonly #limits: KvLimits;
  readonly #watches = new Set<KvWatch>();
  readonly #queue: StoreQueue;
  readonly #onClose: (closed: Promise<void>) => void;
  #closed: Promise<void> | undefined;

  constructor(
    store: KvStore,
    limits: KvLimits,
    logger: Logger,
    onClose: (closed: Promise<void>) => void,
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#onClose = onClose;
    this.#queue = new StoreQueue(store, limits, logger);
  }

  async get<T>(
    key: KvKey,
    options?: { consistency?: KvConsistencyLevel },
  ): Promise<KvEntryMaybe<T>> {
    checkConsistency("get", options?.consistency);
    const stored = this.#readKey(key);
    return entryOf<T>(key, stored, await this.#store.get(stored));
  }

  async getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: KvKey }],
    options?: { consistency?: KvConsistencyLevel },
  ): Promise<{ [K in keyof T]: KvEntryMaybe<T[K]> }> {
    checkConsistency("get", options?.consistency);
    checkKeys("get", keys, this.#limits.reads);
    const stored = (keys as readonly KvKey[]).map((key) => this.#readKey(key));
    const found = await this.#store.getMany(stored);
    return found.map((entry, i) => entryOf((keys as readonly KvKey[])[i]!, stored[i]!, entry)) as {
      [K in keyof T]: KvEntryMaybe<T[K]>;
    };
  }

  async set(
    key: KvKey,
    value: unknown,
    options?: { expireIn?: number },
  ): Promise<KvCommitResult> {
    return await this.#operation().set(key, value, options).commit() as KvCommitResult;
  }

  async delete(key: KvKey): Promise<void> {
    await this.#operation().delete(key).commit();
  }

  list<T>(selector: KvListSelector, options: KvListOptions = {}): KvListIterator<T> {
    return new KvLister<T>(this.#store, selector, options, this.#limits);
  }

  atomic(): AtomicOperation {
    return this.#operation();
  }

  async enqueue(value: unknown, options?: EnqueueOptions): Promise<KvCommitResult> {
    return await this.#operation().enqueue(value, options).commit() as KvCommitResult;
  }

  listenQueue(handler: (value: unknown) => Promise<void> | void): Promise<void> {
    return this.#queue.listen(handler);
  }

  watch<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: KvKey }],
    options: { raw?: boolean } = {},
  ): ReadableStream<{ [K in keyof T]: KvEntryMaybe<T[K]> }> {
    checkKeys("watch", keys, this.#limits.watchedKeys);
    for (const key of keys as readonly KvKey[]) {
      checkKeyLimit("watch", entryKey(key), this.#limits.boundBytes);
    }
    this.#store.assertOpen("watch");
    const { raw = false } = options;
    const watch: KvWatch = new KvWatch(this.#store, keys, raw, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch.stream as unknown as ReadableStream<{ [K in keyof T]: KvEntryMaybe<T[K]> }>;
  }

  commitVersionstamp(): symbol {
    return COMMIT_VERSIONSTAMP;
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      for (const watch of this.#watches) watch.end();
      this.#watches.clear();
      this.#queue.close();
      this.#closed = this.#store.database.close();
      this.#onClose(this.#closed);
    }
    return this.#closed;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #operation(): KvOperation {
    return new KvOperation(this.#store, this.#limits, this.#queue);
  }

  #readKey(key: KvKey): Uint8Array {
    const stored = entryKey(key);
    checkKeyLimit("get", stored, this.#limits.keyBytes);
    return stored;
  }
}

function checkKeys(action: string, keys: readonly KvKey[], limit: number): void {
  if (!Array.isArray(keys)) {
    throw new TypeError(`Cannot ${action}: keys must be an array, got ${describe(keys)}`);
  }
  checkLimit(action, "keys", keys.length, limit);
}

/** What a program gets of a key that it asked for. */
function entryOf<T>(
  key: KvKey,
  stored: Uint8Array,
  entry: StoredEntry | undefined,
): KvEntryMaybe<T> {
  if (entry === undefined) return { key, value: null, versionstamp: null };
  const { versionstamp } = entry;
  return { key: keyOfEntry(stored), value: entry.value as T, versionstamp };
}

/** Databases of this process that are being closed: by disk and directory. */
const closing = new WeakMap<FileSystem, Map<string, Promise<unknown>>>();

function rememberClosing(fileSystem: FileSystem, directory: string, closed: Promise<void>): void {
  const directories = closing.get(fileSystem) ?? new Map<string, Promise<unknown>>();
  closing.set(fileSystem, directories);
  const forget = () => {
    if (directories.get(directory) === settled) directories.delete(directory);
  };
  const settled = closed.then(forget, forget); // who closed it hears of a failure
  directories.set(directory, settled);
}

/** The name of a database that is in memory, and gone when it is closed. */
const IN_MEMORY = ":memory:";

/** The path of a directory, however it was given. */
function pathOf(directory: unknown): string {
  const isFile = directory instanceof URL && directory.protocol === "file:";
  if (isFile) return fromFileUrl(directory);
  if (directory === undefined) {
    throw new TypeError('Cannot open database: it needs a directory, or the name ":memory:"');
  }
  const path = directory instanceof URL ? directory.href : directory;
  if (typeof path !== "string") {
    throw new TypeError(
      `Cannot open database: directory must be a path or a file: URL, got ${describe(path)}`,
    );
  }
  if (directory instanceof URL || /^https?:\/\//.test(path)) {
    const what = `${describe(path)} is not a directory of this machine`;
    const hint = "Deno.openKv() opens databases elsewhere";
    throw new TypeError(`Cannot open database: ${what}; ${hint}`);
  }
  return path;
}

/**
 * Opens a database of Deno KV, and creates it if there is none.
 *
 * @example A counter that several callers add to
 * ```ts
 * import { openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * {
 *   await using kv = await openKv(directory);
 *   const visit = () => kv.atomic().sum(["visits"], 1n).commit();
 *   await Promise.all([visit(), visit(), visit()]); // on disk when this returns, in one or two syncs
 * }
 * await using kv: Deno.Kv = await openKv(directory);
 * assertEquals((await kv.get<Deno.KvU64>(["visits"])).value?.value, 3n);
 * ```
 *
 * @param directory The directory, as a path or a `file:` URL; `":memory:"` for a database in memory, which is gone
 * when it is closed.
 * @param options How to open it; every one has a default.
 * @returns The open database, to be closed with `close` or `await using`.
 * @throws {TypeError} If the directory is none, or the URL of a database elsewhere; if an option is unknown or of a
 * wrong type.
 * @throws {RangeError} If an option is out of range.
 * @throws {VarveError} `UNSUPPORTED_FORMAT` if the directory has a database of something else; else as `open` of
 * `@varve/varve`.
 * @category Deno KV
 */
export async function openKv(
  directory: string | URL,
  options: KvOptions = {},
): Promise<Kv> {
  const path = pathOf(directory);
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot open database: options must be an object, got ${describe(options)}`,
    );
  }
  const { limits = "none", clock = systemClock, ...engineOptions } = options;
  if (limits !== "none" && limits !== "deno") {
    throw new RangeError(
      `Cannot open database: limits must be "none" or "deno", got ${describe(limits)}`,
    );
  }
  if (typeof clock?.now !== "function" || typeof clock.startTimer !== "function") {
    throw new TypeError("Cannot open database: clock must have the methods now and startTimer");
  }
  for (const name of ["key", "value", "comparator"]) {
    if (name in engineOptions) {
      throw new TypeError(`Cannot open database: unknown option "${name}"`);
    }
  }
  // As in the runtime, each opening of this name is a database of its own.
  const disk = path === IN_MEMORY ? new MemoryFileSystem() : denoFileSystem;
  const { fileSystem = disk, logger = silentLogger } = engineOptions;
  await closing.get(fileSystem)?.get(path);
  const surroundings = path === IN_MEMORY
    ? webSurroundings
    : { ...webSurroundings, workers: denoWorkers };
  const engine = openEngine(path, engineOptions, disk, surroundings);
  try {
    const store = new KvStore(engine, surroundings, clock);
    const allowed = limits === "deno" ? DENO_LIMITS : ENGINE_LIMITS;
    return new KvDatabase(
      store,
      allowed,
      logger,
      (closed) => rememberClosing(fileSystem, path, closed),
    );
  } catch (error) {
    await engine.close();
    throw error;
  }
}
