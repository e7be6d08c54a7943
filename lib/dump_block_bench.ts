import { BlockBuilder } from "./block_builder.ts";
import { dumpBlock } from "./dump_block.ts";
import { MemorySource } from "./dump_part.ts";
import { makeInternalKey } from "./internal_key.ts";

const builder = new BlockBuilder(16);
for (let i = 0; i < 40; i++) {
  const key = makeInternalKey(new TextEncoder().encode(`key ${100 + i}`), i, 1);
  builder.add(key, 0, key.length, new Uint8Array(100), 0, 100);
}
const end = builder.finish();
const source = new MemorySource(builder.buffer.slice(0, end), undefined);
const options = { valueBytes: 64, keysOnly: false };

Deno.bench("a data block of 40 entries", () => {
  for (const _ of dumpBlock(source, 0, end, 0, "data", options));
});
