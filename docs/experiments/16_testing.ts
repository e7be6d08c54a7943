/**
 * **What.** The experiment of chapter 16: disks that break a promise, with faults that show at some moments only.
 * How many power cuts does it take until it is found: at moments chosen by chance, and at every moment in turn?
 *
 * **Invariants.**
 * 1. Both ways of choosing look at crashes of one run.
 *
 * **Read next.** `../16_testing.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator, type Random } from "../../lib/random.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { FAULTY_DISKS, runOn } from "./16_faulty_disks.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { Plot } from "./plot.ts";

const PUTS = 6;
/** Ways to crash at each moment, of which the first two are special: everything is lost, everything is kept. */
const SEEDS = 102;
const EXTREMES = 2;
/** How often a fault is searched for. */
const SEARCHES = 5000;

/** What a search can come upon: for each moment whether each of its crashes shows the fault. */
type Crashes = readonly (readonly boolean[])[];

/** Crashes a run on a disk at every moment. */
async function crashesOn(Disk: typeof SimulatedFileSystem, seed: number): Promise<Crashes> {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i < EXTREMES ? i : seed * SEEDS + i);
  const { points, crashes } = await runOn(Disk, PUTS, () => seeds);
  return points.map((_, point) =>
    crashes.filter((crash) => crash.point === point).map(({ problem }) => problem !== undefined)
  );
}

/** Cuts the power at moments chosen by chance, and leaves what chance leaves, until the fault shows. */
function searchByChance(crashes: Crashes, random: Random): number {
  for (let cuts = 1;; cuts++) {
    const ways = crashes[random(crashes.length)]!;
    if (ways[EXTREMES + random(SEEDS - EXTREMES)]) return cuts;
  }
}

/** Cuts it twice at every moment, and leaves nothing, then everything. Which moment comes first is up to chance. */
function searchExtremes(crashes: Crashes, random: Random): number {
  const order = crashes.map((_, point) => point);
  for (let cuts = 0; order.length > 0; cuts += EXTREMES) {
    const [point] = order.splice(random(order.length), 1);
    const found = crashes[point!]!.slice(0, EXTREMES).indexOf(true);
    if (found >= 0) return cuts + found + 1;
  }
  throw new Error("no extreme shows the fault");
}

/** How many cuts searches take: on average, and all but the worst one of a hundred. */
function cost(search: () => number): { mean: number; worst: number } {
  const cuts = Array.from({ length: SEARCHES }, search).sort((a, b) => a - b);
  const mean = cuts.reduce((sum, each) => sum + each, 0) / SEARCHES;
  return { mean, worst: cuts[Math.floor(SEARCHES * 0.99)]! };
}

async function run(seed: number): Promise<Outcome> {
  const random = generator(seed);
  const sound = await crashesOn(SimulatedFileSystem, seed);
  assertEquals(sound.flat().filter((isFault) => isFault), [], "a sound disk has no fault");
  const rows: (string | number)[][] = [];
  const dots: { name: string; way: string; mean: number; worst: number }[] = [];
  for (const { name, Disk } of FAULTY_DISKS) {
    const crashes = await crashesOn(Disk, seed);
    const drawn = crashes.flatMap((ways) => ways.slice(EXTREMES));
    const share = drawn.filter((isFault) => isFault).length / drawn.length;
    const moments = crashes.filter((each) => each.includes(true)).length;
    const chance = cost(() => searchByChance(crashes, random));
    const every = cost(() => searchExtremes(crashes, random));
    rows.push([
      name,
      `${moments} of ${crashes.length}`,
      crashes.at(-1)!.includes(true) ? "yes" : "no",
      rounded(1 / share, 1),
      rounded(chance.mean, 1),
      chance.worst,
      rounded(every.mean, 1),
      every.worst,
    ]);
    dots.push({ name, way: "by chance", ...chance }, { name, way: "every moment twice", ...every });
    const ratio = chance.mean * share;
    assert(ratio > 0.92 && ratio < 1.08, `${name}: ${ratio} times 1/p`);
    assert(every.worst <= EXTREMES * crashes.length, `${name}: after all moments it is found`);
    if (crashes.at(-1)!.includes(true)) {
      assert(
        chance.mean < 4 && moments >= crashes.length / 2,
        `${name}: half of all moments show it`,
      );
      continue;
    }
    const escaped = chance.worst / (Math.log(0.01) / Math.log(1 - share));
    assert(escaped > 0.85 && escaped < 1.15, `${name}: ${escaped} times what all but 1 % need`);
    assert(every.worst < chance.worst, `${name}: going through all has an end`);
    if (chance.mean > 50) assert(every.worst < 0.75 * chance.worst, `${name}: at half the cuts`);
  }
  assertEquals(rows.map((row) => row[2]), ["yes", "yes", "yes", "no", "no"], "shows at the end");
  const means = dots.filter(({ way }) => way === "by chance").map(({ mean }) => mean);
  assert(means.at(-1)! > 20 * means[0]!, "faults are not equally easy to find");
  const text = ({ way, mean, worst }: typeof dots[number]) =>
    `${way}: ${rounded(mean, 1)}; ${worst}`;
  return {
    counts: {
      columns: [
        "a disk on which",
        "moments that show it",
        "shows at the end",
        "cuts expected: 1/p",
        "by chance",
        "99 % within",
        "every moment twice",
        "99 % of these within",
      ],
      rows,
    },
    plot: {
      height: 380,
      marginTop: 20,
      marginLeft: 232,
      marginRight: 30,
      x: {
        label: "power cuts until the fault is found: on average (dot); in 99 of 100 searches (bar)",
        labelAnchor: "center",
        labelArrow: "none",
        type: "log",
        // Room for what stands behind the bars.
        domain: [1, 3000],
        ticks: [1, 3, 10, 30, 100, 300],
        tickFormat: "d",
        grid: true,
      },
      y: { axis: null },
      fy: { axis: "left", label: null, domain: FAULTY_DISKS.map(({ name }) => name) },
      marks: [
        Plot.ruleY(dots, { x1: "mean", x2: "worst", y: "way", fy: "name", stroke: "way" }),
        Plot.dot(dots, { x: "mean", y: "way", fy: "name", fill: "way", r: 5 }),
        Plot.tickX(dots, { x: "worst", y: "way", fy: "name", stroke: "way" }),
        Plot.text(dots, { x: "worst", y: "way", fy: "name", text, textAnchor: "start", dx: 6 }),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How many power cuts does it take to find a fault?",
  alt:
    "For five faulty disks, the power cuts until the fault is found, on average and in 99 of 100 searches. A sync " +
    "that is never made is found by the second or third cut. A rename that is not atomic takes dozens, and by chance " +
    "sometimes three hundred; if every moment has its turn, half of that.",
  run: ({ seed }) => run(seed),
};
