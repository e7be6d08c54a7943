/**
 * What a record of the manifest costs: of a flush, which adds one table, and of a whole tree of 1000, which is how
 * every manifest begins. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 0.3 µs to encode
 * a table and 0.5 to decode it; 37 and 330 for 1000.
 *
 * @module
 */
import { decimalEntries } from "../tests/tables.ts";
import {
  decodeVersionEdit,
  emptyVersionEdit,
  encodeVersionEdit,
  type VersionEdit,
} from "./version_edit.ts";

function editOf(tables: number): VersionEdit {
  const edit = { ...emptyVersionEdit(), logNumber: 9, nextFileNumber: 2000, lastSequence: 1e9 };
  for (const [i, [key]] of decimalEntries(tables, 0).entries()) {
    const table = { number: i + 1, bytes: 2 ** 21, smallest: key, largest: key, allowedSeeks: 128 };
    edit.added.push({ level: 2, table });
  }
  return edit;
}

let sum = 0;
for (const tables of [1, 1000]) {
  const edit = editOf(tables);
  const bytes = encodeVersionEdit(edit).slice();
  const name = tables === 1 ? "one table" : `${tables} tables`;
  Deno.bench(`encodeVersionEdit() of ${name}`, { group: "encode" }, () => {
    sum += encodeVersionEdit(edit).length;
  });
  Deno.bench(`decodeVersionEdit() of ${name}`, { group: "decode" }, () => {
    sum += decodeVersionEdit(bytes, 0, bytes.length, "MANIFEST-000001", 0).added.length;
  });
}
