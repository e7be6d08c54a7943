/**
 * **What.** What a source file says of itself, as Markdown: the invariants at its head, the limits among its constants.
 *
 * **Invariants.**
 * 1. What is not there is an error that names the file.
 *
 * **Read next.** `code.ts`
 *
 * @module
 */
import { linkFrom, readDocument, table } from "./document.ts";

/**
 * The numbered invariants at the head of a source file.
 *
 * @param source The file, such as `lib/log.ts`.
 * @param document Where they are quoted.
 */
export function invariantsOf(source: string, document: string): string {
  const header = readDocument(source).split("*/", 1)[0]!;
  const lines = header.slice(header.indexOf("**Invariants")).split("\n").map((line) =>
    line.replace(/^ \* ?/, "")
  );
  const start = lines.findIndex((line) => line.startsWith("1. "));
  const end = lines.findIndex((line, i) => i > start && line.trim() === "");
  if (start < 0 || end < 0) throw new Error(`${source}: no numbered invariants`);
  const list = lines.slice(start, end).join("\n")
    .replace(/\{@linkcode ([^ }]+)[^}]*\}/g, "`$1`")
    .replace(/(?<!\*)\*(\w[\w ]*)\*(?!\*)/g, "_$1_"); // as `deno fmt` wants it
  return `What [\`${source}\`](${linkFrom(document, source)}) keeps true:\n\n${list}`;
}

/** A constant whose value is a number or an expression of numbers, with the comment above it. */
const CONSTANT = new RegExp(
  [
    /^\/\*\*(?<comment>(?:(?!\*\/)[^])*)\*\/\n/,
    /(?<exported>export )?const (?<name>[A-Z][A-Z\d_]*)(?:: number)? = (?<value>[\d_\s.*+\-<()]+);/,
  ].map(({ source }) => source).join(""),
  "gm",
);

/**
 * Limits among files' constants: numbers with a comment.
 *
 * @param argument Files, each followed by the constants that are wanted: `lib/log.ts LOG_BLOCK_BYTES lib/options.ts`.
 * Without a name all exported ones are.
 * @param document Where they are quoted.
 * @returns A table.
 */
export function limitsOf(argument: string, document: string): string {
  const rows = argument.split(/ (?=\S+\.ts)/).flatMap((group) => {
    const [source, ...names] = group.split(" ") as [string, ...string[]];
    const constants = [...readDocument(source).matchAll(CONSTANT)].map((match) => match.groups!);
    const wanted = names.length > 0
      ? names.map((name) => constants.find((constant) => constant["name"] === name))
      : constants.filter((constant) => constant["exported"] !== undefined);
    if (wanted.length === 0 || wanted.includes(undefined)) {
      throw new Error(`${source}: not all of "${names.join(" ")}" are constants with a comment`);
    }
    return wanted.map((constant) => [
      `\`${constant!["name"]}\``,
      amount(constant!["name"]!, constant!["value"]!, source),
      firstSentence(constant!["comment"]!),
      `[\`${source}\`](${linkFrom(document, source)})`,
    ]);
  });
  return table(["Limit", "Value", "What it is", "File"], rows);
}

/** A value with its unit, if the name ends in one. */
function amount(name: string, expression: string, source: string): string {
  const value = Function(`return (${expression});`)() as unknown;
  if (typeof value !== "number") throw new Error(`${source}: ${name} is no number`);
  if (/_BYTES?(_|$)/.test(name)) {
    for (const [unit, bytes] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
      if (value >= bytes && value % (bytes / 4) === 0) return `${value / bytes} ${unit}`;
    }
    return `${value} B`;
  }
  return /_MS(_|$)/.test(name) ? `${value} ms` : String(value);
}

/** The first sentence of a comment, on one line. */
function firstSentence(comment: string): string {
  const text = comment.replace(/\s*\n \* ?/g, " ").replace(/\{@linkcode ([^ }]+)[^}]*\}/g, "`$1`")
    .trim();
  return (/^.*?[.;:](?=\s|$)/.exec(text)?.[0] ?? text).replace(/[.;:]$/, "");
}
