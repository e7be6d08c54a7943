/**
 * **What.** `stats`: what a database holds, once or again and again.
 *
 * **Format.** As JSON, one line; with `--watch` one for each time, with `"time"` first:
 * ```text
 * stats  := {"directory": string, "sequence": number, "tables": number, "tableBytes": number,
 *            "logs": number, "logBytes": number, "memtableBytes": number, "manifestBytes": number,
 *            "levels": [{"level": number, "tables": number, "bytes": number}, …]}
 * locked := {"time": string, "directory": string, "locked": true}
 * ```
 *
 * **Invariants.**
 * 1. The database is open only while it is looked at: whoever waits for it gets it between two looks.
 * 2. A database that another process writes to is told of as LOCKED: an error at once, and a state while watching.
 *
 * **Read next.** `cli_levels.ts`
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import type { CliFrame } from "./cli_command.ts";
import type { CliContext } from "./cli_context.ts";
import { openFor } from "./cli_entries.ts";
import { clipped, columnsOf, painted, tableLines, waited } from "./cli_text.ts";
import { VarveError } from "./errors.ts";
import { currentName, logName, parseFileName } from "./file_names.ts";
import type { FileSystem } from "./file_system.ts";
import { jsonText, oneLine } from "./shell_command.ts";
import { bytesText, counted } from "./shell_report.ts";
import type { LevelStats } from "./stats.ts";

/** What is printed of a database. */
interface Stats {
  readonly directory: string;
  readonly sequence: number;
  readonly tables: number;
  readonly tableBytes: number;
  readonly logs: number;
  readonly logBytes: number;
  /** What is in logs and in no table yet, as it is in memory. */
  readonly memtableBytes: number;
  readonly manifestBytes: number;
  readonly levels: readonly LevelStats[];
}

interface StatsOptions {
  readonly json?: true;
  /** Seconds, if that is asked for. */
  readonly watch?: number | true;
}

/** Seconds between two looks, unless told. */
const WATCH_SECONDS = 2;

/**
 * Adds `stats`.
 *
 * @param frame The frame.
 */
export function addStats(frame: CliFrame): void {
  const command = frame.command("stats", {
    summary: "print what a database holds",
    details:
      "With --watch again and again: on a terminal in place, in a pipe a line each time. The database is open " +
      "only while it is looked at; while another process writes to it, it is LOCKED.",
    examples: [
      ["varve stats ./data", "once"],
      ["varve stats ./data --watch 5", "every five seconds, until ctrl-C"],
      ["varve stats ./data --json | jq .tableBytes", "for another program"],
    ],
  })
    .argument("<directory>", "where the database is")
    .option(
      "--watch [seconds]",
      `again every so many seconds, ${WATCH_SECONDS} unless given`,
      seconds,
    )
    .option("--json", "as JSON, on one line");
  frame.onRun<StatsOptions>(command, async (context, [directory], options) => {
    const { watch, json = false } = options;
    if (watch !== undefined) {
      return await watchStats(context, directory!, watch === true ? WATCH_SECONDS : watch, json);
    }
    const stats = await look(context, directory!);
    const text = json ? jsonText(stats) : statsLines(stats).map((it) => it.join("  ")).join("\n");
    await context.output.write(`${text}\n`);
    return 0;
  });
}

function seconds(typed: string): number {
  const number = Number(typed);
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(typed) || number < 0.1) {
    throw new InvalidArgumentError("It is not a number of seconds from 0.1 on.");
  }
  return number;
}

/** Opens the database, looks and closes it. */
async function look(context: CliContext, directory: string): Promise<Stats> {
  await using database = openFor(context, directory, "reading", { poolBytes: 64 * 1024 });
  const { sequence, levels, memtable } = database.stats();
  const { fileSystem } = context;
  const sizeOf = (name: string) => fileSystem.size(fileSystem.join(directory, name));
  const logs = fileSystem.list(directory).filter((name) => {
    const parsed = parseFileName(name);
    return parsed?.kind === "log" && name === logName(parsed.number);
  });
  return {
    directory,
    sequence,
    tables: levels.reduce((sum, level) => sum + level.tables, 0),
    tableBytes: levels.reduce((sum, level) => sum + level.bytes, 0),
    logs: logs.length,
    logBytes: logs.reduce((sum, name) => sum + sizeOf(name), 0),
    memtableBytes: memtable.immutableBytes,
    manifestBytes: sizeOf(manifestOf(fileSystem, directory)),
    levels,
  };
}

/** The manifest that `CURRENT` names. The database is open, so it is there. */
function manifestOf(fileSystem: FileSystem, directory: string): string {
  const file = fileSystem.open(fileSystem.join(directory, currentName));
  try {
    const name = new Uint8Array(file.size);
    file.read(name, 0);
    return new TextDecoder().decode(name).trimEnd();
  } finally {
    file.close();
  }
}

/** Names and what they are, each a line. */
function statsLines(stats: Stats): [name: string, text: string][] {
  const { logs, logBytes, memtableBytes } = stats;
  const rows: [string, string][] = [
    ["directory", oneLine(stats.directory)],
    ["last write", `number ${stats.sequence.toLocaleString("en")}`],
    ["tables", `${counted(stats.tables, "table", "tables")}, ${bytesText(stats.tableBytes)}`],
    ...stats.levels.filter(({ tables }) => tables > 0).map((
      { level, tables, bytes },
    ): [string, string] => [
      `  level ${level}`,
      `${counted(tables, "table", "tables")}, ${bytesText(bytes)}`,
    ]),
    [
      "logs",
      `${counted(logs, "log", "logs")}, ${bytesText(logBytes)}; ` +
      `${bytesText(memtableBytes)} in memory are in no table yet`,
    ],
    ["manifest", bytesText(stats.manifestBytes)],
  ];
  const width = Math.max(...rows.map(([name]) => columnsOf(name)));
  return rows.map(([name, text]) => [name.padEnd(width), text]);
}

/** Looks again and again, until a signal ends it or nobody reads the output. */
async function watchStats(
  context: CliContext,
  directory: string,
  interval: number,
  json: boolean,
): Promise<number> {
  const { output, signal } = context;
  let drawn = 0;
  let before: { sequence: number; at: number } | undefined;
  for (;;) {
    const stats = await lookUnlessLocked(context, directory);
    const time = new Date().toISOString();
    const now = performance.now();
    const rate = stats === undefined || before === undefined
      ? undefined
      : (stats.sequence - before.sequence) / ((now - before.at) / 1000);
    if (stats !== undefined) before = { sequence: stats.sequence, at: now };
    if (json) {
      await output.write(`${jsonText({ time, ...stats ?? { directory, locked: true } })}\n`);
    } else if (!output.isTerminal) {
      await output.write(`${time}  ${watchText(stats, directory, rate)}\n`);
    } else {
      const lines = screenLines(context, stats, directory, rate, interval);
      // Over what was there before, which is erased to the end of the screen.
      await output.write(`${drawn > 0 ? `\x1b[${drawn}A\r\x1b[J` : ""}${lines.join("\n")}\n`);
      drawn = lines.length;
    }
    await waited(interval * 1000, signal);
  }
}

/** What there is to see, or nothing while another process has it. */
async function lookUnlessLocked(
  context: CliContext,
  directory: string,
): Promise<Stats | undefined> {
  try {
    return await look(context, directory);
  } catch (error) {
    if (error instanceof VarveError && error.code === "LOCKED") return undefined;
    throw error;
  }
}

function rateText(rate: number | undefined): string {
  return rate === undefined ? "" : `, ${Math.round(rate).toLocaleString("en")} writes/s`;
}

/** One line for each look. */
function watchText(stats: Stats | undefined, directory: string, rate: number | undefined): string {
  if (stats === undefined) return `LOCKED: another process writes to ${oneLine(directory)}`;
  const { sequence, tables, tableBytes, logBytes } = stats;
  return `last write ${sequence.toLocaleString("en")}${rateText(rate)}; ` +
    `${counted(tables, "table", "tables")}, ${bytesText(tableBytes)}; logs ${bytesText(logBytes)}`;
}

function screenLines(
  { output }: CliContext,
  stats: Stats | undefined,
  directory: string,
  rate: number | undefined,
  interval: number,
): string[] {
  const columns = output.columns - 1;
  const head = painted(output, "dim", clipped(`every ${interval} s, ctrl-C ends it`, columns));
  if (stats === undefined) {
    return [head, painted(output, "yellow", clipped(watchText(stats, directory, rate), columns))];
  }
  const rows = statsLines(stats).map(([name, text]) =>
    name.startsWith("last write") ? [name, text + rateText(rate)] : [name, text]
  );
  return [head, ...tableLines(rows, ["end", "end"]).map((line) => clipped(line, columns))];
}
