/**
 * What it costs to look at every entry of a table of 2 MiB: with its index, and with blocks found by their checksums.
 *
 * On a shared 2-core machine (AMD EPYC, Deno 2.9.6): 26 ms by the index; without one 64 ms, or 30 if it is
 * compressed, since there are fewer bytes to take checksums of.
 *
 * @module
 */
import { bytewiseKeys, decimalEntries, fileOf, tableBytes } from "../tests/tables.ts";
import { snappy } from "./compression.ts";
import { TableInspector } from "./table_inspector.ts";

const COUNT = 17_000;

function inspect(bytes: Uint8Array): void {
  const table = new TableInspector(fileOf(bytes), {
    comparator: bytewiseKeys,
    onDamage: () => {},
  });
  for (table.first(); table.valid; table.next());
  table.close();
}

for (const compression of [undefined, snappy]) {
  const bytes = tableBytes(decimalEntries(COUNT, 100), { compression });
  const name = `17 000 entries, ${compression?.name ?? "not compressed"}`;
  Deno.bench(`${name}, by the index`, () => inspect(bytes));
  Deno.bench(`${name}, without one`, () => inspect(bytes.subarray(0, -48)));
}
