/**
 * What changing to a new memtable costs a writer, and what is saved by using the memory of a flushed one again:
 * memtables of 8 MiB. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 240 ns with memory
 * used again, 6 µs with new memory, but half a millisecond on average: memory that is given up has to be collected.
 *
 * @module
 */
import { InternalKeyComparator } from "./internal_key.ts";
import { MemtableSet } from "./memtable_set.ts";

const comparator = new InternalKeyComparator();
const key = new Uint8Array(16).fill(0x6b);

/** Writes something to the active memtable, freezes it and takes it out, as a flush does. */
function turnOver(set: MemtableSet, isReused: boolean): void {
  const slot = set.active;
  slot.retain();
  slot.memtable.add(1, 1, key, 0, key.length, key, 0, key.length);
  set.freeze(1, 2, 0);
  set.removeOldest();
  if (isReused) slot.release();
}

const set = new MemtableSet(comparator, 8 << 20, 1, []);

Deno.bench("a memtable frozen, removed and its memory used again", { group: "freeze" }, () => {
  turnOver(set, true);
});
Deno.bench("a memtable frozen and removed, new memory", { group: "freeze" }, () => {
  turnOver(set, false);
});

const busy = new MemtableSet(comparator, 1 << 16, 1, []);
for (let i = 0; i < 2; i++) busy.freeze(1, 2 + i, 0);
let count = 0;
Deno.bench("1000 lists of three, newest first", { group: "list" }, () => {
  for (let i = 0; i < 1000; i++) count += busy.newestFirst().length;
});
