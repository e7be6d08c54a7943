/**
 * **What.** An assertion for our own mistakes: it fails only when this code has a bug. Data that came
 * from a disk or from a caller is never checked with it; that is what `errors.ts` is for.
 *
 * **Invariants.**
 * 1. A failed invariant throws before anything is written with the bad value.
 *
 * **Read next.** `errors.ts`
 *
 * @module
 */

/**
 * Throws if `condition` is false. `why` says what must hold, not what went wrong.
 *
 * @example A condition that must hold
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { invariant } from "./invariant.ts";
 *
 * invariant(1 < 2, "one is less than two");
 * assertThrows(() => invariant(2 < 1, "numbers are ordered"), Error, "numbers are ordered");
 * ```
 *
 * @param condition What must be true.
 * @param why What must hold, as a sentence fragment.
 * @throws {Error} If the condition is false, which means that this library has a bug.
 */
export function invariant(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken, which is a bug in this library: ${why}`);
}
