/**
 * **What.** Walks inspected tables as a tree does: those of one level one after another, and levels merged. What comes
 * out is every entry that can still be read, newest versions first, and for each one the run that it is from.
 *
 * **Invariants.**
 * 1. At most one table of each run is open.
 * 2. When an entry comes out, every loss before its key has been reported, in its own run and in all others.
 * 3. Asking whether an entry may be outdated takes a few comparisons a run, however many losses there are.
 *
 * **Read next.** `verify.ts`
 *
 * @module
 */
import { Cursor } from "./cursor.ts";
import { type InternalKeyComparator, sequenceAt, TRAILER_BYTES } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { HiddenVersions } from "./job.ts";
import { mergeCursors } from "./merge_cursor.ts";
import type { LostKeys, TableInspector } from "./table_inspector.ts";

/** Walks several tables, one after another: a level, or as much of one as there is. */
export class RunInspector extends Cursor {
  /** The table that the current entry is in. */
  table: TableInspector | undefined;
  /** Which of the tables it is. */
  tableIndex: number = -1;
  /** Blocks read of the tables that were closed. */
  blockCount = 0;
  readonly #tableCount: number;
  readonly #open: (index: number) => TableInspector | undefined;

  /**
   * Takes tables, each to be opened when the one before it has ended.
   *
   * @param tableCount How many tables there are; their keys do not overlap, and they are in order.
   * @param open Opens one of them; `undefined` if that cannot be done. It is closed here.
   */
  constructor(tableCount: number, open: (index: number) => TableInspector | undefined) {
    super();
    this.#tableCount = tableCount;
    this.#open = open;
  }

  /** Goes to the first entry. To be called once. */
  override first(): void {
    this.#settle();
  }

  /** Goes to the following entry. */
  override next(): void {
    this.table!.next();
    this.#settle();
  }

  /** Not possible: see {@linkcode TableInspector}. */
  override last(): never {
    invariant(false, "inspected tables are walked forward");
  }

  /** Not possible either. */
  override seek(): never {
    invariant(false, "inspected tables are walked forward");
  }

  /** Not possible either. */
  override previous(): never {
    invariant(false, "inspected tables are walked forward");
  }

  /** Closes the table that is open. */
  override close(): void {
    this.valid = false;
    if (this.table === undefined) return;
    this.blockCount += this.table.blockCount;
    this.table.close();
    this.table = undefined;
  }

  #settle(): void {
    while (this.table === undefined || !this.table.valid) {
      this.close();
      if (++this.tableIndex >= this.#tableCount) return;
      this.table = this.#open(this.tableIndex);
      this.table?.first();
    }
    const { table } = this;
    this.keyBuffer = table.keyBuffer;
    this.keyStart = table.keyStart;
    this.keyEnd = table.keyEnd;
    this.valueBuffer = table.valueBuffer;
    this.valueStart = table.valueStart;
    this.valueEnd = table.valueEnd;
    this.valid = true;
  }
}

/**
 * Walks runs of tables as one, in the order of internal keys.
 *
 * @typeParam P What is yielded at a pause.
 * @param comparator The order.
 * @param runs The runs, newest first; they are closed at the end.
 * @param visit Called for each entry, with which run it is from, and whether it is the first of its user key.
 * @param pause Asked after each entry; what it returns is yielded, unless it is `undefined`.
 */
export function* walkRuns<P>(
  comparator: InternalKeyComparator,
  runs: RunInspector[],
  visit: (entry: Cursor, run: number, isNewest: boolean) => void,
  pause: () => P | undefined,
): Generator<P, void> {
  const merged = mergeCursors(comparator, runs);
  const versions = new HiddenVersions(Infinity, comparator);
  try {
    for (merged.first(); merged.valid; merged.next()) {
      const { keyBuffer, keyStart, keyEnd } = merged;
      // No two runs have the same block, so the buffer tells whose turn it is.
      const run = runs.findIndex((it) => it.valid && it.keyBuffer === keyBuffer);
      versions.isHidden(keyBuffer, keyStart, keyEnd - TRAILER_BYTES, sequenceAt(keyBuffer, keyEnd));
      visit(merged, run, versions.isNewUserKey);
      const stop = pause();
      if (stop !== undefined) yield stop;
    }
  } finally {
    merged.close();
  }
}

/**
 * The parts of tables that are lost, and the runs that the tables are in: the higher, the older. There may be as many
 * as there are blocks, and each entry asks for those that it may be in, so they are found by their keys.
 */
export class Losses {
  readonly #comparator: InternalKeyComparator;
  /** Of each run that has any, in the order of keys, which is the one in which they are found. */
  readonly #runs = new Map<number, LostKeys[]>();

  /**
   * Begins without any.
   *
   * @param comparator The order of keys.
   */
  constructor(comparator: InternalKeyComparator) {
    this.#comparator = comparator;
  }

  /** Whether nothing is lost. */
  get isEmpty(): boolean {
    return this.#runs.size === 0;
  }

  /**
   * Notes a loss, after all of the same run that come before it.
   *
   * @param run The run that it is in.
   * @param keys What may be lost.
   */
  add(run: number, keys: LostKeys): void {
    this.#runs.getOrInsertComputed(run, () => []).push(keys);
  }

  /**
   * Whether a newer version of an entry's key may be lost.
   *
   * @param entry A cursor at the entry, or its key alone.
   * @param run The run that it is from.
   * @returns False if that is certainly not so.
   */
  mayHide(entry: Pick<Cursor, "keyBuffer" | "keyStart" | "keyEnd">, run: number): boolean {
    const { keyBuffer, keyStart, keyEnd } = entry;
    const comparator = this.#comparator;
    const userEnd = keyEnd - TRAILER_BYTES;
    const order = (bound: Uint8Array) =>
      comparator.compareUser(keyBuffer, keyStart, userEnd, bound, 0, bound.length - TRAILER_BYTES);
    for (const [lostRun, list] of this.#runs) {
      if (lostRun > run) continue;
      for (let i = firstThat(list, ({ upTo }) => upTo === undefined || order(upTo) <= 0);; i++) {
        const lost = list[i];
        if (lost === undefined || (lost.after !== undefined && order(lost.after) < 0)) break;
        const { upTo } = lost;
        // In one run, older versions of a key come after newer ones.
        if (lostRun === run) {
          if (upTo === undefined) continue;
          if (comparator.compare(keyBuffer, keyStart, keyEnd, upTo, 0, upTo.length) <= 0) continue;
        }
        if (lost.mayContain(keyBuffer, keyStart, userEnd)) return true;
      }
    }
    return false;
  }
}

/** The first of those at the end of a list that all pass a test, none before them doing so. */
function firstThat<T>(list: readonly T[], test: (item: T) => boolean): number {
  let from = 0;
  for (let to = list.length; from < to;) {
    const middle = (from + to) >>> 1;
    if (test(list[middle]!)) to = middle;
    else from = middle + 1;
  }
  return from;
}
