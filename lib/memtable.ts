/**
 * **What.** The newest writes, in memory and in order, until they are written to a table: records in one arena of
 * shared memory, and an ordered index over them. A key that is written again gets another entry, and a deleted key
 * an entry that says so; both hide the older entries of the key, here and in the tables below.
 *
 * A memtable has a fixed capacity. A writer asks {@linkcode Memtable.fits} before it logs a batch, and starts
 * another memtable if the answer is no. Once nobody adds any more, its buffer can be posted to a worker,
 * which reads it where it is.
 *
 * **Invariants.**
 * 1. What `fits` has promised is never refused by `add`, whatever the keys are.
 * 2. A tombstone is an answer: a lookup that meets one ends with `DELETED`, never with an older value (B8). A value
 *    of no bytes is a value (B9).
 * 3. A cursor sees what is added after it was made, and never leaves its entry because of it.
 * 4. `usedBytes` counts every byte taken from the arena: header, records with their padding, index.
 *
 * **Read next.** `commit_queue.ts`
 *
 * @module
 */
import {
  Arena,
  ARENA_HEADER_BYTES,
  INDEX_SKIP_LIST,
  type OrderedIndex,
  Position,
  RECORD_OVERHEAD_BYTES_MAX,
  recordWords,
} from "./arena.ts";
import { EMPTY_BYTES } from "./bytes.ts";
import { Cursor } from "./cursor.ts";
import {
  DELETED,
  FOUND,
  type InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  kindAt,
  type Lookup,
  SEQUENCE_MAX,
  TRAILER_BYTES,
} from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { SkipList, skipListBytesMax } from "./skip_list.ts";
import { SortedArray, sortedArrayBytesMax } from "./sorted_array.ts";
import type { BatchReader } from "./write_batch.ts";

/** Which structure keeps the entries in order. */
export type MemtableIndex =
  /** The faster one, for one writer; others may read once it has stopped. */
  | "sorted-array"
  /** For several writers and readers at the same time, in several workers. */
  | "skip-list";

/** How to make a memtable. */
export interface MemtableOptions {
  /** The order of keys. */
  comparator: InternalKeyComparator;
  /** Size of the arena, header and index included: see {@linkcode Memtable.worstCaseBytes}. */
  capacityBytes: number;
  /** The structure that keeps the entries in order. @default {"sorted-array"} */
  index?: MemtableIndex;
  /** Memory to use, of at least `capacityBytes`; what it held before is forgotten. By default new memory. */
  buffer?: SharedArrayBuffer;
  /** Of the heights in a skip list. @default {1} */
  seed?: number;
}

/**
 * Recent writes in key order.
 *
 * @example Writing, deleting and looking up
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DELETED, FOUND, InternalKeyComparator, KIND_TOMBSTONE, KIND_VALUE, Lookup } from "./internal_key.ts";
 * import { Memtable } from "./memtable.ts";
 *
 * const memtable = new Memtable({ comparator: new InternalKeyComparator(), capacityBytes: 65536 });
 * const key = new TextEncoder().encode("color");
 * const blue = new TextEncoder().encode("blue");
 * memtable.add(1, KIND_VALUE, key, 0, key.length, blue, 0, blue.length);
 * memtable.add(2, KIND_TOMBSTONE, key, 0, key.length, blue, 0, 0);
 *
 * const lookup = new Lookup();
 * lookup.key.set(key);
 * lookup.begin(key.length, 1); // as of sequence number 1
 * memtable.get(lookup);
 * assertEquals(lookup.outcome, FOUND);
 * assertEquals(lookup.value.slice(lookup.valueStart, lookup.valueEnd), blue);
 *
 * lookup.begin(key.length, 2);
 * memtable.get(lookup);
 * assertEquals(lookup.outcome, DELETED);
 * ```
 */
export class Memtable {
  readonly #arena: Arena;
  readonly #comparator: InternalKeyComparator;
  readonly #index: OrderedIndex;
  /** Whether others may be writing too, so that memory is taken with care. */
  readonly #isShared: boolean;
  readonly #isReadOnly: boolean;
  /** Where the last `get` ended; one for all of them, so that a get allocates nothing. */
  readonly #position: Position = new Position();

  /**
   * Makes an empty memtable.
   *
   * @param options How to make it.
   * @param isAttached Whether `options.buffer` holds a memtable already: see {@linkcode Memtable.attach}.
   */
  constructor(options: MemtableOptions, isAttached = false) {
    this.#comparator = options.comparator;
    this.#arena = isAttached ? new Arena(options.buffer!) : emptyArena(options);
    this.#isShared = isAttached
      ? this.#arena.indexKind === INDEX_SKIP_LIST
      : options.index === "skip-list";
    this.#isReadOnly = isAttached && !this.#isShared;
    this.#index = this.#isShared
      ? new SkipList(this.#arena, options.comparator, options.seed)
      : new SortedArray(this.#arena, options.comparator);
  }

  /**
   * Views a memtable that another worker made. One with a sorted array must be complete, and can only be read; to
   * one with a skip list everyone may add at any time, each with a seed of its own.
   *
   * @param buffer The {@linkcode Memtable.buffer} of the other one.
   * @param comparator The same order of keys as there.
   * @param seed Of the heights in a skip list.
   * @returns The view.
   */
  static attach(buffer: SharedArrayBuffer, comparator: InternalKeyComparator, seed = 1): Memtable {
    return new Memtable({ comparator, capacityBytes: buffer.byteLength, buffer, seed }, true);
  }

  /**
   * The capacity that a new memtable needs to surely hold some entries, whatever their keys are.
   *
   * @param entries How many entries.
   * @param keyAndValueBytes Length of their user keys and values together.
   * @param index The structure that keeps them in order.
   * @returns The number of bytes.
   */
  static worstCaseBytes(
    entries: number,
    keyAndValueBytes: number,
    index: MemtableIndex = "sorted-array",
  ): number {
    const indexBytes = index === "skip-list"
      ? skipListBytesMax(entries)
      : sortedArrayBytesMax(entries);
    const bytes = ARENA_HEADER_BYTES + entries * RECORD_OVERHEAD_BYTES_MAX + keyAndValueBytes +
      indexBytes;
    return Math.ceil(bytes / 8) * 8;
  }

  /**
   * Whether some entries surely fit into what is free.
   *
   * @param entries How many entries.
   * @param keyAndValueBytes Length of their user keys and values together.
   * @returns True if `add` will take them all. With several writers, only if nobody else adds meanwhile.
   */
  fits(entries: number, keyAndValueBytes: number): boolean {
    const free = this.#isShared ? this.#arena.freeBytes : this.#arena.ownFreeBytes;
    return entries * RECORD_OVERHEAD_BYTES_MAX + keyAndValueBytes +
        this.#index.growthBytesMax(entries) <= free;
  }

  /**
   * Adds an entry. No other entry may have the same user key and sequence number.
   *
   * @param sequence Sequence number of the write, 0 to 2^53 - 1.
   * @param kind `KIND_VALUE` or `KIND_TOMBSTONE`.
   * @param key Buffer that the user key is in.
   * @param keyStart Where the user key starts.
   * @param keyEnd Where it ends, exclusive.
   * @param value Buffer that the value is in.
   * @param valueStart Where the value starts.
   * @param valueEnd Where it ends, exclusive.
   */
  add(
    sequence: number,
    kind: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    invariant(!this.#isReadOnly, "only the maker of a memtable with a sorted array adds to it");
    invariant(kind === KIND_VALUE || kind === KIND_TOMBSTONE, "an entry is a value or a tombstone");
    invariant(sequence >= 0 && sequence <= SEQUENCE_MAX, "a sequence number has 53 bits");
    const arena = this.#arena;
    const words = recordWords(keyEnd - keyStart, valueEnd - valueStart);
    const entry = this.#isShared ? arena.allocateShared(words) : arena.allocate(words);
    arena.writeRecord(
      entry,
      sequence,
      kind,
      key,
      keyStart,
      keyEnd,
      value,
      valueStart,
      valueEnd,
    );
    this.#index.insert(entry);
  }

  /** Adds all records of a batch, from the reader's next one on, as {@linkcode Memtable.add} does. */
  addAll(batch: BatchReader): void {
    invariant(!this.#isReadOnly, "only the maker of a memtable with a sorted array adds to it");
    const arena = this.#arena;
    const index = this.#index;
    while (batch.next()) {
      const words = recordWords(batch.keyEnd - batch.keyStart, batch.valueEnd - batch.valueStart);
      const entry = this.#isShared ? arena.allocateShared(words) : arena.allocate(words);
      arena.copyRecord(entry, batch);
      index.insert(entry);
    }
  }

  /**
   * Looks a key up as of a sequence number.
   *
   * @param lookup The question. Its outcome becomes `FOUND`, with the value's place in this memtable's memory, or
   * `DELETED`; it is left as it is if the memtable knows nothing of the key.
   */
  get(lookup: Lookup): void {
    const position = this.#position;
    this.#index.seek(position, lookup.key, 0, lookup.end);
    const entry = position.entry;
    if (entry === 0) return;
    const arena = this.#arena;
    const bytes = arena.bytes;
    const keyEnd = arena.keyEnd(entry);
    const order = this.#comparator.compareUser(
      bytes,
      arena.keyStart(entry),
      keyEnd - TRAILER_BYTES,
      lookup.key,
      0,
      lookup.userEnd,
    );
    if (order !== 0) return;
    if (kindAt(bytes, keyEnd) === KIND_TOMBSTONE) {
      lookup.outcome = DELETED;
      return;
    }
    lookup.outcome = FOUND;
    lookup.value = bytes;
    lookup.valueStart = keyEnd;
    lookup.valueEnd = arena.valueEnd(entry);
  }

  /**
   * A cursor over the entries, those included that are added later.
   *
   * @returns A cursor that is not valid yet.
   */
  cursor(): Cursor {
    return new MemtableCursor(this.#arena, this.#index);
  }

  /** How many entries there are, tombstones and hidden ones included. */
  get entryCount(): number {
    return this.#index.entryCount;
  }

  /** Bytes taken: header, records, index. */
  get usedBytes(): number {
    return this.#arena.usedBytes;
  }

  /** Bytes there are. */
  get capacityBytes(): number {
    return this.#arena.capacityWords * 4;
  }

  /** The memory, to be attached to in another worker, or used again for another memtable when this one is done. */
  get buffer(): SharedArrayBuffer {
    return this.#arena.buffer;
  }
}

function emptyArena(options: MemtableOptions): Arena {
  const { capacityBytes, buffer } = options;
  if (buffer === undefined) return Arena.create(Math.ceil(capacityBytes / 8) * 8);
  invariant(buffer.byteLength >= capacityBytes, "a buffer is as large as its memtable");
  return Arena.format(buffer);
}

/** Keys and values are given out where they are: records never move. */
class MemtableCursor extends Cursor {
  readonly #arena: Arena;
  readonly #index: OrderedIndex;
  readonly #position: Position = new Position();

  constructor(arena: Arena, index: OrderedIndex) {
    super();
    this.#arena = arena;
    this.#index = index;
  }

  override first(): void {
    this.#index.first(this.#position);
    this.#show();
  }

  override last(): void {
    this.#index.last(this.#position);
    this.#show();
  }

  override seek(target: Uint8Array, start: number, end: number): void {
    this.#index.seek(this.#position, target, start, end);
    this.#show();
  }

  override next(): void {
    invariant(this.valid, "next is called on a valid cursor");
    this.#index.next(this.#position);
    this.#show();
  }

  override previous(): void {
    invariant(this.valid, "previous is called on a valid cursor");
    this.#index.previous(this.#position);
    this.#show();
  }

  override close(): void {
    this.valid = false;
    this.keyBuffer = EMPTY_BYTES;
    this.valueBuffer = EMPTY_BYTES;
  }

  #show(): void {
    const entry = this.#position.entry;
    this.valid = entry !== 0;
    if (entry === 0) return;
    const arena = this.#arena;
    const keyEnd = arena.keyEnd(entry);
    this.keyBuffer = arena.bytes;
    this.keyStart = arena.keyStart(entry);
    this.keyEnd = keyEnd;
    this.valueBuffer = arena.bytes;
    this.valueStart = keyEnd;
    this.valueEnd = arena.valueEnd(entry);
  }
}
