/**
 * What it costs to destroy a database of 1,000 files, in memory.
 *
 * @module
 */
import { destroyDatabase } from "./destroy.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

Deno.bench("destroy 1 000 files", (b) => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  for (let i = 0; i < 1000; i++) disk.create(`db/${100_000 + i}.ldb`).close();
  disk.create("db/CURRENT").close();
  b.start();
  destroyDatabase("db", {}, disk);
  b.end();
});
