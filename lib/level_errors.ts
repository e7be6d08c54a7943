/**
 * **What.** Errors of the engine as abstract-level's users know them: by the codes that `classic-level` gives. Those it
 * has no code for (a key that is too large, a database that is not there) stay the {@linkcode VarveError} they are.
 *
 * | VarveError | code |
 * | -- | -- |
 * | `LOCKED` | `LEVEL_LOCKED` |
 * | `CORRUPTION` | `LEVEL_CORRUPTION` |
 * | `IO` | `LEVEL_IO_ERROR` |
 * | `CLOSED` | `LEVEL_DATABASE_NOT_OPEN` |
 *
 * **Invariants.**
 * 1. The engine's own error is the cause of the one that is made of it.
 *
 * **Read next.** `level_options.ts`
 *
 * @module
 */
import { VarveError, type VarveErrorCode } from "./errors.ts";

const CODES: Readonly<Partial<Record<VarveErrorCode, string>>> = {
  LOCKED: "LEVEL_LOCKED",
  CORRUPTION: "LEVEL_CORRUPTION",
  IO: "LEVEL_IO_ERROR",
  CLOSED: "LEVEL_DATABASE_NOT_OPEN",
};

/** An error with one of abstract-level's codes. */
export class LevelError extends Error {
  /** What went wrong, for a program to act on. */
  readonly code: string;

  /**
   * Makes an error.
   *
   * @param code What went wrong, for a program.
   * @param message What went wrong, for a person.
   * @param options The error's cause, if it has one.
   */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Translates an error.
 *
 * @example A directory that is open elsewhere
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { VarveError } from "./errors.ts";
 * import { LevelError, levelError } from "./level_errors.ts";
 *
 * const error = levelError(new VarveError("LOCKED", "Cannot open database: it is open"));
 * assert(error instanceof LevelError && error.cause instanceof VarveError);
 * assertEquals(error.code, "LEVEL_LOCKED");
 * ```
 *
 * @param error What was thrown.
 * @returns What to throw in its place; itself if there is no code for it.
 */
export function levelError(error: unknown): unknown {
  const code = error instanceof VarveError ? CODES[error.code] : undefined;
  if (code === undefined) return error;
  const { message } = error as VarveError;
  return new LevelError(code, message, { cause: error });
}

/**
 * What abstract-level's iterators throw when their signal is aborted.
 *
 * @returns The error, whose name is that of all such errors of the web platform.
 */
export function abortError(): LevelError {
  const error = new LevelError("LEVEL_ABORTED", "Operation has been aborted");
  error.name = "AbortError";
  return error;
}

/**
 * Translates what a promise is rejected with.
 *
 * @param promise The promise.
 * @returns The same, but for its error.
 */
export async function translated<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw levelError(error);
  }
}

/**
 * Does something to a database, or nothing if there is none.
 *
 * @param work What to do. Its errors are translated.
 */
export async function unlessMissing(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof VarveError && error.code === "NOT_FOUND") return;
    throw levelError(error);
  }
}
