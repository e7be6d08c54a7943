/**
 * **What.** One engine, measured in a process of its own: `deno run bench/engines.ts ENGINE COUNT DIRECTORY
 * bytes|strings`. Prints one line of JSON for each workload: name, operations, milliseconds.
 *
 * Both engines run with Varve's defaults: 8 MiB memtable (LevelDB's own default of 4 makes no difference to
 * `classic-level` here), 8 MiB cache, Snappy, a filter of 10 bits a key; without syncing; with keys and values that are
 * all strings, or all `Uint8Array`s. Each is used by its fastest documented way:
 * Varve synchronously, `classic-level` by `await db.put`, `getSync`, and `nextv` of a thousand entries. Between
 * writing and reading both get the time to finish their background work. `readcached` opens the database again with
 * a cache larger than the data; `readhot` reads a hundredth of the keys, which the default cache holds.
 * `compact` compacts everything right after a load at random.
 *
 * **Read next.** `peers.ts`
 *
 * @module
 */
import { bytes, type KeyCodec, open, utf8 } from "../mod.ts";
import { generator, keyOf, shuffled, values, type Workload, WORKLOADS } from "./workloads.ts";

/** A key or a value. */
type Data = string | Uint8Array;

/** What the workloads need of an engine. */
interface Engine {
  put(key: Data, value: Data): void | Promise<void>;
  batch(entries: { key: Data; value: Data }[]): void | Promise<void>;
  get(key: Data): Data | undefined;
  scan(reverse: boolean): number | Promise<number>;
  compact(): Promise<void>;
  /** Waits until background work is done, as far as the engine says. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Long enough for a compaction thread to catch up. */
const PAUSE_MS = 3000;
const CACHE_BYTES = 512 * 1024 * 1024;
const BATCH_ENTRIES = 1000;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

const encoder = new TextEncoder();
/** Whether keys and values are bytes; set once, from the command line. */
let isBytes = false;

function data(text: string): Data {
  return isBytes ? encoder.encode(text) : text;
}

async function openVarve(directory: string, cacheBytes?: number): Promise<Engine> {
  const codec = (isBytes ? bytes : utf8) as KeyCodec<Data>;
  const db = await open<Data, Data>(directory, {
    key: codec,
    value: codec,
    sync: false,
    ...(cacheBytes === undefined ? {} : { poolBytes: cacheBytes }),
  });
  return {
    put: (key, value) => db.putSync(key, value),
    batch: (entries) => {
      const batch = db.batch();
      for (const { key, value } of entries) batch.put(key, value);
      batch.commitSync();
    },
    get: (key) => db.getSync(key),
    scan: (reverse) => {
      let bytes = 0;
      for (const [key, value] of db.entriesSync({ reverse })) bytes += key.length + value.length;
      return bytes;
    },
    compact: () => db.compact(),
    settle: async () => {
      do await pause(); while (db.stats().background.isBusy);
    },
    close: () => db.close(),
  };
}

async function openClassicLevel(directory: string, cacheBytes?: number): Promise<Engine> {
  const { ClassicLevel } = await import("classic-level");
  const encoding = isBytes ? "view" : "utf8";
  const db = new ClassicLevel<Data, Data>(directory, {
    keyEncoding: encoding,
    valueEncoding: encoding,
    cacheSize: cacheBytes ?? 8 * 1024 * 1024,
    writeBufferSize: 8 * 1024 * 1024,
  });
  await db.open();
  return {
    put: (key, value) => db.put(key, value),
    batch: (entries) => {
      const batch = db.batch();
      for (const { key, value } of entries) batch.put(key, value);
      return batch.write();
    },
    get: (key) => db.getSync(key),
    scan: async (reverse) => {
      let bytes = 0;
      const iterator = db.iterator({ reverse, highWaterMarkBytes: 1024 * 1024 });
      for (;;) {
        const entries = await iterator.nextv(1000);
        if (entries.length === 0) break;
        for (const [key, value] of entries) bytes += key.length + value.length;
      }
      await iterator.close();
      return bytes;
    },
    compact: () => db.compactRange(data("0"), data("9~")),
    settle: pause, // LevelDB does not say whether it is busy; its thread works while we wait
    close: () => db.close(),
  };
}

/** Opens an engine by name. */
function openEngine(name: string, directory: string, cacheBytes?: number): Promise<Engine> {
  return name === "varve"
    ? openVarve(directory, cacheBytes)
    : openClassicLevel(directory, cacheBytes);
}

/** Runs one workload; milliseconds. */
async function timed(work: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  const done = work();
  if (done !== undefined) await done;
  return performance.now() - start;
}

async function fill(engine: Engine, order: Uint32Array, seed: number): Promise<void> {
  const valueOf = values();
  for (let i = 0; i < order.length; i++) {
    const done = engine.put(data(keyOf(order[i]!)), data(valueOf(i + seed)));
    if (done !== undefined) await done;
  }
}

async function fillBatch(engine: Engine, order: Uint32Array): Promise<void> {
  const valueOf = values();
  for (let i = 0; i < order.length; i += BATCH_ENTRIES) {
    const entries = [];
    for (let j = i; j < Math.min(i + BATCH_ENTRIES, order.length); j++) {
      entries.push({ key: data(keyOf(order[j]!)), value: data(valueOf(j)) });
    }
    const done = engine.batch(entries);
    if (done !== undefined) await done;
  }
}

/** Gets of random keys among the first `range` ones, made before the clock starts. */
function read(engine: Engine, range: number, gets: number, suffix = ""): Promise<number> {
  const next = generator(42);
  const keys = Array.from({ length: gets }, () => data(keyOf(next(range)) + suffix));
  return timed(() => {
    let found = 0;
    for (const key of keys) if (engine.get(key) !== undefined) found++;
    if (found !== (suffix === "" ? gets : 0)) throw new Error(`${found} of ${gets} found`);
  });
}

async function scan(engine: Engine, count: number, reverse = false): Promise<void> {
  const length = await engine.scan(reverse);
  if (length !== count * 116) throw new Error(`scanned ${length} bytes`);
}

async function main(name: string, count: number, root: string): Promise<void> {
  const inOrder = Uint32Array.from({ length: count }, (_, i) => i);
  const atRandom = shuffled(count, 7);
  const gets = Math.min(count, 500_000);
  let directory = "";
  let engine: Engine | undefined;
  const fresh = async (workload: string) => {
    await engine?.close();
    directory = `${root}/${name} ${workload}`;
    engine = await openEngine(name, directory);
    return engine;
  };
  const readRandom = () => read(engine!, count, gets);
  const readHot = () => read(engine!, count / 100, gets);
  const readInOrder = () => timed(() => scan(engine!, count));
  const runs: Record<Workload, () => Promise<number>> = {
    fillseq: () => timed(() => fill(engine!, inOrder, 0)),
    fillbatch: () => timed(() => fillBatch(engine!, inOrder)),
    fillbatchrandom: () => timed(() => fillBatch(engine!, atRandom)),
    fillrandom: () => timed(() => fill(engine!, atRandom, 0)),
    overwrite: () => timed(() => fill(engine!, shuffled(count, 8), 1)),
    readrandom: readRandom,
    readhot: readHot,
    readmissing: () => read(engine!, count, gets, "."),
    readseq: readInOrder,
    readreverse: () => timed(() => scan(engine!, count, true)),
    readcached: readRandom,
    compact: () => timed(() => engine!.compact()),
    "readrandom compacted": readRandom,
    "readhot compacted": readHot,
    "readseq compacted": readInOrder,
  };
  for (const workload of WORKLOADS) {
    if (workload.startsWith("fill")) await fresh(workload);
    if (workload === "readcached") {
      await engine!.close();
      engine = await openEngine(name, directory, CACHE_BYTES);
      await readRandom(); // a first pass brings the blocks in
    }
    if (workload === "compact") await fillBatch(await fresh(workload), atRandom);
    if (workload === "readrandom") await engine!.settle();
    const ms = await runs[workload]();
    const operations = /random|hot|missing|cached/.test(workload) && workload.startsWith("read")
      ? gets
      : count;
    const { rss } = Deno.memoryUsage();
    console.log(JSON.stringify({ engine: name, workload, operations, ms, rss }));
  }
  await engine?.close();
}

if (import.meta.main) {
  const [name, count, directory, kind] = Deno.args;
  isBytes = kind === "bytes";
  await main(name!, Number(count), directory!);
}
