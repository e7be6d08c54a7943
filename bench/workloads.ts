/**
 * **What.** The workloads by name, what each does and which state of the database it begins with. They come in stages:
 * a stage is one process and one database (two where a workload needs a new one), and its workloads run in this order,
 * the same for every engine. Names are those of LevelDB's `db_bench` where it has one.
 *
 * **Read next.** `data.ts`
 *
 * @module
 */

import type { Percentiles } from "./histogram.ts";

/** What a workload does: its operation, and what the database holds when the first one begins. */
export type Workloads = Readonly<Record<string, string>>;

/** The workloads of each stage. */
export const STAGES = {
  sequential: {
    "fillseq": "one put at a time in order, into a new database",
    "readseq": "all entries in order, after `fillseq` and a pause",
    "readseq cursor": "the same, making no object of an entry",
  },
  batches: {
    "fillbatch": "1 000 puts a batch in order, into a new database",
  },
  random: {
    "fillrandom": "one put at a time in random order, into a new database",
    "overwrite": "all keys again in another order, without a pause after `fillrandom`",
    "readrandom": "gets of random keys, after `overwrite` and a pause",
    "readhot": "gets of random keys among the first hundredth",
    "readmissing": "gets of keys between those that are there",
    "await get": "gets of random keys, each awaited",
    "readseq overwritten": "all entries in order",
    "readseq overwritten cursor": "the same, making no object of an entry",
    "readreverse": "all entries, last to first",
    "seekrandom": "the 10 entries from a random key on",
    "9 gets 1 put": "in turn, random keys",
    "deleterandom": "one delete at a time, in the order of `fillrandom`",
  },
  compacted: {
    "fillbatchrandom": "1 000 puts a batch in random order, into a new database",
    "compact": "everything compacted, without a pause after `fillbatchrandom`; entries a second",
    "readrandom compacted": "gets of random keys, after `compact` and a pause",
    "readhot compacted": "gets of random keys among the first hundredth",
    "readseq compacted": "all entries in order",
    "readseq compacted cursor": "the same, making no object of an entry",
    "open": "the database opened after it was closed, and one get",
  },
  synced: {
    "fillsync": "one put at a time, on disk before the next, into a new database",
    "fillsync 64": "64 callers with one such put each at a time, into a new database",
  },
  ycsb: {
    "ycsb load": "records of 1 000 bytes in random order, into a new database",
    "ycsb a": "half reads, half updates, after the load and a pause",
    "ycsb b": "95 % reads, 5 % updates",
    "ycsb c": "reads",
    "ycsb f": "half reads, half reads that are written back changed",
    "ycsb d": "95 % reads of what is newest, 5 % inserts",
    "ycsb e": "95 % scans of 1 to 100 records, 5 % inserts",
  },
} as const satisfies Record<string, Workloads>;

/** The name of a stage. */
export type Stage = keyof typeof STAGES;

/** The names of all workloads. */
export const WORKLOADS: readonly string[] = Object.values(STAGES).flatMap((it) => Object.keys(it));

/** What is asked of the process that measures a stage. */
export interface Request {
  /** Which engine. */
  readonly engine: string;
  /** Which stage. */
  readonly stage: Stage;
  /** An empty directory. */
  readonly directory: string;
  /** How many entries. */
  readonly count: number;
  /** Options that are alike for all engines, or each one's own. */
  readonly settings: "matched" | "defaults";
  /** What keys and values are. */
  readonly kind: "bytes" | "strings";
  /** After so many seconds a workload ends before it is through. */
  readonly seconds: number;
  /** Whether each operation is timed. */
  readonly latency: boolean;
}

/** What a workload came to: a line of what the process prints. */
export interface Measurement {
  /** Which workload. */
  readonly workload: string;
  /** How many operations were made. */
  readonly operations: number;
  /** How many it would have been with more time. */
  readonly planned: number;
  /** How long they took. */
  readonly ms: number;
  /** The most memory that the process had meanwhile. */
  readonly peakBytes?: number | undefined;
  /** How long single operations took; a batch is one. */
  readonly latency?: Percentiles;
}

/** What a load came to, once the engine is at rest: another line. */
export interface Load {
  /** After which workload. */
  readonly after: string;
  /** Memory that the process has. */
  readonly residentBytes: number;
  /** Disk that the database takes. */
  readonly diskBytes: number;
  /** Bytes of keys and values that were put since the process began. */
  readonly putBytes: number;
  /** Bytes that the process wrote since it began. */
  readonly writtenBytes?: number | undefined;
  /** Bytes written for each byte put, as the engine says. */
  readonly writeAmplification?: number | undefined;
}

/** The first line. */
export interface Version {
  /** The version of the engine. */
  readonly version: string;
}
