/**
 * **What.** Build it: what a compaction writes, of the entries that it reads. It leaves out what nobody can see any
 * more, and nothing else.
 *
 * **Invariants.**
 * 1. Whoever reads at the oldest snapshot or later sees the same before and after.
 * 2. Nothing is kept that could be left out by the rules of the chapter.
 *
 * **Read next.** `../../11_compaction.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

/** One version of a key. */
export interface Entry {
  /** The key. */
  readonly key: string;
  /** The number of the write; it is in the database once. */
  readonly sequence: number;
  /** Whether the write was a delete. */
  readonly isTombstone: boolean;
}

/**
 * Says which entries a compaction writes.
 *
 * @param entries What it reads, in order: by key, and the newest version of a key first.
 * @param oldestSnapshot Nobody reads at a lower sequence number than this one. Who reads at a number sees of each key
 * the newest version that is not above it.
 * @param below The keys that tables below the output level may have. All that they have is older.
 * @returns The entries that are written, in the order in which they were read.
 */
export function keptEntries(
  entries: Iterable<Entry>,
  oldestSnapshot: number,
  below: ReadonlySet<string>,
): Entry[] {
  const count = [...entries].length;
  const what = `${count} entries, snapshot ${oldestSnapshot} and ${below.size} keys below`;
  throw new NotBuiltError(`keptEntries, given ${what},`);
}
