/**
 * **What.** Tune it: keys for the readings of weather stations. The keys below give right answers, and read far too
 * much for them. Change the three functions, together.
 *
 * **Invariants.**
 * 1. Two readings have two keys, and a key says which reading it is.
 * 2. The range has all readings of the station in that span.
 *
 * **Read next.** `../../01_order_and_bytes.md`
 *
 * @module
 */
import type { TuplePart } from "../../../lib/tuple_codec.ts";

/** What was measured where, and when. */
export interface Reading {
  /** The station's number, 0 to 999. */
  readonly station: number;
  /** When, in milliseconds since 1970: full minutes, from 2024 on. */
  readonly time: number;
  /** What: `"temperature"`, `"pressure"` or `"humidity"`. */
  readonly sensor: string;
}

/** From which key on, and up to which. */
export interface Range {
  /** The first key, or what comes before it. */
  readonly gte: TuplePart[];
  /** What comes after the last key. */
  readonly lt: TuplePart[];
}

/** The key of a reading. It is encoded by the tuple codec. */
export function keyOf({ station, time, sensor }: Reading): TuplePart[] {
  return [new Date(time).toISOString(), station, sensor];
}

/** The reading that a key is of. */
export function readingOf(key: readonly TuplePart[]): Reading {
  const [time, station, sensor] = key as [string, number, string];
  return { station, time: Date.parse(time), sensor };
}

/**
 * Where the readings of a station in a span of time are.
 *
 * @param station The station.
 * @param from The first millisecond of the span.
 * @param to The first millisecond behind it.
 */
export function rangeOf(station: number, from: number, to: number): Range {
  return {
    gte: [new Date(from).toISOString(), station],
    lt: [new Date(to).toISOString()],
  };
}
