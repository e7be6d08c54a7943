/**
 * **What.** What a pace of writers has to achieve, and ours in the same shape: on a model of a writer and a worker that
 * compacts, in virtual time.
 *
 * **Model.** A writer writes 64 KiB in a quarter of a millisecond. Every 8 MiB are a table of level 0. The worker takes
 * all of them when there are four or more; it goes through twice their bytes, and through 40 MiB of level 1 whatever
 * they are, so few tables at a time cost more each. They stay in level 0 until it is done. A writer who is paced waits
 * for the worker, but not for more than 20 ms at a time; at 36 tables he waits until there are fewer.
 *
 * **Invariants.**
 * 1. Same pace, same waits: the model looks at no clock and draws no numbers.
 * 2. Ours is not written down here a second time: the engine's own controller is asked how much it wants.
 *
 * **Read next.** `../../../lib/write_controller.ts`
 *
 * @module
 */
import { assert } from "@std/assert";
import type { Background } from "../../../lib/background.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import type { MemtableSet } from "../../../lib/memtable_set.ts";
import { engineOptions } from "../../../lib/options.ts";
import { WriteCounters } from "../../../lib/stats.ts";
import type { Tree } from "../../../lib/tree.ts";
import { WriteController } from "../../../lib/write_controller.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./tune.ts");

const TICK_MS = 0.25;
const UNIT_MIB = 1 / 16;
const TABLE_MIB = 8;
const LEVEL_ONE_MIB = 40;
const START_TABLES = 4;
const STOP_TABLES = 36;
const WAIT_MS_MAX = 20;
/** A model that goes on for longer than this has got stuck. */
const TICKS_MAX = 2_000_000;

/** What is written, and to what. */
interface Load {
  readonly mib: number;
  /** How much the worker goes through in a second. */
  readonly mibPerSecond: number;
  /** Whether the worker is held up at a time. */
  readonly isHeldUp?: (ms: number) => boolean;
  /** Whether the writer has nothing to write at a time. */
  readonly isIdle?: (ms: number) => boolean;
}

/** What came of it. */
interface Ride {
  readonly ms: number;
  readonly longestWaitMs: number;
  readonly mostTables: number;
}

/** Runs the model. */
function ride({ pace }: Subject, load: Load): Ride {
  const { mib, mibPerSecond, isHeldUp = () => false, isIdle = () => false } = load;
  const perTick = mibPerSecond * TICK_MS / 1000;
  // Asked once for each number of tables: a pace that remembers what it said gains nothing by it.
  const paces = Array.from(
    { length: STOP_TABLES },
    (_, at) => at < START_TABLES ? 0 : checked(pace(at)),
  );
  let written = 0;
  let tables = 0;
  let mostTables = 0;
  let job: { left: number; readonly tables: number } | undefined;
  let owed = 0;
  let waitMs = 0;
  let longestWaitMs = 0;
  let ticks = 0;
  for (; written < mib; ticks++) {
    assert(ticks < TICKS_MAX, "the writer waits for ever");
    const ms = ticks * TICK_MS;
    if (job === undefined && tables >= START_TABLES) {
      job = { left: 2 * TABLE_MIB * tables + LEVEL_ONE_MIB, tables };
    }
    if (job !== undefined && !isHeldUp(ms)) {
      job.left -= perTick;
      owed -= perTick;
      if (job.left <= 0) {
        tables -= job.tables;
        job = undefined;
      }
    }
    if (isIdle(ms)) continue;
    const mustStop = tables >= STOP_TABLES;
    if (mustStop || (owed > 0 && waitMs < WAIT_MS_MAX && job !== undefined)) {
      waitMs += TICK_MS;
      longestWaitMs = Math.max(longestWaitMs, waitMs);
      continue;
    }
    waitMs = 0;
    written += UNIT_MIB;
    tables += written % TABLE_MIB === 0 ? 1 : 0;
    mostTables = Math.max(mostTables, tables);
    owed = UNIT_MIB * (paces[tables] ?? 0);
  }
  return { ms: ticks * TICK_MS, longestWaitMs, mostTables };
}

function checked(bytes: number): number {
  assert(
    Number.isFinite(bytes) && bytes >= 0,
    `expected a number of bytes from 0 on, got ${bytes}`,
  );
  return bytes;
}

/** Without a pace: the fastest there is, but for its stops. */
const unpaced: Subject = { pace: () => 0 };

/** A load under which nobody may wait for too long, and all may not take a fifth longer. */
function caseOf(name: string, load: Load, waitMsMax: number = 10): Case<Subject> {
  return {
    name: `${name}: no wait over ${waitMsMax} ms, and at most a fifth slower than without a pace`,
    run(subject) {
      const { ms, longestWaitMs, mostTables } = ride(subject, load);
      const ratio = ms / ride(unpaced, load).ms;
      const got = `longest wait ${longestWaitMs} ms, ${mostTables} tables at most, ` +
        `${ratio.toFixed(2)} times as long as without a pace`;
      assert(longestWaitMs <= waitMsMax, `expected no wait over ${waitMsMax} ms, got: ${got}`);
      assert(ratio <= 1.2, `expected at most 1.20 times as long, got: ${got}`);
    },
  };
}

/** While others use the disk nobody can do anything but wait. */
const HELD_UP_WAIT_MS_MAX = 25;

const cases: Case<Subject>[] = [
  caseOf("a fast disk", { mib: 2048, mibPerSecond: 400 }),
  caseOf("a disk half as fast", { mib: 2048, mibPerSecond: 200 }),
  caseOf("bursts, with two seconds of nothing after each three", {
    mib: 2048,
    mibPerSecond: 150,
    isIdle: (ms) => ms % 5000 >= 3000,
  }),
  caseOf("a slow disk", { mib: 2048, mibPerSecond: 80 }),
  caseOf(
    "a disk that others use for a quarter of each two seconds",
    { mib: 2048, mibPerSecond: 300, isHeldUp: (ms) => ms % 2000 < 500 },
    HELD_UP_WAIT_MS_MAX,
  ),
];

/** Bytes that a writer has written when `lib/write_controller.ts` is asked what he has to wait for. */
const ASKED_BYTES = 2 ** 20;

/** Whether `lib/write_controller.ts` lets a writer go on when a worker has compacted so many bytes. */
function goesOn(levelZeroTables: number, compactedBytes: number): boolean {
  const options = engineOptions({}, new MemoryFileSystem());
  const background = {
    poll: () => {},
    wantNews: () => {},
    isElsewhere: () => true,
    progress: () => compactedBytes,
  };
  const memtables = { frozenCount: 0, active: { memtable: { fits: () => true } } };
  const controller = new WriteController({
    options,
    background: background as unknown as Background,
    memtables: memtables as unknown as MemtableSet,
    tree: { version: { levels: [{ length: levelZeroTables }] } } as unknown as Tree,
    counters: new WriteCounters(),
    surroundings: { now: () => 0, schedule: () => () => {} },
  });
  controller.wrote(ASKED_BYTES);
  return controller.room(1, 1) === undefined;
}

/**
 * What the engine does, with a worker and four tables to start a compaction: the fewest bytes compacted after which a
 * writer goes on, for each byte that he has written.
 */
function pace(levelZeroTables: number): number {
  let least = 0;
  let most = 2 ** 30;
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (goesOn(levelZeroTables, middle)) most = middle;
    else least = middle + 1;
  }
  return least / ASKED_BYTES;
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a pace for writers that nobody notices, and that keeps them from the stop",
  own: { pace },
  cases,
};
