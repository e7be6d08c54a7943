/**
 * **What.** Runs the cases of an exercise on what a reader wrote, on the stub, or on our own component. What a reader
 * wrote is run in a worker, which can be stopped if it does not come to an end.
 *
 * **Invariants.**
 * 1. A case that has not ended after {@linkcode CASE_MS_MAX} has failed, also if it never lets go of its thread.
 *
 * **Read next.** `run.ts`
 *
 * @module
 */
import type { Exercise } from "./exercise.ts";

/** How long a case may take. */
export const CASE_MS_MAX = 20_000;

/** What became of a case. */
export interface Grade {
  /** Its name. */
  readonly name: string;
  /** Why it failed; `undefined` if it passed. */
  readonly error?: string;
}

/**
 * Loads an exercise.
 *
 * @param chapter Such as `03_the_log`.
 * @param kind One with cases.
 */
export async function loadExercise(
  chapter: string,
  kind: "build" | "tune",
): Promise<Exercise<unknown>> {
  const module = await import(`./${chapter}/${kind}_check.ts`) as { exercise: Exercise<unknown> };
  return module.exercise;
}

/** Runs one case. */
export async function gradeCase(
  exercise: Exercise<unknown>,
  index: number,
  subject: unknown,
): Promise<Grade> {
  const { name, run } = exercise.cases[index]!;
  try {
    await run(subject);
    return { name };
  } catch (error) {
    return { name, error: error instanceof Error ? error.message : String(error) };
  }
}

/** What the worker is asked. */
export interface Question {
  /** Such as `03_the_log`. */
  readonly chapter: string;
  /** One with cases. */
  readonly kind: "build" | "tune";
  /** The module that a reader wrote, as a URL. */
  readonly subject: string;
}

/**
 * Runs all cases on a module, in a worker.
 *
 * @param chapter Such as `03_the_log`.
 * @param kind One with cases.
 * @param subject The module's URL.
 * @returns What became of the cases, in order.
 */
export async function gradeModule(
  chapter: string,
  kind: "build" | "tune",
  subject: string,
): Promise<Grade[]> {
  const { cases } = await loadExercise(chapter, kind);
  const grades: Grade[] = [];
  const worker = new Worker(new URL("grade_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => resolve(`no end after ${CASE_MS_MAX / 1000} seconds`), CASE_MS_MAX);
  };
  worker.onmessage = ({ data }: MessageEvent<Grade>) => {
    grades.push(data);
    if (grades.length === cases.length) resolve(undefined);
    else wait();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    resolve(event.message);
  };
  wait();
  worker.postMessage({ chapter, kind, subject } satisfies Question);
  const problem = await promise;
  clearTimeout(timer);
  worker.terminate();
  return cases.map(({ name }, i) =>
    grades[i] ?? { name, error: i === grades.length ? problem! : "not run" }
  );
}
