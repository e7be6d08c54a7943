/**
 * **What.** How many bytes are written, read and kept for each byte that is put: `deno task bench:amplification`.
 * Nothing is timed. The disk is in memory and counts; the background gets all the time that it asks for after every
 * thousand puts, so that compaction always keeps up, which is when it writes most.
 *
 * **Invariants.**
 * 1. Same code, same counts, on every machine.
 * 2. What the engine says that it has written is what the disk was given; a difference is an error.
 *
 * **Read next.** `scale.ts`
 *
 * @module
 */
import {
  bytes,
  type Database,
  MemoryFileSystem,
  open,
  type OpenOptions,
  type ReadableFile,
  type WritableFile,
} from "../mod.ts";
import { type DataMaker, dataMaker, generator, permutation } from "./data.ts";
import { readFlags } from "./flags.ts";
import { pause } from "./process.ts";
import { writeResults } from "./results.ts";

const TURN_ENTRIES = 1000;
const GETS = 20_000;

/** What a load of a size came to. All of it are counts, or ratios of counts. */
export interface AmplificationRow {
  /** `sequential`, `random` or `overwrite`: each key twice, in two random orders. */
  readonly load: string;
  /** How many different keys. */
  readonly entries: number;
  /** Bytes of keys and values that were put. */
  readonly putBytes: number;
  /** Bytes of the log. */
  readonly logBytes: number;
  /** Bytes of tables written by flushes. */
  readonly flushBytes: number;
  /** Bytes of tables written by compactions. */
  readonly compactionBytes: number;
  /** Bytes of manifests. */
  readonly manifestBytes: number;
  /** All of them for each byte put. */
  readonly writeAmplification: number;
  /** Reads of the disk for each get of a random key. */
  readonly readsPerGet: number;
  /** And of a key that is not there. */
  readonly readsPerMiss: number;
  /** Bytes on disk for each byte of a key that is there and its value: below one, since they are compressed. */
  readonly spaceAmplification: number;
}

/** What is kept of a run. */
export interface AmplificationResults {
  /** The loads, smallest first. */
  readonly rows: readonly AmplificationRow[];
}

/** A disk in memory that counts what it is given and asked for. */
export class CountingDisk extends MemoryFileSystem {
  /** Bytes appended to files, but for what becomes `CURRENT`. */
  writtenBytes = 0;
  /** Calls that read. */
  reads = 0;

  override create(path: string): WritableFile {
    return this.#countingWrites(super.create(path));
  }

  override openAppend(path: string): WritableFile {
    return this.#countingWrites(super.openAppend(path));
  }

  override open(path: string): ReadableFile {
    const file = super.open(path);
    const read = file.read.bind(file);
    file.read = (into, position) => {
      this.reads++;
      return read(into, position);
    };
    return file;
  }

  #countingWrites(file: WritableFile): WritableFile {
    const append = file.append.bind(file);
    file.append = (data) => {
      if (!file.path.endsWith(".dbtmp")) this.writtenBytes += data.length; // it becomes CURRENT
      append(data);
    };
    return file;
  }
}

async function settle(db: Database<Uint8Array, Uint8Array>): Promise<void> {
  do await pause(0); while (db.stats().background.isBusy);
}

async function fill(
  db: Database<Uint8Array, Uint8Array>,
  data: DataMaker,
  entries: number,
  numberOf: (i: number) => number,
): Promise<void> {
  for (let i = 0; i < entries; i++) {
    db.putSync(data.key(numberOf(i)) as Uint8Array, data.value(i) as Uint8Array);
    if (i % TURN_ENTRIES === TURN_ENTRIES - 1) await settle(db);
  }
  await settle(db);
}

/** The orders in which each load writes all keys. */
const LOADS: Record<string, ((entries: number) => (i: number) => number)[]> = {
  sequential: [() => (i) => i],
  random: [(entries) => permutation(entries, 7)],
  overwrite: [(entries) => permutation(entries, 7), (entries) => permutation(entries, 8)],
};

/**
 * Counts what a load costs.
 *
 * @param load `sequential`, `random` or `overwrite`.
 * @param entries How many keys.
 * @param options Options of the database other than the defaults.
 * @returns The counts.
 */
export async function countLoad(
  load: string,
  entries: number,
  options: OpenOptions = {},
): Promise<AmplificationRow> {
  const data = dataMaker("bytes");
  const disk = new CountingDisk();
  const db = await open<Uint8Array, Uint8Array>("db", {
    ...options as object,
    key: bytes,
    value: bytes,
    sync: false,
    fileSystem: disk,
  });
  // A new database's first manifest is written before anything counts.
  const before = disk.writtenBytes - db.stats().background.manifestBytes;
  for (const order of LOADS[load]!) await fill(db, data, entries, order(entries));
  const { writes, log, background } = db.stats();
  const written = log.bytesWritten + background.flushBytes + background.compactionWriteBytes +
    background.manifestBytes;
  if (written !== disk.writtenBytes - before) {
    throw new Error(`${written} bytes, but ${disk.writtenBytes - before} on disk`);
  }
  const readsOf = (keyOf: (i: number) => unknown) => {
    const before = disk.reads;
    const next = generator(42);
    for (let i = 0; i < GETS; i++) db.getSync(keyOf(next(entries)) as Uint8Array);
    return (disk.reads - before) / GETS;
  };
  const readsPerGet = readsOf(data.key);
  const readsPerMiss = readsOf(data.missing);
  const space = disk.list("db").reduce((sum, name) => sum + disk.size(`db/${name}`), 0);
  await db.close();
  return {
    load,
    entries,
    putBytes: writes.bytes,
    logBytes: log.bytesWritten,
    flushBytes: background.flushBytes,
    compactionBytes: background.compactionWriteBytes,
    manifestBytes: background.manifestBytes,
    writeAmplification: written / writes.bytes,
    readsPerGet,
    readsPerMiss,
    spaceAmplification: space / (entries * data.entryBytes),
  };
}

if (import.meta.main) {
  const flags = readFlags("Counts bytes written, read and kept.", {
    sizes: [["100000", "1000000"], "entries; 10000000 takes some minutes and 2 GiB of memory"],
    loads: [Object.keys(LOADS), "which loads"],
    write: [false, "whether to keep the results in bench/results"],
  });
  const rows: AmplificationRow[] = [];
  for (const load of flags.loads) {
    for (const size of flags.sizes) {
      const row = await countLoad(load, Number(size));
      rows.push(row);
      console.log(JSON.stringify(row));
    }
  }
  if (flags.write) await writeResults("amplification", { rows } satisfies AmplificationResults);
}
