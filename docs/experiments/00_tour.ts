/**
 * **What.** The experiment of the tour: a program that writes is killed, or its machine loses its power, at a random
 * moment, with writes that are synced and with writes that are not. What that was acknowledged is gone?
 *
 * **Invariants.**
 * 1. A kill leaves what the operating system had, a power cut what `SimulatedFileSystem` says that it may leave.
 *
 * **Read next.** `../00_tour.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { generator } from "../../lib/random.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { type FileSystem, MemoryFileSystem, open } from "../../mod.ts";
import type { Experiment, Outcome } from "./experiment.ts";
import { Plot } from "./plot.ts";

/** The most that a program writes before it ends. */
const PUTS = 400;
const RUNS = 100;

/** The disk that another process finds after this one was killed: all that was written, synced or not. */
function afterKill(disk: SimulatedFileSystem): FileSystem {
  const left = new MemoryFileSystem();
  left.makeDirectory("db");
  for (const name of disk.list("db")) left.writeAll(`db/${name}`, disk.readAll(`db/${name}`));
  return left;
}

/** Writes, comes to a sudden end, and counts what was acknowledged, what is gone, and whether that is a tail. */
async function tryOnce(sync: boolean, isKill: boolean, seed: number) {
  const puts = 1 + generator(seed)(PUTS);
  const disk = new SimulatedFileSystem({ seed });
  await using db = await open("db", { fileSystem: disk, worker: false, memtableBytes: 65536 });
  for (let i = 0; i < puts; i++) db.putSync(`layer ${i}`, "clay".repeat(50), { sync });
  const fileSystem = isKill ? afterKill(disk) : disk.crash(seed);
  await using left = await open("db", { fileSystem, worker: false });
  let lost = 0;
  let hasHole = false;
  for (let i = 0; i < puts; i++) {
    const isThere = left.hasSync(`layer ${i}`);
    if (!isThere) lost++;
    if (isThere && lost > 0) hasHole = true;
  }
  return { puts, lost, hasHole };
}

async function run(seed: number): Promise<Outcome> {
  const rows: (string | number)[][] = [];
  for (const sync of [true, false]) {
    for (const isKill of [true, false]) {
      let acknowledged = 0;
      let lost = 0;
      let holes = 0;
      for (let i = 0; i < RUNS; i++) {
        const one = await tryOnce(sync, isKill, seed * 1000 + i);
        acknowledged += one.puts;
        lost += one.lost;
        if (one.hasHole) holes++;
      }
      const writes = sync ? "sync: true" : "sync: false";
      rows.push([writes, isKill ? "kill" : "power cut", RUNS, acknowledged, lost, holes]);
    }
  }
  assertEquals(rows.slice(0, 3).map((row) => row[4]), [0, 0, 0], "only one of the four loses any");
  assertEquals(rows.map((row) => row[5]), [0, 0, 0, 0], "and what it loses is a tail");
  const bars = rows.map(([writes, end, , acknowledged, lost]) => ({
    name: `${writes}, ${end}`,
    percent: 100 * Number(lost) / Number(acknowledged),
  }));
  const text = ({ percent }: typeof bars[number]) => `${percent.toFixed(1)} %`;
  return {
    counts: {
      columns: ["writes", "the end", "runs", "acknowledged", "of these lost", "runs with a hole"],
      rows,
    },
    plot: {
      height: 240,
      marginLeft: 170,
      x: { label: "acknowledged writes lost, %", grid: true, domain: [0, 100] },
      y: { label: null, domain: bars.map(({ name }) => name) },
      marks: [
        Plot.barX(bars, { x: "percent", y: "name", fill: "#3b7dd8" }),
        Plot.text(bars, { x: "percent", y: "name", text, textAnchor: "start", dx: 6 }),
        Plot.ruleX([0]),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What of the writes that were acknowledged does a sudden end take away?",
  alt:
    "Four bars. Synced writes lose nothing by a kill or a power cut, writes that are not synced lose nothing by a " +
    "kill; by a power cut they lose a large part.",
  run: ({ seed }) => run(seed),
};
