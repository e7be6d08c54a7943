/**
 * **What.** A disk in memory, for tests, for browsers, and for databases that need not outlive the process.
 * It behaves as a POSIX disk does where the engine can tell: a name points to a file, a handle holds the
 * file and not the name, and locks belong to the file.
 *
 * **Invariants**, beyond those of `file_system.ts`.
 * 1. A file lives as long as a name or a handle points to it: one that was removed, or replaced by a rename,
 *    stays readable and writable through the handles that have it open.
 * 2. No caller ever holds the bytes of a file: what goes in and what comes out is copied.
 * 3. There is no power to cut: what was appended is as durable as this object, and syncs only check that
 *    they could have worked.
 *
 * Paths are names joined by `/`. Empty parts and `.` are ignored, so `/a//b`, `a/b` and `./a/b` are one
 * path; `..` is not understood. The root directory is always there.
 *
 * **Read next.** `fault_rules.ts`
 *
 * @module
 */
import { EMPTY_BYTES } from "./bytes.ts";
import { VarveError } from "./errors.ts";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "./file_system.ts";
import { invariant } from "./invariant.ts";

/** The smallest buffer of a file that is not empty. From there on it doubles when full. */
const CAPACITY_BYTES_MIN = 256;
/** Value of {@linkcode StoredFile.holders} while one holder has the file for itself. */
const EXCLUSIVE = -1;

/** What a name points to: the bytes, and who holds a lock on them. */
class StoredFile {
  #buffer: Uint8Array = EMPTY_BYTES;
  size = 0;
  /** How many share its lock, or {@linkcode EXCLUSIVE}. */
  holders = 0;

  append(bytes: Uint8Array): void {
    const size = this.size + bytes.length;
    if (size > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#buffer.length, CAPACITY_BYTES_MIN));
      grown.set(this.#buffer.subarray(0, this.size));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.size);
    this.size = size;
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.min(into.length, this.size - position);
    if (count <= 0) return 0;
    into.set(this.#buffer.subarray(position, position + count));
    return count;
  }

  truncate(): void {
    this.#buffer = EMPTY_BYTES;
    this.size = 0;
  }
}

function failure(code: "IO" | "NOT_FOUND" | "LOCKED", action: string, why: string, path: string) {
  return new VarveError(code, `Cannot ${action}: ${why}: ${path}`);
}

class MemoryWritableFile implements WritableFile {
  readonly path: string;
  readonly #file: StoredFile;
  #closed = false;

  constructor(path: string, file: StoredFile) {
    this.path = path;
    this.#file = file;
  }

  get size(): number {
    return this.#file.size;
  }

  append(bytes: Uint8Array): void {
    if (this.#closed) throw failure("IO", "append to file", "it is closed", this.path);
    this.#file.append(bytes);
  }

  // Async, so that a failure is a rejected promise here as on a real disk.
  // deno-lint-ignore require-await
  async sync(): Promise<void> {
    this.syncSync();
  }

  syncSync(): void {
    if (this.#closed) throw failure("IO", "sync file", "it is closed", this.path);
  }

  close(): void {
    this.#closed = true;
  }
}

class MemoryReadableFile implements ReadableFile {
  readonly path: string;
  readonly size: number;
  readonly #file: StoredFile;
  #closed = false;

  constructor(path: string, file: StoredFile) {
    this.path = path;
    this.size = file.size;
    this.#file = file;
  }

  read(into: Uint8Array, position: number): number {
    invariant(
      Number.isSafeInteger(position) && position >= 0,
      "a position is an integer from 0 on",
    );
    if (this.#closed) throw failure("IO", "read file", "it is closed", this.path);
    return this.#file.read(into, position);
  }

  close(): void {
    this.#closed = true;
  }
}

class MemoryLock implements FileLock {
  #file: StoredFile | undefined;

  constructor(file: StoredFile) {
    this.#file = file;
  }

  release(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    if (file.holders === EXCLUSIVE) file.holders = 0;
    else file.holders--;
  }
}

/**
 * Makes every spelling of a path one.
 *
 * @param path Any path.
 * @returns The names in it, joined by single slashes; `""` is the root.
 */
export function canonical(path: string): string {
  return path.split("/").filter((name) => name !== "" && name !== ".").join("/");
}

/**
 * The directory that a path is in.
 *
 * @param path A path as {@linkcode canonical} gives it.
 * @returns The path of the directory, likewise.
 */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/**
 * A disk in memory, for tests and for databases that need not outlive the process. It never fails but for wrong paths,
 * which are names joined by `/`.
 *
 * @example A database in memory
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("key", "value");
 * }
 * await using again = await open("data", { fileSystem }); // the files are there as long as the object
 * assertEquals(await again.get("key"), "value");
 * ```
 *
 * @example Writing, renaming and reading a file
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const disk = new MemoryFileSystem();
 * disk.makeDirectory("data");
 * const file = disk.create("data/000001.dbtmp");
 * file.append(new TextEncoder().encode("MANIFEST-000001\n"));
 * file.syncSync();
 * file.close();
 * disk.rename("data/000001.dbtmp", "data/CURRENT");
 * disk.syncDirectory("data");
 *
 * assertEquals(disk.list("data"), ["CURRENT"]);
 * assertEquals(new TextDecoder().decode(disk.readAll("data/CURRENT")), "MANIFEST-000001\n");
 * ```
 *
 * @category Disks
 */
export class MemoryFileSystem implements FileSystem {
  /** By canonical path, as the directories are. No path is in both. */
  readonly #files: Map<string, StoredFile> = new Map();
  readonly #directories: Set<string> = new Set([""]);

  /**
   * Makes a path of a directory and a name in it: a slash between them, where none is.
   *
   * @param directory The directory.
   * @param name The name.
   * @returns The path.
   */
  join(directory: string, name: string): string {
    return directory === "" || directory.endsWith("/") ? directory + name : `${directory}/${name}`;
  }

  /**
   * Creates a directory and its parents; one that exists is left alone.
   *
   * @param path The directory.
   * @throws {VarveError} `IO` or `READ_ONLY`.
   */
  makeDirectory(path: string): void {
    const target = canonical(path);
    const missing: string[] = [];
    for (let at = target; !this.#directories.has(at); at = parentOf(at)) {
      if (this.#files.has(at)) {
        throw failure("IO", "create directory", "a file is in its place", path);
      }
      missing.push(at);
    }
    for (const at of missing) this.#directories.add(at);
  }

  /**
   * The names of the files in a directory, sorted; directories in it are left out.
   *
   * @param path The directory.
   * @returns The names, without the directory.
   * @throws {VarveError} `NOT_FOUND` if the directory is not there; `IO`.
   */
  list(path: string): string[] {
    const directory = canonical(path);
    this.#checkDirectory("list directory", directory, path);
    const names: string[] = [];
    for (const at of this.#files.keys()) {
      if (parentOf(at) === directory) names.push(at.slice(at.lastIndexOf("/") + 1));
    }
    return names.sort();
  }

  /**
   * Whether a file or directory is there.
   *
   * @param path The file or directory.
   * @returns Whether it is there.
   * @throws {VarveError} `IO` if that cannot be told.
   */
  exists(path: string): boolean {
    const target = canonical(path);
    return this.#files.has(target) || this.#directories.has(target);
  }

  /**
   * The size of a file.
   *
   * @param path The file.
   * @returns Bytes in it.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  size(path: string): number {
    return this.#find("read size of file", path).size;
  }

  /**
   * Creates a file, or empties the one that is there, and opens it for writing.
   *
   * @param path The file.
   * @returns The file, at its beginning.
   * @throws {VarveError} `NOT_FOUND` if its directory is not there; `IO` or `READ_ONLY`.
   */
  create(path: string): WritableFile {
    const file = this.#findOrAdd("create file", path);
    file.truncate();
    return new MemoryWritableFile(path, file);
  }

  /**
   * Opens an existing file for writing at its end.
   *
   * @param path The file.
   * @returns The file, at its end.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  openAppend(path: string): WritableFile {
    return new MemoryWritableFile(path, this.#find("open file for writing", path));
  }

  /**
   * Opens an existing file for reading.
   *
   * @param path The file.
   * @returns The file.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  open(path: string): ReadableFile {
    return new MemoryReadableFile(path, this.#find("open file", path));
  }

  /**
   * Removes a file. One that others have open stays readable to them.
   *
   * @param path The file.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  remove(path: string): void {
    this.#find("remove file", path);
    this.#files.delete(canonical(path));
  }

  /**
   * Removes an empty directory.
   *
   * @param path The directory.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`, also if it is not empty; `READ_ONLY`.
   */
  removeDirectory(path: string): void {
    const target = canonical(path);
    const hasDirectories = this.#directories.keys().some((at) =>
      at !== "" && parentOf(at) === target
    );
    if (this.list(path).length > 0 || hasDirectories) {
      throw failure("IO", "remove directory", "it is not empty", path);
    }
    if (target === "") throw failure("IO", "remove directory", "it is the root", path);
    this.#directories.delete(target);
  }

  /**
   * Renames a file, replacing the target.
   *
   * @param from The file.
   * @param to Its new path.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  rename(from: string, to: string): void {
    const file = this.#find("rename file", from);
    const target = canonical(to);
    if (this.#directories.has(target)) {
      throw failure("IO", "rename file", "the target is a directory", to);
    }
    this.#checkDirectory("rename file", parentOf(target), to);
    this.#files.delete(canonical(from));
    this.#files.set(target, file);
  }

  /**
   * Makes creations, renames and removals in a directory durable. In memory they are so at once: it only checks that
   * the directory is there.
   *
   * @param path The directory.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  syncDirectory(path: string): void {
    this.#checkDirectory("sync directory", canonical(path), path);
  }

  /**
   * Locks a directory through a file in it, created when needed. Locks are those of this disk, and of no other process.
   *
   * @param path The lock file.
   * @param mode `"exclusive"` for one holder alone, `"shared"` for any number of holders, none exclusive.
   * @returns The lock, held until it is released or the process dies.
   * @throws {VarveError} `LOCKED` at once if another handle, of this process or another one, holds it otherwise; `IO`
   * or `READ_ONLY`.
   */
  lock(path: string, mode: "exclusive" | "shared"): FileLock {
    const file = this.#findOrAdd("lock directory", path);
    const free = mode === "exclusive" ? file.holders === 0 : file.holders !== EXCLUSIVE;
    if (!free) throw failure("LOCKED", "lock directory", "another handle holds it", path);
    if (mode === "exclusive") file.holders = EXCLUSIVE;
    else file.holders++;
    return new MemoryLock(file);
  }

  /**
   * Reads a whole file.
   *
   * @param path The file.
   * @returns A copy of its bytes.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` if it is a directory.
   */
  readAll(path: string): Uint8Array {
    const file = this.#find("read file", path);
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    return bytes;
  }

  /**
   * Makes a file hold these bytes and no others, creating it when needed. Handles that have it open see the
   * change: it is how a test damages a file.
   *
   * @param path The file.
   * @param bytes What it shall hold.
   * @throws {VarveError} `NOT_FOUND` if its directory is not there; `IO` if it is a directory.
   */
  writeAll(path: string, bytes: Uint8Array): void {
    const file = this.#findOrAdd("write file", path);
    file.truncate();
    file.append(bytes);
  }

  #find(action: string, path: string): StoredFile {
    const target = canonical(path);
    const file = this.#files.get(target);
    if (file !== undefined) return file;
    if (this.#directories.has(target)) throw failure("IO", action, "it is a directory", path);
    this.#checkDirectory(action, parentOf(target), path);
    throw failure("NOT_FOUND", action, "no such file", path);
  }

  #findOrAdd(action: string, path: string): StoredFile {
    const target = canonical(path);
    if (this.#files.has(target)) return this.#files.get(target)!;
    if (this.#directories.has(target)) throw failure("IO", action, "it is a directory", path);
    this.#checkDirectory(action, parentOf(target), path);
    const file = new StoredFile();
    this.#files.set(target, file);
    return file;
  }

  /** Throws unless `directory` is one; `path` is what the caller asked for. */
  #checkDirectory(action: string, directory: string, path: string): void {
    if (this.#directories.has(directory)) return;
    for (let at = directory; at !== ""; at = parentOf(at)) {
      if (this.#files.has(at)) {
        throw failure("IO", action, "a part of the path is not a directory", path);
      }
    }
    throw failure("NOT_FOUND", action, "no such directory", path);
  }
}
