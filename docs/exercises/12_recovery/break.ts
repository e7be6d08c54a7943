/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in recovery.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../12_recovery.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a log behind a gap is replayed";
