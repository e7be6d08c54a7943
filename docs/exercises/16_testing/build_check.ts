/**
 * **What.** What a disk that can be crashed has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Each crash is drawn from a seed, and what a case finds names it.
 *
 * **Read next.** `../../../lib/durability_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator, type Random } from "../../../lib/random.ts";
import { SimulatedFileSystem } from "../../../lib/simulated_file_system.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");
type Disk = InstanceType<Subject["CrashDisk"]>;

const SEEDS = 300;

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

/** What is in a file, in a few words: `"3000 × 1, 500 × 0"`; `"none"` if there is no file. */
function shown(contents: Uint8Array | undefined): string {
  if (contents === undefined) return "none";
  const runs: string[] = [];
  for (let at = 0; at < contents.length;) {
    let end = at;
    while (end < contents.length && contents[end] === contents[at]) end++;
    runs.push(`${end - at} × ${contents[at]}`);
    at = end;
  }
  return runs.join(", ") || "empty";
}

/** Crashes a disk with many seeds, and looks at what is left. */
function crashes(disk: Disk, look: (left: Disk, why: string) => void): void {
  for (let seed = 1; seed <= SEEDS; seed++) look(disk.crash(generator(seed)), `seed ${seed}`);
}

/** What many crashes leave of some files: each outcome once, such as `"old none"`. */
function outcomes(disk: Disk, names: readonly string[], tell: (text: string) => string) {
  const found = new Set<string>();
  crashes(disk, (left) => found.add(names.map((name) => tell(shown(left.read(name)))).join(" ")));
  return found;
}

/** Whether a file is there. */
const isThere = (text: string) => text === "none" ? "none" : "there";

/** Says that these outcomes and no others must occur. */
function assertOutcomes(found: ReadonlySet<string>, expected: readonly string[], what: string) {
  assertEquals([...found].sort(), [...expected].sort(), `${what}: outcomes of ${SEEDS} crashes`);
}

/** A disk with one file, all of it durable. */
function diskWith({ CrashDisk }: Subject, name: string, contents: Uint8Array): Disk {
  const disk = new CrashDisk();
  disk.append(name, contents);
  disk.sync(name);
  disk.syncNames();
  return disk;
}

const cases: Case<Subject>[] = [
  {
    name: "reads what was appended, synced or not, and nothing where no file is",
    run({ CrashDisk }) {
      const disk = new CrashDisk();
      const mine = bytes(3, 1);
      disk.append("log", mine);
      disk.append("log", bytes(2, 2));
      assertEquals(shown(disk.read("log")), "3 × 1, 2 × 2");
      disk.append("current", mine);
      mine.fill(9);
      assertEquals(shown(disk.read("current")), "3 × 1", "after a caller has used his array again");
      assertEquals(shown(disk.read("table")), "none");
    },
  },
  {
    name: "keeps a file whose contents and name were synced",
    run(subject) {
      const disk = diskWith(subject, "log", bytes(2000, 1));
      crashes(disk, (left, why) => assertEquals(shown(left.read("log")), "2000 × 1", why));
    },
  },
  {
    name: "goes on after a crash as if nothing had happened, apart from what the crash left",
    run(subject) {
      const disk = diskWith(subject, "log", bytes(100, 1));
      disk.append("log", bytes(100, 2));
      crashes(disk, (left, why) => {
        left.append("log", bytes(7, 9));
        left.append("other", bytes(7, 9));
        assertEquals(shown(disk.read("log")), "100 × 1, 100 × 2", why);
        assertEquals(shown(disk.read("other")), "none", why);
      });
    },
  },
  {
    name: "leaves all, nothing or a part of what was not synced, and never touches what was",
    run(subject) {
      const disk = diskWith(subject, "log", bytes(1000, 1));
      disk.append("log", bytes(4000, 2));
      const found = new Set<string>();
      crashes(disk, (left, why) => {
        const contents = left.read("log")!;
        assert(contents.length >= 1000 && contents.length <= 5000, `${why}: ${shown(contents)}`);
        assertEquals(shown(contents.subarray(0, 1000)), "1000 × 1", why);
        const rest = contents.subarray(1000);
        assert(rest.every((byte) => byte === 2 || byte === 0), `${why}: ${shown(contents)}`);
        const kept = rest.filter((byte) => byte === 2).length;
        found.add(kept === 0 ? "nothing" : kept === 4000 ? "all" : "a part");
      });
      assertOutcomes(found, ["all", "a part", "nothing"], "contents that were not synced");
    },
  },
  {
    name: "does not take a sync of contents for a sync of the name",
    run({ CrashDisk }) {
      const disk = new CrashDisk();
      disk.append("log", bytes(100, 1));
      disk.sync("log");
      const found = outcomes(disk, ["log"], (text) => text);
      assertOutcomes(found, ["none", "100 × 1"], "a synced file whose name was not synced");
    },
  },
  {
    name: "does not take a sync of names for a sync of contents",
    run({ CrashDisk }) {
      const disk = new CrashDisk();
      disk.append("log", bytes(2000, 1));
      disk.syncNames();
      crashes(disk, (left, why) => assert(left.read("log") !== undefined, `${why}: no file`));
      const found = outcomes(disk, ["log"], (text) => text === "2000 × 1" ? "all" : "less");
      assertOutcomes(found, ["all", "less"], "a file of which only the name was synced");
    },
  },
  {
    name: "leaves the old file or the new one of a rename, and never neither",
    run(subject) {
      const disk = diskWith(subject, "CURRENT", bytes(50, 1));
      disk.append("new", bytes(60, 2));
      disk.sync("new");
      disk.syncNames();
      disk.rename("new", "CURRENT");
      assertEquals(shown(disk.read("CURRENT")), "60 × 2");
      assertEquals(shown(disk.read("new")), "none");
      const found = outcomes(disk, ["CURRENT", "new"], (text) => text.slice(0, 2));
      assertOutcomes(found, ["50 60", "60 no"], "CURRENT and new, after a rename");
    },
  },
  {
    name: "keeps a rename once names were synced, but not contents that never were",
    run(subject) {
      const disk = diskWith(subject, "CURRENT", bytes(50, 1));
      disk.append("new", bytes(2000, 2));
      disk.rename("new", "CURRENT");
      disk.syncNames();
      const found = outcomes(
        disk,
        ["CURRENT", "new"],
        (text) =>
          text === "2000 × 2" ? "all" : text === "none" || text === "50 × 1" ? text : "less",
      );
      assertOutcomes(found, ["all none", "less none"], "CURRENT and new, after a synced rename");
    },
  },
  {
    name: "keeps the order of changes that touch one name",
    run({ CrashDisk }) {
      const disk = new CrashDisk();
      disk.append("a", bytes(10, 1));
      disk.sync("a");
      disk.rename("a", "b");
      disk.rename("b", "c");
      const found = outcomes(disk, ["a", "b", "c"], isThere);
      const one = ["none none none", "there none none", "none there none", "none none there"];
      assertOutcomes(found, one, "a, b and c, after two renames of a new file");
    },
  },
  {
    name: "lets names that have nothing to do with each other survive apart",
    run({ CrashDisk }) {
      const disk = new CrashDisk();
      for (const name of ["a", "b"]) {
        disk.append(name, bytes(10, 1));
        disk.sync(name);
      }
      const all = ["none none", "none there", "there none", "there there"];
      assertOutcomes(outcomes(disk, ["a", "b"], isThere), all, "two new files");
    },
  },
  {
    name: "leaves a disk on which everything is durable",
    run(subject) {
      const disk = diskWith(subject, "log", bytes(500, 1));
      disk.append("log", bytes(3000, 2));
      disk.append("table", bytes(3000, 3));
      disk.rename("table", "t2");
      const files = (it: Disk) => ["log", "table", "t2"].map((name) => shown(it.read(name)));
      crashes(disk, (left, why) => {
        for (let seed = 1; seed <= 5; seed++) {
          assertEquals(files(left.crash(generator(seed))), files(left), `${why}, then ${seed}`);
        }
      });
    },
  },
  {
    name: "crashes in the same way by the same random numbers",
    run(subject) {
      const disk = diskWith(subject, "log", bytes(500, 1));
      disk.append("log", bytes(3000, 2));
      disk.append("table", bytes(30, 3));
      const files = (it: Disk) => ["log", "table"].map((name) => shown(it.read(name)));
      for (let seed = 1; seed <= SEEDS; seed++) {
        const [one, other] = [1, 2].map(() => files(disk.crash(generator(seed))));
        assertEquals(other, one, `seed ${seed}`);
      }
    },
  },
];

/** `lib/simulated_file_system.ts`, of which it uses one directory. */
class CrashDisk {
  readonly #disk: SimulatedFileSystem;

  constructor(disk: SimulatedFileSystem = new SimulatedFileSystem()) {
    this.#disk = disk;
  }

  append(name: string, contents: Uint8Array): void {
    const file = this.#disk.exists(name) ? this.#disk.openAppend(name) : this.#disk.create(name);
    file.append(contents);
    file.close();
  }

  sync(name: string): void {
    const file = this.#disk.openAppend(name);
    file.syncSync();
    file.close();
  }

  rename(from: string, to: string): void {
    this.#disk.rename(from, to);
  }

  syncNames(): void {
    this.#disk.syncDirectory("");
  }

  read(name: string): Uint8Array | undefined {
    return this.#disk.exists(name) ? this.#disk.readAll(name) : undefined;
  }

  crash(random: Random): CrashDisk {
    return new CrashDisk(this.#disk.crash(random(2 ** 31)));
  }
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a disk in memory that can be crashed",
  own: { CrashDisk },
  cases,
};
