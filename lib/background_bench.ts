/**
 * What it costs to decide whose turn it is, over jobs that do nothing: this is paid every 256 KiB of a flush or a
 * compaction, and whenever a writer that is too fast lends a hand. Deno 2.9.6, 2 shared cores (AMD EPYC), best of
 * many runs on a busy machine: 4 ns a step, whether of a job or of nothing; 30 ns for a job of its own turn. A turn
 * of the event loop by a timer comes after 1.1 ms.
 *
 * @module
 */
import { Background, type BackgroundOwner, type DueJob, timerScheduler } from "./background.ts";
import { EMPTY_RESULT, type JobResult } from "./job.ts";
import { type JobDescription, LocalRunner, type RunningJob } from "./job_runner.ts";

/** Done after some steps. */
class CountingJob implements RunningJob {
  readonly isHere = true;
  #steps: number;
  constructor(steps: number) {
    this.#steps = steps;
  }
  step(): JobResult | undefined {
    return --this.#steps <= 0 ? EMPTY_RESULT : undefined;
  }
  abandon(): void {}
}

/** Has a number of flushes to do, of some steps each. */
class Owner implements BackgroundOwner {
  flushes = 0;
  steps = 1;
  failure: unknown;
  nextFlush(): DueJob | undefined {
    if (this.flushes === 0) return undefined;
    return { description: {} as JobDescription, install: () => this.flushes--, abandon() {} };
  }
  nextCompaction(): undefined {}
  backgroundAdvanced(): void {}
  backgroundFailed(error: unknown): void {
    this.failure = error;
  }
}

/** Counts steps in place of doing jobs. */
class CountingRunner extends LocalRunner {
  constructor() {
    super(undefined as never);
  }
  override start(): RunningJob {
    return new CountingJob(owner.steps);
  }
}

/** Turns that come when they are asked for. */
let task: (() => void) | undefined;
function takeTurn(): boolean {
  const next = task;
  task = undefined;
  next?.();
  return next !== undefined;
}

const owner = new Owner();
const background = new Background(
  owner,
  (it) => {
    task = it;
    return () => {};
  },
  new CountingRunner(),
  () => performance.now(),
);

Deno.bench("1000 steps with nothing to do", { group: "step" }, () => {
  for (let i = 0; i < 1000; i++) background.step(1);
});
Deno.bench("1000 steps of one job", { group: "step" }, () => {
  owner.flushes = 1;
  owner.steps = 1000;
  while (background.step(1));
});
Deno.bench("1000 jobs of one step, a turn each", { group: "step" }, () => {
  owner.flushes = 1000;
  owner.steps = 1;
  background.wake();
  while (takeTurn());
});
Deno.bench("one turn of the event loop", { group: "turn" }, async () => {
  await new Promise<void>((resolve) => void timerScheduler(resolve));
});
