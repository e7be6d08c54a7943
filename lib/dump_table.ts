/**
 * **What.** A table as parts, in the order of the file: data blocks, filter, metaindex, index, footer. The format is in
 * `table_format.ts`.
 *
 * ```text
 * footer ──► metaindex ──► filter          read first, shown when it is their turn
 *    └─────► index ──► data blocks         walked beside the data, so no list of blocks is held
 * ```
 * **Without an index.** A block's checksum follows it, so from where one block ends the next one ends where a checksum
 * holds for all bytes from there on. What no handle leads to is looked through so, and what is found is shown with a
 * word on that. An index that fails its checksum is not believed, but where no block is found that way, the next of its
 * handles that leads to a sound block is where it goes on.
 *
 * **Invariants.**
 * 1. No byte is left out and none is shown twice, whatever handles say: one that leads back, or into another block, is
 *    damage, and is not followed.
 * 2. A compressed block is held in memory if it takes up to {@linkcode PLAIN_BYTES_MAX}; nothing else is.
 *
 * **Read next.** `dump_file.ts`
 *
 * @module
 */
import { getFixed32 } from "./coding.ts";
import { COMPRESSION_NONE, type Compressor, snappy, zstd } from "./compression.ts";
import { crc32c, unmask } from "./crc32c.ts";
import {
  BlockEntries,
  type BlockKind,
  dumpBlock,
  dumpFilterBlock,
  filterOffsets,
  handleText,
  restartsOf,
} from "./dump_block.ts";
import {
  checksumText,
  DETAIL,
  type DumpOptions,
  type DumpParts,
  DumpReader,
  type DumpSource,
  MemorySource,
  part,
} from "./dump_part.ts";
import { KIND_VALUE, TRAILER_BYTES } from "./internal_key.ts";
import {
  BLOCK_TRAILER_BYTES,
  type BlockHandle,
  FILTER_NAME,
  FOOTER_BYTES,
  MAGIC_HIGH,
  MAGIC_LOW,
} from "./table_format.ts";

/** A compressed block that takes more in memory is not taken apart. */
export const PLAIN_BYTES_MAX: number = 256 * 1024 * 1024;

const MAGIC_BYTES = 8;
/** LevelDB's tables have one entry in their metaindex. Of more than this, the others are shown, but not followed. */
const METAS_MAX = 64;
const CRC_WINDOW_BYTES = 64 * 1024;

/** What a block is for; the two that have entries of their own names are as in {@linkcode BlockKind}. */
type TableBlockKind = BlockKind | "filter" | "unknown";

/** A block, and its trailer. */
interface StoredBlock extends BlockHandle {
  readonly compression: number;
  readonly stored: number;
  readonly computed: number;
}

/** What a block is when it is decompressed, or why it cannot be. */
type PlainBlock = { readonly source: DumpSource; readonly start: number; readonly end: number } | {
  readonly problem: string;
};

/** A block that something leads to, other than data. */
interface MetaBlock extends BlockHandle {
  readonly kind: TableBlockKind;
}

/**
 * Takes a table apart.
 *
 * @example The blocks of a table
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FileSource } from "./dump_part.ts";
 * import { dumpTable } from "./dump_table.ts";
 * import { InternalKeyComparator, makeInternalKey } from "./internal_key.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { TableWriter } from "./table_writer.ts";
 *
 * const disk = new MemoryFileSystem();
 * const writer = new TableWriter(disk.create("000005.ldb"), {
 *   comparator: new InternalKeyComparator(),
 *   blockBytes: 4096,
 *   restartInterval: 16,
 *   filterBits: 10,
 *   compression: undefined,
 * });
 * writer.add(makeInternalKey(Uint8Array.of(0x6b), 1, 1), 0, 9, new Uint8Array(1), 0, 1);
 * writer.finish();
 *
 * const source = new FileSource(disk.open("000005.ldb"));
 * const parts = [...dumpTable(source, 0, { valueBytes: 64, keysOnly: false })];
 * const names = parts.filter(({ depth }) => depth === 0).map(({ name }) => name);
 * assertEquals(names, ["data block 0", "filter block", "metaindex block", "index block", "footer"]);
 * ```
 *
 * @param source The file.
 * @param depth How deep its blocks are.
 * @param options How much is shown.
 */
export function* dumpTable(source: DumpSource, depth: number, options: DumpOptions): DumpParts {
  yield* new TableDump(source, depth, options).run();
}

/** What a table's footer says, and what is wrong with it. */
interface TableFooter {
  readonly metaindex: BlockHandle | undefined;
  readonly index: BlockHandle | undefined;
  /** Whether there is one at all: else blocks may go on to the end of the file. */
  readonly isThere: boolean;
  readonly damage: string | undefined;
}

class TableDump {
  readonly #source: DumpSource;
  readonly #depth: number;
  readonly #options: DumpOptions;
  /** Where the last block ends at most. */
  readonly #dataEnd: number;
  #at = 0;
  /** How many data blocks there have been. */
  #dataBlocks = 0;
  /** How many bytes may still be read to try out the handles of an index that is not believed. */
  #trialBytes: number;

  constructor(source: DumpSource, depth: number, options: DumpOptions) {
    this.#source = source;
    this.#depth = depth;
    this.#options = options;
    this.#dataEnd = Math.max(0, source.size - FOOTER_BYTES);
    this.#trialBytes = 2 * source.size;
  }

  *run(): DumpParts {
    const { size } = this.#source;
    const footer = this.#readFooter();
    const blocksEnd = footer.isThere ? this.#dataEnd : size;
    const metas = this.#readMetas(footer);
    const firstMeta = metas[0]?.offset ?? blocksEnd;
    const index = metas.find(({ kind }) => kind === "index");
    yield* this.#dumpData(index, firstMeta);
    for (const meta of metas) {
      yield* this.#dumpGap(meta.offset);
      yield* this.#dumpBlock(meta, meta.kind);
    }
    yield* this.#dumpGap(blocksEnd);
    if (footer.isThere) return yield* this.#dumpFooter(footer);
    const { damage } = footer;
    yield part(this.#source, this.#depth, size, 0, "end", "", { damage, isLeaf: true });
  }

  #readFooter(): TableFooter {
    const { size } = this.#source;
    if (size < FOOTER_BYTES) {
      const damage = `a table of ${size} bytes, too short for its footer`;
      return { metaindex: undefined, index: undefined, isThere: false, damage };
    }
    const start = size - FOOTER_BYTES;
    const magic = this.#source.read(size - MAGIC_BYTES, MAGIC_BYTES);
    const isMagic = getFixed32(magic, 0) === MAGIC_LOW && getFixed32(magic, 4) === MAGIC_HIGH;
    const reader = new DumpReader(this.#source, start, size - MAGIC_BYTES);
    const metaindex = readHandle(reader);
    const index = readHandle(reader);
    // No other block is just before the footer: without a checksum, that is how the handle is known to be right.
    const isIndex = index !== undefined &&
      index.offset + index.bytes + BLOCK_TRAILER_BYTES === start;
    const damage = !isMagic
      ? "no table magic number at the end of the file"
      : !isIndex
      ? "a footer that names no index before it"
      : undefined;
    const isMetaindex = isIndex && metaindex !== undefined &&
      this.#isBefore(metaindex, index.offset);
    return {
      metaindex: isMetaindex ? metaindex : undefined,
      index: isIndex ? index : undefined,
      isThere: isMagic || isIndex,
      damage: damage ??
        (isMetaindex ? undefined : "a footer that names no metaindex before the index"),
    };
  }

  /** What the footer and the metaindex lead to, in the order of the file, none of them within another one. */
  #readMetas({ metaindex, index }: TableFooter): MetaBlock[] {
    const metas: MetaBlock[] = [];
    if (index !== undefined) metas.push({ ...index, kind: "index" });
    if (metaindex !== undefined) {
      metas.push({ ...metaindex, kind: "metaindex" });
      const plain = this.#plainOf(this.#readBlock(metaindex));
      if ("source" in plain) {
        const { source, start, end } = plain;
        const entries = new BlockEntries(source, start, restartsOf(source, start, end).start);
        for (let i = 0; i < METAS_MAX && entries.next(); i++) {
          const handle = entries.handle();
          if (handle === undefined || !this.#isBefore(handle, metaindex.offset)) continue;
          const name = new TextDecoder().decode(entries.key.subarray(0, entries.keyBytes));
          metas.push({ ...handle, kind: name === FILTER_NAME ? "filter" : "unknown" });
        }
      }
    }
    metas.sort((a, b) => a.offset - b.offset);
    return metas.filter(({ kind, offset, bytes }, i) => {
      const next = metas[i + 1];
      // A filter's handle may be damaged; those in the footer were checked.
      const isFixed = kind === "index" || kind === "metaindex";
      return isFixed || next === undefined || offset + bytes + BLOCK_TRAILER_BYTES <= next.offset;
    });
  }

  /**
   * Whether a handle leads to what it should, as far as can be told. Neither the footer has a checksum, nor a damaged
   * metaindex one that holds: so the block's own has to, or it is where writers put it, just before the next one.
   */
  #isBefore(handle: BlockHandle, end: number): boolean {
    const handleEnd = handle.offset + handle.bytes + BLOCK_TRAILER_BYTES;
    if (handleEnd >= end) return handleEnd === end;
    const { stored, computed } = this.#readBlock(handle);
    return stored === computed;
  }

  /** Shows what comes before the other blocks, led by the index as far as it can be believed. */
  *#dumpData(index: MetaBlock | undefined, end: number): DumpParts {
    if (index === undefined) return yield* this.#dumpGap(end);
    const stored = this.#readBlock(index);
    const plain = this.#plainOf(stored);
    if (!("source" in plain)) return yield* this.#dumpGap(end);
    const isBelieved = stored.stored === stored.computed;
    const { source, start, end: plainEnd } = plain;
    const entries = new BlockEntries(source, start, restartsOf(source, start, plainEnd).start);
    if (!isBelieved) yield* this.#dumpFound(end);
    for (let i = 0; this.#at < end && entries.next(); i++) {
      const handle = entries.handle();
      const isHere = handle !== undefined && handle.offset >= this.#at &&
        handle.offset + handle.bytes + BLOCK_TRAILER_BYTES <= end;
      if (isBelieved && !isHere) {
        const to = handle === undefined ? "nowhere" : handleText(handle);
        const damage = `entry ${i} of the index leads to ${to}, which is no place for a data block`;
        yield part(this.#source, this.#depth, this.#at, 0, "index", "", { damage });
      }
      if (!isHere || (!isBelieved && !this.#isSoundTrial(handle))) continue;
      if (handle.offset > this.#at) yield* this.#dumpGap(handle.offset);
      yield* this.#dumpBlock(handle, "data");
      if (!isBelieved) yield* this.#dumpFound(end);
    }
    yield* this.#dumpGap(end);
  }

  /** Whether there is a sound block where an index that is not believed says so. */
  #isSoundTrial(handle: BlockHandle): boolean {
    this.#trialBytes -= handle.bytes;
    if (this.#trialBytes < 0) return false;
    const { stored, computed } = this.#readBlock(handle);
    return stored === computed;
  }

  /** Shows blocks that are found one after another by their checksums. */
  *#dumpFound(end: number): DumpParts {
    while (this.#at < end) {
      const bytes = findBlockBytes(this.#source, this.#at, end);
      if (bytes === undefined) return;
      yield* this.#dumpBlock({ offset: this.#at, bytes }, undefined);
    }
  }

  /** Shows what nothing leads to, up to an offset. */
  *#dumpGap(end: number): DumpParts {
    yield* this.#dumpFound(end);
    const left = end - this.#at;
    if (left <= 0) return;
    const damage = "bytes that nothing leads to, and in which no checksum holds";
    const options = { damage, isLeaf: true };
    yield part(this.#source, this.#depth, this.#at, left, "lost", "", options);
    this.#at = end;
  }

  /** Reads a block's trailer and works out its checksum. The handle must be checked. */
  #readBlock({ offset, bytes }: BlockHandle): StoredBlock {
    const computed = checksumOf(this.#source, offset, bytes + 1);
    const trailer = this.#source.read(offset + bytes, BLOCK_TRAILER_BYTES);
    const stored = unmask(getFixed32(trailer, 1));
    return { offset, bytes, compression: trailer[0]!, stored, computed };
  }

  #plainOf({ offset, bytes, compression }: StoredBlock): PlainBlock {
    const source = this.#source;
    if (compression === COMPRESSION_NONE) return { source, start: offset, end: offset + bytes };
    const compressor = compressorOf(compression);
    if (compressor === undefined) return { problem: `unknown compression ${compression}` };
    if (bytes > PLAIN_BYTES_MAX) return { problem: "too large to be decompressed here" };
    const stored = source.read(offset, bytes);
    const plainBytes = compressor.decompressedBytes(stored, 0, bytes);
    const damaged = { problem: `it cannot be decompressed: damaged ${compressor.name} data` };
    if (plainBytes < 0) return damaged;
    if (plainBytes > PLAIN_BYTES_MAX) {
      return { problem: `too large to be decompressed here: ${plainBytes} bytes` };
    }
    const plain = compressor.decompress(stored, 0, bytes);
    if (plain === undefined) return damaged;
    const within = `block at ${offset}`;
    return { source: new MemorySource(plain, within), start: 0, end: plain.length };
  }

  /** Shows a block with its trailer; one of which nothing says what it is if no kind is given. */
  *#dumpBlock(handle: BlockHandle, given: TableBlockKind | undefined): DumpParts {
    const { offset, bytes } = handle;
    const length = bytes + BLOCK_TRAILER_BYTES;
    this.#at = offset + length;
    const isData = given === "data";
    const number = isData || given === undefined ? this.#dataBlocks : undefined;
    if (isData) this.#dataBlocks++;
    const isWanted = this.#options.wants?.({ kind: given ?? "data", number, offset, length });
    if (isWanted === false && given !== undefined) return;
    const block = this.#readBlock(handle);
    const plain = this.#plainOf(block);
    const kind = given ?? kindOf(plain, offset);
    if (given === undefined && kind === "data") this.#dataBlocks++;
    if (isWanted === false) return;
    const { stored, computed, compression } = block;
    const isSound = stored === computed;
    const problem = "problem" in plain ? plain.problem : undefined;
    const damage = isSound
      ? given === undefined ? "nothing leads to it; found by its checksum" : undefined
      : `checksum ${checksumText(stored)} stored, ${checksumText(computed)} computed`;
    const compressed = compressionText(block, plain);
    const check = isSound ? `, checksum ${checksumText(stored)} ok` : "";
    const name = kind === "data" ? `data block ${this.#dataBlocks - 1}` : `${kind} block`;
    const text = `${bytes} bytes${compressed}${check}`;
    yield part(this.#source, this.#depth, offset, length, name, text, { damage });
    const inner = this.#depth + 1;
    if (compression !== COMPRESSION_NONE) {
      const isDetail = problem === undefined;
      const options = { damage: problem, isLeaf: true, isDetail };
      yield part(this.#source, inner, offset, bytes, "compressed", "", options);
    }
    if ("source" in plain) yield* this.#dumpInside(plain.source, plain.start, plain.end, kind);
    const name2 = compressorOf(compression)?.name ?? (compression === 0 ? "none" : "unknown");
    const compressionAt = offset + bytes;
    const compressionOf = `${compression}: ${name2}`;
    yield part(this.#source, inner, compressionAt, 1, "compression", compressionOf, DETAIL);
    const checksum = isSound
      ? `${checksumText(stored)}, stored masked`
      : `${checksumText(stored)} stored, masked; ${checksumText(computed)} computed`;
    yield part(this.#source, inner, compressionAt + 1, 4, "checksum", checksum, DETAIL);
  }

  *#dumpInside(source: DumpSource, start: number, end: number, kind: TableBlockKind): DumpParts {
    const depth = this.#depth + 1;
    if (kind === "filter") yield* dumpFilterBlock(source, start, end, depth);
    else if (kind !== "unknown") yield* dumpBlock(source, start, end, depth, kind, this.#options);
    else yield part(source, depth, start, end - start, "content", "", { isLeaf: true });
  }

  *#dumpFooter({ damage }: TableFooter): DumpParts {
    const source = this.#source;
    const depth = this.#depth;
    const { size } = source;
    const start = this.#dataEnd;
    const place = { kind: "footer", number: undefined, offset: start, length: FOOTER_BYTES };
    if (this.#options.wants?.(place) === false) return;
    const reader = new DumpReader(source, start, size - MAGIC_BYTES);
    const handles = ["metaindex", "index"].map((name) => {
      const offset = reader.at;
      const handle = readHandle(reader);
      const text = handle === undefined ? "no handle" : handleText(handle);
      return { name, offset, length: reader.at - offset, text, isLeaf: handle !== undefined };
    });
    const text = handles.map(({ name, text }) => `${name} ${text}`).join(", ");
    const padding = source.read(reader.at, reader.left);
    const isZeros = padding.every((byte) => byte === 0);
    const wrong = damage ?? (isZeros ? undefined : "bytes that are not zeros behind its handles");
    yield part(source, depth, start, FOOTER_BYTES, "footer", text, { damage: wrong });
    for (const { name, offset, length, text } of handles) {
      if (length > 0) yield part(source, depth + 1, offset, length, `${name} handle`, text, DETAIL);
    }
    yield part(source, depth + 1, reader.at, reader.left, "padding", "zeros", DETAIL);
    yield part(source, depth + 1, size - MAGIC_BYTES, MAGIC_BYTES, "magic", "", DETAIL);
  }
}

/** Reads a handle; what is not one is not passed over. */
function readHandle(reader: DumpReader): BlockHandle | undefined {
  const before = reader.at;
  const offset = reader.varint64();
  const bytes = reader.varint64();
  if (offset !== undefined && bytes !== undefined) return { offset, bytes };
  reader.at = before;
  return undefined;
}

function compressorOf(id: number): Compressor | undefined {
  return [snappy, zstd].find((compressor) => compressor.id === id);
}

function compressionText({ compression }: StoredBlock, plain: PlainBlock): string {
  if (compression === COMPRESSION_NONE) return "";
  const name = compressorOf(compression)?.name ?? `compression ${compression}`;
  return "source" in plain ? ` (${plain.end} uncompressed, ${name})` : ` (${name})`;
}

/** The checksum of bytes of any length. */
function checksumOf(source: DumpSource, offset: number, bytes: number): number {
  let crc = 0;
  for (let at = 0; at < bytes; at += CRC_WINDOW_BYTES) {
    const length = Math.min(CRC_WINDOW_BYTES, bytes - at);
    crc = crc32c(source.read(offset + at, length), 0, length, crc);
  }
  return crc;
}

/**
 * Finds the end of a block by its checksum.
 *
 * @param source The table.
 * @param offset Where the block starts.
 * @param end Where it ends at most, with its trailer.
 * @returns Its bytes without the trailer, or `undefined` if no checksum holds.
 */
function findBlockBytes(source: DumpSource, offset: number, end: number): number | undefined {
  const idEnd = end - BLOCK_TRAILER_BYTES + 1;
  let crc = 0;
  for (let at = offset; at < idEnd; at += CRC_WINDOW_BYTES) {
    const ids = Math.min(CRC_WINDOW_BYTES, idEnd - at);
    const bytes = source.read(at, ids + BLOCK_TRAILER_BYTES - 1);
    for (let i = 0; i < ids; i++) {
      // The checksum covers the compression id, too, which is what this byte is if the block ends here.
      crc = crc32c(bytes, i, i + 1, crc);
      if (bytes[i]! <= zstd.id && unmask(getFixed32(bytes, i + 1)) === crc) return at + i - offset;
    }
  }
  return undefined;
}

/** Tells what a block is that nothing leads to. */
function kindOf(plain: PlainBlock, offset: number): TableBlockKind {
  if ("problem" in plain) return "unknown";
  const { source, start, end } = plain;
  const entries = new BlockEntries(source, start, restartsOf(source, start, end).start);
  if (!entries.next()) {
    if (filterOffsets(source, start, end) !== undefined && end - start > 8) return "filter";
    return "metaindex"; // what is empty is one without a filter
  }
  const { key, keyBytes } = entries;
  if (new TextDecoder().decode(key.subarray(0, keyBytes)) === FILTER_NAME) return "metaindex";
  const isKey = keyBytes >= TRAILER_BYTES && key[keyBytes - TRAILER_BYTES]! <= KIND_VALUE;
  // The handles of an index lead to one block after another, from the beginning of the table on.
  let reached = 0;
  do {
    const handle = entries.handle();
    if (handle?.offset !== reached) break;
    reached += handle.bytes + BLOCK_TRAILER_BYTES;
  } while (reached <= offset && entries.next());
  if (reached > 0 && reached <= offset && entries.damage === undefined && isKey) return "index";
  if (isKey) return "data";
  return filterOffsets(source, start, end) === undefined ? "unknown" : "filter";
}
