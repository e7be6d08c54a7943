/**
 * **What.** The queue of a store of Deno KV: values and keys as the store has them, messages in its commits, and its
 * limits.
 *
 * **Invariants.**
 * 1. What will be needed if a message is not delivered is checked when it is enqueued: no failure to deliver can fail
 *    for the size of a key or a value.
 * 2. What a handler throws is logged as an error, and nobody else is told.
 *
 * **Read next.** `kv_atomic.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import { checkKeyLimit, checkValueLimit, type KvLimits } from "./kv_limits.ts";
import { entryKey, type KvBatch, type KvStore } from "./kv_store.ts";
import { KvQueue, type QueueHandler } from "./kv_queue.ts";
import { type MessageOptions, type PreparedMessage, prepareMessage } from "./kv_queue_message.ts";
import type { KvKey } from "./kv_key.ts";
import { deserializeValue, serializeValue } from "./kv_value.ts";
import { type Logger, unfailing } from "./logger.ts";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "./options.ts";

/** What an entry has beside its key and value, and a commit for each of its entries, at most. */
const ENTRY_BYTES_MAX = 64;

/** The queue of one store. */
export class StoreQueue {
  readonly #store: KvStore;
  readonly #limits: KvLimits;
  readonly #queue: KvQueue;

  /**
   * Makes the queue.
   *
   * @param store The store.
   * @param limits How large a message may be.
   * @param logger Who is told what handlers throw.
   */
  constructor(store: KvStore, limits: KvLimits, logger: Logger) {
    this.#store = store;
    this.#limits = limits;
    const { database, clock } = store;
    const told = unfailing(logger);
    this.#queue = new KvQueue({
      database,
      clock,
      deserialize: deserializeValue,
      setUndelivered: (keys, payload, add) => this.#setUndelivered(keys, payload, add),
      report: (error) => told.log("error", "kv", `exception in queue handler: ${textOf(error)}`),
    });
  }

  /**
   * Checks a message and turns it to bytes.
   *
   * @param value The message.
   * @param options What is asked for.
   * @returns The message, and what it counts for in a commit.
   * @throws {TypeError} If an option is none, the value cannot be cloned, or something is over a limit.
   * @throws {VarveError} `TOO_LARGE` over a limit of the engine.
   */
  prepare(value: unknown, options: MessageOptions | undefined): PreparedMessage {
    const message = prepareMessage(value, options, {
      encodeKey: (key) => entryKey(key as KvKey),
      serialize: serializeValue,
    });
    const { payload, undeliveredKeys, byteLength } = message;
    checkValueLimit("enqueue", payload, this.#limits);
    for (const key of undeliveredKeys) {
      checkKeyLimit("enqueue", key, this.#limits.keyBytes);
      checkBytes("a key of keysIfUndelivered", key.length, KEY_BYTES_MAX);
    }
    const entries = undeliveredKeys.reduce(
      (sum, key) => sum + key.length + payload.length + ENTRY_BYTES_MAX,
      payload.length + ENTRY_BYTES_MAX,
    );
    checkBytes(
      "a message, with one value for each of keysIfUndelivered,",
      entries,
      VALUE_BYTES_MAX,
    );
    // Without the byte that says what the value is: it does not count.
    return { ...message, byteLength: byteLength - 1 };
  }

  /** As {@linkcode KvQueue.add}. */
  add(
    batch: KvBatch,
    versionstamp: Uint8Array,
    messages: readonly PreparedMessage[],
  ): Uint8Array[] {
    return this.#queue.add(batch, versionstamp, messages);
  }

  /** As {@linkcode KvQueue.added}. */
  added(keys: readonly Uint8Array[]): void {
    this.#queue.added(keys);
  }

  /** As {@linkcode KvQueue.listen}; rejects if the store may not be written to. */
  // deno-lint-ignore require-await -- so that what the store throws rejects
  async listen(handler: QueueHandler): Promise<void> {
    this.#store.assertWritable();
    return this.#queue.listen(handler);
  }

  /** As {@linkcode KvQueue.close}. */
  close(): void {
    this.#queue.close();
  }

  async #setUndelivered(
    keys: readonly Uint8Array[],
    payload: Uint8Array,
    add: (batch: KvBatch) => void,
  ): Promise<void> {
    const commit = this.#store.begin();
    for (const key of keys) commit.set(key, payload, 0);
    add(commit);
    await this.#store.commit(commit);
  }
}

function checkBytes(what: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new VarveError(
    "TOO_LARGE",
    `Cannot enqueue: ${what} takes ${bytes} bytes, over the limit of ${limit}`,
  );
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}
