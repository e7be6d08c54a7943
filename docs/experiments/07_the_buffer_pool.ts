/**
 * **What.** The experiment of chapter 7: gets that favour some blocks, and scans among them that read each block once.
 * How many gets find their block in the pool, by policy, and how many could?
 *
 * **Invariants.**
 * 1. All policies see the same reads, and every read comes through the pool.
 * 2. No block of a scan is read again, so hits are those of gets, and the best that can be is the same for all shares
 *    of scans.
 *
 * Source: Belady, "A Study of Replacement Algorithms for a Virtual-Storage Computer" (1966), for the optimum.
 *
 * **Read next.** `../07_the_buffer_pool.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createBufferPool } from "../../lib/buffer_pool.ts";
import { generator, type Random } from "../../lib/random.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { COLOURS, Plot } from "./plot.ts";

/** Blocks that gets ask for; those of scans have numbers from here on. */
const BLOCKS = 10_000;
const GETS = 60_000;
/** Blocks of one scan. */
const SCAN_BLOCKS = 1000;
/** Zipf's exponent: block n is asked for in proportion to 1 / n^0.9. */
const SKEW = 0.9;
const POOL_SIZES = [200, 1000];
/** Of a hundred blocks read, how many are read by scans. */
const SCAN_SHARES = [0, 20, 40, 60, 80];
const POLICIES = ["FIFO", "LRU", "SIEVE", "optimum"] as const;

/** The blocks that gets ask for, one after the other. */
function drawGets(random: Random): Int32Array {
  const sums = new Float64Array(BLOCKS);
  for (let n = 0, sum = 0; n < BLOCKS; n++) sums[n] = sum += (n + 1) ** -SKEW;
  return Int32Array.from({ length: GETS }, () => {
    const wanted = random(2 ** 32) / 2 ** 32 * sums[BLOCKS - 1]!;
    let low = 0;
    let high = BLOCKS - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** Gets of what is new: block n is the newest for ten gets, and how far back one goes is distributed exponentially. */
function drawMovingGets(random: Random, size: number): Int32Array {
  return Int32Array.from({ length: GETS }, (_, i) => {
    const back = -Math.log((random(2 ** 32) + 1) / 2 ** 32) * size;
    return Math.max(0, Math.floor(i / 10 - back));
  });
}

/** The same gets with whole scans among them, spread evenly. */
function withScans(gets: Int32Array, share: number): Int32Array {
  const scanned = Math.round(gets.length * share / (100 - share) / SCAN_BLOCKS) * SCAN_BLOCKS;
  const reads = new Int32Array(gets.length + scanned);
  const scans = scanned / SCAN_BLOCKS;
  let at = 0;
  let next = BLOCKS;
  gets.forEach((block, i) => {
    reads[at++] = block;
    const due = Math.floor((i + 1) * scans / gets.length) * SCAN_BLOCKS;
    while (next - BLOCKS < due) reads[at++] = next++;
  });
  assertEquals(at, reads.length);
  return reads;
}

/** Hits of a pool of the engine, each block counting as one byte. */
function replay(policy: "lru" | "sieve", reads: Int32Array, size: number): number {
  const pool = createBufferPool({ capacityBytes: size, policy });
  const owner = pool.newOwner();
  const content = { memoryBytes: 1 };
  for (const block of reads) {
    const frame = pool.fetch(owner, block);
    pool.unpin(frame >= 0 ? frame : pool.insert(owner, block, content, true));
  }
  return pool.stats().hits;
}

/** Hits if what came first has to go first, whatever happens to it. */
function replayFifo(reads: Int32Array, size: number): number {
  const pool = new Set<number>(); // in the order of arrival
  let hits = 0;
  for (const block of reads) {
    if (pool.has(block)) {
      hits++;
      continue;
    }
    if (pool.size === size) pool.delete(pool.values().next().value!);
    pool.add(block);
  }
  return hits;
}

/** Hits if the future is known: the block has to go, or is not let in, that is asked for last of all. */
function replayOptimum(reads: Int32Array, size: number): number {
  const last = new Map<number, number>();
  const nextUse = new Int32Array(reads.length);
  for (let i = reads.length - 1; i >= 0; i--) {
    nextUse[i] = last.get(reads[i]!) ?? reads.length;
    last.set(reads[i]!, i);
  }
  // Which block is in the pool for its use at a time, and the latest of these times that has one.
  const usedAt = new Int32Array(reads.length + 1).fill(-1);
  let held = 0;
  let latest = 0;
  let hits = 0;
  for (let i = 0; i < reads.length; i++) {
    if (usedAt[i] !== -1) {
      hits++;
      held--;
      usedAt[i] = -1;
    }
    const next = nextUse[i]!;
    if (next === reads.length) continue; // never again
    usedAt[next] = reads[i]!;
    latest = Math.max(latest, next);
    if (++held <= size) continue;
    while (usedAt[latest] === -1) latest--;
    usedAt[latest] = -1;
    held--;
  }
  return hits;
}

/** Which percentage of the gets hits, by policy. */
function hitRates(reads: Int32Array, size: number): Record<typeof POLICIES[number], number> {
  const percent = (hits: number) => hits / GETS * 100;
  return {
    FIFO: percent(replayFifo(reads, size)),
    LRU: percent(replay("lru", reads, size)),
    SIEVE: percent(replay("sieve", reads, size)),
    optimum: percent(replayOptimum(reads, size)),
  };
}

interface Measured {
  readonly size: number;
  readonly share: number;
  /** Whether gets favour what is new, and not always the same blocks. */
  readonly isMoving: boolean;
  readonly rates: ReturnType<typeof hitRates>;
}

function check(measured: readonly Measured[]): void {
  for (const { size, share, isMoving, rates: { FIFO, LRU, SIEVE, optimum } } of measured) {
    const where = `${size} blocks, ${share} % scans`;
    if (isMoving) {
      assert(SIEVE < FIFO - 5 && FIFO < LRU && LRU < optimum, `${where}, moving`);
      continue;
    }
    assert(FIFO <= LRU && LRU + 5 < SIEVE && SIEVE < optimum, where);
    const alone = measured.find((other) => other.size === size)!.rates; // without scans
    // With most scans, a sixth in the large pool.
    const lost = 1 - SIEVE / alone.SIEVE;
    assert(lost < (size < SCAN_BLOCKS ? 0.04 : 0.2), `${where}: SIEVE loses little`);
    if (share === SCAN_SHARES.at(-1)) {
      assert(size < SCAN_BLOCKS || lost > 0.14, `${where}: but not nothing`);
      assert(LRU - FIFO < 0.1, `${where}: LRU keeps nothing`);
    }
    assertEquals(optimum, alone.optimum, `${where}: scans need no room`);
  }
}

function run(seed: number): Outcome {
  const gets = drawGets(generator(seed));
  const scanned: Measured[] = POOL_SIZES.flatMap((size) =>
    SCAN_SHARES.map((share) => {
      const rates = hitRates(withScans(gets, share), size);
      return { size, share, isMoving: false, rates };
    })
  );
  const moving: Measured[] = POOL_SIZES.map((size) => {
    const rates = hitRates(drawMovingGets(generator(seed), size), size);
    return { size, share: 0, isMoving: true, rates };
  });
  const measured = [...scanned, ...moving];
  check(measured);
  const points = scanned.flatMap(({ size, share, rates }) =>
    POLICIES.map((policy) => ({
      pool: `pool of ${size} blocks`,
      share,
      policy,
      rate: rates[policy],
    }))
  );
  return {
    counts: {
      columns: [
        "gets favour",
        "blocks in the pool",
        "reads by scans, %",
        ...POLICIES.map((name) => `${name}, %`),
      ],
      rows: measured.map(({ size, share, isMoving, rates }) => [
        isMoving ? "what is new" : "the same",
        size,
        share,
        ...POLICIES.map((policy) => rounded(rates[policy], 1)),
      ]),
    },
    plot: {
      height: 360,
      marginRight: 80,
      marginBottom: 56,
      fx: {
        label: null,
        padding: 0.25,
        domain: POOL_SIZES.map((size) => `pool of ${size} blocks`),
      },
      x: { label: "blocks read by scans, %", labelAnchor: "center", labelArrow: "none", ticks: 5 },
      y: { label: "gets that hit, %", grid: true, domain: [0, 80] },
      color: { domain: [...POLICIES], range: [...COLOURS] },
      marks: [
        Plot.line(points, { x: "share", y: "rate", fx: "pool", stroke: "policy", strokeWidth: 2 }),
        Plot.dot(points, { x: "share", y: "rate", fx: "pool", fill: "policy", r: 3 }),
        ...points.filter(({ share }) => share === SCAN_SHARES.at(-1)).map((end) =>
          Plot.text([end], {
            x: "share",
            y: "rate",
            fx: "pool",
            text: "policy",
            fill: "policy",
            dx: 8,
            dy: end.policy === "LRU" ? -7 : end.policy === "FIFO" ? 7 : 0,
            textAnchor: "start",
          })
        ),
      ],
    },
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "How many gets find their block in the pool, while scans go through it?",
  alt:
    "Gets that hit against the share of blocks that scans read, for two sizes of the pool. SIEVE is far above LRU at " +
    "every share and falls little. LRU falls to where FIFO is. The optimum, above all of them, stays where it is.",
  run: ({ seed }) => run(seed),
};
