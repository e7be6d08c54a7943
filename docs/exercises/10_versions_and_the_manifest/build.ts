/**
 * **What.** Build it: versions of a tree, and the switch from one manifest to the next that no crash catches halfway.
 *
 * **Format.** The file `db/CURRENT` holds the name of the manifest in use and a line end, `MANIFEST-000007\n`. The
 * manifests are in `db`, too, and their names have six digits.
 *
 * **Invariants.**
 * 1. A version never changes, and neither do the lists that it is made of.
 * 2. Level 0 has its newest table first, the one with the highest number. Other levels are in the order of keys, and no
 *    two of their tables overlap. A number is in a version once.
 * 3. At every moment `CURRENT` names a manifest that is on disk as a whole.
 *
 * **Read next.** `../../10_versions_and_the_manifest.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { FileSystem } from "../../../lib/file_system.ts";

/** A table: its number, and its first and last key, which sort as strings do. */
export interface Table {
  /** The number in its file's name. */
  readonly number: number;
  /** The first key. */
  readonly smallest: string;
  /** The last key; it is not before the first one. */
  readonly largest: string;
}

/** The tables of each level, from level 0 on. */
export type Levels = readonly (readonly Table[])[];

/** A change of the tree. Tables leave first, then others join. */
export interface Edit {
  /** Tables that leave. */
  readonly deleted: readonly { readonly level: number; readonly number: number }[];
  /** Tables that join. */
  readonly added: readonly { readonly level: number; readonly table: Table }[];
}

/**
 * The version after a change.
 *
 * @param levels The version before, which stays as it is.
 * @param edit What changes.
 * @returns The new version, with as many levels.
 * @throws {Error} If the edit does not fit: a table that leaves is not there, or the result breaks invariant 2.
 */
export function applyEdit(levels: Levels, edit: Edit): Levels {
  const count = edit.deleted.length + edit.added.length;
  throw new NotBuiltError(`applyEdit, given ${levels.length} levels and ${count} changes,`);
}

/**
 * Writes a manifest and makes it the one in use. The one that was in use before, if any, is removed in the end.
 *
 * @param disk The disk. A file's contents are durable after `syncSync()`, names in `db` after `syncDirectory("db")`.
 * @param number The new manifest's number. A temporary file may be called `db/000007.dbtmp`.
 * @param contents What it says.
 * @throws {Error} What the disk throws. The old manifest is there then, unless the new one is in use.
 */
export function replaceManifest(disk: FileSystem, number: number, contents: Uint8Array): void {
  const what = `replaceManifest, given ${contents.length} bytes for manifest ${number}`;
  throw new NotBuiltError(`${what} and ${typeof disk},`);
}
