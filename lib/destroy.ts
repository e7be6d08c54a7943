/**
 * **What.** Removes a database: the files that bear the names of one, and nothing else. Other files, and directories
 * such as the `lost` of a repair, stay.
 *
 * **Invariants.**
 * 1. `CURRENT` goes first, durably, so that what a crash half way leaves never opens as a smaller database; a manifest
 *    goes last, so that it can still be told from a directory of somebody else, and be destroyed again.
 * 2. A directory in which there is neither a `CURRENT` nor a manifest is left alone, whatever else is in it: `2024.log`
 *    may be anyone's.
 * 3. The directory itself goes only if nothing is left in it.
 *
 * Source: LevelDB's `DestroyDB`, which removes files in any order.
 *
 * **Read next.** `doctor.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import { lockName, parseFileName } from "./file_names.ts";
import type { FileSystem } from "./file_system.ts";
import { checkMaintenance } from "./maintenance.ts";

/**
 * What destroying can be told.
 *
 * @example A database on another disk
 * ```ts
 * import { destroy, type DestroyOptions, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const options: Required<DestroyOptions> = { fileSystem: new MemoryFileSystem() };
 * await (await open("data", options)).close();
 * const removed = await destroy("data", options);
 * assertEquals(removed.includes("CURRENT"), true);
 * ```
 *
 * @category Maintenance
 */
export interface DestroyOptions {
  /**
   * The disk.
   *
   * @default {Deno's}
   */
  fileSystem?: FileSystem;
}

/**
 * Destroys a database.
 *
 * @example All of its files, and no others
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatabase } from "./database.ts";
 * import { destroyDatabase } from "./destroy.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 *
 * const disk = new MemoryFileSystem();
 * await openDatabase("db", {}, disk).close();
 * disk.create("db/notes.txt").close();
 * const removed = destroyDatabase("db", {}, disk);
 * assertEquals(removed, ["CURRENT", "000002.log", "MANIFEST-000003", "LOCK"]);
 * assertEquals(disk.list("db"), ["notes.txt"]);
 * ```
 *
 * @param directory The directory, in the disk's own notation.
 * @param options How to destroy it.
 * @param defaultFileSystem The disk, unless the options name one.
 * @returns The names of the files that were removed, in that order.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {VarveError} `NOT_FOUND` if there is no database; `LOCKED` if it is open; `IO` or `READ_ONLY` if a file
 * cannot be removed: what is left can be destroyed again.
 */
export function destroyDatabase(
  directory: string,
  options: DestroyOptions,
  defaultFileSystem: FileSystem,
): string[] {
  checkMaintenance("destroy database", directory, options, ["fileSystem"]);
  const { fileSystem = defaultFileSystem } = options;
  const lockPath = fileSystem.join(directory, lockName);
  refuseOthers(fileSystem, directory);
  const removed: string[] = [];
  const remove = (names: readonly string[]) => {
    for (const name of names) {
      fileSystem.remove(fileSystem.join(directory, name));
      removed.push(name);
    }
    if (names.length > 0) fileSystem.syncDirectory(directory);
  };
  const lock = fileSystem.lock(lockPath, "exclusive");
  try {
    const { current, manifests, others } = refuseOthers(fileSystem, directory);
    remove(current);
    remove(others);
    remove(manifests);
  } finally {
    lock.release();
  }
  remove([lockName]);
  removeIfEmpty(fileSystem, directory);
  return removed;
}

/** The files of the database that is in a directory; throws if there is none. */
function refuseOthers(fileSystem: FileSystem, directory: string) {
  const names = fileSystem.exists(directory) ? fileSystem.list(directory) : [];
  const current: string[] = [];
  const manifests: string[] = [];
  const others: string[] = [];
  for (const name of names) {
    const kind = parseFileName(name)?.kind;
    if (kind === undefined || kind === "lock") continue;
    (kind === "current" ? current : kind === "manifest" ? manifests : others).push(name);
  }
  // A crash may have left nothing but the lock.
  const isLast = names.length === 1 && names[0] === lockName;
  if (current.length === 0 && manifests.length === 0 && !isLast) {
    throw new VarveError("NOT_FOUND", `Cannot destroy database: there is none in ${directory}`);
  }
  return { current, manifests, others };
}

function removeIfEmpty(fileSystem: FileSystem, directory: string): void {
  if (fileSystem.list(directory).length > 0) return;
  try {
    fileSystem.removeDirectory(directory);
  } catch (error) {
    // There may be directories in it, which are not listed, or it may be one that we must not remove.
    if (!(error instanceof VarveError)) throw error;
  }
}
