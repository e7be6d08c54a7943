/**
 * **What.** The key as the engine sorts it: the caller's key, then a trailer with the sequence number of the
 * write and its kind. Newer versions of a key come first, so the first one a reader meets is the one to use.
 *
 * **Format.**
 * ```text
 * internal key := user key, trailer
 * trailer      := fixed64 of (sequence << 8 | kind)
 * kind         := 0 tombstone | 1 value
 * ```
 *
 * **Invariants.**
 * 1. Order: user key ascending by the database's comparator, then trailer descending as an unsigned number.
 * 2. Sequence numbers go up to 2^53 - 1 here (LevelDB: 2^56 - 1); a larger one on disk is refused.
 * 3. A seek to `(key, sequence, kind value)` lands on the newest version of `key` not newer than `sequence`.
 *
 * Source: LevelDB's `db/dbformat.h`.
 *
 * **Read next.** `cursor.ts`
 *
 * @module
 */
import { compareBytes } from "./bytes.ts";
import { bytewise, type Comparator } from "./comparator.ts";
import { getFixed32, putFixed32 } from "./coding.ts";

/** Kind of an entry that says the key is gone. */
export const KIND_TOMBSTONE = 0;
/** Kind of an entry that has a value. Also the kind to seek with: it is the highest. */
export const KIND_VALUE = 1;
/** Bytes of the trailer. */
export const TRAILER_BYTES = 8;
/** The highest sequence number there can be. */
export const SEQUENCE_MAX: number = Number.MAX_SAFE_INTEGER;

const TWO_TO_24 = 2 ** 24;

/**
 * Writes a trailer.
 *
 * @param buffer Where to write.
 * @param offset At which byte: the end of the user key.
 * @param sequence 0 to 2^53 - 1.
 * @param kind {@linkcode KIND_VALUE} or {@linkcode KIND_TOMBSTONE}.
 */
export function putTrailer(
  buffer: Uint8Array,
  offset: number,
  sequence: number,
  kind: number,
): void {
  putFixed32(buffer, offset, ((sequence % TWO_TO_24) * 256 + kind) >>> 0);
  putFixed32(buffer, offset + 4, Math.floor(sequence / TWO_TO_24));
}

/**
 * Reads the sequence number of an internal key.
 *
 * @param buffer Where the key is.
 * @param end Where the key ends, exclusive.
 * @returns The sequence number.
 */
export function sequenceAt(buffer: Uint8Array, end: number): number {
  return getFixed32(buffer, end - 4) * TWO_TO_24 + (getFixed32(buffer, end - 8) >>> 8);
}

/**
 * Reads the kind of an internal key.
 *
 * @param buffer Where the key is.
 * @param end Where the key ends, exclusive.
 * @returns The kind.
 */
export function kindAt(buffer: Uint8Array, end: number): number {
  return buffer[end - 8]!;
}

/**
 * Makes an internal key.
 *
 * @param userKey The caller's key.
 * @param sequence 0 to 2^53 - 1.
 * @param kind {@linkcode KIND_VALUE} or {@linkcode KIND_TOMBSTONE}.
 * @returns A new array.
 */
export function makeInternalKey(userKey: Uint8Array, sequence: number, kind: number): Uint8Array {
  const key = new Uint8Array(userKey.length + TRAILER_BYTES);
  key.set(userKey);
  putTrailer(key, userKey.length, sequence, kind);
  return key;
}

/**
 * The user key inside an internal key.
 *
 * @param key The internal key.
 * @returns A view of its beginning.
 */
export function userKeyOf(key: Uint8Array): Uint8Array {
  return key.subarray(0, key.length - TRAILER_BYTES);
}

/**
 * Compares internal keys (invariant 1). The bytewise order has a path of its own that builds no views.
 */
export class InternalKeyComparator {
  /** The order of user keys. */
  readonly user: Comparator;
  /** Whether user keys are in the order of their bytes, so that heads of keys may be compared as numbers. */
  readonly isBytewise: boolean;

  /** Makes one for an order of user keys. */
  constructor(user: Comparator = bytewise) {
    this.user = user;
    this.isBytewise = user === bytewise;
  }

  /** Compares two internal keys given as ranges. */
  compare(
    a: Uint8Array,
    aStart: number,
    aEnd: number,
    b: Uint8Array,
    bStart: number,
    bEnd: number,
  ): number {
    const order = this.compareUser(
      a,
      aStart,
      aEnd - TRAILER_BYTES,
      b,
      bStart,
      bEnd - TRAILER_BYTES,
    );
    return order !== 0 ? order : compareTrailers(a, aEnd, b, bEnd);
  }

  /** Compares two user keys given as ranges. */
  compareUser(
    a: Uint8Array,
    aStart: number,
    aEnd: number,
    b: Uint8Array,
    bStart: number,
    bEnd: number,
  ): number {
    return this.isBytewise
      ? compareBytes(a, aStart, aEnd, b, bStart, bEnd)
      : this.user.compare(a.subarray(aStart, aEnd), b.subarray(bStart, bEnd));
  }

  /** Compares two internal keys given as whole arrays. */
  compareKeys(a: Uint8Array, b: Uint8Array): number {
    return this.compare(a, 0, a.length, b, 0, b.length);
  }

  /**
   * A short internal key that is `>= start` and `< limit`, for a table's index. As in LevelDB, a shortened
   * user key gets the highest trailer, so that it comes before every real entry of that user key.
   */
  separator(start: Uint8Array, limit: Uint8Array): Uint8Array {
    const userStart = userKeyOf(start);
    const shorter = this.user.separator?.(userStart, userKeyOf(limit)) ?? userStart;
    return this.#shortened(start, userStart, shorter);
  }

  /** A short internal key that is `>= key`, for the last entry of a table's index. */
  successor(key: Uint8Array): Uint8Array {
    const userKey = userKeyOf(key);
    const shorter = this.user.successor?.(userKey) ?? userKey;
    return this.#shortened(key, userKey, shorter);
  }

  #shortened(key: Uint8Array, userKey: Uint8Array, shorter: Uint8Array): Uint8Array {
    if (shorter.length >= userKey.length || this.user.compare(userKey, shorter) >= 0) return key;
    const result = new Uint8Array(shorter.length + TRAILER_BYTES);
    result.set(shorter);
    // LevelDB's kMaxSequenceNumber (2^56 - 1) and kValueTypeForSeek, byte for byte: ff…ff 01 backwards.
    result.fill(0xff, shorter.length + 1);
    result[shorter.length] = KIND_VALUE;
    return result;
  }
}

/** Orders the trailers of two internal keys that end at `aEnd` and `bEnd`: the higher one first. */
function compareTrailers(a: Uint8Array, aEnd: number, b: Uint8Array, bEnd: number): number {
  const high = getFixed32(b, bEnd - 4) - getFixed32(a, aEnd - 4);
  return high !== 0 ? high : getFixed32(b, bEnd - 8) - getFixed32(a, aEnd - 8);
}

/** What a {@linkcode Lookup} found. */
export const ABSENT = 0;
/** A value: it is at `value`, `valueStart`, `valueEnd`. */
export const FOUND = 1;
/** A tombstone: the search ends here, the key is gone. */
export const DELETED = 2;

/**
 * One question, "what is the newest value of this key as of this sequence number?", and the room for its answer.
 * A database keeps one and uses it for every get, so that a get allocates nothing but its result. Memtables and
 * tables are asked in turn, newest first; the first whose answer is not {@linkcode ABSENT} ends the search.
 */
export class Lookup {
  /** The internal key to look for: the user key and a trailer. */
  key: Uint8Array = new Uint8Array(256);
  /** Where the user key ends in `key`. */
  userEnd = 0;
  /** Where the internal key ends in `key`. */
  end = 0;
  /** Hash of the user key for Bloom filters, worked out by the first table that needs it; -1 until then. */
  hash: number = -1;
  /** {@linkcode ABSENT}, {@linkcode FOUND} or {@linkcode DELETED}. */
  outcome: number = ABSENT;
  /** The buffer that the value found is in. Valid until the next call into the engine. */
  value: Uint8Array = new Uint8Array(0);
  /** Where the value starts. */
  valueStart = 0;
  /** Where the value ends, exclusive. */
  valueEnd = 0;

  /**
   * Makes room for a user key; the caller then writes it to `key` from byte 0 on and calls {@linkcode begin}.
   *
   * @param userKeyBytes How long the user key may get.
   */
  reserve(userKeyBytes: number): void {
    const needed = userKeyBytes + TRAILER_BYTES;
    if (this.key.length < needed) this.key = new Uint8Array(Math.max(needed, this.key.length * 2));
  }

  /**
   * Starts a search for the first `userKeyBytes` bytes of `key`.
   *
   * @param userKeyBytes Length of the user key.
   * @param sequence Versions newer than this are not seen.
   */
  begin(userKeyBytes: number, sequence: number): void {
    this.userEnd = userKeyBytes;
    this.end = userKeyBytes + TRAILER_BYTES;
    putTrailer(this.key, userKeyBytes, sequence, KIND_VALUE);
    this.hash = -1;
    this.outcome = ABSENT;
  }
}
