/**
 * **What.** The numbers that new files get. The counter is one word of shared memory, so that whoever writes tables,
 * here or in a worker, draws from the same one without asking anybody.
 *
 * **Invariants.**
 * 1. No number is given out twice, whoever asks.
 * 2. Numbers grow: of two that one thread draws, the later one is larger.
 *
 * **Read next.** `tree.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";

/** Gives numbers for new files. */
export interface FileNumberSource {
  /** A number that was never given out before. */
  next(): number;
}

/**
 * A counter in shared memory.
 *
 * @example Two that count together
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FileNumbers } from "./file_numbers.ts";
 *
 * const here = new FileNumbers(7);
 * const there = FileNumbers.attach(here.memory); // in a worker, say
 * assertEquals([here.next(), there.next(), here.next()], [7, 8, 9]);
 * ```
 */
export class FileNumbers implements FileNumberSource {
  readonly #next: BigInt64Array;

  /**
   * Starts a counter.
   *
   * @param next The first number to give out.
   * @param memory That of a counter to join, whose own next number counts then.
   */
  constructor(next: number, memory?: SharedArrayBuffer) {
    this.#next = new BigInt64Array(memory ?? new SharedArrayBuffer(8));
    if (memory === undefined) this.#next[0] = BigInt(next);
  }

  /**
   * Joins a counter of another thread.
   *
   * @param memory Its memory.
   * @returns One that counts on from where that one is.
   */
  static attach(memory: SharedArrayBuffer): FileNumbers {
    return new FileNumbers(0, memory);
  }

  /** The memory, for another thread to count in. */
  get memory(): SharedArrayBuffer {
    return this.#next.buffer as SharedArrayBuffer;
  }

  /** The number that the next new file gets. */
  get upcoming(): number {
    return Number(Atomics.load(this.#next, 0));
  }

  /**
   * A number that was never given out before.
   *
   * @throws {VarveError} `TOO_LARGE` if there are no more.
   */
  next(): number {
    const number = Number(Atomics.add(this.#next, 0, 1n));
    if (number < Number.MAX_SAFE_INTEGER) return number;
    Atomics.sub(this.#next, 0, 1n);
    throw new VarveError("TOO_LARGE", "Cannot create file: file numbers are used up");
  }

  /** Says that a file of this number exists. Only as long as nobody else counts. */
  markUsed(number: number): void {
    if (number >= this.upcoming) Atomics.store(this.#next, 0, BigInt(number) + 1n);
  }
}
