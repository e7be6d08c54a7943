/**
 * **What.** The figure of a recovery: which writes each file has when the power fails, after it, and after opening.
 *
 * **Invariants.**
 * 1. A database was run, crashed and opened; spans of writes are read back from its files.
 *
 * **Read next.** `../12_recovery.md`
 *
 * @module
 */
import { openDatabase } from "../../lib/database.ts";
import { InternalKeyComparator, sequenceAt } from "../../lib/internal_key.ts";
import { LogReader } from "../../lib/log.ts";
import { loadManifest } from "../../lib/manifest.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { TableInspector } from "../../lib/table_inspector.ts";
import { BatchReader } from "../../lib/write_batch.ts";
import { ManualTurns } from "../../tests/fixtures/manual_turns.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const WRITES = 200;
/** The last write that the caller had synced. */
const PROMISED = 110;
const OPTIONS = { memtableBytes: 64 * 1024, maxImmutableMemtables: 4 };
const COMPARATOR = new InternalKeyComparator();

/** The writes that a file has: their sequence numbers, which are counted from 1. */
interface Span {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly isTorn: boolean;
}

function spanOf(disk: SimulatedFileSystem, name: string): Span {
  const file = disk.open(`db/${name}`);
  let [first, last] = [Infinity, 0];
  if (name.endsWith(".ldb")) {
    const table = new TableInspector(file, { comparator: COMPARATOR, onDamage: () => {} });
    for (table.first(); table.valid; table.next()) {
      const sequence = sequenceAt(table.keyBuffer, table.keyEnd);
      [first, last] = [Math.min(first, sequence), Math.max(last, sequence)];
    }
    return { name, first, last, isTorn: false };
  }
  const reader = new LogReader(file, { holes: "end" });
  const batch = new BatchReader();
  while (reader.next()) {
    batch.reset(reader.recordBuffer, reader.recordStart, reader.recordEnd);
    [first, last] = [Math.min(first, batch.firstSequence), batch.lastSequence];
  }
  return { name, first, last, isTorn: reader.tornBytes > 0 };
}

function spansOf(disk: SimulatedFileSystem): Span[] {
  return disk.list("db").filter((name) => /\.(log|ldb)$/.test(name)).map((name) =>
    spanOf(disk, name)
  );
}

/** Whether a power cut tore the older of two logs and left a beginning of the newer one: what is to be shown. */
function isTelling(disk: SimulatedFileSystem): boolean {
  const [older, newer] = spansOf(disk).filter(({ name }) => name.endsWith(".log"));
  return older !== undefined && newer !== undefined && older.isTorn &&
    older.last > PROMISED + 10 && newer.last - newer.first > 20 && newer.last < WRITES;
}

/** Runs a database until it is about to make a second table part of the tree, and there the power fails. */
function crash(): { before: Span[]; after: SimulatedFileSystem } {
  const disk = new SimulatedFileSystem();
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", OPTIONS, disk, turns);
  const put = (from: number, to: number) => {
    for (let i = from; i <= to; i++) {
      db.putSync(`layer ${i}`, "clay".repeat(200), { sync: i === PROMISED });
    }
  };
  put(1, PROMISED - 10);
  while (turns.turn());
  put(PROMISED - 9, WRITES);
  let found: { before: Span[]; after: SimulatedFileSystem } | undefined;
  disk.onMutation = ({ kind, path }) => {
    if (found !== undefined || kind !== "append" || !path.includes("MANIFEST")) return;
    const before = spansOf(disk);
    for (let seed = 2; found === undefined; seed++) {
      const after = disk.crash(seed);
      if (isTelling(after)) found = { before, after };
    }
  };
  while (turns.turn());
  return found!;
}

/** Where the columns are. */
const [LEFT, RIGHT, NOTES] = [130, 480, 496];

function xOf(write: number): number {
  return LEFT + (write / WRITES) * (RIGHT - LEFT);
}

/** One line: a file, its writes, and what is to be said of it. */
function drawFile(sheet: Sheet, y: number, span: Span, tone: Tone, note: string): void {
  const { name, first, last, isTorn } = span;
  sheet.text(20, y + 17, name, { style: "mono" });
  if (last > 0) {
    const x = xOf(first - 1);
    const label = `${first}–${last}`;
    sheet.box(x, y, xOf(last) - x, 24, { tone, label, style: "small" });
    if (isTorn) sheet.box(xOf(last), y, 12, 24, { tone: "red", isDashed: true });
  } else sheet.text(LEFT, y + 17, "empty", { style: "soft small" });
  sheet.text(NOTES, y + 17, note, { style: "soft small" });
}

/** A line down the rows, at a write. */
function drawMark(
  sheet: Sheet,
  write: number,
  [top, bottom]: readonly [number, number],
  label: string,
  anchor: "start" | "middle" | "end",
): void {
  const x = xOf(write);
  sheet.path([[x, top], [x, bottom]], { isDashed: true, hasTip: false });
  const beside = anchor === "end" ? 16 : anchor === "start" ? -16 : 0;
  sheet.text(x + beside, bottom + 16, label, { anchor, style: "small" });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Files of a database as bars over the numbers of its writes, in three groups. When the power fails there are two " +
    "tables, of which the manifest names one, and two logs. After the power cut the older log is torn, and the newer " +
    "one has lost its end. After opening there are two tables and an empty log: the older log was replayed up to the " +
    "tear, the newer one dropped.",
  async draw() {
    const { before, after } = crash();
    const live = new Set<number>();
    const state = loadManifest(after, "db", COMPARATOR);
    for (const level of state.version.levels) for (const { number } of level) live.add(number);
    const isNamed = ({ name }: Span) => live.has(parseInt(name));
    const sheet = new Sheet("What opening does with each file");
    let y = 20;
    // What is drawn on the lines that go down the rows.
    const rows: (() => void)[] = [];
    const head = (text: string) => {
      const at = y + 14;
      rows.push(() => sheet.text(20, at, text, { style: "bold" }));
      y += 24;
    };
    const row = (span: Span, tone: Tone, note: string) => {
      const at = y;
      rows.push(() => drawFile(sheet, at, span, tone, note));
      y += 30;
    };
    head("when the power fails");
    const top = y;
    for (const span of before) {
      if (span.name.endsWith(".ldb")) {
        row(
          span,
          isNamed(span) ? "green" : "grey",
          isNamed(span) ? "a table of the tree" : "a table, not in the tree yet",
        );
      } else {row(
          span,
          "blue",
          span.first <= PROMISED ? `a log, synced up to ${PROMISED}` : "a log, not synced",
        );}
    }
    y += 14;
    head("after the power cut: what opening does");
    const left = spansOf(after);
    const logs = left.filter(({ name }) => name.endsWith(".log"));
    for (const span of left) {
      if (isNamed(span)) row(span, "green", "the manifest names it: stays");
      else if (span.name.endsWith(".ldb")) row(span, "grey", "no manifest names it: removed");
      else if (span === logs[0]) row(span, "blue", `replayed up to the tear, after ${span.last}`);
      else row(span, "amber", `begins at ${span.first}, not ${logs[0]!.last + 1}: dropped`);
    }
    y += 14;
    head("afterwards");
    const db = openDatabase<string, string>("db", OPTIONS, after, new ManualTurns());
    const count = [...db.keysSync()].length;
    await db.close();
    for (const span of spansOf(after)) {
      const isNew = !left.some(({ name }) => name === span.name);
      if (span.name.endsWith(".log")) row(span, "blue", "a new log");
      else row(span, "green", isNew ? "a new table: what was replayed" : "as before");
    }
    const bounds = [top, y + 4] as const;
    drawMark(sheet, PROMISED, bounds, `promised: ${PROMISED}`, "end");
    drawMark(sheet, count, bounds, `there: ${count}`, "middle");
    drawMark(sheet, WRITES, bounds, `asked for: ${WRITES}`, "start");
    for (const draw of rows) draw();
    return sheet.finish(y + 36);
  },
};
