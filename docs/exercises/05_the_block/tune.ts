/**
 * **What.** Tune it: the blocks of a database that is asked for single keys.
 *
 * **Invariants.**
 * 1. Both are options that `open` takes.
 *
 * **Read next.** `../../05_the_block.md`
 *
 * @module
 */

/** About how many bytes of entries are in a block, before compression. */
export const blockBytes: number = 65536;

/** After how many keys one is stored whole again. */
export const restartInterval: number = 64;
