/**
 * **What.** Time for chapter 14: a clock that stands still until nobody has anything to do, and then jumps to the
 * moment when somebody has. With it the commits of many callers can be followed, and come out the same everywhere.
 *
 * **Invariants.**
 * 1. What happens, and when, follows from who sleeps how long. Nothing here looks at a real clock.
 * 2. Those who wake at one moment do so in the order of falling asleep, in one turn.
 *
 * **Read next.** `14_concurrency.ts`
 *
 * @module
 */
import { openDatabase } from "../../lib/database.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import type { Database, OpenOptions } from "../../mod.ts";

/** So many microtasks are enough for everything that follows from one event. */
const MICROTASKS = 40;

/** A clock of its own. */
export class VirtualTime {
  /** The time, in milliseconds. */
  now = 0;
  readonly #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  /** Waits until so many milliseconds have passed. */
  readonly sleep = (ms: number): Promise<void> =>
    new Promise((wake) => {
      const at = this.now + ms;
      const later = this.#sleepers.findIndex((sleeper) => sleeper.at > at);
      this.#sleepers.splice(later < 0 ? this.#sleepers.length : later, 0, { at, wake });
    });

  /** Lets time pass until nobody sleeps any more, or for so many milliseconds. */
  async run(ms: number = Infinity): Promise<void> {
    const end = this.now + ms;
    await settle();
    while (this.#sleepers.length > 0 && this.#sleepers[0]!.at <= end) {
      const { at } = this.#sleepers[0]!;
      this.now = at;
      while (this.#sleepers[0]?.at === at) this.#sleepers.shift()!.wake();
      await settle();
    }
  }
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let i = 0; i < MICROTASKS; i++) await undefined;
}

/** A database in virtual time. */
export interface TimedDatabase {
  /** Its disk. */
  readonly disk: SimulatedFileSystem;
  /** The database, without a worker. */
  readonly db: Database<string, string>;
}

/**
 * Opens a database on a disk on which everything takes no time but the syncs of logs.
 *
 * @param time The clock.
 * @param syncMs How long a sync of a log takes.
 * @param options How to open it.
 */
export function openTimed(
  time: VirtualTime,
  syncMs: number,
  options: OpenOptions<string, string> = {},
): TimedDatabase {
  const disk = new SimulatedFileSystem({ wait: time.sleep });
  const surroundings = { now: () => time.now, schedule: () => () => {} };
  const db = openDatabase<string, string>("db", options, disk, surroundings);
  disk.addFault({ kind: "sync", path: /\.log$/, times: Infinity, effect: { latencyMs: syncMs } });
  return { disk, db };
}
