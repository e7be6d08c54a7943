/**
 * **What.** Plots as SVG files, drawn by Observable Plot: <https://observablehq.com/plot>.
 *
 * **Invariants.**
 * 1. Same numbers, same bytes, whatever the machine: coordinates are rounded to a tenth of a pixel.
 * 2. Legible on light and on dark ground: the ground is the picture's own, and colours follow `prefers-color-scheme`.
 *
 * **Read next.** `03_the_log.ts`
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** What is plotted: Observable Plot's options. */
export type PlotOptions = Plot.PlotOptions;

/** The colours of series, legible on both grounds: blue, orange, green, violet, red, grey. */
export const COLOURS: readonly string[] = [
  "#3b7dd8",
  "#d9730d",
  "#2e8b57",
  "#8a5cd6",
  "#d04a43",
  "#8a8f98",
];

const STYLE = `<style>
svg { color: #1f2328; }
.ground { fill: #ffffff; }
text { stroke: none; }
@media (prefers-color-scheme: dark) {
  svg { color: #e6e9ec; }
  .ground { fill: #14181d; }
}
</style>`;

/** A coordinate to a tenth of a pixel. */
function tenth(number: string): string {
  return String(Math.round(Number(number) * 10) / 10);
}

/**
 * Draws a plot: as wide as the course's figures, with room for labels at the end of lines.
 *
 * @param options What is plotted.
 * @param title What it is called by who cannot see it.
 * @returns The file.
 */
export function drawPlot(options: PlotOptions, title: string): string {
  // Types of a browser's document are not part of this program's.
  const { document } = parseHTML("<html><body></body></html>") as unknown as Required<
    Pick<PlotOptions, "document">
  >;
  const width = options.width ?? 760;
  const height = options.height ?? 360;
  const element = Plot.plot({
    document,
    width,
    height,
    marginLeft: 64,
    marginRight: 120,
    marginTop: 40,
    marginBottom: 48,
    color: { range: [...COLOURS] },
    ...options,
    style: { fontSize: "13px", overflow: "visible" },
  }) as unknown as { readonly tagName: string; readonly innerHTML: string };
  if (element.tagName.toLowerCase() !== "svg") {
    throw new Error(`${title}: label the series in the plot, a legend is not part of it`);
  }
  const ids: string[] = [];
  const inner = element.innerHTML
    .replace(/<style>[^]*?<\/style>/, "")
    .replace(/="[^"]*"/g, (value) => value.replace(/-?\d+\.\d{2,}/g, tenth))
    .replace(/\bplot-(\w+)-(\d+)/g, (_, what: string, id: string) => {
      // The library counts these on from plot to plot.
      if (!ids.includes(id)) ids.push(id);
      return `plot-${what}-${ids.indexOf(id) + 1}`;
    });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" role="img" text-anchor="middle" font-size="13" ` +
    `font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" fill="currentColor">`,
    `<title>${title.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</title>`,
    STYLE,
    `<rect width="${width}" height="${height}" rx="6" class="ground"/>`,
    inner,
    "</svg>\n",
  ].join("\n");
}

export { Plot };
