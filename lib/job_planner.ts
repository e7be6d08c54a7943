/**
 * **What.** Which flush or compaction is due, and what becomes of the tree when it is done. A job is described here, is
 * done wherever a runner does it, and comes back as a list of durable tables; only then, and only here, the tree
 * changes.
 *
 * **Invariants.**
 * 1. The tables that a job reads stay until its end.
 * 2. A flushed table goes to level 0 unless nothing is in its way, in the tree as it is by then and in what a
 *    compaction under way may write.
 * 3. A range that was asked to be compacted goes before what the tree's shape asks for.
 *
 * **Read next.** `write_controller.ts`
 *
 * @module
 */
import type { DueCompaction, DueJob, JobRun } from "./background.ts";
import { compactionEdit, describeCompaction, moveEdit, tablesRead } from "./compaction.ts";
import {
  type CompactionPlan,
  pickCompaction,
  type PickerOptions,
  planRange,
  type SeekCandidate,
} from "./compaction_picker.ts";
import { flushEdit } from "./flush.ts";
import { userKeyOf } from "./internal_key.ts";
import { EMPTY_RESULT, JobCounters, type JobResult } from "./job.ts";
import type { MemtableSet, MemtableSlot } from "./memtable_set.ts";
import type { EngineOptions } from "./options.ts";
import { BackgroundRequests } from "./requests.ts";
import { tableSettings } from "./table_output.ts";
import type { Tree } from "./tree.ts";

/** What is planned for. */
export interface JobPlannerContext {
  /** How the database was opened. */
  readonly options: EngineOptions;
  /** The tree that jobs change. */
  readonly tree: Tree;
  /** The memtables to be flushed. */
  readonly memtables: MemtableSet;
  /** Entries up to this sequence number are hidden by newer ones of the same key from every reader. */
  smallestSnapshot(): number;
  /** A table that was searched in vain too often. */
  seekCandidate(): SeekCandidate | undefined;
  /** What the compaction under way compacts. */
  compaction(): CompactionPlan | undefined;
  /** A memtable is in a table now. */
  flushed(slot: MemtableSlot): void;
  /** Tables were compacted. */
  compacted(): void;
}

/**
 * The shape that a database's tree should have.
 *
 * @param options The database's options.
 * @returns The picker's options.
 */
export function pickerOptions(options: EngineOptions): PickerOptions {
  return {
    tableBytes: options.tableBytes,
    levelZeroTrigger: options.levelZeroTables,
    baseLevelBytes: options.baseLevelBytes,
    levelMultiplier: 10,
    seekCompaction: options.seekCompaction,
  };
}

/** What an event says of how a job was done. */
function told({ isHere, durationMs }: JobRun) {
  return { durationMs, where: isHere ? "here" : "worker" } as const;
}

/** Plans the jobs of one database. */
export class JobPlanner {
  /** What jobs have cost. */
  readonly counters: JobCounters = new JobCounters();
  /** Who waits for which. */
  readonly requests: BackgroundRequests = new BackgroundRequests();
  readonly #context: JobPlannerContext;
  /** The shape that the tree should have. */
  readonly picking: PickerOptions;

  /**
   * Makes one.
   *
   * @param context What is planned for.
   */
  constructor(context: JobPlannerContext) {
    this.#context = context;
    this.picking = pickerOptions(context.options);
  }

  /** The next flush to do, or `undefined` if there is none. */
  nextFlush(): DueJob | undefined {
    const { memtables, options, tree } = this.#context;
    const slot = memtables.oldestFrozen;
    if (slot === undefined || options.readOnly) return undefined;
    const { buffer, usedBytes } = slot.memtable;
    const { counters } = this;
    return {
      description: {
        kind: "flush",
        memtable: buffer,
        bytes: usedBytes,
        smallestSnapshot: this.#context.smallestSnapshot(),
        tables: tableSettings(options),
      },
      install: (result, run) => {
        const edit = flushEdit({
          lastSequence: slot.lastSequence,
          nextLogNumber: memtables.logNumberAfterFlush,
          level: (smallest, largest) => this.#flushLevel(smallest, largest),
        }, result);
        tree.apply(edit);
        counters.flushes++;
        counters.flushBytes += result.bytesWritten;
        counters.flushMs += run.durationMs;
        counters.droppedEntries += result.droppedEntries;
        memtables.removeOldest();
        this.#context.flushed(slot);
        this.requests.flushed(slot);
        options.onEvent?.({
          type: "flush",
          ...told(run),
          entries: slot.memtable.entryCount,
          droppedEntries: result.droppedEntries,
          memtableBytes: usedBytes,
          bytesWritten: result.bytesWritten,
          table: edit.added[0]?.table.number,
          level: edit.added[0]?.level,
        });
      },
      abandon() {},
    };
  }

  /** The next compaction to do, or `undefined` if there is none. */
  nextCompaction(): DueCompaction | undefined {
    const { options, tree } = this.#context;
    if (options.readOnly) return undefined;
    const { version, compactPointers } = tree;
    for (let request; (request = this.requests.nextCompaction) !== undefined;) {
      const { level, begin, end } = request;
      const plan = planRange(version, level, begin, end, this.picking);
      if (plan !== undefined) return this.#due(plan);
      this.requests.compacted(); // nothing of the range is left in this level
    }
    const candidate = this.#context.seekCandidate();
    const plan = pickCompaction(version, compactPointers, this.picking, candidate);
    return plan && this.#due(plan);
  }

  #due(plan: CompactionPlan): DueCompaction {
    const { options, tree } = this.#context;
    const { version } = tree;
    if (plan.isTrivialMove) {
      const install = (_: JobResult, run: JobRun) => {
        tree.apply(moveEdit(plan));
        this.counters.trivialMoves++;
        this.#compacted(plan, run, EMPTY_RESULT, 0);
      };
      return { plan, description: undefined, install, abandon() {} };
    }
    const description = describeCompaction(version, plan, {
      smallestSnapshot: this.#context.smallestSnapshot(),
      tableBytes: options.tableBytes,
      tables: tableSettings(options),
    });
    tree.retain(version);
    const release = () => tree.release(version);
    return {
      plan,
      description,
      install: (result, run) => {
        const { counters } = this;
        try {
          tree.apply(compactionEdit(plan, result.tables));
        } finally {
          release();
        }
        counters.compactions++;
        counters.compactionWriteBytes += result.bytesWritten;
        counters.compactionReadBytes += description.bytes;
        counters.droppedEntries += result.droppedEntries;
        this.#compacted(plan, run, result, description.bytes);
      },
      abandon: release,
    };
  }

  #compacted(plan: CompactionPlan, run: JobRun, result: JobResult, bytesRead: number): void {
    const { options: { logger, onEvent } } = this.#context;
    const { level, outputLevel, reason, isTrivialMove } = plan;
    this.counters.compactionMs += run.durationMs;
    this.#context.compacted();
    // Level 0 is done in one go: tables flushed meanwhile were not asked for.
    if (reason === "manual" && level === 0) this.requests.compacted();
    const read = tablesRead(plan);
    const counts = read.map((tables, i) => `${tables.length} of level ${level + i}`);
    logger.log(
      "debug",
      "compaction",
      `tables: ${counts.join(", ")} (${reason}${isTrivialMove ? ", moved" : ""})`,
    );
    onEvent?.({
      type: "compaction",
      ...told(run),
      reason,
      isMove: isTrivialMove,
      level,
      outputLevel,
      tablesRead: read.flat().length,
      tablesWritten: isTrivialMove ? 1 : result.tables.length,
      bytesRead,
      bytesWritten: result.bytesWritten,
      droppedEntries: result.droppedEntries,
    });
  }

  /** The level a flushed table may go to: not below a table it overlaps, nor into what is being written. */
  #flushLevel(smallest: Uint8Array, largest: Uint8Array): number {
    const { tree } = this.#context;
    const compaction = this.#context.compaction();
    if (compaction !== undefined) {
      // Its outputs may span everything from the first to the last key of its inputs, gaps included.
      const { user } = tree.version.comparator;
      const inputs = tablesRead(compaction).flat();
      const isBefore = inputs.every((table) =>
        user.compare(largest, userKeyOf(table.smallest)) < 0
      );
      const isAfter = inputs.every((table) => user.compare(smallest, userKeyOf(table.largest)) > 0);
      if (!isBefore && !isAfter) return 0;
    }
    return tree.version.levelForFlush(smallest, largest, this.picking);
  }
}
