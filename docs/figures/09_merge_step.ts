/**
 * **What.** The figure of one step of a merge: a tournament of eight runs, in which only the matches on the path of the
 * run that has moved are played again, and codes decide them.
 *
 * **Invariants.**
 * 1. Where the runs stand is what the engine's merge has made of them; who won is compared with it.
 *
 * **Read next.** `../09_merging_and_visibility.md`
 *
 * @module
 */
import type { Cursor } from "../../lib/cursor.ts";
import { InternalKeyComparator, KIND_VALUE, TRAILER_BYTES } from "../../lib/internal_key.ts";
import { Memtable } from "../../lib/memtable.ts";
import { MergeCursor } from "../../lib/merge_cursor.ts";
import { type Figure, Sheet } from "./drawing.ts";

const RUNS = [
  ["core0013", "core0021"],
  ["core0012", "core0030"],
  ["core0017", "core0019"],
  ["core0016", "core0022"],
  ["core0010", "core0015"],
  ["core0011", "core0018"],
  ["cove0002", "cove0007"],
  ["cove0001", "cove0003"],
];
/** How many entries are shown before the step of the figure. */
const STEPS_BEFORE = 1;
const LEAF_WIDTH = 80;
const LEAF_PITCH = 90;
const LEAF_Y = 276;
const LEVEL_HEIGHT = 66;
const WORD_BYTES = 4;

const comparator = new InternalKeyComparator();

/** The user key that a cursor is at. */
function keyAt({ keyBuffer, keyStart, keyEnd }: Cursor): string {
  return new TextDecoder().decode(keyBuffer.subarray(keyStart, keyEnd - TRAILER_BYTES));
}

/** A run in memory. */
function runOf(keys: readonly string[], sequence: number): Cursor {
  const memtable = new Memtable({ comparator, capacityBytes: 65536 });
  for (const text of keys) {
    const key = new TextEncoder().encode(text);
    memtable.add(sequence, KIND_VALUE, key, 0, key.length, key, 0, 0);
  }
  return memtable.cursor();
}

/** Who wins at each place of the tree, and who loses each match; run `c` is at place `count + c`. */
function tournament(keys: readonly string[]): { winners: number[]; losers: number[] } {
  const count = keys.length;
  const winners: number[] = [];
  const losers: number[] = [];
  keys.forEach((_, run) => winners[count + run] = run);
  for (let match = count - 1; match >= 1; match--) {
    const [a, b] = [winners[2 * match]!, winners[2 * match + 1]!];
    const aWins = keys[a]! < keys[b]!;
    winners[match] = aWins ? a : b;
    losers[match] = aWins ? b : a;
  }
  return { winners, losers };
}

/** A key's code: the first word in which it differs from the base, and that word. */
function codeOf(key: string, base: string): string {
  let word = 0;
  const at = () => key.slice(word * WORD_BYTES, (word + 1) * WORD_BYTES);
  while (at() === base.slice(word * WORD_BYTES, (word + 1) * WORD_BYTES)) word++;
  return `${word}:${at()}`;
}

/** Where a place of the tree is drawn: the middle of its top edge. */
function spot(place: number): { x: number; y: number } {
  const level = Math.floor(Math.log2(place));
  const span = LEAF_PITCH * 8 / 2 ** level;
  return { x: 20 + (place - 2 ** level + 0.5) * span, y: LEAF_Y - (3 - level) * LEVEL_HEIGHT };
}

/** Draws the tree after a step, with the path that was played again in blue. */
function drawTree(sheet: Sheet, keys: readonly string[], moved: number, losers: number[]): void {
  const path = new Set<number>();
  for (let place = keys.length + moved; place >= 1; place >>= 1) path.add(place);
  for (let place = 2; place < 2 * keys.length; place++) {
    const [from, to] = [spot(place), spot(place >> 1)];
    const isOnPath = path.has(place);
    const middle = (from.y + to.y + 34) / 2;
    const points = [[from.x, from.y], [from.x, middle], [to.x, middle], [to.x, to.y + 34]] as const;
    sheet.path(points, { hasTip: isOnPath, isDashed: !isOnPath });
  }
  for (let match = 1; match < keys.length; match++) {
    const { x, y } = spot(match);
    const loser = losers[match]!;
    const tone = path.has(match) ? "blue" : "grey";
    sheet.box(x - 44, y, 88, 34, { tone });
    sheet.text(x, y + 14, `loser: run ${loser}`, { anchor: "middle", style: "small" });
    sheet.text(x, y + 29, keys[loser]!, { anchor: "middle", style: "mono" });
  }
  keys.forEach((key, run) => {
    const { x, y } = spot(keys.length + run);
    const tone = run === moved ? "amber" : "none";
    sheet.box(x - LEAF_WIDTH / 2, y, LEAF_WIDTH, 34, { tone });
    sheet.text(x, y + 14, `run ${run}`, { anchor: "middle", style: "small soft" });
    sheet.text(x, y + 29, key, { anchor: "middle", style: "mono" });
  });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "A tournament of eight runs as a tree of seven matches. One run has moved on; the three matches between its leaf " +
    "and the root are played again, the other four are not. Below, the codes that decide each match: the first word " +
    "in which a key differs from the last winner, and that word.",
  draw() {
    const children = RUNS.map((keys, i) => runOf(keys, i + 1));
    const merge = new MergeCursor(comparator, children);
    merge.first();
    for (let i = 0; i < STEPS_BEFORE; i++) merge.next();
    const base = keyAt(merge);
    const before = children.map(keyAt);
    const moved = before.indexOf(base);
    const { losers: oldLosers } = tournament(before);
    merge.next();
    const keys = children.map(keyAt);
    const { winners, losers } = tournament(keys);
    if (keys[winners[1]!] !== keyAt(merge)) throw new Error("the engine has another winner");

    const sheet = new Sheet("One step of a merge");
    sheet.text(20, 28, `${base} was shown, and run ${moved} has moved on to ${keys[moved]}.`);
    sheet.text(20, 48, "Who loses a match stays there; who wins the last one is next.", {
      style: "soft",
    });
    drawTree(sheet, keys, moved, losers);
    const root = spot(1);
    sheet.arrow(root.x + 44, root.y + 17, root.x + 116, root.y + 17);
    sheet.box(root.x + 118, root.y, 150, 34, {
      tone: "green",
      label: `next: ${keyAt(merge)}`,
      style: "mono",
    });
    let y = LEAF_Y + 66;
    sheet.text(20, y, `The matches played again, by codes against ${base} (word: what is there)`, {
      style: "bold",
    });
    let winner = moved;
    for (let match = (RUNS.length + moved) >> 1; match >= 1; match >>= 1) {
      const other = oldLosers[match]!;
      const [won, lost] = keys[winner]! < keys[other]! ? [winner, other] : [other, winner];
      y += 22;
      const shown = (run: number) => `${codeOf(keys[run]!, base)} of run ${run}`;
      sheet.text(20, y, `${shown(won)}  beats  ${shown(lost)}`, { style: "mono" });
      winner = won;
    }
    merge.close();
    return sheet.finish(y + 20);
  },
};
