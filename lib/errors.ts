/**
 * **What.** Every error that a caller of this library can catch and act on. Wrong argument types are
 * `TypeError`s, wrong option values `RangeError`s; everything that depends on the state of a database or
 * of a disk is a {@linkcode VarveError} with a stable {@linkcode VarveError.code | code}.
 *
 * **Invariants.**
 * 1. Messages start upper-case, have no final period, and name the action and the offending value.
 * 2. Damage on disk is always a {@linkcode CorruptionError} naming a file and an offset in it.
 * 3. The error that caused another one is its `cause`.
 *
 * **Read next.** `bytes.ts`
 *
 * @module
 */

/**
 * What went wrong, for a program to act on. The codes are stable; the messages are not.
 *
 * - `"CLOSED"`: the database, snapshot, cursor or iterator was used after it was closed, or a batch after its commit.
 * - `"LOCKED"`: another handle, of this process or another one, has the directory open.
 * - `"CORRUPTION"`: bytes on disk are not what was written: see {@linkcode CorruptionError}.
 * - `"NOT_FOUND"`: the database is not there, and `createIfMissing` is false; or a file is not.
 * - `"ALREADY_EXISTS"`: the database is there already, and `errorIfExists` is true.
 * - `"READ_ONLY"`: a write to a database opened with `readOnly`, or on a directory that may not be written.
 * - `"UNSUPPORTED_FORMAT"`: the files are of a format, comparator or compression that this version cannot read.
 * - `"IO"`: the file system failed. After a failed write or sync the database refuses further writes until
 *   {@linkcode Database.resume} has succeeded.
 * - `"TOO_LARGE"`: a key, a value or a batch is over its limit.
 *
 * @example What to do about each
 * ```ts
 * import { MemoryFileSystem, open, VarveError, type VarveErrorCode } from "@varve/varve";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const advice: Partial<Record<VarveErrorCode, string>> = {
 *   LOCKED: "is another copy of this program running?",
 *   CORRUPTION: "run repair() on a copy",
 *   IO: "make room on the disk, then resume()",
 * };
 * const fileSystem = new MemoryFileSystem();
 * await using _first = await open("data", { fileSystem });
 * const error = await assertRejects(() => open("data", { fileSystem }), VarveError);
 * assertEquals(advice[error.code], "is another copy of this program running?");
 * ```
 *
 * @category Errors
 */
export type VarveErrorCode =
  | "CLOSED"
  | "LOCKED"
  | "CORRUPTION"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "READ_ONLY"
  | "UNSUPPORTED_FORMAT"
  | "IO"
  | "TOO_LARGE";

/**
 * An error of the store: everything that depends on the state of a database or of a disk. Wrong types of arguments are
 * `TypeError`s, wrong values of options `RangeError`s.
 *
 * @example Telling errors apart by code
 * ```ts
 * import { MemoryFileSystem, open, VarveError } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * let why = "opened";
 * try {
 *   await open("data", { createIfMissing: false, fileSystem });
 * } catch (error) {
 *   if (!(error instanceof VarveError)) throw error;
 *   why = error.code;
 * }
 * assertEquals(why, "NOT_FOUND");
 * ```
 *
 * @category Errors
 */
export class VarveError extends Error {
  /** What went wrong, for a program to act on. */
  readonly code: VarveErrorCode;

  /**
   * Makes an error.
   *
   * @param code What went wrong, for a program.
   * @param message What went wrong, for a person.
   * @param options The error's cause, if it has one.
   */
  constructor(code: VarveErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "VarveError";
    this.code = code;
  }
}

/**
 * Bytes on disk that are not what was written: names the file and the offset in it. Its code is `CORRUPTION`.
 *
 * @example Which file is damaged, and where
 * ```ts
 * import { CorruptionError, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("key", "value");
 *   await db.flush();
 * }
 * const table = fileSystem.list("data").find((name) => name.endsWith(".ldb"))!;
 * const damaged = fileSystem.readAll(`data/${table}`);
 * damaged[3]! ^= 1;
 * fileSystem.writeAll(`data/${table}`, damaged);
 *
 * await using db = await open("data", { fileSystem });
 * const error = await assertRejects(() => db.get("key"), CorruptionError);
 * assertEquals([error.file, error.offset], [`data/${table}`, 0]); // where the block starts
 * ```
 *
 * @category Errors
 */
export class CorruptionError extends VarveError {
  /** Path of the damaged file. */
  readonly file: string;
  /** Where in the file the damaged part begins, in bytes. */
  readonly offset: number;

  /**
   * Makes an error.
   *
   * @param what What does not hold, as in `"block checksum mismatch"`.
   * @param file Path of the damaged file.
   * @param offset Where in the file the damaged part begins, in bytes.
   * @param options The error's cause, if it has one.
   */
  constructor(what: string, file: string, offset: number, options?: ErrorOptions) {
    super("CORRUPTION", `Cannot read database: ${what} at offset ${offset} of ${file}`, options);
    this.name = "CorruptionError";
    this.file = file;
    this.offset = offset;
  }
}
