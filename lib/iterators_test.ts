/**
 * Ranges as iterators, over a memtable alone: order, ends of every kind, and turns that come when a test says so.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { bytewiseKeys } from "../tests/tables.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { EMPTY_BYTES } from "./bytes.ts";
import { bytes, type Codec, type KeyCodec, utf8 } from "./codec.ts";
import { VarveError } from "./errors.ts";
import type { Surroundings } from "./background.ts";
import { AsyncRangeIterator, type Part, RangeIterator } from "./iterators.ts";
import { Keyspace } from "./keyspace.ts";
import { MemtableSlot } from "./memtable_set.ts";
import type { RangeOptions } from "./options.ts";
import { ReadView } from "./read_view.ts";
import { Scan } from "./scan.ts";

type Texts = RangeIterator<string, string, unknown>;

const FRUIT = "apple@1=5 banana@2=6 cherry@3=6 damson@4=6";
const KEYS = ["apple", "banana", "cherry", "damson"];

/** A memtable to iterate over. */
class Stage {
  readonly #view: ReadView;
  /** Scans that were closed. */
  ends = 0;
  readonly scans: Scan[] = [];

  constructor(entries: string, capacityBytes?: number) {
    const slot = new MemtableSlot(memtableOf(entries, capacityBytes), 3, () => {});
    this.#view = new ReadView([slot], new SmallTree().tree);
  }

  scan(): Scan {
    const bounds = { lower: undefined, upper: undefined };
    const settings = { fillPool: true, onClose: () => void this.ends++ };
    const scan = new Scan(this.#view, bytewiseKeys, 2 ** 40, bounds, settings);
    this.scans.push(scan);
    return scan;
  }

  iterate(part: Part = "keys", range: RangeOptions<string> = {}): Texts {
    return this.of(utf8, utf8, part, range);
  }

  of<K, V>(key: KeyCodec<K>, value: Codec<V>, part: Part, range: RangeOptions<K> = {}) {
    const keyspace = new Keyspace(key, value, EMPTY_BYTES, true);
    return new RangeIterator<K, V, unknown>(this.scan(), keyspace, part, range);
  }

  iterateAsync(turns: Surroundings = new ManualTurns(), range: RangeOptions<string> = {}) {
    const source = this.iterate("keys", range) as unknown as RangeIterator<
      unknown,
      unknown,
      string
    >;
    return new AsyncRangeIterator<string>(source, turns);
  }
}

/** A clock that stands still until it is set. */
class StillTurns implements Surroundings {
  time = 0;
  scheduled = 0;
  readonly #turns = new ManualTurns();
  readonly now = () => this.time;
  readonly schedule = (task: () => void) => {
    this.scheduled++;
    return this.#turns.schedule(task);
  };

  turn(): boolean {
    return this.#turns.turn();
  }
}

/** Entries with keys of four digits. */
function numbered(count: number): string {
  return Array.from({ length: count }, (_, i) => `${String(i).padStart(4, "0")}@${i + 1}=v`).join(
    " ",
  );
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

Deno.test("Entries, keys and values come in order, or in the opposite one, up to the limit", () => {
  const stage = new Stage(FRUIT);
  assertEquals([...stage.iterate("entries")].at(0), ["apple", "5"]);
  assertEquals([...stage.iterate("values")], ["5", "6", "6", "6"]);
  for (const limit of [0, 1, 3, 4, 5, Infinity]) {
    assertEquals([...stage.iterate("keys", { limit })], KEYS.slice(0, limit));
    const reversed = [...stage.iterate("keys", { limit, reverse: true })];
    assertEquals(reversed, KEYS.toReversed().slice(0, limit));
  }
  assertEquals(stage.ends, stage.scans.length);
});

Deno.test("An iterator has the methods of all iterators", () => {
  const stage = new Stage(FRUIT);
  const lengths = stage.iterate().filter((key) => key !== "banana").map((key) => `${key}`.length);
  assertEquals([...lengths.take(2)], [5, 6]);
  assertEquals(stage.ends, 1);
});

Deno.test("What is yielded is the caller's, and never changes (invariant 1)", () => {
  const stage = new Stage(FRUIT);
  const plain = { ordered: true, encode: bytes.encode, decode: bytes.decode } as const;
  for (const codec of [bytes, plain]) {
    for (const reverse of [false, true]) {
      const entries = [...stage.of(codec, codec, "entries", { reverse })] as Uint8Array[][];
      const before = entries.map(([key, value]) => [key!.slice(), value!.slice()]);
      for (const [key, value] of [...stage.of(codec, codec, "entries")] as Uint8Array[][]) {
        key!.fill(0); // whoever writes to what he was given harms nobody
        value!.fill(0);
      }
      assertEquals(entries, before);
      assertEquals([...stage.iterate()], KEYS);
    }
  }
});

Deno.test("An iterator at its end lets go of its scan, and stays at its end (invariant 2)", () => {
  const stage = new Stage(FRUIT);
  const iterator = stage.iterate("keys", { limit: 1 });
  assertEquals(iterator.next(), { done: false, value: "apple" });
  assertEquals(stage.ends, 0);
  for (let i = 0; i < 3; i++) {
    assertEquals(iterator.next(), { done: true, value: undefined });
    assertEquals(stage.ends, 1);
  }
});

Deno.test("An iterator that is left lets go of its scan (invariant 2)", () => {
  const stage = new Stage(FRUIT);
  for (const _ of stage.iterate()) break;
  assertEquals(stage.ends, 1);
  assertThrows(
    () => {
      for (const key of stage.iterate()) throw new Error(`${key}`);
    },
    Error,
    "apple",
  );
  assertEquals(stage.ends, 2);
  const iterator = stage.iterate();
  assertEquals(iterator.return(), { done: true, value: undefined });
  assertEquals([iterator.next().done, stage.ends], [true, 3]);
  {
    using disposed = stage.iterate();
    disposed.next();
  }
  assertEquals(stage.ends, 4);
});

Deno.test("An iterator that fails lets go of its scan, and is at its end (invariant 2)", () => {
  const stage = new Stage(FRUIT);
  const decode = () => {
    throw new TypeError("Cannot decode");
  };
  const iterator = stage.of(utf8, { ordered: false, encode: utf8.encode, decode }, "values");
  assertThrows(() => iterator.next(), TypeError, "Cannot decode");
  assertEquals(stage.ends, 1);
  assertEquals(iterator.next(), { done: true, value: undefined });
});

Deno.test("An aborted iteration ends with the signal's reason (invariant 2)", () => {
  const stage = new Stage(FRUIT);
  const controller = new AbortController();
  const iterator = stage.iterate("keys", { signal: controller.signal });
  assertEquals(iterator.next().value, "apple");
  controller.abort(new RangeError("enough"));
  assertThrows(() => iterator.next(), RangeError, "enough");
  assertEquals([stage.ends, iterator.next().done], [1, true]);
  const late = stage.iterate("keys", { signal: controller.signal, limit: 0 });
  assertThrows(() => late.next(), RangeError, "enough");
  assertEquals(stage.ends, 2);
});

Deno.test("An iterator whose scan was closed under it fails with CLOSED, once (invariant 2)", async () => {
  const stage = new Stage(FRUIT);
  const iterator = stage.iterate();
  const awaited = stage.iterateAsync();
  iterator.next();
  await awaited.next();
  const ended = stage.iterate("keys", { limit: 0 });
  ended.next();
  for (const scan of stage.scans) scan.close();
  assertEquals(assertThrows(() => iterator.next(), VarveError).code, "CLOSED");
  assertEquals((await assertRejects(() => awaited.next(), VarveError)).code, "CLOSED");
  for (const it of [iterator, ended]) assertEquals(it.next(), { done: true, value: undefined });
  assertEquals(await awaited.next(), { done: true, value: undefined });
  assertEquals(stage.ends, 3);
});

Deno.test("The awaited form gives the same, and lets go in the same ways (invariant 2)", async () => {
  const stage = new Stage(FRUIT);
  assertEquals(await Array.fromAsync(stage.iterateAsync()), KEYS);
  for await (const _ of stage.iterateAsync()) break;
  await assertRejects(
    async () => {
      for await (const key of stage.iterateAsync()) throw new Error(key);
    },
    Error,
    "apple",
  );
  {
    await using disposed = stage.iterateAsync();
    await disposed.next();
  }
  assertEquals(await stage.iterateAsync().return(), { done: true, value: undefined });
  const signal = AbortSignal.abort(new RangeError("enough"));
  await assertRejects(() => stage.iterateAsync(undefined, { signal }).next(), RangeError, "enough");
  assertEquals([stage.ends, stage.scans.length], [6, 6]);
});

Deno.test("The event loop gets its turn after some milliseconds, and not before (invariant 3)", async () => {
  const stage = new Stage(numbered(1000), 1 << 20);
  const turns = new StillTurns();
  const iterator = stage.iterateAsync(turns);
  for (let i = 0; i < 500; i++) await iterator.next();
  assertEquals(turns.scheduled, 0); // no time has passed
  turns.time = 8;
  let seen = 500;
  const rest = (async () => {
    for await (const _ of iterator) seen++;
  })();
  await settle();
  for (let i = 0; i < 500; i++) await undefined;
  assertEquals(turns.scheduled, 1);
  const waitingAt = seen;
  assert(waitingAt < 640, `${waitingAt}`);
  await settle();
  assertEquals(seen, waitingAt); // it waits for its turn
  turns.turn();
  await rest;
  assertEquals([seen, turns.scheduled], [1000, 1]); // the clock begins anew after a turn
});

Deno.test("Results come in the order of the calls, turns in between or not (invariant 3)", async () => {
  const stage = new Stage(numbered(1000), 1 << 20);
  const turns = new ManualTurns();
  let time = 0;
  const hurried = { now: () => time += 100, schedule: turns.schedule };
  const source = stage.iterate() as unknown as RangeIterator<unknown, unknown, string>;
  const iterator = new AsyncRangeIterator<string>(source, hurried);
  const arrived: number[] = [];
  const results = Array.from({ length: 1002 }, (_, i) => {
    const result = iterator.next();
    result.then(() => arrived.push(i));
    return result;
  });
  const settled = await turns.settle(Promise.all(results));
  assertEquals(arrived, results.map((_, i) => i));
  assertEquals(settled.slice(0, 1000).map((it) => Number(it.value)), arrived.slice(0, 1000));
  assertEquals(settled.slice(1000).map((it) => it.done), [true, true]);
  assertEquals(stage.ends, 1);
});

Deno.test("An iterator left while it waits for its turn ends for all who wait (invariant 2)", async () => {
  const stage = new Stage(numbered(300), 1 << 20);
  const turns = new StillTurns();
  const iterator = stage.iterateAsync(turns);
  turns.time = 8;
  const results = Array.from({ length: 200 }, () => iterator.next());
  assertEquals(turns.scheduled, 1);
  await iterator.return();
  assertEquals(stage.ends, 1);
  turns.turn();
  const ended = (await Promise.all(results)).filter((it) => it.done).length;
  assert(ended > 0 && ended < 200, `${ended}`);
});
