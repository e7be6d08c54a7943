/**
 * **What.** The way from sorted entries to durable tables, for flushes and compactions alike: opens a new table
 * when one is needed, remembers its bounds, and makes file and directory durable before anyone may refer to it.
 *
 * **Invariants.**
 * 1. When {@linkcode TableOutput.finish} returns, contents and names of all tables survive a power cut.
 * 2. After {@linkcode TableOutput.abandon} none of its files is left; finished ones stay, since a manifest may name
 *    them.
 * 3. A table is never cut between two versions of one user key; the caller sees to it.
 *
 * **Read next.** `level_cursor.ts`
 *
 * @module
 */
import { type Compressor, snappy, zstd } from "./compression.ts";
import type { Cursor } from "./cursor.ts";
import { tableName } from "./file_names.ts";
import type { WritableFile } from "./file_system.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import type { CompressionName, EngineOptions } from "./options.ts";
import { TableWriter, type TableWriterOptions } from "./table_writer.ts";
import type { JobContext } from "./tree.ts";
import { seekBudget, type TableMeta } from "./version_edit.ts";

const COMPRESSORS: Record<CompressionName, Compressor | undefined> = {
  none: undefined,
  snappy,
  zstd,
};

/** The options of a database that its tables are written by: plain data, which a worker can be given. */
export type TableSettings = Pick<
  EngineOptions,
  "blockBytes" | "restartInterval" | "filterBits" | "compression"
>;

/**
 * The part of a database's options that its tables are written by.
 *
 * @param options All of them.
 * @returns That part.
 */
export function tableSettings(options: EngineOptions): TableSettings {
  const { blockBytes, restartInterval, filterBits, compression } = options;
  return { blockBytes, restartInterval, filterBits, compression };
}

/**
 * How the tables of a level are written.
 *
 * @param options The database's options.
 * @param comparator The order of internal keys.
 * @param level The level.
 * @returns The writer's options.
 */
export function tableWriterOptions(
  options: TableSettings,
  comparator: InternalKeyComparator,
  level: number,
): TableWriterOptions {
  const { blockBytes, restartInterval, filterBits, compression } = options;
  const name = compression[Math.min(level, compression.length - 1)]!;
  return {
    comparator,
    blockBytes,
    restartInterval,
    filterBits,
    compression: COMPRESSORS[name],
  };
}

/** Where tables go, and where they get their numbers. */
export type OutputContext = Pick<
  JobContext,
  "fileSystem" | "directory" | "fileNumbers" | "logger"
>;

/** Writes tables one after another. */
export class TableOutput {
  readonly #context: OutputContext;
  readonly #options: TableWriterOptions;
  readonly #tables: TableMeta[] = [];
  readonly #numbers: number[] = [];
  #file: WritableFile | undefined;
  #writer: TableWriter | undefined;
  #smallest = new Uint8Array(0);
  #bytesWritten = 0;

  /**
   * Makes an output without any table yet.
   *
   * @param context Where they go.
   * @param options How tables are written.
   */
  constructor(context: OutputContext, options: TableWriterOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Bytes in the table being written; 0 if there is none. */
  get tableBytes(): number {
    return this.#writer?.size ?? 0;
  }

  /** Bytes in finished tables. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Adds a cursor's current entry, which comes after all that were added before. */
  add(entry: Cursor): void {
    const { keyBuffer, keyStart, keyEnd } = entry;
    const writer = this.#writer ?? this.#begin(keyBuffer.slice(keyStart, keyEnd));
    writer.add(keyBuffer, keyStart, keyEnd, entry.valueBuffer, entry.valueStart, entry.valueEnd);
  }

  /** Ends the table being written, if there is one: the next entry goes to another. */
  cut(): void {
    const writer = this.#writer;
    const file = this.#file;
    if (writer === undefined || file === undefined) return;
    const largest = writer.lastKey;
    const bytes = writer.finish();
    file.syncSync();
    file.close();
    this.#writer = undefined;
    this.#file = undefined;
    this.#bytesWritten += bytes;
    this.#tables.push({
      number: this.#numbers.at(-1)!,
      bytes,
      smallest: this.#smallest,
      largest,
      allowedSeeks: seekBudget(bytes),
    });
  }

  /**
   * Ends the last table and makes all of them durable.
   *
   * @returns The tables, in key order.
   */
  finish(): TableMeta[] {
    this.cut();
    const { fileSystem, directory } = this.#context;
    if (this.#tables.length > 0) fileSystem.syncDirectory(directory);
    // From here on a manifest may name them, even one whose sync fails: they must not be removed any more.
    this.#numbers.length = 0;
    return this.#tables;
  }

  /** Removes everything that was written, unless it is finished. */
  abandon(): void {
    const { fileSystem, logger } = this.#context;
    this.#file?.close();
    this.#file = undefined;
    this.#writer = undefined;
    for (const number of this.#numbers) {
      try {
        fileSystem.remove(this.#pathOf(number));
      } catch (error) {
        // Left for the next open, which removes every table that the manifest does not name.
        logger.log("warn", "table output", `cannot remove table ${number}: ${error}`);
      }
    }
    this.#numbers.length = 0;
  }

  #begin(smallest: Uint8Array<ArrayBuffer>): TableWriter {
    const number = this.#context.fileNumbers.next();
    this.#numbers.push(number);
    this.#file = this.#context.fileSystem.create(this.#pathOf(number));
    this.#writer = new TableWriter(this.#file, this.#options);
    this.#smallest = smallest;
    return this.#writer;
  }

  #pathOf(number: number): string {
    const { fileSystem, directory } = this.#context;
    return fileSystem.join(directory, tableName(number));
  }
}
