/**
 * **What.** What reads look at: the memtables and the version of one moment, held together so that neither a
 * flush nor a compaction can take anything away under a reader. A get asks the newest first and stops at the
 * first answer, tombstones included.
 *
 * **Invariants.**
 * 1. A view never changes, except that its newest memtable grows; readers tell by sequence number.
 * 2. What a view holds is let go of when its last holder releases it, and not before.
 * 3. A tombstone ends the search.
 *
 * **Read next.** `flush.ts`
 *
 * @module
 */
import type { Cursor } from "./cursor.ts";
import { ABSENT, type InternalKeyComparator, type Lookup, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { LevelCursor, type ScanOptions } from "./level_cursor.ts";
import type { MemtableSlot } from "./memtable_set.ts";
import { mergeCursors } from "./merge_cursor.ts";
import type { TableCache } from "./table_cache.ts";
import type { Tree } from "./tree.ts";
import { LEVELS, type TableMeta, type Version } from "./version.ts";
import type { Bound } from "./visible_cursor.ts";

/** The memtables and the version of one moment. */
export class ReadView {
  /** Newest first: the active one, then the frozen ones. */
  readonly memtables: readonly MemtableSlot[];
  /** The tables. */
  readonly version: Version;
  /** The first table that was searched in vain by a get that had to search another: see `seekCompaction`. */
  seekCandidate: { level: number; table: TableMeta } | undefined;
  readonly #tree: Tree;
  readonly #cache: TableCache;
  readonly #comparator: InternalKeyComparator;
  #references = 1;

  /**
   * Makes a view with one holder: its maker.
   *
   * @param memtables Newest first.
   * @param tree The tree, whose current version it takes.
   */
  constructor(memtables: readonly MemtableSlot[], tree: Tree) {
    this.memtables = memtables;
    this.version = tree.version;
    this.#tree = tree;
    this.#cache = tree.context.cache;
    this.#comparator = tree.context.comparator;
    tree.retain(this.version);
    for (const slot of memtables) slot.retain();
  }

  /** Holds the view. */
  retain(): void {
    this.#references++;
  }

  /** Lets go of it. */
  release(): void {
    invariant(this.#references > 0, "a view is released as often as it was retained");
    if (--this.#references > 0) return;
    for (const slot of this.memtables) slot.release();
    this.#tree.release(this.version);
  }

  /**
   * Answers a lookup.
   *
   * @param lookup What is looked for; its outcome and value are set.
   */
  get(lookup: Lookup): void {
    for (let i = 0; i < this.memtables.length; i++) {
      this.memtables[i]!.memtable.get(lookup);
      if (lookup.outcome !== ABSENT) return;
    }
    this.#getFromTables(lookup);
  }

  /**
   * The entries of all memtables and tables, in order. Of those without any entry of the range, as far as that is
   * known without looking into them, there are no cursors: each would cost a block. So what is added later to a
   * memtable that is empty now is not seen; no reader of this moment sees it anyway.
   *
   * @param options How the buffer pool is treated.
   * @param lower Where the range of user keys begins; not given, at the first key.
   * @param upper Where the range ends; not given, at the last key.
   * @returns A cursor to be closed before the view is released. It may show entries outside the range, too.
   */
  cursor(options: ScanOptions, lower?: Bound, upper?: Bound): Cursor {
    const children: Cursor[] = [];
    try {
      for (const { memtable } of this.memtables) {
        if (memtable.entryCount > 0) children.push(memtable.cursor());
      }
      for (const table of this.version.levels[0]!) {
        if (this.#overlaps(table, table, lower, upper)) {
          children.push(this.#cache.cursor(table.number, options));
        }
      }
      for (let level = 1; level < LEVELS; level++) {
        const tables = this.version.levels[level]!;
        if (
          tables.length > 0 && this.#overlaps(tables[0]!, tables[tables.length - 1]!, lower, upper)
        ) children.push(new LevelCursor(tables, this.#comparator, this.#cache, options));
      }
    } catch (error) {
      for (const child of children) child.close();
      throw error;
    }
    return mergeCursors(this.#comparator, children);
  }

  #getFromTables(lookup: Lookup): void {
    const { key, end } = lookup;
    let firstTable: TableMeta | undefined;
    let firstLevel = 0;
    let isCharged = false;
    for (let level = 0; level < LEVELS; level++) {
      const tables = this.version.levels[level]!;
      if (tables.length === 0) continue;
      // Level 0 overlaps, so each of its tables may have the key; of another level only one can.
      const candidates = level === 0 ? tables.length : 1;
      for (let i = 0; i < candidates; i++) {
        const table = level === 0 ? tables[i]! : this.version.tableOf(level, key, end);
        if (table === undefined || (level === 0 && !this.#spans(table, lookup))) continue;
        if (firstTable === undefined) {
          firstTable = table;
          firstLevel = level;
        } else if (!isCharged) {
          // The first table was searched in vain: after many such searches it is worth compacting.
          isCharged = true;
          if (--firstTable.allowedSeeks === 0) {
            this.seekCandidate ??= { level: firstLevel, table: firstTable };
          }
        }
        this.#cache.get(table.number, lookup);
        if (lookup.outcome !== ABSENT) return;
      }
    }
  }

  /** Whether a run of tables, from its first to its last one, reaches into a range. */
  #overlaps(
    { smallest }: TableMeta,
    { largest }: TableMeta,
    lower: Bound | undefined,
    upper: Bound | undefined,
  ): boolean {
    return (lower === undefined || this.#compareUser(lower.key, lower.key.length, largest) <= 0) &&
      (upper === undefined || this.#compareUser(upper.key, upper.key.length, smallest) >= 0);
  }

  /** Whether a key is within a table's range. */
  #spans({ smallest, largest }: TableMeta, { key, userEnd }: Lookup): boolean {
    return this.#compareUser(key, userEnd, smallest) >= 0 &&
      this.#compareUser(key, userEnd, largest) <= 0;
  }

  /** Compares a user key, which starts at byte 0, with that of an internal key. */
  #compareUser(key: Uint8Array, end: number, internalKey: Uint8Array): number {
    const internalEnd = internalKey.length - TRAILER_BYTES;
    return this.#comparator.compareUser(key, 0, end, internalKey, 0, internalEnd);
  }
}
