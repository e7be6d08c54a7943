/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the search of a block.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../05_the_block.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a search in a block guesses which byte follows a key that ended";
