import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, ARENA_HEADER_BYTES, Position, recordWords } from "./arena.ts";
import { bytewise } from "./comparator.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { HEIGHT_MAX, SKIP_LIST_NODE_BYTES_MAX, SkipList, skipListBytesMax } from "./skip_list.ts";
import { SortedArray } from "./sorted_array.ts";
import {
  backwards,
  checkShape,
  type MakeIndex,
  sequenceOf,
  SHAPES,
  writeEntry,
} from "../tests/fixtures/ordered_index_contract.ts";
import { generator } from "./random.ts";
import type { SkipListTask } from "../tests/fixtures/skip_list_worker.ts";
import { onSources } from "../tests/permissions.ts";

const makeIndex: MakeIndex = (arena, comparator) => new SkipList(arena, comparator);
const bytewiseKeys = new InternalKeyComparator();

for (const shape of Object.keys(SHAPES)) {
  Deno.test(`SkipList keeps order and positions under insertion: ${shape}`, () => {
    checkShape(makeIndex, shape, bytewise, 1200, 1);
    checkShape(makeIndex, shape, backwards, 500, 2);
  });
}

Deno.test("SkipList of no entries has no first, no last and nothing to find", () => {
  const index = new SkipList(Arena.create(1024), bytewiseKeys);
  const position = new Position();
  index.first(position);
  assertEquals(position.entry, 0);
  index.last(position);
  assertEquals(position.entry, 0);
  index.seek(position, new Uint8Array(8), 0, 8);
  assertEquals(position.entry, 0);
  assertEquals(index.entryCount, 0);
});

Deno.test("SkipList takes the same bytes for the same seed, and others for another one", () => {
  const memory = (seed: number) => {
    const arena = Arena.create(1 << 16);
    const index = new SkipList(arena, bytewiseKeys, seed);
    const random = generator(3);
    for (let n = 1; n <= 500; n++) index.insert(writeEntry(arena, Uint8Array.of(random(256)), n));
    return arena.bytes;
  };
  assertEquals(memory(7), memory(7));
  const [a, b] = [memory(7), memory(8)];
  assert(a.some((byte, i) => byte !== b[i]), "seeds 7 and 8 give other heights");
});

Deno.test("SkipList nodes take 16 to 60 bytes, about 17 on average", () => {
  assertEquals(SKIP_LIST_NODE_BYTES_MAX, 12 + 4 * HEIGHT_MAX);
  for (const seed of [0, 1, 2, 0x5bd1e995]) {
    const arena = Arena.create(1 << 20);
    const index = new SkipList(arena, bytewiseKeys, seed);
    const empty = arena.usedBytes;
    assertEquals(empty, ARENA_HEADER_BYTES + SKIP_LIST_NODE_BYTES_MAX);
    let nodes = 0;
    for (let n = 1; n <= 4000; n++) {
      const entry = writeEntry(arena, Uint8Array.of(n >>> 8, n), n);
      const before = arena.usedBytes;
      assert(index.growthBytesMax(1) >= SKIP_LIST_NODE_BYTES_MAX);
      index.insert(entry);
      const node = arena.usedBytes - before;
      assert(node >= 16 && node <= SKIP_LIST_NODE_BYTES_MAX, `node of ${node} bytes`);
      nodes += node;
    }
    const average = nodes / 4000;
    assert(average > 16.8 && average < 18, `${average} bytes a node with seed ${seed}`);
    assert(nodes + SKIP_LIST_NODE_BYTES_MAX <= skipListBytesMax(4000));
  }
});

Deno.test("SkipList works in memory that was used before and not erased", () => {
  const arena = Arena.create(1 << 16);
  arena.words.fill(-1, 16);
  for (let round = 0; round < 3; round++) {
    arena.reset();
    const index = new SkipList(arena, bytewiseKeys, round);
    for (let n = 1; n <= 300; n++) {
      index.insert(writeEntry(arena, Uint8Array.of((n * 37 + round) % 251), n));
    }
    const position = new Position();
    let count = 0;
    for (index.first(position); position.entry !== 0; index.next(position)) count++;
    assertEquals(count, 300);
  }
});

Deno.test("SkipList stays whole when an insertion does not fit", () => {
  const arena = Arena.create(2048);
  const index = new SkipList(arena, bytewiseKeys);
  let inserted = 0;
  assertThrows(
    () => {
      for (let n = 1;; n++) {
        index.insert(writeEntry(arena, Uint8Array.of(255 - n), n));
        inserted = n;
      }
    },
    Error,
    "asks whether an entry fits",
  );
  assertEquals(index.entryCount, inserted);
  const position = new Position();
  for (index.first(position); position.entry !== 0; index.next(position)) {
    assertEquals(sequenceOf(arena, position), inserted--);
  }
  assertEquals(inserted, 0);
});

Deno.test("SkipList refuses an arena with another kind of index", () => {
  const arena = Arena.create(1 << 14);
  new SortedArray(arena, bytewiseKeys);
  assertThrows(() => new SkipList(arena, bytewiseKeys), Error, "skip list");
});

async function runWorkers(keys: "same" | "scattered", count: number): Promise<void> {
  const writers = 4;
  const readers = 2;
  const entryBytes = recordWords(6, 6) * 4 + 24;
  const arena = Arena.create(writers * count * entryBytes + 4096);
  // Whoever follows a link that was not yet written is led out of the arena.
  arena.words.fill(0x3fffffff, ARENA_HEADER_BYTES / 4);
  const list = new SkipList(arena, bytewiseKeys);
  const control = new SharedArrayBuffer(4 * (1 + writers));
  const url = new URL("../tests/fixtures/skip_list_worker.ts", import.meta.url);
  const workers: Worker[] = [];
  let ready = 0;
  try {
    const results = await Promise.all(
      Array.from({ length: writers + readers }, (_, i) => {
        const worker = new Worker(url, { type: "module" });
        workers.push(worker);
        const role = i < writers ? "writer" : "reader";
        const task: SkipListTask = {
          ...{ role, writers, count, keys, control },
          ...{ id: i, buffer: arena.buffer },
        };
        worker.postMessage(task);
        return new Promise<{ walks?: number; error?: string }>((resolve, reject) => {
          worker.onerror = (event) => reject(new Error(event.message));
          worker.onmessage = ({ data }) => {
            if (!data.ready) return resolve(data);
            if (++ready < writers + readers) return;
            const start = new Int32Array(control);
            Atomics.store(start, 0, 1);
            Atomics.notify(start, 0);
          };
        });
      }),
    );
    for (const result of results) assertEquals(result.error, undefined);
    for (const result of results.slice(writers)) assert(result.walks! >= 1);
  } finally {
    for (const worker of workers) worker.terminate();
  }

  assertEquals(list.entryCount, writers * count);
  const position = new Position();
  const seen = new Uint8Array(writers * count + 1);
  let last = 0;
  for (list.first(position); position.entry !== 0; list.next(position)) {
    const { entry } = position;
    const bytes = arena.bytes;
    const [start, end] = [arena.keyStart(entry), arena.keyEnd(entry)];
    if (last !== 0) {
      const [lastStart, lastEnd] = [arena.keyStart(last), arena.keyEnd(last)];
      assert(bytewiseKeys.compare(bytes, lastStart, lastEnd, bytes, start, end) < 0, "in order");
    }
    last = entry;
    const sequence = sequenceOf(arena, position)!;
    seen[sequence]!++;
    assertEquals(seen[sequence], 1, `sequence ${sequence} is met once`);
  }
  assertEquals(seen.reduce((sum, times) => sum + times, 0), writers * count);
}

Deno.test(
  "SkipList takes insertions of four workers at one place while two others read",
  onSources,
  async () => {
    await runWorkers("same", 12_000);
  },
);

Deno.test(
  "SkipList takes insertions of four workers everywhere while two others read",
  onSources,
  async () => {
    await runWorkers("scattered", 12_000);
  },
);
