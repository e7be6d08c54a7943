/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted for the tour.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../00_tour.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "putSync does not sync";
