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
 * **Read next.** `cli.ts`
 *
 * @module
 */
import type { CliFrame } from "./cli_command.ts";
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
  frame.onRun<GetOptions>(command, async (context, [directory, typed], options) => {
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
  });
}
