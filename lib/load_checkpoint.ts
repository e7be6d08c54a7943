/**
 * **What.** How far a load of a file has come, kept in the database that is loaded into: so it can be interrupted, by
 * a power cut too, and goes on where what is durable ends.
 *
 * **Format.** A checkpoint is an entry of the sublevel `varve-load`, and gone when the load is through:
 * ```text
 * key   := "!varve-load!", real path of the input
 * value := JSON: {"version": 1, "input": …, "layout": …, "progress": …} as in {@linkcode Checkpoint}
 * ```
 *
 * **Invariants.**
 * 1. A checkpoint is written in the same batch as the entries that it covers: both are there after a crash, or neither.
 * 2. It is believed only for the same bytes, told by size, time of change and a hash of beginning and end, and for
 *    the same options; anything else starts again.
 *
 * **Read next.** `cli_load_input.ts`
 *
 * @module
 */
import { bytes } from "./codec.ts";
import type { Batch, Store } from "./store.ts";

/** The sublevel that checkpoints are in. Exports leave it out. */
export const CHECKPOINT_SUBLEVEL = "varve-load";
/** What the keys of all checkpoints begin with, in the database itself. */
export const CHECKPOINT_PREFIX: Uint8Array = new TextEncoder().encode(`!${CHECKPOINT_SUBLEVEL}!`);

const VERSION = 1;

/** What tells whether a file is the one that was loaded from. */
export interface InputIdentity {
  /** Its size in bytes. */
  readonly size: number;
  /** When it was changed last, in milliseconds. */
  readonly changedMs: number;
  /** SHA-256 of its beginning and its end, in hexadecimal. */
  readonly hash: string;
}

/** Where a file of errors ended. */
export interface ErrorsEnd {
  /** The file's real path. */
  readonly path: string;
  /** Its size in bytes. */
  readonly bytes: number;
}

/** How far a load has come. */
export interface LoadProgress {
  /** Where the next record starts, in bytes of the input; of what was packed, once it is unpacked. */
  readonly offset: number;
  /** In which line, counted from 1. */
  readonly line: number;
  /** Entries loaded. */
  readonly entries: number;
  /** Bad records left out. */
  readonly skipped: number;
  /** Where the file of errors ended; `null` if there was none. */
  readonly errors: ErrorsEnd | null;
  /** What the parser of records has to know. */
  readonly state: unknown;
}

/** All of a checkpoint. */
export interface Checkpoint {
  /** Which file. */
  readonly input: InputIdentity;
  /** The options that say what the file means. */
  readonly layout: string;
  /** How far it was loaded. */
  readonly progress: LoadProgress;
}

/** Where the checkpoint of one input is kept. */
export class CheckpointPlace {
  readonly #store: Store<Uint8Array, Uint8Array>;
  readonly #key: Uint8Array;

  /**
   * Makes a place; nothing is written yet.
   *
   * @param database The database that is loaded into.
   * @param path The real path of the input.
   */
  constructor(database: Store<Uint8Array, Uint8Array>, path: string) {
    this.#store = database.sublevel(CHECKPOINT_SUBLEVEL, { key: bytes, value: bytes });
    this.#key = new TextEncoder().encode(path);
  }

  /**
   * What was kept.
   *
   * @returns The checkpoint; `undefined` if there is none, or none that this version understands.
   */
  read(): Checkpoint | undefined {
    const stored = this.#store.getSync(this.#key);
    if (stored === undefined) return undefined;
    try {
      const { version, ...checkpoint } = JSON.parse(new TextDecoder().decode(stored));
      return version === VERSION && isCheckpoint(checkpoint) ? checkpoint : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Adds a checkpoint to the batch that it is about.
   *
   * @param batch The batch.
   * @param checkpoint What to keep.
   */
  addTo(batch: Batch<Uint8Array, Uint8Array>, checkpoint: Checkpoint): void {
    const text = JSON.stringify({ version: VERSION, ...checkpoint });
    batch.on(this.#store).put(this.#key, new TextEncoder().encode(text));
  }

  /**
   * Adds its removal to a batch.
   *
   * @param batch The batch.
   */
  removeIn(batch: Batch<Uint8Array, Uint8Array>): void {
    batch.on(this.#store).delete(this.#key);
  }
}

/** Whether it has the shape of one: anybody can write to the sublevel. */
function isCheckpoint({ input, layout, progress }: Checkpoint): boolean {
  const { offset, line, entries, skipped, errors } = progress;
  const numbers = [input.size, input.changedMs, offset, line, entries, skipped, errors?.bytes ?? 0];
  return numbers.every(Number.isSafeInteger) && offset >= 0 &&
    typeof input.hash === "string" && typeof layout === "string";
}

/**
 * Whether a checkpoint is about the same file, read in the same way.
 *
 * @param checkpoint What was kept.
 * @param input The file as it is now.
 * @param layout The options now.
 * @returns What is not the same; `undefined` if a load can go on from it.
 */
export function changeSince(
  checkpoint: Checkpoint,
  input: InputIdentity,
  layout: string,
): string | undefined {
  const { input: before } = checkpoint;
  const isSame = before.size === input.size && before.changedMs === input.changedMs &&
    before.hash === input.hash;
  if (!isSame) return "the file has changed";
  return checkpoint.layout === layout ? undefined : "the options are others";
}
