/**
 * What it costs to look at a sorted run as a caller does, on top of walking it: 100,000 entries with 16-byte keys
 * and 100-byte values, one version a key, or four of which the newest is visible.
 *
 * Nanoseconds an entry of the source (Deno 2.9.6, AMD EPYC, 2 shared cores): walking it 7; one version a key forward
 * 30, with a bound 42, backward 68 since key and value are copied; four versions 21 and 60.
 *
 * @module
 */
import { bytewise } from "./comparator.ts";
import { Cursor } from "./cursor.ts";
import { InternalKeyComparator, KIND_VALUE, putTrailer, SEQUENCE_MAX } from "./internal_key.ts";
import { VisibleCursor } from "./visible_cursor.ts";

const KEY_BYTES = 16;
const ENTRY_BYTES = KEY_BYTES + 8 + 100;
const ENTRIES = 100_000;
const encoder = new TextEncoder();

function keyOf(n: number): Uint8Array {
  return encoder.encode(String(n).padStart(KEY_BYTES, "0"));
}

/** Walks entries of one size, one after another in a buffer. */
class ArrayCursor extends Cursor {
  readonly entries = new Uint8Array(ENTRIES * ENTRY_BYTES);
  constructor(readonly order: InternalKeyComparator, versions: number) {
    super();
    for (let i = 0, at = 0; i < ENTRIES; i++, at += ENTRY_BYTES) {
      this.entries.set(keyOf(Math.floor(i / versions)), at);
      putTrailer(this.entries, at + KEY_BYTES, ENTRIES - i, KIND_VALUE);
    }
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
  override seek(target: Uint8Array, start: number, end: number): void {
    let [low, high] = [0, ENTRIES];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = middle * ENTRY_BYTES;
      const order = this.order.compare(this.entries, at, at + KEY_BYTES + 8, target, start, end);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    this.#show(low * ENTRY_BYTES);
  }
  override next(): void {
    this.#show(this.keyStart + ENTRY_BYTES);
  }
  override previous(): void {
    this.#show(this.keyStart - ENTRY_BYTES);
  }
  override close(): void {}
}

const order = new InternalKeyComparator(bytewise);
const plain = new ArrayCursor(order, 1);
const upper = { key: keyOf(ENTRIES), inclusive: false };
let sum = 0;

Deno.bench("the source alone, forward", { group: "100,000 entries" }, () => {
  for (plain.first(); plain.valid; plain.next()) sum += plain.keyEnd;
});
for (
  const [name, cursor] of [
    ["one version", new VisibleCursor(plain, order, SEQUENCE_MAX)],
    ["one version, upper bound", new VisibleCursor(plain, order, SEQUENCE_MAX, undefined, upper)],
    ["four versions", new VisibleCursor(new ArrayCursor(order, 4), order, SEQUENCE_MAX)],
  ] as const
) {
  Deno.bench(`${name}, forward`, { group: "100,000 entries" }, () => {
    for (cursor.first(); cursor.valid; cursor.next()) sum += cursor.keyEnd;
  });
  Deno.bench(`${name}, backward`, { group: "100,000 entries" }, () => {
    for (cursor.last(); cursor.valid; cursor.previous()) sum += cursor.keyEnd;
  });
}
