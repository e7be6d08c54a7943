/**
 * **What.** The experiment of chapter 13: a database is damaged at random places, and repaired by three rules. How many
 * keys are lost, and how many have a value again that was overwritten or deleted?
 *
 * **Invariants.**
 * 1. Every damage is tried on a copy of the same database, and by each rule.
 *
 * **Read next.** `../13_the_doctor.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { openDatabase } from "../../lib/database.ts";
import { logName, tableName } from "../../lib/file_names.ts";
import { InternalKeyComparator, KIND_VALUE, kindAt, sequenceAt } from "../../lib/internal_key.ts";
import { LogReader } from "../../lib/log.ts";
import { MemoryFileSystem } from "../../lib/memory_file_system.ts";
import { generator, type Random } from "../../lib/random.ts";
import { TableInspector } from "../../lib/table_inspector.ts";
import { BatchReader } from "../../lib/write_batch.ts";
import { repair, verify } from "../../mod.ts";
import { copyOf } from "../../tests/fixtures/disk_copies.ts";
import { ManualTurns } from "../../tests/fixtures/manual_turns.ts";
import { type Experiment, type Outcome, rounded } from "./experiment.ts";
import { COLOURS, Plot } from "./plot.ts";

const WRITES = 6000;
const KEYS = 800;
/** How often each kind of damage is tried. */
const TRIES = 40;
const SECTOR_BYTES = 512;
/** Levels of a few tables, and tables of a few blocks: a large database made small. */
const OPTIONS = {
  memtableBytes: 64 * 1024,
  tableBytes: 16 * 1024,
  blockBytes: 1024,
  baseLevelBytes: 32 * 1024,
  levelZeroTables: 2,
  compression: "none",
} as const;

const decoder = new TextDecoder();

/** What a key has: a value, or none. */
type Contents = ReadonlyMap<string, string>;

/** A disk that keeps a copy of what is on it when some tables are removed, and one is about to be. */
class WatchedDisk extends MemoryFileSystem {
  /** What was there then. */
  killed: MemoryFileSystem | undefined;
  /** Tables that may be removed before. */
  tablesLeft = Infinity;

  override remove(path: string): void {
    if (path.endsWith(".ldb") && this.tablesLeft-- === 0) this.killed = copyOf(this);
    super.remove(path);
  }
}

/**
 * Makes a database whose keys are put and deleted again and again, and which was killed when a compaction was done, and
 * of the tables that it had read some were removed.
 */
async function makeDatabase(random: Random): Promise<{ disk: MemoryFileSystem; truth: Contents }> {
  const disk = new WatchedDisk();
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", OPTIONS, disk, turns);
  const truth = new Map<string, string>();
  for (let i = 0; disk.killed === undefined; i++) {
    const key = `layer ${1000 + random(KEYS)}`;
    if (random(4) === 0) {
      db.deleteSync(key, { sync: false });
      truth.delete(key);
    } else {
      const value = `${i} `.padEnd(60, "clay ");
      db.putSync(key, value, { sync: false });
      truth.set(key, value);
    }
    if (i > WRITES) disk.tablesLeft = 2;
    if (i % 10 === 0) turns.turn();
    disk.tablesLeft = Infinity;
  }
  await turns.settle(db.close());
  return { disk: disk.killed, truth };
}

/** A way to damage a file. */
type Damage = (bytes: Uint8Array, random: Random) => Uint8Array;

const flipBit: Damage = (bytes, random) => {
  bytes[random(bytes.length)]! ^= 1 << random(8);
  return bytes;
};
const zeroSector: Damage = (bytes, random) => {
  const from = SECTOR_BYTES * random(Math.ceil(bytes.length / SECTOR_BYTES));
  return bytes.fill(0, from, from + SECTOR_BYTES);
};
const cut: Damage = (bytes, random) => bytes.slice(0, random(bytes.length));
const any: Damage = (bytes, random) => [flipBit, zeroSector, cut][random(3)]!(bytes, random);

const DAMAGES: readonly { name: string; files: RegExp; damage: Damage }[] = [
  { name: "a bit of a table", files: /\.ldb$/, damage: flipBit },
  { name: "a sector of a table", files: /\.ldb$/, damage: zeroSector },
  { name: "a table cut off", files: /\.ldb$/, damage: cut },
  { name: "a bit of the log", files: /\.log$/, damage: flipBit },
  { name: "the manifest", files: /^MANIFEST/, damage: any },
];

/** Reads a database from one end to the other. */
async function contentsOf(disk: MemoryFileSystem): Promise<Contents> {
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", { readOnly: true }, disk, turns);
  const entries = new Map(db.entriesSync());
  await turns.settle(db.close());
  return entries;
}

/** Repairs a copy, and reads it. */
async function repaired(disk: MemoryFileSystem, keepOlder: boolean): Promise<Contents> {
  const copy = copyOf(disk);
  await repair("db", { fileSystem: copy, keepOlder });
  return await contentsOf(copy);
}

/** What a read finds if all tables are at level 0, logs in newer ones: that of the highest number answers. */
function byNumber(disk: MemoryFileSystem): Contents {
  const found = new Map<string, string | undefined>();
  const numbers = (ending: RegExp) =>
    disk.list("db").filter((name) => ending.test(name)).map((name) => parseInt(name));
  const comparator = new InternalKeyComparator();
  for (const number of numbers(/\.ldb$/).sort((a, b) => a - b)) {
    const newest = new Map<string, { sequence: number; value: string | undefined }>();
    const file = disk.open(`db/${tableName(number)}`);
    const table = new TableInspector(file, { comparator, onDamage: () => {} });
    for (table.first(); table.valid; table.next()) {
      const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = table;
      const key = decoder.decode(keyBuffer.subarray(keyStart, keyEnd - 8));
      const sequence = sequenceAt(keyBuffer, keyEnd);
      if (sequence < (newest.get(key)?.sequence ?? 0)) continue;
      const isValue = kindAt(keyBuffer, keyEnd) === KIND_VALUE;
      const value = isValue
        ? decoder.decode(valueBuffer.subarray(valueStart, valueEnd))
        : undefined;
      newest.set(key, { sequence, value });
    }
    for (const [key, { value }] of newest) found.set(key, value);
  }
  const batch = new BatchReader();
  for (const number of numbers(/\.log$/).sort((a, b) => a - b)) {
    const reader = new LogReader(disk.open(`db/${logName(number)}`), { salvage: true });
    while (reader.next()) {
      batch.reset(reader.recordBuffer, reader.recordStart, reader.recordEnd);
      while (batch.next()) {
        const { buffer, keyStart, keyEnd, valueStart, valueEnd, kind } = batch;
        const value = decoder.decode(buffer.subarray(valueStart, valueEnd));
        const key = decoder.decode(buffer.subarray(keyStart, keyEnd));
        found.set(key, kind === KIND_VALUE ? value : undefined);
      }
    }
  }
  return new Map([...found].filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Keys that have no value any more, and keys that have one again which they should not have. */
function compare(there: Contents, truth: Contents): { lost: number; back: number } {
  let [lost, back] = [0, 0];
  for (const key of truth.keys()) if (!there.has(key)) lost++;
  for (const [key, value] of there) if (truth.get(key) !== value) back++;
  return { lost, back };
}

const RULES = ["repair", "repair, keepOlder", "by table number"] as const;

async function run(seed: number): Promise<Outcome> {
  const random = generator(seed);
  const { disk, truth } = await makeDatabase(random);
  const before = await verify("db", { fileSystem: disk });
  assert(before.isSound);
  // Tables that were about to be removed: nobody would mind.
  const leftOver = new Set(before.findings.map(({ file }) => file));
  assertEquals(await repaired(disk, false), truth, "a repair of what is whole changes it");
  const sound = compare(byNumber(disk), truth);
  const rows: Row[] = [["nothing", 1, 0, 0, 0, 0, 0, sound.lost, sound.back]];
  for (const { name, files, damage } of DAMAGES) {
    let found = 0;
    const sums = RULES.map(() => ({ lost: 0, back: 0 }));
    for (let i = 0; i < TRIES; i++) {
      const damaged = copyOf(disk);
      const candidates = disk.list("db").filter((it) => files.test(it) && !leftOver.has(it));
      const file = `db/${candidates[random(candidates.length)]}`;
      damaged.writeAll(file, damage(disk.readAll(file), random));
      const { errorCount, warningCount } = await verify("db", { fileSystem: damaged });
      if (errorCount > 0 || warningCount > before.warningCount) found++;
      else assertEquals(await contentsOf(damaged), truth, "damage that matters is not found");
      const results = [
        await repaired(damaged, false),
        await repaired(damaged, true),
        byNumber(damaged),
      ];
      for (const [rule, result] of results.entries()) {
        const { lost, back } = compare(result, truth);
        sums[rule]!.lost += lost;
        sums[rule]!.back += back;
      }
    }
    rows.push([name, TRIES, found, ...sums.flatMap(({ lost, back }) => [lost, back])]);
  }
  for (const [name, , , , back] of rows.slice(0, 4)) {
    assertEquals(back, 0, `${name}: what was overwritten or deleted is back`);
  }
  for (const [name, , , ...sums] of rows.slice(1, 4)) {
    const [lost, , lostToo, back] = sums.map(Number);
    assert(back! > lost! - lostToo!, `${name}: keepOlder saves more than it brings back`);
  }
  return { counts: { columns: COLUMNS, rows }, plot: plot(rows) };
}

type Row = (string | number)[];

const COLUMNS = [
  "damaged",
  "databases",
  "found by verify",
  ...RULES.flatMap((rule) => [`${rule}: lost`, `${rule}: back`]),
];

function plot(rows: readonly Row[]): Outcome["plot"] {
  const bars = rows.slice(1).flatMap(([damaged, databases, , ...sums]) =>
    RULES.map((rule, i) => {
      const [lost, back] = [2 * i, 2 * i + 1].map((it) => Number(sums[it]) / Number(databases));
      return { damaged, rule, lost: lost!, back: back!, sum: lost! + back! };
    })
  );
  const text = ({ lost, back }: typeof bars[number]) =>
    `${rounded(lost, 1)} lost, ${rounded(back, 1)} back`;
  const longest = Math.max(...bars.map(({ sum }) => sum));
  const facet = { y: "rule", fy: "damaged" } as const;
  return {
    height: 460,
    marginLeft: 136,
    marginRight: 150,
    x: { label: "keys, for each damaged database", grid: true, domain: [0, 1.4 * longest] },
    y: { label: null, domain: [...RULES] },
    fy: { label: null, domain: DAMAGES.map(({ name }) => name), padding: 0.2 },
    marks: [
      Plot.barX(bars, { ...facet, x1: 0, x2: "lost", fill: COLOURS[5]! }),
      Plot.barX(bars, { ...facet, x1: "lost", x2: "sum", fill: COLOURS[4]! }),
      Plot.text(bars, { ...facet, x: "sum", text, textAnchor: "start", dx: 6 }),
      Plot.ruleX([0]),
    ],
  };
}

/** The experiment. */
export const experiment: Experiment = {
  title: "What does a repair save, and what does it bring back?",
  alt:
    "Bars of keys lost and of keys that have an old value again, for five kinds of damage and three rules. For " +
    "damaged tables the repair loses some and brings nothing back; the two others lose fewer and bring many more " +
    "back. For a damaged log or manifest little is lost or comes back by any rule.",
  run: ({ seed }) => run(seed),
};
