import { NEEDS_MORE } from "./entry_formats.ts";
import { EntryReader } from "./entry_reader.ts";
import { NdjsonParser } from "./ndjson.ts";

const line = `{"key":"${"k".repeat(16)}","value":"${"v".repeat(100)}"}\n`;
const data = new TextEncoder().encode(line.repeat(10_000));

Deno.bench("10 000 lines of JSON", async () => {
  let at = 0;
  const source = {
    read(into: Uint8Array): Promise<number> {
      const count = Math.min(into.length, data.length - at);
      into.set(data.subarray(at, at + count));
      at += count;
      return Promise.resolve(count);
    },
  };
  const reader = new EntryReader(source, new NdjsonParser({ key: "utf8", value: "utf8" }));
  while (reader.next() !== NEEDS_MORE || await reader.fill());
});
