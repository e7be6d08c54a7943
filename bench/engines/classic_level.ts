/**
 * **What.** `classic-level`: LevelDB as a native addon. Writes through promises, there is no other way; reads at once;
 * scans by `nextv` of a thousand entries.
 *
 * **Read next.** `lmdb.ts`
 *
 * @module
 */
import { ClassicLevel } from "classic-level";
import type { Data } from "../data.ts";
import {
  type Engine,
  type EngineOptions,
  MATCHED_CACHE_BYTES,
  MATCHED_MEMTABLE_BYTES,
} from "../engine.ts";
import { atRest } from "../process.ts";

const DURABLE = { sync: true };
/** Entries that cross from native code at once. */
const ENTRIES = 1000;

/** Opens it. */
export async function openEngine(directory: string, options: EngineOptions): Promise<Engine> {
  const { kind, settings, data } = options;
  const encoding = kind === "bytes" ? "view" : "utf8";
  const db = new ClassicLevel<Data, Data>(directory, {
    keyEncoding: encoding,
    valueEncoding: encoding,
    ...(settings === "matched"
      ? { cacheSize: MATCHED_CACHE_BYTES, writeBufferSize: MATCHED_MEMTABLE_BYTES }
      : {}),
  });
  await db.open();
  return {
    version: "3.0.0",
    put: (key, value) => db.put(key, value),
    putDurable: (key, value) => db.put(key, value, DURABLE),
    putShared: (key, value) => db.put(key, value, DURABLE),
    delete: (key) => db.del(key),
    batch: (order, from, to, salt) => {
      const batch = db.batch();
      for (let i = from; i < to; i++) batch.put(data.key(order[i]!), data.value(i + salt));
      return batch.write();
    },
    get: (key) => db.getSync(key),
    getAwaited: (key) => db.get(key),
    scan: async (reverse) => {
      let length = 0;
      const iterator = db.iterator({ reverse, highWaterMarkBytes: 1024 * 1024 });
      for (;;) {
        const entries = await iterator.nextv(ENTRIES);
        if (entries.length === 0) break;
        for (const [key, value] of entries) length += key.length + value.length;
      }
      await iterator.close();
      return length;
    },
    seek: async (key, count) => {
      const iterator = db.iterator({ gte: key, limit: count });
      const entries = await iterator.nextv(count);
      await iterator.close();
      return entries.length;
    },
    compact: () => {
      const [first, last] = ["0", "9~"];
      if (kind === "strings") return db.compactRange(first, last);
      const encoder = new TextEncoder();
      return db.compactRange(encoder.encode(first), encoder.encode(last));
    },
    settle: atRest, // LevelDB does not say whether its thread is busy
    close: () => db.close(),
  };
}
