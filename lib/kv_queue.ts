/**
 * **What.** The queue of a Deno KV database: messages are taken in the order of their deadlines and handed to the
 * listeners in turn, many at a time. A message stays in the database while it is handled and is removed when its
 * handler is done, so it is delivered at least once; it is tried again after a failure, and in the end its value is
 * set under the keys that were named for that.
 *
 * **Invariants.**
 * 1. A message is in the database until its handler is done. What is taken and not finished is delivered again after
 *    the database is opened anew, and that costs it no retry.
 * 2. The removal of a finished message is in the log before another message is taken. It is not synced: a power cut
 *    may repeat the messages that were finished since the last sync of anything, the death of the process none.
 * 3. A retry is one commit that moves the message to its new deadline. After the last one a commit removes it and
 *    sets its value under each of `keysIfUndelivered`, or does neither.
 * 4. At most {@linkcode RUNNING_MAX} messages of together at most {@linkcode RUNNING_BYTES_MAX} bytes, or one that
 *    is larger, are handled at a time, over all listeners. How many wait costs no memory.
 * 5. There is one timer while somebody listens, and none otherwise. It waits for the earliest deadline, and never
 *    longer than {@linkcode SLEEP_MS_MAX}: a clock may be set, and a machine may sleep.
 * 6. A message is taken once at a time, whatever is committed meanwhile and however the clock goes.
 *
 * **Read next.** `kv_queue_store.ts`
 *
 * @module
 */
import { compareBytes } from "./bytes.ts";
import { VarveError } from "./errors.ts";
import {
  decodeMessage,
  encodeMessage,
  encodeMessageKey,
  MESSAGE_KEY_PREFIX,
  messageDeadline,
  postponedMessageKey,
  type PreparedMessage,
} from "./kv_queue_message.ts";
import { describe } from "./options.ts";
import type { KvBatch, KvClock } from "./kv_store.ts";
import type { Database } from "./store.ts";

/** So many messages are handled at a time: as many as in the runtime. */
export const RUNNING_MAX = 100;
/** Those have so many bytes together, unless it is one that is larger. */
export const RUNNING_BYTES_MAX: number = 64 * 1024 * 1024;
/** The timer never waits longer. */
export const SLEEP_MS_MAX = 60_000;

const QUEUE_START: Uint8Array = Uint8Array.of(MESSAGE_KEY_PREFIX);
const QUEUE_END: Uint8Array = Uint8Array.of(MESSAGE_KEY_PREFIX + 1);
const NO_SYNC = { sync: false } as const;

/** Takes the value of a message; the message is finished when it returns, or when its promise resolves. */
export type QueueHandler = (value: unknown) => unknown;

/** What a queue is a part of. */
export interface QueueHost {
  /** The database. The queue has the keys that begin with {@linkcode MESSAGE_KEY_PREFIX}, and no others. */
  readonly database: Database<Uint8Array, Uint8Array>;
  /** The clock and the timers. A timer keeps the process alive. */
  readonly clock: KvClock;
  /** Turns a payload back to the value it was made of. */
  deserialize(payload: Uint8Array): unknown;
  /**
   * Sets one value under some keys, in one commit with what else it is given, and tells those who watch.
   *
   * @param keys The keys, as they were encoded for {@linkcode PreparedMessage.undeliveredKeys}.
   * @param payload The value, serialized.
   * @param add Adds to the batch of the commit.
   * @returns A promise that resolves when it is in the log.
   */
  setUndelivered(
    keys: readonly Uint8Array[],
    payload: Uint8Array,
    add: (batch: KvBatch) => void,
  ): Promise<void>;
  /** Is told what a handler threw. Must not throw. */
  report(error: unknown): void;
}

interface Listener {
  readonly handler: QueueHandler;
  readonly ended: PromiseWithResolvers<void>;
}

/** A message that is being handled. */
interface Taken {
  readonly key: Uint8Array;
  readonly id: string;
  readonly value: Uint8Array;
}

/** The queue of one database. */
export class KvQueue {
  readonly #host: QueueHost;
  readonly #runningBytesMax: number;
  readonly #listeners: Listener[] = [];
  /** The listener whose turn it is. */
  #turn = 0;
  /** The keys of the messages that are being handled. */
  readonly #running = new Set<string>();
  /** Their bytes. */
  #runningBytes = 0;
  /** How many handlers are done whose message is not out of the database yet. */
  #finishing = 0;
  /** No message before this key waits to be taken. So a walk does not pass what was removed before. */
  #from = QUEUE_START;
  #stopTimer: (() => void) | undefined;
  /** When the timer ends; `Infinity` without one. */
  #timerEnd = Infinity;
  #isClosed = false;

  /**
   * Makes a queue.
   *
   * @param host What it is a part of.
   * @param runningBytesMax How many bytes of messages are handled at a time.
   */
  constructor(host: QueueHost, runningBytesMax: number = RUNNING_BYTES_MAX) {
    this.#host = host;
    this.#runningBytesMax = runningBytesMax;
  }

  /**
   * Adds messages to a commit. When it is in the log, {@linkcode KvQueue.added} has to be told the keys.
   *
   * @param batch The batch of the commit.
   * @param versionstamp The ten bytes of its versionstamp.
   * @param messages The messages, in the order in which they were enqueued.
   * @returns Their keys.
   */
  add(
    batch: KvBatch,
    versionstamp: Uint8Array,
    messages: readonly PreparedMessage[],
  ): Uint8Array[] {
    const now = this.#host.clock.now();
    return messages.map((message, index) => {
      const key = encodeMessageKey(now + message.delayMs, versionstamp, index);
      batch.put(key, encodeMessage(message));
      return key;
    });
  }

  /**
   * Hears that messages are in the database now.
   *
   * @param keys Their keys.
   */
  added(keys: readonly Uint8Array[]): void {
    if (keys.length === 0) return;
    let first = keys[0]!;
    for (const key of keys) if (isBefore(key, first)) first = key;
    if (isBefore(first, this.#from)) this.#from = first;
    if (this.#listeners.length > 0) this.#wakeAt(messageDeadline(first));
  }

  /**
   * Hands messages to a handler, from now on until the database is closed. With several listeners each message goes
   * to one of them, in turn.
   *
   * @param handler Takes the value of a message. If it throws, the message is tried again.
   * @returns A promise that resolves when the database is closed, whether or not handlers are still running.
   * @throws {TypeError} If the handler is not a function.
   * @throws {VarveError} `CLOSED`; what the database failed with, if it did, after which nobody listens.
   */
  listen(handler: QueueHandler): Promise<void> {
    if (typeof handler !== "function") {
      const what = describe(handler);
      return Promise.reject(
        new TypeError(`Cannot listen to queue: the handler must be a function, got ${what}`),
      );
    }
    if (this.#isClosed) {
      return Promise.reject(
        new VarveError("CLOSED", "Cannot listen to queue: the database is closed"),
      );
    }
    const listener = { handler, ended: Promise.withResolvers<void>() };
    this.#listeners.push(listener);
    this.#wakeAt(this.#host.clock.now());
    return listener.ended.promise;
  }

  /** Ends the listeners. Handlers that are running are left to end; their messages will be delivered again. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    for (const { ended } of this.#listeners.splice(0)) ended.resolve();
  }

  // ——— When to look ———

  #wakeAt(time: number): void {
    if (this.#isClosed || this.#listeners.length === 0) return;
    const now = this.#host.clock.now();
    const end = Math.min(Math.max(time, now), now + SLEEP_MS_MAX);
    if (this.#stopTimer !== undefined && this.#timerEnd <= end) return;
    this.#cancelTimer();
    this.#timerEnd = end;
    this.#stopTimer = this.#host.clock.startTimer(() => {
      this.#stopTimer = undefined;
      this.#timerEnd = Infinity;
      this.#look();
    }, end - now);
  }

  #cancelTimer(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#timerEnd = Infinity;
  }

  // ——— Taking ———

  /** Takes what is due and has room, and sets the timer for what is not. */
  #look(): void {
    // Who finishes looks again. Until then the timer only keeps the process alive.
    let next = Infinity;
    let taken: Taken[] = [];
    if (this.#finishing === 0 && this.#running.size < RUNNING_MAX) {
      try {
        [taken, next] = this.#take();
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    this.#wakeAt(next);
    for (const message of taken) {
      // A handler may close the database.
      if (this.#isClosed) return;
      const listener = this.#listeners[this.#turn++ % this.#listeners.length]!;
      this.#deliver(message, listener);
    }
  }

  /** The messages to handle now, and when to look again. */
  #take(): [taken: Taken[], next: number] {
    const { database, clock } = this.#host;
    const now = clock.now();
    const taken: Taken[] = [];
    let next = Infinity;
    for (const [key, value] of database.entriesSync({ gte: this.#from, lt: QUEUE_END })) {
      const id = idOf(key);
      if (this.#running.has(id)) continue;
      const deadline = messageDeadline(key);
      if (deadline > now || !this.#hasRoomFor(value)) {
        // What was skipped comes before: it is being handled, and comes back with a key of its own, or not at all.
        this.#from = key;
        // Who finishes makes room, and looks.
        if (deadline > now) next = deadline;
        break;
      }
      this.#running.add(id);
      this.#runningBytes += value.length;
      this.#from = keyAfter(key);
      taken.push({ key, id, value });
    }
    return [taken, next];
  }

  #hasRoomFor(value: Uint8Array): boolean {
    const { size } = this.#running;
    return size === 0 ||
      (size < RUNNING_MAX && this.#runningBytes + value.length <= this.#runningBytesMax);
  }

  // ——— Delivering ———

  async #deliver(message: Taken, { handler }: Listener): Promise<void> {
    let isDone = false;
    try {
      await handler(this.#host.deserialize(decodeMessage(message.value).payload));
      isDone = true;
    } catch (error) {
      this.#host.report(error);
    }
    if (this.#isClosed) return;
    this.#finishing++;
    try {
      if (isDone) await this.#host.database.delete(message.key, NO_SYNC);
      else await this.#putBack(message);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#finishing--;
      this.#running.delete(message.id);
      this.#runningBytes -= message.value.length;
      this.#wakeAt(this.#host.clock.now());
    }
  }

  /** A handler failed: the message is tried again later, or not any more. */
  async #putBack({ key, value }: Taken): Promise<void> {
    const { database, clock } = this.#host;
    const { backoff, undeliveredKeys, payload } = decodeMessage(value);
    const [delay, ...rest] = backoff;
    if (delay !== undefined) {
      const later = postponedMessageKey(key, clock.now() + delay);
      const changed = encodeMessage({ backoff: rest, undeliveredKeys, payload });
      await database.batch().delete(key).put(later, changed).commit(NO_SYNC);
      this.added([later]);
    } else if (undeliveredKeys.length > 0) {
      await this.#host.setUndelivered(undeliveredKeys, payload, (batch) => batch.delete(key));
    } else {
      await database.delete(key, NO_SYNC);
    }
  }

  /** The database failed: nobody listens any more, until somebody listens again. */
  #fail(error: unknown): void {
    this.#cancelTimer();
    this.#from = QUEUE_START;
    for (const { ended } of this.#listeners.splice(0)) ended.reject(error);
  }
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, 0, a.length, b, 0, b.length) < 0;
}

/** The first key that comes after another one. */
function keyAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1);
  after.set(key);
  return after;
}

/** A key as a member of a set. */
function idOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}
