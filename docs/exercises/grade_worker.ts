/**
 * **What.** The worker that runs the cases of an exercise on what a reader wrote.
 *
 * **Invariants.**
 * 1. It answers once for each case, in order, unless what it runs does not come to an end.
 *
 * **Read next.** `run.ts`
 *
 * @module
 */
import { type Grade, gradeCase, loadExercise, type Question } from "./grade.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Question>) => void;
  postMessage(grade: Grade): void;
};

scope.onmessage = async ({ data: { chapter, kind, subject } }) => {
  const exercise = await loadExercise(chapter, kind);
  let module: unknown;
  let problem: string | undefined;
  try {
    module = await import(subject);
  } catch (error) {
    problem = String(error);
  }
  for (const [index, { name }] of exercise.cases.entries()) {
    scope.postMessage(
      problem === undefined ? await gradeCase(exercise, index, module) : { name, error: problem },
    );
  }
};
