/**
 * **What.** The iterators of the public API over a scan: entries, keys or values, forward or backward, awaited
 * or not.
 *
 * **Invariants.**
 * 1. What an iterator yields belongs to the caller and never changes.
 * 2. An iterator that ends, fails, is aborted or is returned from lets go of its scan. One that the database was
 *    closed under fails with `CLOSED`.
 * 3. The awaited form gives the event loop a turn every few milliseconds; results come in the order of the calls.
 *
 * **Read next.** `range_cursor.ts`
 *
 * @module
 */
import type { Surroundings } from "./background.ts";
import { VarveError } from "./errors.ts";
import type { Keyspace } from "./keyspace.ts";
import type { RangeOptions } from "./options.ts";
import type { Scan } from "./scan.ts";

/** What an iterator yields of each entry. */
export type Part = "entries" | "keys" | "values";

/** An iterator over a range, for `for … of`. */
export class RangeIterator<K, V, T> extends Iterator<T, undefined>
  implements IterableIterator<T, undefined> {
  readonly #scan: Scan;
  readonly #keyspace: Keyspace<K, V>;
  readonly #part: Part;
  readonly #isReverse: boolean;
  readonly #signal: AbortSignal | undefined;
  #left: number;
  #isStarted = false;
  #isDone = false;

  /**
   * Makes an iterator.
   *
   * @param scan Where the entries come from; the iterator closes it.
   * @param keyspace How they are decoded.
   * @param part What is yielded.
   * @param range Direction, limit and signal.
   */
  constructor(scan: Scan, keyspace: Keyspace<K, V>, part: Part, range: RangeOptions<K>) {
    super();
    this.#scan = scan;
    this.#keyspace = keyspace;
    this.#part = part;
    this.#isReverse = range.reverse ?? false;
    this.#signal = range.signal;
    this.#left = range.limit ?? Infinity;
  }

  /** The next one, or the end. */
  override next(): IteratorResult<T, undefined> {
    if (this.#isDone) return { done: true, value: undefined };
    try {
      if (this.#scan.isClosed) {
        throw new VarveError("CLOSED", "Cannot iterate: database is closed");
      }
      this.#signal?.throwIfAborted();
      if (this.#left-- > 0 && this.#advance()) return { done: false, value: this.#decode() };
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#end();
    return { done: true, value: undefined };
  }

  /** Ends the iteration early. */
  override return(): IteratorResult<T, undefined> {
    this.#end();
    return { done: true, value: undefined };
  }

  /** Ends the iteration early. */
  override [Symbol.dispose](): void {
    this.#end();
  }

  #advance(): boolean {
    const { cursor } = this.#scan;
    if (this.#isStarted) {
      if (this.#isReverse) cursor.previous();
      else cursor.next();
    } else {
      this.#isStarted = true;
      if (this.#isReverse) cursor.last();
      else cursor.first();
    }
    return cursor.valid;
  }

  #decode(): T {
    const { cursor } = this.#scan;
    const keyspace = this.#keyspace;
    if (this.#part === "keys") {
      return keyspace.decodeKey(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd) as unknown as T;
    }
    const value = keyspace.decodeValue(cursor.valueBuffer, cursor.valueStart, cursor.valueEnd);
    if (this.#part === "values") return value as unknown as T;
    const key = keyspace.decodeKey(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd);
    return [key, value] as unknown as T;
  }

  #end(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#scan.close();
  }
}

/** The clock is looked at after this many entries: it costs as much as reading one. */
const ENTRIES_PER_CLOCK = 128;
/** The event loop gets a turn after this many milliseconds of entries. */
const TURN_MS = 8;

/** An iterator over a range, for `for await … of`. */
export class AsyncRangeIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: RangeIterator<unknown, unknown, T>;
  readonly #turns: Surroundings;
  #entries = 0;
  #turnStart: number;
  /** Pending while the event loop has its turn: later calls come after it. */
  #turn: Promise<void> | undefined;

  /**
   * Makes an iterator.
   *
   * @param source The same, not awaited.
   * @param turns How the event loop gets its turns.
   */
  constructor(source: RangeIterator<unknown, unknown, T>, turns: Surroundings) {
    this.#source = source;
    this.#turns = turns;
    this.#turnStart = turns.now();
  }

  /** The next one, or the end. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#turn !== undefined) return this.#turn.then(() => this.next());
    if (++this.#entries % ENTRIES_PER_CLOCK === 0 && this.#isTurnOver()) {
      this.#turn = new Promise((resolve) => {
        this.#turns.schedule(() => {
          this.#turn = undefined;
          this.#turnStart = this.#turns.now();
          resolve();
        });
      });
      return this.#turn.then(() => this.next());
    }
    try {
      return Promise.resolve(this.#source.next());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Ends the iteration early. */
  return(): Promise<IteratorResult<T, undefined>> {
    return Promise.resolve(this.#source.return());
  }

  /** The iterator itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the iteration early. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#source.return();
    return Promise.resolve();
  }

  #isTurnOver(): boolean {
    return this.#turns.now() - this.#turnStart >= TURN_MS;
  }
}
