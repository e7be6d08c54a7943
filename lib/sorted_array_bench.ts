/**
 * What the sorted array costs, records not included. Deno 2.9.6, 2 shared cores (AMD EPYC), 16-byte keys, best
 * runs: an insertion into 32 000 entries 190 ns for random bytes, 250 for shuffled decimals, 45 in key order; a seek
 * 150, 165 and 90; a step 2.3.
 *
 * How the block's size was chosen, million insertions and gets a second of a whole memtable (see
 * `memtable_bench.ts`) with 64, 128, 256 slots: random bytes in 4 MB 3.5, 3.4, 2.9 and 3.5, 3.4, 3.0; in 64 MB 2.1,
 * 2.3, 2.2 and 1.1, 1.2, 1.3; decimals in 64 MB 1.7, 1.7, 1.9 and 0.9, 0.95, 1.1. Moving what is behind a new
 * entry by a loop takes 51 ns for 128 words; `copyWithin` takes 106 on shared memory and 31 on private memory.
 *
 * @module
 */
import { benchOrderedIndex } from "../tests/fixtures/ordered_index_cost.ts";
import { SortedArray } from "./sorted_array.ts";

benchOrderedIndex((arena, comparator) => new SortedArray(arena, comparator));
