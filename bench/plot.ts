/**
 * **What.** Plots as SVG: ratios to a baseline, a line for each workload; and curves. Both axes of numbers are
 * logarithmic, since what is compared differs by factors.
 *
 * **Invariants.**
 * 1. Readable on light and on dark ground: the background is transparent, text and lines are of a grey that follows
 *    `prefers-color-scheme`, and each series has a shape besides its colour.
 * 2. Same numbers, same bytes.
 *
 * **Read next.** `report.ts`
 *
 * @module
 */
import { figures } from "./table.ts";

const COLOURS = ["#2f6fde", "#d9730d", "#2b9348", "#a05bc9", "#8a8f98", "#c2354a"];
/** A circle, a square, a diamond and two triangles around the origin. */
const SHAPES = [
  "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
  "M-3.6-3.6h7.2v7.2h-7.2z",
  "M0-4.8L4.8 0L0 4.8L-4.8 0z",
  "M0-4.6L4.4 3.4H-4.4z",
  "M0 4.6L4.4-3.4H-4.4z",
  "M-4-4L4 4M4-4L-4 4",
];
const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #444; }
.title { font-size: 15px; font-weight: 600; }
.minor { font-size: 11px; fill: #777; }
.grid { stroke: #8884; }
.one { stroke: #666; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #ccc; }
  .minor { fill: #999; }
  .one { stroke: #aaa; }
}
</style>`;

/** A line of a plot of ratios. */
export interface RatioRow {
  /** What was measured. */
  readonly label: string;
  /** The ratio of each series, in order; `undefined` where there is none. */
  readonly ratios: readonly (number | undefined)[];
}

/** A curve. */
export interface Curve {
  /** What it shows. */
  readonly label: string;
  /** From left to right. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, attributes: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((it) => it.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" ${attributes}/>`;
}

function mark(x: number, y: number, series: number, scale = 1): string {
  const place = `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${scale})`;
  const colour = COLOURS[series % COLOURS.length]!;
  return `<path d="${SHAPES[series % SHAPES.length]}" transform="${place}" fill="${colour}" ` +
    `stroke="${colour}" stroke-width="1"/>`;
}

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    text(12, 24, title, 'class="title"'),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** A logarithmic axis from a number to another: places, and the 1, 2 and 5 times powers of ten on it. */
function logAxis(least: number, greatest: number, from: number, to: number) {
  const [low, high] = [Math.log10(least), Math.log10(greatest)];
  const span = Math.max(high - low, 1e-9);
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const digit of span > 3 ? [1] : [1, 2, 5]) {
      const tick = Number((digit * 10 ** power).toPrecision(1));
      if (tick >= least * 0.999 && tick <= greatest * 1.001) ticks.push(tick);
    }
  }
  const place = (value: number) => from + (Math.log10(value) - low) / span * (to - from);
  return { place, ticks };
}

/** The tick-like number at or below, or at or above. */
function rounded(value: number, up: boolean): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 2, 5, 10].map((digit) => digit * power);
  return up
    ? steps.find((it) => it >= value * 0.999)!
    : steps.findLast((it) => it <= value * 1.001)!;
}

/**
 * Ratios: a row for each workload, a mark for each series, and a bar from 1 to the first series.
 *
 * @param title What is shown.
 * @param axis What the axis means.
 * @param series The names of the series.
 * @param rows The rows.
 * @returns An SVG document.
 */
export function ratioPlot(
  title: string,
  axis: string,
  series: readonly string[],
  rows: readonly RatioRow[],
): string {
  const all = rows.flatMap(({ ratios }) => ratios.filter((it) => it !== undefined)).filter((it) =>
    it > 0
  );
  const [left, right, top, row] = [190, 24, 84, 21];
  const width = 900;
  const bottom = top + rows.length * row;
  const { place, ticks } = logAxis(
    rounded(Math.min(0.5, ...all), false),
    rounded(Math.max(2, ...all), true),
    left,
    width - right,
  );
  const parts = [text(12, bottom + 42, axis, 'class="minor"')];
  for (const tick of ticks) {
    parts.push(
      line(place(tick), top, place(tick), bottom, `class="${tick === 1 ? "one" : "grid"}"`),
    );
    const centred = 'class="minor" text-anchor="middle"';
    parts.push(text(place(tick), bottom + 18, `${figures(tick)}×`, centred));
    parts.push(text(place(tick), top - 8, `${figures(tick)}×`, centred));
  }
  let x = left;
  series.forEach((name, i) => {
    parts.push(mark(x, 50, i), text(x + 10, 54, name));
    x += 34 + name.length * 7;
  });
  rows.forEach(({ label, ratios }, index) => {
    const y = top + (index + 0.5) * row;
    parts.push(text(left - 10, y + 4, label, 'text-anchor="end"'));
    if (index > 0) parts.push(line(left, y - row / 2, width - right, y - row / 2, 'class="grid"'));
    const [first] = ratios;
    if (first) {
      const style = `stroke="${COLOURS[0]}" stroke-width="5" stroke-opacity="0.35"`;
      parts.push(line(place(1), y, place(first), y, style));
    }
    for (let i = ratios.length - 1; i >= 0; i--) { // the first one on top
      if (ratios[i]) parts.push(mark(place(ratios[i]!), y, i, i === 0 ? 1.2 : 0.95));
    }
  });
  return svg(width, bottom + 54, title, parts);
}

/**
 * Curves over logarithmic axes, each with its name at its end.
 *
 * @param title What is shown.
 * @param xAxis What the horizontal axis means.
 * @param yAxis What the vertical axis means.
 * @param curves The curves.
 * @returns An SVG document.
 */
export function linePlot(
  title: string,
  xAxis: string,
  yAxis: string,
  curves: readonly Curve[],
): string {
  const [width, height, left, right, top, bottom] = [900, 420, 70, 190, 64, 360];
  const points = curves.flatMap(({ points }) => points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const x = logAxis(Math.min(...xs), Math.max(...xs), left, width - right);
  const y = logAxis(
    rounded(Math.min(...ys), false),
    rounded(Math.max(...ys), true),
    bottom,
    top,
  );
  const parts = [
    text(left, bottom + 42, xAxis, 'class="minor"'),
    text(12, 48, yAxis, 'class="minor"'),
  ];
  for (const tick of x.ticks) {
    const at = x.place(tick);
    parts.push(line(at, top, at, bottom, 'class="grid"'));
    parts.push(text(at, bottom + 18, short(tick), 'class="minor" text-anchor="middle"'));
  }
  for (const tick of y.ticks) {
    const at = y.place(tick);
    parts.push(line(left, at, width - right, at, 'class="grid"'));
    parts.push(text(left - 8, at + 4, short(tick), 'class="minor" text-anchor="end"'));
  }
  const labels = spread(curves.map(({ points }) => y.place(points.at(-1)?.[1] ?? 1)), 16);
  curves.forEach(({ label, points }, i) => {
    const path = points.map(([px, py]) => `${x.place(px).toFixed(1)},${y.place(py).toFixed(1)}`);
    const stroke = `stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2"`;
    parts.push(`<polyline points="${path.join(" ")}" fill="none" ${stroke}/>`);
    for (const [px, py] of points) parts.push(mark(x.place(px), y.place(py), i));
    parts.push(text(width - right + 12, labels[i]! + 4, label));
  });
  return svg(width, height, title, parts);
}

/** Moves places apart until none is nearer to another than `gap`. */
function spread(places: readonly number[], gap: number): number[] {
  const order = places.map((_, i) => i).sort((a, b) => places[a]! - places[b]!);
  const moved = [...places];
  order.forEach((at, i) => {
    if (i > 0) moved[at] = Math.max(moved[at]!, moved[order[i - 1]!]! + gap);
  });
  return moved;
}

/** A round number as it is on an axis: 20 M, 5 k, 0.1. */
function short(number: number): string {
  if (number >= 1e6) return `${figures(number / 1e6)} M`;
  return number >= 1e3 ? `${figures(number / 1e3)} k` : figures(number);
}
