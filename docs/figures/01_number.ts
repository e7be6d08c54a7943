/**
 * **What.** The figure of numbers as bytes: doubles as they are, and as the number codec has them, each sorted.
 *
 * **Invariants.**
 * 1. The bytes on the right are what `number.encode` gives, and both columns are sorted by `compareBytes`.
 *
 * **Read next.** `../01_order_and_bytes.md`
 *
 * @module
 */
import { compareBytes } from "../../lib/bytes.ts";
import { number } from "../../lib/codec.ts";
import { type Field, type Figure, Sheet, type Tone } from "./drawing.ts";

const NUMBERS = [-10, -2.5, -1, 0, 2.5, 9, 10];

/** The eight bytes of a double as they are, highest first. */
function plain(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

/** Draws the numbers in the order of their bytes. */
function column(
  sheet: Sheet,
  x: number,
  encode: (value: number) => Uint8Array,
  toneOf: (value: number, before: number) => readonly [first: Tone, others: Tone],
): void {
  const rows = NUMBERS.map((value) => ({ value, bytes: encode(value) }))
    .sort((a, b) => compareBytes(a.bytes, 0, 8, b.bytes, 0, 8));
  rows.forEach(({ value, bytes }, i) => {
    const y = 64 + i * 32;
    const [first, others] = toneOf(value, rows[i - 1]?.value ?? -Infinity);
    const fields: Field[] = [{ bytes: 1, tone: first, label: "" }, {
      bytes: 7,
      tone: others,
      label: "",
    }];
    sheet.text(x + 44, y + 17, String(value), { anchor: "end", style: "mono bold" });
    sheet.cells(x + 54, y, bytes, fields);
  });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Seven numbers from -10 to 10 as eight bytes each, in the order of their bytes. As doubles are, highest byte " +
    "first, the negative ones come last, and from -1 down to -10. As the number codec writes them they are in order: " +
    "the first bit of a positive one is flipped, and all bits of a negative one.",
  draw() {
    const sheet = new Sheet("Numbers as bytes");
    sheet.text(20, 28, "As a double is, highest byte first", { style: "bold" });
    sheet.text(400, 28, "As the number codec writes it", { style: "bold" });
    for (const x of [20, 400]) {
      sheet.text(x, 48, "in the order of the bytes", { style: "soft small" });
    }
    column(sheet, 20, plain, (value, before) => value < before ? ["red", "red"] : ["grey", "grey"]);
    column(
      sheet,
      400,
      number.encode,
      (value) => value < 0 ? ["blue", "blue"] : ["violet", "grey"],
    );
    const y = 64 + NUMBERS.length * 32 + 6;
    const legend = (x: number, tone: Tone, text: string) => {
      sheet.box(x, y, 14, 14, { tone, radius: 0 });
      sheet.text(x + 22, y + 12, text, { style: "small" });
    };
    legend(20, "red", "smaller than the number above it");
    legend(400, "violet", "first bit flipped");
    legend(540, "blue", "all bits flipped");
    return sheet.finish(y + 32);
  },
};
