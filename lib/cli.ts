/**
 * **What.** The command `varve`: a database at a terminal, in a script or in a pipe.
 *
 * ```sh
 * deno run --allow-read --allow-write jsr:@varve/varve/cli put ./data city:Rome "2.8 million"
 * deno run --allow-read jsr:@varve/varve/cli scan ./data --prefix city:
 * deno install --global --name varve --allow-read --allow-write jsr:@varve/varve/cli
 * ```
 *
 * As a function, which gives the status in place of an exit:
 *
 * ```ts
 * import { main } from "@varve/varve/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * assertEquals(await main(["put", directory, "city:Rome", "2.8 million"]), 0);
 * assertEquals(await main(["get", directory, "city:Rome"]), 0); // prints 2.8 million
 * assertEquals(await main(["get", directory, "city:Paris"]), 1); // there is no such key
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * **Invariants.**
 * 1. The status is as `cli_context.ts` says, however the command ends.
 * 2. Nothing is written by a command that only reads: it needs no permission to.
 *
 * **Read next.** `../mod.ts`
 *
 * @module
 */
import { inProcess } from "./cli_process.ts";
import { varve } from "./cli_program.ts";

/**
 * Carries out a command line, with the terminal, the disk and the signals of the process.
 *
 * @example A command that there is not
 * ```ts
 * import { main } from "@varve/varve/cli";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["scam", "./data"]), 2); // and a line that asks for "scan"
 * ```
 *
 * @param args The arguments, without the name of the program.
 * @returns The status to exit with. Nothing is thrown: an error is printed.
 * @category Command
 */
export async function main(args: readonly string[]): Promise<number> {
  return await inProcess((context) => varve(context).run(args));
}

// What still waits for input when a signal comes would keep the process alive.
if (import.meta.main) Deno.exit(await main(Deno.args));
