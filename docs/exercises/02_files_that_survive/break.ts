/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the machine's disk.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../02_files_that_survive.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a write that the system cut short counts as whole";
