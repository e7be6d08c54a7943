/**
 * **What.** A walk over the user keys of one view, at one sequence number, between bounds. It holds its view, so
 * that what it walks over stays, until it is closed.
 *
 * **Invariants.**
 * 1. A scan sees the database as it was when it was started, whatever is written, flushed or compacted since.
 * 2. Closing it lets go of the view and of all blocks it holds; closing it again does nothing.
 *
 * **Read next.** `stats.ts`
 *
 * @module
 */
import type { InternalKeyComparator } from "./internal_key.ts";
import type { ReadView } from "./read_view.ts";
import { type Bound, VisibleCursor } from "./visible_cursor.ts";

/** Between which user keys. */
export interface ScanBounds {
  /** Where the range begins; `undefined` for no bound. */
  readonly lower: Bound | undefined;
  /** Where the range ends; `undefined` for no bound. */
  readonly upper: Bound | undefined;
}

/** How a scan is made, and who is told of its end. */
export interface ScanSettings {
  /** Whether blocks read stay in the buffer pool. */
  readonly fillPool: boolean;
  /** Called once, when the scan is closed. */
  readonly onClose: () => void;
}

/** A cursor over user keys that holds what it needs. */
export class Scan {
  /** The position. Not to be used after {@linkcode Scan.close}. */
  readonly cursor: VisibleCursor;
  readonly #view: ReadView;
  readonly #onClose: () => void;
  #isClosed = false;

  /**
   * Starts a scan, at no entry.
   *
   * @param view What is walked over.
   * @param comparator The order of internal keys.
   * @param sequence Versions newer than this are not seen.
   * @param bounds Between which user keys.
   * @param settings How.
   */
  constructor(
    view: ReadView,
    comparator: InternalKeyComparator,
    sequence: number,
    bounds: ScanBounds,
    settings: ScanSettings,
  ) {
    const { lower, upper } = bounds;
    const source = view.cursor(settings, lower, upper);
    this.cursor = new VisibleCursor(source, comparator, sequence, lower, upper);
    this.#view = view;
    this.#onClose = settings.onClose;
    view.retain();
  }

  /** Whether it was closed, by its user or with the database. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends the scan. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.cursor.close();
    this.#view.release();
    this.#onClose();
  }
}
