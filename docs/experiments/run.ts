/**
 * **What.** `deno task experiment 03`: runs the experiment of a chapter, prints its table and what was measured, and
 * draws its plot. Without a number it lists them.
 *
 * **Invariants.**
 * 1. Nothing is written but the plot, to `data/experiments/`.
 *
 * **Read next.** `plot.ts`
 *
 * @module
 */
import { ensureDirSync } from "@std/fs";
import { fromFileUrl } from "@std/path";
import { chapters, root, table } from "../parts/document.ts";
import { DEFAULT_SEED, type Experiment } from "./experiment.ts";
import { drawPlot } from "./plot.ts";

/**
 * Loads the experiment of a chapter.
 *
 * @param chapter Its name, such as `03_the_log`.
 */
export async function loadExperiment(chapter: string): Promise<Experiment> {
  const module = await import(`./${chapter}.ts`) as { experiment: Experiment };
  return module.experiment;
}

/**
 * Finds the chapter that a reader means.
 *
 * @param word Its number, with a zero before it or without, or its whole name.
 * @returns Its name, or `undefined` if there is none.
 */
export function chapterOf(word: string): string | undefined {
  const number = /^\d+$/.test(word) ? word.padStart(2, "0") : undefined;
  return chapters().find((name) => name === word || name.slice(0, 2) === number);
}

async function main(args: readonly string[]): Promise<number> {
  const [word, ...rest] = args.filter((arg) => !arg.startsWith("--"));
  const flags = args.filter((arg) => arg.startsWith("--"));
  const seed = Number(flags[0]?.match(/^--seed=(\d+)$/)?.[1] ?? (flags.length > 0 ? NaN : 1));
  if (rest.length > 0 || flags.length > 1 || Number.isNaN(seed)) {
    console.error(`error: expected a chapter and perhaps --seed=N, got: ${args.join(" ")}`);
    return 2;
  }
  if (word === undefined) {
    console.log("deno task experiment CHAPTER [--seed=N]\n");
    for (const name of chapters()) {
      console.log(`${name.slice(0, 2)}  ${(await loadExperiment(name)).title}`);
    }
    return 0;
  }
  const chapter = chapterOf(word);
  if (chapter === undefined) {
    console.error(`error: there is no chapter "${word}"`);
    return 2;
  }
  const experiment = await loadExperiment(chapter);
  const { counts, times, plot } = await experiment.run({ seed, withTimes: true });
  console.log(`${experiment.title}\n\n${table(counts.columns, counts.rows)}\n`);
  if (times !== undefined) {
    console.log(`On this machine, now:\n\n${table(times.columns, times.rows)}\n`);
  }
  const directory = new URL("data/experiments/", root);
  ensureDirSync(directory);
  const path = new URL(`${chapter}.svg`, directory);
  Deno.writeTextFileSync(path, drawPlot(plot, experiment.title));
  const same = seed === DEFAULT_SEED ? "" : "; the chapter shows seed 1";
  console.log(`seed: ${seed}${same}\nplot: ${fromFileUrl(path)}`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
