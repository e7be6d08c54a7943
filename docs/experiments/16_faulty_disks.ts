/**
 * **What.** Disks that break a promise, one each, and a database crashed on them at every step of a short workload:
 * what the experiment and an exercise of chapter 16 look for faults with.
 *
 * **Invariants.**
 * 1. What a disk does not do is what its name says, and nothing else.
 * 2. A crash is a function of the workload, the step and the seed.
 *
 * **Read next.** `16_testing.ts`
 *
 * @module
 */
import type { WritableFile } from "../../lib/file_system.ts";
import { type Operation, SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { open } from "../../mod.ts";

/** A file of which some syncs do nothing. */
function withSyncs(file: WritableFile, isDone: () => boolean): WritableFile {
  return {
    path: file.path,
    get size() {
      return file.size;
    },
    append: (bytes) => file.append(bytes),
    sync: () => isDone() ? file.sync() : Promise.resolve(),
    syncSync: () => isDone() ? file.syncSync() : undefined,
    close: () => file.close(),
  };
}

/** Disks on which some files are synced only when a function says so. */
function diskWith(files: RegExp, newCount: () => () => boolean): typeof SimulatedFileSystem {
  return class extends SimulatedFileSystem {
    readonly #isDone = newCount();

    override create(path: string): WritableFile {
      const file = super.create(path);
      return files.test(path) ? withSyncs(file, this.#isDone) : file;
    }

    override openAppend(path: string): WritableFile {
      const file = super.openAppend(path);
      return files.test(path) ? withSyncs(file, this.#isDone) : file;
    }
  };
}

const never = () => () => false;

/** All calls but every tenth. */
function butTenth(): () => boolean {
  let calls = 0;
  return () => ++calls % 10 !== 0;
}

/** A disk that breaks a promise. */
export interface FaultyDisk {
  /** What it does not do. */
  readonly name: string;
  /** The disk. */
  readonly Disk: typeof SimulatedFileSystem;
}

/** The disks, the ones whose fault is easiest to find first. */
export const FAULTY_DISKS: readonly FaultyDisk[] = [
  {
    name: "names are never synced",
    Disk: class extends SimulatedFileSystem {
      override syncDirectory(): void {}
    },
  },
  { name: "a log is never synced", Disk: diskWith(/\.log$/, never) },
  { name: "a table is never synced", Disk: diskWith(/\.ldb$/, never) },
  { name: "one log sync in ten is not made", Disk: diskWith(/\.log$/, butTenth) },
  {
    name: "a rename removes its target first",
    Disk: class extends SimulatedFileSystem {
      override rename(from: string, to: string): void {
        if (this.exists(to)) this.remove(to);
        super.rename(from, to);
      }
    },
  },
];

/** A moment at which the power may fail: before a call of the disk that changes something. */
export interface CrashPoint {
  /** The call that is not made any more; none at the end. */
  readonly operation: Operation | undefined;
  /** How many puts were acknowledged. */
  readonly promised: number;
}

/** A power cut, and what was found on the disk that it left. */
export interface Crash {
  /** At which moment, from 0. */
  readonly point: number;
  /** What the power cut left: see {@linkcode SimulatedFileSystem.crash}. */
  readonly seed: number;
  /** What is wrong, or `undefined` if all that was promised is there. */
  readonly problem: string | undefined;
}

const OPTIONS = { worker: false, memtableBytes: 65536, poolBytes: 65536 } as const;
const keyOf = (i: number) => `layer ${String(i).padStart(3, "0")}`;

/** Some puts, a flush, some more, and all of that again after opening anew. */
async function work(disk: SimulatedFileSystem, puts: number, onPut: () => void): Promise<void> {
  let count = 0;
  for (let round = 0; round < 2; round++) {
    const db = await open("db", { ...OPTIONS, fileSystem: disk });
    for (let i = 0; i < puts; i++) {
      db.putSync(keyOf(count++), "clay".repeat(20));
      onPut();
      if (i === puts >> 1) await db.flush();
    }
    await db.close();
  }
}

const bytesAsText = new TextDecoder("latin1"); // each byte a character of its own

/** All that is on a disk. Many crashes leave the same, which has to be looked at once. */
function stateOf(disk: SimulatedFileSystem): string {
  if (!disk.exists("db")) return "nothing";
  const files = disk.list("db").map((name) => {
    const bytes = disk.readAll(`db/${name}`);
    return `${name} ${bytes.length} ${bytesAsText.decode(bytes)}`;
  });
  return files.join();
}

/** What is wrong with a database, if anything. */
async function examine(disk: SimulatedFileSystem, promised: number): Promise<string | undefined> {
  try {
    const options = { ...OPTIONS, fileSystem: disk, readOnly: disk.exists("db/CURRENT") };
    await using db = await open("db", options);
    const keys = [...db.keysSync()];
    const isPrefix = keys.every((key, i) => key === keyOf(i));
    return isPrefix && keys.length >= promised
      ? undefined
      : `${keys.length} of ${promised} are there`;
  } catch (error) {
    return String(error);
  }
}

/**
 * Runs the workload once, and cuts the power while it runs.
 *
 * @param Disk The disk.
 * @param puts How many puts it makes before each close.
 * @param seedsAt With which seeds the power is cut at a moment: none by default.
 * @returns The moments, in order, of which the last is after the last call; and the crashes.
 */
export async function runOn(
  Disk: typeof SimulatedFileSystem,
  puts: number,
  seedsAt: (point: number) => readonly number[] = () => [],
): Promise<{ points: CrashPoint[]; crashes: Crash[] }> {
  const points: CrashPoint[] = [];
  const left: { point: number; seed: number; disk: SimulatedFileSystem; promised: number }[] = [];
  let promised = 0;
  const disk = new Disk();
  const cut = (operation: Operation | undefined) => {
    const point = points.length;
    points.push({ operation, promised });
    for (const seed of seedsAt(point)) left.push({ point, seed, disk: disk.crash(seed), promised });
  };
  disk.onMutation = cut;
  await work(disk, puts, () => promised++);
  cut(undefined);
  const crashes: Crash[] = [];
  const known = new Map<string, string | undefined>();
  for (const { point, seed, disk, promised } of left) {
    const state = `${promised} ${stateOf(disk)}`;
    if (!known.has(state)) known.set(state, await examine(disk, promised));
    crashes.push({ point, seed, problem: known.get(state) });
  }
  return { points, crashes };
}
