/**
 * Which index is the better one for one writer: the sorted array, in every case but a walk over entries that were
 * inserted in order. Deno 2.9.6, 2 shared cores (AMD EPYC), 16-byte keys and 100-byte values, millions a second of
 * insertions / gets / entries scanned, best of several runs on a busy machine:
 * ```text
 *                     32 000 entries (4 MB)                 500 000 entries (64 MB)
 *               rand          dec           seq           rand          dec           seq
 * sorted array  3.7/4.2/26    3.0/3.4/18    9.3/4.3/66    2.6/1.5/11    1.9/1.1/11    9.2/1.4/46
 * skip list     2.1/1.8/22    1.3/1.1/23    1.6/1.1/79    0.6/0.4/5     0.4/0.3/6     1.3/0.4/77
 * Map + sort    4.6/36/2.9                                1.2/5.0/1.2
 * ```
 * An entry takes 144 bytes in a sorted array (140 if inserted in key order), 149 in a skip list. A `Map` is the
 * fastest at single gets; but its keys are strings made beforehand here, it has one version of each key, sorts
 * everything anew when it is read in order, and an entry is several objects of the heap. The skip list is for
 * writing from several workers at once.
 *
 * @module
 */
import { InternalKeyComparator, KIND_VALUE, Lookup } from "./internal_key.ts";
import { Memtable, type MemtableIndex } from "./memtable.ts";
import {
  KEY_BYTES,
  KEY_KINDS,
  type KeyKind,
  makeKeys,
  shuffled,
} from "../tests/fixtures/memtable_keys.ts";

const VALUE_BYTES = 100;
const comparator = new InternalKeyComparator();
const value = new Uint8Array(VALUE_BYTES).fill(7);

/** Sizes: how many entries, in how much memory, how often a bench runs. */
const SIZES = [
  { name: "4 MB", entries: 32_000, capacityBytes: 8 << 20, n: 30 },
  { name: "64 MB", entries: 500_000, capacityBytes: 96 << 20, n: 3 },
];

function fill(memtable: Memtable, keys: Uint8Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = i * KEY_BYTES;
    memtable.add(i + 1, KIND_VALUE, keys, at, at + KEY_BYTES, value, 0, VALUE_BYTES);
  }
}

function benchMemtable(index: MemtableIndex, kind: KeyKind, size: typeof SIZES[number]): void {
  const { entries, capacityBytes, n } = size;
  const keys = makeKeys(kind, entries);
  // Gets in an order other than that of insertion, which would find every record in the cache.
  const order = shuffled(entries);
  let buffer: SharedArrayBuffer | undefined;
  let full: Memtable | undefined;
  const memtable = () => {
    buffer ??= new SharedArrayBuffer(capacityBytes);
    return new Memtable({ comparator, capacityBytes, index, buffer });
  };

  Deno.bench(
    `insert ${index}, ${kind}`,
    { group: `insert ${entries} (${size.name})`, n, warmup: 2 },
    (bench) => {
      full = memtable();
      bench.start();
      fill(full, keys, entries);
      bench.end();
    },
  );
  Deno.bench(
    `get ${index}, ${kind}`,
    { group: `get ${entries} (${size.name})`, n, warmup: 2 },
    () => {
      const lookup = new Lookup();
      for (const id of order) {
        for (let j = 0; j < KEY_BYTES; j++) lookup.key[j] = keys[id * KEY_BYTES + j]!;
        lookup.begin(KEY_BYTES, Number.MAX_SAFE_INTEGER);
        full!.get(lookup);
      }
    },
  );
  Deno.bench(
    `scan ${index}, ${kind}`,
    { group: `scan ${entries} (${size.name})`, n, warmup: 2 },
    () => {
      const cursor = full!.cursor();
      let sum = 0;
      for (cursor.first(); cursor.valid; cursor.next()) sum += cursor.keyBuffer[cursor.keyStart]!;
      return void sum;
    },
  );
}

/** A `Map` of strings to values, sorted when it is read in order. The strings are made beforehand. */
function benchMap(kind: KeyKind, size: typeof SIZES[number]): void {
  const { entries, n } = size;
  const latin1 = new TextDecoder("latin1");
  const keys = makeKeys(kind, entries);
  // Gets in an order other than that of insertion, which would find every record in the cache.
  const order = shuffled(entries);
  let strings: string[] | undefined;
  let map = new Map<string, Uint8Array>();
  Deno.bench(`insert Map, ${kind}`, { group: `insert ${entries} (${size.name})`, n }, (bench) => {
    strings ??= Array.from(
      { length: entries },
      (_, i) => latin1.decode(keys.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES)),
    );
    map = new Map();
    bench.start();
    for (const key of strings) map.set(key, value.slice());
    bench.end();
  });
  Deno.bench(`get Map, ${kind}`, { group: `get ${entries} (${size.name})`, n }, () => {
    let found = 0;
    for (const id of order) found += map.get(strings![id]!)!.length;
    return void found;
  });
  Deno.bench(`scan Map, ${kind}`, { group: `scan ${entries} (${size.name})`, n }, () => {
    let sum = 0;
    for (const key of [...map.keys()].sort()) sum += map.get(key)!.length;
    return void sum;
  });
}

for (const size of SIZES) {
  for (const kind of KEY_KINDS) {
    benchMemtable("sorted-array", kind, size);
    benchMemtable("skip-list", kind, size);
  }
  benchMap("rand", size);
}
