/**
 * **What.** The open tables. A table is opened when it is first asked, and stays open for the next time; when more
 * than so many are open, the one that has been idle for longest is closed.
 *
 * **Invariants.**
 * 1. At most `maxOpenTables` are open, but for those that are in use: these are never closed under their users, and
 *    may exceed the limit until they are released.
 * 2. A table that was dropped is closed as soon as nobody uses it. Its number is never used for another one.
 * 3. What filters have saved is counted over all tables, also those that have been closed.
 *
 * **Read next.** `merge_cursor.ts`
 *
 * @module
 */
import type { BufferPool } from "./buffer_pool.ts";
import type { Cursor } from "./cursor.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { oldTableName, tableName } from "./file_names.ts";
import type { FileSystem, ReadableFile } from "./file_system.ts";
import type { InternalKeyComparator, Lookup } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import { type TableCursorOptions, TableReader } from "./table_reader.ts";

/** What tables are opened with. */
export interface TableCacheOptions {
  /** The disk they are on. */
  readonly fileSystem: FileSystem;
  /** The directory they are in. */
  readonly directory: string;
  /** The order of their entries. */
  readonly comparator: InternalKeyComparator;
  /** Where their blocks are kept. */
  readonly pool: BufferPool;
  /** How many tables may be open, at least 1. */
  readonly maxOpenTables: number;
}

/**
 * What the open tables take, and what their filters have saved.
 *
 * @example A search that the filter spared
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.batch().put("a", "1").put("z", "2").commit();
 * await db.flush();
 * assertEquals(await db.has("not there"), false);
 * const { openTables, filterProbes, filterSaves } = db.stats().tables;
 * assertEquals([openTables, filterProbes, filterSaves], [1, 1, 1]);
 * ```
 *
 * @category Statistics
 */
export interface TableCacheStats {
  /** Tables that are open now. */
  readonly openTables: number;
  /** How many may be. */
  readonly maxOpenTables: number;
  /** How often a table was opened. */
  readonly opens: number;
  /** How often a filter was asked. */
  readonly filterProbes: number;
  /** How often it said that the key is not there. */
  readonly filterSaves: number;
}

/** An open table, and who uses it. */
class OpenTable {
  readonly reader: TableReader;
  /** How many users would be surprised if it were closed. */
  users = 0;
  /** When it was asked last, in questions to the cache. */
  lastUse = 0;
  isDropped = false;

  constructor(reader: TableReader) {
    this.reader = reader;
  }
}

/**
 * Tables by number.
 *
 * @example Asking a table for a key
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createBufferPool } from "./buffer_pool.ts";
 * import { DELETED, InternalKeyComparator, Lookup, makeInternalKey } from "./internal_key.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 * import { TableCache } from "./table_cache.ts";
 * import { TableWriter } from "./table_writer.ts";
 *
 * const fileSystem = new MemoryFileSystem();
 * fileSystem.makeDirectory("data");
 * const comparator = new InternalKeyComparator();
 * const file = fileSystem.create(fileSystem.join("data", "000005.ldb"));
 * const writer = new TableWriter(file, {
 *   comparator,
 *   blockBytes: 4096,
 *   restartInterval: 16,
 *   filterBits: 10,
 *   compression: undefined,
 * });
 * const clay = new TextEncoder().encode("clay");
 * writer.add(makeInternalKey(clay, 7, 0), 0, 12, clay, 0, 0); // a tombstone
 * writer.finish();
 * file.close();
 *
 * const pool = createBufferPool({ capacityBytes: 1 << 20 });
 * const cache = new TableCache({ fileSystem, directory: "data", comparator, pool, maxOpenTables: 100 });
 * const lookup = new Lookup();
 * lookup.key.set(clay);
 * lookup.begin(clay.length, 7);
 * cache.get(5, lookup);
 * assertEquals(lookup.outcome, DELETED);
 * cache.close();
 * ```
 */
export class TableCache {
  readonly #options: TableCacheOptions;
  readonly #tables = new Map<number, OpenTable>();
  #clock = 0;
  #opens = 0;
  #closedProbes = 0;
  #closedSaves = 0;

  /**
   * Makes a cache without open tables.
   *
   * @param options What tables are opened with.
   */
  constructor(options: TableCacheOptions) {
    invariant(options.maxOpenTables >= 1, "one table can be open");
    this.#options = options;
  }

  /**
   * Asks a table for a key, as {@linkcode TableReader.get} does.
   *
   * @param number The table's file number.
   * @param lookup The question, and the room for the answer.
   * @throws {CorruptionError} If the table is missing or damaged.
   */
  get(number: number, lookup: Lookup): void {
    this.#table(number).reader.get(lookup);
  }

  /**
   * A cursor over a table, which stays open until the cursor is closed.
   *
   * @param number The table's file number.
   * @param options How the cursor reads.
   * @returns The cursor, at no entry.
   * @throws {CorruptionError} If the table is missing or damaged.
   */
  cursor(number: number, options?: TableCursorOptions): Cursor {
    return this.acquire(number).cursor(options, () => this.release(number));
  }

  /**
   * A table, to be used until it is released.
   *
   * @param number The table's file number.
   * @returns The table. Whoever gets it calls {@linkcode release} once, and never closes it.
   * @throws {CorruptionError} If the table is missing or damaged.
   */
  acquire(number: number): TableReader {
    const table = this.#table(number);
    table.users++;
    return table.reader;
  }

  /**
   * Ends a use.
   *
   * @param number The table's file number.
   */
  release(number: number): void {
    const table = this.#tables.get(number);
    invariant(table !== undefined && table.users > 0, "a table is released as often as acquired");
    table.users--;
    if (table.users > 0) return;
    if (table.isDropped || this.#tables.size > this.#options.maxOpenTables) {
      this.#close(number, table);
    }
  }

  /**
   * Closes a table whose file is about to be removed, now or when its last user releases it.
   *
   * @param number The table's file number.
   */
  drop(number: number): void {
    const table = this.#tables.get(number);
    if (table === undefined) return;
    table.isDropped = true;
    if (table.users === 0) this.#close(number, table);
  }

  /**
   * Counts.
   *
   * @returns What is open, and what filters have saved so far.
   */
  stats(): TableCacheStats {
    let filterProbes = this.#closedProbes;
    let filterSaves = this.#closedSaves;
    for (const { reader } of this.#tables.values()) {
      filterProbes += reader.filterProbes;
      filterSaves += reader.filterSaves;
    }
    const { maxOpenTables } = this.#options;
    const openTables = this.#tables.size;
    return { openTables, maxOpenTables, opens: this.#opens, filterProbes, filterSaves };
  }

  /** Closes all tables; those in use when they are released. */
  close(): void {
    for (const number of [...this.#tables.keys()]) this.drop(number);
  }

  #table(number: number): OpenTable {
    const table = this.#tables.get(number) ?? this.#open(number);
    table.lastUse = ++this.#clock;
    return table;
  }

  #open(number: number): OpenTable {
    while (this.#tables.size >= this.#options.maxOpenTables && this.#closeIdlest());
    const table = new OpenTable(TableReader.open(this.#openFile(number), this.#options));
    this.#tables.set(number, table);
    this.#opens++;
    return table;
  }

  /** Opens a table's file: `.ldb`, or `.sst` as LevelDB called them before 1.14. */
  #openFile(number: number): ReadableFile {
    const { fileSystem, directory } = this.#options;
    const path = fileSystem.join(directory, tableName(number));
    try {
      return fileSystem.open(path);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      try {
        return fileSystem.open(fileSystem.join(directory, oldTableName(number)));
      } catch (oldError) {
        if (!isNotFound(oldError)) throw oldError;
        throw new CorruptionError("missing table", path, 0, { cause: error });
      }
    }
  }

  /**
   * Closes the table that nobody uses and that was asked longest ago. It looks at all of them: that takes a
   * microsecond for a thousand, beside the opening of a file, and leaves nothing to keep in order at every get.
   *
   * @returns False if all are in use.
   */
  #closeIdlest(): boolean {
    let idlestNumber = -1;
    let idlest: OpenTable | undefined;
    for (const [number, table] of this.#tables) {
      if (table.users > 0 || (idlest !== undefined && idlest.lastUse < table.lastUse)) continue;
      idlest = table;
      idlestNumber = number;
    }
    if (idlest === undefined) return false;
    this.#close(idlestNumber, idlest);
    return true;
  }

  #close(number: number, table: OpenTable): void {
    this.#tables.delete(number);
    this.#closedProbes += table.reader.filterProbes;
    this.#closedSaves += table.reader.filterSaves;
    table.reader.close();
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof VarveError && error.code === "NOT_FOUND";
}
