/**
 * **What.** The experiment of chapter 2: entries are put, synced more or less often, and the power fails at random
 * moments. How many writes are lost that somebody was told were done?
 *
 * **Invariants.**
 * 1. Every way writes the same entries, and its power is cut as often.
 * 2. What is left is always a beginning of what was written.
 *
 * **Read next.** `../02_files_that_survive.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { CorruptionError } from "../../lib/errors.ts";
import type { WritableFile } from "../../lib/file_system.ts";
import { generator } from "../../lib/random.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { type Database, open } from "../../mod.ts";
import { type Experiment, type Outcome, rounded, type Table } from "./experiment.ts";
import { Plot } from "./plot.ts";

const PUTS = 200;
const BATCH = 10;
const CRASHES = 100;
const VALUE = "silt ".repeat(20);

type Store = Database<string, string>;

/** A disk that says that a log is synced, and does nothing. */
class LyingDisk extends SimulatedFileSystem {
  override create(path: string): WritableFile {
    const file = super.create(path);
    return path.endsWith(".log") ? lying(file) : file;
  }

  override openAppend(path: string): WritableFile {
    const file = super.openAppend(path);
    return path.endsWith(".log") ? lying(file) : file;
  }
}

function lying(file: WritableFile): WritableFile {
  return {
    path: file.path,
    get size() {
      return file.size;
    },
    append: (bytes) => file.append(bytes),
    sync: () => Promise.resolve(),
    syncSync: () => {},
    close: () => file.close(),
  };
}

interface Way {
  readonly name: string;
  readonly isLyingDisk?: boolean;
  /** Puts the entry with this number, and says how many are acknowledged then. */
  put(db: Store, i: number): number;
}

function keyOf(i: number): string {
  return String(i).padStart(4, "0");
}

const synced: Way["put"] = (db, i) => {
  db.putSync(keyOf(i), VALUE);
  return i + 1;
};

const WAYS: readonly Way[] = [
  { name: "every put synced", put: synced },
  {
    name: "batches of 10, synced",
    put(db, i) {
      if ((i + 1) % BATCH !== 0) return i - i % BATCH; // waits for others
      const batch = db.batch();
      for (let k = i + 1 - BATCH; k <= i; k++) batch.put(keyOf(k), VALUE);
      batch.commitSync();
      return i + 1;
    },
  },
  {
    name: "every 10th put synced",
    put(db, i) {
      db.putSync(keyOf(i), VALUE, { sync: (i + 1) % BATCH === 0 });
      return i + 1;
    },
  },
  {
    name: "sync: false",
    put(db, i) {
      db.putSync(keyOf(i), VALUE, { sync: false });
      return i + 1;
    },
  },
  { name: "every put synced, but the disk lies", isLyingDisk: true, put: synced },
];

interface Crash {
  /** How many puts were acknowledged. */
  readonly acknowledged: number;
  readonly disk: SimulatedFileSystem;
}

interface Run {
  readonly mutations: number;
  readonly syncs: number;
  readonly crashes: readonly Crash[];
}

/** Puts all entries. `crashSeeds` says for a number of mutations with which seeds the power fails before the next. */
async function putAll(
  { put, isLyingDisk = false }: Way,
  crashSeeds: ReadonlyMap<number, readonly number[]>,
): Promise<Run> {
  const disk = isLyingDisk ? new LyingDisk() : new SimulatedFileSystem();
  const db = await open("db", { fileSystem: disk, worker: false });
  const crashes: Crash[] = [];
  let mutations = 0;
  let syncs = 0;
  let acknowledged = 0;
  disk.onMutation = ({ kind }) => {
    for (const seed of crashSeeds.get(mutations) ?? []) {
      crashes.push({ acknowledged, disk: disk.crash(seed) });
    }
    mutations++;
    if (kind === "sync") syncs++;
  };
  for (let i = 0; i < PUTS; i++) acknowledged = put(db, i);
  disk.onMutation = undefined;
  await db.close();
  return { mutations, syncs, crashes };
}

/** How many acknowledged puts are missing after a crash; `undefined` if the log looks damaged. */
async function lostIn({ acknowledged, disk }: Crash): Promise<number | undefined> {
  try {
    await using db: Store = await open("db", { fileSystem: disk, worker: false });
    const keys = [...db.keysSync()];
    assertEquals(keys, keys.map((_, i) => keyOf(i)), "a beginning of what was written");
    return Math.max(0, acknowledged - keys.length);
  } catch (error) {
    // Once in hundreds a hole in what was not synced looks like damage: docs/assumptions.md, 2.
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

/** Cuts the power at random moments, each with a seed of its own. */
async function crashed(way: Way, seed: number) {
  const { mutations, syncs } = await putAll(way, new Map());
  const random = generator(seed);
  const crashSeeds = new Map<number, number[]>();
  for (let i = 0; i < CRASHES; i++) {
    const at = random(mutations);
    crashSeeds.set(at, [...crashSeeds.get(at) ?? [], random(2 ** 31)]);
  }
  const { crashes } = await putAll(way, crashSeeds);
  const results: { name: string; acknowledged: number; lost: number }[] = [];
  for (const crash of crashes) {
    const lost = await lostIn(crash);
    const { acknowledged } = crash;
    if (lost !== undefined) results.push({ name: way.name, acknowledged, lost });
  }
  return { syncs, results };
}

/** What a put takes, on this machine's disk. */
async function measure(): Promise<Table> {
  const directory = await Deno.makeTempDir();
  const rows: string[][] = [];
  try {
    for (const [index, { name, put, isLyingDisk }] of WAYS.entries()) {
      if (isLyingDisk) continue;
      await using db: Store = await open(`${directory}/${index}`, { worker: false });
      const start = performance.now();
      for (let i = 0; i < PUTS; i++) put(db, i);
      const each = (performance.now() - start) * 1000 / PUTS;
      rows.push([name, `${rounded(each, 1)} µs`]);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  return { columns: ["way", "a put"], rows };
}

async function run(seed: number, withTimes: boolean): Promise<Outcome> {
  const ways = [];
  for (const way of WAYS) ways.push({ ...way, ...await crashed(way, seed) });
  const rows = ways.map(({ name, syncs, results }) => {
    const losses = results.map(({ lost }) => lost);
    const total = losses.reduce((sum, lost) => sum + lost, 0);
    return {
      name,
      syncs,
      losing: `${losses.filter((lost) => lost > 0).length} of ${losses.length}`,
      mean: total / losses.length,
      most: Math.max(...losses),
      losses,
    };
  });
  const [each, batches, tenth, never, lied] = rows;
  assertEquals([each!.most, batches!.most], [0, 0], "what is synced is not lost");
  assertEquals([each!.syncs, batches!.syncs, tenth!.syncs, never!.syncs], [200, 20, 20, 0]);
  assert(tenth!.most > 0 && tenth!.most < BATCH, "what was put since the last sync is lost");
  assert(never!.most > 100 && lied!.most > 100, "there is no limit");
  assertEquals(lied!.losses, never!.losses, "a disk that lies loses what is lost without syncs");
  const dots = ways.flatMap(({ results }) => results);
  return {
    counts: {
      columns: [
        "way",
        "syncs done",
        "power cuts that lost acknowledged puts",
        "lost, on average",
        "lost, at most",
      ],
      rows: rows.map(({ name, syncs, losing, mean, most }) => [
        name,
        syncs,
        losing,
        rounded(mean, 1),
        most,
      ]),
    },
    plot: {
      height: 330,
      marginLeft: 70,
      marginRight: 30,
      marginTop: 60,
      x: { label: "puts acknowledged when the power failed", domain: [0, PUTS], ticks: [0, 100] },
      y: { label: "acknowledged puts lost", domain: [0, PUTS], grid: true },
      fx: { label: null, axis: null, domain: WAYS.map(({ name }) => name) },
      marks: [
        Plot.frame({ stroke: "currentColor", strokeOpacity: 0.2 }),
        Plot.dot(dots, { x: "acknowledged", y: "lost", fx: "name", r: 2.5, stroke: "name" }),
        Plot.text(WAYS, {
          fx: "name",
          text: "name",
          frameAnchor: "top",
          lineAnchor: "bottom",
          dy: -6,
          lineWidth: 8,
        }),
      ],
    },
    ...(withTimes ? { times: await measure() } : {}),
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How many acknowledged writes does a power cut take?",
  alt:
    "Dots for power cuts: puts acknowledged until then, and how many of these were lost. None where every put or " +
    "every batch is synced. At most nine where each tenth put is. Without syncs, and on a disk that does not do what " +
    "it says, up to all of them.",
  run: ({ seed, withTimes }) => run(seed, withTimes),
};
