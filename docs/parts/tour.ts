/**
 * **What.** What the commands of the tour print, as Markdown: a shell that is killed, and what it left behind.
 *
 * **Invariants.**
 * 1. Each line was printed by the program, in a directory of its own; only that one's name is shortened, and in logs
 *    the time is left out.
 *
 * **Read next.** `code.ts`
 *
 * @module
 */
import { join } from "@std/path";
import { openDatabase } from "../../lib/database.ts";
import { denoFileSystem } from "../../lib/deno_file_system.ts";
import { Shell } from "../../lib/shell.ts";
import { bytes as bytesCodec, type Logger, VarveError } from "../../mod.ts";
import { fenced, root } from "./document.ts";

const DIRECTORY = "data/tour";
const FIRST_LINES = ["put clay grey", "put sand yellow", "put silt brown", "delete clay"];
const LATER_LINES = ["put clay red", "delete sand", "flush", "levels", "compact", "levels", "scan"];

/** What the tour's commands print, by name. */
export async function makeTranscripts(): Promise<Map<string, string>> {
  const home = await Deno.makeTempDir();
  const directory = join(home, "tour");
  const show = (lines: string[]) =>
    fenced(lines.map((line) => line.replaceAll(directory, DIRECTORY).replaceAll("\\", "/")));
  const files = () => show(listFiles(directory));
  const transcripts = new Map<string, string>();
  try {
    transcripts.set(
      "write and kill",
      show(await writeAndKill(directory, (while_) => transcripts.set("locked", show(while_)))),
    );
    transcripts.set("files after the kill", files());
    transcripts.set("recovery", show(await talk(directory, ["scan"], "debug")));
    transcripts.set("files after recovery", files());
    transcripts.set("compaction", show(await talk(directory, LATER_LINES)));
    transcripts.set("files after compaction", files());
    return transcripts;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

function listFiles(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort().map((name) =>
    `${name.padEnd(16)} ${String(Deno.statSync(join(directory, name)).size).padStart(4)}`
  );
}

/** Writes through the shell in a process of its own, tries to open the database beside it, and kills it. */
async function writeAndKill(
  directory: string,
  refused: (lines: string[]) => void,
): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", `--allow-read`, `--allow-write=${directory}`],
      ...[new URL("lib/shell.ts", root).href, directory],
    ],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = [`$ deno task shell ${DIRECTORY}`];
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (const line of FIRST_LINES) {
      await input.write(new TextEncoder().encode(`${line}\n`));
      let answer = "";
      while (!answer.endsWith("\n")) {
        const { done, value } = await output.read();
        if (done) throw new Error(`the shell ended at "${line}"`);
        answer += value;
      }
      lines.push(`varve> ${line}`, answer.trimEnd());
    }
    refused(await talk(directory, []));
  } finally {
    child.kill("SIGKILL");
    const { signal } = await child.status;
    lines.push(signal === "SIGKILL" ? "Killed" : String(signal));
    await output.cancel();
    await input.abort().catch(() => {});
  }
  return lines;
}

/** A conversation with the shell, as it looks on a terminal, but for the time in the lines of the log. */
async function talk(directory: string, input: string[], debug?: "debug"): Promise<string[]> {
  let text = `$ deno task shell ${debug ? "--debug " : ""}${DIRECTORY}\n`;
  const print = (part: string) => void (text += part);
  const logger: Logger = {
    log(level, source, message) {
      if (debug && source !== "shell") print(`${level.padEnd(5)} ${source}: ${message}\n`);
    },
  };
  try {
    await using database = openDatabase(
      directory,
      { key: bytesCodec, value: bytesCodec, logger },
      denoFileSystem,
    );
    const shell = new Shell({ database, print, printError: print, logger });
    for (const line of input) {
      print(`varve> ${line}\n`);
      await shell.execute(line);
    }
    print("varve> exit\n");
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    print(`error: ${error.message}\n`);
  }
  return text.trimEnd().split("\n");
}
