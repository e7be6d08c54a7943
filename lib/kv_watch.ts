/**
 * **What.** Watching keys of Deno KV: a stream that gives the state of some keys as soon as it is another one.
 *
 * **Invariants.**
 * 1. What is read from the stream is the state of all keys at one moment, after the read was asked for: nothing is
 *    read ahead, so a reader who is slow misses states in between, and never the last.
 * 2. An entry that expires is a change, at its expiry.
 * 3. Timers run only while somebody waits for a change. Then there always is one, so that a process that only
 *    watches goes on.
 *
 * **Read next.** `kv_atomic.ts`
 *
 * @module
 */
import type { KvKey } from "./kv_key.ts";
import type { KvEntryMaybe } from "./kv_list.ts";
import { entryKey, type KvStore, type StoredEntry } from "./kv_store.ts";

/** A wait is no longer than timers of the platform can be; then the keys are looked at, and it begins again. */
const WAIT_MS_MAX = 2 ** 31 - 1;

const latin1 = new TextDecoder("latin1");

/** One watch. */
export class KvWatch {
  /** The states, one after another. */
  readonly stream: ReadableStream<KvEntryMaybe<unknown>[]>;
  readonly #store: KvStore;
  readonly #raw: boolean;
  readonly #keys: readonly KvKey[];
  readonly #stored: readonly Uint8Array[];
  /** The same as strings, to look them up. */
  readonly #names: ReadonlySet<string>;
  readonly #unlisten: () => void;
  #controller: ReadableStreamDefaultController<KvEntryMaybe<unknown>[]> | undefined;
  /** The versionstamps that the reader knows; none before the first state. */
  #known: (string | undefined)[] | undefined;
  /** Whether one of the keys was changed since. */
  #isTouched = false;
  #wake: (() => void) | undefined;
  #isEnded = false;

  /**
   * Begins to watch.
   *
   * @param store What to watch.
   * @param keys The keys.
   * @param raw Whether to give a state after each change, be it the same one again.
   * @param onEnd Hears that nobody reads the stream any more.
   */
  constructor(store: KvStore, keys: readonly KvKey[], raw: boolean, onEnd: () => void) {
    this.#store = store;
    this.#raw = raw;
    this.#keys = keys.map((key) => [...key]);
    this.#stored = keys.map(entryKey);
    this.#names = new Set(this.#stored.map((key) => latin1.decode(key)));
    this.#unlisten = store.listen((changed) => {
      if (!this.#isTouched && changed.some((key) => this.#names.has(latin1.decode(key)))) {
        this.#isTouched = true;
        this.#wake?.();
      }
    });
    this.stream = new ReadableStream<KvEntryMaybe<unknown>[]>({
      start: (controller) => {
        this.#controller = controller;
        if (keys.length === 0) this.end(); // there is nothing to wait for
      },
      pull: () => this.#pull(),
      cancel: () => {
        this.#stop();
        onEnd();
      },
    }, { highWaterMark: 0 });
  }

  /** Ends the stream, after what was read from it. */
  end(): void {
    if (this.#isEnded) return;
    this.#stop();
    this.#controller?.close();
  }

  #stop(): void {
    this.#isEnded = true;
    this.#unlisten?.();
    this.#wake?.();
  }

  /** Waits for a state that the reader does not know, and gives it. */
  async #pull(): Promise<void> {
    while (!this.#isEnded) {
      const entries = this.#stored.map((key) => this.#store.getSync(key));
      const stamps = entries.map((entry) => entry?.versionstamp);
      const isTouched = this.#isTouched;
      this.#isTouched = false;
      const isNew = this.#known === undefined || stamps.some((it, i) => it !== this.#known![i]);
      if (isNew || (this.#raw && isTouched)) {
        this.#known = stamps;
        this.#controller!.enqueue(entries.map((entry, i) => maybe(this.#keys[i]!, entry)));
        return;
      }
      await this.#change(entries);
    }
  }

  /** Resolves when one of the keys is changed, one of the entries expires, or the watch ends. */
  #change(entries: readonly (StoredEntry | undefined)[]): Promise<void> {
    let expiry = Infinity;
    for (const entry of entries) if (entry?.expiresAt) expiry = Math.min(expiry, entry.expiresAt);
    return new Promise((resolve) => {
      const { clock } = this.#store;
      // One millisecond more than too early, and asked again: timers of the platform may be early.
      const delay = Math.min(Math.max(1, expiry - this.#store.now()), WAIT_MS_MAX);
      const stopTimer = clock.startTimer(() => this.#wake?.(), delay);
      this.#wake = () => {
        this.#wake = undefined;
        stopTimer();
        resolve();
      };
    });
  }
}

/**
 * What a program gets of an entry.
 *
 * @param key The key.
 * @param entry Its entry, if there is one.
 * @returns The entry.
 */
export function maybe(key: KvKey, entry: StoredEntry | undefined): KvEntryMaybe<unknown> {
  return entry === undefined
    ? { key: [...key], value: null, versionstamp: null }
    : { key: [...key], value: entry.value, versionstamp: entry.versionstamp };
}
