/**
 * **What.** The whole store against a model: random operations through the public API, each answer compared with
 * that of a sorted array. Limits are tiny, so that a few thousand operations go through rotations, flushes,
 * compactions of several levels, evictions and recoveries.
 *
 * `VARVE_SEED=n` runs one seed, the one a failure names; `VARVE_SEEDS=n` says how many are run.
 *
 * **Invariants.**
 * 1. A seed decides everything: options, operations, and in memory also when background work gets its turns.
 *
 * **Read next.** `recovery_test.ts`
 *
 * @module
 */
import { assert, assertEquals, AssertionError, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { openDatabase } from "../lib/database.ts";
import {
  type Comparator,
  type CompressionName,
  type Database,
  type KeyCodec,
  MemoryFileSystem,
  open,
  type OpenOptions,
  type RangeOptions,
  type Reader,
  type Store,
  VarveError,
} from "../mod.ts";
import { InProcessWorkers } from "./fixtures/in_process_workers.ts";
import { ManualTurns } from "./fixtures/manual_turns.ts";
import { fromEnvironment } from "./fixtures/parameters.ts";
import { onDisk } from "./permissions.ts";
import { generator, type Random } from "../lib/random.ts";

const SEEDS = 100;
const DISK_SEEDS = 3;
const OPERATIONS = 2000;
/** Fewer: each sync takes as long as a hundred operations in memory. */
const DISK_OPERATIONS = 700;

/** A string of characters from 0 to 255 as bytes; what it encodes to is a `Buffer`, as a codec's may be. */
const binary: KeyCodec<string> = {
  ordered: true,
  encode: (text) => Buffer.from(text, "latin1"),
  decode: ({ buffer, byteOffset, length }) =>
    Buffer.from(buffer, byteOffset, length).toString("latin1"),
};

/** The order of bytes upside down. */
const backwards: Comparator = {
  name: "test.Backwards",
  compare: (a, b) => {
    for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return b[i]! - a[i]!;
    return b.length - a.length;
  },
};

type Entry = readonly [key: string, value: string];

/** What a database should hold: entries in order. */
class Model {
  entries: Entry[];
  readonly isBackwards: boolean;

  constructor(isBackwards: boolean, entries: Entry[] = []) {
    this.isBackwards = isBackwards;
    this.entries = entries;
  }

  copy(): Model {
    return new Model(this.isBackwards, this.entries.slice());
  }

  isBefore(a: string, b: string): boolean {
    return this.isBackwards ? a > b : a < b;
  }

  /** Where a key is, or would be. */
  find(key: string): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.isBefore(this.entries[middle]![0], key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(key: string): string | undefined {
    const entry = this.entries[this.find(key)];
    return entry?.[0] === key ? entry[1] : undefined;
  }

  set(key: string, value: string | undefined): void {
    const at = this.find(key);
    const exists = this.entries[at]?.[0] === key;
    this.entries.splice(
      at,
      exists ? 1 : 0,
      ...(value === undefined ? [] : [[key, value] as const]),
    );
  }

  /** The entries of a range of the keys that begin with `space`, which is left out of them. */
  range(space: string, range: RangeOptions<string>): Entry[] {
    const { gt, gte, lt, lte, prefix, reverse, limit } = range;
    const found: Entry[] = [];
    for (const [whole, value] of this.entries) {
      if (!whole.startsWith(space)) continue;
      const key = whole.slice(space.length);
      if (gt !== undefined && !this.isBefore(gt, key)) continue;
      if (gte !== undefined && this.isBefore(key, gte)) continue;
      if (lt !== undefined && !this.isBefore(key, lt)) continue;
      if (lte !== undefined && this.isBefore(lte, key)) continue;
      if (prefix !== undefined && !key.startsWith(prefix)) continue;
      found.push([key, value]);
    }
    if (reverse) found.reverse();
    return limit === undefined ? found : found.slice(0, limit);
  }
}

/** Something that reads the store, and the entries it should see. */
interface View {
  readonly reader: Reader<string, string>;
  readonly space: string;
  /** The model to compare with; the live one changes. */
  readonly model: () => Model;
}

/** An iterator held open across other operations. */
interface HeldIterator {
  next(): IteratorResult<Entry> | Promise<IteratorResult<Entry>>;
  readonly expected: Entry[];
  at: number;
}

interface HeldSnapshot {
  readonly views: View[];
  close(): void;
}

const NOISE_BYTES = 8192;
const noise: string = (() => {
  const random = generator(99);
  let text = "";
  for (let i = 0; i < NOISE_BYTES; i++) text += String.fromCharCode(random(256));
  return text;
})();

/** One run of one seed. */
class Run {
  readonly #random: Random;
  readonly #model: Model;
  readonly #isBackwards: boolean;
  readonly #turns: ManualTurns | undefined;
  readonly #directory: string;
  #disk: MemoryFileSystem | undefined;
  #db!: Database<string, string>;
  #stores: { store: Store<string, string>; space: string }[] = [];
  /** Two thirds of the seeds do everything on one thread, the others have a worker. */
  readonly #hasWorker: boolean;
  #iterators: HeldIterator[] = [];
  #snapshots: HeldSnapshot[] = [];
  #count = 0;

  /** Runs on a disk in memory unless a directory is given. */
  constructor(seed: number, directory?: string) {
    this.#random = generator(seed);
    this.#hasWorker = seed % 3 === 0;
    this.#isBackwards = this.#random(10) === 0;
    this.#model = new Model(this.#isBackwards);
    this.#directory = directory ?? "db";
    if (directory === undefined) {
      this.#disk = new MemoryFileSystem();
      this.#turns = new ManualTurns();
    }
  }

  /** What the last operation was. */
  operation = "open";

  async run(operations: number): Promise<void> {
    await this.#open();
    try {
      const total = OPERATION_WEIGHTS.reduce((sum, [weight]) => sum + weight, 0);
      for (; this.#count < operations; this.#count++) {
        let at = this.#random(total);
        const [, name] = OPERATION_WEIGHTS.find(([weight]) => (at -= weight) < 0)!;
        this.operation = `operation ${this.#count} (${name})`;
        await this[name]();
      }
      this.operation = "the final check";
      await this.#checkAll();
    } finally {
      await this.#settle(this.#db.close());
    }
  }

  // ——— Options ———

  #pick<T>(...choices: readonly T[]): T {
    return choices[this.#random(choices.length)]!;
  }

  #options(): OpenOptions<string, string> {
    // zstd less often, and on larger blocks: a call of it takes as long as fifty reads.
    const compression = this.#pick<CompressionName[]>(
      ...[["none"], ["snappy"], ["none"], ["snappy"], ["none", "snappy"], ["none", "none", "zstd"]]
        .flatMap((names) => [names, names] as CompressionName[][]),
      ["zstd"],
    );
    const isZstd = compression.includes("zstd");
    return {
      key: binary,
      value: binary,
      memtableBytes: this.#pick(64, 64, 100, 256) * 1024,
      maxImmutableMemtables: this.#pick(1, 2, 3),
      blockBytes: isZstd ? 8192 : this.#pick(64, 256, 512, 1024),
      restartInterval: this.#pick(1, 2, 16),
      tableBytes: this.#pick(4096, 8192, 30_000),
      baseLevelBytes: this.#pick(4096, 20_000, 100_000),
      // Mostly enough for all blocks: without, the time goes into reading the same ones again.
      poolBytes: this.#pick(0, 4096, 65_536, 262_144, 262_144, 262_144),
      poolPolicy: this.#pick("sieve", "lru"),
      maxOpenTables: this.#pick(1, 2, 5, 500),
      levelZeroTables: this.#pick(1, 2, 3, 4),
      filterBits: this.#pick(0, 1, 10),
      compression: compression.length === 1 ? compression[0]! : compression,
      seekCompaction: this.#pick(false, true),
      sync: this.#pick(false, true),
      ...(this.#disk ? { fileSystem: this.#disk } : {}),
      ...(this.#isBackwards ? { comparator: backwards } : {}),
    };
  }

  async #open(): Promise<void> {
    const options = this.#options();
    this.#db = this.#turns === undefined || this.#disk === undefined
      ? await open(this.#directory, options)
      : openDatabase(this.#directory, options, this.#disk, {
        ...this.#turns,
        workers: this.#hasWorker
          ? new InProcessWorkers(this.#disk, this.#turns.schedule)
          : undefined,
      });
    this.#stores = [{ store: this.#db, space: "" }];
    if (this.#isBackwards) return;
    const codecs = { key: binary, value: binary };
    const a = this.#db.sublevel("a", codecs);
    this.#stores.push({ store: a, space: "!a!" });
    this.#stores.push({ store: this.#db.sublevel("b", codecs), space: "!b!" });
    this.#stores.push({ store: a.sublevel("inner", codecs), space: "!a!!inner!" });
  }

  /** Waits for a promise, and gives background work its turns meanwhile. */
  async #settle<T>(promise: Promise<T>): Promise<T> {
    return await (this.#turns === undefined ? promise : this.#turns.settle(promise));
  }

  // ——— What is written and asked for ———

  #key(): string {
    const random = this.#random;
    const number = random(random(3) === 0 ? 20 : 400);
    switch (number % 5) {
      case 0:
        return `k${number}`;
      case 1:
        return `a long prefix that keys of a block have in common/${number}`;
      case 2:
        return "\xff".repeat(number % 4) + String.fromCharCode(number % 256);
      case 3:
        return number === 3 ? "" : `\0${number}`;
      default:
        return `!${this.#pick("a", "b", "c")}!${number}`;
    }
  }

  #value(): string {
    const random = this.#random;
    const size = random(20) === 0 ? random(NOISE_BYTES) : random(3) === 0 ? 0 : random(300);
    const start = random(NOISE_BYTES - size + 1);
    return random(2) === 0 ? noise.slice(start, start + size) : `${this.#count}:`.repeat(size >> 2);
  }

  #store(): { store: Store<string, string>; space: string } {
    return this.#stores[this.#random(this.#stores.length)]!;
  }

  /** The live store, or sometimes a snapshot. */
  #view(): View {
    const snapshot = this.#random(4) === 0 && this.#snapshots[this.#random(3)];
    if (snapshot) return snapshot.views[this.#random(snapshot.views.length)]!;
    const { store, space } = this.#store();
    return { reader: store, space, model: () => this.#model };
  }

  #range(): RangeOptions<string> {
    const random = this.#random;
    const range: RangeOptions<string> = {};
    const lower = random(4);
    if (lower === 1) range.gt = this.#key();
    if (lower === 2) range.gte = this.#key();
    const upper = random(4);
    if (upper === 1) range.lt = this.#key();
    if (upper === 2) range.lte = this.#key();
    if (!this.#isBackwards && random(5) === 0) {
      range.prefix = this.#key().slice(0, random(3));
    }
    if (random(2) === 0) range.reverse = true;
    if (random(3) > 0) range.limit = random(12);
    return range;
  }

  #writeOptions(): { sync: boolean } | undefined {
    return this.#pick(undefined, { sync: true }, { sync: false });
  }

  // ——— Operations ———

  putSync(): void {
    const { store, space } = this.#store();
    const [key, value] = [this.#key(), this.#value()];
    store.putSync(key, value, this.#writeOptions());
    this.#model.set(space + key, value);
  }

  deleteSync(): void {
    const { store, space } = this.#store();
    const key = this.#key();
    store.deleteSync(key, this.#writeOptions());
    this.#model.set(space + key, undefined);
  }

  /** Awaited writes, several at a time, with now and then one in between that is not. */
  async writes(): Promise<void> {
    const promises: Promise<void>[] = [];
    for (let left = 1 + this.#random(12); left > 0; left--) {
      const { store, space } = this.#store();
      const [key, value] = [this.#key(), this.#value()];
      const kind = this.#random(8);
      if (kind === 0) {
        store.putSync(key, value);
        this.#model.set(space + key, value);
        // Everything asked for before is written before it.
        assertSame([store.getSync(key)], [value], "what was just put");
        this.#checkGet(this.#view(), this.#key());
      } else if (kind < 3) {
        promises.push(store.delete(key, this.#writeOptions()));
        this.#model.set(space + key, undefined);
      } else if (kind === 3) {
        promises.push(this.#fillBatch().commit(this.#writeOptions()));
      } else {
        promises.push(store.put(key, value, this.#writeOptions()));
        this.#model.set(space + key, value);
      }
    }
    await this.#settle(Promise.all(promises));
  }

  /** A batch across several stores, in the model already. */
  #fillBatch() {
    const batch = this.#db.batch();
    const size = this.#random(10) === 0 ? 200 : this.#random(20);
    for (let i = 0; i < size; i++) {
      const { store, space } = this.#store();
      const [key, value] = [this.#key(), this.#value()];
      if (this.#random(4) === 0) {
        batch.on(store).delete(key);
        this.#model.set(space + key, undefined);
      } else {
        batch.on(store).put(key, value);
        this.#model.set(space + key, value);
      }
    }
    assertEquals(batch.length, size);
    return batch;
  }

  batch(): void {
    this.#fillBatch().commitSync(this.#writeOptions());
  }

  #checkGet({ reader, space, model }: View, key: string): void {
    const expected = model().get(space + key);
    assertSame([reader.getSync(key)], [expected], `get ${shown(space + key)}`);
    assertSame([reader.hasSync(key)], [expected !== undefined], `has ${shown(space + key)}`);
  }

  getSync(): void {
    this.#checkGet(this.#view(), this.#key());
  }

  async get(): Promise<void> {
    const { reader, space, model } = this.#view();
    const keys = Array.from({ length: this.#random(6) }, () => this.#key());
    const expected = keys.map((key) => model().get(space + key));
    assertSame(await reader.getMany(keys), expected, "getMany");
    assertSame(await Promise.all(keys.map((key) => reader.get(key))), expected, "get");
    const has = expected.map((value) => value !== undefined);
    assertSame(await Promise.all(keys.map((key) => reader.has(key))), has, "has");
  }

  range(): void {
    const { reader, space, model } = this.#view();
    const range = this.#range();
    const expected = model().range(space, range);
    const about = `range ${JSON.stringify(range)} of ${JSON.stringify(space)}`;
    const part = this.#random(3);
    if (part === 0) assertSame([...reader.entriesSync(range)], expected, about);
    if (part === 1) assertSame([...reader.keysSync(range)], expected.map(([key]) => key), about);
    if (part === 2) {
      assertSame([...reader.valuesSync(range)], expected.map(([, it]) => it), about);
    }
  }

  async rangeAsync(): Promise<void> {
    const { reader, space, model } = this.#view();
    const range = this.#range();
    const expected = model().range(space, range);
    assertSame(await this.#settle(Array.fromAsync(reader.entries(range))), expected, "entries");
    const keys = await this.#settle(Array.fromAsync(reader.keys(range)));
    assertSame(keys, expected.map(([key]) => key), "keys");
  }

  /** Opens an iterator, or goes on with one that was opened earlier: it sees the store as it was then. */
  async iterate(): Promise<void> {
    if (this.#iterators.length < 3) {
      const { reader, space, model } = this.#view();
      const range = this.#range();
      const expected = model().range(space, range);
      const iterator = this.#random(2) === 0 ? reader.entriesSync(range) : reader.entries(range);
      this.#iterators.push({ next: () => iterator.next(), expected, at: 0 });
      return;
    }
    const which = this.#random(this.#iterators.length);
    const iterator = this.#iterators[which]!;
    for (let steps = 1 + this.#random(20); steps > 0; steps--) {
      const result = await this.#settle(Promise.resolve(iterator.next()));
      const about = `step ${iterator.at} of an iterator of ${iterator.expected.length}`;
      assertSame([result.value], [iterator.expected[iterator.at++]], about);
      if (!result.done) continue;
      this.#iterators.splice(which, 1);
      return;
    }
  }

  snapshot(): void {
    if (this.#snapshots.length === 3) {
      this.#snapshots.splice(this.#random(3), 1)[0]!.close();
      return;
    }
    const copy = this.#model.copy();
    const snapshots = this.#stores.map(({ store, space }) => ({ reader: store.snapshot(), space }));
    this.#snapshots.push({
      views: snapshots.map((view) => ({ ...view, model: () => copy })),
      close: () => snapshots.forEach(({ reader }) => reader.close()),
    });
  }

  async flush(): Promise<void> {
    await this.#settle(this.#db.flush());
  }

  async compact(): Promise<void> {
    const [gte, lt] = [this.#key(), this.#key()];
    const range = this.#pick({}, { gte }, { lt }, { gte, lt });
    await this.#settle(this.#db.compact(range));
  }

  async turn(): Promise<void> {
    if (this.#turns === undefined) await new Promise((resolve) => setTimeout(resolve, 0));
    else for (let turns = this.#random(10); turns >= 0; turns--) this.#turns.turn();
  }

  /** Closes, with iterators and snapshots left open as they are, and opens with other options. */
  async reopen(): Promise<void> {
    const db = this.#db;
    const promise = this.#random(2) === 0 ? this.writes() : undefined;
    const closed = promise === undefined ? db.close() : promise.then(() => db.close());
    await this.#settle(closed);
    for (const iterator of this.#iterators) {
      const error = await Promise.resolve().then(() => iterator.next()).catch((error) => error);
      assert(error instanceof VarveError && error.code === "CLOSED", String(error));
    }
    for (const { views, close } of this.#snapshots) {
      assertThrows(() => views[0]!.reader.getSync("k"), VarveError, "closed");
      close();
    }
    this.#iterators = [];
    this.#snapshots = [];
    await this.#open();
  }

  /** Opens what is on the disk at this moment, as after the death of the process. */
  async kill(): Promise<void> {
    if (this.#disk === undefined) return await this.reopen();
    const old = this.#db;
    const copy = new MemoryFileSystem();
    copy.makeDirectory(this.#directory);
    for (const name of this.#disk.list(this.#directory)) {
      const path = copy.join(this.#directory, name);
      copy.writeAll(path, this.#disk.readAll(path));
    }
    this.#iterators = [];
    this.#snapshots = [];
    this.#disk = copy;
    await this.#open();
    await this.#settle(old.close());
  }

  /** Looks at everything in every way. */
  async #checkAll(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      for (const { store, space } of this.#stores) {
        assertSame([...store.entriesSync()], this.#model.range(space, {}), "all");
        const reversed = this.#model.range(space, { reverse: true });
        assertSame([...store.entriesSync({ reverse: true })], reversed, "all, reversed");
      }
      const live: View = { reader: this.#db, space: "", model: () => this.#model };
      for (const [key] of this.#model.entries) this.#checkGet(live, key);
      await this.#settle(this.#db.compact());
    }
    for (const { close } of this.#snapshots) close();
    await this.#settle(this.#db.close());
    await this.#open();
    await this.#settle(this.#db.compact());
    const { snapshots, iterators, pool, memtable, levels, failure } = this.#db.stats();
    assertEquals([snapshots, iterators, failure], [0, 0, undefined]);
    assertEquals([pool.pinnedBytes, pool.transientBytes, memtable.entries], [0, 0, 0]);
    assert(pool.usedBytes <= pool.capacityBytes, "the pool is over its limit");
    if (this.#disk === undefined) return;
    const tables = levels.reduce((sum, level) => sum + level.tables, 0);
    const names = this.#disk.list(this.#directory);
    const kinds = ["CURRENT", "LOCK", /^MANIFEST-\d+$/, /^\d+\.log$/];
    assertEquals(names.filter((name) => name.endsWith(".ldb")).length, tables, names.join(" "));
    const others = names.filter((name) => !name.endsWith(".ldb"));
    assertEquals(others.length, kinds.length, names.join(" "));
  }
}

const OPERATION_WEIGHTS = [
  [200, "putSync"],
  [80, "deleteSync"],
  [60, "writes"],
  [40, "batch"],
  [160, "getSync"],
  [60, "get"],
  [70, "range"],
  [20, "rangeAsync"],
  [120, "iterate"],
  [30, "snapshot"],
  [15, "flush"],
  [6, "compact"],
  [80, "turn"],
  [8, "reopen"],
  [8, "kill"],
] as const;

/** Short enough to be read. */
function shown(what: unknown): string {
  const text = JSON.stringify(what) ?? "nothing";
  return text.length <= 100 ? text : `${text.slice(0, 90)}… (${text.length} characters)`;
}

/** Compares lists of keys, values or entries; tells of the first difference only. */
function assertSame(actual: readonly unknown[], expected: readonly unknown[], about: string): void {
  for (let i = 0; i < Math.max(actual.length, expected.length); i++) {
    const [a, b] = [actual[i], expected[i]];
    if (a === b || (Array.isArray(a) && Array.isArray(b) && a[0] === b[0] && a[1] === b[1])) {
      continue;
    }
    throw new AssertionError(
      `${about}: ${shown(a)} instead of ${shown(b)} at ${i} of ${actual.length}, ` +
        `where ${expected.length} were expected`,
    );
  }
}

function seeds(count: number): number[] {
  const one = fromEnvironment("VARVE_SEED");
  if (one !== undefined) return [one];
  return Array.from({ length: count }, (_, i) => i + 1);
}

async function runSeed(seed: number, directory?: string): Promise<void> {
  const run = new Run(seed, directory);
  try {
    await run.run(directory === undefined ? OPERATIONS : DISK_OPERATIONS);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Seed ${seed}, ${run.operation}; VARVE_SEED=${seed} runs it again: ${message}`,
      {
        cause,
      },
    );
  }
}

// In several tests, so that a failure leaves the others to tell more.
const PARTS = 4;
for (let part = 0; part < PARTS; part++) {
  Deno.test(`random operations in memory agree with a sorted array, part ${part + 1}`, async () => {
    for (const seed of seeds(fromEnvironment("VARVE_SEEDS") ?? SEEDS)) {
      if (seed % PARTS === part) await runSeed(seed);
    }
  });
}

Deno.test("random operations on a real disk agree with a sorted array", onDisk, async () => {
  for (const seed of seeds(DISK_SEEDS)) {
    const directory = await Deno.makeTempDir();
    try {
      await runSeed(seed, directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
