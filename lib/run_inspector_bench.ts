/**
 * What it costs to merge inspected tables: 4 runs of 8 tables, 500 entries each.
 *
 * @module
 */
import { bytewiseKeys, decimalEntries, fileOf, tableBytes } from "../tests/tables.ts";
import { RunInspector, walkRuns } from "./run_inspector.ts";
import { TableInspector } from "./table_inspector.ts";

const RUNS = 4;
const TABLES = 8;
const ENTRIES = 500;

const all = decimalEntries(RUNS * TABLES * ENTRIES, 100);
const runs = Array.from({ length: RUNS }, (_, run) => {
  const own = all.filter((_, i) => i % RUNS === run);
  return Array.from(
    { length: TABLES },
    (_, i) => tableBytes(own.slice(i * ENTRIES, (i + 1) * ENTRIES)),
  );
});

function walk(count: number): number {
  const inspectors = runs.slice(0, count).map((tables) =>
    new RunInspector(
      tables.length,
      (i) =>
        new TableInspector(fileOf(tables[i]!), { comparator: bytewiseKeys, onDamage: () => {} }),
    )
  );
  let entries = 0;
  walkRuns(bytewiseKeys, inspectors, () => void entries++, () => undefined).next();
  return entries;
}

Deno.bench("one run, 4 000 entries", () => void walk(1));
Deno.bench("four runs, 16 000 entries", () => void walk(RUNS));
