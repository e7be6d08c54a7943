/**
 * What a message costs from the log to its handler and out again.
 *
 * @module
 */
import { ManualClock, QueueInTest } from "../tests/fixtures/kv_queue_host.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const values = Array.from({ length: 1000 }, (_, i) => i);

Deno.bench("1000 messages enqueued, handled and removed, in memory", async (bench) => {
  await using kv = new QueueInTest(new MemoryFileSystem(), new ManualClock());
  kv.queue.listen(() => {});
  bench.start();
  await kv.enqueue(values);
  await kv.clock.pass(0);
  bench.end();
});
