/**
 * **What.** `bench`: how fast this store is on this machine's disk, in seconds rather than minutes. The workloads have
 * the names and the meaning that LevelDB's `db_bench` gave them: 16-byte keys, 100-byte values of which half can be
 * compressed away, one operation after another.
 *
 * **Format.** As JSON, one line for each workload:
 * ```text
 * result := {"workload": string, "operations": number, "seconds": number, "perSecond": number,
 *            "microseconds": number, "megabytesPerSecond": number}
 * ```
 *
 * **Invariants.**
 * 1. The database is in a directory of its own, and gone when the command ends, whatever ends it.
 * 2. The same seed gives the same keys and values.
 * 3. What was read is checked: a benchmark of wrong answers is an error.
 *
 * **Read next.** `cli_completion.ts`
 *
 * @module
 */
import { Argument, Option } from "commander";
import type { CliFrame } from "./cli_command.ts";
import { type CliContext, CliError } from "./cli_context.ts";
import { checkDirectory, openFor, wholeNumber } from "./cli_entries.ts";
import { padded, StatusLine } from "./cli_text.ts";
import { destroyDatabase } from "./destroy.ts";
import type { CompressionName } from "./options.ts";
import { generator, type Random } from "./random.ts";
import type { Database } from "./store.ts";

interface BenchOptions {
  readonly entries: number;
  readonly valueBytes: number;
  readonly seed: number;
  readonly compression: CompressionName;
  readonly in?: string;
  readonly json?: true;
}

/** What a workload works on. */
interface Bench {
  readonly database: Database<Uint8Array, Uint8Array>;
  readonly options: BenchOptions;
  readonly random: Random;
  readonly values: Uint8Array;
  /** To be called after each operation: gives others a turn now and then, and ends the work after a signal. */
  readonly turn: () => Promise<void> | undefined;
}

/** One workload. It gives the number of its operations and of the bytes of keys and values that they moved. */
interface Workload {
  readonly what: string;
  /** Whether it begins with an empty database. */
  readonly isFresh: boolean;
  readonly run: (bench: Bench) => Promise<{ operations: number; bytes: number }>;
}

const KEY_BYTES = 16;
/** A sync takes so long that fewer writes have to do. */
const SYNC_SHARE = 100;
/** Values are cut from this many bytes. */
const VALUE_POOL_BYTES = 1024 * 1024;
/** Others get a turn after so many operations. */
const TURN_OPERATIONS = 1000;

const WORKLOADS: Readonly<Record<string, Workload>> = {
  fillseq: { what: "put in the order of keys", isFresh: true, run: (it) => fill(it, "sequential") },
  fillrandom: { what: "put in random order", isFresh: true, run: (it) => fill(it, "random") },
  fillsync: {
    what: `put in random order, each on disk before the next; a ${SYNC_SHARE}th of the entries`,
    isFresh: true,
    run: (it) => fill(it, "synced"),
  },
  overwrite: { what: "put again in random order", isFresh: false, run: (it) => fill(it, "random") },
  readseq: { what: "read all in order", isFresh: false, run: (it) => walk(it, false) },
  readreverse: { what: "read all from the end", isFresh: false, run: (it) => walk(it, true) },
  readrandom: { what: "get in random order", isFresh: false, run: (it) => lookUp(it, "random") },
  readhot: {
    what: "get from a hundredth of the keys",
    isFresh: false,
    run: (it) => lookUp(it, "hot"),
  },
  readmissing: {
    what: "get keys that are not there",
    isFresh: false,
    run: (it) => lookUp(it, "missing"),
  },
  deleteseq: { what: "delete in the order of keys", isFresh: false, run: deleteAll },
};

/** What is run unless told. Reads come after a fill, since they need something to read. */
const DEFAULT_WORKLOADS = [
  "fillseq",
  "fillsync",
  "fillrandom",
  "overwrite",
  "readrandom",
  "readhot",
  "readmissing",
  "readseq",
  "readreverse",
];

/**
 * Adds `bench`.
 *
 * @param frame The frame.
 */
export function addBench(frame: CliFrame): void {
  const command = frame.command("bench", {
    summary: "measure how fast this store is here",
    details: "In a database of its own, which is removed at the end. Workloads: " +
      `${Object.entries(WORKLOADS).map(([name, { what }]) => `${name} (${what})`).join(", ")}. ` +
      "Writes are in the operating system's hands when they count as done, but for fillsync. What reads needs " +
      "a workload before it that fills.",
    examples: [
      ["varve bench", "a selection, with 100,000 entries"],
      ["varve bench fillrandom readrandom --entries 1000000", "two of them, with more"],
      ["varve bench --in /mnt/disk --json", "on another disk, for another program"],
    ],
  })
    .addArgument(new Argument("[workloads...]", "which, in turn").choices(Object.keys(WORKLOADS)))
    .option("--entries <count>", "how many entries", positiveNumber, 100_000)
    .option("--value-bytes <count>", "bytes of a value", positiveNumber, 100)
    .addOption(
      new Option("--compression <name>", "how tables are compressed")
        .choices(["snappy", "zstd", "none"]).default("snappy"),
    )
    .option("--seed <number>", "other keys and values", wholeNumber, 1)
    .option("--in <directory>", "where to make the database's directory")
    .option("--json", "each result as JSON, on a line of its own");
  frame.onRun<BenchOptions>(command, async (context, names, options) => {
    if (options.valueBytes > VALUE_POOL_BYTES) {
      throw new CliError(
        `Cannot measure: --value-bytes must be at most ${VALUE_POOL_BYTES}, got ${options.valueBytes}`,
      );
    }
    await measure(context, names.length > 0 ? names : DEFAULT_WORKLOADS, options);
  });
}

function positiveNumber(typed: string): number {
  return wholeNumber(typed === "0" ? "" : typed);
}

/** Runs workloads in a directory of their own. */
async function measure(
  context: CliContext,
  names: readonly string[],
  options: BenchOptions,
): Promise<void> {
  const { fileSystem, output, signal } = context;
  const parent = options.in ?? context.temporaryDirectory;
  checkParent(context, parent);
  const path = fileSystem.join(parent, `varve_bench_${crypto.randomUUID()}`);
  const values = valuePool(options.seed);
  const status = new StatusLine(context);
  try {
    let database = openFor(context, path, "creating", { compression: options.compression });
    try {
      if (!options.json) await output.write(HEAD);
      for (const name of names) {
        const { isFresh, run } = WORKLOADS[name]!;
        if (isFresh) {
          await database.close();
          destroyDatabase(path, {}, fileSystem);
          database = openFor(context, path, "creating", { compression: options.compression });
        }
        let done = 0;
        const turn = () => {
          if (++done % TURN_OPERATIONS !== 0) return undefined;
          status.show(`${name}: ${done.toLocaleString("en")}`);
          return oneTurn(signal);
        };
        signal.throwIfAborted();
        const start = performance.now();
        const random = generator(options.seed + 1);
        const { operations, bytes } = await run({ database, options, random, values, turn });
        const ms = performance.now() - start;
        await status.clear();
        await output.write(resultText(name, operations, bytes, ms, options.json));
      }
    } finally {
      await status.clear();
      await database.close();
    }
  } finally {
    if (fileSystem.exists(path)) destroyDatabase(path, {}, fileSystem);
  }
}

/** Only a directory that is there can be left as it was. */
function checkParent(context: CliContext, parent: string): void {
  checkDirectory(context, parent);
  if (!context.fileSystem.exists(parent)) {
    throw new CliError(`Cannot measure: there is no such directory: ${parent}`);
  }
}

async function oneTurn(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  signal.throwIfAborted();
}

const row = (...[name, operations, micros, perSecond, megabytes]: string[]) =>
  `${padded(name!, 12)}  ${operations!.padStart(10)}  ${micros!.padStart(8)}  ${
    perSecond!.padStart(11)
  }  ${megabytes!.padStart(8)}\n`;
const HEAD = row("workload", "operations", "µs each", "per second", "MB/s");

function resultText(
  workload: string,
  operations: number,
  bytes: number,
  ms: number,
  json: true | undefined,
): string {
  const seconds = ms / 1000;
  const microseconds = round(ms * 1000 / operations, 3);
  const perSecond = Math.round(operations / seconds);
  const megabytesPerSecond = round(bytes / 1e6 / seconds, 1);
  if (json) {
    const result = {
      workload,
      operations,
      seconds: round(seconds, 6),
      perSecond,
      microseconds,
      megabytesPerSecond,
    };
    return `${JSON.stringify(result)}\n`;
  }
  return row(
    workload,
    operations.toLocaleString("en"),
    microseconds.toFixed(2),
    perSecond.toLocaleString("en"),
    megabytesPerSecond.toFixed(1),
  );
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Bytes that values are cut from; half of them can be compressed away. */
function valuePool(seed: number): Uint8Array {
  const random = generator(seed);
  const pool = new Uint8Array(VALUE_POOL_BYTES);
  for (let at = 0; at < pool.length; at += 50) {
    for (let i = 0; i < 25; i++) pool[at + i] = 0x20 + random(95);
    pool.copyWithin(at + 25, at, at + 25);
  }
  return pool;
}

/** The key of a number: digits, so that the order of keys is that of numbers. */
function setKey(key: Uint8Array, number: number): Uint8Array {
  for (let at = KEY_BYTES - 1; at >= 0; at--) {
    key[at] = 0x30 + number % 10;
    number = Math.floor(number / 10);
  }
  return key;
}

async function fill(
  { database, options, random, values, turn }: Bench,
  order: "sequential" | "random" | "synced",
): Promise<{ operations: number; bytes: number }> {
  const { entries, valueBytes } = options;
  const operations = order === "synced" ? Math.max(1, Math.ceil(entries / SYNC_SHARE)) : entries;
  const key = new Uint8Array(KEY_BYTES);
  const sync = order === "synced";
  for (let i = 0; i < operations; i++) {
    setKey(key, order === "sequential" ? i : random(entries));
    const start = random(values.length - valueBytes + 1);
    const value = values.subarray(start, start + valueBytes);
    if (sync) await database.put(key.slice(), value, { sync });
    else database.putSync(key, value, { sync });
    const pause = turn();
    if (pause !== undefined) await pause; // an await of nothing takes longer than a read
  }
  return { operations, bytes: operations * (KEY_BYTES + valueBytes) };
}

async function walk(
  { database, turn }: Bench,
  reverse: boolean,
): Promise<{ operations: number; bytes: number }> {
  let [operations, bytes] = [0, 0];
  for (const [key, value] of database.entriesSync({ reverse })) {
    operations++;
    bytes += key.length + value.length;
    const pause = turn();
    if (pause !== undefined) await pause; // an await of nothing takes longer than a read
  }
  if (operations === 0) {
    throw new CliError("Cannot measure reads: there is nothing to read, fill first");
  }
  return { operations, bytes };
}

async function lookUp(
  { database, options, random, turn }: Bench,
  which: "random" | "hot" | "missing",
): Promise<{ operations: number; bytes: number }> {
  const { entries, valueBytes } = options;
  const key = new Uint8Array(KEY_BYTES);
  const keys = which === "hot" ? Math.max(1, Math.ceil(entries / 100)) : entries;
  let bytes = 0;
  for (let i = 0; i < entries; i++) {
    setKey(key, random(keys));
    // No key that was put ends in a point; those that were are on both sides of it.
    if (which === "missing") key[KEY_BYTES - 1] = 0x2e;
    const value = database.getSync(key);
    if (value !== undefined) {
      if (which === "missing" || value.length !== valueBytes) {
        throw new CliError("Cannot measure: a value that was read is not the one that was put");
      }
      bytes += KEY_BYTES + valueBytes;
    }
    const pause = turn();
    if (pause !== undefined) await pause; // an await of nothing takes longer than a read
  }
  return { operations: entries, bytes };
}

async function deleteAll(
  { database, options, turn }: Bench,
): Promise<{ operations: number; bytes: number }> {
  const key = new Uint8Array(KEY_BYTES);
  for (let i = 0; i < options.entries; i++) {
    database.deleteSync(setKey(key, i), { sync: false });
    const pause = turn();
    if (pause !== undefined) await pause; // an await of nothing takes longer than a read
  }
  return { operations: options.entries, bytes: options.entries * KEY_BYTES };
}
