/**
 * **What.** The experiment of chapter 3: a log is damaged in three ways, at many places, and read by two rules. How
 * many records that somebody was promised are lost without a word?
 *
 * **Invariants.**
 * 1. Every damage is tried on a copy of the same log.
 *
 * **Read next.** `../03_the_log.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { CorruptionError } from "../../lib/errors.ts";
import { readFile } from "../../lib/file_system.ts";
import { LogReader, LogWriter } from "../../lib/log.ts";
import { generator, type Random } from "../../lib/random.ts";
import { MemoryFileSystem } from "../../mod.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { Plot } from "./plot.ts";

const RECORDS = 200;
const TRIES = 300;

interface Damage {
  readonly name: string;
  /** Damages a log, and says how many of its bytes are as they were, from the first on. */
  apply(log: Uint8Array, random: Random): { damaged: Uint8Array; isCrash: boolean };
}

const DAMAGES: readonly Damage[] = [
  {
    name: "the end is cut off",
    apply: (log, random) => ({ damaged: log.slice(0, random(log.length)), isCrash: true }),
  },
  {
    name: "a bit is flipped",
    apply(log, random) {
      const damaged = log.slice();
      damaged[random(log.length)]! ^= 1 << random(8);
      return { damaged, isCrash: false };
    },
  },
  {
    name: "a sector is zero",
    apply(log, random) {
      const damaged = log.slice();
      const sector = random(Math.floor(log.length / 512));
      damaged.fill(0, sector * 512, (sector + 1) * 512);
      return { damaged, isCrash: false };
    },
  },
];

/** Reads a log from memory: how many records came out, and whether the reader said that there is damage. */
function read(bytes: Uint8Array): { records: number; isReported: boolean } {
  const disk = new MemoryFileSystem();
  disk.create("log").append(bytes);
  const reader = new LogReader(disk.open("log"));
  let records = 0;
  try {
    while (reader.next()) records++;
    return { records, isReported: false };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return { records, isReported: true };
  }
}

function run(seed: number): Outcome {
  const random = generator(seed);
  const disk = new MemoryFileSystem();
  const writer = new LogWriter(disk.create("log"));
  for (let i = 0; i < RECORDS; i++) {
    const record = new Uint8Array(20 + random(400)).fill(1 + random(255));
    writer.add(record, 0, record.length);
  }
  const log = readFile(disk, "log");
  const rows = DAMAGES.map(({ name, apply }) => {
    let lost = 0;
    let silent = 0;
    let reported = 0;
    for (let i = 0; i < TRIES; i++) {
      const { damaged, isCrash } = apply(log, random);
      const { records, isReported } = read(damaged);
      const promised = isCrash ? 0 : RECORDS - records;
      lost += promised; // to stop at the first bad record, and say nothing
      if (isReported) reported++;
      else silent += promised;
    }
    return [name, TRIES, reported, lost, silent] as const;
  });
  const [cut, flipped, zeroed] = rows;
  assertEquals(cut!.slice(2), [0, 0, 0], "a crash is no damage");
  // Only what hits the last record, or behind it, can be taken for a torn tail.
  const fewest = TRIES * 0.95;
  for (const row of [flipped!, zeroed!]) assertEquals(row[2] > fewest, true, row[0]);
  const bars = rows.flatMap(([name, logs, , naive, careful]) => [
    { name, rule: "stop there", lost: naive / logs },
    { name, rule: "look behind it", lost: careful / logs },
  ]);
  const text = ({ rule, lost }: typeof bars[number]) => `${rule}: ${rounded(lost, 1)}`;
  return {
    counts: {
      columns: [
        "damage",
        "logs",
        "reported as damage",
        "records lost silently: stop at the first",
        "records lost silently: look behind it",
      ],
      rows,
    },
    plot: {
      height: 300,
      marginLeft: 150,
      x: { label: "records lost without a word, per damaged log", grid: true },
      y: { axis: null },
      fy: { axis: "left", label: null },
      marks: [
        Plot.barX(bars, { x: "lost", y: "rule", fy: "name", fill: "rule" }),
        Plot.text(bars, { x: "lost", y: "rule", fy: "name", text, textAnchor: "start", dx: 6 }),
        Plot.ruleX([0]),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What does a reader lose that takes the first bad record for the end?",
  alt:
    "Bars of records lost per damaged log. A reader that stops at the first bad record loses about a hundred of two " +
    "hundred without a word; one that looks behind it loses almost none. A log that was cut loses none by either rule.",
  run: ({ seed }) => run(seed),
};
