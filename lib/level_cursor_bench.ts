/**
 * What a level costs beyond its tables: 40 000 entries of 16 + 100 bytes in ten tables, all blocks in the pool. Deno
 * 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 20 ns an entry against 15 in a single
 * table, 660 ns a seek anywhere against 370, 235 close together against 185; backward, 85 ns an entry.
 *
 * @module
 */
import { bytewiseKeys, decimalEntries } from "../tests/tables.ts";
import { SmallTree } from "../tests/trees.ts";
import { LevelCursor } from "./level_cursor.ts";

const COUNT = 40_000;
const small = new SmallTree();
const entries = decimalEntries(COUNT, 100);
for (let at = 0; at < COUNT; at += COUNT / 10) {
  small.addTable(1, entries.slice(at, at + COUNT / 10));
}
const single = small.addTable(2, entries);
const level = small.tree.version.levels[1]!;
const cursor = new LevelCursor(level, bytewiseKeys, small.cache, { fillPool: true });
const tableCursor = small.cache.cursor(single.number);

for (const [name, walked] of [["ten tables", cursor], ["one table", tableCursor]] as const) {
  Deno.bench(`walk 40 000 entries of ${name}`, { group: "walk" }, () => {
    for (walked.first(); walked.valid; walked.next());
  });
  Deno.bench(`walk 40 000 entries of ${name} backward`, { group: "walk" }, () => {
    for (walked.last(); walked.valid; walked.previous());
  });
  Deno.bench(`1000 seeks in ${name}, anywhere`, { group: "seek" }, () => {
    for (let i = 0, at = 0; i < 1000; i++, at = (at + 7919) % COUNT) {
      const key = entries[at]![0];
      walked.seek(key, 0, key.length);
    }
  });
  Deno.bench(`1000 seeks in ${name}, close together`, { group: "seek" }, () => {
    for (let at = 0; at < 1000; at++) {
      const key = entries[at]![0];
      walked.seek(key, 0, key.length);
    }
  });
}
