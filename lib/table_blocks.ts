/**
 * **What.** The blocks of one open table, through the buffer pool: a block that is there is not read, and one that is
 * read goes there, ready to be searched. Index and filter take the same way as data, so that memory for all of them has
 * one bound and a thousand open tables cost a thousand footers.
 *
 * **Invariants.**
 * 1. Opening reads the footer and the metaindex, and keeps no block.
 * 2. A block in the pool has been verified. Who keeps it over another call pins it, and must unpin it.
 * 3. No two kinds of block share an address: filters have an owner id of their own in the pool, so that no handle,
 *    however damaged, makes one pass for the other.
 * 4. A damaged filter or metaindex is a {@linkcode CorruptionError} like any other damage, though an answer could be
 *    had without it.
 * 5. A block read as data has the keys that its place in the index allows: a whole block of another place, which a disk
 *    may come back with, does not pass for it.
 * 6. A block is read to the memory of one that made room for it, or of one that the caller has done with. The block of
 *    a pinned frame stays as it is.
 *
 * **Read next.** `table_reader.ts`
 *
 * @module
 */
import { decodeBlock, type DecodedBlock } from "./block.ts";
import { FilterBlock } from "./bloom_filter.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { equalBytes } from "./bytes.ts";
import { VarintReader } from "./coding.ts";
import { ROOM_SLACK_BYTES } from "./compression.ts";
import { CorruptionError } from "./errors.ts";
import type { ReadableFile } from "./file_system.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import { StoredBlock } from "./stored_block.ts";
import {
  type BlockHandle,
  BlockTransfer,
  borrowBlock,
  FILTER_NAME,
  type ReadAhead,
  readBlock,
  readFooter,
} from "./table_format.ts";

/** What a table is read with. */
export interface TableReaderOptions {
  /** The order of its entries. */
  readonly comparator: InternalKeyComparator;
  /** Where its blocks are kept. */
  readonly pool: BufferPool;
}

/** Memory of another block is not used for one that needs less than this part of it. */
const ROOM_USE_MIN = 0.75;

const reader = new VarintReader();
const transfer = new BlockTransfer();
const filterName = new TextEncoder().encode(FILTER_NAME);

/** The blocks of one open table. */
export class TableBlocks {
  // Plain fields where a get or a cursor reads them.
  /** The order of the table's entries. */
  readonly comparator: InternalKeyComparator;
  /** Where the blocks are kept. */
  readonly pool: BufferPool;
  /** Whether the table has a filter that we understand. */
  readonly hasFilter: boolean;
  /** Where the metaindex starts, which is about where the data ends. */
  readonly dataEnd: number;
  /** Where the data block starts whose handle was read last. */
  blockOffset = 0;
  #blockBytes = 0;
  readonly #file: ReadableFile;
  readonly #index: BlockHandle;
  readonly #filter: BlockHandle | undefined;
  readonly #owner: number;
  readonly #filterOwner: number;
  /** Where in the pool index and filter were last: hints, to be checked. */
  #indexFrame = -1;
  #filterFrame = -1;

  /**
   * Opens a table.
   *
   * @param file The table's file, closed by {@linkcode close}.
   * @param options What the table is read with.
   * @throws {CorruptionError} If it has no footer or no metaindex.
   */
  constructor(file: ReadableFile, options: TableReaderOptions) {
    const { metaindex, index } = readFooter(file);
    this.comparator = options.comparator;
    this.pool = options.pool;
    this.dataEnd = metaindex.offset;
    this.#file = file;
    this.#index = index;
    this.#filter = findFilter(file, metaindex, options.comparator);
    this.hasFilter = this.#filter !== undefined;
    this.#owner = options.pool.newOwner();
    this.#filterOwner = options.pool.newOwner();
  }

  /**
   * The index block, to be looked at at once: not pinned, it may be evicted at the next call.
   *
   * @returns The block.
   * @throws {CorruptionError} If it is damaged.
   */
  index(): DecodedBlock {
    let frame = this.pool.locate(this.#owner, this.#index.offset, this.#indexFrame);
    if (frame < 0) {
      frame = this.pinIndex();
      const block = this.pool.content(frame) as DecodedBlock;
      this.pool.unpin(frame);
      return block;
    }
    this.#indexFrame = frame;
    return this.pool.peek(frame) as DecodedBlock;
  }

  /**
   * The data block whose handle was read last, if it is in memory; to be looked at at once, as {@linkcode index}.
   *
   * @param index The index block.
   * @param at Which of its entries the handle was read of. It remembers in which frame the block was.
   * @returns The block, or `undefined` if it would have to be read.
   */
  blockInMemory(index: DecodedBlock, at: number): StoredBlock | undefined {
    const hintAt = index.handleAt(at) + 2;
    const hint = index.words[hintAt]!;
    const frame = this.pool.locate(this.#owner, this.blockOffset, hint);
    if (frame < 0) return undefined;
    if (frame !== hint) index.words[hintAt] = frame;
    return this.pool.peek(frame) as StoredBlock;
  }

  /**
   * The data block whose handle was read last, to be looked at at once: not pinned, it may be evicted at the next
   * call.
   *
   * @param index The index block.
   * @param at Which of its entries the handle was read of. It remembers in which frame the block was.
   * @returns The block.
   * @throws {CorruptionError} If it is damaged.
   */
  block(index: DecodedBlock, at: number): StoredBlock {
    const inMemory = this.blockInMemory(index, at);
    if (inMemory !== undefined) return inMemory;
    const frame = this.pinBlock(index, at);
    const block = this.pool.content(frame) as StoredBlock;
    this.pool.unpin(frame);
    return block;
  }

  /**
   * Pins the index block.
   *
   * @returns Its frame in the pool, whose content is a {@linkcode DecodedBlock}.
   * @throws {CorruptionError} If it is damaged.
   */
  pinIndex(): number {
    const { offset } = this.#index;
    const frame = this.pool.fetch(this.#owner, offset);
    return frame >= 0 ? frame : this.pool.insert(this.#owner, offset, this.#readIndex(), true);
  }

  /**
   * Reads the handle of a data block; {@linkcode blockOffset} and {@linkcode pinBlock} are about that block then.
   *
   * @param index The index block.
   * @param at Which of its entries.
   * @throws {CorruptionError} If it is not a handle.
   */
  readHandle(index: DecodedBlock, at: number): void {
    const handleAt = index.handleAt(at);
    const offset = index.words[handleAt]!;
    if (offset >= 0) {
      this.blockOffset = offset;
      this.#blockBytes = index.words[handleAt + 1]!;
      return;
    }
    reader.reset(index.bytes, index.valueStart(at), index.valueEnd(at));
    this.blockOffset = reader.varint64();
    this.#blockBytes = reader.varint64();
    if (reader.failed) {
      throw new CorruptionError("damaged block handle", this.#file.path, this.#index.offset);
    }
  }

  /**
   * Pins the data block whose handle was read last, if it is in memory.
   *
   * @returns Its frame in the pool, whose content is a {@linkcode StoredBlock}, or -1.
   */
  fetchBlock(): number {
    return this.pool.fetch(this.#owner, this.blockOffset);
  }

  /**
   * Pins the data block whose handle was read last.
   *
   * @param index The index block.
   * @param at Which of its entries the handle was read of.
   * @param ahead What has been read of the file already, if it is read in order.
   * @returns Its frame in the pool, whose content is a {@linkcode StoredBlock}.
   * @throws {CorruptionError} If it is damaged.
   */
  pinBlock(index: DecodedBlock, at: number, ahead?: ReadAhead): number {
    const frame = this.fetchBlock();
    if (frame >= 0) return frame;
    const offset = this.blockOffset;
    transfer.read(this.#file, offset, this.#blockBytes, ahead);
    const wanted = transfer.plainBytes + ROOM_SLACK_BYTES;
    const block = this.#put(index, at, this.pool.makeRoom(StoredBlock.memoryBytesFor(wanted)));
    return this.pool.insert(this.#owner, offset, block, true);
  }

  /**
   * Reads the data block whose handle was read last to memory of the caller's, past the pool.
   *
   * @param index The index block.
   * @param at Which of its entries the handle was read of.
   * @param room Memory that may be used for it, if there is any.
   * @param ahead What has been read of the file already.
   * @returns The block, in that memory or, if it does not fit in, in new memory.
   * @throws {CorruptionError} If it is damaged.
   */
  readBlock(
    index: DecodedBlock,
    at: number,
    room: StoredBlock | undefined,
    ahead: ReadAhead,
  ): StoredBlock {
    transfer.read(this.#file, this.blockOffset, this.#blockBytes, ahead);
    return this.#put(index, at, room);
  }

  /**
   * Asks the filter about the data block whose handle was read last.
   *
   * @param hash The user key's `bloomHash`.
   * @returns False if the key is certainly not in the block.
   * @throws {CorruptionError} If the filter block is damaged.
   */
  mayContain(hash: number): boolean {
    if (this.#filter === undefined) return true;
    const { offset, bytes } = this.#filter;
    let frame = this.pool.locate(this.#filterOwner, offset, this.#filterFrame);
    let filter: FilterBlock;
    if (frame >= 0) filter = this.pool.peek(frame) as FilterBlock;
    else {
      this.pool.fetch(this.#filterOwner, offset); // a miss, and counted as one
      filter = new FilterBlock(readBlock(this.#file, offset, bytes));
      frame = this.pool.insert(this.#filterOwner, offset, filter, true);
      this.pool.unpin(frame);
    }
    this.#filterFrame = frame;
    return filter.mayContain(this.blockOffset, hash);
  }

  /** Path of the file. */
  get path(): string {
    return this.#file.path;
  }

  /** Closes the file and makes the pool forget the blocks. A second call does nothing. */
  close(): void {
    this.pool.dropOwner(this.#owner);
    this.pool.dropOwner(this.#filterOwner);
    this.#file.close();
  }

  #readIndex(): DecodedBlock {
    const { offset, bytes } = this.#index;
    const { comparator } = this;
    const block = borrowBlock(this.#file, offset, bytes);
    return decodeBlock(block, block.length, "separators", comparator, this.#file.path, offset);
  }

  /** Puts the block that was just read into memory that nobody uses, if it fits there, and checks it. */
  #put(index: DecodedBlock, at: number, room: unknown): StoredBlock {
    const { comparator, blockOffset: offset } = this;
    const { path } = this.#file;
    const { plainBytes } = transfer;
    const wanted = plainBytes + ROOM_SLACK_BYTES;
    const fits = room instanceof StoredBlock && room.bytes.length >= wanted &&
      room.bytes.length * ROOM_USE_MIN <= wanted;
    const block = fits ? room : new StoredBlock(wanted);
    transfer.put(block.bytes);
    block.accept(plainBytes, path, offset);
    if (block.entriesEnd === 0) return block;
    // #region right-block
    // The checksum says that it is a block, not that it is this one: a disk may have read, or written, elsewhere.
    const { bytes } = index;
    const isAbove = at === 0 ||
      block.compareFirst(comparator, bytes, index.keyStart(at - 1), index.keyEnd(at - 1)) > 0;
    if (
      isAbove && block.compareLast(comparator, bytes, index.keyStart(at), index.keyEnd(at)) <= 0
    ) return block;
    throw new CorruptionError("block with keys that its index does not put there", path, offset);
    // #endregion
  }
}

/**
 * Finds the filter that we understand in the metaindex; filters of other names are left alone.
 *
 * @param file The table.
 * @param metaindex Where its metaindex is.
 * @param comparator The order of its entries.
 * @returns Where the filter is, or `undefined` if there is none.
 * @throws {CorruptionError} If the metaindex is damaged.
 */
export function findFilter(
  file: ReadableFile,
  metaindex: BlockHandle,
  comparator: InternalKeyComparator,
): BlockHandle | undefined {
  const { offset, bytes } = metaindex;
  const stored = borrowBlock(file, offset, bytes);
  const block = decodeBlock(stored, stored.length, "names", comparator, file.path, offset);
  for (let i = 0; i < block.count; i++) {
    const name = block.bytes.subarray(block.keyStart(i), block.keyEnd(i));
    if (!equalBytes(name, filterName)) continue;
    reader.reset(block.bytes, block.valueStart(i), block.valueEnd(i));
    const filter = { offset: reader.varint64(), bytes: reader.varint64() };
    if (reader.failed) throw new CorruptionError("damaged filter handle", file.path, offset);
    return filter;
  }
  return undefined;
}
