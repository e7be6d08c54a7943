/**
 * What the skip list costs one writer, records not included. Deno 2.9.6, 2 shared cores (AMD EPYC), 16-byte keys,
 * best runs: an insertion into 32 000 entries 330 ns for random bytes, 780 for shuffled decimals, which share the
 * first eight bytes that a node keeps; a seek 420 and 800; a step 7. With plain loads of the links instead of
 * `Atomics.load`, a whole memtable takes 2.6 instead of 2.1 million insertions a second in 4 MB, and 0.65 instead of
 * 0.6 in 64 MB.
 *
 * @module
 */
import { benchOrderedIndex } from "../tests/fixtures/ordered_index_cost.ts";
import { SkipList } from "./skip_list.ts";

benchOrderedIndex((arena, comparator) => new SkipList(arena, comparator));
