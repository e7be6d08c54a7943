/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the statistics.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../15_measuring.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "write amplification leaves out what compactions write";
