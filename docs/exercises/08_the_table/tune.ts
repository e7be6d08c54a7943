/**
 * **What.** Tune it: a table of ten thousand entries that is small on disk, has a small index and filter, and is read
 * little. The entries have keys of 20 bytes and values of 120, of a few words each.
 *
 * **Invariants.**
 * 1. The options are those of a table; what is in it is given.
 *
 * **Read next.** `tune_check.ts`
 *
 * @module
 */

/** How a table is written. */
export interface TableOptions {
  /** A data block ends when it is this large, in bytes, before compression: 128 to 1,048,576. */
  readonly blockBytes: number;
  /** After how many entries of a block a key is stored whole again: 1 to 128. */
  readonly restartInterval: number;
  /** Bits of filter for each key: 0 to 30. */
  readonly filterBits: number;
  /** How blocks are compressed. */
  readonly compression: "none" | "snappy";
}

/** Change these. */
export const options: TableOptions = {
  blockBytes: 512,
  restartInterval: 1,
  filterBits: 4,
  compression: "none",
};
