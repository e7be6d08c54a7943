/**
 * **What.** A filter that tells most absent keys from present ones without reading the block they would be in. A
 * Bloom filter is an array of bits: adding a key sets k of them, chosen by the key's hash; a key of which some bit
 * is not set was never added. With 10 bits a key, one absent key in a hundred slips through. A table has one filter
 * for every 2 KiB of its data, all of them in one filter block.
 *
 * **Format.**
 * ```text
 * filter       := bits (length rounded up to whole bytes, at least 8), k (1 byte)
 * filter block := filter*, offset of each filter (fixed32 each), where those offsets start (fixed32), 11
 *
 * Filter i covers the blocks that start in bytes [i << 11, (i + 1) << 11) of the table. Where none does, it is empty.
 * ```
 *
 * **Invariants.**
 * 1. A key that was added is never said to be absent.
 * 2. Same keys, same bytes as LevelDB's built-in filter, which is what the name in `table_format.ts` promises.
 * 3. Filters are over user keys: a lookup asks for any version of a key. Each version added counts as a key.
 * 4. A filter that cannot be understood says "may be there": it can cost a read, never an answer.
 *
 * Sources: Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors" (1970); Kirsch and Mitzenmacher,
 * "Less Hashing, Same Performance" (2006), for k positions from one hash; LevelDB's `util/bloom.cc`,
 * `util/hash.cc` and `table/filter_block.cc`.
 *
 * **Read next.** `buffer_pool.ts`
 *
 * @module
 */
import { withRoom } from "./block_builder.ts";
import { getFixed32, putFixed32 } from "./coding.ts";

const HASH_SEED = 0xbc9f1d34;
const HASH_MULTIPLIER = 0xc6a4a793;

/**
 * Hashes a key for a Bloom filter.
 *
 * @param buffer Where the key is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @returns 0 to 2^32 - 1.
 */
export function bloomHash(buffer: Uint8Array, start: number, end: number): number {
  let hash = HASH_SEED ^ Math.imul(end - start, HASH_MULTIPLIER);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) |
      (buffer[at + 3]! << 24);
    hash = Math.imul(hash + word, HASH_MULTIPLIER);
    hash ^= hash >>> 16;
  }
  if (at < end) {
    let rest = buffer[at]!;
    if (at + 1 < end) rest |= buffer[at + 1]! << 8;
    if (at + 2 < end) rest |= buffer[at + 2]! << 16;
    hash = Math.imul(hash + rest, HASH_MULTIPLIER);
    hash ^= hash >>> 24;
  }
  return hash >>> 0;
}

/** How many bits a key sets: ln 2 times the bits a key has makes the fewest errors. */
function probesFor(bitsPerKey: number): number {
  return Math.min(30, Math.max(1, Math.floor(bitsPerKey * 0.69)));
}

/**
 * Whether a key may be among those that a filter was made of.
 *
 * @param filter Buffer of the filter.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @param hash The key's {@linkcode bloomHash}.
 * @returns False if the key was certainly not added.
 */
export function mayContain(
  filter: Uint8Array,
  start: number,
  end: number,
  hash: number,
): boolean {
  const bytes = end - start - 1;
  if (bytes < 1) return false; // LevelDB's rule: an empty filter is one of no keys
  const probes = filter[end - 1]!;
  // Reserved for other encodings of short filters.
  if (probes > 30) return true;
  // Unsigned like what it divides: that makes the remainder one of integers, five times as fast as of doubles.
  const bits = (bytes * 8) >>> 0;
  let position = hash | 0; // a 32-bit integer from here on, or the loop is done in floating point
  const delta = (position >>> 17) | (position << 15);
  for (let i = 0; i < probes; i++) {
    const bit = (position >>> 0) % bits;
    if ((filter[start + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false;
    position = (position + delta) | 0;
  }
  return true;
}

/**
 * Makes a filter of a set of keys.
 *
 * @example A filter of two keys
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BloomFilterBuilder, bloomHash, mayContain } from "./bloom_filter.ts";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const builder = new BloomFilterBuilder(10);
 * builder.add(bytes("hello"), 0, 5);
 * builder.add(bytes("world"), 0, 5);
 * const filter = new Uint8Array(builder.filterBytes);
 * builder.finish(filter, 0);
 * assertEquals(mayContain(filter, 0, filter.length, bloomHash(bytes("hello"), 0, 5)), true);
 * assertEquals(mayContain(filter, 0, filter.length, bloomHash(bytes("x"), 0, 1)), false);
 * ```
 */
export class BloomFilterBuilder {
  readonly #bitsPerKey: number;
  readonly #probes: number;
  // The hash is all that a filter takes of a key, so that is what is kept until the number of keys is known.
  #hashes = new Uint32Array(256);
  #count = 0;

  /**
   * Makes a builder.
   *
   * @param bitsPerKey How many bits to spend on a key: 10 for 1 % of false positives.
   */
  constructor(bitsPerKey: number) {
    this.#bitsPerKey = bitsPerKey;
    this.#probes = probesFor(bitsPerKey);
  }

  /** Keys added so far. */
  get keyCount(): number {
    return this.#count;
  }

  /** Bytes that {@linkcode finish} will write. */
  get filterBytes(): number {
    // Very short filters would be full of ones, hence the 64.
    return ((Math.max(64, Math.floor(this.#count * this.#bitsPerKey)) + 7) >>> 3) + 1;
  }

  /**
   * Adds a key.
   *
   * @param buffer Where the key is.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   */
  add(buffer: Uint8Array, start: number, end: number): void {
    if (this.#count === this.#hashes.length) {
      const grown = new Uint32Array(this.#hashes.length * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    this.#hashes[this.#count++] = bloomHash(buffer, start, end);
  }

  /**
   * Writes the filter of the keys added, {@linkcode filterBytes} bytes, and forgets them.
   *
   * @param into Where to write; the bytes written to must be zero.
   * @param offset At which byte.
   */
  finish(into: Uint8Array, offset: number): void {
    const end = offset + this.filterBytes;
    const bits = ((end - offset - 1) * 8) >>> 0;
    for (let i = 0; i < this.#count; i++) {
      let hash: number = this.#hashes[i]!;
      const delta = (hash >>> 17) | (hash << 15);
      for (let probe = 0; probe < this.#probes; probe++) {
        const bit = (hash >>> 0) % bits;
        into[offset + (bit >>> 3)]! |= 1 << (bit & 7);
        hash = (hash + delta) | 0;
      }
    }
    into[end - 1] = this.#probes;
    this.#count = 0;
  }
}

/** Each filter covers 2^11 bytes of a table. */
const FILTER_BASE_LG = 11;

/** Makes the filter block of a table while its data blocks are written. */
export class FilterBlockBuilder {
  readonly #filter: BloomFilterBuilder;
  #buffer: Uint8Array = new Uint8Array(4096);
  #end = 0;
  #offsets: number[] = [];

  /**
   * Makes a builder.
   *
   * @param bitsPerKey How many bits to spend on a key.
   */
  constructor(bitsPerKey: number) {
    this.#filter = new BloomFilterBuilder(bitsPerKey);
  }

  /**
   * Says where the next data block starts. To be called before its keys are added.
   *
   * @param offset Its first byte's place in the table.
   */
  startBlock(offset: number): void {
    const index = Math.floor(offset / (1 << FILTER_BASE_LG));
    while (this.#offsets.length < index) this.#endFilter();
  }

  /**
   * Adds a user key of the current data block.
   *
   * @param buffer Where the key is.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   */
  add(buffer: Uint8Array, start: number, end: number): void {
    this.#filter.add(buffer, start, end);
  }

  /**
   * Ends the block.
   *
   * @returns The filter block's bytes, a view of the builder's.
   */
  finish(): Uint8Array {
    if (this.#filter.keyCount > 0) this.#endFilter();
    const offsetsStart = this.#end;
    this.#buffer = withRoom(this.#buffer, this.#end, this.#end + this.#offsets.length * 4 + 5);
    for (const offset of this.#offsets) this.#putFixed32(offset);
    this.#putFixed32(offsetsStart);
    this.#buffer[this.#end++] = FILTER_BASE_LG;
    return this.#buffer.subarray(0, this.#end);
  }

  #endFilter(): void {
    this.#offsets.push(this.#end);
    // A block larger than 2 KiB leaves the filters between its start and its end without keys.
    if (this.#filter.keyCount === 0) return;
    const bytes = this.#filter.filterBytes;
    this.#buffer = withRoom(this.#buffer, this.#end, this.#end + bytes);
    this.#filter.finish(this.#buffer, this.#end);
    this.#end += bytes;
  }

  #putFixed32(value: number): void {
    putFixed32(this.#buffer, this.#end, value);
    this.#end += 4;
  }
}

/** What the heap takes for a filter block besides its bytes. */
const OVERHEAD_BYTES = 512;

/** A filter block as it is asked, and as the buffer pool keeps it. */
export class FilterBlock {
  /** What the block takes in memory, for the buffer pool. */
  readonly memoryBytes: number;
  readonly #bytes: Uint8Array;
  readonly #offsetsStart: number;
  readonly #count: number;
  readonly #filtersPerByte: number;

  /**
   * Makes one of bytes read from a table. Bytes that make no sense make a filter that excludes nothing.
   *
   * @param bytes The filter block; kept.
   */
  constructor(bytes: Uint8Array) {
    this.memoryBytes = bytes.buffer.byteLength + OVERHEAD_BYTES;
    this.#bytes = bytes;
    const footerStart = bytes.length - 5;
    const offsetsStart = footerStart >= 0 ? getFixed32(bytes, footerStart) : 0;
    const isSane = footerStart >= 0 && offsetsStart <= footerStart;
    this.#offsetsStart = offsetsStart;
    this.#count = isSane ? Math.floor((footerStart - offsetsStart) / 4) : 0;
    this.#filtersPerByte = isSane ? 2 ** -bytes[bytes.length - 1]! : 0;
  }

  /**
   * Whether a key may be in a data block.
   *
   * @param blockOffset Where the data block starts in the table.
   * @param hash The user key's {@linkcode bloomHash}.
   * @returns False if it is certainly not there.
   */
  mayContain(blockOffset: number, hash: number): boolean {
    const index = Math.floor(blockOffset * this.#filtersPerByte);
    if (index >= this.#count) return true;
    const at = this.#offsetsStart + index * 4;
    const start = getFixed32(this.#bytes, at);
    // After the last offset comes the place where offsets start, which is where the last filter ends.
    const end = getFixed32(this.#bytes, at + 4);
    if (start > end || end > this.#offsetsStart) return true;
    return mayContain(this.#bytes, start, end, hash);
  }
}
