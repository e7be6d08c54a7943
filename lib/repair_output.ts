/**
 * **What.** The tables that a repair writes. They bear temporary names until all of them are on disk, so that a repair
 * that was cut off leaves nothing that looks like a table, and the next one begins with what the first one found.
 *
 * **Invariants.**
 * 1. A table has its name only when its contents survive a power cut.
 * 2. After {@linkcode RepairOutput.abandon} none of its files is left, under either name.
 * 3. Tables are written so that every LevelDB can read them.
 *
 * **Read next.** `log_salvage.ts`
 *
 * @module
 */
import { snappy } from "./compression.ts";
import type { Cursor } from "./cursor.ts";
import { VarveError } from "./errors.ts";
import { tableName, temporaryName } from "./file_names.ts";
import type { FileSystem, WritableFile } from "./file_system.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import { TableWriter } from "./table_writer.ts";
import { seekBudget, type TableMeta } from "./version_edit.ts";

/** Where tables go, and how. */
export interface RepairOutputOptions {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The database's directory. */
  readonly directory: string;
  /** The order of entries. */
  readonly comparator: InternalKeyComparator;
  /** A number that no file has. */
  readonly newFileNumber: () => number;
}

/** Writes tables under temporary names, and names them in the end. */
export class RepairOutput {
  /** The tables that are complete, in the order in which they were written. */
  readonly tables: TableMeta[] = [];
  readonly #options: RepairOutputOptions;
  /** The files that there are, under their present names. */
  readonly #names = new Set<string>();
  #file: WritableFile | undefined;
  #writer: TableWriter | undefined;
  #number = 0;
  #smallest: Uint8Array = new Uint8Array(0);

  /**
   * Makes an output without any table yet.
   *
   * @param options Where tables go, and how.
   */
  constructor(options: RepairOutputOptions) {
    this.#options = options;
  }

  /** Bytes in the table being written; 0 if there is none. */
  get tableBytes(): number {
    return this.#writer?.size ?? 0;
  }

  /**
   * Adds an entry that comes after all those before it in the same table.
   *
   * @param entry A cursor at the entry.
   */
  add(entry: Cursor): void {
    const { keyBuffer, keyStart, keyEnd } = entry;
    const writer = this.#writer ?? this.#begin(keyBuffer.slice(keyStart, keyEnd));
    writer.add(keyBuffer, keyStart, keyEnd, entry.valueBuffer, entry.valueStart, entry.valueEnd);
  }

  /**
   * Ends the table being written, and syncs it.
   *
   * @returns The table, or `undefined` if there was none.
   */
  cut(): TableMeta | undefined {
    const writer = this.#writer;
    const file = this.#file;
    if (writer === undefined || file === undefined) return undefined;
    const largest = writer.lastKey;
    const bytes = writer.finish();
    file.syncSync();
    file.close();
    this.#writer = undefined;
    this.#file = undefined;
    const table: TableMeta = {
      number: this.#number,
      bytes,
      smallest: this.#smallest,
      largest,
      allowedSeeks: seekBudget(bytes),
    };
    this.tables.push(table);
    return table;
  }

  /** Gives the tables their names. They survive a power cut once the directory is synced. */
  publish(): void {
    const { fileSystem } = this.#options;
    for (const { number } of this.tables) {
      const from = temporaryName(number);
      fileSystem.rename(this.#pathOf(from), this.#pathOf(tableName(number)));
      this.#names.delete(from);
      this.#names.add(tableName(number));
    }
  }

  /**
   * The present name of a table that is not published yet.
   *
   * @param table One of {@linkcode tables}.
   * @returns The name.
   */
  nameOf(table: TableMeta): string {
    return temporaryName(table.number);
  }

  /** Says that a manifest may name the tables: from now on they stay. */
  keep(): void {
    this.#names.clear();
  }

  /** Removes everything that was written, as far as that can be done. */
  abandon(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#writer = undefined;
    for (const name of this.#names) {
      try {
        this.#options.fileSystem.remove(this.#pathOf(name));
      } catch (error) {
        if (!(error instanceof VarveError)) throw error;
        // The next repair deals with it; what went wrong first is worth more to the caller.
      }
    }
    this.#names.clear();
  }

  #pathOf(name: string): string {
    return this.#options.fileSystem.join(this.#options.directory, name);
  }

  #begin(smallest: Uint8Array): TableWriter {
    const { fileSystem, comparator, newFileNumber } = this.#options;
    this.#number = newFileNumber();
    const name = temporaryName(this.#number);
    this.#names.add(name);
    this.#file = fileSystem.create(this.#pathOf(name));
    this.#smallest = smallest;
    this.#writer = new TableWriter(this.#file, {
      comparator,
      blockBytes: 4096,
      restartInterval: 16,
      // In an order of the caller's own, keys that are the same may differ in bytes, which a filter cannot know.
      filterBits: comparator.isBytewise ? 10 : 0,
      compression: snappy,
    });
    return this.#writer;
  }
}
