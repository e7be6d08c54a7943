/**
 * **What.** The figure of a repair: the files of a damaged database as strips, and what came of each.
 *
 * **Invariants.**
 * 1. What is drawn is what the report of a repair says that was made in this run.
 *
 * **Read next.** `../13_the_doctor.md`
 *
 * @module
 */
import { openDatabase } from "../../lib/database.ts";
import { MemoryFileSystem } from "../../lib/memory_file_system.ts";
import { generator } from "../../lib/random.ts";
import type { DamagedRange, RepairedFile } from "../../lib/repair_report.ts";
import { repair } from "../../mod.ts";
import { ManualTurns } from "../../tests/fixtures/manual_turns.ts";
import { type Figure, Sheet } from "./drawing.ts";

const OPTIONS = {
  memtableBytes: 64 * 1024,
  tableBytes: 16 * 1024,
  blockBytes: 2048,
  baseLevelBytes: 32 * 1024,
  compression: "none",
} as const;

/** A database whose keys were put again and again. */
async function makeDatabase(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", OPTIONS, disk, turns);
  const random = generator(2);
  for (let i = 0; i < 2200; i++) {
    db.putSync(`layer ${1000 + random(600)}`, "clay ".repeat(12), { sync: false });
    while (i < 1500 && turns.turn());
  }
  await turns.settle(db.close());
  return disk;
}
/** What a file was, and is. */
interface Damaged {
  readonly name: string;
  /** Where it stands in the order in which reads look. */
  readonly place: string;
  /** Bytes before it was damaged. */
  readonly before: number;
  /** Bytes that are left. */
  readonly after: number;
}

/** Damages three of the files; gives them in the order in which reads look. */
function damage(disk: MemoryFileSystem): Damaged[] {
  const change = (name: string, place: string, how: (bytes: Uint8Array) => Uint8Array): Damaged => {
    const bytes = disk.readAll(`db/${name}`);
    const before = bytes.length;
    disk.writeAll(`db/${name}`, how(bytes));
    return { name, place, before, after: disk.size(`db/${name}`) };
  };
  const flip = (share: number) => (bytes: Uint8Array) => {
    bytes[Math.floor(share * bytes.length)]! ^= 1;
    return bytes;
  };
  const cut = (share: number) => (bytes: Uint8Array) => bytes.slice(0, share * bytes.length);
  const names = disk.list("db");
  const [oldest, middle, newest] = names.filter((name) => name.endsWith(".ldb"));
  return [
    change(names.find((name) => name.endsWith(".log"))!, "a bit flipped", flip(0.4)),
    change(newest!, "level 0, a bit flipped", flip(0.3)),
    change(middle!, "level 1, cut off", cut(0.7)),
    change(oldest!, "level 2, whole", (bytes) => bytes),
  ];
}

const LEFT = 150;
const WIDTH = 400;
const NOTES = 546;
const decoder = new TextDecoder();

/** What is lost, in words. */
function lossOf({ offset, bytes, what, fromKey, toKey }: DamagedRange): string {
  const place = `at ${offset}: ${what}`;
  if (bytes === 0) return place;
  if (fromKey === undefined || toKey === undefined) return `${place}; any key may have been in it`;
  return `${place}; keys from ${decoder.decode(fromKey)} to ${decoder.decode(toKey)}`;
}

/** Draws a file; returns where the next one goes. */
function drawFile(sheet: Sheet, y: number, damaged: Damaged, file: RepairedFile): number {
  const { name, place, before, after } = damaged;
  const { fate, entryCount, leftOutCount } = file;
  const xOf = (offset: number) => LEFT + (offset / 32_768) * WIDTH;
  sheet.text(20, y + 11, name, { style: "mono" });
  sheet.text(20, y + 28, place, { style: "soft small" });
  sheet.box(LEFT, y, xOf(after) - LEFT, 24, { tone: "green", radius: 0 });
  if (before > after) {
    const x = xOf(after);
    sheet.box(x, y, xOf(before) - x, 24, { tone: "red", radius: 0, isDashed: true, label: "gone" });
  }
  sheet.text(NOTES, y + 11, fate, { style: "bold" });
  const leftOut = leftOutCount > 0 ? `, ${leftOutCount} left out` : "";
  sheet.text(NOTES, y + 28, `${entryCount} entries read${leftOut}`, { style: "soft small" });
  let line = y + 44;
  for (const damage of file.damage.filter(({ isLoss }) => isLoss)) {
    const [from, to] = [xOf(damage.offset), xOf(damage.offset + damage.bytes)];
    sheet.box(from, y, Math.max(4, to - from), 24, { tone: "red", radius: 0 });
    sheet.text(LEFT, line, lossOf(damage), { style: "small" });
    line += 16;
  }
  return Math.max(line, y + 40) + 12;
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Four files of a damaged database as strips, newest first. Of a log one record is lost, of a table one block, of " +
    "a table that was cut off the block that the cut went through, and all behind it. The oldest table is whole, and " +
    "still a third of its entries are left out, since newer versions of them may be among what is lost.",
  async draw() {
    const disk = await makeDatabase();
    const damaged = damage(disk);
    const { files } = await repair("db", { fileSystem: disk });
    const sheet = new Sheet("What a repair makes of a damaged database");
    let y = 20;
    for (const one of damaged) {
      y = drawFile(sheet, y, one, files.find(({ file }) => file === one.name)!);
    }
    sheet.box(LEFT, y + 2, 14, 14, { tone: "green", radius: 0 });
    sheet.text(LEFT + 22, y + 13, "read", { style: "small" });
    sheet.box(LEFT + 80, y + 2, 14, 14, { tone: "red", radius: 0 });
    sheet.text(LEFT + 102, y + 13, "lost", { style: "small" });
    sheet.text(LEFT + 160, y + 13, "left out: a newer version may be among what is lost", {
      style: "small",
    });
    return sheet.finish(y + 30);
  },
};
