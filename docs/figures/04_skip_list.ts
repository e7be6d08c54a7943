/**
 * **What.** The figure of a skip list: its nodes with all their links, and which of them a search compares.
 *
 * **Invariants.**
 * 1. Nodes, heights and links are read from the arena that a memtable wrote; the comparisons are those that its own
 *    search makes, in number and in order.
 *
 * **Read next.** `../04_the_memtable.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Arena, INDEX_ROOT_WORD } from "../../lib/arena.ts";
import { bytewise } from "../../lib/comparator.ts";
import { InternalKeyComparator, KIND_VALUE, Lookup } from "../../lib/internal_key.ts";
import { Memtable } from "../../lib/memtable.ts";
import { type Figure, Sheet } from "./drawing.ts";

const KEYS = "sand gneiss basalt slate clay tuff granite chalk marl flint shale loam".split(" ");
const WANTED = "shale";
const SEED = 125;
/** Where a node's links begin: behind its entry and two heads, as the head of `lib/skip_list.ts` says. */
const NEXT = 3;

/** A node of a skip list. */
export interface Tower {
  /** Its place in the arena, in words. */
  readonly node: number;
  /** The offset of its record; 0 for the head of the list. */
  readonly entry: number;
  /** The nodes that it leads to, level by level from the lowest; 0 at the end of a level. */
  readonly next: readonly number[];
}

/**
 * Reads the nodes of a skip list.
 *
 * @param arena Where it is.
 * @returns The head of the list, then the nodes in order, as high as they are linked.
 */
export function towersOf(arena: Arena): Tower[] {
  const { words } = arena;
  const head = words[INDEX_ROOT_WORD]!;
  const height = words[INDEX_ROOT_WORD + 1]!;
  // A node does not say how high it is: it is linked at level n if a walk along level n comes to it.
  const heights = new Map([[head, height]]);
  for (let level = 0; level < height; level++) {
    let node = head;
    while ((node = words[node + NEXT + level]!) !== 0) heights.set(node, level + 1);
  }
  const towers: Tower[] = [];
  for (let node = head; node !== 0; node = words[node + NEXT]!) {
    const next = words.slice(node + NEXT, node + NEXT + heights.get(node)!);
    towers.push({ node, entry: words[node]!, next: [...next] });
  }
  return towers;
}

/** A node that a search compares, and where it stood then. */
interface Step {
  readonly level: number;
  readonly from: number;
  readonly to: number;
  readonly isBefore: boolean;
}

/** The steps of a search, along links that were read. */
function stepsOf(towers: readonly Tower[], keyOf: (node: number) => string): Step[] {
  const byNode = new Map(towers.map((tower) => [tower.node, tower]));
  const steps: Step[] = [];
  let from = towers[0]!.node;
  let bound = 0;
  for (let level = towers[0]!.next.length - 1; level >= 0; level--) {
    let to = byNode.get(from)!.next[level]!;
    while (to !== 0 && to !== bound) {
      const isBefore = keyOf(to) < WANTED;
      steps.push({ level, from, to, isBefore });
      if (!isBefore) break;
      from = to;
      to = byNode.get(from)!.next[level]!;
    }
    bound = to;
  }
  return steps;
}

/** A memtable of the keys, and those that its search for the wanted one compared, in order. */
function searched(): { arena: Arena; compared: string[] } {
  const compared: string[] = [];
  // An order of its own: without heads, so that each step of a search calls it.
  const user = {
    name: "watched",
    compare(a: Uint8Array, b: Uint8Array) {
      compared.push(new TextDecoder().decode(a.slice()));
      return bytewise.compare(a, b);
    },
  };
  const comparator = new InternalKeyComparator(user);
  const options = { comparator, capacityBytes: 4096, index: "skip-list", seed: SEED } as const;
  const memtable = new Memtable(options);
  KEYS.forEach((key, i) => {
    const bytes = new TextEncoder().encode(key);
    memtable.add(i + 1, KIND_VALUE, bytes, 0, bytes.length, bytes, 0, 0);
  });
  const lookup = new Lookup();
  const { written } = new TextEncoder().encodeInto(WANTED, lookup.key);
  lookup.begin(written, KEYS.length);
  compared.length = 0;
  memtable.get(lookup);
  compared.pop(); // the search is over: is what it found a version of the key?
  return { arena: new Arena(memtable.buffer), compared };
}

/** The figure. */
export const figure: Figure = {
  alt:
    "A skip list of twelve keys. Each node is a tower of one to three links; a link leads to the next tower that is " +
    "at least as high. A search begins at the top of the head, goes right as long as the key there is smaller, and " +
    "down otherwise: it compares five of the twelve keys.",
  draw() {
    const { arena, compared } = searched();
    const towers = towersOf(arena);
    assertEquals(towers.length, KEYS.length + 1);
    const keyAt = (entry: number) =>
      new TextDecoder().decode(arena.bytes.slice(arena.keyStart(entry), arena.keyEnd(entry) - 8));
    const keyOf = (node: number) => keyAt(arena.words[node]!);
    const steps = stepsOf(towers, keyOf);
    assertEquals(steps.map(({ to }) => keyOf(to)), compared);
    assertEquals(compared.length, 5, "what is said instead of the figure");

    const sheet = new Sheet("A skip list in the arena");
    const columnOf = new Map(towers.map(({ node }, i) => [node, i]));
    const left = (node: number) => 14 + columnOf.get(node)! * 56.5;
    const height = towers[0]!.next.length;
    const top = (level: number) => 56 + (height - 1 - level) * 44;
    const bottom = top(0) + 26;
    // Where it came to at one level, it is at the levels below, too.
    const stood = new Set(
      steps.flatMap(({ level, from, to, isBefore }) =>
        isBefore ? [`${from} ${level}`, `${to} ${level}`] : [`${from} ${level}`]
      ),
    );
    sheet.text(14, 28, `seek("${WANTED}") compares ${steps.length} of ${KEYS.length} keys`, {
      style: "bold",
    });
    for (const { node, entry, next } of towers) {
      next.forEach((to, level) => {
        const x = left(node);
        const y = top(level);
        sheet.box(x, y, 46, 26, {
          tone: stood.has(`${node} ${level}`) ? "amber" : entry === 0 ? "violet" : "blue",
          label: String(to),
          style: "mono small",
          radius: 0,
        });
        if (to !== 0) sheet.arrow(x + 46, y + 13, left(to), y + 13);
      });
      const name = entry === 0 ? "head" : keyAt(entry);
      const style = name === WANTED ? "bold" : entry === 0 ? "soft" : "";
      sheet.text(left(node) + 23, bottom + 18, name, { anchor: "middle", style });
      sheet.text(left(node) + 23, bottom + 34, `at ${node}`, {
        anchor: "middle",
        style: "mono soft small",
      });
    }
    const y = bottom + 64;
    sheet.text(
      14,
      y,
      "In a box: the place of the next node at that level, in words of the arena.",
      {
        style: "soft",
      },
    );
    sheet.text(
      14,
      y + 20,
      "Amber: where the search stood. Its comparisons, in order:",
      {
        style: "soft",
      },
    );
    const told = steps.map(({ to, level, isBefore }) =>
      `${keyOf(to)} ${isBefore ? "→ right" : level > 0 ? "↓ down" : "↓ that is it"}`
    );
    sheet.text(14, y + 42, told.join("   "));
    return sheet.finish(y + 60);
  },
};
