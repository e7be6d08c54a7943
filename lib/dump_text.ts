/**
 * **What.** The parts of a dump as lines: text for a person, bytes side by side with what they are, or JSON for a
 * program.
 *
 * **Format.** Text has a line for each part, indented by its depth: offset in hexadecimal and in decimal, length, name,
 * and what it says. Where offsets count in a block or record instead of the file, they begin with `+`. What is wrong
 * with a part stands on a line of its own below it, which begins with `!!`.
 *
 * JSON has an object on each line:
 * ```text
 * {"depth": 2, "offset": 7, "length": 18, "name": "put", "text": "clay @1 → grey"}
 * within   what the offset counts in, if not in the file
 * damage   what is wrong
 * bytes    the bytes of a leaf, in hexadecimal; only where bytes are wished for
 * ```
 *
 * **Invariants.**
 * 1. A line has no control characters in it but those of colours, and these only if they are wished for.
 * 2. Text, bytes and JSON are made of the same parts, and none of them leaves out damage.
 *
 * **Read next.** `cli_dump.ts`
 *
 * @module
 */
import type { DumpPart } from "./dump_part.ts";
import { jsonText } from "./shell_command.ts";
import { HEX_LINE_BYTES, hexLineColumns, hexLines, hexOffset, hexText } from "./hex_view.ts";

/** How lines are written. */
export interface DumpStyle {
  /** As what. */
  readonly format: "text" | "json";
  /** Whether the bytes are shown. */
  readonly hasBytes: boolean;
  /** How many bytes of one leaf are shown. */
  readonly bytesMax: number;
  /** Whether there are colours. */
  readonly hasColors: boolean;
  /** How many columns there are room for. */
  readonly columns: number;
}

const DECIMAL_DIGITS = 10;
const LENGTH_DIGITS = 8;
/** What stands beside bytes should have as many columns at least; else there are half as many bytes on a line. */
const BESIDE_COLUMNS_MIN = 32;

/**
 * Writes a part.
 *
 * @example A part as text and as JSON
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemorySource, part } from "./dump_part.ts";
 * import { dumpLines, type DumpStyle } from "./dump_text.ts";
 *
 * const source = new MemorySource(Uint8Array.of(1, 2, 3), undefined);
 * const style: DumpStyle = {
 *   format: "text",
 *   hasBytes: false,
 *   bytesMax: 64,
 *   hasColors: false,
 *   columns: 80,
 * };
 * const put = part(source, 1, 0, 3, "put", "clay @1");
 * assertEquals(dumpLines(put, style), ["00000000          0        3    put  clay @1"]);
 * assertEquals(dumpLines(put, { ...style, format: "json" }), [
 *   '{"depth":1,"offset":0,"length":3,"name":"put","text":"clay @1"}',
 * ]);
 * ```
 *
 * @param part The part.
 * @param style How it is written.
 * @returns Its lines, without their ends; none for a detail that is not wished for.
 */
export function dumpLines(part: DumpPart, style: DumpStyle): string[] {
  if (part.isDetail && !style.hasBytes && part.damage === undefined) return [];
  if (style.format === "json") return [jsonLine(part, style)];
  const lines = style.hasBytes ? hexPart(part, style) : [textLine(part, style)];
  if (part.damage !== undefined) {
    const text = `!! ${part.damage}`;
    // Under the name of what is damaged.
    const columns = style.hasBytes ? hexColumnsOf(style) + 2 : TEXT_COLUMNS;
    lines.push(`${" ".repeat(columns)}${indent(part)}${paint(text, RED, style)}`);
  }
  return lines;
}

const TEXT_COLUMNS = 1 + 8 + 1 + DECIMAL_DIGITS + 1 + LENGTH_DIGITS + 2 - 1;

const BOLD = "1";
const DIM = "2";
const RED = "31";
const CYAN = "36";

function paint(text: string, color: string, { hasColors }: DumpStyle): string {
  return hasColors && text !== "" ? `\x1b[${color}m${text}\x1b[0m` : text;
}

function indent({ depth }: DumpPart): string {
  return "  ".repeat(depth);
}

function namedText(part: DumpPart, style: DumpStyle): string {
  const { name, text, depth } = part;
  const painted = paint(name, depth <= 1 ? BOLD : CYAN, style);
  return `${indent(part)}${painted}${text === "" ? "" : `  ${text}`}`;
}

function textLine(part: DumpPart, style: DumpStyle): string {
  const { offset, length, source } = part;
  const mark = source.within === undefined ? "" : "+";
  const hex = `${mark}${hexOffset(offset).slice(mark.length)}`;
  const places = `${hex} ${String(offset).padStart(DECIMAL_DIGITS)} ` +
    `${String(length).padStart(LENGTH_DIGITS)}  `;
  return paint(places, DIM, style) + namedText(part, style);
}

function lineBytesOf({ columns }: DumpStyle): number {
  const isRoom = columns >= hexLineColumns(HEX_LINE_BYTES) + BESIDE_COLUMNS_MIN;
  return isRoom ? HEX_LINE_BYTES : HEX_LINE_BYTES / 2;
}

function hexColumnsOf(style: DumpStyle): number {
  return hexLineColumns(lineBytesOf(style));
}

/** A leaf's bytes with its name beside the first of them; of other parts the name alone. */
function hexPart(part: DumpPart, style: DumpStyle): string[] {
  const { offset, length, source, isLeaf } = part;
  const beside = namedText(part, style);
  if (!isLeaf || length === 0) {
    return part.isDetail ? [] : [`${" ".repeat(hexColumnsOf(style))}  ${beside}`];
  }
  const shown = Math.min(length, style.bytesMax);
  const lines = hexLines(source.read(offset, shown), offset, lineBytesOf(style)).map((line) =>
    source.within === undefined ? line : `+${line.slice(1)}`
  );
  const [first, ...others] = lines.map((line) => paint(line, DIM, style));
  const all = [`${first}  ${beside}`, ...others.map((line) => line.trimEnd())];
  if (shown < length) all.push(`…         ${length - shown} bytes more`);
  return all;
}

function jsonLine(part: DumpPart, style: DumpStyle): string {
  const { depth, offset, length, name, text, damage, source, isLeaf } = part;
  const { within } = source;
  const shown = Math.min(length, style.bytesMax);
  const bytes = style.hasBytes && isLeaf ? hexText(source.read(offset, shown)) : undefined;
  // Members that are undefined are left out.
  return jsonText({ depth, offset, length, name, text, within, damage, bytes });
}
