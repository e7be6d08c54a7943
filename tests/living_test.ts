/**
 * **What.** Living through a failure: a disk that is full, or that fails once, stops writes and nothing else, and when
 * the cause is gone `resume()` makes them go on in the same process. Whatever happens in between, also a power cut,
 * nothing that was acknowledged is lost, and what was rejected is there whole or not at all.
 *
 * The disk is a simulated one, and turns of the event loop come when the test says so: every run is a function of
 * which call fails, and a failure names it.
 *
 * **Read next.** `recovery_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openDatabase } from "../lib/database.ts";
import { OPERATIONS } from "../lib/fault_rules.ts";
import { parseFileName } from "../lib/file_names.ts";
import {
  type FaultEffect,
  type FaultRule,
  type Operation,
  type OperationKind,
  SimulatedFileSystem,
} from "../lib/simulated_file_system.ts";
import { type Database, type OpenOptions, VarveError } from "../mod.ts";
import { ManualTurns } from "./fixtures/manual_turns.ts";

type Texts = Database<string, string>;
/** A write: keys and what they are set to, all or none. */
type Write = readonly (readonly [key: string, value: string | undefined])[];

const TINY: OpenOptions = {
  memtableBytes: 64 * 1024,
  blockBytes: 1024,
  tableBytes: 16 * 1024,
  baseLevelBytes: 32 * 1024,
  levelZeroTables: 2,
  compression: "none",
};

/** So much of a value is compared: all are different there. */
const TAG_LENGTH = 8;
const PADDING = "sediment ".repeat(500);

function value(tag: number, bytes: number): string {
  return `${tag}`.padEnd(TAG_LENGTH, ".") + PADDING.slice(0, bytes);
}

/** What a list of writes leaves, as text. */
function stateAfter(writes: readonly Write[]): string {
  const state = new Map<string, string>();
  for (const [key, text] of writes.flat()) {
    if (text === undefined) state.delete(key);
    else state.set(key, text.slice(0, TAG_LENGTH));
  }
  return JSON.stringify([...state].toSorted(([a], [b]) => a < b ? -1 : 1));
}

function stateOf(db: Texts): string {
  return JSON.stringify(
    [...db.entriesSync()].map(([key, text]) => [key, text.slice(0, TAG_LENGTH)]),
  );
}

/** The files of a closed or quiet database: as many as it says that it needs. */
function assertNoFileLeaks(disk: SimulatedFileSystem, db: Texts, why: string): void {
  const counts = { table: 0, log: 0, manifest: 0, temporary: 0 };
  for (const name of disk.list("db")) {
    const kind = parseFileName(name)?.kind;
    if (kind !== undefined && kind in counts) counts[kind as keyof typeof counts]++;
  }
  const { levels, log } = db.stats();
  const table = levels.reduce((sum, { tables }) => sum + tables, 0);
  assertEquals(counts, { table, log: log.segments, manifest: 1, temporary: 0 }, why);
}

/** A database, its disk, and what was asked of it. */
class Life {
  readonly disk: SimulatedFileSystem;
  readonly turns = new ManualTurns();
  /** Acknowledged, in order; the last may have been rejected. */
  readonly writes: Write[] = [];
  /** How many of them must survive a power cut. */
  durable = 0;
  /** Whether the last of them was rejected after it was tried: it may be there or not. */
  isLastUncertain = false;
  /** For messages. */
  why = "";
  readonly #options: OpenOptions;
  #db: Texts | undefined;
  #tag = 0;

  constructor(disk = new SimulatedFileSystem(), options: OpenOptions = {}) {
    this.disk = disk;
    this.#options = { ...TINY, ...options };
  }

  get db(): Texts {
    return this.#db ??= openDatabase(
      "db",
      { ...this.#options, fileSystem: this.disk },
      this.disk,
      this.turns,
    );
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.turns.settle(promise);
  }

  /** Writes; what is rejected after it was tried is uncertain from then on. */
  async write(keys: readonly string[], bytes: number, sync = true): Promise<void> {
    const tag = ++this.#tag;
    const write = keys.map((key) => [key, bytes < 0 ? undefined : value(tag, bytes)] as const);
    const batch = this.db.batch();
    for (const [key, text] of write) text === undefined ? batch.delete(key) : batch.put(key, text);
    try {
      await this.settle(batch.commit({ sync }));
    } catch (error) {
      assertIo(error, this.why);
      if (error.message.includes("an earlier failure")) throw error; // it was not tried
      this.writes.push(write);
      this.isLastUncertain = true;
      throw error;
    }
    this.writes.push(write);
    if (sync) this.durable = this.writes.length;
  }

  /** What the database must be now: with the uncertain write or without. Settles which. */
  assertRight(): void {
    const state = stateOf(this.db);
    if (this.isLastUncertain && state !== stateAfter(this.writes)) this.writes.pop();
    this.isLastUncertain = false;
    assertEquals(state, stateAfter(this.writes), this.why);
    for (const [key, text] of JSON.parse(state) as [string, string][]) {
      assertEquals(this.db.getSync(key)?.slice(0, TAG_LENGTH), text, this.why);
    }
  }

  /** Reads go on while writes are refused. */
  async assertStopped(): Promise<void> {
    const { db, why } = this;
    const { failure } = db.stats();
    assert(failure !== undefined, why);
    for (const refused of [() => db.putSync("refused", "1"), () => db.batch().commitSync()]) {
      const error = assertThrows(refused, VarveError, "resume()", why);
      assertEquals(error.code, "IO", why);
      assert(error.message.includes(failure), `${why}: ${error.message}`);
    }
    await assertRejects(() => db.put("refused", "1"), VarveError, failure);
    await assertRejects(() => db.flush(), VarveError, failure);
    await assertRejects(() => db.compact(), VarveError, failure);
    const state = stateOf(db);
    const allowed = [stateAfter(this.writes)];
    if (this.isLastUncertain) allowed.push(stateAfter(this.writes.slice(0, -1)));
    assert(allowed.includes(state), `${why}: reads are wrong: ${state}`);
  }

  /** Cuts the power, and sees what is left. */
  assertSurvives(seed: number): Promise<void> {
    return this.assertLeft(this.disk.crash(seed), `power cut with seed ${seed}`);
  }

  /** Sees that a disk after a power cut has all that is durable, a prefix of the rest, and no other file. */
  async assertLeft(disk: SimulatedFileSystem, how: string): Promise<void> {
    const why = `${this.why}, ${how}`;
    disk.capacityBytes = Infinity;
    let before: string | undefined;
    for (let round = 0; round < 2; round++) {
      const left = openDatabase("db", { ...TINY, fileSystem: disk }, disk, this.turns);
      const state = stateOf(left);
      const lengths = Array.from({ length: this.writes.length - this.durable + 1 }, (_, i) => i);
      const isPrefix = lengths.some((more) =>
        stateAfter(this.writes.slice(0, this.durable + more)) === state
      );
      assert(isPrefix, `${why}: left is ${state}`);
      assertEquals(state, before ?? state, `${why}: changed by a second opening`);
      before = state;
      assertNoFileLeaks(disk, left, why);
      await this.settle(left.close());
      assertEquals(disk.openHandles, 0, why);
    }
  }

  async close(): Promise<void> {
    const { db } = this;
    this.#db = undefined;
    await this.settle(db.close());
    assertEquals(this.disk.openHandles, 0, this.why);
  }

  /** Lets the background finish. */
  rest(): void {
    while (this.turns.turn());
  }
}

function assertIo(error: unknown, why: string): asserts error is VarveError {
  assert(error instanceof VarveError && error.code === "IO", `${why}: ${error}`);
}

/** Small writes and large ones, synced and not, in two tables and a memtable. */
async function begin(life: Life): Promise<void> {
  for (let i = 0; i < 6; i++) await life.write([`key ${i}`], 100);
  await life.settle(life.db.flush());
  for (let i = 3; i < 9; i++) await life.write([`key ${i}`], 3000, i % 2 === 0);
  await life.settle(life.db.flush());
  await life.write(["key 1", "key 2"], -1);
  await life.write(["key 3", "log only"], 500, false);
}

/** A way to fail. */
interface Scenario {
  readonly what: string;
  /** The call that fails: the first of these after {@linkcode begin}. */
  readonly at: (operation: Operation, life: Life) => boolean;
  /** What makes it fail. */
  readonly run: (life: Life) => Promise<void>;
}

/** Edits of the manifest, each as long as two keys, until there is a new manifest. */
async function growManifest(life: Life): Promise<void> {
  const manifests = () => life.disk.list("db").filter((name) => name.startsWith("MANIFEST")).join();
  const before = manifests();
  for (let i = 0; i < 40 && manifests() === before; i++) {
    await life.write([`key ${i % 3}${"long".repeat(10_000)}`], 10);
    await life.settle(life.db.flush());
  }
  await life.write(["key 0"], 10); // it may have been a compaction that failed, which nobody waits for
}

const MUTATING = (Object.keys(OPERATIONS) as OperationKind[]).filter((kind) =>
  OPERATIONS[kind].isMutating
);

const isTable = (path: string) => path.endsWith(".ldb");
const isLog = (path: string) => path.endsWith(".log");
const isManifest = (path: string) => path.includes("MANIFEST-");

const flush = (life: Life) => life.settle(life.db.flush());
const compact = (life: Life) => life.settle(life.db.compact());
async function fillMemtable(life: Life): Promise<void> {
  for (let i = 0; i < 100; i++) await life.write([`key ${i % 10}`], 4000, i % 3 === 0);
}

const SCENARIOS: readonly Scenario[] = [
  {
    what: "a flush",
    at: ({ kind, path }) => kind === "append" && isTable(path),
    run: flush,
  },
  {
    what: "a compaction",
    at: ({ kind, path }, { db }) =>
      kind === "append" && isTable(path) && db.stats().memtable.immutables === 0,
    async run(life) {
      for (let i = 0; i < 3; i++) {
        await life.write(["key 0", "key 8"], 1000);
        await flush(life);
      }
      life.rest();
      await life.write(["key 0"], 10);
    },
  },
  {
    what: "a write to the log",
    at: ({ kind, path }) => kind === "append" && isLog(path),
    run: (life) => life.write(["key 0", "log only"], 5000),
  },
  {
    what: "an edit of the manifest",
    at: ({ kind, path }) => kind === "append" && isManifest(path),
    run: flush,
  },
  {
    what: "a change of manifests",
    at: ({ kind, path }) => kind === "create" && isManifest(path),
    run: growManifest,
  },
  {
    what: "a new CURRENT",
    at: ({ kind, path }) => kind === "append" && path.endsWith(".dbtmp"),
    run: growManifest,
  },
  {
    what: "a new log",
    at: ({ kind, path }) => kind === "create" && isLog(path),
    run: fillMemtable,
  },
];

for (const { what, at, run } of SCENARIOS) {
  Deno.test(`A disk that is full at ${what} stops writes until there is room and resume() is called`, async () => {
    const life = new Life();
    life.why = what;
    const { disk } = life;
    await begin(life);
    const { db } = life;
    const snapshot = db.snapshot();
    const atSnapshot = stateAfter(life.writes);
    const scan = db.keysSync();
    const keys = [scan.next().value];
    disk.onMutation = (operation) => {
      if (at(operation, life)) disk.capacityBytes = disk.usedBytes + (operation.bytes >> 1);
    };
    const error = await assertRejects(() => run(life), VarveError, "no space left");
    assertIo(error, what);
    assertEquals((error.cause as VarveError).cause !== undefined, true, "the system's own error");
    await life.assertStopped();
    for (const seed of [0, 1, 2, 3]) await life.assertSurvives(seed);

    // As long as there is no room it goes on like that.
    for (let i = 0; i < 3; i++) {
      const files = disk.list("db").length;
      await assertRejects(() => life.settle(db.resume()), VarveError, "no space left");
      await life.assertStopped();
      assert(disk.list("db").length <= files + 1, "every attempt leaves files");
    }
    for (const seed of [0, 1, 2, 3]) await life.assertSurvives(seed);

    disk.onMutation = undefined;
    disk.capacityBytes = Infinity;
    await assertRejects(() => db.put("refused", "1"), VarveError, "no space left");
    await life.settle(db.resume());
    assertEquals(db.stats().failure, undefined);
    life.assertRight();
    await life.write(["key 1", "new"], 200);
    life.assertRight();
    for (const key of scan) keys.push(key);
    assertEquals(keys, JSON.parse(atSnapshot).map(([key]: [string]) => key));
    const then = JSON.stringify(
      [...snapshot.entriesSync()].map(([key, text]) => [key, text.slice(0, TAG_LENGTH)]),
    );
    assertEquals(then, atSnapshot);
    snapshot.close();
    life.rest();
    assertNoFileLeaks(disk, db, what);
    for (const seed of [0, 1, 2, 3]) await life.assertSurvives(seed);
    await compact(life);
    life.assertRight();
    life.rest();
    assertNoFileLeaks(disk, db, what);
    await life.close();
    life.assertRight();
    assertNoFileLeaks(disk, life.db, what);
    await life.close();
  });
}

// ——— Every call ———

/** All that a database does, in as few calls as that takes. */
function* wholeLife(life: Life): Generator<() => Promise<void>> {
  yield () => life.write(["a", "b"], 2000);
  yield () => life.write(["c"], 2000, false);
  yield () => life.write(["b"], -1, false);
  yield () => flush(life);
  for (let i = 0; i < 12; i++) {
    yield () => life.write([`${"abcdef"[i % 6]}`], 4000 * (i % 2), i % 5 === 0);
  }
  yield () => flush(life);
  yield () => life.write(["d", "g"], 100);
  // More than a memtable holds: a new one, and a log for it.
  for (let i = 0; i < 20; i++) yield () => life.write([`${"abcdefgh"[i % 8]}`], 4000, i % 7 === 0);
  yield () => compact(life);
  for (let i = 0; i < 12; i++) {
    yield () => life.write(["aceghij"[i % 7]!, `${i}`], 3000, i % 6 === 0);
    if (i % 4 === 0) yield () => flush(life);
  }
  yield () => life.write(["c", "d"], -1);
  yield () => life.write(["e"], 300, false);
}

/** Lives through it, and resumes whenever writes have stopped; how often that was. */
async function liveThrough(life: Life, onStop: () => Promise<void>): Promise<number> {
  let stops = 0;
  await atLast(life, async () => void await life.db);
  for (const step of wholeLife(life)) {
    await atLast(life, async () => {
      try {
        return await step();
      } catch (error) {
        assertIo(error, life.why);
      }
      const wasTried = life.isLastUncertain;
      stops++;
      await onStop();
      await atLast(life, () => life.settle(life.db.resume()));
      life.assertRight();
      if (!wasTried) throw new VarveError("IO", "to be done again");
    });
  }
  if (life.db.stats().failure !== undefined) stops++; // since the last step
  await atLast(life, async () => {
    await life.settle(life.db.resume());
    life.assertRight();
  });
  return stops;
}

/** Does something until it does not fail. */
async function atLast(life: Life, body: () => Promise<void>): Promise<void> {
  for (let tries = 0; tries < 30; tries++) {
    try {
      return await body();
    } catch (error) {
      assertIo(error, life.why);
    }
  }
  throw new Error(`${life.why}: it fails again and again`);
}

/** How many calls of some kinds a life without failures makes. */
async function countCalls(kind: readonly OperationKind[]): Promise<number> {
  const life = new Life();
  const none = life.disk.addFault({ kind, effect: { latencyMs: 0 }, times: Infinity });
  assertEquals(await liveThrough(life, async () => {}), 0);
  const { hits } = none;
  const { flushes, compactions } = life.db.stats().background;
  assert(flushes > 4 && compactions > 0, `${flushes} flushes, ${compactions} compactions`);
  await life.close();
  return hits;
}

/** What fails, and how. */
const SWEEPS: readonly (readonly [FaultEffect, ...OperationKind[]])[] = [
  ["error", "append"],
  ["short", "append"],
  ["error", "sync"],
  ["drop", "sync"],
  ["error", "create", "rename", "syncDirectory"],
  ["error", "remove", "makeDirectory", "lock"],
  ["error", "open", "exists", "list"],
];

for (const [effect, ...kind] of SWEEPS) {
  Deno.test(`Whichever ${kind.join(" or ")} fails once (${effect}), a database lives through it`, async () => {
    const calls = await countCalls(kind);
    assert(calls > 10, `${calls}`);
    let stops = 0;
    const isStopping = !kind.includes("remove"); // what cannot be removed is left for the next opening
    for (let after = 0; after < calls; after++) {
      const life = new Life(new SimulatedFileSystem({ seed: after }));
      life.why = `${kind} ${after} fails (${effect})`;
      const fault = life.disk.addFault({ kind, effect, after });
      stops += await liveThrough(life, async () => {
        await life.assertStopped();
        await life.assertSurvives(after % 5);
      });
      assertEquals(fault.hits, 1, life.why);
      await life.write(["last"], 10); // and everything before it is durable
      for (const seed of [0, after]) await life.assertSurvives(seed);
      life.rest();
      life.assertRight();
      if (isStopping && !kind.includes("exists")) assertNoFileLeaks(life.disk, life.db, life.why);
      await life.close();
      life.assertRight();
      assertNoFileLeaks(life.disk, life.db, life.why);
      await life.close();
    }
    assertEquals(stops > 0, isStopping);
  });
}

Deno.test("Whatever fails, and whatever fails while that is put right, a database lives through it", async () => {
  let stops = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const life = new Life(new SimulatedFileSystem({ seed }));
    life.why = `seed ${seed}`;
    const { disk } = life;
    const probability = 0.04;
    const faults = [
      disk.addFault({ kind: "append", effect: "short", probability, times: Infinity }),
      disk.addFault({ kind: "sync", effect: "drop", probability, times: Infinity }),
      disk.addFault({ kind: MUTATING, probability, times: Infinity }),
    ];
    stops += await liveThrough(life, async () => {
      await life.assertStopped();
      await life.assertSurvives(seed);
    });
    for (const fault of faults) fault.remove();
    await atLast(life, () => life.settle(life.db.resume()));
    await life.write(["last"], 10);
    for (const crash of [0, 1, seed]) await life.assertSurvives(crash);
    await life.close();
    life.assertRight();
    assertNoFileLeaks(disk, life.db, life.why);
    await life.close();
  }
  assert(stops > 60, `${stops}`);
});

// ——— Every call of a resume ———

/** What is left in doubt in different ways: what fails, once, and while doing what. */
const DOUBTS: readonly (readonly [what: string, rule: FaultRule, run: Scenario["run"]])[] = [
  ["half a record in the log", { kind: "append", path: /log$/, effect: "short" }, fillMemtable],
  ["lost pages of the log", { kind: "sync", path: /log$/, after: 1, effect: "drop" }, fillMemtable],
  ["no new log", { kind: "syncDirectory" }, fillMemtable],
  ["half a table", { kind: "append", path: /ldb$/, effect: "short" }, flush],
  ["lost pages of a table", { kind: "sync", path: /ldb$/, effect: "drop" }, flush],
  ["half an edit", { kind: "append", path: /MANIFEST/, effect: "short" }, flush],
  ["an edit that may be lost", { kind: "sync", path: /MANIFEST/, effect: "drop" }, flush],
  ["a CURRENT that may be old", { kind: "rename", path: /CURRENT/ }, growManifest],
];

/** A database that has just stopped. */
async function stopped([what, rule, run]: typeof DOUBTS[number], seed: number): Promise<Life> {
  const life = new Life(new SimulatedFileSystem({ seed }));
  life.why = what;
  await begin(life);
  await life.write(["unsynced"], 700, false);
  life.disk.addFault(rule);
  await assertRejects(() => run(life), VarveError, "injected fault");
  await life.assertStopped();
  return life;
}

for (const doubt of DOUBTS) {
  Deno.test(`With ${doubt[0]} the power may be cut at every call of a resume`, async () => {
    const life = await stopped(doubt, 0);
    const cuts: [SimulatedFileSystem, string][] = [];
    life.disk.onMutation = ({ kind, path, index }) => {
      const seeds = [0, 1, index, index + 1_000_000];
      for (const seed of seeds) {
        cuts.push([life.disk.crash(seed), `cut at ${kind} ${path} with ${seed}`]);
      }
    };
    await life.settle(life.db.resume());
    life.disk.onMutation = undefined;
    assert(cuts.length > 4 * 4, `${cuts.length}`);
    for (const [disk, how] of cuts) await life.assertLeft(disk, how);
    life.assertRight();
    await life.close();
  });

  Deno.test(`With ${doubt[0]} every call of a resume may fail, and another resume heals that`, async () => {
    for (let failing = 0, isDone = false; !isDone; failing++) {
      const life = await stopped(doubt, failing);
      const { disk } = life;
      const [what] = doubt;
      const fault = disk.addFault({ kind: MUTATING, after: failing });
      let attempts = 1;
      for (; attempts < 3; attempts++) {
        const resumed = await life.settle(life.db.resume()).catch((error) => error);
        if (resumed === undefined) break;
        assertIo(resumed, what);
        await life.assertStopped();
        for (const seed of [0, 1, failing]) await life.assertSurvives(seed);
      }
      life.why = `${what}, call ${failing} fails`;
      isDone = fault.hits === 0;
      fault.remove();
      life.assertRight();
      assertEquals(life.db.stats().failure, undefined);
      const hasGoneOn = attempts === 1;
      life.rest();
      if (!hasGoneOn || isDone) assertNoFileLeaks(disk, life.db, life.why);
      await life.write(["last"], 10);
      for (const seed of [0, 1, failing]) await life.assertSurvives(seed);
      await life.close();
      life.assertRight();
      assertNoFileLeaks(disk, life.db, life.why);
      await life.close();
    }
  });
}

// ——— What a failed sync and a cut manifest leave ———

Deno.test("A write whose sync failed is rejected, and no later sync of that log vouches for it", async () => {
  for (let failing = 0; failing < 4; failing++) {
    const life = new Life(new SimulatedFileSystem({ seed: failing }));
    life.why = `sync ${failing} fails`;
    const { disk } = life;
    const path = /\.log$/;
    const fault = disk.addFault({ kind: "sync", path, after: failing, effect: "drop" });
    for (let i = 0; i < 4; i++) {
      const isFailing = i === failing;
      const written = life.write([`key ${i}`], 100);
      if (isFailing) await assertRejects(() => written, VarveError, "injected fault");
      else if (i < failing) await written;
      else await assertRejects(() => written, VarveError, "an earlier failure");
    }
    assertEquals(fault.hits, 1);
    const syncs = disk.addFault({ kind: "sync", path, times: Infinity, effect: { latencyMs: 0 } });
    await life.assertStopped();
    await life.settle(life.db.resume());
    await life.close(); // syncs no more than the new log, which is empty
    assertEquals(syncs.hits, 0, "a log that failed was synced again");
    life.assertRight();
    assertEquals(
      life.db.getSync(`key ${failing}`)?.slice(0, 1),
      `${failing + 1}`,
      "resume() saved it",
    );
    await life.close();
  }
});

Deno.test("A synchronous write is not acknowledged while an awaited sync loses pages before it", async () => {
  // Of one handle the system may tell the awaited sync alone, whose promise is settled in a later turn.
  for (const isRotated of [false, true]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const disk = new SimulatedFileSystem({ wait: () => promise });
    const life = new Life(disk);
    life.why = isRotated ? "in the next log" : "in the same log";
    await life.write(["durable"], 100);
    disk.addFault({ kind: "sync", path: /log$/, effect: { latencyMs: 1 } });
    disk.addFault({ kind: "sync", path: /log$/, effect: "drop" });
    const { db } = life;
    const awaited = db.put("a", value(2, 3000));
    await undefined; // it is written, and its sync is under way
    if (isRotated) db.putSync("b", value(3, 64 * 1024), { sync: false });
    assertThrows(() => db.putSync("c", value(4, 100), { sync: true }), VarveError, "sync");
    resolve();
    await assertRejects(() => awaited, VarveError, "sync");
    life.writes.push([["a", value(2, 3000)]]);
    if (isRotated) life.writes.push([["b", value(3, 64 * 1024)]]);
    life.writes.push([["c", value(4, 100)]]);
    for (const seed of [0, 1, 2, 3]) await life.assertSurvives(seed);
    await life.assertStopped();
    await life.settle(db.resume());
    life.assertRight();
    life.durable = life.writes.length;
    for (const seed of [0, 1, 2, 3]) await life.assertSurvives(seed);
    await life.close();
  }
});

Deno.test("A manifest that a power cut tore at any byte of its last edit opens, and nothing is lost", async () => {
  for (const cut of ["a flush", "a compaction"]) {
    const life = new Life();
    life.why = cut;
    const { disk } = life;
    await begin(life);
    await life.write(["key 0", "key 8"], 1000);
    if (cut === "a compaction") await flush(life);
    let left: SimulatedFileSystem | undefined;
    let [start, manifest] = [0, ""];
    disk.onMutation = ({ kind, path }) => {
      if (!isManifest(path) || left !== undefined) return;
      if (kind === "append") start = disk.readAll(path).length;
      if (kind !== "sync") return;
      manifest = path;
      left = disk.crash(1); // all that was written, synced or not
    };
    await (cut === "a flush" ? flush(life) : compact(life));
    disk.onMutation = undefined;
    const whole = left!.readAll(manifest);
    assert(whole.length > start + 30, `${whole.length - start} bytes`);
    life.durable = life.writes.length; // since all that was written is kept
    for (let bytes = start; bytes <= whole.length; bytes++) {
      const torn = left!.crash(1);
      torn.writeAll(manifest, whole.subarray(0, bytes));
      await life.assertLeft(torn, `cut to ${bytes} bytes`);
      const zeros = left!.crash(1);
      const bytesKept = new Uint8Array(whole.length);
      bytesKept.set(whole.subarray(0, bytes));
      zeros.writeAll(manifest, bytesKept);
      await life.assertLeft(zeros, `zeros from byte ${bytes} on`);
    }
    await life.close();
  }
});
