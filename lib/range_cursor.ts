/**
 * **What.** The cursor of the public API: a position in a range that is moved forward and back, and that shows the
 * entry there without making anything for it. Where iterators copy each entry for the caller to keep, a cursor lends
 * it until the next move.
 *
 * ```text
 *        previous() ◄──              ──► next()
 *  before the first │ apple │ banana │ cherry │ after the last
 *  a new cursor is at neither end: next() goes to the first entry, previous() to the last
 * ```
 *
 * **Invariants.**
 * 1. What is lent stays as it is until the next call that moves or closes the cursor, and no longer.
 * 2. A cursor sees the moment at which it was made, whatever is written since.
 * 3. A cursor that was closed, that the database was closed under, or that failed, holds nothing, and says `CLOSED`.
 *
 * Source: LevelDB's `include/leveldb/iterator.h` and `slice.h`, for entries that are lent.
 *
 * **Read next.** `reader.ts`
 *
 * @module
 */
import { EMPTY_BYTES } from "./bytes.ts";
import { VarveError } from "./errors.ts";
import type { Lookup } from "./internal_key.ts";
import type { Keyspace } from "./keyspace.ts";
import type { RangeOptions } from "./options.ts";
import type { Scan } from "./scan.ts";
import type { VisibleCursor } from "./visible_cursor.ts";

/**
 * Which entries a cursor walks over. Its direction is told at each move, so there is no `reverse`, nor a `limit`.
 *
 * @example A scan that leaves the buffer pool alone
 * ```ts
 * import { type CursorOptions, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch().put("a/1", "").put("b/1", "").put("b/2", "").commit();
 * const range: CursorOptions<string> = { prefix: "b/", fillPool: false };
 * using cursor = db.cursorSync(range);
 * let count = 0;
 * while (cursor.next()) count++;
 * assertEquals(count, 2);
 * ```
 *
 * @typeParam K What keys are.
 * @category Reading
 */
export type CursorOptions<K> = Omit<RangeOptions<K>, "reverse" | "limit" | "signal">;

/**
 * A position in a range, as of the moment when it was made. It holds blocks in memory until it is closed, which
 * `using` does.
 *
 * It is the quickest way through many entries: a move allocates nothing. In return it lends what it shows. With the
 * `bytes` codec, {@linkcode RangeCursor.key | key} and {@linkcode RangeCursor.value | value} are views of the store's
 * own memory: they are to be read before the cursor moves or is closed, and must never be written to, nor transferred.
 * A copy to keep is `cursor.value.slice()`. Other codecs decode, and what they make may be kept.
 *
 * @example Adding up without an allocation for each entry
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemoryFileSystem, open } from "@varve/varve";
 *
 * await using db = await open("db", { fileSystem: new MemoryFileSystem() });
 * await db.batch().put("apple", "5").put("banana", "6").put("cherry", "6").commit();
 *
 * using cursor = db.cursorSync({ gte: "b" });
 * let bytes = 0;
 * while (cursor.next()) bytes += cursor.valueEnd - cursor.valueStart;
 * assertEquals(bytes, 2);
 * assertEquals(cursor.seek("ba") && cursor.key, "banana");
 * assertEquals(cursor.previous(), false); // apple is not in the range
 * ```
 *
 * @typeParam K What keys are.
 * @typeParam V What values are.
 * @category Reading
 */
export interface RangeCursor<K, V> extends Disposable {
  /**
   * Goes to the following entry; from a new cursor or from before the first, to the first one.
   *
   * @returns Whether there is one. If not, the cursor is after the last, and stays there.
   * @throws {VarveError} `CLOSED` if the cursor or the database is; `IO`, or a {@linkcode CorruptionError}: the cursor
   * is closed then.
   */
  next(): boolean;
  /**
   * Goes to the preceding entry; from a new cursor or from after the last, to the last one.
   *
   * @returns Whether there is one. If not, the cursor is before the first, and stays there.
   * @throws {VarveError} `CLOSED` if the cursor or the database is; `IO`, or a {@linkcode CorruptionError}: the cursor
   * is closed then.
   */
  previous(): boolean;
  /**
   * Goes to the first entry of the range whose key is at or after this one.
   *
   * @param key The key. It need not be there.
   * @returns Whether there is one. If not, the cursor is after the last.
   * @throws {TypeError} If the codec does not take the key.
   * @throws {VarveError} `CLOSED` if the cursor or the database is; `IO`, or a {@linkcode CorruptionError}: the cursor
   * is closed then.
   */
  seek(key: K): boolean;
  /** The key of the entry it is at. A `TypeError` if it is at none. */
  readonly key: K;
  /** The value of the entry it is at. A `TypeError` if it is at none. */
  readonly value: V;
  /** The memory that the encoded key is in, to be read only. Empty where there is no entry; then all places are 0. */
  readonly keyBuffer: Uint8Array;
  /** Where the encoded key starts, a sublevel's prefix not included. */
  readonly keyStart: number;
  /** Where it ends, exclusive. */
  readonly keyEnd: number;
  /** The memory that the encoded value is in, to be read only. */
  readonly valueBuffer: Uint8Array;
  /** Where the encoded value starts. */
  readonly valueStart: number;
  /** Where it ends, exclusive. */
  readonly valueEnd: number;
  /** Lets go of what it holds. A second call does nothing. The same as `using` does. */
  close(): void;
}

/** Where a cursor is that is at no entry. */
const NOWHERE = 0;
const BEFORE = 1;
const AFTER = 2;

/** A cursor over a scan. */
export class StoreCursor<K, V> implements RangeCursor<K, V> {
  readonly #scan: Scan;
  readonly #cursor: VisibleCursor;
  readonly #keyspace: Keyspace<K, V>;
  readonly #lookup: Lookup;
  readonly #prefixBytes: number;
  #place = NOWHERE;
  #isClosed = false;

  /**
   * Makes a cursor, at no entry.
   *
   * @param scan Where the entries come from; the cursor closes it.
   * @param keyspace How they are decoded.
   * @param lookup Room to encode keys in.
   */
  constructor(scan: Scan, keyspace: Keyspace<K, V>, lookup: Lookup) {
    this.#scan = scan;
    this.#cursor = scan.cursor;
    this.#keyspace = keyspace;
    this.#lookup = lookup;
    this.#prefixBytes = keyspace.prefix.length;
  }

  /** {@inheritDoc} */
  next(): boolean {
    const cursor = this.#cursor;
    const isAtNone = !cursor.valid;
    if (isAtNone) {
      this.#assertOpen("move");
      if (this.#place === AFTER) return false;
    }
    try {
      if (isAtNone) cursor.first();
      else cursor.next();
    } catch (error) {
      this.close();
      throw error;
    }
    if (!cursor.valid) this.#place = AFTER;
    return cursor.valid;
  }

  /** {@inheritDoc} */
  previous(): boolean {
    const cursor = this.#cursor;
    const isAtNone = !cursor.valid;
    if (isAtNone) {
      this.#assertOpen("move");
      if (this.#place === BEFORE) return false;
    }
    try {
      if (isAtNone) cursor.last();
      else cursor.previous();
    } catch (error) {
      this.close();
      throw error;
    }
    if (!cursor.valid) this.#place = BEFORE;
    return cursor.valid;
  }

  /** {@inheritDoc} */
  seek(key: K): boolean {
    const cursor = this.#cursor;
    const end = this.#keyspace.encodeKey(key, this.#lookup);
    this.#assertOpen("move"); // after the codec, which is the caller's code
    try {
      cursor.seek(this.#lookup.key, 0, end);
    } catch (error) {
      this.close();
      throw error;
    }
    if (!cursor.valid) this.#place = AFTER;
    return cursor.valid;
  }

  /** {@inheritDoc} */
  get key(): K {
    const cursor = this.#cursor;
    if (!cursor.valid) this.#refuse("read key");
    return this.#keyspace.viewKey(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd);
  }

  /** {@inheritDoc} */
  get value(): V {
    const cursor = this.#cursor;
    if (!cursor.valid) this.#refuse("read value");
    return this.#keyspace.viewValue(cursor.valueBuffer, cursor.valueStart, cursor.valueEnd);
  }

  /** {@inheritDoc} */
  get keyBuffer(): Uint8Array {
    return this.#cursor.valid ? this.#cursor.keyBuffer : EMPTY_BYTES;
  }

  /** {@inheritDoc} */
  get keyStart(): number {
    return this.#cursor.valid ? this.#cursor.keyStart + this.#prefixBytes : 0;
  }

  /** {@inheritDoc} */
  get keyEnd(): number {
    return this.#cursor.valid ? this.#cursor.keyEnd : 0;
  }

  /** {@inheritDoc} */
  get valueBuffer(): Uint8Array {
    return this.#cursor.valid ? this.#cursor.valueBuffer : EMPTY_BYTES;
  }

  /** {@inheritDoc} */
  get valueStart(): number {
    return this.#cursor.valid ? this.#cursor.valueStart : 0;
  }

  /** {@inheritDoc} */
  get valueEnd(): number {
    return this.#cursor.valid ? this.#cursor.valueEnd : 0;
  }

  /** {@inheritDoc} */
  close(): void {
    this.#isClosed = true;
    this.#scan.close();
  }

  /** {@inheritDoc} */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Needs no call where the cursor is at an entry: what closes the scan leaves it at none. */
  #assertOpen(action: string): void {
    if (this.#isClosed) throw new VarveError("CLOSED", `Cannot ${action}: cursor is closed`);
    if (this.#scan.isClosed) throw new VarveError("CLOSED", `Cannot ${action}: database is closed`);
  }

  #refuse(action: string): never {
    this.#assertOpen(action);
    throw new TypeError(`Cannot ${action}: cursor is at no entry; the last move returned false`);
  }
}
