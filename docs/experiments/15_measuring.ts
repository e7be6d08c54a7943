/**
 * **What.** The experiment of chapter 15: the same puts, timed in two ways. Times are counted, not measured: a put
 * takes a microsecond, and a nanosecond for each byte that the disk is given during it. Without a worker a few puts do
 * the flushes and compactions that the others have made necessary.
 *
 * **Invariants.**
 * 1. The bytes are those that the engine gave to its disk.
 *
 * **Read next.** `../15_measuring.md`
 *
 * @module
 */
import { assert } from "@std/assert";
import { generator } from "../../lib/random.ts";
import { CountingDisk } from "../../bench/amplification.ts";
import { bytes, open } from "../../mod.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { COLOURS, Plot, type PlotOptions } from "./plot.ts";

const PUTS = 30_000;
const PUT_NS = 1000;
const BYTE_NS = 1;
/** From one caller to the next, where they do not wait for each other. */
const INTERVAL_NS = 1500;
/** Who takes longer than this has waited for others. */
const LONG_NS = 100_000;
const MEMTABLE_BYTES = 65_536;
const PARTS = [0.5, 0.9, 0.99, 0.999, 0.9999, 1];

/**
 * The time that each of some puts of random keys takes by itself, in nanoseconds, and how many compactions were done
 * meanwhile. Every value is another one, half of it zeros: a block compresses to about half.
 */
async function serviceTimes(seed: number, puts: number, memtableBytes: number) {
  const disk = new CountingDisk();
  const options = { key: bytes, value: bytes, sync: false, worker: false, memtableBytes };
  await using db = await open<Uint8Array, Uint8Array>("db", { ...options, fileSystem: disk });
  const random = generator(seed);
  const times = Array.from({ length: puts }, () => {
    const value = Uint8Array.from({ length: 100 }, (_, i) => i < 50 ? random(256) : 0);
    const before = disk.writtenBytes;
    db.putSync(new TextEncoder().encode(String(random(1e9)).padStart(16, "0")), value);
    return PUT_NS + BYTE_NS * (disk.writtenBytes - before);
  });
  return { times, compactions: db.stats().background.compactions };
}

/**
 * A percentile: the smallest of some values that so large a part of all of them is not above.
 *
 * @param values The values, in any order; at least one.
 * @param part Above 0, up to 1.
 * @returns One of the values.
 */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(part * sorted.length) - 1]!;
}

/**
 * How long callers wait who come at regular intervals, whether the one before is served or not.
 *
 * @param serviceTimes How long serving each of them takes by itself.
 * @param interval From the arrival of one to that of the next.
 * @returns How long each of them is there: until its turn comes, and until it is served.
 */
export function responseTimes(serviceTimes: readonly number[], interval: number): number[] {
  let free = 0;
  return serviceTimes.map((time, i) => {
    const arrival = i * interval;
    free = Math.max(free, arrival) + time;
    return free - arrival;
  });
}

/** A percentile of both, in microseconds. */
interface Row {
  readonly part: number;
  readonly service: number;
  readonly response: number;
}

const LABELS = { service: "one after another", response: `one every ${INTERVAL_NS / 1000} µs` };

function plot(rows: readonly Row[]): PlotOptions {
  const nines = ({ part }: Row) => part === 1 ? Math.log10(PUTS) : -Math.log10(1 - part);
  const curve = (of: "service" | "response", stroke: string) =>
    Plot.line(rows, { x: nines, y: of, stroke, marker: "circle" });
  const label = (of: "service" | "response", part: number, options: object) =>
    Plot.text(rows.filter((row) => row.part === part), {
      x: nines,
      y: of,
      text: () => LABELS[of],
      ...options,
    });
  return {
    marginRight: 30,
    x: {
      label: "part of all puts",
      ticks: rows.map(nines),
      tickFormat: (at: number) => at > 4.2 ? "all" : `${Math.round(1e4 * (1 - 10 ** -at)) / 100} %`,
    },
    y: { type: "log", label: "takes at most, µs", grid: true },
    marks: [
      curve("service", COLOURS[1]!),
      curve("response", COLOURS[0]!),
      label("service", 0.9999, { dy: 22 }),
      label("response", 0.9, { dx: 12, dy: 12, textAnchor: "start" }),
    ],
  };
}

async function run(seed: number): Promise<Outcome> {
  const { times: service } = await serviceTimes(seed, PUTS, MEMTABLE_BYTES);
  const response = responseTimes(service, INTERVAL_NS);
  const longOnes = (times: readonly number[]) => times.filter((time) => time > LONG_NS).length;
  const rows = PARTS.map((part) => ({
    part,
    service: percentile(service, part) / 1000,
    response: percentile(response, part) / 1000,
  }));
  const mean = (values: number[]) => values.reduce((sum, time) => sum + time) / PUTS / 1000;
  assert(mean(service) * 1000 < INTERVAL_NS, "on average a put is done before the next one comes");
  const ninetyNine = rows.find(({ part }) => part === 0.99)!;
  assert(ninetyNine.service < 2, "99 puts of 100 are quick by themselves");
  assert(ninetyNine.response > 50 * ninetyNine.service, "and have to wait for others all the same");
  const waiting = longOnes(response) / PUTS;
  assert(longOnes(service) === 1, "one put does the compaction");
  assert(waiting > 1 / 8 && waiting < 1 / 7, "one caller in seven or eight waits long for it");
  const large = async (puts: number) => await serviceTimes(seed, puts, 4 * MEMTABLE_BYTES);
  assert((await large(PUTS)).compactions === 0, "with large memtables the bill does not come");
  assert((await large(2 * PUTS)).compactions > 0, "until twice as many have been put");
  const cells = (
    name: string,
    ...times: number[]
  ) => [name, ...times.map((time) => `${rounded(time, 2)} µs`)];
  return {
    counts: {
      columns: ["so many puts", `take at most, ${LABELS.service}`, LABELS.response],
      rows: [
        cells("on average", mean(service), mean(response)),
        ...rows.map(({ part, service, response }) =>
          cells(part === 1 ? "all" : `${Math.round(1e4 * part) / 100} %`, service, response)
        ),
        [
          `more than ${LONG_NS / 1000} µs`,
          ...[service, response].map((times) => `${longOnes(times)} of ${PUTS}`),
        ],
      ],
    },
    plot: plot(rows),
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How long does a put take, and how long does who wants to put have to wait?",
  alt:
    "Two curves of percentiles on a logarithmic axis. Timed one after another, puts take a microsecond up to the " +
    "99th percentile, then rise to more than a millisecond. Of puts that come at regular intervals the median is " +
    "short, too, but the 90th percentile is hundreds of microseconds, and the 99th near the longest.",
  run: ({ seed }) => run(seed),
};
