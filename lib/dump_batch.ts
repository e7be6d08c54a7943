/**
 * **What.** A write batch as parts: its sequence number and count, then each put and delete. The format is in
 * `write_batch.ts`.
 *
 * **Invariants.**
 * 1. Every record before the first damaged byte is shown, and what follows that byte is one part.
 *
 * **Read next.** `dump_manifest.ts`
 *
 * @module
 */
import { getFixed32, getFixed64 } from "./coding.ts";
import {
  arrowText,
  DETAIL,
  type DumpOptions,
  type DumpParts,
  DumpReader,
  type DumpSource,
  keyBytesShown,
  part,
  shortText,
} from "./dump_part.ts";
import { KIND_TOMBSTONE, KIND_VALUE } from "./internal_key.ts";
import { keyText } from "./shell_command.ts";
import { BATCH_HEADER_BYTES } from "./write_batch.ts";

const SEQUENCE_BYTES = 8;
const COUNT_BYTES = BATCH_HEADER_BYTES - SEQUENCE_BYTES;

/**
 * Takes a batch apart.
 *
 * @example A batch of one put
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { dumpBatch } from "./dump_batch.ts";
 * import { MemorySource } from "./dump_part.ts";
 * import { WriteBatch } from "./write_batch.ts";
 *
 * const batch = new WriteBatch();
 * batch.put(Uint8Array.of(0x6b), 0, 1, Uint8Array.of(0x76), 0, 1);
 * batch.setSequence(7);
 * const source = new MemorySource(batch.bytes(), undefined);
 * const parts = dumpBatch(source, 0, source.size, 0, { valueBytes: 64, keysOnly: false });
 * const texts = [...parts].filter(({ isDetail }) => !isDetail).map(({ name, text }) => [name, text]);
 * assertEquals(texts, [["batch", "1 record, @7"], ["put", "k @7 → v"]]);
 * ```
 *
 * @param source Where it is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @param depth How deep its first part is.
 * @param options How much is shown.
 */
export function* dumpBatch(
  source: DumpSource,
  start: number,
  end: number,
  depth: number,
  options: DumpOptions,
): DumpParts {
  const length = end - start;
  if (length < BATCH_HEADER_BYTES) {
    const damage = `a batch of ${length} bytes, too short for its header`;
    yield part(source, depth, start, length, "batch", "", { damage, isLeaf: true });
    return;
  }
  const header = source.read(start, BATCH_HEADER_BYTES);
  const sequence = getFixed64(header, 0);
  const count = getFixed32(header, SEQUENCE_BYTES);
  const isSafe = Number.isSafeInteger(sequence) && Number.isSafeInteger(sequence + count);
  const last = count > 1 ? ` to @${sequence + count - 1}` : "";
  const text = `${count} ${count === 1 ? "record" : "records"}, @${sequence}${last}`;
  const damage = isSafe ? undefined : "sequence numbers over 2^53 - 1";
  yield part(source, depth, start, length, "batch", text, { damage });
  const inner = depth + 1;
  yield part(source, inner, start, SEQUENCE_BYTES, "sequence", String(sequence), DETAIL);
  const countAt = start + SEQUENCE_BYTES;
  yield part(source, inner, countAt, COUNT_BYTES, "count", String(count), DETAIL);

  const reader = new DumpReader(source, start + BATCH_HEADER_BYTES, end);
  let index = 0;
  for (; reader.left > 0; index++) {
    const from = reader.at;
    const record = readRecord(reader);
    if (typeof record === "string") {
      const rest = end - from;
      yield part(source, inner, from, rest, "rest", "", { damage: record, isLeaf: true });
      return;
    }
    const isExtra = index >= count;
    const extra = isExtra ? { damage: `a record more than the count of ${count}` } : {};
    yield* dumpRecord(source, record, inner, sequence + index, options, extra);
  }
  if (index < count) {
    const missing = `${count - index} of ${count} records are missing`;
    yield part(source, inner, end, 0, "end", "", { damage: missing, isLeaf: true });
  }
}

interface BatchRecord {
  readonly offset: number;
  readonly kind: number;
  readonly keyStart: number;
  readonly keyEnd: number;
  /** Where the value's bytes start; where the key ends if there is none. */
  readonly valueStart: number;
  readonly end: number;
}

/** Reads a record, or says why there is none. */
function readRecord(reader: DumpReader): BatchRecord | string {
  const offset = reader.at;
  const kind = reader.byte()!;
  if (kind !== KIND_VALUE && kind !== KIND_TOMBSTONE) return `a record of unknown kind ${kind}`;
  const keyStart = reader.lengthPrefixed();
  const keyEnd = reader.at;
  if (keyStart === undefined) return "a record whose key is cut, or has a length too large";
  const valueStart = kind === KIND_VALUE ? reader.lengthPrefixed() : keyEnd;
  if (valueStart === undefined) return "a record whose value is cut, or has a length too large";
  return { offset, kind, keyStart, keyEnd, valueStart, end: reader.at };
}

function* dumpRecord(
  source: DumpSource,
  record: BatchRecord,
  depth: number,
  sequence: number,
  options: DumpOptions,
  extra: { damage?: string },
): DumpParts {
  const { offset, kind, keyStart, keyEnd, valueStart, end } = record;
  const isPut = kind === KIND_VALUE;
  const keyBytes = keyEnd - keyStart;
  const key = shortText(source, keyStart, keyBytes, keyBytesShown(options), keyText);
  const value = isPut ? arrowText(options, source, valueStart, end - valueStart) : "";
  const name = isPut ? "put" : "delete";
  const text = `${key} @${sequence}${value}`;
  yield part(source, depth, offset, end - offset, name, text, { ...extra, isEntry: true });
  const inner = depth + 1;
  const keyLengthAt = offset + 1;
  yield part(source, inner, offset, 1, "kind", `${kind}: ${name}`, DETAIL);
  const keyLength = `${keyBytes} bytes`;
  yield part(source, inner, keyLengthAt, keyStart - keyLengthAt, "key length", keyLength, DETAIL);
  yield part(source, inner, keyStart, keyBytes, "key", "", DETAIL);
  if (!isPut) return;
  const valueLength = `${end - valueStart} bytes`;
  yield part(source, inner, keyEnd, valueStart - keyEnd, "value length", valueLength, DETAIL);
  yield part(source, inner, valueStart, end - valueStart, "value", "", DETAIL);
}
