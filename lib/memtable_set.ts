/**
 * **What.** The memtables of a running database: the active one, which is written to, and the frozen ones, which
 * wait to become tables. Each has exactly one log segment with the same entries.
 *
 * **Invariants.**
 * 1. A memtable is held by everyone who reads it; its memory is used again only when nobody does.
 * 2. Frozen memtables are never written to, and leave oldest first.
 *
 * **Read next.** `read_view.ts`
 *
 * @module
 */
import { ARENA_BYTES_MAX } from "./arena.ts";
import { VarveError } from "./errors.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { Memtable } from "./memtable.ts";
import type { BatchReader } from "./write_batch.ts";

/** How many memtable buffers are kept to be used again. */
const SPARE_BUFFERS_MAX = 2;

/** A memtable, who holds it, and the log that has the same entries. */
export class MemtableSlot {
  /** The memtable. */
  readonly memtable: Memtable;
  /** The number of the log that has exactly its entries. */
  readonly logNumber: number;
  /** The last sequence number in it, set when it is frozen. */
  lastSequence = 0;
  #references = 0;
  readonly #onUnused: (memtable: Memtable) => void;

  /**
   * Makes a slot that nobody holds yet.
   *
   * @param memtable The memtable.
   * @param logNumber The number of its log.
   * @param onUnused Called when nobody holds the memtable any more.
   */
  constructor(memtable: Memtable, logNumber: number, onUnused: (memtable: Memtable) => void) {
    this.memtable = memtable;
    this.logNumber = logNumber;
    this.#onUnused = onUnused;
  }

  /** Holds the memtable. */
  retain(): void {
    this.#references++;
  }

  /** Lets go of it. */
  release(): void {
    invariant(this.#references > 0, "a memtable is released as often as it was retained");
    if (--this.#references === 0) this.#onUnused(this.memtable);
  }
}

/** The active memtable and the frozen ones. */
export class MemtableSet {
  readonly #comparator: InternalKeyComparator;
  readonly #memtableBytes: number;
  /** Oldest first. */
  readonly #frozen: MemtableSlot[] = [];
  readonly #spareBuffers: SharedArrayBuffer[] = [];
  #active: MemtableSlot;

  /**
   * Makes a set with an empty active memtable.
   *
   * @param comparator The order of internal keys.
   * @param memtableBytes How large a memtable gets unless one batch needs more.
   * @param logNumber The log of the active memtable.
   * @param recovered Memtables replayed from logs, oldest first.
   */
  constructor(
    comparator: InternalKeyComparator,
    memtableBytes: number,
    logNumber: number,
    recovered: readonly Memtable[],
  ) {
    this.#comparator = comparator;
    this.#memtableBytes = Math.ceil(memtableBytes / 8) * 8; // what a memtable makes of it, so that sizes compare equal
    for (const memtable of recovered) this.#frozen.push(this.#slot(memtable, 0));
    this.#active = this.#slot(this.#create(memtableBytes), logNumber);
  }

  /** The one that is written to. */
  get active(): MemtableSlot {
    return this.#active;
  }

  /** How many wait to become tables. */
  get frozenCount(): number {
    return this.#frozen.length;
  }

  /** Bytes used by those. */
  get frozenBytes(): number {
    return this.#frozen.reduce((sum, { memtable }) => sum + memtable.usedBytes, 0);
  }

  /** The one that becomes a table next. */
  get oldestFrozen(): MemtableSlot | undefined {
    return this.#frozen[0];
  }

  /** The one that was frozen last. */
  get newestFrozen(): MemtableSlot | undefined {
    return this.#frozen.at(-1);
  }

  /** The lowest log that is still needed once the oldest frozen memtable is in a table. */
  get logNumberAfterFlush(): number {
    return (this.#frozen[1] ?? this.#active).logNumber;
  }

  /** All of them, as a reader asks them: newest first. */
  newestFirst(): MemtableSlot[] {
    return [this.#active, ...this.#frozen.toReversed()];
  }

  /**
   * Lets the order of keys refuse a key before it is in the log, where it would fail every recovery: one that the
   * caller wrote may throw for what it was not made for.
   *
   * @param batch A reader before its first record.
   */
  checkKeys(batch: BatchReader): void {
    const { isBytewise, user } = this.#comparator;
    while (!isBytewise && batch.next()) {
      const key = batch.buffer.subarray(batch.keyStart, batch.keyEnd);
      user.compare(key, key);
    }
  }

  /**
   * What a memtable needs to hold some entries.
   *
   * @throws {VarveError} `TOO_LARGE` if none can.
   */
  bytesNeeded(entries: number, keyAndValueBytes: number): number {
    const bytes = Memtable.worstCaseBytes(entries, keyAndValueBytes);
    if (bytes <= ARENA_BYTES_MAX) return bytes;
    const what = `${entries} entries of ${keyAndValueBytes} bytes`;
    throw new VarveError("TOO_LARGE", `Cannot write: ${what} do not fit into a memtable`);
  }

  /**
   * Freezes the active memtable and starts another.
   *
   * @param lastSequence The last sequence number in the active one.
   * @param logNumber The log of the new one.
   * @param bytesNeeded What the new one must have room for.
   */
  freeze(lastSequence: number, logNumber: number, bytesNeeded: number): void {
    const capacityBytes = Math.max(this.#memtableBytes, bytesNeeded);
    const next = this.#slot(this.#create(capacityBytes), logNumber); // throws if there is no memory for it
    this.#active.lastSequence = lastSequence;
    this.#frozen.push(this.#active);
    this.#active = next;
  }

  /** Takes the oldest frozen one out: it is in a table. */
  removeOldest(): MemtableSlot {
    const slot = this.#frozen.shift();
    invariant(slot !== undefined, "only a frozen memtable is flushed");
    return slot;
  }

  #create(capacityBytes: number): Memtable {
    const comparator = this.#comparator;
    const buffer = capacityBytes === this.#memtableBytes ? this.#spareBuffers.pop() : undefined;
    return buffer === undefined
      ? new Memtable({ comparator, capacityBytes })
      : new Memtable({ comparator, capacityBytes, buffer });
  }

  #slot(memtable: Memtable, logNumber: number): MemtableSlot {
    return new MemtableSlot(memtable, logNumber, ({ buffer, capacityBytes }) => {
      if (capacityBytes !== this.#memtableBytes) return; // made for one large batch
      if (this.#spareBuffers.length < SPARE_BUFFERS_MAX) this.#spareBuffers.push(buffer);
    });
  }
}
