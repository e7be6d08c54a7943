/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the buffer pool.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../07_the_buffer_pool.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a block in use is evicted";
