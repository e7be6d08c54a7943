/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the table.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../08_the_table.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "the separator between two blocks is the first key of the second";
