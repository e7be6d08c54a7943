/**
 * **What.** What an experiment is: a question, and a run that answers it with a table and a plot. Each chapter has one,
 * in a file beside this one that exports it as `experiment`; `deno task experiment 03` runs it.
 *
 * **Invariants.**
 * 1. Same seed, same counts, whatever the machine: the table and the plot of the default seed are in the chapter, and a
 *    test runs the experiment to see that they still come out. Times are for who runs it, and decide nothing.
 * 2. What a chapter claims of the counts, the run asserts.
 *
 * **Read next.** `plot.ts`
 *
 * @module
 */
import type { PlotOptions } from "./plot.ts";

/** The seed of what the chapters show. */
export const DEFAULT_SEED = 1;

/** A table: names of columns, with their units, and rows of as many cells. */
export interface Table {
  /** The names. */
  readonly columns: readonly string[];
  /** The cells. */
  readonly rows: readonly (readonly (string | number)[])[];
}

/** How an experiment is to be run. */
export interface RunOptions {
  /** Where its random numbers begin. */
  readonly seed: number;
  /** Whether times are wanted, too: without, a run does only what it needs for its counts. */
  readonly withTimes: boolean;
}

/** What came out. */
export interface Outcome {
  /** Counts: bytes, blocks, comparisons, records. */
  readonly counts: Table;
  /** The same as a picture. */
  readonly plot: PlotOptions;
  /** What was measured on this machine, now. */
  readonly times?: Table;
}

/** An experiment. */
export interface Experiment {
  /** The question. */
  readonly title: string;
  /** What is to be seen in the plot, for who cannot see it. */
  readonly alt: string;
  /** Answers the question, within a minute, and its counts within a few seconds. */
  run(options: RunOptions): Outcome | Promise<Outcome>;
}

/** A number with so many digits after the point, and no `-0`. */
export function rounded(value: number, digits: number): string {
  return (Math.round(value * 10 ** digits) / 10 ** digits + 0).toFixed(digits);
}

/** The middle of some measurements. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
