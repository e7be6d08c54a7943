/**
 * **What.** How typed entries get into a batch: keys and values are checked and encoded, and what is gathered for one
 * commit is counted until it is written, once.
 *
 * **Invariants.**
 * 1. An entry that cannot be encoded adds nothing, whatever codecs do meanwhile.
 * 2. A batch is committed once. Whether that succeeds or not, its memory is used again.
 *
 * **Read next.** `store.ts`
 *
 * @module
 */
import { bytes } from "./codec.ts";
import { VarveError } from "./errors.ts";
import { EncodedValue, type Keyspace } from "./keyspace.ts";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "./options.ts";
import type { StoreContext } from "./reader.ts";
import { BATCH_HEADER_BYTES, WriteBatch } from "./write_batch.ts";

/** Whether keys and values are bytes, which are their own encoding: they go from the caller's arrays into a batch. */
function takesBytes<K, V>(keyspace: Keyspace<K, V>): boolean {
  const { key, value, prefix } = keyspace;
  return (key as unknown) === bytes && (value as unknown) === bytes && prefix.length === 0;
}

/**
 * Encodes an entry and adds it to a batch. Codecs are the caller's code and may use the store: so the value comes
 * first, the key goes into the shared lookup after it, and only then the batch is asked for, which a codec may have
 * written or committed: `target` gives it, for an entry of so many bytes.
 */
export function addPut<K, V>(
  context: StoreContext,
  keyspace: Keyspace<K, V>,
  key: K,
  value: V,
  target: (bytes: number) => WriteBatch,
): WriteBatch {
  if (takesBytes(keyspace)) {
    const keyBytes = bytes.encode(key as Uint8Array);
    const valueBytes = bytes.encode(value as Uint8Array);
    // Longer ones are refused below.
    if (keyBytes.length <= KEY_BYTES_MAX && valueBytes.length <= VALUE_BYTES_MAX) {
      const batch = target(keyBytes.length + valueBytes.length);
      batch.put(keyBytes, 0, keyBytes.length, valueBytes, 0, valueBytes.length);
      return batch;
    }
  }
  const { engine: { lookup }, spareValues } = context;
  const encodedValue = spareValues.pop() ?? new EncodedValue();
  encodedValue.set(keyspace.value, value);
  const keyEnd = keyspace.encodeKey(key, lookup);
  const keyBuffer = lookup.key;
  const { buffer, start, end } = encodedValue;
  const batch = target(keyEnd + end - start);
  batch.put(keyBuffer, 0, keyEnd, buffer, start, end);
  spareValues.push(encodedValue);
  return batch;
}

/** The same for a delete. */
export function addDelete<K, V>(
  context: StoreContext,
  keyspace: Keyspace<K, V>,
  key: K,
  target: (bytes: number) => WriteBatch,
): WriteBatch {
  if (takesBytes(keyspace)) {
    const keyBytes = bytes.encode(key as Uint8Array);
    if (keyBytes.length <= KEY_BYTES_MAX) {
      const batch = target(keyBytes.length);
      batch.delete(keyBytes, 0, keyBytes.length);
      return batch;
    }
  }
  const { lookup } = context.engine;
  const keyEnd = keyspace.encodeKey(key, lookup);
  const keyBuffer = lookup.key;
  const batch = target(keyEnd);
  batch.delete(keyBuffer, 0, keyEnd);
  return batch;
}

/** So many batches are kept to be used again: a batch of a thousand entries costs eight allocations to grow. */
const SPARE_BATCHES_MAX = 4;

/** What a batch and its views of other stores share. */
export class BatchState {
  /** How many entries it has, also when it is committed. */
  count = 0;
  /** How many bytes, also when it is committed. */
  byteLength: number = BATCH_HEADER_BYTES;
  readonly #context: StoreContext;
  #batch: WriteBatch | undefined;

  /**
   * Makes an empty batch.
   *
   * @param context Where memory for it may be.
   */
  constructor(context: StoreContext) {
    this.#context = context;
    this.#batch = context.spareBatches.pop() ?? new WriteBatch();
  }

  /** The batch to add to or to write. Throws if it is committed already. */
  pending(action: string): WriteBatch {
    if (this.#batch === undefined) {
      throw new VarveError("CLOSED", `Cannot ${action} batch: it is committed already`);
    }
    return this.#batch;
  }

  /** Counts what was added. */
  added(batch: WriteBatch): void {
    this.count = batch.count;
    this.byteLength = batch.byteLength;
  }

  /** Commits the batch, which happens once: `write` writes it or copies it. */
  commit<T>(write: (batch: WriteBatch) => T): T {
    const batch = this.pending("commit");
    this.#batch = undefined;
    try {
      return write(batch);
    } finally {
      batch.clear();
      const { spareBatches } = this.#context;
      if (spareBatches.length < SPARE_BATCHES_MAX) spareBatches.push(batch);
    }
  }
}
