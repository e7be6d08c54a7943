/**
 * **What.** Entries as lines of JSON, read and written on bytes. The plain line, which is nearly every line, becomes
 * two ranges of the memory it was read into; every other line goes through `JSON.parse`.
 *
 * **Format.**
 * ```text
 * line  := {"key": field, "value": field} LF     white space and the order of members as JSON allows
 *        | white space LF                        skipped
 * field := a string, in its encoding             with the encoding json any JSON value
 * ```
 * `"key64"` and `"value64"` are the same in base64, whatever the encoding: the writer takes them for bytes that the
 * encoding has no form for, such as what is not UTF-8, and so loses nothing.
 *
 * **Invariants.**
 * 1. A line that is taken is JSON, and means what `JSON.parse` says it does.
 * 2. No member is left out: one that is unknown, missing, or there twice makes a bad line.
 * 3. Every entry can be written, and reads as the same bytes with the same encodings.
 *
 * **Read next.** `csv.ts`
 *
 * @module
 */
import {
  BAD,
  ByteSink,
  decodedText,
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

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const KEY = encoder.encode('"key"');
const VALUE = encoder.encode('"value"');

/** Where a line is no plain one. */
const NOWHERE = -1;

/** Reads lines of JSON. */
export class NdjsonParser implements RecordParser {
  /** {@inheritDoc} */
  key: Uint8Array = NO_FIELD;
  /** {@inheritDoc} */
  value: Uint8Array = NO_FIELD;
  /** {@inheritDoc} */
  end = 0;
  /** {@inheritDoc} */
  readonly lines = 1;
  /** {@inheritDoc} */
  problem = "";
  /** {@inheritDoc} */
  isUtf8 = false;
  /** {@inheritDoc} */
  state: unknown = null;
  readonly #encodings: EntryEncodings;
  readonly #mayBePlain: boolean;
  #keyStart = 0;
  #keyEnd = 0;

  /**
   * Makes a parser.
   *
   * @param encodings How keys and values are written.
   */
  constructor(encodings: EntryEncodings) {
    this.#encodings = encodings;
    this.#mayBePlain = encodings.key !== "json" && encodings.value !== "json";
  }

  /** {@inheritDoc} */
  parse(data: Uint8Array, start: number, isLast: boolean): Outcome {
    if (this.#mayBePlain) {
      const end = this.#plainLine(data, start);
      if (end !== NOWHERE && (this.isUtf8 || isText(data.subarray(start, end)))) {
        this.end = end;
        return this.#decodeFields();
      }
    }
    const lineEnd = data.indexOf(LF, start);
    if (lineEnd < 0 && !isLast) return NEEDS_MORE;
    this.end = lineEnd < 0 ? data.length : lineEnd + 1;
    return this.#anyLine(data.subarray(start, lineEnd < 0 ? data.length : lineEnd));
  }

  /**
   * Reads a line without escapes, whose members are in the usual order, and with no white space but blanks.
   *
   * @returns Where the next line starts; {@linkcode NOWHERE} if this one is to be looked at more closely.
   */
  #plainLine(data: Uint8Array, start: number): number {
    if (data[start] !== OPEN_BRACE) return NOWHERE;
    let at = memberStart(data, start + 1, KEY);
    if (at === NOWHERE) return NOWHERE;
    this.#keyStart = at;
    at = stringEnd(data, at);
    if (at === NOWHERE) return NOWHERE;
    this.#keyEnd = at;
    at = skipBlanks(data, at + 1);
    if (data[at] !== COMMA) return NOWHERE;
    const valueStart = memberStart(data, at + 1, VALUE);
    if (valueStart === NOWHERE) return NOWHERE;
    const valueEnd = stringEnd(data, valueStart);
    if (valueEnd === NOWHERE) return NOWHERE;
    at = skipBlanks(data, valueEnd + 1);
    if (data[at] !== CLOSE_BRACE) return NOWHERE;
    at++;
    if (data[at] === CR) at++;
    if (data[at] !== LF) return NOWHERE;
    this.key = data.subarray(this.#keyStart, this.#keyEnd);
    this.value = data.subarray(valueStart, valueEnd);
    return at + 1;
  }

  #decodeFields(): Outcome {
    const { key, value } = this.#encodings;
    if (key === "utf8" && value === "utf8") return ENTRY;
    try {
      this.key = fieldBytes("key", this.key, key);
      this.value = fieldBytes("value", this.value, value);
      return ENTRY;
    } catch (error) {
      return this.#refused(error);
    }
  }

  #anyLine(line: Uint8Array): Outcome {
    try {
      let text: string;
      try {
        text = decoder.decode(line);
      } catch {
        throw new FormatError("it is not UTF-8");
      }
      if (/^[ \t\r]*$/.test(text)) return NOTHING;
      const fields = membersOf(text, this.#encodings);
      this.key = fields.key;
      this.value = fields.value;
      return ENTRY;
    } catch (error) {
      return this.#refused(error);
    }
  }

  #refused(error: unknown): Outcome {
    if (!(error instanceof FormatError)) throw error;
    this.problem = error.message;
    return BAD;
  }
}

function skipBlanks(data: Uint8Array, at: number): number {
  while (data[at] === SPACE) at++;
  return at;
}

/** Where the string of a member starts, behind its quote. */
function memberStart(data: Uint8Array, start: number, name: Uint8Array): number {
  let at = skipBlanks(data, start);
  for (let i = 0; i < name.length; i++) if (data[at + i] !== name[i]) return NOWHERE;
  at = skipBlanks(data, at + name.length);
  if (data[at] !== COLON) return NOWHERE;
  at = skipBlanks(data, at + 1);
  return data[at] === QUOTE ? at + 1 : NOWHERE;
}

/** Where the quote is that ends a string, if there is nothing in it that JSON escapes. */
function stringEnd(data: Uint8Array, start: number): number {
  const end = data.length;
  for (let at = start; at < end; at++) {
    const byte = data[at]!;
    if (byte === QUOTE) return at;
    if (byte < SPACE || byte === BACKSLASH) return NOWHERE;
  }
  return NOWHERE;
}

/** The entry that a line says. */
function membersOf(
  text: string,
  encodings: EntryEncodings,
): { key: Uint8Array; value: Uint8Array } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new FormatError("it is not a JSON object");
  }
  const fields: { key?: Uint8Array; value?: Uint8Array } = {};
  for (const [member, raw] of rawMembers(text)) {
    const part = member.replace(/64$/, "");
    if (part !== "key" && part !== "value") {
      throw new FormatError(`it has an unknown member ${JSON.stringify(member)}`);
    }
    if (fields[part] !== undefined) throw new FormatError(`it has its ${part} twice`);
    fields[part] = memberBytes(part, raw, member === part ? encodings[part] : "base64");
  }
  const { key, value } = fields;
  if (key === undefined) throw new FormatError('it has no "key"');
  if (value === undefined) throw new FormatError('it has no "value"');
  return { key, value };
}

function memberBytes(part: "key" | "value", raw: string, encoding: FieldEncoding): Uint8Array {
  if (encoding === "json") return encoder.encode(raw);
  if (!raw.startsWith('"')) {
    throw new FormatError(`its ${part} is not a string; --${part}-encoding json takes any JSON`);
  }
  const text: string = JSON.parse(raw);
  if (encoding !== "utf8") return decodedText(part, text, encoding);
  if (!text.isWellFormed()) {
    throw new FormatError(`its ${part} has a lone surrogate, half a character`);
  }
  return encoder.encode(text);
}

const NOT_NESTED = /[^,{}[\]"\s]+/y;

/** The members of an object, each with its value as it stands: of text that `JSON.parse` has taken. */
function* rawMembers(text: string): Generator<[name: string, raw: string]> {
  let at = text.indexOf("{") + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text[at] === "}") return;
    const nameEnd = textEnd(text, at);
    const name: string = JSON.parse(text.slice(at, nameEnd));
    at = skipSpace(text, skipSpace(text, nameEnd) + 1); // behind the colon
    const end = valueEnd(text, at);
    yield [name, text.slice(at, end)];
    at = skipSpace(text, end);
    if (text[at] === ",") at++;
  }
}

function valueEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const character = text[at];
    if (character === '"') {
      at = textEnd(text, at);
    } else if (character === "{" || character === "[") {
      depth++;
      at++;
    } else if (character === "}" || character === "]") {
      depth--;
      at++;
    } else if (character === "," || character === ":" || /\s/.test(character!)) {
      at++;
    } else {
      at = matchEnd(NOT_NESTED, text, at);
    }
  } while (depth > 0);
  return at;
}

/** Where a string is over, behind its quote: no pattern, which would need a stack as deep as the string is long. */
function textEnd(text: string, start: number): number {
  for (let at = start;;) {
    at = text.indexOf('"', at + 1);
    let before = at;
    while (text[before - 1] === "\\") before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.exec(text);
  return pattern.lastIndex;
}

function skipSpace(text: string, at: number): number {
  while (" \t\r\n".includes(text[at] ?? "x")) at++;
  return at;
}

/** Characters of JSON that have an escape of their own. */
const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  0x08: "\\b",
  0x09: "\\t",
  0x0a: "\\n",
  0x0c: "\\f",
  0x0d: "\\r",
  0x22: '\\"',
  0x5c: "\\\\",
};

/** What each byte is in a string: itself, or its escape. */
const ESCAPES: readonly (Uint8Array | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const escape = SHORT_ESCAPES[byte];
  if (escape !== undefined) return encoder.encode(escape);
  return byte < SPACE ? encoder.encode(`\\u${byte.toString(16).padStart(4, "0")}`) : undefined;
});

/** How many bytes more an escape takes than the byte. */
const ESCAPE_COSTS: Uint8Array = Uint8Array.from(
  ESCAPES,
  (escape) => escape === undefined ? 0 : escape.length - 1,
);

const OPENING: Readonly<Record<"key" | "value", string>> = { key: '{"key', value: ',"value' };

/** Writes lines of JSON. */
export class NdjsonWriter implements RecordWriter {
  /** {@inheritDoc} */
  readonly output: ByteSink = new ByteSink();
  readonly #encodings: EntryEncodings;

  /**
   * Makes a writer.
   *
   * @param encodings How keys and values are to be written.
   */
  constructor(encodings: EntryEncodings) {
    this.#encodings = encodings;
  }

  /** Nothing comes before the first line. */
  begin(): void {}

  /** {@inheritDoc} */
  write(key: Uint8Array, value: Uint8Array): void {
    this.#field("key", key, this.#encodings.key);
    this.#field("value", value, this.#encodings.value);
    this.output.byte(CLOSE_BRACE);
    this.output.byte(LF);
  }

  #field(part: "key" | "value", data: Uint8Array, encoding: FieldEncoding): void {
    const { output } = this;
    const opening = OPENING[part];
    if (encoding === "utf8") {
      const start = output.length;
      output.ascii(opening);
      output.ascii('":"');
      if (this.#string(data)) return;
      output.length = start;
    } else if (encoding === "json" && isPlainJson(data)) {
      output.ascii(opening);
      output.ascii('":');
      return output.bytes(data);
    }
    const isOther = encoding === "utf8" || encoding === "json";
    output.ascii(`${opening}${isOther ? "64" : ""}":"`);
    output.encoded(data, encoding === "hex" ? "hex" : "base64");
    output.byte(QUOTE);
  }

  /** Writes text and the quote at its end, if it is UTF-8. */
  #string(data: Uint8Array): boolean {
    const { output } = this;
    let cost = 0;
    let all = 0;
    for (let i = 0; i < data.length; i++) {
      const byte = data[i]!;
      cost += ESCAPE_COSTS[byte]!;
      all |= byte;
    }
    if (all >= 0x80 && !isText(data)) return false;
    if (cost === 0) {
      output.bytes(data);
    } else {
      const target = output.reserve(data.length + cost);
      let at = output.length;
      for (let i = 0; i < data.length; i++) {
        const byte = data[i]!;
        const escape = ESCAPES[byte];
        if (escape === undefined) target[at++] = byte;
        else for (let j = 0; j < escape.length; j++) target[at++] = escape[j]!;
      }
      output.length = at;
    }
    output.byte(QUOTE);
    return true;
  }
}
