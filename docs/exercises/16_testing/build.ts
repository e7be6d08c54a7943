/**
 * **What.** Build it: a disk in memory that can be crashed. It remembers what was synced, apart from what was written.
 *
 * **Invariants.**
 * 1. What was synced stays, whatever the crash: contents by `sync`, names by `syncNames`.
 * 2. Of the contents that were not synced a crash leaves all, nothing, or a part. Bytes that are lost in the middle of
 *    a file are zeros; no byte is another than was written.
 * 3. Of the changes of names that were not synced a crash leaves all, none, or some. Those that touch the same name
 *    keep their order, and a rename happens wholly or not at all.
 * 4. A crash does not change the disk. What it leaves is another disk, on which everything is durable.
 *
 * **Read next.** `../../16_testing.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { Random } from "../../../lib/random.ts";

/** A disk with one directory. */
export class CrashDisk {
  /**
   * Adds bytes at the end of a file, which is created if there is none of that name. The disk has a copy of them: the
   * caller may change his array afterwards.
   */
  append(name: string, bytes: Uint8Array): void {
    throw new NotBuiltError(`CrashDisk.append, given "${name}" and ${bytes.length} bytes,`);
  }

  /** Makes the contents of a file durable, as they are now. Says nothing about its name. */
  sync(name: string): void {
    throw new NotBuiltError(`CrashDisk.sync, given "${name}",`);
  }

  /** Gives a file another name, and takes that name from a file that had it. */
  rename(from: string, to: string): void {
    throw new NotBuiltError(`CrashDisk.rename, given "${from}" and "${to}",`);
  }

  /** Makes all names durable, as they are now. Says nothing about contents. */
  syncNames(): void {
    throw new NotBuiltError("CrashDisk.syncNames");
  }

  /** The contents of a file as programs see them, synced or not; `undefined` if there is none of that name. */
  read(name: string): Uint8Array | undefined {
    throw new NotBuiltError(`CrashDisk.read, given "${name}",`);
  }

  /**
   * What a power cut now could leave.
   *
   * @param random Where every choice is drawn from: `random(6)` is a whole number from 0 to 5.
   * @returns Another disk.
   */
  crash(random: Random): CrashDisk {
    throw new NotBuiltError(`CrashDisk.crash, given a random number such as ${random(6)},`);
  }
}
