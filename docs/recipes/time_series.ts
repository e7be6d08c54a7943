/**
 * **What.** Time series with rollups: measurements, and per minute, hour and day how many there were, their sum, least
 * and greatest. What is fine is kept for a short time, what is coarse for a long one. This writes a month of two
 * series, and asks:
 * ```text
 * deno run --allow-read --allow-write docs/recipes/time_series.ts [DIRECTORY]
 * ```
 *
 * **Format.** Two sublevels of one store. Times are milliseconds since 1970.
 * ```text
 * raw     [series, time]        → the value, a number
 * rollup  [series, unit, start] → { count, sum, min, max }, as JSON; the unit in milliseconds, too
 * ```
 *
 * **Invariants.**
 * 1. A measurement and the rollups that it counts in are written in one batch: a rollup is always that of the
 *    measurements that were written, whatever happened.
 * 2. A measurement of a series and time that is there already is not counted again. So who does not know whether a
 *    write succeeded can write again.
 * 3. What is read to decide on a write is read without `await` before that write.
 *
 * **Read next.** `time_series_test.ts`
 *
 * @module
 */
import { json, number, open, type Store, tuple } from "@varve/varve";

export const MINUTE = 60_000;
export const HOUR: number = 60 * MINUTE;
export const DAY: number = 24 * HOUR;

/** What is kept of a span of time. */
export interface Rollup {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** A rollup, and where it begins. */
export interface Span extends Rollup {
  readonly start: number;
}

/** A value at a time, in whole milliseconds since 1970. */
export type Point = readonly [time: number, value: number];

/** What became of points that were written. */
export interface Added {
  readonly added: number;
  /** These were there already. */
  readonly repeated: number;
  /** These are older than raw values are kept, so that nobody knows whether they were there. */
  readonly late: number;
}

/** How long what is kept, in milliseconds. */
export interface Retention {
  readonly raw: number;
  readonly minutes: number;
  readonly hours: number;
  readonly days: number;
}

const KEPT: Retention = { raw: DAY, minutes: 7 * DAY, hours: 90 * DAY, days: Infinity };
/** At most so many entries are removed in one batch. */
const SWEEP_MAX = 1000;

type RawKey = readonly [series: string, time: number] | readonly [series: string];
type RollupKey =
  | readonly [series: string, unit: number, start: number]
  | readonly [series: string, unit: number];

/** The series of a store. */
export class TimeSeries {
  readonly #store: Store<string, string>;
  readonly #raw: Store<RawKey, number>;
  readonly #rollups: Store<RollupKey, Rollup>;
  /** The units of rollups, the finest first, and how long those are kept. */
  readonly #units: readonly (readonly [unit: number, keptMs: number])[];
  readonly #rawKeptMs: number;
  readonly #now: () => number;

  /**
   * Makes the series of a store.
   *
   * @param store The database, or a sublevel of it.
   * @param retention How long what is kept: a day, 7 days, 90 days, forever. No shorter than the units.
   * @param now The time, in milliseconds since 1970.
   */
  constructor(
    store: Store<string, string>,
    retention: Partial<Retention> = {},
    now: () => number = Date.now,
  ) {
    const { raw, minutes, hours, days } = { ...KEPT, ...retention };
    this.#store = store;
    this.#raw = store.sublevel("raw", { key: tuple<RawKey>(), value: number });
    this.#rollups = store.sublevel("rollup", { key: tuple<RollupKey>(), value: json<Rollup>() });
    this.#units = [[MINUTE, minutes], [HOUR, hours], [DAY, days]];
    this.#rawKeptMs = raw;
    this.#now = now;
  }

  // #region add
  /**
   * Writes points of a series. More than a few thousand are better written in parts.
   *
   * @param series Its name.
   * @param points The points, in any order.
   * @returns How many were new. They are on disk by then, and counted.
   * @throws {TypeError} If a time or a value is not a finite number: nothing is written then.
   */
  async add(series: string, points: readonly Point[]): Promise<Added> {
    const batch = this.#store.batch();
    const changed = new Map<string, [RollupKey, Rollup]>();
    const seen = new Set<number>();
    const oldest = this.#now() - this.#rawKeptMs;
    let late = 0;
    for (const [time, value] of points) {
      if (!Number.isFinite(time) || !Number.isFinite(value)) {
        throw new TypeError(`Cannot write point: time and value must be finite: ${time}, ${value}`);
      }
      if (time < oldest) late++;
      else if (!seen.has(time) && !this.#raw.hasSync([series, time])) {
        seen.add(time);
        batch.on(this.#raw).put([series, time], value);
        for (const [unit] of this.#units) this.#count(changed, [series, unit, time], value);
      }
    }
    for (const [key, rollup] of changed.values()) batch.on(this.#rollups).put(key, rollup);
    batch.commitSync({ sync: false }); // at once, so that the next one counts on from here
    await this.#raw.delete([""]); // nothing is there: on disk when this is, in a sync that others share
    return { added: seen.size, repeated: points.length - seen.size - late, late };
  }
  // #endregion

  #count(
    changed: Map<string, [RollupKey, Rollup]>,
    [series, unit, time]: readonly [string, number, number],
    value: number,
  ): void {
    const key = [series, unit, Math.floor(time / unit) * unit] as const;
    const name = `${key[1]} ${key[2]}`;
    const before = changed.get(name)?.[1] ?? this.#rollups.getSync(key);
    const { count, sum, min, max } = before ?? { count: 0, sum: 0, min: value, max: value };
    const after = {
      count: count + 1,
      sum: sum + value,
      min: Math.min(min, value),
      max: Math.max(max, value),
    };
    changed.set(name, [key, after]);
  }

  /**
   * The points of a series, as they were written, the earliest first.
   *
   * @param series Its name.
   * @param from The first time.
   * @param to The time after the last.
   */
  async *points(series: string, from: number, to: number): AsyncGenerator<Point> {
    for await (const [key, value] of this.#raw.entries({ gte: [series, from], lt: [series, to] })) {
      yield [key[1]!, value];
    }
  }

  /**
   * The rollups of a series that begin in a span of time, the earliest first. Where nothing was measured there is none.
   *
   * @param series Its name.
   * @param unit `MINUTE`, `HOUR` or `DAY`.
   * @param from The first time; the rollup that it is in is included.
   * @param to The time after the last.
   */
  async *rollups(series: string, unit: number, from: number, to: number): AsyncGenerator<Span> {
    const start = Math.floor(from / unit) * unit;
    const range = { gte: [series, unit, start], lt: [series, unit, to] } as const;
    for await (const [key, rollup] of this.#rollups.entries(range)) {
      yield { start: key[2]!, ...rollup };
    }
  }

  /**
   * The finest unit of which a span of time has no more than so many rollups, and all of them still.
   *
   * @param from The first time.
   * @param to The time after the last.
   * @param spansMax How many rollups are wanted at most, as for the width of a chart.
   * @returns `MINUTE`, `HOUR` or `DAY`.
   */
  unitFor(from: number, to: number, spansMax: number): number {
    const age = this.#now() - from;
    const found = this.#units.find(([unit, keptMs]) =>
      age <= keptMs && (to - from) / unit <= spansMax
    );
    return found?.[0] ?? DAY;
  }

  /** The names of all series. */
  series(): string[] {
    return [...this.#heads()];
  }

  // #region skip
  /** Goes from the first key of a series to the first of the next, however many are between. */
  *#heads(): Generator<string> {
    using cursor = this.#rollups.cursorSync();
    let isAt = cursor.next();
    while (isAt) {
      const [series] = cursor.key;
      yield series;
      isAt = cursor.seek([series, Infinity]);
    }
  }
  // #endregion

  // #region sweep
  /**
   * Removes what is older than it is to be kept.
   *
   * @returns How many entries were removed.
   */
  async sweep(): Promise<number> {
    let count = 0;
    const now = this.#now();
    const remove = async <K>(store: Store<K, unknown>, range: { gte: K; lt: K }) => {
      let batch = this.#store.batch();
      for await (const key of store.keys(range)) {
        batch.on(store).delete(key);
        count++;
        if (batch.length < SWEEP_MAX) continue;
        await batch.commit({ sync: false });
        batch = this.#store.batch();
      }
      await batch.commit({ sync: false }); // what a power cut brings back goes with the next sweep
    };
    for (const series of this.series()) {
      await remove(this.#raw, { gte: [series], lt: [series, now - this.#rawKeptMs] });
      for (const [unit, keptMs] of this.#units) {
        if (keptMs === Infinity) continue;
        // A rollup goes when all of it is over that age.
        const end = now - keptMs - unit;
        await remove(this.#rollups, { gte: [series, unit], lt: [series, unit, end] });
      }
    }
    return count;
  }
  // #endregion
}

/**
 * Shows it at work.
 *
 * @param directory Where the database is.
 * @param print Told what happens.
 */
export async function demo(
  directory: string,
  print: (line: string) => void = console.log,
): Promise<void> {
  await using db = await open(directory);
  let time = Date.UTC(2026, 0, 1);
  const start = time;
  const all = new TimeSeries(db, {}, () => time);
  let written = 0;
  for (let day = 0; day < 30; day++) {
    // A point a minute: warm at noon, cold at midnight, and a little warmer every day.
    for (const [series, mean] of [["cellar", 11], ["roof", 4]] as const) {
      const points = Array.from({ length: 1440 }, (_, minute): Point => {
        const swing = -Math.cos(minute / 1440 * 2 * Math.PI) * (series === "roof" ? 9 : 0.5);
        return [time + minute * MINUTE, mean + swing + day / 10];
      });
      const { added } = await all.add(series, points);
      written += added;
      if (day === 0) {
        const { repeated } = await all.add(series, points.slice(0, 100));
        print(`${series}: ${added} points; ${repeated} delivered once more, and not counted`);
      }
    }
    time += DAY;
  }
  const { writes } = db.stats();
  print(`${written} points in ${writes.syncs} syncs; series: ${all.series().join(", ")}`);
  print(`swept: ${await all.sweep()} entries`);
  for (const [what, from] of [["the last hour", time - HOUR], ["the month", start]] as const) {
    const unit = all.unitFor(from, time, 60);
    const spans = await Array.fromAsync(all.rollups("roof", unit, from, time));
    const least = Math.min(...spans.map(({ min }) => min));
    const most = Math.max(...spans.map(({ max }) => max));
    const counted = spans.reduce((sum, { count }) => sum + count, 0);
    print(
      `roof, ${what}: ${spans.length} spans of ${unit / MINUTE} min with ${counted} points, ` +
        `${least.toFixed(1)} to ${most.toFixed(1)} °C`,
    );
  }
  const points = await Array.fromAsync(all.points("roof", start, time));
  print(`roof: ${points.length} points are kept as they were measured`);
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "varve_time_series_" });
  await demo(directory);
  if (Deno.args.length === 0) await Deno.remove(directory, { recursive: true });
}
