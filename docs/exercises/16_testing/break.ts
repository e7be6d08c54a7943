/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the simulated disk.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../16_testing.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "the simulated disk's sync covers what was appended while it was under way";
