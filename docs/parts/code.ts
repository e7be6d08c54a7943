/**
 * **What.** Fragments of source files, as Markdown: a function, a class or one of its members by name, or a region that
 * is marked in the source.
 *
 * **Format.**
 * ```text
 * argument := file, " ", (name | class "." member | "#" region)
 * region   := // #region name … // #endregion, lines that begin alike
 * ```
 * What is quoted has no comment above it; one line of text says where it is from.
 * `deno fmt` formats what is quoted as well: lines that it would join once their indentation is gone can't be quoted.
 *
 * **Invariants.**
 * 1. A fragment is what the file has, line for line, but for indentation and lines that mark other regions.
 * 2. A name that is not there, or is there more than once, is an error that names file and name.
 *
 * **Read next.** `pictures.ts`
 *
 * @module
 */
import { fenced, linkFrom, readDocument } from "./document.ts";

/** What may stand before the name of a declaration. */
const DECLARES =
  "(?:export |default |declare |abstract |async )*(?:function\\*?|class|interface|type|const|let|enum) ";
const MODIFIERS =
  "(?:(?:override|static|async|readonly|private|protected|abstract|declare|get|set) |\\*)*";

/** Lines without the spaces that all of them begin with. */
function outdented(lines: readonly string[]): string[] {
  const indents = lines.filter((line) => line !== "").map((line) => /^ */.exec(line)![0].length);
  const indent = Math.min(...indents);
  return lines.map((line) => line.slice(indent));
}

/** The range of lines of a declaration that begins at the given indentation, within a range. */
function declaration(
  lines: readonly string[],
  pattern: RegExp,
  [from, to]: readonly [number, number],
  what: string,
): [start: number, end: number] {
  const starts = lines.flatMap((line, i) => i >= from && i < to && pattern.test(line) ? [i] : [])
    .filter((i) => !isOverload(lines[i]!));
  if (starts.length !== 1) throw new Error(`${what}: ${starts.length} declarations, not one`);
  const start = starts[0]!;
  const indent = /^ */.exec(lines[start]!)![0];
  let end = start;
  // As `deno fmt` writes it, what a first line opens is closed by a line with its indentation, and what goes on
  // over several lines without ends with a semicolon.
  const isOpened = /[{([]$|^(\w+ )*class /.test(lines[start]!);
  const isWhole = !isOpened && /[;}]$/.test(lines[start]!);
  while (!isWhole && ++end < to) {
    if (isOpened ? closes(lines[end]!, indent) : lines[end]!.endsWith(";")) break;
  }
  if (end >= to) throw new Error(`${what}: no end`);
  return [start, end + 1];
}

/** Whether a line closes what was opened at its indentation: "}" and "});" do, "): number {" goes on. */
function closes(line: string, indent: string): boolean {
  return line.startsWith(indent) && /^[)\]}]/.test(line.slice(indent.length)) &&
    !/[{([]$/.test(line);
}

/** A signature of a function whose body comes later. */
function isOverload(line: string): boolean {
  return /^(export )?function .*[^{}];$/.test(line);
}

/**
 * Cuts a fragment out of a source file.
 *
 * @param argument Which one, as in the format above.
 * @param text The file, if it is not to be read.
 * @returns Its lines, without the indentation that they share.
 */
export function fragmentOf(argument: string, text?: string): string[] {
  const space = argument.indexOf(" ");
  const source = argument.slice(0, space);
  const name = argument.slice(space + 1);
  if (space < 0 || name === "") throw new Error(`${argument}: not "file name"`);
  const lines = (text ?? readDocument(source)).split("\n");
  const [start, end] = name.startsWith("#")
    ? region(lines, name.slice(1), argument)
    : member(lines, name.split("."), argument);
  const kept = lines.slice(start, end).filter((line) => !/^\s*\/\/ #(end)?region\b/.test(line));
  return outdented(kept);
}

function region(lines: readonly string[], name: string, what: string): [number, number] {
  const starts = lines.flatMap((line, i) => line.trim() === `// #region ${name}` ? [i] : []);
  if (starts.length !== 1) throw new Error(`${what}: ${starts.length} regions, not one`);
  let depth = 1;
  let end = starts[0]!;
  while (depth > 0) {
    const line = lines[++end]?.trim();
    if (line === undefined) throw new Error(`${what}: no end`);
    if (line.startsWith("// #region ")) depth++;
    if (line === "// #endregion") depth--;
  }
  return [starts[0]! + 1, end];
}

function member(
  lines: readonly string[],
  [outer, inner]: readonly string[],
  what: string,
): [number, number] {
  const top = new RegExp(`^${DECLARES}${escaped(outer!)}\\b`);
  const whole = declaration(lines, top, [0, lines.length], what);
  if (inner === undefined) return whole;
  const within = new RegExp(`^  ${MODIFIERS}${escaped(inner)}(?:[(<?!:;]| =)`);
  return declaration(lines, within, [whole[0] + 1, whole[1]], what);
}

function escaped(name: string): string {
  return name.replace(/[$#]/g, "\\$&").replace("\\#", "#");
}

/** The longest fragment that a page may show: more than that nobody reads. */
export const FRAGMENT_LINES_MAX = 45;

/**
 * A fragment with a line that says where it is from.
 *
 * @param argument Which one.
 * @param document Where it is shown.
 * @returns Markdown.
 */
export function codeOf(argument: string, document: string): string {
  const [source, name] = argument.split(" ") as [string, string];
  const lines = fragmentOf(argument);
  if (lines.length > FRAGMENT_LINES_MAX) {
    throw new Error(
      `${argument}: ${lines.length} lines, more than ${FRAGMENT_LINES_MAX}; mark a region`,
    );
  }
  const of = name.startsWith("#") ? "" : `, \`${name}\``;
  return `From [\`${source}\`](${linkFrom(document, source)})${of}:\n\n${
    fenced(lines, "ts ignore")
  }`;
}
