/**
 * **What.** Where files end that nobody needs any more. They are removed here and now, or handed over to another
 * thread: to remove a table of some megabytes takes up to a millisecond, and a large compaction leaves dozens of them.
 *
 * **Invariants.**
 * 1. What is handed over here is needed by nobody, open nowhere on this side, and named by nothing on disk. So it does
 *    not matter when it is removed, or whether: what is left goes at the next open.
 * 2. What was handed over to another thread and comes back is removed here.
 * 3. That a file cannot be removed is a warning and nothing more; that it is not there is neither.
 *
 * **Read next.** `internal_key.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";
import type { Logger } from "./logger.ts";

/** Whether a file was there and is removed, or why it cannot be. */
export type RemovalOutcome = boolean | string;

/**
 * Removes files in another thread.
 *
 * @param paths The files.
 * @param done Told once what became of each, or `undefined` if some of them may still be there.
 * @returns False if it does not, now: then `done` is never called.
 */
export type RemovalHelper = (
  paths: readonly string[],
  done: (outcomes: readonly RemovalOutcome[] | undefined) => void,
) => boolean;

/**
 * Removes a file, if it is there.
 *
 * @param fileSystem The disk.
 * @param path The file.
 * @returns What became of it; nothing is thrown.
 */
export function removeIfThere(fileSystem: FileSystem, path: string): RemovalOutcome {
  try {
    if (!fileSystem.exists(path)) return false;
    fileSystem.remove(path);
    return true;
  } catch (error) {
    // Another thread, which was given up, may have been quicker.
    if (error instanceof VarveError && error.code === "NOT_FOUND") return false;
    return String(error);
  }
}

/** Removes files that nobody needs any more. */
export class FileRemover {
  /** Who does it elsewhere; without, it is done here. */
  helper: RemovalHelper | undefined;
  readonly #fileSystem: FileSystem;
  readonly #logger: Logger;

  /**
   * Makes one that removes files here.
   *
   * @param fileSystem The disk.
   * @param logger Who is told.
   */
  constructor(fileSystem: FileSystem, logger: Logger) {
    this.#fileSystem = fileSystem;
    this.#logger = logger;
  }

  /**
   * Removes those files that are there, now or later.
   *
   * @param paths The files.
   * @param source Whose files they are, for the log.
   */
  remove(paths: readonly string[], source: string): void {
    const done = (outcomes: readonly RemovalOutcome[] | undefined) =>
      paths.forEach((path, i) => {
        const outcome = outcomes?.[i] ?? removeIfThere(this.#fileSystem, path);
        if (outcome === true) this.#logger.log("debug", source, `removed ${path}`);
        else if (outcome) this.#logger.log("warn", source, `cannot remove ${path}: ${outcome}`);
      });
    if (paths.length > 0 && !this.helper?.(paths, done)) done(undefined);
  }
}
