/**
 * **What.** Entries as records of CSV and TSV, read and written on bytes. Fields without quotes are ranges of the
 * memory they were read into.
 *
 * **Format.** RFC 4180; TSV is the same with a tab in place of the comma.
 * ```text
 * file   := [byte order mark], [names], record*
 * names  := record                         which columns are key and value
 * record := field (delimiter field)* line end
 *         | line end                       skipped
 * field  := '"' (byte | '""')* '"'         may have delimiters and line ends in it
 *         | bytes without delimiter, quote, CR and LF
 * line end := LF | CR LF                   written: LF; the last one may be missing
 * ```
 *
 * **Invariants.**
 * 1. A record is taken as RFC 4180 says or refused; nothing is guessed.
 * 2. What is written reads as the same bytes with the same options: a field that begins with a byte order mark is in
 *    quotes, so that it is not taken for one.
 * 3. All records have as many columns as the first one.
 *
 * Source: RFC 4180. The tests compare with `csv-parse`, which takes four times as long and has no ranges to give.
 *
 * **Read next.** `entry_reader.ts`
 *
 * @module
 */
import {
  BAD,
  ByteSink,
  ENTRY,
  type EntryEncodings,
  fieldBytes,
  type FieldEncoding,
  FormatError,
  isPlainJson,
  isText,
  NEEDS_MORE,
  NO_FIELD,
  NOTHING,
  type Outcome,
  type RecordParser,
  type RecordWriter,
} from "./entry_formats.ts";

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;
/** A record has at most so many columns: a bound for what a damaged file may cost. */
const COLUMNS_MAX = 4096;

/** How a file of CSV or TSV is laid out. */
export interface CsvLayout {
  /** What is between fields. */
  readonly format: "csv" | "tsv";
  /** What the columns of key and value are called in the first line; `undefined` if there is no such line. */
  readonly header: { readonly key: string; readonly value: string } | undefined;
  /** Whether there may be other columns, which are left out. @default {false} */
  readonly ignoreOthers?: boolean;
}

/** Which columns are key and value, and of how many. */
interface Columns {
  readonly key: number;
  readonly value: number;
  readonly count: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads records of CSV or TSV. */
export class CsvParser implements RecordParser {
  /** {@inheritDoc} */
  key: Uint8Array = NO_FIELD;
  /** {@inheritDoc} */
  value: Uint8Array = NO_FIELD;
  /** {@inheritDoc} */
  end = 0;
  /** {@inheritDoc} */
  lines = 1;
  /** {@inheritDoc} */
  problem = "";
  /** {@inheritDoc} */
  isUtf8 = false;
  readonly #layout: CsvLayout;
  readonly #encodings: EntryEncodings;
  readonly #delimiter: number;
  #columns: Columns | undefined;
  /** Of each field of the record: where it starts and ends, without its quotes, and how many quotes are doubled. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #doubled: number[] = [];
  #count = 0;

  /**
   * Makes a parser.
   *
   * @param layout How the file is laid out.
   * @param encodings How keys and values are written.
   */
  constructor(layout: CsvLayout, encodings: EntryEncodings) {
    this.#layout = layout;
    this.#encodings = encodings;
    this.#delimiter = layout.format === "csv" ? COMMA : TAB;
    if (layout.header === undefined) this.#columns = { key: 0, value: 1, count: 2 };
  }

  /** {@inheritDoc} */
  get state(): unknown {
    return this.#columns ?? null;
  }

  set state(state: unknown) {
    if (state !== null) this.#columns = state as Columns;
  }

  /** {@inheritDoc} */
  parse(data: Uint8Array, start: number, isLast: boolean): Outcome {
    this.problem = "";
    this.lines = 1;
    const isWhole = this.#scan(data, start, isLast);
    if (this.problem !== "") return this.#skipLine(data, start, isLast);
    if (!isWhole) return NEEDS_MORE;
    const isEmpty = this.#count === 1 && this.#ends[0] === this.#starts[0] && data[start] !== QUOTE;
    if (isEmpty) return NOTHING;
    try {
      if (!this.isUtf8 && !isText(data.subarray(start, this.end))) {
        throw new FormatError("it is not UTF-8");
      }
      if (this.#columns === undefined) {
        this.#readNames(data);
        return NOTHING;
      }
      this.#readEntry(data, this.#columns);
      return ENTRY;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.problem = error.message;
      return BAD;
    }
  }

  /** A record that is not one ends with the line it was found out in; a quote that is left open, with its first. */
  #skipLine(data: Uint8Array, start: number, isLast: boolean): Outcome {
    const lineEnd = data.indexOf(LF, Math.max(start, this.end));
    if (lineEnd < 0 && !isLast) return NEEDS_MORE;
    this.end = lineEnd < 0 ? data.length : lineEnd + 1;
    return BAD;
  }

  /** Finds the fields of a record. Gives back whether all of it is there. */
  #scan(data: Uint8Array, start: number, isLast: boolean): boolean {
    const delimiter = this.#delimiter;
    const length = data.length;
    let count = 0;
    for (let at = start;; at++) {
      if (count === COLUMNS_MAX) return this.#refuse(at, `it has over ${COLUMNS_MAX} columns`);
      this.#doubled[count] = 0;
      if (data[at] === QUOTE) {
        const end = this.#quotedEnd(data, at, count, isLast);
        if (end < 0) return false;
        if (end < length && !isFieldEnd(data[end]!, delimiter)) {
          return this.#refuse(end, "there is something between a closing quote and the next field");
        }
        this.#starts[count] = at + 1;
        this.#ends[count] = end - 1;
        at = end;
      } else {
        this.#starts[count] = at;
        let byte = 0;
        while (at < length) {
          byte = data[at]!;
          if (byte <= COMMA && (isFieldEnd(byte, delimiter) || byte === QUOTE)) break;
          at++;
        }
        if (at < length && byte === QUOTE) {
          return this.#refuse(at, "there is a quote in a field that does not begin with one");
        }
        this.#ends[count] = at;
      }
      this.#count = ++count;
      if (at >= length) {
        this.end = length;
        return isLast;
      }
      if (data[at] === delimiter) continue;
      if (data[at] === LF) {
        this.end = at + 1;
        return true;
      }
      // What is left is a CR.
      if (at + 1 === length && !isLast) return false;
      if (data[at + 1] !== LF) return this.#refuse(at, "there is a CR without LF behind it");
      this.end = at + 2;
      return true;
    }
  }

  /** Where a field in quotes is over, behind its quote; -1 if that is not there, or never will be. */
  #quotedEnd(data: Uint8Array, start: number, column: number, isLast: boolean): number {
    let at = start + 1;
    for (;;) {
      const quote = data.indexOf(QUOTE, at);
      if (quote < 0 || (quote + 1 === data.length && !isLast)) {
        if (isLast) {
          this.lines = 1;
          this.#refuse(start, "a quote is not closed");
          this.end = 0;
        }
        return -1;
      }
      let lineEnd = data.indexOf(LF, at);
      while (lineEnd >= 0 && lineEnd < quote) {
        this.lines++;
        lineEnd = data.indexOf(LF, lineEnd + 1);
      }
      at = quote + 1;
      if (data[at] !== QUOTE) return at;
      this.#doubled[column]!++;
      at++;
    }
  }

  #refuse(at: number, why: string): boolean {
    this.problem = why;
    this.end = at;
    return false;
  }

  #readNames(data: Uint8Array): void {
    const names: string[] = [];
    for (let i = 0; i < this.#count; i++) names.push(decoder.decode(this.#field(data, i)));
    const { header, ignoreOthers = false } = this.#layout;
    const columns = {
      key: columnOf(names, header!.key),
      value: columnOf(names, header!.value),
      count: names.length,
    };
    if (!ignoreOthers && names.length > 2) {
      const others = names.filter((name) => name !== header!.key && name !== header!.value);
      throw new FormatError(
        `it names other columns, ${quoted(others)}, which only --header leaves out`,
      );
    }
    this.#columns = columns;
  }

  #readEntry(data: Uint8Array, { key, value, count }: Columns): void {
    if (this.#count !== count) {
      throw new FormatError(`it has ${this.#count} columns, and not ${count}`);
    }
    this.key = fieldBytes("key", this.#field(data, key), this.#encodings.key);
    this.value = fieldBytes("value", this.#field(data, value), this.#encodings.value);
  }

  #field(data: Uint8Array, column: number): Uint8Array {
    const field = data.subarray(this.#starts[column]!, this.#ends[column]!);
    const doubled = this.#doubled[column]!;
    return doubled === 0 ? field : withoutDoubled(field, doubled);
  }
}

function isFieldEnd(byte: number, delimiter: number): boolean {
  return byte === delimiter || byte === LF || byte === CR;
}

/** A field with each pair of quotes as one. */
function withoutDoubled(field: Uint8Array, doubled: number): Uint8Array {
  const target = new Uint8Array(field.length - doubled);
  for (let from = 0, to = 0; to < target.length; from++, to++) {
    target[to] = field[from]!;
    if (field[from] === QUOTE) from++;
  }
  return target;
}

function columnOf(names: readonly string[], name: string): number {
  const at = names.indexOf(name);
  if (at < 0) {
    throw new FormatError(
      `it does not name the column ${JSON.stringify(name)}, but ${quoted(names)}; ` +
        "--header says what key and value are called, --no-header that there are no names",
    );
  }
  if (names.includes(name, at + 1)) {
    throw new FormatError(`it names the column ${JSON.stringify(name)} twice`);
  }
  return at;
}

/** Names for an error, the first few of them. */
function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 40))).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** Writes records of CSV or TSV. */
export class CsvWriter implements RecordWriter {
  /** {@inheritDoc} */
  readonly output: ByteSink = new ByteSink();
  readonly #layout: CsvLayout;
  readonly #encodings: EntryEncodings;
  readonly #delimiter: number;

  /**
   * Makes a writer.
   *
   * @param layout How the file is laid out.
   * @param encodings How keys and values are to be written.
   */
  constructor(layout: CsvLayout, encodings: EntryEncodings) {
    this.#layout = layout;
    this.#encodings = encodings;
    this.#delimiter = layout.format === "csv" ? COMMA : TAB;
  }

  /** {@inheritDoc} */
  begin(): void {
    const { header } = this.#layout;
    if (header === undefined) return;
    const encoder = new TextEncoder();
    this.#record(encoder.encode(header.key), encoder.encode(header.value), {
      key: "utf8",
      value: "utf8",
    });
  }

  /** {@inheritDoc} */
  write(key: Uint8Array, value: Uint8Array): void {
    this.#record(key, value, this.#encodings);
  }

  #record(key: Uint8Array, value: Uint8Array, encodings: EntryEncodings): void {
    const { output } = this;
    const start = output.length;
    try {
      this.#field("key", key, encodings.key);
      output.byte(this.#delimiter);
      this.#field("value", value, encodings.value);
      output.byte(LF);
    } catch (error) {
      output.length = start;
      throw error;
    }
  }

  #field(part: "key" | "value", data: Uint8Array, encoding: FieldEncoding): void {
    if (encoding === "base64" || encoding === "hex") return this.output.encoded(data, encoding);
    if (encoding === "json" && !isPlainJson(data)) {
      throw new FormatError(`its ${part} is not JSON on one line; ${remedy(part)}`);
    }
    this.#text(part, data);
  }

  #text(part: "key" | "value", data: Uint8Array): void {
    const { output } = this;
    const delimiter = this.#delimiter;
    let all = 0;
    let quotes = 0;
    // A byte order mark begins with 0xef: the quotes around any such field cost nothing worth a closer look.
    let needsQuotes = data[0] === 0xef;
    for (let i = 0; i < data.length; i++) {
      const byte = data[i]!;
      all |= byte;
      if (byte === QUOTE) quotes++;
      else if (byte === delimiter || byte === LF || byte === CR) needsQuotes = true;
    }
    if (all >= 0x80 && !isText(data)) {
      throw new FormatError(`its ${part} is not UTF-8; ${remedy(part)}`);
    }
    if (!needsQuotes && quotes === 0) return output.bytes(data);
    const target = output.reserve(data.length + quotes + 2);
    let at = output.length;
    target[at++] = QUOTE;
    for (let i = 0; i < data.length; i++) {
      const byte = data[i]!;
      if (byte === QUOTE) target[at++] = QUOTE;
      target[at++] = byte;
    }
    target[at++] = QUOTE;
    output.length = at;
  }
}

function remedy(part: string): string {
  return `--${part}-encoding base64 writes any bytes`;
}
