/**
 * **What.** Reads logs that may be damaged, record by record, and writes what is whole to tables. Recovery stops at
 * damage; this goes on behind it.
 *
 * What a power cut leaves is no damage. A log ends at a torn record or a hole, and after one that lost its tail later
 * logs are not replayed, as when the database is opened: what was never synced is there up to some moment, and nothing
 * after it. Once there is damage, nobody would open it, and whatever can be read is better than nothing.
 *
 * **Invariants.**
 * 1. A record counts as a whole or not at all.
 * 2. What is skipped is noted with its place, and so are sequence numbers that are missing between records.
 * 3. Later records are in later tables, so that of two versions of a key the newer one is in the higher table number.
 * 4. Logs without damage give what opening the database would give.
 *
 * **Read next.** `repair.ts`
 *
 * @module
 */
import { CorruptionError } from "./errors.ts";
import { LogReader } from "./log.ts";
import { type MaintainedDirectory, type MaintenanceProgress, troubleOf } from "./maintenance.ts";
import { Memtable } from "./memtable.ts";
import type { RepairOutput } from "./repair_output.ts";
import type { FileRecord } from "./repair_report.ts";
import { BatchReader } from "./write_batch.ts";

/** A memtable is written to a table when it is this large. */
const MEMTABLE_BYTES = 8 * 1024 * 1024;

/** Reads the logs of a database, oldest first. */
export class LogSalvage {
  /** The last sequence number so far, if any is known. */
  lastSequence: number | undefined;
  readonly #files: MaintainedDirectory;
  readonly #output: RepairOutput;
  readonly #batch = new BatchReader();
  /** Whether it is known where the first log begins. */
  readonly #hasBeginning: boolean;
  #isOldest = true;
  #isDamaged = false;
  /** Whether a log has turned out not to follow on the one before it. */
  #isTailLost = false;
  #memtable: Memtable | undefined;

  /**
   * Begins before the first log.
   *
   * @param files The database.
   * @param output Where tables go.
   * @param lastSequence The sequence number that the first log follows on, if it is known.
   */
  constructor(
    files: MaintainedDirectory,
    output: RepairOutput,
    lastSequence: number | undefined,
  ) {
    this.#files = files;
    this.#output = output;
    this.lastSequence = lastSequence;
    this.#hasBeginning = lastSequence !== undefined;
  }

  /**
   * Reads a log.
   *
   * @param name Its name.
   * @param record Where what is found is noted.
   */
  *read(name: string, record: FileRecord): Generator<MaintenanceProgress, void> {
    const files = this.#files;
    const file = files.open(name);
    files.bytesTotal += file.size;
    const note = (offset: number, bytes: number, what: string) =>
      void record.damage.push({ offset, bytes, what, isLoss: true });
    const onDamage = (offset: number, bytes: number, what: string) => {
      this.#isDamaged = true;
      note(offset, bytes, what);
    };
    try {
      const reader = new LogReader(file, { salvage: true, holes: "end", onDamage });
      let isFirst = true;
      while (!this.#isTailLost && this.#next(reader, onDamage)) {
        this.#take(reader, record, isFirst, onDamage);
        isFirst = false;
        if (files.isTurnOver()) yield files.progress();
      }
      const { tornBytes, validOffset, endReason } = reader;
      if (this.#isTailLost) note(0, file.size, "not replayed: an earlier log lost its tail");
      else if (tornBytes > 0) {
        const what = endReason === "hole"
          ? "a hole, and what was written after it"
          : "a torn record";
        note(validOffset, tornBytes, what);
      }
    } finally {
      this.#isOldest = false;
      file.close();
    }
  }

  /** Writes what is still in memory. */
  finish(): void {
    const cursor = this.#memtable?.cursor();
    this.#memtable = undefined;
    if (cursor === undefined) return;
    const { comparator } = this.#files;
    let previous: Uint8Array | undefined;
    for (cursor.first(); cursor.valid; cursor.next()) {
      const key = cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd);
      // The same record may be in two logs where nobody knows which ones count.
      if (previous !== undefined && comparator.compareKeys(previous, key) === 0) continue;
      previous = key;
      this.#output.add(cursor);
    }
    cursor.close();
    this.#output.cut();
  }

  /** Goes to the next record; false at the end, and where the disk gives nothing more. */
  #next(
    reader: LogReader,
    onDamage: (offset: number, bytes: number, what: string) => void,
  ): boolean {
    try {
      return reader.next();
    } catch (error) {
      const { what } = troubleOf(error, reader.file.path);
      onDamage(reader.validOffset, reader.file.size - reader.validOffset, what);
      return false;
    }
  }

  #take(
    reader: LogReader,
    record: FileRecord,
    isFirst: boolean,
    onDamage: (offset: number, bytes: number, what: string) => void,
  ): void {
    const { recordBuffer, recordStart, recordEnd, recordOffset, file } = reader;
    const batch = this.#batch;
    const bytes = recordEnd - recordStart;
    const reset = () => batch.reset(recordBuffer, recordStart, recordEnd, file.path, recordOffset);
    try {
      // All of it is read before any of it is taken (invariant 1).
      for (reset(); batch.next(););
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      onDamage(recordOffset, bytes, troubleOf(error, file.path).what);
      return;
    }
    const { firstSequence, lastSequence, count } = batch;
    const expected = (this.lastSequence ?? firstSequence - 1) + 1;
    if (firstSequence > expected) {
      if (isFirst && count > 0 && this.#hasBeginning && !this.#isOldest && !this.#isDamaged) {
        this.#isTailLost = true;
        return;
      }
      const range = `${expected} to ${firstSequence - 1}`;
      onDamage(recordOffset, 0, `sequence numbers ${range} are missing before it`);
    }
    this.lastSequence = Math.max(this.lastSequence ?? 0, lastSequence);
    record.entryCount += count;
    if (this.#memtable !== undefined && !this.#memtable.fits(count, bytes)) this.finish();
    const capacityBytes = Math.max(MEMTABLE_BYTES, Memtable.worstCaseBytes(count, bytes));
    this.#memtable ??= new Memtable({ comparator: this.#files.comparator, capacityBytes });
    reset();
    this.#memtable.addAll(batch);
  }
}
