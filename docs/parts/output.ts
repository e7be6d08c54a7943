/**
 * **What.** What a recipe prints when it is run by its one command, as Markdown.
 *
 * **Invariants.**
 * 1. It is run with the permissions that it says it needs, as `deno task recipe` would run it.
 * 2. It is for recipes that print the same each time: a page with a duration would be out of date at once.
 *
 * **Read next.** `refresh.ts`
 *
 * @module
 */
import { printedBy } from "../recipes/run.ts";
import { fenced } from "./document.ts";

/**
 * Runs a recipe.
 *
 * @param name Its name, such as `sessions`.
 * @returns What it prints, as a block of text.
 * @throws {Error} If it fails.
 */
export async function outputOf(name: string): Promise<string> {
  return fenced(await printedBy(name));
}
