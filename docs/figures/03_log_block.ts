/**
 * **What.** The figure of a log block: two whole records, and one that goes on in the next block.
 *
 * **Invariants.**
 * 1. Offsets, lengths and types are read from the file that the log wrote.
 *
 * **Read next.** `../03_the_log.md`
 *
 * @module
 */
import { getFixed32 } from "../../lib/coding.ts";
import { readFile } from "../../lib/file_system.ts";
import { LOG_BLOCK_BYTES, LOG_HEADER_BYTES, LogWriter } from "../../lib/log.ts";
import { MemoryFileSystem } from "../../mod.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const TYPES = ["zero", "FULL", "FIRST", "MIDDLE", "LAST"];
const TONES: readonly Tone[] = ["grey", "green", "blue", "blue", "blue"];
const RECORD_BYTES = [9_000, 14_000, 16_000, 20_000];

interface Fragment {
  readonly offset: number;
  readonly type: number;
  readonly length: number;
}

/** The fragments of a log, as its headers say. */
function fragmentsOf(log: Uint8Array): Fragment[] {
  const found: Fragment[] = [];
  let offset = 0;
  while (offset < log.length) {
    const left = LOG_BLOCK_BYTES - offset % LOG_BLOCK_BYTES;
    if (left < LOG_HEADER_BYTES) {
      offset += left;
      continue;
    }
    const word = getFixed32(log, offset + 4);
    const fragment = { offset, length: word & 0xffff, type: log[offset + 6]! };
    found.push(fragment);
    offset += LOG_HEADER_BYTES + fragment.length;
  }
  return found;
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Two log blocks of 32 KiB. The first holds two whole records and the first fragment of a third; the second " +
    "begins with that one's last fragment and goes on with the next record. Each fragment begins with a header of 7 " +
    "bytes.",
  draw() {
    const disk = new MemoryFileSystem();
    const writer = new LogWriter(disk.create("log"));
    RECORD_BYTES.forEach((length, i) => writer.add(new Uint8Array(length).fill(i + 1), 0, length));
    const log = readFile(disk, "log");
    const sheet = new Sheet("Records in log blocks");
    const perByte = 700 / LOG_BLOCK_BYTES;
    const top = (offset: number) => 52 + Math.floor(offset / LOG_BLOCK_BYTES) * 120;
    let record = 0;
    for (let block = 0; block * LOG_BLOCK_BYTES < log.length; block++) {
      const y = top(block * LOG_BLOCK_BYTES);
      const from = block * LOG_BLOCK_BYTES;
      sheet.text(30, y - 12, `block ${block}: bytes ${from} to ${from + LOG_BLOCK_BYTES - 1}`, {
        style: "bold",
      });
      sheet.box(30, y, 700, 56, { tone: "none", isDashed: true });
    }
    for (const { offset, type, length } of fragmentsOf(log)) {
      if (type === 1 || type === 2) record++;
      const x = 30 + (offset % LOG_BLOCK_BYTES) * perByte;
      const width = (LOG_HEADER_BYTES + length) * perByte;
      const y = top(offset);
      sheet.box(x, y, width, 56, { tone: TONES[type]!, radius: 0 });
      sheet.box(x, y, 5, 56, { tone: "amber", radius: 0 });
      sheet.text(x + 12, y + 24, `record ${record} ${TYPES[type]}`);
      sheet.text(x + 12, y + 42, `${length} bytes`, { style: "soft small" });
      sheet.text(x, y + 72, String(offset), { style: "mono soft small" });
    }
    sheet.box(30, 264, 5, 14, { tone: "amber", radius: 0 });
    sheet.text(44, 276, "a header, drawn wider than it is: checksum 4 bytes, length 2, type 1", {
      style: "soft",
    });
    return sheet.finish(296);
  },
};
