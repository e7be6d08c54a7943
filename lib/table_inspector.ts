/**
 * **What.** Reads a table that may be damaged from end to end: what is whole comes out as entries in order, what is
 * not is reported with its place, and the next block is looked at. The engine stops at the first damage, and reads
 * only what it is asked for; here all of it is read, and everything that a table promises is looked after.
 *
 * ```text
 * footer ──► metaindex ──► filter
 *    └─────► index ──► data block, data block, …        each with its checksum
 * ```
 * Where footer or index are lost, so are the handles that say where blocks end. But a block's checksum follows it: from
 * where one block ends, the next one ends where a checksum holds for everything from there on. So the blocks of a
 * table that was cut, or has lost its index, are found one after another from its first byte on, up to the first
 * that is damaged, or to the filter or metaindex block behind the data, which are no blocks of entries.
 *
 * **Invariants.**
 * 1. Entries come out in ascending order, from blocks whose checksums hold. A block that breaks the order, or that is a
 *    block of another place, counts as damaged as a whole.
 * 2. Damage is never an exception: that is kept for what has nothing to do with the bytes of the table.
 * 3. For every data block that is lost there is a report of the range of keys that it may have held.
 *
 * A whole block in the place of another one is told by the index, which says between which keys a place is, and then by
 * the filter. Without a filter nothing tells one whose keys fit.
 *
 * Sources: LevelDB's `db/repair.cc`, which finds no block without the index; RocksDB's `sst_dump --command=verify`.
 *
 * **Read next.** `run_inspector.ts`
 *
 * @module
 */
import { decodeBlock, type DecodedBlock } from "./block.ts";
import { bloomHash, FilterBlock } from "./bloom_filter.ts";
import { getFixed32, VarintReader } from "./coding.ts";
import { crc32c, unmask } from "./crc32c.ts";
import { Cursor } from "./cursor.ts";
import type { ReadableFile } from "./file_system.ts";
import {
  type InternalKeyComparator,
  SEQUENCE_MAX,
  sequenceAt,
  TRAILER_BYTES,
} from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { troubleOf } from "./maintenance.ts";
import { findFilter } from "./table_blocks.ts";
import {
  BLOCK_TRAILER_BYTES,
  type BlockHandle,
  borrowBlock,
  FOOTER_BYTES,
  readBlock,
  readFooter,
} from "./table_format.ts";

/** Entries that are lost: which ones they may have been. */
export interface LostKeys {
  /** Internal key that none of them comes before; `undefined` if they may go back to the beginning. */
  readonly after: Uint8Array | undefined;
  /** Internal key that none of them comes after; `undefined` if they may go on to the end. */
  readonly upTo: Uint8Array | undefined;
  /** Whether a user key may have been among them. False is certain. */
  mayContain(buffer: Uint8Array, start: number, end: number): boolean;
}

/** Something in a table that is not as it should be. */
export interface TableDamage {
  /** Where in the file. */
  readonly offset: number;
  /** How many bytes are affected. */
  readonly bytes: number;
  /** What is wrong. */
  readonly what: string;
  /** What may be lost; `undefined` if all entries can be read in spite of it. */
  readonly lost?: LostKeys;
  /** Whether it shows that the table is another one than expected, whole as that may be. */
  readonly isOtherTable?: boolean;
}

/** What is known of a table from elsewhere: its manifest. */
export interface TableExpectation {
  /** Size of the file. */
  readonly bytes: number;
  /** The first internal key. */
  readonly smallest: Uint8Array;
  /** The last internal key. */
  readonly largest: Uint8Array;
  /** No entry has a higher sequence number. */
  readonly sequenceMax: number;
}

/** How a table is inspected. */
export interface TableInspectorOptions {
  /** The order of its entries. */
  readonly comparator: InternalKeyComparator;
  /** Told about everything that is wrong, in the order in which it is found. */
  readonly onDamage: (damage: TableDamage) => void;
  /** What the table should be. @default {unknown} */
  readonly expected?: TableExpectation | undefined;
}

/** A lost or damaged block is looked for in pieces that begin with this size. */
const SCAN_BYTES = 64 * 1024;
/** The highest compression id that there is. */
const COMPRESSION_ID_MAX = 2;

/**
 * Walks a table that may be damaged, from `first` to its end, forward only.
 *
 * @example A table with a damaged block
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { TableInspector } from "./table_inspector.ts";
 * import { TableWriter } from "./table_writer.ts";
 *
 * const comparator = new InternalKeyComparator();
 * const disk = new MemoryFileSystem();
 * const writer = new TableWriter(disk.create("table"), {
 *   comparator,
 *   blockBytes: 64,
 *   restartInterval: 16,
 *   filterBits: 10,
 *   compression: undefined,
 * });
 * for (let i = 0; i < 10; i++) {
 *   writer.add(makeInternalKey(Uint8Array.of(i), i, 1), 0, 9, new Uint8Array(80), 0, 80);
 * }
 * writer.finish();
 * const bytes = disk.readAll("table");
 * bytes[300]! ^= 1;
 * disk.writeAll("table", bytes);
 *
 * const damage: string[] = [];
 * const table = new TableInspector(disk.open("table"), {
 *   comparator,
 *   onDamage: ({ offset, bytes, what }) => damage.push(`${offset}+${bytes}: ${what}`),
 * });
 * for (table.first(); table.valid; table.next());
 * table.close();
 * assertEquals(damage, ["210+105: block checksum mismatch"]);
 * assertEquals(table.entryCount, 9);
 * ```
 */
export class TableInspector extends Cursor {
  /** Entries that came out so far. */
  entryCount = 0;
  /** Blocks read so far, damaged ones included. */
  blockCount = 0;
  /** Where the current block starts. */
  blockOffset = 0;
  /** Whether the table has a filter that we understand. */
  hasFilter = false;
  readonly #file: ReadableFile;
  readonly #comparator: InternalKeyComparator;
  readonly #onDamage: (damage: TableDamage) => void;
  readonly #expected: TableExpectation | undefined;
  #index: DecodedBlock | undefined;
  #filter: FilterBlock | undefined;
  /** Which entry of the index comes next. */
  #indexAt = 0;
  /** Where the next block starts, where there is no index. */
  #scanAt = 0;
  #block: DecodedBlock | undefined;
  #blockAt = 0;
  /** The separator before the current block; it comes before all entries that follow. */
  #separator: Uint8Array | undefined;
  /** How many bytes the current block takes in the file, as far as is known. */
  #blockBytes = 0;
  /** Whether the block before the current one is lost. */
  #isAfterLoss = false;
  #isOtherTable = false;
  #lastKey: Uint8Array | undefined;
  /** The last key that was read or is reported as lost; `undefined` at first. */
  #reached: Uint8Array | undefined;
  #isLostToEnd = false;

  /**
   * Takes a table, and reads nothing of it before `first`.
   *
   * @param file The table's file, closed by {@linkcode close}.
   * @param options How it is inspected.
   */
  constructor(file: ReadableFile, options: TableInspectorOptions) {
    super();
    this.#file = file;
    this.#comparator = options.comparator;
    this.#onDamage = options.onDamage;
    this.#expected = options.expected;
  }

  /** Reads everything but the data, and goes to the first entry. To be called once. */
  override first(): void {
    const { size } = this.#file;
    const footerBytes = Math.min(FOOTER_BYTES, size);
    const footer = this.#attempt(0, footerBytes, () => readFooter(this.#file));
    if (footer !== undefined) {
      this.#readFilter(footer.metaindex);
      this.#index = this.#readIndex(footer.index);
    }
    const expected = this.#expected;
    if (expected !== undefined && expected.bytes !== size) {
      const sizes = `the table has ${size} bytes, not ${expected.bytes}`;
      // Damage leaves no footer at the end of a file that has grown or was cut.
      if (this.#index !== undefined) this.#reportOther(sizes);
      else this.#report(Math.min(expected.bytes, size), 0, sizes);
    }
    this.next();
  }

  /** Goes to the following entry. */
  override next(): void {
    this.#blockAt++;
    while (this.#block === undefined || this.#blockAt >= this.#block.count) {
      if (!this.#nextBlock()) return this.#end();
      this.#blockAt = 0;
    }
    const block = this.#block;
    this.keyStart = block.keyStart(this.#blockAt);
    this.keyEnd = block.keyEnd(this.#blockAt);
    this.valueStart = block.valueStart(this.#blockAt);
    this.valueEnd = block.valueEnd(this.#blockAt);
    this.entryCount++;
    this.valid = true;
  }

  /** Not possible: a damaged table is read from its beginning. */
  override last(): never {
    invariant(false, "an inspected table is walked forward");
  }

  /** Not possible either. */
  override seek(): never {
    invariant(false, "an inspected table is walked forward");
  }

  /** Not possible either. */
  override previous(): never {
    invariant(false, "an inspected table is walked forward");
  }

  /** Closes the file. */
  override close(): void {
    this.valid = false;
    this.#file.close();
  }

  #report(offset: number, bytes: number, what: string, lost?: LostKeys): void {
    this.#onDamage({ offset, bytes, what, ...lost && { lost } });
  }

  /** Reports that the table is not the one that it should be: all that it should hold may be lost. */
  #reportOther(what: string): void {
    if (this.#isOtherTable) return;
    this.#isOtherTable = true;
    const { size } = this.#file;
    const { smallest, largest } = this.#expected!;
    const lost = lostKeys(this.#comparator, smallest, largest);
    this.#onDamage({ offset: 0, bytes: size, what, lost, isOtherTable: true });
  }

  /** Does what may meet damage; then it is reported, and there is no result. */
  #attempt<T>(offset: number, bytes: number, read: () => T, lost?: () => LostKeys): T | undefined {
    try {
      return read();
    } catch (error) {
      const trouble = troubleOf(error, this.#file.path);
      this.#report(trouble.offset ?? offset, bytes, trouble.what, lost?.());
      return undefined;
    }
  }

  #readFilter(metaindex: BlockHandle): void {
    const { offset, bytes } = metaindex;
    this.blockCount++;
    const handle = this.#attempt(
      offset,
      bytes,
      () => findFilter(this.#file, metaindex, this.#comparator),
    );
    if (handle === undefined) return;
    this.blockCount++;
    this.hasFilter = true;
    this.#filter = this.#attempt(
      handle.offset,
      handle.bytes,
      () => new FilterBlock(readBlock(this.#file, handle.offset, handle.bytes)),
    );
  }

  #readIndex({ offset, bytes }: BlockHandle): DecodedBlock | undefined {
    this.blockCount++;
    return this.#attempt(offset, bytes, () => {
      const block = borrowBlock(this.#file, offset, bytes);
      const { path } = this.#file;
      return decodeBlock(block, block.length, "separators", this.#comparator, path, offset);
    });
  }

  /** Goes on to the next block, and makes it the current one if it is whole; false if there is none. */
  #nextBlock(): boolean {
    this.#block = undefined;
    const index = this.#index;
    if (index === undefined) return this.#scanBlock();
    while (this.#indexAt < index.count) {
      const at = this.#indexAt++;
      const separator = index.bytes.slice(index.keyStart(at), index.keyEnd(at));
      const block = this.#readIndexed(index, at, separator);
      if (block !== undefined && this.#adopt(block, separator)) {
        this.#isAfterLoss = false;
        return true;
      }
      this.#separator = separator;
      this.#isAfterLoss = true;
    }
    return false;
  }

  /** Reads the block of an entry of the index. */
  #readIndexed(index: DecodedBlock, at: number, separator: Uint8Array): DecodedBlock | undefined {
    const handle = handleAt(index, at);
    this.blockCount++;
    if (handle === undefined || handle.offset > this.#file.size) {
      this.blockOffset = 0;
      this.#report(0, 0, "index entry that leads nowhere", this.#lostKeys(separator, false));
      return undefined;
    }
    const { offset, bytes } = handle;
    this.blockOffset = offset;
    this.#blockBytes = bytes + BLOCK_TRAILER_BYTES;
    const lost = () => this.#lostKeys(separator, true);
    const decode = () => this.#decode(this.#file, offset, bytes);
    return this.#attempt(offset, this.#blockBytes, decode, lost);
  }

  #decode(file: ReadableFile, offset: number, bytes: number): DecodedBlock {
    const block = borrowBlock(file, offset, bytes);
    return decodeBlock(block, block.length, "entries", this.#comparator, file.path, offset);
  }

  /** What a block that ends with a separator may have held. */
  #lostKeys(separator: Uint8Array | undefined, isPlaceKnown: boolean): LostKeys {
    const expected = this.#expected;
    const comparator = this.#comparator;
    let upTo = separator ?? expected?.largest;
    // The last separator may be far beyond the last key.
    if (upTo !== undefined && expected !== undefined) {
      if (comparator.compareKeys(expected.largest, upTo) < 0) upTo = expected.largest;
    }
    const after = this.#separator ?? this.#lastKey ?? expected?.smallest;
    if (upTo === undefined) this.#isLostToEnd = true;
    else this.#reached = upTo;
    const filter = isPlaceKnown ? this.#filter : undefined;
    return lostKeys(comparator, after, upTo, filter, this.blockOffset);
  }

  /** Takes over a block that was read whole; false if its keys are not in order, or belong elsewhere. */
  #adopt(block: DecodedBlock, separator: Uint8Array | undefined): boolean {
    const { bytes, count } = block;
    if (count === 0) return true;
    const comparator = this.#comparator;
    let last = this.#lastKey;
    for (let i = 0; i < count; i++) {
      const start = block.keyStart(i);
      const end = block.keyEnd(i);
      const isAscending = i > 0
        ? comparator.compare(bytes, block.keyStart(i - 1), start, bytes, start, end) < 0
        : last === undefined || comparator.compare(last, 0, last.length, bytes, start, end) < 0;
      if (isAscending) continue;
      const what = `entry ${i} of the block is not after the one before it`;
      if (separator === undefined && this.#expected !== undefined) this.#reportOther(what);
      else {
        const lost = this.#lostKeys(separator, separator !== undefined);
        this.#report(this.blockOffset, this.#blockBytes, what, lost);
      }
      return false;
    }
    last = bytes.slice(block.keyStart(count - 1), block.keyEnd(count - 1));
    if (separator !== undefined && !this.#isInPlace(block, last, separator)) return false;
    this.#checkBounds(block, last);
    this.#checkEntries(block, separator);
    this.#lastKey = this.#reached = last;
    if (separator !== undefined) this.#separator = separator;
    this.#block = block;
    this.keyBuffer = bytes;
    this.valueBuffer = bytes;
    return true;
  }

  /**
   * Whether a block is where its keys belong. If they go over the borders of their place but fit in between the blocks
   * before and behind, it is the index that is wrong; else it is a block of another place, and this one's is lost.
   */
  #isInPlace(block: DecodedBlock, last: Uint8Array, separator: Uint8Array): boolean {
    const comparator = this.#comparator;
    const before = this.#separator;
    const first = block.bytes.subarray(block.keyStart(0), block.keyEnd(0));
    const isEarly = before !== undefined && comparator.compareKeys(first, before) <= 0;
    const isLate = comparator.compareKeys(last, separator) > 0;
    if (!isEarly && !isLate) return true;
    const what = `the index says that the block ${isEarly ? "starts later" : "ends earlier"}`;
    this.#report(this.blockOffset, this.#blockBytes, what, this.#lostKeys(separator, true));
    const isElsewhere = comparator.compareKeys(first, separator) > 0 ||
      (isEarly && comparator.compareKeys(last, before) <= 0);
    if (isElsewhere || (isEarly && this.#isAfterLoss)) return false;
    return !isLate || this.#isBeforeNext(last);
  }

  /** Whether a key comes before those of the next block. */
  #isBeforeNext(key: Uint8Array): boolean {
    const index = this.#index!;
    const largest = this.#expected?.largest;
    if (this.#indexAt === index.count) {
      return largest === undefined || this.#comparator.compareKeys(key, largest) <= 0;
    }
    const handle = handleAt(index, this.#indexAt);
    if (handle === undefined) return false;
    try {
      const next = this.#decode(this.#file, handle.offset, handle.bytes);
      if (next.count === 0) return false;
      const { bytes } = next;
      const [start, end] = [next.keyStart(0), next.keyEnd(0)];
      return this.#comparator.compare(key, 0, key.length, bytes, start, end) < 0;
    } catch (error) {
      troubleOf(error, this.#file.path); // it is reported when it is its turn
      return false;
    }
  }

  /** Compares a block with what is known of the whole table. */
  #checkBounds(block: DecodedBlock, last: Uint8Array): void {
    if (this.#expected === undefined) return;
    const comparator = this.#comparator;
    const { smallest, largest } = this.#expected;
    if (this.#reached === undefined) {
      const first = block.bytes.subarray(block.keyStart(0), block.keyEnd(0));
      if (comparator.compareKeys(smallest, first) !== 0) {
        this.#reportOther("the table starts with another key");
      }
    }
    if (comparator.compareKeys(last, largest) > 0) {
      this.#reportOther("the table goes on behind its last key");
    }
  }

  /** Reports the first entry that is too new, and the first that the filter denies. */
  #checkEntries(block: DecodedBlock, separator: Uint8Array | undefined): void {
    const { bytes, count } = block;
    const sequenceMax = this.#expected?.sequenceMax ?? Infinity;
    const filter = this.#filter;
    let isTooNew = false;
    let isDenied = false;
    for (let i = 0; i < count; i++) {
      const end = block.keyEnd(i);
      if (!isTooNew && sequenceAt(bytes, end) > sequenceMax) {
        isTooNew = true;
        const what = `sequence number ${sequenceAt(bytes, end)} is over the last one`;
        this.#report(this.blockOffset, 0, what);
      }
      if (isDenied || filter === undefined) continue;
      const hash = bloomHash(bytes, block.keyStart(i), end - TRAILER_BYTES);
      if (filter.mayContain(this.blockOffset, hash)) continue;
      isDenied = true;
      const what = `the filter denies entry ${i} of the block`;
      // It may be a block of another place, whose keys fit here by chance.
      this.#report(this.blockOffset, this.#blockBytes, what, this.#lostKeys(separator, true));
    }
  }

  #end(): void {
    this.valid = false;
    if (this.#expected === undefined || this.#isLostToEnd) return;
    const { smallest, largest } = this.#expected;
    const reached = this.#reached;
    if (reached !== undefined && this.#comparator.compareKeys(reached, largest) >= 0) return;
    const what = "the table ends before its last key";
    // No damage takes blocks from the end of an index that is whole.
    if (this.#index !== undefined) return this.#reportOther(what);
    const lost = lostKeys(this.#comparator, reached ?? smallest, largest);
    this.#report(this.#file.size, 0, what, lost);
  }

  /** Looks for the block that starts where the one before has ended. */
  #scanBlock(): boolean {
    const offset = this.#scanAt;
    const { size, path } = this.#file;
    if (offset < 0) return false;
    this.#scanAt = -1;
    this.blockOffset = offset;
    const lost = () => this.#lostKeys(undefined, false);
    const find = () => findBlock(this.#file, offset);
    const bytes = this.#attempt(offset, size - offset, find, lost);
    if (bytes === undefined) return false;
    if (bytes === -1) {
      const what = "no block can be found here without an index";
      // In what is too short for a block there is none.
      if (size - offset > BLOCK_TRAILER_BYTES) this.#report(offset, size - offset, what, lost());
      return false;
    }
    // There may be no footer at all, so the block may end where the file does.
    const file = this.#file;
    const whole: ReadableFile = {
      path,
      size: size + FOOTER_BYTES,
      read: (into, position) => file.read(into, position),
      close: () => {},
    };
    let block: DecodedBlock;
    try {
      block = this.#decode(whole, offset, bytes);
    } catch (error) {
      troubleOf(error, path);
      return false; // the filter: where data ends
    }
    if (block.count === 0) return false; // the metaindex, if there is no filter
    this.blockCount++;
    this.#blockBytes = bytes + BLOCK_TRAILER_BYTES;
    this.#scanAt = offset + this.#blockBytes;
    this.#adopt(block, undefined);
    return true;
  }
}

/**
 * Says which keys are lost with a part of a table.
 *
 * @param comparator The order of internal keys.
 * @param after Internal key that none of them comes before, as far as is known.
 * @param upTo Internal key that none of them comes after, as far as is known.
 * @param filter The filter of the table, if there is one.
 * @param blockOffset Where the lost block starts, for the filter.
 * @returns The keys that may be lost.
 */
export function lostKeys(
  comparator: InternalKeyComparator,
  after: Uint8Array | undefined,
  upTo: Uint8Array | undefined,
  filter?: FilterBlock,
  blockOffset = 0,
): LostKeys {
  // A separator with a sequence number that no entry has comes before all versions of its user key.
  const isUpToItself = upTo !== undefined && sequenceAt(upTo, upTo.length) <= SEQUENCE_MAX;
  const orderTo = (bound: Uint8Array, buffer: Uint8Array, start: number, end: number) =>
    comparator.compareUser(buffer, start, end, bound, 0, bound.length - TRAILER_BYTES);
  return {
    after,
    upTo,
    mayContain(buffer, start, end) {
      if (after !== undefined && orderTo(after, buffer, start, end) < 0) return false;
      if (upTo !== undefined) {
        const order = orderTo(upTo, buffer, start, end);
        if (order > 0 || (order === 0 && !isUpToItself)) return false;
      }
      return filter === undefined || filter.mayContain(blockOffset, bloomHash(buffer, start, end));
    },
  };
}

/** The handle in an entry of an index; `undefined` if it is none. */
function handleAt(index: DecodedBlock, at: number): BlockHandle | undefined {
  const numbersAt = index.handleAt(at);
  if (index.words[numbersAt]! >= 0) {
    return { offset: index.words[numbersAt]!, bytes: index.words[numbersAt + 1]! };
  }
  const reader = new VarintReader();
  reader.reset(index.bytes, index.valueStart(at), index.valueEnd(at));
  const handle = { offset: reader.varint64(), bytes: reader.varint64() };
  return reader.failed ? undefined : handle;
}

/**
 * Finds the end of a block by its checksum.
 *
 * @param file The table.
 * @param offset Where the block starts.
 * @returns Its bytes as stored, without the trailer; -1 if no checksum holds.
 */
function findBlock(file: ReadableFile, offset: number): number {
  let buffer = new Uint8Array(Math.min(SCAN_BYTES, file.size - offset));
  let end = file.read(buffer, offset);
  let crc = 0;
  for (let at = 0;; at++) {
    if (at + BLOCK_TRAILER_BYTES > end) {
      if (offset + end >= file.size || end < buffer.length) return -1;
      const larger = new Uint8Array(Math.min(buffer.length * 2, file.size - offset));
      larger.set(buffer);
      end += file.read(larger.subarray(end), offset + end);
      buffer = larger;
      if (at + BLOCK_TRAILER_BYTES > end) return -1;
    }
    // The checksum covers the compression id, too, which is what this byte is if the block ends here.
    crc = crc32c(buffer, at, at + 1, crc);
    if (buffer[at]! > COMPRESSION_ID_MAX) continue;
    if (unmask(getFixed32(buffer, at + 1)) === crc) return at;
  }
}
