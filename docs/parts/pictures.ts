/**
 * **What.** Figures and experiments, as Markdown, with the files that belong to them.
 *
 * **Invariants.**
 * 1. Alternative texts come from the program that makes the picture.
 *
 * **Read next.** `exercises.ts`
 *
 * @module
 */
import { DEFAULT_SEED } from "../experiments/experiment.ts";
import { drawPlot } from "../experiments/plot.ts";
import { loadExperiment } from "../experiments/run.ts";
import type { Figure } from "../figures/drawing.ts";
import { table } from "./document.ts";

/** A part of a document, and the picture that it shows. */
export interface Illustration {
  /** What stands in the document. */
  readonly markdown: string;
  /** Where the picture is, relative to `docs/`. */
  readonly path: string;
  /** The picture. */
  readonly svg: string;
}

/**
 * A figure.
 *
 * @param name Its file in `docs/figures/`, without ending.
 */
export async function figureOf(name: string): Promise<Illustration> {
  const { figure } = await import(`../figures/${name}.ts`) as { figure: Figure };
  const path = `figures/${name}.svg`;
  return { markdown: `![${figure.alt}](${path})`, path, svg: await figure.draw() };
}

/**
 * What an experiment counts, and its plot.
 *
 * @param chapter Its file in `docs/experiments/`, without ending.
 */
export async function experimentOf(chapter: string): Promise<Illustration> {
  const experiment = await loadExperiment(chapter);
  const { counts, plot } = await experiment.run({ seed: DEFAULT_SEED, withTimes: false });
  const path = `experiments/${chapter}.svg`;
  const markdown = [
    `**${experiment.title}** \`deno task experiment ${chapter.slice(0, 2)}\` ` +
    `([\`${chapter}.ts\`](experiments/${chapter}.ts)) counts:`,
    table(counts.columns, counts.rows),
    `![${experiment.alt}](${path})`,
  ].join("\n\n");
  return { markdown, path, svg: drawPlot(plot, experiment.title) };
}
