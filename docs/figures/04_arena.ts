/**
 * **What.** The figure of a memtable: its arena, in the order in which things were written, and its entries in the
 * order in which they are read, with what lookups find.
 *
 * **Invariants.**
 * 1. Offsets, entries and answers are those of a memtable that was written to.
 *
 * **Read next.** `../04_the_memtable.md`
 *
 * @module
 */
import { Arena, ARENA_HEADER_BYTES, INDEX_ROOT_WORD } from "../../lib/arena.ts";
import {
  DELETED,
  FOUND,
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  kindAt,
  Lookup,
  sequenceAt,
} from "../../lib/internal_key.ts";
import { Memtable } from "../../lib/memtable.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

/** What is written, in order: a key, and a value if it is a put. */
const WRITES = [["clay", "red"], ["sand", "gold"], ["clay", "grey"], ["clay"], ["chalk", ""]];
/** What is asked: a key, as of a sequence number. */
const QUESTIONS = [["clay", 2], ["clay", 3], ["clay", 5], ["chalk", 5], ["loam", 5]] as const;

/** An entry, as it is in the memtable. */
interface Entry {
  readonly at: number;
  readonly end: number;
  readonly key: string;
  readonly sequence: number;
  readonly what: string;
  readonly tone: Tone;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes.slice());

function filled(): Memtable {
  const memtable = new Memtable({ comparator: new InternalKeyComparator(), capacityBytes: 4096 });
  WRITES.forEach(([name, text], i) => {
    const key = bytesOf(name!);
    const value = bytesOf(text ?? "");
    const kind = text === undefined ? KIND_TOMBSTONE : KIND_VALUE;
    memtable.add(i + 1, kind, key, 0, key.length, value, 0, value.length);
  });
  return memtable;
}

/** The entries, in the order of a cursor. */
function entriesOf(memtable: Memtable): Entry[] {
  const entries: Entry[] = [];
  const cursor = memtable.cursor();
  for (cursor.first(); cursor.valid; cursor.next()) {
    const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
    const isValue = kindAt(keyBuffer, keyEnd) === KIND_VALUE;
    entries.push({
      at: keyStart - 8, // two lengths stand before the key
      end: Math.ceil(valueEnd / 4) * 4,
      key: textOf(keyBuffer.subarray(keyStart, keyEnd - 8)),
      sequence: sequenceAt(keyBuffer, keyEnd),
      what: isValue ? `"${textOf(valueBuffer.subarray(valueStart, valueEnd))}"` : "tombstone",
      tone: isValue ? "green" : "red",
    });
  }
  return entries;
}

/** What a memtable answers. */
function answer(memtable: Memtable, key: string, sequence: number): string {
  const lookup = new Lookup();
  const { written } = new TextEncoder().encodeInto(key, lookup.key);
  lookup.begin(written, sequence);
  memtable.get(lookup);
  if (lookup.outcome === DELETED) return "deleted";
  if (lookup.outcome !== FOUND) return "not here: ask what is older";
  return `"${textOf(lookup.value.subarray(lookup.valueStart, lookup.valueEnd))}"`;
}

/** Draws the arena from left to right. */
function drawArena(sheet: Sheet, memtable: Memtable, entries: readonly Entry[]): void {
  const arena = new Arena(memtable.buffer);
  const written = entries.toSorted((a, b) => a.at - b.at);
  let x = 20;
  const part = (at: number, width: number, tone: Tone, ...lines: string[]) => {
    sheet.box(x, 62, width, 52, { tone, radius: 0, isDashed: tone === "none" });
    lines.forEach((line, i) => {
      const style = i === 0 ? "" : "soft small";
      sheet.text(x + width / 2, 84 + 18 * i, line, { anchor: "middle", style });
    });
    sheet.text(x, 130, String(at), { style: "mono soft small" });
    x += width;
  };
  part(0, 62, "grey", "header", `${ARENA_HEADER_BYTES} bytes`);
  const block = arena.words[INDEX_ROOT_WORD]! * 4;
  part(block, 86, "violet", "index block", `${written[0]!.at - block} bytes`);
  for (const entry of written) {
    part(entry.at, 80, entry.tone, `${entry.key} ${entry.sequence}`, entry.what);
  }
  const last = written.at(-1)!.end;
  part(last, 86, "none", "free", `${arena.freeBytes} bytes`);
  part(last + arena.freeBytes, 86, "violet", "directory", "8 bytes");
}

/** The figure. */
export const figure: Figure = {
  alt:
    "An arena with a header, a block of the index, five records in the order in which they were written, free room " +
    "and a directory. Below it the same five entries in the order of the index: by key, the newest version first. " +
    "Beside them what lookups answer: a value, deleted, or not here.",
  draw() {
    const memtable = filled();
    const entries = entriesOf(memtable);
    const sheet = new Sheet("A memtable: its arena, and its order");
    sheet.text(20, 28, "The arena, as it was written", { style: "bold" });
    sheet.text(20, 48, "Below each part: its first byte. Widths are not to scale.", {
      style: "soft small",
    });
    drawArena(sheet, memtable, entries);
    const top = 190;
    sheet.text(20, top - 14, "The same entries, in order", { style: "bold" });
    entries.forEach((entry, i) => {
      const y = top + i * 34;
      sheet.box(20, y, 250, 28, { tone: entry.tone, radius: 0 });
      sheet.text(30, y + 19, entry.key);
      sheet.text(110, y + 19, `sequence ${entry.sequence}`, { style: "soft" });
      sheet.text(205, y + 19, entry.what === "tombstone" ? "deleted" : entry.what);
      sheet.text(282, y + 19, `record at ${entry.at}`, { style: "mono soft small" });
    });
    sheet.text(410, top - 14, "What a lookup answers", { style: "bold" });
    QUESTIONS.forEach(([key, sequence], i) => {
      const y = top + 19 + i * 34;
      sheet.text(410, y, `${key} as of ${sequence}`, { style: "mono" });
      sheet.text(540, y, answer(memtable, key, sequence));
    });
    return sheet.finish(top + entries.length * 34 + 14);
  },
};
