/**
 * **What.** The core workloads of the Yahoo! Cloud Serving Benchmark (Cooper et al., SoCC 2010), A to F: which share of
 * the operations reads, updates, inserts, scans, or reads and writes back, and which records they hit.
 *
 * As there: records of 1 000 bytes, loaded in an order that has nothing to do with that of the keys; records hit by
 * Zipf's law with an exponent of 0.99, the frequent ones spread over all keys (D: the newest ones); scans of 1 to 100
 * records, evenly. Not as there: one key is 16 decimals, the record is one value, and the law counts the records loaded
 * rather than ten thousand millions. All workloads run on one database in the order of `YCSB_WORKLOADS`, E last.
 *
 * **Invariants.**
 * 1. Operations are drawn before the clock starts, and are the same for every engine.
 *
 * **Read next.** `engine.ts`
 *
 * @module
 */
import { generator } from "./data.ts";

/** Bytes of a record. */
export const RECORD_BYTES = 1000;
/** Zipf's exponent. */
const THETA = 0.99;
/** A scan reads at most so many records. */
const SCAN_MAX = 100;

/** The workloads, in the order in which they run. */
export const YCSB_WORKLOADS = ["ycsb a", "ycsb b", "ycsb c", "ycsb f", "ycsb d", "ycsb e"] as const;
/** The name of one. */
export type YcsbWorkload = typeof YCSB_WORKLOADS[number];

/** What an operation does. */
export const [READ, UPDATE, INSERT, SCAN, READ_MODIFY_WRITE] = [0, 1, 2, 3, 4] as const;

/** For each: the per cent of operations that are not of the first kind, both kinds, and where they go. */
const MIXES: Record<YcsbWorkload, { second: number; kinds: [number, number]; latest?: boolean }> = {
  "ycsb a": { second: 50, kinds: [READ, UPDATE] },
  "ycsb b": { second: 5, kinds: [READ, UPDATE] },
  "ycsb c": { second: 0, kinds: [READ, READ] },
  "ycsb d": { second: 5, kinds: [READ, INSERT], latest: true },
  "ycsb e": { second: 5, kinds: [SCAN, INSERT] },
  "ycsb f": { second: 50, kinds: [READ, READ_MODIFY_WRITE] },
};

/** The operations of a workload, drawn beforehand. */
export interface Operations {
  /** What each does. */
  readonly kinds: Uint8Array;
  /** The record of each. */
  readonly records: Uint32Array;
  /** How many records a scan reads. */
  readonly lengths: Uint8Array;
  /** How many records there are afterwards. */
  readonly recordCount: number;
}

/** The number in the key of a record: scattered, and no two the same. */
export function scattered(record: number): number {
  return Math.imul(record, 0x9e3779b1) >>> 0;
}

/**
 * Draws numbers from 0 to `count` − 1 by Zipf's law, the smaller the more often (Gray et al., SIGMOD 1994).
 *
 * @param count How many numbers.
 * @param uniform Draws evenly from 0 to 1.
 * @returns What draws.
 */
export function zipf(count: number, uniform: () => number): () => number {
  let zeta = 0;
  for (let i = 1; i <= count; i++) zeta += 1 / i ** THETA;
  const alpha = 1 / (1 - THETA);
  const two = 1 + 0.5 ** THETA;
  const eta = (1 - (2 / count) ** (1 - THETA)) / (1 - two / zeta);
  return () => {
    const u = uniform();
    if (u * zeta < 1) return 0;
    if (u * zeta < two) return 1;
    return Math.min(count - 1, Math.floor(count * (eta * u - eta + 1) ** alpha));
  };
}

/**
 * Draws the operations of a workload.
 *
 * @param workload Which.
 * @param recordCount How many records there are before.
 * @param count How many operations.
 * @returns The operations.
 */
export function drawOperations(
  workload: YcsbWorkload,
  recordCount: number,
  count: number,
): Operations {
  const { second, kinds: [first, other], latest = false } = MIXES[workload];
  const next = generator(1000 + workload.charCodeAt(5));
  const rank = zipf(recordCount, () => next(0x7fffffff) / 0x7fffffff);
  const kinds = new Uint8Array(count);
  const records = new Uint32Array(count);
  const lengths = new Uint8Array(count);
  let total = recordCount;
  for (let i = 0; i < count; i++) {
    const kind = next(100) < second ? other : first;
    kinds[i] = kind;
    const drawn = rank();
    records[i] = kind === INSERT
      ? total++
      : latest
      ? total - 1 - drawn
      : scattered(drawn + 1) % recordCount; // the frequent ones are anywhere among the records
    lengths[i] = 1 + next(SCAN_MAX);
  }
  return { kinds, records, lengths, recordCount: total };
}
