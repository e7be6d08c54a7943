/**
 * **What.** How much of Deno KV may be asked for at a time: without limits of its own, or with those of the runtime,
 * for a program that is to run on either.
 *
 * **Invariants.**
 * 1. What is over a limit is a `TypeError`, as in the runtime, and nothing is written of it.
 *
 * **Read next.** `kv_store.ts`
 *
 * @module
 */
import { describe } from "./options.ts";

/** The most of each. */
export interface KvLimits {
  /** Bytes of a key. */
  readonly keyBytes: number;
  /** Bytes of a key that bounds a list, or is watched. */
  readonly boundBytes: number;
  /** Bytes of a value, serialized. */
  readonly valueBytes: number;
  /** Checks of an atomic operation. */
  readonly checks: number;
  /** Mutations of an atomic operation, what it enqueues included. */
  readonly mutations: number;
  /** Bytes of an atomic operation: its values, their keys, and the keys of all checks and mutations. */
  readonly totalBytes: number;
  /** Bytes of the keys of an atomic operation that have values. */
  readonly totalKeyBytes: number;
  /** Keys of one `getMany`. */
  readonly reads: number;
  /** Entries in a batch of `list`. */
  readonly batchSize: number;
  /** Keys of one `watch`. */
  readonly watchedKeys: number;
}

/** The limits of the runtime, as of Deno 2.9. */
export const DENO_LIMITS: KvLimits = {
  keyBytes: 2048,
  boundBytes: 2049,
  valueBytes: 65_536,
  checks: 100,
  mutations: 1000,
  totalBytes: 819_200,
  totalKeyBytes: 81_920,
  reads: 10,
  batchSize: 1000,
  watchedKeys: 10,
};

/** None but those of the engine. */
export const ENGINE_LIMITS: KvLimits = {
  keyBytes: Infinity,
  boundBytes: Infinity,
  valueBytes: Infinity,
  checks: Infinity,
  mutations: Infinity,
  totalBytes: Infinity,
  totalKeyBytes: Infinity,
  reads: Infinity,
  batchSize: Infinity,
  watchedKeys: Infinity,
};

/**
 * Refuses what is over a limit.
 *
 * @param action What is being done, for the error.
 * @param what What there is too much of, as in `"bytes of a key"`.
 * @param count How much there is.
 * @param limit How much there may be.
 * @throws {TypeError} If it is more.
 */
export function checkLimit(action: string, what: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw new TypeError(`Cannot ${action}: ${count} ${what} are over the limit of ${limit}`);
}

/**
 * Refuses a key over its limit.
 *
 * @param action What is being done, for the error.
 * @param key The key as it is in the database, behind a byte that does not count.
 * @param limit How many bytes it may have.
 * @throws {TypeError} If it is too long.
 */
export function checkKeyLimit(action: string, key: Uint8Array, limit: number): void {
  checkLimit(action, "bytes of a key", key.length - 1, limit);
}

/**
 * Refuses a value over its limit.
 *
 * @param action What is being done, for the error.
 * @param serialized The value, behind the byte that says what it is, which does not count.
 * @param limits The limits.
 * @throws {TypeError} If it is too long.
 */
export function checkValueLimit(action: string, serialized: Uint8Array, limits: KvLimits): void {
  checkLimit(action, "bytes of a value", serialized.length - 1, limits.valueBytes);
}

/**
 * Refuses what is no object.
 *
 * @param action What is being done, for the error.
 * @param value What should be one.
 * @throws {TypeError} If it is none.
 */
export function checkObject(action: string, value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  throw new TypeError(`Cannot ${action}: it takes objects, got ${describe(value)}`);
}
