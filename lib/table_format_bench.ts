/**
 * What the frame of a table costs: a block of 4 KiB read and verified, or decompressed as well, and guarded when it
 * is written; a footer. From memory. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 1.5
 * µs to borrow a block, most of it the checksum, and as much for a copy; 2.4 if it is compressed with Snappy; 1.0 to
 * guard one; 0.3 for a footer.
 *
 * @module
 */
import { decimalEntries, fileOf, tableBytes } from "../tests/tables.ts";
import { snappy } from "./compression.ts";
import { borrowBlock, putBlockTrailer, readBlock, readFooter } from "./table_format.ts";

/** A table of one data block. */
const entries = decimalEntries(33, 100);
const plain = fileOf(tableBytes(entries, { filterBits: 0 }));
const compressed = fileOf(tableBytes(entries, { filterBits: 0, compression: snappy }));
const trailer = new Uint8Array(5);
let sum = 0;

for (const [name, file] of [["a block", plain], ["a block in Snappy", compressed]] as const) {
  // Without a filter the data is all that comes before the metaindex.
  const bytes = readFooter(file).metaindex.offset - 5;
  Deno.bench(`readBlock() of ${name}`, { group: "block" }, () => {
    sum += readBlock(file, 0, bytes).length;
  });
  Deno.bench(`borrowBlock() of ${name}`, { group: "block" }, () => {
    sum += borrowBlock(file, 0, bytes).length;
  });
}

const block = readBlock(plain, 0, readFooter(plain).metaindex.offset - 5).slice();
Deno.bench("putBlockTrailer() of a block", { group: "block" }, () => {
  putBlockTrailer(trailer, block, block.length, 0);
});
Deno.bench("readFooter()", { group: "footer" }, () => {
  sum += readFooter(plain).index.offset;
});
