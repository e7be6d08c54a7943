/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted where jobs are planned.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../14_concurrency.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a flush goes below a compaction that is under way";
