/**
 * What it costs to sum up a repair of 1,000 files.
 *
 * @module
 */
import { RepairNotes } from "./repair_report.ts";

const notes = new RepairNotes();
for (let i = 0; i < 1000; i++) {
  const record = notes.note(`${100_000 + i}.ldb`, "rewritten");
  notes.damaged(record, { offset: i, bytes: 10, what: "block checksum mismatch" });
}

Deno.bench("a report of 1 000 files", () => void notes.report(true));
