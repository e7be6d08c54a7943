/**
 * **What.** What a share of bits has to pass, and one that passes.
 *
 * **Invariants.**
 * 1. No case is passed by the same bits a key for all levels.
 *
 * Source: Dayan, Athanassoulis, Idreos: "Monkey: Optimal Navigable Key-Value Store", SIGMOD 2017.
 *
 * **Read next.** `../../06_bloom_filters.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { BloomFilterBuilder, bloomHash, mayContain } from "../../../lib/bloom_filter.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./tune.ts");

/** ln² 2: an absent key passes a filter of b bits a key with probability e^-(b ln² 2). */
const LN2_SQUARED = Math.LN2 ** 2;

/** Blocks that a get of an absent key reads. */
function blocksRead(bitsPerKey: readonly number[]): number {
  return bitsPerKey.reduce((sum, bits) => sum + Math.exp(-bits * LN2_SQUARED), 0);
}

/** Shares the bits, and checks that it is no more than there are. */
function share(subject: Subject, entries: readonly number[], totalBits: number): number[] {
  const shared = subject.bitsOfLevels([...entries], totalBits); // a copy: what is asked for stays the same
  assertEquals(shared.length, entries.length, "a number for each level");
  assert(shared.every((bits) => bits >= 0), `not all of these are 0 or more: ${shared}`);
  const used = shared.reduce((sum, bits, i) => sum + bits * entries[i]!, 0);
  assert(used <= totalBits * (1 + 1e-9), `there are ${totalBits} bits, and ${used} were given out`);
  return shared;
}

/** Checks that hardly fewer blocks could be read. */
function assertLeast(subject: Subject, entries: readonly number[], totalBits: number): void {
  const read = blocksRead(share(subject, entries, totalBits));
  const least = blocksRead(bitsOfLevels(entries, totalBits));
  const all = entries.reduce((sum, count) => sum + count, 0);
  assert(
    read <= least * 1.001 + 1e-12,
    `${entries.join(", ")} entries, ${(totalBits / all).toFixed(2)} bits for each: ` +
      `${read.toFixed(5)} blocks for each absent key, and ${least.toFixed(5)} can be had`,
  );
}

/** How many of the absent keys pass real filters, one for each level, each asked for all keys. */
function countPassed(entries: readonly number[], bitsPerKey: readonly number[]): number {
  let passed = 0;
  entries.forEach((count, level) => {
    if (bitsPerKey[level]! < 1) {
      passed += QUESTIONS; // no filter
      return;
    }
    const builder = new BloomFilterBuilder(bitsPerKey[level]!);
    for (let i = 0; i < count; i++) {
      const key = keyOf(`level ${level} `, i);
      builder.add(key, 0, key.length);
    }
    const filter = new Uint8Array(builder.filterBytes);
    builder.finish(filter, 0);
    for (let i = 0; i < QUESTIONS; i++) {
      const key = keyOf("absent ", i);
      if (mayContain(filter, 0, filter.length, bloomHash(key, 0, key.length))) passed++;
    }
  });
  return passed;
}

const QUESTIONS = 20_000;

function keyOf(prefix: string, i: number): Uint8Array {
  return new TextEncoder().encode(prefix + i);
}

const cases: Case<Subject>[] = [
  {
    name: "gives two levels, the second ten times the first, as many bits as is best",
    run: (subject) => assertLeast(subject, [1000, 10_000], 11_000 * 10),
  },
  {
    name: "gives bits to levels as is best, for trees of all shapes",
    run(subject) {
      assertLeast(subject, [400, 4000, 40_000, 400_000], 444_400 * 10);
      assertLeast(subject, [400_000, 40_000, 4000, 400], 444_400 * 10);
      assertLeast(subject, [5, 7, 5000], 5012 * 14);
      assertLeast(subject, [20_000, 20_000, 20_000, 1_000_000], 1_060_000 * 12);
    },
  },
  {
    name: "gives the largest level nothing when memory is short, and the others what is best",
    run(subject) {
      assertLeast(subject, [1000, 10_000, 100_000, 1_000_000], 1_111_000 * 0.5);
      assertLeast(subject, [1000, 10_000, 100_000, 1_000_000], 1_111_000 * 0.05);
      assertLeast(subject, [1000, 10_000, 100_000, 1_000_000], 1000);
    },
  },
  {
    name: "reads at most 60 % of the blocks that equal bits would, with real filters",
    run(subject) {
      const entries = [150, 1500, 15_000, 150_000];
      const totalBits = 166_650 * 8;
      const equal = countPassed(entries, entries.map(() => 8));
      const passed = countPassed(entries, share(subject, entries, totalBits));
      assert(
        passed <= equal * 0.6,
        `${passed} blocks for ${QUESTIONS} absent keys; equal bits read ${equal}, the aim is 60 %`,
      );
    },
  },
];

/**
 * What is best: a bit more for each of a level's n keys divides its reads by the same factor, so it saves reads in
 * proportion to p, its false positives, and costs n bits. Where p / n is the same for all levels nothing is gained by
 * moving a bit. A level for which p would be over 1 is too large to be worth a filter.
 */
function bitsOfLevels(entries: readonly number[], totalBits: number): number[] {
  const bySize = entries.toSorted((a, b) => a - b);
  for (let worth = bySize.length; worth > 0; worth--) {
    // p = n * ratio, and the bits are those there are: the sum of n * -ln(n * ratio) / ln² 2.
    const chosen = bySize.slice(0, worth);
    const all = chosen.reduce((sum, count) => sum + count, 0);
    const logs = chosen.reduce((sum, count) => sum + count * Math.log(count), 0);
    const logRatio = -(totalBits * LN2_SQUARED + logs) / all;
    if (Math.log(chosen.at(-1)!) + logRatio > 0) continue;
    return entries.map((count) => Math.max(0, -(Math.log(count) + logRatio) / LN2_SQUARED));
  }
  return entries.map(() => 0);
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "bits for the filters of each level, so that absent keys cost as few reads as possible",
  own: { bitsOfLevels },
  cases,
};
