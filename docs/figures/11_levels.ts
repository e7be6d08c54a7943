/**
 * **What.** The figure of a compaction: the tables of three levels before it and after it, each as wide as its range of
 * keys.
 *
 * **Invariants.**
 * 1. The tables are those of a database with some thousand random keys; the compaction is one that it has done, as its
 *    manifest tells.
 *
 * **Read next.** `../11_compaction.md`
 *
 * @module
 */
import { InternalKeyComparator, userKeyOf } from "../../lib/internal_key.ts";
import { LogReader } from "../../lib/log.ts";
import { generator } from "../../lib/random.ts";
import { Version } from "../../lib/version.ts";
import { decodeVersionEdit, type TableMeta, type VersionEdit } from "../../lib/version_edit.ts";
import { type Database, MemoryFileSystem, open } from "../../mod.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const MANIFEST = "db/MANIFEST-000003";
const KEYS = 1_000_000;
const LEFT = 84;
const WIDTH = 650;
const ROW = 38;

/** Waits until no flush or compaction is due: between two of them nothing is under way for a turn. */
async function settle(db: Database<string, string>): Promise<void> {
  for (let idle = 0; idle < 3;) {
    await new Promise((resolve) => setTimeout(resolve));
    idle = db.stats().background.isBusy ? 0 : idle + 1;
  }
}

/** The edits of a database that took random keys until some of its levels were full. */
async function editsOf(): Promise<VersionEdit[]> {
  const disk = new MemoryFileSystem();
  const random = generator(4);
  const sizes = { memtableBytes: 64 << 10, tableBytes: 24 << 10, baseLevelBytes: 128 << 10 };
  const background = { worker: false, compression: "none", sync: false } as const;
  await using db = await open("db", { fileSystem: disk, ...sizes, ...background });
  for (let i = 0; i < 9000; i++) {
    db.putSync(String(random(KEYS)).padStart(6, "0"), "sediment".repeat(8));
    if (i % 400 === 399) {
      await db.flush();
      await settle(db);
    }
  }
  const reader = new LogReader(disk.open(MANIFEST));
  const edits: VersionEdit[] = [];
  while (reader.next()) {
    const { recordBuffer, recordStart, recordEnd, recordOffset } = reader;
    edits.push(decodeVersionEdit(recordBuffer, recordStart, recordEnd, MANIFEST, recordOffset));
  }
  return edits;
}

/**
 * Whether an edit is that of a compaction from level 1 that takes two tables along, since the second is merged with no
 * further table, and makes four.
 */
function isShown({ deleted, added }: VersionEdit): boolean {
  const countOf = (at: number) => deleted.filter(({ level }) => level === at).length;
  return countOf(0) === 0 && countOf(1) === 2 && countOf(2) === 2 && added.length === 4;
}

const number = (key: Uint8Array) => Number(new TextDecoder().decode(userKeyOf(key)));
const kib = (tables: readonly TableMeta[]) =>
  `${Math.round(tables.reduce((sum, { bytes }) => sum + bytes, 0) / 1024)} KiB`;

/** Draws the levels of a version, with some of its tables standing out. */
function drawLevels(
  sheet: Sheet,
  y: number,
  version: Version,
  toneOf: (table: TableMeta) => Tone,
): void {
  version.levels.slice(0, 3).forEach((tables, level) => {
    const top = y + level * ROW + (level > 0 ? version.levels[0]!.length * 13 - 13 : 0);
    sheet.text(20, top + 15, `level ${level}`, { style: "soft" });
    tables.forEach((table, i) => {
      const x = LEFT + WIDTH * number(table.smallest) / KEYS;
      const width = WIDTH * (number(table.largest) - number(table.smallest)) / KEYS;
      const tone = toneOf(table);
      // Those of level 0 overlap: one below the other.
      if (level === 0) sheet.box(x, top + i * 15, width, 12, { tone, radius: 1 });
      else sheet.box(x, top, width, 24, { tone, label: String(table.number), style: "small" });
    });
  });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Tables of levels 0 to 2 as bars as long as their ranges of keys, before and after a compaction. Two neighbours " +
    "of level 1 and the two tables of level 2 that they overlap are merged into four new tables of level 2.",
  async draw() {
    let before = Version.empty(new InternalKeyComparator());
    const edits = await editsOf();
    const shown = edits.findIndex(isShown);
    for (const edit of edits.slice(0, shown)) before = before.apply(edit);
    const { deleted, added } = edits[shown]!;
    const after = before.apply(edits[shown]!);
    const gone = new Map(deleted.map((it) => [it.number, it.level]));
    const came = new Set(added.map(({ table }) => table.number));
    const read = before.levels.flat().filter((table) => gone.has(table.number));
    const written = added.map(({ table }) => table);
    const list = (level: number) =>
      read.filter((it) => gone.get(it.number) === level).map((it) => it.number).join(" and ");
    const sheet = new Sheet("Levels before and after a compaction");
    const overlapping = `and ${list(2)} of level 2 below them (violet)`;
    sheet.text(20, 28, "before", { style: "bold" });
    sheet.text(
      LEFT,
      28,
      `inputs ${list(1)} of level 1 (amber), ${overlapping}: ${kib(read)} to read`,
    );
    drawLevels(sheet, 44, before, ({ number }) => {
      const level = gone.get(number);
      return level === undefined ? "grey" : level === 1 ? "amber" : "violet";
    });
    sheet.text(20, 206, "after", { style: "bold" });
    const outputs = `${written[0]!.number} to ${written.at(-1)!.number}`;
    sheet.text(LEFT, 206, `outputs ${outputs} in level 2 (green): ${kib(written)} written`);
    drawLevels(sheet, 222, after, ({ number }) => came.has(number) ? "green" : "grey");
    sheet.text(LEFT, 362, "first key", { style: "soft small" });
    sheet.text(LEFT + WIDTH, 362, "last key", { style: "soft small", anchor: "end" });
    return sheet.finish(378);
  },
};
