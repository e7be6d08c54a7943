/**
 * **What.** How fast writers may go. Entries have to be flushed and compacted as fast as they are written, sooner or
 * later, so a writer who is faster is slowed down: the less room is left, the more has to be done for each byte that he
 * writes. On the caller's thread he does that himself; with a worker he waits until the worker has done it.
 *
 * ```text
 * frozen memtables     0 .......... max        at the bound a writer goes on as the oldest is flushed;
 *                                              when the active one is full, too, he waits for it
 * tables of level 0    0 .. 4 .. 20 .... 36    from 20 on he goes on as tables are compacted, for each byte more and
 *                                              more of them; at 36 he waits
 * ```
 *
 * **Invariants.**
 * 1. Memtables waiting to be flushed, and tables of level 0, are bounded.
 * 2. Whoever writes at once is held up for some milliseconds at a time, but for waits at a bound; nobody waits when
 *    nothing is under way that he could wait for.
 * 3. An awaited write never holds up the event loop while a worker does the work, and many of them let it turn.
 *
 * **Read next.** `engine.ts`
 *
 * @module
 */
import type { Background, Surroundings } from "./background.ts";
import type { StallCause, StallEvent } from "./events.ts";
import type { JobKind } from "./job_runner.ts";
import type { MemtableSet } from "./memtable_set.ts";
import type { EngineOptions } from "./options.ts";
import type { WriteCounters } from "./stats.ts";
import type { Tree } from "./tree.ts";

/**
 * When level 0 has so many times the tables that start a compaction (20 by default), writers are slowed down. To do so
 * early costs throughput: few tables at a time are merged with the same ones of level 1 again and again. From 8 tables
 * on, as in LevelDB, a million random puts in batches took 1.4 times as long.
 */
const SLOWDOWN_FACTOR = 5;
/** At so many times (36 tables by default) they wait until there are fewer. */
const STOP_FACTOR = 9;
/** A writer works or waits after every this many bytes that he wrote. */
const PACE_BYTES = 64 * 1024;
/** Bytes flushed for each byte written: a flush is done when the next memtable is half full. */
const FLUSH_PACE = 2;
/** Bytes compacted for each byte written: eight tables of level 0 and what they overlap, in four memtables. */
const COMPACTION_PACE = 5;
/** With a worker it is doubled so many times on the way to the stop, which so is not reached in practice. */
const COMPACTION_DOUBLINGS = 3;
/** What the worker has done in advance counts up to this many bytes. */
const CREDIT_BYTES_MAX = 1024 * 1024;
/** A writer waits no longer than this for the worker to keep pace with {@linkcode PACE_BYTES}. */
const PACE_WAIT_MS = 20;
/** A stalled writer works in steps of this many bytes. */
const STALL_STEP_BYTES = 1024 * 1024;

/** What writers are slowed down by. */
export interface WriteControllerContext {
  /** The bounds. */
  readonly options: EngineOptions;
  /** Who does the work. */
  readonly background: Background;
  /** What is to be flushed. */
  readonly memtables: MemtableSet;
  /** What is to be compacted. */
  readonly tree: Tree;
  /** Where waits are counted. */
  readonly counters: WriteCounters;
  /** Clock and turns of the event loop. */
  readonly surroundings: Surroundings;
}

/** What a writer waits for who waits for this kind of work. */
const CAUSES: Readonly<Record<JobKind, StallCause>> = {
  flush: "memtables",
  compaction: "levelZero",
};

/** Slows down the writers of one database. */
export class WriteController {
  readonly #context: WriteControllerContext;
  readonly #slowdownTables: number;
  readonly #stopTables: number;
  /** Bytes written for which nothing has been done yet. */
  #debtBytes = 0;
  /** Bytes done in advance by the worker, and how far it was when that was counted. */
  #creditBytes = 0;
  readonly #counted = { flush: 0, compaction: 0 };
  #waiting: PromiseWithResolvers<void> | undefined;
  /** What awaited writes are waiting for, and since when. */
  #stalled: { kind: JobKind; condition: StallEvent["condition"]; startMs: number } | undefined;
  /** The first awaited write since the event loop turned, and what takes the next turn back. */
  #burst: { readonly start: number; readonly cancel: () => void } | undefined;
  #turn: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  /**
   * Makes one.
   *
   * @param context What writers are slowed down by.
   */
  constructor(context: WriteControllerContext) {
    this.#context = context;
    this.#slowdownTables = SLOWDOWN_FACTOR * context.options.levelZeroTables;
    this.#stopTables = STOP_FACTOR * context.options.levelZeroTables;
  }

  /** Before a write: takes in what a worker has done, and works or waits in proportion to what was written. */
  beforeWrite(): void {
    this.#context.background.poll();
    this.#endStall(); // one who writes at once has taken along what was waiting
    if (this.#debtBytes < PACE_BYTES) return;
    const kind = this.#due();
    if (kind !== undefined) this.#pay(kind);
    this.#debtBytes = 0;
  }

  /** After a write of so many bytes. */
  wrote(bytes: number): void {
    if (this.#due() !== undefined) this.#debtBytes += bytes;
  }

  /** Before another memtable is frozen: waits until there may be one more (invariant 1). */
  beforeFreeze(): void {
    const { background } = this.#context;
    const mustFlush = () => this.#mustFlush;
    if (mustFlush()) {
      this.#stall("flush", mustFlush, () => background.stepFlush(STALL_STEP_BYTES));
    }
    const mustCompact = () => this.#mustCompact;
    if (mustCompact()) {
      this.#stall("compaction", mustCompact, () => background.step(STALL_STEP_BYTES));
    }
  }

  /**
   * What an awaited write waits for.
   *
   * @param entries How many entries are to be written.
   * @param bytes Length of their keys and values.
   * @returns A promise that never rejects, after which the question is to be asked again; none if there is room, or if
   * a write would do the work by itself.
   */
  room(entries: number, bytes: number): Promise<void> | undefined {
    this.#context.background.poll();
    const isFull = !this.#context.memtables.active.memtable.fits(entries, bytes);
    const room = (isFull ? this.#roomToFreeze() : undefined) ?? this.#roomInPace();
    if (room !== undefined) return room;
    this.#endStall();
    return this.#endOfBurst();
  }

  /** The same for freezing a memtable. */
  roomToFreeze(): Promise<void> | undefined {
    this.#context.background.poll();
    const room = this.#roomToFreeze();
    // Nobody else may come to ask; a writer who is slowed down does.
    if (room === undefined && this.#stalled?.condition === "stopped") this.#endStall();
    return room;
  }

  /** Nothing is to be waited for any more. */
  close(): void {
    this.#isClosed = true;
    this.#endStall();
    this.#burst?.cancel();
    this.#turned();
  }

  /** Work was done: who waits may ask again. */
  advanced(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve();
  }

  get #mustFlush(): boolean {
    const { memtables, options } = this.#context;
    return memtables.frozenCount >= options.maxImmutableMemtables;
  }

  get #mustCompact(): boolean {
    return this.#context.tree.version.levels[0]!.length >= this.#stopTables;
  }

  /** Which work writers are ahead of. */
  #due(): JobKind | undefined {
    const { background, memtables, tree } = this.#context;
    // Here a flush takes its time from the writer, so it begins at once. A worker has until the bound is reached.
    if (memtables.frozenCount > 0 && (this.#mustFlush || !background.isElsewhere("flush"))) {
      return "flush";
    }
    return tree.version.levels[0]!.length >= this.#slowdownTables ? "compaction" : undefined;
  }

  #pay(kind: JobKind): void {
    const { background, surroundings: { now } } = this.#context;
    if (!background.isElsewhere(kind)) {
      if (kind === "flush") background.stepFlush(this.#debtBytes * FLUSH_PACE);
      else background.step(this.#debtBytes * COMPACTION_PACE);
      return;
    }
    if (this.#isPaid(kind)) return;
    const start = now();
    while (!this.#isPaid(kind) && now() - start < PACE_WAIT_MS && background.wait());
    this.#count(kind, "delayed", start, false);
  }

  /** Whether a worker has done enough for what was written since this was true the last time. */
  #isPaid(kind: JobKind): boolean {
    const { background } = this.#context;
    if (this.#due() !== kind || !background.isElsewhere(kind)) return true;
    const progress = background.progress(kind);
    const done = (progress - this.#counted[kind]) >>> 0;
    this.#counted[kind] = progress;
    const owed = this.#debtBytes * (kind === "flush" ? FLUSH_PACE : this.#compactionPace());
    this.#creditBytes = Math.min(this.#creditBytes + done, Math.max(CREDIT_BYTES_MAX, owed));
    if (this.#creditBytes < owed) return false;
    this.#creditBytes -= owed;
    this.#debtBytes = 0;
    return true;
  }

  #compactionPace(): number {
    const tables = this.#context.tree.version.levels[0]!.length;
    const way = (tables - this.#slowdownTables) / (this.#stopTables - this.#slowdownTables);
    return COMPACTION_PACE * 2 ** (COMPACTION_DOUBLINGS * way);
  }

  #roomToFreeze(): Promise<void> | undefined {
    const { background } = this.#context;
    if (this.#mustFlush && background.isElsewhere("flush")) return this.#wait("flush", "stopped");
    if (this.#mustCompact && background.isElsewhere("compaction")) {
      return this.#wait("compaction", "stopped");
    }
    return undefined;
  }

  #roomInPace(): Promise<void> | undefined {
    if (this.#debtBytes < PACE_BYTES) return undefined;
    const kind = this.#due();
    if (kind === undefined || !this.#context.background.isElsewhere(kind)) return undefined;
    return this.#isPaid(kind) ? undefined : this.#wait(kind, "delayed");
  }

  /** A turn of the event loop, if there has been none for some time. */
  #endOfBurst(): Promise<void> | undefined {
    const { now, schedule, burstMs } = this.#context.surroundings;
    if (burstMs === undefined || this.#isClosed) return undefined;
    if (this.#burst === undefined) {
      this.#burst = { start: now(), cancel: schedule(() => this.#turned()) };
      return undefined;
    }
    if (now() - this.#burst.start < burstMs) return undefined;
    this.#turn ??= Promise.withResolvers<void>();
    return this.#turn.promise;
  }

  #turned(): void {
    const turn = this.#turn;
    this.#burst = undefined;
    this.#turn = undefined;
    turn?.resolve();
  }

  #wait(kind: JobKind, condition: StallEvent["condition"]): Promise<void> {
    const stalled = this.#stalled;
    if (stalled?.kind !== kind || stalled.condition !== condition) {
      this.#endStall();
      this.#stalled = { kind, condition, startMs: this.#context.surroundings.now() };
    }
    this.#context.background.wantNews();
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  /** Nobody waits any more, or for something else. */
  #endStall(): void {
    const stalled = this.#stalled;
    if (stalled === undefined) return;
    this.#stalled = undefined; // first: a listener may ask for a write
    this.#count(stalled.kind, stalled.condition, stalled.startMs, true);
  }

  /** Works or waits as long as something must be done and there is something to do. */
  #stall(kind: JobKind, mustGoOn: () => boolean, work: () => boolean): void {
    const { background, surroundings: { now } } = this.#context;
    const start = now();
    while (mustGoOn() && (work() || background.wait()));
    this.#count(kind, "stopped", start, false);
  }

  #count(
    kind: JobKind,
    condition: StallEvent["condition"],
    startMs: number,
    isAwaited: boolean,
  ): void {
    const { counters, options: { onEvent }, surroundings: { now } } = this.#context;
    const durationMs = now() - startMs;
    const cause = CAUSES[kind];
    counters.stalled(cause, durationMs);
    onEvent?.({ type: "stall", durationMs, cause, condition, isAwaited });
  }
}
