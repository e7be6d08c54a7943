import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit, seekBudget, type TableMeta } from "./version_edit.ts";

const SPACE = 1_000_000;

function key(number: number): Uint8Array {
  return makeInternalKey(new TextEncoder().encode(String(number).padStart(16, "0")), 1, KIND_VALUE);
}

function level(count: number): TableMeta[] {
  const step = SPACE / count;
  return Array.from({ length: count }, (_, i) => {
    const smallest = key(Math.floor(i * step));
    const largest = key(Math.floor((i + 1) * step) - 1);
    return { number: i + 1, bytes: 2 ** 21, smallest, largest, allowedSeeks: seekBudget(2 ** 21) };
  });
}

const targets = Array.from({ length: 4096 }, (_, i) => key((i * 7_919_111) % SPACE));

for (const count of [10, 100, 1000, 10_000]) {
  const added = level(count).map((table) => ({ level: 2, table }));
  const version = Version.empty(new InternalKeyComparator()).apply({
    ...emptyVersionEdit(),
    added,
  });
  let at = 0;
  Deno.bench(`findTable() among ${count} tables`, { group: "findTable" }, () => {
    const target = targets[at++ & 4095]!;
    version.findTable(2, target, 0, target.length);
  });
  const table = { ...added[0]!.table, number: count + 1 };
  const flushed = { ...emptyVersionEdit(), added: [{ level: 0, table }] };
  Deno.bench(`apply() of a flush to ${count} tables`, { group: "apply, level 0" }, () => {
    version.apply(flushed);
  });
  const rewritten = {
    ...emptyVersionEdit(),
    deleted: [{ level: 2, number: 5 }],
    added: [{ level: 2, table: { ...version.levels[2]![4]!, number: count + 1 } }],
  };
  Deno.bench(`apply() of a compaction to ${count} tables`, { group: "apply, level 2" }, () => {
    version.apply(rewritten);
  });
}
