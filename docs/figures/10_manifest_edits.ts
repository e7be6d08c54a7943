/**
 * **What.** The figure of manifest edits: the records of a manifest, each beside the version that it leads to.
 *
 * **Invariants.**
 * 1. Records are decoded from the manifest of a database, and versions are what these records make.
 *
 * **Read next.** `../10_versions_and_the_manifest.md`
 *
 * @module
 */
import { readFile } from "../../lib/file_system.ts";
import { InternalKeyComparator, userKeyOf } from "../../lib/internal_key.ts";
import { LogReader } from "../../lib/log.ts";
import { Version } from "../../lib/version.ts";
import { decodeVersionEdit, type TableMeta, type VersionEdit } from "../../lib/version_edit.ts";
import { MemoryFileSystem, open } from "../../mod.ts";
import { type Figure, Sheet } from "./drawing.ts";

const WRITES = [["a", "m"], ["k", "z"], ["b", "c"], ["l", "p"]];
const MANIFEST = "db/MANIFEST-000003";
/** Of the three levels that anything comes to here. */
const LEVELS_SHOWN = 3;
const RIGHT = 400;

interface Record {
  readonly offset: number;
  readonly edit: VersionEdit;
}

/** The records of a database's manifest: some flushes, and what "compact everything" does. */
async function recordsOf(disk: MemoryFileSystem): Promise<Record[]> {
  await using db = await open("db", { fileSystem: disk, worker: false });
  for (const keys of WRITES) {
    for (const key of keys) await db.put(key, "sand");
    await db.flush();
  }
  await db.compact();
  const bytes = readFile(disk, MANIFEST);
  const reader = new LogReader(disk.open(MANIFEST));
  const records: Record[] = [];
  while (reader.next()) {
    const { recordBuffer, recordStart, recordEnd, recordOffset } = reader;
    const edit = decodeVersionEdit(recordBuffer, recordStart, recordEnd, MANIFEST, recordOffset);
    records.push({ offset: recordOffset, edit });
  }
  if (records.at(-1)!.offset >= bytes.length) throw new Error("a record beyond the manifest");
  return records;
}

const text = (key: Uint8Array) => new TextDecoder().decode(userKeyOf(key));
const range = ({ smallest, largest }: TableMeta) => `${text(smallest)}…${text(largest)}`;

/** What an edit says, a line for each field or a few of them. */
function linesOf({ comparator, logNumber, nextFileNumber, lastSequence, ...lists }: VersionEdit) {
  const numbers = `log ${logNumber}, next file ${nextFileNumber}, last sequence ${lastSequence}`;
  return [
    ...(comparator === undefined ? [] : [comparator]),
    numbers,
    ...lists.compactPointers.map(({ level, key }) =>
      `compact pointer of level ${level}: ${text(key)}`
    ),
    ...lists.deleted.map(({ level, number }) => `− table ${number} of level ${level}`),
    ...lists.added.map(({ level, table }) =>
      `+ table ${table.number} of level ${level}: ${range(table)}, ${table.bytes} bytes`
    ),
  ];
}

/** The figure. */
export const figure: Figure = {
  alt:
    "On the left the records of a manifest: a snapshot, four flushes that each add a table, and two compactions " +
    "that take tables away and add one. On the right the tables of levels 0 to 2 after each record.",
  async draw() {
    const sheet = new Sheet("A manifest's edits, and the version after each");
    sheet.text(20, 28, "records of MANIFEST-000003", { style: "bold" });
    sheet.text(RIGHT, 28, "the version after each", { style: "bold" });
    let version = Version.empty(new InternalKeyComparator());
    let y = 44;
    for (const { offset, edit } of await recordsOf(new MemoryFileSystem())) {
      version = version.apply(edit);
      const lines = linesOf(edit);
      const height = Math.max(lines.length * 18 + 30, LEVELS_SHOWN * 26 + 12);
      sheet.box(20, y, 350, height, { tone: "none" });
      sheet.text(32, y + 20, `offset ${offset}`, { style: "soft small" });
      lines.forEach((line, i) => {
        const style = line.startsWith("+") ? "on-green" : line.startsWith("−") ? "on-red" : "";
        sheet.text(32, y + 38 + i * 18, line, { style });
      });
      sheet.arrow(370, y + height / 2, RIGHT - 6, y + height / 2);
      drawVersion(sheet, y, version, edit);
      y += height + 12;
    }
    return sheet.finish(y + 4);
  },
};

/** Draws the tables of the first levels; those that are new stand out. */
function drawVersion(sheet: Sheet, y: number, version: Version, edit: VersionEdit): void {
  const added = new Set(edit.added.map(({ table }) => table.number));
  for (let level = 0; level < LEVELS_SHOWN; level++) {
    const top = y + 6 + level * 26;
    sheet.text(RIGHT, top + 15, `level ${level}`, { style: "soft" });
    if (version.levels[level]!.length === 0) {
      sheet.text(RIGHT + 62, top + 15, "–", { style: "soft" });
    }
    version.levels[level]!.forEach((table, i) => {
      const isNew = added.has(table.number);
      const label = `${table.number}: ${range(table)}${isNew ? " new" : ""}`;
      const tone = isNew ? "green" : "blue";
      sheet.box(RIGHT + 58 + i * 112, top, 106, 22, { tone, label, style: "small" });
    });
  }
}
