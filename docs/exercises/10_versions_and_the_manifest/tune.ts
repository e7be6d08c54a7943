/**
 * **What.** Tune it: when a manifest is begun anew. A manifest that never is takes ever longer to read at an open; one
 * that often is writes the whole tree again each time.
 *
 * **Invariants.**
 * 1. The answer depends on the arguments alone.
 *
 * **Read next.** `../../10_versions_and_the_manifest.md`
 *
 * @module
 */

/**
 * Whether the next edit begins a new manifest, whose first record is the whole tree.
 *
 * @param manifestBytes Size of the manifest in use.
 * @param snapshotBytes Size of its first record: what the whole tree took when the manifest was begun.
 * @returns True if it is time. The stub never thinks so.
 */
export function isTimeForNew(manifestBytes: number, snapshotBytes: number): boolean {
  return manifestBytes < snapshotBytes;
}
