/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the filter block.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../06_bloom_filters.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a block behind a large one gets the filter of another";
