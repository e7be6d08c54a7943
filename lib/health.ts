/**
 * **What.** Whether a database takes writes, and if not, why. The first failed write or sync stops all writes, and
 * reads go on. Once the cause is gone, a full disk for instance, {@linkcode Health.resume} puts right step by step
 * what the failure has left in doubt, and then writes go on in the same process.
 *
 * ```text
 *            fail()              resume()
 *   sound ───────────→ failed ─────────────→ healing ──→ sound
 *                        ↑    a step fails      │
 *                        └──────────────────────┘
 * ```
 *
 * **Invariants.**
 * 1. From a failure until all steps of a resume are done, every write is refused with that failure as the cause.
 * 2. The failure that is reported is the first one, or the one that stopped the last resume.
 * 3. There is one resume at a time; who asks meanwhile waits for the same one.
 * 4. Damage is not healed, nor is what failed for good: a resume rejects at once then.
 *
 * **Read next.** `engine.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import type { EventListener } from "./events.ts";
import type { Logger } from "./logger.ts";

/** Whose health it is. */
export interface HealthSubject {
  /** The database's directory. */
  readonly directory: string;
  /** Whether it never takes writes. */
  readonly readOnly: boolean;
  /** Who is told of failures. */
  readonly logger: Logger;
  /** The same, by events. */
  readonly onEvent: EventListener | undefined;
  /** The clock, which is looked at when a resume begins and when it ends. */
  readonly now: () => number;
}

/** Whether one database takes writes. */
export class Health {
  readonly #subject: HealthSubject;
  readonly #onFailure: (failure: VarveError) => void;
  #failure: VarveError | undefined;
  #lastFailure: VarveError | undefined;
  #failures = 0;
  #isHealing = false;
  #isForGood = false;
  #resuming: Promise<void> | undefined;

  /**
   * Makes a sound one.
   *
   * @param subject Whose health it is.
   * @param onFailure Called when writes stop, and when a step of a resume fails: stops what still works.
   */
  constructor(subject: HealthSubject, onFailure: (failure: VarveError) => void) {
    this.#subject = subject;
    this.#onFailure = onFailure;
  }

  /** Why writes are refused, if they are. */
  get failure(): VarveError | undefined {
    return this.#failure;
  }

  /** The last failure, also when writes are taken again. */
  get lastFailure(): VarveError | undefined {
    return this.#lastFailure;
  }

  /** How often writes were stopped, or could not be resumed. */
  get failures(): number {
    return this.#failures;
  }

  /** Throws if a write would be refused. */
  assertWritable(): void {
    if (this.#failure !== undefined) throw this.#refusal("write", this.#failure);
    if (!this.#subject.readOnly) return;
    throw new VarveError(
      "READ_ONLY",
      `Cannot write: ${this.#subject.directory} is opened for reading only`,
    );
  }

  /**
   * Stops all writes.
   *
   * @param action What failed.
   * @param cause Why.
   * @param durationMs How long it had been under way, if it takes its time.
   * @returns The failure, to be thrown.
   */
  fail(action: string, cause: unknown, durationMs = 0): VarveError {
    const code = cause instanceof VarveError ? cause.code : "IO";
    const message = cause instanceof Error ? cause.message : String(cause);
    const failure = new VarveError(code, `Cannot ${action}: ${message}`, { cause });
    if (code === "CORRUPTION") this.#isForGood = true;
    if (this.#failure === undefined || this.#isHealing) {
      this.#failure = this.#lastFailure = failure;
      this.#failures++;
      this.#subject.logger.log("error", "engine", failure.message);
      this.#onFailure(failure);
      this.#subject.onEvent?.({ type: "error", durationMs, action, error: failure });
    }
    return failure;
  }

  /** The same, for what only opening the database again can put right. */
  failForGood(action: string, cause: unknown): VarveError {
    this.#isForGood = true;
    return this.fail(action, cause);
  }

  /**
   * Puts right what a failure has left, and takes writes again.
   *
   * @param heal Makes the steps to be done, for one attempt.
   * @param turn Gives others a turn before each step; it throws if there is to be none.
   * @returns A promise that rejects with what still fails, or with what `turn` threw.
   */
  resume(heal: () => Iterator<void>, turn: () => Promise<void>): Promise<void> {
    return this.#resuming ??= this.#resume(heal, turn).finally(() => this.#resuming = undefined);
  }

  /** Waits for the end of a resume, if one is under way. Never rejects. */
  async settled(): Promise<void> {
    try {
      await this.#resuming;
    } catch {
      // Told to those who asked for it.
    }
  }

  async #resume(heal: () => Iterator<void>, turn: () => Promise<void>): Promise<void> {
    const failure = this.#failure;
    if (failure === undefined) return;
    if (this.#isForGood) throw this.#refusal("resume", failure);
    const { directory, logger, onEvent, now } = this.#subject;
    const startMs = now();
    this.#isHealing = true;
    try {
      const steps = heal();
      for (let isDone = false; !isDone;) {
        await turn();
        if (this.#failure === failure) isDone = this.#step(steps);
        if (this.#failure !== failure) throw this.#failure;
      }
      this.#failure = undefined;
    } finally {
      this.#isHealing = false;
    }
    logger.log("info", "engine", `${directory} takes writes again`);
    onEvent?.({ type: "resume", durationMs: now() - startMs });
  }

  /** Does a step; whether it was the last. One that throws, or that somebody reports as failed, is a failure. */
  #step(steps: Iterator<void>): boolean {
    const before = this.#failure;
    try {
      return steps.next().done === true;
    } catch (error) {
      if (this.#failure === before) this.fail("resume", error);
      return false;
    }
  }

  #refusal(action: string, failure: VarveError): VarveError {
    const remedy = this.#isForGood
      ? "open it again to recover"
      : "once its cause is gone, resume() or open it again to recover";
    return new VarveError(
      failure.code,
      `Cannot ${action}: an earlier failure stopped all writes to ${this.#subject.directory}` +
        ` (${failure.message}); ${remedy}`,
      { cause: failure },
    );
  }
}
