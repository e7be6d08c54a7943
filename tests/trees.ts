/**
 * **What.** A small tree in memory, for the tests and benchmarks of everything that works on trees. Entries are
 * written as text, and read back the same way.
 *
 * **Format.**
 * ```text
 * entry := key "@" sequence "=" value        a put
 *        | key "@" sequence "!"              a tombstone
 * level := number ": " table (" | " table)*  a table is its entries, with spaces in between
 * ```
 *
 * **Invariants.**
 * 1. What a test writes goes through the components that the engine uses, the manifest included.
 *
 * **Read next.** `../lib/tree.ts`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type BufferPool, createBufferPool } from "../lib/buffer_pool.ts";
import {
  type CompactionDescription,
  compactionEdit,
  CompactionJob,
  describeCompaction,
  moveEdit,
} from "../lib/compaction.ts";
import {
  type CompactionPlan,
  DEFAULT_PICKER_OPTIONS,
  type PickerOptions,
  planRange,
} from "../lib/compaction_picker.ts";
import { Cursor } from "../lib/cursor.ts";
import { type FlushDescription, flushEdit, type FlushedMemtable, FlushJob } from "../lib/flush.ts";
import { KIND_TOMBSTONE, KIND_VALUE } from "../lib/internal_key.ts";
import { type Job, JobCounters, type JobResult } from "../lib/job.ts";
import type { LogLevel } from "../lib/logger.ts";
import { loadManifest, writeNewDatabase } from "../lib/manifest.ts";
import { MemoryFileSystem } from "../lib/memory_file_system.ts";
import { Memtable } from "../lib/memtable.ts";
import { TableCache } from "../lib/table_cache.ts";
import { TableOutput, type TableSettings, tableWriterOptions } from "../lib/table_output.ts";
import type { TableWriterOptions } from "../lib/table_writer.ts";
import { Tree, type TreeContext } from "../lib/tree.ts";
import { totalBytes } from "../lib/version.ts";
import { emptyVersionEdit, type TableMeta, type VersionEdit } from "../lib/version_edit.ts";
import { FailingFileSystem } from "./fixtures/failing_file_system.ts";
import { bytewiseKeys, type Entry, entry, tableDefaults, textAt } from "./tables.ts";

/** Entries written as text, in the order of the text. */
export function parseEntries(text: string): Entry[] {
  return text.split(/\s+/).filter((word) => word !== "").map((word) => {
    const match = /^(.*)@(\d+)(?:=(.*)|!)$/.exec(word);
    if (match === null) throw new Error(`Not an entry: ${word}`);
    const [, key, sequence, value] = match;
    const kind = value === undefined ? KIND_TOMBSTONE : KIND_VALUE;
    return entry(key!, value ?? "", Number(sequence), kind);
  });
}

/** All entries of a cursor from first to last, as text. */
export function textOf(cursor: Cursor): string {
  const words: string[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) words.push(textAt(cursor));
  return words.join(" ");
}

/** A memtable of some entries. */
export function memtableOf(text: string, capacityBytes = 1 << 16): Memtable {
  const memtable = new Memtable({ comparator: bytewiseKeys, capacityBytes });
  for (const [key, value] of parseEntries(text)) {
    const userEnd = key.length - 8;
    const trailer = new DataView(key.buffer).getBigUint64(userEnd, true);
    const sequence = Number(trailer >> 8n);
    memtable.add(sequence, Number(trailer & 255n), key, 0, userEnd, value, 0, value.length);
  }
  return memtable;
}

/** Walks entries in an array, which are in order. */
export class ArrayCursor extends Cursor {
  readonly #entries: readonly Entry[];
  #at = -1;
  /** How often it was closed. */
  closes = 0;

  constructor(entries: readonly Entry[]) {
    super();
    this.#entries = entries;
  }

  override first(): void {
    this.#show(0);
  }

  override last(): void {
    this.#show(this.#entries.length - 1);
  }

  override seek(target: Uint8Array, start: number, end: number): void {
    const at = this.#entries.findIndex(([key]) =>
      bytewiseKeys.compare(key, 0, key.length, target, start, end) >= 0
    );
    this.#show(at < 0 ? this.#entries.length : at);
  }

  override next(): void {
    this.#show(this.#at + 1);
  }

  override previous(): void {
    this.#show(this.#at - 1);
  }

  override close(): void {
    this.closes++;
    this.valid = false;
  }

  #show(at: number): void {
    this.#at = at;
    const entry = this.#entries[at];
    this.valid = entry !== undefined;
    if (entry === undefined) return;
    [this.keyBuffer, this.valueBuffer] = entry;
    this.keyStart = this.valueStart = 0;
    this.keyEnd = this.keyBuffer.length;
    this.valueEnd = this.valueBuffer.length;
  }
}

/** A job that changes a tree at its end. */
export interface TreeJob {
  /** Does some of it; whether it is done. */
  step(bytes: number): boolean;
  /** Gives it up. */
  abandon(): void;
}

/** A memtable to be flushed. */
export interface FlushRequest extends FlushedMemtable {
  readonly memtable: Memtable;
}

/** A tree on a disk that fails when a test says so, and all that jobs need. */
export class SmallTree {
  /** The disk; the tree is in the directory `db`. */
  readonly disk: FailingFileSystem;
  /** What was logged. */
  readonly messages: string[] = [];
  readonly pool: BufferPool;
  readonly cache: TableCache;
  readonly tree: Tree;
  readonly counters: JobCounters = new JobCounters();
  /** The oldest sequence number that anyone reads at. */
  snapshot: number = Number.MAX_SAFE_INTEGER;
  /** What tables are written with, besides the defaults of tests. */
  writerOptions: Partial<TableSettings> = {};

  /** Makes an empty tree, or loads the one that is on a disk. */
  constructor(memory: MemoryFileSystem = new MemoryFileSystem()) {
    this.disk = new FailingFileSystem(memory);
    const isNew = !memory.exists("db");
    if (isNew) {
      memory.makeDirectory("db");
      writeNewDatabase(memory, "db", bytewiseKeys);
    }
    this.pool = createBufferPool({ capacityBytes: 16 << 20 });
    const fileSystem = this.disk;
    const log = (level: LogLevel, source: string, message: string) =>
      void this.messages.push(`${level} ${source}: ${message}`);
    this.cache = new TableCache({
      fileSystem,
      directory: "db",
      comparator: bytewiseKeys,
      pool: this.pool,
      maxOpenTables: 100,
    });
    const context: TreeContext = {
      fileSystem,
      directory: "db",
      comparator: bytewiseKeys,
      cache: this.cache,
      logger: { log },
    };
    this.tree = new Tree(context, loadManifest(memory, "db", bytewiseKeys));
    if (isNew) {
      this.tree.startManifest(emptyVersionEdit());
      memory.remove("db/MANIFEST-000001");
    }
    this.disk.changes.length = 0;
  }

  /** Where everything is in the end. */
  get memory(): MemoryFileSystem {
    return this.disk.inner as MemoryFileSystem;
  }

  /** How tables are written. */
  get settings(): TableSettings {
    const { blockBytes, restartInterval, filterBits } = tableDefaults;
    return {
      blockBytes,
      restartInterval,
      filterBits,
      compression: ["none"],
      ...this.writerOptions,
    };
  }

  /** The same for those who write them. */
  tableOptions(): TableWriterOptions {
    return tableWriterOptions(this.settings, bytewiseKeys, 0);
  }

  /** Describes the flush of a memtable. */
  describeFlush({ buffer, usedBytes }: Memtable): FlushDescription {
    const { snapshot: smallestSnapshot, settings: tables } = this;
    return { kind: "flush", memtable: buffer, bytes: usedBytes, smallestSnapshot, tables };
  }

  /** Describes the compaction of all that is in a level. */
  describeCompaction(level: number, tableBytes = 1 << 20): CompactionDescription {
    const { version } = this.tree;
    const options = { ...DEFAULT_PICKER_OPTIONS, tableBytes };
    const plan = planRange(version, level, undefined, undefined, options)!;
    const { snapshot: smallestSnapshot, settings: tables } = this;
    return describeCompaction(version, plan, { smallestSnapshot, tableBytes, tables });
  }

  /** The flush of a memtable. */
  flush(request: FlushRequest): TreeJob {
    const { counters } = this;
    const job = new FlushJob(this.tree.jobContext, this.describeFlush(request.memtable));
    return this.#treeJob(job, (result) => flushEdit(request, result), (result) => {
      counters.flushes++;
      counters.flushBytes += result.bytesWritten;
    });
  }

  /** The compaction of the tree as it is now. */
  compaction(plan: CompactionPlan, { tableBytes }: PickerOptions): TreeJob {
    const { snapshot: smallestSnapshot, settings: tables, counters } = this;
    const { version, jobContext } = this.tree;
    if (plan.isTrivialMove && plan.reason !== "manual") {
      const job = {
        step: () => ({ tables: [], bytesWritten: 0, droppedEntries: 0 }),
        abandon() {},
      };
      return this.#treeJob(job, () => moveEdit(plan), () => counters.trivialMoves++);
    }
    const settings = { smallestSnapshot, tableBytes, tables };
    const description = describeCompaction(version, plan, settings);
    // A clone, as a worker would be given.
    const job = new CompactionJob(jobContext, structuredClone(description));
    this.tree.retain(version);
    let isHeld = true;
    const release = () => {
      if (isHeld) this.tree.release(version);
      isHeld = false;
    };
    return this.#treeJob(job, (result) => compactionEdit(plan, result.tables), (result) => {
      counters.compactions++;
      counters.compactionWriteBytes += result.bytesWritten;
      counters.compactionReadBytes += totalBytes(plan.inputs) + totalBytes(plan.overlapping);
    }, release);
  }

  #treeJob(
    job: Job,
    edit: (result: JobResult) => VersionEdit,
    count: (result: JobResult) => void,
    release: () => void = () => {},
  ): TreeJob {
    return {
      step: (bytes) => {
        const result = job.step(bytes);
        if (result === undefined) return false;
        this.tree.apply(edit(result));
        this.counters.droppedEntries += result.droppedEntries;
        count(result);
        release();
        return true;
      },
      abandon: () => {
        release();
        job.abandon();
      },
    };
  }

  /** Adds a table of some entries to a level. */
  addTable(level: number, entries: string | readonly Entry[]): TableMeta {
    const output = new TableOutput(this.tree.jobContext, this.tableOptions());
    const cursor = new ArrayCursor(typeof entries === "string" ? parseEntries(entries) : entries);
    for (cursor.first(); cursor.valid; cursor.next()) output.add(cursor);
    const [table] = output.finish();
    this.tree.apply({ ...emptyVersionEdit(), added: [{ level, table: table! }] });
    this.disk.changes.length = 0;
    return table!;
  }

  /** The entries of every level that has any. */
  levels(): string[] {
    return this.tree.version.levels.flatMap((tables, level) =>
      tables.length === 0 ? [] : [`${level}: ${tables.map((it) => this.entriesOf(it)).join(" | ")}`]
    );
  }

  /** The entries of a table. */
  entriesOf({ number }: TableMeta): string {
    const cursor = this.cache.cursor(number);
    try {
      return textOf(cursor);
    } finally {
      cursor.close();
    }
  }

  /** The same, as it would be after a crash now: what the manifest says. */
  levelsOnDisk(): string[] {
    const other = new SmallTree(this.memory);
    const levels = other.levels();
    other.close();
    return levels;
  }

  /** The names of the tables in the directory. */
  tableFiles(): string[] {
    return this.disk.list("db").filter((name) => /\.(ldb|sst)$/.test(name));
  }

  /** Closes the tree, and sees that nothing was forgotten. */
  close(): void {
    this.tree.close();
    this.cache.close();
    assertEquals(this.disk.openHandles, 0, "open handles");
    assertEquals(this.pool.stats().usedBytes, 0, "bytes in the pool");
  }
}
