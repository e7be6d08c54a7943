/**
 * **What.** The figure of a write batch: its bytes, taken apart, with the header that the log puts before them.
 *
 * **Invariants.**
 * 1. The bytes are those of the log that a database wrote; lengths and numbers are read from them.
 *
 * **Read next.** `../03_the_log.md`
 *
 * @module
 */
import { getFixed32 } from "../../lib/coding.ts";
import { readFile } from "../../lib/file_system.ts";
import { LOG_HEADER_BYTES } from "../../lib/log.ts";
import { BATCH_HEADER_BYTES } from "../../lib/write_batch.ts";
import { MemoryFileSystem, open } from "../../mod.ts";
import { type Field, type Figure, Sheet } from "./drawing.ts";

/** The fields of a log with one record, which is a batch. */
function fieldsOf(log: Uint8Array): Field[] {
  const payload = log[4]! | (log[5]! << 8);
  const count = getFixed32(log, LOG_HEADER_BYTES + 8);
  const fields: Field[] = [
    { bytes: 4, tone: "amber", label: "log: masked CRC-32C of all that follows the length" },
    { bytes: 2, tone: "amber", label: `log: ${payload} bytes of payload` },
    { bytes: 1, tone: "amber", label: "log: type 1, FULL, a whole record" },
    { bytes: 8, tone: "blue", label: `batch: sequence number ${log[7]} for its first record` },
    { bytes: 4, tone: "blue", label: `batch: ${count} records` },
  ];
  let at = LOG_HEADER_BYTES + BATCH_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const kind = log[at++]!;
    fields.push({ bytes: 1, tone: "violet", label: kind === 1 ? "a value" : "a tombstone" });
    const parts = kind === 1 ? ["key", "value"] : ["key"];
    for (const part of parts) {
      const length = log[at]!;
      const tone = part === "key" ? "green" : "grey";
      fields.push({ bytes: 1, tone, label: `${part}: ${length} bytes` });
      fields.push({ bytes: length, tone, label: "", isText: true });
      at += 1 + length;
    }
  }
  return fields;
}

/** The figure. */
export const figure: Figure = {
  alt:
    "The bytes of a log with one record, a line for each field: the log's header of 7 bytes, the batch's header of " +
    "12, then a value with its key and a tombstone with its key, each with a length before it.",
  async draw() {
    const disk = new MemoryFileSystem();
    await using db = await open("db", { fileSystem: disk });
    await db.batch().put("sand", "yellow").delete("clay").commit();
    const log = readFile(disk, "db/000002.log");
    const sheet = new Sheet("A write batch in the log");
    sheet.text(20, 28, 'batch().put("sand", "yellow").delete("clay").commit()', { style: "mono" });
    return sheet.finish(sheet.dump(44, log, fieldsOf(log)) + 12);
  },
};
