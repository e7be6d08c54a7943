/**
 * **What.** Turns sorted entries into a table: data blocks one after another, and then what is needed to find an
 * entry in them. Everything is appended once and never changed. The layout is drawn in `table_format.ts`.
 *
 * **Invariants.**
 * 1. Entries are added in ascending order of their internal keys.
 * 2. Same entries and options, same bytes as LevelDB writes, but for the choices that a Snappy encoder is free in.
 *    One thing goes beyond it: a block ends early when its keys, expanded, take more than
 *    {@linkcode BLOCK_KEY_BYTES_MAX}, so that no reader needs more than a bounded amount of memory for a block.
 * 3. A block is cut after the entry with which it reaches `blockBytes`, so that a large value makes a large block
 *    and is never split; nothing but memory limits its size.
 * 4. The index key of a block is at or after its last key and before the next block's first.
 * 5. Nothing is allocated for an entry, but for buffers that grow.
 *
 * **Overhead.** With b bits of filter a key, an entry takes its internal key (the user's and 8 bytes) without what it
 * shares with the one before, its value, 3 to 15 bytes of lengths, b/8 bytes of filter and 4/16 bytes of restarts;
 * a block 5 bytes of trailer, 4 of restart count and its index entry (a short key and about 12 bytes), and for each
 * 2 KiB of it 4 bytes of filter offset; a table 150 bytes.
 *
 * Source: LevelDB's `table/table_builder.cc`.
 *
 * **Read next.** `table_blocks.ts`
 *
 * @module
 */
import { BlockBuilder } from "./block_builder.ts";
import { FilterBlockBuilder } from "./bloom_filter.ts";
import { COMPRESSION_NONE, type Compressor } from "./compression.ts";
import type { WritableFile } from "./file_system.ts";
import { type InternalKeyComparator, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import {
  BLOCK_TRAILER_BYTES,
  type BlockHandle,
  encodeFooter,
  FILTER_NAME,
  HANDLE_BYTES_MAX,
  putBlockTrailer,
  putHandle,
} from "./table_format.ts";

/** How much is gathered before it is appended to the file: one call for 64 KiB costs 16 µs, sixteen for 4 KiB 62. */
const OUTPUT_BYTES = 64 * 1024;

/** What the keys of a data block may take when expanded, before the block ends; see `expandedBytesMax`. */
export const BLOCK_KEY_BYTES_MAX: number = 8 * 1024 * 1024;

/** How a table is written. */
export interface TableWriterOptions {
  /** The order of its entries. */
  readonly comparator: InternalKeyComparator;
  /** A data block ends when it is this large, before compression. */
  readonly blockBytes: number;
  /** After how many entries of a data block a key is stored whole again. */
  readonly restartInterval: number;
  /** Bits of Bloom filter for each entry; 0 for no filter. */
  readonly filterBits: number;
  /** How blocks are compressed; `undefined` for not at all. */
  readonly compression: Compressor | undefined;
}

/**
 * Writes one table.
 *
 * @example A table of one entry
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { TableWriter } from "./table_writer.ts";
 *
 * const file = new MemoryFileSystem().create("000005.ldb");
 * const writer = new TableWriter(file, {
 *   comparator: new InternalKeyComparator(),
 *   blockBytes: 4096,
 *   restartInterval: 16,
 *   filterBits: 10,
 *   compression: undefined,
 * });
 * const key = makeInternalKey(new TextEncoder().encode("clay"), 1, KIND_VALUE);
 * const value = new TextEncoder().encode("grey");
 * writer.add(key, 0, key.length, value, 0, value.length);
 * assertEquals(writer.finish(), file.size);
 * file.close();
 * ```
 */
export class TableWriter {
  readonly #file: WritableFile;
  readonly #comparator: InternalKeyComparator;
  readonly #blockBytes: number;
  readonly #compression: Compressor | undefined;
  readonly #filter: FilterBlockBuilder | undefined;
  readonly #data: BlockBuilder;
  readonly #index = new BlockBuilder(1);
  readonly #metaindex: BlockBuilder;
  readonly #output = new Uint8Array(OUTPUT_BYTES);
  readonly #handle = new Uint8Array(HANDLE_BYTES_MAX);
  #outputEnd = 0;
  /** Bytes of finished blocks, appended to the file or waiting in the output. */
  #offset = 0;
  #entryCount = 0;
  /** The last finished data block, whose index entry waits for the key that follows. */
  #pending: BlockHandle | undefined;
  #isFinished = false;

  /**
   * Begins a table.
   *
   * @param file An empty file. The writer neither syncs nor closes it.
   * @param options How the table is written.
   */
  constructor(file: WritableFile, options: TableWriterOptions) {
    this.#file = file;
    this.#comparator = options.comparator;
    this.#blockBytes = options.blockBytes;
    this.#compression = options.compression;
    this.#filter = options.filterBits > 0 ? new FilterBlockBuilder(options.filterBits) : undefined;
    // Room for the entry that makes the block full, unless it is a large one.
    this.#data = new BlockBuilder(options.restartInterval, options.blockBytes * 2);
    this.#metaindex = new BlockBuilder(options.restartInterval);
  }

  /** How many entries were added. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** A copy of the last key added. */
  get lastKey(): Uint8Array {
    return this.#data.lastKey.slice(0, this.#data.lastKeyEnd);
  }

  /** Bytes of the table so far; the block being filled counts before compression. */
  get size(): number {
    return this.#offset + (this.#data.entryCount > 0 ? this.#data.bytes : 0);
  }

  /**
   * Adds an entry that comes after all those before.
   *
   * @param key Buffer of the internal key.
   * @param keyStart Where it starts.
   * @param keyEnd Where it ends, exclusive.
   * @param value Buffer of the value.
   * @param valueStart Where it starts.
   * @param valueEnd Where it ends, exclusive.
   */
  add(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const data = this.#data;
    const shared = data.sharedBytes(key, keyStart, keyEnd);
    invariant(
      this.#entryCount === 0 || this.#isAfterLast(key, keyStart, keyEnd, shared),
      "entries of a table are added in ascending order",
    );
    if (this.#pending !== undefined) {
      const last = data.lastKey.subarray(0, data.lastKeyEnd);
      const next = key.subarray(keyStart, keyEnd);
      this.#addIndexEntry(this.#comparator.separator(last, next), this.#pending);
    }
    this.#filter?.add(key, keyStart, keyEnd - TRAILER_BYTES);
    data.add(key, keyStart, keyEnd, value, valueStart, valueEnd, shared);
    this.#entryCount++;
    if (data.bytes >= this.#blockBytes || data.keyBytes >= BLOCK_KEY_BYTES_MAX) this.#endData();
  }

  /**
   * Ends the table and appends what is still held back. Only {@linkcode size} and {@linkcode entryCount} may
   * be used after it.
   *
   * @returns The bytes of the table.
   */
  finish(): number {
    invariant(!this.#isFinished, "a table is finished once");
    this.#isFinished = true;
    this.#endData();
    if (this.#filter !== undefined) {
      const filter = this.#filter.finish();
      const handle = this.#append(filter, filter.length, COMPRESSION_NONE);
      const name = new TextEncoder().encode(FILTER_NAME);
      this.#addHandle(this.#metaindex, name, handle);
    }
    const metaindex = this.#appendBlock(this.#metaindex);
    if (this.#pending !== undefined) {
      const last = this.#data.lastKey.subarray(0, this.#data.lastKeyEnd);
      this.#addIndexEntry(this.#comparator.successor(last), this.#pending);
    }
    const index = this.#appendBlock(this.#index);
    const footer = encodeFooter(metaindex, index);
    this.#put(footer, 0, footer.length);
    this.#offset += footer.length;
    this.#flush();
    return this.#offset;
  }

  /** Whether a key comes after the last one. */
  #isAfterLast(key: Uint8Array, keyStart: number, keyEnd: number, shared: number): boolean {
    const { lastKey, lastKeyEnd } = this.#data;
    // In the order of bytes the first that differ decide, if both are of user keys.
    const isDecided = this.#comparator.isBytewise && shared < lastKeyEnd - TRAILER_BYTES &&
      shared < keyEnd - keyStart - TRAILER_BYTES;
    return isDecided
      ? lastKey[shared]! < key[keyStart + shared]!
      : this.#comparator.compare(lastKey, 0, lastKeyEnd, key, keyStart, keyEnd) < 0;
  }

  #endData(): void {
    if (this.#data.entryCount === 0) return;
    this.#pending = this.#appendBlock(this.#data);
    this.#filter?.startBlock(this.#offset);
  }

  #addIndexEntry(key: Uint8Array, handle: BlockHandle): void {
    this.#addHandle(this.#index, key, handle);
    this.#pending = undefined;
  }

  #addHandle(block: BlockBuilder, key: Uint8Array, handle: BlockHandle): void {
    const end = putHandle(this.#handle, 0, handle.offset, handle.bytes);
    block.add(key, 0, key.length, this.#handle, 0, end);
  }

  /** Appends a built block, compressed if that pays, and resets the builder. */
  #appendBlock(builder: BlockBuilder): BlockHandle {
    const end = builder.finish();
    const compressed = this.#compression?.compress(builder.buffer, 0, end);
    const handle = compressed === undefined
      ? this.#append(builder.buffer, end, COMPRESSION_NONE)
      : this.#append(compressed, compressed.length, this.#compression!.id);
    builder.reset();
    return handle;
  }

  /** Appends the first `bytes` bytes of a buffer as a block with its trailer. */
  #append(buffer: Uint8Array, bytes: number, compression: number): BlockHandle {
    const handle = { offset: this.#offset, bytes };
    const trailer = this.#handle;
    putBlockTrailer(trailer, buffer, bytes, compression);
    this.#put(buffer, 0, bytes);
    this.#put(trailer, 0, BLOCK_TRAILER_BYTES);
    this.#offset += bytes + BLOCK_TRAILER_BYTES;
    return handle;
  }

  #put(buffer: Uint8Array, start: number, end: number): void {
    const bytes = end - start;
    if (this.#outputEnd + bytes > OUTPUT_BYTES) this.#flush();
    if (bytes > OUTPUT_BYTES) {
      this.#file.append(buffer.subarray(start, end));
      return;
    }
    this.#output.set(buffer.subarray(start, end), this.#outputEnd);
    this.#outputEnd += bytes;
  }

  #flush(): void {
    if (this.#outputEnd === 0) return;
    this.#file.append(this.#output.subarray(0, this.#outputEnd));
    this.#outputEnd = 0;
  }
}
