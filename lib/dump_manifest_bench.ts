import { dumpEdit } from "./dump_manifest.ts";
import { MemorySource } from "./dump_part.ts";
import { emptyVersionEdit, encodeVersionEdit } from "./version_edit.ts";

const deleted = Array.from({ length: 100 }, (_, i) => ({ level: 1, number: i + 1 }));
const source = new MemorySource(encodeVersionEdit({ ...emptyVersionEdit(), deleted }), undefined);
const options = { valueBytes: 64, keysOnly: false };

Deno.bench("a version edit of 100 deleted tables", () => {
  for (const _ of dumpEdit(source, 0, source.size, 0, options));
});
