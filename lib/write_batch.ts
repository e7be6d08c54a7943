/**
 * **What.** The unit of atomicity: puts and deletes that take effect together or not at all. A batch is built
 * in the very bytes that go into the write-ahead log, with room before them for the log's own header, so committing
 * one copies nothing; and a reader of those bytes serves both recovery and the insertion into the memtable.
 *
 * **Format.**
 * ```text
 * batch     := fixed64 sequence of the first record, fixed32 count, record[count]
 * record    := byte 1 (value), varstring key, varstring value
 *            | byte 0 (tombstone), varstring key
 * varstring := varint32 length, that many bytes
 * ```
 * Record `i` has the sequence number `sequence + i`.
 *
 * **Invariants.**
 * 1. After every call, also one that threw, the first `byteLength` bytes of `buffer` are a whole batch.
 * 2. A batch takes at most {@linkcode BATCH_BYTES_MAX}.
 * 3. A reader never shows a record that is not whole, of unknown kind, beyond the count, or of a sequence
 *    number over 2^53 - 1; fewer records than the count says is damage too.
 *
 * Source: LevelDB's `db/write_batch.cc`.
 *
 * **Read next.** `log.ts`
 *
 * @module
 */
import { copyBytes, EMPTY_BYTES } from "./bytes.ts";
import { getFixed32, getFixed64, putVarint, varintLength, VarintReader } from "./coding.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { KIND_TOMBSTONE, KIND_VALUE, SEQUENCE_MAX } from "./internal_key.ts";
import { invariant } from "./invariant.ts";

/** Bytes before the first record: the sequence number and the count. */
export const BATCH_HEADER_BYTES = 12;
/** Bytes of a batch's memory before the batch, in which a log writes its own header: one view serves both. */
export const BATCH_ROOM_BYTES = 16;
/**
 * The largest that a batch may get, header included: 1 GiB, and room beside it for the longest key, so that one value
 * of 1 GiB can be written.
 */
export const BATCH_BYTES_MAX: number = 2 ** 30 + 128 * 1024;

const COUNT_OFFSET = 8;
const RECORD_BYTES_MIN = 2;
const INITIAL_BYTES = 256;
/** What a length takes at most. If there is room for that, nobody needs to know what it takes. */
const VARINT32_BYTES_MAX = 5;
/** For errors: the file of a batch that comes from none. */
const IN_MEMORY = "(a batch in memory)";
/** A cleared batch keeps a buffer of up to this size, so that one large batch does not hold memory for ever. */
const RETAINED_BYTES_MAX = 1024 * 1024;

/**
 * Puts and deletes to commit together.
 *
 * @example One put, one delete
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { WriteBatch } from "./write_batch.ts";
 *
 * const batch = new WriteBatch();
 * const key = Uint8Array.of(0x6b);
 * batch.put(key, 0, 1, Uint8Array.of(7, 8), 0, 2);
 * batch.delete(key, 0, 1);
 * batch.setSequence(100);
 * assertEquals(
 *   batch.bytes(),
 *   // deno-fmt-ignore
 *   Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 1, 0x6b, 2, 7, 8, 0, 1, 0x6b),
 * );
 * ```
 */
export class WriteBatch {
  #memory: Uint8Array = newMemory(INITIAL_BYTES);
  #buffer: Uint8Array = this.#memory.subarray(BATCH_ROOM_BYTES);
  #view: DataView = new DataView(this.#memory.buffer, BATCH_ROOM_BYTES);
  #byteLength = BATCH_HEADER_BYTES;
  #count = 0;
  #sequence = 0;
  #keyAndValueBytes = 0;

  /** How many records there are. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the whole batch, header included. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** The bytes of all keys and all values together, exactly: what a memtable will have to hold. */
  get keyAndValueBytes(): number {
    return this.#keyAndValueBytes;
  }

  /** Sequence number of the first record: 0 until it is set. */
  get sequence(): number {
    return this.#sequence;
  }

  /** What holds the batch, in its first {@linkcode byteLength} bytes, until the next change. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /**
   * What holds the batch from byte {@linkcode BATCH_ROOM_BYTES} on, until the next change. What comes before that is
   * room for whoever frames the batch: {@linkcode LogWriter.add} needs no copy then.
   */
  get memory(): Uint8Array {
    return this.#memory;
  }

  /** The same bytes as {@linkcode buffer}, for those who move several at a time. */
  get view(): DataView {
    return this.#view;
  }

  /**
   * The batch as it is stored.
   *
   * @returns A view, good until the next change.
   */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#byteLength);
  }

  /**
   * Adds a put.
   *
   * @param key Buffer of the key.
   * @param kStart Where the key starts.
   * @param kEnd Where it ends, exclusive.
   * @param value Buffer of the value.
   * @param vStart Where the value starts.
   * @param vEnd Where it ends, exclusive.
   * @throws {VarveError} `TOO_LARGE`, and the batch is as before, if it would get over its limit.
   */
  put(
    key: Uint8Array,
    kStart: number,
    kEnd: number,
    value: Uint8Array,
    vStart: number,
    vEnd: number,
  ): void {
    const keyBytes = kEnd - kStart;
    const valueBytes = vEnd - vStart;
    invariant(kStart >= 0 && keyBytes >= 0 && kEnd <= key.length, "a key lies in its buffer");
    invariant(vStart >= 0 && valueBytes >= 0 && vEnd <= value.length, "a value lies in its buffer");
    if (this.#freeBytes < 1 + 2 * VARINT32_BYTES_MAX + keyBytes + valueBytes) {
      this.#reserve(1 + varintLength(keyBytes) + keyBytes + varintLength(valueBytes) + valueBytes);
    }
    const buffer = this.#buffer;
    let at = this.#byteLength;
    buffer[at] = KIND_VALUE;
    at = putVarint(buffer, at + 1, keyBytes);
    copyBytes(buffer, at, key, kStart, kEnd);
    at = putVarint(buffer, at + keyBytes, valueBytes);
    copyBytes(buffer, at, value, vStart, vEnd);
    this.#added(at + valueBytes, 1, keyBytes + valueBytes);
  }

  /**
   * Adds a delete, whether or not there is such a key.
   *
   * @param key Buffer of the key.
   * @param kStart Where the key starts.
   * @param kEnd Where it ends, exclusive.
   * @throws {VarveError} `TOO_LARGE`, and the batch is as before, if it would get over its limit.
   */
  delete(key: Uint8Array, kStart: number, kEnd: number): void {
    const keyBytes = kEnd - kStart;
    invariant(kStart >= 0 && keyBytes >= 0 && kEnd <= key.length, "a key lies in its buffer");
    if (this.#freeBytes < 1 + VARINT32_BYTES_MAX + keyBytes) {
      this.#reserve(1 + varintLength(keyBytes) + keyBytes);
    }
    const buffer = this.#buffer;
    buffer[this.#byteLength] = KIND_TOMBSTONE;
    const at = putVarint(buffer, this.#byteLength + 1, keyBytes);
    copyBytes(buffer, at, key, kStart, kEnd);
    this.#added(at + keyBytes, 1, keyBytes);
  }

  /**
   * Adds another batch's records after this one's, and leaves the other as it is. Sequence numbers go on
   * from this batch's.
   *
   * @param other The batch to take them from; it may be this one.
   * @throws {VarveError} `TOO_LARGE`, and the batch is as before, if it would get over its limit.
   */
  append(other: WriteBatch): void {
    const otherEnd = other.#byteLength;
    const recordBytes = otherEnd - BATCH_HEADER_BYTES;
    this.#reserve(recordBytes);
    copyBytes(this.#buffer, this.#byteLength, other.#buffer, BATCH_HEADER_BYTES, otherEnd);
    this.#added(this.#byteLength + recordBytes, other.#count, other.#keyAndValueBytes);
  }

  /**
   * Numbers the records: the first gets `sequence`, each later one the number after the one before it.
   *
   * @param sequence At least 0; the last record's number may be at most 2^53 - 1.
   */
  setSequence(sequence: number): void {
    invariant(isRoomForSequences(sequence, this.#count), "sequence numbers are safe integers");
    this.#putSequence(sequence);
  }

  /** Takes all records out and sets the sequence number to 0. Keeps the buffer if it is at most 1 MiB. */
  clear(): void {
    if (this.#buffer.length > RETAINED_BYTES_MAX) this.#setMemory(newMemory(INITIAL_BYTES));
    this.#byteLength = BATCH_HEADER_BYTES;
    this.#keyAndValueBytes = 0;
    this.#setCount(0);
    this.#putSequence(0);
  }

  /**
   * Goes back to an earlier state: takes out every record added since. Walks what stays (7 ns a record), so
   * that a cut inside a record cannot go unnoticed.
   *
   * @param byteLength What {@linkcode byteLength} was then.
   * @param count What {@linkcode count} was then.
   */
  truncate(byteLength: number, count: number): void {
    const kept = new VarintReader();
    let keptCount = 0;
    let keptBytes = 0;
    kept.reset(this.#buffer, BATCH_HEADER_BYTES, Math.min(byteLength, this.#byteLength));
    while (kept.offset < kept.end && !kept.failed) {
      const kind = this.#buffer[kept.offset++];
      for (let strings = kind === KIND_VALUE ? 2 : 1; strings > 0; strings--) {
        const start = kept.lengthPrefixed();
        keptBytes += kept.offset - start;
      }
      keptCount++;
    }
    invariant(
      kept.offset === byteLength && keptCount === count && !kept.failed,
      "a batch is cut where one of its records ends",
    );
    this.#byteLength = byteLength;
    this.#keyAndValueBytes = keptBytes;
    this.#setCount(count);
  }

  get #freeBytes(): number {
    return this.#buffer.length - this.#byteLength;
  }

  /** Makes room for `bytes` more, or throws with nothing changed. */
  #reserve(bytes: number): void {
    const needed = this.#byteLength + bytes;
    if (needed <= this.#buffer.length) return;
    if (needed > BATCH_BYTES_MAX) {
      throw new VarveError(
        "TOO_LARGE",
        `Cannot add to batch: it would take ${needed} bytes, over the limit of ${BATCH_BYTES_MAX}`,
      );
    }
    const doubled = Math.min(this.#buffer.length * 2, BATCH_BYTES_MAX);
    const larger = newMemory(Math.max(needed, doubled));
    larger.set(this.bytes(), BATCH_ROOM_BYTES);
    this.#setMemory(larger);
  }

  #setMemory(memory: Uint8Array): void {
    this.#memory = memory;
    this.#buffer = memory.subarray(BATCH_ROOM_BYTES);
    this.#view = new DataView(memory.buffer, BATCH_ROOM_BYTES);
  }

  /** Settles an addition: the batch ends at `byteLength` now. */
  #added(byteLength: number, count: number, keyAndValueBytes: number): void {
    this.#byteLength = byteLength;
    this.#keyAndValueBytes += keyAndValueBytes;
    this.#setCount(this.#count + count);
  }

  #setCount(count: number): void {
    this.#count = count;
    this.#view.setUint32(COUNT_OFFSET, count, true);
  }

  #putSequence(sequence: number): void {
    this.#sequence = sequence;
    this.#view.setUint32(0, sequence >>> 0, true);
    this.#view.setUint32(4, Math.floor(sequence / 2 ** 32), true);
  }
}

/** Memory for a batch of so many bytes. */
function newMemory(bytes: number): Uint8Array {
  return new Uint8Array(BATCH_ROOM_BYTES + bytes);
}

/** Whether `count` records numbered from `sequence` on all have valid numbers. */
function isRoomForSequences(sequence: number, count: number): boolean {
  return Number.isSafeInteger(sequence) && sequence >= 0 && sequence - 1 <= SEQUENCE_MAX - count;
}

/**
 * Reads the records of a batch one after another, without allocating. One reader serves any number of
 * batches. The current record is plain fields, since it is read once for every write.
 *
 * @example Walking a batch
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BatchReader, WriteBatch } from "./write_batch.ts";
 *
 * const batch = new WriteBatch();
 * batch.put(Uint8Array.of(1), 0, 1, Uint8Array.of(9), 0, 1);
 * batch.delete(Uint8Array.of(2), 0, 1);
 * batch.setSequence(5);
 *
 * const reader = new BatchReader();
 * reader.reset(batch.buffer, 0, batch.byteLength);
 * const seen = [];
 * while (reader.next()) seen.push([reader.sequence, reader.kind, batch.buffer[reader.keyStart]]);
 * assertEquals(seen, [[5, 1, 1], [6, 0, 2]]);
 * ```
 */
export class BatchReader {
  /** What holds the batch. */
  buffer: Uint8Array = EMPTY_BYTES;
  /** The same, for those who move several bytes at a time. */
  view: DataView = new DataView(EMPTY_BYTES.buffer);
  /** How many records the batch has. */
  count = 0;
  /** Sequence number of the first record. */
  firstSequence = 0;
  /** Sequence number of the last record; one less than {@linkcode firstSequence} if there is none. */
  lastSequence: number = -1;
  /** Sequence number of the current record. */
  sequence: number = -1;
  /** Kind of the current record: a value or a tombstone. */
  kind: number = KIND_TOMBSTONE;
  /** Where the current key starts. */
  keyStart = 0;
  /** Where the current key ends, exclusive. */
  keyEnd = 0;
  /** Where the current value starts; where the key ends for a tombstone. */
  valueStart = 0;
  /** Where the current value ends, exclusive; where the key ends for a tombstone. */
  valueEnd = 0;

  readonly #input = new VarintReader();
  #start = 0;
  #file = "";
  #fileOffset = 0;

  /**
   * Goes before the first record of a batch.
   *
   * @param buffer What holds the batch.
   * @param start Where the batch starts.
   * @param end Where it ends, exclusive.
   * @param file For errors: the file that the batch comes from.
   * @param fileOffset For errors: where in the file its log record starts. Damage anywhere in the batch is
   * reported at this offset, since its bytes may be scattered over several log blocks.
   * @throws {CorruptionError} If the header is cut, the sequence numbers are over the limit, or there is not
   * enough room for as many records as it says.
   */
  reset(
    buffer: Uint8Array,
    start: number,
    end: number,
    file: string = IN_MEMORY,
    fileOffset: number = 0,
  ): void {
    invariant(start >= 0 && start <= end && end <= buffer.length, "a batch lies in its buffer");
    this.#start = start;
    this.#file = file;
    this.#fileOffset = fileOffset;
    if (end - start < BATCH_HEADER_BYTES) throw this.#damage("cut header", start);
    const sequence = getFixed64(buffer, start);
    const count = getFixed32(buffer, start + COUNT_OFFSET);
    if (!isRoomForSequences(sequence, count)) {
      throw this.#damage("sequence number over 2^53 - 1", start);
    }
    if (count * RECORD_BYTES_MIN > end - start - BATCH_HEADER_BYTES) {
      throw this.#damage(`no room for its ${count} records`, start + COUNT_OFFSET);
    }
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#begin(buffer, start, end, sequence, count);
  }

  /**
   * Goes before the first record of a batch of our own making, whose header needs no look.
   *
   * @param batch The batch. It is not changed while it is read.
   */
  resetTo(batch: WriteBatch): void {
    this.#start = 0;
    this.#file = IN_MEMORY;
    this.#fileOffset = 0;
    this.view = batch.view;
    this.#begin(batch.buffer, 0, batch.byteLength, batch.sequence, batch.count);
  }

  #begin(buffer: Uint8Array, start: number, end: number, sequence: number, count: number): void {
    this.#input.reset(buffer, start + BATCH_HEADER_BYTES, end);
    this.buffer = buffer;
    this.count = count;
    this.firstSequence = sequence;
    this.lastSequence = sequence + count - 1;
    this.sequence = sequence - 1;
  }

  /**
   * Goes to the next record.
   *
   * @returns False if there is none: then all of the batch has been read, and it was whole.
   * @throws {CorruptionError} If the batch is damaged here.
   */
  next(): boolean {
    const input = this.#input;
    const at = input.offset;
    if (at === input.end) {
      if (this.sequence !== this.lastSequence) {
        throw this.#damage("fewer records than its count", at);
      }
      return false;
    }
    if (this.sequence === this.lastSequence) throw this.#damage("more records than its count", at);
    const kind = this.buffer[at]!;
    if (kind !== KIND_VALUE && kind !== KIND_TOMBSTONE) {
      throw this.#damage(`record of unknown kind ${kind}`, at);
    }
    input.offset = at + 1;
    const keyStart = input.lengthPrefixed();
    const keyEnd = input.offset;
    const valueStart = kind === KIND_VALUE ? input.lengthPrefixed() : keyEnd;
    if (input.failed) {
      input.reset(this.buffer, at, input.end);
      throw this.#damage("cut record", at);
    }
    this.kind = kind;
    this.keyStart = keyStart;
    this.keyEnd = keyEnd;
    this.valueStart = valueStart;
    this.valueEnd = input.offset;
    this.sequence++;
    return true;
  }

  #damage(what: string, at: number): CorruptionError {
    const where = `write batch with ${what} at its byte ${at - this.#start}`;
    return new CorruptionError(where, this.#file, this.#fileOffset);
  }
}
