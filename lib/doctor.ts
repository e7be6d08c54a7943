/**
 * **What.** The doctor: verifying, repairing and destroying a database at the command line.
 *
 * ```sh
 * deno run --allow-read jsr:@varve/varve/doctor verify ./data
 * deno run --allow-read --allow-write jsr:@varve/varve/doctor repair ./data
 * deno run --allow-read --allow-write jsr:@varve/varve/doctor destroy ./data
 * ```
 *
 * In a clone that is `deno task doctor verify ./data`. The command `varve` has the same three, and all the others.
 *
 * `repair` copies nothing: copy the directory before. As a function, on any disk, with a status in place of an exit:
 *
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { type DoctorSurroundings, runDoctor } from "@varve/varve/doctor";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * fileSystem.remove("data/CURRENT"); // by accident
 * const surroundings: DoctorSurroundings = {
 *   fileSystem,
 *   print: (text) => console.log(text),
 *   printError: (text) => console.error(text),
 *   confirm: undefined,
 *   showsProgress: false,
 *   signal: new AbortController().signal,
 * };
 * assertEquals(await runDoctor(["verify", "data"], surroundings), 1);
 * assertEquals(await runDoctor(["repair", "data"], surroundings), 0);
 * assertEquals(await runDoctor(["verify", "data"], surroundings), 0);
 * ```
 *
 * **Format.** What was found is one line each, on the output:
 * ```text
 * finding := ("error" | "warning"), " ", file name, [" at ", offset], ": ", what
 * ```
 *
 * **Invariants.**
 * 1. Status 0: the database is sound, or what was asked for is done and nothing is lost. 1: there are errors, or
 *    something is lost, or could not be moved out of the way. 2: wrong arguments, or it could not be done. A signal is
 *    128 and its number.
 * 2. Results go to the output. Progress goes to the error output, and only to a terminal.
 * 3. Nothing is destroyed unless `--yes` says so, or a person at a terminal.
 * 4. `verify` needs no permission to write.
 *
 * **Read next.** `../mod.ts`
 *
 * @module
 */
import { parseArgs } from "node:util";
import { denoFileSystem } from "./deno_file_system.ts";
import { onEndSignal } from "./deno_signals.ts";
import { destroyDatabase } from "./destroy.ts";
import type { FileSystem } from "./file_system.ts";
import type { MaintenanceProgress } from "./maintenance.ts";
import { repairDatabase } from "./repair.ts";
import type { DamagedRange, RepairReport } from "./repair_report.ts";
import { errorLine, keyText, oneLine } from "./shell_command.ts";
import { bytesText, counted } from "./shell_report.ts";
import { type Finding, verifyDatabase, type VerifyReport } from "./verify.ts";

const USAGE = `Looks after a database.

Usage: deno task doctor COMMAND DIRECTORY

  verify DIRECTORY    look whether it is whole; changes nothing
  repair DIRECTORY    make a database of what can still be read; the rest is moved to DIRECTORY/lost
  destroy DIRECTORY   remove the database's files, and nothing else

  --keep-older  repair: keep a version of a key although a newer one may be lost
  --yes         destroy: do not ask
  --help        print this

Status: 0 sound or done, 1 errors found or something lost, 2 not possible.
`;

/**
 * A finding as one line.
 *
 * @example An error and its place
 * ```ts
 * import { findingText } from "@varve/varve/doctor";
 * import { assertEquals } from "@std/assert";
 *
 * const what = "block checksum mismatch";
 * const line = findingText({ severity: "error", file: "000005.ldb", offset: 4096, what });
 * assertEquals(line, "error 000005.ldb at 4096: block checksum mismatch\n");
 * ```
 *
 * @param finding What was found.
 * @returns The line, with its end.
 * @category Maintenance
 */
export function findingText({ severity, file, offset, what }: Finding): string {
  const place = offset === undefined ? "" : ` at ${offset}`;
  return `${severity} ${oneLine(file)}${place}: ${oneLine(what)}\n`;
}

/**
 * What verifying has come to.
 *
 * @example A database that is sound
 * ```ts
 * import { MemoryFileSystem, open, verify } from "@varve/varve";
 * import { verifyText } from "@varve/varve/doctor";
 * import { assertMatch } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * const text = verifyText(await verify("data", { fileSystem }));
 * assertMatch(text, /^sound: 0 errors, 0 warnings; read 0 tables, .*\n$/);
 * ```
 *
 * @param report The report.
 * @returns Lines, each with its end.
 * @category Maintenance
 */
export function verifyText(report: VerifyReport): string {
  const { findings, errorCount, warningCount } = report;
  const more = errorCount + warningCount - findings.length;
  const found = `${counted(errorCount, "error", "errors")}, ` +
    counted(warningCount, "warning", "warnings");
  const read = [
    counted(report.tableCount, "table", "tables"),
    counted(report.blockCount, "block", "blocks"),
    counted(report.entryCount, "entry", "entries"),
    counted(report.logRecordCount, "log record", "log records"),
    bytesText(report.bytesRead),
  ];
  return findings.map(findingText).join("") + (more > 0 ? `and ${more} more\n` : "") +
    `${report.isSound ? "sound" : "damaged"}: ${found}; read ${read.join(", ")}\n`;
}

function rangeText({ offset, bytes, what, isLoss, fromKey, toKey }: DamagedRange): string {
  const where = bytes > 0 ? `${counted(bytes, "byte", "bytes")} at ${offset}` : `at ${offset}`;
  let keys = fromKey ?? toKey ? ", keys" : "";
  if (fromKey !== undefined) keys += ` from ${keyText(fromKey)}`;
  if (toKey !== undefined) keys += ` up to ${keyText(toKey)}`;
  return `  ${isLoss ? "lost" : "damaged"}, ${where}${keys}: ${oneLine(what)}\n`;
}

/** So many damaged ranges of each file are printed; the function gives all of them. */
const RANGES_MAX = 10;

/**
 * What repairing has come to: a table of files, and below each what is damaged in it.
 *
 * @example A database that has nothing to mend
 * ```ts
 * import { MemoryFileSystem, open, repair } from "@varve/varve";
 * import { repairText } from "@varve/varve/doctor";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * const lines = repairText(await repair("data", { fileSystem })).trimEnd().split("\n");
 * assertEquals(lines[0]?.startsWith("file "), true);
 * assertEquals(lines.at(-1), "repaired: nothing is lost");
 * ```
 *
 * @param report The report.
 * @returns Lines, each with its end.
 * @category Maintenance
 */
export function repairText(report: RepairReport): string {
  const { files, isComplete, usedManifest, lostBytes, leftOutCount } = report;
  const shown = ({ file }: { file: string }) => oneLine(file);
  const fileWidth = Math.max(...files.map((it) => shown(it).length), 4);
  const row = (...[file, fate, entries, leftOut, moved]: string[]) =>
    `${file!.padEnd(fileWidth)}  ${fate!.padEnd(9)}  ${entries!.padStart(9)}  ${
      leftOut!.padStart(8)
    }  ${moved}`.trimEnd() + "\n";
  let text = row("file", "fate", "entries", "left out", "moved to");
  for (const it of files) {
    const { fate, entryCount, leftOutCount, movedTo = "", notMoved, damage } = it;
    const isData = fate === "kept" || fate === "rewritten" || fate === "replayed";
    text += row(
      shown(it),
      fate,
      isData ? entryCount.toLocaleString("en") : "",
      leftOutCount > 0 ? leftOutCount.toLocaleString("en") : "",
      oneLine(movedTo),
    );
    if (notMoved !== undefined) text += `  not moved: ${oneLine(notMoved)}\n`;
    for (const range of damage.slice(0, RANGES_MAX)) text += rangeText(range);
    if (damage.length > RANGES_MAX) {
      text += `  and ${(damage.length - RANGES_MAX).toLocaleString("en")} more\n`;
    }
  }
  if (files.some(({ notMoved }) => notMoved !== undefined)) {
    text +=
      "what was not moved is removed when the database is opened: copy it first, if it matters\n";
  }
  if (!usedManifest) {
    text += "the manifest could not be used: what was deleted or overwritten may be back\n";
  }
  if (leftOutCount > 0) {
    text += `${counted(leftOutCount, "value was", "values were")} left out, ` +
      "since a newer version may be lost; they are still in the tables in lost\n";
  }
  return text +
    (isComplete
      ? "repaired: nothing is lost\n"
      : `repaired: ${
        lostBytes > 0 ? bytesText(lostBytes) : "something"
      } could not be read, see above\n`);
}

/**
 * What the program works with besides its arguments.
 *
 * @example A terminal at which nobody agrees
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { type DoctorSurroundings, runDoctor } from "@varve/varve/doctor";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * let errors = "";
 * const surroundings: DoctorSurroundings = {
 *   fileSystem,
 *   print: () => {},
 *   printError: (text) => errors += text,
 *   confirm: (_question) => false,
 *   showsProgress: false,
 *   signal: AbortSignal.any([]),
 * };
 * assertEquals(await runDoctor(["destroy", "data"], surroundings), 2);
 * assertEquals(errors, "error: Cannot destroy database: nobody has said --yes\n");
 * ```
 *
 * @category Maintenance
 */
export interface DoctorSurroundings {
  /** The disk. */
  fileSystem: FileSystem;
  /** Where results go. */
  print: (text: string) => void;
  /** Where everything else goes. */
  printError: (text: string) => void;
  /** Asks a person; `undefined` if there is none. */
  confirm: ((question: string) => boolean) | undefined;
  /** Whether there is somebody to look at progress. */
  showsProgress: boolean;
  /** Ends what is under way. */
  signal: AbortSignal;
}

/** Prints how far it has come, over what was printed before. */
function progressPrinter(
  { showsProgress, printError }: DoctorSurroundings,
): { onProgress: (progress: MaintenanceProgress) => void; clear: () => void } {
  let width = 0;
  const show = (text: string) => {
    if (!showsProgress) return;
    printError(`\r${text.padEnd(width)}`);
    width = text.length;
  };
  return {
    onProgress({ file, bytesRead, bytesTotal }) {
      const percent = Math.floor(100 * bytesRead / Math.max(1, bytesTotal));
      show(`${percent} %, ${bytesText(bytesRead)}, ${file}`);
    },
    clear() {
      if (width === 0) return;
      show("");
      printError("\r");
    },
  };
}

/**
 * Carries out a command line.
 *
 * @example Verifying a database in memory
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { runDoctor } from "@varve/varve/doctor";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("db", { fileSystem })).close();
 * let output = "";
 * const status = await runDoctor(["verify", "db"], {
 *   fileSystem,
 *   print: (text) => output += text,
 *   printError: () => {},
 *   confirm: undefined,
 *   showsProgress: false,
 *   signal: new AbortController().signal,
 * });
 * assertEquals(status, 0);
 * assertEquals(output.startsWith("sound: 0 errors, 0 warnings"), true);
 * ```
 *
 * @param args The arguments.
 * @param surroundings What it works with.
 * @returns The status to exit with. Nothing is thrown: an error is printed, and status 2.
 * @category Maintenance
 */
export async function runDoctor(
  args: readonly string[],
  surroundings: DoctorSurroundings,
): Promise<number> {
  const { print, printError } = surroundings;
  const { onProgress, clear } = progressPrinter(surroundings);
  const { fileSystem, signal, confirm } = surroundings;
  try {
    const { command, directory, isYes, keepOlder } = parseArguments(args);
    const options = { onProgress, signal };
    switch (command) {
      case "help":
        print(USAGE);
        return 0;
      case "verify": {
        const report = await verifyDatabase(directory, options, fileSystem);
        clear();
        print(verifyText(report));
        return report.isSound ? 0 : 1;
      }
      case "repair": {
        const report = await repairDatabase(directory, { ...options, keepOlder }, fileSystem);
        clear();
        print(repairText(report));
        const isMoved = report.files.every(({ notMoved }) => notMoved === undefined);
        return report.isComplete && isMoved ? 0 : 1;
      }
      case "destroy": {
        const isMeant = isYes || confirm?.(`Remove the database in ${directory} for good?`);
        if (!isMeant) throw new TypeError("Cannot destroy database: nobody has said --yes");
        const removed = destroyDatabase(directory, {}, fileSystem);
        print(`removed ${counted(removed.length, "file", "files")}\n`);
        return 0;
      }
    }
  } catch (error) {
    clear();
    if (signal.aborted) return 2; // whoever did that knows why
    printError(`${errorLine(error)}\n`);
    return 2;
  }
}

interface Arguments {
  readonly command: "verify" | "repair" | "destroy" | "help";
  readonly directory: string;
  readonly isYes: boolean;
  readonly keepOlder: boolean;
}

function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      "yes": { type: "boolean", default: false },
      "keep-older": { type: "boolean", default: false },
      "help": { type: "boolean", short: "h", default: false },
    },
  });
  const [command, directory, ...more] = positionals;
  const chosen = { isYes: values.yes, keepOlder: values["keep-older"] };
  if (values.help) return { command: "help", directory: "", ...chosen };
  if (command !== "verify" && command !== "repair" && command !== "destroy") {
    throw new TypeError("Expected verify, repair or destroy, and a directory; see --help");
  }
  if (directory === undefined || more.length > 0) {
    throw new TypeError(`Expected one directory to ${command}; see --help`);
  }
  if (chosen.isYes && command !== "destroy") throw new TypeError("--yes is for destroy only");
  if (chosen.keepOlder && command !== "repair") {
    throw new TypeError("--keep-older is for repair only");
  }
  return { command, directory, ...chosen };
}

// ——— The program ———

/** Writes all of a text; nobody reading it is no reason to stop in the middle of a repair. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/**
 * The program: {@linkcode runDoctor} on Deno's disk, with the terminal, ended by signals.
 *
 * @example Its usage
 * ```ts
 * import { main } from "@varve/varve/doctor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["--help"]), 0);
 * assertEquals(await main(["cure", "./data"]), 2); // there is no such command
 * ```
 *
 * @param args Its arguments.
 * @returns The status to exit with.
 * @category Maintenance
 */
export async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  let signaled: number | undefined;
  using _listening = onEndSignal((_name, number) => {
    signaled = 128 + number;
    interrupt.abort();
  });
  const status = await runDoctor(args, {
    fileSystem: denoFileSystem,
    print: (text) => writeAll(Deno.stdout, text),
    printError: (text) => writeAll(Deno.stderr, text),
    confirm: Deno.stdin.isTerminal() ? (question) => confirm(question) : undefined,
    showsProgress: Deno.stderr.isTerminal(),
    signal: interrupt.signal,
  });
  return signaled ?? status;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
