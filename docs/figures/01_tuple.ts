/**
 * **What.** The figure of tuples: keys of several parts in the order of their bytes, and the range of those that begin
 * with the same parts.
 *
 * **Invariants.**
 * 1. The bytes are what the tuple codec gives, sorted by `compareBytes`; each part's bytes are those of it alone.
 *
 * **Read next.** `../01_order_and_bytes.md`
 *
 * @module
 */
import { compareBytes } from "../../lib/bytes.ts";
import { tuple, type TuplePart } from "../../lib/tuple_codec.ts";
import { type Field, type Figure, Sheet } from "./drawing.ts";

const codec = tuple();
const PREFIX: TuplePart[] = ["user", 42];
const KEYS: TuplePart[][] = [
  ["users", 1],
  ["user", 42, "name"],
  ["user", 7, "name"],
  ["user", 42],
  ["user", 42, "mail"],
  ["user", 100],
];
const LEFT = 180;
const ROW_HEIGHT = 34;

function fieldsOf(key: readonly TuplePart[]): Field[] {
  return key.flatMap((part): Field[] => {
    const inner = codec.encode([part]).length - 1;
    const kind: Field = { bytes: 1, tone: "violet", label: "" };
    if (typeof part === "number") return [kind, { bytes: inner, tone: "blue", label: "" }];
    return [
      kind,
      { bytes: inner - 1, tone: "green", label: "", isText: true },
      { bytes: 1, tone: "amber", label: "" },
    ];
  });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Six tuples in the order of their bytes. Those that begin with user and 42 lie side by side, and their bytes " +
    "begin with the same fifteen. The tuple with users comes last, since a string ends with a zero byte.",
  draw() {
    const sheet = new Sheet("Tuples as bytes");
    const rows = KEYS.map((key) => ({ key, bytes: codec.encode(key) }))
      .sort((a, b) => compareBytes(a.bytes, 0, a.bytes.length, b.bytes, 0, b.bytes.length));
    const prefix = codec.encode(PREFIX);
    const isInRange = ({ bytes }: typeof rows[number]) =>
      compareBytes(bytes, 0, Math.min(bytes.length, prefix.length), prefix, 0, prefix.length) === 0;
    const first = rows.findIndex(isInRange);
    const count = rows.filter(isInRange).length;
    rows.forEach(({ key, bytes }, i) => {
      const y = 46 + i * ROW_HEIGHT;
      const text = JSON.stringify(key).replaceAll(",", ", ");
      sheet.text(20, y + 17, text, { style: "mono" });
      sheet.cells(LEFT, y, bytes, fieldsOf(key), 24);
    });
    sheet.text(20, 28, `All that begins with ${JSON.stringify(PREFIX).replaceAll(",", ", ")}`, {
      style: "bold",
    });
    sheet.text(LEFT + 82, 28, "is one range of bytes, in the dashed box", { style: "soft" });
    sheet.box(12, 46 + first * ROW_HEIGHT - 5, 736, count * ROW_HEIGHT, {
      tone: "none",
      isDashed: true,
    });
    const y = 46 + rows.length * ROW_HEIGHT + 6;
    const legend = [["violet", "kind of the part"], ["green", "text"], [
      "amber",
      "end of the text",
    ], ["blue", "number, by the number codec"]] as const;
    let x = LEFT;
    for (const [tone, text] of legend) {
      sheet.box(x, y, 14, 14, { tone, radius: 0 });
      sheet.text(x + 20, y + 12, text, { style: "small" });
      x += 40 + text.length * 6.4;
    }
    return sheet.finish(y + 30);
  },
};
