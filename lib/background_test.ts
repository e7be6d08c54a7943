/**
 * Whose turn it is, with jobs that only take notes and turns that come when a test says so.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import {
  Background,
  type BackgroundOwner,
  type DueCompaction,
  type DueJob,
  SLICE_BYTES,
  timerScheduler,
} from "./background.ts";
import type { CompactionPlan } from "./compaction_picker.ts";
import { EMPTY_RESULT, type Job, type JobResult } from "./job.ts";
import { type JobDescription, LocalRunner, type RunningJob } from "./job_runner.ts";

/** A job of some steps, the last of which may fail. */
class NotingJob implements Job {
  onStep: () => void = () => {};
  /** Ends it, if it is done elsewhere. */
  onDone: (error?: Error) => void = () => {};
  bytes: number[] = [];

  constructor(
    readonly name: string,
    readonly notes: string[],
    private steps: number,
    private readonly failure?: Error,
  ) {}

  step(bytes: number): JobResult | undefined {
    this.notes.push(`${this.name} step`);
    this.bytes.push(bytes);
    this.onStep();
    if (--this.steps > 0) return undefined;
    if (this.failure !== undefined) throw this.failure;
    return EMPTY_RESULT;
  }

  abandon(): void {
    this.notes.push(`${this.name} abandoned`);
  }
}

/** Hands out jobs in the order that they were queued in. */
class NotingOwner implements BackgroundOwner {
  readonly notes: string[] = [];
  readonly flushes: NotingJob[] = [];
  readonly compactions: NotingJob[] = [];
  onFailure: () => void = () => {};
  /** Of which the owner was told that they were given up. */
  readonly abandoned: string[] = [];

  flush(name: string, steps: number, failure?: Error): NotingJob {
    const job = new NotingJob(name, this.notes, steps, failure);
    this.flushes.push(job);
    return job;
  }

  compaction(name: string, steps: number, failure?: Error): NotingJob {
    const job = new NotingJob(name, this.notes, steps, failure);
    this.compactions.push(job);
    return job;
  }

  nextFlush(): DueJob | undefined {
    return this.#due(this.flushes.shift(), () => this.flushed());
  }

  flushed(): void {
    this.notes.push("flushed");
  }

  nextCompaction(): DueCompaction | undefined {
    const job = this.compactions.shift();
    const due = this.#due(job, () => this.compacted(job!));
    return due && { ...due, plan: job as unknown as CompactionPlan };
  }

  compacted(job: NotingJob): void {
    this.notes.push(`compacted ${job.name}`);
  }

  backgroundAdvanced(): void {}

  backgroundFailed(error: unknown): void {
    this.notes.push(`failed: ${(error as Error).message}`);
    this.onFailure();
  }

  #due(job: NotingJob | undefined, install: () => void): DueJob | undefined {
    if (job === undefined) return undefined;
    const abandon = () => void this.abandoned.push(job.name);
    return { description: job as unknown as JobDescription, install, abandon };
  }
}

/** Does the jobs that it is given in place of descriptions; here, or elsewhere when a test says so. */
class NotingRunner extends LocalRunner {
  override hasWorker = false;
  override hasNews = false;
  /** What was done elsewhere since it was received the last time. */
  #done: (() => void)[] = [];
  readonly elsewhere: NotingJob[] = [];

  constructor() {
    super(undefined as never);
  }

  override start(description: JobDescription): RunningJob {
    const job = description as unknown as NotingJob;
    if (!this.hasWorker) {
      return { isHere: true, step: (bytes) => job.step(bytes), abandon: () => job.abandon() };
    }
    this.elsewhere.push(job);
    let result: JobResult | undefined;
    let failure: unknown;
    job.onDone = (error) => {
      this.hasNews = true;
      this.#done.push(() => error === undefined ? result = EMPTY_RESULT : failure = error);
    };
    return {
      isHere: false,
      step: () => {
        if (failure !== undefined) throw failure;
        return result;
      },
      abandon: () => job.abandon(),
    };
  }

  override receive(): void {
    this.hasNews = false;
    for (const done of this.#done.splice(0)) done();
  }

  override wait(): boolean {
    const job = this.elsewhere.shift();
    job?.onDone();
    return job !== undefined;
  }
}

interface Stage {
  readonly owner: NotingOwner;
  readonly turns: ManualTurns;
  readonly runner: NotingRunner;
  readonly background: Background;
}

function start(hasWorker = false): Stage {
  const owner = new NotingOwner();
  const turns = new ManualTurns();
  const runner = new NotingRunner();
  runner.hasWorker = hasWorker;
  return {
    owner,
    turns,
    runner,
    background: new Background(owner, turns.schedule, runner, turns.now),
  };
}

Deno.test("a flush goes before a compaction, also in the middle of one (invariant 1)", () => {
  const { owner, background } = start();
  owner.compaction("C", 3);
  owner.flush("F", 1);
  background.step(1);
  background.step(1);
  owner.flush("G", 2);
  while (background.step(1));
  assertEquals(owner.notes, [
    ...["F step", "flushed", "C step"],
    ...["G step", "G step", "flushed"],
    ...["C step", "C step", "compacted C"],
  ]);
  assert(!background.isBusy);
});

Deno.test("there is one flush and one compaction at a time (invariant 2)", () => {
  const { owner, background } = start();
  for (const name of ["A", "B"]) owner.flush(name, 2);
  for (const name of ["C", "D"]) owner.compaction(name, 2);
  background.step(1);
  assertEquals([owner.flushes.length, background.isBusy], [1, true]);
  assertEquals(background.compaction, undefined);
  while (background.step(1)) {
    const left = owner.compactions.length;
    const current = background.compaction as unknown as NotingJob | undefined;
    assert(current === undefined || (current.name === "C" ? left === 1 : left === 0));
  }
  assertEquals(owner.notes, [
    ...["A step", "A step", "flushed", "B step", "B step", "flushed"],
    ...["C step", "C step", "compacted C", "D step", "D step", "compacted D"],
  ]);
});

Deno.test("a step inside a step does nothing (invariant 2)", () => {
  const { owner, background } = start();
  const done: boolean[] = [];
  owner.flush("F", 1).onStep = () => done.push(background.step(1), background.stepFlush(1));
  owner.flush("G", 1);
  background.step(1);
  assertEquals(done, [false, false]);
  assertEquals(owner.notes, ["F step", "flushed"]);
});

Deno.test("a failed flush is given up with all others, and its owner told (invariant 3)", () => {
  const { owner, turns, background } = start();
  owner.compaction("C", 5);
  background.step(1);
  owner.flush("F", 2, new Error("Disk on fire"));
  owner.flush("G", 1);
  owner.onFailure = () => {
    assert(!background.step(1), "nothing is done while the owner is told");
    background.wake();
  };
  background.wake();
  while (turns.turn());
  assertEquals(owner.notes, [
    ...["C step", "F step", "F step"],
    ...["F abandoned", "C abandoned", "failed: Disk on fire"],
  ]);
  assertEquals([background.step(1), background.stepFlush(1), background.isBusy], [
    false,
    false,
    false,
  ]);
  background.wake();
  assert(!turns.turn());
  assertEquals(owner.flushes.length, 1);
});

Deno.test("a failed compaction is given up, and its owner told (invariant 3)", () => {
  const { owner, background } = start();
  owner.compaction("C", 1, new Error("Disk on fire"));
  owner.compaction("D", 1);
  while (background.step(1));
  assertEquals(owner.notes, ["C step", "C abandoned", "failed: Disk on fire"]);
});

Deno.test("a scheduled slice is bounded, and one is scheduled at a time (invariant 4)", () => {
  const { owner, turns, background } = start();
  const job = owner.flush("F", 3);
  assert(!background.isWaiting);
  for (let i = 0; i < 5; i++) background.wake();
  assert(background.isWaiting);
  let slices = 0;
  while (turns.turn()) {
    slices++;
    background.wake();
    if (slices === 6) break;
  }
  assertEquals(job.bytes, [SLICE_BYTES, SLICE_BYTES, SLICE_BYTES]);
  assertEquals(slices, 6, "three with work, and as many as were asked for after that");
  turns.turn();
  assert(!turns.turn(), "with nothing to do no slice follows");
  assert(!background.isWaiting);
});

Deno.test("work goes on, slice after slice, until there is none", () => {
  const { owner, turns, background } = start();
  owner.flush("F", 2);
  owner.compaction("C", 2);
  background.wake();
  let slices = 0;
  while (turns.turn()) slices++;
  assertEquals(slices, 5, "four steps, and one that finds nothing");
  assertEquals(owner.notes.filter((note) => !note.endsWith("step")), ["flushed", "compacted C"]);
});

Deno.test("stepFlush() does not touch compactions", () => {
  const { owner, background } = start();
  owner.compaction("C", 1);
  assert(!background.stepFlush(1));
  owner.flush("F", 1);
  assert(background.stepFlush(77));
  assert(!background.stepFlush(1));
  assertEquals(owner.notes, ["F step", "flushed"]);
});

Deno.test("stop() gives up what is under way and takes back the next slice", () => {
  const { owner, turns, background } = start();
  owner.compaction("C", 3);
  background.step(1);
  owner.flush("F", 3);
  background.step(1);
  background.wake();
  background.stop();
  assert(!turns.turn());
  background.stop();
  background.wake();
  assert(!turns.turn());
  assertEquals(owner.notes, ["C step", "F step", "F abandoned", "C abandoned"]);
});

Deno.test("start() takes work up again after a failure, jobs from the beginning (invariant 3)", () => {
  const { owner, turns, background } = start();
  owner.compaction("C", 3);
  background.step(1);
  owner.flush("F", 1, new Error("Disk on fire"));
  owner.flush("G", 1);
  owner.compaction("D", 1);
  while (background.step(1));
  background.wake();
  assert(!turns.turn());
  background.start();
  background.wake();
  while (turns.turn());
  assertEquals(owner.notes, [
    ...["C step", "F step", "F abandoned", "C abandoned", "failed: Disk on fire"],
    ...["G step", "flushed", "D step", "compacted D"],
  ]);
});

Deno.test("a compaction is owed from one that failed to one that is done, or needless", () => {
  for (const isNeeded of [true, false]) {
    const { owner, background } = start();
    owner.compaction("C", 1);
    while (background.step(1));
    owner.flush("F", 1, new Error("Disk on fire"));
    background.step(1);
    background.start();
    assert(!background.owesCompaction, "only a flush failed");
    owner.compaction("D", 1, new Error("Disk on fire"));
    background.step(1);
    assert(background.owesCompaction);
    background.start();
    if (isNeeded) {
      owner.compaction("E", 2);
      background.step(1);
      assert(background.owesCompaction, "it is not done yet");
    }
    background.step(1);
    assert(!background.owesCompaction);
  }
});

Deno.test("timerScheduler gives a task a turn of its own, and takes it back", async () => {
  const notes: string[] = [];
  timerScheduler(() => notes.push("task"));
  const takeBack = timerScheduler(() => notes.push("taken back"));
  takeBack();
  await Promise.resolve();
  notes.push("this turn");
  await new Promise<void>((resolve) => timerScheduler(resolve));
  assertEquals(notes, ["this turn", "task"]);
});

Deno.test("a job that cannot even be chosen, or accepted, is a failure like any other (invariant 3)", () => {
  for (const method of ["nextFlush", "nextCompaction", "flushed", "compacted"] as const) {
    const { owner, turns, background } = start();
    if (method === "flushed") owner.flush("F", 1);
    if (method === "compacted") owner.compaction("C", 1);
    owner[method] = () => {
      throw new Error(method);
    };
    background.wake();
    turns.turn();
    assertEquals(owner.notes.at(-1), `failed: ${method}`);
    assertEquals([background.isBusy, background.step(1)], [false, false]);
  }
});

Deno.test("with a worker a flush and a compaction are under way at once, and no slice does anything", () => {
  const { owner, turns, runner, background } = start(true);
  owner.flush("F", 1);
  owner.compaction("C", 1);
  background.wake();
  while (turns.turn());
  assertEquals(runner.elsewhere.map(({ name }) => name), ["F", "C"]);
  assertEquals([background.isBusy, background.hasWorker, owner.notes], [true, true, []]);
  assert(background.isElsewhere("flush") && background.isElsewhere("compaction"));
  assert(!background.step(1), "there is nothing to do here");
});

Deno.test("what a worker has done is taken in by a look, which hands out what is next", () => {
  const { owner, turns, runner, background } = start(true);
  for (const name of ["F", "G"]) owner.flush(name, 1);
  owner.compaction("C", 1);
  background.wake();
  while (turns.turn());
  background.poll();
  assertEquals(owner.notes, [], "nothing is new");
  runner.elsewhere[0]!.onDone();
  assert(!background.step(1), "it was not received");
  background.poll();
  assertEquals(owner.notes, ["flushed"]);
  assertEquals(runner.elsewhere.map(({ name }) => name), ["F", "C", "G"]);
  for (const job of runner.elsewhere.slice(1)) job.onDone();
  background.heard();
  assertEquals(owner.notes, ["flushed", "flushed", "compacted C"]);
  assert(!background.isBusy);
});

Deno.test("who waits for a worker waits as long as it has something to do", () => {
  const { owner, background } = start(true);
  for (const name of ["F", "G"]) owner.flush(name, 1);
  background.step(1);
  assertEquals([background.wait(), background.wait(), background.wait()], [true, true, false]);
  assertEquals(owner.notes, ["flushed", "flushed"]);
});

Deno.test("a job that was begun here ends here, though a worker has come meanwhile", () => {
  const { owner, runner, background } = start();
  owner.compaction("C", 3);
  background.step(1);
  runner.hasWorker = true;
  owner.flush("F", 1);
  background.step(1);
  assertEquals([background.isElsewhere("flush"), background.isElsewhere("compaction")], [
    true,
    false,
  ]);
  assert(background.step(1));
  runner.elsewhere[0]!.onDone();
  background.poll();
  assertEquals(owner.notes, ["C step", "C step", "flushed"], "a look does no work");
  while (background.step(1));
  assertEquals(owner.notes.at(-1), "compacted C");
});

Deno.test("a job that fails in a worker is a failure like any other (invariant 3)", () => {
  const { owner, turns, runner, background } = start(true);
  owner.flush("F", 1);
  owner.compaction("C", 1);
  background.wake();
  while (turns.turn());
  runner.elsewhere[1]!.onDone(new Error("Disk on fire"));
  background.poll();
  assertEquals(owner.notes, ["F abandoned", "C abandoned", "failed: Disk on fire"]);
  assertEquals(owner.abandoned, ["F", "C"]);
  assertEquals([background.isBusy, background.wait(), background.owesCompaction], [
    false,
    false,
    true,
  ]);
});

Deno.test("what comes in the middle of a step is taken in after it (invariant 5)", () => {
  const { owner, runner, background } = start();
  owner.compaction("C", 2).onStep = () => {
    background.poll();
    background.wait();
    assertEquals(owner.notes, ["C step"]);
  };
  runner.hasNews = true;
  background.step(1);
  assert(runner.hasNews);
  background.poll();
  assert(!runner.hasNews);
});
