/**
 * **What.** `levels`: the tree as a picture, with the tables of each level, their bytes and the keys they span.
 *
 * **Format.** As JSON, on one line; keys as in `cli_entries.ts`, `"smallest64"` where one is not UTF-8:
 * ```text
 * levels := {"directory": string, "levels": [level, …]}         all levels, the empty ones, too
 * level  := {"level": number, "bytes": number, "tables": [table, …]}
 * table  := {"number": number, "bytes": number, "smallest": text, "largest": text}
 * ```
 *
 * **Invariants.**
 * 1. Only the manifest is read, so it takes no longer for a larger database, and logs are not looked at.
 * 2. No line is wider than the terminal.
 *
 * **Read next.** `cli_maintenance.ts`
 *
 * @module
 */
import type { CliFrame } from "./cli_command.ts";
import type { CliContext, CliOutput } from "./cli_context.ts";
import {
  addEncodings,
  checkDirectory,
  type Encoding,
  type EncodingOptions,
  jsonMember,
  toPrinted,
} from "./cli_entries.ts";
import { bar, clipped, columnsOf, padded, painted } from "./cli_text.ts";
import { bytewise } from "./comparator.ts";
import { lockName } from "./file_names.ts";
import { InternalKeyComparator, userKeyOf } from "./internal_key.ts";
import { loadManifest } from "./manifest.ts";
import { jsonText } from "./shell_command.ts";
import { bytesText, counted } from "./shell_report.ts";
import { totalBytes, type Version } from "./version.ts";
import type { TableMeta } from "./version_edit.ts";

type LevelsOptions = Pick<EncodingOptions, "keyEncoding"> & {
  readonly tables?: true;
  readonly json?: true;
};

/** The bar of the largest level takes a part of the line, and no more than so many columns. */
const BAR_COLUMNS_MAX = 24;

/**
 * Adds `levels`.
 *
 * @param frame The frame.
 */
export function addLevels(frame: CliFrame): void {
  const command = frame.command("levels", {
    summary: "draw the tree: tables, bytes and keys of each level",
    details: "What is only in the log so far is in no level.",
    examples: [
      ["varve levels ./data", "a line for each level"],
      ["varve levels ./data --tables", "and one for each table"],
      ["varve levels ./data --json", "all of it, for another program"],
    ],
  })
    .argument("<directory>", "where the database is")
    .option("--tables", "the tables of each level, too")
    .option("--json", "as JSON, on one line");
  addEncodings(command, ["key"]);
  frame.onRun<LevelsOptions>(command, async (context, [directory], options) => {
    const version = readVersion(context, directory!);
    const { output } = context;
    const text = options.json
      ? levelsJson(version, directory!, options.keyEncoding)
      : levelLines(version, output, options).join("\n");
    await output.write(`${text}\n`);
  });
}

/** Reads the tree that the manifest tells of, while nobody writes. */
function readVersion(context: CliContext, directory: string): Version {
  checkDirectory(context, directory);
  const { fileSystem } = context;
  const lockPath = fileSystem.join(directory, lockName);
  const lock = fileSystem.exists(lockPath) ? fileSystem.lock(lockPath, "shared") : undefined;
  try {
    return loadManifest(fileSystem, directory, new InternalKeyComparator(bytewise)).version;
  } finally {
    lock?.release();
  }
}

function levelsJson(version: Version, directory: string, encoding: Encoding): string {
  const levels = version.levels.map((tables, level) => {
    const parts = tables.map(({ number, bytes, smallest, largest }) =>
      `{"number":${number},"bytes":${bytes},` +
      `${jsonMember("smallest", userKeyOf(smallest), encoding)},` +
      `${jsonMember("largest", userKeyOf(largest), encoding)}}`
    );
    return `{"level":${level},"bytes":${totalBytes(tables)},"tables":[${parts.join(",")}]}`;
  });
  return `{"directory":${jsonText(directory)},"levels":[${levels.join(",")}]}`;
}

/** The keys from the first to the last one of some tables. */
function spanOf(version: Version, tables: readonly TableMeta[]): [Uint8Array, Uint8Array] {
  const compare = (a: Uint8Array, b: Uint8Array) =>
    version.comparator.compare(a, 0, a.length, b, 0, b.length);
  let { smallest, largest } = tables[0]!;
  for (const table of tables) {
    if (compare(table.smallest, smallest) < 0) smallest = table.smallest;
    if (compare(table.largest, largest) > 0) largest = table.largest;
  }
  return [userKeyOf(smallest), userKeyOf(largest)];
}

/** Two keys, of which the first gets half of the room if both are long. */
function spanText(
  [from, to]: [Uint8Array, Uint8Array],
  encoding: Encoding,
  columns: number,
): string {
  const [first, last] = [toPrinted(from, encoding), toPrinted(to, encoding)];
  const room = Math.max(2, columns - " to ".length);
  const half = Math.max(room >> 1, room - columnsOf(clipped(last, room)));
  const start = clipped(first, half);
  return `${start} to ${clipped(last, room - columnsOf(start))}`;
}

/** The parts of a line before the bar. */
const head = (level: string, tables: string, bytes: string) =>
  `${level.padStart(5)}  ${tables.padStart(6)}  ${bytes.padStart(10)}  `;
const HEAD_COLUMNS = head("", "", "").length;
/** Keys that have less room than that are left out. */
const SPAN_COLUMNS_MIN = 18;

function levelLines(version: Version, output: CliOutput, options: LevelsOptions): string[] {
  const { keyEncoding } = options;
  const { columns } = output;
  const levels = version.levels.map((tables, level) => ({
    level,
    tables,
    bytes: totalBytes(tables),
  }));
  const deepest = levels.findLastIndex(({ tables }) => tables.length > 0);
  const most = Math.max(...levels.map(({ bytes }) => bytes));
  // Keys say more than a bar does: they get the room, if there is enough for them.
  const free = columns - HEAD_COLUMNS;
  const hasKeys = free - (columns >> 3) >= SPAN_COLUMNS_MIN;
  const barColumns = Math.max(0, Math.min(BAR_COLUMNS_MAX, hasKeys ? columns >> 3 : free));
  const span = (tables: readonly TableMeta[], room: number) =>
    tables.length > 0 && room >= SPAN_COLUMNS_MIN
      ? `  ${spanText(spanOf(version, tables), keyEncoding, room - 2)}`
      : "";
  const keysTitle = hasKeys ? `${padded("", barColumns)}  keys` : "";
  const title = `${head("level", "tables", "bytes")}${keysTitle}`.trimEnd();
  const lines = [painted(output, "bold", clipped(title, columns))];
  for (const { level, tables, bytes } of levels.slice(0, deepest + 1)) {
    const start = clipped(head(`${level}`, `${tables.length}`, bytesText(bytes)), columns);
    const drawn = padded(bar(bytes, most, barColumns), barColumns);
    const keys = span(tables, free - barColumns);
    lines.push(`${start}${painted(output, "cyan", drawn)}${keys}`.trimEnd());
    if (!options.tables) continue;
    for (const [at, table] of tables.entries()) {
      const branch = at === tables.length - 1 ? "└" : "├";
      const name = `${branch} ${`${table.number}`.padStart(6, "0")}`;
      const begin = `${name.padStart(15)}  ${bytesText(table.bytes).padStart(8)}`;
      lines.push(clipped(begin, columns) + span([table], columns - columnsOf(begin)));
    }
  }
  const tableCount = levels.reduce((sum, { tables }) => sum + tables.length, 0);
  const all = levels.reduce((sum, { bytes }) => sum + bytes, 0);
  const sum = deepest < 0
    ? "no tables: all there is, is in the log"
    : head("all", `${tableCount}`, bytesText(all)).trimEnd();
  lines.push(clipped(sum, columns));
  if (deepest >= 0 && deepest < levels.length - 1) {
    const empty = counted(levels.length - 1 - deepest, "deeper level is", "deeper levels are");
    lines.push(painted(output, "dim", clipped(`${empty} empty`, columns)));
  }
  return lines;
}
