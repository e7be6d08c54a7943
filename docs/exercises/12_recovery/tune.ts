/**
 * **What.** Tune it: options with which a database is quickly open after a crash, and does not pay for it with writes.
 *
 * **Invariants.**
 * 1. Each option is one of `OpenOptions`, within its limits.
 *
 * **Read next.** `../../12_recovery.md`
 *
 * @module
 */
import type { OpenOptions } from "../../../lib/options.ts";

/** Which options may be tuned. */
export type Tuned = Required<Pick<OpenOptions, "memtableBytes" | "levelZeroTables">>;

/** The options: the defaults, to begin with. */
export const options: Tuned = {
  memtableBytes: 8 * 1024 * 1024,
  levelZeroTables: 4,
};
