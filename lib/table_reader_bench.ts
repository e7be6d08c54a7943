// What reading a table costs: 16 000 entries, keys of 16 decimal digits, values of 100, from memory. On a shared
// 2-core machine (AMD EPYC, Deno 2.9.6): a get of blocks in the pool 220 ns (20 of them are the benchmark's own); of a
// key that is not there 99 ns; a get that reads index, filter and data anew 31 µs; a walk 10 ns an entry, 80 if every
// block is read, 110 if it is decompressed as well.
import {
  bytewiseKeys,
  decimalEntries,
  fileOf,
  lookupOf,
  roomyPool,
  tableBytes,
} from "../tests/tables.ts";
import { createBufferPool } from "./buffer_pool.ts";
import { snappy } from "./compression.ts";
import { SEQUENCE_MAX } from "./internal_key.ts";
import { TableReader } from "./table_reader.ts";

const COUNT = 16_000;
const entries = decimalEntries(COUNT, 100);
const digits = new Uint8Array(COUNT * 16);
for (const [i, [key]] of entries.entries()) digits.set(key.subarray(0, 16), i * 16);
const lookup = lookupOf(digits.subarray(0, 16));

function open(bytes: Uint8Array, capacityBytes?: number): TableReader {
  const pool = capacityBytes === undefined ? roomyPool() : createBufferPool({ capacityBytes });
  return TableReader.open(fileOf(bytes), { comparator: bytewiseKeys, pool });
}

/** Gets keys that are there, or keys that follow them if `flip` is not 0. */
function getMany(table: TableReader, count: number, flip: number): void {
  for (let i = 0, at = 0; i < count; i++, at = (at + 7919) % COUNT) {
    for (let j = 0; j < 16; j++) lookup.key[j] = digits[at * 16 + j]!;
    lookup.key[15] = lookup.key[15]! + flip;
    lookup.begin(16, SEQUENCE_MAX);
    table.get(lookup);
  }
}

const bytes = tableBytes(entries);
const table = open(bytes);
const withoutFilter = open(tableBytes(entries, { filterBits: 0 }));
const uncached = open(bytes, 0);
const compressed = open(tableBytes(entries, { compression: snappy }), 0);

Deno.bench("1000 gets", { group: "get" }, () => getMany(table, 1000, 0));
Deno.bench("1000 gets without filter", { group: "get" }, () => getMany(withoutFilter, 1000, 0));
Deno.bench("1000 gets of absent keys", { group: "get" }, () => getMany(table, 1000, 1));
Deno.bench("10 gets that read", { group: "get" }, () => getMany(uncached, 10, 0));

const walks = [["", table], [", reading", uncached], [", decompressing", compressed]] as const;
for (const [name, walked] of walks) {
  Deno.bench(`walk 16 000 entries${name}`, { group: "walk" }, () => {
    const cursor = walked.cursor();
    for (cursor.first(); cursor.valid; cursor.next());
    cursor.close();
  });
}
