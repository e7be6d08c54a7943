/**
 * What the store costs a program: the whole engine on a disk in memory, 50,000 entries with keys of 16 characters and
 * values of 100, in tables and in the pool. Nothing is synced: what a sync costs is the disk's affair.
 *
 * On a shared 2-core machine (AMD EPYC, Deno 2.9.6), for each entry: a put of its own 0.9 µs, in scattered order 1.5;
 * 100 awaited together, or 1000 in a batch, 0.45; each awaited 1.0. A get 1.2 µs, as long if awaited; of an absent key
 * 0.4. A scan 160 ns forward, 240 in reverse, 330 with for await; 7 µs to start one and read 10 keys.
 *
 * @module
 */
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { Database } from "./store.ts";

const COUNT = 50_000;
const OPTIONS = { sync: false, poolBytes: 64 << 20 } as const;
const VALUE = "v".repeat(100);
const KEYS = Array.from({ length: COUNT }, (_, i) => String(i).padStart(16, "0"));
const ABSENT = KEYS.map((key) => `${key}x`);
/** Visits all keys, in an order that no cache can foresee. */
const STRIDE = 7919;

const filled = openDatabase<string, string>("db", OPTIONS, new MemoryFileSystem());
for (const key of KEYS) filled.putSync(key, VALUE);
await filled.compact();
for (const _ of filled.keysSync());

let at = 0;
let sum = 0;

/** Runs something on a new database, so that none grows from run to run. */
function onNew(run: (db: Database<string, string>) => void | Promise<void>) {
  return async (b: Deno.BenchContext) => {
    const db = openDatabase<string, string>("db", OPTIONS, new MemoryFileSystem());
    b.start();
    await run(db);
    b.end();
    await db.close();
  };
}

Deno.bench(
  "10 000 putSync, in order",
  { group: "write" },
  onNew((db) => {
    for (let i = 0; i < 10_000; i++) db.putSync(KEYS[i]!, VALUE);
  }),
);
Deno.bench(
  "10 000 putSync, scattered",
  { group: "write" },
  onNew((db) => {
    for (let i = 0; i < 10_000; i++) db.putSync(KEYS[(i * STRIDE) % COUNT]!, VALUE);
  }),
);
Deno.bench(
  "10 000 puts, 100 awaited together",
  { group: "write" },
  onNew(async (db) => {
    const writes: Promise<void>[] = new Array(100);
    for (let i = 0; i < 10_000; i += 100) {
      for (let j = 0; j < 100; j++) writes[j] = db.put(KEYS[i + j]!, VALUE);
      await Promise.all(writes);
    }
  }),
);
Deno.bench(
  "10 000 puts, each awaited",
  { group: "write" },
  onNew(async (db) => {
    for (let i = 0; i < 10_000; i++) await db.put(KEYS[i]!, VALUE);
  }),
);
Deno.bench(
  "10 batches of 1000",
  { group: "write" },
  onNew((db) => {
    for (let i = 0; i < 10_000; i += 1000) {
      const batch = db.batch();
      for (let j = 0; j < 1000; j++) batch.put(KEYS[i + j]!, VALUE);
      batch.commitSync();
    }
  }),
);

Deno.bench("1000 getSync", { group: "get" }, () => {
  for (let i = 0; i < 1000; i++, at = (at + STRIDE) % COUNT) {
    sum += filled.getSync(KEYS[at]!)!.length;
  }
});
Deno.bench("1000 getSync of absent keys", { group: "get" }, () => {
  for (let i = 0; i < 1000; i++, at = (at + STRIDE) % COUNT) {
    if (filled.getSync(ABSENT[at]!) === undefined) sum++;
  }
});
Deno.bench("1000 hasSync", { group: "get" }, () => {
  for (let i = 0; i < 1000; i++, at = (at + STRIDE) % COUNT) if (filled.hasSync(KEYS[at]!)) sum++;
});
Deno.bench("1000 get, each awaited", { group: "get" }, async () => {
  for (let i = 0; i < 1000; i++, at = (at + STRIDE) % COUNT) {
    sum += (await filled.get(KEYS[at]!))!.length;
  }
});
Deno.bench("10 getMany of 100", { group: "get" }, async () => {
  for (let i = 0; i < 10; i++) {
    const keys: string[] = [];
    for (let j = 0; j < 100; j++, at = (at + STRIDE) % COUNT) keys.push(KEYS[at]!);
    sum += (await filled.getMany(keys)).length;
  }
});

Deno.bench("50 000 entries forward", { group: "scan" }, () => {
  for (const [key] of filled.entriesSync()) sum += key.length;
});
Deno.bench("50 000 entries in reverse", { group: "scan" }, () => {
  for (const [key] of filled.entriesSync({ reverse: true })) sum += key.length;
});
Deno.bench("50 000 entries, for await", { group: "scan" }, async () => {
  for await (const [key] of filled.entries()) sum += key.length;
});
Deno.bench("100 scans of 10 entries each", { group: "scan" }, () => {
  for (let i = 0; i < 100; i++, at = (at + STRIDE) % COUNT) {
    for (const key of filled.keysSync({ gte: KEYS[at]!, limit: 10 })) sum += key.length;
  }
});
