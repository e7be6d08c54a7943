/**
 * Records with a key of 16 and a value of 100 bytes, one at a time. `csv-parse` took three microseconds for each.
 *
 * @module
 */
import { CsvParser, CsvWriter } from "./csv.ts";

const encoder = new TextEncoder();
const encodings = { key: "utf8", value: "utf8" } as const;
const layout = { format: "csv", header: undefined } as const;
const [key, value] = ["k".repeat(16), "v".repeat(100)];
const plain = encoder.encode(`${key},${value}\n`);
const quoted = encoder.encode(`${key},"a ""${value}"""\n`);
const [keyBytes, valueBytes] = [encoder.encode(key), encoder.encode(value)];
const parser = new CsvParser(layout, encodings);
parser.isUtf8 = true;
const writer = new CsvWriter(layout, encodings);

Deno.bench("a plain record", { group: "read" }, () => void parser.parse(plain, 0, true));
Deno.bench("a record in quotes", { group: "read" }, () => void parser.parse(quoted, 0, true));
Deno.bench("a record", { group: "write" }, () => {
  writer.write(keyBytes, valueBytes);
  writer.output.length = 0;
});
