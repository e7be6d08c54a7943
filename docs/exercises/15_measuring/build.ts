/**
 * **What.** Build it: the three calculations that keep one from fooling oneself with times.
 *
 * **Invariants.**
 * 1. None of them changes the arrays that it is given.
 *
 * **Read next.** `../../15_measuring.md`
 *
 * @module
 */
// deno-lint-ignore-file no-unused-vars -- until you use them
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

/**
 * A percentile: the smallest of some values that so large a part of all of them is not above.
 *
 * @param values The values, in any order; at least one.
 * @param part Above 0, up to 1: 0.5 is the median.
 * @returns One of the values, never something between two.
 */
export function percentile(values: readonly number[], part: number): number {
  throw new NotBuiltError("percentile");
}

/**
 * How long callers wait who come at regular intervals, the first at time 0, whether the one before is served or not.
 * One is served at a time, in the order in which they come.
 *
 * @param serviceTimes How long serving each of them takes by itself.
 * @param interval From the arrival of one to that of the next.
 * @returns For each, the time from its arrival to the end of its service.
 */
export function responseTimes(serviceTimes: readonly number[], interval: number): number[] {
  throw new NotBuiltError("responseTimes");
}

/**
 * How many times as fast a change has made something, from runs of both that took turns.
 *
 * @param before Times of the runs without the change; at least one.
 * @param after Times of the runs with it.
 * @returns The median before over the median after; `undefined` if the ranges of both overlap, so that the machine's
 * moods may be all that there is to it. The median of an even count is the mean of the two in the middle.
 */
export function speedup(before: readonly number[], after: readonly number[]): number | undefined {
  throw new NotBuiltError("speedup");
}
