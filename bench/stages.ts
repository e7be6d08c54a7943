/**
 * **What.** The process that measures one stage on one engine: `deno run -A bench/stages.ts REQUEST`, a
 * {@linkcode Request} as JSON. It prints a line of JSON for each workload ({@linkcode Measurement}) and load
 * ({@linkcode Load}). `leveldb.cc` does the same in C++.
 *
 * **Invariants.**
 * 1. Each read checks that it found what it must; a wrong count is an error, not a result.
 * 2. A load that is cut short by the time limit is finished in batches, not measured: what is read is always whole.
 * 3. Before anything is read after a load, the engine gets the time to finish its background work.
 *
 * **Read next.** `leveldb.cc`, `peers.ts`
 *
 * @module
 */
import { type Data, type DataMaker, dataMaker, generator, inOrder, shuffled } from "./data.ts";
import { type Engine, type EngineName, ENGINES, type OpenEngine } from "./engine.ts";
import { Histogram } from "./histogram.ts";
import { diskBytes, forgetPeak, peakBytes, residentBytes, writtenBytes } from "./process.ts";
import type { Load, Measurement, Request, Stage } from "./workloads.ts";
import {
  drawOperations,
  INSERT,
  READ,
  READ_MODIFY_WRITE,
  RECORD_BYTES,
  SCAN,
  scattered,
  YCSB_WORKLOADS,
} from "./ycsb.ts";

const BATCH_ENTRIES = 1000;
const SEEK_ENTRIES = 10;
const CALLERS = 64;
/** Synced puts: one at a time, and of many callers. */
const SYNCED = 3000;
const SYNCED_SHARED = 30_000;
/** How often a database is opened. */
const OPENS = 5;

function print(line: object): void {
  console.log(JSON.stringify(line));
}

/** What a stage works with. */
class Run {
  readonly request: Request;
  readonly data: DataMaker;
  readonly #openEngine: OpenEngine;
  #engine: Engine | undefined;
  #directory = "";
  #putBytes = 0;
  readonly #writtenBefore = writtenBytes();

  constructor(request: Request, openEngine: OpenEngine) {
    this.request = request;
    this.data = dataMaker(request.kind, request.stage === "ycsb" ? RECORD_BYTES : undefined);
    this.#openEngine = openEngine;
  }

  get engine(): Engine {
    return this.#engine!;
  }

  /** Opens a database, after closing the one that was open. */
  async open(name: string): Promise<void> {
    await this.close();
    this.#directory = `${this.request.directory}/${name}`;
    const { kind, settings, stage } = this.request;
    const options = { kind, settings, durable: stage === "synced", data: this.data };
    this.#engine = await this.#openEngine(this.#directory, options);
  }

  async close(): Promise<void> {
    await this.#engine?.close();
    this.#engine = undefined;
  }

  /** Measures a workload: runs an operation so often, or until time is up; returns how often it ran. */
  async measure(
    workload: string,
    planned: number,
    operation: (i: number) => unknown,
    perOperation = 1,
  ): Promise<number> {
    const { latency, seconds } = this.request;
    const histogram = latency ? new Histogram() : undefined;
    forgetPeak();
    const start = performance.now();
    const end = start + seconds * 1000;
    let done = 0;
    while (done < planned) {
      const began = histogram === undefined ? 0 : performance.now();
      const promise = operation(done++);
      if (promise instanceof Promise) await promise;
      histogram?.record(performance.now() - began);
      if (done % 64 === 0 && performance.now() > end) break;
    }
    const ms = performance.now() - start;
    const measurement: Measurement = {
      workload,
      operations: done * perOperation,
      planned: planned * perOperation,
      ms,
      peakBytes: peakBytes(),
      ...(histogram === undefined || planned === 1 ? {} : { latency: histogram.percentiles() }),
    };
    print(measurement);
    return done;
  }

  /** Puts entries one at a time. */
  async fill(workload: string, order: Uint32Array, salt: number): Promise<void> {
    const { data, engine } = this;
    const done = await this.measure(
      workload,
      order.length,
      (i) => engine.put(data.key(order[i]!), data.value(i + salt)),
    );
    await this.#finish(order, done, salt);
  }

  /** Puts entries in batches. */
  async fillBatch(workload: string, order: Uint32Array): Promise<void> {
    const { engine } = this;
    const batches = Math.ceil(order.length / BATCH_ENTRIES);
    const done = await this.measure(workload, batches, (i) => {
      const from = i * BATCH_ENTRIES;
      return engine.batch(order, from, Math.min(from + BATCH_ENTRIES, order.length), 0);
    }, Math.min(BATCH_ENTRIES, order.length));
    await this.#finish(order, done * BATCH_ENTRIES, 0);
  }

  async #finish(order: Uint32Array, from: number, salt: number): Promise<void> {
    for (let i = from; i < order.length; i += BATCH_ENTRIES) {
      await this.engine.batch(order, i, Math.min(i + BATCH_ENTRIES, order.length), salt);
    }
    this.#putBytes += order.length * this.data.entryBytes;
  }

  /** Gives the engine the time to finish, and tells what the load has cost. */
  async settle(after: string): Promise<void> {
    await this.engine.settle();
    const written = writtenBytes();
    const load: Load = {
      after,
      residentBytes: residentBytes(),
      diskBytes: diskBytes(this.#directory),
      putBytes: this.#putBytes,
      writtenBytes: written === undefined ? written : written - this.#writtenBefore!,
      writeAmplification: this.engine.writeAmplification?.(),
    };
    print(load);
  }

  /** Gets random keys. */
  async read(
    workload: string,
    range: number,
    get: (key: Data) => Data | undefined | Promise<Data | undefined>,
    keyOf: (i: number) => Data = this.data.key,
  ): Promise<void> {
    const next = generator(42);
    let found = 0;
    const count = (value: Data | undefined) => {
      if (value !== undefined) found++;
    };
    const done = await this.measure(workload, getsOf(this.request.count), () => {
      const value = get(keyOf(next(range)));
      return value instanceof Promise ? value.then(count) : count(value);
    });
    const expected = keyOf === this.data.key ? done : 0;
    if (found !== expected) throw new Error(`${workload}: ${found} of ${done} found`);
  }

  /** Reads everything. */
  async scan(workload: string, scan: () => number | Promise<number>): Promise<void> {
    const { count } = this.request;
    let length = 0;
    const operation = async () => void (length = await scan());
    await this.measure(workload, 1, operation, count);
    const expected = count * this.data.entryBytes;
    if (length !== expected) throw new Error(`${workload}: ${length} of ${expected} bytes`);
  }

  /** Reads everything in order, in both forms. */
  async scanBoth(workload: string): Promise<void> {
    const { engine } = this;
    await this.scan(workload, () => engine.scan(false));
    const { scanRaw } = engine;
    if (scanRaw !== undefined) await this.scan(`${workload} cursor`, () => scanRaw());
  }
}

function getsOf(count: number): number {
  return Math.min(count, 500_000);
}

async function runSequential(run: Run): Promise<void> {
  await run.open("sequential");
  await run.fill("fillseq", inOrder(run.request.count), 0);
  await run.settle("fillseq");
  await run.scanBoth("readseq");
}

async function runBatches(run: Run): Promise<void> {
  await run.open("batches");
  await run.fillBatch("fillbatch", inOrder(run.request.count));
  await run.settle("fillbatch");
}

async function runRandom(run: Run): Promise<void> {
  const { count } = run.request;
  const order = shuffled(count, 7);
  const gets = getsOf(count);
  await run.open("random");
  const { engine, data } = run;
  await run.fill("fillrandom", order, 0);
  await run.fill("overwrite", shuffled(count, 8), 1);
  await run.settle("overwrite");
  await run.read("readrandom", count, engine.get);
  await run.read("readhot", Math.ceil(count / 100), engine.get);
  await run.read("readmissing", count, engine.get, data.missing);
  if (engine.getAwaited) await run.read("await get", count, engine.getAwaited);
  await run.scanBoth("readseq overwritten");
  await run.scan("readreverse", () => engine.scan(true));
  const nextSeek = generator(43);
  await run.measure(
    "seekrandom",
    Math.ceil(gets / 5),
    () => engine.seek(data.key(nextSeek(count)), SEEK_ENTRIES),
  );
  const nextMixed = generator(44);
  await run.measure("9 gets 1 put", gets, (i) => {
    const key = data.key(nextMixed(count));
    return i % 10 === 9 ? engine.put(key, data.value(i)) : engine.get(key);
  });
  await run.measure("deleterandom", count, (i) => engine.delete(data.key(order[i]!)));
}

async function runCompacted(run: Run): Promise<void> {
  const { count } = run.request;
  await run.open("compacted");
  const { engine } = run;
  await run.fillBatch("fillbatchrandom", shuffled(count, 7));
  const { compact } = engine;
  if (compact === undefined) return await run.settle("fillbatchrandom");
  await run.measure("compact", 1, () => compact(), count);
  await run.settle("compact");
  await run.read("readrandom compacted", count, engine.get);
  await run.read("readhot compacted", Math.ceil(count / 100), engine.get);
  await run.scanBoth("readseq compacted");
  await run.close();
  const milliseconds: number[] = [];
  for (let i = 0; i < OPENS; i++) {
    const start = performance.now();
    await run.open("compacted");
    await run.engine.get(run.data.key(count >> 1));
    milliseconds.push(performance.now() - start);
    await run.close();
  }
  const ms = milliseconds.sort((a, b) => a - b)[OPENS >> 1]!;
  print({ workload: "open", operations: 1, planned: 1, ms } satisfies Measurement);
}

async function runSynced(run: Run): Promise<void> {
  await run.open("fillsync");
  const { putDurable } = run.engine;
  const { data, request: { count, seconds } } = run;
  if (putDurable !== undefined) {
    const planned = Math.min(count, SYNCED);
    await run.measure("fillsync", planned, (i) => putDurable(data.key(i), data.value(i)));
  }
  await run.open("fillsync 64");
  const { putShared } = run.engine;
  if (putShared === undefined) return;
  const planned = Math.min(count, SYNCED_SHARED);
  const histogram = new Histogram();
  const start = performance.now();
  const end = start + seconds * 1000;
  let next = 0;
  await Promise.all(Array.from({ length: CALLERS }, async () => {
    while (next < planned) {
      const i = next++;
      const began = performance.now(); // beside a sync the clock costs nothing
      if (began > end) break;
      await putShared(data.key(i), data.value(i));
      histogram.record(performance.now() - began);
    }
  }));
  const ms = performance.now() - start;
  const operations = histogram.count;
  const latency = run.request.latency ? { latency: histogram.percentiles() } : {};
  print({ workload: "fillsync 64", operations, planned, ms, ...latency } satisfies Measurement);
}

async function runYcsb(run: Run): Promise<void> {
  const { count } = run.request;
  let recordCount = Math.ceil(count / 10);
  await run.open("ycsb");
  await run.fill("ycsb load", inOrder(recordCount).map(scattered), 0);
  await run.settle("ycsb load");
  const { engine, data } = run;
  const missed = () => {
    throw new Error("a record was not found");
  };
  for (const workload of YCSB_WORKLOADS) {
    const planned = Math.ceil(count / (workload === "ycsb e" ? 50 : 5));
    const drawn = drawOperations(workload, recordCount, planned);
    const { kinds, records, lengths } = drawn;
    let inserted = 0;
    await run.measure(workload, planned, (i) => {
      const kind = kinds[i]!;
      if (kind === INSERT) inserted++;
      const number = scattered(records[i]!);
      if (kind === SCAN) return engine.seek(data.key(number), lengths[i]!);
      if (kind !== READ && kind !== READ_MODIFY_WRITE) {
        return engine.put(data.key(number), data.value(i));
      }
      const value = engine.get(data.key(number));
      if (value instanceof Promise) {
        return value.then((it) => {
          if (it === undefined) missed();
          if (kind === READ_MODIFY_WRITE) return engine.put(data.key(number), data.value(i));
        });
      }
      if (value === undefined) missed();
      if (kind === READ_MODIFY_WRITE) return engine.put(data.key(number), data.value(i));
    });
    recordCount += inserted;
  }
}

const RUNS: Record<Stage, (run: Run) => Promise<void>> = {
  sequential: runSequential,
  batches: runBatches,
  random: runRandom,
  compacted: runCompacted,
  synced: runSynced,
  ycsb: runYcsb,
};

if (import.meta.main) {
  const request: Request = JSON.parse(Deno.args[0]!);
  const { file } = ENGINES[request.engine as EngineName];
  const { openEngine }: { openEngine: OpenEngine } = await import(
    new URL(file, import.meta.url).href
  );
  const run = new Run(request, openEngine);
  await run.open("version");
  print({ version: run.engine.version });
  await RUNS[request.stage](run);
  await run.close();
}
