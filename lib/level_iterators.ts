/**
 * **What.** abstract-level's iterators of entries, keys and values over a scan of the engine. A scan reads at once, so
 * what they give is ready when it is asked for, and `nextv` makes no promise for each entry.
 *
 * ```text
 * reverse: false      seek(c)                 reverse: true       seek(c)
 *   a  b │ d  e         ▼                       a  b │ d  e         ▼
 *        └──► next() is d                       next() is b ◄──┘
 * ```
 *
 * **Invariants.**
 * 1. An iterator sees the moment at which it was made, or that of its snapshot.
 * 2. A `seek` to a key outside the range finds nothing, from there on in either direction.
 * 3. `nextv` stops after the entry that brings it over `highWaterMarkBytes`, and gives at least one if there is one.
 * 4. The event loop gets a turn every few milliseconds, however long the range is. An abort is noticed then.
 * 5. After a failed read each further one fails as well, until `seek`: a failure never looks like the end.
 *
 * **Read next.** `level_properties.ts`
 *
 * @module
 */
import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator } from "abstract-level";
import type { Surroundings } from "./background.ts";
import { compareBytes } from "./bytes.ts";
import { VarveError } from "./errors.ts";
import { abortError, levelError } from "./level_errors.ts";
import { decodeAs, type LevelData, levelData, type LevelFormat } from "./level_formats.ts";
import { describe } from "./options.ts";
import type { Scan, ScanBounds } from "./scan.ts";
import type { Bound, VisibleCursor } from "./visible_cursor.ts";

/** What abstract-level gives for an iterator to be made of; keys are encoded already. */
export interface LevelIteratorOptions {
  /** Only keys after this one; `gte` goes before it. */
  gt?: LevelData;
  /** Only this key and those after it. */
  gte?: LevelData;
  /** Only keys before this one; `lte` goes before it. */
  lt?: LevelData;
  /** Only this key and those before it. */
  lte?: LevelData;
  /** Whether to go from the last key to the first. */
  reverse: boolean;
  /** At most this many entries; -1 for all. */
  limit: number;
  /** Whether keys are wanted. */
  keys?: boolean;
  /** Whether values are wanted. */
  values?: boolean;
  /** The form of keys. */
  keyEncoding: LevelFormat;
  /** The form of values. */
  valueEncoding: LevelFormat;
  /** Whether blocks that are read stay in the buffer pool. */
  fillCache?: boolean;
  /** After how many bytes of keys and values `nextv` stops. */
  highWaterMarkBytes?: number;
  /** Ends the iteration when it is aborted. */
  signal?: AbortSignal | null;
}

/** As in classic-level. */
const HIGH_WATER_MARK_BYTES = 16 * 1024;
/** The clock is looked at after this many entries: it costs as much as reading one. */
const ENTRIES_PER_CLOCK = 128;
/** The event loop gets a turn after this many milliseconds of entries. */
const TURN_MS = 8;

function bound(key: LevelData | undefined, inclusive: boolean): Bound | undefined {
  if (key === undefined) return undefined;
  // A copy: a scan reads its bounds as long as it goes on, and what callers do with theirs is not to reach them.
  const bytes = levelData.encode(key);
  return { key: typeof key === "string" ? bytes : bytes.slice(), inclusive };
}

/**
 * The range that an iterator is to walk over.
 *
 * @example Of two lower ends, the inclusive one counts
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { levelBounds } from "./level_iterators.ts";
 *
 * const { lower, upper } = levelBounds({ gt: "a", gte: "b" });
 * assertEquals([lower, upper], [{ key: Uint8Array.of(98), inclusive: true }, undefined]);
 * ```
 *
 * @param options The ends.
 * @returns The same, as the engine takes them.
 */
export function levelBounds(
  options: Pick<LevelIteratorOptions, "gt" | "gte" | "lt" | "lte">,
): ScanBounds {
  const { gt, gte, lt, lte } = options;
  return {
    lower: bound(gte, true) ?? bound(gt, false),
    upper: bound(lte, true) ?? bound(lt, false),
  };
}

/** How one entry is read: what of it is wanted, and in which form. */
type ReadEntry<T> = (cursor: VisibleCursor) => T;
/** How many bytes one entry counts for. */
type EntryBytes = (cursor: VisibleCursor) => number;

const keyBytes: EntryBytes = ({ keyStart, keyEnd }) => keyEnd - keyStart;
const valueBytes: EntryBytes = ({ valueStart, valueEnd }) => valueEnd - valueStart;

/** The walk that all three kinds of iterators make. */
export class LevelWalk<T> {
  readonly #scan: Scan;
  readonly #bounds: ScanBounds;
  readonly #turns: Surroundings;
  readonly #isReverse: boolean;
  readonly #highWaterMarkBytes: number;
  readonly #signal: AbortSignal | null;
  readonly #read: ReadEntry<T>;
  readonly #entryBytes: EntryBytes;
  /** Where the cursor is: at no entry yet, at one that was not given yet, at the last one given, or past the end. */
  #place: "start" | "ahead" | "given" | "end" = "start";
  #failure: unknown;
  #entries = 0;
  #turnStart: number;

  /**
   * Starts a walk.
   *
   * @param scan Where the entries come from; the walk closes it.
   * @param bounds The bounds of the scan.
   * @param options What abstract-level says.
   * @param turns How the event loop gets its turns.
   * @param read How an entry is read.
   * @param entryBytes How many bytes it counts for.
   */
  constructor(
    scan: Scan,
    bounds: ScanBounds,
    options: LevelIteratorOptions,
    turns: Surroundings,
    read: ReadEntry<T>,
    entryBytes: EntryBytes,
  ) {
    this.#scan = scan;
    this.#bounds = bounds;
    this.#turns = turns;
    this.#isReverse = options.reverse;
    this.#highWaterMarkBytes = options.highWaterMarkBytes ?? HIGH_WATER_MARK_BYTES;
    this.#signal = options.signal ?? null;
    this.#read = read;
    this.#entryBytes = entryBytes;
    this.#turnStart = turns.now();
  }

  /** The next entry, or `undefined` at the end; a promise of it only if something else is to happen before. */
  next(): T | undefined | Promise<T | undefined> {
    return this.#unlessAborted(() => this.#next());
  }

  /** Up to so many entries, none at the end. */
  nextMany(size: number): T[] | Promise<T[]> {
    return this.#unlessAborted(() => this.#gather([], size, this.#highWaterMarkBytes));
  }

  /** All entries that are left, up to so many. */
  all(limit: number): T[] | Promise<T[]> {
    return this.#unlessAborted(() => this.#gather([], limit, Infinity));
  }

  /** Goes to where `next` gives the entry at a key, or the one after it in the direction of the walk. */
  seek(target: LevelData): void {
    const key = levelData.encode(target);
    const { cursor } = this.#scan;
    this.#failure = undefined;
    this.#place = "end";
    if (this.#isOutside(key)) return;
    try {
      this.#assertOpen();
      cursor.seek(key, 0, key.length);
      if (this.#isReverse) {
        if (!cursor.valid) cursor.last();
        else if (compare(cursor, key) > 0) cursor.previous();
      }
    } catch (error) {
      throw this.#fail(error);
    }
    if (cursor.valid) this.#place = "ahead";
  }

  /** Lets go of the scan. */
  close(): void {
    this.#scan.close();
  }

  /** With a signal, whoever has asked may still abort it: until what he is doing now is done. */
  #unlessAborted<R>(read: () => R | Promise<R>): R | Promise<R> {
    const signal = this.#signal;
    if (signal === null) return read();
    return Promise.resolve().then(() => {
      if (signal.aborted) throw abortError();
      return read();
    });
  }

  #next(): T | undefined | Promise<T | undefined> {
    if (this.#isTurnOver()) return this.#turn().then(() => this.#next());
    return this.#advance() ? this.#give() : undefined;
  }

  #isOutside(key: Uint8Array): boolean {
    const { lower, upper } = this.#bounds;
    const order = (end: Bound) => compareBytes(key, 0, key.length, end.key, 0, end.key.length);
    if (lower !== undefined && order(lower) < (lower.inclusive ? 0 : 1)) return true;
    return upper !== undefined && order(upper) > (upper.inclusive ? 0 : -1);
  }

  #gather(items: T[], size: number, bytesMax: number): T[] | Promise<T[]> {
    let bytes = bytesMax;
    while (items.length < size && bytes >= 0) {
      if (this.#isTurnOver()) return this.#turn().then(() => this.#gather(items, size, bytes));
      if (!this.#advance()) break;
      bytes -= this.#entryBytes(this.#scan.cursor);
      items.push(this.#give());
    }
    return items;
  }

  /** Goes to the entry that is to be given; false if there is none any more. */
  #advance(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#place === "end") return false;
    if (this.#place === "ahead") return true;
    const { cursor } = this.#scan;
    try {
      this.#assertOpen();
      if (this.#place === "given") {
        if (this.#isReverse) cursor.previous();
        else cursor.next();
      } else if (this.#isReverse) cursor.last();
      else cursor.first();
    } catch (error) {
      throw this.#fail(error);
    }
    this.#place = cursor.valid ? "ahead" : "end";
    return cursor.valid;
  }

  #give(): T {
    this.#place = "given";
    return this.#read(this.#scan.cursor);
  }

  #assertOpen(): void {
    if (this.#scan.isClosed) throw new VarveError("CLOSED", "Cannot iterate: database is closed");
  }

  #fail(error: unknown): unknown {
    return this.#failure = levelError(error);
  }

  #isTurnOver(): boolean {
    return ++this.#entries % ENTRIES_PER_CLOCK === 0 &&
      this.#turns.now() - this.#turnStart >= TURN_MS;
  }

  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => this.#turns.schedule(resolve));
    this.#turnStart = this.#turns.now();
    if (this.#signal?.aborted) throw abortError();
  }
}

function compare(cursor: VisibleCursor, key: Uint8Array): number {
  return compareBytes(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd, key, 0, key.length);
}

/** What a walk is over: a database, now or at a snapshot. */
export interface LevelSource {
  /** How the event loop gets its turns. */
  readonly turns: Surroundings;
  /** Starts a scan. */
  scan(bounds: ScanBounds, fillPool: boolean): Scan;
}

function startWalk<T>(
  source: LevelSource,
  options: LevelIteratorOptions,
  read: ReadEntry<T>,
  entryBytes: EntryBytes,
): LevelWalk<T> {
  const { highWaterMarkBytes: bytes = 0, fillCache = false } = options;
  if (typeof bytes !== "number" || !(bytes >= 0)) {
    throw new TypeError(
      `Cannot iterate: highWaterMarkBytes must be a number from 0 on, got ${describe(bytes)}`,
    );
  }
  const bounds = levelBounds(options);
  return new LevelWalk(
    source.scan(bounds, fillCache),
    bounds,
    options,
    source.turns,
    read,
    entryBytes,
  );
}

/** An entry as abstract-level decodes it further; what is not wanted of it is `undefined`. */
export type LevelEntry = [LevelData | undefined, LevelData | undefined];

function keyReader(format: LevelFormat): ReadEntry<LevelData> {
  return ({ keyBuffer, keyStart, keyEnd }) => decodeAs(format, keyBuffer, keyStart, keyEnd);
}

function valueReader(format: LevelFormat): ReadEntry<LevelData> {
  return ({ valueBuffer, valueStart, valueEnd }) =>
    decodeAs(format, valueBuffer, valueStart, valueEnd);
}

function entryReader(options: LevelIteratorOptions): [ReadEntry<LevelEntry>, EntryBytes] {
  const readKey = keyReader(options.keyEncoding);
  const readValue = valueReader(options.valueEncoding);
  if (options.values === false) {
    return options.keys === false
      ? [() => [undefined, undefined], () => 0]
      : [(cursor) => [readKey(cursor), undefined], keyBytes];
  }
  return options.keys === false ? [(cursor) => [undefined, readValue(cursor)], valueBytes] : [
    (cursor) => [readKey(cursor), readValue(cursor)],
    (cursor) => keyBytes(cursor) + valueBytes(cursor),
  ];
}

/** A walk over entries, for a {@linkcode LevelIterator}. */
export function walkEntries(
  source: LevelSource,
  options: LevelIteratorOptions,
): LevelWalk<LevelEntry> {
  return startWalk(source, options, ...entryReader(options));
}

/** A walk over keys, for a {@linkcode LevelKeyIterator}. */
export function walkKeys(source: LevelSource, options: LevelIteratorOptions): LevelWalk<LevelData> {
  return startWalk(source, options, keyReader(options.keyEncoding), keyBytes);
}

/** A walk over values, for a {@linkcode LevelValueIterator}. */
export function walkValues(
  source: LevelSource,
  options: LevelIteratorOptions,
): LevelWalk<LevelData> {
  return startWalk(source, options, valueReader(options.valueEncoding), valueBytes);
}

/** An iterator of entries. What it has is the private API of abstract-level's iterators. */
export class LevelIterator<D> extends AbstractIterator<D, unknown, unknown> {
  readonly #walk: LevelWalk<LevelEntry>;

  /**
   * Makes an iterator, which the database knows of until it is closed.
   *
   * @param db The database.
   * @param options What abstract-level says.
   * @param walk The walk, which the iterator closes.
   */
  constructor(db: D, options: LevelIteratorOptions, walk: LevelWalk<LevelEntry>) {
    super(db, options as never);
    this.#walk = walk;
  }

  /** The next entry. */
  _next(): LevelEntry | undefined | Promise<LevelEntry | undefined> {
    return this.#walk.next();
  }

  /** Several entries. */
  _nextv(size: number): LevelEntry[] | Promise<LevelEntry[]> {
    return this.#walk.nextMany(size);
  }

  /** All entries that are left. */
  _all(): LevelEntry[] | Promise<LevelEntry[]> {
    return this.#walk.all(this.limit - this.count);
  }

  /** Goes to a key. */
  _seek(target: LevelData): void {
    this.#walk.seek(target);
  }

  /** Ends the walk. */
  _close(): Promise<void> {
    this.#walk.close();
    return Promise.resolve();
  }
}

/** The same for keys. */
export class LevelKeyIterator<D> extends AbstractKeyIterator<D, unknown> {
  readonly #walk: LevelWalk<LevelData>;

  /**
   * Makes an iterator, which the database knows of until it is closed.
   *
   * @param db The database.
   * @param options What abstract-level says.
   * @param walk The walk, which the iterator closes.
   */
  constructor(db: D, options: LevelIteratorOptions, walk: LevelWalk<LevelData>) {
    super(db, options as never);
    this.#walk = walk;
  }

  /** The next key. */
  _next(): LevelData | undefined | Promise<LevelData | undefined> {
    return this.#walk.next();
  }

  /** Several keys. */
  _nextv(size: number): LevelData[] | Promise<LevelData[]> {
    return this.#walk.nextMany(size);
  }

  /** All keys that are left. */
  _all(): LevelData[] | Promise<LevelData[]> {
    return this.#walk.all(this.limit - this.count);
  }

  /** Goes to a key. */
  _seek(target: LevelData): void {
    this.#walk.seek(target);
  }

  /** Ends the walk. */
  _close(): Promise<void> {
    this.#walk.close();
    return Promise.resolve();
  }
}

/** The same for values. */
export class LevelValueIterator<D> extends AbstractValueIterator<D, unknown, unknown> {
  readonly #walk: LevelWalk<LevelData>;

  /**
   * Makes an iterator, which the database knows of until it is closed.
   *
   * @param db The database.
   * @param options What abstract-level says.
   * @param walk The walk, which the iterator closes.
   */
  constructor(db: D, options: LevelIteratorOptions, walk: LevelWalk<LevelData>) {
    super(db, options as never);
    this.#walk = walk;
  }

  /** The next value. */
  _next(): LevelData | undefined | Promise<LevelData | undefined> {
    return this.#walk.next();
  }

  /** Several values. */
  _nextv(size: number): LevelData[] | Promise<LevelData[]> {
    return this.#walk.nextMany(size);
  }

  /** All values that are left. */
  _all(): LevelData[] | Promise<LevelData[]> {
    return this.#walk.all(this.limit - this.count);
  }

  /** Goes to a key. */
  _seek(target: LevelData): void {
    this.#walk.seek(target);
  }

  /** Ends the walk. */
  _close(): Promise<void> {
    this.#walk.close();
    return Promise.resolve();
  }
}
