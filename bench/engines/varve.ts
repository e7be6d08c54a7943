/**
 * **What.** Varve, through the public `…Sync` forms.
 *
 * **Read next.** `classic_level.ts`
 *
 * @module
 */
import {
  bytes,
  type KeyCodec,
  open,
  type OpenOptions,
  utf8,
  writeAmplification,
} from "../../mod.ts";
import type { Data } from "../data.ts";
import {
  type Engine,
  type EngineOptions,
  MATCHED_CACHE_BYTES,
  MATCHED_MEMTABLE_BYTES,
} from "../engine.ts";
import { pause } from "../process.ts";

/** Compression and filter are alike by default. */
const MATCHED: OpenOptions = {
  memtableBytes: MATCHED_MEMTABLE_BYTES,
  poolBytes: MATCHED_CACHE_BYTES,
};
const DURABLE = { sync: true };

/** Opens it. */
export async function openEngine(directory: string, options: EngineOptions): Promise<Engine> {
  const { kind, settings, data } = options;
  const codec = (kind === "bytes" ? bytes : utf8) as KeyCodec<Data>;
  const db = await open<Data, Data>(directory, {
    key: codec,
    value: codec,
    sync: false,
    ...(settings === "matched" ? MATCHED as object : {}),
  });
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  return {
    version,
    put: (key, value) => db.putSync(key, value),
    putDurable: (key, value) => db.putSync(key, value, DURABLE),
    putShared: (key, value) => db.put(key, value, DURABLE),
    delete: (key) => db.deleteSync(key),
    batch: (order, from, to, salt) => {
      const batch = db.batch();
      for (let i = from; i < to; i++) batch.put(data.key(order[i]!), data.value(i + salt));
      batch.commitSync();
    },
    get: (key) => db.getSync(key),
    getAwaited: (key) => db.get(key),
    scan: (reverse) => {
      let length = 0;
      for (const [key, value] of db.entriesSync({ reverse })) length += key.length + value.length;
      return length;
    },
    scanRaw: () => {
      using cursor = db.cursorSync();
      let length = 0;
      while (cursor.next()) {
        length += cursor.keyEnd - cursor.keyStart + cursor.valueEnd - cursor.valueStart;
      }
      return length;
    },
    seek: (key, count) => {
      let found = 0;
      for (const [, value] of db.entriesSync({ gte: key, limit: count })) {
        if (value.length > 0) found++;
      }
      return found;
    },
    compact: () => db.compact(),
    settle: async () => {
      do await pause(300); while (db.stats().background.isBusy);
    },
    writeAmplification: () => writeAmplification(db.stats()),
    close: () => db.close(),
  };
}
