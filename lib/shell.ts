/**
 * **What.** The shell: a database at the command line, by hand or in a pipe. One class that carries out lines and
 * prints through a function it is given, and a program around it that deals with the terminal and the process.
 *
 * ```sh
 * deno task shell ./data
 * printf 'put city Paris\nget city\n' | deno task shell ./data
 * ```
 *
 * **Invariants.**
 * 1. The database is closed however the shell ends: `exit`, end of input, a signal, or nobody reading its output.
 * 2. A line that fails is one line on the error output, and the next line is carried out all the same.
 * 3. The end of the input, with or without a line end before it, ends the shell with status 0. A database that
 *    cannot be opened is status 1, wrong arguments are 2, a signal is 128 and its number.
 * 4. Only results go to the output, so that a pipe gets nothing else: the prompt needs a terminal at both ends.
 *
 * **Read next.** `../mod.ts`
 *
 * @module
 */
import { resolve } from "@std/path";
import { TextLineStream } from "@std/streams";
import { parseArgs } from "node:util";
import { bytes } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import { onEndSignal } from "./deno_signals.ts";
import { type Logger, silentLogger } from "./logger.ts";
import type { RangeOptions } from "./options.ts";
import {
  type Command,
  errorLine,
  HELP,
  keyText,
  NOT_FOUND,
  parseCommand,
  SCAN_LIMIT,
  valueText,
} from "./shell_command.ts";
import { counted, levelsText, statsText } from "./shell_report.ts";
import type { Database } from "./store.ts";

type Range = RangeOptions<Uint8Array>;

/** Takes text to be printed; may say when it is ready for more. */
export type Print = (text: string) => Promise<void> | void;

/** What a shell works with. */
export interface ShellOptions {
  /** The database. It stays the caller's to close. */
  database: Database<Uint8Array, Uint8Array>;
  /** Where results go. */
  print: Print;
  /** Where errors go. */
  printError: Print;
  /** Who is told how long each command took. @default {nobody} */
  logger?: Logger;
  /** Ends the command that is being carried out; nothing is printed after it. */
  signal?: AbortSignal;
}

/** Entries are printed in pieces of about this many characters. */
const PRINT_CHARACTERS = 16 * 1024;

/** Nobody reads what is printed. */
class OutputError extends Error {}

/**
 * Carries out the lines of a person or of a script.
 *
 * @example Three lines on a database in memory
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bytes } from "./codec.ts";
 * import { openDatabase } from "./database.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { Shell } from "./shell.ts";
 *
 * await using database = openDatabase("data", { key: bytes, value: bytes }, new MemoryFileSystem());
 * let output = "";
 * const print = (text: string) => void (output += text);
 * const shell = new Shell({ database, print, printError: print });
 * for (const line of ["put city Paris", "scan", "get state"]) await shell.execute(line);
 * assertEquals(output, "ok\ncity = Paris\n(1 entry)\n(not found)\n");
 * ```
 */
export class Shell {
  readonly #database: Database<Uint8Array, Uint8Array>;
  readonly #print: Print;
  readonly #printError: Print;
  readonly #logger: Logger;
  readonly #signal: AbortSignal | undefined;

  /**
   * Makes a shell.
   *
   * @param options What it works with.
   */
  constructor(options: ShellOptions) {
    this.#database = options.database;
    this.#print = options.print;
    this.#printError = options.printError;
    this.#logger = options.logger ?? silentLogger;
    this.#signal = options.signal;
  }

  /**
   * Carries out lines until they end or one of them is `exit`.
   *
   * @param lines The lines, without their ends.
   * @param prompt Printed before each line.
   */
  async run(lines: AsyncIterable<string>, prompt = ""): Promise<void> {
    if (prompt !== "") await this.#output(prompt);
    for await (const line of lines) {
      if (!(await this.execute(line))) return;
      if (prompt !== "") await this.#output(prompt);
    }
    // After Ctrl-D the cursor is still behind the prompt.
    if (prompt !== "") await this.#output("\n");
  }

  /**
   * Carries out one line. What goes wrong with it is printed, not thrown.
   *
   * @param line The line, without its end.
   * @returns Whether to go on: false after `exit`.
   */
  async execute(line: string): Promise<boolean> {
    const start = performance.now();
    try {
      const command = parseCommand(line);
      if (command?.name === "exit") return false;
      if (command === undefined) return true;
      await this.#carryOut(command);
      const took = (performance.now() - start).toFixed(1);
      this.#logger.log("debug", "shell", `${command.name} took ${took} ms`);
    } catch (error) {
      if (error instanceof OutputError) throw error;
      if (!this.#signal?.aborted) await this.#printError(`${errorLine(error)}\n`);
    }
    return true;
  }

  async #carryOut({ name, words, limit }: Command): Promise<void> {
    const database = this.#database;
    const [first, second] = words;
    switch (name) {
      case "get": {
        const value = await database.get(first!);
        return this.#output(`${value === undefined ? NOT_FOUND : valueText(value)}\n`);
      }
      case "put":
        await database.put(first!, second!);
        return this.#output("ok\n");
      case "delete":
        await database.delete(first!);
        return this.#output("ok\n");
      case "scan":
        return this.#scan(between(first, second), limit);
      case "prefix":
        return this.#scan({ prefix: first! }, limit);
      case "count":
        return this.#count(between(first, second));
      case "stats":
        return this.#output(statsText(database.stats()));
      case "levels":
        return this.#output(levelsText(database.stats()));
      case "flush":
        await database.flush();
        return this.#output("ok\n");
      case "compact":
        await database.compact(this.#abortable(between(first, second)));
        return this.#output("ok\n");
      case "help":
        return this.#output(`${HELP}\n`);
    }
  }

  async #scan(range: Range, limit = SCAN_LIMIT): Promise<void> {
    let count = 0;
    let hasMore = false;
    let text = "";
    // One more than is printed, to know whether there are more.
    for await (
      const [key, value] of this.#database.entries(this.#abortable({ ...range, limit: limit + 1 }))
    ) {
      if (count === limit) {
        hasMore = true;
        break;
      }
      count++;
      text += `${keyText(key)} = ${valueText(value)}\n`;
      if (text.length < PRINT_CHARACTERS) continue;
      await this.#output(text);
      text = "";
    }
    const more = hasMore ? " printed; there are more: add --limit N or --all" : "";
    await this.#output(`${text}(${counted(count, "entry", "entries")}${more})\n`);
  }

  async #count(range: Range): Promise<void> {
    let count = 0;
    const keys = this.#database.keys(this.#abortable(range));
    for await (const _key of keys) count++;
    await this.#output(`${count}\n`);
  }

  #abortable(range: Range): Range {
    return this.#signal === undefined ? range : { ...range, signal: this.#signal };
  }

  async #output(text: string): Promise<void> {
    try {
      await this.#print(text);
    } catch (cause) {
      throw new OutputError("Cannot print", { cause });
    }
  }
}

/** The range from one key up to before another, either of which may be missing. */
function between(from: Uint8Array | undefined, to: Uint8Array | undefined): Range {
  return { ...from && { gte: from }, ...to && { lt: to } };
}

// ——— The program ———

const USAGE = `Looks into a database, and writes to it.

Usage: deno task shell [DIRECTORY] [--read-only] [--debug]

  DIRECTORY    where the database is; created if there is none [default: ./data]
  --read-only  change nothing
  --debug      log what the engine does to the error output (also: VARVE_DEBUG=1)
  --help       print this

Commands, in any case:
${HELP}
`;

interface Arguments {
  readonly directory: string;
  readonly isDebug: boolean;
  readonly isReadOnly: boolean;
  readonly isHelp: boolean;
}

function parseArguments(args: string[]): Arguments {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      "debug": { type: "boolean", default: false },
      "read-only": { type: "boolean", default: false },
      "help": { type: "boolean", short: "h", default: false },
    },
  });
  if (positionals.length > 1) throw new TypeError("Expected one directory at most; see --help");
  return {
    directory: resolve(positionals[0] ?? "data"),
    isDebug: values.debug || isDebugAsked(),
    isReadOnly: values["read-only"],
    isHelp: values.help,
  };
}

/** Looks at the environment only where that is allowed: a shell should not begin with a question. */
function isDebugAsked(): boolean {
  const permission = Deno.permissions.querySync({ name: "env", variable: "VARVE_DEBUG" });
  if (permission.state !== "granted") return false;
  return !["", "0", "false"].includes(Deno.env.get("VARVE_DEBUG") ?? "");
}

/** Prints to the output or the error output; a call is done when all of it is written. */
function printer(stream: WritableStream<Uint8Array>): (text: string) => Promise<void> {
  const writer = stream.getWriter();
  const encoder = new TextEncoder();
  return (text) => writer.write(encoder.encode(text));
}

/** Stamps the time on what the engine tells. */
function debugLogger(): Logger {
  const encoder = new TextEncoder();
  return {
    log(level, source, message) {
      const line = `${new Date().toISOString()} ${level.padEnd(5)} ${source}: ${message}\n`;
      try {
        Deno.stderr.writeSync(encoder.encode(line));
      } catch { /* nobody reads it: a logger must not throw */ }
    },
  };
}

/**
 * The program.
 *
 * @param args Its arguments.
 * @returns The status to exit with.
 */
export async function main(args: string[]): Promise<number> {
  const print = printer(Deno.stdout.writable);
  const toErrors = printer(Deno.stderr.writable);
  // There is no place left to say that errors cannot be printed.
  const printError = (text: string) => toErrors(text).catch(() => {});
  let chosen: Arguments;
  try {
    chosen = parseArguments(args);
  } catch (error) {
    await printError(`${errorLine(error)}\n`);
    return 2;
  }
  if (chosen.isHelp) {
    await print(USAGE).catch(() => {});
    return 0;
  }
  const logger = chosen.isDebug ? debugLogger() : silentLogger;
  try {
    const options = { key: bytes, value: bytes, readOnly: chosen.isReadOnly, logger };
    await using database = openDatabase(chosen.directory, options, denoFileSystem);
    return await converse(database, print, printError, logger);
  } catch (error) {
    await printError(`${errorLine(error)}\n`);
    return 1;
  }
}

/** Carries out the input until it ends, a signal comes, or nobody reads the output; returns the status. */
async function converse(
  database: Database<Uint8Array, Uint8Array>,
  print: Print,
  printError: Print,
  logger: Logger,
): Promise<number> {
  const interrupt = new AbortController();
  const signaled = Promise.withResolvers<number>();
  using _listening = onEndSignal((_name, number) => {
    interrupt.abort();
    signaled.resolve(128 + number);
  });
  try {
    const isInteractive = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
    if (isInteractive) await print(`Varve in ${database.directory}. Type help, or exit.\n`);
    const shell = new Shell({ database, print, printError, logger, signal: interrupt.signal });
    const lines = Deno.stdin.readable
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    const ended = shell.run(lines, isInteractive ? "varve> " : "").then(() => 0);
    const status = await Promise.race([ended, signaled.promise]);
    if (status !== 0 && isInteractive) await print("\n");
    return status;
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    // Somebody had enough, as in `shell | head`: no reason to complain.
    if (error.cause instanceof Deno.errors.BrokenPipe) return 0;
    throw error.cause;
  }
}

// What still waits for input when a signal comes would keep the process alive.
if (import.meta.main) Deno.exit(await main(Deno.args));
