/**
 * **What.** One interface for everything that is walked in key order: memtables, blocks, tables, levels, and
 * merges of them. The current entry is six plain fields rather than objects, so that a step allocates nothing.
 *
 * **Invariants.**
 * 1. While `valid`, the key at `[keyStart, keyEnd)` of `keyBuffer` is an internal key, and the value is at
 *    `[valueStart, valueEnd)` of `valueBuffer`. Both stay as they are until the next call on the cursor, and no longer:
 *    the key may be in a buffer that the next one is put into, the value in a block whose memory is then used for
 *    another one. Who compares an entry with the one before keeps a copy.
 * 2. `next` after the last entry and `previous` before the first make it invalid; only `first`, `last` and
 *    `seek` make it valid again. `next` and `previous` on an invalid cursor are bugs of the caller.
 * 3. An open cursor may hold blocks of the buffer pool in memory; `close` lets go of them.
 *
 * **Read next.** `write_batch.ts`
 *
 * @module
 */
import { EMPTY_BYTES } from "./bytes.ts";

/** A position in a sorted run of entries. */
export abstract class Cursor {
  /** Whether there is a current entry. */
  valid = false;
  /** The buffer that the current internal key is in. */
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

  /** Goes to the first entry. */
  abstract first(): void;
  /** Goes to the last entry. */
  abstract last(): void;
  /** Goes to the first entry whose internal key is at or after `target[start, end)`. */
  abstract seek(target: Uint8Array, start: number, end: number): void;
  /** Goes to the following entry. */
  abstract next(): void;
  /** Goes to the preceding entry. */
  abstract previous(): void;
  /** Lets go of what the cursor holds. The cursor is invalid then. A second call does nothing. */
  abstract close(): void;
}

/** A cursor over nothing. */
export class EmptyCursor extends Cursor {
  /** Stays invalid. */
  override first(): void {}
  /** Stays invalid. */
  override last(): void {}
  /** Stays invalid. */
  override seek(): void {}
  /** Stays invalid. */
  override next(): void {}
  /** Stays invalid. */
  override previous(): void {}
  /** Nothing to let go of. */
  override close(): void {}
}
