/**
 * **What.** The planted bugs, as Markdown.
 *
 * **Invariants.**
 * 1. Each bug is named with the file that it is planted in, and with the test that catches it.
 *
 * **Read next.** `bytes.ts`
 *
 * @module
 */
import { plantedBugs } from "../../tests/fixtures/planted_bugs.ts";
import { table } from "./document.ts";

/** The planted bugs, each with its file and the test that catches it. */
export function tableOfBugs(): string {
  return table(
    ["bug", "planted in", "caught by"],
    plantedBugs.map(({ name, file, caughtBy }) => [
      name,
      `\`${file}\``,
      `${caughtBy.test} (\`${caughtBy.file}\`)`,
    ]),
  );
}
