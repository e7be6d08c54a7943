/**
 * **What.** The frame of a table: where its parts are and how each block is guarded. Written by `table_writer.ts`,
 * read by `table_reader.ts`.
 *
 * **Format.**
 * ```text
 * table     := data block*, filter block, metaindex block, index block, footer
 *              each block followed by its trailer
 * trailer   := compression id (1 byte), masked CRC-32C of the block as stored and the id (fixed32)
 * handle    := offset (varint64), bytes of the block as stored, without trailer (varint64)
 * footer    := metaindex handle, index handle, zeros up to 40 bytes, magic (fixed64)       48 bytes
 * magic     := 0xdb4775248b80fb57
 *
 * index     key: from the last key of its data block on, before the next one's first    value: the block's handle
 * metaindex key: "filter.leveldb.BuiltinBloomFilter2"                                   value: the filter's handle
 * ```
 *
 * **Invariants.**
 * 1. Every block read from disk has its checksum verified, each time.
 * 2. A handle is checked against the file before anything is allocated or read by it.
 *
 * Source: LevelDB's `doc/table_format.md` and `table/format.cc`.
 *
 * **Read next.** `table_writer.ts`
 *
 * @module
 */
import { getFixed32, putFixed32, putVarint, VarintReader } from "./coding.ts";
import { COMPRESSION_NONE, compressorOf } from "./compression.ts";
import { crc32c, mask, unmask } from "./crc32c.ts";
import { CorruptionError } from "./errors.ts";
import type { ReadableFile } from "./file_system.ts";

/** Bytes after each block: compression id and checksum. */
export const BLOCK_TRAILER_BYTES = 5;
/** Bytes at the end of each table. */
export const FOOTER_BYTES = 48;
/** Key in the metaindex of the handle of the filter block. */
export const FILTER_NAME = "filter.leveldb.BuiltinBloomFilter2";

const MAGIC_LOW = 0x8b80fb57;
const MAGIC_HIGH = 0xdb477524;
/** A typed array may hold more, but offsets in a decoded block are 32 bits. */
const BLOCK_BYTES_MAX = 2 ** 31 - 1 - BLOCK_TRAILER_BYTES;
/** Blocks that take more than this as stored are read to an array of their own. */
const SCRATCH_BYTES = 64 * 1024;

/** Where a block is in its file. */
export interface BlockHandle {
  /** Where it starts. */
  readonly offset: number;
  /** Its bytes as stored, without the trailer. */
  readonly bytes: number;
}

/** The most bytes that {@linkcode putHandle} writes. */
export const HANDLE_BYTES_MAX = 16;

/**
 * Writes a block handle.
 *
 * @param buffer Where to write.
 * @param at At which byte.
 * @param offset Where the block starts.
 * @param bytes Its bytes as stored, without the trailer.
 * @returns The offset after what was written.
 */
export function putHandle(buffer: Uint8Array, at: number, offset: number, bytes: number): number {
  return putVarint(buffer, putVarint(buffer, at, offset), bytes);
}

/**
 * Makes the trailer of a block.
 *
 * @param into Where to write it, at byte 0.
 * @param block Buffer of the block as stored, from byte 0 on.
 * @param bytes Its bytes.
 * @param compression Its compression id.
 */
export function putBlockTrailer(
  into: Uint8Array,
  block: Uint8Array,
  bytes: number,
  compression: number,
): void {
  into[0] = compression;
  putFixed32(into, 1, mask(crc32c(into, 0, 1, crc32c(block, 0, bytes))));
}

/**
 * Makes a footer.
 *
 * @param metaindex Where the metaindex block is.
 * @param index Where the index block is.
 * @returns Its 48 bytes.
 */
export function encodeFooter(metaindex: BlockHandle, index: BlockHandle): Uint8Array {
  const footer = new Uint8Array(FOOTER_BYTES);
  const at = putHandle(footer, 0, metaindex.offset, metaindex.bytes);
  putHandle(footer, at, index.offset, index.bytes);
  putFixed32(footer, FOOTER_BYTES - 8, MAGIC_LOW);
  putFixed32(footer, FOOTER_BYTES - 4, MAGIC_HIGH);
  return footer;
}

/** What a footer says. */
export interface Footer {
  /** Where the metaindex block is. */
  readonly metaindex: BlockHandle;
  /** Where the index block is. */
  readonly index: BlockHandle;
}

/**
 * Reads a table's footer.
 *
 * @param file The table.
 * @returns The handles in it. That of the index is checked, as far as can be done without reading it.
 * @throws {CorruptionError} If the file does not end with a footer, and before that with an index.
 */
export function readFooter(file: ReadableFile): Footer {
  if (file.size < FOOTER_BYTES) {
    throw new CorruptionError("table too short for a footer", file.path, 0);
  }
  const start = file.size - FOOTER_BYTES;
  const footer = new Uint8Array(FOOTER_BYTES);
  if (file.read(footer, start) < FOOTER_BYTES) {
    throw new CorruptionError("table cut while it is read", file.path, start);
  }
  if (
    getFixed32(footer, FOOTER_BYTES - 8) !== MAGIC_LOW ||
    getFixed32(footer, FOOTER_BYTES - 4) !== MAGIC_HIGH
  ) throw new CorruptionError("no table magic number", file.path, file.size - 8);
  const reader = new VarintReader();
  reader.reset(footer, 0, FOOTER_BYTES - 8);
  const metaindex = { offset: reader.varint64(), bytes: reader.varint64() };
  const index = { offset: reader.varint64(), bytes: reader.varint64() };
  if (reader.failed) throw new CorruptionError("damaged table footer", file.path, start);
  // The footer has no checksum. But the index is the last block, so no other one, sound as it is, passes for it.
  if (index.offset + index.bytes + BLOCK_TRAILER_BYTES !== start) {
    throw new CorruptionError("footer that names no index before it", file.path, start);
  }
  return { metaindex, index };
}

/** Where blocks of usual sizes are read to, and where compressed ones are decompressed to. */
const readScratch = new Uint8Array(SCRATCH_BYTES);
const plainScratch = new Uint8Array(SCRATCH_BYTES);

/**
 * Reads a block, verifies its checksum and decompresses it.
 *
 * @param file The table.
 * @param offset Where the block starts.
 * @param bytes Its bytes as stored, without the trailer.
 * @returns The block, in memory that nobody else uses.
 * @throws {CorruptionError} If the block is not in the file, or not as it was written.
 * @throws {VarveError} `UNSUPPORTED_FORMAT` if it is compressed in an unknown way.
 */
export function readBlock(file: ReadableFile, offset: number, bytes: number): Uint8Array {
  const block = borrowBlock(file, offset, bytes);
  const isBorrowed = block.buffer === readScratch.buffer || block.buffer === plainScratch.buffer;
  return isBorrowed ? block.slice() : block;
}

/**
 * The same, without memory for it if the block has a usual size.
 *
 * @param file The table.
 * @param offset Where the block starts.
 * @param bytes Its bytes as stored, without the trailer.
 * @returns The block, valid until the next block is read.
 * @throws {CorruptionError} If the block is not in the file, or not as it was written.
 * @throws {VarveError} `UNSUPPORTED_FORMAT` if it is compressed in an unknown way.
 */
export function borrowBlock(file: ReadableFile, offset: number, bytes: number): Uint8Array {
  const dataEnd = file.size - FOOTER_BYTES;
  if (bytes > BLOCK_BYTES_MAX || offset + bytes + BLOCK_TRAILER_BYTES > dataEnd) {
    const at = Math.min(offset, file.size);
    throw new CorruptionError(`block of ${bytes} bytes that is not in the table`, file.path, at);
  }
  const storedBytes = bytes + BLOCK_TRAILER_BYTES;
  const stored = storedBytes <= SCRATCH_BYTES ? readScratch : new Uint8Array(storedBytes);
  if (file.read(stored.subarray(0, storedBytes), offset) < storedBytes) {
    throw new CorruptionError("block cut while it is read", file.path, offset);
  }
  if (unmask(getFixed32(stored, bytes + 1)) !== crc32c(stored, 0, bytes + 1)) {
    throw new CorruptionError("block checksum mismatch", file.path, offset);
  }
  const compression = stored[bytes]!;
  if (compression === COMPRESSION_NONE) return stored.subarray(0, bytes);
  const compressor = compressorOf(compression, file.path);
  const block = compressor.decompress(stored, 0, bytes, plainScratch);
  if (block === undefined) {
    throw new CorruptionError(`damaged ${compressor.name} block`, file.path, offset);
  }
  return block;
}
