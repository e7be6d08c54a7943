/**
 * **What.** A soak: 64 callers use one database on the real disk at the same time, for as long as they are let, in
 * every way that the public API has, and check whatever they read. Again and again the database is closed under them
 * and opened. All along it is watched how much memory and disk and how many file handles that takes.
 *
 * ```sh
 * deno task test:soak [--minutes=10] [--seed=1]
 * ```
 *
 * The seed decides what each caller does in which order; how callers come between each other is up to the disk and the
 * machine, so two runs differ.
 *
 * **Invariants.**
 * 1. When the database is closed, every promise that was made is settled; those that are refused say `CLOSED`.
 * 2. A second opening finds all that was acknowledged, and nothing that was refused.
 * 3. The bounds of `fixtures/soak_bounds.ts` hold all the time.
 *
 * **Read next.** `fixtures/soak_bounds.ts`
 *
 * @module
 */
import { open } from "../mod.ts";
import { Bounds, CALLERS, type Peaks, SOAK_OPTIONS } from "./fixtures/soak_bounds.ts";
import { Caller, ensure, type Session, Shared } from "./fixtures/soak_caller.ts";
import { CountingDisk } from "./fixtures/soak_disk.ts";
import { Promises } from "./fixtures/soak_promises.ts";
import { generator, type Random } from "../lib/random.ts";

/** The bounds are looked at every so many milliseconds. */
const CHECK_MS = 100;
/** A session ends after between one and two times so many operations, and one of eight lasts ten times as long. */
const SESSION_OPERATIONS = 2000;
/** After its closing the event loop may have so many turns until all promises are settled. */
const TURNS_AFTER_CLOSE = 10;

/** What a soak has done and seen. */
export interface SoakReport extends Peaks {
  /** What callers have done, one by one. */
  operations: number;
  /** Values and misses that were read and found right. */
  readsChecked: number;
  /** How often the database was opened. */
  openings: number;
  /** Promises that were made, and settled. */
  promises: number;
}

/** How to run a soak. */
export interface SoakOptions {
  /** For how long. */
  readonly seconds: number;
  /** What decides what each caller does. */
  readonly seed: number;
  /** Whether nothing else is done in this process. */
  readonly ownsProcess: boolean;
}

/** One run. */
class Soak {
  readonly #directory: string;
  readonly #random: Random;
  readonly #disk = new CountingDisk();
  readonly #bounds: Bounds;
  readonly #shared = new Shared();
  readonly #callers: readonly Caller[];
  #operations = 0;
  #readsChecked = 0;
  #openings = 0;
  #promises = 0;

  constructor(directory: string, { seed, ownsProcess }: SoakOptions) {
    this.#directory = directory;
    this.#bounds = new Bounds(this.#disk, ownsProcess);
    this.#random = generator(seed);
    this.#callers = Array.from({ length: CALLERS }, (_, id) => new Caller(id, seed, this.#shared));
  }

  /** Works for some seconds. */
  async run(seconds: number): Promise<SoakReport> {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) await this.#runSession(end);
    await this.#verify();
    this.#bounds.checkGrowth(seconds);
    return {
      ...this.#bounds.peaks,
      operations: this.#operations,
      readsChecked: this.#readsChecked,
      openings: this.#openings,
      promises: this.#promises,
    };
  }

  async #open(): Promise<Session> {
    this.#openings++;
    const db = await open(this.#directory, { ...SOAK_OPTIONS, fileSystem: this.#disk });
    return {
      db,
      promises: new Promises(),
      isClosing: false,
      operation: () => this.#operations++,
      asked: () => {},
      checked: (reads) => this.#readsChecked += reads,
    };
  }

  /** Opens the database, lets all callers work, and closes it while they do. */
  async #runSession(end: number): Promise<void> {
    const session = await this.#open();
    const closing = Promise.withResolvers<void>();
    const close = () => {
      if (session.isClosing) return;
      session.isClosing = true;
      closing.resolve(Promise.all([session.db.close(), session.db.close()]).then(() => {}));
    };
    const failures: unknown[] = [];
    const fail = (error: unknown) => {
      failures.push(error);
      close();
    };
    let last = this.#operations + SESSION_OPERATIONS + this.#random(SESSION_OPERATIONS);
    if (this.#random(8) === 0) last += 9 * SESSION_OPERATIONS;
    const isDue = () => this.#operations >= last || performance.now() >= end;
    session.asked = () => isDue() && close();
    for (const caller of this.#callers) caller.begin(session);
    const working = Promise.all(this.#callers.map((caller) => caller.work().catch(fail)));
    const stopWatching = this.#watch(session, fail, () => isDue() && close());
    try {
      await closing.promise;
    } finally {
      stopWatching();
    }
    if (failures.length > 0) throw failures[0];
    await this.#checkSettled(session.promises);
    await working;
    if (failures.length > 0) throw failures[0];
    this.#bounds.checkClosed(this.#directory);
  }

  /** Looks at the bounds now and then. */
  #watch(session: Session, fail: (error: unknown) => void, checked: () => void): () => void {
    let expected = performance.now() + CHECK_MS;
    const timer = setInterval(() => {
      this.#bounds.delayed(performance.now() - expected);
      expected = performance.now() + CHECK_MS;
      if (session.isClosing) return;
      try {
        this.#bounds.check(session.db, this.#liveBytes());
        checked();
      } catch (error) {
        fail(error);
      }
    }, CHECK_MS);
    return () => clearInterval(timer);
  }

  #liveBytes(): number {
    return this.#callers.reduce((sum, caller) => sum + caller.liveBytes, 0);
  }

  /** Every promise is settled by now, but for the turns of the event loop that some of them wait for. */
  async #checkSettled(promises: Promises): Promise<void> {
    for (let turn = 0; promises.pending > 0 && turn < TURNS_AFTER_CLOSE; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const { pending, pendingKinds } = promises;
    ensure(pending === 0, () => `${pending} promises are pending after close: ${pendingKinds}`);
    this.#promises += promises.made;
  }

  /** Opens the database once more: everything of everyone is there, and nothing else. */
  async #verify(): Promise<void> {
    const session = await this.#open();
    try {
      for (const caller of this.#callers) {
        caller.begin(session);
        caller.verify();
      }
      this.#shared.readPair(session);
      const keys = [...session.db.keysSync()].length;
      const expected = this.#callers.reduce((sum, { liveKeys }) => sum + liveKeys, 0) +
        this.#shared.liveKeys;
      ensure(keys === expected, () => `${keys} keys are there instead of ${expected}`);
    } finally {
      await session.db.close();
    }
    this.#bounds.checkClosed(this.#directory);
  }
}

/**
 * Runs a soak in a temporary directory, which it removes.
 *
 * @param options How to run it.
 * @returns What it has done and seen.
 * @throws {Error} If anything is not as it should be.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const parent = await Deno.makeTempDir({ prefix: "varve_soak_" });
  try {
    return await new Soak(`${parent}/db`, options).run(options.seconds);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** The numbers given on the command line; anything else ends the program. */
function parseArguments(args: readonly string[]): { minutes: number; seed: number } {
  const chosen = { minutes: 10, seed: 1 };
  for (const argument of args) {
    const found = /^--(minutes|seed)=([0-9]+(?:\.[0-9]+)?)$/.exec(argument);
    if (found === null) {
      console.error(`Cannot soak: expected --minutes=N or --seed=N, got ${argument}`);
      Deno.exit(2);
    }
    chosen[found[1] as keyof typeof chosen] = Number(found[2]);
  }
  return chosen;
}

if (import.meta.main) {
  const { minutes, seed } = parseArguments(Deno.args);
  const seconds = minutes * 60;
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
  try {
    const it = await soak({ seconds, seed, ownsProcess: true });
    console.log(
      `soak --seed=${seed}: ${it.operations} operations, ${it.readsChecked} reads checked, ` +
        `${it.openings - 1} reopenings, ${it.promises} promises made and settled; at most ` +
        `${mib(it.memoryBytes)} of heap and buffers (${mib(it.rssBytes)} resident), ` +
        `${it.handles} handles, ${it.openTables} open tables, ${mib(it.diskBytes)} on disk ` +
        `(${it.diskFactor.toFixed(1)} times the live data), ` +
        `${it.delayMs.toFixed(0)} ms that a timer came late`,
    );
  } catch (error) {
    console.error(`soak --seed=${seed} failed:`, error);
    Deno.exit(1);
  }
}
