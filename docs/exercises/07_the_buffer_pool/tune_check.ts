/**
 * **What.** Which targets the three programs have to meet, and settings that do.
 *
 * **Invariants.**
 * 1. Blocks are counted by the pool: what it did not have was read.
 *
 * **Read next.** `../../../lib/buffer_pool_bench.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator, type Random } from "../../../lib/random.ts";
import { type Database, MemoryFileSystem, open } from "../../../mod.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { PoolOptions } from "./tune.ts";

type Subject = typeof import("./tune.ts");

const BLOCKS = 2000;
/** Entries of 170 bytes and a key fill a block of 1 KiB. */
const PER_BLOCK = 6;
const ENTRIES = BLOCKS * PER_BLOCK;
const GETS = 20_000;

function keyOf(i: number): string {
  return `item ${String(i).padStart(6, "0")}`;
}

function valueOf(i: number): string {
  return String(i).padEnd(170, ".");
}

let disk: Promise<MemoryFileSystem> | undefined;

/** A database in one table, which all cases read. */
async function makeDisk(): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem();
  const options = { compression: "none", blockBytes: 1024, tableBytes: 1 << 24 } as const;
  await using db = await open("db", { fileSystem, ...options });
  for (let i = 0; i < ENTRIES; i++) db.putSync(keyOf(i), valueOf(i), { sync: false });
  await db.flush();
  return fileSystem;
}

/** Opens the database, and counts the blocks that are read for what is done with it. */
async function blocksRead(
  options: PoolOptions,
  use: (db: Database<string, string>) => void,
): Promise<number> {
  const { poolBytes, poolPolicy } = options;
  const fileSystem = await (disk ??= makeDisk());
  await using db = await open("db", {
    fileSystem,
    readOnly: true,
    ...(poolBytes === undefined ? {} : { poolBytes }),
    ...(poolPolicy === undefined ? {} : { poolPolicy }),
  });
  use(db);
  return db.stats().pool.misses;
}

function get(db: Database<string, string>, entry: number): void {
  assertEquals(db.getSync(keyOf(entry)), valueOf(entry));
}

/** An entry of a popular block: block n in proportion to 1 / n, in an order that has nothing to do with places. */
function popularEntries(random: Random): () => number {
  const sums = new Float64Array(BLOCKS);
  for (let n = 0, sum = 0; n < BLOCKS; n++) sums[n] = sum += 1 / (n + 1);
  return () => {
    const wanted = random(2 ** 32) / 2 ** 32 * sums[BLOCKS - 1]!;
    const rank = sums.findIndex((sum) => sum >= wanted);
    return (rank * 7919) % BLOCKS * PER_BLOCK + random(PER_BLOCK);
  };
}

/** An entry of what is new after some gets: the newest block is another one after every ten of them. */
function newEntry(random: Random, gets: number): number {
  const back = -Math.log((random(2 ** 32) + 1) / 2 ** 32) * 100;
  return Math.max(0, Math.floor(gets / 10 - back)) * PER_BLOCK + random(PER_BLOCK);
}

/** Checks a count against its target, and the memory of the pool against its limit. */
function assertWithin(options: PoolOptions, kibibytes: number, read: number, most: number): void {
  const pool = (options.poolBytes ?? 8 * 2 ** 20) / 1024;
  assert(pool <= kibibytes, `the pool is of ${pool} KiB, and there are ${kibibytes} for it`);
  assert(read <= most, `${read} blocks were read, the target is ${most}`);
}

/** Reads the feed, with exports among the gets or without. */
function readFeed({ feed, exporting }: Subject, exports: number): Promise<number> {
  return blocksRead(feed, (db) => {
    const random = generator(2);
    let read = 0;
    for (let i = 0; i < GETS; i++) {
      get(db, newEntry(random, i));
      if (exports === 0 || (i + 1) % (GETS / exports) !== 0) continue;
      read = 0;
      for (const _ of db.entriesSync(exporting)) read++;
      assertEquals(read, ENTRIES, "messages exported");
    }
  });
}

const cases: Case<Subject>[] = [
  {
    name: "the report reads no block twice, through a pool of 150 KiB",
    async run({ orderOf }) {
      const random = generator(3);
      const keys = Array.from({ length: 3000 }, () => keyOf(random(ENTRIES)));
      const ordered = orderOf([...keys]); // a copy: what was asked for stays the same
      assertEquals(ordered.toSorted(), keys.toSorted(), "all keys, as often as they were given");
      const options = { poolBytes: 150 * 1024 };
      const read = await blocksRead(options, (db) => {
        for (const key of ordered) assert(db.hasSync(key));
      });
      const blocks = new Set(keys.map((key) => Math.floor(Number(key.slice(5)) / PER_BLOCK)));
      // Blocks hold six entries, or now and then seven: so the places of a few are guessed wrong by one.
      assertWithin(options, 150, read, Math.round(blocks.size * 1.02) + 2);
    },
  },
  {
    name: "the shop reads at most 9000 blocks for 20 000 gets, with a pool of at most 240 KiB",
    async run({ shop }) {
      const read = await blocksRead(shop, (db) => {
        const draw = popularEntries(generator(1));
        for (let i = 0; i < GETS; i++) get(db, draw());
      });
      assertWithin(shop, 240, read, 9000);
    },
  },
  {
    name: "the feed reads at most 7000 blocks for 20 000 gets, with a pool of at most 400 KiB",
    async run(subject) {
      assertWithin(subject.feed, 400, await readFeed(subject, 0), 7000);
    },
  },
  {
    name: "the feed, with 40 exports among the gets, reads no more than these would without a pool",
    async run(subject) {
      const read = await readFeed(subject, 40);
      assertWithin(subject.feed, 400, read, 40 * BLOCKS);
    },
  },
];

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "three programs that read few blocks through small pools",
  own: {
    shop: { poolBytes: 240 * 1024, poolPolicy: "sieve" },
    feed: { poolBytes: 400 * 1024, poolPolicy: "lru" },
    exporting: { fillPool: false },
    orderOf: (keys) => keys.toSorted(),
  },
  cases,
};
