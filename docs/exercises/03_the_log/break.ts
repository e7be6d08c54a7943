/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the log.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../03_the_log.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a damaged record ends the log without an error";
