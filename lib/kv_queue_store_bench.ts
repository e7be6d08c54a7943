/**
 * What checking a message and turning it to bytes costs.
 *
 * @module
 */
import { openEngine, webSurroundings } from "./database.ts";
import { ENGINE_LIMITS } from "./kv_limits.ts";
import { StoreQueue } from "./kv_queue_store.ts";
import { KvStore, systemClock } from "./kv_store.ts";
import { silentLogger } from "./logger.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const engine = openEngine("kv", {}, new MemoryFileSystem());
const store = new KvStore(engine, webSurroundings, systemClock);
const queue = new StoreQueue(store, ENGINE_LIMITS, silentLogger);

Deno.bench("a small message made ready", () => void queue.prepare({ to: "Ada" }, undefined));
