/**
 * **What.** The figure of the cuts between blocks: the keys that the index has there, and what a search makes of a
 * wrong one.
 *
 * **Invariants.**
 * 1. Blocks and index keys are read from a table that the writer wrote.
 *
 * **Read next.** `../08_the_table.md`
 *
 * @module
 */
import { decodeBlock, type DecodedBlock } from "../../lib/block.ts";
import { InternalKeyComparator, makeInternalKey } from "../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../lib/memory_file_system.ts";
import { readBlock, readFooter } from "../../lib/table_format.ts";
import { TableWriter } from "../../lib/table_writer.ts";
import { type Figure, Sheet } from "./drawing.ts";

const KEYS = [
  ["basalt", "chalk", "clay"],
  ["flint", "gabbro", "gneiss"],
  ["granite", "gravel", "limestone"],
  ["marl", "sand", "silt"],
];
const BLOCK_WIDTH = 110;
const PITCH = 182;
const TOP = 60;

const comparator = new InternalKeyComparator();

/** The user keys of a block. */
function keysOf(block: DecodedBlock): string[] {
  return Array.from({ length: block.count }, (_, i) => {
    const key = block.bytes.subarray(block.keyStart(i), block.keyEnd(i) - 8);
    return new TextDecoder().decode(key);
  });
}

/** Writes a table with three keys to a block; gives the keys of its index and of its blocks. */
function madeTable(): { index: string[]; blocks: string[][] } {
  const disk = new MemoryFileSystem();
  const options = { comparator, blockBytes: 96, restartInterval: 16, filterBits: 0 };
  const writer = new TableWriter(disk.create("table"), { ...options, compression: undefined });
  KEYS.flat().forEach((name, i) => {
    const key = makeInternalKey(new TextEncoder().encode(name), i + 1, 1);
    writer.add(key, 0, key.length, new Uint8Array(24 - name.length), 0, 24 - name.length);
  });
  writer.finish();
  const file = disk.open("table");
  const handle = readFooter(file).index;
  const bytes = readBlock(file, handle.offset, handle.bytes);
  const index = decodeBlock(bytes, bytes.length, "separators", comparator, "table", 0);
  const blocks = Array.from({ length: index.count }, (_, i) => {
    const at = index.handleAt(i);
    const data = readBlock(file, index.words[at]!, index.words[at + 1]!);
    return keysOf(decodeBlock(data, data.length, "entries", comparator, "table", 0));
  });
  if (JSON.stringify(blocks) !== JSON.stringify(KEYS)) throw new Error("cut in other places");
  return { index: keysOf(index), blocks };
}

/** Which block a search of an index leads to: the first whose key is not before the one looked for. */
function blockFor(index: readonly string[], key: string): number {
  return index.findIndex((separator) => separator >= key);
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Four data blocks with three keys each. The index has a key for each: d after clay and before flint, go after " +
    "gneiss and before granite, limestone itself before marl, and t at the end. Below: with the next block's first " +
    "key in the index, a search for flint is sent to the block before its own.",
  draw() {
    const { index, blocks } = madeTable();
    const sheet = new Sheet("Separators between blocks");
    sheet.text(
      20,
      28,
      "An index key for each block: at or after its last, before the next one's first",
    );
    blocks.forEach((keys, i) => {
      const x = 20 + i * PITCH;
      sheet.box(x, TOP, BLOCK_WIDTH, 74, { tone: "grey" });
      keys.forEach((key, j) => sheet.text(x + 10, TOP + 21 + j * 20, key, { style: "mono" }));
      sheet.text(x, TOP - 8, `data block ${i}`, { style: "small soft" });
      const middle = x + BLOCK_WIDTH + (PITCH - BLOCK_WIDTH) / 2 -
        (i === blocks.length - 1 ? 8 : 0);
      const width = Math.max(30, index[i]!.length * 7.4 + 12);
      const y = TOP + 100;
      sheet.path([[middle, y], [middle, TOP + 8]], { hasTip: false, isDashed: true });
      sheet.box(middle - width / 2, y, width, 24, {
        tone: "blue",
        label: index[i]!,
        style: "mono",
      });
    });
    sheet.text(20, TOP + 117, "index keys", { style: "bold" });

    const wrong = blocks.map((_, i) => blocks[i + 1]?.[0] ?? index[i]!);
    const y = TOP + 162;
    const row = (at: number, name: string, keys: readonly string[]) => {
      const found = blockFor(keys, "flint");
      sheet.text(20, at, `${name}  ${keys.join("  ")}`, { style: "mono" });
      const verdict = blocks[found]!.includes("flint") ? "there it is" : "not there";
      const tone = verdict === "there it is" ? "green" : "red";
      sheet.box(490, at - 16, 250, 24, {
        tone,
        label: `get("flint") → block ${found}: ${verdict}`,
      });
    };
    row(y, "right ", index);
    row(y + 32, "wrong ", wrong);
    return sheet.finish(y + 54);
  },
};
