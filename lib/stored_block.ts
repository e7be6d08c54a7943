/**
 * **What.** A data block as the buffer pool keeps it: as it was stored, but uncompressed. Most blocks of a large
 * database are searched once before they make room for others, so what is done to all of them is only what a search
 * relies on: they are looked through once for damage. A search goes by the restart points, then from entry to entry; a
 * cursor does the same, with the current key put together in a buffer of its own. The format is in `block_builder.ts`.
 *
 * A {@linkcode StoredBlock} is memory as much as it is a block: a block that is evicted gives its memory to the one
 * that it makes room for. For 4 KiB, new memory costs 1 µs and as much to collect.
 *
 * **Invariants.**
 * 1. Each length is bounded before the entry is used: by the block's end, `shared` by the previous key's length.
 *    Anything else is a {@linkcode CorruptionError} when the block is loaded, and so are restart points that are not
 *    what they claim to be.
 * 2. Each entry is a value or a tombstone, with a sequence number up to 2^53 - 1.
 * 3. Whether entries are in order is not checked: the checksum says that they are as written, and a wrong order gives
 *    wrong answers, never a read out of bounds.
 * 4. The block of a cursor stays as it is as long as the cursor is at it; keys and values of a cursor, until it moves.
 *
 * Source: LevelDB's `table/block.cc` for what a reader may rely on.
 *
 * **Read next.** `bloom_filter.ts`
 *
 * @module
 */
import { decodeBlock, type DecodedBlock, SEQUENCE_HIGH_BYTE_MAX } from "./block.ts";
import { withRoom } from "./block_builder.ts";
import { copyBytes, EMPTY_BYTES } from "./bytes.ts";
import { VarintReader } from "./coding.ts";
import { Cursor } from "./cursor.ts";
import { CorruptionError } from "./errors.ts";
import { type InternalKeyComparator, KIND_VALUE, TRAILER_BYTES } from "./internal_key.ts";

/** What the heap takes for a block besides its bytes: the block, its array, that one's buffer and the view. */
const OVERHEAD_BYTES = 512;
/** Memory is made in multiples of this, so that blocks of nearly the same size can use each other's. */
const ROUNDED_TO_BYTES = 256;
/** Offsets in a block are signed 32-bit numbers. */
const OFFSET_MAX = 2 ** 31 - 1;
/** A scratch buffer that one key made longer than this is let go after use. */
const RETAINED_LENGTH_MAX = 1 << 20;

const reader = new VarintReader();
let keyScratch: Uint8Array = new Uint8Array(1024);

/** A block, and the memory that it is in. */
export class StoredBlock {
  // All plain, and what is not memory changes with the block and with what is looked at: nothing of it is to be
  // relied on over another call, but for the bytes of a block that is pinned.
  /** The block, from byte 0 on, and room behind it. */
  readonly bytes: Uint8Array;
  /** The same, to read words from. */
  readonly words: DataView;
  /** What the memory takes, for the buffer pool. */
  readonly memoryBytes: number;
  /** Where the entries end and the restart points start. */
  entriesEnd = 0;
  /** Where the block ends. */
  end = 0;
  /** How many restart points there are. */
  restartCount = 0;
  /** How many bytes of the key before the entry looked at begins with. */
  shared = 0;
  /** Where the rest of its key starts, which ends where its value starts. */
  unsharedAt = 0;
  /** Where its value starts. */
  valueStart = 0;
  /** Where its value ends, and the next entry starts. */
  valueEnd = 0;
  /** Where the entry starts that {@linkcode search} found; {@linkcode entriesEnd} if all come before the key. */
  foundAt = 0;
  /** From which restart point on the entry was found. */
  foundRestart = 0;
  /** If it is a version of the key asked for, the kind of the entry. */
  foundKind = 0;

  /**
   * Makes memory for a block.
   *
   * @param bytes How many bytes it is to have room for.
   */
  constructor(bytes: number) {
    this.memoryBytes = StoredBlock.memoryBytesFor(bytes);
    this.bytes = new Uint8Array(this.memoryBytes - OVERHEAD_BYTES);
    this.words = new DataView(this.bytes.buffer);
  }

  /**
   * The {@linkcode memoryBytes} of new memory.
   *
   * @param bytes How many bytes it is to have room for.
   * @returns What it takes.
   */
  static memoryBytesFor(bytes: number): number {
    return Math.ceil(bytes / ROUNDED_TO_BYTES) * ROUNDED_TO_BYTES + OVERHEAD_BYTES;
  }

  /**
   * Takes what was written to {@linkcode bytes} as the block.
   *
   * @param end Where it ends.
   * @param file Path of the file that it comes from, for errors.
   * @param offset Where it starts there, for errors.
   * @throws {CorruptionError} If it is not a block of entries.
   */
  accept(end: number, file: string, offset: number): void {
    this.end = end;
    const damage = this.#findDamage();
    if (damage === undefined) return;
    this.end = this.entriesEnd = 0;
    throw new CorruptionError(`block with ${damage}`, file, offset);
  }

  /** Looks at the entry that starts at `at`, for {@linkcode shared} and the fields that follow it. */
  readEntry(at: number): void {
    const bytes = this.bytes;
    const shared = bytes[at]!;
    const unshared = bytes[at + 1]!;
    const valueBytes = bytes[at + 2]!;
    if ((shared | unshared | valueBytes) < 128) {
      this.shared = shared;
      this.unsharedAt = at + 3;
      this.valueStart = at + 3 + unshared;
      this.valueEnd = at + 3 + unshared + valueBytes;
    } else this.#readLongEntry(at);
  }

  /** The same for an entry with lengths of several bytes. One that makes no sense ends behind every block. */
  #readLongEntry(at: number): void {
    reader.reset(this.bytes, at, this.end);
    const shared = reader.varint32();
    const unshared = reader.varint32();
    const valueBytes = reader.varint32();
    const unsharedAt = reader.offset;
    const isPossible = !reader.failed && shared <= this.end &&
      unsharedAt + unshared + valueBytes <= this.end;
    this.shared = isPossible ? shared : 0;
    this.unsharedAt = unsharedAt;
    this.valueStart = isPossible ? unsharedAt + unshared : OFFSET_MAX;
    this.valueEnd = isPossible ? unsharedAt + unshared + valueBytes : OFFSET_MAX;
  }

  /**
   * Looks for the first entry at or after an internal key: {@linkcode foundAt} and {@linkcode foundRestart} say where
   * it is, {@linkcode valueStart} and {@linkcode valueEnd} where its value is.
   *
   * @param comparator The order that the block is in.
   * @param key Buffer of the internal key.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @returns Whether it is a version of the same user key; then {@linkcode foundKind} says of which kind.
   */
  search(comparator: InternalKeyComparator, key: Uint8Array, start: number, end: number): boolean {
    // The last restart point whose key comes before the one looked for, or else the first.
    let low = 0;
    for (let high = this.restartCount - 1; low < high;) {
      const middle = (low + high + 1) >>> 1;
      this.readEntry(this.restartAt(middle));
      const keyAt = this.unsharedAt;
      if (comparator.compare(this.bytes, keyAt, this.valueStart, key, start, end) < 0) low = middle;
      else high = middle - 1;
    }
    this.foundRestart = low;
    return comparator.isBytewise
      ? this.#searchBytes(comparator, key, start, end)
      : this.#searchWhole(comparator, key, start, end);
  }

  /** Where the entry starts that a restart point is for. */
  restartAt(restart: number): number {
    return this.restartCount === 0
      ? this.entriesEnd
      : this.words.getInt32(this.entriesEnd + 4 * restart, true);
  }

  /**
   * Searches from a restart point on without putting keys together. As long as keys come before the one looked for,
   * it is enough to know how many bytes the last one has in common with it: a key that shares more than these with the
   * last one comes before it, too, for the same byte, and of any other key the bytes that matter are stored with it.
   */
  #searchBytes(
    comparator: InternalKeyComparator,
    key: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const bytes = this.bytes;
    const entriesEnd = this.entriesEnd;
    const userBytes = end - TRAILER_BYTES - start;
    // #region without-keys
    let matched = 0;
    // If the last key ends where they part, it does not say which bytes come next.
    let isWhole = false;
    for (let at = this.restartAt(this.foundRestart); at < entriesEnd; at = this.valueEnd) {
      this.readEntry(at);
      const shared = this.shared;
      if (shared > matched) {
        if (isWhole) return this.#searchWhole(comparator, key, start, end);
        continue;
      }
      const keyAt = this.unsharedAt - shared;
      const entryUserBytes = this.valueStart - TRAILER_BYTES - keyAt;
      const most = entryUserBytes < userBytes ? entryUserBytes : userBytes;
      matched = shared < most ? shared : most;
      while (matched < most && bytes[keyAt + matched] === key[start + matched]) matched++;
      let order = matched < most
        ? bytes[keyAt + matched]! - key[start + matched]!
        : entryUserBytes - userBytes;
      isWhole = matched === entryUserBytes;
      // #endregion
      if (order === 0) {
        // Of two keys with empty user keys, trailers tell the order.
        const trailerAt = this.valueStart - TRAILER_BYTES;
        order = comparator.compare(
          bytes,
          trailerAt,
          this.valueStart,
          key,
          end - TRAILER_BYTES,
          end,
        );
        if (order >= 0) {
          this.foundAt = at;
          this.foundKind = bytes[trailerAt]!;
          return true;
        }
      }
      if (order >= 0) {
        this.foundAt = at;
        return false;
      }
    }
    this.foundAt = entriesEnd;
    return false;
  }

  /** The same with whole keys, in any order. */
  #searchWhole(
    comparator: InternalKeyComparator,
    key: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    let at = this.restartAt(this.foundRestart);
    for (; at < this.entriesEnd; at = this.valueEnd) {
      const keyEnd = this.#putScratchKey(at);
      if (comparator.compare(keyScratch, 0, keyEnd, key, start, end) < 0) continue;
      this.foundAt = at;
      this.foundKind = keyScratch[keyEnd - TRAILER_BYTES]!;
      const userEnd = keyEnd - TRAILER_BYTES;
      return comparator.compareUser(keyScratch, 0, userEnd, key, start, end - TRAILER_BYTES) === 0;
    }
    this.foundAt = at;
    return false;
  }

  /**
   * Compares the first key with another one.
   *
   * @param comparator The order that the block is in.
   * @param key Buffer of the other internal key.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @returns Negative, zero or positive as the first key comes before, equals or comes after the other.
   */
  compareFirst(
    comparator: InternalKeyComparator,
    key: Uint8Array,
    start: number,
    end: number,
  ): number {
    this.readEntry(0);
    return comparator.compare(this.bytes, this.unsharedAt, this.valueStart, key, start, end);
  }

  /** The same with the last key. */
  compareLast(
    comparator: InternalKeyComparator,
    key: Uint8Array,
    start: number,
    end: number,
  ): number {
    let keyEnd = 0;
    let at = this.restartAt(this.restartCount - 1);
    for (; at < this.entriesEnd; at = this.valueEnd) keyEnd = this.#putScratchKey(at);
    return comparator.compare(keyScratch, 0, keyEnd, key, start, end);
  }

  /** Puts the key of the entry at `at` into the scratch buffer, which has the one before; gives where it ends. */
  #putScratchKey(at: number): number {
    this.readEntry(at);
    const { shared, unsharedAt, valueStart } = this;
    const keyEnd = shared + valueStart - unsharedAt;
    if (keyEnd > keyScratch.length) keyScratch = withRoom(keyScratch, shared, keyEnd);
    copyBytes(keyScratch, shared, this.bytes, unsharedAt, valueStart);
    return keyEnd;
  }

  /** What is wrong with the block, if anything is. */
  #findDamage(): string | undefined {
    const { end } = this;
    this.entriesEnd = this.restartCount = 0;
    if (end < 4) return "no room for its restart count";
    const restartCount = this.words.getInt32(end - 4, true);
    if (restartCount <= 0 || restartCount > (end - 4) >>> 2) {
      return `${restartCount >>> 0} restart points`;
    }
    this.restartCount = restartCount;
    this.entriesEnd = end - 4 - 4 * restartCount;
    if (this.restartAt(0) !== 0) return "no restart point at its start";
    // Nothing but the restart point says that an empty block is one.
    if (this.entriesEnd === 0) {
      return restartCount === 1 ? undefined : "a restart point that is not an entry";
    }
    return this.#findDamagedEntry(false);
  }

  /**
   * Looks through the entries. Kind and sequence number are in the eight bytes that a key ends with. As a rule they are
   * stored with the entry, or come from a key of the same length, where they have been looked at. If not, it is begun
   * again with `isThorough`, which puts all keys together.
   */
  #findDamagedEntry(isThorough: boolean): string | undefined {
    const { bytes, entriesEnd, restartCount } = this;
    let restart = 0;
    let restartAt = 0;
    let keyBytes = 0;
    for (let at = 0; at < entriesEnd; at = this.valueEnd) {
      this.readEntry(at);
      const { shared, valueStart } = this;
      const unshared = valueStart - this.unsharedAt;
      if (this.valueEnd > entriesEnd) return "an entry that is cut";
      const before = keyBytes;
      keyBytes = shared + unshared;
      if (shared > before || keyBytes < TRAILER_BYTES) {
        return `a key of ${shared} shared and ${unshared} other bytes`;
      }
      if (at === restartAt) {
        if (shared !== 0) return "a key at a restart point that is not whole";
        restart++;
        restartAt = restart < restartCount ? this.restartAt(restart) : -1;
      }
      let kind = KIND_VALUE;
      let high = unshared > 0 ? bytes[valueStart - 1]! : 0;
      if (isThorough) {
        this.#putScratchKey(at);
        kind = keyScratch[keyBytes - TRAILER_BYTES]!;
        high = keyScratch[keyBytes - 1]!;
      } else if (unshared >= TRAILER_BYTES) kind = bytes[valueStart - TRAILER_BYTES]!;
      else if (keyBytes !== before) return this.#findDamagedEntry(true);
      if (kind > KIND_VALUE || high > SEQUENCE_HIGH_BYTE_MAX) {
        return "an entry whose kind or sequence number cannot be";
      }
    }
    if (keyScratch.length > RETAINED_LENGTH_MAX) keyScratch = new Uint8Array(1024);
    return restart < restartCount ? "a restart point that is not an entry" : undefined;
  }
}

/** Where a cursor puts its current key together. */
class KeyBuffer {
  readonly bytes: Uint8Array;
  readonly words: DataView;

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
    this.words = new DataView(this.bytes.buffer);
  }
}

const NO_KEY = new KeyBuffer(0);
/** Up to this many bytes of a key are copied by words; for more, `set` pays with the view that it needs. */
const WORD_COPY_BYTES_MAX = 64;
/** Buffers for current keys that closed cursors have left: a new one costs 0.2 µs, and a seek may open ten cursors. */
const spareKeyBuffers: KeyBuffer[] = [];
const SPARE_KEY_BUFFERS_MAX = 64;
const KEY_BUFFER_BYTES = 256;

/**
 * A cursor over stored blocks, one at a time. It goes forward on the block as it is. To go back from an entry it would
 * have to start from the restart point before, each time: the block is decoded for that.
 */
export class BlockCursor extends Cursor {
  readonly #comparator: InternalKeyComparator;
  #block: StoredBlock | undefined;
  #file = "";
  #offset = 0;
  #key: KeyBuffer;
  /** The block, once it has been walked backward, and which of its entries is the current one. */
  #decoded: DecodedBlock | undefined;
  #index = -1;

  /**
   * Makes a cursor without a block.
   *
   * @param comparator The order that blocks are in.
   */
  constructor(comparator: InternalKeyComparator) {
    super();
    this.#comparator = comparator;
    this.#key = spareKeyBuffers.pop() ?? new KeyBuffer(KEY_BUFFER_BYTES);
  }

  /**
   * Makes a block the cursor's, at no entry.
   *
   * @param block The block, which stays as it is until the cursor gets another one or none.
   * @param file Path of the file that it comes from, for errors.
   * @param offset Where it starts there, for errors.
   */
  enter(block: StoredBlock | undefined, file = "", offset = 0): void {
    this.valid = false;
    this.#block = block;
    this.#file = file;
    this.#offset = offset;
    this.#decoded = undefined;
  }

  /** Goes to the block's first entry. */
  override first(): void {
    this.#decoded = undefined;
    if (this.#block !== undefined) this.#goTo(this.#block, 0);
    else this.valid = false;
  }

  /** Goes to the block's last entry. */
  override last(): void {
    this.#decode();
    this.#goToIndex((this.#decoded?.count ?? 0) - 1);
  }

  /** Goes to the block's first entry at or after `target[start, end)`. */
  override seek(target: Uint8Array, start: number, end: number): void {
    this.#decoded = undefined;
    this.valid = false;
    const block = this.#block;
    if (block === undefined) return;
    block.search(this.#comparator, target, start, end);
    const { foundAt } = block;
    if (foundAt >= block.entriesEnd) return;
    for (let at = block.restartAt(block.foundRestart); at < foundAt; at = block.valueEnd) {
      this.#putKey(block, at);
    }
    this.#goTo(block, foundAt);
  }

  /** Goes to the following entry. */
  override next(): void {
    if (this.#decoded === undefined) this.#goTo(this.#block!, this.valueEnd);
    else this.#goToIndex(this.#index + 1);
  }

  /** Goes to the preceding entry. */
  override previous(): void {
    if (this.#decoded === undefined) {
      const { valueEnd } = this;
      this.valid = false; // should the block not be one to be decoded
      const decoded = this.#decode()!;
      // Values are as far from each other there as in the block. An entry's value ends where the next entry starts.
      const distance = decoded.valueEnd(decoded.count - 1) - this.#block!.entriesEnd;
      let low = 0;
      for (let high = decoded.count - 1; low < high;) {
        const middle = (low + high) >>> 1;
        if (decoded.valueEnd(middle) < valueEnd + distance) low = middle + 1;
        else high = middle;
      }
      this.#index = low;
    }
    this.#goToIndex(this.#index - 1);
  }

  /** Lets go of the block. */
  override close(): void {
    this.enter(undefined);
    const key = this.#key;
    this.#key = NO_KEY;
    this.keyBuffer = EMPTY_BYTES;
    this.valueBuffer = EMPTY_BYTES;
    if (key.bytes.length === KEY_BUFFER_BYTES && spareKeyBuffers.length < SPARE_KEY_BUFFERS_MAX) {
      spareKeyBuffers.push(key);
    }
  }

  /** Shows the entry at `at`, which follows the one whose key is in the buffer. */
  #goTo(block: StoredBlock, at: number): void {
    this.valid = at < block.entriesEnd;
    if (!this.valid) return;
    this.#putKey(block, at);
    this.keyBuffer = this.#key.bytes;
    this.keyStart = 0;
    this.keyEnd = block.shared + block.valueStart - block.unsharedAt;
    this.valueBuffer = block.bytes;
    this.valueStart = block.valueStart;
    this.valueEnd = block.valueEnd;
  }

  /** Puts the key of the entry at `at` into the buffer, which has the one before. */
  #putKey(block: StoredBlock, at: number): void {
    block.readEntry(at);
    const { shared, unsharedAt, valueStart } = block;
    const keyEnd = shared + valueStart - unsharedAt;
    let key = this.#key;
    if (keyEnd + 3 > key.bytes.length) {
      key = new KeyBuffer(2 * keyEnd + 3);
      key.bytes.set(this.#key.bytes.subarray(0, shared));
      this.#key = key;
    }
    if (keyEnd - shared > WORD_COPY_BYTES_MAX) {
      key.bytes.set(block.bytes.subarray(unsharedAt, valueStart), shared);
      return;
    }
    // By words, up to three bytes too many: there is room for them, and restart points follow in the block.
    const { words } = block;
    for (let i = shared, from = unsharedAt; i < keyEnd; i += 4, from += 4) {
      key.words.setInt32(i, words.getInt32(from, true), true);
    }
  }

  #decode(): DecodedBlock | undefined {
    const block = this.#block;
    if (block === undefined) return undefined;
    const { bytes, end } = block;
    const comparator = this.#comparator;
    return this.#decoded ??= decodeBlock(
      bytes,
      end,
      "entries",
      comparator,
      this.#file,
      this.#offset,
    );
  }

  #goToIndex(index: number): void {
    this.#index = index;
    const block = this.#decoded;
    this.valid = block !== undefined && index >= 0 && index < block.count;
    if (block === undefined || !this.valid) return;
    this.keyBuffer = block.bytes;
    this.keyStart = block.keyStart(index);
    this.keyEnd = block.keyEnd(index);
    this.valueBuffer = block.bytes;
    this.valueStart = block.valueStart(index);
    this.valueEnd = block.valueEnd(index);
  }
}
