/**
 * **What.** The figure of a sorted array: its directory and its blocks, and how a search goes by heads.
 *
 * **Invariants.**
 * 1. Blocks, heads and what keys share are read from the arena that a memtable wrote.
 *
 * **Read next.** `../04_the_memtable.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Arena, INDEX_ROOT_WORD, Position } from "../../lib/arena.ts";
import {
  InternalKeyComparator,
  KIND_VALUE,
  makeInternalKey,
  SEQUENCE_MAX,
} from "../../lib/internal_key.ts";
import { Memtable } from "../../lib/memtable.ts";
import { generator } from "../../lib/random.ts";
import { BLOCK_SLOTS, SortedArray } from "../../lib/sorted_array.ts";
import { type Figure, Sheet } from "./drawing.ts";

const COUNT = 300;
const WANTED = "user:000216";

// Where things are in a block: as the head of `lib/sorted_array.ts` says.
const NEXT = 1;
const SKIP = 3;
const HEADS = 4;
const ENTRIES = HEADS + BLOCK_SLOTS;

interface Block {
  readonly at: number;
  readonly count: number;
  readonly skip: number;
  readonly heads: readonly string[];
  readonly keys: readonly string[];
}

/** The four bytes of a head, as text. */
function textOfHead(head: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, head ^ (1 << 31));
  return new TextDecoder().decode(bytes).replaceAll("\0", "·");
}

/** The memory of a memtable with so many users, put in random order. */
function arenaOf(count: number): Arena {
  const options = { comparator: new InternalKeyComparator(), capacityBytes: 1 << 16 };
  const memtable = new Memtable(options);
  const random = generator(1);
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random(i + 1);
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  numbers.forEach((number, i) => {
    const key = new TextEncoder().encode(`user:${String(number).padStart(6, "0")}`);
    memtable.add(i + 1, KIND_VALUE, key, 0, key.length, key, 0, 0);
  });
  return new Arena(memtable.buffer);
}

function blocksOf(arena: Arena): Block[] {
  const { words, bytes } = arena;
  const keyAt = (entry: number) =>
    new TextDecoder().decode(bytes.slice(arena.keyStart(entry), arena.keyEnd(entry) - 8));
  const blocks: Block[] = [];
  for (let at = words[INDEX_ROOT_WORD]!; at !== 0; at = words[at + NEXT]!) {
    const count = words[at]!;
    blocks.push({
      at,
      count,
      skip: words[at + SKIP]!,
      heads: [...words.slice(at + HEADS, at + HEADS + count)].map(textOfHead),
      keys: [...words.slice(at + ENTRIES, at + ENTRIES + count)].map(keyAt),
    });
  }
  return blocks;
}

/** Where the index itself finds a key. */
function placeOf(arena: Arena, text: string): Position {
  const position = new Position();
  const key = makeInternalKey(new TextEncoder().encode(text), SEQUENCE_MAX, KIND_VALUE);
  new SortedArray(arena, new InternalKeyComparator()).seek(position, key, 0, key.length);
  return position;
}

/** The heads of the directory, from the second block on: it grows down from the arena's end. */
function directoryOf(arena: Arena, blockCount: number): string[] {
  return Array.from(
    { length: blockCount - 1 },
    (_, i) => textOfHead(arena.words[arena.capacityWords - 2 * (i + 2)]!),
  );
}

/** The figure. */
export const figure: Figure = {
  alt:
    "A sorted array of three hundred keys: a directory with four bytes of the first key of each block, and the " +
    "blocks. Each block says how many bytes its keys share; then come four bytes of each key, and the entries. A " +
    "search for one key goes to the last block of the directory that begins before it, and there to the equal head.",
  draw() {
    const arena = arenaOf(COUNT);
    const blocks = blocksOf(arena);
    assertEquals(blocks.reduce((sum, { count }) => sum + count, 0), COUNT);
    const directory = directoryOf(arena, blocks.length);
    const directorySkip = arena.words[INDEX_ROOT_WORD + 3]!;
    const found = placeOf(arena, WANTED);
    const chosen = blocks.findIndex(({ at }) => at === found.node);
    const { slot } = found;
    assertEquals(blocks[chosen]!.keys[slot], WANTED);
    assert(slot > 1 && slot < blocks[chosen]!.count - 2);

    const sheet = new Sheet("A sorted array");
    sheet.text(20, 28, `seek("${WANTED}") among ${COUNT} keys`, { style: "bold" });
    const pitch = 720 / blocks.length;
    const left = (i: number) => 20 + i * pitch;
    const width = pitch - 14;
    sheet.text(
      20,
      56,
      `directory: all these keys begin with "${WANTED.slice(0, directorySkip)}"; then come`,
      {
        style: "soft",
      },
    );
    blocks.forEach((block, i) => {
      const tone = i === chosen ? "amber" : "violet";
      const label = i === 0 ? "all before" : directory[i - 1]!;
      sheet.box(left(i), 68, width, 28, { tone, label, style: "mono", radius: 0 });
      sheet.arrow(left(i) + width / 2, 96, left(i) + width / 2, 128);
      sheet.text(left(i), 144, `${block.count} of ${BLOCK_SLOTS} entries`);
      sheet.text(left(i), 162, `skips "${block.keys[0]!.slice(0, block.skip)}"`, {
        style: "soft small",
      });
      // The first and the last heads, and those around the one that is wanted.
      const around = i === chosen ? [slot - 1, slot, slot + 1] : [1, 2, 3];
      const shownSlots = [0, -1, ...around, -1, block.count - 1];
      shownSlots.forEach((at, row) => {
        const y = 172 + row * 24;
        if (at < 0) {
          sheet.text(left(i) + width / 2, y + 15, "⋮", { anchor: "middle", style: "soft" });
          return;
        }
        const isWanted = i === chosen && at === slot;
        const tone = isWanted ? "amber" : "green";
        sheet.box(left(i), y, 52, 24, { tone, label: block.heads[at]!, style: "mono", radius: 0 });
        sheet.box(left(i) + 52, y, width - 52, 24, {
          tone: isWanted ? "amber" : "grey",
          label: block.keys[at]!,
          style: isWanted ? "mono bold" : "mono",
          radius: 0,
        });
      });
    });
    const bottom = 172 + 7 * 24;
    sheet.text(
      20,
      bottom + 24,
      "Left: the head, four bytes after what the keys of the block share; a dot: no byte, the key has ended.",
      {
        style: "soft",
      },
    );
    sheet.text(
      20,
      bottom + 44,
      "Right: the entry, a number that leads to the record; its key is shown here, and compared last.",
      { style: "soft" },
    );
    return sheet.finish(bottom + 60);
  },
};
