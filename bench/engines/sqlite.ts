/**
 * **What.** SQLite as Deno comes with it: one table without row ids, write-ahead log, prepared statements. Its page
 * cache is set where settings are matched; compaction is `VACUUM`.
 *
 * **Read next.** `deno_kv.ts`
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import type { Data } from "../data.ts";
import { type Engine, type EngineOptions, MATCHED_CACHE_BYTES } from "../engine.ts";

/** A row of the table. */
interface Row {
  key: Data;
  value: Data;
}

/** Opens it. */
// deno-lint-ignore require-await
export async function openEngine(directory: string, options: EngineOptions): Promise<Engine> {
  const { kind, settings, durable, data } = options;
  Deno.mkdirSync(directory, { recursive: true });
  const db = new DatabaseSync(`${directory}/sqlite.db`);
  const type = kind === "bytes" ? "BLOB" : "TEXT";
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durable ? "FULL" : "OFF"}`);
  if (settings === "matched") db.exec(`PRAGMA cache_size = ${-MATCHED_CACHE_BYTES / 1024}`);
  db.exec(
    `CREATE TABLE IF NOT EXISTS entries (key ${type} PRIMARY KEY, value ${type}) WITHOUT ROWID`,
  );
  const put = db.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
  const remove = db.prepare("DELETE FROM entries WHERE key = ?");
  const get = db.prepare("SELECT value FROM entries WHERE key = ?");
  const scan = db.prepare("SELECT key, value FROM entries ORDER BY key");
  const scanBack = db.prepare("SELECT key, value FROM entries ORDER BY key DESC");
  const seek = db.prepare("SELECT key, value FROM entries WHERE key >= ? ORDER BY key LIMIT ?");
  const { version } = db.prepare("SELECT sqlite_version() AS version").get() as { version: string };
  return {
    version,
    put: (key, value) => void put.run(key, value),
    putDurable: (key, value) => void put.run(key, value),
    delete: (key) => void remove.run(key),
    batch: (order, from, to, salt) => {
      db.exec("BEGIN");
      for (let i = from; i < to; i++) put.run(data.key(order[i]!), data.value(i + salt));
      db.exec("COMMIT");
    },
    get: (key) => (get.get(key) as Row | undefined)?.value,
    scan: (reverse) => {
      let length = 0;
      for (const row of (reverse ? scanBack : scan).iterate()) {
        length += (row.key as Data).length + (row.value as Data).length;
      }
      return length;
    },
    seek: (key, count) => seek.all(key, count).length,
    compact: () => db.exec("VACUUM"),
    settle: () => Promise.resolve(),
    close: () => db.close(),
  };
}
