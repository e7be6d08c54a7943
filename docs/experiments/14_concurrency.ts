/**
 * **What.** The experiment of chapter 14: callers who each await a durable write, think for a while, and write again.
 * How many of them share a sync?
 *
 * **Invariants.**
 * 1. The counts are made in virtual time, in which a sync takes a millisecond and nothing else takes any.
 * 2. Who writes when is drawn from the seed.
 *
 * **Read next.** `../14_concurrency.md`
 *
 * @module
 */
import { assert } from "@std/assert";
import { generator } from "../../lib/random.ts";
import { open } from "../../mod.ts";
import { openTimed, VirtualTime } from "./14_virtual_time.ts";
import {
  type Experiment,
  type Outcome,
  rounded,
  type RunOptions,
  type Table,
} from "./experiment.ts";
import { Plot } from "./plot.ts";

const CALLERS = [1, 2, 4, 8, 16, 32, 64];
const SYNC_MS = 1;
/** How long a caller thinks between two writes, on average. */
const THINK_MS = 2;
/** How long each number of callers is watched. */
const RUN_MS = 300;
const VALUE = "clay".repeat(25);

/** What so many callers cost. */
interface Cost {
  readonly callers: number;
  readonly writes: number;
  readonly syncs: number;
  /** Bytes of the log. */
  readonly bytes: number;
  /** How long a write waited, on average. */
  readonly waitMs: number;
}

/** Lets callers write for a while. */
async function watch(callers: number, seed: number): Promise<Cost> {
  const time = new VirtualTime();
  const { db } = openTimed(time, SYNC_MS);
  const random = generator(seed);
  let writes = 0;
  let waitedMs = 0;
  // Exponential: whoever comes does not know how long ago the others did.
  const think = () => time.sleep(-THINK_MS * Math.log((1 + random(2 ** 30)) / 2 ** 30));
  const call = async (caller: number) => {
    for (let i = 0;; i++) {
      await think();
      const start = time.now;
      if (start >= RUN_MS) return;
      await db.put(`${caller} ${i}`, VALUE);
      writes++;
      waitedMs += time.now - start;
    }
  };
  const all = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  await time.run();
  await all;
  const { writes: { syncs }, log: { bytesWritten } } = db.stats();
  await db.close();
  return { callers, writes, syncs, bytes: bytesWritten, waitMs: waitedMs / writes };
}

/**
 * How many share a sync, by calculation. While the sync of a group of g lasts, each of the other callers comes with
 * probability p, and those who come are the next group. If nobody comes, the next one to come is a group of one.
 */
function expectedGroup(callers: number): number {
  const p = 1 - Math.exp(-SYNC_MS / THINK_MS);
  let group = 1;
  for (let i = 0; i < 1000; i++) {
    const others = callers - group;
    group = (group + others * p + (1 - p) ** others) / 2; // half way, so that it does not swing
  }
  return group;
}

/** The same callers on the disk of this machine, who do not think. */
async function times(): Promise<Table> {
  const rows: (string | number)[][] = [];
  for (const callers of CALLERS) {
    const directory = Deno.makeTempDirSync();
    try {
      await using db = await open(`${directory}/db`, { worker: false });
      const start = performance.now();
      const end = start + 500;
      let writes = 0;
      const call = async (caller: number) => {
        for (let i = 0; performance.now() < end; i++, writes++) {
          await db.put(`${caller} ${i}`, VALUE);
        }
      };
      await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
      const seconds = (performance.now() - start) / 1000;
      const { syncs } = db.stats().writes;
      rows.push([
        callers,
        Math.round(writes / seconds),
        rounded(1000 * seconds / syncs, 2),
        rounded(writes / syncs, 1),
      ]);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  }
  return { columns: ["callers", "writes/s", "ms a sync", "writes a sync"], rows };
}

async function run({ seed, withTimes }: RunOptions): Promise<Outcome> {
  const costs: Cost[] = [];
  for (const callers of CALLERS) costs.push(await watch(callers, seed));
  const rows = costs.map(({ callers, writes, syncs, bytes, waitMs }) => [
    callers,
    writes,
    syncs,
    rounded(writes / syncs, 2),
    rounded(expectedGroup(callers), 2),
    Math.round(bytes / syncs),
    rounded(waitMs / SYNC_MS, 2),
  ]);
  const first = costs[0]!;
  const last = costs.at(-1)!;
  assert(first.syncs === first.writes, "who is alone has a sync of his own");
  assert(last.syncs <= RUN_MS / SYNC_MS + 2, "the disk does one sync after the other, and no more");
  assert(last.writes > 25 * first.writes, "64 callers write a good deal more than one");
  for (const { callers, writes, syncs, waitMs } of costs) {
    const ratio = writes / syncs / expectedGroup(callers);
    assert(ratio > 0.9 && ratio < 1.1, `${callers} callers: ${ratio} times what was expected`);
    if (callers < 8) continue;
    assert(syncs > 0.95 * RUN_MS / SYNC_MS, `${callers} callers keep the disk at work`);
    const waited = waitMs / SYNC_MS;
    assert(
      waited > 1.4 && waited < 1.65,
      `${callers} callers wait for a sync and a half: ${waited}`,
    );
  }
  const points = costs.map(({ callers, writes, syncs }) => ({ callers, group: writes / syncs }));
  const curve = Array.from({ length: 64 }, (_, i) => ({ x: i + 1, y: expectedGroup(i + 1) }));
  return {
    counts: {
      columns: [
        "callers",
        "writes",
        "syncs",
        "writes a sync",
        "by the formula",
        "bytes a sync",
        "wait, in syncs",
      ],
      rows,
    },
    plot: {
      height: 320,
      marginRight: 130,
      x: { label: "callers", type: "log", base: 2, grid: true, tickFormat: "d" },
      y: { label: "writes that share a sync", grid: true },
      marks: [
        Plot.line(curve, { x: "x", y: "y", stroke: "#8a8f98" }),
        Plot.dot(points, { x: "callers", y: "group", fill: "#3b7dd8", r: 5 }),
        Plot.text([curve.at(-1)!], {
          x: "x",
          y: "y",
          text: ["line: the formula"],
          textAnchor: "start",
          dx: 8,
          dy: -6,
        }),
        Plot.text([points.at(-1)!], {
          x: "callers",
          y: "group",
          text: ["dots: counted"],
          textAnchor: "start",
          dx: 8,
          dy: 10,
        }),
      ],
    },
    ...(withTimes ? { times: await times() } : {}),
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How many callers share a sync?",
  alt:
    "Writes that share a sync, over the number of callers. One caller has each sync for himself; with 64 " +
    "about 18 share one. The counts lie on the curve of the formula.",
  run,
};
