/**
 * **What.** All commands as one program. A new one is a line here.
 *
 * **Invariants.**
 * 1. The commands are in the order in which help lists them: reading and writing first, then moving data in and out,
 *    then looking inside and mending, then the rest.
 *
 * **Read next.** `cli.ts`
 *
 * @module
 */
import { addBench } from "./cli_benchmark.ts";
import { CliFrame } from "./cli_command.ts";
import { addCompletion } from "./cli_completion.ts";
import type { CliContext } from "./cli_context.ts";
import { addDump } from "./cli_dump.ts";
import { addExport } from "./cli_export.ts";
import { addKv } from "./cli_kv.ts";
import { addLevels } from "./cli_levels.ts";
import { addLoad } from "./cli_load.ts";
import { addCompact, addDestroy, addRepair, addVerify } from "./cli_maintenance.ts";
import { addCount, addGet, addScan } from "./cli_read.ts";
import { addShell } from "./cli_shell.ts";
import { addStats } from "./cli_stats.ts";
import { addDelete, addPut } from "./cli_write.ts";

/** The version of all of it, as in `deno.json`. */
export const VERSION: string = "0.1.0";

/** What adds each command. */
const COMMANDS: readonly ((frame: CliFrame) => void)[] = [
  addGet,
  addPut,
  addDelete,
  addScan,
  addCount,
  addLoad,
  addExport,
  addStats,
  addLevels,
  addDump,
  addVerify,
  addRepair,
  addCompact,
  addDestroy,
  addKv,
  addShell,
  addBench,
  addCompletion,
];

/**
 * The command with all that it can do.
 *
 * @param context What it works with.
 * @returns The frame, of which `run` carries out a command line.
 */
export function varve(context: CliContext): CliFrame {
  const frame = new CliFrame(context);
  frame.program
    .description("Looks into a database, writes to it, and looks after it.")
    .version(VERSION, "-V, --version", "print the version")
    .helpCommand("help [command]", "print the help of a command");
  for (const add of COMMANDS) add(frame);
  return frame;
}
