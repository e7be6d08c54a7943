/**
 * **What.** The figure of a varint: how the bits of a number are spread over its bytes.
 *
 * **Invariants.**
 * 1. The bits are those of the bytes that `putVarint` wrote.
 *
 * **Read next.** `../01_order_and_bytes.md`
 *
 * @module
 */
import { putVarint } from "../../lib/coding.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const VALUE = 300;
const CELL = 28;
const TONES: readonly Tone[] = ["green", "blue"];

/** The figure. */
export const figure: Figure = {
  alt:
    "The number 300 is 10 0101100 in binary. Its lowest seven bits are in the first byte, ac, whose highest bit is " +
    "1: another byte follows. The bits above are in the second byte, 02, whose highest bit is 0: it is the last.",
  draw() {
    const bytes = new Uint8Array(8);
    const length = putVarint(bytes, 0, VALUE);
    const sheet = new Sheet("A varint");
    const lefts = Array.from({ length }, (_, i) => 40 + i * 360);
    sheet.text(40, 30, `${VALUE}, highest bit first`, { style: "bold" });
    const bit = (x: number, y: number, digit: string, tone: Tone) =>
      sheet.box(x, y, CELL, CELL, { tone, label: digit, style: "mono", radius: 0 });
    const middles = lefts.map((left, i) => {
      const bits = bytes[i]!.toString(2).padStart(8, "0");
      // Above: the number, so the first byte's bits are on the right.
      const from = 230 + (length - 1 - i) * 7.5 * CELL;
      [...bits.slice(1)].forEach((digit, k) => bit(from + k * CELL, 14, digit, TONES[i]!));
      bit(left, 96, bits[0]!, "amber");
      [...bits.slice(1)].forEach((digit, k) => bit(left + (k + 1) * CELL, 96, digit, TONES[i]!));
      const follows = bits[0] === "1" ? "1: another one follows" : "0: the last one";
      const hex = bytes[i]!.toString(16).padStart(2, "0");
      sheet.text(left, 144, `byte ${i}: ${hex}`, { style: "mono bold" });
      sheet.text(left + 90, 144, follows, { style: "soft" });
      return [from + 3.5 * CELL, left + 4.5 * CELL] as const;
    });
    for (const [from, to] of middles) sheet.arrow(from, 14 + CELL + 2, to, 94);
    return sheet.finish(162);
  },
};
