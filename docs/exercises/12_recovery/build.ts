/**
 * **What.** Build it: replaying logs. Which of them count, up to where, and what is there then?
 *
 * **Format.** Logs are files such as `000012.log`. Each record of one is a batch: a sequence number for its first
 * entry, and entries, which are values or tombstones. The manifest says which log is the oldest that is needed, and
 * up to which sequence number entries are in tables.
 *
 * **Invariants.**
 * 1. What is there is a prefix of what was written: no entry without all those before it.
 * 2. What cannot have come from a power cut is an error, never a smaller database.
 *
 * **Read next.** `../../12_recovery.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { FileSystem } from "../../../lib/file_system.ts";

// You will need parseFileName of lib/file_names.ts, LogReader of lib/log.ts, BatchReader of lib/write_batch.ts,
// CorruptionError of lib/errors.ts. Keys and values are text, so TextDecoder makes them readable.
// import { LogReader } from "../../../lib/log.ts";

/** What a manifest says that matters here. */
export interface Flushed {
  /** The oldest log that is needed: all that is in logs of lower numbers is in tables. */
  readonly logNumber: number;
  /** The highest sequence number in the tables. */
  readonly lastSequence: number;
}

/** What came of it. */
export interface Replayed {
  /** The value of each key that has one, among what was replayed. */
  readonly entries: Map<string, string>;
  /** The last sequence number in use: that of the last entry in tables or logs. */
  readonly lastSequence: number;
}

/**
 * Replays the logs of a directory. Nothing in it is changed.
 *
 * @param fileSystem The disk.
 * @param directory The directory.
 * @param flushed What is in tables already.
 * @returns What is there. Of a log that a power cut tore, that is what comes before the tear; of a log that does not
 * follow on the one before it, and of all after that, nothing.
 * @throws {CorruptionError} If a log is damaged, or the oldest one does not follow on the tables.
 */
export function replay(fileSystem: FileSystem, directory: string, flushed: Flushed): Replayed {
  throw new NotBuiltError(
    `replay of ${fileSystem.list(directory).length} files from log ${flushed.logNumber} on`,
  );
}
