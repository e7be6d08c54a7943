/**
 * **What.** What an exercise is, of three kinds. _Build it_ and _tune it_ have a stub that a reader completes, and
 * cases that it has to pass; our own component, in the same shape, passes them. _Break it_ has a planted bug, and a
 * reader has to say which test finds it.
 *
 * **Format.**
 * ```text
 * docs/exercises/03_the_log/build.ts         the stub; a reader works on a copy, data/course/03_the_log/build.ts
 * docs/exercises/03_the_log/build_check.ts   exports `exercise`: the cases, and our own component
 * docs/exercises/03_the_log/tune.ts, tune_check.ts       alike
 * docs/exercises/03_the_log/break.ts         exports `bug`: the name of a bug in tests/fixtures/planted_bugs.ts
 * ```
 * A stub imports from `../../../lib/`, which leads to the same files from where the copy is.
 *
 * **Invariants.**
 * 1. Every case fails on the stub and passes on our own: a test sees to both.
 *
 * **Read next.** `grade.ts`
 *
 * @module
 */

/** The kinds of exercises. */
export const KINDS = ["build", "break", "tune"] as const;

/** A kind of exercise. */
export type Kind = typeof KINDS[number];

/** Something that must be so of what a reader wrote. */
export interface Case<Subject> {
  /** What, as a sentence about it. */
  readonly name: string;
  /** Throws if it is not so, with a message that says what was expected. */
  run(subject: Subject): void | Promise<void>;
}

/** An exercise with a stub: what a file `build_check.ts` or `tune_check.ts` exports as `exercise`. */
export interface Exercise<Subject> {
  /** What is to be built, or which target is to be met, in a few words. */
  readonly title: string;
  /** Our own component, with the exports of the stub. */
  readonly own: Subject;
  /** From the simplest to the hardest: a reader sees the first that fails. */
  readonly cases: readonly Case<Subject>[];
}

/** What a stub throws until there is something in its place. */
export class NotBuiltError extends Error {
  override name = "NotBuiltError";

  /** Names what is missing, such as `"readRecords"`. */
  constructor(what: string) {
    super(`${what} is not built yet`);
  }
}
