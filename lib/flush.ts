/**
 * **What.** A frozen memtable becomes a table: its entries are written in order, and with the same edit of the
 * manifest that adds the table its log stops being needed.
 *
 * **Invariants.**
 * 1. Tombstones are written: an older value may be in a table below.
 * 2. Only versions that no snapshot can see are left out.
 * 3. Memtables are flushed oldest first, so that the manifest's last sequence number is the last one in a table,
 *    and the first one in the oldest log that is needed comes right after it.
 * 4. A memtable without entries changes nothing but the log number.
 *
 * **Read next.** `compaction.ts`
 *
 * @module
 */
import type { Cursor } from "./cursor.ts";
import { sequenceAt, TRAILER_BYTES, userKeyOf } from "./internal_key.ts";
import { HiddenVersions, type Job, type JobContext } from "./job.ts";
import { TableOutput } from "./table_output.ts";
import { emptyVersionEdit, type TableMeta } from "./version_edit.ts";

/** Which memtable, and what is known once it is in a table. */
export interface FlushRequest {
  /** A cursor over the memtable. The job closes it. */
  readonly entries: Cursor;
  /** The last sequence number in the memtable. */
  readonly lastSequence: number;
  /** The lowest log that is still needed when the memtable is in a table. */
  readonly nextLogNumber: number;
  /** Chooses the level of the new table by its user keys; must be 0 unless nothing newer lies above. */
  level(smallest: Uint8Array, largest: Uint8Array): number;
}

/** Writes one memtable to a table of level 0, or of a deeper one if nothing is in the way. */
export class FlushJob implements Job {
  readonly #context: JobContext;
  readonly #request: FlushRequest;
  readonly #output: TableOutput;
  readonly #hidden: HiddenVersions;
  #isStarted = false;

  /**
   * Prepares a flush; nothing is written before the first step.
   *
   * @param context What it works with.
   * @param request Which memtable.
   */
  constructor(context: JobContext, request: FlushRequest) {
    this.#context = context;
    this.#request = request;
    this.#output = new TableOutput(context.tree, context.tableOptions(0));
    this.#hidden = new HiddenVersions(
      context.smallestSnapshot(),
      context.tree.context.comparator,
    );
  }

  /** {@inheritDoc} */
  step(bytes: number): boolean {
    const { entries } = this.#request;
    if (!this.#isStarted) {
      this.#isStarted = true;
      entries.first();
    }
    for (let left = bytes; entries.valid;) {
      const { keyBuffer, keyStart, keyEnd } = entries;
      const userEnd = keyEnd - TRAILER_BYTES;
      if (this.#hidden.isHidden(keyBuffer, keyStart, userEnd, sequenceAt(keyBuffer, keyEnd))) {
        this.#context.counters.droppedEntries++;
      } else {
        this.#output.add(entries);
      }
      left -= keyEnd - keyStart + entries.valueEnd - entries.valueStart;
      entries.next();
      if (left <= 0) break;
    }
    if (entries.valid) return false;
    this.#install(this.#output.finish());
    entries.close();
    return true;
  }

  /** {@inheritDoc} */
  abandon(): void {
    this.#request.entries.close();
    this.#output.abandon();
  }

  #install(tables: TableMeta[]): void {
    const { tree, counters } = this.#context;
    const edit = emptyVersionEdit();
    edit.logNumber = this.#request.nextLogNumber;
    edit.lastSequence = this.#request.lastSequence;
    for (const table of tables) {
      const level = this.#request.level(userKeyOf(table.smallest), userKeyOf(table.largest));
      edit.added.push({ level, table });
    }
    tree.apply(edit);
    counters.flushes++;
    counters.flushBytes += this.#output.bytesWritten;
  }
}
