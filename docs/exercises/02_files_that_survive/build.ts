/**
 * **What.** Build it: a file that is replaced all at once, whatever happens in between.
 *
 * **Invariants.**
 * 1. At every moment, also after a power cut, the name is that of the old file or of the new one, and of a whole one.
 * 2. When the function has returned it is the new one, also after a power cut.
 * 3. When the function throws, the file may be the old one or the new one, and is whole.
 *
 * **Read next.** `../../02_files_that_survive.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { FileSystem } from "../../../lib/file_system.ts";

// All that you need is in the interface FileSystem: join, create, rename, syncDirectory, and of a file that create
// has opened: append, syncSync, close.

/**
 * Makes a file of a directory hold these bytes and no others.
 *
 * @param disk The disk.
 * @param directory The directory, which is there.
 * @param name The file's name, which may be there or not. You may use names that begin with it for other files.
 * @param bytes What it shall hold.
 * @throws {VarveError} What the disk throws.
 */
export function replaceFile(
  disk: FileSystem,
  directory: string,
  name: string,
  bytes: Uint8Array,
): void {
  throw new NotBuiltError(
    `replaceFile, given ${bytes.length} bytes for ${disk.join(directory, name)},`,
  );
}
