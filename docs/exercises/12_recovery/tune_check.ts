/**
 * **What.** What options have to pass that make recovery short: the most records that it ever has to replay, and the
 * bytes of tables that are written for each byte that is put.
 *
 * **Invariants.**
 * 1. Counts decide, and no clock: background work gets its turns after so many writes.
 *
 * **Read next.** `../../12_recovery.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { openDatabase } from "../../../lib/database.ts";
import { parseFileName } from "../../../lib/file_names.ts";
import { InternalKeyComparator } from "../../../lib/internal_key.ts";
import { LogReader } from "../../../lib/log.ts";
import { isLiveLog, loadManifest } from "../../../lib/manifest.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import type { OpenOptions } from "../../../lib/options.ts";
import { generator } from "../../../lib/random.ts";
import { ManualTurns } from "../../../tests/fixtures/manual_turns.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Tuned } from "./tune.ts";

type Subject = typeof import("./tune.ts");

const WRITES = 16_000;
const VALUE_BYTES = 100;
/** How many tables of level 0 a read may have to look into. */
const LEVEL_ZERO_TABLES_MAX = 8;
/** Records that an opening may have to replay. */
const REPLAYED_MAX = 1000;
/** The program may be killed after any of so many writes. */
const WRITES_PER_KILL = 400;
/** The background gets a turn after so many writes. */
const WRITES_PER_TURN = 20;

/** What some options come to. */
export interface Cost {
  /** The most records that an opening after a kill had to replay. */
  readonly replayedMax: number;
  /** The most tables that level 0 had. */
  readonly levelZeroMax: number;
  /** Bytes of tables written by flushes and compactions for each byte of keys and values put. */
  readonly writeAmplification: number;
}

/** Records of logs that are not in tables. */
function replayedNow(disk: MemoryFileSystem): number {
  const state = loadManifest(disk, "db", new InternalKeyComparator());
  let records = 0;
  for (const name of disk.list("db")) {
    const parsed = parseFileName(name);
    if (parsed?.kind !== "log" || !isLiveLog(state, parsed.number)) continue;
    const reader = new LogReader(disk.open(`db/${name}`));
    while (reader.next()) records++;
  }
  return records;
}

/**
 * Puts random values under random keys, and counts.
 *
 * @param tuned The options.
 * @param keys How many keys there are.
 * @returns What came of it.
 */
export async function costOf(tuned: Tuned, keys: number): Promise<Cost> {
  const { memtableBytes, levelZeroTables } = tuned;
  // Values that say nothing would be compressed to nothing.
  const options: OpenOptions<string, string> = {
    memtableBytes,
    levelZeroTables,
    compression: "none",
  };
  const disk = new MemoryFileSystem();
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", options, disk, turns);
  const random = generator(keys);
  const model = new Map<string, string>();
  let replayedMax = 0;
  let levelZeroMax = 0;
  for (let i = 1; i <= WRITES; i++) {
    const key = `layer ${random(keys)}`;
    const value = String(i).padEnd(VALUE_BYTES, "clay ");
    db.putSync(key, value, { sync: false });
    model.set(key, value);
    if (i % WRITES_PER_TURN === 0) turns.turn();
    if (i % WRITES_PER_KILL > 0) continue;
    replayedMax = Math.max(replayedMax, replayedNow(disk));
    levelZeroMax = Math.max(levelZeroMax, db.stats().levels[0]!.tables);
  }
  const { background: { flushBytes, compactionWriteBytes }, writes } = db.stats();
  for (const [key, value] of model) assertEquals(db.getSync(key), value);
  await turns.settle(db.close());
  return {
    replayedMax,
    levelZeroMax,
    writeAmplification: (flushBytes + compactionWriteBytes) / writes.bytes,
  };
}

/** A case: so many keys, and at most so many bytes of tables for each byte put. */
function target(what: string, keys: number, writeAmplificationMax: number): Case<Subject> {
  return {
    name: `${what}: at most ${REPLAYED_MAX} records to replay, ${writeAmplificationMax} bytes of ` +
      `tables a byte put, ${LEVEL_ZERO_TABLES_MAX} tables in level 0`,
    async run({ options }) {
      const { replayedMax, levelZeroMax, writeAmplification } = await costOf(options, keys);
      const found = `${replayedMax} records, ${writeAmplification.toFixed(2)} bytes of tables, ` +
        `${levelZeroMax} tables in level 0`;
      assert(replayedMax <= REPLAYED_MAX, `too many records to replay: ${found}`);
      assert(writeAmplification <= writeAmplificationMax, `too much is written: ${found}`);
      assert(levelZeroMax <= LEVEL_ZERO_TABLES_MAX, `reads are too slow: ${found}`);
    },
  };
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title:
    "options with which recovery is short, though tables are not written more often than need be",
  own: { options: { memtableBytes: 128 * 1024, levelZeroTables: 8 } },
  cases: [
    target("4000 keys, each put four times", 4000, 1.3),
    target("400 keys, each put forty times", 400, 0.45),
  ],
};
