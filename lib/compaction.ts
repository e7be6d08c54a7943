/**
 * **What.** Folding: tables of one level are merged with those of the next that they overlap, into new tables of
 * the next level. Versions that nobody can see are left out, and tombstones when nothing lies below them.
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
 * **Read next.** `background.ts`
 *
 * @module
 */
import type { CompactionPlan, PickerOptions } from "./compaction_picker.ts";
import { BaseLevelChecker, OutputCutter } from "./compaction_rules.ts";
import type { Cursor } from "./cursor.ts";
import { KIND_TOMBSTONE, kindAt, sequenceAt, TRAILER_BYTES } from "./internal_key.ts";
import { HiddenVersions, type Job, type JobContext } from "./job.ts";
import { LevelCursor } from "./level_cursor.ts";
import { mergeCursors } from "./merge_cursor.ts";
import { TableOutput } from "./table_output.ts";
import { totalBytes, type Version } from "./version.ts";
import { emptyVersionEdit, seekBudget, type VersionEdit } from "./version_edit.ts";

/** Carries out one compaction. */
export class CompactionJob implements Job {
  /** What is compacted. */
  readonly plan: CompactionPlan;
  readonly #context: JobContext;
  readonly #version: Version;
  readonly #output: TableOutput;
  readonly #hidden: HiddenVersions;
  readonly #smallestSnapshot: number;
  readonly #baseLevel: BaseLevelChecker;
  readonly #cutter: OutputCutter;
  #entries: Cursor | undefined;
  #isClosed = false;

  /**
   * Prepares a compaction of the tree's current version.
   *
   * @param context What it works with.
   * @param plan What to compact.
   * @param options The sizes that outputs are cut by.
   */
  constructor(context: JobContext, plan: CompactionPlan, options: PickerOptions) {
    const { tree } = context;
    this.plan = plan;
    this.#context = context;
    this.#version = tree.version;
    tree.retain(this.#version);
    this.#output = new TableOutput(tree, context.tableOptions(plan.outputLevel));
    this.#smallestSnapshot = context.smallestSnapshot();
    this.#hidden = new HiddenVersions(this.#smallestSnapshot, tree.context.comparator);
    this.#baseLevel = new BaseLevelChecker(this.#version, plan.outputLevel);
    this.#cutter = new OutputCutter(tree.context.comparator, plan.grandparents, options);
  }

  /** {@inheritDoc} */
  step(bytes: number): boolean {
    if (this.plan.isTrivialMove && this.plan.reason !== "manual") {
      this.#move();
      return true;
    }
    const entries = this.#entries ??= this.#open();
    for (let left = bytes; entries.valid;) {
      left -= entries.keyEnd - entries.keyStart + entries.valueEnd - entries.valueStart;
      this.#take(entries);
      entries.next();
      if (left <= 0) break;
    }
    if (entries.valid) return false;
    this.#install();
    return true;
  }

  /** {@inheritDoc} */
  abandon(): void {
    this.#close();
    this.#output.abandon();
  }

  #take(entries: Cursor): void {
    const { keyBuffer, keyStart, keyEnd } = entries;
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
      sequence <= this.#smallestSnapshot &&
      this.#baseLevel.isGoneBelow(keyBuffer, keyStart, userEnd);
    if (isDropped) this.#context.counters.droppedEntries++;
    else this.#output.add(entries);
  }

  #open(): Cursor {
    const { cache, comparator } = this.#context.tree.context;
    const { level, inputs, overlapping } = this.plan;
    const options = { fillPool: false };
    const children: Cursor[] = [];
    try {
      if (level === 0) {
        for (const table of inputs) children.push(cache.cursor(table.number, options));
      } else {
        children.push(new LevelCursor(inputs, comparator, cache, options));
      }
      if (overlapping.length > 0) {
        children.push(new LevelCursor(overlapping, comparator, cache, options));
      }
      const merged = mergeCursors(comparator, children);
      merged.first();
      return merged;
    } catch (error) {
      for (const child of children) child.close();
      throw error;
    }
  }

  #move(): void {
    const { tree, counters } = this.#context;
    const table = this.plan.inputs[0]!;
    const edit = this.#edit();
    const moved = { ...table, allowedSeeks: seekBudget(table.bytes) };
    edit.added.push({ level: this.plan.outputLevel, table: moved });
    tree.apply(edit);
    counters.trivialMoves++;
    this.#close();
  }

  #install(): void {
    const { tree, counters } = this.#context;
    const edit = this.#edit();
    for (const table of this.#output.finish()) {
      edit.added.push({ level: this.plan.outputLevel, table });
    }
    tree.apply(edit);
    counters.compactions++;
    counters.compactionWriteBytes += this.#output.bytesWritten;
    counters.compactionReadBytes += totalBytes(this.plan.inputs) +
      totalBytes(this.plan.overlapping);
    this.#close();
  }

  /** The part of the edit that every compaction has: its inputs go, and the next one begins after them. */
  #edit(): VersionEdit {
    const { level, outputLevel, inputs, overlapping, compactPointer } = this.plan;
    const edit = emptyVersionEdit();
    for (const { number } of inputs) edit.deleted.push({ level, number });
    for (const { number } of overlapping) edit.deleted.push({ level: outputLevel, number });
    edit.compactPointers.push({ level, key: compactPointer });
    return edit;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#entries?.close();
    this.#context.tree.release(this.#version);
  }
}
