/**
 * **What.** The figure of internal keys: the versions of some keys as a memtable has them, and where a reader lands who
 * looks for one as of a sequence number.
 *
 * **Invariants.**
 * 1. The entries are read from a memtable, and the place of the key that is looked for is where the comparator puts it.
 *
 * **Read next.** `../01_order_and_bytes.md`
 *
 * @module
 */
import {
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  kindAt,
  makeInternalKey,
  sequenceAt,
  TRAILER_BYTES,
  userKeyOf,
} from "../../lib/internal_key.ts";
import { Memtable } from "../../lib/memtable.ts";
import { type Field, type Figure, Sheet, type Tone } from "./drawing.ts";

const WRITES = [
  ["clay", "grey"],
  ["sand", "yellow"],
  ["clay", "red"],
  ["silt", "brown"],
  ["clay", undefined],
] as const;
const AS_OF = 4;

interface Row {
  readonly key: Uint8Array;
  /** What stands beside it; the key that is looked for has no value. */
  readonly label: string;
  readonly isEntry: boolean;
}

/** What the memtable holds after the writes, in its order. */
function entries(): Row[] {
  const memtable = new Memtable({
    comparator: new InternalKeyComparator(),
    capacityBytes: 1 << 16,
  });
  WRITES.forEach(([key, value], i) => {
    const [k, v] = [key, value ?? ""].map((text) => new TextEncoder().encode(text)) as [
      Uint8Array,
      Uint8Array,
    ];
    const kind = value === undefined ? KIND_TOMBSTONE : KIND_VALUE;
    memtable.add(i + 1, kind, k, 0, k.length, v, 0, v.length);
  });
  const rows: Row[] = [];
  const cursor = memtable.cursor();
  for (cursor.first(); cursor.valid; cursor.next()) {
    const key = cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd);
    const value = cursor.valueBuffer.slice(cursor.valueStart, cursor.valueEnd);
    const sequence = sequenceAt(key, key.length);
    const label = kindAt(key, key.length) === KIND_VALUE
      ? `write ${sequence}: "${new TextDecoder().decode(value)}"`
      : `write ${sequence}: a tombstone`;
    rows.push({ key, label, isEntry: true });
  }
  cursor.close();
  return rows;
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Five internal keys in order: the user key, then eight bytes with the kind and the sequence number. The three " +
    "versions of clay come newest first. The key that a reader as of write 4 looks for has its place behind the " +
    "tombstone of write 5, and the next entry is the answer.",
  draw() {
    const sheet = new Sheet("Internal keys in order");
    const target: Row = {
      key: makeInternalKey(new TextEncoder().encode("clay"), AS_OF, KIND_VALUE),
      label: `looked for: clay as of write ${AS_OF}`,
      isEntry: false,
    };
    const comparator = new InternalKeyComparator();
    const rows = [...entries(), target].sort((a, b) => comparator.compareKeys(a.key, b.key));
    sheet.text(20, 28, "user key", { style: "soft small" });
    sheet.text(20 + 4 * 26 + 2, 28, "kind", { style: "soft small" });
    sheet.text(20 + 5 * 26 + 6, 28, "sequence number, lowest byte first", { style: "soft small" });
    rows.forEach(({ key, label, isEntry }, i) => {
      const y = 36 + i * 34;
      const tone = (tone: Tone): Tone => isEntry ? tone : "none";
      const fields: Field[] = [
        { bytes: userKeyOf(key).length, tone: tone("green"), label: "", isText: true },
        { bytes: 1, tone: tone("amber"), label: "" },
        { bytes: TRAILER_BYTES - 1, tone: tone("blue"), label: "" },
      ];
      sheet.cells(20, y, key, fields);
      sheet.text(350, y + 17, label, { style: isEntry ? "" : "bold" });
      if (isEntry) return;
      sheet.path([[580, y + 12], [620, y + 12], [620, y + 46], [500, y + 46]]);
      sheet.text(630, y + 34, "the next entry", { style: "small" });
      sheet.text(630, y + 48, "is the answer", { style: "small" });
    });
    return sheet.finish(36 + rows.length * 34 + 12);
  },
};
