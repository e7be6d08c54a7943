/**
 * **What.** Keys and values at a command line: how they are typed and printed, which of them are meant, and the
 * database or sublevel they are in. The same for all commands.
 *
 * **Format.** An encoding says how the bytes of a key or value are written:
 * ```text
 * utf8     typed: the text as it stands; printed: the same, or escaped if that would not be one line of text
 * escaped  printed in the same way; typed: what is in double quotes has escapes, \" \\ \n \t \xHH
 * hex      two digits a byte, in either case
 * base64   as in RFC 4648, with its padding
 * json     JSON, which is checked and kept as it was typed
 * ```
 * An entry as JSON, one line each:
 * ```text
 * entry := {"key": text, "value": text}
 * text  := a string, or for json what it says; "key64" and "value64" in base64 where it is not UTF-8
 * ```
 *
 * **Invariants.**
 * 1. What is printed can be typed again and means the same bytes, if the encoding is not utf8.
 * 2. What is printed is one line, without a tab or another control character; a terminal is left as it was.
 * 3. Bytes that an encoding has no form for are told of or printed in another one, never replaced.
 *
 * **Read next.** `cli_text.ts`
 *
 * @module
 */
import { InvalidArgumentError, Option } from "commander";
import { bytes } from "./codec.ts";
import type { CliCommand } from "./cli_command.ts";
import { type CliContext, CliError } from "./cli_context.ts";
import { openDatabase } from "./database.ts";
import type { OpenOptions, RangeOptions } from "./options.ts";
import { jsonText, parseCommand, UNPRINTABLE, valueText, visibleJson } from "./shell_command.ts";
import type { Database, Store } from "./store.ts";

/** How the bytes of a key or value are written. */
export type Encoding = "utf8" | "escaped" | "hex" | "base64" | "json";

/** All encodings. */
export const ENCODINGS: readonly Encoding[] = ["utf8", "escaped", "hex", "base64", "json"];

/** The options that say how keys and values are written. */
export interface EncodingOptions {
  /** How keys are written. */
  readonly keyEncoding: Encoding;
  /** How values are written. */
  readonly valueEncoding: Encoding;
}

/** The option that says which part of a database. */
export interface SublevelOption {
  /** The names of sublevels, each within the one before. */
  readonly sublevel?: readonly string[];
}

/** The options that say which entries; keys as they were typed. */
export interface RangeCliOptions {
  /** Only keys that begin with it. */
  readonly prefix?: string;
  /** Only keys after it. */
  readonly gt?: string;
  /** Only it and keys after it. */
  readonly gte?: string;
  /** Only keys before it. */
  readonly lt?: string;
  /** Only it and keys before it. */
  readonly lte?: string;
  /** From the last to the first. */
  readonly reverse?: boolean;
  /** At most so many. */
  readonly limit?: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that bytes are, if they are UTF-8. */
function textOf(data: Uint8Array): string | undefined {
  try {
    return decoder.decode(data);
  } catch {
    return undefined;
  }
}

/**
 * The bytes that were typed.
 *
 * @example Three ways to type the same key
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { fromTyped } from "./cli_entries.ts";
 *
 * const key = Uint8Array.of(0x41, 0x00);
 * assertEquals(fromTyped('"A\\x00"', "escaped", "key"), key);
 * assertEquals(fromTyped("4100", "hex", "key"), key);
 * assertEquals(fromTyped("QQA=", "base64", "key"), key);
 * ```
 *
 * @param typed The argument.
 * @param encoding How it is written.
 * @param what What it is, for the error: `"key"`, or the option it is the value of.
 * @returns The bytes.
 * @throws {CliError} If it is not written so.
 */
export function fromTyped(typed: string, encoding: Encoding, what: string): Uint8Array {
  const refused = (why: string) =>
    new CliError(`Cannot read ${what} as ${encoding}: ${why}: ${valueText(encoder.encode(typed))}`);
  // What is not UTF-8 became replacement characters on its way here: to go on would store them.
  if (typed.includes("\ufffd") || !typed.isWellFormed()) {
    throw refused("it has bytes that are not UTF-8, or the character U+FFFD; use hex or base64");
  }
  try {
    switch (encoding) {
      case "utf8":
        return encoder.encode(typed);
      case "escaped":
        // The shell's own notation; anything not in quotes is meant as it stands.
        return /^"[^]*"$/.test(typed)
          ? parseCommand(`get ${typed}`)!.words[0]!
          : encoder.encode(typed);
      case "hex":
        return Uint8Array.fromHex(typed);
      case "base64":
        return Uint8Array.fromBase64(typed, { lastChunkHandling: "strict" });
      case "json":
        JSON.parse(typed);
        return encoder.encode(typed);
    }
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error));
  }
}

/**
 * A key or value as text on one line.
 *
 * @param data The bytes.
 * @param encoding How to write them. What is not JSON is written as for `"escaped"`.
 * @returns The text, without a tab, a line end or another control character in it.
 */
export function toPrinted(data: Uint8Array, encoding: Encoding): string {
  if (encoding === "hex") return data.toHex();
  if (encoding === "base64") return data.toBase64();
  const text = textOf(data);
  // A blank at an end, which the shell has to quote, is plain enough between tabs.
  const isPlain = text !== undefined && !text.startsWith('"') && !UNPRINTABLE.test(text);
  if (isPlain) return text;
  if (encoding === "json" && text !== undefined && isJson(text)) {
    const line = oneLineOfJson(text);
    if (!UNPRINTABLE.test(line)) return line;
  }
  const escaped = valueText(data);
  return escaped.startsWith('"') ? escaped : `"${escaped.replaceAll(/["\\]/g, "\\$&")}"`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON on one line: a line end or tab in it can only be white space between its parts. */
function oneLineOfJson(text: string): string {
  return text.replaceAll(/[\r\n\t]+/g, " ").trim();
}

/**
 * A member of an object in JSON that says what a key or value is.
 *
 * @example Text, and what is not
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { jsonMember } from "./cli_entries.ts";
 *
 * assertEquals(jsonMember("key", Uint8Array.of(0x41), "utf8"), '"key":"A"');
 * assertEquals(jsonMember("key", Uint8Array.of(0xff), "utf8"), '"key64":"/w=="');
 * assertEquals(jsonMember("value", new TextEncoder().encode("[1, 2]"), "json"), '"value":[1, 2]');
 * ```
 *
 * @param name The member's name.
 * @param data The bytes.
 * @param encoding How to write them.
 * @returns The name and the value.
 */
export function jsonMember(name: string, data: Uint8Array, encoding: Encoding): string {
  if (encoding === "hex" || encoding === "base64") {
    return `"${name}":"${toPrinted(data, encoding)}"`;
  }
  const text = textOf(data);
  if (text === undefined) return `"${name}64":"${data.toBase64()}"`;
  if (encoding === "json" && isJson(text)) return `"${name}":${visibleJson(oneLineOfJson(text))}`;
  return `"${name}":${jsonText(text)}`;
}

/**
 * Adds the options for encodings.
 *
 * @param command The command.
 * @param of Which of them it has a use for.
 * @returns The command.
 */
export function addEncodings(
  command: CliCommand,
  of: readonly ("key" | "value")[] = ["key", "value"],
): CliCommand {
  for (const what of of) {
    command.addOption(
      new Option(`--${what}-encoding <encoding>`, `how ${what}s are written`)
        .choices(ENCODINGS).default("utf8"),
    );
  }
  return command;
}

/**
 * Adds the option that names a sublevel.
 *
 * @param command The command.
 * @returns The command.
 */
export function addSublevel(command: CliCommand): CliCommand {
  return command.option(
    "--sublevel <name>",
    "in this sublevel; again for one within it",
    (name: string, before: string[] = []) => [...before, name],
  );
}

/**
 * Adds the options that say which entries.
 *
 * @param command The command.
 * @returns The command.
 */
export function addRange(command: CliCommand): CliCommand {
  return command
    .option("--prefix <key>", "only keys that begin with it")
    .addOption(new Option("--gt <key>", "only keys after it").conflicts("gte"))
    .option("--gte <key>", "only it and keys after it")
    .addOption(new Option("--lt <key>", "only keys before it").conflicts("lte"))
    .option("--lte <key>", "only it and keys before it")
    .option("--reverse", "from the last key to the first")
    .option("--limit <count>", "at most so many", wholeNumber);
}

/**
 * Understands the value of an option as a whole number.
 *
 * @param typed The value.
 * @returns The number, 0 or more.
 * @throws {InvalidArgumentError} If it is none.
 */
export function wholeNumber(typed: string): number {
  if (!/^\d{1,15}$/.test(typed)) throw new InvalidArgumentError("It is not a whole number.");
  return Number(typed);
}

/**
 * The range that options ask for.
 *
 * @param options The options.
 * @param keyEncoding How the keys in them are written.
 * @param signal Ends a scan of it.
 * @returns The range.
 * @throws {CliError} If a key is not written so.
 */
export function rangeOf(
  options: RangeCliOptions,
  keyEncoding: Encoding,
  signal: AbortSignal,
): RangeOptions<Uint8Array> {
  const { reverse = false, limit = Infinity } = options;
  const range: RangeOptions<Uint8Array> = { reverse, limit, signal, fillPool: false };
  for (const name of ["prefix", "gt", "gte", "lt", "lte"] as const) {
    const typed = options[name];
    if (typed !== undefined) range[name] = fromTyped(typed, keyEncoding, `--${name}`);
  }
  return range;
}

/**
 * Refuses what is there and is no directory, which would else be told of by what failed first.
 *
 * @param context What the command works with.
 * @param directory What was typed.
 * @throws {CliError} If it is empty, or a file.
 */
export function checkDirectory({ fileSystem }: CliContext, directory: string): void {
  if (directory === "") {
    throw new CliError("Cannot open database: the name of the directory is empty");
  }
  try {
    if (fileSystem.exists(directory)) fileSystem.list(directory);
  } catch (error) {
    const { cause } = error as Error;
    const isFile = cause instanceof Error && (cause as { code?: unknown }).code === "ENOTDIR";
    // What else is wrong is told of by what comes after this, in its own words.
    if (isFile) {
      throw new CliError(`Cannot open database: not a directory: ${directory}`, 2, { cause });
    }
  }
}

/**
 * Opens a database, to be closed with `await using`.
 *
 * @param context What the command works with.
 * @param directory Where it is.
 * @param purpose Whether it may be changed, and whether it is made if there is none.
 * @param options How else to open it.
 * @returns The database.
 * @throws {VarveError} As opening does.
 */
export function openFor(
  context: CliContext,
  directory: string,
  purpose: "reading" | "writing" | "creating",
  options: OpenOptions<Uint8Array, Uint8Array> = {},
): Database<Uint8Array, Uint8Array> {
  checkDirectory(context, directory);
  const chosen = {
    readOnly: purpose === "reading",
    createIfMissing: purpose === "creating",
    ...options,
    key: bytes,
    value: bytes,
  };
  return openDatabase(directory, chosen, context.fileSystem, context.surroundings);
}

/**
 * The part of a database that is meant.
 *
 * @param database The database.
 * @param options The names of sublevels.
 * @returns The store.
 * @throws {RangeError} If a name has other characters than a sublevel's may have.
 */
export function storeOf(
  database: Database<Uint8Array, Uint8Array>,
  { sublevel = [] }: SublevelOption,
): Store<Uint8Array, Uint8Array> {
  let store: Store<Uint8Array, Uint8Array> = database;
  for (const name of sublevel) store = store.sublevel(name, { key: bytes, value: bytes });
  return store;
}

/**
 * Reads all of the input.
 *
 * @param context What the command works with.
 * @param bytesMax More than that is refused, without reading on.
 * @param refusal What is said then.
 * @returns The bytes.
 * @throws {CliError} If there is more.
 * @throws {SignalError} If a signal came, also while nothing came from the input.
 */
export async function readInput(
  { input, signal }: CliContext,
  bytesMax: number,
  refusal: string,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const reader = input.readable.getReader();
  const stop = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  const pieces: Uint8Array[] = [];
  let byteCount = 0;
  try {
    for (let it = await reader.read(); !it.done; it = await reader.read()) {
      byteCount += it.value.length;
      if (byteCount > bytesMax) throw new CliError(refusal);
      pieces.push(it.value);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    await reader.cancel().catch(() => {});
  }
  signal.throwIfAborted();
  return concat(pieces, byteCount);
}

function concat(pieces: readonly Uint8Array[], byteCount: number): Uint8Array {
  const whole = new Uint8Array(byteCount);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
