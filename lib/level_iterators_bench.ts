/**
 * What walks cost for each entry: 10,000 entries with keys of 16 characters and values of 100, in a table and in the
 * pool; without abstract-level around them.
 *
 * @module
 */
import { openDatabase, webSurroundings } from "./database.ts";
import { invariant } from "./invariant.ts";
import { type LevelSource, walkEntries, walkKeys } from "./level_iterators.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { StoreReader } from "./reader.ts";

const COUNT = 10_000;
const FORMS = { reverse: false, limit: -1, keyEncoding: "utf8", valueEncoding: "utf8" } as const;
const options = { sync: false, poolBytes: 64 << 20 } as const;
const db = openDatabase<string, string>("db", options, new MemoryFileSystem());
for (let i = 0; i < COUNT; i++) db.putSync(String(i).padStart(16, "0"), "v".repeat(100));
await db.compact();
invariant(db instanceof StoreReader, "a database is a reader");
const { engine } = db.context;
const source: LevelSource = {
  turns: webSurroundings,
  scan: (bounds) => engine.scan(engine.lastSequence, bounds, true),
};

let sum = 0;
Deno.bench("10 000 entries, one at a time", { group: "walk" }, async () => {
  const walk = walkEntries(source, FORMS);
  for (let i = 0; i < COUNT; i++) sum += ((await walk.next())![1] as string).length;
  walk.close();
});
Deno.bench("10 000 entries, all at once", { group: "walk" }, async () => {
  const walk = walkEntries(source, FORMS);
  sum += (await walk.all(Infinity)).length;
  walk.close();
});
Deno.bench("10 000 keys, all at once", { group: "walk" }, async () => {
  const walk = walkKeys(source, FORMS);
  sum += (await walk.all(Infinity)).length;
  walk.close();
});
