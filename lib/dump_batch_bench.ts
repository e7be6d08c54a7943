import { dumpBatch } from "./dump_batch.ts";
import { MemorySource } from "./dump_part.ts";
import { WriteBatch } from "./write_batch.ts";

const batch = new WriteBatch();
for (let i = 0; i < 1000; i++) batch.put(new Uint8Array(16), 0, 16, new Uint8Array(100), 0, 100);
const source = new MemorySource(batch.bytes(), undefined);
const options = { valueBytes: 64, keysOnly: false };

Deno.bench("a batch of 1000 puts", () => {
  for (const _ of dumpBatch(source, 0, source.size, 0, options));
});
