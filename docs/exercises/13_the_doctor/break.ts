/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the repair.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../13_the_doctor.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "repair takes an old value where a newer one may be lost";
