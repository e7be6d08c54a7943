/**
 * **What.** Tune it: options of a database that write little, with few runs for reads to look into, and no more memory
 * than there is.
 *
 * **Invariants.**
 * 1. All cases are run with the same options.
 *
 * **Read next.** `../../11_compaction.md`
 *
 * @module
 */

/** Those of a database's options that may be chosen. */
export interface Options {
  /** Bytes of writes that are gathered in memory: 262144 at most. */
  readonly memtableBytes: number;
  /** Tables of level 0 that start a compaction. */
  readonly levelZeroTables: number;
  /** About how large a table gets. */
  readonly tableBytes: number;
  /** How large level 1 may get; each deeper one ten times as large. */
  readonly baseLevelBytes: number;
}

/** The options. */
export const options: Options = {
  memtableBytes: 65_536,
  levelZeroTables: 4,
  tableBytes: 32_768,
  baseLevelBytes: 65_536,
};
