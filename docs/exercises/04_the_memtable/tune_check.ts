/**
 * **What.** Targets for the shape of a skip list: what a search compares, what the links take, and what a writer has to
 * be promised. The list here has numbers for keys, and ours's way to search: a node that a level has compared is not
 * compared again on the level below.
 *
 * **Invariants.**
 * 1. Heights come from a fixed seed, so that the same shape gives the same counts.
 *
 * **Read next.** `../../../lib/skip_list.ts`
 *
 * @module
 */
import { assert } from "@std/assert";
import { generator } from "../../../lib/random.ts";
import { HEIGHT_MAX, SKIP_LIST_NODE_BYTES_MAX } from "../../../lib/skip_list.ts";
import { rounded } from "../../experiments/experiment.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./tune.ts");

/** Bytes of a node of ours besides its links: the entry and eight bytes of its key. */
const NODE_BYTES = SKIP_LIST_NODE_BYTES_MAX - 4 * HEIGHT_MAX;
const LOOKUPS = 4000;

/** A skip list of the numbers below `count`: where the next node of each level is, from each node on. */
function linksOf({ branching, heightMax }: Subject, count: number): Int32Array[] {
  assert(Number.isInteger(branching) && branching >= 2, "a branching is a whole number from 2 on");
  assert(Number.isInteger(heightMax) && heightMax >= 1, "a height is a whole number from 1 on");
  const random = generator(3);
  const levels: Int32Array[] = [];
  // From the right: `next` is what the last node to the left of it will lead to.
  const next: number[] = [];
  for (let node = count; node >= 0; node--) {
    let height = 1;
    while (height < heightMax && random(branching) === 0) height++;
    if (node === 0) height = levels.length; // the head, which has all levels
    for (let level = 0; level < height; level++) {
      levels[level] ??= new Int32Array(count + 1);
      levels[level]![node] = next[level] ?? 0;
      next[level] = node;
    }
  }
  return levels;
}

/** How many nodes a search compares on average, and how many links a node has. */
function measure(shape: Subject, count: number): { compared: number; links: number } {
  const levels = linksOf(shape, count);
  const random = generator(4);
  let compared = 0;
  for (let i = 0; i < LOOKUPS; i++) {
    const wanted = 1 + random(count);
    let node = 0;
    let bound = 0;
    for (let level = levels.length - 1; level >= 0; level--) {
      let next = levels[level]![node]!;
      while (next !== 0 && next !== bound) {
        compared++;
        if (next >= wanted) break;
        node = next;
        next = levels[level]![node]!;
      }
      bound = next;
    }
  }
  let links = 0;
  for (const level of levels) {
    for (let node = level[0]!; node !== 0; node = level[node]!) links++;
  }
  return { compared: compared / LOOKUPS, links: links / count };
}

function assertShape(shape: Subject, count: number, comparedMost: number): void {
  const { compared, links } = measure(shape, count);
  const found = `${rounded(compared, 1)} keys compared and ${rounded(links, 2)} links an entry`;
  assert(
    compared <= comparedMost && links <= 1.4,
    `among ${count} entries: ${found}; ${comparedMost} and 1.4 were allowed`,
  );
}

const cases: Case<Subject>[] = [
  {
    name: "among 1 000 entries: at most 22 keys compared, at most 1.4 links an entry",
    run: (subject) => assertShape(subject, 1_000, 22),
  },
  {
    name: "among 64 000 entries: at most 32 keys compared, at most 1.4 links an entry",
    run: (subject) => assertShape(subject, 64_000, 32),
  },
  {
    name: "among a million entries: at most 40 keys compared, at most 1.4 links an entry",
    run: (subject) => assertShape(subject, 1_000_000, 40),
  },
  {
    name: "a writer is promised room for an entry with at most 64 bytes for its node",
    run({ heightMax }) {
      const bytes = NODE_BYTES + 4 * heightMax;
      assert(bytes <= 64, `the highest node takes ${bytes} bytes; 64 were allowed`);
    },
  },
];

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "the shape of a skip list: few comparisons, few links, a small promise",
  own: { branching: 4, heightMax: HEIGHT_MAX },
  cases,
};
