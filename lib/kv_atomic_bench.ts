import { openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const kv = await openKv("kv", { fileSystem: new MemoryFileSystem() });
await kv.set(["text"], "a");
const { versionstamp } = await kv.get(["text"]);
let n = 0;

Deno.bench("kv_atomic: a check and a set", async () => {
  await kv.atomic().check({ key: ["text"], versionstamp }).set(["n", n++ % 1000], 1).commit();
});
Deno.bench("kv_atomic: a sum", async () => {
  await kv.atomic().sum(["visits"], 1n).commit();
});
Deno.bench("kv_atomic: 100 sets", async () => {
  const operation = kv.atomic();
  for (let i = 0; i < 100; i++) operation.set(["n", i], i);
  await operation.commit();
});
