/**
 * **What.** `shell`: the lines of a person or of a script on one open database.
 *
 * **Invariants.**
 * 1. The prompt and the greeting need a terminal at both ends: a pipe gets results and nothing else.
 * 2. The end of the input ends the shell with status 0; a line that fails does not end it.
 *
 * **Read next.** `cli_benchmark.ts`
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import type { CliFrame } from "./cli_command.ts";
import { openFor } from "./cli_entries.ts";
import { oneLine } from "./shell_command.ts";
import { Shell } from "./shell.ts";

/** What it is for bytes: the platform's type takes any buffer, which a stream of bytes is then too narrow for. */
type TextStream = ReadableWritablePair<string, Uint8Array>;

/**
 * Adds `shell`.
 *
 * @param frame The frame.
 */
export function addShell(frame: CliFrame): void {
  const command = frame.command("shell", {
    summary: "carry out lines on one open database",
    details:
      "Type help for what there is. The database is created if there is none. In a pipe there is no prompt.",
    examples: [
      ["varve shell ./data", "by hand"],
      ["printf 'put a 1\\nget a\\n' | varve shell ./data", "from a script"],
      ["varve shell ./data --read-only", "change nothing"],
    ],
  })
    .argument("<directory>", "where the database is")
    .option("--read-only", "change nothing, and create nothing");
  frame.onRun<{ readonly readOnly?: true }>(command, async (context, [directory], options) => {
    const { input, output, errors, signal } = context;
    await using database = openFor(context, directory!, options.readOnly ? "reading" : "creating");
    const isInteractive = input.isTerminal && output.isTerminal;
    if (isInteractive) await output.write(`Varve in ${oneLine(directory!)}. Type help, or exit.\n`);
    const shell = new Shell({
      database,
      print: (text) => output.write(text),
      printError: (text) => errors.write(text),
      signal,
    });
    // The signal ends the wait for the next line, too.
    const lines = input.readable
      .pipeThrough<string>(new TextDecoderStream() as TextStream, { signal })
      .pipeThrough(new TextLineStream());
    await shell.run(lines, isInteractive ? "varve> " : "");
    signal.throwIfAborted(); // it may have come while the last line was being carried out
  });
}
