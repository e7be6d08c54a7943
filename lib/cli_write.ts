/**
 * **What.** The commands that write entries: `put` and `delete`.
 *
 * **Invariants.**
 * 1. When the command ends with status 0, what it wrote is on disk.
 * 2. Several keys are deleted together or not at all.
 * 3. A value is read from the input up to the limit of a value and one byte more, never without end.
 *
 * **Read next.** `cli_stats.ts`
 *
 * @module
 */
import type { CliFrame } from "./cli_command.ts";
import type { CliContext } from "./cli_context.ts";
import {
  addEncodings,
  addSublevel,
  type Encoding,
  type EncodingOptions,
  fromTyped,
  openFor,
  readInput,
  storeOf,
  type SublevelOption,
} from "./cli_entries.ts";
import { VALUE_BYTES_MAX } from "./options.ts";

/** What says that the value is to be read. */
const FROM_INPUT = "-";

/**
 * Adds `put`.
 *
 * @param frame The frame.
 */
export function addPut(frame: CliFrame): void {
  const command = frame.command("put", {
    summary: "set the value of a key",
    details:
      "The database is created if there is none. The status is 0 when the value is on disk. Put -- before a " +
      "key or value that begins with a dash.",
    examples: [
      ['varve put ./data city:Rome "2.8 million"', "set it"],
      ["varve put ./data photo - < photo.jpg", "the bytes of a file"],
      ["varve put ./data 00ff 01 --key-encoding hex --value-encoding hex", "bytes"],
      ["varve put ./data balance -- -5", "a value that begins with a dash"],
    ],
  })
    .argument("<directory>", "where the database is")
    .argument("<key>", "the key")
    .argument("<value>", `the value; ${FROM_INPUT} for what is read from the input`);
  addSublevel(addEncodings(command));
  frame.onRun<EncodingOptions & SublevelOption>(
    command,
    async (context, [directory, typedKey, typedValue], options) => {
      const { keyEncoding, valueEncoding } = options;
      const key = fromTyped(typedKey!, keyEncoding, "key");
      // All of it is read before the database is opened: nobody else waits for a slow input.
      const value = typedValue === FROM_INPUT
        ? await readValue(context, valueEncoding)
        : fromTyped(typedValue!, valueEncoding, "value");
      await using database = openFor(context, directory!, "creating");
      await storeOf(database, options).put(key, value);
    },
  );
}

/** Reads a value from the input: bytes as they are, or what they say in an encoding. */
async function readValue(context: CliContext, encoding: Encoding): Promise<Uint8Array> {
  const whole = await readInput(
    context,
    VALUE_BYTES_MAX,
    `Cannot put: a value has at most ${VALUE_BYTES_MAX} bytes, the input has more`,
  );
  if (encoding === "utf8") return whole;
  return fromTyped(new TextDecoder().decode(whole).replace(/\r?\n$/, ""), encoding, "input");
}

/**
 * Adds `delete`.
 *
 * @param frame The frame.
 */
export function addDelete(frame: CliFrame): void {
  const command = frame.command("delete", {
    summary: "remove keys",
    details: "Several are removed together. A key that is not there is no error.",
    examples: [
      ["varve delete ./data city:Rome", "remove one"],
      ["varve delete ./data a b c --sublevel users", "three of a sublevel, or none"],
    ],
  })
    .argument("<directory>", "where the database is")
    .argument("<keys...>", "the keys");
  addSublevel(addEncodings(command, ["key"]));
  frame.onRun<Pick<EncodingOptions, "keyEncoding"> & SublevelOption>(
    command,
    async (context, [directory, ...typed], options) => {
      const keys = typed.map((it) => fromTyped(it, options.keyEncoding, "key"));
      await using database = openFor(context, directory!, "writing");
      const batch = storeOf(database, options).batch();
      for (const key of keys) batch.delete(key);
      await batch.commit();
    },
  );
}
