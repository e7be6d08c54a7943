/**
 * **What.** The frame of the command: how one of its commands is declared, how arguments find it, and what comes of
 * whatever it throws. A command is a function that adds itself to a frame; a test makes a frame of that one alone.
 *
 * ```ts ignore
 * export function addGet(frame: CliFrame): void {
 *   const command = frame.command("get", {
 *     summary: "print the value of a key",
 *     examples: [["varve get ./data city", "print one value"]],
 *   }).argument("<directory>", "where the database is").argument("<key>", "the key");
 *   frame.onRun(command, async (context, [directory, key], options) => {
 *     …
 *     return 0; // or nothing, or throw a CliError
 *   });
 * }
 * ```
 *
 * **Invariants.**
 * 1. Whatever is thrown is at most one line on the error output and one status; there is never a stack trace.
 * 2. Nothing here asks for a permission: colours and widths are the context's, and no variable of the environment is
 *    read.
 * 3. Every command has a summary and an example; its help shows them.
 *
 * **Read next.** `cli_process.ts`
 *
 * @module
 */
import { Command, CommanderError, Help } from "commander";
import {
  type CliContext,
  CliError,
  errorLine,
  OutputClosedError,
  SignalError,
} from "./cli_context.ts";
import { VarveError } from "./errors.ts";

/** One of commander's commands, under a name of ours: what takes or gives one is then documented whole. */
export type CliCommand = typeof import("commander")["Command"]["prototype"];

/** What a command can be told by a line, and what it does then. */
export type Example = readonly [commandLine: string, what: string];

/** What a person is told of a command. */
export interface CommandTexts {
  /** A few words, for the list of all commands: no capital, no full stop. */
  readonly summary: string;
  /** What there is to know beyond the summary, in sentences. */
  readonly details?: string;
  /** One at least. */
  readonly examples: readonly Example[];
}

/**
 * What a command does.
 *
 * @typeParam O Its options, as commander names them: `--key-encoding` is `keyEncoding`.
 * @param context What it works with.
 * @param args Its arguments; those that may be left out and were are `undefined`.
 * @param options Its options.
 * @returns The status to exit with; nothing is 0.
 */
export type Run<O> = (
  context: CliContext,
  args: string[],
  options: O,
) => Promise<number | void>;

/** What help calls a list of examples. */
const EXAMPLES = "Examples:";

/** The commands of a program, and what runs them. */
export class CliFrame {
  /** The program, whose commands are added to. */
  readonly program: CliCommand;
  /** What commands work with. */
  readonly context: CliContext;
  readonly #examples = new Map<Command, readonly Example[]>();
  #status = 0;
  /** What commander has printed: it cannot wait, so that is done when it is through. */
  #printed = "";

  /**
   * Makes a frame without commands.
   *
   * @param context What its commands are to work with.
   */
  constructor(context: CliContext) {
    this.context = context;
    const { output, errors } = context;
    this.program = new Command("varve")
      .exitOverride()
      .configureOutput({
        writeOut: (text) => void (this.#printed += text),
        writeErr: (text) => void (this.#printed += text),
        // Errors are printed once, by run().
        outputError: () => {},
        getOutHelpWidth: () => output.columns,
        getErrHelpWidth: () => errors.columns,
        getOutHasColors: () => output.hasColors,
        getErrHasColors: () => errors.hasColors,
      })
      .configureHelp({
        styleTitle: (text) => `\x1b[1m${text}\x1b[22m`,
        subcommandTerm: (command) => command.name(),
        formatHelp: (command, help) => this.#helpText(command, help),
      })
      .helpOption("-h, --help", "print this");
  }

  /**
   * Adds a command.
   *
   * @param name Its name.
   * @param texts What a person is told of it.
   * @param parent The command that it is a part of, as `copy` is of `kv`.
   * @returns The command, to which arguments and options are added.
   */
  command(
    name: string,
    texts: CommandTexts,
    parent: CliCommand = this.program,
  ): CliCommand {
    const { summary, details, examples } = texts;
    const sentence = `${summary[0]!.toUpperCase()}${summary.slice(1)}.`;
    const command = parent.command(name)
      .summary(summary)
      .description(details === undefined ? sentence : `${sentence} ${details}`);
    this.#examples.set(command, examples);
    return command;
  }

  /**
   * Says what a command does when it is called.
   *
   * @typeParam O Its options.
   * @param command The command.
   * @param run What it does.
   */
  onRun<O extends object>(command: CliCommand, run: Run<O>): void {
    command.action(async () => {
      // Commander gives a list where an argument may be repeated; here they all are, one after another.
      const args = command.processedArgs.flat() as string[];
      this.#status = await run(this.context, args, command.opts<O>()) ?? 0;
    });
  }

  /**
   * The examples of a command.
   *
   * @param command The command.
   * @returns Its examples, as help shows them.
   */
  examplesOf(command: CliCommand): readonly Example[] {
    return this.#examples.get(command) ?? [];
  }

  /**
   * Carries out a command line.
   *
   * @param args The arguments, the name of the command first.
   * @returns The status to exit with. Nothing is thrown: what goes wrong is printed.
   */
  async run(args: readonly string[]): Promise<number> {
    this.#status = 0;
    this.#printed = "";
    try {
      await this.program.parseAsync([...args], { from: "user" });
      return this.#status;
    } catch (error) {
      return await this.#ended(error);
    }
  }

  /** Says what has gone wrong, and gives the status. */
  async #ended(error: unknown): Promise<number> {
    const { output, signal } = this.context;
    if (signal.aborted && signal.reason instanceof SignalError) return await this.#interrupted();
    if (isOutputClosed(error)) return 0;
    if (!(error instanceof CommanderError)) {
      await this.#say(`${errorLine(worded(error))}${codeOf(error)}\n`);
      return error instanceof CliError ? error.status : 2;
    }
    if (error.exitCode === 0) {
      try {
        await output.write(this.#printed);
        return 0;
      } catch (cause) {
        return await this.#ended(cause);
      }
    }
    // Without any command it prints its help, where errors go.
    if (error.code === "commander.help") await this.#say(this.#printed);
    else {
      const message = error.message.replace(/^error: /, "");
      await this.#say(`${errorLine(message)}${hintFor(error)}\n`);
    }
    return 2;
  }

  /** Prints where errors go. If that fails, there is no place left to say why; the status still says something. */
  async #say(text: string): Promise<void> {
    await this.context.errors.write(text).catch(() => {});
  }

  /** A signal came: a terminal's cursor goes to a line of its own, behind the `^C` it shows. */
  async #interrupted(): Promise<number> {
    const { errors, signal } = this.context;
    if (errors.isTerminal) await this.#say("\n");
    return 128 + (signal.reason as SignalError).number;
  }

  #helpText(command: Command, help: Help): string {
    const text = Help.prototype.formatHelp.call(help, command, help);
    const examples = this.examplesOf(command);
    if (examples.length === 0) return text;
    const lines = examples.map(([line, what]) => `  ${line}\n      ${what}\n`);
    return `${text}\n${help.styleTitle(EXAMPLES)}\n${lines.join("")}`;
  }
}

/** The code of an error of the store, so that a script can tell LOCKED from IO without knowing the sentence. */
function codeOf(error: unknown): string {
  return error instanceof VarveError ? ` (${error.code})` : "";
}

/** What a handle is to a program, another process is to a person. */
function worded(error: unknown): unknown {
  if (!(error instanceof VarveError) || error.code !== "LOCKED") return error;
  return error.message.replace(
    /^.*another handle holds it: (.*?)([\\/]LOCK)?$/,
    "Cannot open database: another process has it open: $1",
  );
}

/** What else there is to say of arguments that are wrong. */
function hintFor({ code }: CommanderError): string {
  return code === "commander.unknownOption"
    ? "; put -- before an argument that begins with a dash"
    : "";
}

/** Whether all that happened is that nobody reads the output any more, however deep that is in an error. */
function isOutputClosed(error: unknown): boolean {
  for (let it = error; it instanceof Error; it = it.cause) {
    if (it instanceof OutputClosedError) return true;
  }
  return false;
}
