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

/** A file being written, at its end only. */
export interface WritableFile {
  /** The path it was opened by. */
  readonly path: string;
  /** Bytes in the file so far. */
  readonly size: number;
  /** Adds `bytes` at the end, all of them (invariant 1). They may be changed after it returns. */
  append(bytes: Uint8Array): void;
  /** Makes everything appended before the call durable (invariant 2), without holding up the caller. */
  sync(): Promise<void>;
  /** The same, holding up the caller. */
  syncSync(): void;
  /** Gives the handle back. Does not sync. A second call does nothing. */
  close(): void;
}

/** A file being read, at any position. */
export interface ReadableFile {
  /** The path it was opened by. */
  readonly path: string;
  /** Bytes in the file when it was opened. */
  readonly size: number;
  /**
   * Fills `into` from the file's byte `position` on.
   *
   * @returns How many bytes were read: fewer than asked for only at the end of the file.
   */
  read(into: Uint8Array, position: number): number;
  /** Gives the handle back. A second call does nothing. */
  close(): void;
}

/** A held lock. */
export interface FileLock {
  /** Lets go of it. A second call does nothing. */
  release(): void;
}

/** A disk. Paths are the implementation's own; parts are joined by {@linkcode FileSystem.join}. */
export interface FileSystem {
  /** Makes a path of a directory and a name in it. */
  join(directory: string, name: string): string;
  /**
   * Creates a directory and its parents; one that exists is left alone. Every name that it creates survives a power
   * cut if the directory that it is in may be synced; where permissions do not allow that, it is as for a new file.
   */
  makeDirectory(path: string): void;
  /** The names of the files in a directory, sorted; directories in it are left out. */
  list(path: string): string[];
  /** Whether a file or directory is there. */
  exists(path: string): boolean;
  /** Bytes in a file. */
  size(path: string): number;
  /** Creates a file, or empties the one that is there, and opens it for writing. */
  create(path: string): WritableFile;
  /** Opens an existing file for writing at its end. */
  openAppend(path: string): WritableFile;
  /** Opens an existing file for reading. */
  open(path: string): ReadableFile;
  /** Removes a file. One that others have open stays readable to them. */
  remove(path: string): void;
  /** Removes an empty directory. */
  removeDirectory(path: string): void;
  /** Renames a file, replacing the target (invariant 3). */
  rename(from: string, to: string): void;
  /** Makes creations, renames and removals in a directory durable (invariant 4). */
  syncDirectory(path: string): void;
  /**
   * Locks a directory through a file in it, created when needed. Held until released, or until the process
   * dies. Advisory: it keeps out others who ask.
   *
   * @param path The lock file.
   * @param mode `"exclusive"` for one holder alone, `"shared"` for any number of holders, none exclusive.
   * @throws {VarveError} `LOCKED` at once if another handle, of this process or another one, holds it otherwise.
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
