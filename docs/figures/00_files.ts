/**
 * **What.** The figure of the tour: which file has which entries, after each of its steps.
 *
 * **Invariants.**
 * 1. Names, sizes and entries are read from the files of a database that is taken through the same steps.
 *
 * **Read next.** `../00_tour.md`
 *
 * @module
 */
import { createBufferPool } from "../../lib/buffer_pool.ts";
import { readFile } from "../../lib/file_system.ts";
import { InternalKeyComparator, kindAt, sequenceAt } from "../../lib/internal_key.ts";
import { LogReader } from "../../lib/log.ts";
import { TableReader } from "../../lib/table_reader.ts";
import { BatchReader } from "../../lib/write_batch.ts";
import { MemoryFileSystem, open } from "../../mod.ts";
import { type Figure, Sheet } from "./drawing.ts";

/** An entry of a file: a key, and its value or that it was deleted. */
interface Entry {
  readonly text: string;
  readonly sequence: number;
  readonly isTombstone: boolean;
}

/** What is in a directory at one moment. */
interface Moment {
  readonly title: string;
  readonly files: readonly { name: string; bytes: number; entries: readonly Entry[] }[];
}

const decoder = new TextDecoder();

function entry(key: Uint8Array, value: Uint8Array, sequence: number, kind: number): Entry {
  const isTombstone = kind === 0;
  const text = isTombstone
    ? `${decoder.decode(key)} deleted`
    : [key, value].map((part) => decoder.decode(part)).join(" = ");
  return { text, sequence, isTombstone };
}

/** The entries of a log. */
function inLog(disk: MemoryFileSystem, path: string): Entry[] {
  const log = new LogReader(disk.open(path));
  const batch = new BatchReader();
  const entries: Entry[] = [];
  while (log.next()) {
    batch.reset(log.recordBuffer, log.recordStart, log.recordEnd);
    while (batch.next()) {
      const key = batch.buffer.subarray(batch.keyStart, batch.keyEnd);
      const value = batch.buffer.subarray(batch.valueStart, batch.valueEnd);
      entries.push(entry(key, value, batch.sequence, batch.kind));
    }
  }
  return entries;
}

/** The entries of a table. */
function inTable(disk: MemoryFileSystem, path: string): Entry[] {
  const pool = createBufferPool({ capacityBytes: 1 << 16 });
  const table = TableReader.open(disk.open(path), {
    comparator: new InternalKeyComparator(),
    pool,
  });
  const cursor = table.cursor();
  const entries: Entry[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) {
    const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
    const key = keyBuffer.subarray(keyStart, keyEnd - 8);
    const value = valueBuffer.subarray(valueStart, valueEnd);
    entries.push(entry(key, value, sequenceAt(keyBuffer, keyEnd), kindAt(keyBuffer, keyEnd)));
  }
  cursor.close();
  table.close();
  return entries;
}

function look(disk: MemoryFileSystem, title: string): Moment {
  const files = disk.list("db").filter((name) => /\.(log|ldb)$/.test(name)).sort()
    .map((name) => ({
      name,
      bytes: readFile(disk, `db/${name}`).length,
      entries: name.endsWith(".log") ? inLog(disk, `db/${name}`) : inTable(disk, `db/${name}`),
    }));
  return { title, files };
}

/** Takes a database through the steps of the tour. */
async function moments(): Promise<Moment[]> {
  const disk = new MemoryFileSystem();
  const options = { fileSystem: disk, worker: false };
  const found: Moment[] = [];
  {
    await using db = await open("db", options);
    await db.put("clay", "grey");
    await db.put("sand", "yellow");
    await db.put("silt", "brown");
    await db.delete("clay");
    found.push(look(disk, "killed"));
  }
  await using db = await open("db", options);
  found.push(look(disk, "opened again"));
  await db.put("clay", "red");
  await db.delete("sand");
  found.push(look(disk, "two more writes"));
  await db.flush();
  found.push(look(disk, "flushed"));
  await db.compact();
  found.push(look(disk, "compacted"));
  return found;
}

const LEFT = 20;
const COLUMN_WIDTH = 145;

/** The figure. */
export const figure: Figure = {
  alt:
    "The log and the tables after each step of the tour, with their entries. After the kill all four writes are " +
    "in the log. After the recovery they are in a table. Two more writes go to a new log, a flush makes a second " +
    "table of them, and the compaction leaves one table with two entries.",
  async draw() {
    const sheet = new Sheet("Where the entries are, step by step");
    let bottom = 0;
    for (const [i, { title, files }] of (await moments()).entries()) {
      const x = LEFT + i * COLUMN_WIDTH;
      sheet.text(x, 30, `${i + 1}. ${title}`, { style: "bold" });
      let y = 44;
      for (const { name, bytes, entries } of files) {
        const height = 30 + Math.max(1, entries.length) * 17;
        sheet.box(x, y, COLUMN_WIDTH - 12, height, {
          tone: name.endsWith("log") ? "amber" : "blue",
        });
        sheet.text(x + 8, y + 18, name, { style: "mono" });
        sheet.text(x + COLUMN_WIDTH - 18, y + 18, `${bytes} B`, { anchor: "end", style: "small" });
        entries.forEach(({ text, sequence, isTombstone }, line) => {
          const at = y + 38 + line * 17;
          sheet.text(x + 8, at, String(sequence), { style: "small soft" });
          sheet.text(x + 24, at, text, { style: isTombstone ? "small soft" : "small" });
        });
        if (entries.length === 0) sheet.text(x + 8, y + 38, "empty", { style: "small soft" });
        y += height + 10;
      }
      bottom = Math.max(bottom, y);
    }
    const legend =
      "Before each entry: its sequence number. A log has its entries in the order of the writes, a table " +
      "in that of the keys.";
    sheet.text(LEFT, bottom + 12, legend, { style: "small soft" });
    return sheet.finish(bottom + 26);
  },
};
