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
 * 3. What was read ahead is no more trusted than what is read: each block is verified when it is asked for.
 *
 * Source: LevelDB's `doc/table_format.md` and `table/format.cc`.
 *
 * **Read next.** `table_writer.ts`
 *
 * @module
 */
import { EMPTY_BYTES } from "./bytes.ts";
import { getFixed32, putFixed32, putVarint, VarintReader } from "./coding.ts";
import {
  COMPRESSION_NONE,
  type Compressor,
  compressorOf,
  ROOM_SLACK_BYTES,
} from "./compression.ts";
import { crc32c, mask, unmask } from "./crc32c.ts";
import { CorruptionError } from "./errors.ts";
import type { ReadableFile } from "./file_system.ts";

/** Bytes after each block: compression id and checksum. */
export const BLOCK_TRAILER_BYTES = 5;
/** Bytes at the end of each table. */
export const FOOTER_BYTES = 48;
/** Key in the metaindex of the handle of the filter block. */
export const FILTER_NAME = "filter.leveldb.BuiltinBloomFilter2";

/** The lower half of the number that each table ends with. */
export const MAGIC_LOW = 0x8b80fb57;
/** The upper half of it. */
export const MAGIC_HIGH = 0xdb477524;
/** A typed array may hold more, but offsets in a decoded block are 32 bits. */
const BLOCK_BYTES_MAX = 2 ** 31 - 1 - BLOCK_TRAILER_BYTES;
/** Blocks that take more than this as stored are read to an array of their own. */
const SCRATCH_BYTES = 64 * 1024;
/** After how many blocks read in order more is read than was asked for, and how much then at least and at most. */
const READ_AHEAD_RUN = 2;
const READ_AHEAD_BYTES_MIN = 16 * 1024;
const READ_AHEAD_BYTES_MAX = 64 * 1024;

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
const readScratch = new Uint8Array(SCRATCH_BYTES + ROOM_SLACK_BYTES);
const plainScratch = new Uint8Array(SCRATCH_BYTES + ROOM_SLACK_BYTES);

/**
 * A block on its way from a file to memory. First it is {@linkcode read}, which is all that is needed to know how much
 * memory it takes, then {@linkcode put} there. One is used for one block after another.
 */
export class BlockTransfer {
  /** How many bytes the block has, uncompressed. */
  plainBytes = 0;
  #path = "";
  #offset = 0;
  /** The buffer with the block as it is stored, and where it is there. */
  #stored: Uint8Array = readScratch;
  #start = 0;
  #end = 0;
  #compressor: Compressor | undefined;

  /**
   * Reads a block and verifies its checksum.
   *
   * @param file The table.
   * @param offset Where the block starts.
   * @param bytes Its bytes as stored, without the trailer.
   * @param ahead What has been read of the file already, if it is read in order.
   * @throws {CorruptionError} If the block is not in the file, or not as it was written.
   * @throws {VarveError} `UNSUPPORTED_FORMAT` if it is compressed in an unknown way.
   */
  read(file: ReadableFile, offset: number, bytes: number, ahead?: ReadAhead): void {
    const dataEnd = file.size - FOOTER_BYTES;
    if (bytes > BLOCK_BYTES_MAX || offset + bytes + BLOCK_TRAILER_BYTES > dataEnd) {
      const at = Math.min(offset, file.size);
      throw new CorruptionError(`block of ${bytes} bytes that is not in the table`, file.path, at);
    }
    const storedBytes = bytes + BLOCK_TRAILER_BYTES;
    let stored: Uint8Array = readScratch;
    let start = 0;
    if (ahead !== undefined && ahead.fetch(file, offset, storedBytes, dataEnd)) {
      stored = ahead.buffer;
      start = offset - ahead.offset;
    } else {
      if (storedBytes > SCRATCH_BYTES) stored = new Uint8Array(storedBytes);
      if (file.read(stored.subarray(0, storedBytes), offset) < storedBytes) {
        throw new CorruptionError("block cut while it is read", file.path, offset);
      }
    }
    const end = start + bytes;
    if (unmask(getFixed32(stored, end + 1)) !== crc32c(stored, start, end + 1)) {
      throw new CorruptionError("block checksum mismatch", file.path, offset);
    }
    this.#path = file.path;
    this.#offset = offset;
    this.#stored = stored;
    this.#start = start;
    this.#end = end;
    const compression = stored[end]!;
    this.#compressor = compression === COMPRESSION_NONE
      ? undefined
      : compressorOf(compression, file.path);
    this.plainBytes = this.#compressor?.decompressedBytes(stored, start, end) ?? bytes;
    if (this.plainBytes < 0 || this.plainBytes > BLOCK_BYTES_MAX) this.#failDamaged();
  }

  /**
   * Puts the block that was read last into memory, uncompressed.
   *
   * @param room Where to, from byte 0 on: {@linkcode plainBytes} or, to save time, `ROOM_SLACK_BYTES` more.
   * @throws {CorruptionError} If it cannot be decompressed.
   */
  put(room: Uint8Array): void {
    const stored = this.#stored;
    if (this.#compressor === undefined) {
      room.set(stored.subarray(this.#start, this.#end));
    } else {
      const plain = this.#compressor.decompress(stored, this.#start, this.#end, room);
      if (plain === undefined) this.#failDamaged();
      if (plain.buffer !== room.buffer) room.set(plain);
    }
    this.#stored = readScratch; // a large block is not kept alive
  }

  /** Gives the block that was read last where it can be had without memory of its own. */
  borrow(): Uint8Array {
    const { plainBytes } = this;
    if (this.#compressor === undefined) {
      const plain = this.#stored.subarray(this.#start, this.#end);
      this.#stored = readScratch;
      return plain;
    }
    const room = plainBytes <= SCRATCH_BYTES ? plainScratch : new Uint8Array(plainBytes);
    this.put(room);
    return room.subarray(0, plainBytes);
  }

  #failDamaged(): never {
    const { name } = this.#compressor!;
    throw new CorruptionError(`damaged ${name} block`, this.#path, this.#offset);
  }
}

/**
 * What was read of a table beyond the block asked for. One call that reads 64 KiB costs 3.6 µs, thirty that read 2 KiB
 * 22. But who looks at a block or two should not pay for thirty: reading ahead begins when several blocks have been
 * read in order, and doubles from then on.
 */
export class ReadAhead {
  /** What was read last. */
  buffer: Uint8Array = EMPTY_BYTES;
  /** Where in the file it starts. */
  offset = 0;
  #bytes = 0;
  /** Where the last block ended, and how many before it each came soon after the one before. */
  #expected = Infinity;
  #run = 0;

  /**
   * Makes the bytes of a block available in {@linkcode buffer}.
   *
   * @param file The table.
   * @param offset Where the block starts.
   * @param bytes Its bytes, with the trailer.
   * @param dataEnd Where the last block ends at most.
   * @returns False if it is not worth it: the block is to be read on its own.
   */
  fetch(file: ReadableFile, offset: number, bytes: number, dataEnd: number): boolean {
    // Blocks in between may have been in memory.
    const gap = offset - this.#expected;
    this.#run = gap >= 0 && gap <= READ_AHEAD_BYTES_MIN ? this.#run + 1 : 0;
    this.#expected = offset + bytes;
    if (offset >= this.offset && offset + bytes <= this.offset + this.#bytes) return true;
    if (this.#run < READ_AHEAD_RUN) return false;
    // The window doubles each time it has been used up.
    const window = Math.min(READ_AHEAD_BYTES_MAX, Math.max(2 * this.#bytes, READ_AHEAD_BYTES_MIN));
    if (bytes > window) return false;
    const wanted = Math.min(window, dataEnd - offset);
    if (this.buffer.length < wanted) this.buffer = new Uint8Array(window);
    this.#bytes = 0;
    const read = file.read(this.buffer.subarray(0, wanted), offset);
    this.offset = offset;
    this.#bytes = read;
    return bytes <= read;
  }
}

const transfer = new BlockTransfer();

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
  transfer.read(file, offset, bytes);
  const block = new Uint8Array(transfer.plainBytes);
  transfer.put(block);
  return block;
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
  transfer.read(file, offset, bytes);
  return transfer.borrow();
}
