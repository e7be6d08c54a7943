/**
 * **What.** Atomic operations of Deno KV: checks, mutations and messages, committed together or not at all.
 *
 * **Invariants.**
 * 1. Between the first check and the write nothing else is written: what was checked holds when it is committed.
 * 2. Of an operation that fails, in a check or in a mutation, nothing is written.
 * 3. All that an operation sets has one versionstamp, which is greater than those before it.
 *
 * **Read next.** `kv.ts`
 *
 * @module
 */
import type { KvKey } from "./kv_key.ts";
import type { PreparedMessage } from "./kv_queue_message.ts";
import type { StoreQueue } from "./kv_queue_store.ts";
import { checkKeyLimit, checkLimit, checkObject, checkValueLimit } from "./kv_limits.ts";
import type { KvLimits } from "./kv_limits.ts";
import { entryKey, type KvCommit, type KvStore } from "./kv_store.ts";
import {
  deserializeValue,
  isCloned,
  KvU64,
  serializeU64,
  serializeValue,
  u64Of,
} from "./kv_value.ts";
import { describe } from "./options.ts";

/**
 * What a commit came to, if it was made.
 *
 * @example The versionstamp of what was set
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvCommitResult, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * const result: KvCommitResult = await kv.set(["key"], "value");
 * assertEquals((await kv.get(["key"])).versionstamp, result.versionstamp);
 * ```
 *
 * @category Deno KV
 */
export interface KvCommitResult {
  /** It was made. */
  ok: true;
  /** The versionstamp of all that it set. */
  versionstamp: string;
}

/**
 * What a commit came to, if a check failed.
 *
 * @example A key that is taken
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvCommitError, type KvCommitResult, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("users", { fileSystem: new MemoryFileSystem() });
 * const claim = (name: string): Promise<KvCommitResult | KvCommitError> =>
 *   kv.atomic().check({ key: [name], versionstamp: null }).set([name], "taken").commit();
 * assertEquals([(await claim("ada")).ok, (await claim("ada")).ok], [true, false]);
 * ```
 *
 * @category Deno KV
 */
export interface KvCommitError {
  /** It was not made. */
  ok: false;
}

/**
 * What must hold of a key for an operation to be committed.
 *
 * @example Nobody else was faster
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type AtomicCheck, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * const { versionstamp } = await kv.get(["stock"]);
 * await kv.set(["stock"], 7); // somebody else
 * const check: AtomicCheck = { key: ["stock"], versionstamp };
 * assertEquals(await kv.atomic().check(check).set(["stock"], 8).commit(), { ok: false });
 * ```
 *
 * @category Deno KV
 */
export interface AtomicCheck {
  /** The key. */
  key: KvKey;
  /** The versionstamp that it must have; `null` if it must not be there. */
  versionstamp: string | null;
}

/**
 * A change of one key.
 *
 * - `set` gives it a value, and a time to live in milliseconds if `expireIn` is given.
 * - `delete` removes it. It need not be there.
 * - `sum` adds a {@linkcode KvU64} to the one that is there, modulo 2^64; `min` and `max` keep the lesser or the
 *   greater one. Without one there the key is set. `sum` also adds a number to a number, and a bigint to a bigint.
 *
 * @example Changes made from data
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvMutation, KvU64, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("data", { fileSystem: new MemoryFileSystem() });
 * const mutations: KvMutation[] = [
 *   { key: ["high"], type: "max", value: new KvU64(7n) },
 *   { key: ["high"], type: "max", value: new KvU64(5n) },
 *   { key: ["name"], type: "set", value: "Ada", expireIn: 60_000 },
 * ];
 * await kv.atomic().mutate(...mutations).commit();
 * assertEquals((await kv.get<KvU64>(["high"])).value?.value, 7n);
 * ```
 *
 * @category Deno KV
 */
export type KvMutation =
  & { key: KvKey }
  & (
    | { type: "set"; value: unknown; expireIn?: number }
    | { type: "delete" }
    | { type: "sum"; value: KvU64 }
    | { type: "max"; value: KvU64 }
    | { type: "min"; value: KvU64 }
  );

/**
 * How a message is put into the queue.
 *
 * @example What is left of a message that nobody could handle
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type EnqueueOptions, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("letters", { fileSystem: new MemoryFileSystem() });
 * let tries = 0;
 * kv.listenQueue(() => {
 *   tries++;
 *   throw new Error("nobody is at home");
 * });
 * const options: EnqueueOptions = { backoffSchedule: [1, 5], keysIfUndelivered: [["failed", "ada"]] };
 * await kv.enqueue({ to: "ada" }, options);
 * for await (const [failed] of kv.watch<[unknown]>([["failed", "ada"]])) {
 *   if (failed.value === null) continue;
 *   assertEquals(failed.value, { to: "ada" });
 *   break;
 * }
 * assertEquals(tries, 3); // at once, and twice again
 * ```
 *
 * @category Deno KV
 */
export interface EnqueueOptions {
  /**
   * After how many milliseconds it is to be delivered: 30 days at most.
   *
   * @default {0}
   */
  delay?: number;
  /**
   * Keys that are set to the message if every try has failed, in the commit that removes it.
   *
   * @default {[]}
   */
  keysIfUndelivered?: KvKey[];
  /**
   * After how many milliseconds to try again, once for each: at most five, of an hour at most.
   *
   * @default {[100, 1000, 5000, 30_000, 60_000]}
   */
  backoffSchedule?: number[];
}

/**
 * Checks and mutations that are committed together or not at all. Nothing happens before
 * {@linkcode AtomicOperation.commit}. An operation may be committed more than once: each is a commit of its own.
 *
 * @example Money that is neither lost nor made
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using kv = await openKv("accounts", { fileSystem: new MemoryFileSystem() });
 * await kv.atomic().set(["Ada"], 70).set(["Bob"], 30).commit();
 *
 * let committed = false;
 * while (!committed) { // somebody else may be faster
 *   const [ada, bob] = await kv.getMany<[number, number]>([["Ada"], ["Bob"]]);
 *   const operation = kv.atomic().check(ada, bob)
 *     .set(["Ada"], ada.value! - 10).set(["Bob"], bob.value! + 10);
 *   committed = (await operation.commit()).ok;
 * }
 * assertEquals((await kv.get(["Bob"])).value, 40);
 * ```
 *
 * @category Deno KV
 */
export interface AtomicOperation {
  /**
   * Adds checks.
   *
   * @param checks The checks. An entry that was read is one.
   * @returns The operation.
   * @throws {TypeError} If a key or a versionstamp is none.
   */
  check(...checks: AtomicCheck[]): this;
  /**
   * Adds mutations, which are done in order.
   *
   * @param mutations The mutations.
   * @returns The operation.
   * @throws {TypeError} If a key or a type is none, or a value cannot be stored.
   */
  mutate(...mutations: KvMutation[]): this;
  /**
   * Adds to a {@linkcode KvU64}, modulo 2^64.
   *
   * @param key The key. If it is not there, it is set.
   * @param n What to add.
   * @returns The operation.
   * @throws {TypeError} If the key is none, or `n` no bigint.
   * @throws {RangeError} If `n` is negative, or has more than 64 bits.
   */
  sum(key: KvKey, n: bigint): this;
  /**
   * Keeps the lesser {@linkcode KvU64}.
   *
   * @param key The key. If it is not there, it is set.
   * @param n The other one.
   * @returns The operation.
   * @throws {TypeError} If the key is none, or `n` no bigint.
   * @throws {RangeError} If `n` is negative, or has more than 64 bits.
   */
  min(key: KvKey, n: bigint): this;
  /**
   * Keeps the greater {@linkcode KvU64}.
   *
   * @param key The key. If it is not there, it is set.
   * @param n The other one.
   * @returns The operation.
   * @throws {TypeError} If the key is none, or `n` no bigint.
   * @throws {RangeError} If `n` is negative, or has more than 64 bits.
   */
  max(key: KvKey, n: bigint): this;
  /**
   * Sets a key.
   *
   * @param key The key. Its last part may be {@linkcode Kv.commitVersionstamp}.
   * @param value Its value. Both are copied at once: changing them later changes nothing.
   * @param options With `expireIn`: after how many milliseconds from the commit on it is not there any more.
   * @returns The operation.
   * @throws {TypeError} If the key is none, or the value cannot be stored.
   */
  set(key: KvKey, value: unknown, options?: { expireIn?: number }): this;
  /**
   * Removes a key.
   *
   * @param key The key. It need not be there.
   * @returns The operation.
   * @throws {TypeError} If the key is none.
   */
  delete(key: KvKey): this;
  /**
   * Puts a message into the queue.
   *
   * @param value The message.
   * @param options When it is to be delivered, and what if it cannot be.
   * @returns The operation.
   * @throws {TypeError} If the message cannot be stored, or an option is out of range.
   */
  enqueue(value: unknown, options?: EnqueueOptions): this;
  /**
   * Commits it.
   *
   * @returns The versionstamp of all that it set; or, if a check failed, that nothing was done.
   * @throws {TypeError} If a mutation does not fit what is there, or a limit is exceeded: nothing was done.
   * @throws {VarveError} As every write: see {@linkcode Kv}.
   */
  commit(): Promise<KvCommitResult | KvCommitError>;
}

/** Stands at the end of a key for the versionstamp of the commit. */
export const COMMIT_VERSIONSTAMP: unique symbol = Symbol("KvCommitVersionstamp");

type Kind = "set" | "delete" | "sum" | "min" | "max";

interface Mutation {
  readonly kind: Kind;
  readonly key: Uint8Array;
  /** Whether the versionstamp is the key's last part. */
  readonly isStamped: boolean;
  /** What is set or added, serialized. */
  readonly value: Uint8Array;
  readonly expireIn: number | undefined;
}

const NO_VALUE = new Uint8Array(0);
const latin1 = new TextDecoder("latin1");

/** Refuses a time to live that is none. */
function checkExpireIn(expireIn: unknown): void {
  if (expireIn === undefined) return;
  if (typeof expireIn === "number" && Number.isInteger(expireIn) && expireIn >= 0) return;
  throw new TypeError(
    `Cannot set: expireIn must be a whole number from 0 on, got ${describe(expireIn)}`,
  );
}

/**
 * When something expires.
 *
 * @param now The time.
 * @param expireIn After how many milliseconds; none for never.
 * @returns The time, 0 for never.
 * @throws {TypeError} If it is too far away to be told apart from the millisecond after it.
 */
function expiryOf(now: number, expireIn: number | undefined): number {
  if (expireIn === undefined) return 0;
  const expiresAt = now + expireIn;
  if (Number.isSafeInteger(expiresAt)) return Math.max(1, expiresAt);
  throw new TypeError(`Cannot set: expireIn is too large: ${expireIn}`);
}

/** One operation. */
export class KvOperation implements AtomicOperation {
  readonly #store: KvStore;
  readonly #limits: KvLimits;
  readonly #messages: StoreQueue;
  readonly #checks: { key: Uint8Array; versionstamp: string | null }[] = [];
  readonly #mutations: Mutation[] = [];
  readonly #enqueued: PreparedMessage[] = [];
  /** The bytes of its keys and values, as the limits count them. */
  #totalBytes = 0;
  #totalKeyBytes = 0;

  /**
   * Begins an operation.
   *
   * @param store What it is on.
   * @param limits How much it may do.
   * @param messages Where what it enqueues goes.
   */
  constructor(store: KvStore, limits: KvLimits, messages: StoreQueue) {
    this.#store = store;
    this.#limits = limits;
    this.#messages = messages;
  }

  /** {@inheritDoc} */
  check(...checks: AtomicCheck[]): this {
    for (const check of checks) checkObject("check", check);
    for (const { key, versionstamp } of checks) {
      const stored = this.#writableKey("check", key);
      this.#checks.push({ key: stored, versionstamp: checkedVersionstamp(versionstamp) });
      this.#totalBytes += stored.length - 1;
    }
    return this;
  }

  /** {@inheritDoc} */
  mutate(...mutations: KvMutation[]): this {
    for (const mutation of mutations) {
      checkObject("mutate", mutation);
      const { key, type, value, expireIn } = mutation as {
        key: KvKey;
        type: Kind;
        value?: unknown;
        expireIn?: unknown;
      };
      switch (type) {
        case "delete":
          if (value) throw new TypeError("Cannot mutate: delete takes no value");
          this.delete(key);
          break;
        case "set":
        case "sum":
        case "min":
        case "max": {
          if (!Object.hasOwn(mutation, "value")) {
            throw new TypeError(`Cannot mutate: ${type} needs a value`);
          }
          const lifetime = type === "set" && typeof expireIn === "number" ? expireIn : undefined;
          checkExpireIn(lifetime);
          this.#add(type, key, serializeValue(value), lifetime);
          break;
        }
        default:
          throw new TypeError(`Cannot mutate: there is no type ${describe(type)}`);
      }
    }
    return this;
  }

  /** {@inheritDoc} */
  sum(key: KvKey, n: bigint): this {
    return this.#add("sum", key, serializeU64(new KvU64(n).value));
  }

  /** {@inheritDoc} */
  min(key: KvKey, n: bigint): this {
    return this.#add("min", key, serializeU64(new KvU64(n).value));
  }

  /** {@inheritDoc} */
  max(key: KvKey, n: bigint): this {
    return this.#add("max", key, serializeU64(new KvU64(n).value));
  }

  /** {@inheritDoc} */
  set(key: KvKey, value: unknown, options?: { expireIn?: number }): this {
    const { expireIn } = options ?? {};
    checkExpireIn(expireIn);
    return this.#add("set", key, serializeValue(value), expireIn);
  }

  /** {@inheritDoc} */
  delete(key: KvKey): this {
    const stored = this.#writableKey("delete", key);
    const mutation = { kind: "delete", key: stored, isStamped: false } as const;
    this.#mutations.push({ ...mutation, value: NO_VALUE, expireIn: undefined });
    this.#totalBytes += stored.length - 1;
    return this;
  }

  /** {@inheritDoc} */
  enqueue(value: unknown, options?: EnqueueOptions): this {
    const message = this.#messages.prepare(value, options);
    this.#enqueued.push(message);
    this.#totalBytes += message.byteLength;
    return this;
  }

  /** Throws, so that an operation that is awaited without being committed does not go unnoticed. */
  then(): never {
    throw new TypeError("Cannot await an atomic operation: it is to be committed, with commit()");
  }

  /** {@inheritDoc} */
  async commit(): Promise<KvCommitResult | KvCommitError> {
    this.#checkLimits();
    this.#store.assertWritable();
    // In the middle of other work nothing is written at once, and what is checked has to hold until it is written.
    if (this.#store.isTelling) await undefined;
    for (const { key, versionstamp } of this.#checks) {
      const found = this.#store.getSync(key)?.versionstamp ?? null;
      if (found !== versionstamp) return { ok: false };
    }
    const commit = this.#store.begin();
    const { versionstamp, versionstampBytes } = commit;
    this.#apply(commit);
    const messages = this.#enqueued.length === 0
      ? []
      : this.#messages.add(commit, versionstampBytes, this.#enqueued);
    const done = this.#store.commit(commit);
    if (messages.length > 0) this.#messages.added(messages);
    await done;
    return { ok: true, versionstamp };
  }

  #checkLimits(): void {
    const { checks, mutations, totalBytes, totalKeyBytes } = this.#limits;
    checkLimit("commit", "checks", this.#checks.length, checks);
    const count = this.#mutations.length + this.#enqueued.length;
    checkLimit("commit", "mutations", count, mutations);
    checkLimit("commit", "bytes of keys and values", this.#totalBytes, totalBytes);
    checkLimit("commit", "bytes of keys", this.#totalKeyBytes, totalKeyBytes);
  }

  #writableKey(action: string, key: KvKey): Uint8Array {
    const stored = entryKey(key);
    if (key.length === 0) throw new TypeError(`Cannot ${action}: key must not be empty`);
    checkKeyLimit(action, stored, this.#limits.keyBytes);
    return stored;
  }

  #add(kind: Kind, key: KvKey, value: Uint8Array, expireIn?: number): this {
    const isStamped = kind === "set" && Array.isArray(key) && key.at(-1) === COMMIT_VERSIONSTAMP;
    const stored = this.#writableKey(kind, isStamped ? key.slice(0, -1) : key);
    checkValueLimit(kind, value, this.#limits);
    this.#mutations.push({ kind, key: stored, isStamped, value, expireIn });
    const keyBytes = stored.length - 1;
    this.#totalKeyBytes += keyBytes;
    this.#totalBytes += 2 * keyBytes + value.length - 1;
    return this;
  }

  /** Adds the mutations to a commit. If it throws, the commit is to be forgotten. */
  #apply(commit: KvCommit): void {
    const now = this.#store.now();
    const changed = new Map<string, Uint8Array | undefined>();
    const depends = this.#mutations.some(({ kind }) => kind !== "set" && kind !== "delete");
    for (const { kind, key, isStamped, value, expireIn } of this.#mutations) {
      const target = isStamped ? stampedKey(key, commit.versionstamp) : key;
      let written: Uint8Array | undefined = value;
      const expiresAt = expiryOf(now, expireIn);
      if (kind === "delete") {
        commit.remove(target);
        written = undefined;
      } else {
        if (kind !== "set") {
          const name = latin1.decode(target);
          const present = changed.has(name)
            ? changed.get(name)
            : this.#store.getSync(target)?.serialized;
          written = combined(kind, present, value);
        }
        commit.set(target, written, expiresAt);
        if (expiresAt !== 0 && expiresAt <= now) written = undefined;
      }
      if (depends) changed.set(latin1.decode(target), written);
    }
  }
}

/** A key with the versionstamp as its last part, which is a string. */
function stampedKey(key: Uint8Array, versionstamp: string): Uint8Array {
  const part = entryKey([versionstamp]);
  const stamped = new Uint8Array(key.length + part.length - 1);
  stamped.set(key);
  stamped.set(part.subarray(1), key.length);
  return stamped;
}

function checkedVersionstamp(versionstamp: unknown): string | null {
  if (versionstamp === null || versionstamp === undefined) return null;
  if (typeof versionstamp === "string" && /^[0-9a-f]{20}$/i.test(versionstamp)) {
    return versionstamp.toLowerCase();
  }
  throw new TypeError(
    `Cannot check: versionstamp must be null or 20 hexadecimal digits, got ${
      describe(versionstamp)
    }`,
  );
}

/**
 * What comes of `sum`, `min` or `max`.
 *
 * @param kind Which.
 * @param present What is there, serialized; `undefined` if nothing is.
 * @param operand What is to be added, serialized.
 * @returns What is to be there, serialized.
 */
function combined(
  kind: "sum" | "min" | "max",
  present: Uint8Array | undefined,
  operand: Uint8Array,
): Uint8Array {
  const integer = u64Of(operand);
  if (integer === undefined) {
    if (kind === "sum") return clonedSum(present, operand);
    throw new TypeError(`Cannot ${kind}: the operand must be a KvU64`);
  }
  if (present === undefined) return operand;
  const other = u64Of(present);
  if (other === undefined) {
    throw new TypeError(`Cannot ${kind}: the value in the database is no KvU64`);
  }
  switch (kind) {
    case "sum":
      return serializeU64(other + integer);
    case "min":
      return integer < other ? operand : present;
    case "max":
      return integer > other ? operand : present;
  }
}

/** The sum of two numbers, or of two bigints; a bigint is added to a 64-bit integer if it is one, too. */
function clonedSum(present: Uint8Array | undefined, operand: Uint8Array): Uint8Array {
  const added = isCloned(operand) ? deserializeValue(operand) : undefined;
  if (typeof added !== "number" && typeof added !== "bigint") {
    throw new TypeError("Cannot sum: the operand must be a KvU64, a number or a bigint");
  }
  if (present === undefined) return operand;
  const integer = u64Of(present);
  if (integer !== undefined) {
    if (typeof added === "bigint" && added === BigInt.asUintN(64, added)) {
      return serializeU64(integer + added);
    }
    throw new TypeError(`Cannot sum: the value in the database is a KvU64, got ${describe(added)}`);
  }
  const value = isCloned(present) ? deserializeValue(present) : undefined;
  if (typeof value === "number" && typeof added === "number") return serializeValue(value + added);
  if (typeof value === "bigint" && typeof added === "bigint") return serializeValue(value + added);
  throw new TypeError(`Cannot sum: the value in the database is not a ${typeof added}`);
}
