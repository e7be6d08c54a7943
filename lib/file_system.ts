/**
 * **What.** All that the engine asks of a disk, and what each call promises about durability. The engine
 * never touches `Deno.*`: the same code runs on Deno's disk, in memory, and on a disk that fails on purpose.
 *
 * Everything is synchronous but {@linkcode WritableFile.sync}: a read of cached pages costs 1.5 µs
 * synchronously and 13–40 µs through a promise, while a sync takes long enough to be worth awaiting.
 * `Deno.fsync`, `Deno.fdatasync` and `Deno.flock` no longer exist in Deno 2: it is `FsFile.sync`,
 * `FsFile.syncData` and `FsFile.tryLock` now, and `deno_file_system.ts` is where they are called.
 *
 * **Invariants** that every implementation keeps.
 * 1. What `append` was given is in the file, in order, for every later reader of this operating system, when
 *    `append` returns. It survives the death of the process, and not a power cut.
 * 2. When `sync` or `syncSync` returns, the contents appended before it was called survive a power cut. It
 *    says nothing about the file's *name*: that is what `syncDirectory` is for.
 * 3. `rename` is atomic: at every moment, also after a power cut, the target is the old or the new file.
 *    Which of the two survives a power cut is settled by `syncDirectory`.
 * 4. When `syncDirectory` returns, creations, renames and removals in that directory survive a power cut.
 * 5. A call that fails throws a {@linkcode VarveError} of code `IO` naming path and action, with the system's
 *    error as its cause; `NOT_FOUND` if the file is not there; `READ_ONLY` if it may not be written. A failed
 *    `append` may have written a part. A failed `sync` means that the bytes may be lost, and is never retried.
 *    Each handle that has the file open hears of it once, so of two syncs of one handle at a time maybe only one.
 * 6. Nothing here retries, buffers or reorders.
 *
 * **Read next.** `memory_file_system.ts`
 *
 * @module
 */

/**
 * A file being written, at its end only.
 *
 * @example Contents that survive a power cut
 * ```ts
 * import { MemoryFileSystem, type WritableFile } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const disk = new MemoryFileSystem();
 * const file: WritableFile = disk.create("notes.txt");
 * file.append(new TextEncoder().encode("first\n"));
 * file.append(new TextEncoder().encode("second\n"));
 * await file.sync(); // the contents; the name needs disk.syncDirectory("")
 * file.close();
 * assertEquals([file.path, disk.size("notes.txt")], ["notes.txt", 13]);
 * ```
 *
 * @category Disks
 */
export interface WritableFile {
  /** The path it was opened by. */
  readonly path: string;
  /** Bytes in the file so far. */
  readonly size: number;
  /**
   * Adds bytes at the end, all of them: every later reader sees them when it returns.
   *
   * @param bytes What to add. They may be changed after it returns.
   * @throws {VarveError} `IO`. A part of them may be written then.
   */
  append(bytes: Uint8Array): void;
  /**
   * Makes everything appended before the call durable, without holding up the caller; resolves when it is.
   *
   * @throws {VarveError} `IO`. What was appended may be lost then, and is not to be synced again.
   */
  sync(): Promise<void>;
  /**
   * Makes everything appended before the call durable, holding up the caller.
   *
   * @throws {VarveError} `IO`. What was appended may be lost then, and is not to be synced again.
   */
  syncSync(): void;
  /** Gives the handle back. Does not sync. A second call does nothing. */
  close(): void;
}

/**
 * A file being read, at any position.
 *
 * @example The end of a file
 * ```ts
 * import { MemoryFileSystem, type ReadableFile } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const disk = new MemoryFileSystem();
 * disk.writeAll("letters.txt", new TextEncoder().encode("abcdef"));
 * const file: ReadableFile = disk.open("letters.txt");
 * const into = new Uint8Array(4);
 * assertEquals(file.read(into, file.size - 2), 2); // there were no more
 * assertEquals(new TextDecoder().decode(into.subarray(0, 2)), "ef");
 * file.close();
 * ```
 *
 * @category Disks
 */
export interface ReadableFile {
  /** The path it was opened by. */
  readonly path: string;
  /** Bytes in the file when it was opened. */
  readonly size: number;
  /**
   * Reads from a position on, as much as there is room for.
   *
   * @param into What to fill.
   * @param position At which byte of the file to start.
   * @returns How many bytes were read: fewer than asked for only at the end of the file.
   * @throws {VarveError} `IO`.
   */
  read(into: Uint8Array, position: number): number;
  /** Gives the handle back. A second call does nothing. */
  close(): void;
}

/**
 * A held lock.
 *
 * @example One holder at a time
 * ```ts
 * import { type FileLock, MemoryFileSystem } from "@varve/varve";
 * import { assertThrows } from "@std/assert";
 *
 * const disk = new MemoryFileSystem();
 * const lock: FileLock = disk.lock("LOCK", "exclusive");
 * assertThrows(() => disk.lock("LOCK", "shared"), Error, "another handle holds it");
 * lock.release();
 * disk.lock("LOCK", "shared").release();
 * ```
 *
 * @category Disks
 */
export interface FileLock {
  /** Lets go of it. A second call does nothing. */
  release(): void;
}

/**
 * A disk. Paths are the implementation's own; parts are joined by {@linkcode FileSystem.join}. All of its calls, and
 * those of its files, throw a {@linkcode VarveError}: `NOT_FOUND` if a file is not there, `READ_ONLY` if it may not be
 * written, `IO` for everything else, with the system's error as its cause.
 *
 * @example A disk that counts what is removed
 * ```ts
 * import { type FileSystem, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * class CountingFileSystem extends MemoryFileSystem {
 *   removed = 0;
 *   override remove(path: string): void {
 *     super.remove(path);
 *     this.removed++;
 *   }
 * }
 * const counting = new CountingFileSystem();
 * const fileSystem: FileSystem = counting;
 * await using db = await open("data", { fileSystem });
 * await db.put("key", "value");
 * await db.flush(); // its log is not needed any more
 * await db.close();
 * assertEquals(counting.removed > 0, true);
 * ```
 *
 * @category Disks
 */
export interface FileSystem {
  /**
   * Makes a path of a directory and a name in it.
   *
   * @param directory The directory.
   * @param name The name.
   * @returns The path.
   */
  join(directory: string, name: string): string;
  /**
   * Creates a directory and its parents; one that exists is left alone. Every name that it creates survives a power cut
   * if the directory that it is in may be synced; where permissions do not allow that, it is as for a new file.
   *
   * @param path The directory.
   * @throws {VarveError} `IO` or `READ_ONLY`.
   */
  makeDirectory(path: string): void;
  /**
   * The names of the files in a directory, sorted; directories in it are left out.
   *
   * @param path The directory.
   * @returns The names, without the directory.
   * @throws {VarveError} `NOT_FOUND` if the directory is not there; `IO`.
   */
  list(path: string): string[];
  /**
   * Whether a file or directory is there.
   *
   * @param path The file or directory.
   * @returns Whether it is there.
   * @throws {VarveError} `IO` if that cannot be told.
   */
  exists(path: string): boolean;
  /**
   * The size of a file.
   *
   * @param path The file.
   * @returns Bytes in it.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  size(path: string): number;
  /**
   * Creates a file, or empties the one that is there, and opens it for writing.
   *
   * @param path The file.
   * @returns The file, at its beginning.
   * @throws {VarveError} `NOT_FOUND` if its directory is not there; `IO` or `READ_ONLY`.
   */
  create(path: string): WritableFile;
  /**
   * Opens an existing file for writing at its end.
   *
   * @param path The file.
   * @returns The file, at its end.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  openAppend(path: string): WritableFile;
  /**
   * Opens an existing file for reading.
   *
   * @param path The file.
   * @returns The file.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  open(path: string): ReadableFile;
  /**
   * Removes a file. One that others have open stays readable to them.
   *
   * @param path The file.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  remove(path: string): void;
  /**
   * Removes an empty directory.
   *
   * @param path The directory.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`, also if it is not empty; `READ_ONLY`.
   */
  removeDirectory(path: string): void;
  /**
   * Renames a file, replacing the target, at once: at every moment, also after a power cut, the target is the old or
   * the new file.
   *
   * @param from The file.
   * @param to Its new path.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO` or `READ_ONLY`.
   */
  rename(from: string, to: string): void;
  /**
   * Makes creations, renames and removals in a directory durable.
   *
   * @param path The directory.
   * @throws {VarveError} `NOT_FOUND` if it is not there; `IO`.
   */
  syncDirectory(path: string): void;
  /**
   * Locks a directory through a file in it, created when needed. It keeps out others who ask, and nobody else.
   *
   * @param path The lock file.
   * @param mode `"exclusive"` for one holder alone, `"shared"` for any number of holders, none exclusive.
   * @returns The lock, held until it is released or the process dies.
   * @throws {VarveError} `LOCKED` at once if another handle, of this process or another one, holds it otherwise; `IO`
   * or `READ_ONLY`.
   */
  lock(path: string, mode: "exclusive" | "shared"): FileLock;
}

/**
 * Reads a whole file.
 *
 * @param fileSystem The disk.
 * @param path The file.
 * @returns Its bytes.
 */
export function readFile(fileSystem: FileSystem, path: string): Uint8Array {
  const file = fileSystem.open(path);
  try {
    const bytes = new Uint8Array(file.size);
    const count = file.read(bytes, 0);
    return bytes.subarray(0, count);
  } finally {
    file.close();
  }
}
