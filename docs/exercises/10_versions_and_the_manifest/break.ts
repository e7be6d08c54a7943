/**
 * **What.** Break it: which bug of `tests/fixtures/planted_bugs.ts` is planted in the tree.
 *
 * **Invariants.**
 * 1. The name is that of one planted bug.
 *
 * **Read next.** `../../10_versions_and_the_manifest.md`
 *
 * @module
 */

/** The name of the bug. */
export const bug = "tables that a scan reads are removed";
