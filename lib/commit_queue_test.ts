/**
 * Groups, syncs and who waits for which, over a target that only takes notes and whose syncs end when a test says so.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { generator } from "./random.ts";
import { utf8 } from "../tests/tables.ts";
import { CommitQueue, type CommitTarget, GROUP_BYTES_MAX } from "./commit_queue.ts";
import { BatchReader, WriteBatch } from "./write_batch.ts";

/** Takes notes of what it is asked for. */
class NotingTarget implements CommitTarget {
  readonly notes: string[] = [];
  /** Keys that were written, in order. */
  readonly written: string[] = [];
  /** How many keys had been written when each awaited sync began. */
  readonly syncStarts: number[] = [];
  /** Syncs that are under way. */
  readonly syncs: PromiseWithResolvers<void>[] = [];
  failsWrite: (keys: string[]) => boolean = () => false;
  /** What groups wait for, if there is no room for them. */
  noRoom: PromiseWithResolvers<void> | undefined;

  write(group: WriteBatch): void {
    const keys = keysOf(group);
    this.notes.push(`write ${keys.join(" ")}`);
    if (this.failsWrite(keys)) throw new Error(`Cannot write ${keys.join(" ")}`);
    this.written.push(...keys);
  }

  room(): Promise<void> | undefined {
    return this.noRoom?.promise;
  }

  sync(): Promise<void> {
    this.notes.push("sync");
    this.syncStarts.push(this.written.length);
    const sync = Promise.withResolvers<void>();
    this.syncs.push(sync);
    return sync.promise;
  }

  syncSync(): void {
    this.notes.push("syncSync");
  }
}

function keysOf(batch: WriteBatch): string[] {
  const keys: string[] = [];
  const reader = new BatchReader();
  reader.reset(batch.buffer, 0, batch.byteLength);
  while (reader.next()) {
    keys.push(new TextDecoder().decode(reader.buffer.slice(reader.keyStart, reader.keyEnd)));
  }
  return keys;
}

function batchOf(...keys: string[]): WriteBatch {
  const batch = new WriteBatch();
  for (const key of keys) batch.delete(utf8(key), 0, key.length);
  return batch;
}

/** What the store does for an awaited write. */
function write(queue: CommitQueue, key: string, sync: boolean, valueBytes = 0): Promise<void> {
  const bytes = utf8(key);
  const value = new Uint8Array(valueBytes);
  queue.gather(bytes.length + valueBytes).put(bytes, 0, bytes.length, value, 0, valueBytes);
  return queue.join(sync);
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

/** Watches promises by name: those that have settled, in order. */
class Watch {
  readonly settled: string[] = [];
  add(name: string, promise: Promise<void>): void {
    promise.then(
      () => this.settled.push(name),
      (error) => this.settled.push(`${name}: ${error.message}`),
    );
  }
}

Deno.test("writes of one turn are one group, in the order of the calls (invariant 1)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const all = Promise.all(["c", "a", "b", "a"].map((key) => write(queue, key, false)));
  assertEquals(target.notes, []);
  await all;
  assertEquals(target.notes, ["write c a b a"]);
  await write(queue, "d", false);
  assertEquals(target.notes, ["write c a b a", "write d"]);
});

Deno.test("writes of every form reach the target in the order of the calls (invariant 1)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const promises = [write(queue, "1", false), write(queue, "2", true)];
  queue.commitSync(batchOf("3", "4"), false);
  promises.push(write(queue, "5", false));
  promises.push(queue.commit(batchOf("6"), true));
  promises.push(write(queue, "7", true));
  queue.commitSync(batchOf("8"), true);
  assertEquals(target.written, ["1", "2", "3", "4", "5", "6", "7", "8"]);
  assertEquals(target.notes.slice(-2), ["write 8", "syncSync"]);
  await settle();
  for (let i = 0; i < target.syncs.length; i++) {
    target.syncs[i]!.resolve();
    await settle();
  }
  await Promise.all(promises);
});

Deno.test("a durable write resolves after a sync that began after it was written (invariant 2)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  watch.add("a", write(queue, "a", true));
  await settle();
  assertEquals(target.notes, ["write a", "sync"]);
  // Written while the sync is under way: that sync proves nothing about them.
  watch.add("b", write(queue, "b", true));
  await settle();
  watch.add("c", write(queue, "c", true));
  watch.add("d", queue.commit(batchOf("d"), true));
  await settle();
  assertEquals(target.notes, ["write a", "sync", "write b", "write c", "write d"]);
  target.syncs[0]!.resolve();
  await settle();
  assertEquals(watch.settled, ["a"]);
  assertEquals(target.notes.slice(5), ["sync"]);
  target.syncs[1]!.resolve();
  await settle();
  assertEquals(watch.settled, ["a", "b", "c", "d"]);
  assertEquals(target.syncs.length, 2);
});

Deno.test("a write that is not synced waits for no sync (invariant 2)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  watch.add("durable", write(queue, "a", true));
  watch.add("same group", write(queue, "b", false));
  await settle();
  assertEquals(watch.settled, ["same group"]);
  watch.add("later", write(queue, "c", false));
  watch.add("large", queue.commit(batchOf("d"), false));
  await settle();
  assertEquals(watch.settled, ["same group", "later", "large"]);
  assertEquals(target.syncs.length, 1);
  target.syncs[0]!.resolve();
  await queue.drain();
});

Deno.test("a thousand durable writes of one turn share one sync", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const all = Promise.all(Array.from({ length: 1000 }, (_, i) => write(queue, `${i}`, true)));
  await settle();
  assertEquals([target.written.length, target.notes.length, target.syncs.length], [1000, 2, 1]);
  target.syncs[0]!.resolve();
  await all;
});

Deno.test("a failed write rejects its whole group and nobody else (invariant 3)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  target.failsWrite = (keys) => keys.includes("bad");
  watch.add("ok", write(queue, "ok", false));
  await settle();
  watch.add("bad", write(queue, "bad", false));
  watch.add("neighbour", write(queue, "n", true));
  await settle();
  watch.add("next", write(queue, "next", false));
  await settle();
  assertEquals(watch.settled.sort(), [
    "bad: Cannot write bad n",
    "neighbour: Cannot write bad n",
    "next",
    "ok",
  ]);
  // Nothing of the failed group is written with the next one, and nothing is synced for it.
  assertEquals(target.notes, ["write ok", "write bad n", "write next"]);
});

Deno.test("a failed write is thrown to who asked for it alone (invariant 3)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  target.failsWrite = (keys) => keys.includes("bad");
  const pending = write(queue, "pending", false);
  assertThrows(() => queue.commitSync(batchOf("bad"), true), Error, "Cannot write bad");
  await pending;
  await assertRejects(() => queue.commit(batchOf("bad"), true), Error, "Cannot write bad");
  const group = write(queue, "bad", false);
  queue.commitSync(batchOf("after"), false); // the pending group fails, this one does not
  await assertRejects(() => group, Error, "Cannot write bad");
  assertEquals(target.written, ["pending", "after"]);
  assertEquals(target.notes.filter((note) => note.startsWith("sync")), []);
});

Deno.test("a failed sync rejects who waited for it, and is not tried again (invariant 3)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  watch.add("a", write(queue, "a", true));
  watch.add("b", write(queue, "b", true));
  await settle();
  watch.add("c", write(queue, "c", true));
  await settle();
  target.syncs[0]!.reject(new Error("Disk on fire"));
  await settle();
  assertEquals(watch.settled, ["a: Disk on fire", "b: Disk on fire"]);
  // What was written meanwhile has a sync of its own: whether it can work is for the target to say.
  assertEquals(target.notes, ["write a b", "sync", "write c", "sync"]);
  target.syncs[1]!.resolve();
  await settle();
  assertEquals(watch.settled.at(-1), "c");
  watch.add("d", write(queue, "d", true));
  await settle();
  target.syncs[2]!.resolve();
  await queue.drain();
  assertEquals(watch.settled.at(-1), "d");
});

Deno.test("a group that would get too large is written at once (invariant 4)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const quarter = GROUP_BYTES_MAX / 4;
  const promises: Promise<void>[] = [];
  for (let i = 0; i < 10; i++) promises.push(write(queue, `${i}`, false, quarter));
  assertEquals(target.notes, ["write 0 1 2", "write 3 4 5", "write 6 7 8"]);
  // One that is larger than any group is one of its own.
  promises.push(write(queue, "large", false, 5 * quarter), write(queue, "small", false));
  assertEquals(target.notes.slice(3), ["write 9", "write large"]);
  await Promise.all(promises);
  assertEquals(target.notes.slice(5), ["write small"]);
});

Deno.test("drain() writes what is pending and waits for every sync", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  watch.add("unsynced", write(queue, "a", false));
  watch.add("durable", write(queue, "b", true));
  watch.add("drain", queue.drain());
  assertEquals(target.written, ["a", "b"]);
  await settle();
  watch.add("late", write(queue, "c", true));
  await settle();
  assertEquals(watch.settled, ["unsynced"]);
  target.syncs[0]!.resolve();
  await settle();
  assertEquals(watch.settled, ["unsynced", "durable"]);
  target.syncs[1]!.resolve();
  await settle();
  assertEquals(watch.settled.slice(2).sort(), ["drain", "late"]);
});

Deno.test("drain() does not reject, whatever fails", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  await queue.drain();
  const durable = write(queue, "a", true);
  queue.flush();
  target.failsWrite = () => true;
  const failing = write(queue, "b", true);
  const drained = queue.drain();
  await assertRejects(() => failing, Error, "Cannot write b");
  target.syncs[0]!.reject(new Error("Disk on fire"));
  await drained;
  await assertRejects(() => durable, Error, "Disk on fire");
});

/** One random history: whatever is asked for, in whatever order syncs end, every promise keeps its word. */
async function runRandom(seed: number): Promise<void> {
  const random = generator(seed);
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  target.failsWrite = (keys) => keys.some((key) => key.endsWith("!"));
  const asked: string[] = [];
  const syncsEnded: boolean[] = [];
  let outstanding = 0;
  const check = (key: string, sync: boolean, promise: Promise<void>) => {
    outstanding++;
    promise.then(() => {
      outstanding--;
      const place = target.written.indexOf(key);
      assert(place >= 0, `seed ${seed}: ${key} resolved, but was not written`);
      const isSynced = target.syncStarts.some((start, i) => start > place && syncsEnded[i]);
      assert(!sync || isSynced, `seed ${seed}: ${key} resolved before a sync that covers it`);
    }, (error) => {
      outstanding--;
      assert(error instanceof Error && /^Cannot/.test(error.message), `seed ${seed}: ${error}`);
    });
  };
  const endSync = () => {
    const at = target.syncs.length - 1; // there is at most one under way
    if (at < 0 || syncsEnded[at] !== undefined) return;
    const isGood = random(5) > 0;
    syncsEnded[at] = isGood;
    if (isGood) target.syncs[at]!.resolve();
    else target.syncs[at]!.reject(new Error("Cannot sync"));
  };
  for (let i = 0; i < 200; i++) {
    const key = `${i}${random(12) === 0 ? "!" : ""}`;
    const sync = random(2) === 0;
    const form = random(8);
    if (form < 4) check(key, sync, write(queue, key, sync));
    else if (form === 4) check(key, sync, queue.commit(batchOf(key), sync));
    else if (form === 5) {
      try {
        queue.commitSync(batchOf(key), sync);
      } catch (error) {
        assert(key.endsWith("!"), `seed ${seed}: ${error}`);
      }
    } else if (form === 6) await settle();
    else endSync();
    if (form < 6) asked.push(key);
  }
  const drained = queue.drain();
  for (let i = 0; i < 5; i++) {
    await settle();
    endSync();
  }
  await drained;
  await settle();
  assertEquals(outstanding, 0, `seed ${seed}: promises were left pending`);
  const order = asked.filter((key) => target.written.includes(key));
  assertEquals(target.written, order, `seed ${seed}: order`);
}

Deno.test("random writes, failures and syncs: order is kept, and so is every promise", async () => {
  for (let seed = 1; seed <= 60; seed++) await runRandom(seed);
});

Deno.test("an awaited write that is asked for in the middle of another comes after it", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  target.failsWrite = ([key]) => {
    if (key === "a" || key === "c") watch.add(`${key}2`, write(queue, `${key}2`, false));
    return false;
  };
  watch.add("a", write(queue, "a", false));
  await settle();
  queue.commitSync(batchOf("c"), false);
  await settle();
  assertEquals(target.written, ["a", "a2", "c", "c2"]);
  assertEquals(watch.settled, ["a", "a2", "c2"]);
});

Deno.test("a write at once in the middle of another is refused, and the other one is written whole", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const refusals: unknown[] = [];
  target.failsWrite = () => {
    const acts = [
      () => queue.commitSync(batchOf("z"), false),
      () => queue.assertIdle(),
      () => queue.exclusively(() => {}),
    ];
    for (const act of acts) refusals.push(assertThrows(act, Error, "another write is under way"));
    queue.flush();
    return false;
  };
  await Promise.all([write(queue, "a", false), write(queue, "b", false)]);
  assertEquals([target.notes, refusals.length], [["write a b"], 3]);
  queue.assertIdle();
});

Deno.test("what is done exclusively has no write in the middle of it", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  let later: Promise<void> | undefined;
  assertThrows(
    () =>
      queue.exclusively(() => {
        later = write(queue, "a", false);
        queue.flush();
        target.notes.push("done");
        throw new Error("and failed");
      }),
    Error,
    "and failed",
  );
  await later;
  assertEquals(target.notes, ["done", "write a"]);
});

Deno.test("awaited writes wait for room, and others join them (invariant 5)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  const first = target.noRoom = Promise.withResolvers<void>();
  watch.add("a", write(queue, "a", false));
  await settle();
  watch.add("b", write(queue, "b", false));
  await settle();
  assertEquals([target.notes, watch.settled], [[], []]);
  const second = target.noRoom = Promise.withResolvers<void>();
  first.resolve(); // and again there is none
  await settle();
  assertEquals(target.notes, []);
  target.noRoom = undefined;
  second.resolve();
  await settle();
  assertEquals([target.notes, watch.settled], [["write a b"], ["a", "b"]]);
});

Deno.test("a write at once, or a full group, takes what waits along (invariants 1 and 5)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const noRoom = target.noRoom = Promise.withResolvers<void>();
  const waiting = write(queue, "a", false);
  await settle();
  queue.commitSync(batchOf("b"), false);
  await waiting;
  assertEquals(target.notes, ["write a", "write b"]);
  const half = (GROUP_BYTES_MAX >> 1) + 1;
  const large = ["c", "d"].map((key) => write(queue, key, false, half));
  await large[0];
  assertEquals(target.notes.slice(2), ["write c"]);
  const batch = queue.commit(batchOf("e"), false);
  await Promise.all(large);
  assertEquals(target.notes.slice(3), ["write d", "write e"]);
  target.noRoom = undefined;
  noRoom.resolve();
  await batch;
  await settle();
  assertEquals(target.notes.length, 5);
});

Deno.test("drain() waits for room as well (invariant 5)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const noRoom = target.noRoom = Promise.withResolvers<void>();
  const watch = new Watch();
  watch.add("a", write(queue, "a", false));
  watch.add("drained", queue.drain());
  await settle();
  assertEquals(watch.settled, []);
  target.noRoom = undefined;
  noRoom.resolve();
  await settle();
  assertEquals([target.notes, watch.settled.toSorted()], [["write a"], ["a", "drained"]]);
});

Deno.test("who awaits a large batch, written at once, waits for room after it (invariant 5)", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  const noRoom = target.noRoom = Promise.withResolvers<void>();
  watch.add("a", queue.commit(batchOf("a"), false));
  await settle();
  assertEquals([target.notes, watch.settled], [["write a"], []]);
  target.noRoom = undefined;
  noRoom.resolve();
  await settle();
  assertEquals(watch.settled, ["a"]);
});

Deno.test("drain() in the middle of a write leaves nothing pending either", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  const watch = new Watch();
  const noRoom = Promise.withResolvers<void>();
  target.failsWrite = ([key]) => {
    if (key !== "a") return false;
    watch.add("b", write(queue, "b", false));
    watch.add("drained", queue.drain());
    target.noRoom = noRoom;
    return false;
  };
  queue.commitSync(batchOf("a"), false);
  await settle();
  assertEquals([target.notes, watch.settled], [["write a"], []]);
  target.noRoom = undefined;
  noRoom.resolve();
  await settle();
  assertEquals([target.notes, watch.settled.toSorted()], [["write a", "write b"], [
    "b",
    "drained",
  ]]);
});

Deno.test("drain() waits for no room if there is nothing to write", async () => {
  const target = new NotingTarget();
  const queue = new CommitQueue(target);
  target.noRoom = Promise.withResolvers<void>();
  const watch = new Watch();
  watch.add("drained", queue.drain());
  await settle();
  assertEquals(watch.settled, ["drained"]);
});
