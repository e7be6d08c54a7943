/**
 * **What.** What every part of the command works with: where results and errors go, where input comes from, the disk,
 * and what ends it. A test passes one of its own, so no command needs a process to be tried.
 *
 * **Format.** The status that the process exits with:
 * ```text
 * status := 0   done, and sound if that was the question
 *         | 1   not so: no such key, damage, something was lost or left out
 *         | 2   could not be done: wrong arguments, no such database, locked, no permission, the disk failed
 *         | 128 + number of the signal that ended it
 * ```
 *
 * **Invariants.**
 * 1. Results go to the output and nothing else does; progress and errors go to the error output.
 * 2. What goes wrong is one line on the error output, whatever the message has in it.
 * 3. An output that nobody reads any more ends the command with status 0, as `head` does with what feeds it.
 *
 * **Read next.** `cli_command.ts`
 *
 * @module
 */
import type { Surroundings } from "./background.ts";
import type { FileSystem } from "./file_system.ts";

export { errorLine } from "./shell_command.ts";

/** A stream that a command prints to. */
export interface CliOutput {
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
  /** Whether colours may be used: a person looks at it, and has not said `NO_COLOR`. */
  readonly hasColors: boolean;
  /** How many characters fit on a line; 80 if it is not a terminal. It changes when the window does. */
  readonly columns: number;
  /**
   * Writes all of it, and waits for a reader that is slow.
   *
   * @param data Text, or bytes as they are.
   * @throws {OutputClosedError} If nobody reads it any more.
   * @throws {SignalError} If a signal came while it waited.
   */
  write(data: string | Uint8Array): Promise<void>;
}

/** What a command works with. */
export interface CliContext {
  /** Where results go. */
  readonly output: CliOutput;
  /** Where errors and progress go. */
  readonly errors: CliOutput;
  /** Where input comes from. */
  readonly input: { readonly isTerminal: boolean; readonly readable: ReadableStream<Uint8Array> };
  /** The disk that databases are on. */
  readonly fileSystem: FileSystem;
  /** What flushes and compactions are done with, beside the clock; a worker if there are any. */
  readonly surroundings: Surroundings;
  /** Where something may be put that is removed again. */
  readonly temporaryDirectory: string;
  /** Ends the command: its reason is a {@linkcode SignalError}. */
  readonly signal: AbortSignal;
}

/** A command that cannot be carried out, or has an answer that is not the good one. */
export class CliError extends Error {
  /** The status to exit with. */
  readonly status: number;

  /**
   * Makes an error.
   *
   * @param message One line for a person.
   * @param status The status to exit with.
   * @param options The error's cause, if it has one.
   */
  constructor(message: string, status: 1 | 2 = 2, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.status = status;
  }
}

/**
 * The error of a file that cannot be read or written.
 *
 * @param what What could not be done to which file, as in `"read cities.csv"`.
 * @param missing What is said if it is not there.
 * @param cause What was thrown.
 * @returns The error, with one of a few plain reasons if there is one.
 */
export function fileError(what: string, missing: string, cause: unknown): CliError {
  const why = cause instanceof Deno.errors.NotFound
    ? missing
    : cause instanceof Deno.errors.NotCapable || cause instanceof Deno.errors.PermissionDenied
    ? "there is no permission to"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new CliError(`Cannot ${what}: ${why}`, 2, { cause });
}

/** A signal ended the command. */
export class SignalError extends Error {
  /** The signal's number. */
  readonly number: number;

  /**
   * Makes an error.
   *
   * @param name The signal, as in `"SIGINT"`.
   * @param number Its number.
   */
  constructor(name: string, number: number) {
    super(`Ended by ${name}`);
    this.name = "SignalError";
    this.number = number;
  }
}

/** Nobody reads the output any more. */
export class OutputClosedError extends Error {}
