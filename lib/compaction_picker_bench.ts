import { DEFAULT_PICKER_OPTIONS, pickCompaction } from "./compaction_picker.ts";
import { BaseLevelChecker, OutputCutter } from "./compaction_rules.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
import { Version } from "./version.ts";
import { emptyVersionEdit } from "./version_edit.ts";

function key(number: number): Uint8Array {
  return makeInternalKey(new TextEncoder().encode(String(number).padStart(16, "0")), 1, KIND_VALUE);
}

/** A tree of 12, 100 and 1000 tables in levels 1, 2 and 3. */
function tree(): Version {
  const edit = emptyVersionEdit();
  let number = 1;
  for (const [level, count] of [[1, 12], [2, 100], [3, 1000]] as const) {
    for (let i = 0; i < count; i++) {
      const [smallest, largest] = [i, i + 1].map((n) => Math.floor(n * 1_000_000 / count));
      const table = {
        number: number++,
        bytes: 2 ** 20,
        smallest: key(smallest!),
        largest: key(largest! - 1),
        allowedSeeks: 100,
      };
      edit.added.push({ level, table });
    }
  }
  return Version.empty(new InternalKeyComparator()).apply(edit);
}

const version = tree();
const options = DEFAULT_PICKER_OPTIONS;
const pointers = [undefined, key(500_000)];

Deno.bench("pickCompaction() in a tree of 1112 tables", () => {
  pickCompaction(version, pointers, options);
});

const keys = Array.from({ length: 10_000 }, (_, i) => key(i * 100));

Deno.bench("isGoneBelow() for 10000 keys over 1000 tables", { group: "rules" }, () => {
  const checker = new BaseLevelChecker(version, 2);
  for (const key of keys) checker.isGoneBelow(key, 0, key.length - 8);
});

Deno.bench("isCutBefore() for 10000 keys over 1000 grandparents", { group: "rules" }, () => {
  const cutter = new OutputCutter(version.comparator, version.levels[3]!, options);
  for (const key of keys) cutter.isCutBefore(key, 0, key.length);
});
