/**
 * **What.** Background work that a caller asked for and waits for: the flush of a memtable, the compaction of a
 * range.
 *
 * **Invariants.**
 * 1. Whoever waits hears of the end: done, failed, or the database closed.
 *
 * **Read next.** `health.ts`
 *
 * @module
 */
import type { MemtableSlot } from "./memtable_set.ts";

type Waiter = PromiseWithResolvers<void>;

/** The compaction of one level's part of a range. */
export interface CompactionRequest {
  /** The level whose tables move to the next. */
  readonly level: number;
  /** The first user key, or `undefined` for no bound. */
  readonly begin: Uint8Array | undefined;
  /** The last user key, inclusive, or `undefined` for no bound. */
  readonly end: Uint8Array | undefined;
}

/** Who waits for what. */
export class BackgroundRequests {
  readonly #flushes = new Map<MemtableSlot, Waiter>();
  readonly #compactions: { readonly request: CompactionRequest; readonly waiter: Waiter }[] = [];

  /** The compaction to do next. */
  get nextCompaction(): CompactionRequest | undefined {
    return this.#compactions[0]?.request;
  }

  /** Waits until a frozen memtable is in a table. */
  waitForFlush(slot: MemtableSlot): Promise<void> {
    let waiter = this.#flushes.get(slot);
    if (waiter === undefined) this.#flushes.set(slot, waiter = Promise.withResolvers<void>());
    return waiter.promise;
  }

  /** Asks for a compaction and waits for it. */
  waitForCompaction(request: CompactionRequest): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    this.#compactions.push({ request, waiter });
    return waiter.promise;
  }

  /** A memtable is in a table. */
  flushed(slot: MemtableSlot): void {
    this.#flushes.get(slot)?.resolve();
    this.#flushes.delete(slot);
  }

  /** The next compaction is done. */
  compacted(): void {
    this.#compactions.shift()?.waiter.resolve();
  }

  /** Nothing more will be done. */
  rejectAll(error: Error): void {
    for (const waiter of this.#flushes.values()) waiter.reject(error);
    for (const { waiter } of this.#compactions) waiter.reject(error);
    this.#flushes.clear();
    this.#compactions.length = 0;
  }
}
