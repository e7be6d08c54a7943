/**
 * **What.** The engine on bytes: it takes the components above and makes a database of them. A write goes to the
 * log, then into the memtable; a full memtable is frozen with its log segment and flushed to a table; tables are
 * compacted. Reads look at one view of all of that.
 *
 * **Invariants.**
 * 1. A write is visible only when it is in the log, and acknowledged as durable only when it is on disk.
 * 2. A log segment holds exactly the entries of its memtable: both change hands together.
 * 3. After a failed write or sync nothing more is written: every later write is refused with the cause, and reads go
 *    on. Both `resume` and opening the database again bring everything back that was acknowledged.
 * 4. When `close` has returned nothing of the database is running or open.
 *
 * **Read next.** `keyspace.ts`
 *
 * @module
 */
import { approximateBytes } from "./approximate_size.ts";
import {
  Background,
  type BackgroundOwner,
  type DueCompaction,
  type DueJob,
  SLICE_BYTES,
  type Surroundings,
} from "./background.ts";
import { type BufferPool, createBufferPool } from "./buffer_pool.ts";
import { CommitQueue, type CommitTarget } from "./commit_queue.ts";
import { pendingBytes } from "./compaction_picker.ts";
import { VarveError } from "./errors.ts";
import { Audience, type RecoveryStats } from "./events.ts";
import type { FileLock } from "./file_system.ts";
import { Health } from "./health.ts";
import { InternalKeyComparator, Lookup, SEQUENCE_MAX } from "./internal_key.ts";
import { JobPlanner } from "./job_planner.ts";
import { type JobKind, type JobRunner, LocalRunner } from "./job_runner.ts";
import { MemtableSet } from "./memtable_set.ts";
import type { EngineOptions } from "./options.ts";
import { ReadView } from "./read_view.ts";
import { lockDirectory, recover, type Recovered, type RecoveryOptions } from "./recovery.ts";
import { Scan, type ScanBounds } from "./scan.ts";
import { type EngineSnapshot, Snapshots } from "./snapshots.ts";
import { type DatabaseStats, levelStats, WriteCounters } from "./stats.ts";
import { TableCache } from "./table_cache.ts";
import { tableWriterOptions } from "./table_output.ts";
import type { Tree } from "./tree.ts";
import { WriteAheadLog } from "./write_ahead_log.ts";
import { BatchReader, type WriteBatch } from "./write_batch.ts";
import { WriteController } from "./write_controller.ts";
import { WorkerRunner } from "./worker_runner.ts";

/**
 * So many awaited reads, some milliseconds of them, and background work that waits gets its turn: promises that are
 * fulfilled at once would keep the event loop from it for ever.
 */
const READS_PER_TURN = 512;

/** A database of bytes. */
export class Engine implements CommitTarget, BackgroundOwner {
  /** The directory. */
  readonly directory: string;
  /** How it was opened. */
  readonly options: EngineOptions;
  /** The order of internal keys. */
  readonly comparator: InternalKeyComparator;
  /** The key being looked for and what was found: one for all gets, which never overlap. */
  readonly lookup: Lookup = new Lookup();
  /** The tables. */
  readonly tree: Tree;
  /** Who waits for which write. */
  readonly queue: CommitQueue;
  readonly #surroundings: Surroundings;
  readonly #audience: Audience;
  readonly #pool: BufferPool;
  readonly #cache: TableCache;
  readonly #lock: FileLock | undefined;
  readonly #log: WriteAheadLog | undefined;
  readonly #background: Background;
  readonly #planner: JobPlanner;
  readonly #controller: WriteController;
  readonly #writes = new WriteCounters();
  readonly #batch = new BatchReader();
  readonly #memtables: MemtableSet;
  readonly #snapshots = new Snapshots();
  readonly #scans = new Set<Scan>();
  readonly #health: Health;
  readonly #openedMs: number;
  readonly #recovery: RecoveryStats;
  #view: ReadView;
  #lastSequence: number;
  #readsSinceTurn = 0;
  #closing: Promise<void> | undefined;

  /**
   * Opens a database: locks its directory and recovers what is there.
   *
   * @param directory The directory.
   * @param options How to open it.
   * @param surroundings Timers and clock.
   * @returns The running engine.
   */
  static open(directory: string, options: EngineOptions, surroundings: Surroundings): Engine {
    const recoveryOptions: RecoveryOptions = {
      createIfMissing: options.createIfMissing,
      errorIfExists: options.errorIfExists,
      readOnly: options.readOnly,
      memtableBytes: options.memtableBytes,
      now: surroundings.now,
      tableOptions: tableWriterOptions(options, new InternalKeyComparator(options.comparator), 0),
    };
    const lock = lockDirectory(options.fileSystem, directory, recoveryOptions);
    try {
      return new Engine(directory, options, surroundings, lock, recoveryOptions);
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  private constructor(
    directory: string,
    options: EngineOptions,
    surroundings: Surroundings,
    lock: FileLock | undefined,
    recoveryOptions: RecoveryOptions,
  ) {
    const { fileSystem, readOnly } = options;
    const { now } = surroundings;
    const { logger, onEvent } = this.#audience = new Audience(options.logger, options.onEvent);
    this.directory = directory;
    this.#health = new Health({ directory, readOnly, logger, onEvent, now }, (failure) => {
      this.#background.stop();
      this.#planner.requests.rejectAll(failure);
    });
    this.options = { ...options, logger, onEvent };
    this.comparator = new InternalKeyComparator(options.comparator);
    this.#surroundings = surroundings;
    this.#lock = lock;
    this.#pool = createBufferPool({
      capacityBytes: options.poolBytes,
      policy: options.poolPolicy,
    });
    this.#cache = new TableCache({
      fileSystem,
      directory,
      comparator: this.comparator,
      pool: this.#pool,
      maxOpenTables: options.maxOpenTables,
    });
    let recovered: Recovered;
    try {
      recovered = recover(
        { fileSystem, directory, comparator: this.comparator, cache: this.#cache, logger },
        recoveryOptions,
      );
    } catch (error) {
      this.#cache.close();
      throw error;
    }
    this.tree = recovered.tree;
    this.#lastSequence = recovered.lastSequence;
    const { log, logNumber } = recovered;
    this.#log = log &&
      new WriteAheadLog(fileSystem, directory, logger, log, logNumber, this.tree.remover);
    this.#memtables = new MemtableSet(
      this.comparator,
      options.memtableBytes,
      logNumber,
      recovered.memtables,
    );
    this.#view = new ReadView(this.#memtables.newestFirst(), this.tree);
    this.queue = new CommitQueue(this);
    this.#background = new Background(this, surroundings.schedule, this.#runner(), now);
    this.#planner = this.#newPlanner();
    this.#controller = this.#newController();
    this.#background.wake();
    this.#openedMs = now();
    this.#recovery = recovered.stats;
    logger.log("info", "engine", `opened ${directory} at sequence ${this.#lastSequence}`);
    onEvent?.({ type: "recovery", sequence: this.#lastSequence, ...recovered.stats });
  }

  /** The sequence number of the last write that reads can see. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Throws `CLOSED` after `close` was called. */
  assertOpen(action: string): void {
    if (this.#closing !== undefined) throw this.#closed(action);
  }

  /** Throws if a write would be refused. */
  assertWritable(): void {
    this.assertOpen("write");
    this.#health.assertWritable();
  }

  // ——— Reading ———

  /**
   * Answers `lookup`, whose user key is in place.
   *
   * @param userKeyBytes Length of the user key.
   * @param sequence Versions newer than this are not seen.
   */
  get(userKeyBytes: number, sequence: number): void {
    this.lookup.begin(userKeyBytes, sequence);
    this.#view.get(this.lookup);
    if (this.#view.seekCandidate !== undefined && this.options.seekCompaction) {
      this.#background.wake();
    }
  }

  /** What an awaited read waits for beside its result, now and then: a turn of the event loop for the background. */
  turn(): Promise<void> | undefined {
    const { isWaiting, isBusy } = this.#background;
    if (!(isWaiting || isBusy) || ++this.#readsSinceTurn < READS_PER_TURN) return undefined;
    this.#readsSinceTurn = 0;
    this.#background.poll(); // what a worker has done needs no turn
    if (!isWaiting) return undefined;
    return new Promise((resolve) => this.#surroundings.schedule(resolve));
  }

  /**
   * Starts a scan.
   *
   * @param sequence Versions newer than this are not seen.
   * @param bounds Between which user keys.
   * @param fillPool Whether blocks read stay in the buffer pool.
   * @returns The scan, to be closed.
   */
  scan(sequence: number, bounds: ScanBounds, fillPool: boolean): Scan {
    const scan = new Scan(this.#view, this.comparator, sequence, bounds, {
      fillPool,
      onClose: () => this.#scans.delete(scan),
    });
    this.#scans.add(scan);
    return scan;
  }

  /** Keeps this moment readable until it is released. */
  takeSnapshot(): EngineSnapshot {
    return this.#snapshots.take(this.#lastSequence);
  }

  /** Lets go of a snapshot. */
  releaseSnapshot(snapshot: EngineSnapshot): void {
    this.#snapshots.release(snapshot);
  }

  /** Entries up to this sequence number are hidden by newer ones of the same key from every reader. */
  smallestSnapshot(): number {
    return this.#snapshots.oldestSequence(this.#lastSequence);
  }

  // ——— Writing: what the commit queue asks for ———

  /** {@inheritDoc} */
  get isTelling(): boolean {
    return this.#audience.isTold;
  }

  /** {@inheritDoc} */
  write(group: WriteBatch): void {
    this.#controller.beforeWrite();
    this.#health.assertWritable();
    const { count, byteLength, keyAndValueBytes } = group;
    this.#batch.resetTo(group);
    this.#memtables.checkKeys(this.#batch);
    this.#makeRoom(count, keyAndValueBytes);
    group.setSequence(this.#lastSequence + 1);
    try {
      this.#log!.addBatch(group);
    } catch (error) {
      throw this.#health.fail("write to the log", error);
    }
    try {
      this.#batch.resetTo(group);
      this.#memtables.active.memtable.addAll(this.#batch);
    } catch (error) {
      // Half of it may be there, unseen, and the log has all of it: its sequence numbers are not used again.
      throw this.#health.failForGood("add to the memtable", error);
    }
    this.#lastSequence += count;
    this.#writes.entries += count;
    this.#writes.bytes += keyAndValueBytes;
    this.#controller.wrote(byteLength);
  }

  /** {@inheritDoc} */
  room(group: WriteBatch): Promise<void> | undefined {
    return this.#controller.room(group.count, group.keyAndValueBytes);
  }

  /** {@inheritDoc} */
  async sync(): Promise<void> {
    this.#writes.syncs++;
    try {
      await this.#log!.sync();
    } catch (error) {
      throw this.#health.fail("sync the log", error);
    }
  }

  /** {@inheritDoc} */
  syncSync(): void {
    this.#writes.syncs++;
    try {
      this.#log!.syncSync();
    } catch (error) {
      throw this.#health.fail("sync the log", error);
    }
  }

  /** Sees to it that there are numbers for a group, and room in the active memtable, with a new one if need be. */
  #makeRoom(entries: number, bytes: number): void {
    // The very last number is never used: recovery takes a log that has it for damaged.
    if (this.#lastSequence >= SEQUENCE_MAX - entries) {
      throw new VarveError("TOO_LARGE", "Cannot write: sequence numbers are used up");
    }
    if (this.#memtables.active.memtable.fits(entries, bytes)) return;
    this.#rotate(this.#memtables.bytesNeeded(entries, bytes));
  }

  /** Freezes the active memtable together with its log segment, once there may be one more. */
  #rotate(bytesNeeded: number): void {
    this.#controller.beforeFreeze();
    this.#health.assertWritable();
    this.#freeze(bytesNeeded);
    // A worker can begin at once; here the flush waits for its turn, or for the writer's next entries.
    if (this.#background.hasWorker) this.#background.stepFlush(0);
    this.#background.wake();
  }

  #freeze(bytesNeeded: number): void {
    const number = this.tree.fileNumbers.next();
    try {
      this.#log!.rotate(number);
    } catch (error) {
      throw this.#health.fail("start a log", error);
    }
    this.#memtables.freeze(this.#lastSequence, number, bytesNeeded);
    this.#renewView();
  }

  // ——— Background work: what it asks for ———

  /** {@inheritDoc} */
  nextFlush(): DueJob | undefined {
    return this.#planner.nextFlush();
  }

  /** {@inheritDoc} */
  nextCompaction(): DueCompaction | undefined {
    return this.#planner.nextCompaction();
  }

  /** {@inheritDoc} */
  backgroundAdvanced(): void {
    this.#controller.advanced();
  }

  /** {@inheritDoc} */
  backgroundFailed(error: unknown, kind: JobKind, durationMs: number): void {
    this.#health.fail(kind === "flush" ? "flush" : "compact", error, durationMs);
  }

  #runner(): JobRunner {
    const { workers } = this.#surroundings;
    return workers === undefined
      ? new LocalRunner(this.tree.jobContext)
      : new WorkerRunner(this.tree, workers, () => this.#background.heard());
  }

  #newPlanner(): JobPlanner {
    return new JobPlanner({
      options: this.options,
      tree: this.tree,
      memtables: this.#memtables,
      smallestSnapshot: () => this.smallestSnapshot(),
      seekCandidate: () => this.#view.seekCandidate,
      compaction: () => this.#background.compaction,
      flushed: () => {
        this.#renewView();
        this.#log!.removeBefore(this.tree.logNumber);
        this.#background.wake();
      },
      compacted: () => {
        this.#renewView();
        this.#background.wake();
      },
    });
  }

  #newController(): WriteController {
    return new WriteController({
      options: this.options,
      background: this.#background,
      memtables: this.#memtables,
      tree: this.tree,
      counters: this.#writes,
      surroundings: this.#surroundings,
    });
  }

  // ——— The caller's background work ———

  /** Writes everything that is in memory to tables; resolves when they are durable. */
  async flush(): Promise<void> {
    if (this.isTelling) await undefined; // it goes on when the listener has returned
    this.queue.flush();
    this.#health.assertWritable();
    for (let room; (room = this.#controller.roomToFreeze()) !== undefined;) {
      await room;
      this.assertWritable();
    }
    if (this.#memtables.active.memtable.entryCount > 0) {
      this.queue.exclusively(() => this.#rotate(0));
      // A flush under way may have failed meanwhile, and everyone been told who waited then.
      this.#health.assertWritable();
    }
    const last = this.#memtables.newestFrozen;
    if (last === undefined) return;
    this.#background.wake();
    await this.#planner.requests.waitForFlush(last);
  }

  /**
   * Compacts a range of user keys down to the deepest level that has any of it.
   *
   * @param begin The first key, or `undefined` for no bound.
   * @param end The last key, inclusive, or `undefined` for no bound.
   * @param signal Ends it between two levels.
   */
  async compact(
    begin: Uint8Array | undefined,
    end: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    await this.flush();
    const isBelow = (level: number) =>
      this.tree.version.levels.some((_, deeper) =>
        deeper > level && this.tree.version.overlapsLevel(deeper, begin, end)
      );
    // Asked again after each level: meanwhile a table may have moved deeper by itself.
    for (let level = 0; level === 0 || isBelow(level); level++) {
      signal?.throwIfAborted();
      this.assertWritable();
      this.#background.wake();
      await this.#planner.requests.waitForCompaction({ level, begin, end });
    }
  }

  /** About how many bytes of tables a range of user keys takes. */
  approximateBytes(bounds: ScanBounds): number {
    return approximateBytes(this.tree.version, this.#cache, this.comparator, bounds);
  }

  /** What the database holds and what it has cost. */
  stats(): DatabaseStats {
    const { version } = this.tree;
    const { active, frozenCount, frozenBytes } = this.#memtables;
    return {
      openedMs: this.#openedMs,
      recovery: this.#recovery,
      sequence: this.#lastSequence,
      memtable: {
        entries: active.memtable.entryCount,
        usedBytes: active.memtable.usedBytes,
        capacityBytes: active.memtable.capacityBytes,
        immutables: frozenCount,
        immutableBytes: frozenBytes,
      },
      levels: levelStats(version),
      pool: this.#pool.stats(),
      tables: this.#cache.stats(),
      writes: this.#writes.stats(),
      log: {
        bytesWritten: this.#log?.bytesWritten ?? 0,
        segments: this.#log?.segments ?? 0,
      },
      background: {
        ...this.#planner.counters,
        manifestBytes: this.tree.manifestBytes,
        pendingBytes: pendingBytes(version, this.#planner.picking),
        isBusy: this.#background.isBusy,
        worker: this.#background.hasWorker,
      },
      snapshots: this.#snapshots.count,
      iterators: this.#scans.size,
      failure: this.#health.failure?.message,
      failures: this.#health.failures,
      lastFailure: this.#health.lastFailure?.message,
    };
  }

  // ——— After a failure ———

  /** Tries again what a failure stopped; resolves when writes are taken again. Does nothing if nothing failed. */
  async resume(): Promise<void> {
    if (this.#health.failure === undefined) return;
    // No sync that began before may end in what comes now.
    await this.queue.drain();
    await this.#health.resume(() => this.#heal(), async () => {
      await new Promise<void>((resolve) => this.#surroundings.schedule(resolve));
      this.assertOpen("resume");
    });
    this.#background.wake();
  }

  /**
   * Makes everything sound again, in steps with others' turns in between. Power may be cut at any moment: until the
   * last step the old logs are there, and what they have is what memory has, but for a write that was rejected.
   */
  *#heal(): Generator<void> {
    this.tree.renewManifest(); // first: nothing can be changed, or removed, while it is in doubt
    this.#background.start();
    yield* this.#flushFrozen();
    if (this.#log!.needsSegment) {
      // A rejected write may be in the log, and what was acknowledged may be lost from it. So the log has to go, and
      // the memtable, which has exactly what reads see, into a table. Only then is the next number given again.
      this.#freeze(0);
      yield* this.#flushFrozen();
    }
    for (; this.#background.owesCompaction; yield) this.#background.step(SLICE_BYTES);
  }

  *#flushFrozen(): Generator<void> {
    for (; this.#memtables.frozenCount > 0; yield) this.#background.stepFlush(SLICE_BYTES);
  }

  /** Finishes what was asked for, makes it durable, and gives everything back. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#closing = promise; // first: a logger that hears of what is still written may call this again
      this.#close().then(resolve, reject);
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { options: { logger, onEvent }, directory } = this;
    const { now } = this.#surroundings;
    const startMs = now();
    // Everyone who calls from now on sees the database closed; what was asked for before is still written.
    await this.queue.drain();
    await this.#health.settled();
    this.#planner.requests.rejectAll(this.#closed("wait for background work"));
    await this.#background.close(); // never rejects
    this.#controller.close();
    for (const scan of [...this.#scans]) scan.close();
    this.#snapshots.clear();
    try {
      // Also after a failed flush or compaction; but a log that failed is not trusted again.
      if (this.#log?.isTrusted) this.#log.syncSync();
    } catch (error) {
      throw this.#health.fail("sync the log", error);
    } finally {
      this.#view.release();
      this.#log?.close();
      this.tree.close();
      this.#cache.close();
      this.#lock?.release();
      logger.log("info", "engine", `closed ${directory}`);
      const endMs = now();
      onEvent?.({ type: "close", durationMs: endMs - startMs, openMs: endMs - this.#openedMs });
    }
  }

  // ——— State ———

  #renewView(): void {
    const old = this.#view;
    this.#view = new ReadView(this.#memtables.newestFirst(), this.tree);
    const candidate = old.seekCandidate;
    if (candidate && this.tree.version.levels[candidate.level]!.includes(candidate.table)) {
      this.#view.seekCandidate = candidate; // its compaction is still to come
    }
    old.release();
  }

  #closed(action: string): VarveError {
    return new VarveError("CLOSED", `Cannot ${action}: database is closed: ${this.directory}`);
  }
}
