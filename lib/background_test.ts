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

/** Does the jobs that it is given in place of descriptions. */
class NotingRunner extends LocalRunner {
  constructor() {
    super(undefined as never);
  }

  override start(description: JobDescription): RunningJob {
    const job = description as unknown as Job;
    return { isHere: true, step: (bytes) => job.step(bytes), abandon: () => job.abandon() };
  }
}

function start(): { owner: NotingOwner; turns: ManualTurns; background: Background } {
  const owner = new NotingOwner();
  const turns = new ManualTurns();
  return { owner, turns, background: new Background(owner, turns.schedule, new NotingRunner()) };
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
