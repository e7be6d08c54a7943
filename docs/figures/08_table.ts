/**
 * **What.** The figure of a table: its parts to scale, and the reads of the first get from it, in their order.
 *
 * **Invariants.**
 * 1. Reads are those that the reader makes of the file, recorded; keys and handles are read from the blocks.
 *
 * **Read next.** `../08_the_table.md`
 *
 * @module
 */
import { decodeBlock, type DecodedBlock } from "../../lib/block.ts";
import { createBufferPool } from "../../lib/buffer_pool.ts";
import type { ReadableFile } from "../../lib/file_system.ts";
import { FOUND, InternalKeyComparator, Lookup, makeInternalKey } from "../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../lib/memory_file_system.ts";
import { BLOCK_TRAILER_BYTES, readBlock, readFooter } from "../../lib/table_format.ts";
import { TableReader } from "../../lib/table_reader.ts";
import { TableWriter } from "../../lib/table_writer.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const WANTED = "layer 23";
const LEFT = 20;
const WIDTH = 720;
const STRIP_Y = 62;
const CARD_Y = 190;
const CARD_HEIGHT = 146;

const comparator = new InternalKeyComparator();

/** A part of the file. */
interface Part {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly tone: Tone;
}

/** A table of 54 entries in blocks of half a KiB. */
function writeTable(disk: MemoryFileSystem): void {
  const options = { comparator, blockBytes: 512, restartInterval: 16, filterBits: 10 };
  const writer = new TableWriter(disk.create("table"), { ...options, compression: undefined });
  const value = new Uint8Array(48).fill(0x76);
  for (let i = 0; i < 54; i++) {
    const key = new TextEncoder().encode(`layer ${String(i).padStart(2, "0")}`);
    const internal = makeInternalKey(key, i + 1, 1);
    writer.add(internal, 0, internal.length, value, 0, value.length);
  }
  writer.finish();
}

/** The same file, with a note of each read. */
function recorded(file: ReadableFile, reads: { offset: number; bytes: number }[]): ReadableFile {
  return {
    path: file.path,
    size: file.size,
    read(into, offset) {
      reads.push({ offset, bytes: into.length });
      return file.read(into, offset);
    },
    close: () => file.close(),
  };
}

/** The user key of an entry of a block. */
function keyIn(block: DecodedBlock, i: number): string {
  return new TextDecoder().decode(block.bytes.subarray(block.keyStart(i), block.keyEnd(i) - 8));
}

/** The handle in an entry of an index. */
function handleIn(index: DecodedBlock, i: number): { offset: number; bytes: number } {
  const at = index.handleAt(i);
  return { offset: index.words[at]!, bytes: index.words[at + 1]! };
}

/** Draws a card with a title and lines; those that are marked stand on a ground of that tone. */
function card(
  sheet: Sheet,
  [x, width]: readonly [number, number],
  tone: Tone,
  title: string,
  lines: readonly (readonly [text: string, isMarked?: boolean])[],
): void {
  sheet.box(x, CARD_Y, width, CARD_HEIGHT, { tone: "none" });
  sheet.text(x + 10, CARD_Y + 20, title, { style: "bold" });
  lines.forEach(([text, isMarked], i) => {
    const y = CARD_Y + 42 + i * 18;
    if (isMarked) sheet.box(x + 5, y - 13, width - 10, 18, { tone });
    sheet.text(x + 10, y, text, { style: "mono small" });
  });
}

/** Draws the file, and where in it each read was. */
function strip(sheet: Sheet, parts: readonly Part[], reads: readonly { offset: number }[]): void {
  const last = parts.at(-1)!;
  const size = last.offset + last.bytes;
  const at = (offset: number) => LEFT + offset * WIDTH / size;
  for (const { name, offset, bytes, tone } of parts) {
    const width = bytes * WIDTH / size;
    sheet.box(at(offset), STRIP_Y, width, 44, { tone, radius: 0 });
    if (width < 60) continue;
    sheet.text(at(offset) + width / 2, STRIP_Y + 20, name, { anchor: "middle", style: "small" });
    const style = "mono small soft";
    sheet.text(at(offset) + width / 2, STRIP_Y + 36, String(offset), { anchor: "middle", style });
  }
  const small = parts.slice(-4);
  small.forEach(({ name, offset, bytes }, i) => {
    const middle = at(offset + bytes / 2);
    const x = 520 + i * 64;
    sheet.path([[middle, STRIP_Y], [middle, STRIP_Y - 5], [x + 24, STRIP_Y - 13]], {
      hasTip: false,
    });
    sheet.text(x + 24, STRIP_Y - 30, name, { anchor: "middle", style: "small" });
    const style = "mono small soft";
    sheet.text(x + 24, STRIP_Y - 17, String(offset), { anchor: "middle", style });
  });
  reads.forEach(({ offset }, i) => {
    const part = parts.findLast((other) => other.offset <= offset)!;
    const x = at(part.offset + part.bytes / 2);
    const y = STRIP_Y + 62 + (i % 3) * 21;
    sheet.path([[x, y - 9], [x, STRIP_Y + 45]], {});
    sheet.box(x - 9, y - 9, 18, 18, { label: String(i + 1), style: "small", radius: 9 });
  });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "A table of a few KiB drawn to scale: data blocks, then filter, metaindex, index and footer, which are small. " +
    "Five reads are numbered: opening reads the footer and the metaindex, the first get the index, the filter and " +
    "one data block. Cards show what each says: the footer two handles, the index a key and a handle for each block.",
  draw() {
    const disk = new MemoryFileSystem();
    writeTable(disk);
    const reads: { offset: number; bytes: number }[] = [];
    const pool = createBufferPool({ capacityBytes: 1 << 20 });
    const table = TableReader.open(recorded(disk.open("table"), reads), { comparator, pool });
    const lookup = new Lookup();
    lookup.key.set(new TextEncoder().encode(WANTED));
    lookup.begin(WANTED.length, 100);
    table.get(lookup);
    if (lookup.outcome !== FOUND || reads.length !== 5) throw new Error("not as the figure says");

    const file = disk.open("table"); // not the recorded one
    const footer = readFooter(file);
    const bytes = readBlock(file, footer.index.offset, footer.index.bytes);
    const index = decodeBlock(bytes, bytes.length, "separators", comparator, "table", 0);
    const [, , , filterRead, dataRead] = reads as [unknown, unknown, unknown, Part, Part];
    const blocks = Array.from({ length: index.count }, (_, i) => handleIn(index, i));
    const wanted = blocks.findIndex(({ offset }) => offset === dataRead.offset);
    const whole = (
      name: string,
      tone: Tone,
      { offset, bytes }: { offset: number; bytes: number },
    ) => ({
      name,
      tone,
      offset,
      bytes: bytes + BLOCK_TRAILER_BYTES,
    });
    const parts: Part[] = [
      ...blocks.map((handle, i) => whole(`data ${i}`, i === wanted ? "green" : "grey", handle)),
      { name: "filter", tone: "violet", offset: filterRead.offset, bytes: filterRead.bytes },
      whole("metaindex", "grey", footer.metaindex),
      whole("index", "blue", footer.index),
      { name: "footer", tone: "amber", offset: file.size - 48, bytes: 48 },
    ];

    const sheet = new Sheet("A table, and the reads of a get");
    sheet.text(LEFT, 28, `get("${WANTED}") in a table of ${file.size} bytes`, { style: "bold" });
    strip(sheet, parts, reads);
    const data = readBlock(file, dataRead.offset, dataRead.bytes - BLOCK_TRAILER_BYTES);
    const block = decodeBlock(data, data.length, "entries", comparator, "table", 0);
    const keys = Array.from({ length: block.count }, (_, i) => keyIn(block, i));
    card(sheet, [598, 142], "amber", "1  footer", [
      ["metaindex:"],
      [`  ${footer.metaindex.offset}, ${footer.metaindex.bytes} bytes`],
      ["index:"],
      [`  ${footer.index.offset}, ${footer.index.bytes} bytes`, true],
      ["magic number"],
    ]);
    card(
      sheet,
      [360, 214],
      "blue",
      "3  index: up to which key",
      blocks.map(({ offset, bytes }, i) => [
        `${keyIn(index, i).padEnd(9)} → ${String(offset).padStart(4)}, ${bytes} bytes`,
        i === wanted,
      ]),
    );
    card(sheet, [200, 136], "violet", "4  filter", [
      [`of block ${wanted}:`],
      [`${WANTED}?`],
      ["perhaps", true],
    ]);
    card(sheet, [20, 156], "green", `5  data block ${wanted}`, [
      ...keys.slice(0, 2).map((key) => [key] as const),
      ["…"],
      [`${WANTED} = vvvv…`, true],
      ...keys.slice(keys.indexOf(WANTED) + 1).slice(-2).map((key) => [key] as const),
    ]);
    sheet.text(598, CARD_Y + CARD_HEIGHT + 20, "2  metaindex: says", { style: "soft small" });
    sheet.text(598, CARD_Y + CARD_HEIGHT + 35, "   where the filter is", { style: "soft small" });
    const y = CARD_Y + 90;
    for (const [from, to] of [[598, 576], [360, 338], [200, 178]] as const) {
      sheet.arrow(from, y, to, y);
    }
    const note =
      "1 and 2 open the table; 3 and 4 stay in the buffer pool; 5 is the one block that a get reads";
    sheet.text(LEFT, CARD_Y + CARD_HEIGHT + 20, note, { style: "soft small" });
    return sheet.finish(CARD_Y + CARD_HEIGHT + 48);
  },
};
