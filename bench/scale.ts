/**
 * **What.** What one operation costs as the database grows, and how much memory that takes: `deno task bench:scale`.
 * Each size is loaded by one process, in random order and batches, and read by another one, both with default
 * options.
 *
 * **Invariants.**
 * 1. Keys are drawn without memory of their own (`permutation`), so the peak is that of the engine and of Deno.
 *
 * **Read next.** `overload.ts`
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { bytes, type Database, open, writeAmplification } from "../mod.ts";
import { dataMaker, generator, permutation } from "./data.ts";
import { readFlags } from "./flags.ts";
import { diskBytes, forgetPeak, pause, peakBytes, residentBytes } from "./process.ts";
import { type Circumstances, circumstances, writeResults } from "./results.ts";

const BATCH_ENTRIES = 1000;
const GETS = 200_000;
const SEEKS = 20_000;
const SEEK_ENTRIES = 10;
const SCANNED = 1_000_000;

/** What the loading process tells. */
interface LoadRow {
  /** Time of one put. */
  readonly putUs: number;
  /** The most memory. */
  readonly loadPeakBytes: number;
  /** Disk that the database takes. */
  readonly diskBytes: number;
  /** Bytes written for each byte put. */
  readonly writeAmplification: number;
}

/** What the reading process tells. */
interface ReadRow {
  /** Memory before the database is opened. */
  readonly baseBytes: number;
  /** Opening it, with what the log still holds read again and made a table. */
  readonly recoverMs: number;
  /** Opening it once more, with nothing in the log. */
  readonly openMs: number;
  /** A get of a random key. */
  readonly getUs: number;
  /** And of one that is not there. */
  readonly missUs: number;
  /** Ten entries from a random key on. */
  readonly seekUs: number;
  /** An entry of a long scan. */
  readonly scanUs: number;
  /** The most memory. */
  readonly readPeakBytes: number;
}

/** A size of the database. */
export interface ScaleRow extends LoadRow, ReadRow {
  /** How many entries. */
  readonly entries: number;
}

/** What is kept of a run. */
export interface ScaleResults extends Circumstances {
  /** The sizes, smallest first. */
  readonly rows: readonly ScaleRow[];
}

type Bytes = Uint8Array;

function openBytes(directory: string): Promise<Database<Bytes, Bytes>> {
  return open<Bytes, Bytes>(directory, { key: bytes, value: bytes, sync: false });
}

async function load(directory: string, entries: number): Promise<LoadRow> {
  const data = dataMaker("bytes");
  const numberOf = permutation(entries, 7);
  const db = await openBytes(directory);
  forgetPeak();
  const start = performance.now();
  for (let from = 0; from < entries; from += BATCH_ENTRIES) {
    const batch = db.batch();
    for (let i = from; i < Math.min(from + BATCH_ENTRIES, entries); i++) {
      batch.put(data.key(numberOf(i)) as Bytes, data.value(i) as Bytes);
    }
    batch.commitSync();
  }
  const ms = performance.now() - start;
  do await pause(300); while (db.stats().background.isBusy);
  const amplification = writeAmplification(db.stats());
  await db.close();
  return {
    putUs: ms * 1000 / entries,
    loadPeakBytes: peakBytes() ?? residentBytes(),
    diskBytes: diskBytes(directory),
    writeAmplification: amplification,
  };
}

async function read(directory: string, entries: number): Promise<ReadRow> {
  const data = dataMaker("bytes");
  forgetPeak();
  const baseBytes = residentBytes();
  const recovering = performance.now();
  await (await openBytes(directory)).close();
  const opening = performance.now();
  const db = await openBytes(directory);
  const [recoverMs, openMs] = [opening - recovering, performance.now() - opening];
  const micros = (count: number, operation: (number: number) => number, expected: number) => {
    const next = generator(42);
    let found = 0;
    const start = performance.now();
    for (let i = 0; i < count; i++) found += operation(next(entries));
    const us = (performance.now() - start) * 1000 / count;
    if (expected >= 0 && found !== expected) throw new Error(`${found} of ${expected} found`);
    return us;
  };
  const get = (key: unknown) => db.getSync(key as Bytes) === undefined ? 0 : 1;
  const entriesFrom = (key: unknown, limit: number) => {
    let found = 0;
    for (const _ of db.entriesSync({ gte: key as Bytes, limit })) found++;
    return found;
  };
  const getUs = micros(GETS, (i) => get(data.key(i)), GETS);
  const missUs = micros(GETS, (i) => get(data.missing(i)), 0);
  const seekUs = micros(SEEKS, (i) => entriesFrom(data.key(i), SEEK_ENTRIES), -1);
  const scanned = Math.min(entries, SCANNED);
  const scanUs = micros(1, () => entriesFrom(data.key(0), scanned), scanned) / scanned;
  const readPeakBytes = peakBytes() ?? residentBytes();
  await db.close();
  return { baseBytes, recoverMs, openMs, getUs, missUs, seekUs, scanUs, readPeakBytes };
}

/** Runs a part in a process of its own. */
async function inProcess<T>(part: string, directory: string, entries: number): Promise<T> {
  const program = fromFileUrl(import.meta.url);
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, part, directory, String(entries)],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Measures one size. */
export async function measureSize(entries: number): Promise<ScaleRow> {
  const directory = await Deno.makeTempDir({ prefix: "varve-bench-" });
  try {
    const loaded = await inProcess<LoadRow>("load", directory, entries);
    const read = await inProcess<ReadRow>("read", directory, entries);
    return { entries, ...loaded, ...read };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  const [part, directory, entries] = Deno.args;
  if (part === "load") console.log(JSON.stringify(await load(directory!, Number(entries))));
  else if (part === "read") console.log(JSON.stringify(await read(directory!, Number(entries))));
  else {
    const flags = readFlags("Measures operations on databases of growing size.", {
      sizes: [["100000", "1000000", "10000000", "20000000"], "entries, smallest first"],
      write: [false, "whether to keep the results in bench/results"],
    });
    const rows: ScaleRow[] = [];
    for (const size of flags.sizes) {
      const row = await measureSize(Number(size));
      rows.push(row);
      console.log(JSON.stringify(row));
    }
    const results: ScaleResults = { ...circumstances(), rows };
    if (flags.write) await writeResults("scale", results);
  }
}
