/**
 * **What.** Text for a terminal: colours, columns, bars, and a line that is drawn over again.
 *
 * **Invariants.**
 * 1. Without a terminal, or with `NO_COLOR`, there is no escape sequence in anything.
 * 2. A line that was clipped takes no more columns than it was given.
 * 3. A status line leaves nothing behind when it is cleared, and is not there at all without a terminal.
 *
 * **Read next.** `cli_read.ts`
 *
 * @module
 */
import type { CliContext, CliOutput } from "./cli_context.ts";

/** What text can look like. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** The numbers that begin and end each style. */
const SEQUENCES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/**
 * Text in a style, where there are any.
 *
 * @param output Where it goes.
 * @param style How it is to look.
 * @param text The text.
 * @returns The text, with what begins and ends the style.
 */
export function painted({ hasColors }: CliOutput, style: Style, text: string): string {
  const [start, end] = SEQUENCES[style];
  return hasColors && text !== "" ? `\x1b[${start}m${text}\x1b[${end}m` : text;
}

/** Characters that take two columns: of East Asia, and pictures. */
const WIDE = new RegExp(
  [
    /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/,
    /[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u,
  ].map(({ source }) => source).join("|"),
  "u",
);

/**
 * How many columns text takes.
 *
 * @param text The text, without escape sequences.
 * @returns The columns.
 */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (!/\p{M}/u.test(character)) columns += WIDE.test(character) ? 2 : 1;
  }
  return columns;
}

/**
 * Text that takes no more than some columns.
 *
 * @param text The text, without escape sequences.
 * @param columns How many it may take.
 * @returns The text, or as much of it as there is room for and an ellipsis.
 */
export function clipped(text: string, columns: number): string {
  // Of long text only the start can matter.
  if (text.length <= columns * 4 && columnsOf(text) <= columns) return text;
  let [kept, left] = ["", columns - 1];
  for (const character of text) {
    left -= columnsOf(character);
    if (left < 0) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : "";
}

/**
 * Text in a column.
 *
 * @param text The text, without escape sequences.
 * @param columns How wide the column is.
 * @param side Where the blanks go.
 * @returns The text with blanks.
 */
export function padded(text: string, columns: number, side: "start" | "end" = "end"): string {
  const blanks = " ".repeat(Math.max(0, columns - columnsOf(text)));
  return side === "start" ? blanks + text : text + blanks;
}

/** Parts of a column, an eighth of one each. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * A bar.
 *
 * @param part How much it shows.
 * @param whole Of how much.
 * @param columns How long it is for the whole.
 * @returns The bar; what is more than nothing can be seen.
 */
export function bar(part: number, whole: number, columns: number): string {
  if (part <= 0 || whole <= 0 || columns <= 0) return "";
  const eighths = Math.max(1, Math.round(8 * columns * Math.min(1, part / whole)));
  return "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/**
 * Rows as columns that are as wide as the widest of each.
 *
 * @param rows The rows, the heads of the columns first.
 * @param sides Where the blanks of each column go.
 * @returns Lines without their ends; two blanks between columns, none at the end of a line.
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  sides: readonly ("start" | "end")[],
): string[] {
  const widths = sides.map((_, at) => Math.max(...rows.map((row) => columnsOf(row[at] ?? ""))));
  return rows.map((row) =>
    sides.map((side, at) => padded(row[at] ?? "", widths[at]!, side)).join("  ").trimEnd()
  );
}

/** No eye sees more than a few texts a second, and each is a write. */
const SHOW_MS = 100;

/** A line on the error output that is drawn over again, for a person to see how far it has come. */
export class StatusLine {
  readonly #errors: CliOutput;
  #isShown = false;
  #shownAt = -Infinity;
  #last: Promise<void> = Promise.resolve();

  /**
   * Makes one, with nothing on it.
   *
   * @param context What the command works with.
   */
  constructor({ errors }: Pick<CliContext, "errors">) {
    this.#errors = errors;
  }

  /**
   * Shows a text, unless there was another one a moment ago. Returns at once.
   *
   * @param text The text.
   */
  show(text: string): void {
    const now = performance.now();
    if (!this.#errors.isTerminal || now - this.#shownAt < SHOW_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    this.#draw(`\r\x1b[K${clipped(text, this.#errors.columns - 1)}`);
  }

  /** Leaves the line as it was, to be awaited before anything else is printed. */
  async clear(): Promise<void> {
    if (this.#isShown) this.#draw("\r\x1b[K");
    this.#isShown = false;
    this.#shownAt = -Infinity;
    await this.#last;
  }

  #draw(text: string): void {
    // Nobody seeing it is no reason to stop.
    this.#last = this.#last.then(() => this.#errors.write(text)).catch(() => {});
  }
}

/**
 * Waits.
 *
 * @param ms How long, in milliseconds.
 * @param signal Ends it.
 * @throws The signal's reason, if it came.
 */
export async function waited(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
