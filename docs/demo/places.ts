/**
 * **What.** The places of the world in a database: how they are written, so that no crash can leave anything half
 * done, and how they are found by name, by country and by where they are.
 *
 * **Format.** One database, with a sublevel for the places and one for each question that is asked about them.
 * ```text
 * place     number                         → the place, as JSON
 * name      [name in lower case, number]   → number
 * country   [country, name, number]        → number
 * geohash   "geohash/number"               → number
 * progress  "next"                         → the number of the first place that is not loaded yet
 * ```
 *
 * **Invariants.**
 * 1. A place and its three index entries are written in one batch, so there is never one without the others.
 * 2. A batch also moves `progress` on, so that whoever goes on loading leaves nothing out and does nothing twice.
 *
 * **Read next.** `../../mod.ts`
 *
 * @module
 */
import { type Database, json, number, type Reader, type Store, tuple } from "@varve/varve";
import { distanceKm, geohash, geohashesAround, type Point, reachKm } from "./geohash.ts";

/** A place, as it is stored. */
export interface Place extends Point {
  /** Its name. */
  readonly name: string;
  /** Two letters: ISO 3166-1. */
  readonly country: string;
}

/** The first parts of such a key are what a range is asked for by. */
type NameKey = readonly [name: string] | readonly [name: string, number: number];
type CountryKey =
  | readonly [country: string]
  | readonly [country: string, name: string, number: number];

/** The sublevels, to read from: those of the database itself or of a snapshot of it. */
export interface Readers {
  /** The places by number. */
  readonly places: Reader<number, Place>;
  /** Their numbers by name. */
  readonly byName: Reader<NameKey, number>;
  /** Their numbers by country, and there in the order of their names. */
  readonly byCountry: Reader<CountryKey, number>;
  /** Their numbers by geohash. */
  readonly byGeohash: Reader<string, number>;
}

/** The sublevels, to write to. */
export interface Stores extends Readers {
  readonly places: Store<number, Place>;
  readonly byName: Store<NameKey, number>;
  readonly byCountry: Store<CountryKey, number>;
  readonly byGeohash: Store<string, number>;
  /** How far loading has come. */
  readonly progress: Store<string, number>;
}

/**
 * Names the sublevels and says what their keys and values are.
 *
 * @param database The database.
 * @returns Its sublevels.
 */
export function storesOf(database: Database<string, string>): Stores {
  return {
    places: database.sublevel("place", { key: number, value: json<Place>() }),
    byName: database.sublevel("name", { key: tuple<NameKey>(), value: number }),
    byCountry: database.sublevel("country", { key: tuple<CountryKey>(), value: number }),
    byGeohash: database.sublevel<string, number>("geohash", { value: number }),
    progress: database.sublevel<string, number>("progress", { value: number }),
  };
}

/** Geohashes of this length are stored: cells of five metres. */
const GEOHASH_CHARACTERS = 9;
/** Places written together. */
export const BATCH_PLACES = 500;

/**
 * Loads the places that are not there yet, a batch at a time. When a batch is awaited it is on disk.
 *
 * @param database The database.
 * @param places All places.
 * @param onBatch Told after each batch how many places are there.
 */
export async function load(
  database: Database<string, string>,
  places: readonly Place[],
  onBatch: (loaded: number) => void,
): Promise<void> {
  const stores = storesOf(database);
  let next = await stores.progress.get("next") ?? 0;
  while (next < places.length) {
    const end = Math.min(next + BATCH_PLACES, places.length);
    const batch = database.batch();
    for (; next < end; next++) {
      const place = places[next]!;
      const { name, country } = place;
      batch.on(stores.places).put(next, place);
      batch.on(stores.byName).put([name.toLowerCase(), next], next);
      batch.on(stores.byCountry).put([country, name, next], next);
      batch.on(stores.byGeohash).put(`${geohash(place, GEOHASH_CHARACTERS)}/${next}`, next);
    }
    batch.on(stores.progress).put("next", next);
    await batch.commit();
    onBatch(next);
  }
}

/** What is in a database, counted. */
export interface Survey {
  /** Places, by the last batch's own word. */
  readonly places: number;
  /** Whether each sublevel has exactly as many entries: no batch was written in part. */
  readonly isWhole: boolean;
}

/**
 * Counts what is there.
 *
 * @param stores The sublevels.
 * @returns What is there.
 */
export async function survey(stores: Stores): Promise<Survey> {
  const places = await stores.progress.get("next") ?? 0;
  let isWhole = true;
  for (const store of [stores.places, stores.byName, stores.byCountry, stores.byGeohash]) {
    let entries = 0;
    for await (const _key of (store as Reader<unknown, unknown>).keys()) entries++;
    isWhole &&= entries === places;
  }
  return { places, isWhole };
}

// ——— Questions ———

/** The places behind the numbers that an index gives. */
async function placesOf(readers: Readers, numbers: AsyncIterable<number>): Promise<Place[]> {
  const places = await readers.places.getMany(await Array.fromAsync(numbers));
  return places.filter((place) => place !== undefined);
}

/**
 * Finds the places of a name.
 *
 * @param readers The sublevels.
 * @param name The name, in any case.
 * @returns The places.
 */
export function placesNamed(readers: Readers, name: string): Promise<Place[]> {
  return placesOf(readers, readers.byName.values({ prefix: [name.toLowerCase()] }));
}

/**
 * Finds all places of a country, in the order of their names.
 *
 * @param readers The sublevels.
 * @param country Its two letters.
 * @returns The places.
 */
export function placesIn(readers: Readers, country: string): Promise<Place[]> {
  return placesOf(readers, readers.byCountry.values({ prefix: [country] }));
}

/** A place and how far it is. */
export interface Neighbour {
  /** The place. */
  readonly place: Place;
  /** How far away. */
  readonly km: number;
}

/** What a search for the nearest places found, and how. */
export interface Nearest {
  /** The nearest first. */
  readonly found: Neighbour[];
  /** The last cells searched. */
  readonly cells: string[];
  /** How many places were looked at. */
  readonly lookedAt: number;
}

/**
 * Finds the places that are nearest to a point: looks at the places in its geohash cell and those around it, and in
 * ever larger ones until nothing that is nearer can be outside.
 *
 * @param readers The sublevels.
 * @param point The point.
 * @param count How many places to find.
 * @returns The places.
 */
export async function nearest(readers: Readers, point: Point, count: number): Promise<Nearest> {
  let lookedAt = 0;
  for (let characters = 5; true; characters--) {
    const cells = geohashesAround(point, characters);
    const inCells = await Promise.all(
      cells.map((prefix) => placesOf(readers, readers.byGeohash.values({ prefix }))),
    );
    const near = inCells.flat().map((place) => ({ place, km: distanceKm(point, place) }));
    lookedAt += near.length;
    const reach = reachKm(point, characters);
    const found = near.filter(({ km }) => km < reach).sort((a, b) => a.km - b.km).slice(0, count);
    if (found.length === count || characters === 0) return { found, cells, lookedAt };
  }
}
