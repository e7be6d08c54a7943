import { openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const kv = await openKv("kv", { fileSystem: new MemoryFileSystem() });
for (let i = 0; i < 1000; i++) await kv.set(["n", i], i);

for (const batchSize of [1, 100, 500]) {
  Deno.bench(`kv_list: 1000 entries, ${batchSize} at a time`, async () => {
    for await (const _ of kv.list({ prefix: ["n"] }, { batchSize }));
  });
}
Deno.bench("kv_list: the first of 1000", async () => {
  await kv.list({ prefix: ["n"] }, { limit: 1 }).next();
});
