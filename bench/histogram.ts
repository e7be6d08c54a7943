/**
 * **What.** How long operations took: counts in classes that are 3 % wide, from nanoseconds to minutes, in constant
 * memory.
 *
 * **Invariants.**
 * 1. A percentile is at most 3 % above a time that was recorded; the largest one is exact.
 *
 * **Read next.** `stages.ts`
 *
 * @module
 */

/** Classes for each doubling. */
const CLASSES = 32;
/** Doublings: the last class ends at 2⁴⁰ ns, 18 minutes. */
const DOUBLINGS = 40;

/** Percentiles of what was recorded, in microseconds. */
export interface Percentiles {
  /** Half took at most as long. */
  readonly p50: number;
  /** 99 of a hundred. */
  readonly p99: number;
  /** 999 of a thousand. */
  readonly p999: number;
  /** All. */
  readonly max: number;
}

/** Counts times. */
export class Histogram {
  readonly #counts = new Uint32Array(CLASSES * DOUBLINGS);
  #count = 0;
  #max = 0;

  /** How many times were recorded. */
  get count(): number {
    return this.#count;
  }

  /** Records a time in milliseconds. */
  record(milliseconds: number): void {
    const ns = milliseconds * 1e6;
    const at = ns <= 1 ? 0 : Math.ceil(Math.log2(ns) * CLASSES);
    this.#counts[Math.min(at, this.#counts.length - 1)]!++;
    this.#count++;
    if (milliseconds > this.#max) this.#max = milliseconds;
  }

  /** The time in microseconds that so large a part of all took at most. */
  percentile(part: number): number {
    let left = Math.ceil(this.#count * part);
    if (left === 0) return 0;
    const at = this.#counts.findIndex((count) => (left -= count) <= 0);
    return round(Math.min(2 ** (at / CLASSES) / 1e3, this.#max * 1e3));
  }

  /** What is told of it. */
  percentiles(): Percentiles {
    return {
      p50: this.percentile(0.5),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: round(this.#max * 1e3),
    };
  }
}

/** Rounds to three figures. */
function round(number: number): number {
  return Number(number.toPrecision(3));
}
