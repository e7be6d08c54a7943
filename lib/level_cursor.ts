/**
 * **What.** A cursor over one level of the tree: tables that do not overlap, one after another, each opened
 * when the cursor gets to it.
 *
 * **Invariants.**
 * 1. At most one table is open at a time.
 * 2. An error leaves the cursor invalid, never at a wrong entry.
 *
 * **Read next.** `memtable_set.ts`
 *
 * @module
 */
import { Cursor } from "./cursor.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import type { TableCache } from "./table_cache.ts";
import type { TableMeta } from "./version.ts";

/** How a scan treats the buffer pool. */
export interface ScanOptions {
  /** Whether blocks read stay in the buffer pool. */
  readonly fillPool: boolean;
}

/** A cursor over sorted tables that do not overlap. */
export class LevelCursor extends Cursor {
  readonly #tables: readonly TableMeta[];
  readonly #comparator: InternalKeyComparator;
  readonly #cache: TableCache;
  readonly #options: ScanOptions;
  #index = -1;
  #table: Cursor | undefined;

  /**
   * Makes a cursor, at no entry.
   *
   * @param tables The tables, in key order.
   * @param comparator The order of internal keys.
   * @param cache Where tables are opened.
   * @param options How the buffer pool is treated.
   */
  constructor(
    tables: readonly TableMeta[],
    comparator: InternalKeyComparator,
    cache: TableCache,
    options: ScanOptions,
  ) {
    super();
    this.#tables = tables;
    this.#comparator = comparator;
    this.#cache = cache;
    this.#options = options;
  }

  /** Goes to the first entry. */
  override first(): void {
    this.valid = false;
    this.#open(0);
    this.#table?.first();
    this.#settleForward();
  }

  /** Goes to the last entry. */
  override last(): void {
    this.valid = false;
    this.#open(this.#tables.length - 1);
    this.#table?.last();
    this.#settleBackward();
  }

  /** Goes to the first entry at or after an internal key. */
  override seek(target: Uint8Array, start: number, end: number): void {
    this.valid = false;
    let low = 0;
    let high = this.#tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const largest = this.#tables[middle]!.largest;
      if (this.#comparator.compare(largest, 0, largest.length, target, start, end) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    this.#open(low);
    this.#table?.seek(target, start, end);
    this.#settleForward();
  }

  /** Goes to the following entry. */
  override next(): void {
    this.valid = false;
    this.#table!.next();
    this.#settleForward();
  }

  /** Goes to the preceding entry. */
  override previous(): void {
    this.valid = false;
    this.#table!.previous();
    this.#settleBackward();
  }

  /** Lets go of what it holds. */
  override close(): void {
    this.#open(-1);
    this.valid = false;
  }

  /** Makes `index` the open table; one outside the level closes the open one. */
  #open(index: number): void {
    if (index === this.#index) return;
    const table = this.#table;
    this.#table = undefined;
    this.#index = -1;
    table?.close();
    if (index < 0 || index >= this.#tables.length) return;
    this.#table = this.#cache.cursor(this.#tables[index]!.number, this.#options);
    this.#index = index;
  }

  #settleForward(): void {
    while (this.#table !== undefined && !this.#table.valid) {
      this.#open(this.#index + 1);
      this.#table?.first();
    }
    this.#take();
  }

  #settleBackward(): void {
    while (this.#table !== undefined && !this.#table.valid) {
      this.#open(this.#index - 1);
      this.#table?.last();
    }
    this.#take();
  }

  #take(): void {
    const table = this.#table;
    if (table === undefined) return;
    this.valid = true;
    this.keyBuffer = table.keyBuffer;
    this.keyStart = table.keyStart;
    this.keyEnd = table.keyEnd;
    this.valueBuffer = table.valueBuffer;
    this.valueStart = table.valueStart;
    this.valueEnd = table.valueEnd;
  }
}
