/**
 * **What.** A file of a database as parts: which kind it is, told from its name and looked for in what is in it, and
 * the parts of a file of that kind.
 *
 * **Format.**
 * ```text
 * table     ends with the magic number
 * current   begins with "MANIFEST-", and is no longer than a name
 * manifest  begins with a fragment whose checksum holds, and in it the name of a comparator
 * log       begins with another fragment whose checksum holds
 * batch, block: a record of a log and a block of entries, on their own; told by nothing
 * ```
 *
 * **Invariants.**
 * 1. What a file is named after counts unless there is proof in it of another kind.
 * 2. Nothing is opened but the file, nothing is locked, and nothing is written.
 *
 * **Read next.** `dump_text.ts`
 *
 * @module
 */
import { getFixed32 } from "./coding.ts";
import { crc32c, unmask } from "./crc32c.ts";
import { dumpBatch } from "./dump_batch.ts";
import { dumpBlock } from "./dump_block.ts";
import { dumpLog } from "./dump_log.ts";
import { dumpCurrent, dumpEdit } from "./dump_manifest.ts";
import { type DumpOptions, type DumpParts, type DumpSource, part } from "./dump_part.ts";
import { dumpTable } from "./dump_table.ts";
import { parseFileName } from "./file_names.ts";
import { FIRST, FULL, LOG_HEADER_BYTES } from "./log.ts";
import { valueText } from "./shell_command.ts";
import { MAGIC_HIGH, MAGIC_LOW } from "./table_format.ts";
import { TAG_COMPARATOR } from "./version_edit.ts";

/** What can be dumped. */
export type DumpKind = "log" | "manifest" | "table" | "current" | "batch" | "block";

/** All kinds, for those who name one. */
export const DUMP_KINDS: readonly DumpKind[] = [
  "log",
  "manifest",
  "table",
  "current",
  "batch",
  "block",
];

const MAGIC_BYTES = 8;
const CURRENT_BYTES_MAX = 26;
const CURRENT_START = "MANIFEST-";

/**
 * Tells a file's kind by its name.
 *
 * @param name The name, without a directory.
 * @returns The kind, or `undefined` if the name is not that of a file that can be dumped.
 */
export function kindByName(name: string): DumpKind | undefined {
  const kind = parseFileName(name)?.kind;
  return DUMP_KINDS.find((it) => it === kind);
}

/**
 * Tells a file's kind by what is in it.
 *
 * @example A table under another name
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { kindByContent } from "./dump_file.ts";
 * import { MemorySource } from "./dump_part.ts";
 * import { encodeFooter } from "./table_format.ts";
 *
 * const footer = encodeFooter({ offset: 0, bytes: 8 }, { offset: 13, bytes: 8 });
 * assertEquals(kindByContent(new MemorySource(footer, undefined)), "table");
 * ```
 *
 * @param source The file.
 * @returns The kind, or `undefined` if there is no proof of any.
 */
export function kindByContent(source: DumpSource): DumpKind | undefined {
  const { size } = source;
  if (size >= MAGIC_BYTES) {
    const magic = source.read(size - MAGIC_BYTES, MAGIC_BYTES);
    if (getFixed32(magic, 0) === MAGIC_LOW && getFixed32(magic, 4) === MAGIC_HIGH) return "table";
  }
  if (size > CURRENT_START.length && size <= CURRENT_BYTES_MAX) {
    const start = new TextDecoder().decode(source.read(0, CURRENT_START.length));
    if (start === CURRENT_START) return "current";
  }
  return logKind(source);
}

/** Whether a file begins as a log does, and with a batch or with a version edit. */
function logKind(source: DumpSource): "log" | "manifest" | undefined {
  if (source.size < LOG_HEADER_BYTES) return undefined;
  const header = source.read(0, LOG_HEADER_BYTES).slice();
  const length = header[4]! | (header[5]! << 8);
  const type = header[6]!;
  if ((type !== FULL && type !== FIRST) || LOG_HEADER_BYTES + length > source.size) {
    return undefined;
  }
  const checked = source.read(LOG_HEADER_BYTES - 1, length + 1);
  if (unmask(getFixed32(header, 0)) !== crc32c(checked, 0, length + 1)) return undefined;
  // Printable ASCII, as no batch has behind a first byte of 1: there are the zeros of its sequence number.
  const nameEnd = 3 + (checked[2] ?? 0);
  const name = checked.subarray(3, nameEnd);
  const isName = name.length > 0 && nameEnd <= length + 1 &&
    name.every((byte) => byte > 0x20 && byte < 0x7f);
  return checked[1] === TAG_COMPARATOR && isName ? "manifest" : "log";
}

/**
 * Takes a file apart. The first part is the file.
 *
 * @param source The file.
 * @param name What it is called.
 * @param kind What it is.
 * @param options How much is shown.
 */
export function* dumpFile(
  source: DumpSource,
  name: string,
  kind: DumpKind,
  options: DumpOptions,
): DumpParts {
  const { size } = source;
  const bytes = size === 1 ? "1 byte" : `${size} bytes`;
  const shown = valueText(new TextEncoder().encode(name));
  yield part(source, 0, 0, size, kind, `${shown}, ${bytes}`);
  switch (kind) {
    case "log":
      return yield* dumpLog(source, 1, dumpBatch, options);
    case "manifest":
      return yield* dumpLog(source, 1, dumpEdit, options);
    case "table":
      return yield* dumpTable(source, 1, options);
    case "current":
      return yield* dumpCurrent(source, 1);
    case "batch":
      return yield* dumpBatch(source, 0, size, 1, options);
    case "block":
      return yield* dumpBlock(source, 0, size, 1, "data", options);
  }
}
