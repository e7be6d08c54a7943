// What a block costs when it is read (decoding) and each time it is asked (a search). 32 entries, keys of 16 bytes
// that are random or decimal, values of 100. On a shared 2-core machine (AMD EPYC, Deno 2.9.6): decoding 2.0 µs, of
// which 0.7 are the memory; a search 35 ns, by whole keys only (an order of one's own) 250 ns.
import { benchEntries, bytewiseKeys, ownKeys } from "../tests/tables.ts";
import { BlockBuilder } from "./block_builder.ts";
import { decodeBlock } from "./block.ts";

for (const [name, entries] of benchEntries()) {
  const builder = new BlockBuilder(16);
  for (const [key, value] of entries) builder.add(key, 0, key.length, value, 0, value.length);
  const end = builder.finish();
  const bytes = builder.buffer.slice(0, end);
  const keys = entries.map(([key]) => key);

  Deno.bench(`decode ${end} bytes, ${name}`, { group: "decode" }, () => {
    decodeBlock(bytes, end, "entries", bytewiseKeys, "", 0);
  });
  for (const comparator of [bytewiseKeys, ownKeys]) {
    const block = decodeBlock(bytes, end, "entries", comparator, "", 0);
    const order = comparator.isBytewise ? "" : ", whole keys";
    Deno.bench(`1000 searches, ${name}${order}`, { group: "search" }, () => {
      for (let i = 0; i < 1000; i++) {
        const key = keys[(i * 13) & 31]!;
        block.search(comparator, key, 0, key.length);
      }
    });
  }
}
