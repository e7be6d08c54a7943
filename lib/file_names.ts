/**
 * **What.** The names of the files in a database's directory, from number to name and back. One counter
 * numbers all files of a database, so a number never means two files, whatever their kinds.
 *
 * **Format.**
 * ```text
 * CURRENT           names the manifest in use
 * LOCK              empty; held by whoever has the database open
 * MANIFEST-000007   which tables make up the tree
 * 000007.log        write-ahead log
 * 000007.ldb        table; 000007.sst in databases written by LevelDB before 1.14
 * 000007.dbtmp      file being written under a name that no reader looks for, renamed when complete
 * LOG, LOG.old      LevelDB's messages to people, this time's and last time's; never read
 * ```
 * Numbers are decimal, zero-padded to six digits, and longer when they need more. LevelDB reads them without padding,
 * too, but never writes them so: `2024.log` is somebody else's.
 *
 * **Invariants.**
 * 1. `parseFileName` gives back the kind and number of every name made here.
 * 2. A name that is not the store's parses as `undefined`: what is not ours is never read and never removed.
 * 3. File numbers start at 1: 0 means "none" wherever one is stored.
 *
 * Source: LevelDB's `db/filename.cc`.
 *
 * **Read next.** `file_system.ts`
 *
 * @module
 */
import { invariant } from "./invariant.ts";

/** What a file of a database is for. */
export type FileKind =
  /** Names the manifest in use. */
  | "current"
  /** Held by whoever has the database open. */
  | "lock"
  /** A write-ahead log. */
  | "log"
  /** A table of sorted entries. */
  | "table"
  /** The list of tables that make up the tree, as a log of changes. */
  | "manifest"
  /** A file that is not complete yet, or that a crash left behind. */
  | "temporary"
  /** Messages for people. */
  | "infoLog";

/** What a file's name says about it. */
export interface ParsedFileName {
  /** What the file is for. */
  readonly kind: FileKind;
  /** Its number; 0 for the kinds that have none. */
  readonly number: number;
}

/** Name of the file that names the manifest in use. */
export const currentName = "CURRENT";
/** Name of the file that is locked while a database is open. */
export const lockName = "LOCK";
/** Name of the file of messages for people. */
export const infoLogName = "LOG";
/** Name that {@linkcode infoLogName}'s file of the time before is moved to. */
export const oldInfoLogName = "LOG.old";

const NUMBER_DIGITS_MIN = 6;

function digits(number: number): string {
  invariant(
    Number.isSafeInteger(number) && number > 0,
    "a file number is an integer from 1 to 2^53 - 1",
  );
  return padded(number);
}

function padded(number: number): string {
  return String(number).padStart(NUMBER_DIGITS_MIN, "0");
}

/**
 * Name of a write-ahead log.
 *
 * @param number Its file number, at least 1.
 * @returns For instance `"000007.log"`.
 */
export function logName(number: number): string {
  return `${digits(number)}.log`;
}

/**
 * Name of a table.
 *
 * @param number Its file number, at least 1.
 * @returns For instance `"000007.ldb"`.
 */
export function tableName(number: number): string {
  return `${digits(number)}.ldb`;
}

/**
 * The name that LevelDB gave to a table before version 1.14: where to look for a table that is not under
 * its {@linkcode tableName}.
 *
 * @param number Its file number, at least 1.
 * @returns For instance `"000007.sst"`.
 */
export function oldTableName(number: number): string {
  return `${digits(number)}.sst`;
}

/**
 * Name of a manifest.
 *
 * @param number Its file number, at least 1.
 * @returns For instance `"MANIFEST-000007"`.
 */
export function manifestName(number: number): string {
  return `MANIFEST-${digits(number)}`;
}

/**
 * Name for a file while it is being written.
 *
 * @param number Its file number, at least 1.
 * @returns For instance `"000007.dbtmp"`.
 */
export function temporaryName(number: number): string {
  return `${digits(number)}.dbtmp`;
}

const KIND_OF_FIXED_NAME: ReadonlyMap<string, FileKind> = new Map([
  [currentName, "current"],
  [lockName, "lock"],
  [infoLogName, "infoLog"],
  [oldInfoLogName, "infoLog"],
]);

const KIND_OF_SUFFIX: ReadonlyMap<string, FileKind> = new Map([
  ["log", "log"],
  ["ldb", "table"],
  ["sst", "table"],
  ["dbtmp", "temporary"],
]);

const NUMBERED_NAME = /^(?:MANIFEST-([0-9]+)|([0-9]+)\.([a-z]+))$/;

/**
 * Says what a file is by its name.
 *
 * @example Sorting a directory into kinds
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logName, parseFileName } from "./file_names.ts";
 *
 * assertEquals(logName(7), "000007.log");
 * assertEquals(parseFileName("000007.log"), { kind: "log", number: 7 });
 * assertEquals(parseFileName("000007.sst"), { kind: "table", number: 7 });
 * assertEquals(parseFileName("CURRENT"), { kind: "current", number: 0 });
 * assertEquals(parseFileName("notes.txt"), undefined);
 * ```
 *
 * @param name A name without a directory.
 * @returns Kind and number, or `undefined` for a name that is not the store's, or whose number is over 2^53 - 1.
 */
export function parseFileName(name: string): ParsedFileName | undefined {
  const fixed = KIND_OF_FIXED_NAME.get(name);
  if (fixed !== undefined) return { kind: fixed, number: 0 };
  const match = NUMBERED_NAME.exec(name);
  if (match === null) return undefined;
  const [, manifestNumber, fileNumber, suffix] = match;
  const kind = manifestNumber === undefined ? KIND_OF_SUFFIX.get(suffix!) : "manifest";
  // Every integer over 2^53 - 1 rounds to one that is not safe, so none is mistaken for another.
  const written = manifestNumber ?? fileNumber!;
  const number = Number(written);
  if (kind === undefined || !Number.isSafeInteger(number)) return undefined;
  return written === padded(number) ? { kind, number } : undefined;
}
