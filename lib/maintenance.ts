/**
 * **What.** What verifying, repairing and destroying a database have in common: their options, the files they find,
 * and the turns of the event loop they give to others. The work itself is a generator, which stops at every so many
 * bytes; whoever drives it shows progress there, or gives it up.
 *
 * **Invariants.**
 * 1. Nothing is touched before the options are checked, and nothing is created where there is no database.
 * 2. Work that is given up closes what it has open: a generator that is left behind is told to return.
 * 3. A file whose name is not exactly as the store would write it is somebody else's.
 *
 * **Read next.** `table_inspector.ts`
 *
 * @module
 */
import { bytewise, type Comparator } from "./comparator.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { currentName, lockName, oldTableName, parseFileName, tableName } from "./file_names.ts";
import type { FileSystem, ReadableFile } from "./file_system.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { checkComparator, checkFileSystem, checkObject, describe } from "./options.ts";

/**
 * How far the work has come.
 *
 * @example In per cent
 * ```ts
 * import { type MaintenanceProgress, MemoryFileSystem, open, verify } from "@varve/varve";
 * import { assert } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * {
 *   await using db = await open("data", { fileSystem });
 *   await db.put("key", "value ".repeat(500_000)); // of little it tells nothing
 * }
 * let percent = 0;
 * const onProgress = ({ bytesRead, bytesTotal }: MaintenanceProgress) => {
 *   percent = Math.floor(100 * bytesRead / bytesTotal);
 * };
 * await verify("data", { fileSystem, onProgress });
 * assert(percent > 0 && percent <= 100);
 * ```
 *
 * @category Maintenance
 */
export interface MaintenanceProgress {
  /** Name of the file that was read last. */
  readonly file: string;
  /** Bytes read so far. */
  readonly bytesRead: number;
  /** Bytes to read in all, as far as is known. */
  readonly bytesTotal: number;
}

/**
 * What verifying and repairing can be told.
 *
 * @example Giving it up
 * ```ts
 * import { type MaintenanceOptions, MemoryFileSystem, open, verify } from "@varve/varve";
 * import { assertRejects } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await (await open("data", { fileSystem })).close();
 * const options: MaintenanceOptions = { fileSystem, signal: AbortSignal.abort() };
 * await assertRejects(() => verify("data", options), DOMException, "aborted");
 * ```
 *
 * @category Maintenance
 */
export interface MaintenanceOptions {
  /**
   * The disk.
   *
   * @default {Deno's}
   */
  fileSystem?: FileSystem;
  /**
   * The order of keys that the database was created with.
   *
   * @default {bytewise}
   */
  comparator?: Comparator;
  /** Told from time to time how far it has come. */
  onProgress?: (progress: MaintenanceProgress) => void;
  /** Gives it up when it is aborted: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Bytes to read before others get a turn: about ten milliseconds of work. */
const TURN_BYTES = 1024 * 1024;

/** The names of {@linkcode MaintenanceOptions}. */
export const MAINTENANCE_OPTIONS: readonly string[] = [
  "fileSystem",
  "comparator",
  "onProgress",
  "signal",
];

/**
 * Checks a directory and options.
 *
 * @param action What is being done, for the error.
 * @param directory What the caller gave as the directory.
 * @param options What the caller gave as options.
 * @param known The options that there are.
 * @throws {TypeError} If something is unknown or of a wrong type.
 */
export function checkMaintenance(
  action: string,
  directory: unknown,
  options: unknown,
  known: readonly string[],
): void {
  if (typeof directory !== "string" || directory === "") {
    throw new TypeError(
      `Cannot ${action}: directory must be a path or a file: URL, got ${describe(directory)}`,
    );
  }
  checkObject(action, options, new Set(known));
  const { fileSystem, comparator, onProgress, signal } = options as MaintenanceOptions;
  if (fileSystem !== undefined) checkFileSystem(action, fileSystem);
  if (comparator !== undefined) checkComparator(action, comparator);
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new TypeError(
      `Cannot ${action}: onProgress must be a function, got ${describe(onProgress)}`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot ${action}: signal must be an AbortSignal, got ${describe(signal)}`);
  }
}

/**
 * Does work that stops now and then, giving everyone else a turn at each stop.
 *
 * @example Two stops
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { inTurns } from "./maintenance.ts";
 *
 * function* work() {
 *   for (const bytesRead of [1, 2]) yield { file: "000005.ldb", bytesRead, bytesTotal: 2 };
 *   return "done";
 * }
 * const seen: number[] = [];
 * const result = await inTurns(work(), { onProgress: ({ bytesRead }) => seen.push(bytesRead) });
 * assertEquals([result, seen], ["done", [1, 2]]);
 * ```
 *
 * @typeParam T What the work comes to.
 * @param work The work.
 * @param options Who is told about progress, and what may end it.
 * @returns What the work returns.
 */
export async function inTurns<T>(
  work: Generator<MaintenanceProgress, T>,
  options: Pick<MaintenanceOptions, "onProgress" | "signal">,
): Promise<T> {
  const { onProgress, signal } = options;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const step = work.next();
      if (step.done) return step.value;
      onProgress?.(step.value);
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
  } finally {
    work.return(undefined as never);
  }
}

/** The files of a database, and a count of what is read of them. */
export class MaintainedDirectory {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** Where the database is. */
  readonly path: string;
  /** The order of its internal keys. */
  readonly comparator: InternalKeyComparator;
  /** The names of all files in the directory. */
  readonly names: readonly string[];
  /** The table of each number. */
  readonly tables: ReadonlyMap<number, string>;
  /** The log of each number. */
  readonly logs: ReadonlyMap<number, string>;
  /** The numbers of the manifests, in order. */
  readonly manifests: readonly number[];
  /** The names of temporary files. */
  readonly temporaries: readonly string[];
  /** The highest number that a file has. */
  readonly highestNumber: number;
  /** Bytes read so far. */
  bytesRead = 0;
  /** Bytes to read in all, as far as is known. */
  bytesTotal = 0;
  #fileReadLast = "";
  #bytesAtTurn = 0;

  /**
   * Looks into a directory.
   *
   * @param action What is being done, for the error.
   * @param fileSystem The disk.
   * @param path The directory.
   * @param comparator The order of keys.
   * @throws {VarveError} `NOT_FOUND` if there is no database.
   */
  constructor(
    action: string,
    fileSystem: FileSystem,
    path: string,
    comparator: Comparator = bytewise,
  ) {
    this.fileSystem = fileSystem;
    this.path = path;
    this.comparator = new InternalKeyComparator(comparator);
    const names = fileSystem.exists(path) ? fileSystem.list(path) : [];
    const tables = new Map<number, string>();
    const logs = new Map<number, string>();
    const manifests: number[] = [];
    const temporaries: string[] = [];
    let highest = 0;
    for (const name of names) {
      const parsed = parseFileName(name);
      if (parsed === undefined) continue;
      const { kind, number } = parsed;
      if (number > highest) highest = number;
      if (number === 0) continue;
      if (kind === "temporary") temporaries.push(name);
      else if (kind === "log") logs.set(number, name);
      else if (kind === "manifest") manifests.push(number);
      else if (name === tableName(number)) tables.set(number, name);
      // The newer name goes before the older one, as where tables are opened.
      else if (name === oldTableName(number) && !tables.has(number)) tables.set(number, name);
    }
    // A crash while a database is being created leaves a manifest at most.
    if (!names.includes(currentName) && tables.size === 0 && logs.size === 0) {
      throw new VarveError("NOT_FOUND", `Cannot ${action}: there is none in ${path}`);
    }
    this.names = names;
    this.tables = tables;
    this.logs = logs;
    this.manifests = manifests.sort((a, b) => a - b);
    this.temporaries = temporaries;
    this.highestNumber = highest;
  }

  /** The path of a file. */
  pathOf(name: string): string {
    return this.fileSystem.join(this.path, name);
  }

  /** The path of the lock. */
  get lockPath(): string {
    return this.pathOf(lockName);
  }

  /** Opens a file, whose reads are counted. */
  open(name: string): ReadableFile {
    const file = this.fileSystem.open(this.pathOf(name));
    return {
      path: file.path,
      size: file.size,
      read: (into, position) => {
        const bytes = file.read(into, position);
        this.bytesRead += bytes;
        this.#fileReadLast = name;
        return bytes;
      },
      close: () => file.close(),
    };
  }

  /** Whether it is time to give others a turn; if so, the next time is reckoned from now on. */
  isTurnOver(): boolean {
    if (this.bytesRead - this.#bytesAtTurn < TURN_BYTES) return false;
    this.#bytesAtTurn = this.bytesRead;
    return true;
  }

  /** How far the work has come. */
  progress(): MaintenanceProgress {
    return {
      file: this.#fileReadLast,
      bytesRead: this.bytesRead,
      bytesTotal: Math.max(this.bytesTotal, this.bytesRead),
    };
  }
}

/** What is wrong with a file, and where: an error of the store taken apart. */
export interface Trouble {
  /** Path of the file. */
  readonly path: string;
  /** Where in the file, if that is known. */
  readonly offset: number | undefined;
  /** What is wrong. */
  readonly what: string;
}

/**
 * Takes an error apart that says that a file cannot be read; throws every other one again.
 *
 * @param error What was thrown.
 * @param path The file that was read.
 * @returns What is wrong with the file.
 */
export function troubleOf(error: unknown, path: string): Trouble {
  if (error instanceof CorruptionError) {
    // The message goes on with the place, and some lead up to it.
    const what = error.message.replace(/^Cannot read database: /, "")
      .replace(` at offset ${error.offset} of ${error.file}`, "")
      .replace(/,( as of the record)?$/, "").replace(/^(.*?),? named$/, "names $1");
    return { path: error.file, offset: error.offset, what };
  }
  const isOfFile = error instanceof VarveError &&
    ["IO", "NOT_FOUND", "READ_ONLY", "UNSUPPORTED_FORMAT"].includes(error.code);
  if (!isOfFile) throw error;
  return { path, offset: undefined, what: error.message };
}
