/**
 * **What.** What a database tells a program of its work: one typed event for each piece that is over, with its
 * duration and its bytes. Messages to a {@linkcode Logger} are for people; this is for programs: a line of JSON, a
 * metric, a span. A database has one listener, a function. An `EventTarget` would give it names as strings and
 * events that the compiler knows nothing of; whoever wants one dispatches from the function.
 *
 * **Invariants.**
 * 1. An event comes after what it tells of, and the statistics count it by then: the sum over all events is what
 *    `stats()` says.
 * 2. Nothing on the path of a single read or write makes an event. Without a listener none is made at all.
 * 3. What a listener throws is lost.
 * 4. While a listener or a logger is called, whatever for, {@linkcode Audience.isTold} says so.
 *
 * **Read next.** `file_remover.ts`
 *
 * @module
 */
import type { VarveError } from "./errors.ts";
import { type Logger, silentLogger } from "./logger.ts";

/**
 * What opening a database found and did: part of {@linkcode RecoveryEvent}, and of the statistics.
 *
 * @example How much was replayed
 * ```ts
 * import { MemoryFileSystem, open, type RecoveryStats } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * const first = await open("data", { fileSystem });
 * await first.put("key", "value");
 * await first.close();
 * await using db = await open("data", { fileSystem });
 * const { logs, entries, tables }: RecoveryStats = db.stats().recovery;
 * assertEquals({ logs, entries, tables }, { logs: 1, entries: 1, tables: 1 });
 * ```
 *
 * @category Statistics
 */
export interface RecoveryStats {
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** How much of that went into replaying logs. */
  readonly replayMs: number;
  /** Logs that were replayed. */
  readonly logs: number;
  /** Bytes of the batches in them. */
  readonly logBytes: number;
  /** Puts and deletes in those. */
  readonly entries: number;
  /** Bytes at the end of logs that were dropped: what a power cut had torn. Nothing of it was durable. */
  readonly droppedBytes: number;
  /** Tables that were written of it. */
  readonly tables: number;
  /** Bytes of those. */
  readonly tableBytes: number;
}

/**
 * A database was opened.
 *
 * @example A new one
 * ```ts
 * import { MemoryFileSystem, open, type RecoveryEvent } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * let recovery: RecoveryEvent | undefined;
 * await using _db = await open("data", {
 *   fileSystem: new MemoryFileSystem(),
 *   onEvent: (event) => {
 *     if (event.type === "recovery") recovery = event;
 *   },
 * });
 * assertEquals([recovery?.sequence, recovery?.logs], [0, 0]);
 * ```
 *
 * @category Events
 */
export interface RecoveryEvent extends RecoveryStats {
  /** Tells it from the others. */
  readonly type: "recovery";
  /** The sequence number of the last write that was found. */
  readonly sequence: number;
}

/**
 * A memtable became a table.
 *
 * @example Entries, and bytes of the table
 * ```ts
 * import { type FlushEvent, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const flushes: FlushEvent[] = [];
 * await using db = await open("data", {
 *   fileSystem: new MemoryFileSystem(),
 *   onEvent: (event) => void (event.type === "flush" && flushes.push(event)),
 * });
 * await db.put("key", "old");
 * await db.put("key", "new");
 * await db.flush();
 * const [{ entries, droppedEntries, bytesWritten }] = flushes as [FlushEvent];
 * assertEquals([entries, droppedEntries], [2, 1]);
 * assertEquals(bytesWritten, db.stats().background.flushBytes);
 * ```
 *
 * @category Events
 */
export interface FlushEvent {
  /** Tells it from the others. */
  readonly type: "flush";
  /** From when it was begun until the table was part of the tree, in milliseconds: here, turns of others included. */
  readonly durationMs: number;
  /** Where it was done: in a worker or on the caller's thread. */
  readonly where: "worker" | "here";
  /** Entries in the memtable. */
  readonly entries: number;
  /** Those that were left out since newer ones hide them. */
  readonly droppedEntries: number;
  /** Bytes that the memtable took in memory. */
  readonly memtableBytes: number;
  /** Bytes of the table. */
  readonly bytesWritten: number;
  /** The number in the table's name; none if there was nothing to be written. */
  readonly table: number | undefined;
  /** The level that the table went to. */
  readonly level: number | undefined;
}

/**
 * Tables were compacted, or one was moved to the next level as it is.
 *
 * @example Two tables of one key
 * ```ts
 * import { type CompactionEvent, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const compactions: CompactionEvent[] = [];
 * await using db = await open("data", {
 *   fileSystem: new MemoryFileSystem(),
 *   onEvent: (event) => void (event.type === "compaction" && compactions.push(event)),
 * });
 * for (const value of ["old", "new"]) {
 *   await db.put("key", value);
 *   await db.flush();
 * }
 * await db.compact();
 * const [{ reason, tablesRead, tablesWritten }] = compactions as [CompactionEvent];
 * assertEquals([reason, tablesRead, tablesWritten], ["manual", 2, 1]);
 * ```
 *
 * @category Events
 */
export interface CompactionEvent {
  /** Tells it from the others. */
  readonly type: "compaction";
  /** From when it was begun until its tables were part of the tree, in milliseconds: here, turns of others included. */
  readonly durationMs: number;
  /** Where it was done: in a worker or on the caller's thread. */
  readonly where: "worker" | "here";
  /** Why: level 0 had too many tables, a level was too large, a table was searched in vain, or somebody asked. */
  readonly reason: "level0-count" | "level-size" | "seeks" | "manual";
  /** Whether the one table was moved as it is, which neither reads nor writes it. */
  readonly isMove: boolean;
  /** The level that was compacted. */
  readonly level: number;
  /** The level that the new tables are in. */
  readonly outputLevel: number;
  /** Tables that went. */
  readonly tablesRead: number;
  /** Tables that came. */
  readonly tablesWritten: number;
  /** Bytes of the tables that were read. */
  readonly bytesRead: number;
  /** Bytes of the tables that were written. */
  readonly bytesWritten: number;
  /** Entries left out: hidden by newer ones, and tombstones that hide nothing. */
  readonly droppedEntries: number;
}

/**
 * Why writers wait: full memtables that are not flushed yet, or tables of level 0 that are not compacted yet.
 *
 * @example Which work is behind
 * ```ts
 * import type { StallCause } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const behind: Record<StallCause, string> = { memtables: "flush", levelZero: "compaction" };
 * assertEquals(behind.levelZero, "compaction");
 * ```
 *
 * @category Events
 */
export type StallCause = "memtables" | "levelZero";

/**
 * A writer waited for a flush or a compaction, awaited writes included.
 *
 * @example A memtable that has to wait for another one's flush
 * ```ts
 * import { MemoryFileSystem, open, type StallEvent } from "@varve/varve";
 * import { assert } from "@std/assert";
 *
 * const stalls: StallEvent[] = [];
 * await using db = await open("data", {
 *   fileSystem: new MemoryFileSystem(),
 *   memtableBytes: 64 * 1024,
 *   maxImmutableMemtables: 1,
 *   onEvent: (event) => void (event.type === "stall" && stalls.push(event)),
 * });
 * for (let i = 0; i < 4; i++) db.putSync(`key ${i}`, "v".repeat(60_000), { sync: false });
 * assert(stalls.some(({ cause }) => cause === "memtables"));
 * ```
 *
 * @category Events
 */
export interface StallEvent {
  /** Tells it from the others. */
  readonly type: "stall";
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** What was waited for. */
  readonly cause: StallCause;
  /** Whether writers were slowed down, to keep pace, or stopped at the bound. */
  readonly condition: "delayed" | "stopped";
  /** Whether the event loop turned meanwhile: so it is for awaited writes while a worker does the work. */
  readonly isAwaited: boolean;
}

/**
 * Writes were stopped by something that failed, or an attempt to resume them was.
 *
 * @example A page for whoever is on call
 * ```ts
 * import { type DatabaseErrorEvent, type DatabaseEvent, VarveError } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const pages: string[] = [];
 * const page = ({ error }: DatabaseErrorEvent) => pages.push(`${error.code}: ${error.message}`);
 * const onEvent = (event: DatabaseEvent) => void (event.type === "error" && page(event));
 * const error = new VarveError("IO", "Cannot sync the log: disk full");
 * onEvent({ type: "error", durationMs: 0, action: "sync the log", error });
 * assertEquals(pages, ["IO: Cannot sync the log: disk full"]);
 * ```
 *
 * @category Events
 */
export interface DatabaseErrorEvent {
  /** Tells it from the others. */
  readonly type: "error";
  /** How long the flush or compaction that failed had been under way, in milliseconds; 0 for anything else. */
  readonly durationMs: number;
  /**
   * What failed, as it is in the error: `"write to the log"`, `"sync the log"`, `"start a log"`,
   * `"add to the memtable"`, `"flush"`, `"compact"`, or `"resume"` for a step of one that is none of these.
   */
  readonly action: string;
  /** The failure, which every write is refused with from now on. */
  readonly error: VarveError;
}

/**
 * Writes are taken again.
 *
 * @example How long it took
 * ```ts
 * import type { DatabaseEvent, ResumeEvent } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const text = ({ durationMs }: ResumeEvent) => `mended in ${durationMs} ms`;
 * const event: DatabaseEvent = { type: "resume", durationMs: 12 };
 * assertEquals(text(event), "mended in 12 ms");
 * ```
 *
 * @category Events
 */
export interface ResumeEvent {
  /** Tells it from the others. */
  readonly type: "resume";
  /** How long the attempt took that succeeded, in milliseconds. */
  readonly durationMs: number;
}

/**
 * A database was closed. This is its last event.
 *
 * @example The last event
 * ```ts
 * import { type DatabaseCloseEvent, type DatabaseEvent, MemoryFileSystem, open } from "@varve/varve";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const events: DatabaseEvent[] = [];
 * const onEvent = (event: DatabaseEvent) => void events.push(event);
 * const db = await open("data", { fileSystem: new MemoryFileSystem(), onEvent });
 * await db.close();
 * const last = events.at(-1) as DatabaseCloseEvent;
 * assertEquals(last.type, "close");
 * assert(last.durationMs <= last.openMs);
 * ```
 *
 * @category Events
 */
export interface DatabaseCloseEvent {
  /** Tells it from the others. */
  readonly type: "close";
  /** How long closing took, in milliseconds. */
  readonly durationMs: number;
  /** How long the database was open, in milliseconds. */
  readonly openMs: number;
}

/**
 * A piece of a database's work that is over.
 *
 * A listener is called in the middle of things, and the same holds for it as for a {@linkcode Logger}: it can read, and
 * write by awaited writes, whose turn comes when it has returned; nothing can be written at once, whatever the event.
 * It can also ask for a flush, a compaction, a resume or the end. What it throws is lost; an awaited write of which
 * nobody hears why it failed is an unhandled rejection, as anywhere. It is called on the thread that opened the
 * database, also for what a worker did. Opening that fails throws, and tells of nothing.
 *
 * @example As an `EventTarget`, for those who want many listeners
 * ```ts
 * import { type DatabaseEvent, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const target = new EventTarget();
 * const heard: string[] = [];
 * for (const type of ["recovery", "flush"]) {
 *   target.addEventListener(type, (event) => heard.push((event as CustomEvent).detail.type));
 * }
 * const onEvent = (event: DatabaseEvent) =>
 *   void target.dispatchEvent(new CustomEvent(event.type, { detail: event }));
 * await using db = await open("data", { fileSystem: new MemoryFileSystem(), onEvent });
 * await db.put("key", "value");
 * await db.flush();
 * assertEquals(heard, ["recovery", "flush"]);
 * ```
 *
 * @category Events
 */
export type DatabaseEvent =
  | RecoveryEvent
  | FlushEvent
  | CompactionEvent
  | StallEvent
  | DatabaseErrorEvent
  | ResumeEvent
  | DatabaseCloseEvent;

/** Takes events. */
export type EventListener = (event: DatabaseEvent) => void;

/**
 * The same listener, except that nothing comes of what it throws.
 *
 * @param listener The listener.
 * @returns One that never throws.
 */
export function unfailingListener(listener: EventListener): EventListener {
  return (event) => {
    try {
      listener(event);
    } catch {
      // There is nobody left to tell.
    }
  };
}

/** Whom a database tells of its work, and whether it is telling somebody at this moment. */
export class Audience {
  /** Who takes messages. */
  readonly logger: Logger;
  /** Who takes events. */
  readonly onEvent: EventListener | undefined;
  #depth = 0;

  /**
   * Makes one of a logger and a listener that never throw.
   *
   * @param logger Who takes messages.
   * @param onEvent Who takes events, if anybody does.
   */
  constructor(logger: Logger, onEvent: EventListener | undefined) {
    this.logger = logger === silentLogger
      ? logger
      : { log: (...message) => this.#tell(() => logger.log(...message)) };
    this.onEvent = onEvent && ((event) => this.#tell(() => onEvent(event)));
  }

  /** Whether one of them is being called. */
  get isTold(): boolean {
    return this.#depth > 0;
  }

  #tell(call: () => void): void {
    this.#depth++;
    try {
      call();
    } finally {
      this.#depth--;
    }
  }
}
