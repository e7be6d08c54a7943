import { dumpLog } from "./dump_log.ts";
import { dumpBatch } from "./dump_batch.ts";
import { MemorySource } from "./dump_part.ts";
import { LogWriter } from "./log.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { WriteBatch } from "./write_batch.ts";

const disk = new MemoryFileSystem();
const writer = new LogWriter(disk.create("log"));
const batch = new WriteBatch();
batch.put(new Uint8Array(16), 0, 16, new Uint8Array(100), 0, 100);
for (let i = 0; i < 1000; i++) writer.add(batch.bytes(), 0, batch.byteLength);
const source = new MemorySource(disk.readAll("log"), undefined);
const options = { valueBytes: 64, keysOnly: false };

Deno.bench("a log of 1000 batches of one put", () => {
  for (const _ of dumpLog(source, 0, dumpBatch, options));
});
