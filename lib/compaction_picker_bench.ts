import { DEFAULT_PICKER_OPTIONS, pickCompaction } from "./compaction_picker.ts";
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
