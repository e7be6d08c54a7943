/**
 * **What.** Power cuts under Deno KV, on the simulated disk: commits are under way, many at a time, while the disk is
 * copied as a cut at that moment may leave it. Each copy is opened and must hold what some first commits made, and
 * nothing else.
 *
 * ```sh
 * deno test --allow-all tests/kv_crash_test.ts -- --seed=7 --runs=1000
 * ```
 *
 * **Invariants.**
 * 1. Every commit counts itself, so that a database says how many of them it holds.
 *
 * **Read next.** `kv_differential_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type KvClock, type KvOptions, type KvU64, openKv } from "../lib/kv.ts";
import { generator, type Random } from "../lib/random.ts";
import { SimulatedFileSystem } from "../lib/simulated_file_system.ts";
import { fromArguments } from "./fixtures/parameters.ts";

const SEED = fromArguments("seed") ?? 1;
const RUNS = fromArguments("runs") ?? 24;
const STEPS = 24;
const SLOTS = 5;

/** What a commit does: sets two keys of a slot, or removes them, and sets one that expires. */
interface Commit {
  readonly slot: number;
  readonly value: string | undefined;
  readonly expiresAt: number;
}

/** One database, and what was asked of it. */
class Run {
  readonly #random: Random;
  readonly #sync: boolean;
  readonly #issued: Commit[] = [];
  /** How many of the first of them were acknowledged. */
  #acknowledged = 0;
  /** The greatest versionstamp that was ever given. */
  #stamp = "";
  #now = 1_000_000;
  readonly #clock: KvClock = { now: () => this.#now, startTimer: () => () => {} };

  constructor(seed: number) {
    this.#random = generator(seed);
    this.#sync = seed % 3 !== 0;
  }

  #options(fileSystem: SimulatedFileSystem): KvOptions {
    return { fileSystem, clock: this.#clock, sync: this.#sync, memtableBytes: 64 * 1024 };
  }

  async do(): Promise<void> {
    const disk = new SimulatedFileSystem({ seed: this.#random(1000) });
    const kv = await openKv("kv", this.#options(disk));
    const pending: Promise<void>[] = [];
    for (let step = 0; step < STEPS; step++) {
      this.#now += this.#random(50);
      for (let count = this.#random(5); count > 0; count--) pending.push(this.#commit(kv));
      // Somewhere between the write of a commit and its acknowledgement.
      for (let turns = this.#random(12); turns > 0; turns--) await undefined;
      await this.#check(disk.crash(this.#random(4)));
      if (this.#random(3) === 0) await Promise.all(pending.splice(0));
    }
    await Promise.all(pending);
    await kv.close();
    await this.#check(disk.crash(0), this.#issued.length); // closed: nothing may be missing
  }

  async #commit(kv: Deno.Kv): Promise<void> {
    const slot = this.#random(SLOTS);
    const isRemoval = this.#random(4) === 0;
    const number = this.#issued.length;
    const value = isRemoval ? undefined : `${number} ${"x".repeat(this.#random(3000))}`;
    const expireIn = this.#random(100);
    this.#issued.push({ slot, value, expiresAt: this.#now + expireIn });
    const operation = kv.atomic().sum(["count"], 1n).set(["expires", slot], number, { expireIn });
    for (const name of ["a", "b"]) {
      if (value === undefined) operation.delete([name, slot]);
      else operation.set([name, slot], value);
    }
    const result = await operation.commit();
    assert(result.ok);
    assert(result.versionstamp > this.#stamp, "versionstamps increase");
    this.#stamp = result.versionstamp;
    assertEquals(this.#acknowledged++, number, "commits are acknowledged in their order");
  }

  /** What a database holds after so many commits. */
  #state(count: number): Map<string, unknown> {
    const state = new Map<string, unknown>();
    for (const [number, { slot, value, expiresAt }] of this.#issued.slice(0, count).entries()) {
      for (const name of ["a", "b"]) {
        if (value === undefined) state.delete(`${name} ${slot}`);
        else state.set(`${name} ${slot}`, value);
      }
      if (expiresAt > this.#now) state.set(`expires ${slot}`, number);
      else state.delete(`expires ${slot}`);
    }
    return state;
  }

  async #check(disk: SimulatedFileSystem, least = this.#sync ? this.#acknowledged : 0) {
    await using kv = await openKv("kv", this.#options(disk));
    const { value } = await kv.get<KvU64>(["count"]);
    const count = Number(value?.value ?? 0n);
    assert(count >= least, `${count} commits of ${least} acknowledged ones`);
    assert(count <= this.#issued.length, `${count} commits of ${this.#issued.length}`);
    const found = new Map<string, unknown>();
    let greatest = "";
    for await (const { key, value, versionstamp } of kv.list({ prefix: [] })) {
      if (key[0] !== "count") found.set(key.join(" "), value);
      if (versionstamp > greatest) greatest = versionstamp;
    }
    assertEquals(found, this.#state(count));
    const { versionstamp } = await kv.set(["after"], count);
    assert(versionstamp > this.#stamp, "no versionstamp that was ever given comes again");
    assert(versionstamp > greatest);
  }
}

for (let run = 0; run < RUNS; run++) {
  const seed = SEED + run;
  Deno.test(`Deno KV after power cuts holds its first commits, whole (seed ${seed})`, async () => {
    await new Run(seed).do();
  });
}
