/**
 * **What.** The disk of the machine, through Deno: the only file of `lib/` that knows of `Deno.*`. It needs
 * `--allow-read=DIR --allow-write=DIR` and nothing else; a database opened to be read needs `--allow-read`
 * alone.
 *
 * | Deno 1 had | since Deno 2 it is | used here for |
 * |---|---|---|
 * | `Deno.fdatasyncSync(rid)` | `FsFile.syncDataSync()` | contents that survive a power cut |
 * | `Deno.fsyncSync(rid)` | `FsFile.syncSync()` | names, by syncing the directory they are in |
 * | `Deno.flockSync(rid, true)` | `FsFile.tryLockSync(true)` | one process at a time |
 * | `Deno.seekSync` and `readSync` | `readSync(fd, …, position)` of `node:fs` | reads at a position |
 *
 * `syncData` (fdatasync) leaves out the file's times and keeps its size: all that reading it back needs.
 * `FsFile` cannot read at a position; Node's call can, in one system call less than seek and read.
 *
 * **Invariants**, beyond those of `file_system.ts`.
 * 1. Every handle gives its descriptor back exactly once, and never uses it afterwards: by then the number
 *    may be that of another file.
 * 2. The operating system may write or read less than it was asked to; no caller ever sees that.
 * 3. A lock is flock's: refused to a second handle even of this process, freed when its holder dies. On
 *    Linux it does not see the fcntl locks that LevelDB takes, nor they it: nothing but care keeps
 *    LevelDB itself out of a directory that is open here.
 *
 * **Read next.** `logger.ts`
 *
 * @module
 */
import { ensureDirSync, existsSync } from "@std/fs";
import { dirname, join } from "@std/path";
import { closeSync, fstatSync, openSync, readSync, rmdirSync } from "node:fs";
import { VarveError } from "./errors.ts";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "./file_system.ts";
import { invariant } from "./invariant.ts";

/** What a call does to the disk: a refusal to write is `READ_ONLY`, a refusal to read `IO`. */
type Access = "read" | "write";

/** The system's name of an error, such as `"ENOENT"`: Deno's and Node's errors both carry it. */
function systemCode(cause: unknown): unknown {
  return cause instanceof Error ? (cause as { code?: unknown }).code : undefined;
}

/** Turns what Deno or Node threw into what `file_system.ts` promises, with the original as its cause. */
function failure(access: Access, action: string, path: string, cause: unknown): VarveError {
  const about = (code: "IO" | "NOT_FOUND" | "READ_ONLY", why: string) =>
    new VarveError(code, `Cannot ${action}: ${why}: ${path}`, { cause });
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof Deno.errors.NotCapable) {
    // The message names the flag. A write may lack the permission to read what it is about to replace.
    const flag = /--allow-[a-z]+/.exec(message)?.[0] ?? "more permissions";
    const code = flag === "--allow-write" ? "READ_ONLY" : "IO";
    return about(code, `Deno has not been permitted to, run it again with ${flag}`);
  }
  switch (systemCode(cause)) {
    case "ENOENT":
      return about("NOT_FOUND", "no such file or directory");
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return about(access === "write" ? "READ_ONLY" : "IO", message);
    default:
      return about("IO", message);
  }
}

/** Runs what is not on a hot path (it costs a closure) and translates its errors. */
function attempt<T>(access: Access, action: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw failure(access, action, path, cause);
  }
}

class DenoWritableFile implements WritableFile {
  readonly path: string;
  #file: Deno.FsFile | undefined;
  #size: number;

  constructor(path: string, file: Deno.FsFile, size: number) {
    this.path = path;
    this.#file = file;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    const file = this.#opened("append to file");
    try {
      for (let written = 0; written < bytes.length;) {
        const count = file.writeSync(written === 0 ? bytes : bytes.subarray(written));
        if (count === 0) throw new Error("the system wrote nothing");
        written += count;
        this.#size += count;
      }
    } catch (cause) {
      throw failure("write", "append to file", this.path, cause);
    }
  }

  async sync(): Promise<void> {
    const file = this.#opened("sync file");
    try {
      await file.syncData();
    } catch (cause) {
      throw failure("write", "sync file", this.path, cause);
    }
  }

  syncSync(): void {
    const file = this.#opened("sync file");
    attempt("write", "sync file", this.path, () => file.syncDataSync());
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.close();
  }

  #opened(action: string): Deno.FsFile {
    if (this.#file !== undefined) return this.#file;
    throw new VarveError("IO", `Cannot ${action}: it is closed: ${this.path}`);
  }
}

/** Value of {@linkcode DenoReadableFile}'s descriptor once it was given back. */
const CLOSED = -1;

class DenoReadableFile implements ReadableFile {
  readonly path: string;
  readonly size: number;
  #descriptor: number;

  constructor(path: string, descriptor: number, size: number) {
    this.path = path;
    this.size = size;
    this.#descriptor = descriptor;
  }

  read(into: Uint8Array, position: number): number {
    // Node reads from "where it was" at a position below 0.
    invariant(
      Number.isSafeInteger(position) && position >= 0,
      "a position is an integer from 0 on",
    );
    const descriptor = this.#descriptor;
    if (descriptor === CLOSED) {
      throw new VarveError("IO", `Cannot read file: it is closed: ${this.path}`);
    }
    let total = 0;
    try {
      while (total < into.length) {
        const count = readSync(descriptor, into, total, into.length - total, position + total);
        if (count === 0) break;
        total += count;
      }
    } catch (cause) {
      throw failure("read", "read file", this.path, cause);
    }
    return total;
  }

  close(): void {
    const descriptor = this.#descriptor;
    if (descriptor === CLOSED) return;
    this.#descriptor = CLOSED;
    closeSync(descriptor);
  }
}

class DenoLock implements FileLock {
  #file: Deno.FsFile | undefined;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  release(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      // Closing frees the lock too, but not before the last copy of the descriptor is closed, and a process that
      // another thread is just starting has copies of all of them for a moment.
      file.unlockSync();
    } catch {
      // Then closing has to do.
    } finally {
      file.close();
    }
  }
}

/**
 * Opens the file that a lock is held on. A shared lock needs no more than to read it, so that a database in
 * a directory that may not be written can still be opened to be read.
 */
function openLockFile(path: string, mode: "exclusive" | "shared"): Deno.FsFile {
  if (mode === "shared") {
    try {
      return Deno.openSync(path, { read: true });
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
  }
  return Deno.openSync(path, { read: true, write: true, create: true });
}

/** Deno's `removeSync`, and Node's `unlinkSync` on Deno, would remove an empty directory as well. */
function checkNotDirectory(path: string): void {
  if (Deno.lstatSync(path).isDirectory) throw new Error("it is a directory");
}

/**
 * The disk of the machine: what a database is on unless another one is given. It has no state; extend it to see or
 * change what a database does to its files.
 *
 * @example Writing a file that survives a power cut, name and all
 * ```ts
 * import { DenoFileSystem } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const disk = new DenoFileSystem();
 * const directory = Deno.makeTempDirSync();
 * const file = disk.create(disk.join(directory, "settings.new"));
 * file.append(new TextEncoder().encode("colour = green\n"));
 * await file.sync();
 * file.close();
 * const path = disk.join(directory, "settings");
 * disk.rename(file.path, path);
 * disk.syncDirectory(directory);
 *
 * assertEquals(Deno.readTextFileSync(path), "colour = green\n");
 * disk.remove(path);
 * disk.removeDirectory(directory);
 * ```
 *
 * @category Disks
 */
export class DenoFileSystem implements FileSystem {
  /**
   * Makes a path of a directory and a name in it, as the operating system does.
   *
   * @param directory The directory.
   * @param name The name.
   * @returns The path.
   */
  join(directory: string, name: string): string {
    return join(directory, name);
  }

  /**
   * Creates a directory and its parents; one that exists is left alone. Their names survive a power cut, as far as
   * permissions let the directories be synced that they are in.
   *
   * @param path The directory.
   * @throws {VarveError} `IO` or `READ_ONLY`.
   */
  makeDirectory(path: string): void {
    attempt("write", "create directory", path, () => {
      if (existsSync(path, { isDirectory: true })) return;
      const parents: string[] = [];
      try {
        // A path survives a power cut only if every name in it does.
        for (let at = path; !existsSync(at); at = dirname(at)) parents.push(dirname(at));
      } catch {
        // A program with permission for the directory alone may not look at what it is in.
      }
      ensureDirSync(path);
      for (const parent of parents) {
        try {
          this.syncDirectory(parent);
        } catch {
          // The same.
        }
      }
    });
  }

  /**
   * The names of the files in a directory, sorted; directories in it are left out.
   *
   * @param path The directory.
   * @returns The names, without the directory.
   * @throws {VarveError} `NOT_FOUND` if the directory is not there; `IO`.
   */
  list(path: string): string[] {
    return attempt("read", "list directory", path, () => {
      const names: string[] = [];
      for (const entry of Deno.readDirSync(path)) if (!entry.isDirectory) names.push(entry.name);
      return names.sort();
    });
  }

  /**
   * Whether a file or directory is there.
   *
   * @param path The file or directory.
   * @returns Whether it is there.
   * @throws {VarveError} `IO` if that cannot be told.
   */
  exists(path: string): boolean {
    try {
      return existsSync(path);
    } catch (cause) {
      if (systemCode(cause) === "ENOTDIR") return false; // a part of the path is a file
      throw failure("read", "look for file", path, cause);
    }
  }

  /**
   * The size of a file.
   *
   * @param path The file.
   * @returns Bytes in it.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  size(path: string): number {
    return attempt("read", "read size of file", path, () => {
      const info = Deno.statSync(path);
      if (info.isDirectory) throw new Error("it is a directory");
      return info.size;
    });
  }

  /**
   * Creates a file, or empties the one that is there, and opens it for writing.
   *
   * @param path The file.
   * @returns The file, at its beginning.
   * @throws {VarveError} `NOT_FOUND` if its directory is not there; `IO` or `READ_ONLY`.
   */
  create(path: string): WritableFile {
    return attempt("write", "create file", path, () => {
      const file = Deno.openSync(path, { write: true, create: true, truncate: true });
      return new DenoWritableFile(path, file, 0);
    });
  }

  /**
   * Opens an existing file for writing at its end.
   *
   * @param path The file.
   * @returns The file, at its end.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  openAppend(path: string): WritableFile {
    return attempt("write", "open file for writing", path, () => {
      const file = Deno.openSync(path, { append: true });
      try {
        return new DenoWritableFile(path, file, file.statSync().size);
      } catch (cause) {
        file.close();
        throw cause;
      }
    });
  }

  /**
   * Opens an existing file for reading.
   *
   * @param path The file.
   * @returns The file.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  open(path: string): ReadableFile {
    return attempt("read", "open file", path, () => {
      const descriptor = openSync(path, "r");
      try {
        const info = fstatSync(descriptor);
        if (info.isDirectory()) throw new Error("it is a directory");
        return new DenoReadableFile(path, descriptor, info.size);
      } catch (cause) {
        closeSync(descriptor);
        throw cause;
      }
    });
  }

  /**
   * Removes a file. One that others have open stays readable to them, except on Windows.
   *
   * @param path The file.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  remove(path: string): void {
    attempt("write", "remove file", path, () => {
      checkNotDirectory(path);
      Deno.removeSync(path);
    });
  }

  /**
   * Removes an empty directory.
   *
   * @param path The directory.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`, also if it is not empty; `READ_ONLY`.
   */
  removeDirectory(path: string): void {
    attempt("write", "remove directory", path, () => rmdirSync(path));
  }

  /**
   * Renames a file, replacing the target.
   *
   * @param from The file.
   * @param to Its new path.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  rename(from: string, to: string): void {
    attempt("write", `rename file to ${to}`, from, () => {
      checkNotDirectory(from);
      Deno.renameSync(from, to);
    });
  }

  /**
   * Makes creations, renames and removals in a directory durable. Does nothing on Windows, where a directory cannot be
   * opened as a file is: there a name is durable when the file system's own journal says so.
   *
   * @param path The directory.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  syncDirectory(path: string): void {
    if (Deno.build.os === "windows") return;
    attempt("write", "sync directory", path, () => {
      const directory = Deno.openSync(path, { read: true });
      try {
        directory.syncSync();
      } finally {
        directory.close();
      }
    });
  }

  /**
   * Locks a directory through a file in it, created when needed. Sharing it takes no permission to write, once the file
   * is there.
   *
   * @param path The lock file.
   * @param mode `"exclusive"` for one holder alone, `"shared"` for any number of holders, none exclusive.
   * @returns The lock, held until it is released or the process dies.
   * @throws {VarveError} `LOCKED` at once if another handle, of this process or another one, holds it otherwise; `IO`
   * or `READ_ONLY`.
   */
  lock(path: string, mode: "exclusive" | "shared"): FileLock {
    const action = "lock directory";
    const file = attempt("write", action, path, () => openLockFile(path, mode));
    let held = false;
    try {
      held = attempt("write", action, path, () => file.tryLockSync(mode === "exclusive"));
    } finally {
      if (!held) file.close();
    }
    if (!held) throw new VarveError("LOCKED", `Cannot ${action}: another handle holds it: ${path}`);
    return new DenoLock(file);
  }
}

/** The disk of the machine. */
export const denoFileSystem: DenoFileSystem = new DenoFileSystem();
