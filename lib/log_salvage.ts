/**
 * **What.** Reads logs that may be damaged, record by record, and writes what is whole to tables. Recovery stops at
 * damage; this goes on behind it.
 *
 * **Invariants.**
 * 1. A record counts as a whole or not at all.
 * 2. What is skipped is noted with its place, and so are sequence numbers that are missing between records.
 * 3. Later records are in later tables, so that of two versions of a key the newer one is in the higher table number.
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
    const onDamage = (offset: number, bytes: number, what: string) =>
      void record.damage.push({ offset, bytes, what, isLoss: true });
    try {
      const reader = new LogReader(file, { salvage: true, onDamage });
      while (this.#next(reader, onDamage)) {
        this.#take(reader, record, onDamage);
        if (files.isTurnOver()) yield files.progress();
      }
      if (reader.tornBytes > 0) onDamage(reader.validOffset, reader.tornBytes, "a torn record");
    } finally {
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
