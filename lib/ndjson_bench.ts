/**
 * Lines with a key of 16 and a value of 100 bytes, one at a time.
 *
 * @module
 */
import { NdjsonParser, NdjsonWriter } from "./ndjson.ts";

const encoder = new TextEncoder();
const encodings = { key: "utf8", value: "utf8" } as const;
const [key, value] = ["k".repeat(16), "v".repeat(100)];
const plain = encoder.encode(`{"key":"${key}","value":"${value}"}\n`);
const escaped = encoder.encode(`{"key":"${key}","value":"\\"${value}"}\n`);
const [keyBytes, valueBytes] = [encoder.encode(key), encoder.encode(value)];
const parser = new NdjsonParser(encodings);
parser.isUtf8 = true;
const writer = new NdjsonWriter(encodings);

Deno.bench("a plain line", { group: "read" }, () => void parser.parse(plain, 0, true));
Deno.bench("a line with an escape", { group: "read" }, () => void parser.parse(escaped, 0, true));
Deno.bench("a line", { group: "write" }, () => {
  writer.write(keyBytes, valueBytes);
  writer.output.length = 0;
});
