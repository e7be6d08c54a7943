/**
 * **What.** `deno task recipe sessions`: runs the program of a recipe, with no more permissions than the head of its
 * file says that it needs. Without a name it lists them. What comes after the name goes to the program: a directory,
 * mostly, to be kept; without one it makes one, and removes it.
 *
 * **Format.** What is read in the head of a recipe.
 * ```text
 * **What.** title: …                          for the list, up to the first colon or full stop
 * deno run FLAGS docs/recipes/NAME.ts …       how it is run
 * ```
 *
 * **Invariants.**
 * 1. The command that is run is printed first: it can be typed instead.
 * 2. It ends as the program does.
 *
 * **Read next.** `sessions.ts`
 *
 * @module
 */
import { fromFileUrl } from "@std/path";

const folder = new URL("./", import.meta.url);
const root = new URL("../../", import.meta.url);

/** A program of this directory. */
export interface Recipe {
  readonly name: string;
  readonly title: string;
  /** What `deno run` is to be given before the file. */
  readonly flags: readonly string[];
}

/** Text of the head of a file, without the stars. */
function headOf(source: string): string {
  return (/^\/\*\*([^]*?)\*\//.exec(source)?.[1] ?? "").replace(/^ \* ?/gm, "");
}

/**
 * Reads what a recipe says of itself.
 *
 * @param name Its name, such as `sessions`.
 * @param source Its file.
 * @returns How it is run.
 * @throws {Error} If its head does not say so.
 */
export function recipeOf(name: string, source: string): Recipe {
  const head = headOf(source);
  const title = /\*\*What\.\*\* ([^]*?)[:.]\s/.exec(head)?.[1]?.replaceAll("\n", " ");
  const command = new RegExp(`deno run ([^\`]*?) docs/recipes/${name}\\.ts`).exec(head)?.[1];
  if (title === undefined || command === undefined) {
    throw new Error(`Cannot run recipe: docs/recipes/${name}.ts does not say how, at its head`);
  }
  return { name, title, flags: command.split(/\s+/) };
}

/**
 * Runs a recipe with the permissions that it says it needs.
 *
 * @param name Its name, such as `sessions`.
 * @param args What its program is given.
 * @returns The lines that it prints.
 * @throws {Error} If it fails.
 */
export async function printedBy(name: string, ...args: string[]): Promise<string[]> {
  const path = `docs/recipes/${name}.ts`;
  const { flags } = recipeOf(name, Deno.readTextFileSync(new URL(path, root)));
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...flags, path, ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
  if (!success) throw new Error(`${path}: ${text(stderr)}`);
  return text(stdout).split("\n");
}

/** The recipes that have a program, by name. */
export function recipes(): Recipe[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /^\w+\.ts$/.test(name) && !/^run\.ts$|_test\.ts$/.test(name)).sort()
    .map((name) => recipeOf(name.replace(".ts", ""), Deno.readTextFileSync(new URL(name, folder))));
}

/** The pages that have no program of their own. */
function pagesAlone(programs: readonly Recipe[]): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => /^(\w+)\.md$/.exec(name)?.[1])
    .filter((name) => name !== undefined && name !== "README")
    .filter((name) => programs.every((it) => it.name !== name)).map((name) => name!).sort();
}

async function main([name, ...rest]: readonly string[]): Promise<number> {
  const all = recipes();
  if (name === undefined) {
    console.log("deno task recipe NAME [DIRECTORY]\n");
    const width = Math.max(...all.map((it) => it.name.length));
    for (const it of all) console.log(`${it.name.padEnd(width)}  ${it.title}`);
    console.log("\nTo read, without a program:");
    for (const name of pagesAlone(all)) console.log(`docs/recipes/${name}.md`);
    return 0;
  }
  const recipe = all.find((it) => it.name === name);
  if (recipe === undefined) {
    if (pagesAlone(all).includes(name)) {
      console.error(`error: ${name} is a page without a program: docs/recipes/${name}.md`);
      return 2;
    }
    console.error(`error: there is no recipe "${name}"; "deno task recipe" lists them`);
    return 2;
  }
  const args = ["run", ...recipe.flags, `docs/recipes/${name}.ts`, ...rest];
  console.log(`$ deno ${args.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), { args, cwd: fromFileUrl(root) });
  return (await command.spawn().status).code;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
