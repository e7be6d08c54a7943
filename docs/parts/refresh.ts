/**
 * **What.** Rewrites the parts of the documentation that are made from the code, and the pictures that belong to them:
 * `deno task docs:refresh`, with words to choose pages by their names. `tests/docs_test.ts` fails when one is not what
 * it would be rewritten to.
 *
 * **Format.**
 * ```text
 * <!-- invariants: lib/log.ts -->            the numbered invariants at the head of a file
 * <!-- limits: lib/options.ts -->            the limits among the constants of files
 * <!-- code: lib/log.ts LogReader.next -->   a function, a class, a member of one, or a "#region"
 * <!-- figure: 03_log_block -->              a picture that docs/figures/03_log_block.ts draws
 * <!-- experiment: 03_the_log -->            what docs/experiments/03_the_log.ts counts, and its plot
 * <!-- exercise: 03_the_log build -->        an exercise of docs/exercises/03_the_log/
 * <!-- exercises: all -->                    all experiments and exercises
 * <!-- bytes: log -->                        bytes that the engine writes today, taken apart
 * <!-- tour: recovery -->                    what a command prints on a real directory
 * <!-- bugs: planted -->                     the bugs that are planted, and who catches them
 * <!-- command: all -->                      the help of every command
 * <!-- output: sessions -->                  what a recipe prints
 * ```
 *
 * **Invariants.**
 * 1. Same code, same text, same pictures: nothing depends on the time or on the machine.
 *
 * **Read next.** `../../tests/docs_test.ts`
 *
 * @module
 */
import { tableOfBugs } from "./bugs.ts";
import { makeDumps } from "./bytes.ts";
import { codeOf } from "./code.ts";
import { helpOfAll } from "./command.ts";
import { documents, type Mark, marksOf, readDocument, replaceParts, root } from "./document.ts";
import { contents, exerciseOf } from "./exercises.ts";
import { invariantsOf, limitsOf } from "./invariants.ts";
import { experimentOf, figureOf, type Illustration } from "./pictures.ts";
import { outputOf } from "./output.ts";
import { makeTranscripts } from "./tour.ts";

/** A document made anew. */
export interface Refreshed {
  /** What it should be. */
  readonly text: string;
  /** The pictures that it shows: paths relative to the repository, and files. */
  readonly pictures: ReadonlyMap<string, string>;
}

let dumps: Promise<Map<string, string>> | undefined;
let transcripts: Promise<Map<string, string>> | undefined;

/** What belongs into a part: Markdown, or that with a picture. */
async function make(mark: Mark, path: string): Promise<string | Illustration | undefined> {
  const { kind, argument } = mark;
  switch (kind) {
    case "invariants":
      return invariantsOf(argument, path);
    case "limits":
      return limitsOf(argument, path);
    case "code":
      return codeOf(argument, path);
    case "figure":
      return await figureOf(argument);
    case "experiment":
      return await experimentOf(argument);
    case "exercise":
      return await exerciseOf(argument, path);
    case "exercises":
      return await contents();
    case "bytes":
      return (await (dumps ??= makeDumps())).get(argument);
    case "tour":
      return (await (transcripts ??= makeTranscripts())).get(argument);
    case "bugs":
      return tableOfBugs();
    case "command":
      return helpOfAll();
    case "output":
      return await outputOf(argument);
    default:
      return undefined;
  }
}

/**
 * A document with its marked parts made anew.
 *
 * @param path Where it is.
 * @param isWanted Which parts are: all by default. The others stay as they are.
 * @returns What it should be, and the pictures that the parts show.
 */
export async function refreshed(
  path: string,
  isWanted: (mark: Mark) => boolean = () => true,
): Promise<Refreshed> {
  const text = readDocument(path);
  const parts = new Map<string, string>();
  const pictures = new Map<string, string>();
  for (const mark of marksOf(text).filter(isWanted)) {
    const made = await make(mark, path);
    const name = `${mark.kind}: ${mark.argument}`;
    if (made === undefined) throw new Error(`${path}: nothing makes "${name}"`);
    parts.set(name, typeof made === "string" ? made : made.markdown);
    if (typeof made !== "string") pictures.set(`docs/${made.path}`, made.svg);
  }
  return {
    text: replaceParts(text, ({ kind, argument }) => parts.get(`${kind}: ${argument}`)),
    pictures,
  };
}

/** Writes a file if it is not so already. */
function write(path: string, text: string): void {
  const url = new URL(path, root);
  try {
    if (Deno.readTextFileSync(url) === text) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(url, text);
  console.log(`refreshed ${path}`);
}

if (import.meta.main) {
  const words = Deno.args;
  const chosen = documents().filter((path) =>
    words.length === 0 || words.some((word) => path.includes(word))
  );
  for (const path of chosen) {
    const { text, pictures } = await refreshed(path);
    write(path, text);
    for (const [picture, svg] of pictures) write(picture, svg);
  }
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", ...chosen], cwd: root })
    .output();
}
