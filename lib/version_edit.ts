/**
 * **What.** One change to the tree, as the manifest records it: which tables come and go, and which file
 * and sequence numbers are in use from then on. A manifest is nothing but a list of these.
 *
 * **Format.**
 * ```text
 * version edit    := field*, in this order when written, in any order when read
 * field           := 1 comparator name    string
 *                  | 2 log number         varint64    logs below it hold nothing that is not in a table
 *                  | 9 previous log       varint64    0, but for databases of LevelDB before 2011
 *                  | 3 next file number   varint64    no file has this number or a higher one
 *                  | 4 last sequence      varint64
 *                  | 5 compact pointer    level, internal key      where the level's next compaction starts
 *                  | 6 deleted table      level, varint64 number
 *                  | 7 added table        level, varint64 number from 1, varint64 bytes,
 *                                         internal key smallest, internal key largest
 * string          := varint32 length, that many bytes
 * internal key    := a string of at least 8 bytes
 * level, tag      := varint32
 * ```
 *
 * **Invariants.**
 * 1. What is written is LevelDB's encoding, byte for byte; deleted tables go by level and number.
 * 2. Damaged bytes decode to a {@linkcode CorruptionError} or to an edit, never to another failure, and what
 *    decoding allocates is bounded by the length of the record.
 * 3. A field that this version does not know is refused as corruption. LevelDB's format has no version number
 *    and no way to skip a field, so damage and a newer format cannot be told apart; either way, going on
 *    without it could lose tables.
 *
 * Source: LevelDB's `db/version_edit.cc`.
 *
 * **Read next.** `version.ts`
 *
 * @module
 */
import { putVarint, VarintReader } from "./coding.ts";
import { CorruptionError } from "./errors.ts";
import { KIND_TOMBSTONE, KIND_VALUE, kindAt, sequenceAt, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";

/** How many levels the tree has: level 0, whose tables may overlap, and six sorted ones below it. */
export const LEVELS = 7;

/** What the tree knows of a table. Shared by all versions that the table is in. */
export interface TableMeta {
  /** The number in the file's name. */
  readonly number: number;
  /** Size of the file. */
  readonly bytes: number;
  /** The first internal key in the table. */
  readonly smallest: Uint8Array;
  /** The last internal key in the table. */
  readonly largest: Uint8Array;
  /** How many more searches may find nothing here before the table is worth compacting. Not stored. */
  allowedSeeks: number;
}

/** One change to the tree. Fields that are absent stay as they were. */
export interface VersionEdit {
  /** Name of the order of user keys. */
  comparator?: string;
  /** The oldest write-ahead log that is still needed. */
  logNumber?: number;
  /** A second log that is still needed; 0 if there is none, which is always so in what this library writes. */
  prevLogNumber?: number;
  /** The number that the next new file gets. */
  nextFileNumber?: number;
  /** The highest sequence number in the tables. */
  lastSequence?: number;
  /** Where the next compaction of a level starts, as internal keys. */
  compactPointers: { level: number; key: Uint8Array }[];
  /** Tables that leave the tree. They go before others are added. */
  deleted: { level: number; number: number }[];
  /** Tables that join the tree. */
  added: { level: number; table: TableMeta }[];
}

/**
 * Makes an edit that changes nothing, to be filled in.
 *
 * @returns A new edit.
 */
export function emptyVersionEdit(): VersionEdit {
  return { compactPointers: [], deleted: [], added: [] };
}

// A search that finds nothing in a table costs about as much as compacting 40 KB: a seek takes 10 ms on a
// spinning disk, in which 1 MB can be read or written, and compacting 1 MB moves 25 MB in all. LevelDB counts
// cautiously, one seek for every 16 KB, and never fewer than 100.
const BYTES_PER_SEEK = 16 * 1024;
const SEEKS_MIN = 100;

/**
 * How many searches may find nothing in a table before it is worth compacting.
 *
 * @param tableBytes Size of the table.
 * @returns The initial {@linkcode TableMeta.allowedSeeks}.
 */
export function seekBudget(tableBytes: number): number {
  return Math.max(SEEKS_MIN, Math.floor(tableBytes / BYTES_PER_SEEK));
}

/** Field with the name of the order of keys. */
export const TAG_COMPARATOR = 1;
/** Field with the oldest log that is needed. */
export const TAG_LOG_NUMBER = 2;
/** Field with the number of the next new file. */
export const TAG_NEXT_FILE_NUMBER = 3;
/** Field with the highest sequence number in tables. */
export const TAG_LAST_SEQUENCE = 4;
/** Field with where a level's next compaction starts. */
export const TAG_COMPACT_POINTER = 5;
/** Field with a table that leaves the tree. */
export const TAG_DELETED_TABLE = 6;
/** Field with a table that joins the tree. */
export const TAG_ADDED_TABLE = 7;
// 8 once referred to large values kept apart from the tables; LevelDB no longer writes or reads it.
/** Field with a second log that is needed. */
export const TAG_PREV_LOG_NUMBER = 9;

/** The most that a field takes without its strings: tag, level, two numbers, two lengths. */
const FIELD_BYTES_MAX = 1 + 1 + 8 + 8 + 5 + 5;

/**
 * Encodes an edit as LevelDB does.
 *
 * @example There and back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeVersionEdit, emptyVersionEdit, encodeVersionEdit } from "./version_edit.ts";
 *
 * const edit = { ...emptyVersionEdit(), logNumber: 6, deleted: [{ level: 0, number: 300 }] };
 * const bytes = encodeVersionEdit(edit);
 * assertEquals(bytes, Uint8Array.of(2, 6, 6, 0, 0xac, 0x02));
 * assertEquals(decodeVersionEdit(bytes, 0, bytes.length, "MANIFEST-000005", 0), edit);
 * ```
 *
 * @param edit The edit.
 * @returns Its bytes, to be one record of a manifest.
 */
export function encodeVersionEdit(edit: VersionEdit): Uint8Array {
  const writer = new FieldWriter(bytesAtMost(edit));
  if (edit.comparator !== undefined) {
    writer.number(TAG_COMPARATOR);
    writer.string(new TextEncoder().encode(edit.comparator));
  }
  writer.optional(TAG_LOG_NUMBER, edit.logNumber);
  writer.optional(TAG_PREV_LOG_NUMBER, edit.prevLogNumber);
  writer.optional(TAG_NEXT_FILE_NUMBER, edit.nextFileNumber);
  writer.optional(TAG_LAST_SEQUENCE, edit.lastSequence);
  for (const { level, key } of edit.compactPointers) {
    writer.number(TAG_COMPACT_POINTER);
    writer.level(level);
    writer.string(key);
  }
  const deleted = edit.deleted.toSorted((a, b) => a.level - b.level || a.number - b.number);
  for (const { level, number } of deleted) {
    writer.number(TAG_DELETED_TABLE);
    writer.level(level);
    writer.number(number);
  }
  for (const { level, table } of edit.added) {
    writer.number(TAG_ADDED_TABLE);
    writer.level(level);
    writer.number(table.number);
    writer.number(table.bytes);
    writer.string(table.smallest);
    writer.string(table.largest);
  }
  return writer.buffer.subarray(0, writer.size);
}

function bytesAtMost(edit: VersionEdit): number {
  const fields = 5 + edit.compactPointers.length + edit.deleted.length + edit.added.length;
  // A UTF-16 unit becomes at most three bytes of UTF-8.
  let bytes = fields * FIELD_BYTES_MAX + 3 * (edit.comparator?.length ?? 0);
  for (const { key } of edit.compactPointers) bytes += key.length;
  for (const { table } of edit.added) bytes += table.smallest.length + table.largest.length;
  return bytes;
}

class FieldWriter {
  readonly buffer: Uint8Array;
  size = 0;

  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity);
  }

  number(value: number): void {
    invariant(Number.isSafeInteger(value) && value >= 0, "a version edit holds safe integers");
    this.size = putVarint(this.buffer, this.size, value);
  }

  optional(tag: number, value: number | undefined): void {
    if (value === undefined) return;
    this.number(tag);
    this.number(value);
  }

  level(level: number): void {
    invariant(level < LEVELS, "a version edit's level exists");
    this.number(level);
  }

  string(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.buffer.set(bytes, this.size);
    this.size += bytes.length;
  }
}

/**
 * Decodes an edit. The result holds copies, nothing of the buffer.
 *
 * @param buffer Where the edit is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @param file The manifest, for error messages.
 * @param offset Where in the manifest its record begins, for error messages.
 * @returns The edit.
 * @throws {CorruptionError} If the bytes are not an edit (invariants 2 and 3).
 */
export function decodeVersionEdit(
  buffer: Uint8Array,
  start: number,
  end: number,
  file: string,
  offset: number,
): VersionEdit {
  const edit = emptyVersionEdit();
  const reader = new FieldReader(buffer, start, end, file, offset);
  while (!reader.atEnd) readField(reader, edit);
  return edit;
}

function readField(reader: FieldReader, edit: VersionEdit): void {
  const tag = reader.tag();
  switch (tag) {
    case TAG_COMPARATOR:
      edit.comparator = reader.text("comparator name");
      break;
    case TAG_LOG_NUMBER:
      edit.logNumber = reader.number("log number");
      break;
    case TAG_PREV_LOG_NUMBER:
      edit.prevLogNumber = reader.number("previous log number");
      break;
    case TAG_NEXT_FILE_NUMBER:
      edit.nextFileNumber = reader.number("next file number");
      break;
    case TAG_LAST_SEQUENCE:
      edit.lastSequence = reader.number("last sequence number");
      break;
    case TAG_COMPACT_POINTER:
      edit.compactPointers.push({
        level: reader.level(),
        key: reader.internalKey("compact pointer"),
      });
      break;
    case TAG_DELETED_TABLE:
      edit.deleted.push({ level: reader.level(), number: reader.number("deleted table's number") });
      break;
    case TAG_ADDED_TABLE:
      edit.added.push({ level: reader.level(), table: readTable(reader) });
      break;
    default:
      reader.fail(`unknown field ${tag}`);
  }
}

function readTable(reader: FieldReader): TableMeta {
  const number = reader.number("added table's number");
  if (number === 0) reader.fail("added table's number is 0, which means none");
  const bytes = reader.number("added table's size");
  const smallest = reader.internalKey("added table's smallest key");
  const largest = reader.internalKey("added table's largest key");
  return { number, bytes, smallest, largest, allowedSeeks: seekBudget(bytes) };
}

/** Reads the parts of fields, and says which of them is damaged. */
class FieldReader {
  readonly #varints = new VarintReader();
  readonly #start: number;
  readonly #file: string;
  readonly #offset: number;

  constructor(buffer: Uint8Array, start: number, end: number, file: string, offset: number) {
    this.#varints.reset(buffer, start, end);
    this.#start = start;
    this.#file = file;
    this.#offset = offset;
  }

  get atEnd(): boolean {
    return this.#varints.offset === this.#varints.end;
  }

  tag(): number {
    const tag = this.#varints.varint32();
    this.#check("field's tag");
    return tag;
  }

  number(what: string): number {
    const value = this.#varints.varint64();
    this.#check(what);
    return value;
  }

  level(): number {
    const level = this.#varints.varint32();
    this.#check("level");
    if (level >= LEVELS) this.fail(`level ${level} does not exist`);
    return level;
  }

  text(what: string): string {
    const bytes = this.#string(what);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.fail(`${what} is not text`);
    }
  }

  internalKey(what: string): Uint8Array {
    const key = this.#string(what);
    const isKey = key.length >= TRAILER_BYTES &&
      Number.isSafeInteger(sequenceAt(key, key.length)) &&
      (kindAt(key, key.length) === KIND_VALUE || kindAt(key, key.length) === KIND_TOMBSTONE);
    if (!isKey) this.fail(`${what} is not an internal key`);
    return key;
  }

  fail(what: string): never {
    const at = this.#varints.offset - this.#start;
    throw new CorruptionError(
      `version edit damaged, ${what} (byte ${at} of the record)`,
      this.#file,
      this.#offset,
    );
  }

  #string(what: string): Uint8Array {
    const start = this.#varints.lengthPrefixed();
    this.#check(what);
    return this.#varints.buffer.slice(start, this.#varints.offset);
  }

  #check(what: string): void {
    if (this.#varints.failed) this.fail(`${what} is cut or too large`);
  }
}
