/**
 * **What.** Folding: tables of one level are merged with those of the next that they overlap, into new tables of
 * the next level; a manual compaction may pass several levels at once. Versions that nobody can see are left out, and
 * tombstones when nothing lies below them.
 *
 * The job is given the tables that it reads, and those below that have keys of its range: all that its questions are
 * about. So it can be done in a worker while the tree goes on changing, as long as these tables stay.
 *
 * **Invariants.**
 * 1. Outputs are durable before the manifest names them; inputs stay until no reader holds them.
 * 2. A tombstone is dropped only if no deeper level can hold its key and no snapshot is older than it.
 * 3. Outputs are cut only between user keys, when they are large enough or would overlap too much of the level
 *    after the next.
 * 4. What is left out depends on the snapshots at the start: later ones see at least as much.
 *
 * Source: LevelDB's `DBImpl::DoCompactionWork`.
 *
 * **Read next.** `mailbox.ts`
 *
 * @module
 */
import type { CompactionPlan } from "./compaction_picker.ts";
import { BaseLevelChecker, OutputCutter } from "./compaction_rules.ts";
import type { Cursor } from "./cursor.ts";
import { KIND_TOMBSTONE, kindAt, sequenceAt, TRAILER_BYTES, userKeyOf } from "./internal_key.ts";
import { HiddenVersions, type Job, type JobResult } from "./job.ts";
import { LevelCursor } from "./level_cursor.ts";
import { mergeCursors } from "./merge_cursor.ts";
import { TableOutput, type TableSettings, tableWriterOptions } from "./table_output.ts";
import type { JobContext } from "./tree.ts";
import { totalBytes, Version } from "./version.ts";
import {
  emptyVersionEdit,
  LEVELS,
  seekBudget,
  type TableMeta,
  type VersionEdit,
} from "./version_edit.ts";

/** A compaction to be done: plain data. */
export interface CompactionDescription {
  /** Tells it from a flush. */
  readonly kind: "compaction";
  /** Where the inputs are. */
  readonly level: number;
  /** Where the outputs go. */
  readonly outputLevel: number;
  /**
   * For each level of the tree the tables that matter: the inputs, those down to the output level that they are merged
   * with, and of the levels below all that have keys of their range.
   */
  readonly levels: readonly (readonly TableMeta[])[];
  /** Bytes of the tables to be read. */
  readonly bytes: number;
  /** Entries up to this sequence number are hidden by newer ones of the same key from every reader. */
  readonly smallestSnapshot: number;
  /** About how large a table gets. */
  readonly tableBytes: number;
  /** How tables are written. */
  readonly tables: TableSettings;
}

/** How a compaction is to be done. */
export type CompactionSettings = Pick<
  CompactionDescription,
  "smallestSnapshot" | "tableBytes" | "tables"
>;

/**
 * Describes a compaction.
 *
 * @param version The tree that the plan was made for.
 * @param plan What to compact.
 * @param settings How.
 * @returns The description.
 */
export function describeCompaction(
  version: Version,
  plan: CompactionPlan,
  settings: CompactionSettings,
): CompactionDescription {
  const { level, outputLevel, grandparents } = plan;
  const readLevels = tablesRead(plan);
  const read = readLevels.flat();
  const { user } = version.comparator;
  const begin = read.map((table) => userKeyOf(table.smallest))
    .reduce((a, b) => user.compare(b, a) < 0 ? b : a);
  const end = read.map((table) => userKeyOf(table.largest))
    .reduce((a, b) => user.compare(b, a) > 0 ? b : a);
  const levels = version.levels.map((_, at): readonly TableMeta[] => {
    if (at <= outputLevel) return readLevels[at - level] ?? [];
    if (at === outputLevel + 1) return grandparents;
    return version.overlapping(at, begin, end);
  });
  return { kind: "compaction", level, outputLevel, levels, bytes: totalBytes(read), ...settings };
}

/** Carries out one compaction. */
export class CompactionJob implements Job {
  readonly #context: JobContext;
  readonly #description: CompactionDescription;
  readonly #output: TableOutput;
  readonly #hidden: HiddenVersions;
  readonly #baseLevel: BaseLevelChecker;
  readonly #cutter: OutputCutter;
  #entries: Cursor | undefined;
  #droppedEntries = 0;

  /**
   * Prepares a compaction; nothing is read or written before the first step.
   *
   * @param context What it works with.
   * @param description What to compact, and how. Its tables must stay until the job is done or given up.
   */
  constructor(context: JobContext, description: CompactionDescription) {
    const { comparator } = context;
    const { outputLevel, levels, smallestSnapshot, tables } = description;
    this.#context = context;
    this.#description = description;
    this.#output = new TableOutput(context, tableWriterOptions(tables, comparator, outputLevel));
    this.#hidden = new HiddenVersions(smallestSnapshot, comparator);
    this.#baseLevel = new BaseLevelChecker(new Version(comparator, levels), outputLevel);
    const grandparents = outputLevel + 1 < LEVELS ? levels[outputLevel + 1]! : [];
    this.#cutter = new OutputCutter(comparator, grandparents, description);
  }

  /** {@inheritDoc} */
  step(bytes: number): JobResult | undefined {
    const entries = this.#entries ??= this.#open();
    for (let left = bytes; entries.valid;) {
      left -= entries.keyEnd - entries.keyStart + entries.valueEnd - entries.valueStart;
      this.#take(entries);
      entries.next();
      if (left <= 0) break;
    }
    if (entries.valid) return undefined;
    const tables = this.#output.finish();
    entries.close();
    const { bytesWritten } = this.#output;
    return { tables, bytesWritten, droppedEntries: this.#droppedEntries };
  }

  /** {@inheritDoc} */
  abandon(): void {
    this.#entries?.close();
    this.#entries = undefined;
    this.#output.abandon();
  }

  #take(entries: Cursor): void {
    const { keyBuffer, keyStart, keyEnd } = entries;
    const { smallestSnapshot } = this.#description;
    const userEnd = keyEnd - TRAILER_BYTES;
    const sequence = sequenceAt(keyBuffer, keyEnd);
    const hidden = this.#hidden;
    let isDropped = hidden.isHidden(keyBuffer, keyStart, userEnd, sequence);
    if (
      hidden.isNewUserKey &&
      this.#cutter.isCutBefore(keyBuffer, keyStart, keyEnd, this.#output.tableBytes)
    ) this.#output.cut();
    // Older versions of a dropped tombstone's key come next, and are hidden by it all the same.
    isDropped ||= kindAt(keyBuffer, keyEnd) === KIND_TOMBSTONE &&
      sequence <= smallestSnapshot &&
      this.#baseLevel.isGoneBelow(keyBuffer, keyStart, userEnd);
    if (isDropped) this.#droppedEntries++;
    else this.#output.add(entries);
  }

  #open(): Cursor {
    const { cache, comparator } = this.#context;
    const { level, outputLevel, levels } = this.#description;
    const options = { fillPool: false };
    const children: Cursor[] = [];
    try {
      for (let at = level; at <= outputLevel; at++) {
        const tables = levels[at]!;
        if (at === 0) {
          for (const table of tables) children.push(cache.cursor(table.number, options));
        } else if (tables.length > 0) {
          children.push(new LevelCursor(tables, comparator, cache, options));
        }
      }
      const merged = mergeCursors(comparator, children);
      merged.first();
      return merged;
    } catch (error) {
      for (const child of children) child.close();
      throw error;
    }
  }
}

/**
 * The tables that a compaction reads, level by level from that of its inputs to that of its outputs.
 *
 * @param plan What is compacted.
 * @returns The tables; those of a level below 0 in key order.
 */
export function tablesRead(plan: CompactionPlan): TableMeta[][] {
  return [plan.inputs, ...plan.between, plan.overlapping];
}

/**
 * What a compaction changes in the tree.
 *
 * @param plan What was compacted.
 * @param tables The new tables.
 * @returns The edit: the inputs go, the new tables come, and the level's next compaction begins after them.
 */
export function compactionEdit(plan: CompactionPlan, tables: readonly TableMeta[]): VersionEdit {
  const { level, outputLevel, compactPointer } = plan;
  const edit = emptyVersionEdit();
  for (const [i, read] of tablesRead(plan).entries()) {
    for (const { number } of read) edit.deleted.push({ level: level + i, number });
  }
  edit.compactPointers.push({ level, key: compactPointer });
  for (const table of tables) edit.added.push({ level: outputLevel, table });
  return edit;
}

/**
 * The same for a trivial move, which needs no job.
 *
 * @param plan Says that it is one.
 * @returns The edit: the one input goes to the next level, where it may be searched in vain again.
 */
export function moveEdit(plan: CompactionPlan): VersionEdit {
  const table = plan.inputs[0]!;
  return compactionEdit(plan, [{ ...table, allowedSeeks: seekBudget(table.bytes) }]);
}
