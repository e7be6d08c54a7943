/**
 * **What.** Ranges of Deno KV: selectors and cursors as bounds of bytes, and the iterator that reads them batch by
 * batch.
 *
 * **Format.**
 * ```text
 * cursor := the bytes of the last key that was read, without those that all keys of the selector begin with,
 *           in base64url; empty at the end
 * ```
 * The same as the runtime's.
 *
 * **Invariants.**
 * 1. An entry is given if it is in the range, and not expired, when its batch is read: each batch is one moment,
 *    two may be two.
 * 2. A list that begins at a cursor gives what the one that it is from had still to give.
 * 3. No cursor reaches outside its selector.
 *
 * **Read next.** `kv_watch.ts`
 *
 * @module
 */
import { compareArrays } from "./bytes.ts";
import type { KvKey } from "./kv_key.ts";
import { checkKeyLimit, checkLimit, type KvLimits } from "./kv_limits.ts";
import { entryKey, keyOfEntry, type KvStore, type StoredEntry } from "./kv_store.ts";
import { describe, KEY_BYTES_MAX } from "./options.ts";

/**
 * How recent a read has to be. There is one copy of a database here: every read is strong, and both are taken.
 *
 * @example Either
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvConsistencyLevel, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * await kv.set(["key"], "value");
 * const consistency: KvConsistencyLevel = "eventual";
 * assertEquals((await kv.get(["key"], { consistency })).value, "value");
 * ```
 *
 * @category Deno KV
 */
export type KvConsistencyLevel = "strong" | "eventual";

/**
 * A key with its value, and the versionstamp of the commit that set it.
 *
 * @example What a list gives
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvEntry, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * const { versionstamp } = await kv.set(["key"], "value");
 * const entries: KvEntry<string>[] = await Array.fromAsync(kv.list<string>({ prefix: [] }));
 * assertEquals(entries, [{ key: ["key"], value: "value", versionstamp }]);
 * ```
 *
 * @typeParam T What the value is.
 * @category Deno KV
 */
export interface KvEntry<T> {
  /** The key. */
  key: KvKey;
  /** Its value. */
  value: T;
  /** Twenty digits, greater for each later commit. */
  versionstamp: string;
}

/**
 * A {@linkcode KvEntry}, or that there is none for the key: then value and versionstamp are `null`. The value of an
 * entry may be `null`, too; its versionstamp is not.
 *
 * @example Two kinds of null
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvEntryMaybe, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * await kv.set(["here"], null);
 * const isThere = ({ versionstamp }: KvEntryMaybe<unknown>) => versionstamp !== null;
 * const [here, nowhere] = await kv.getMany([["here"], ["nowhere"]]);
 * assertEquals([isThere(here), isThere(nowhere)], [true, false]);
 * ```
 *
 * @typeParam T What the value is.
 * @category Deno KV
 */
export type KvEntryMaybe<T> = KvEntry<T> | { key: KvKey; value: null; versionstamp: null };

/**
 * Which entries to list: those whose keys begin with the parts of a prefix and have more, from a key on or up to before
 * one if that is given; or those from one key on and up to before another one.
 *
 * @example Four selections
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvListSelector, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * for (let i = 1; i <= 4; i++) await kv.set(["n", i], i);
 * const list = (selector: KvListSelector) =>
 *   Array.fromAsync(kv.list<number>(selector), ({ value }) => value);
 * assertEquals(await list({ prefix: ["n"] }), [1, 2, 3, 4]);
 * assertEquals(await list({ prefix: ["n"], start: ["n", 3] }), [3, 4]);
 * assertEquals(await list({ prefix: ["n"], end: ["n", 3] }), [1, 2]);
 * assertEquals(await list({ start: ["n", 2], end: ["n", 4] }), [2, 3]);
 * ```
 *
 * @category Deno KV
 */
export type KvListSelector =
  | { prefix: KvKey }
  | { prefix: KvKey; start: KvKey }
  | { prefix: KvKey; end: KvKey }
  | { start: KvKey; end: KvKey };

/**
 * How to list.
 *
 * @example Pages
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvListOptions, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * for (let i = 1; i <= 5; i++) await kv.set(["n", i], i);
 * const pages: number[][] = [];
 * const options: KvListOptions = { limit: 2, reverse: true };
 * do {
 *   const page = kv.list<number>({ prefix: ["n"] }, options);
 *   pages.push(await Array.fromAsync(page, ({ value }) => value));
 *   options.cursor = page.cursor;
 * } while (pages.at(-1)!.length === 2);
 * assertEquals(pages, [[5, 4], [3, 2], [1]]);
 * ```
 *
 * @category Deno KV
 */
export interface KvListOptions {
  /**
   * At most this many entries.
   *
   * @default {Infinity}
   */
  limit?: number;
  /** Where to go on: what {@linkcode KvListIterator.cursor} was of another list with the same selector and order. */
  cursor?: string;
  /**
   * Whether to go from the last key to the first.
   *
   * @default {false}
   */
  reverse?: boolean;
  /**
   * Both are the same here.
   *
   * @default {"strong"}
   */
  consistency?: KvConsistencyLevel;
  /**
   * How many entries are read at a time, as of one moment.
   *
   * @default {the limit, or 100; at most 500}
   */
  batchSize?: number;
}

/**
 * Entries in order, to be gone through with `for await`.
 *
 * @example How far it came
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvListIterator, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * for (const name of ["a", "b", "c"]) await kv.set([name], name);
 * const first: KvListIterator<string> = kv.list<string>({ prefix: [] });
 * assertEquals((await first.next()).value?.value, "a");
 * const rest = kv.list<string>({ prefix: [] }, { cursor: first.cursor });
 * assertEquals(await Array.fromAsync(rest, ({ value }) => value), ["b", "c"]);
 * ```
 *
 * @typeParam T What the values are.
 * @category Deno KV
 */
export interface KvListIterator<T> extends AsyncIterableIterator<KvEntry<T>> {
  /** Where another list goes on from here; empty when there is no more. Throws before the first entry is asked for. */
  readonly cursor: string;
  /**
   * The next entry.
   *
   * @returns It, or that there is none.
   * @throws {VarveError} As every read: see {@linkcode Kv}.
   */
  next(): Promise<IteratorResult<KvEntry<T>, undefined>>;
  /**
   * The iterator itself.
   *
   * @returns The iterator.
   */
  [Symbol.asyncIterator](): KvListIterator<T>;
}

const BATCH_DEFAULT = 100;
/** Unless one asks for more, in a batch. */
const BATCH_DEFAULT_MAX = 500;

/** A selector as bytes. */
interface Range {
  /** What all keys in it begin with. */
  readonly common: Uint8Array;
  /** The first key that may be in it. */
  readonly start: Uint8Array;
  /** The first key after it. */
  readonly end: Uint8Array;
}

function joined(bytes: Uint8Array, ...more: number[]): Uint8Array {
  const whole = new Uint8Array(bytes.length + more.length);
  whole.set(bytes);
  whole.set(more, bytes.length);
  return whole;
}

/** A bound within a prefix: longer than it, too. */
function boundIn(prefix: Uint8Array, name: string, key: Uint8Array): Uint8Array {
  if (key.length > prefix.length && prefix.every((byte, i) => byte === key[i])) return key;
  throw new TypeError(`Cannot list: the ${name} key does not begin with the prefix`);
}

function rangeOf(selector: KvListSelector): Range {
  if (typeof selector !== "object" || selector === null) {
    throw new TypeError(`Cannot list: selector must be an object, got ${describe(selector)}`);
  }
  const encode = (key: KvKey | undefined) => key === undefined ? undefined : entryKey(key);
  const keys: { prefix?: KvKey; start?: KvKey; end?: KvKey } = selector;
  const prefix = encode(keys.prefix);
  const start = encode(keys.start);
  const end = encode(keys.end);
  if (prefix === undefined) {
    if (start === undefined || end === undefined) {
      throw new TypeError("Cannot list: selector must have a prefix, or both start and end");
    }
    if (compareArrays(start, end) > 0) throw new TypeError("Cannot list: start comes after end");
    let shared = 0;
    while (shared < start.length && start[shared] === end[shared]) shared++;
    return { common: start.subarray(0, shared), start, end };
  }
  if (start !== undefined && end !== undefined) {
    throw new TypeError("Cannot list: selector with a prefix must not have both start and end");
  }
  return {
    common: prefix,
    start: start === undefined ? joined(prefix, 0x00) : boundIn(prefix, "start", start),
    end: end === undefined ? joined(prefix, 0xff) : boundIn(prefix, "end", end),
  };
}

function encodeCursor(common: Uint8Array, key: Uint8Array): string {
  let binary = "";
  for (let i = common.length; i < key.length; i++) binary += String.fromCharCode(key[i]!);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_");
}

/** What is left of a range behind a cursor. */
function rangeAfter(range: Range, cursor: string, reverse: boolean): Range {
  if (typeof cursor !== "string") {
    throw new TypeError(`Cannot list: cursor must be a string, got ${describe(cursor)}`);
  }
  if (cursor === "") return range;
  let binary: string;
  try {
    binary = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch (cause) {
    throw new TypeError(`Cannot list: cursor is none that a list had: ${describe(cursor)}`, {
      cause,
    });
  }
  if (binary.length > KEY_BYTES_MAX) {
    throw new TypeError(
      `Cannot list: cursor of ${cursor.length} characters is none that a list had`,
    );
  }
  const { common, start, end } = range;
  const at = joined(common, ...Array.from(binary, (character) => character.charCodeAt(0)));
  return reverse
    ? { common, start, end: least(at, end) }
    : { common, start: greatest(joined(at, 0), start), end };
}

function least(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareArrays(a, b) < 0 ? a : b;
}

function greatest(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareArrays(a, b) > 0 ? a : b;
}

function checkCount(name: string, value: unknown): void {
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return;
  throw new RangeError(
    `Cannot list: ${name} must be a whole number from 1 on, got ${describe(value)}`,
  );
}

/** Refuses a level of consistency that there is not. */
export function checkConsistency(action: string, consistency: unknown): void {
  if (consistency === undefined || consistency === "strong" || consistency === "eventual") return;
  throw new TypeError(
    `Cannot ${action}: consistency must be "strong" or "eventual", got ${describe(consistency)}`,
  );
}

/** Reads a range batch by batch. */
export class KvLister<T> implements KvListIterator<T> {
  readonly #store: KvStore;
  readonly #reverse: boolean;
  readonly #batchSize: number;
  readonly #common: Uint8Array;
  #rest: Range;
  #left: number;
  #batch: [key: Uint8Array, entry: StoredEntry][] = [];
  /** Where in the batch the next entry is. */
  #at = 0;
  #isLastBatch = false;
  /** The key of the last entry that was given. */
  #lastKey: Uint8Array | undefined;
  #cursor: string | undefined;

  /**
   * Begins a list.
   *
   * @param store Where from.
   * @param selector Which entries.
   * @param options How.
   * @param limits How much at a time.
   * @throws {TypeError} If the selector, the cursor or the level of consistency is none.
   * @throws {RangeError} If limit or batch size is not a whole number from 1 on.
   */
  constructor(
    store: KvStore,
    selector: KvListSelector,
    options: KvListOptions,
    limits: KvLimits,
  ) {
    if (typeof options !== "object" || options === null) {
      throw new TypeError(`Cannot list: options must be an object, got ${describe(options)}`);
    }
    const { limit, batchSize, reverse = false, consistency } = options;
    const cursor = options.cursor ?? undefined; // null is what a page's address has without one
    if (limit !== undefined) checkCount("limit", limit);
    if (batchSize !== undefined) checkCount("batchSize", batchSize);
    this.#batchSize = batchSize ?? Math.min(limit ?? BATCH_DEFAULT, BATCH_DEFAULT_MAX);
    checkLimit("list", "entries in a batch", this.#batchSize, limits.batchSize);
    checkConsistency("list", consistency);
    const range = rangeOf(selector);
    checkKeyLimit("list", range.start, limits.boundBytes);
    checkKeyLimit("list", range.end, limits.boundBytes);
    this.#store = store;
    this.#reverse = Boolean(reverse);
    this.#common = range.common;
    this.#rest = cursor === undefined ? range : rangeAfter(range, cursor, this.#reverse);
    this.#cursor = cursor === "" ? undefined : cursor;
    this.#left = limit ?? Infinity;
  }

  /** {@inheritDoc} */
  get cursor(): string {
    if (this.#lastKey !== undefined) return encodeCursor(this.#common, this.#lastKey);
    if (this.#cursor !== undefined) return this.#cursor;
    throw new Error("Cannot get cursor: no entry was asked for yet");
  }

  /** {@inheritDoc} */
  async next(): Promise<IteratorResult<KvEntry<T>, undefined>> {
    if (this.#left === 0) return { done: true, value: undefined };
    let turn: Promise<void> | undefined;
    if (this.#at === this.#batch.length && !this.#isLastBatch) {
      this.#read();
      turn = this.#store.turn();
    }
    const next = this.#batch[this.#at];
    if (next === undefined) {
      this.#left = 0;
      this.#lastKey = undefined;
      this.#cursor = "";
      return { done: true, value: undefined };
    }
    this.#at++;
    this.#left--;
    const [key, entry] = next;
    this.#lastKey = key;
    if (turn !== undefined) await turn;
    const value = entry.value as T;
    return {
      done: false,
      value: { key: keyOfEntry(key), value, versionstamp: entry.versionstamp },
    };
  }

  /** Reads the next batch: at once, so that two calls of `next` never read the same one. */
  #read(): void {
    const { start, end, common } = this.#rest;
    this.#batch = [];
    this.#at = 0;
    if (compareArrays(start, end) < 0) {
      for (const found of this.#store.range(start, end, this.#reverse)) {
        this.#batch.push(found);
        if (this.#batch.length === this.#batchSize) break;
      }
    }
    const last = this.#batch.at(-1);
    this.#isLastBatch = this.#batch.length < this.#batchSize;
    if (last === undefined) return;
    this.#rest = this.#reverse
      ? { common, start, end: last[0] }
      : { common, start: joined(last[0], 0), end };
  }

  /** {@inheritDoc} */
  [Symbol.asyncIterator](): this {
    return this;
  }
}
