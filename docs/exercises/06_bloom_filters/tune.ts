/**
 * **What.** Tune it: how many bits a key should the filters of each level have, if memory for filters is bounded?
 *
 * A tree has levels, each with more entries than the one before. A get of an absent key asks one filter in each level,
 * and reads a block for each that lets the key through. With b bits a key that happens with probability 0.6185^b, which
 * is (1/2)^(b ln 2), the best that a Bloom filter can do; with 0 bits a key there is no filter, and it always happens.
 *
 * **Invariants.**
 * 1. The bits of all filters together are no more than those there are.
 *
 * **Read next.** `../../06_bloom_filters.md`
 *
 * @module
 */

/**
 * Shares bits among the filters of levels so that a get of an absent key reads as few blocks as possible.
 *
 * @param entries How many entries each level has, each at least one.
 * @param totalBits How many bits there are for all filters together.
 * @returns Bits a key for each level, 0 or more, and not necessarily whole numbers.
 */
export function bitsOfLevels(entries: readonly number[], totalBits: number): number[] {
  // The same for all of them, as in LevelDB, and here.
  const all = entries.reduce((sum, count) => sum + count, 0);
  return entries.map(() => totalBits / all);
}
