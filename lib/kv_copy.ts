/**
 * **What.** Moving everything that a Deno KV database holds to another one, whatever each of them is: this library's,
 * the runtime's own, or one that is elsewhere. It goes through the keys in order, writes them in commits of bounded
 * size, and can be taken up again where it was interrupted. And comparing two of them afterwards.
 *
 * **Format.** The checkpoint is an entry of the target, written in the same commit as the entries it speaks of and
 * deleted in the last one:
 * ```text
 * key   := ["varve kv copy"]
 * value := { from: string, after: key, entries: number, bytes: number }
 * ```
 *
 * **Invariants.**
 * 1. The checkpoint is never ahead of the target's entries, whatever the target loses in a crash: they are one commit.
 *    Nothing else would be safe: a file beside it may survive what the target does not.
 * 2. A copy that is done leaves no checkpoint, and neither source nor target of one is ever given the other's.
 * 3. A target that has entries of its own is not written to unless that is asked for.
 * 4. Memory is bounded by the largest commit: {@linkcode COMMIT_BYTES_MAX}, or one entry.
 * 5. An entry that has expired is left behind; one that expires does so at the same moment, if the source tells it.
 *
 * **Read next.** `cli_kv.ts`
 *
 * @module
 */
import { compareArrays, equalBytes } from "./bytes.ts";
import { encodeKvKey, type KvKey } from "./kv_key.ts";
import { kvKeyText } from "./kv_copy_text.ts";
import { serializeValue } from "./kv_value.ts";

/** The key of the checkpoint. */
export const CHECKPOINT_KEY: KvKey = ["varve kv copy"];

/** A commit has at most so many entries: half of what the runtime and Deno Deploy take. */
export const COMMIT_ENTRIES_MAX = 500;
/** And so many bytes, where keys count twice as they do there. They take 800 KiB. */
export const COMMIT_BYTES_MAX = 600_000;
/** And so many bytes of keys. They take 80 KiB. */
export const COMMIT_KEY_BYTES_MAX = 60_000;

/** An entry as it is copied. */
export interface CopyEntry {
  /** Its key. */
  readonly key: KvKey;
  /** Its value. */
  readonly value: unknown;
  /** When it expires, in milliseconds since the epoch, if it does and that is known. */
  readonly expiresAt?: number;
}

/** A write that is made all at once. */
export interface CopyAtomic {
  /** Sets a key. */
  set(key: KvKey, value: unknown, options?: { expireIn?: number }): unknown;
  /** Deletes a key. */
  delete(key: KvKey): unknown;
  /** Carries it out. */
  commit(): Promise<{ ok: boolean }>;
}

/** All keys that begin with a prefix, or those of them from some key on. */
export interface CopySelector {
  /** What they begin with. */
  prefix: KvKey;
  /** The first that may be meant. */
  start?: KvKey;
}

/** How to walk over entries. */
export interface CopyListOptions {
  /** How many to ask for at a time. */
  batchSize?: number;
  /** At most so many. */
  limit?: number;
  /** From the last to the first. */
  reverse?: boolean;
}

/** An entry as it is read. */
export interface CopyRead {
  /** Its key. */
  readonly key: KvKey;
  /** Its value. */
  readonly value: unknown;
}

/** As much of a Deno KV database as copying needs: the runtime's and this library's are both such. */
export interface CopyKv {
  /** Reads a key. */
  get(key: KvKey): Promise<{ readonly value: unknown; readonly versionstamp: string | null }>;
  /** Walks over entries. */
  list(selector: CopySelector, options?: CopyListOptions): AsyncIterable<CopyRead>;
  /** Begins a write. */
  atomic(): CopyAtomic;
}

/** Where entries come from. */
export interface CopySource {
  /** What it is, for a person and for the checkpoint: the same for the same database every time. */
  readonly name: string;
  /** The database. */
  readonly kv: CopyKv;
  /**
   * When an entry expires.
   *
   * @param key Its key.
   * @returns Milliseconds since the epoch; `undefined` if it does not. Without the function nobody knows.
   */
  readonly expiresAt?: ((key: KvKey) => number | undefined) | undefined;
}

/** Where entries go. */
export interface CopyTarget {
  /** What it is, for a person. */
  readonly name: string;
  /** The database. */
  readonly kv: CopyKv;
  /** The most bytes that it takes for a key and for a value, if there is a bound. */
  readonly limits?: { readonly keyBytes: number; readonly valueBytes: number } | undefined;
  /** Makes of a value one that the database takes, where they differ in their 64-bit integers. */
  readonly toValue?: ((value: unknown) => unknown) | undefined;
}

/** How to copy. */
export interface CopyOptions {
  /** Begin at the beginning, though a copy was interrupted. @default {false} */
  readonly restart?: boolean;
  /** Write to a target that has entries of its own, and over those of the same keys. @default {false} */
  readonly overwrite?: boolean;
  /** Leave out what the target does not take, rather than end there. @default {false} */
  readonly skip?: boolean;
  /** Ends it after the commit that is under way. */
  readonly signal?: AbortSignal;
  /** The time, in milliseconds since the epoch. @default {Date.now} */
  readonly now?: () => number;
  /** Is told after each commit. */
  readonly onProgress?: (state: CopyState) => void;
  /** Is told of each entry that is left out, and why. */
  readonly onLeftOut?: (key: KvKey, why: string) => void;
}

/** How far a copy is. */
export interface CopyState {
  /** Entries that are in the target, those of the runs before included. */
  readonly entries: number;
  /** The bytes of their keys and values. */
  readonly bytes: number;
}

/** What a copy has come to. */
export interface CopyReport extends CopyState {
  /** How many of them were there already: more than none if it was taken up again. */
  readonly resumedAt: number;
  /** How many had expired, and were left behind. */
  readonly expired: number;
  /** How many the target does not take. */
  readonly leftOut: number;
}

/** Why a copy cannot be made, for a person. */
export class CopyError extends Error {}

interface Checkpoint extends CopyState {
  readonly from: string;
  readonly after: KvKey;
}

/** Entries are asked for in groups of so many: a remote database is asked as often. */
const BATCH_SIZE = 200;

/**
 * Walks over the entries of a database, from some key on, but not over the checkpoint of a copy.
 *
 * @param kv The database.
 * @param after The key to begin behind.
 * @returns The entries.
 */
async function* entriesOf(
  kv: CopyKv,
  after?: KvKey,
): AsyncGenerator<{ readonly key: KvKey; readonly value: unknown; readonly keyBytes: Uint8Array }> {
  const passed = [CHECKPOINT_KEY, ...after === undefined ? [] : [after]].map(encodeKvKey);
  const selector = after === undefined ? { prefix: [] } : { prefix: [], start: after };
  for await (const { key, value } of kv.list(selector, { batchSize: BATCH_SIZE })) {
    const keyBytes = encodeKvKey(key);
    if (passed.some((it) => equalBytes(it, keyBytes))) continue;
    yield { key, value, keyBytes };
  }
}

/** A copy under way. */
class Copy {
  readonly #source: CopySource;
  readonly #target: CopyTarget;
  readonly #options: CopyOptions;
  readonly #now: () => number;
  #pending: CopyEntry[] = [];
  #pendingBytes = 0;
  #pendingKeyBytes = 0;
  #entries = 0;
  #bytes = 0;
  #expired = 0;
  #leftOut = 0;

  constructor(source: CopySource, target: CopyTarget, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async run(): Promise<CopyReport> {
    const { signal, onProgress } = this.#options;
    const checkpoint = await this.#begin();
    const resumedAt = this.#entries = checkpoint?.entries ?? 0;
    this.#bytes = checkpoint?.bytes ?? 0;
    for await (const entry of entriesOf(this.#source.kv, checkpoint?.after)) {
      signal?.throwIfAborted();
      const { key, value, keyBytes } = entry;
      const expiresAt = this.#source.expiresAt?.(key);
      if (expiresAt !== undefined && expiresAt <= this.#now()) {
        this.#expired++;
        continue;
      }
      // Without the byte that says of which kind it is: that is not counted anywhere else.
      const valueBytes = serializeValue(value).length - 1;
      if (!this.#isTaken(key, keyBytes.length, valueBytes)) continue;
      if (!this.#hasRoom(keyBytes.length, valueBytes)) {
        await this.#commit(false);
        onProgress?.({ entries: this.#entries, bytes: this.#bytes });
      }
      this.#pending.push(expiresAt === undefined ? { key, value } : { key, value, expiresAt });
      this.#pendingBytes += 2 * keyBytes.length + valueBytes;
      this.#pendingKeyBytes += keyBytes.length;
    }
    await this.#commit(true);
    onProgress?.({ entries: this.#entries, bytes: this.#bytes });
    return {
      entries: this.#entries,
      bytes: this.#bytes,
      resumedAt,
      expired: this.#expired,
      leftOut: this.#leftOut,
    };
  }

  /** The checkpoint to go on from, if there is one; checks that the target may be written to. */
  async #begin(): Promise<Checkpoint | undefined> {
    const { restart = false, overwrite = false } = this.#options;
    const { name, kv } = this.#target;
    if ((await this.#source.kv.get(CHECKPOINT_KEY)).versionstamp !== null) {
      throw new CopyError(
        `Cannot copy ${this.#source.name}: it is itself the target of a copy that was interrupted; ` +
          `finish that one first`,
      );
    }
    const found = (await kv.get(CHECKPOINT_KEY)).value as Checkpoint | null;
    if (found !== null) {
      if (restart) return undefined;
      if (found.from === this.#source.name) return found;
      throw new CopyError(
        `Cannot copy to ${name}: a copy from ${found.from} was interrupted there; ` +
          `finish that one, or begin anew with --restart`,
      );
    }
    if (overwrite) return undefined;
    for await (const _ of kv.list({ prefix: [] }, { limit: 1 })) {
      throw new CopyError(
        `Cannot copy to ${name}: it has entries already; to write over those of the same keys say --overwrite`,
      );
    }
    return undefined;
  }

  #isTaken(key: KvKey, keyBytes: number, valueBytes: number): boolean {
    const { name, limits } = this.#target;
    if (limits === undefined) return true;
    const [what, bytes, max] = keyBytes > limits.keyBytes
      ? ["key", keyBytes, limits.keyBytes]
      : ["value", valueBytes, limits.valueBytes];
    if (bytes <= max) return true;
    const why = `its ${what} has ${bytes} bytes, and ${name} takes at most ${max}`;
    if (this.#options.skip !== true) {
      throw new CopyError(`Cannot copy ${kvKeyText(key)}: ${why}; to leave it out say --skip`);
    }
    this.#leftOut++;
    this.#options.onLeftOut?.(key, why);
    return false;
  }

  #hasRoom(keyBytes: number, valueBytes: number): boolean {
    const { length } = this.#pending;
    return length === 0 || (length < COMMIT_ENTRIES_MAX &&
      this.#pendingKeyBytes + keyBytes <= COMMIT_KEY_BYTES_MAX &&
      this.#pendingBytes + 2 * keyBytes + valueBytes <= COMMIT_BYTES_MAX);
  }

  /** Writes what is pending, and how far that is. */
  async #commit(isLast: boolean): Promise<void> {
    const pending = this.#pending;
    const { kv, name, toValue = (value) => value } = this.#target;
    this.#entries += pending.length;
    this.#bytes += this.#pendingBytes - this.#pendingKeyBytes;
    const atomic = kv.atomic();
    for (const { key, value, expiresAt } of pending) {
      // Counted from the commit on, so it is worked out as late as can be.
      const expireIn = expiresAt === undefined ? undefined : Math.max(1, expiresAt - this.#now());
      atomic.set(key, toValue(value), expireIn === undefined ? {} : { expireIn });
    }
    if (isLast) {
      atomic.delete(CHECKPOINT_KEY);
    } else {
      const after = pending.at(-1)!.key;
      const state = { entries: this.#entries, bytes: this.#bytes };
      const checkpoint: Checkpoint = { from: this.#source.name, after, ...state };
      atomic.set(CHECKPOINT_KEY, checkpoint);
    }
    if (!(await atomic.commit()).ok) {
      throw new CopyError(`Cannot copy to ${name}: it did not commit`);
    }
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingKeyBytes = 0;
  }
}

/**
 * Copies all entries of a database to another one. What is changed in the source meanwhile may be copied or not.
 *
 * @param source Where they come from.
 * @param target Where they go.
 * @param options How.
 * @returns What was copied.
 * @throws {CopyError} If it cannot be done; what was copied until then stays, and the copy can be taken up again.
 * @throws What a database throws, and the reason of the signal.
 */
export function copyKv(
  source: CopySource,
  target: CopyTarget,
  options: CopyOptions = {},
): Promise<CopyReport> {
  return new Copy(source, target, options).run();
}

/** How two databases differ. */
export interface CompareReport {
  /** How many entries are in both, with equal values. */
  readonly equal: number;
  /** How many are in both with different values. */
  readonly different: number;
  /** How many are missing in the target. */
  readonly missing: number;
  /** How many are in the target only. */
  readonly extra: number;
  /** The key of the first that is different or missing. */
  readonly first: KvKey | undefined;
}

/**
 * Compares two databases, entry by entry.
 *
 * @param source The one that was copied.
 * @param target The copy.
 * @param options What ends it, and who is told how many entries were compared.
 * @returns How they differ.
 * @throws What a database throws, and the reason of the signal.
 */
export async function compareKv(
  source: CopyKv,
  target: CopyKv,
  options: Pick<CopyOptions, "signal" | "onProgress"> = {},
): Promise<CompareReport> {
  const report = {
    equal: 0,
    different: 0,
    missing: 0,
    extra: 0,
    first: undefined as KvKey | undefined,
  };
  let bytes = 0;
  const [left, right] = [entriesOf(source), entriesOf(target)];
  try {
    let [a, b] = await Promise.all([left.next(), right.next()]);
    while (!a.done || !b.done) {
      options.signal?.throwIfAborted();
      const order = a.done ? 1 : b.done ? -1 : compareArrays(a.value.keyBytes, b.value.keyBytes);
      if (order < 0) {
        const { key } = a.value!;
        // It may have expired between the two looks.
        if (await isThere(source, key) && !await isThere(target, key)) {
          report.missing++;
          report.first ??= key;
        }
        a = await left.next();
      } else if (order > 0) {
        if (await isThere(target, b.value!.key)) report.extra++;
        b = await right.next();
      } else {
        const value = serializeValue(a.value!.value);
        if (equalBytes(value, serializeValue(b.value!.value))) {
          report.equal++;
        } else {
          report.different++;
          report.first ??= a.value!.key;
        }
        bytes += a.value!.keyBytes.length + value.length - 1;
        if (report.equal % BATCH_SIZE === 0) options.onProgress?.({ entries: report.equal, bytes });
        [a, b] = await Promise.all([left.next(), right.next()]);
      }
    }
    return report;
  } finally {
    await Promise.all([left.return(undefined), right.return(undefined)]);
  }
}

async function isThere(kv: CopyKv, key: KvKey): Promise<boolean> {
  return (await kv.get(key)).versionstamp !== null;
}
