/**
 * **What.** The tree, made durable: a log of version edits, from which the current version is rebuilt when a
 * database is opened. The file `CURRENT` says which manifest counts.
 *
 * **Format.**
 * ```text
 * CURRENT           := "MANIFEST-000005\n"
 * MANIFEST-000005   := a log (see log.ts) of version edits (see version_edit.ts); the first one is a snapshot of
 *                      the whole tree, with the name of the key order
 * ```
 *
 * **Invariants.**
 * 1. At every moment, also after a crash, `CURRENT` names a manifest that is complete and on disk: a new one is
 *    written and synced, with its name, before `CURRENT` is switched to it by a rename.
 * 2. When `append` returns, the edit survives a power cut. When it throws, nobody knows whether the edit will be
 *    there after one, so the manifest takes no further edits.
 * 3. A manifest that can't be read whole is an error naming file and offset, never a smaller or empty tree. The
 *    one exception is a torn last record: `append` never returned, so no one was told that it was there.
 * 4. A manifest is replaced by a fresh snapshot once its edits outweigh what they describe, so reading it takes
 *    time in proportion to the tree, not to its history.
 *
 * Source: LevelDB's `db/version_set.cc`, `VersionSet::Recover` and `LogAndApply`.
 *
 * **Read next.** `compaction_picker.ts`
 *
 * @module
 */
import { CorruptionError, VarveError } from "./errors.ts";
import { currentName, manifestName, parseFileName, temporaryName } from "./file_names.ts";
import { type FileSystem, readFile, type WritableFile } from "./file_system.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { LogReader, LogWriter } from "./log.ts";
import { InconsistentEditError, Version, VersionBuilder } from "./version.ts";
import {
  decodeVersionEdit,
  emptyVersionEdit,
  encodeVersionEdit,
  LEVELS,
  type VersionEdit,
} from "./version_edit.ts";

/** Everything that a manifest says. */
export interface ManifestState {
  /** The tables of the tree. */
  readonly version: Version;
  /** The oldest write-ahead log that is still needed. */
  readonly logNumber: number;
  /** A second log that is still needed, in databases of LevelDB before 2011; otherwise 0. */
  readonly prevLogNumber: number;
  /** The lowest number that no file has been given. */
  readonly nextFileNumber: number;
  /** The highest sequence number in the tables. */
  readonly lastSequence: number;
  /** For each level, after which internal key its next compaction starts; `undefined` is at the beginning. */
  readonly compactPointers: readonly (Uint8Array | undefined)[];
  /** Number in the manifest's name. */
  readonly manifestNumber: number;
  /** Size of the manifest. */
  readonly manifestBytes: number;
}

/**
 * Whether a log may hold what is not in tables yet.
 *
 * @param logs What a manifest says of logs.
 * @param number The log's number.
 * @returns False if all of it is in tables.
 */
export function isLiveLog(
  { logNumber, prevLogNumber }: Pick<ManifestState, "logNumber" | "prevLogNumber">,
  number: number,
): boolean {
  return number >= logNumber || number === prevLogNumber;
}

/** What was read from a manifest. */
export interface LoadedManifest extends ManifestState {
  /** Bytes at the end of the file that are no whole record: what a crash left of an edit that was never finished. */
  readonly tornBytes: number;
}

/** A manifest may grow by this much, and once more by the size of its snapshot, before it is replaced. */
export const MANIFEST_GROWTH_BYTES: number = 1024 * 1024;
/** No `CURRENT` is longer: the name with the highest file number there can be takes 26 bytes with its line end. */
const CURRENT_BYTES_MAX = 26;

/** A manifest being written. */
export class Manifest {
  /** The number in its name. */
  readonly number: number;
  readonly #file: WritableFile;
  readonly #log: LogWriter;
  readonly #bytesMax: number;
  #isBroken = false;
  #isClosed = false;

  private constructor(number: number, file: WritableFile, snapshot: VersionEdit) {
    this.number = number;
    this.#file = file;
    this.#log = new LogWriter(file);
    this.append(snapshot);
    this.#bytesMax = 2 * file.size + MANIFEST_GROWTH_BYTES;
  }

  /**
   * Writes a manifest that says what `snapshot` says, and makes it the current one. The one before stays where it
   * is, for the caller to remove.
   *
   * If this throws, either of the two may be the current one after a crash: nothing more may be written but a
   * manifest under another number.
   *
   * @example A new database, and what it holds after one edit
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { InternalKeyComparator } from "./internal_key.ts";
   * import { loadManifest, Manifest, writeNewDatabase } from "./manifest.ts";
   * import { MemoryFileSystem } from "./memory_file_system.ts";
   * import { emptyVersionEdit } from "./version_edit.ts";
   *
   * const disk = new MemoryFileSystem();
   * const comparator = new InternalKeyComparator();
   * disk.makeDirectory("db");
   * writeNewDatabase(disk, "db", comparator);
   *
   * const state = loadManifest(disk, "db", comparator);
   * const manifest = Manifest.create(disk, "db", 2, { ...state, nextFileNumber: 3 });
   * manifest.append({ ...emptyVersionEdit(), lastSequence: 17 });
   * manifest.close();
   * assertEquals(loadManifest(disk, "db", comparator).lastSequence, 17);
   * ```
   *
   * @param fileSystem The disk.
   * @param directory The database's directory.
   * @param number The number of the new manifest, below the snapshot's next file number.
   * @param snapshot What it says. `manifestNumber` and `manifestBytes` are not used.
   * @returns The manifest, for further edits.
   * @throws {VarveError} `IO` or `READ_ONLY` if it can't be written.
   */
  static create(
    fileSystem: FileSystem,
    directory: string,
    number: number,
    snapshot: ManifestState,
  ): Manifest {
    invariant(number < snapshot.nextFileNumber, "a manifest's own number is in use");
    const path = fileSystem.join(directory, manifestName(number));
    const temporary = fileSystem.join(directory, temporaryName(number));
    let file: WritableFile | undefined;
    let manifest: Manifest;
    try {
      file = fileSystem.create(path);
      manifest = new Manifest(number, file, snapshotEdit(snapshot));
      fileSystem.syncDirectory(directory);
      writeCurrent(fileSystem, temporary, number);
    } catch (error) {
      file?.close();
      // Nothing names it yet, so it need not take room on a disk that may be full.
      for (const written of [path, temporary]) removeIfPossible(fileSystem, written);
      throw error;
    }
    try {
      switchCurrent(fileSystem, directory, temporary);
    } catch (error) {
      file.close();
      throw error;
    }
    return manifest;
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#file.size;
  }

  /** Whether a write failed, so that nothing more may be written to the database. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Whether it is time for a new manifest (invariant 4, {@linkcode MANIFEST_GROWTH_BYTES}). */
  get needsRollover(): boolean {
    return this.#file.size > this.#bytesMax;
  }

  /**
   * Adds an edit: one record, on disk when this returns.
   *
   * @param edit What changes.
   * @throws {VarveError} `IO` or `READ_ONLY` if it can't be written, or an earlier one couldn't; `CLOSED` after
   * {@linkcode close}.
   */
  append(edit: VersionEdit): void {
    const path = this.#file.path;
    if (this.#isClosed) {
      throw new VarveError("CLOSED", `Cannot write manifest: it is closed: ${path}`);
    }
    if (this.#isBroken) {
      throw new VarveError("IO", `Cannot write manifest: an earlier write failed: ${path}`);
    }
    const record = encodeVersionEdit(edit);
    this.#isBroken = true;
    this.#log.add(record, 0, record.length);
    this.#file.syncSync();
    this.#isBroken = false;
  }

  /** Gives the handle back. A second call does nothing. */
  close(): void {
    this.#isClosed = true;
    this.#file.close();
  }
}

function snapshotEdit(state: ManifestState): VersionEdit {
  const edit = emptyVersionEdit();
  edit.comparator = state.version.comparator.user.name;
  edit.logNumber = state.logNumber;
  // Absent means 0, and that is how LevelDB begins a database.
  if (state.prevLogNumber !== 0) edit.prevLogNumber = state.prevLogNumber;
  edit.nextFileNumber = state.nextFileNumber;
  edit.lastSequence = state.lastSequence;
  for (const [level, key] of state.compactPointers.entries()) {
    if (key !== undefined) edit.compactPointers.push({ level, key });
  }
  for (const [level, tables] of state.version.levels.entries()) {
    for (const table of tables) edit.added.push({ level, table });
  }
  return edit;
}

/**
 * Makes a manifest the current one. It must be on disk by then, with its name.
 *
 * @param fileSystem The disk.
 * @param directory The database's directory.
 * @param manifestNumber The number in the manifest's name.
 * @throws {VarveError} `IO` or `READ_ONLY` if it can't be written; which manifest is current is unknown then.
 */
export function setCurrent(
  fileSystem: FileSystem,
  directory: string,
  manifestNumber: number,
): void {
  const temporary = fileSystem.join(directory, temporaryName(manifestNumber));
  writeCurrent(fileSystem, temporary, manifestNumber);
  switchCurrent(fileSystem, directory, temporary);
}

function writeCurrent(fileSystem: FileSystem, temporary: string, manifestNumber: number): void {
  const file = fileSystem.create(temporary);
  try {
    file.append(new TextEncoder().encode(`${manifestName(manifestNumber)}\n`));
    file.syncSync();
  } finally {
    file.close();
  }
}

function switchCurrent(fileSystem: FileSystem, directory: string, temporary: string): void {
  fileSystem.rename(temporary, fileSystem.join(directory, currentName));
  fileSystem.syncDirectory(directory);
}

function removeIfPossible(fileSystem: FileSystem, path: string): void {
  try {
    if (fileSystem.exists(path)) fileSystem.remove(path);
  } catch {
    // Left for the next open, which removes every manifest that is not the current one.
  }
}

/**
 * Writes what makes a directory an empty database: `MANIFEST-000001` and `CURRENT`, byte for byte as LevelDB
 * writes them.
 *
 * @param fileSystem The disk.
 * @param directory The database's directory, which exists.
 * @param comparator The order of keys, for the database's life.
 * @throws {VarveError} `ALREADY_EXISTS` if there is a `CURRENT`; `IO` or `READ_ONLY` if it can't be written.
 */
export function writeNewDatabase(
  fileSystem: FileSystem,
  directory: string,
  comparator: InternalKeyComparator,
): void {
  if (fileSystem.exists(fileSystem.join(directory, currentName))) {
    throw new VarveError("ALREADY_EXISTS", `Cannot create database: there is one: ${directory}`);
  }
  const manifest = Manifest.create(fileSystem, directory, 1, {
    version: Version.empty(comparator),
    logNumber: 0,
    prevLogNumber: 0,
    nextFileNumber: 2,
    lastSequence: 0,
    compactPointers: [],
    manifestNumber: 1,
    manifestBytes: 0,
  });
  manifest.close();
}

/**
 * Reads the current manifest.
 *
 * @param fileSystem The disk.
 * @param directory The database's directory.
 * @param comparator The order of keys, which must be the one the database was created with.
 * @returns What the manifest says.
 * @throws {VarveError} `NOT_FOUND` if there is no database; `UNSUPPORTED_FORMAT` if it is in another order of keys.
 * @throws {CorruptionError} If there is one, or was one, but it can't be read (invariant 3).
 */
export function loadManifest(
  fileSystem: FileSystem,
  directory: string,
  comparator: InternalKeyComparator,
): LoadedManifest {
  const manifestNumber = readCurrent(fileSystem, directory);
  if (!fileSystem.exists(fileSystem.join(directory, manifestName(manifestNumber)))) {
    const current = fileSystem.join(directory, currentName);
    throw new CorruptionError(
      `${manifestName(manifestNumber)}, which does not exist, named`,
      current,
      0,
    );
  }
  return readManifest(fileSystem, directory, manifestNumber, comparator);
}

/**
 * Reads a manifest, current or not.
 *
 * @param fileSystem The disk.
 * @param directory The database's directory.
 * @param manifestNumber The number in the manifest's name.
 * @param comparator The order of keys, which must be the one the database was created with.
 * @returns What the manifest says.
 * @throws {VarveError} `NOT_FOUND` if it is not there; `UNSUPPORTED_FORMAT` if it is in another order of keys.
 * @throws {CorruptionError} If it can't be read (invariant 3).
 */
export function readManifest(
  fileSystem: FileSystem,
  directory: string,
  manifestNumber: number,
  comparator: InternalKeyComparator,
): LoadedManifest {
  const path = fileSystem.join(directory, manifestName(manifestNumber));
  const file = fileSystem.open(path);
  try {
    const loader = new ManifestLoader(path, comparator);
    const reader = new LogReader(file);
    while (reader.next()) {
      const { recordBuffer, recordStart, recordEnd, recordOffset } = reader;
      loader.add(
        decodeVersionEdit(recordBuffer, recordStart, recordEnd, path, recordOffset),
        recordOffset,
      );
    }
    return { ...loader.finish(manifestNumber, file.size), tornBytes: reader.tornBytes };
  } finally {
    file.close();
  }
}

/**
 * The number of the manifest that `CURRENT` names.
 *
 * @param fileSystem The disk.
 * @param directory The database's directory.
 * @returns The number, of a manifest that may or may not be there.
 * @throws {VarveError} `NOT_FOUND` if there is no database.
 * @throws {CorruptionError} If there was one, or `CURRENT` names no manifest.
 */
export function readCurrent(fileSystem: FileSystem, directory: string): number {
  const path = fileSystem.join(directory, currentName);
  if (!fileSystem.exists(path)) throw currentIsMissing(fileSystem, directory, path);
  const bytes = fileSystem.size(path) <= CURRENT_BYTES_MAX ? readFile(fileSystem, path) : undefined;
  const text = new TextDecoder().decode(bytes);
  const parsed = text.endsWith("\n") ? parseFileName(text.slice(0, -1)) : undefined;
  if (parsed?.kind !== "manifest" || parsed.number === 0) {
    throw new CorruptionError("no name of a manifest", path, 0);
  }
  return parsed.number;
}

/**
 * Without `CURRENT` there is no database, unless tables or logs are there: those are made only after `CURRENT`, so
 * it was lost. Starting anew would delete them.
 */
function currentIsMissing(fileSystem: FileSystem, directory: string, path: string): VarveError {
  const names = fileSystem.exists(directory) ? fileSystem.list(directory) : [];
  for (const name of names) {
    const kind = parseFileName(name)?.kind;
    if (kind === "table" || kind === "log") {
      return new CorruptionError(`no such file, though ${name} is in the directory,`, path, 0);
    }
  }
  return new VarveError("NOT_FOUND", `Cannot open database: there is none in ${directory}`);
}

/** Puts together what the records of a manifest say. */
class ManifestLoader {
  readonly #path: string;
  readonly #comparator: InternalKeyComparator;
  readonly #builder: VersionBuilder;
  readonly #compactPointers: (Uint8Array | undefined)[] = Array.from(
    { length: LEVELS },
    () => undefined,
  );
  #comparatorName: string | undefined;
  #logNumber: number | undefined;
  #prevLogNumber = 0;
  #nextFileNumber: number | undefined;
  #lastSequence: number | undefined;
  #lastOffset = 0;

  constructor(path: string, comparator: InternalKeyComparator) {
    this.#path = path;
    this.#comparator = comparator;
    this.#builder = new VersionBuilder(Version.empty(comparator));
  }

  add(edit: VersionEdit, offset: number): void {
    this.#lastOffset = offset;
    if (edit.comparator !== undefined) this.#checkComparator(edit.comparator);
    this.#consistently(() => this.#builder.apply(edit));
    for (const { level, key } of edit.compactPointers) this.#compactPointers[level] = key;
    this.#logNumber = edit.logNumber ?? this.#logNumber;
    this.#prevLogNumber = edit.prevLogNumber ?? this.#prevLogNumber;
    this.#nextFileNumber = edit.nextFileNumber ?? this.#nextFileNumber;
    this.#lastSequence = edit.lastSequence ?? this.#lastSequence;
  }

  finish(manifestNumber: number, manifestBytes: number): ManifestState {
    this.#present(this.#comparatorName, "comparator name");
    const logNumber = this.#present(this.#logNumber, "log number");
    const lastSequence = this.#present(this.#lastSequence, "last sequence number");
    let nextFileNumber = this.#present(this.#nextFileNumber, "next file number");
    const version = this.#consistently(() => this.#builder.build());
    // A number that is in use is never handed out, whatever the manifest says.
    const takeNumber = (used: number) => nextFileNumber = Math.max(nextFileNumber, used + 1);
    for (const used of [manifestNumber, logNumber, this.#prevLogNumber]) takeNumber(used);
    for (const tables of version.levels) for (const { number } of tables) takeNumber(number);
    if (!Number.isSafeInteger(nextFileNumber)) this.#fail("file numbers are used up");
    return {
      version,
      logNumber,
      prevLogNumber: this.#prevLogNumber,
      nextFileNumber,
      lastSequence,
      compactPointers: this.#compactPointers,
      manifestNumber,
      manifestBytes,
    };
  }

  #checkComparator(name: string): void {
    const expected = this.#comparator.user.name;
    if (name !== expected) {
      throw new VarveError(
        "UNSUPPORTED_FORMAT",
        `Cannot open database: its keys are in the order ${name}, not ${expected}: ${this.#path}`,
      );
    }
    this.#comparatorName = name;
  }

  #present<T>(value: T | undefined, what: string): T {
    return value ?? this.#fail(`${what} is missing`);
  }

  #consistently<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof InconsistentEditError)) throw error;
      return this.#fail(error.message, { cause: error });
    }
  }

  #fail(what: string, options?: ErrorOptions): never {
    const problem = `manifest inconsistent, ${what}, as of the record`;
    throw new CorruptionError(problem, this.#path, this.#lastOffset, options);
  }
}
