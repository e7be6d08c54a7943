/**
 * **What.** What the shell says of a database: its statistics as text, for a person at a terminal.
 *
 * **Invariants.**
 * 1. Every figure has its unit, and a share says of how many.
 *
 * **Read next.** `shell.ts`
 *
 * @module
 */
import { type DatabaseStats, writeAmplification } from "./stats.ts";

/**
 * A number and what it counts.
 *
 * @param count How many.
 * @param one What it is if it is one.
 * @param many What it is else.
 * @returns For instance `"1,234 entries"`.
 */
export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/**
 * A number of bytes.
 *
 * @param bytes How many.
 * @returns For instance `"1.5 MiB"`.
 */
export function bytesText(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = "B";
  while (bytes >= 1024 && units.length > 0) {
    bytes /= 1024;
    unit = units.shift()!;
  }
  return `${unit === "B" ? bytes : bytes.toFixed(1)} ${unit}`;
}

function secondsText(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function percentText(part: number, whole: number): string {
  return whole === 0 ? "none yet" : `${(100 * part / whole).toFixed(1)} %`;
}

/** What its work has taken, and what is left of it. */
function workRows({ background, writes, recovery }: DatabaseStats): [string, string][] {
  return [
    [
      "time",
      `${secondsText(background.flushMs)} in flushes, ${
        secondsText(background.compactionMs)
      } in compactions; ${bytesText(background.pendingBytes)} left to compact`,
    ],
    [
      "stalls",
      `${writes.stalls}, ${secondsText(writes.stallMs)} in all; ` +
      `${writes.memtableStalls} for memtables, ${writes.levelZeroStalls} for level 0`,
    ],
    [
      "opening",
      `${secondsText(recovery.durationMs)}; ${counted(recovery.entries, "entry", "entries")} of ${
        counted(recovery.logs, "log", "logs")
      } replayed`,
    ],
  ];
}

/**
 * What a database holds and costs.
 *
 * @param stats Its statistics.
 * @returns Lines, each with its end.
 */
export function statsText(stats: DatabaseStats): string {
  const { memtable, pool, tables, writes, log, background } = stats;
  const tableCount = stats.levels.reduce((sum, level) => sum + level.tables, 0);
  const tableBytes = stats.levels.reduce((sum, level) => sum + level.bytes, 0);
  const fetches = pool.hits + pool.misses;
  const rows: [string, string][] = [
    ["last write", `number ${stats.sequence.toLocaleString("en")}`],
    [
      "memtable",
      `${counted(memtable.entries, "entry", "entries")}, ${bytesText(memtable.usedBytes)} of ` +
      `${bytesText(memtable.capacityBytes)}; ${memtable.immutables} waiting to be flushed`,
    ],
    [
      "log",
      `${counted(log.segments, "segment", "segments")}, ${bytesText(log.bytesWritten)} written`,
    ],
    [
      "tables",
      `${tableCount}, ${
        bytesText(tableBytes)
      }; ${tables.openTables} open of at most ${tables.maxOpenTables}`,
    ],
    [
      "buffer pool",
      `${bytesText(pool.usedBytes)} of ${bytesText(pool.capacityBytes)}; ` +
      `hit rate ${percentText(pool.hits, fetches)} of ${counted(fetches, "fetch", "fetches")}`,
    ],
    [
      "filters",
      `${percentText(tables.filterSaves, tables.filterProbes)} of ` +
      `${counted(tables.filterProbes, "look", "looks")} into a table saved`,
    ],
    [
      "written",
      `${counted(writes.entries, "entry", "entries")}, ${
        bytesText(writes.bytes)
      } of keys and values; ` +
      `${counted(writes.syncs, "sync", "syncs")}`,
    ],
    ["write amplification", writeAmplification(stats).toFixed(2)],
    [
      "background",
      `${counted(background.flushes, "flush", "flushes")}, ` +
      `${counted(background.compactions, "compaction", "compactions")}, ` +
      `${counted(background.trivialMoves, "table", "tables")} moved${
        background.isBusy ? "; busy" : ""
      }`,
    ],
    ...workRows(stats),
  ];
  if (stats.failures > 0 && stats.failure === undefined) {
    rows.push(["last failure", `${stats.lastFailure}`]);
  }
  if (stats.failure !== undefined) rows.push(["writes refused", stats.failure]);
  return rows.map(([name, text]) => `${name.padEnd(19)}  ${text}\n`).join("");
}

/**
 * The shape of the tree.
 *
 * @param stats The statistics of a database.
 * @returns Lines, each with its end.
 */
export function levelsText({ levels }: DatabaseStats): string {
  const row = (level: string, tables: string, bytes: string) =>
    `${level.padStart(5)}  ${tables.padStart(6)}  ${bytes.padStart(10)}\n`;
  const tables = levels.reduce((sum, level) => sum + level.tables, 0);
  const bytes = levels.reduce((sum, level) => sum + level.bytes, 0);
  return row("level", "tables", "bytes") +
    levels.map((it) => row(`${it.level}`, `${it.tables}`, bytesText(it.bytes))).join("") +
    row("all", `${tables}`, bytesText(bytes));
}
