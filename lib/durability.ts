/**
 * **What.** What of a disk's contents and names would survive a power cut, and what a power cut may leave: the model
 * behind `simulated_file_system.ts`. Here are no calls that can fail, only what is present, what of it is durable,
 * and the distance between the two.
 *
 * **Model.** It follows what POSIX promises, which is little, and what file systems were seen to do with the rest:
 * Pillai et al., *All File Systems Are Not Created Equal* (OSDI 2014), tried ext2, ext3, ext4, Btrfs, XFS and
 * ReiserFS and found appends that persist in any order and in part, names that persist in any order, and sizes that
 * persist before contents. Rebello et al., *Can Applications Recover from fsync Failures?* (USENIX ATC 2020), is
 * the source of what a failed sync does: ext4 and XFS mark pages clean that were never written. They reach the disk
 * only where something else in them changes later.
 *
 * Contents. What a sync covered stays. Of the rest each block of 4 KiB is, by the seed,
 * - kept as it is now, or dropped: what was durable there, and zeros where nothing was;
 * - as it was after some earlier append since the last sync;
 * - torn: each of its 512-byte sectors is new or old.
 *
 * The size of the file is the durable one, the present one, or one that it had in between, and is chosen apart from
 * the blocks: a later block may be kept where an earlier one is lost, and a file may end in zeros. Truncating is a
 * change as any other: until it is synced the old contents may come back, whole or in part.
 *
 * Names. A name change is durable when the directory that it is in was synced, or another change that it came
 * before on the same name is durable. Of the others, by the seed, either a beginning survives, as from a journal, or
 * any choice of them in which changes of one name keep their order. A rename is one change of two names, so no crash
 * leaves both names, or neither; in two directories it is durable when either was synced. A file that was removed
 * may come back, with its contents. Syncing a file does not sync its name, which ext4 would do.
 *
 * Left out, since programs that are right with the above are right with these too: contents that were never synced
 * before they were truncated do not come back; files keep their identity, so what was written to one is never seen
 * in another. And directories are durable once they are made, since `file_system.ts` asks that of `makeDirectory`.
 *
 * **Invariants.**
 * 1. Nothing that was synced changes, whatever the seed.
 * 2. Bytes that are durable are never written again: crashed disks may share them.
 * 3. One {@linkcode Fate} is everything unsynced lost, another everything kept.
 * 4. What a crash leaves is a function of what was done and of the numbers drawn.
 *
 * **Read next.** `simulated_file_system.ts`
 *
 * @module
 */
import { EMPTY_BYTES } from "./bytes.ts";
import { parentOf } from "./memory_file_system.ts";
import type { Random } from "./random.ts";

/** The unit in which contents reach the disk: a page of the operating system's cache. */
const BLOCK_BYTES = 4096;
/** The unit that a disk writes whole or not at all. */
const SECTOR_BYTES = 512;
/** The smallest buffer of a file that is not empty. From there on it doubles when full. */
const CAPACITY_BYTES_MIN = 256;

/** What becomes of everything that is not durable: all of it lost, all of it kept, or each piece by the seed. */
export type Fate = "lost" | "kept" | "mixed";

/** A sync that was called and has not returned. */
export interface PendingSync {
  /** How often the file had been truncated when it was called. */
  readonly truncations: number;
  /** The size of the file when it was called. */
  readonly size: number;
}

/** A file apart from its names: what is in it, and what of that is durable. */
export class Contents {
  /** How many handles have it open. It is the disk that counts. */
  handles = 0;
  /** Whether a name points to it. */
  isNamed = true;
  /** How often bytes were dropped: each handle is to hear of it once. The disk sees to that. */
  drops = 0;
  /** What the disk would hold if everything were written now: with dropped pages as zeros. */
  #present: Uint8Array = EMPTY_BYTES;
  #size = 0;
  #durable: Uint8Array = EMPTY_BYTES;
  /** How often it was truncated. */
  #truncations = 0;
  /** Whether {@linkcode #durable} is of before the last truncation, and so not a beginning of what is present. */
  #isReplaced = false;
  /** The sizes that it had since the last sync, after each change. */
  #sizes: number[] = [];
  /** What was dropped of the last sector, if nothing was appended since. */
  #droppedEnd = EMPTY_BYTES;
  readonly #syncs: Set<PendingSync> = new Set();

  /** How many bytes are in it. */
  get size(): number {
    return this.#size;
  }

  /** Adds bytes at the end. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const size = this.#size + bytes.length;
    if (size > this.#present.length || this.#droppedEnd.length > 0) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#present.length, CAPACITY_BYTES_MIN));
      grown.set(this.#present.subarray(0, this.#size));
      grown.set(this.#droppedEnd, this.#size - this.#droppedEnd.length);
      this.#droppedEnd = EMPTY_BYTES;
      this.#present = grown;
    }
    this.#present.set(bytes, this.#size);
    this.#size = size;
    this.#sizes.push(size);
  }

  /** Empties it. */
  truncate(): void {
    if (this.#size === 0) return;
    this.#present = EMPTY_BYTES;
    this.#size = 0;
    this.#truncations++;
    this.#isReplaced = this.#durable.length > 0;
    this.#sizes = [0];
    this.#droppedEnd = EMPTY_BYTES;
  }

  /** Puts other contents in place, durable at once. They must not be changed afterwards. */
  replace(durable: Uint8Array): void {
    this.#durable = durable;
    this.#present = durable; // has no room, so the first append makes a buffer of its own
    this.#size = durable.length;
    this.#truncations++;
    this.#isReplaced = false;
    this.#sizes = [];
    this.#droppedEnd = EMPTY_BYTES;
  }

  /** Begins to make durable what is there now. */
  beginSync(): PendingSync {
    const sync = { truncations: this.#truncations, size: this.#size };
    this.#syncs.add(sync);
    return sync;
  }

  /** Makes durable what was there when the sync began. */
  endSync(sync: PendingSync): void {
    this.#syncs.delete(sync);
    // What was there then has been truncated since: it may survive or not, so nothing more has to.
    if (sync.truncations !== this.#truncations) return;
    if (!this.#isReplaced && sync.size <= this.#durable.length) return;
    this.#durable = this.#present.subarray(0, sync.size);
    this.#isReplaced = false;
    this.#sizes = this.#sizes.filter((size) => size > sync.size);
  }

  /** Gives a sync up. A later one may still make the same bytes durable. */
  failSync(sync: PendingSync): void {
    this.#syncs.delete(sync);
  }

  /**
   * Takes what is not durable for written, though it was not: it is lost, unless a sync that is under way has it in
   * hand. What is in the same sector as a later append is written again with that.
   */
  drop(): void {
    this.drops++;
    let from = this.#isReplaced ? 0 : this.#durable.length;
    for (const { truncations, size } of this.#syncs) {
      if (truncations === this.#truncations) from = Math.max(from, size);
    }
    const size = this.#size;
    if (from >= size) return;
    if (this.#droppedEnd.length === 0) {
      this.#droppedEnd = this.#present.slice(Math.max(from, size - size % SECTOR_BYTES), size);
    }
    this.#present.fill(0, from, size);
  }

  /**
   * What a power cut now could leave in it.
   *
   * @param random Where choices are drawn from.
   * @param fate What becomes of what is not durable.
   * @returns The contents, which must not be changed.
   */
  crash(random: Random, fate: Fate): Uint8Array {
    if (fate === "lost" || this.#sizes.length === 0) return this.#durable;
    if (fate === "kept") return this.#present.slice(0, this.#size);
    const sizes = [this.#durable.length, this.#size, this.#sizes[random(this.#sizes.length)]!];
    const left = new Uint8Array(sizes[random(sizes.length)]!);
    left.set(this.#durable.subarray(0, left.length));
    const start = this.#isReplaced ? 0 : this.#durable.length;
    // Half of all files lose blocks anywhere, the others from one block on: the commonest case, and a rare choice.
    const blockCount = Math.ceil(left.length / BLOCK_BYTES);
    const keptBefore = random(2) === 0 ? BLOCK_BYTES * random(blockCount + 1) : undefined;
    for (let at = start - start % BLOCK_BYTES; at < left.length; at += BLOCK_BYTES) {
      const end = Math.min(at + BLOCK_BYTES, left.length);
      if (keptBefore === undefined) this.#crashBlock(left, at, end, random);
      else if (at < keptBefore) this.#write(left, at, end, this.#size);
    }
    return left;
  }

  /** Chooses what becomes of one block, of which `left` has the durable contents. */
  #crashBlock(left: Uint8Array, at: number, end: number, random: Random): void {
    switch (random(4)) {
      case 0:
        return; // dropped
      case 1:
        return this.#write(left, at, end, this.#size);
      case 2:
        return this.#write(left, at, end, this.#sizes[random(this.#sizes.length)]!);
      default:
        for (let sector = at; sector < end; sector += SECTOR_BYTES) {
          if (random(2) === 0) continue;
          this.#write(left, sector, Math.min(sector + SECTOR_BYTES, end), this.#size);
        }
    }
  }

  /** Puts into `left` what is present between two offsets, as it was when the file had a certain size. */
  #write(left: Uint8Array, from: number, to: number, size: number): void {
    left.fill(0, from, to);
    if (from < size) left.set(this.#present.subarray(from, Math.min(to, size)), from);
  }
}

/** What a name points to. Directories have no contents: the names in them are in {@linkcode Names}. */
export type Node = Contents | "directory";

/** A change that happens whole or not at all: what each of these names points to afterwards, if to anything. */
type NameChange = ReadonlyMap<string, Node | undefined>;

function apply(change: NameChange, names: Map<string, Node>): void {
  for (const [path, node] of change) {
    if (node === undefined) names.delete(path);
    else names.set(path, node);
  }
}

function touches(change: NameChange, paths: ReadonlySet<string>): boolean {
  return change.keys().some((path) => paths.has(path));
}

function addPaths(change: NameChange, paths: Set<string>): void {
  for (const path of change.keys()) paths.add(path);
}

/** All names of a disk, by canonical path: what they point to, and what of that is durable. */
export class Names {
  readonly #present: Map<string, Node> = new Map();
  readonly #durable: Map<string, Node> = new Map();
  /** The changes that are not durable, oldest first. */
  #pending: NameChange[] = [];

  /** The file of a name, if there is one. */
  file(path: string): Contents | undefined {
    const node = this.#present.get(path);
    return node === "directory" ? undefined : node;
  }

  /** Gives a new file its name. */
  add(path: string, file: Contents): void {
    this.#change([[path, file]]);
  }

  /** Takes a file's name away. */
  remove(path: string): void {
    this.#change([[path, undefined]]);
  }

  /** Gives a file another name. */
  rename(from: string, to: string): void {
    const file = this.#present.get(from);
    // The order matters if both are the same.
    this.#change([[from, undefined], [to, file]]);
  }

  /** Adds a directory, with its parents, all of them durable at once. */
  makeDirectory(path: string): void {
    const missing: string[] = [];
    for (let at = path; at !== "" && !this.#present.has(at); at = parentOf(at)) missing.push(at);
    for (const at of missing.reverse()) {
      this.#change([[at, "directory"]]);
      this.settle(at);
    }
  }

  /** Removes an empty directory. */
  removeDirectory(path: string): void {
    // What was removed from it before must not outlive it.
    const below = new Set<string>();
    for (const change of this.#pending) addPaths(change, below);
    for (const name of this.#durable.keys()) below.add(name);
    const gone = [...below].filter((name) => parentOf(name) === path);
    this.#change([...gone, path].map((name) => [name, undefined]));
  }

  /** Makes all changes of names in a directory durable. */
  syncDirectory(directory: string): void {
    this.#commit((change) => change.keys().some((path) => parentOf(path) === directory));
  }

  /** Makes what a name points to durable, and nothing else than that takes. */
  settle(path: string): void {
    this.#commit((change) => change.has(path));
  }

  /**
   * What a power cut now could leave.
   *
   * @param random Where choices are drawn from.
   * @param fate What becomes of changes that are not durable.
   * @returns The names, parents before what is in them, and what they point to.
   */
  crash(random: Random, fate: Fate): ReadonlyMap<string, Node> {
    if (fate === "lost" || this.#pending.length === 0) return this.#durable;
    if (fate === "kept") return this.#present;
    const left = new Map(this.#durable);
    if (random(2) === 0) {
      const count = random(this.#pending.length + 1);
      for (const change of this.#pending.slice(0, count)) apply(change, left);
      return left;
    }
    const lost = new Set<string>();
    for (const change of this.#pending) {
      if (random(2) === 0 || touches(change, lost)) addPaths(change, lost);
      else apply(change, left);
    }
    return left;
  }

  #change(assignments: [string, Node | undefined][]): void {
    const change = new Map(assignments);
    apply(change, this.#present);
    this.#pending.push(change);
  }

  /** Makes changes durable, and with each of them those before it that touch the same names. */
  #commit(isWanted: (change: NameChange) => boolean): void {
    if (this.#pending.length === 0) return;
    const paths = new Set<string>();
    const committed: NameChange[] = [];
    const pending: NameChange[] = [];
    for (const change of this.#pending.toReversed()) {
      if (isWanted(change) || touches(change, paths)) {
        addPaths(change, paths);
        committed.push(change);
      } else pending.push(change);
    }
    for (const change of committed.reverse()) apply(change, this.#durable);
    this.#pending = pending.reverse();
  }
}
