/**
 * **What.** Databases of Deno KV as the command names and opens them: a directory of this library, a file of the
 * runtime's own Deno KV, or a database elsewhere, all of them as what copying works on.
 *
 * **Invariants.**
 * 1. What is opened for reading is there already, and is not made.
 * 2. A directory that is only read needs no permission to write.
 * 3. Whatever waits for a database elsewhere ends when a signal comes.
 *
 * Source: the tables of a file are those of denokv's `sqlite/backend.rs`. Only when entries expire and how much there
 * is is read from them, since the runtime does not tell; if they are not as expected, nobody knows.
 *
 * **Read next.** `cli_kv.ts`
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { resolve } from "@std/path";
import { type CliContext, CliError } from "./cli_context.ts";
import { openEngine } from "./database.ts";
import type {
  CopyAtomic,
  CopyKv,
  CopyListOptions,
  CopyRead,
  CopySelector,
  CopySource,
  CopyTarget,
} from "./kv_copy.ts";
import { encodeKvKey, type KvKey } from "./kv_key.ts";
import { DENO_LIMITS, ENGINE_LIMITS } from "./kv_limits.ts";
import { KvLister } from "./kv_list.ts";
import { MESSAGE_KEY_PREFIX } from "./kv_queue_message.ts";
import { entryKey, type KvCommit, KvStore, systemClock } from "./kv_store.ts";
import { KvU64, serializeValue } from "./kv_value.ts";

/** What a place is opened for: whether it may be changed, and whether it is made if there is none. */
export type PlacePurpose = "reading" | "writing" | "creating";

/** A database that is open, to be closed with `await using`. */
export interface KvPlace extends CopySource, CopyTarget, AsyncDisposable {
  /** The database. */
  readonly kv: CopyKv;
  /** How many bytes its keys and values have, if that is known. */
  totalBytes(): number | undefined;
  /** How many messages wait in its queue, if that is known. */
  messageCount(): number | undefined;
}

const URL_START = /^https?:\/\//;
const FILE_START = "file:";
/** Names of files that end so are files of the runtime's Deno KV. */
const FILE_ENDS = /\.(db|sqlite|sqlite3|kv)$/;

/**
 * The name of a place: the same for the same one, however it is written.
 *
 * @param text What names it.
 * @returns A URL or a whole path.
 */
export function placeName(text: string): string {
  if (URL_START.test(text)) return new URL(text).href;
  return resolve(text.startsWith(FILE_START) ? text.slice(FILE_START.length) : text);
}

/**
 * Opens a place.
 *
 * @param context What the command works with.
 * @param text What names it.
 * @param purpose What it is opened for.
 * @returns The open database.
 * @throws {CliError} If it cannot be opened; a directory as opening does.
 */
export async function openPlace(
  context: CliContext,
  text: string,
  purpose: PlacePurpose,
): Promise<KvPlace> {
  if (text === "") throw new CliError("Cannot open database: the place is empty");
  if (URL_START.test(text)) return await openElsewhere(placeName(text), context.signal);
  const isNamedFile = text.startsWith(FILE_START);
  const path = isNamedFile ? text.slice(FILE_START.length) : text;
  const kind = await kindOf(path);
  if (isNamedFile || kind === "file" || (kind === undefined && FILE_ENDS.test(path))) {
    return await openFile(placeName(text), kind, purpose);
  }
  return new DirectoryPlace(context, path, purpose);
}

async function kindOf(path: string): Promise<"file" | "directory" | undefined> {
  try {
    return (await Deno.stat(path)).isFile ? "file" : "directory";
  } catch {
    return undefined; // or not to be seen: then opening it says so
  }
}

// ——— A directory of this library ———

class DirectoryPlace implements KvPlace {
  readonly name: string;
  readonly kv: CopyKv;
  readonly #store: KvStore;

  constructor({ fileSystem, surroundings }: CliContext, directory: string, purpose: PlacePurpose) {
    this.name = placeName(directory);
    const options = { readOnly: purpose === "reading", createIfMissing: purpose === "creating" };
    const engine = openEngine(directory, options, fileSystem, surroundings);
    try {
      this.#store = new KvStore(engine, surroundings, systemClock);
    } catch (error) {
      engine.close().catch(() => {}); // the first failure is the one to tell
      throw error;
    }
    this.kv = new StoreKv(this.#store);
  }

  expiresAt = (key: KvKey): number | undefined => {
    return this.#store.getSync(entryKey(key))?.expiresAt || undefined; // 0 is never
  };

  totalBytes(): undefined {
    // To know it, all of it would have to be read: that is half the work.
    return undefined;
  }

  messageCount(): number {
    let count = 0;
    const prefix = Uint8Array.of(MESSAGE_KEY_PREFIX);
    for (const _ of this.#store.database.keysSync({ prefix })) count++;
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.database.close();
  }
}

/** Entries of a directory. */
class StoreKv implements CopyKv {
  readonly #store: KvStore;

  constructor(store: KvStore) {
    this.#store = store;
  }

  async get(key: KvKey): Promise<{ value: unknown; versionstamp: string | null }> {
    const entry = await this.#store.get(entryKey(key));
    if (entry === undefined) return { value: null, versionstamp: null };
    return { value: entry.value, versionstamp: entry.versionstamp };
  }

  list(selector: CopySelector, options: CopyListOptions = {}): AsyncIterable<CopyRead> {
    return new KvLister(this.#store, selector, options, ENGINE_LIMITS);
  }

  atomic(): CopyAtomic {
    const store = this.#store;
    const writes: ((commit: KvCommit) => void)[] = [];
    return {
      set(key, value, { expireIn } = {}) {
        const [bytes, serialized] = [entryKey(key), serializeValue(value)];
        const expiresAt = expireIn === undefined ? 0 : store.now() + expireIn;
        writes.push((commit) => commit.set(bytes, serialized, expiresAt));
      },
      delete(key) {
        const bytes = entryKey(key);
        writes.push((commit) => commit.remove(bytes));
      },
      async commit() {
        const commit = store.begin();
        for (const write of writes) write(commit);
        await store.commit(commit);
        return { ok: true };
      },
    };
  }
}

// ——— A file of the runtime's Deno KV, and a database elsewhere ———

const RUNTIME_LIMITS = { keyBytes: DENO_LIMITS.keyBytes, valueBytes: DENO_LIMITS.valueBytes };

/** Opens a database by the runtime. */
async function openByRuntime(what: string): Promise<Deno.Kv> {
  // Types know it always; it is there with the flag only.
  if ((Deno as Partial<typeof Deno>).openKv === undefined) {
    throw new CliError(
      `Cannot open ${what}: this Deno runs without Deno KV; run it with --unstable-kv`,
    );
  }
  try {
    return await Deno.openKv(what);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(`Cannot open ${what}: ${why}`, 2, { cause });
  }
}

/** The runtime takes 64-bit integers of its own only. */
function toRuntimeValue(value: unknown): unknown {
  return value instanceof KvU64 ? new Deno.KvU64(value.value) : value;
}

async function openFile(
  path: string,
  kind: "file" | "directory" | undefined,
  purpose: PlacePurpose,
): Promise<KvPlace> {
  if (kind === "directory") throw new CliError(`Cannot open ${path}: it is a directory`);
  // The runtime would make it.
  if (kind === undefined && purpose !== "creating") {
    throw new CliError(`Cannot open ${path}: there is no such file`);
  }
  const kv = await openByRuntime(path);
  const tables = await FileTables.open(path);
  return {
    name: path,
    kv,
    limits: RUNTIME_LIMITS,
    toValue: toRuntimeValue,
    expiresAt: tables && ((key) => tables.expiresAt(key)),
    totalBytes: () => tables?.totalBytes(),
    messageCount: () => tables?.messageCount(),
    [Symbol.asyncDispose]() {
      tables?.close();
      kv.close();
      return Promise.resolve();
    },
  };
}

/** What the runtime does not tell of a file, read from its tables. */
class FileTables {
  readonly #database: DatabaseSync;
  readonly #expiry: StatementSync;

  private constructor(database: DatabaseSync, expiry: StatementSync) {
    this.#database = database;
    this.#expiry = expiry;
  }

  /** Opens them; nothing if they are not as expected. */
  static async open(path: string): Promise<FileTables | undefined> {
    const { DatabaseSync } = await import("node:sqlite");
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { readOnly: true });
      return new FileTables(database, database.prepare("select expiration_ms from kv where k = ?"));
    } catch {
      database?.close();
      return undefined;
    }
  }

  expiresAt(key: KvKey): number | undefined {
    const time = this.#expiry.get(encodeKvKey(key))?.expiration_ms;
    return typeof time === "number" && time >= 0 ? time : undefined;
  }

  totalBytes(): number | undefined {
    return this.#number("select sum(length(k) + length(v)) as n from kv");
  }

  messageCount(): number | undefined {
    return this.#number(
      "select (select count(*) from queue) + (select count(*) from queue_running) as n",
    );
  }

  #number(query: string): number | undefined {
    try {
      const { n } = this.#database.prepare(query).get() ?? {};
      return typeof n === "number" ? n : undefined;
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#database.close();
  }
}

async function openElsewhere(name: string, signal: AbortSignal): Promise<KvPlace> {
  const kv = await openByRuntime(name);
  return {
    name,
    kv: new InterruptibleKv(kv, signal),
    limits: RUNTIME_LIMITS,
    toValue: toRuntimeValue,
    expiresAt: undefined,
    totalBytes: () => undefined,
    messageCount: () => undefined,
    [Symbol.asyncDispose]() {
      kv.close();
      return Promise.resolve();
    },
  };
}

/** The runtime tries for ever to reach a database elsewhere. A person may have had enough before. */
class InterruptibleKv implements CopyKv {
  readonly #kv: Deno.Kv;
  readonly #interrupted: Promise<never>;

  constructor(kv: Deno.Kv, signal: AbortSignal) {
    this.#kv = kv;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {}); // it may come when nothing is waited for
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    this.#interrupted = promise;
  }

  get(key: KvKey): Promise<{ value: unknown; versionstamp: string | null }> {
    return Promise.race([this.#kv.get(key), this.#interrupted]);
  }

  async *list(selector: CopySelector, options?: CopyListOptions): AsyncGenerator<CopyRead> {
    const entries = this.#kv.list(selector, options);
    for (;;) {
      const next = await Promise.race([entries.next(), this.#interrupted]);
      if (next.done) return;
      yield next.value;
    }
  }

  atomic(): CopyAtomic {
    const atomic = this.#kv.atomic();
    return {
      set: (key, value, options) => void atomic.set(key, value, options),
      delete: (key) => void atomic.delete(key),
      commit: () => Promise.race([atomic.commit(), this.#interrupted]),
    };
  }
}
