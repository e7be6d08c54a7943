import { openEngine, webSurroundings } from "./database.ts";
import { entryKey, KvStore, systemClock } from "./kv_store.ts";
import { serializeValue } from "./kv_value.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const fileSystem = new MemoryFileSystem();
const store = new KvStore(
  openEngine("kv", { fileSystem }, fileSystem),
  webSurroundings,
  systemClock,
);
const keys = Array.from({ length: 1000 }, (_, i) => entryKey(["n", i]));
const value = serializeValue({ name: "Ada" });
let n = 0;

Deno.bench("kv_store: commit an entry", async () => {
  const commit = store.begin();
  commit.set(keys[n++ % 1000]!, value, 0);
  await store.commit(commit);
});
Deno.bench("kv_store: commit an entry that expires", async () => {
  const commit = store.begin();
  commit.set(keys[n++ % 1000]!, value, Date.now() + 60_000);
  await store.commit(commit);
});
Deno.bench("kv_store: getSync()", () => {
  store.getSync(keys[n++ % 1000]!);
});
