/**
 * **What.** What the replacing of a file has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. The power is cut before every call that changes the disk, and after the last one, with every seed.
 *
 * **Read next.** `../../../lib/simulated_file_system_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type FileSystem, readFile } from "../../../lib/file_system.ts";
import { SimulatedFileSystem } from "../../../lib/simulated_file_system.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");

const DIRECTORY = "data";
const NAME = "CURRENT";
const PATH = "data/CURRENT";
const SEEDS = 60;

/** Long enough for three blocks of the disk, so that a part of them can be lost. */
const OLD = new Uint8Array(9000).fill(0x6f);
const NEW = new Uint8Array(10_000).fill(0x6e);
const SHORT = new TextEncoder().encode("MANIFEST-000004\n");

function diskWith(bytes: Uint8Array | undefined): SimulatedFileSystem {
  const disk = new SimulatedFileSystem();
  disk.makeDirectory(DIRECTORY);
  if (bytes !== undefined) disk.writeAll(PATH, bytes);
  return disk;
}

/** What is in the file, in words. */
function describe(disk: SimulatedFileSystem): string {
  if (!disk.exists(PATH)) return "no file";
  const bytes = disk.readAll(PATH);
  const known = [[OLD, "the old file"], [NEW, "the new file"], [SHORT, "the short file"]] as const;
  const found = known.find(([expected]) =>
    expected.length === bytes.length && expected.every((byte, i) => byte === bytes[i])
  );
  return found?.[1] ?? (bytes.length === 0 ? "an empty file" : "a file of some other bytes");
}

/** Runs something, and looks at what a power cut before each call of the disk leaves. */
function atEveryCrash(
  disk: SimulatedFileSystem,
  run: () => void,
  check: (crashed: SimulatedFileSystem, when: string) => void,
): void {
  const crashAll = (when: string) => {
    for (let seed = 0; seed < SEEDS; seed++) check(disk.crash(seed), `${when}, seed ${seed}`);
  };
  disk.onMutation = ({ kind, path }) => crashAll(`power cut before ${kind} of ${path}`);
  run();
  disk.onMutation = undefined;
  crashAll("power cut after the last call");
}

const cases: Case<Subject>[] = [
  {
    name: "puts the bytes into the file",
    run({ replaceFile }) {
      const disk = diskWith(undefined);
      replaceFile(disk, DIRECTORY, NAME, SHORT);
      assertEquals(new TextDecoder().decode(readFile(disk, PATH)), "MANIFEST-000004\n");
    },
  },
  {
    name: "replaces longer contents, and leaves no other file and no open handle behind",
    run({ replaceFile }) {
      const disk = diskWith(OLD);
      replaceFile(disk, DIRECTORY, NAME, SHORT);
      assertEquals(describe(disk), "the short file");
      assertEquals(disk.list(DIRECTORY), [NAME], "the names in the directory");
      assertEquals(disk.openHandles, 0, "handles that are open");
    },
  },
  {
    name: "has the new file on disk when it returns, whatever a power cut takes",
    run({ replaceFile }) {
      const disk = diskWith(OLD);
      replaceFile(disk, DIRECTORY, NAME, NEW);
      for (let seed = 0; seed < SEEDS; seed++) {
        assertEquals(describe(disk.crash(seed)), "the new file", `after a crash with seed ${seed}`);
      }
    },
  },
  {
    name: "leaves the old file or the new one, wherever the power fails",
    run({ replaceFile }) {
      const disk = diskWith(OLD);
      atEveryCrash(disk, () => replaceFile(disk, DIRECTORY, NAME, NEW), (crashed, when) => {
        const found = describe(crashed);
        assert(/the (old|new) file/.test(found), `${when}: ${found}`);
      });
    },
  },
  {
    name: "leaves no file or the whole one the first time",
    run({ replaceFile }) {
      const disk = diskWith(undefined);
      atEveryCrash(disk, () => replaceFile(disk, DIRECTORY, NAME, NEW), (crashed, when) => {
        const found = describe(crashed);
        assert(/no file|the new file/.test(found), `${when}: ${found}`);
      });
    },
  },
  {
    name: "can be done again where a crash has left something behind",
    run({ replaceFile }) {
      const disk = diskWith(OLD);
      atEveryCrash(disk, () => replaceFile(disk, DIRECTORY, NAME, NEW), (crashed, when) => {
        replaceFile(crashed, DIRECTORY, NAME, SHORT);
        assertEquals(describe(crashed), "the short file", `done again after a ${when}`);
        assertEquals(describe(crashed.crash(0)), "the short file", `a second power cut, ${when}`);
        assertEquals(crashed.list(DIRECTORY), [NAME], `the names there after a ${when}`);
      });
    },
  },
  {
    name: "throws when a call of the disk fails, leaves a whole file, and gives its handles back",
    run({ replaceFile }) {
      const sound = diskWith(OLD);
      replaceFile(sound, DIRECTORY, NAME, NEW);
      const kinds = ["append", "create", "rename", "sync", "syncDirectory"] as const;
      for (let after = 0; after < sound.mutations; after++) {
        const disk = diskWith(OLD);
        const fault = disk.addFault({ kind: kinds, after });
        let isThrown = false;
        try {
          replaceFile(disk, DIRECTORY, NAME, NEW);
        } catch (error) {
          if (fault.hits === 0) throw error;
          isThrown = true;
        }
        assertEquals(isThrown, fault.hits > 0, `call ${after} failed, and so it throws`);
        const found = describe(disk);
        assert(/the (old|new) file/.test(found), `after a failure of call ${after}: ${found}`);
        assertEquals(disk.openHandles, 0, `handles that are open after a failure of call ${after}`);
      }
    },
  },
  {
    name: "does not believe a second sync after one that failed",
    run({ replaceFile }) {
      const disk = diskWith(OLD);
      disk.addFault({ kind: "sync", effect: "drop" });
      assertThrows(
        () => replaceFile(disk, DIRECTORY, NAME, NEW),
        Error,
        "injected fault",
        "a sync failed, and replaceFile returned",
      );
      for (let seed = 0; seed < SEEDS; seed++) {
        const found = describe(disk.crash(seed));
        assertEquals(found, "the old file", `after a failed sync and a crash with seed ${seed}`);
      }
    },
  },
];

/** Replaces a file as `lib/manifest.ts` does with `CURRENT`. */
function replaceFile(disk: FileSystem, directory: string, name: string, bytes: Uint8Array): void {
  const temporary = disk.join(directory, `${name}.dbtmp`);
  const file = disk.create(temporary);
  try {
    file.append(bytes);
    file.syncSync();
  } finally {
    file.close();
  }
  disk.rename(temporary, disk.join(directory, name));
  disk.syncDirectory(directory);
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a file that is replaced all at once, whatever happens in between",
  own: { replaceFile },
  cases,
};
