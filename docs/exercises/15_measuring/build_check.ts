/**
 * **What.** What calculations with times have to pass, and ours.
 *
 * **Invariants.**
 * 1. All expected values were worked out by hand.
 *
 * **Read next.** `../../experiments/15_measuring.ts`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { percentile, responseTimes } from "../../experiments/15_measuring.ts";
import { median } from "../../experiments/experiment.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");

const cases: Case<Subject>[] = [
  {
    name: "finds the percentiles of values in any order, and leaves them in it",
    run({ percentile }) {
      const values = [30, 10, 50, 20, 40];
      assertEquals([0.2, 0.5, 0.8, 1].map((part) => percentile(values, part)), [10, 30, 40, 50]);
      assertEquals(values, [30, 10, 50, 20, 40], "the array that was given");
    },
  },
  {
    name: "sorts numbers as numbers",
    run({ percentile }) {
      assertEquals(percentile([9, 10, 100], 0.5), 10);
    },
  },
  {
    name: "gives the largest of few values for a high percentile, and one of them for each",
    run({ percentile }) {
      assertEquals(percentile([1, 2, 3], 0.99), 3, "99 % of three values");
      assertEquals(percentile([1, 2], 0.5), 1, "half of two values is not above the first");
      assertEquals(percentile([7], 0.001), 7);
      assertEquals(percentile([1, 2, 3, 4, 5], 0.25), 2, "one of five is only 20 %");
    },
  },
  {
    name: "adds no wait where each is done before the next one comes",
    run: ({ responseTimes }) => assertEquals(responseTimes([3, 5, 2], 5), [3, 5, 2]),
  },
  {
    name: "makes those wait who come while a slow one is served",
    run({ responseTimes }) {
      // The second is there from 10 to 35; the next come at 20 and 30 and 40, and are served at 35, 36 and 40.
      assertEquals(responseTimes([1, 25, 1, 1, 1], 10), [1, 25, 16, 7, 1]);
    },
  },
  {
    name: "lets a queue grow without end that is served more slowly than it is joined",
    run: ({ responseTimes }) => assertEquals(responseTimes([3, 3, 3, 3], 1), [3, 5, 7, 9]),
  },
  {
    name: "compares medians, not means or the best of each",
    run({ speedup }) {
      assertEquals(speedup([20, 22, 100], [10, 11, 12]), 2, "one slow run changes no median");
      const runs = [30, 20, 25];
      speedup(runs, [10]);
      assertEquals(runs, [30, 20, 25], "the array that was given");
      assertEquals(speedup([30, 50], [10, 30 - 1]), 40 / 19.5, "two runs: the mean of both");
    },
  },
  {
    name: "finds no difference where the ranges overlap, or touch",
    run({ speedup }) {
      assertEquals(speedup([20, 22, 24], [10, 11, 21]), undefined);
      assertEquals(speedup([20, 22], [10, 20]), undefined);
      assertEquals(speedup([10, 11], [20, 22]), 10.5 / 21, "slower is a difference, too");
    },
  },
];

/** Compares two lists of times. */
function speedup(before: readonly number[], after: readonly number[]): number | undefined {
  const overlap = Math.min(...before) <= Math.max(...after) &&
    Math.min(...after) <= Math.max(...before);
  return overlap ? undefined : median(before) / median(after);
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "percentiles, waiting times and a comparison that do not flatter",
  own: { percentile, responseTimes, speedup },
  cases,
};
