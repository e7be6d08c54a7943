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

/** What went wrong, for a program to act on. The codes are stable; the messages are not. */
export type VarveErrorCode =
  /** The database, snapshot or iterator was used after it was closed. */
  | "CLOSED"
  /** Another handle, of this process or another one, has the directory open. */
  | "LOCKED"
  /** Bytes on disk are not what was written: see {@linkcode CorruptionError}. */
  | "CORRUPTION"
  /** The database is not there, and `createIfMissing` is false. */
  | "NOT_FOUND"
  /** The database is there already, and `errorIfExists` is true. */
  | "ALREADY_EXISTS"
  /** A write to a database opened with `readOnly`, or on a directory that may not be written. */
  | "READ_ONLY"
  /** The files are of a format, comparator or compression that this version cannot read. */
  | "UNSUPPORTED_FORMAT"
  /** The file system failed. After a failed write or sync the database refuses further writes until it is resumed. */
  | "IO"
  /** A key, a value or a batch is over its limit. */
  | "TOO_LARGE";

/**
 * An error of the store.
 *
 * @example Telling errors apart by code
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { VarveError } from "./errors.ts";
 *
 * const error = new VarveError("LOCKED", "Cannot open database: directory is locked: ./data");
 * assertEquals(error.code, "LOCKED");
 * assertEquals(error.name, "VarveError");
 * ```
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

/** Bytes on disk that are not what was written: names the file and the offset in it. */
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
