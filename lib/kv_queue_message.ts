/**
 * **What.** A message of a queue: what a caller may ask for when it is enqueued, and its bytes in the database. Keys
 * are in the order of delivery, so the next message is always the first one.
 *
 * **Format.**
 * ```text
 * key   := 03 deadline:uint64 versionstamp:10 bytes index:uint32      big-endian: bytes in the order of numbers
 * value := count:varint delay:varint*                                 what is left of the backoff schedule, in ms
 *          count:varint (length:varint key)*                          where it goes if it is not delivered
 *          payload                                                    the value, serialized, to the end
 * ```
 * The deadline is in milliseconds since the epoch. Versionstamp and index are those of the commit that enqueued the
 * message and stay the same when it is tried again, so no two messages ever have the same key.
 *
 * **Invariants.**
 * 1. Of two messages the one with the earlier deadline comes first; with the same one, the one enqueued earlier.
 * 2. Nothing that {@linkcode prepareMessage} takes is refused later, except for what a commit holds in all.
 * 3. Bytes that are not a message are refused; nothing past their end is read.
 *
 * Source: the checks and their bounds are those of Deno 2.9's own queues.
 *
 * **Read next.** `kv_queue.ts`
 *
 * @module
 */
import { plainBytes } from "./bytes.ts";
import { putVarint, varintLength, VarintReader } from "./coding.ts";
import { describe } from "./options.ts";

/** The first byte of the key of every message. */
export const MESSAGE_KEY_PREFIX = 0x03;

/** How long a message may be kept back. */
export const DELAY_MS_MAX: number = 30 * 24 * 60 * 60 * 1000;
/** How long one interval of a backoff schedule may be. */
export const BACKOFF_MS_MAX: number = 60 * 60 * 1000;
/** How often a message may be tried again. */
export const BACKOFF_COUNT_MAX = 5;
/** When a message is tried again that came without a schedule of its own. */
export const DEFAULT_BACKOFF_SCHEDULE: readonly number[] = [100, 1000, 5000, 30_000, 60_000];

const VERSIONSTAMP_BYTES = 10;
const KEY_BYTES = 1 + 8 + VERSIONSTAMP_BYTES + 4;
const ID_START = 1 + 8;

/** What a caller may ask for. */
export interface MessageOptions {
  /** After how many milliseconds to deliver it. @default {0} */
  delay?: number;
  /** Keys that get the value if every delivery fails. @default {[]} */
  keysIfUndelivered?: readonly (readonly unknown[])[];
  /** After how many milliseconds to try again, once for each. @default {[100, 1000, 5000, 30000, 60000]} */
  backoffSchedule?: readonly number[];
}

/** A message that is checked and serialized, but not enqueued yet. */
export interface PreparedMessage {
  /** Counted from the commit on. */
  readonly delayMs: number;
  /** When to try again, in milliseconds from the failure on. */
  readonly backoff: readonly number[];
  /** Keys for the value if it is not delivered, encoded. */
  readonly undeliveredKeys: readonly Uint8Array[];
  /** The value, serialized. */
  readonly payload: Uint8Array;
  /** What it counts for in a commit with a bound in bytes. */
  readonly byteLength: number;
}

/** A message as it is stored, without its key. */
export type StoredMessage = Pick<PreparedMessage, "backoff" | "undeliveredKeys" | "payload">;

/** What turns keys and values of a caller to bytes. */
export interface MessageCodec {
  /** Encodes a key; throws if it is not one. */
  encodeKey(key: readonly unknown[]): Uint8Array;
  /** Serializes a value; throws if that is not possible. */
  serialize(value: unknown): Uint8Array;
}

/**
 * Checks a message and turns it to bytes.
 *
 * @param value The value.
 * @param options What the caller asks for.
 * @param codec What turns keys and values to bytes.
 * @returns The message.
 * @throws {TypeError} If an option is not what it should be, or what the codec throws.
 */
export function prepareMessage(
  value: unknown,
  options: MessageOptions | undefined,
  codec: MessageCodec,
): PreparedMessage {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new TypeError(`Cannot enqueue: options must be an object, got ${describe(options)}`);
  }
  const { delay, keysIfUndelivered, backoffSchedule } = options ?? {};
  const delayMs = delayOption(delay);
  const backoff = backoffOption(backoffSchedule);
  const undeliveredKeys = keysOption(keysIfUndelivered).map((key) => codec.encodeKey(key));
  const payload = codec.serialize(value);
  // As the runtime counts: an interval is four bytes to it, and the default schedule none.
  const byteLength = payload.length + 4 * (backoffSchedule?.length ?? 0);
  return { delayMs, backoff, undeliveredKeys, payload, byteLength };
}

// Null is as good as nothing, for keys, too: so it is in the runtime.
function delayOption(delay: number | null | undefined): number {
  if (delay === undefined || delay === null) return 0;
  if (typeof delay !== "number" || !(delay >= 0 && delay <= DELAY_MS_MAX)) {
    throw new TypeError(
      `Cannot enqueue: delay must be from 0 to ${DELAY_MS_MAX} ms, which is 30 days, got ${
        describe(delay)
      }`,
    );
  }
  return Math.floor(delay);
}

function backoffOption(schedule: readonly number[] | undefined): readonly number[] {
  if (schedule === undefined) return DEFAULT_BACKOFF_SCHEDULE;
  if (!Array.isArray(schedule)) {
    throw new TypeError(
      `Cannot enqueue: backoffSchedule must be an array, got ${describe(schedule)}`,
    );
  }
  if (schedule.length > BACKOFF_COUNT_MAX) {
    throw new TypeError(
      `Cannot enqueue: backoffSchedule must have at most ${BACKOFF_COUNT_MAX} intervals, got ${schedule.length}`,
    );
  }
  return Array.from(schedule as readonly unknown[], (interval, index) => {
    if (typeof interval === "number" && interval >= 0 && interval <= BACKOFF_MS_MAX) {
      return Math.floor(interval);
    }
    throw new TypeError(
      `Cannot enqueue: backoffSchedule[${index}] must be from 0 to ${BACKOFF_MS_MAX} ms, got ${
        describe(interval)
      }`,
    );
  });
}

function keysOption(
  keys: readonly (readonly unknown[])[] | null | undefined,
): (readonly unknown[])[] {
  if (keys === undefined || keys === null) return [];
  if (!Array.isArray(keys)) {
    throw new TypeError(
      `Cannot enqueue: keysIfUndelivered must be an array, got ${describe(keys)}`,
    );
  }
  return Array.from(keys as readonly unknown[], (key, index) => {
    if (Array.isArray(key) && key.length > 0) return key;
    throw new TypeError(
      `Cannot enqueue: keysIfUndelivered[${index}] must be a key of at least one part, got ${
        describe(key)
      }`,
    );
  });
}

/**
 * Encodes the key of a message that is enqueued.
 *
 * @param deadline When to deliver it, in milliseconds since the epoch.
 * @param versionstamp The ten bytes of the commit.
 * @param index Which of the messages of that commit it is.
 * @returns The key.
 */
export function encodeMessageKey(
  deadline: number,
  versionstamp: Uint8Array,
  index: number,
): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  const view = new DataView(key.buffer);
  key[0] = MESSAGE_KEY_PREFIX;
  // A clock from before 1970 means at once, too.
  view.setBigUint64(1, BigInt(Math.max(0, Math.floor(deadline))));
  key.set(versionstamp, ID_START);
  view.setUint32(ID_START + VERSIONSTAMP_BYTES, index);
  return key;
}

/**
 * Encodes the key of the same message at another time.
 *
 * @param key Its key.
 * @param deadline When to deliver it, in milliseconds since the epoch.
 * @returns The new key.
 */
export function postponedMessageKey(key: Uint8Array, deadline: number): Uint8Array {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const index = view.getUint32(ID_START + VERSIONSTAMP_BYTES);
  return encodeMessageKey(deadline, key.subarray(ID_START, ID_START + VERSIONSTAMP_BYTES), index);
}

/**
 * When a message is due.
 *
 * @param key Its key.
 * @returns Milliseconds since the epoch.
 * @throws {RangeError} If that is not the key of a message.
 */
export function messageDeadline(key: Uint8Array): number {
  if (key.length !== KEY_BYTES || key[0] !== MESSAGE_KEY_PREFIX) {
    throw new RangeError(`Cannot read queue: ${key.length} bytes are not the key of a message`);
  }
  return Number(new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(1));
}

/**
 * Encodes a message.
 *
 * @param message The message.
 * @returns Its bytes.
 */
export function encodeMessage({ backoff, undeliveredKeys, payload }: StoredMessage): Uint8Array {
  let length = varintLength(backoff.length) + varintLength(undeliveredKeys.length) + payload.length;
  for (const delay of backoff) length += varintLength(delay);
  for (const key of undeliveredKeys) length += varintLength(key.length) + key.length;
  const bytes = new Uint8Array(length);
  let offset = putVarint(bytes, 0, backoff.length);
  for (const delay of backoff) offset = putVarint(bytes, offset, delay);
  offset = putVarint(bytes, offset, undeliveredKeys.length);
  for (const key of undeliveredKeys) {
    offset = putVarint(bytes, offset, key.length);
    bytes.set(key, offset);
    offset += key.length;
  }
  bytes.set(payload, offset);
  return bytes;
}

/**
 * Decodes a message.
 *
 * @param value Its bytes, which the result shares.
 * @returns The message.
 * @throws {RangeError} If they are not one.
 */
export function decodeMessage(value: Uint8Array): StoredMessage {
  const bytes = plainBytes(value);
  const reader = new VarintReader();
  reader.reset(bytes, 0, bytes.length);
  const backoff = Array.from({ length: readCount(reader) }, () => reader.varint32());
  const undeliveredKeys = Array.from({ length: readCount(reader) }, () => {
    const length = readCount(reader);
    const start = reader.offset;
    reader.offset += length;
    return bytes.subarray(start, start + length);
  });
  if (reader.failed) throw cutOff(bytes);
  return { backoff, undeliveredKeys, payload: bytes.subarray(reader.offset) };
}

/** A count of bytes, or of things of at least one byte each: so damage makes nothing huge. */
function readCount(reader: VarintReader): number {
  const count = reader.varint32();
  if (reader.failed || count > reader.end - reader.offset) throw cutOff(reader.buffer);
  return count;
}

function cutOff(bytes: Uint8Array): RangeError {
  return new RangeError(`Cannot read queue: a message of ${bytes.length} bytes is cut off`);
}
