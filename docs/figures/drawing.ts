/**
 * **What.** A sheet to draw a figure on: boxes, arrows, texts and rows of bytes, as SVG. Each figure of the course is a
 * file beside this one that runs the engine, looks at what it wrote, and draws that; the picture is beside it, too.
 *
 * **Invariants.**
 * 1. Same calls, same bytes, whatever the machine: numbers are rounded, and nothing is measured.
 * 2. Legible on light and on dark ground: the sheet has a ground of its own, and its colours follow
 *    `prefers-color-scheme`. A colour never says anything that a text does not say, too.
 * 3. A picture is a file that can stand alone: no font, script or style of another one.
 *
 * **Read next.** `03_log_block.ts`
 *
 * @module
 */

/** A figure of the course: what a file beside this one exports as `figure`. */
export interface Figure {
  /** What is to be seen, in one or two sentences, for who cannot see it. */
  readonly alt: string;
  /** Makes the picture from what the engine does today. */
  draw(): string | Promise<string>;
}

/** The colours that a box may have: a tone for each kind of thing that a figure shows. */
export type Tone = "blue" | "green" | "amber" | "red" | "violet" | "grey" | "none";

const LIGHT = {
  ground: "#ffffff",
  ink: "#1f2328",
  soft: "#59636e",
  line: "#8c959f",
  blue: ["#dcebff", "#3b7dd8"],
  green: ["#d9f2e0", "#2e8b57"],
  amber: ["#fcecc9", "#b7791f"],
  red: ["#fde0de", "#c43c35"],
  violet: ["#ebe0fb", "#7b51c4"],
  grey: ["#eef0f2", "#8c959f"],
  none: ["none", "#8c959f"],
} as const;
const DARK = {
  ground: "#14181d",
  ink: "#e6e9ec",
  soft: "#a0a9b3",
  line: "#6e7781",
  blue: ["#173a63", "#6ba6f2"],
  green: ["#17432a", "#5cbf85"],
  amber: ["#4a3612", "#dba642"],
  red: ["#561f1c", "#ef7b73"],
  violet: ["#392663", "#a98ce8"],
  grey: ["#262c33", "#6e7781"],
  none: ["none", "#6e7781"],
} as const;
const TONES = ["blue", "green", "amber", "red", "violet", "grey", "none"] as const;

function rules(colours: typeof LIGHT | typeof DARK): string {
  const tones = TONES.map((tone) => {
    const [fill, stroke] = colours[tone];
    return `.${tone} { fill: ${fill}; stroke: ${stroke}; } .on-${tone} { fill: ${stroke}; }`;
  });
  return [
    `.ground { fill: ${colours.ground}; }`,
    `text { fill: ${colours.ink}; }`,
    `.soft { fill: ${colours.soft}; }`,
    `.line { fill: none; stroke: ${colours.line}; }`,
    `.tip { fill: ${colours.line}; }`,
    ...tones,
  ].join("\n");
}

const STYLE = `<style>
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
.small { font-size: 11px; }
.bold { font-weight: 600; }
.mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; }
.dashed { stroke-dasharray: 4 3; }
${rules(LIGHT)}
@media (prefers-color-scheme: dark) {
${rules(DARK)}
}
</style>`;

/** How a text is set. */
export interface TextOptions {
  /** Where its `x` is: the beginning by default. */
  readonly anchor?: "start" | "middle" | "end";
  /** Any of `soft`, `small`, `bold`, `mono`, or `on-` and a tone for that one's darker colour. */
  readonly style?: string;
}

/** How a box is drawn. */
export interface BoxOptions {
  /** Its colour: `"grey"` by default. */
  readonly tone?: Tone;
  /** What stands in its middle. */
  readonly label?: string;
  /** How that is set. */
  readonly style?: string;
  /** Whether its outline is dashed: something that is not there any more, or not yet. */
  readonly isDashed?: boolean;
  /** How round its corners are, in pixels: 3 by default. */
  readonly radius?: number;
}

/** How an arrow is drawn. */
export interface ArrowOptions {
  /** Whether its line is dashed. */
  readonly isDashed?: boolean;
  /** Whether it ends in a tip: it does by default. */
  readonly hasTip?: boolean;
}

/** Some bytes that belong together, in a row of bytes. */
export interface Field {
  /** How many there are. */
  readonly bytes: number;
  /** What they are; the label stands beside the first of them in {@linkcode Sheet.dump}. */
  readonly label: string;
  /** Their colour. */
  readonly tone: Tone;
  /** Whether they are shown as text and not as hexadecimal numbers. */
  readonly isText?: boolean;
}

/** Widths are those of a page: all figures have one, so that their texts have one size. */
export const SHEET_WIDTH = 760;
const MARGIN = 20;
/** A byte in a row of bytes. */
const CELL_WIDTH = 26;
const CELL_HEIGHT = 24;

/** A number as SVG: two decimals at most. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/**
 * A picture being drawn. Lengths are in pixels of a sheet 760 wide, from its top left corner.
 *
 * @example A box with a text
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { Sheet } from "./drawing.ts";
 *
 * const sheet = new Sheet("A box");
 * sheet.box(20, 20, 100, 40, { label: "memtable", tone: "blue" });
 * assertStringIncludes(sheet.finish(80), ">memtable</text>");
 * ```
 */
export class Sheet {
  readonly #title: string;
  readonly #parts: string[] = [];

  /**
   * Begins with an empty sheet.
   *
   * @param title What the picture is called by who cannot see it.
   */
  constructor(title: string) {
    this.#title = title;
  }

  /** Sets one line of text, whose baseline is at `y`. */
  text(x: number, y: number, content: string, options: TextOptions = {}): void {
    const { anchor = "start", style = "" } = options;
    const anchored = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
    const styled = style === "" ? "" : ` class="${style}"`;
    this.#parts.push(
      `<text x="${n(x)}" y="${n(y)}"${anchored}${styled} xml:space="preserve">${
        escaped(content)
      }</text>`,
    );
  }

  /** Draws a box, with a text in its middle if it has a label. */
  box(x: number, y: number, width: number, height: number, options: BoxOptions = {}): void {
    const { tone = "grey", label, style, isDashed = false, radius = 3 } = options;
    const dashed = isDashed ? " dashed" : "";
    this.#parts.push(
      `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${
        n(radius)
      }" class="${tone}${dashed}"/>`,
    );
    if (label === undefined) return;
    this.text(x + width / 2, y + height / 2 + 4.5, label, {
      anchor: "middle",
      ...(style === undefined ? {} : { style }),
    });
  }

  /** Draws a straight arrow. */
  arrow(x1: number, y1: number, x2: number, y2: number, options: ArrowOptions = {}): void {
    this.path([[x1, y1], [x2, y2]], options);
  }

  /** Draws an arrow from point to point. */
  path(points: readonly (readonly [x: number, y: number])[], options: ArrowOptions = {}): void {
    const { isDashed = false, hasTip = true } = options;
    const d = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${n(x)} ${n(y)}`).join("");
    this.#parts.push(`<path d="${d}" class="line${isDashed ? " dashed" : ""}"/>`);
    if (!hasTip) return;
    const [x2, y2] = points.at(-1)!;
    const [x1, y1] = points.at(-2)!;
    const angle = Math.atan2(y2 - y1, x2 - x1);
    const corner = (turn: number, length: number) =>
      `${n(x2 - length * Math.cos(angle + turn))} ${n(y2 - length * Math.sin(angle + turn))}`;
    this.#parts.push(
      `<path d="M${n(x2)} ${n(y2)}L${corner(0.4, 9)}L${corner(-0.4, 9)}z" class="tip"/>`,
    );
  }

  /** Draws a dot. */
  dot(x: number, y: number, radius: number, tone: Tone): void {
    this.#parts.push(`<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}" class="${tone}"/>`);
  }

  /**
   * Draws bytes as a row of cells, without labels.
   *
   * @param x The left edge.
   * @param y The top edge.
   * @param bytes What stands in the cells.
   * @param fields What they are, from the first on; together as long as the bytes.
   * @param perLine Cells on a line: 16 by default.
   * @returns The bottom edge.
   */
  cells(
    x: number,
    y: number,
    bytes: Uint8Array,
    fields: readonly Field[],
    perLine: number = 16,
  ): number {
    let at = 0;
    for (const field of fields) {
      for (const end = at + field.bytes; at < end; at++) {
        const label = shown(bytes[at]!, field.isText === true);
        const left = x + (at % perLine) * CELL_WIDTH;
        const top = y + Math.floor(at / perLine) * CELL_HEIGHT;
        this.box(left, top, CELL_WIDTH, CELL_HEIGHT, {
          tone: field.tone,
          label,
          style: "mono",
          radius: 0,
        });
      }
    }
    if (at !== bytes.length) throw new Error(`${this.#title}: ${bytes.length - at} bytes are left`);
    return y + Math.ceil(at / perLine) * CELL_HEIGHT;
  }

  /**
   * Draws bytes with their labels: a line for each field, its offset on the left, its meaning on the right.
   *
   * @param y The top edge.
   * @param bytes What is shown.
   * @param fields What they are, from the first on; together as long as the bytes.
   * @param base The offset of the first byte in its file.
   * @returns The bottom edge.
   */
  dump(y: number, bytes: Uint8Array, fields: readonly Field[], base: number = 0): number {
    let at = 0;
    for (const field of fields) {
      const part = bytes.subarray(at, at + field.bytes);
      const offset = (base + at).toString(16).padStart(4, "0");
      this.text(MARGIN, y + 16, offset, { style: "mono soft" });
      const bottom = this.cells(MARGIN + 48, y, part, [field], 12);
      const width = Math.min(12, field.bytes) * CELL_WIDTH;
      this.text(MARGIN + 48 + width + 12, y + 16, field.label);
      y = bottom + 4;
      at += field.bytes;
    }
    if (at !== bytes.length) throw new Error(`${this.#title}: ${bytes.length - at} bytes are left`);
    return y;
  }

  /**
   * Ends the picture.
   *
   * @param height How high it is.
   * @returns The file.
   */
  finish(height: number): string {
    const size = `width="${SHEET_WIDTH}" height="${n(height)}" viewBox="0 0 ${SHEET_WIDTH} ${
      n(height)
    }"`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
      `<title>${escaped(this.#title)}</title>`,
      STYLE,
      `<rect width="${SHEET_WIDTH}" height="${n(height)}" rx="6" class="ground"/>`,
      ...this.#parts,
      "</svg>\n",
    ].join("\n");
  }
}

/** A byte in a cell. */
function shown(byte: number, isText: boolean): string {
  return isText && byte > 0x20 && byte < 0x7f
    ? String.fromCharCode(byte)
    : byte.toString(16).padStart(2, "0");
}
