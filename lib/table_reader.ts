/**
 * **What.** Finds entries in a table: the index says which block a key would be in, the filter whether it is worth
 * looking, the block has the entry. A {@linkcode TableReader} answers gets, its cursors walk.
 *
 * **Invariants.**
 * 1. Every key of a table is found, by `get` and by `seek`, also the first and the last of each block.
 * 2. A get pins no block, since nothing else happens while it looks. A cursor pins the index and one data block, or has
 *    that in memory of its own if it is to leave no trace in the pool; and it reads ahead, up to 64 KiB.
 * 3. What is answered comes from blocks whose checksums hold; damage is a `CorruptionError` of file and offset.
 * 4. A cursor that has thrown is invalid, and may be used again from `first`, `last` or `seek` on.
 *
 * **Read next.** `table_cache.ts`
 *
 * @module
 */
import type { DecodedBlock } from "./block.ts";
import { bloomHash } from "./bloom_filter.ts";
import type { Cursor } from "./cursor.ts";
import type { ReadableFile } from "./file_system.ts";
import { DELETED, FOUND, KIND_VALUE, type Lookup } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { BlockCursor, type StoredBlock } from "./stored_block.ts";
import { ReadAhead } from "./table_format.ts";
import { TableBlocks, type TableReaderOptions } from "./table_blocks.ts";

/**
 * A filter is there to save reads. It also saves looking at a block that is in memory, but that costs hardly more than
 * the filter (110 ns, or 350 where all has to come from main memory), which is in vain for every key that is there. So
 * each question that saves nothing takes from a credit and each one that saves a look gives three times as much;
 * without credit only every so many gets ask, unless the block would have to be read. The last level's tables, where
 * most keys are found, so come to do without, and those above it, where most are not, keep asking.
 */
const CREDIT_MAX = 64;
const CREDIT_OF_SAVE = 3;
const SAMPLE_EVERY = 16;

/** How a cursor reads. */
export interface TableCursorOptions {
  /** Whether blocks that it has to read stay in the pool; a scan that will not come back says no. @default {true} */
  readonly fillPool?: boolean;
}

/**
 * An open table.
 *
 * @example Writing a table and asking it
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createBufferPool } from "./buffer_pool.ts";
 * import { FOUND, InternalKeyComparator, Lookup, makeInternalKey } from "./internal_key.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { TableReader } from "./table_reader.ts";
 * import { TableWriter } from "./table_writer.ts";
 *
 * const comparator = new InternalKeyComparator();
 * const disk = new MemoryFileSystem();
 * const file = disk.create("000005.ldb");
 * const writer = new TableWriter(file, {
 *   comparator,
 *   blockBytes: 4096,
 *   restartInterval: 16,
 *   filterBits: 10,
 *   compression: undefined,
 * });
 * const clay = new TextEncoder().encode("clay");
 * writer.add(makeInternalKey(clay, 7, 1), 0, 12, new TextEncoder().encode("grey"), 0, 4);
 * writer.finish();
 * file.close();
 *
 * const pool = createBufferPool({ capacityBytes: 1 << 20 });
 * const table = TableReader.open(disk.open("000005.ldb"), { comparator, pool });
 * const lookup = new Lookup();
 * lookup.key.set(clay);
 * lookup.begin(clay.length, 7);
 * table.get(lookup);
 * assertEquals(lookup.outcome, FOUND);
 * const value = lookup.value.subarray(lookup.valueStart, lookup.valueEnd);
 * assertEquals(new TextDecoder().decode(value), "grey");
 * table.close();
 * ```
 */
export class TableReader {
  /** How often the filter was asked. */
  filterProbes = 0;
  /** How often it said that the key is not there, which saved looking at a block. */
  filterSaves = 0;
  readonly #blocks: TableBlocks;
  #filterCredit = CREDIT_MAX;
  /** Gets without credit. */
  #gets = 0;

  private constructor(blocks: TableBlocks) {
    this.#blocks = blocks;
  }

  /**
   * Opens a table: reads its footer and its metaindex.
   *
   * @param file The table's file. The reader closes it, also if opening fails.
   * @param options What the table is read with.
   * @returns The open table.
   * @throws {CorruptionError} If it is not a whole table.
   */
  static open(file: ReadableFile, options: TableReaderOptions): TableReader {
    try {
      return new TableReader(new TableBlocks(file, options));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * Looks for the newest version of a key that a lookup may see.
   *
   * @param lookup The question. Its outcome and value are set if the table has such a version, else it is left as it
   * is. The value stays as it is until the next call into the engine.
   * @throws {CorruptionError} If a block that is needed is damaged.
   */
  get(lookup: Lookup): void {
    const blocks = this.#blocks;
    const { key, end } = lookup;
    const index = blocks.index();
    const at = index.search(blocks.comparator, key, 0, end);
    if (at === index.count) return;
    blocks.readHandle(index, at);
    let block: StoredBlock | undefined;
    if (blocks.hasFilter) {
      if (this.#filterCredit === 0 && ++this.#gets % SAMPLE_EVERY !== 0) {
        block = blocks.blockInMemory(index, at);
      }
      if (block === undefined && !this.#mayContain(lookup)) return;
    }
    block ??= blocks.block(index, at);
    if (!block.search(blocks.comparator, key, 0, end)) return;
    if (block.foundKind === KIND_VALUE) {
      lookup.outcome = FOUND;
      lookup.value = block.bytes;
      lookup.valueStart = block.valueStart;
      lookup.valueEnd = block.valueEnd;
    } else lookup.outcome = DELETED;
  }

  /**
   * A cursor over the table's entries, at none of them.
   *
   * @param options How it reads.
   * @param onClose Called once, when the cursor is closed.
   * @returns The cursor, to be closed before the table is.
   */
  cursor(options?: TableCursorOptions, onClose?: () => void): Cursor {
    return new TableCursor(this.#blocks, options?.fillPool ?? true, onClose);
  }

  /**
   * About where in the file a key is, or would be.
   *
   * @param key Buffer of the internal key.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @returns The offset of the block it would be in.
   */
  approximateOffset(key: Uint8Array, start: number, end: number): number {
    const blocks = this.#blocks;
    const index = blocks.index();
    const at = index.search(blocks.comparator, key, start, end);
    if (at === index.count) return blocks.dataEnd;
    blocks.readHandle(index, at);
    return blocks.blockOffset;
  }

  /** Asks the filter about the block whose handle was read last, and notes whether it was worth it. */
  #mayContain(lookup: Lookup): boolean {
    if (lookup.hash === -1) lookup.hash = bloomHash(lookup.key, 0, lookup.userEnd);
    this.filterProbes++;
    if (this.#blocks.mayContain(lookup.hash)) {
      if (this.#filterCredit > 0) this.#filterCredit--;
      return true;
    }
    this.filterSaves++;
    this.#filterCredit = Math.min(CREDIT_MAX, this.#filterCredit + CREDIT_OF_SAVE);
    return false;
  }

  /** Closes the file, and makes the pool forget the table. A second call does nothing. */
  close(): void {
    this.#blocks.close();
  }
}

/** Walks a table: a position in the index, and one in the block that it leads to. */
class TableCursor extends BlockCursor {
  readonly #blocks: TableBlocks;
  readonly #fillPool: boolean;
  readonly #onClose: (() => void) | undefined;
  #index: DecodedBlock | undefined;
  #indexFrame = -1;
  #indexAt = -1;
  /** The block of the index's entry `#indexAt`; `undefined` if there is no such entry. */
  #block: StoredBlock | undefined;
  /** Its frame in the pool, or -1 if it is in memory of this cursor's own. */
  #blockFrame = -1;
  /** What blocks are read to that are to leave no trace in the pool. */
  #room: StoredBlock | undefined;
  #ahead: ReadAhead | undefined;
  /** What both of these take. */
  #ownBytes = 0;
  #isClosed = false;

  constructor(blocks: TableBlocks, fillPool: boolean, onClose: (() => void) | undefined) {
    super(blocks.comparator);
    this.#blocks = blocks;
    this.#fillPool = fillPool;
    this.#onClose = onClose;
  }

  override first(): void {
    this.#openIndex();
    this.#openBlock(0);
    super.first();
    this.#settleForward();
  }

  override last(): void {
    this.#openBlock(this.#openIndex().count - 1);
    super.last();
    this.#settleBackward();
  }

  override seek(target: Uint8Array, start: number, end: number): void {
    const index = this.#openIndex();
    this.#openBlock(index.search(this.#blocks.comparator, target, start, end));
    super.seek(target, start, end);
    this.#settleForward();
  }

  override next(): void {
    super.next();
    if (!this.valid) this.#settleForward();
  }

  override previous(): void {
    super.previous();
    if (!this.valid) this.#settleBackward();
  }

  override close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeBlock();
    super.close();
    const { pool } = this.#blocks;
    if (this.#index !== undefined) pool.unpin(this.#indexFrame);
    this.#index = undefined;
    this.#room = undefined;
    this.#ahead = undefined;
    this.#countOwn();
    this.#onClose?.();
  }

  #openIndex(): DecodedBlock {
    this.valid = false;
    invariant(!this.#isClosed, "a closed cursor is not used");
    if (this.#index === undefined) {
      this.#indexFrame = this.#blocks.pinIndex();
      this.#index = this.#blocks.pool.content(this.#indexFrame) as DecodedBlock;
    }
    return this.#index;
  }

  /** Gets hold of the block of an entry of the index, or of none if there is no such entry. */
  #openBlock(indexAt: number): void {
    if (indexAt === this.#indexAt && this.#block !== undefined) return;
    this.#closeBlock(); // and there is none until the other one is there
    const index = this.#index!;
    if (indexAt < 0 || indexAt >= index.count) return;
    const blocks = this.#blocks;
    blocks.readHandle(index, indexAt);
    const ahead = this.#ahead ??= new ReadAhead();
    let frame = -1;
    if (this.#fillPool) frame = blocks.pinBlock(index, indexAt, ahead);
    else frame = blocks.fetchBlock();
    const block = frame < 0
      ? this.#room = blocks.readBlock(index, indexAt, this.#room, ahead)
      : blocks.pool.content(frame) as StoredBlock;
    this.#countOwn();
    this.#blockFrame = frame;
    this.#block = block;
    this.#indexAt = indexAt;
    this.enter(block, blocks.path, blocks.blockOffset);
  }

  #closeBlock(): void {
    this.enter(undefined);
    if (this.#block !== undefined && this.#blockFrame >= 0) {
      this.#blocks.pool.unpin(this.#blockFrame);
    }
    this.#block = undefined;
  }

  /** Tells the pool what memory this cursor has come to use, or has let go of. */
  #countOwn(): void {
    const bytes = (this.#room?.memoryBytes ?? 0) + (this.#ahead?.buffer.length ?? 0);
    if (bytes === this.#ownBytes) return;
    this.#blocks.pool.countTransient(bytes - this.#ownBytes);
    this.#ownBytes = bytes;
  }

  /** If the block has no further entry, goes to the first one of the blocks that follow. */
  #settleForward(): void {
    while (!this.valid && this.#block !== undefined) {
      this.#openBlock(this.#indexAt + 1);
      super.first();
    }
  }

  /** If the block has no entry before, goes to the last one of the blocks before. */
  #settleBackward(): void {
    while (!this.valid && this.#block !== undefined) {
      this.#openBlock(this.#indexAt - 1);
      super.last();
    }
  }
}
