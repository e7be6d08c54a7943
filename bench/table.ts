/**
 * **What.** Tables in Markdown as `deno fmt` writes them, and numbers as they are read most easily.
 *
 * **Read next.** `plot.ts`
 *
 * @module
 */

/** A table, of its head and rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(3, ...all.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** Three figures, without an exponent. */
export function figures(number: number): string {
  if (number === 0 || !Number.isFinite(number)) return String(number);
  return String(Number(number.toPrecision(3)));
}

/** The one in the middle, or the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Bytes as MiB. */
export function mib(bytes: number | undefined): string {
  return bytes === undefined ? "–" : figures(bytes / 2 ** 20);
}

/** A large number with a space between thousands. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, " ");
}
