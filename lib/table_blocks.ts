/**
 * **What.** The blocks of one open table, through the buffer pool: a block that is there is not read, and one that is
 * read goes there, decoded. Index and filter take the same way as data, so that memory for all of them has one bound
 * and a thousand open tables cost a thousand footers.
 *
 * **Invariants.**
 * 1. Opening reads the footer and the metaindex, and keeps no block.
 * 2. A block in the pool has been verified and decoded. Who keeps it over another call pins it, and must unpin it.
 * 3. No two kinds of block share an address: filters have an owner id of their own in the pool, so that no handle,
 *    however damaged, makes one pass for the other.
 * 4. A damaged filter or metaindex is a {@linkcode CorruptionError} like any other damage, though an answer could be
 *    had without it.
 * 5. A block read as data has the keys that its place in the index allows: a whole block of another place, which a disk
 *    may come back with, does not pass for it.
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
import { CorruptionError } from "./errors.ts";
import type { ReadableFile } from "./file_system.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import {
  type BlockHandle,
  borrowBlock,
  FILTER_NAME,
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

const reader = new VarintReader();
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
  blockInMemory(index: DecodedBlock, at: number): DecodedBlock | undefined {
    const hintAt = index.handleAt(at) + 2;
    const hint = index.words[hintAt]!;
    const frame = this.pool.locate(this.#owner, this.blockOffset, hint);
    if (frame < 0) return undefined;
    if (frame !== hint) index.words[hintAt] = frame;
    return this.pool.peek(frame) as DecodedBlock;
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
  block(index: DecodedBlock, at: number): DecodedBlock {
    const inMemory = this.blockInMemory(index, at);
    if (inMemory !== undefined) return inMemory;
    const frame = this.pinBlock(index, at, true);
    const block = this.pool.content(frame) as DecodedBlock;
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
   * Pins the data block whose handle was read last.
   *
   * @param index The index block.
   * @param at Which of its entries the handle was read of.
   * @param keep Whether the pool is to keep it after its last unpin, if it has to be read.
   * @returns Its frame in the pool, whose content is a {@linkcode DecodedBlock}.
   * @throws {CorruptionError} If it is damaged.
   */
  pinBlock(index: DecodedBlock, at: number, keep: boolean): number {
    const offset = this.blockOffset;
    const frame = this.pool.fetch(this.#owner, offset);
    return frame >= 0
      ? frame
      : this.pool.insert(this.#owner, offset, this.#readBlock(index, at), keep);
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

  #readBlock(index: DecodedBlock, at: number): DecodedBlock {
    const { comparator, blockOffset: offset } = this;
    const { path } = this.#file;
    const stored = borrowBlock(this.#file, offset, this.#blockBytes);
    const block = decodeBlock(stored, stored.length, "entries", comparator, path, offset);
    // The checksum says that it is a block, not that it is this one: a disk may have read, or written, elsewhere.
    const last = block.count - 1;
    if (last < 0) return block;
    const isAbove = at === 0 || compareAt(comparator, block, 0, index, at - 1) > 0;
    if (isAbove && compareAt(comparator, block, last, index, at) <= 0) return block;
    throw new CorruptionError("block with keys that its index does not put there", path, offset);
  }
}

/** Compares the keys of an entry of one block and an entry of another. */
function compareAt(
  comparator: InternalKeyComparator,
  a: DecodedBlock,
  aAt: number,
  b: DecodedBlock,
  bAt: number,
): number {
  const [aStart, aEnd] = [a.keyStart(aAt), a.keyEnd(aAt)];
  return comparator.compare(a.bytes, aStart, aEnd, b.bytes, b.keyStart(bAt), b.keyEnd(bAt));
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
