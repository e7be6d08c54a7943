/**
 * **What.** Build it: a salvage of a damaged table. All that can be proven comes out; what cannot is named.
 *
 * **Format.** A table is data blocks, perhaps a filter block, a metaindex block, an index block, and a footer of 48
 * bytes that says where metaindex and index are. Behind each block are 5 bytes: a compression id, and a masked CRC-32C
 * (fixed32) of the block and that id. The index has an entry for each data block: a separator, which is an internal key
 * that none of the block's keys comes after, and a handle, which says where the block is and how many bytes it has
 * without the 5.
 *
 * **Invariants.**
 * 1. An entry that comes out was in the table, and keys ascend.
 * 2. Damage is never an exception.
 *
 * **Read next.** `../../13_the_doctor.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { ReadableFile } from "../../../lib/file_system.ts";

// You will need readFooter and readBlock of lib/table_format.ts, decodeBlock of lib/block.ts, InternalKeyComparator of
// lib/internal_key.ts, crc32c and unmask of lib/crc32c.ts. What they throw is a CorruptionError of lib/errors.ts.
// In a decoded index, words[handleAt(i)] is the offset in the handle of entry i, and the word after it the bytes.
// import { readBlock, readFooter } from "../../../lib/table_format.ts";

/** A part of the file that is lost: nobody can say what was in it. */
export interface Lost {
  /** Where it begins: where a block begins. */
  readonly offset: number;
  /** How many bytes it has, the 5 behind the block included. */
  readonly bytes: number;
}

/** What came of a table. */
export interface Salvaged {
  /** User keys as text, one for each entry that came out, in order. */
  readonly keys: string[];
  /** Data blocks that are lost, in order; with no index, all from the first lost one to the end of the file. */
  readonly lost: Lost[];
}

/**
 * Gets out of a table what can be proven.
 *
 * A block counts if its checksum holds, it can be decoded, and its keys ascend, in it and after those before it. With
 * an index they also have to lie between the separator before and the block's own. Without one the first block begins
 * with the file, and each ends where the checksum of all since its beginning is the one in the 4 bytes that follow.
 *
 * @param file The table.
 * @returns What came out.
 */
export function salvage(file: ReadableFile): Salvaged {
  throw new NotBuiltError(`salvage of ${file.size} bytes`);
}
