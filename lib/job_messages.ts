/**
 * **What.** What is said between the thread that needs flushes and compactions done and the one that does them.
 * Requests are posted as structured clones: a memtable is shared memory and is not copied. Reports come back as bytes,
 * through a mailbox.
 *
 * **Format.**
 * ```text
 * report    := 1 id varint64, dropped entries varint64, bytes written varint64, version edit     done
 *            | 2 id varint64, error as JSON                                                    failed
 *            | 3 id varint64                                                                given up
 *            | 4 level, source and message as JSON                                       to be logged
 *            | 5 what became of each file as JSON                                       files removed
 * ```
 * In a large tree a compaction has to know of thousands of tables. As a version edit a thousand of them take 0.4 ms
 * from thread to thread, as objects that are cloned 0.7 ms.
 *
 * **Invariants.**
 * 1. What arrives equals what was sent, errors with their codes, files, offsets and causes included.
 *
 * **Read next.** `job_channel.ts`
 *
 * @module
 */
import { putVarint, VarintReader } from "./coding.ts";
import type { CompactionDescription } from "./compaction.ts";
import { CorruptionError, VarveError, type VarveErrorCode } from "./errors.ts";
import type { RemovalOutcome } from "./file_remover.ts";
import type { FlushDescription } from "./flush.ts";
import type { JobResult } from "./job.ts";
import type { JobDescription } from "./job_runner.ts";
import type { LogLevel } from "./logger.ts";
import { decodeVersionEdit, emptyVersionEdit, encodeVersionEdit, LEVELS } from "./version_edit.ts";

/** A description as it is posted. */
export type PostedDescription =
  | FlushDescription
  | Omit<CompactionDescription, "levels"> & { readonly levels: Uint8Array };

/** What is asked of a worker. */
export type JobRequest =
  /** A job is to be done. */
  | { readonly kind: "start"; readonly id: number; readonly description: PostedDescription }
  /** Files are to be removed. */
  | { readonly kind: "remove"; readonly paths: readonly string[] }
  /** There is room in the mailbox, or a job was given up: nothing but a reason to look. */
  | { readonly kind: "look" };

/** What a worker has to say. */
export type JobReport =
  /** A job is done. */
  | { readonly kind: "done"; readonly id: number; readonly result: JobResult }
  /** A job failed, and was given up. */
  | { readonly kind: "failed"; readonly id: number; readonly error: unknown }
  /** A job was given up, as it was asked to be. */
  | { readonly kind: "abandoned"; readonly id: number }
  /** For the database's logger. */
  | {
    readonly kind: "log";
    readonly level: LogLevel;
    readonly source: string;
    readonly message: string;
  }
  /** What became of the files that have waited longest to be removed. */
  | { readonly kind: "removed"; readonly outcomes: readonly RemovalOutcome[] };

const KINDS = { done: 1, failed: 2, abandoned: 3, log: 4, removed: 5 } as const;
/** A kind and three varints at most. */
const HEAD_BYTES_MAX = 1 + 3 * 10;
/** An error's causes are sent along so far down. */
const CAUSES_MAX = 4;

/**
 * Makes a description ready to be posted.
 *
 * @param description The description.
 * @returns Plain data.
 */
export function toPosted(description: JobDescription): PostedDescription {
  if (description.kind === "flush") return description;
  const edit = emptyVersionEdit();
  description.levels.forEach((tables, level) => {
    for (const table of tables) edit.added.push({ level, table });
  });
  return { ...description, levels: encodeVersionEdit(edit) };
}

/**
 * The description that was posted.
 *
 * @param posted What arrived.
 * @returns The description.
 */
export function fromPosted(posted: PostedDescription): JobDescription {
  if (posted.kind === "flush") return posted;
  const { levels: bytes } = posted;
  const levels = Array.from(
    { length: LEVELS },
    () => [] as CompactionDescription["levels"][0][0][],
  );
  const edit = decodeVersionEdit(bytes, 0, bytes.length, "a job's description", 0);
  for (const { level, table } of edit.added) levels[level]!.push(table);
  return { ...posted, levels };
}

/**
 * Encodes a report.
 *
 * @param report The report.
 * @returns Its bytes.
 */
export function encodeReport(report: JobReport): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES_MAX);
  head[0] = KINDS[report.kind];
  let end = "id" in report ? putVarint(head, 1, report.id) : 1;
  let body = new Uint8Array(0);
  if (report.kind === "done") {
    const { tables, droppedEntries, bytesWritten } = report.result;
    end = putVarint(head, end, droppedEntries);
    end = putVarint(head, end, bytesWritten);
    const edit = emptyVersionEdit();
    for (const table of tables) edit.added.push({ level: 0, table });
    body = new Uint8Array(encodeVersionEdit(edit));
  } else if (report.kind === "failed") {
    body = json(plainError(report.error, CAUSES_MAX));
  } else if (report.kind === "log") {
    body = json([report.level, report.source, report.message]);
  } else if (report.kind === "removed") {
    body = json(report.outcomes);
  }
  const bytes = new Uint8Array(end + body.length);
  bytes.set(head.subarray(0, end));
  bytes.set(body, end);
  return bytes;
}

/**
 * Decodes a report.
 *
 * @param bytes What {@linkcode encodeReport} made.
 * @returns The report.
 */
export function decodeReport(bytes: Uint8Array): JobReport {
  const reader = new VarintReader();
  reader.reset(bytes, 1, bytes.length);
  if (bytes[0] === KINDS.log) {
    const [level, source, message] = parse(bytes, 1) as [LogLevel, string, string];
    return { kind: "log", level, source, message };
  }
  if (bytes[0] === KINDS.removed) {
    return { kind: "removed", outcomes: parse(bytes, 1) as RemovalOutcome[] };
  }
  const id = reader.varint64();
  if (bytes[0] === KINDS.abandoned) return { kind: "abandoned", id };
  if (bytes[0] === KINDS.failed) {
    return { kind: "failed", id, error: fromPlain(parse(bytes, reader.offset) as PlainError) };
  }
  const droppedEntries = reader.varint64();
  const bytesWritten = reader.varint64();
  const edit = decodeVersionEdit(bytes, reader.offset, bytes.length, "a job's report", 0);
  const tables = edit.added.map(({ table }) => table);
  return { kind: "done", id, result: { tables, droppedEntries, bytesWritten } };
}

/** An error as JSON. */
interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly file?: string | undefined;
  readonly offset?: number | undefined;
  readonly stack?: string | undefined;
  readonly cause?: PlainError | undefined;
}

function plainError(error: unknown, causes: number): PlainError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack, cause } = error;
  const { code, file, offset } = error as Partial<CorruptionError>;
  const plainCause = cause === undefined || causes === 0
    ? undefined
    : plainError(cause, causes - 1);
  return { name, message, code, file, offset, stack, cause: plainCause };
}

function fromPlain(plain: PlainError): Error {
  const { name, message, code, file, offset, stack } = plain;
  const options = plain.cause === undefined ? {} : { cause: fromPlain(plain.cause) };
  const error = name === "CorruptionError" && file !== undefined && offset !== undefined
    ? new CorruptionError("", file, offset, options)
    : name === "VarveError"
    ? new VarveError(code as VarveErrorCode, message, options)
    : Object.assign(new Error(message, options), { name }, code === undefined ? {} : { code });
  error.message = message;
  if (stack !== undefined) error.stack = stack;
  return error;
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

function parse(bytes: Uint8Array, start: number): unknown {
  return JSON.parse(new TextDecoder().decode(bytes.subarray(start)));
}
