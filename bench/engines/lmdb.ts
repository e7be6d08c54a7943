/**
 * **What.** `lmdb`: a copy-on-write B+ tree in a mapped file, as a native addon. It has neither memtable nor cache nor
 * compression nor background work. A put is a transaction of its own: its cheaper `put`, which gathers writes for the
 * next turns of the event loop, is not visible to reads when it returns.
 *
 * **Read next.** `sqlite.ts`
 *
 * @module
 */
import type { Data } from "../data.ts";
import type { Engine, EngineOptions } from "../engine.ts";

/** What is used of the package, whose name `peers.ts` maps to its version: it is no dependency of the repository. */
interface Lmdb {
  open(options: object): LmdbDatabase;
}

interface LmdbDatabase {
  putSync(key: Data, value: Data): void;
  put(key: Data, value: Data): Promise<boolean>;
  removeSync(key: Data): void;
  transactionSync(work: () => void): void;
  get(key: Data): Data | undefined;
  getRange(options: object): Iterable<{ key: Data; value: Data }>;
  close(): Promise<void>;
}

const PACKAGE = "lmdb";

/** Opens it. */
export async function openEngine(directory: string, options: EngineOptions): Promise<Engine> {
  const { kind, durable, data } = options;
  const { open }: Lmdb = await import(PACKAGE);
  const db = open({
    path: directory,
    encoding: kind === "bytes" ? "binary" : "string",
    ...(kind === "bytes" ? { keyEncoding: "binary" } : {}),
    ...(durable ? { overlappingSync: false } : { noSync: true }),
  });
  return {
    version: "3.5.6",
    put: (key, value) => db.putSync(key, value),
    putDurable: (key, value) => db.put(key, value),
    putShared: (key, value) => db.put(key, value),
    delete: (key) => db.removeSync(key),
    batch: (order, from, to, salt) =>
      db.transactionSync(() => {
        for (let i = from; i < to; i++) db.putSync(data.key(order[i]!), data.value(i + salt));
      }),
    get: (key) => db.get(key),
    scan: (reverse) => {
      let length = 0;
      for (const { key, value } of db.getRange({ reverse })) length += key.length + value.length;
      return length;
    },
    seek: (key, count) => {
      let found = 0;
      for (const { value } of db.getRange({ start: key, limit: count })) {
        if (value.length > 0) found++;
      }
      return found;
    },
    settle: () => Promise.resolve(),
    close: () => db.close(),
  };
}
