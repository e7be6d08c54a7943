/**
 * What a compaction asks at every key besides merging: keys in order, over the tables of the level that matters. Deno
 * 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 19 to 24 ns a key for `isGoneBelow()`, 10 to
 * 13 for `isCutBefore()`, over 10 tables or 1000.
 *
 * @module
 */
import { DEFAULT_PICKER_OPTIONS } from "./compaction_picker.ts";
import { BaseLevelChecker, OutputCutter } from "./compaction_rules.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit, type TableMeta } from "./version_edit.ts";

const SPACE = 1_000_000;
const comparator = new InternalKeyComparator();

function key(number: number): Uint8Array {
  return makeInternalKey(new TextEncoder().encode(String(number).padStart(16, "0")), 1, KIND_VALUE);
}

/** A version with so many tables in level 3, side by side. */
function versionOf(count: number): Version {
  const edit = emptyVersionEdit();
  for (let i = 0; i < count; i++) {
    const smallest = key(Math.floor(i * SPACE / count));
    const largest = key(Math.floor((i + 1) * SPACE / count) - 1);
    const table: TableMeta = {
      number: i + 1,
      bytes: 2 ** 20,
      smallest,
      largest,
      allowedSeeks: 100,
    };
    edit.added.push({ level: 3, table });
  }
  return Version.empty(comparator).apply(edit);
}

const keys = Array.from({ length: 10_000 }, (_, i) => key(i * 100));

for (const tables of [10, 1000]) {
  const version = versionOf(tables);
  Deno.bench(`isGoneBelow() for 10 000 keys, ${tables} tables`, { group: "tombstones" }, () => {
    const checker = new BaseLevelChecker(version, 2);
    for (const key of keys) checker.isGoneBelow(key, 0, key.length - 8);
  });
  Deno.bench(`isCutBefore() for 10 000 keys, ${tables} tables`, { group: "cuts" }, () => {
    const cutter = new OutputCutter(comparator, version.levels[3]!, DEFAULT_PICKER_OPTIONS);
    for (const key of keys) cutter.isCutBefore(key, 0, key.length, 1000);
  });
}
