/**
 * **What.** What a caller sees of a sorted run of internal keys: of each key the newest version as of a
 * snapshot, and nothing of a key whose newest version is a tombstone. Works on user keys, within bounds, in both
 * directions.
 *
 * Versions of a key come newest first. Going forward, the first visible one decides, and the rest is passed over.
 * Going backward they come oldest first, and which one is the newest shows only when the key before is reached:
 * key and value are kept in buffers of this cursor meanwhile, and the source is one key ahead.
 *
 * ```text
 * at snapshot 5     a@3=x   b@9=y   b@4✝   b@2=w   c@5=u   c@1=t
 * shows             a=x       (newer)  └─ hidden ┘  c=u     hidden
 * ```
 *
 * **Invariants.**
 * 1. Every key is shown at most once, with the value it had at the snapshot; no key outside the bounds is shown.
 * 2. Going forward, the source is at the entry shown. Going backward, it is before all visible versions of the key
 *    shown, or exhausted, and the entry shown is in this cursor's own buffers.
 * 3. An error of the source leaves the cursor invalid, never at a wrong entry.
 *
 * Source: LevelDB's `db/db_iter.cc` for the two ways of going.
 *
 * **Read next.** `version.ts`
 *
 * @module
 */
import { copyBytes, EMPTY_BYTES } from "./bytes.ts";
import type { Cursor } from "./cursor.ts";
import {
  type InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  kindAt,
  putTrailer,
  SEQUENCE_MAX,
  sequenceAt,
  TRAILER_BYTES,
} from "./internal_key.ts";
import { invariant } from "./invariant.ts";

/** An internal key to seek with: one for all cursors, since a seek is over when the next one begins. */
let target: Uint8Array = EMPTY_BYTES;

/** Most keys are no longer than this, with room for their buffers to be used again. */
const KEY_BUFFER_BYTES = 256;
const SPARE_BUFFERS_MAX = 16;
/** Buffers of cursors that were closed: a small array costs 200 ns, as much as two entries of a scan. */
const spareBuffers: Uint8Array[] = [];

/** One end of a range of user keys. */
export interface Bound {
  /** The user key. */
  readonly key: Uint8Array;
  /** Whether the key itself is in the range. */
  readonly inclusive: boolean;
}

/**
 * Walks the keys and values that can be seen at a snapshot.
 *
 * @example A key written twice and a deleted one, at two snapshots
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { InternalKeyComparator, KIND_TOMBSTONE, KIND_VALUE } from "./internal_key.ts";
 * import { Memtable } from "./memtable.ts";
 * import { VisibleCursor } from "./visible_cursor.ts";
 *
 * const comparator = new InternalKeyComparator();
 * const memtable = new Memtable({ comparator, capacityBytes: 65536 });
 * const write = (sequence: number, kind: number, [key, value]: [number, number]) =>
 *   memtable.add(sequence, kind, Uint8Array.of(key), 0, 1, Uint8Array.of(value), 0, kind);
 * write(1, KIND_VALUE, [7, 100]);
 * write(2, KIND_VALUE, [8, 101]);
 * write(3, KIND_VALUE, [7, 102]);
 * write(4, KIND_TOMBSTONE, [8, 0]);
 *
 * function visibleAt(snapshot: number): [number, number][] {
 *   const seen: [number, number][] = [];
 *   const cursor = new VisibleCursor(memtable.cursor(), comparator, snapshot);
 *   for (cursor.first(); cursor.valid; cursor.next()) {
 *     seen.push([cursor.keyBuffer[cursor.keyStart]!, cursor.valueBuffer[cursor.valueStart]!]);
 *   }
 *   cursor.close();
 *   return seen;
 * }
 * assertEquals(visibleAt(2), [[7, 100], [8, 101]]);
 * assertEquals(visibleAt(4), [[7, 102]]);
 * ```
 */
export class VisibleCursor {
  /** Whether there is a current entry. */
  valid = false;
  /** The buffer that the current user key is in. All fields hold until the next call. */
  keyBuffer: Uint8Array = EMPTY_BYTES;
  /** Where the key starts. */
  keyStart = 0;
  /** Where the key ends, exclusive. */
  keyEnd = 0;
  /** The buffer that the current value is in. */
  valueBuffer: Uint8Array = EMPTY_BYTES;
  /** Where the value starts. */
  valueStart = 0;
  /** Where the value ends, exclusive. */
  valueEnd = 0;
  /** Entries passed over so far: tombstones, versions behind a newer one, versions newer than the snapshot. */
  skipped = 0;

  readonly #source: Cursor;
  readonly #comparator: InternalKeyComparator;
  readonly #sequence: number;
  readonly #lower: Bound | undefined;
  readonly #upper: Bound | undefined;
  #backward = false;
  /** The key that is being passed over (forward), or was found (backward); borrowed until the cursor is closed. */
  #savedKey: Uint8Array = EMPTY_BYTES;
  #savedKeyBytes = 0;
  /** The value found going backward. */
  #savedValue: Uint8Array = EMPTY_BYTES;
  #savedValueBytes = 0;

  /**
   * Makes an invalid cursor: `first`, `last` or `seek` makes it valid.
   *
   * @param source Entries by internal key; this cursor closes it.
   * @param comparator The order that the source is in.
   * @param sequence The snapshot: versions newer than this are not seen.
   * @param lower Where the range of keys begins; not given, at the first key.
   * @param upper Where the range ends; not given, at the last key.
   */
  constructor(
    source: Cursor,
    comparator: InternalKeyComparator,
    sequence: number,
    lower?: Bound,
    upper?: Bound,
  ) {
    this.#source = source;
    this.#comparator = comparator;
    this.#sequence = sequence;
    this.#lower = lower;
    this.#upper = upper;
  }

  /** Goes to the first key of the range. */
  first(): void {
    this.valid = false;
    const lower = this.#lower;
    if (lower === undefined) {
      this.#source.first();
      this.#findForward(false);
    } else if (lower.inclusive) {
      this.#seekSource(lower.key, 0, lower.key.length, this.#sequence, KIND_VALUE);
      this.#findForward(false);
    } else {
      this.#seekSource(lower.key, 0, lower.key.length, 0, KIND_TOMBSTONE);
      this.#saveKey(lower.key, 0, lower.key.length);
      this.#findForward(true);
    }
  }

  /** Goes to the last key of the range. */
  last(): void {
    this.valid = false;
    const source = this.#source;
    const upper = this.#upper;
    if (upper === undefined) {
      source.last();
    } else {
      // To the first entry outside the range, and one back.
      const key = upper.key;
      if (upper.inclusive) {
        this.#seekSource(key, 0, key.length, 0, KIND_TOMBSTONE);
        while (source.valid && this.#compareSource(key, 0, key.length) === 0) source.next();
      } else {
        this.#seekSource(key, 0, key.length, SEQUENCE_MAX, KIND_VALUE);
      }
      if (source.valid) source.previous();
      else source.last();
    }
    this.#findBackward();
  }

  /**
   * Goes to the first key of the range that is at or after `key[start, end)`.
   *
   * @param key The buffer that the user key is in.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   */
  seek(key: Uint8Array, start: number, end: number): void {
    const lower = this.#lower;
    if (lower !== undefined) {
      const order = this.#comparator.compareUser(key, start, end, lower.key, 0, lower.key.length);
      // At the bound itself, too: it may not be in the range.
      if (order <= 0) return this.first();
    }
    this.valid = false;
    this.#seekSource(key, start, end, this.#sequence, KIND_VALUE);
    this.#findForward(false);
  }

  /** Goes to the following key. */
  next(): void {
    invariant(this.valid, "only a valid cursor moves on");
    this.valid = false;
    const source = this.#source;
    if (this.#backward) {
      // The source is before every version of the current key, which is saved already.
      if (source.valid) source.next();
      else source.first();
    } else {
      this.#saveKey(this.keyBuffer, this.keyStart, this.keyEnd);
      source.next();
    }
    this.#findForward(true);
  }

  /** Goes to the preceding key. */
  previous(): void {
    invariant(this.valid, "only a valid cursor moves back");
    this.valid = false;
    // Before the entry shown, all versions of its key are newer than the snapshot: they are passed over like any.
    if (!this.#backward) this.#source.previous();
    this.#findBackward();
  }

  /** Closes the source. The cursor is invalid then. A second call does nothing. */
  close(): void {
    this.valid = false;
    this.keyBuffer = EMPTY_BYTES;
    this.valueBuffer = EMPTY_BYTES;
    giveBack(this.#savedKey);
    this.#savedKey = EMPTY_BYTES;
    this.#savedValue = EMPTY_BYTES;
    this.#source.close();
  }

  /**
   * Goes on to the next visible entry, from the source's current one on.
   *
   * @param skipping Whether the saved key has been dealt with, so that its further versions are passed over.
   */
  #findForward(skipping: boolean): void {
    this.#backward = false;
    const source = this.#source;
    for (; source.valid && !this.#isPastUpper(); source.next()) {
      const end = source.keyEnd;
      if (
        sequenceAt(source.keyBuffer, end) > this.#sequence ||
        (skipping && this.#isAtSavedKey())
      ) {
        this.skipped++;
      } else if (kindAt(source.keyBuffer, end) === KIND_TOMBSTONE) {
        this.skipped++;
        this.#saveKey(source.keyBuffer, source.keyStart, end - TRAILER_BYTES);
        skipping = true;
      } else {
        this.keyBuffer = source.keyBuffer;
        this.keyStart = source.keyStart;
        this.keyEnd = end - TRAILER_BYTES;
        this.valueBuffer = source.valueBuffer;
        this.valueStart = source.valueStart;
        this.valueEnd = source.valueEnd;
        this.valid = true;
        return;
      }
    }
  }

  /** Goes back to the next visible entry, from the source's current one on, and past all versions of its key. */
  #findBackward(): void {
    this.#backward = true;
    const source = this.#source;
    let found = false;
    for (; source.valid && !this.#isPastLower(); source.previous()) {
      const end = source.keyEnd;
      if (sequenceAt(source.keyBuffer, end) > this.#sequence) {
        this.skipped++;
        continue;
      }
      // A smaller key: the version saved last was the newest of its key.
      if (found && this.#compareSource(this.#savedKey, 0, this.#savedKeyBytes) < 0) break;
      if (found) this.skipped++; // the version saved is not the newest
      found = kindAt(source.keyBuffer, end) !== KIND_TOMBSTONE;
      if (found) {
        this.#saveKey(source.keyBuffer, source.keyStart, end - TRAILER_BYTES);
        this.#saveValue(source.valueBuffer, source.valueStart, source.valueEnd);
      } else {
        this.skipped++;
      }
    }
    if (!found) return;
    this.keyBuffer = this.#savedKey;
    this.keyStart = 0;
    this.keyEnd = this.#savedKeyBytes;
    this.valueBuffer = this.#savedValue;
    this.valueStart = 0;
    this.valueEnd = this.#savedValueBytes;
    this.valid = true;
  }

  /** Whether the source's current key is behind the end of the range. */
  #isPastUpper(): boolean {
    const upper = this.#upper;
    if (upper === undefined) return false;
    const order = this.#compareSource(upper.key, 0, upper.key.length);
    return order > 0 || (order === 0 && !upper.inclusive);
  }

  /** Whether the source's current key is before the beginning of the range. */
  #isPastLower(): boolean {
    const lower = this.#lower;
    if (lower === undefined) return false;
    const order = this.#compareSource(lower.key, 0, lower.key.length);
    return order < 0 || (order === 0 && !lower.inclusive);
  }

  /** Compares the source's current user key with another one. */
  #compareSource(key: Uint8Array, start: number, end: number): number {
    const source = this.#source;
    return this.#comparator.compareUser(
      source.keyBuffer,
      source.keyStart,
      source.keyEnd - TRAILER_BYTES,
      key,
      start,
      end,
    );
  }

  /**
   * Whether the source's current key is the saved one. Keys that follow each other begin alike more often than
   * not: in the order of bytes, where only equal bytes are the same key, looking at the last one first saves time.
   */
  #isAtSavedKey(): boolean {
    const saved = this.#savedKey;
    const length = this.#savedKeyBytes;
    if (!this.#comparator.isBytewise) return this.#compareSource(saved, 0, length) === 0;
    const source = this.#source;
    const buffer = source.keyBuffer;
    const start = source.keyStart;
    if (source.keyEnd - TRAILER_BYTES - start !== length) return false;
    for (let i = length - 1; i >= 0; i--) if (buffer[start + i] !== saved[i]) return false;
    return true;
  }

  /** Moves the source to its first entry at or after an internal key. */
  #seekSource(key: Uint8Array, start: number, end: number, sequence: number, kind: number): void {
    const length = end - start;
    target = withRoom(target, length + TRAILER_BYTES);
    copyBytes(target, 0, key, start, end);
    putTrailer(target, length, sequence, kind);
    this.#source.seek(target, 0, length + TRAILER_BYTES);
  }

  #saveKey(key: Uint8Array, start: number, end: number): void {
    if (this.#savedKey.length < end - start) this.#savedKey = takeBuffer(end - start);
    this.#savedKeyBytes = end - start;
    copyBytes(this.#savedKey, 0, key, start, end);
  }

  #saveValue(value: Uint8Array, start: number, end: number): void {
    this.#savedValue = withRoom(this.#savedValue, end - start);
    this.#savedValueBytes = end - start;
    copyBytes(this.#savedValue, 0, value, start, end);
  }
}

/** A buffer for a key of so many bytes. */
function takeBuffer(bytes: number): Uint8Array {
  if (bytes > KEY_BUFFER_BYTES) return withRoom(EMPTY_BYTES, bytes);
  return spareBuffers.pop() ?? new Uint8Array(KEY_BUFFER_BYTES);
}

/** Keeps a key's buffer for the next cursor. */
function giveBack(buffer: Uint8Array): void {
  if (buffer.length === KEY_BUFFER_BYTES && spareBuffers.length < SPARE_BUFFERS_MAX) {
    spareBuffers.push(buffer);
  }
}

/** A buffer of at least `bytes`: the one given, or a new one, with room to spare unless it is large. */
function withRoom(buffer: Uint8Array, bytes: number): Uint8Array {
  if (buffer.length >= bytes) return buffer;
  return new Uint8Array(bytes < 2 ** 16 ? Math.max(2 * bytes, 64) : bytes);
}
