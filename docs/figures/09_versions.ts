/**
 * **What.** The figure of versions: what three runs of a database hold, and what snapshots of it see.
 *
 * **Invariants.**
 * 1. Entries are read from the tables and the log that the database wrote; what is seen is asked of the snapshots.
 *
 * **Read next.** `../09_merging_and_visibility.md`
 *
 * @module
 */
import { createBufferPool } from "../../lib/buffer_pool.ts";
import {
  InternalKeyComparator,
  KIND_TOMBSTONE,
  kindAt,
  sequenceAt,
  TRAILER_BYTES,
} from "../../lib/internal_key.ts";
import { LogReader } from "../../lib/log.ts";
import { TableReader } from "../../lib/table_reader.ts";
import { BatchReader } from "../../lib/write_batch.ts";
import { MemoryFileSystem, open } from "../../mod.ts";
import { type Figure, Sheet } from "./drawing.ts";

const KEYS = ["clay", "flint", "sand", "silt"];
const LEFT = 190;
const COLUMN = 138;
const ROW = 58;
const TOP = 66;

/** An entry of a run. */
interface Version {
  readonly key: string;
  readonly sequence: number;
  /** `undefined` for a tombstone. */
  readonly value: string | undefined;
}

const text = (bytes: Uint8Array, start: number, end: number) =>
  new TextDecoder().decode(bytes.subarray(start, end));

/** The entries of a table. */
function entriesOfTable(disk: MemoryFileSystem, path: string): Version[] {
  const pool = createBufferPool({ capacityBytes: 1 << 20 });
  const comparator = new InternalKeyComparator();
  const table = TableReader.open(disk.open(path), { comparator, pool });
  const cursor = table.cursor();
  const versions: Version[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) {
    const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
    const isGone = kindAt(keyBuffer, keyEnd) === KIND_TOMBSTONE;
    versions.push({
      key: text(keyBuffer, keyStart, keyEnd - TRAILER_BYTES),
      sequence: sequenceAt(keyBuffer, keyEnd),
      value: isGone ? undefined : text(valueBuffer, valueStart, valueEnd),
    });
  }
  cursor.close();
  table.close();
  return versions;
}

/** The entries of a log, which are those of its memtable. */
function entriesOfLog(disk: MemoryFileSystem, path: string): Version[] {
  const log = new LogReader(disk.open(path));
  const batch = new BatchReader();
  const versions: Version[] = [];
  while (log.next()) {
    batch.reset(log.recordBuffer, log.recordStart, log.recordEnd);
    while (batch.next()) {
      const { buffer, keyStart, keyEnd, valueStart, valueEnd, kind, sequence } = batch;
      const value = kind === KIND_TOMBSTONE ? undefined : text(buffer, valueStart, valueEnd);
      versions.push({ key: text(buffer, keyStart, keyEnd), sequence, value });
    }
  }
  return versions;
}

/** Draws what a run has of each key, newest version first. */
function drawRun(sheet: Sheet, y: number, name: string, file: string, run: Version[]): void {
  sheet.text(20, y + 22, name, { style: "bold" });
  sheet.text(20, y + 40, file, { style: "small soft" });
  KEYS.forEach((key, i) => {
    const versions = run.filter((version) => version.key === key)
      .sort((a, b) => b.sequence - a.sequence);
    versions.forEach(({ sequence, value }, j) => {
      const tone = value === undefined ? "red" : "blue";
      const label = `@${sequence} ${value ?? "deleted"}`;
      const place = versions.length === 1 ? 15 : 3 + j * 26;
      sheet.box(LEFT + i * COLUMN, y + place, COLUMN - 18, 23, { tone, label, style: "mono" });
    });
  });
}

/** Draws what is seen at a moment. */
function drawSeen(sheet: Sheet, y: number, name: string, seen: Map<string, string>): void {
  sheet.text(20, y + 17, name, { style: "bold" });
  KEYS.forEach((key, i) => {
    const value = seen.get(key);
    sheet.box(LEFT + i * COLUMN, y, COLUMN - 18, 24, {
      tone: value === undefined ? "none" : "green",
      label: value ?? "–",
      style: "mono",
      isDashed: value === undefined,
    });
  });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Four keys in three runs: a memtable and two tables, each entry with its sequence number, deletions in red. " +
    "Below, what is seen at sequence numbers 3, 6 and now: of each key the newest version up to there, and nothing " +
    "if that is a deletion.",
  async draw() {
    const fileSystem = new MemoryFileSystem();
    await using db = await open("db", { fileSystem, worker: false });
    const tables = () =>
      [...fileSystem.list("db")].filter((name) => name.endsWith(".ldb")).sort().reverse();
    await db.batch().put("clay", "grey").put("flint", "black").put("sand", "yellow").commit();
    using first = db.snapshot();
    await db.flush();
    await db.batch().put("clay", "red").delete("flint").put("silt", "brown").commit();
    using second = db.snapshot();
    await db.flush();
    await db.batch().put("sand", "white").delete("clay").put("flint", "smoky").put("sand", "golden")
      .commit();
    const log = [...fileSystem.list("db")].find((name) => name.endsWith(".log"))!;

    const sheet = new Sheet("Versions, and who sees them");
    sheet.text(
      20,
      28,
      "Three runs, newest first: an entry is a key, a sequence number and a value",
    );
    KEYS.forEach((key, i) => {
      const style = "mono bold";
      sheet.text(LEFT + i * COLUMN + (COLUMN - 18) / 2, TOP - 10, key, { anchor: "middle", style });
    });
    const runs = [entriesOfLog(fileSystem, `db/${log}`)];
    drawRun(sheet, TOP, "memtable", log, runs[0]!);
    tables().forEach((name, i) => {
      const run = entriesOfTable(fileSystem, `db/${name}`);
      runs.push(run);
      drawRun(sheet, TOP + (i + 1) * ROW, "table", name, run);
    });
    const last = runs.map((run) => Math.max(...run.map(({ sequence }) => sequence)));
    const y = TOP + (tables().length + 1) * ROW + 34;
    sheet.path([[20, y - 26], [740, y - 26]], { hasTip: false });
    sheet.text(20, y - 8, "What is seen", { style: "soft" });
    drawSeen(sheet, y + 4, `snapshot at ${last[2]}`, new Map(first.entriesSync()));
    drawSeen(sheet, y + 38, `snapshot at ${last[1]}`, new Map(second.entriesSync()));
    drawSeen(sheet, y + 72, `now, at ${last[0]}`, new Map(db.entriesSync()));
    return sheet.finish(y + 114);
  },
};
