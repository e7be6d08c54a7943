/**
 * What it costs to tell another thread of tables: as the bytes of a version edit, or as objects, which is what a clone
 * would make of them. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 430 µs for a
 * thousand, 680 µs as objects; 12 µs for a report of 25.
 *
 * @module
 */
import { decimalEntries } from "../tests/tables.ts";
import type { CompactionDescription } from "./compaction.ts";
import { decodeReport, encodeReport, fromPosted, toPosted } from "./job_messages.ts";
import { LEVELS, type TableMeta } from "./version_edit.ts";

const tables: TableMeta[] = decimalEntries(1000, 0).map(([key], i) => ({
  ...{ number: i + 1, bytes: 2 ** 21, smallest: key, largest: key, allowedSeeks: 128 },
}));
const levels = Array.from({ length: LEVELS }, (_, level) => level === 3 ? tables : []);
const description: CompactionDescription = {
  ...{
    kind: "compaction",
    level: 2,
    outputLevel: 3,
    levels,
    bytes: 1,
    smallestSnapshot: 1,
    tableBytes: 1,
  },
  tables: { blockBytes: 4096, restartInterval: 16, filterBits: 10, compression: ["none"] },
};
const result = { tables: tables.slice(0, 25), bytesWritten: 1, droppedEntries: 1 };

Deno.bench("a description with 1000 tables, posted", { group: "description" }, () => {
  fromPosted(structuredClone(toPosted(description)));
});
Deno.bench("the same as objects", { group: "description" }, () => {
  structuredClone(description);
});
Deno.bench("a report of 25 tables", { group: "report" }, () => {
  decodeReport(encodeReport({ kind: "done", id: 1, result }));
});
