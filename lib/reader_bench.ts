/**
 * What typed reads cost over the engine's: keys of 16 characters, values of 100, in a table whose blocks are in the
 * pool. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 390 ns a getSync, now or of a
 * snapshot, and of getMany; 250 a hasSync, which decodes no value; 36 for a snapshot.
 *
 * @module
 */
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { Reader } from "./reader.ts";

const COUNT = 10_000;
const keys = Array.from({ length: COUNT }, (_, i) => String(i).padStart(16, "0"));
const scattered = keys.map((_, i) => keys[(i * 7919) % COUNT]!);

const db = openDatabase<string, string>("db", { sync: false }, new MemoryFileSystem());
for (const key of keys) db.putSync(key, "v".repeat(100));
await db.flush();
const snapshot = db.snapshot();

let at = 0;
let characters = 0;
function get1000(reader: Reader<string, string>): void {
  for (let i = 0; i < 1000; i++, at = (at + 1) % COUNT) {
    characters += reader.getSync(scattered[at]!)!.length;
  }
}

Deno.bench("1000 getSync", { group: "get" }, () => get1000(db));
Deno.bench("1000 getSync of a snapshot", { group: "get" }, () => get1000(snapshot));
Deno.bench("1000 hasSync", { group: "get" }, () => {
  for (let i = 0; i < 1000; i++, at = (at + 1) % COUNT) {
    if (db.hasSync(scattered[at]!)) characters++;
  }
});
Deno.bench("getMany of 1000", { group: "get" }, async () => {
  characters += (await db.getMany(scattered.slice(at, at + 1000))).length;
  at = (at + 1000) % COUNT;
});
Deno.bench("a snapshot taken and closed", { group: "snapshot" }, () => db.snapshot().close());
