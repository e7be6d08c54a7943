/**
 * **What.** The experiment of chapter 12: the power is cut before every step that a run takes on its disk, for each of
 * three ways to sync. What is there when the database is opened, and what would be there if all were replayed that can
 * be read?
 *
 * **Invariants.**
 * 1. The run decides everything but what a power cut leaves, and that is up to the seed.
 *
 * **Read next.** `../12_recovery.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { openDatabase } from "../../lib/database.ts";
import { logName, parseFileName } from "../../lib/file_names.ts";
import { InternalKeyComparator } from "../../lib/internal_key.ts";
import { LogReader } from "../../lib/log.ts";
import { isLiveLog, loadManifest } from "../../lib/manifest.ts";
import { generator } from "../../lib/random.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { BatchReader } from "../../lib/write_batch.ts";
import { ManualTurns } from "../../tests/fixtures/manual_turns.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { COLOURS, Plot } from "./plot.ts";

const WRITES = 300;
const VALUE = "clay".repeat(200);
/** The smallest there are: several logs come and go within the run. */
const MEMTABLE_BYTES = 64 * 1024;
/** The background gets a turn after so many writes, so that a full memtable waits for a while. */
const WRITES_PER_TURN = 8;

interface Mode {
  readonly name: string;
  /** Every how many writes one is synced; 0 is never. */
  readonly syncEvery: number;
}

const MODES: readonly Mode[] = [
  { name: "every write", syncEvery: 1 },
  { name: "every 25th write", syncEvery: 25 },
  { name: "none", syncEvery: 0 },
];

/** One disk after a power cut. */
interface Cut {
  /** How many steps the run had taken on its disk. */
  readonly step: number;
  /** Writes that were asked for before it. */
  readonly written: number;
  /** Writes that the caller was told are durable. */
  readonly promised: number;
  /** Writes that are there when the database is opened. */
  readonly recovered: number;
  /** Whether one is missing before the last that can be read in any file. */
  readonly hasHoleElse: boolean;
}

/** Opens what a power cut left: how many writes are there, which must be the first ones. */
async function recoveredFrom(disk: SimulatedFileSystem): Promise<number> {
  const options = { memtableBytes: MEMTABLE_BYTES, readOnly: true };
  const db = openDatabase<string, string>("db", options, disk, new ManualTurns());
  let count = 0;
  for (const key of db.keysSync()) assertEquals(key, keyOf(count++), "a hole in what is there");
  await db.close();
  return count;
}

/** Whether a write is missing among those before the last, if every record that can be read is replayed. */
function hasHoleElse(disk: SimulatedFileSystem): boolean {
  const state = loadManifest(disk, "db", new InternalKeyComparator());
  const there = new Set<number>();
  const batch = new BatchReader();
  for (const name of disk.list("db")) {
    const parsed = parseFileName(name);
    if (parsed?.kind !== "log" || !isLiveLog(state, parsed.number)) continue;
    const reader = new LogReader(disk.open(`db/${logName(parsed.number)}`), { salvage: true });
    while (reader.next()) {
      batch.reset(reader.recordBuffer, reader.recordStart, reader.recordEnd);
      for (let at = batch.firstSequence; at <= batch.lastSequence; at++) there.add(at);
    }
  }
  const last = Math.max(state.lastSequence, ...there);
  for (let at = state.lastSequence + 1; at < last; at++) if (!there.has(at)) return true;
  return false;
}

function keyOf(write: number): string {
  return `layer ${1000 + write}`;
}

/** Runs the writes, and cuts the power before every step of it: three disks for each. */
async function runMode({ syncEvery }: Mode, seed: number): Promise<Cut[]> {
  const disk = new SimulatedFileSystem({ seed });
  const turns = new ManualTurns();
  const options = { memtableBytes: MEMTABLE_BYTES, maxImmutableMemtables: 4 };
  const db = openDatabase<string, string>("db", options, disk, turns);
  const random = generator(seed);
  const left: { step: number; after: SimulatedFileSystem }[] = [];
  const cuts: Cut[] = [];
  let promised = 0;
  // 0 loses all that was not synced; the others take any part of it.
  disk.onMutation = () => {
    const step = disk.mutations;
    for (const fate of [0, 2 + random(2 ** 31), 2 + random(2 ** 31)]) {
      left.push({ step, after: disk.crash(fate) });
    }
  };
  for (let written = 0; written < WRITES; written++) {
    const sync = syncEvery > 0 && (written + 1) % syncEvery === 0;
    db.putSync(keyOf(written), VALUE, { sync });
    if ((written + 1) % WRITES_PER_TURN === 0) turns.turn();
    for (const { step, after } of left.splice(0)) {
      const recovered = await recoveredFrom(after);
      assert(recovered >= promised, "a write that was promised is lost");
      // The one under way may be there, since it is in the log before the caller hears of it.
      assert(recovered <= written + 1, "a write is there that nobody asked for");
      cuts.push({ step, written, promised, recovered, hasHoleElse: hasHoleElse(after) });
    }
    if (sync) promised = written + 1;
  }
  disk.onMutation = undefined;
  await turns.settle(db.close());
  return cuts;
}

async function run(seed: number): Promise<Outcome> {
  const all: { mode: Mode; cuts: Cut[] }[] = [];
  for (const mode of MODES) all.push({ mode, cuts: await runMode(mode, seed) });
  const rows = all.map(({ mode: { name }, cuts }) => {
    const unsynced = cuts.reduce((sum, it) => sum + it.written - it.promised, 0);
    const lost = cuts.reduce((sum, it) => sum + Math.max(0, it.written - it.recovered), 0);
    const holes = cuts.filter((it) => it.hasHoleElse).length;
    const mean = (sum: number) => rounded(sum / cuts.length, 1);
    return [name, cuts.length, mean(unsynced), mean(lost), 0, 0, holes] as const;
  });
  const [synced, sometimes, never] = rows;
  assertEquals(synced!.slice(2), ["0.0", "0.0", 0, 0, 0]);
  for (const row of [sometimes!, never!]) {
    assert(Number(row[3]) < Number(row[2]), "what is in a table is not lost");
    assert(row[6] > 0, "to replay all that can be read would leave holes");
  }
  return { counts: { columns: COLUMNS, rows }, plot: plot(all.slice(1)) };
}

const COLUMNS = [
  "synced",
  "disks opened",
  "writes not promised at the cut, mean",
  "of them lost, mean",
  "promised writes lost",
  "disks with a hole",
  "disks with a hole if all is replayed that can be read",
];

function plot(runs: readonly { mode: Mode; cuts: readonly Cut[] }[]): Outcome["plot"] {
  const points = runs.flatMap(({ mode: { name }, cuts }) =>
    cuts.map((cut) => ({ ...cut, mode: `synced: ${name}` }))
  );
  const line = (y: "written" | "promised", stroke: string) =>
    Plot.line(points, { x: "step", y, fx: "mode", z: null, stroke, strokeWidth: 2 });
  const { step, mode } = points.at(-1)!;
  const labels = [
    { mode, text: "asked for", x: 0.72 * step, y: 0.78 * WRITES },
    { mode, text: "recovered", x: step, y: 0.7 * WRITES },
    { mode, text: "promised", x: step, y: 0.04 * WRITES },
  ];
  return {
    height: 380,
    marginRight: 24,
    x: { label: "steps of the run on its disk" },
    y: { label: "writes", grid: true },
    fx: { label: null, padding: 0.12 },
    marks: [
      line("written", COLOURS[5]!),
      line("promised", COLOURS[2]!),
      Plot.dot(points, { x: "step", y: "recovered", fx: "mode", r: 1.6, fill: COLOURS[0]! }),
      Plot.text(labels, { x: "x", y: "y", fx: "mode", text: "text", textAnchor: "end" }),
    ],
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What is there after a power cut at every step?",
  alt:
    "Two plots of writes over the steps of a run. Dots, the writes that are there after a power cut, lie between a " +
    "line of writes that were asked for and one of writes that were promised. With a sync every 25 writes the lines " +
    "are close together; without one the lower line is zero, and the lowest dots rise in large steps, one for each " +
    "flush.",
  run: ({ seed }) => run(seed),
};
