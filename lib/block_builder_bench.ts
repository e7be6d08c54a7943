// What building a block of 4 KiB costs: 32 entries, keys of 16 bytes, values of 100. About 60 ns an entry.
import { decimalEntries } from "../tests/tables.ts";
import { BlockBuilder } from "./block_builder.ts";

const entries = decimalEntries(32, 100);

for (const interval of [1, 16]) {
  const builder = new BlockBuilder(interval);
  Deno.bench(`build 32 entries, restart interval ${interval}`, () => {
    builder.reset();
    for (const [key, value] of entries) builder.add(key, 0, key.length, value, 0, value.length);
    builder.finish();
  });
}
