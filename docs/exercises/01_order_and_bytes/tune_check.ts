/**
 * **What.** What the keys of readings are measured by, and ours.
 *
 * **Invariants.**
 * 1. Every case first asks for some ranges and compares the answers with those of a search through all readings.
 *
 * **Read next.** `tune.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { compareBytes } from "../../../lib/bytes.ts";
import { generator } from "../../../lib/random.ts";
import { MemoryFileSystem, open, tuple, type TuplePart } from "../../../mod.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Range, Reading } from "./tune.ts";

type Subject = typeof import("./tune.ts");

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2024, 0, 1);
const HOUR_MS = 60 * MINUTE_MS;
const STATIONS = 20;
/** The stations' numbers go up to the highest that there may be. */
const STATION_MAX = 999;
const HOURS = 48;
const SENSORS = ["temperature", "pressure", "humidity"];

/** The number of a station, of those that there are. */
function stationAt(index: number): number {
  return Math.round(index * STATION_MAX / (STATIONS - 1));
}

/** The readings of two days: one of each station and sensor every hour, at a minute of its own. */
function readings(): Reading[] {
  const random = generator(1);
  const all: Reading[] = [];
  for (let i = 0; i < STATIONS; i++) {
    const station = stationAt(i);
    for (const sensor of SENSORS) {
      for (let hour = 0; hour < HOURS; hour++) {
        all.push({ station, time: START_MS + hour * HOUR_MS + random(60) * MINUTE_MS, sensor });
      }
    }
  }
  return all;
}

/** What is asked: a day of a station, an hour, nothing, and all. */
const QUESTIONS = [
  { station: stationAt(7), from: START_MS, to: START_MS + 24 * HOUR_MS },
  { station: 0, from: START_MS + 5 * HOUR_MS, to: START_MS + 6 * HOUR_MS },
  { station: stationAt(10), from: START_MS + 20 * HOUR_MS, to: START_MS + 20 * HOUR_MS },
  { station: STATION_MAX, from: START_MS, to: START_MS + HOURS * HOUR_MS },
];

function names(all: readonly Reading[]): string[] {
  return all.map(({ station, time, sensor }) => `${station} ${time} ${sensor}`).sort();
}

interface Measured {
  /** Keys between the bounds of all questions. */
  readonly read: number;
  /** Those that were asked for. */
  readonly wanted: number;
  /** Bytes of a key, on average. */
  readonly keyBytes: number;
}

/** Stores the readings, asks the questions, and checks the answers. */
async function measure({ keyOf, readingOf, rangeOf }: Subject): Promise<Measured> {
  const all = readings();
  const key = tuple();
  await using db = await open("db", { fileSystem: new MemoryFileSystem(), key });
  let keyBytes = 0;
  for (const reading of all) {
    const parts = keyOf(reading);
    assertEquals(readingOf(parts), reading, "readingOf(keyOf(…))");
    keyBytes += key.encode(parts).length / all.length;
    db.putSync(parts, "", { sync: false });
  }
  assertEquals([...db.keysSync()].length, all.length, "two readings have one key");
  assertLater({ keyOf, readingOf, rangeOf });
  let read = 0;
  let wanted = 0;
  for (const { station, from, to } of QUESTIONS) {
    const between = [...db.keysSync(rangeOf(station, from, to))].map((parts) => readingOf(parts));
    const isWanted = (one: Reading) => one.station === station && one.time >= from && one.time < to;
    const expected = all.filter(isWanted);
    assertEquals(
      names(between.filter(isWanted)),
      names(expected),
      `station ${station}, ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`,
    );
    read += between.length;
    wanted += expected.length;
  }
  return { read, wanted, keyBytes };
}

/** Checks that keys go on being right and in order in later years, when numbers have become larger. */
function assertLater({ keyOf, readingOf, rangeOf }: Subject): void {
  const key = tuple();
  const sensor = SENSORS[1]!;
  let before = keyOf({ station: 0, time: START_MS, sensor });
  for (let year = 2025; year < 2100; year++) {
    const time = Date.UTC(year, 0, 1);
    const reading = { station: 0, time, sensor };
    const later = keyOf(reading);
    assertEquals(readingOf(later), reading, `readingOf(keyOf(…)) in ${year}`);
    const { gte, lt } = rangeOf(0, time, time + MINUTE_MS);
    const bytes = [before, gte, later, lt].map((parts) => key.encode(parts));
    const isBefore = (a: Uint8Array, b: Uint8Array) =>
      compareBytes(a, 0, a.length, b, 0, b.length) < 0;
    assert(
      isBefore(bytes[0]!, bytes[1]!) && !isBefore(bytes[2]!, bytes[1]!) &&
        isBefore(bytes[2]!, bytes[3]!),
      `rangeOf: not the readings of one minute in ${year}`,
    );
    before = later;
  }
}

const cases: Case<Subject>[] = [
  {
    name: "a range has no other station's readings",
    async run(subject) {
      const { read, wanted } = await measure(subject);
      assert(read === wanted, `${wanted} keys were asked for, ${read} were read`);
    },
  },
  {
    name: "a key takes at most 24 bytes on average, and the ranges are as narrow",
    run: (subject) => assertBytes(subject, 24),
  },
  {
    name: "a key takes at most 10 bytes, and the ranges are as narrow",
    run: (subject) => assertBytes(subject, 10),
  },
];

async function assertBytes(subject: Subject, max: number): Promise<void> {
  const { read, wanted, keyBytes } = await measure(subject);
  assert(read === wanted, `${wanted} keys were asked for, ${read} were read`);
  assert(keyBytes <= max, `${keyBytes.toFixed(1)} bytes a key, the target is ${max}`);
}

// A bigint takes as many bytes as it needs and one for its kind; a number takes nine.
const own: Subject = {
  keyOf: ({ station, time, sensor }) => [
    BigInt(station),
    BigInt((time - START_MS) / MINUTE_MS),
    BigInt(SENSORS.indexOf(sensor)),
  ],
  readingOf(key: readonly TuplePart[]): Reading {
    const [station, minute, sensor] = (key as bigint[]).map(Number) as [number, number, number];
    return { station, time: START_MS + minute * MINUTE_MS, sensor: SENSORS[sensor]! };
  },
  rangeOf(station: number, from: number, to: number): Range {
    const minute = (time: number) => BigInt(Math.ceil((time - START_MS) / MINUTE_MS));
    return { gte: [BigInt(station), minute(from)], lt: [BigInt(station), minute(to)] };
  },
};

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "keys with which the readings of a station are one short range",
  own,
  cases,
};
