/**
 * What a merged entry costs: runs of 100,000 entries with 16-byte keys and 100-byte values, merged from end to
 * end. Keys are dealt out to the runs at random (the worst case), or in stretches as a level meets a smaller one.
 *
 * Million entries a second, forward and backward alike (Deno 2.9.6, AMD EPYC, 2 shared cores): 2 runs 21 one by one,
 * 27 ten at a time; 8 runs 14 and 25, where 9.8 and 18 was what comparing whole keys came to.
 *
 * @module
 */
import { Cursor } from "./cursor.ts";
import { InternalKeyComparator, KIND_VALUE, putTrailer } from "./internal_key.ts";
import { MergeCursor } from "./merge_cursor.ts";

const KEY_BYTES = 16;
const ENTRY_BYTES = KEY_BYTES + 8 + 100;
const RUN_ENTRIES = 100_000;

/** Walks entries of one size, one after another in a buffer. */
class ArrayCursor extends Cursor {
  constructor(readonly entries: Uint8Array) {
    super();
  }
  #show(at: number): void {
    this.valid = at >= 0 && at < this.entries.length;
    this.keyBuffer = this.valueBuffer = this.entries;
    this.keyStart = at;
    this.keyEnd = this.valueStart = at + KEY_BYTES + 8;
    this.valueEnd = at + ENTRY_BYTES;
  }
  override first(): void {
    this.#show(0);
  }
  override last(): void {
    this.#show(this.entries.length - ENTRY_BYTES);
  }
  override seek(): void {
    this.#show(0);
  }
  override next(): void {
    this.#show(this.keyStart + ENTRY_BYTES);
  }
  override previous(): void {
    this.#show(this.keyStart - ENTRY_BYTES);
  }
  override close(): void {}
}

/** Deals out ascending decimal keys to runs, `stretch` at a time. */
function runs(count: number, stretch: number): ArrayCursor[] {
  const used = new Array<number>(count).fill(0);
  const buffers = used.map(() => new Uint8Array(RUN_ENTRIES * ENTRY_BYTES));
  const encoder = new TextEncoder();
  let seed = 1;
  for (let key = 0, run = 0; key < count * RUN_ENTRIES; key++) {
    if (key % stretch === 0) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      run = (seed >>> 8) % count;
    }
    while (used[run] === RUN_ENTRIES) run = (run + 1) % count;
    const at = used[run]!++ * ENTRY_BYTES;
    encoder.encodeInto(String(key).padStart(KEY_BYTES, "0"), buffers[run]!.subarray(at));
    putTrailer(buffers[run]!, at + KEY_BYTES, key + 1, KIND_VALUE);
  }
  return buffers.map((buffer) => new ArrayCursor(buffer));
}

for (const [count, stretch] of [[2, 1], [2, 10], [8, 1], [8, 10]] as const) {
  const merge = new MergeCursor(new InternalKeyComparator(), runs(count, stretch));
  const dealt = stretch === 1 ? "one by one" : `${stretch} at a time`;
  let sum = 0;
  Deno.bench(
    `${count} runs dealt ${dealt}, forward`,
    { group: `${count * RUN_ENTRIES} entries` },
    () => {
      for (merge.first(); merge.valid; merge.next()) sum += merge.keyEnd;
    },
  );
  Deno.bench(
    `${count} runs dealt ${dealt}, backward`,
    { group: `${count * RUN_ENTRIES} entries` },
    () => {
      for (merge.last(); merge.valid; merge.previous()) sum += merge.valueEnd;
    },
  );
}
