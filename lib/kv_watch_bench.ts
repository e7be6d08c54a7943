import { openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const kv = await openKv("kv", { fileSystem: new MemoryFileSystem() });
const reader = kv.watch([["a"]]).getReader();
let n = 0;

Deno.bench("kv_watch: a change, to its reader", async () => {
  await kv.set(["a"], n++);
  await reader.read();
});
