/**
 * **What.** Random numbers that come out the same for the same seed: for the disk that fails on purpose, for tests
 * and for benchmarks. Nothing that must be hard to guess may use them.
 *
 * **Invariants.**
 * 1. Same seed, same numbers, whatever the machine.
 *
 * **Read next.** `coding.ts`
 *
 * @module
 */

/** Draws a whole number from 0 up to, not including, its argument. */
export type Random = (below: number) => number;

/**
 * Makes a generator (mulberry32: 32 bits of state, so it repeats after 2³² numbers).
 *
 * @example A die that always falls the same
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { generator } from "./random.ts";
 *
 * const one = generator(7);
 * const other = generator(7);
 * assertEquals([one(6), one(6), one(6)], [other(6), other(6), other(6)]);
 * ```
 *
 * @param seed Any whole number; of a large one the low 32 bits.
 * @returns A function that gives a whole number from 0 up to, not including, its argument.
 */
export function generator(seed: number): Random {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}
