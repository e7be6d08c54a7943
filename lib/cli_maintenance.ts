/**
 * **What.** The commands that look after a database: `verify`, `repair`, `destroy` and `compact`.
 *
 * **Format.** As JSON, on one line:
 * ```text
 * verify  := the report of `verify.ts`
 * repair  := the report of `repair_report.ts`; keys in it are "fromKey" and "toKey", or "fromKey64" and "toKey64"
 * destroy := {"directory": string, "removed": [file name, …]}
 * compact := {"directory": string, "before": size, "after": size}      size := {"tables": number, "bytes": number}
 * ```
 *
 * **Invariants.**
 * 1. Results go to the output. Progress goes to the error output, and only to a terminal.
 * 2. Status 1 means damage, or that something is lost or could not be moved out of the way.
 * 3. Nothing is destroyed unless `--yes` says so, or a person at a terminal.
 *
 * **Read next.** `cli_shell.ts`
 *
 * @module
 */
import type { CliFrame, Run } from "./cli_command.ts";
import { type CliContext, CliError } from "./cli_context.ts";
import {
  addEncodings,
  checkDirectory,
  type EncodingOptions,
  fromTyped,
  jsonMember,
  openFor,
} from "./cli_entries.ts";
import { painted, StatusLine, waited } from "./cli_text.ts";
import { destroyDatabase } from "./destroy.ts";
import { repairText, verifyText } from "./doctor.ts";
import type { MaintenanceProgress } from "./maintenance.ts";
import { repairDatabase } from "./repair.ts";
import type { RepairReport } from "./repair_report.ts";
import { jsonText, oneLine } from "./shell_command.ts";
import { bytesText, counted } from "./shell_report.ts";
import type { DatabaseStats } from "./stats.ts";
import type { Database } from "./store.ts";
import { verifyDatabase } from "./verify.ts";

/** How often progress of a compaction is looked at. */
const PROGRESS_MS = 200;

interface JsonOption {
  readonly json?: true;
}

/** Says how far it has come while some work is done, and nothing after it. */
async function withProgress<T>(
  context: CliContext,
  work: (onProgress: (progress: MaintenanceProgress) => void) => Promise<T>,
): Promise<T> {
  const line = new StatusLine(context);
  try {
    return await work(({ file, bytesRead, bytesTotal }) => {
      const percent = Math.floor(100 * bytesRead / Math.max(1, bytesTotal));
      line.show(`${percent} %, ${bytesText(bytesRead)}, ${file}`);
    });
  } finally {
    await line.clear();
  }
}

/** A report's text, whose last line says how it ends, in a colour. */
function withVerdict({ output }: CliContext, text: string, isGood: boolean): string {
  const start = text.lastIndexOf("\n", text.length - 2) + 1;
  const end = text.indexOf(":", start);
  return text.slice(0, start) + painted(output, isGood ? "green" : "red", text.slice(start, end)) +
    text.slice(end);
}

/**
 * Adds `verify`.
 *
 * @param frame The frame.
 */
export function addVerify(frame: CliFrame): void {
  const command = frame.command("verify", {
    summary: "look whether a database is whole",
    details:
      "Reads every byte that an answer may depend on, changes nothing, and tells all that is wrong, a line " +
      "each. The status is 1 if there are errors.",
    examples: [
      ["varve verify ./data", "a line for each finding, and one that sums them up"],
      ["varve verify ./data --json | jq .isSound", "for another program"],
    ],
  })
    .argument("<directory>", "where the database is")
    .option("--json", "the report as JSON, on one line");
  const run: Run<JsonOption> = async (context, [directory], { json }) => {
    checkDirectory(context, directory!);
    const { fileSystem, signal, output } = context;
    const report = await withProgress(
      context,
      (onProgress) => verifyDatabase(directory!, { onProgress, signal }, fileSystem),
    );
    const { isSound } = report;
    await output.write(
      json ? `${jsonText(report)}\n` : withVerdict(context, verifyText(report), isSound),
    );
    return isSound ? 0 : 1;
  };
  frame.onRun(command, run);
}

/**
 * Adds `repair`.
 *
 * @param frame The frame.
 */
export function addRepair(frame: CliFrame): void {
  const command = frame.command("repair", {
    summary: "make a database of what can still be read",
    details:
      "Copy the directory before. What is not needed is moved to the directory lost in it. The status is 1 if " +
      "something is lost.",
    examples: [
      ["cp -r ./data ./copy && varve repair ./data", "and a table of what became of each file"],
      ["varve repair ./data --keep-older --json", "rather an older value than none"],
    ],
  })
    .argument("<directory>", "where the database is")
    .option("--keep-older", "keep a version of a key although a newer one may be lost", false)
    .option("--json", "the report as JSON, on one line");
  const run: Run<JsonOption & { readonly keepOlder: boolean }> = async (
    context,
    [directory],
    { json, keepOlder },
  ) => {
    checkDirectory(context, directory!);
    const { fileSystem, signal, output } = context;
    const report = await withProgress(
      context,
      (onProgress) => repairDatabase(directory!, { onProgress, signal, keepOlder }, fileSystem),
    );
    const { isComplete, files } = report;
    await output.write(
      json ? repairJson(report) : withVerdict(context, repairText(report), isComplete),
    );
    return isComplete && files.every(({ notMoved }) => notMoved === undefined) ? 0 : 1;
  };
  frame.onRun(command, run);
}

/** The report as JSON, with its keys as text where they are text. */
function repairJson(report: RepairReport): string {
  const keys = ({ fromKey, toKey }: { fromKey?: Uint8Array; toKey?: Uint8Array }) => {
    const members = [
      ...fromKey === undefined ? [] : [jsonMember("fromKey", fromKey, "utf8")],
      ...toKey === undefined ? [] : [jsonMember("toKey", toKey, "utf8")],
    ];
    return JSON.parse(`{${members.join(",")}}`) as Record<string, string>;
  };
  const files = report.files.map((file) => ({
    ...file,
    damage: file.damage.map(({ fromKey, toKey, ...rest }) => ({
      ...rest,
      ...keys({ ...fromKey && { fromKey }, ...toKey && { toKey } }),
    })),
  }));
  return `${jsonText({ ...report, files })}\n`;
}

/**
 * Adds `destroy`.
 *
 * @param frame The frame.
 */
export function addDestroy(frame: CliFrame): void {
  const command = frame.command("destroy", {
    summary: "remove a database's files, and nothing else",
    details: "A person at a terminal is asked; a script has to say --yes.",
    examples: [
      ["varve destroy ./data", "ask, and remove it"],
      ["varve destroy ./data --yes --json", "do not ask, and list the files"],
    ],
  })
    .argument("<directory>", "where the database is")
    .option("--yes", "do not ask")
    .option("--json", "what was removed, as JSON on one line");
  frame.onRun<JsonOption & { readonly yes?: true }>(
    command,
    async (context, [directory], { yes = false, json }) => {
      checkDirectory(context, directory!);
      if (!yes && !await isMeant(context, directory!)) {
        throw new CliError("Cannot destroy database: nobody has said --yes");
      }
      const removed = destroyDatabase(directory!, {}, context.fileSystem);
      await context.output.write(
        json
          ? `${jsonText({ directory, removed })}\n`
          : `removed ${counted(removed.length, "file", "files")}\n`,
      );
    },
  );
}

/** Asks a person, if there is one. */
async function isMeant({ input, errors, signal }: CliContext, directory: string): Promise<boolean> {
  if (!input.isTerminal || !errors.isTerminal) return false;
  await errors.write(`Remove the database in ${oneLine(directory)} for good? [y/N] `);
  const reader = input.readable.getReader();
  const stop = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    // A terminal gives whole lines.
    const { value } = await reader.read();
    signal.throwIfAborted();
    return /^y(es)?\s*$/i.test(new TextDecoder().decode(value));
  } finally {
    signal.removeEventListener("abort", stop);
    reader.releaseLock();
  }
}

type CompactOptions = JsonOption & Pick<EncodingOptions, "keyEncoding"> & {
  readonly gte?: string;
  readonly lt?: string;
};

/**
 * Adds `compact`.
 *
 * @param frame The frame.
 */
export function addCompact(frame: CliFrame): void {
  const command = frame.command("compact", {
    summary: "fold tables: drop what is overwritten or deleted",
    details:
      "A signal ends it after the compaction that is under way; what was done by then is kept.",
    examples: [
      ["varve compact ./data", "all of it"],
      [
        "varve compact ./data --gte 2026-01 --lt 2026-02 --json",
        "the tables that have keys of a month",
      ],
    ],
  })
    .argument("<directory>", "where the database is")
    .option("--gte <key>", "from this key on")
    .option("--lt <key>", "up to before this key")
    .option("--json", "the sizes before and after, as JSON on one line");
  addEncodings(command, ["key"]);
  frame.onRun<CompactOptions>(command, async (context, [directory], options) => {
    const { keyEncoding, gte, lt, json } = options;
    const range = {
      ...gte !== undefined && { gte: fromTyped(gte, keyEncoding, "--gte") },
      ...lt !== undefined && { lt: fromTyped(lt, keyEncoding, "--lt") },
    };
    await using database = openFor(context, directory!, "writing");
    const before = sizeOf(database.stats());
    await compacted(context, database, range);
    const after = sizeOf(database.stats());
    const text = ({ tables, bytes }: Size) =>
      `${counted(tables, "table", "tables")} of ${bytesText(bytes)}`;
    await context.output.write(
      json
        ? `${jsonText({ directory, before, after })}\n`
        : `compacted: ${text(before)} before, ${text(after)} after\n`,
    );
  });
}

interface Size {
  readonly tables: number;
  readonly bytes: number;
}

function sizeOf({ levels }: DatabaseStats): Size {
  return {
    tables: levels.reduce((sum, level) => sum + level.tables, 0),
    bytes: levels.reduce((sum, level) => sum + level.bytes, 0),
  };
}

/** Compacts, and shows what has been written so far. */
async function compacted(
  context: CliContext,
  database: Database<Uint8Array, Uint8Array>,
  range: { gte?: Uint8Array; lt?: Uint8Array },
): Promise<void> {
  const { signal } = context;
  const line = new StatusLine(context);
  const done = new AbortController();
  const watching = (async () => {
    while (!done.signal.aborted) {
      const { compactions, compactionReadBytes, compactionWriteBytes } =
        database.stats().background;
      line.show(
        `${counted(compactions, "compaction", "compactions")} done, ` +
          `${bytesText(compactionReadBytes)} read, ${bytesText(compactionWriteBytes)} written`,
      );
      await waited(PROGRESS_MS, done.signal).catch(() => {});
    }
  })();
  try {
    await database.compact({ ...range, signal });
  } finally {
    done.abort();
    await watching;
    await line.clear();
  }
}
