/**
 * **What.** Build it: group commit. Many callers write, and share the appends and syncs of one log.
 *
 * **Invariants.**
 * 1. Records are appended in the order of the calls of `write`.
 * 2. A write resolves when a sync has ended that began after its record was appended. No earlier, and not never.
 * 3. At most one sync is under way. Who writes meanwhile is appended at once, and shares the next one.
 * 4. A failed append rejects the writes that were in it; a failed sync rejects those that waited for it. Neither is
 *    tried again.
 *
 * **Read next.** `../../14_concurrency.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

/** What is written to. */
export interface Log {
  /** Appends records, in one call of the disk. Throws if it did not. */
  append(records: readonly string[]): void;
  /** Makes durable what was appended before the call, and nothing that comes later. */
  sync(): Promise<void>;
}

/** Writes to a log for many callers. */
export class GroupCommit {
  /** Writes to this log, and nobody else does. */
  constructor(_log: Log) {}

  /**
   * Writes a record. What is asked for in one turn of the event loop goes to the log in one append; the end of the turn
   * is what `queueMicrotask` waits for.
   *
   * @param record The record.
   * @returns A promise that resolves when the record is durable.
   */
  write(record: string): Promise<void> {
    throw new NotBuiltError(`GroupCommit.write, given "${record}",`);
  }

  /** Resolves when nothing is pending or under way any more. Never rejects. */
  drain(): Promise<void> {
    throw new NotBuiltError("GroupCommit.drain");
  }
}
