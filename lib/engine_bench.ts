/**
 * What the engine costs on bytes, below codecs and promises: keys of 16 bytes, values of 100, a disk in memory, all
 * blocks in the pool. `store_bench.ts` has the same with everything on top. Deno 2.9.6, 2 shared cores (AMD EPYC),
 * best of many runs on a busy machine: 190 ns an entry written in groups of 100, 480 each in a group of its own; 250
 * ns a get from a table; 2 µs for a scan that is opened and closed.
 *
 * @module
 */
import { timerScheduler } from "./background.ts";
import { Engine } from "./engine.ts";
import { FOUND } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { engineOptions } from "./options.ts";
import { WriteBatch } from "./write_batch.ts";

const COUNT = 10_000;
const value = new Uint8Array(100).fill(0x76);
const keys = Array.from(
  { length: COUNT },
  (_, i) => new TextEncoder().encode(String(i).padStart(16, "0")),
);
const everything = { lower: undefined, upper: undefined };
const surroundings = { schedule: timerScheduler, now: () => performance.now() };

function openEngine(): Engine {
  return Engine.open("db", engineOptions({}, new MemoryFileSystem()), surroundings);
}

/** All keys, in groups of some. */
function groupsOf(entries: number): WriteBatch[] {
  const groups: WriteBatch[] = [];
  for (let i = 0; i < COUNT; i += entries) {
    const group = new WriteBatch();
    for (const key of keys.slice(i, i + entries)) {
      group.put(key, 0, key.length, value, 0, value.length);
    }
    groups.push(group);
  }
  return groups;
}

for (const entries of [1, 100]) {
  const groups = groupsOf(entries);
  Deno.bench(`write 10 000 entries, ${entries} in a group`, { group: "write" }, async (bench) => {
    const engine = openEngine();
    bench.start();
    for (const group of groups) engine.write(group);
    bench.end();
    await engine.close();
  });
}

const filled = openEngine();
for (const group of groupsOf(100)) filled.write(group);
await filled.flush();
let found = 0;
let at = 0;

Deno.bench("1000 gets from a table", { group: "get" }, () => {
  const { lookup } = filled;
  for (let i = 0; i < 1000; i++, at = (at + 7919) % COUNT) {
    lookup.key.set(keys[at]!);
    filled.get(16, filled.lastSequence);
    if (lookup.outcome === FOUND) found++;
  }
});
Deno.bench("a scan opened and closed", { group: "scan" }, () => {
  filled.scan(filled.lastSequence, everything, true).close();
});
