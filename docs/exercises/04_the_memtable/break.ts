/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the set of memtables.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../04_the_memtable.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "a log is removed while a frozen memtable needs it";
