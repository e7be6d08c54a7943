/**
 * **What.** A few words of shared memory through which a caller's thread and its worker know of each other what is said
 * too often for messages: that the worker is there and alive, how far it got, and which jobs are not wanted any more.
 *
 * **Format.**
 * ```text
 * words := ready, steps, bytes flushed, bytes compacted, last id given up, wanted; int32 each, counts modulo 2^32
 * ```
 *
 * **Invariants.**
 * 1. The worker writes the first four, the caller the last two; but the worker clears `wanted` when it obeys.
 * 2. `steps` changes after everything else that a step has changed, the mailbox included: who saw it change and looks
 *    sees all of that.
 *
 * **Read next.** `job_server.ts`
 *
 * @module
 */
import type { JobKind } from "./job_runner.ts";

const READY = 0;
const STEPS = 1;
const FLUSHED = 2;
const COMPACTED = 3;
const GIVEN_UP = 4;
const WANTED = 5;
const WORDS = 6;
/** Above all ids of jobs. */
const EVERYTHING = 0x7fff_ffff;

/** The words, as both sides see them. */
export class JobChannel {
  /** The memory, for the other side. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /**
   * Makes a channel, or joins one.
   *
   * @param memory The memory of the channel to join; by default a new one's.
   */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(WORDS * 4)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  // ——— The worker's side ———

  /** Says that the worker takes jobs. */
  setReady(): void {
    Atomics.store(this.#words, READY, 1);
    this.countStep();
  }

  /** Counts bytes that a job has gone through. */
  countBytes(kind: JobKind, bytes: number): void {
    Atomics.add(this.#words, kind === "flush" ? FLUSHED : COMPACTED, bytes);
  }

  /** Says that a step is done, and wakes who waits for that. */
  countStep(): void {
    Atomics.add(this.#words, STEPS, 1);
    Atomics.notify(this.#words, STEPS);
  }

  /** Whether a job is not wanted any more. */
  isGivenUp(id: number): boolean {
    return id <= Atomics.load(this.#words, GIVEN_UP);
  }

  /** Whether nothing is wanted any more. */
  get isOver(): boolean {
    return this.isGivenUp(EVERYTHING);
  }

  /** Whether the caller wants to be told of this step; it has to ask again for the next. */
  takeWanted(): boolean {
    return Atomics.exchange(this.#words, WANTED, 0) === 1;
  }

  // ——— The caller's side ———

  /** Whether the worker takes jobs. */
  get isReady(): boolean {
    return Atomics.load(this.#words, READY) === 1;
  }

  /** How many steps were done. */
  get steps(): number {
    return Atomics.load(this.#words, STEPS);
  }

  /** How many bytes jobs of a kind have gone through. */
  bytes(kind: JobKind): number {
    return Atomics.load(this.#words, kind === "flush" ? FLUSHED : COMPACTED) >>> 0;
  }

  /** Says that jobs up to this one are not wanted any more. */
  giveUp(id: number): void {
    if (!this.isGivenUp(id)) Atomics.store(this.#words, GIVEN_UP, id);
  }

  /** Says that nothing is wanted any more: no job, and nothing else that changes the directory. */
  giveUpAll(): void {
    this.giveUp(EVERYTHING);
  }

  /** Asks to be told of the next step. */
  setWanted(): void {
    Atomics.store(this.#words, WANTED, 1);
  }

  /**
   * Waits until another step is done.
   *
   * @param steps How many steps were done.
   * @param ms How long to wait at most.
   */
  waitForStep(steps: number, ms: number): void {
    Atomics.wait(this.#words, STEPS, steps, ms);
  }
}
