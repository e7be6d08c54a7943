/**
 * **What.** The data and the workloads that all engines are measured with: the same keys and values, the same
 * order, the same names as LevelDB's `db_bench` where it has one.
 *
 * Keys are 16-byte zero-padded decimals. Values are 100 bytes of text of which Snappy saves about half: each is a
 * slice of one megabyte that is built of random 50-byte pieces, every piece twice.
 *
 * **Read next.** `engines.ts`
 *
 * @module
 */

/** Bytes of a value. */
export const VALUE_BYTES = 100;

/** What is measured, in this order; the later ones use what the earlier ones wrote. */
export const WORKLOADS = [
  "fillseq",
  "fillrandom",
  "fillbatch",
  "fillbatchrandom",
  "overwrite",
  "readrandom",
  "readhot",
  "readmissing",
  "readseq",
  "readreverse",
  "readcached",
  "compact",
  "readrandom compacted",
  "readhot compacted",
  "readseq compacted",
] as const;

/** The name of a workload. */
export type Workload = typeof WORKLOADS[number];

/** A small generator of whole numbers, the same everywhere (xorshift32). */
export function generator(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The key of a number. */
export function keyOf(number: number): string {
  return String(number).padStart(16, "0");
}

/** Numbers 0 to `count` − 1 in an order that is random and the same every time. */
export function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const next = generator(seed);
  for (let i = count - 1; i > 0; i--) {
    const j = next(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/** Values that compress to about half. */
export function values(): (number: number) => string {
  const next = generator(301);
  let text = "";
  while (text.length < 1_000_000) {
    let piece = "";
    for (let i = 0; i < 50; i++) piece += String.fromCharCode(32 + next(95));
    text += piece + piece;
  }
  return (number) => {
    const at = (number * VALUE_BYTES) % 999_900;
    return text.slice(at, at + VALUE_BYTES);
  };
}
