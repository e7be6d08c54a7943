/**
 * **What.** Writes blocks, the unit that tables are made of: some kilobytes of sorted entries, each key stored
 * without what it shares with the one before, and every so often whole, so that a reader may start there.
 *
 * **Format.**
 * ```text
 * block   := entry*, restart*, restart count (fixed32)
 * entry   := shared bytes (varint32), unshared bytes (varint32), value bytes (varint32), unshared, value
 * restart := offset of an entry whose "shared bytes" is 0 (fixed32)
 *
 *   apple, apply, apt    →    0 5 v apple   4 1 v y   2 1 v t         key = the previous one's shared bytes + unshared
 * ```
 * A block without entries has one restart, 0.
 *
 * **Invariants.**
 * 1. Same entries and interval, same bytes as LevelDB writes.
 * 2. `bytes` is exactly what the block takes if it is finished now.
 * 3. Adding allocates nothing, but for buffers that grow by doubling.
 *
 * Source: LevelDB's `table/block_builder.cc` and `doc/table_format.md`.
 *
 * **Read next.** `block.ts`
 *
 * @module
 */
import { copyBytes } from "./bytes.ts";
import { putFixed32, putVarint } from "./coding.ts";
import { invariant } from "./invariant.ts";

/** A buffer that one large entry made bigger than this is let go after use. */
const RETAINED_BYTES_MAX = 1 << 20;

/** A buffer at least `needed` long that begins with the first `used` bytes of the one given. */
export function withRoom(buffer: Uint8Array, used: number, needed: number): Uint8Array {
  if (buffer.length >= needed) return buffer;
  const grown = new Uint8Array(Math.max(needed, buffer.length * 2));
  grown.set(buffer.subarray(0, used));
  return grown;
}

/**
 * Writes one block after another. Keys are any bytes, added in order.
 *
 * @example A block and its bytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BlockBuilder } from "./block_builder.ts";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const builder = new BlockBuilder(16);
 * builder.add(bytes("apple"), 0, 5, bytes("1"), 0, 1);
 * builder.add(bytes("apply"), 0, 5, bytes("2"), 0, 1);
 * const end = builder.finish();
 * const text = new TextDecoder().decode(builder.buffer.subarray(0, end));
 * assertEquals(text, "\0\x05\x01apple1" + "\x04\x01\x01y2" + "\0\0\0\0" + "\x01\0\0\0");
 * ```
 */
export class BlockBuilder {
  // Plain fields where the table writer reads them for each entry.
  /** Where the block is built. It may be replaced by {@linkcode add} and {@linkcode finish}. */
  buffer: Uint8Array;
  /** The key added last, also after {@linkcode reset}. */
  lastKey: Uint8Array = new Uint8Array(128);
  /** Where it ends. */
  lastKeyEnd = 0;
  /** Entries in the block. */
  entryCount = 0;
  /** What the keys in the block would take if each were stored whole. */
  keyBytes = 0;
  readonly #restartInterval: number;
  #end = 0;
  #restarts = new Uint32Array(16);
  #restartCount = 1;
  #sinceRestart = 0;

  /**
   * Makes a builder of an empty block.
   *
   * @param restartInterval After how many entries a key is stored whole again, at least 1.
   * @param bytes How much room to begin with.
   */
  constructor(restartInterval: number, bytes = 4096) {
    invariant(restartInterval >= 1, "the restart interval is at least 1");
    this.#restartInterval = restartInterval;
    this.buffer = new Uint8Array(bytes);
  }

  /** How many bytes the block would take if it were finished now. */
  get bytes(): number {
    return this.#end + this.#restartCount * 4 + 4;
  }

  /**
   * How much of a key the key added last has, too.
   *
   * @param key Buffer of the key.
   * @param keyStart Where it starts.
   * @param keyEnd Where it ends, exclusive.
   * @returns The number of bytes at the start of both that are the same; 0 before the first key.
   */
  sharedBytes(key: Uint8Array, keyStart: number, keyEnd: number): number {
    const last = this.lastKey;
    const keyBytes = keyEnd - keyStart;
    const most = this.lastKeyEnd < keyBytes ? this.lastKeyEnd : keyBytes;
    let shared = 0;
    while (shared < most && last[shared] === key[keyStart + shared]) shared++;
    return shared;
  }

  /**
   * Adds an entry.
   *
   * @param key Buffer of the key.
   * @param keyStart Where it starts.
   * @param keyEnd Where it ends, exclusive.
   * @param value Buffer of the value.
   * @param valueStart Where it starts.
   * @param valueEnd Where it ends, exclusive.
   * @param same What {@linkcode sharedBytes} says of the key, for who has asked already.
   */
  add(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    same: number = this.sharedBytes(key, keyStart, keyEnd),
  ): void {
    // #region entry
    const keyBytes = keyEnd - keyStart;
    const valueBytes = valueEnd - valueStart;
    let shared = this.entryCount > 0 ? same : 0;
    if (this.#sinceRestart === this.#restartInterval) {
      this.#restart();
      shared = 0;
    }
    const needed = this.#end + 15 + keyBytes - shared + valueBytes; // 15: three varint32 at their longest
    if (this.buffer.length < needed) this.buffer = withRoom(this.buffer, this.#end, needed);
    if (this.lastKey.length < keyBytes) this.lastKey = withRoom(this.lastKey, same, keyBytes);
    const buffer = this.buffer;
    let at = this.#end;
    if ((shared | (keyBytes - shared) | valueBytes) < 128) {
      buffer[at++] = shared;
      buffer[at++] = keyBytes - shared;
      buffer[at++] = valueBytes;
    } else {
      at = putVarint(buffer, at, shared);
      at = putVarint(buffer, at, keyBytes - shared);
      at = putVarint(buffer, at, valueBytes);
    }
    copyBytes(this.lastKey, same, key, keyStart + same, keyEnd);
    copyBytes(buffer, at, key, keyStart + shared, keyEnd);
    at += keyBytes - shared;
    copyBytes(buffer, at, value, valueStart, valueEnd);
    this.#end = at + valueBytes;
    this.lastKeyEnd = keyBytes;
    this.#sinceRestart++;
    this.entryCount++;
    this.keyBytes += keyBytes;
    // #endregion
  }

  /**
   * Ends the block. Only {@linkcode reset} may follow.
   *
   * @returns Where the block ends in {@linkcode buffer}; it starts at 0.
   */
  finish(): number {
    this.buffer = withRoom(this.buffer, this.#end, this.bytes);
    let at = this.#end;
    for (let i = 0; i < this.#restartCount; i++, at += 4) {
      putFixed32(this.buffer, at, this.#restarts[i]!);
    }
    putFixed32(this.buffer, at, this.#restartCount);
    return at + 4;
  }

  /** Starts another block. */
  reset(): void {
    if (this.buffer.length > RETAINED_BYTES_MAX) this.buffer = new Uint8Array(4096);
    this.#end = 0;
    this.#restartCount = 1;
    this.#sinceRestart = 0;
    this.entryCount = 0;
    this.keyBytes = 0;
  }

  #restart(): void {
    if (this.#restartCount === this.#restarts.length) {
      const grown = new Uint32Array(this.#restarts.length * 2);
      grown.set(this.#restarts);
      this.#restarts = grown;
    }
    this.#restarts[this.#restartCount++] = this.#end;
    this.#sinceRestart = 0;
  }
}
