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
import { assert, assertEquals } from "@std/assert";
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
  /** Whether what is missing afterwards was promised to nobody, since no sync had returned. */
  readonly isCrash: boolean;
  /** Damages a log. */
  apply(log: Uint8Array, random: Random): Uint8Array;
}

const DAMAGES: readonly Damage[] = [
  {
    name: "the end is cut off",
    isCrash: true,
    apply: (log, random) => log.slice(0, random(log.length)),
  },
  {
    name: "a bit is flipped",
    isCrash: false,
    apply(log, random) {
      const damaged = log.slice();
      damaged[random(log.length)]! ^= 1 << random(8);
      return damaged;
    },
  },
  {
    name: "a sector is zero",
    isCrash: false,
    apply(log, random) {
      const damaged = log.slice();
      const sector = random(Math.floor(log.length / 512));
      damaged.fill(0, sector * 512, (sector + 1) * 512);
      return damaged;
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
  const ends: number[] = [];
  for (let i = 0; i < RECORDS; i++) {
    const record = new Uint8Array(20 + random(400)).fill(1 + random(255));
    writer.add(record, 0, record.length);
    ends.push(disk.size("log"));
  }
  const log = readFile(disk, "log");
  const rows = DAMAGES.map(({ name, isCrash, apply }) => {
    let lost = 0;
    let silent = 0;
    let reported = 0;
    for (let i = 0; i < TRIES; i++) {
      const damaged = apply(log, random);
      const { records, isReported } = read(damaged);
      const whole = isCrash ? ends.filter((end) => end <= damaged.length).length : RECORDS;
      lost += whole - records; // to stop at the first bad record, and say nothing
      if (isReported) reported++;
      else silent += whole - records;
    }
    return [name, TRIES, reported, lost, silent] as const;
  });
  const [cut, flipped, zeroed] = rows;
  assertEquals(cut!.slice(2), [0, 0, 0], "a crash is no damage");
  // Only what hits the last record, or behind it, can be taken for a torn tail.
  const fewest = TRIES * 0.95;
  for (const [name, logs, reports, naive, careful] of [flipped!, zeroed!]) {
    assert(reports > fewest, `${name}: ${reports} reported`);
    // The damage is anywhere, so half of the records are behind it on average.
    assert(Math.abs(naive / (logs * RECORDS) - 0.5) < 0.1, `${name}: ${naive} lost`);
    assert(careful < naive / 100, `${name}: ${careful} lost`);
  }
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
      marginRight: 140,
      x: { label: "records lost without a word, per damaged log", grid: true },
      y: { axis: null },
      fy: { axis: "left", label: null, domain: DAMAGES.map(({ name }) => name) },
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
