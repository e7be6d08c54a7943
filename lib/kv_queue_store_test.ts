/**
 * What is checked of a message before it is enqueued, and what its listeners see of the store.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { openEngine, webSurroundings } from "./database.ts";
import { VarveError } from "./errors.ts";
import { DENO_LIMITS, ENGINE_LIMITS, type KvLimits } from "./kv_limits.ts";
import { StoreQueue } from "./kv_queue_store.ts";
import { KvStore, systemClock } from "./kv_store.ts";
import { serializeValue } from "./kv_value.ts";
import { silentLogger } from "./logger.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { BATCH_BYTES_MAX } from "./write_batch.ts";

async function withQueue(
  limits: KvLimits,
  body: (queue: StoreQueue, store: KvStore) => void,
): Promise<void> {
  const engine = openEngine("kv", {}, new MemoryFileSystem());
  const store = new KvStore(engine, webSurroundings, systemClock);
  const queue = new StoreQueue(store, limits, silentLogger);
  try {
    body(queue, store);
  } finally {
    queue.close();
    await store.database.close();
  }
}

Deno.test("A message counts for its value and its schedule", async () => {
  await withQueue(ENGINE_LIMITS, (queue) => {
    const value = new Uint8Array(10);
    assertEquals(queue.prepare(value, undefined).byteLength, 10);
    assertEquals(queue.prepare(value, { backoffSchedule: [1, 2] }).byteLength, 18);
    assertEquals(queue.prepare("a", undefined).payload, serializeValue("a"));
  });
});

Deno.test("What could not be set under a key is refused before it is enqueued (invariant 1)", async () => {
  await withQueue(ENGINE_LIMITS, (queue) => {
    const long = { keysIfUndelivered: [["k".repeat(65_536)]] };
    assertThrows(() => queue.prepare(1, long), VarveError, "a key of keysIfUndelivered takes");
    // So many keys with so large a value would not fit a commit.
    const value = new Uint8Array(BATCH_BYTES_MAX / 1000);
    const keysIfUndelivered = Array.from({ length: 1000 }, (_, i) => ["lost", i]);
    assertThrows(() => queue.prepare(value, { keysIfUndelivered }), VarveError, "takes 10");
    assertThrows(() => queue.prepare(1, { keysIfUndelivered: [[Symbol("s")]] }), TypeError);
  });
  await withQueue(DENO_LIMITS, (queue) => {
    assertEquals(queue.prepare(new Uint8Array(65_536), undefined).byteLength, 65_536);
    assertThrows(() => queue.prepare(new Uint8Array(65_537), undefined), TypeError, "65537 bytes");
  });
});
