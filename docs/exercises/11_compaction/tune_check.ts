/**
 * **What.** What options of a database have to reach: bytes of tables written for each byte put, and runs to look into.
 * Nothing is timed; the background has all the turns that it asks for.
 *
 * **Invariants.**
 * 1. Each case checks what is written, how many runs there ever are, the memory, and that all is there.
 *
 * **Read next.** `../../../bench/amplification.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator } from "../../../lib/random.ts";
import { type Database, MemoryFileSystem, open } from "../../../mod.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./tune.ts");

const MEMTABLE_BYTES_MAX = 256 * 1024;
const RUNS_MAX = 7;
const PUTS = 40_000;
const TURN_PUTS = 500;

const keyOf = (i: number) => String(i).padStart(8, "0");
const valueOf = (i: number) => `${i} `.padEnd(96, "sediment");

/** Lets the background work until nothing is due: between two jobs nothing is under way for a turn. */
async function settle(db: Database<string, string>): Promise<void> {
  for (let idle = 0; idle < 3;) {
    await new Promise((resolve) => setTimeout(resolve));
    idle = db.stats().background.isBusy ? 0 : idle + 1;
  }
}

/** Puts some keys, and checks what that has cost. */
async function check(
  { options }: Subject,
  nextKey: (random: (below: number) => number) => number,
  writtenMax: number,
): Promise<void> {
  const { memtableBytes, levelZeroTables, tableBytes, baseLevelBytes } = options;
  assert(
    memtableBytes <= MEMTABLE_BYTES_MAX,
    `memtables of ${memtableBytes} bytes, more than ${MEMTABLE_BYTES_MAX}`,
  );
  const sizes = { memtableBytes, levelZeroTables, tableBytes, baseLevelBytes };
  const others = { worker: false, compression: "none", sync: false } as const;
  await using db = await open("db", { fileSystem: new MemoryFileSystem(), ...sizes, ...others });
  const random = generator(5);
  const newest = new Map<number, number>();
  let runsMax = 0;
  for (let i = 1; i <= PUTS; i++) {
    const key = nextKey(random);
    db.putSync(keyOf(key), valueOf(i));
    newest.set(key, i);
    if (i % TURN_PUTS !== 0) continue;
    await settle(db);
    const [levelZero, ...deeper] = db.stats().levels;
    const runs = levelZero!.tables + deeper.filter(({ tables }) => tables > 0).length;
    runsMax = Math.max(runsMax, runs);
  }
  for (const [key, i] of newest) assertEquals(db.getSync(keyOf(key)), valueOf(i));
  const { writes, background } = db.stats();
  const written = (background.flushBytes + background.compactionWriteBytes) / writes.bytes;
  const found = `${written.toFixed(2)} bytes written for each byte put, and up to ${runsMax} runs`;
  assert(
    written <= writtenMax && runsMax <= RUNS_MAX,
    `${found}; expected at most ${writtenMax} bytes and ${RUNS_MAX} runs`,
  );
}

const cases: Case<Subject>[] = [
  {
    name: "20 000 keys at random: at most 2.2 bytes for each byte, and 7 runs",
    run: (subject) => check(subject, (random) => random(20_000), 2.2),
  },
  {
    name: "30 000 keys at random: at most 2.45 bytes for each byte, and 7 runs",
    run: (subject) => check(subject, (random) => random(30_000), 2.45),
  },
  {
    name: "nine of ten puts to 400 keys: at most 0.56 bytes for each byte, and 7 runs",
    run: (subject) =>
      check(subject, (random) => random(10) > 0 ? random(400) : random(20_000), 0.56),
  },
];

/** Ours: a memtable as large as it may be, as many tables of level 0 as the runs allow, and one level below. */
const options: Subject["options"] = {
  memtableBytes: MEMTABLE_BYTES_MAX,
  levelZeroTables: 6,
  tableBytes: 65_536,
  baseLevelBytes: 4 << 20,
};

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "options that write little with few runs and 256 KiB of memory",
  own: { options },
  cases,
};
