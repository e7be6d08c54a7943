/**
 * What the way from sorted entries to tables costs besides writing them (`table_writer_bench.ts`): files created,
 * synced and named. 16 000 entries of 16 + 100 bytes, on a disk in memory. Deno 2.9.6, 2 shared cores (AMD EPYC),
 * best of many runs on a busy machine: 4 to 4.5 ms, 260 ns an entry, in one table or 16; 5.9 ms in 160: 10 µs more
 * for each table.
 *
 * @module
 */
import { decimalEntries } from "../tests/tables.ts";
import { ArrayCursor, SmallTree } from "../tests/trees.ts";
import { TableOutput } from "./table_output.ts";

const entries = decimalEntries(16_000, 100);

for (const perTable of [16_000, 1000, 100]) {
  Deno.bench(`16 000 entries, ${perTable} in a table`, { group: "output" }, (bench) => {
    const small = new SmallTree();
    const cursor = new ArrayCursor(entries);
    bench.start();
    const output = new TableOutput(small.tree.jobContext, small.tableOptions());
    let count = 0;
    for (cursor.first(); cursor.valid; cursor.next()) {
      output.add(cursor);
      if (++count % perTable === 0) output.cut();
    }
    output.finish();
    bench.end();
    small.close();
  });
}
