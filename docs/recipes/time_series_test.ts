import { assertEquals, assertRejects } from "@std/assert";
import { type Database, json, MemoryFileSystem, number, open, tuple } from "@varve/varve";
import { SimulatedFileSystem } from "@varve/varve/testing";
import { generator } from "../../lib/random.ts";
import { onDisk } from "../../tests/permissions.ts";
import { DAY, demo, HOUR, MINUTE, type Point, type Rollup, TimeSeries } from "./time_series.ts";

const START = Date.UTC(2026, 0, 1);

async function setUp(retention = {}) {
  const db = await open("db", { fileSystem: new MemoryFileSystem() });
  const clock = { time: START };
  const series = new TimeSeries(db, retention, () => clock.time);
  return { db, series, clock, [Symbol.asyncDispose]: () => db.close() };
}

/** The rollups that are there, and those that the points that are there come to. */
function rollupsOf(db: Database<string, string>): [found: unknown[], expected: unknown[]] {
  const raw = db.sublevel("raw", { key: tuple<[string, number]>(), value: number });
  const key = tuple<[string, number, number]>();
  const found = [...db.sublevel("rollup", { key, value: json<Rollup>() }).entriesSync()];
  const expected = new Map<string, [unknown, Rollup]>();
  for (const [[series, time], value] of raw.entriesSync()) {
    for (const unit of [MINUTE, HOUR, DAY]) {
      const start = Math.floor(time / unit) * unit;
      const name = JSON.stringify([series, unit, start]);
      const before = expected.get(name)?.[1] ?? { count: 0, sum: 0, min: value, max: value };
      expected.set(name, [[series, unit, start], {
        count: before.count + 1,
        sum: before.sum + value,
        min: Math.min(before.min, value),
        max: Math.max(before.max, value),
      }]);
    }
  }
  const sorted = (entries: unknown[]) => entries.map((it) => JSON.stringify(it)).sort();
  return [sorted(found), sorted([...expected.values()])];
}

Deno.test("rollups are those of the points, whoever writes at the same time and however often", async () => {
  for (let seed = 0; seed < 20; seed++) {
    await using it = await setUp();
    const random = generator(seed);
    const writes: Promise<unknown>[] = [];
    for (let i = 0; i < 40; i++) {
      const points = Array.from({ length: random(8) }, (): Point => [
        START + random(5 * HOUR), // whole numbers, whose sums do not depend on the order
        random(1000) - 500,
      ]);
      writes.push(it.series.add(["a", "b"][random(2)]!, points));
      if (random(2) === 0) writes.push(it.series.add("a", points)); // once more, meanwhile
      if (random(4) === 0) await writes[random(writes.length)];
    }
    await Promise.all(writes);
    const [found, expected] = rollupsOf(it.db);
    assertEquals(found, expected, `seed ${seed}`);
  }
});

Deno.test("a point that is written again counts once, and keeps its first value", async () => {
  await using it = await setUp();
  const points: Point[] = [[START, 5], [START + 1, 7], [START, 6]];
  assertEquals(await it.series.add("a", points), { added: 2, repeated: 1, late: 0 });
  assertEquals(await it.series.add("a", points), { added: 0, repeated: 3, late: 0 });
  const [minute] = await Array.fromAsync(it.series.rollups("a", MINUTE, START, START + 1));
  assertEquals(minute, { start: START, count: 2, sum: 12, min: 5, max: 7 });
  assertEquals(await Array.fromAsync(it.series.points("a", START, START + 2)), [
    [START, 5],
    [START + 1, 7],
  ]);
});

Deno.test("ranges of times are exact, before 1970 too, and series do not mix", async () => {
  await using it = await setUp({ raw: Infinity });
  const times = [-DAY - 1, -1, 0, 1, MINUTE - 1, MINUTE, START];
  await it.series.add("a", times.map((time): Point => [time, time]));
  await it.series.add("a\0b", [[0, 99]]);
  const timesOf = async (from: number, to: number) =>
    (await Array.fromAsync(it.series.points("a", from, to))).map(([time]) => time);
  assertEquals(await timesOf(-1, MINUTE), [-1, 0, 1, MINUTE - 1]);
  assertEquals(await timesOf(-Infinity, Infinity), times);
  const starts = await Array.fromAsync(it.series.rollups("a", MINUTE, -1, MINUTE));
  assertEquals(starts.map(({ start, count }) => [start, count]), [[-MINUTE, 1], [0, 3]]);
  assertEquals(it.series.series(), ["a", "a\0b"]);
});

Deno.test("a sweep removes what is over its age, and nothing younger", async () => {
  await using it = await setUp({ raw: HOUR, minutes: 2 * HOUR, hours: 2 * DAY });
  for (let hour = 0; hour < 72; hour++) {
    await it.series.add("a", [[it.clock.time, hour]]);
    await it.series.add("b", [[it.clock.time, -hour]]);
    it.clock.time += HOUR;
  }
  const now = it.clock.time;
  await it.series.sweep();
  for (const name of ["a", "b"]) {
    const count = async (unit: number) =>
      (await Array.fromAsync(it.series.rollups(name, unit, START, now))).length;
    assertEquals((await Array.fromAsync(it.series.points(name, 0, now))).length, 1);
    // The rollup that has just come to its age is kept until all of it is over it.
    assertEquals([await count(MINUTE), await count(HOUR), await count(DAY)], [2, 49, 3]);
  }
  assertEquals(await it.series.sweep(), 0);
  // What raw values would tell is gone, so it cannot be counted a second time.
  const late = await it.series.add("a", [[START, 0], [now - HOUR, 71], [now - HOUR - 1, 0]]);
  assertEquals(late, { added: 0, repeated: 1, late: 2 });
});

Deno.test("a chart gets the finest unit that fits, as far back as it is kept", async () => {
  await using it = await setUp();
  const now = it.clock.time;
  const unit = (ms: number, spansMax: number) => it.series.unitFor(now - ms, now, spansMax);
  assertEquals([unit(HOUR, 60), unit(HOUR, 59), unit(8 * DAY, 1e9)], [MINUTE, HOUR, HOUR]);
  assertEquals([unit(91 * DAY, 1e9), unit(1000 * DAY, 10)], [DAY, DAY]);
});

Deno.test("wherever the power fails, rollups are those of the points, and none that was awaited is lost", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const random = generator(seed);
    const disk = new SimulatedFileSystem({ seed });
    const db = await open("db", { fileSystem: disk });
    const series = new TimeSeries(db, {}, () => START);
    let awaited = 0;
    for (let i = random(20); i > 0; i--) {
      await series.add("a", [[START + awaited++ * 1000, random(100)]]);
    }
    const pending = series.add("a", [[START + awaited * 1000, 1], [START + awaited * 1000 + 1, 2]]);
    const after = await open("db", { fileSystem: disk.crash(seed) });
    const [found, expected] = rollupsOf(after);
    assertEquals(found, expected, `seed ${seed}`);
    const again = new TimeSeries(after, {}, () => START);
    const kept = (await Array.fromAsync(again.points("a", START, Infinity))).length;
    assertEquals(kept === awaited || kept === awaited + 2, true, `seed ${seed}: ${kept}`);
    await pending;
    await db.close();
    await after.close();
  }
});

Deno.test("what is no number is refused before anything is written", async () => {
  await using it = await setUp();
  for (const point of [[NaN, 1], [START, NaN], [Infinity, 1]] as Point[]) {
    await assertRejects(() => it.series.add("a", [[START, 1], point]), TypeError, "must be finite");
  }
  assertEquals(it.db.stats().writes.entries, 0);
});

Deno.test("the series do what the recipe shows", onDisk, async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_time_series_" });
  try {
    const lines: string[] = [];
    await demo(directory, (line) => lines.push(line));
    assertEquals(lines.at(-1), "roof: 1440 points are kept as they were measured");
    assertEquals(lines.at(-2)!.includes("30 spans of 1440 min with 43200 points"), true);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
