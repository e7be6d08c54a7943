/**
 * **What.** The options of `load` and `export` that say how a file is written, and what they come to.
 *
 * **Format.** The name of a file says its format, unless an option does:
 * ```text
 * name := anything, (".ndjson" | ".jsonl" | ".csv" | ".tsv"), [".gz"]
 * ```
 *
 * **Invariants.**
 * 1. A format is never guessed from what is in a file: a pipe is ndjson unless it is said.
 *
 * **Read next.** `cli_load_input.ts`
 *
 * @module
 */
import { InvalidArgumentError, Option } from "commander";
import type { CliCommand } from "./cli_command.ts";
import { CliError } from "./cli_context.ts";
import {
  type EntryEncodings,
  FIELD_ENCODINGS,
  type FieldEncoding,
  type FormatName,
  FORMATS,
} from "./entry_formats.ts";

/** The options that say how a file is written, the same for `load` and `export`. */
export interface FileOptions {
  /** The format, if it was said. */
  readonly format?: FormatName;
  /** How keys are written. */
  readonly keyEncoding: FieldEncoding;
  /** How values are written. */
  readonly valueEncoding: FieldEncoding;
  /** What the columns are called; `false` if they have no names. */
  readonly header?: Header | false;
  /** Whether it is packed. */
  readonly gzip?: true;
}

/** What the columns of key and value are called. */
export interface Header {
  /** That of keys. */
  readonly key: string;
  /** That of values. */
  readonly value: string;
}

/** The names of columns if nothing else is said. */
const HEADER: Header = { key: "key", value: "value" };

/**
 * Adds the options that say how a file is written.
 *
 * @param command The command.
 * @returns The command.
 */
export function addFileOptions(command: CliCommand): CliCommand {
  command.addOption(
    new Option("--format <format>", "the format; else as the name of the file ends, or ndjson")
      .choices(FORMATS),
  );
  for (const what of ["key", "value"]) {
    command.addOption(
      new Option(`--${what}-encoding <encoding>`, `how ${what}s are written`)
        .choices(FIELD_ENCODINGS).default("utf8"),
    );
  }
  return command
    .option("--header <names>", "csv, tsv: names of the columns, as in id,name", headerOf)
    .option("--no-header", "csv, tsv: there is no line with names; the key comes first")
    .option("--gzip", "packed with gzip; so is a file whose name ends in .gz");
}

function headerOf(typed: string): Header {
  const [key, value, ...more] = typed.split(",");
  if (!key || !value || more.length > 0 || key === value) {
    throw new InvalidArgumentError("It takes two names with a comma between them.");
  }
  return { key, value };
}

/**
 * The format of a file.
 *
 * @param file Its path; `undefined` or `"-"` for a pipe.
 * @param options What was said.
 * @returns The format.
 * @throws {CliError} If neither the options nor the name say, or the options do not fit it.
 */
export function formatOf(file: string | undefined, options: FileOptions): FormatName {
  let format = options.format;
  if (format === undefined && (file === undefined || file === "-")) format = "ndjson";
  if (format === undefined) {
    const end = /\.(ndjson|jsonl|csv|tsv)(\.gz)?$/i.exec(file!)?.[1]?.toLowerCase();
    if (end === undefined) {
      throw new CliError(`Cannot tell the format of ${file}: say it with --format`);
    }
    format = end === "jsonl" ? "ndjson" : end as FormatName;
  }
  // Commander sets `true` if there is a `--no-header` that was not said.
  if (format === "ndjson" && options.header !== undefined && (options.header as unknown) !== true) {
    throw new CliError("Cannot use --header and --no-header with ndjson: it has no columns");
  }
  return format;
}

/**
 * The names of columns that options ask for.
 *
 * @param options The options.
 * @returns The names; `undefined` for none.
 */
export function namesOf({ header }: FileOptions): Header | undefined {
  if (header === false) return undefined;
  return typeof header === "object" ? header : HEADER;
}

/**
 * The encodings that options ask for.
 *
 * @param options The options.
 * @returns The encodings.
 */
export function encodingsOf({ keyEncoding, valueEncoding }: FileOptions): EntryEncodings {
  return { key: keyEncoding, value: valueEncoding };
}
