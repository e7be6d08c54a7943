/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in compactions.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../11_compaction.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a compaction drops a tombstone above an older value";
