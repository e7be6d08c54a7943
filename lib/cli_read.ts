/**
 * **What.** The commands that read: `get`, `scan` and `count`.
 *
 * **Format.** What they print, where `text` is as in `cli_entries.ts`:
 * ```text
 * get         := text LF                          on a terminal, or with an encoding
 *              | the bytes of the value           in a pipe or file, or with --raw: nothing is added
 * scan        := (text TAB text LF)*              key and value; with --keys or --values one of them
 * count       := digits LF
 * get --json  := entry LF
 * scan --json := (entry LF)*
 * count --json:= {"count": number} LF
 * ```
 *
 * **Invariants.**
 * 1. Nothing is changed and nothing is created; no permission to write is needed.
 * 2. A scan holds no more than a few kilobytes of what it prints, and waits for a reader that is slow.
 *
 * **Read next.** `cli_write.ts`
 *
 * @module
 */
import { Option } from "commander";
import type { CliFrame, Run } from "./cli_command.ts";
import { type CliContext, CliError } from "./cli_context.ts";
import {
  addEncodings,
  addRange,
  addSublevel,
  type EncodingOptions,
  fromTyped,
  jsonMember,
  openFor,
  type RangeCliOptions,
  rangeOf,
  storeOf,
  type SublevelOption,
  toPrinted,
} from "./cli_entries.ts";
import { painted } from "./cli_text.ts";

/** Lines are printed in pieces of about this many characters. */
const PRINT_CHARACTERS = 16 * 1024;

type GetOptions = EncodingOptions & SublevelOption & { readonly raw?: true; readonly json?: true };

/**
 * Adds `get`.
 *
 * @param frame The frame.
 */
export function addGet(frame: CliFrame): void {
  const command = frame.command("get", {
    summary: "print the value of a key",
    details:
      "A terminal gets it as text and a line end, a pipe or file its bytes and nothing else. " +
      "The status is 1 if there is no such key.",
    examples: [
      ["varve get ./data city:Rome", "print it"],
      ["varve get ./data photo > photo.jpg", "its bytes, as they were put"],
      ["varve get ./data 00ff --key-encoding hex --json", "a key that is not text"],
    ],
  })
    .argument("<directory>", "where the database is")
    .argument("<key>", "the key")
    .option("--raw", "the bytes of the value and nothing else, also to a terminal")
    .option("--json", "key and value as JSON");
  addSublevel(addEncodings(command));
  const run: Run<GetOptions> = async (context, [directory, typed], options) => {
    const { keyEncoding, valueEncoding, raw = false, json = false } = options;
    const key = fromTyped(typed!, keyEncoding, "key");
    await using database = openFor(context, directory!, "reading");
    const value = await storeOf(database, options).get(key);
    if (value === undefined) {
      throw new CliError(`Cannot get ${toPrinted(key, keyEncoding)}: there is no such key`, 1);
    }
    const isChosen = command.getOptionValueSource("valueEncoding") !== "default";
    const { output } = context;
    if (json) {
      const members = [
        jsonMember("key", key, keyEncoding),
        jsonMember("value", value, valueEncoding),
      ];
      await output.write(`{${members.join(",")}}\n`);
    } else if (raw || (!output.isTerminal && !isChosen)) {
      await output.write(value);
    } else {
      await output.write(`${toPrinted(value, valueEncoding)}\n`);
    }
  };
  frame.onRun(command, run);
}

type ScanOptions = EncodingOptions & SublevelOption & RangeCliOptions & {
  readonly keys?: true;
  readonly values?: true;
  readonly json?: true;
};

/**
 * Adds `scan`.
 *
 * @param frame The frame.
 */
export function addScan(frame: CliFrame): void {
  const command = frame.command("scan", {
    summary: "print entries in the order of their keys",
    details:
      "Each is a line: the key, a tab and the value. What is not one line of text is printed in " +
      "double quotes, with escapes. All of it is as it was when the scan began.",
    examples: [
      ["varve scan ./data --prefix city: --limit 10", "the first ten cities"],
      ["varve scan ./data --gte 2026-01 --lt 2026-02 --reverse", "one month, from its end"],
      ["varve scan ./data --keys | head -1", "the first key"],
      ["varve scan ./data --sublevel users --json | jq .value", "for another program"],
    ],
  })
    .argument("<directory>", "where the database is")
    .addOption(new Option("--keys", "only the keys").conflicts("values"))
    .option("--values", "only the values")
    .option("--json", "each entry as JSON, on a line of its own");
  addSublevel(addEncodings(addRange(command)));
  frame.onRun<ScanOptions>(command, async (context, [directory], options) => {
    const range = rangeOf(options, options.keyEncoding, context.signal);
    await using database = openFor(context, directory!, "reading");
    const line = lineOf(context, options);
    let text = "";
    for await (const [key, value] of storeOf(database, options).entries(range)) {
      text += line(key, value);
      if (text.length < PRINT_CHARACTERS) continue;
      await context.output.write(text);
      text = "";
    }
    await context.output.write(text);
  });
}

/** What an entry is printed as. */
function lineOf(
  { output }: CliContext,
  options: ScanOptions,
): (key: Uint8Array, value: Uint8Array) => string {
  const { keyEncoding, valueEncoding, keys: isKeys, values: isValues, json } = options;
  const hasKeys = !isValues;
  const hasValues = !isKeys;
  if (json) {
    return (key, value) => {
      const members = [
        ...hasKeys ? [jsonMember("key", key, keyEncoding)] : [],
        ...hasValues ? [jsonMember("value", value, valueEncoding)] : [],
      ];
      return `{${members.join(",")}}\n`;
    };
  }
  return (key, value) => {
    const parts = [
      ...hasKeys ? [painted(output, "cyan", toPrinted(key, keyEncoding))] : [],
      ...hasValues ? [toPrinted(value, valueEncoding)] : [],
    ];
    return `${parts.join("\t")}\n`;
  };
}

type CountOptions = Pick<EncodingOptions, "keyEncoding"> & SublevelOption & RangeCliOptions & {
  readonly json?: true;
};

/**
 * Adds `count`.
 *
 * @param frame The frame.
 */
export function addCount(frame: CliFrame): void {
  const command = frame.command("count", {
    summary: "count entries, by reading them",
    examples: [
      ["varve count ./data", "all of them"],
      ["varve count ./data --prefix city: --json", "those that begin so, for another program"],
    ],
  })
    .argument("<directory>", "where the database is")
    .option("--json", "the count as JSON");
  addSublevel(addEncodings(addRange(command), ["key"]));
  frame.onRun<CountOptions>(command, async (context, [directory], options) => {
    const range = rangeOf(options, options.keyEncoding, context.signal);
    await using database = openFor(context, directory!, "reading");
    let count = 0;
    for await (const _key of storeOf(database, options).keys(range)) count++;
    await context.output.write(options.json ? `{"count":${count}}\n` : `${count}\n`);
  });
}
