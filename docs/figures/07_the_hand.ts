/**
 * **What.** The figure of two eviction policies: the same accesses, a scan among them, under LRU and under SIEVE.
 *
 * **Invariants.**
 * 1. Hits and victims are those of the engine's policies, and LRU's order is the order in which it gives up its frames.
 *    SIEVE's queue, bits and hand are worked out here; what it gives up, to the last frame, is what follows from them.
 *
 * **Read next.** `../07_the_buffer_pool.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type EvictionPolicy, LruPolicy } from "../../lib/lru_policy.ts";
import { SievePolicy } from "../../lib/sieve_policy.ts";
import { type Figure, Sheet } from "./drawing.ts";

const ROOM = 4;
/** A and B are popular; x, y and z are a scan's. */
const ACCESSES = ["A", "B", "C", "D", "A", "B", "x", "y", "z", "A", "B"];
/** How many of them are made before the first row. */
const BEFORE = 6;
const LRU_LEFT = 190;
const SIEVE_LEFT = 500;
const BOX = 44;

/** What a policy has after some accesses. */
interface State {
  /** Blocks in the order in which they would go. */
  readonly order: readonly string[];
  /** What the last access did: the block that went, `undefined` if none had to, or that it was a hit. */
  readonly last: { readonly isHit: boolean; readonly victim: string | undefined };
}

/** Makes the first accesses with a new policy, then empties it to see its order. */
function stateOf(policy: EvictionPolicy, count: number): State {
  const pins = new Int32Array(ROOM);
  const blocks: (string | undefined)[] = Array(ROOM).fill(undefined);
  policy.grow(ROOM);
  let last: State["last"] = { isHit: false, victim: undefined };
  for (const block of ACCESSES.slice(0, count)) {
    const frame = blocks.indexOf(block);
    if (frame >= 0) {
      policy.touch(frame);
      last = { isHit: true, victim: undefined };
      continue;
    }
    let free = blocks.indexOf(undefined);
    let victim: string | undefined;
    if (free < 0) {
      free = policy.victim(pins);
      policy.remove(free);
      victim = blocks[free];
    }
    blocks[free] = block;
    policy.add(free);
    last = { isHit: false, victim };
  }
  const order: string[] = [];
  while (order.length < Math.min(ROOM, count)) {
    const frame = policy.victim(pins);
    policy.remove(frame);
    order.push(blocks[frame]!);
  }
  return { order, last };
}

/** SIEVE as a picture shows it: the queue from the oldest to the newest, and where the hand is. */
class Queue {
  readonly blocks: { readonly name: string; isVisited: boolean }[] = [];
  hand = 0;

  /** Makes an access; gives the block that had to go. */
  access(name: string): string | undefined {
    const found = this.blocks.find((block) => block.name === name);
    if (found !== undefined) {
      found.isVisited = true;
      return undefined;
    }
    const victim = this.blocks.length === ROOM ? this.evict() : undefined;
    this.blocks.push({ name, isVisited: false });
    return victim;
  }

  /** Moves the hand to the next block without a bit, and takes that out. */
  evict(): string {
    for (; this.blocks[this.hand]!.isVisited; this.hand = (this.hand + 1) % this.blocks.length) {
      this.blocks[this.hand]!.isVisited = false;
    }
    const [gone] = this.blocks.splice(this.hand, 1);
    if (this.hand === this.blocks.length) this.hand = 0;
    return gone!.name;
  }
}

/** The queue after some accesses, and what the last of them evicted. */
function queueAfter(count: number): { queue: Queue; victim: string | undefined } {
  const queue = new Queue();
  let victim: string | undefined;
  for (const block of ACCESSES.slice(0, count)) victim = queue.access(block);
  return { queue, victim };
}

function drawBlock(sheet: Sheet, x: number, y: number, name: string, bit?: string): void {
  sheet.box(x, y, BOX, 36, { tone: name < "C" ? "blue" : name < "a" ? "grey" : "amber" });
  const middle = x + BOX / 2;
  sheet.text(middle, y + (bit === undefined ? 23 : 16), name, { anchor: "middle", style: "bold" });
  if (bit !== undefined) sheet.text(middle, y + 31, bit, { anchor: "middle", style: "small mono" });
}

function describe({ isHit, victim }: State["last"]): string {
  return isHit ? "a hit" : victim === undefined ? "" : `${victim} goes`;
}

/** Draws what both have after some accesses. */
function drawRow(sheet: Sheet, y: number, count: number): void {
  const isFirst = count === BEFORE;
  const lru = stateOf(new LruPolicy(), count);
  const sieve = stateOf(new SievePolicy(), count);
  const { queue, victim } = queueAfter(count);
  assertEquals(victim, sieve.last.victim);
  const title = isFirst ? ACCESSES.slice(0, count).join(" ") : ACCESSES[count - 1]!;
  sheet.text(20, y + 23, isFirst ? title : `then ${title}`, { style: "bold" });
  lru.order.forEach((name, i) => drawBlock(sheet, LRU_LEFT + i * BOX, y, name));
  queue.blocks.forEach(({ name, isVisited }, i) =>
    drawBlock(sheet, SIEVE_LEFT + i * BOX, y, name, isVisited ? "1" : "0")
  );
  const hand = SIEVE_LEFT + (queue.hand + 0.5) * BOX;
  sheet.arrow(hand, y + 54, hand, y + 39);
  sheet.text(hand + 8, y + 52, "hand", { style: "small soft" });
  if (!isFirst) {
    sheet.text(LRU_LEFT + ROOM * BOX + 10, y + 23, describe(lru.last));
    sheet.text(SIEVE_LEFT + ROOM * BOX + 10, y + 23, describe(sieve.last));
  }
  // Emptied, the queue gives up its blocks in the order in which the engine's policy does.
  const rest = Array.from(sieve.order, () => queue.evict());
  assertEquals(rest, sieve.order);
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Four blocks of room, A and B asked for twice, then x, y and z once each, then A and B again. Under LRU x, y and " +
    "z push out C, D and A, and when A comes back B goes for it. Under SIEVE the hand passes A and B, whose bits are " +
    "1, and evicts C, D and x; A and B are hits when they come back.",
  draw() {
    const sheet = new Sheet("A scan under LRU and under SIEVE");
    sheet.text(20, 28, "accesses", { style: "bold" });
    sheet.text(LRU_LEFT, 28, "LRU: the left one goes next", { style: "bold" });
    sheet.text(SIEVE_LEFT, 28, "SIEVE: oldest first, visited or not", { style: "bold" });
    let y = 44;
    for (let count = BEFORE; count <= ACCESSES.length; count++, y += 64) drawRow(sheet, y, count);
    return sheet.finish(y);
  },
};
