/**
 * What turning a message to bytes and back costs.
 *
 * @module
 */
import {
  decodeMessage,
  DEFAULT_BACKOFF_SCHEDULE,
  encodeMessage,
  encodeMessageKey,
} from "./kv_queue_message.ts";

const message = {
  backoff: DEFAULT_BACKOFF_SCHEDULE,
  undeliveredKeys: [new Uint8Array(20)],
  payload: new Uint8Array(100),
};
const bytes = encodeMessage(message);
const versionstamp = new Uint8Array(10);

Deno.bench("key of a message", () => void encodeMessageKey(1_800_000_000_000, versionstamp, 7));
Deno.bench("message to bytes", () => void encodeMessage(message));
Deno.bench("bytes to message", () => void decodeMessage(bytes));
