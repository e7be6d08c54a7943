/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted where runs are asked.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../09_merging_and_visibility.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a get asks the oldest memtable first";
