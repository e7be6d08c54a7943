/**
 * **What.** The experiment of chapter 10: the manifest is replaced in five ways, and the power fails before each call
 * of the disk. Which tree does the next open find?
 *
 * **Invariants.**
 * 1. Every way is tried from the same disk, and on each of the disks that a power cut can leave by the same seeds.
 * 2. The first way is the engine's own; the others leave out or move one of its steps.
 *
 * **Read next.** `../10_versions_and_the_manifest.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { CorruptionError } from "../../lib/errors.ts";
import { InternalKeyComparator } from "../../lib/internal_key.ts";
import { LogWriter } from "../../lib/log.ts";
import {
  loadManifest,
  Manifest,
  type ManifestState,
  writeNewDatabase,
} from "../../lib/manifest.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { emptyVersionEdit, encodeVersionEdit } from "../../lib/version_edit.ts";
import type { Experiment, Outcome } from "./experiment.ts";
import { Plot } from "./plot.ts";

const CUTS = 100;
/** The crash that keeps all that was written, as when the process is killed and the power stays. */
const KILL = 1;
const COMPARATOR = new InternalKeyComparator();
/** What tells the two trees apart: the last sequence number that their manifests name. */
const OLD = 0;
const NEW = 17;
const NAME = "db/MANIFEST-000002";
const TEMPORARY = "db/000002.dbtmp";

const load = (disk: SimulatedFileSystem) => loadManifest(disk, "db", COMPARATOR);

/** A disk with a database, all of it durable. */
function newDisk(): SimulatedFileSystem {
  const disk = new SimulatedFileSystem();
  disk.makeDirectory("db");
  writeNewDatabase(disk, "db", COMPARATOR);
  return disk;
}

/** What a database says about its new tree. */
function newState(disk: SimulatedFileSystem): ManifestState {
  return { ...load(disk), nextFileNumber: 3, lastSequence: NEW };
}

function write(disk: SimulatedFileSystem, path: string, isSynced: boolean): void {
  const file = disk.create(path);
  if (path === NAME) {
    const edit = { ...emptyVersionEdit(), comparator: COMPARATOR.user.name };
    const numbers = { logNumber: 0, nextFileNumber: 3, lastSequence: NEW };
    const record = encodeVersionEdit({ ...edit, ...numbers });
    new LogWriter(file).add(record, 0, record.length);
  } else file.append(new TextEncoder().encode("MANIFEST-000002\n"));
  if (isSynced) file.syncSync();
  file.close();
}

/** The ways to replace a manifest. After each the old manifest is removed. */
const WAYS: readonly [name: string, replace: (disk: SimulatedFileSystem) => void][] = [
  [
    "as the engine does",
    (disk) => Manifest.create(disk, "db", 2, newState(disk)).close(),
  ],
  ["CURRENT is written in place", (disk) => {
    write(disk, NAME, true);
    disk.syncDirectory("db");
    write(disk, "db/CURRENT", true);
  }],
  ["the new CURRENT is not synced", (disk) => {
    write(disk, NAME, true);
    disk.syncDirectory("db");
    write(disk, TEMPORARY, false);
    disk.rename(TEMPORARY, "db/CURRENT");
    disk.syncDirectory("db");
  }],
  ["the manifest is not synced", (disk) => {
    write(disk, NAME, false);
    disk.syncDirectory("db");
    write(disk, TEMPORARY, true);
    disk.rename(TEMPORARY, "db/CURRENT");
    disk.syncDirectory("db");
  }],
  ["the directory is never synced", (disk) => {
    write(disk, NAME, true);
    write(disk, TEMPORARY, true);
    disk.rename(TEMPORARY, "db/CURRENT");
  }],
];

/** Which tree an open finds. */
function found(disk: SimulatedFileSystem): "old" | "new" | "none" {
  try {
    const { lastSequence } = load(disk);
    assertEquals([OLD, NEW].includes(lastSequence), true, "one of the two");
    return lastSequence === OLD ? "old" : "new";
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return "none";
  }
}

/** Replaces the manifest in a way, with the power cut before every call, and counts what is found. */
function tryWay(replace: (disk: SimulatedFileSystem) => void, seed: number) {
  const disk = newDisk();
  const counts = { calls: 0, old: 0, new: 0, none: 0, takenBack: 0, killed: 0 };
  let hasReturned = false;
  const cut = () => {
    counts.calls++;
    if (found(disk.crash(KILL)) === "none") counts.killed++;
    for (let i = 0; i < CUTS; i++) {
      const tree = found(disk.crash(seed * CUTS + i));
      counts[tree]++;
      if (hasReturned && tree === "old") counts.takenBack++;
    }
  };
  disk.onMutation = cut;
  replace(disk);
  hasReturned = true;
  disk.remove("db/MANIFEST-000001");
  disk.onMutation = undefined;
  cut();
  return counts;
}

function run(seed: number): Outcome {
  const results = WAYS.map(([name, replace]) => ({ name, ...tryWay(replace, seed) }));
  const [own, ...others] = results;
  assertEquals([own!.none, own!.takenBack], [0, 0], "the engine's own way leaves what it says");
  for (const { name, none } of others) assertEquals(none > 0, true, `${name} loses the database`);
  const only = (condition: (counts: typeof results[number]) => boolean) =>
    results.filter(condition).map(({ name }) => name);
  assertEquals(only(({ killed }) => killed > 0), ["CURRENT is written in place"], "by a kill");
  assertEquals(only((it) => it.takenBack > 0), ["the directory is never synced"], "taken back");
  const [early, late] = results.slice(2, 4).map(({ name: _, ...counts }) => counts);
  assertEquals(early, late, "two forms of one mistake");
  const bars = results.flatMap(({ name, calls, ...counts }) => {
    const percent = (count: number) => 100 * count / (calls * CUTS);
    return [
      { name, tree: "old", percent: percent(counts.old) },
      { name, tree: "new", percent: percent(counts.new) },
      { name, tree: "none", percent: percent(counts.none) },
    ];
  });
  const shown = (bar: typeof bars[number]) => bar.percent < 6 ? "" : bar.tree;
  return {
    counts: {
      columns: [
        "how",
        "power cuts",
        "the new tree",
        "the old tree",
        "of these after it was done",
        "no database",
        "no database after a kill",
      ],
      rows: results.map((it) => [
        it.name,
        it.calls * CUTS,
        it.new,
        it.old,
        it.takenBack,
        it.none,
        `${it.killed} of ${it.calls}`,
      ]),
    },
    plot: {
      height: 320,
      marginLeft: 245,
      marginRight: 30,
      x: {
        label: "power cuts after which an open finds the old tree, the new one, or none; percent",
      },
      y: { label: null, domain: WAYS.map(([name]) => name) },
      color: {
        domain: ["old", "new", "none"],
        range: ["#3b7dd8", "#2e8b57", "#d04a43"],
      },
      marks: [
        Plot.barX(bars, { x: "percent", y: "name", fill: "tree" }),
        Plot.text(
          bars,
          Plot.stackX({ x: "percent", y: "name", z: "tree", text: shown, fill: "white" }),
        ),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "Which tree is there after a crash in the middle of replacing a manifest?",
  alt:
    "A bar for each way to replace a manifest, divided by what the next open finds. By the engine's way it is the " +
    "old tree or the new one. By each of the four others a part of the power cuts leaves no database.",
  run: ({ seed }) => run(seed),
};
