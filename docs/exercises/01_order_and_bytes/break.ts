/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the tuple codec.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../01_order_and_bytes.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a tuple's text does not escape the escape itself";
