/**
 * What the buffer pool costs, and which policy keeps the better blocks.
 *
 * Hit rates in percent, 1 million reads of 640,000 blocks through a pool of 64,000; they do not depend on the machine.
 * `deno run lib/buffer_pool_bench.ts` prints them.
 * ```text
 *                                                   SIEVE    LRU
 * zipf 0.9                                           64.5   62.0
 * zipf 0.9, a third of it scans of 10,000 blocks     42.7   39.8
 * zipf 0.6                                           28.9   24.8
 * loop over 1.1 times the pool                        0.0    0.0
 * ```
 * One read (fetch, insertion when missed, unpin) at 66 % hits in a pool of 2,000 blocks: SIEVE 33 to 45 ns, LRU 43 to
 * 60 ns; at 62 % in a pool of 64,000 blocks 53 and 75 ns; a hit alone 8 and 10 ns (Deno 2.9.6, AMD EPYC, 2 shared
 * cores).
 * So SIEVE is the default. Scans that say so (`keep: false`) do not enter the pool under either policy.
 *
 * @module
 */
import { createBufferPool } from "./buffer_pool.ts";

const BLOCKS = 640_000;
const POOL_BLOCKS = 64_000;
const READS = 1_000_000;
const BLOCK = { memoryBytes: 1 };

/** A small seeded generator (mulberry32): uniform in [0, 1). */
function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Block numbers, block n asked for in proportion to 1 / n^skew, their places in the file shuffled. */
function zipf(skew: number, random: () => number): Int32Array {
  const sums = new Float64Array(BLOCKS);
  for (let i = 0, sum = 0; i < BLOCKS; i++) sums[i] = sum += (i + 1) ** -skew;
  const place = Int32Array.from({ length: BLOCKS }, (_, i) => i);
  for (let i = BLOCKS - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [place[i], place[j]] = [place[j]!, place[i]!];
  }
  return Int32Array.from({ length: READS }, () => {
    const wanted = random() * sums[BLOCKS - 1]!;
    let low = 0;
    let high = BLOCKS - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return place[low]!;
  });
}

/** The same with a scan of `length` consecutive blocks after every `every` reads. */
function withScans(reads: Int32Array, every: number, length: number): Int32Array {
  const mixed = new Int32Array(reads.length);
  let scan = 0;
  for (let i = 0, from = 0; i < mixed.length;) {
    for (let n = 0; n < every && i < mixed.length; n++) mixed[i++] = reads[from++]!;
    for (let n = 0; n < length && i < mixed.length; n++) mixed[i++] = scan++ % BLOCKS;
  }
  return mixed;
}

/** Going round and round over more blocks than fit. */
function loop(length: number): Int32Array {
  return Int32Array.from({ length: READS }, (_, i) => i % length);
}

const skewed = zipf(0.9, generator(1));
const traces: Record<string, Int32Array> = {
  "zipf 0.9": skewed,
  "zipf 0.9, a third of it scans of 10,000 blocks": withScans(skewed, 20_000, 10_000),
  "zipf 0.6": zipf(0.6, generator(1)),
  "loop over 1.1 times the pool": loop(POOL_BLOCKS * 1.1),
};

/** Reads through a new pool as a table would. */
function replay(policy: "lru" | "sieve", reads: Int32Array): number {
  const pool = createBufferPool({ capacityBytes: POOL_BLOCKS, policy });
  const owner = pool.newOwner();
  for (let i = 0; i < reads.length; i++) {
    const offset = reads[i]! * 4096;
    let frame = pool.fetch(owner, offset);
    if (frame < 0) frame = pool.insert(owner, offset, BLOCK, true);
    pool.unpin(frame);
  }
  return pool.stats().hits;
}

if (import.meta.main) {
  for (const [name, reads] of Object.entries(traces)) {
    const percent = (policy: "lru" | "sieve") =>
      (replay(policy, reads) * 100 / READS).toFixed(1).padStart(6);
    // deno-lint-ignore no-console
    console.log(`${name.padEnd(48)} ${percent("sieve")} ${percent("lru")}`);
  }
}

for (const policy of ["sieve", "lru"] as const) {
  Deno.bench(`1 M reads, zipf 0.9, ${policy}`, { group: "mixed hits and misses" }, () => {
    replay(policy, skewed);
  });
}

for (const policy of ["sieve", "lru"] as const) {
  const pool = createBufferPool({ capacityBytes: 1024, policy });
  const owner = pool.newOwner();
  for (let i = 0; i < 1024; i++) pool.unpin(pool.insert(owner, i * 4096, BLOCK, true));
  let at = 0;
  Deno.bench(`1,000 hits, pool of 1,024 blocks, ${policy}`, { group: "hits" }, () => {
    for (let i = 0; i < 1000; i++) {
      at = (at + 377) & 1023;
      pool.unpin(pool.fetch(owner, at * 4096));
    }
  });
}

const large = createBufferPool({ capacityBytes: POOL_BLOCKS });
Deno.bench("of a table of 100 blocks, in a pool of 64,000", { group: "dropOwner" }, (b) => {
  const owner = large.newOwner();
  for (let i = 0; i < 100; i++) large.unpin(large.insert(owner, i * 4096, BLOCK, true));
  b.start();
  large.dropOwner(owner);
  b.end();
});
