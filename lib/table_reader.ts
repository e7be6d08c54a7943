/**
 * **What.** Finds entries in a table: the index says which block a key would be in, the filter whether it is worth
 * looking, the block has the entry. A {@linkcode TableReader} answers gets, its cursors walk.
 *
 * **Invariants.**
 * 1. Every key of a table is found, by `get` and by `seek`, also the first and the last of each block.
 * 2. A get pins no block, since nothing else happens while it looks; a cursor pins the index and one data block.
 * 3. What is answered comes from blocks whose checksums hold; damage is a `CorruptionError` of file and offset.
 * 4. A cursor that has thrown is invalid, and may be used again from `first`, `last` or `seek` on.
 *
 * **Read next.** `table_cache.ts`
 *
 * @module
 */
import type { DecodedBlock } from "./block.ts";
import { bloomHash } from "./bloom_filter.ts";
import { Cursor } from "./cursor.ts";
import type { ReadableFile } from "./file_system.ts";
import { DELETED, FOUND, KIND_VALUE, kindAt, type Lookup } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
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
    let block: DecodedBlock | undefined;
    if (blocks.hasFilter) {
      if (this.#filterCredit === 0 && ++this.#gets % SAMPLE_EVERY !== 0) {
        block = blocks.blockInMemory(index, at);
      }
      if (block === undefined && !this.#mayContain(lookup)) return;
    }
    block ??= blocks.block(index, at);
    const found = block.find(blocks.comparator, key, end);
    if (found === -1) return;
    if (kindAt(block.bytes, block.keyEnd(found)) === KIND_VALUE) {
      lookup.outcome = FOUND;
      lookup.value = block.bytes;
      lookup.valueStart = block.valueStart(found);
      lookup.valueEnd = block.valueEnd(found);
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
class TableCursor extends Cursor {
  readonly #blocks: TableBlocks;
  readonly #fillPool: boolean;
  readonly #onClose: (() => void) | undefined;
  #index: DecodedBlock | undefined;
  #indexFrame = -1;
  #indexAt = -1;
  /** The block of the index's entry `#indexAt`; `undefined` if there is no such entry. */
  #block: DecodedBlock | undefined;
  #blockFrame = -1;
  #blockAt = -1;
  #isClosed = false;

  constructor(blocks: TableBlocks, fillPool: boolean, onClose: (() => void) | undefined) {
    super();
    this.#blocks = blocks;
    this.#fillPool = fillPool;
    this.#onClose = onClose;
  }

  override first(): void {
    this.#openIndex();
    this.#openBlock(0);
    this.#blockAt = 0;
    this.#settleForward();
  }

  override last(): void {
    this.#openBlock(this.#openIndex().count - 1);
    this.#blockAt = (this.#block?.count ?? 0) - 1;
    this.#settleBackward();
  }

  override seek(target: Uint8Array, start: number, end: number): void {
    const { comparator } = this.#blocks;
    const index = this.#openIndex();
    this.#openBlock(index.search(comparator, target, start, end));
    this.#blockAt = this.#block?.search(comparator, target, start, end) ?? 0;
    this.#settleForward();
  }

  override next(): void {
    this.#blockAt++;
    this.#settleForward();
  }

  override previous(): void {
    this.#blockAt--;
    this.#settleBackward();
  }

  override close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.valid = false;
    this.#closeBlock();
    if (this.#index !== undefined) this.#blocks.pool.unpin(this.#indexFrame);
    this.#index = undefined;
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

  /** Pins the block of an entry of the index, or none if there is no such entry. */
  #openBlock(indexAt: number): void {
    if (indexAt === this.#indexAt && this.#block !== undefined) return;
    this.valid = false; // until the block is there
    this.#closeBlock();
    const index = this.#index!;
    if (indexAt < 0 || indexAt >= index.count) return;
    this.#blocks.readHandle(index, indexAt);
    this.#blockFrame = this.#blocks.pinBlock(index, indexAt, this.#fillPool);
    const block = this.#blocks.pool.content(this.#blockFrame) as DecodedBlock;
    this.#block = block;
    this.#indexAt = indexAt;
    this.keyBuffer = block.bytes;
    this.valueBuffer = block.bytes;
  }

  #closeBlock(): void {
    if (this.#block !== undefined) this.#blocks.pool.unpin(this.#blockFrame);
    this.#block = undefined;
  }

  /** Shows the entry at `#blockAt`, or the first one of the blocks that follow. */
  #settleForward(): void {
    while (this.#block !== undefined && this.#blockAt >= this.#block.count) {
      this.#openBlock(this.#indexAt + 1);
      this.#blockAt = 0;
    }
    this.#show();
  }

  /** Shows the entry at `#blockAt`, or the last one of the blocks before. */
  #settleBackward(): void {
    while (this.#block !== undefined && this.#blockAt < 0) {
      this.#openBlock(this.#indexAt - 1);
      this.#blockAt = (this.#block?.count ?? 0) - 1;
    }
    this.#show();
  }

  #show(): void {
    const block = this.#block;
    if (block === undefined) {
      this.valid = false;
      return;
    }
    this.keyStart = block.keyStart(this.#blockAt);
    this.keyEnd = block.keyEnd(this.#blockAt);
    this.valueStart = block.valueStart(this.#blockAt);
    this.valueEnd = block.valueEnd(this.#blockAt);
    this.valid = true;
  }
}
