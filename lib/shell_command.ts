/**
 * **What.** The language of the shell: a typed line to a command, and keys and values to text. Both ways are in one
 * file, since what is printed should mean the same when it is typed.
 *
 * **Format.**
 * ```text
 * line   := command (blanks word)*        the command in any case; an empty line is none
 * put    := "put" key value               the value is the rest of the line, without blanks at its ends
 * word   := quoted | anything up to the next blank
 * quoted := '"' (character | escape)* '"' a value is quoted if that is all there is of it
 * escape := \" | \\ | \n | \t | \xHH      HH: one byte in hexadecimal
 * option := --all | --limit N             not quoted; of scan and prefix
 * ```
 *
 * **Invariants.**
 * 1. What is printed of a key or value can be typed, and means the same bytes.
 * 2. What is printed has no control characters in it: each entry is one line, and a terminal is left as it was.
 * 3. A line is understood as a whole or refused, before anything is done.
 *
 * **Read next.** `shell_report.ts`
 *
 * @module
 */

/** What can be asked for. */
export type CommandName =
  | "get"
  | "put"
  | "delete"
  | "scan"
  | "prefix"
  | "count"
  | "stats"
  | "levels"
  | "flush"
  | "compact"
  | "help"
  | "exit";

/** A line that was understood. */
export interface Command {
  /** What to do. */
  readonly name: CommandName;
  /** With which keys; for put, the key and the value. */
  readonly words: readonly Uint8Array[];
  /** How many entries to print, if that was said. */
  readonly limit: number | undefined;
}

/** What is to be known of a command. */
interface Syntax {
  readonly usage: string;
  readonly meaning: string;
  readonly wordsMin: number;
  readonly wordsMax: number;
  readonly hasLimit?: boolean;
}

/** Scans print this many entries unless told otherwise. */
export const SCAN_LIMIT = 1000;
/** What is printed for a key that is not there. */
export const NOT_FOUND = "(not found)";

const SYNTAX: Readonly<Record<CommandName, Syntax>> = {
  get: { usage: "get KEY", meaning: "print the value of a key", wordsMin: 1, wordsMax: 1 },
  put: {
    usage: "put KEY VALUE",
    meaning: "set it; the value is the rest of the line",
    wordsMin: 2,
    wordsMax: 2,
  },
  delete: { usage: "delete KEY", meaning: "remove a key", wordsMin: 1, wordsMax: 1 },
  scan: {
    usage: "scan [FROM] [TO]",
    meaning: "print entries in order, from FROM up to before TO",
    wordsMin: 0,
    wordsMax: 2,
    hasLimit: true,
  },
  prefix: {
    usage: "prefix START",
    meaning: "print entries whose key begins with START",
    wordsMin: 1,
    wordsMax: 1,
    hasLimit: true,
  },
  count: {
    usage: "count [FROM] [TO]",
    meaning: "count entries, by reading them",
    wordsMin: 0,
    wordsMax: 2,
  },
  stats: { usage: "stats", meaning: "what the database holds and costs", wordsMin: 0, wordsMax: 0 },
  levels: { usage: "levels", meaning: "tables and bytes of each level", wordsMin: 0, wordsMax: 0 },
  flush: {
    usage: "flush",
    meaning: "write what is in memory to tables",
    wordsMin: 0,
    wordsMax: 0,
  },
  compact: {
    usage: "compact [FROM] [TO]",
    meaning: "fold tables: drop what is overwritten or deleted",
    wordsMin: 0,
    wordsMax: 2,
  },
  help: { usage: "help", meaning: "print this", wordsMin: 0, wordsMax: 0 },
  exit: { usage: "exit", meaning: "close the database and end", wordsMin: 0, wordsMax: 0 },
};

/** The commands and how keys and values are written, for a person. */
export const HELP: string = [
  ...Object.values(SYNTAX).map(({ usage, meaning }) => `  ${usage.padEnd(20)} ${meaning}`),
  "",
  `  scan and prefix print ${SCAN_LIMIT} entries at most; add --limit N for N, --all for all.`,
  '  Keys with blanks in them go in quotes: "a key". Values need quotes only to keep blanks at',
  '  their ends, to be empty, or to begin with a quote. In quotes: \\" \\\\ \\n \\t, and \\xHH for a byte.',
].join("\n");

/** A line that the shell does not understand. */
export class CommandError extends Error {
  /**
   * Makes an error.
   *
   * @param message What is wrong with the line.
   */
  constructor(message: string) {
    super(message);
    this.name = "CommandError";
  }
}

/** A part of a line, as bytes. */
interface Word {
  readonly bytes: Uint8Array;
  readonly isQuoted: boolean;
  /** Where in the line it ends, exclusive. */
  readonly end: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const BLANKS = /[ \t]*/y;
const BARE_WORD = /[^ \t]+/y;

/**
 * Understands a line.
 *
 * @example A value with a blank in it
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { keyText, parseCommand, valueText } from "./shell_command.ts";
 *
 * const command = parseCommand('PUT "my key" two words')!;
 * assertEquals(command.name, "put");
 * assertEquals(keyText(command.words[0]!), '"my key"');
 * assertEquals(valueText(command.words[1]!), "two words");
 * ```
 *
 * @param line The line, without its end.
 * @returns The command, or `undefined` for a line with nothing in it.
 * @throws {CommandError} If it is no command.
 */
export function parseCommand(line: string): Command | undefined {
  // What is not UTF-8 became replacement characters on its way here: to go on would store them.
  if (line.includes("\ufffd") || !line.isWellFormed()) {
    throw new CommandError("the line is not UTF-8: write other bytes as \\xHH, in quotes");
  }
  let at = skipBlanks(line, 0);
  if (at === line.length) return undefined;
  const typed = bareWord(line, at);
  const name = commandName(typed);
  const syntax = SYNTAX[name];
  at = skipBlanks(line, at + typed.length);
  const words: Uint8Array[] = [];
  let limit: number | undefined;
  while (at < line.length) {
    if (name === "put" && words.length === 1) {
      words.push(valueOf(line.slice(at).replace(/[ \t]+$/, "")));
      break;
    }
    const word = wordAt(line, at);
    const text = line.slice(at, word.end);
    at = skipBlanks(line, word.end);
    if (!syntax.hasLimit || word.isQuoted || !text.startsWith("--")) {
      words.push(word.bytes);
    } else if (text === "--all") {
      limit = Infinity;
    } else if (text === "--limit") {
      const digits = at < line.length ? bareWord(line, at) : "";
      limit = limitOf(digits);
      at = skipBlanks(line, at + digits.length);
    } else {
      throw new CommandError(
        `${name} has no option ${text}: a key that begins with -- goes in quotes`,
      );
    }
  }
  if (words.length < syntax.wordsMin || words.length > syntax.wordsMax) {
    const what = words.length < syntax.wordsMin ? "too little" : "too much";
    throw new CommandError(
      `${what} for ${name}: expected ${syntax.usage}${hint(name, words.length)}`,
    );
  }
  return { name, words, limit };
}

function commandName(typed: string): CommandName {
  const lower = typed.toLowerCase();
  if (lower === "quit") return "exit";
  if (Object.hasOwn(SYNTAX, lower)) return lower as CommandName;
  throw new CommandError(
    `unknown command ${valueText(encoder.encode(typed))}: help lists them all`,
  );
}

function hint(name: CommandName, words: number): string {
  if (name === "put" && words === 1) return ', where "" is the empty value';
  return words > 0 && name !== "put" ? ", where a key with blanks goes in quotes" : "";
}

function limitOf(digits: string): number {
  if (!/^\d{1,15}$/.test(digits)) throw new CommandError("--limit needs a number of entries");
  return Number(digits);
}

function skipBlanks(line: string, at: number): number {
  BLANKS.lastIndex = at;
  BLANKS.exec(line);
  return BLANKS.lastIndex;
}

function bareWord(line: string, at: number): string {
  BARE_WORD.lastIndex = at;
  return BARE_WORD.exec(line)?.[0] ?? "";
}

function wordAt(line: string, at: number): Word {
  if (line[at] === '"') {
    const word = quotedWord(line, at);
    if (word.end < line.length && !/[ \t]/.test(line[word.end]!)) {
      throw new CommandError(
        `a blank is missing after the closing quote: ${line.slice(at, word.end)}`,
      );
    }
    return word;
  }
  const text = bareWord(line, at);
  return { bytes: encoder.encode(text), isQuoted: false, end: at + text.length };
}

/** The rest of a line is a value: as it stands, or what is in the quotes if it is all in quotes. */
function valueOf(text: string): Uint8Array {
  if (text.startsWith('"')) {
    const word = quotedWord(text, 0);
    if (word.end === text.length) return word.bytes;
  }
  return encoder.encode(text);
}

function quotedWord(line: string, start: number): Word {
  const bytes: number[] = [];
  const special = /["\\]/g;
  special.lastIndex = start + 1;
  let at = start + 1;
  for (let match = special.exec(line); match !== null; match = special.exec(line)) {
    for (const byte of encoder.encode(line.slice(at, match.index))) bytes.push(byte);
    if (match[0] === '"') {
      return { bytes: Uint8Array.from(bytes), isQuoted: true, end: match.index + 1 };
    }
    const escape = escapeAt(line, match.index);
    bytes.push(escape.byte);
    special.lastIndex = at = match.index + escape.length;
  }
  throw new CommandError("the closing quote is missing");
}

function escapeAt(line: string, at: number): { byte: number; length: number } {
  switch (line[at + 1]) {
    case '"':
      return { byte: 0x22, length: 2 };
    case "\\":
      return { byte: 0x5c, length: 2 };
    case "n":
      return { byte: 0x0a, length: 2 };
    case "t":
      return { byte: 0x09, length: 2 };
  }
  const digits = /^\\x([0-9a-f]{2})/i.exec(line.slice(at, at + 4))?.[1];
  if (digits === undefined) {
    throw new CommandError('a backslash in quotes needs one of " \\ n t xHH after it');
  }
  return { byte: Number.parseInt(digits, 16), length: 4 };
}

/** Control and format characters, separators but the blank, lone surrogates, and what is not assigned. */
export const UNPRINTABLE: RegExp = /[\p{C}\p{Zl}\p{Zp}\ufffd]|(?! )\p{Zs}/u;
const UNPRINTABLES = new RegExp(UNPRINTABLE.source, "gu");

/**
 * A key as text: in quotes where it would not be the same key without.
 *
 * @param key The key.
 * @returns What to type for it.
 */
export function keyText(key: Uint8Array): string {
  const text = plainText(key);
  const isBare = text !== undefined && /^(?!"|--)[^ ]+$/.test(text);
  return isBare ? text : quote(key);
}

/**
 * A value as text: in quotes where it would not be the same value without.
 *
 * @param value The value.
 * @returns What to type for it, after the key.
 */
export function valueText(value: Uint8Array): string {
  const text = plainText(value);
  const isBare = text !== undefined && text !== NOT_FOUND && /^[^ "](.*[^ ])?$/.test(text);
  return isBare ? text : quote(value);
}

/** The text, if it is UTF-8 and all of it can be printed. */
function plainText(bytes: Uint8Array): string | undefined {
  // What is not UTF-8 becomes U+FFFD, which is not printed as it stands either.
  const text = decoder.decode(bytes);
  return UNPRINTABLE.test(text) ? undefined : text;
}

/** Text is put together from pieces of about this many characters: of single ones, each would take 32 bytes. */
const PIECE_CHARACTERS = 1024;

function quote(bytes: Uint8Array): string {
  const pieces: string[] = [];
  let piece = '"';
  for (let at = 0; at < bytes.length;) {
    const length = characterBytes(bytes, at);
    piece += length === 1 ? ESCAPED[bytes[at]!]! : wideText(bytes.subarray(at, at + length));
    at += length;
    if (piece.length < PIECE_CHARACTERS) continue;
    pieces.push(piece);
    piece = "";
  }
  return `${pieces.join("")}${piece}"`;
}

/** A character of several bytes. */
function wideText(bytes: Uint8Array): string {
  const character = decoder.decode(bytes);
  return UNPRINTABLE.test(character) ? Array.from(bytes, hex).join("") : character;
}

/** Length of the character of UTF-8 at a place; 1 for a byte that is not part of one. */
function characterBytes(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
  if (length === 1 || at + length > bytes.length) return 1;
  // Not longer than needed, no half of a surrogate pair, nothing behind the last character.
  const second = bytes[at + 1]!;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 1;
  for (let i = 2; i < length; i++) {
    if ((bytes[at + i]! & 0xc0) !== 0x80) return 1;
  }
  return length;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}

/** Each byte that stands alone, as it is in quotes. */
const ESCAPED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const names: Record<string, string> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t" };
  return names[character] ?? (byte < 0x20 || byte > 0x7e ? hex(byte) : character);
});

/**
 * An error as one line for a terminal, whatever it has in its message.
 *
 * @param error What was thrown.
 * @returns The line, without its end.
 */
export function errorLine(error: unknown): string {
  return `error: ${oneLine(error instanceof Error ? error.message : String(error))}`;
}

/**
 * Text as one line for a terminal, whatever is in it.
 *
 * @param text The text.
 * @returns The line, without its end.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/\p{C}/gu, "\ufffd");
}

/**
 * JSON for a terminal or a program: what would not be seen as it is, such as the start of an escape sequence in eight
 * bits, becomes `\\uHHHH`, which means the same.
 *
 * @param value What `JSON.stringify` takes.
 * @returns One line, without its end.
 */
export function jsonText(value: unknown): string {
  return visibleJson(JSON.stringify(value));
}

/**
 * JSON as it stands, with escapes for what would not be seen as it is.
 *
 * @param json The JSON, on one line.
 * @returns JSON that means the same.
 */
export function visibleJson(json: string): string {
  return json.replaceAll(UNPRINTABLES, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) {
      escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}
