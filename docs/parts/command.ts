/**
 * **What.** The help of every command, as the program prints it.
 *
 * **Invariants.**
 * 1. What a command says of itself is all there is: nothing is written by hand.
 *
 * **Read next.** `tour.ts`
 *
 * @module
 */
import type { Command } from "commander";
import { varve } from "../../lib/cli_program.ts";
import { memoryContext } from "../../tests/fixtures/cli_session.ts";

/** The help of all commands as Markdown, each below a heading of its own. */
export function helpOfAll(): string {
  const { program } = varve(memoryContext());
  const parts: string[] = [];
  const add = (command: Command, path: readonly string[]) => {
    const name = path.join(" ");
    parts.push(`### \`${name}\`\n\n\`\`\`text\n${command.helpInformation().trimEnd()}\n\`\`\``);
    for (const it of command.commands) add(it, [...path, it.name()]);
  };
  for (const it of program.commands) add(it, ["varve", it.name()]);
  return parts.join("\n\n");
}
