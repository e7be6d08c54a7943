/**
 * **What.** Tune it: three programs on databases of 2000 data blocks of 1 KiB. Each has to read few blocks through a
 * small buffer pool. Index and filter, in one block each, go through it as well. They take 100 KiB here, and a data
 * block, with what is kept about it, nearly 2 KiB.
 *
 * **Invariants.**
 * 1. What is read is not changed by any of this, only which blocks are read for it.
 *
 * **Read next.** `../../07_the_buffer_pool.md`
 *
 * @module
 */
import type { OpenOptions, RangeOptions } from "../../../mod.ts";

/** How a database is opened. */
export type PoolOptions = Pick<OpenOptions, "poolBytes" | "poolPolicy">;

/** A shop: gets of articles, a few of which are always popular. */
export const shop: PoolOptions = { poolBytes: 8 * 1024 * 1024, poolPolicy: "sieve" };

/** A feed: gets of messages, mostly of the latest ones, and new ones arrive all the time. */
export const feed: PoolOptions = { poolBytes: 8 * 1024 * 1024, poolPolicy: "sieve" };

/** How the feed is exported: all messages from the first to the last, again and again among the gets. */
export const exporting: RangeOptions<string> = {};

/**
 * A report looks up thousands of articles, some of them more than once, through a pool with no room for them.
 *
 * @param keys What to look up.
 * @returns The same keys, in the order in which they are to be looked up.
 */
export function orderOf(keys: readonly string[]): readonly string[] {
  return keys;
}
