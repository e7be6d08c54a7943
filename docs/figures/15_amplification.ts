/**
 * **What.** The figure of amplification: where the bytes of three loads go, for each byte that was put.
 *
 * **Invariants.**
 * 1. The counts are those of `bench/amplification.ts`, on a database with small limits, so that it has several levels.
 *
 * **Read next.** `../15_measuring.md`
 *
 * @module
 */
import { type AmplificationRow, countLoad } from "../../bench/amplification.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const ENTRIES = 40_000;
const LOADS = { sequential: "in order", random: "at random", overwrite: "at random, twice" };
const SMALL = {
  worker: false,
  memtableBytes: 1 << 16,
  tableBytes: 1 << 16,
  baseLevelBytes: 1 << 17,
  poolBytes: 1 << 17,
};

const LEFT = 150;
const PER_BYTE = 120;

/** What is written for each byte put, from left to right. */
function parts(row: AmplificationRow): [name: string, bytes: number, tone: Tone][] {
  return [
    ["log", row.logBytes, "amber"],
    ["flushes", row.flushBytes, "green"],
    ["compactions", row.compactionBytes, "blue"],
  ];
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Three bars, one for each load, of bytes written per byte put: to the log, by flushes and by compactions. A load " +
    "in order is written by log and flush only; random ones are written again by compactions, which write more than " +
    "the flushes do.",
  async draw() {
    const sheet = new Sheet("Bytes written for each byte put");
    sheet.text(
      20,
      28,
      `${ENTRIES} keys, each put with its value 116 bytes: bytes written for each byte put`,
      {
        style: "bold",
      },
    );
    let y = 48;
    for (const [load, name] of Object.entries(LOADS)) {
      const row = await countLoad(load, ENTRIES, SMALL);
      sheet.text(LEFT - 12, y + 25, name, { anchor: "end" });
      let x = LEFT;
      for (const [part, bytes, tone] of parts(row)) {
        const ratio = bytes / row.putBytes;
        const width = ratio * PER_BYTE;
        if (width > 0) sheet.box(x, y, width, 38, { tone, radius: 0 });
        if (width > 70) {
          sheet.text(x + width / 2, y + 17, part, { anchor: "middle", style: "small" });
          sheet.text(x + width / 2, y + 32, ratio.toFixed(2), { anchor: "middle", style: "small" });
        } else if (width > 20) {
          sheet.text(x + width / 2, y + 24, ratio.toFixed(2), { anchor: "middle", style: "small" });
        }
        x += width;
      }
      sheet.text(x + 10, y + 24, `${row.writeAmplification.toFixed(2)} ×`, { style: "bold" });
      const kept = `kept on disk: ${row.spaceAmplification.toFixed(2)} × what is there`;
      const read = `blocks read for a get: ${row.readsPerGet.toFixed(2)}, for a miss: ${
        row.readsPerMiss.toFixed(2)
      }`;
      sheet.text(LEFT, y + 54, `${kept}; ${read}`, { style: "small soft" });
      y += 76;
    }
    const notes = [
      "Tables are compressed, the log is not: that is why a flush writes less than was put.",
      "The cache has 128 KiB only: reads of indexes and filters, which it cannot keep, are counted.",
    ];
    notes.forEach((note, i) => sheet.text(20, y + 6 + i * 16, note, { style: "small soft" }));
    return sheet.finish(y + 38);
  },
};
