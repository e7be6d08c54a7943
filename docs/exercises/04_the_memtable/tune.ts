/**
 * **What.** Tune it: the shape of a skip list.
 *
 * **Invariants.**
 * 1. Both are whole numbers: a branching of at least 2, and a height of at least 1.
 *
 * **Read next.** `../../04_the_memtable.md`
 *
 * @module
 */

/** One node in so many goes one level up. */
export const branching: number = 2;

/** Levels at most. */
export const heightMax: number = 20;
