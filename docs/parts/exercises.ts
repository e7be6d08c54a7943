/**
 * **What.** Exercises, as Markdown: what is to be done and how it is started. A bug comes with the answer, folded away.
 *
 * **Invariants.**
 * 1. Which test finds a bug is what `tests/fixtures/planted_bugs.ts` says, and the planted bugs are tried in the gate.
 *
 * **Read next.** `refresh.ts`
 *
 * @module
 */
import { loadExercise } from "../exercises/grade.ts";
import { bugOf, exercisesOf } from "../exercises/run.ts";
import { loadExperiment } from "../experiments/run.ts";
import { chapters, fenced, linkFrom, table } from "./document.ts";

/** What each kind is called where it is set. */
const HEADS = { build: "Build it", break: "Break it", tune: "Tune it" } as const;

/**
 * An exercise.
 *
 * @param argument Chapter and kind, such as `03_the_log build`.
 * @param document Where it is set.
 */
export async function exerciseOf(argument: string, document: string): Promise<string> {
  const [chapter, kind] = argument.split(" ") as [string, keyof typeof HEADS];
  const number = chapter.slice(0, 2);
  const folder = `exercises/${chapter}`;
  if (kind !== "break") {
    const { title, cases } = await loadExercise(chapter, kind);
    return `**${
      HEADS[kind]
    }:** ${title}. \`deno task exercise ${number} ${kind}\` gives you a copy of ` +
      `[the stub](${folder}/${kind}.ts) and runs [${cases.length} cases](${folder}/${kind}_check.ts) on it.`;
  }
  const { name, file, from, to, caughtBy } = await bugOf(chapter);
  const lines = (sign: string, text: string) =>
    text.split("\n").map((line) => `${sign} ${line}`.trimEnd());
  return [
    `**${HEADS.break}:** ${name}. In [\`${file}\`](${linkFrom(document, file)}):`,
    fenced([...lines("-", from), ...lines("+", to)], "diff"),
    "Which test notices? Guess a file, then plant the bug in a copy and run that: " +
    `\`deno task exercise ${number} break lib/…_test.ts\`.`,
    "<details>\n<summary>Answer</summary>",
    `[\`${caughtBy.file}\`](${linkFrom(document, caughtBy.file)}), "${caughtBy.test}".`,
    "</details>",
  ].join("\n\n");
}

/** A table of all experiments and exercises, a line for each chapter. */
export async function contents(): Promise<string> {
  const rows = await Promise.all(
    chapters().map(async (chapter) => {
      const kinds = exercisesOf(chapter);
      const titleOf = async (kind: keyof typeof HEADS) =>
        !kinds.includes(kind)
          ? ""
          : kind === "break"
          ? (await bugOf(chapter)).name
          : (await loadExercise(chapter, kind)).title;
      const { title } = await loadExperiment(chapter);
      return [
        `[${Number(chapter.slice(0, 2))}](${chapter}.md)`,
        title,
        await titleOf("build"),
        await titleOf("break"),
        await titleOf("tune"),
      ];
    }),
  );
  return table(["", "Experiment", HEADS.build, HEADS.break, HEADS.tune], rows);
}
