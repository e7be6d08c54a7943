/**
 * What gets cost below abstract-level: 10,000 keys of 16 characters in a table and in the pool; with `fillCache: false`
 * each is a scan of its own.
 *
 * @module
 */
import { OpenLevel } from "./level_session.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const COUNT = 10_000;
const FORMS = { keyEncoding: "utf8", valueEncoding: "utf8" } as const;
const ONCE = { ...FORMS, fillCache: false } as const;
const KEYS = Array.from({ length: COUNT }, (_, i) => String(i).padStart(16, "0"));
const options = { fileSystem: new MemoryFileSystem(), sync: false, poolBytes: 64 << 20 };
const open = new OpenLevel("db", options);
for (const key of KEYS) open.db.putSync(key, "v".repeat(100));
await open.db.compact();
const { lastSequence } = open.engine;

let sum = 0;
for (const [name, forms] of [["", FORMS], [", fillCache: false", ONCE]] as const) {
  Deno.bench(`1000 gets${name}`, { group: "get" }, () => {
    for (let i = 0; i < 1000; i++) {
      sum += open.get(KEYS[(i * 7919) % COUNT]!, forms, lastSequence)!.length;
    }
  });
}
