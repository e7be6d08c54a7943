/**
 * **What.** The Markdown files of the documentation, and the marked parts in them: what follows a comment such as
 * `<!-- bytes: log -->`, up to `<!-- end -->`, is made by a program and not by hand.
 *
 * **Format.**
 * ```text
 * part := <!-- kind: argument -->, empty line, Markdown, empty line, <!-- end -->
 * ```
 *
 * **Invariants.**
 * 1. Texts have `\n` at the end of a line, whatever the file has.
 *
 * **Read next.** `invariants.ts`
 *
 * @module
 */

/** The root of the repository. */
export const root: URL = new URL("../../", import.meta.url);

const MARKED = /^<!-- (\w+): (.+) -->\n(?:(?!<!-- (?!end))[^])*?^<!-- end -->$/gm;

/** A marked part, as its first line says. */
export interface Mark {
  /** What it is, which says who makes it. */
  readonly kind: string;
  /** Which one of its kind. */
  readonly argument: string;
}

/**
 * The Markdown files that are part of the documentation.
 *
 * @returns Paths relative to the repository, chapters in their order.
 */
export function documents(): string[] {
  const pagesIn = (folder: string) =>
    [...Deno.readDirSync(new URL(folder, root))].filter(({ name }) => name.endsWith(".md"))
      .map(({ name }) => folder + name).sort();
  return ["README.md", ...pagesIn("docs/"), ...pagesIn("docs/recipes/"), "tests/README.md"];
}

/**
 * The chapters of the course.
 *
 * @returns Their names, such as `03_the_log`, in order.
 */
export function chapters(): string[] {
  return documents().flatMap((path) => /^docs\/(\d\d_\w+)\.md$/.exec(path)?.[1] ?? []);
}

/** Reads a file of the repository, given by its path there. */
export function readDocument(path: string): string {
  return Deno.readTextFileSync(new URL(path, root)).replaceAll("\r\n", "\n");
}

/** The marked parts of a document, in order. */
export function marksOf(text: string): Mark[] {
  return [...text.matchAll(MARKED)].map(([, kind, argument]) => ({
    kind: kind!,
    argument: argument!,
  }));
}

/**
 * A document with the content of its marked parts replaced.
 *
 * @param text The document.
 * @param made What belongs into a part; `undefined` leaves it as it is.
 * @returns The document that should be there.
 */
export function replaceParts(text: string, made: (mark: Mark) => string | undefined): string {
  return text.replace(MARKED, (whole, kind: string, argument: string) => {
    const content = made({ kind, argument });
    return content === undefined
      ? whole
      : `<!-- ${kind}: ${argument} -->\n\n${content}\n\n<!-- end -->`;
  });
}

/** How a document links to a file of the repository. */
export function linkFrom(document: string, target: string): string {
  const from = document.split("/").slice(0, -1);
  const to = target.split("/");
  let shared = 0;
  while (shared < from.length && from[shared] === to[shared]) shared++;
  return "../".repeat(from.length - shared) + to.slice(shared).join("/");
}

/** A block of text that is shown as it is. */
export function fenced(lines: readonly string[], language = "text"): string {
  return ["```" + language, ...lines, "```"].join("\n");
}

/**
 * A table as `deno fmt` would lay it out.
 *
 * @param head The names of the columns.
 * @param rows As many cells each; a number is set to the right.
 * @returns Markdown.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = rows.map((row) => row.map((cell) => String(cell).replaceAll("|", "\\|")));
  const right = head.map((_, i) => rows.length > 0 && rows.every((row) => isNumeric(row[i]!)));
  const widths = head.map((name, i) =>
    Math.max(right[i] ? 2 : 1, name.length, ...cells.map((row) => row[i]!.length))
  );
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, i) => right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
        .join(" | ")
    } |`;
  const rule = widths.map((width, i) => right[i] ? "-".repeat(width - 1) + ":" : "-".repeat(width));
  return [line(head), line(rule), ...cells.map(line)].join("\n");
}

/** Whether a cell is a number, with its unit or without. */
function isNumeric(cell: string | number): boolean {
  return typeof cell === "number" ||
    /^(-|[-+]?[\d,.]+( ?(%|B|KiB|MiB|GiB|µs|ms|s|k\/s|×))?)$/.test(cell);
}
