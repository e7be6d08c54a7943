/**
 * **What.** Build it: index keys that separate blocks, and a reader that finds a key with one block read.
 *
 * **Format.**
 * ```text
 * table   := data block*, metaindex block, index block, footer       each block followed by its trailer
 * trailer := compression id (1 byte), masked CRC-32C of the block as stored and the id (fixed32)
 * handle  := offset of a block (varint64), its bytes as stored, without trailer (varint64)
 * footer  := metaindex handle, index handle, zeros up to 40 bytes, magic number (fixed64)     48 bytes
 * magic   := 0xdb4775248b80fb57, low half first: 0x8b80fb57 as fixed32, then 0xdb477524
 * index   := for each data block a key at or after its last and before the next one's first, and its handle
 * ```
 * Keys of data blocks and index are internal keys; see `lib/internal_key.ts`. The tables here have no filter, and what
 * the metaindex says is of no use without one.
 *
 * **Invariants.**
 * 1. Every key of a table is found, also the first and the last of each block.
 * 2. A get reads one data block at most, and believes none whose checksum does not hold.
 *
 * **Read next.** `../../08_the_table.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { ReadableFile } from "../../../lib/file_system.ts";

// You may use:
// - lib/coding.ts: VarintReader, getFixed32; lib/crc32c.ts: crc32c, unmask; lib/errors.ts: CorruptionError;
// - lib/internal_key.ts: InternalKeyComparator, makeInternalKey, kindAt, SEQUENCE_MAX;
// - lib/compression.ts: compressorOf;
// - lib/block.ts: decodeBlock(bytes, end, "separators" or "entries", comparator, file.path, offset), which gives a
//   block with search(), keyStart(), valueStart() and so on. In one of separators, words[handleAt(i)] is the offset of
//   data block i, and the word behind it is its size.

/** An open table. */
export interface Table {
  /**
   * Looks for a key.
   *
   * @param key The user key.
   * @returns The value of its newest version; `undefined` if there is none, or if that is a tombstone.
   * @throws {CorruptionError} If the block that it would be in is damaged, with the block's offset.
   */
  get(key: Uint8Array): Uint8Array | undefined;
}

/**
 * A user key between two blocks, for the index: as short as its first differing byte allows.
 *
 * @param start The last key of a block.
 * @param limit The first key of the next one, which comes after it in the order of bytes.
 * @returns A key that is `>= start` and `< limit`, and not longer than `start`.
 */
export function separator(start: Uint8Array, limit: Uint8Array): Uint8Array {
  throw new NotBuiltError(`separator, for keys of ${start.length} and ${limit.length} bytes,`);
}

/**
 * Opens a table.
 *
 * @param file The table's file.
 * @returns The table.
 * @throws {CorruptionError} If it does not end with a footer.
 */
export function openTable(file: ReadableFile): Table {
  throw new NotBuiltError(`openTable, for a file of ${file.size} bytes,`);
}
