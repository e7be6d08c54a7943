/**
 * **What.** Tune it: a folder of documents that survive power cuts, with as few syncs as that takes. The one below is
 * right, and needs two for each document.
 *
 * **Invariants.**
 * 1. When `save` has returned, its documents are there, also after a power cut.
 * 2. Wherever the power fails, every document is an old or a new one, and whole.
 *
 * **Read next.** `../../02_files_that_survive.md`
 *
 * @module
 */
import { type FileSystem, readFile } from "../../../lib/file_system.ts";

// You may use any file of chapters 1 and 2, such as crc32c of lib/crc32c.ts and putFixed32 of lib/coding.ts. How the
// documents are laid out in files is up to you.

/** Texts by their names. A name is made of letters and digits. */
export type Documents = ReadonlyMap<string, string>;

/** Documents on a disk. */
export interface Folder {
  /** Adds documents, or replaces those with the same names, and makes them durable. */
  save(documents: Documents): void;
  /** All documents. */
  load(): Documents;
}

/**
 * Opens a folder, maybe after a power cut. How many syncs that takes is not counted.
 *
 * @param disk The disk.
 * @param directory A directory for the folder alone, which is there.
 */
export function openFolder(disk: FileSystem, directory: string): Folder {
  return {
    save(documents) {
      for (const [name, text] of documents) {
        const file = disk.create(disk.join(directory, `${name}.tmp`));
        try {
          file.append(new TextEncoder().encode(text));
          file.syncSync();
        } finally {
          file.close();
        }
        disk.rename(file.path, disk.join(directory, name));
        disk.syncDirectory(directory);
      }
    },
    load() {
      const names = disk.list(directory).filter((name) => !name.endsWith(".tmp"));
      return new Map(
        names.map((name) => {
          const bytes = readFile(disk, disk.join(directory, name));
          return [name, new TextDecoder().decode(bytes)];
        }),
      );
    },
  };
}
