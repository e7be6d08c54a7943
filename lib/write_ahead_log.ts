/**
 * **What.** The write-ahead log of a running database: one segment (a log file) for each memtable. A segment
 * stays until its memtable is in a table.
 *
 * **Invariants.**
 * 1. A segment holds exactly the entries of its memtable.
 * 2. A segment's name is durable before anything is written to it.
 * 3. Segments become durable oldest first: when a sync returns, everything written before it was called is
 *    durable, older segments included. So a power cut takes a tail of the history, never a middle.
 * 4. A segment's handle is given back only when no sync of it is under way.
 * 5. After a failed write or sync the segments that are there then are suspect: they may end in half a record, or
 *    have lost what was written before. They are never written, synced or trusted again, only removed.
 * 6. Awaited syncs of a segment have a handle of their own: a system that has lost pages says so once for each handle,
 *    and a synchronous sync must hear of it though an awaited one, which settles later, may have been told first.
 *
 * **Read next.** `commit_queue.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import { logName } from "./file_names.ts";
import { FileRemover } from "./file_remover.ts";
import type { FileSystem, WritableFile } from "./file_system.ts";
import { LogWriter } from "./log.ts";
import type { Logger } from "./logger.ts";
import { BATCH_ROOM_BYTES, type WriteBatch } from "./write_batch.ts";

/** One log file. */
class Segment {
  readonly number: number;
  readonly writer: LogWriter;
  readonly #fileSystem: FileSystem;
  syncedBytes = 0;
  /** Syncs under way. */
  syncs = 0;
  isRetired = false;
  /** Whether a write or a sync failed while it was there (invariant 5). */
  isSuspect = false;
  /** For awaited syncs (invariant 6); opened by the first of them. */
  #awaited: WritableFile | undefined;

  constructor(fileSystem: FileSystem, number: number, writer: LogWriter) {
    this.#fileSystem = fileSystem;
    this.number = number;
    this.writer = writer;
  }

  get isDirty(): boolean {
    return this.writer.size > this.syncedBytes;
  }

  async sync(): Promise<void> {
    const size = this.writer.size;
    this.syncs++;
    try {
      this.#awaited ??= this.#fileSystem.openAppend(this.writer.file.path);
      await this.#awaited.sync();
    } catch (error) {
      this.isSuspect = true; // before anyone else has a turn
      throw error;
    } finally {
      this.syncs--;
      if (this.isRetired && this.syncs === 0) this.#close();
    }
    // Another sync failed meanwhile: this one proves nothing about bytes that the failed one may have lost.
    this.assertTrusted();
    if (size > this.syncedBytes) this.syncedBytes = size;
  }

  syncSync(): void {
    const size = this.writer.size;
    this.writer.file.syncSync();
    this.syncedBytes = size;
  }

  assertTrusted(): void {
    if (!this.isSuspect) return;
    throw new VarveError(
      "IO",
      `Cannot go on with log: an earlier write or sync failed: ${this.writer.file.path}`,
    );
  }

  retire(): void {
    this.isRetired = true;
    if (this.syncs === 0) this.#close();
  }

  #close(): void {
    this.writer.file.close();
    this.#awaited?.close();
  }
}

/** The log segments that are still needed; writes go to the newest. */
export class WriteAheadLog {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #remover: FileRemover;
  /** Oldest first. */
  #segments: Segment[];
  #active: Segment;
  #bytesWritten = 0;
  #hasFailedToRotate = false;

  /**
   * Takes over the first segment, whose name is durable.
   *
   * @param fileSystem The disk.
   * @param directory The database's directory.
   * @param logger Who is told about segments.
   * @param writer The first segment.
   * @param number Its number.
   * @param remover Removes segments; by default at once.
   */
  constructor(
    fileSystem: FileSystem,
    directory: string,
    logger: Logger,
    writer: LogWriter,
    number: number,
    remover: FileRemover = new FileRemover(fileSystem, logger),
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#logger = logger;
    this.#remover = remover;
    this.#active = new Segment(fileSystem, number, writer);
    this.#segments = [this.#active];
  }

  /** Bytes written, framing included. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** How many segments there are. */
  get segments(): number {
    return this.#segments.length;
  }

  /** Whether no segment that is still needed is suspect (invariant 5). */
  get isTrusted(): boolean {
    return !this.#segments.some(({ isSuspect }) => isSuspect);
  }

  /** Whether a new segment must be started before anything is written. */
  get needsSegment(): boolean {
    return this.#hasFailedToRotate || !this.isTrusted;
  }

  /** Writes one record as {@linkcode LogWriter.add} does: the operating system has it when this returns. */
  add(buffer: Uint8Array, start: number, end: number, room: number = 0): void {
    const segment = this.#active;
    segment.assertTrusted();
    const { writer } = segment;
    const before = writer.size;
    try {
      writer.add(buffer, start, end, room);
    } catch (error) {
      this.#suspectAll();
      throw error;
    }
    this.#bytesWritten += writer.size - before;
  }

  /** Writes a batch as one record, framed in the batch's own memory. */
  addBatch(batch: WriteBatch): void {
    this.add(batch.memory, BATCH_ROOM_BYTES, BATCH_ROOM_BYTES + batch.byteLength, BATCH_ROOM_BYTES);
  }

  /** Starts a new segment. */
  rotate(number: number): void {
    const path = this.#fileSystem.join(this.#directory, logName(number));
    this.#hasFailedToRotate = true;
    let file: WritableFile | undefined;
    try {
      file = this.#fileSystem.create(path);
      this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      file?.close();
      if (file !== undefined) this.#remover.remove([path], "log");
      throw error;
    }
    this.#hasFailedToRotate = false;
    this.#active = new Segment(this.#fileSystem, number, new LogWriter(file));
    this.#segments.push(this.#active);
    this.#logger.log("debug", "log", `started ${path}`);
  }

  /** Makes everything written before the call durable. */
  async sync(): Promise<void> {
    for (const segment of [...this.#segments]) {
      // A segment retired meanwhile is in a durable table.
      if (!segment.isDirty || segment.isRetired) continue;
      segment.assertTrusted();
      try {
        await segment.sync();
      } catch (error) {
        this.#suspectAll();
        throw error;
      }
    }
  }

  /** The same, holding up the caller. */
  syncSync(): void {
    for (const segment of this.#segments) {
      if (!segment.isDirty) continue;
      segment.assertTrusted();
      try {
        segment.syncSync();
      } catch (error) {
        this.#suspectAll();
        throw error;
      }
    }
  }

  /** Removes the segments below `number`: their memtables are in tables. */
  removeBefore(number: number): void {
    while (this.#segments.length > 1 && this.#segments[0]!.number < number) {
      const segment = this.#segments.shift()!;
      segment.retire();
      this.#remover.remove([segment.writer.file.path], "log");
    }
  }

  /** Gives all handles back. Does not sync. */
  close(): void {
    for (const segment of this.#segments) segment.retire();
    this.#segments = [];
  }

  /** What made one segment fail may have taken bytes of the others: none of them is trusted any more. */
  #suspectAll(): void {
    for (const segment of this.#segments) segment.isSuspect = true;
  }
}
