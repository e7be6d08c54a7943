/**
 * **What.** Random puts as fast as they are taken, for long enough that compaction falls behind, and what that does to
 * the rest of the program: `deno task bench:overload`. How long the event loop stands still, how long puts take at
 * worst, how often they wait. Once with 64 awaited puts in flight, once with `putSync` and a turn of the event loop
 * after every thousand; with and without the worker.
 *
 * A timer of one millisecond measures the gaps: the time from one call of it to the next. Times of puts include the
 * clock, a tenth of a microsecond.
 *
 * **Invariants.**
 * 1. Every way runs in a process and a directory of its own.
 *
 * **Read next.** `README.md`
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { fromFileUrl } from "@std/path";
import { bytes, type Database, open } from "../mod.ts";
import { type DataMaker, dataMaker, permutation } from "./data.ts";
import { readFlags } from "./flags.ts";
import { Histogram, type Percentiles } from "./histogram.ts";
import { forgetPeak, peakBytes } from "./process.ts";
import { type Circumstances, circumstances, writeResults } from "./results.ts";

const IN_FLIGHT = 64;
const TURN_PUTS = 1000;

/** The ways to put. */
const MODES = ["await, 64 in flight", "putSync, turns"] as const;

/** What a way came to. */
export interface OverloadRow {
  /** Which way. */
  readonly mode: string;
  /** Whether background work has a worker: `true` or `false`. */
  readonly worker: string;
  /** How many puts. */
  readonly puts: number;
  /** How long all of them took. */
  readonly ms: number;
  /** Gaps of the event loop, in microseconds. */
  readonly gaps: Percentiles;
  /** Single puts, in microseconds. */
  readonly latency: Percentiles;
  /** How often one waited for background work. */
  readonly stalls: number;
  /** How long all of them waited. */
  readonly stallMs: number;
  /** The most memory. */
  readonly peakBytes?: number | undefined;
}

/** What is kept of a run. */
export interface OverloadResults extends Circumstances {
  /** The ways. */
  readonly rows: readonly OverloadRow[];
}

type Bytes = Uint8Array;

async function putAwaited(
  db: Database<Bytes, Bytes>,
  data: DataMaker,
  puts: number,
  latency: Histogram,
): Promise<void> {
  const numberOf = permutation(puts, 7);
  let next = 0;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (next < puts) {
      const i = next++;
      const start = performance.now();
      await db.put(data.key(numberOf(i)) as Bytes, data.value(i) as Bytes);
      latency.record(performance.now() - start);
    }
  }));
}

async function putSync(
  db: Database<Bytes, Bytes>,
  data: DataMaker,
  puts: number,
  latency: Histogram,
): Promise<void> {
  const numberOf = permutation(puts, 7);
  for (let i = 0; i < puts; i++) {
    const start = performance.now();
    db.putSync(data.key(numberOf(i)) as Bytes, data.value(i) as Bytes);
    latency.record(performance.now() - start);
    if (i % TURN_PUTS === TURN_PUTS - 1) await new Promise<void>((done) => setImmediate(done));
  }
}

/** Runs one way. */
async function overload(
  mode: string,
  hasWorker: boolean,
  puts: number,
  directory: string,
): Promise<OverloadRow> {
  const db = await open<Bytes, Bytes>(directory, {
    key: bytes,
    value: bytes,
    sync: false,
    worker: hasWorker,
  });
  const data = dataMaker("bytes");
  const gaps = new Histogram();
  const latency = new Histogram();
  forgetPeak();
  const start = performance.now();
  let last = start;
  const timer = setInterval(() => {
    const now = performance.now();
    gaps.record(now - last);
    last = now;
  }, 1);
  await (mode === MODES[0] ? putAwaited : putSync)(db, data, puts, latency);
  clearInterval(timer);
  const end = performance.now();
  gaps.record(end - last);
  const { stalls, stallMs } = db.stats().writes;
  const row = {
    mode,
    worker: String(hasWorker),
    puts,
    ms: end - start,
    gaps: gaps.percentiles(),
    latency: latency.percentiles(),
    stalls,
    stallMs,
    peakBytes: peakBytes(),
  };
  await db.close();
  return row;
}

/** Runs one way in a process of its own. */
export async function overloadInProcess(
  mode: string,
  hasWorker: boolean,
  puts: number,
): Promise<OverloadRow> {
  const directory = await Deno.makeTempDir({ prefix: "varve-bench-" });
  try {
    const program = fromFileUrl(import.meta.url);
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        program,
        "run",
        mode,
        String(hasWorker),
        String(puts),
        directory,
      ],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  const [first, mode, worker, puts, directory] = Deno.args;
  if (first === "run") {
    console.log(JSON.stringify(await overload(mode!, worker === "true", Number(puts), directory!)));
  } else {
    const flags = readFlags("Puts faster than compaction can follow.", {
      puts: [10_000_000, "how many"],
      write: [false, "whether to keep the results in bench/results"],
    });
    const rows: OverloadRow[] = [];
    for (const mode of MODES) {
      for (const hasWorker of [true, false]) {
        const row = await overloadInProcess(mode, hasWorker, flags.puts);
        rows.push(row);
        console.log(JSON.stringify(row));
      }
    }
    const results: OverloadResults = { ...circumstances(), rows };
    if (flags.write) await writeResults("overload", results);
  }
}
