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
import { HiddenVersions, type Job, type JobResult } from "./job.ts";
import { Memtable } from "./memtable.ts";
import { TableOutput, type TableSettings, tableWriterOptions } from "./table_output.ts";
import type { JobContext } from "./tree.ts";
import { emptyVersionEdit, type VersionEdit } from "./version_edit.ts";

/** A flush to be done: plain data. */
export interface FlushDescription {
  /** Tells it from a compaction. */
  readonly kind: "flush";
  /** The memory of the memtable, which is complete. */
  readonly memtable: SharedArrayBuffer;
  /** Bytes used of it. */
  readonly bytes: number;
  /** Entries up to this sequence number are hidden by newer ones of the same key from every reader. */
  readonly smallestSnapshot: number;
  /** How the table is written. */
  readonly tables: TableSettings;
}

/** What is known of a memtable once it is in a table. */
export interface FlushedMemtable {
  /** The last sequence number in it. */
  readonly lastSequence: number;
  /** The lowest log that is still needed. */
  readonly nextLogNumber: number;
  /** Chooses the level of the new table by its user keys; must be 0 unless nothing newer lies above. */
  level(smallest: Uint8Array, largest: Uint8Array): number;
}

/** Writes one memtable to a table. */
export class FlushJob implements Job {
  readonly #output: TableOutput;
  readonly #hidden: HiddenVersions;
  readonly #entries: Cursor;
  #isStarted = false;
  #droppedEntries = 0;

  /**
   * Prepares a flush; nothing is written before the first step.
   *
   * @param context What it works with.
   * @param description Which memtable, and how.
   */
  constructor(context: JobContext, description: FlushDescription) {
    const { comparator } = context;
    const { memtable, smallestSnapshot, tables } = description;
    this.#entries = Memtable.attach(memtable, comparator).cursor();
    this.#output = new TableOutput(context, tableWriterOptions(tables, comparator, 0));
    this.#hidden = new HiddenVersions(smallestSnapshot, comparator);
  }

  /** {@inheritDoc} */
  step(bytes: number): JobResult | undefined {
    const entries = this.#entries;
    if (!this.#isStarted) {
      this.#isStarted = true;
      entries.first();
    }
    for (let left = bytes; entries.valid;) {
      const { keyBuffer, keyStart, keyEnd } = entries;
      const userEnd = keyEnd - TRAILER_BYTES;
      if (this.#hidden.isHidden(keyBuffer, keyStart, userEnd, sequenceAt(keyBuffer, keyEnd))) {
        this.#droppedEntries++;
      } else {
        this.#output.add(entries);
      }
      left -= keyEnd - keyStart + entries.valueEnd - entries.valueStart;
      entries.next();
      if (left <= 0) break;
    }
    if (entries.valid) return undefined;
    const tables = this.#output.finish();
    entries.close();
    const { bytesWritten } = this.#output;
    return { tables, bytesWritten, droppedEntries: this.#droppedEntries };
  }

  /** {@inheritDoc} */
  abandon(): void {
    this.#entries.close();
    this.#output.abandon();
  }
}

/**
 * What a flush changes in the tree.
 *
 * @param memtable What was flushed.
 * @param result What the job came to.
 * @returns The edit, which adds its table and moves the log number on.
 */
export function flushEdit(memtable: FlushedMemtable, result: JobResult): VersionEdit {
  const edit = emptyVersionEdit();
  edit.logNumber = memtable.nextLogNumber;
  edit.lastSequence = memtable.lastSequence;
  for (const table of result.tables) {
    const level = memtable.level(userKeyOf(table.smallest), userKeyOf(table.largest));
    edit.added.push({ level, table });
  }
  return edit;
}
