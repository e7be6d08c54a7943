/**
 * **What.** Which figures of a database OpenTelemetry is told, as metrics: counters that are read from the
 * statistics whenever somebody collects, and durations that come with events. The table in the head of `telemetry.ts`
 * says what each of them is.
 *
 * Counters are not observed, but added to: what has come since the last look, at each collection and at the end. An
 * observed one is only known as of the last collection, and one is made every minute by default: the last minute of
 * each database, and all of a short program, would not be counted.
 *
 * **Invariants.**
 * 1. The sum of what was added to a counter is what the statistics say.
 * 2. After {@linkcode Watch.end} the API holds nothing of the database.
 * 3. Each instrument is made once for a meter provider, however many databases are opened.
 *
 * **Read next.** `telemetry.ts`
 *
 * @module
 */
import {
  type Attributes,
  type BatchObservableCallback,
  type BatchObservableResult,
  type Counter,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  type ObservableUpDownCounter,
} from "@opentelemetry/api";
import type { DatabaseEvent } from "./events.ts";
import type { DatabaseStats } from "./stats.ts";

/** The instrumentation scope: what metrics and spans are said to come from. */
export const SCOPE = "@varve/varve";

/** Bounds of the buckets of durations, in seconds: from the pace of writers to the compaction of large levels. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** One figure of a metric, and which one it is. */
type Reading = readonly [value: number, attributes?: Attributes];

/** A metric that is read from the statistics. */
interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** Its figures, always the same ones in the same order. */
  read(stats: DatabaseStats): readonly Reading[];
}

/** Bytes that went to the disk. */
const WRITTEN: Attributes = { "disk.io.direction": "write" };

/** What only grows. */
const COUNTERS: readonly Metric[] = [
  {
    name: "varve.write.entries",
    unit: "{entry}",
    description: "puts and deletes",
    read: ({ writes }) => [[writes.entries]],
  },
  {
    name: "varve.write.payload",
    unit: "By",
    description: "bytes of their keys and values",
    read: ({ writes }) => [[writes.bytes]],
  },
  {
    name: "varve.log.io",
    unit: "By",
    description: "bytes written to the log",
    read: ({ log }) => [[log.bytesWritten, WRITTEN]],
  },
  {
    name: "varve.log.syncs",
    unit: "{sync}",
    description: "syncs of the log",
    read: ({ writes }) => [[writes.syncs]],
  },
  {
    name: "varve.flush.io",
    unit: "By",
    description: "bytes of tables that flushes wrote",
    read: ({ background }) => [[background.flushBytes, WRITTEN]],
  },
  {
    name: "varve.compaction.io",
    unit: "By",
    description: "bytes that compactions read and wrote",
    read: ({ background }) => [
      [background.compactionReadBytes, { "disk.io.direction": "read" }],
      [background.compactionWriteBytes, WRITTEN],
    ],
  },
  {
    name: "varve.manifest.io",
    unit: "By",
    description: "bytes written to manifests",
    read: ({ background }) => [[background.manifestBytes, WRITTEN]],
  },
  {
    name: "varve.entries.dropped",
    unit: "{entry}",
    description: "entries left out by flushes and compactions",
    read: ({ background }) => [[background.droppedEntries]],
  },
  {
    name: "varve.pool.fetches",
    unit: "{fetch}",
    description: "looks for a block in the buffer pool",
    read: ({ pool }) => [
      [pool.hits, { "varve.pool.result": "hit" }],
      [pool.misses, { "varve.pool.result": "miss" }],
    ],
  },
  {
    name: "varve.pool.evictions",
    unit: "{block}",
    description: "blocks that made room for others",
    read: ({ pool }) => [[pool.evictions]],
  },
  {
    name: "varve.filter.probes",
    unit: "{probe}",
    description: "looks into filters",
    read: ({ tables }) => [
      [tables.filterSaves, { "varve.filter.result": "saved" }],
      [tables.filterProbes - tables.filterSaves, { "varve.filter.result": "passed" }],
    ],
  },
  {
    name: "varve.failures",
    unit: "{failure}",
    description: "times that writes were stopped",
    read: ({ failures }) => [[failures]],
  },
];

/** What goes up and down, and has a meaning when it is added up over databases. */
const UP_AND_DOWN: readonly Metric[] = [
  {
    name: "varve.memtable.size",
    unit: "By",
    description: "memory of the memtables",
    read: ({ memtable }) => [
      [memtable.usedBytes, { "varve.memtable.state": "active" }],
      [memtable.immutableBytes, { "varve.memtable.state": "frozen" }],
    ],
  },
  {
    name: "varve.memtable.frozen",
    unit: "{memtable}",
    description: "memtables that wait to be flushed",
    read: ({ memtable }) => [[memtable.immutables]],
  },
  {
    name: "varve.level.size",
    unit: "By",
    description: "bytes of a level's tables",
    read: ({ levels }) => levels.map(({ level, bytes }) => [bytes, { "varve.level": level }]),
  },
  {
    name: "varve.level.tables",
    unit: "{table}",
    description: "a level's tables",
    read: ({ levels }) => levels.map(({ level, tables }) => [tables, { "varve.level": level }]),
  },
  {
    name: "varve.compaction.pending",
    unit: "By",
    description: "bytes to be compacted",
    read: ({ background }) => [[background.pendingBytes]],
  },
  {
    name: "varve.pool.usage",
    unit: "By",
    description: "bytes in the buffer pool",
    read: ({ pool }) => [[pool.usedBytes]],
  },
  {
    name: "varve.pool.limit",
    unit: "By",
    description: "bytes that it may have",
    read: ({ pool }) => [[pool.capacityBytes]],
  },
  {
    name: "varve.table.open",
    unit: "{table}",
    description: "open tables",
    read: ({ tables }) => [[tables.openTables]],
  },
  {
    name: "varve.snapshot.open",
    unit: "{snapshot}",
    description: "open snapshots",
    read: ({ snapshots }) => [[snapshots]],
  },
  {
    name: "varve.iterator.open",
    unit: "{iterator}",
    description: "open iterators",
    read: ({ iterators }) => [[iterators]],
  },
  {
    name: "varve.refusing",
    unit: "{database}",
    description: "1 while writes are refused, otherwise 0",
    read: ({ failure }) => [[failure === undefined ? 0 : 1]],
  },
];

/** How long something took, by the kind of its event. */
const DURATIONS = {
  recovery: "opening",
  flush: "flushes",
  compaction: "compactions",
  stall: "waits of writers",
} as const;

/** What is recorded beside a duration. */
function durationAttributes(event: DatabaseEvent): Attributes {
  if (event.type === "flush") return { "varve.where": event.where };
  if (event.type === "compaction") {
    return {
      "varve.level": event.level,
      "varve.reason": event.reason,
      "varve.move": event.isMove,
      "varve.where": event.where,
    };
  }
  if (event.type !== "stall") return {};
  return { "varve.stall.cause": event.cause, "varve.stall.condition": event.condition };
}

/** The instruments of one meter provider. */
class Instruments {
  readonly meter: Meter;
  readonly counters: readonly Counter[];
  readonly upAndDown: readonly ObservableUpDownCounter[];
  readonly durations: ReadonlyMap<string, Histogram>;

  constructor(provider: MeterProvider) {
    const meter = this.meter = provider.getMeter(SCOPE);
    this.counters = COUNTERS.map(({ name, ...options }) => meter.createCounter(name, options));
    this.upAndDown = UP_AND_DOWN.map(({ name, ...options }) =>
      meter.createObservableUpDownCounter(name, options)
    );
    const advice = { explicitBucketBoundaries: BOUNDS };
    this.durations = new Map(
      Object.entries(DURATIONS).map(([type, description]) => [
        type,
        meter.createHistogram(`varve.${type}.duration`, { unit: "s", description, advice }),
      ]),
    );
  }
}

const instrumentsOf = new WeakMap<MeterProvider, Instruments>();

/** Instruments of whoever takes metrics now: there may be another one later. */
function currentInstruments(): Instruments {
  const provider = metrics.getMeterProvider();
  let instruments = instrumentsOf.get(provider);
  if (instruments === undefined) {
    instruments = new Instruments(provider);
    instrumentsOf.set(provider, instruments);
  }
  return instruments;
}

/** What is told of one database, from when it is opened until it is closed. */
export class Watch {
  readonly #instruments = currentInstruments();
  readonly #attributes: Attributes;
  /** What was added to each counter so far. */
  readonly #added: number[][] = COUNTERS.map(() => []);
  #stats: (() => DatabaseStats) | undefined;

  /**
   * Makes one that records durations, and nothing else before {@linkcode begin}.
   *
   * @param attributes What all of it is told with.
   */
  constructor(attributes: Attributes) {
    this.#attributes = attributes;
  }

  /**
   * Begins to be asked for figures.
   *
   * @param stats Gives them; it must go on to after the database is closed.
   */
  begin(stats: () => DatabaseStats): void {
    const { meter, upAndDown } = this.#instruments;
    this.#stats = stats;
    meter.addBatchObservableCallback(this.#observe, [...upAndDown]);
  }

  /** Records how long something took. */
  record(event: DatabaseEvent): void {
    this.#instruments.durations.get(event.type)?.record(
      event.durationMs / 1000,
      this.#with(durationAttributes(event)),
    );
  }

  /** Adds what is still to be counted, and is asked no more. */
  end(): void {
    const { meter, upAndDown } = this.#instruments;
    meter.removeBatchObservableCallback(this.#observe, [...upAndDown]);
    if (this.#stats !== undefined) this.#count(this.#stats());
    this.#stats = undefined;
  }

  readonly #observe: BatchObservableCallback = (result: BatchObservableResult) => {
    if (this.#stats === undefined) return;
    const stats = this.#stats();
    this.#count(stats);
    UP_AND_DOWN.forEach(({ read }, i) => {
      for (const [value, attributes] of read(stats)) {
        result.observe(this.#instruments.upAndDown[i]!, value, this.#with(attributes));
      }
    });
  };

  #count(stats: DatabaseStats): void {
    COUNTERS.forEach(({ read }, i) => {
      const added = this.#added[i]!;
      read(stats).forEach(([value, attributes], at) => {
        const more = value - (added[at] ?? 0);
        added[at] = value;
        if (more > 0) this.#instruments.counters[i]!.add(more, this.#with(attributes));
      });
    });
  }

  #with(attributes: Attributes | undefined): Attributes {
    return attributes === undefined ? this.#attributes : { ...this.#attributes, ...attributes };
  }
}
