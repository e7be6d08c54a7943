/**
 * The queue by itself, on a clock that stands still until it is told to go.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock, QueueInTest, settle } from "../tests/fixtures/kv_queue_host.ts";
import { VarveError } from "./errors.ts";
import { RUNNING_MAX, SLEEP_MS_MAX } from "./kv_queue.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";

Deno.test("Messages come as they were enqueued, later ones first if they are due first", async () => {
  await using kv = new QueueInTest();
  const got: unknown[] = [];
  kv.queue.listen((value) => void got.push(value));
  await kv.enqueue(["late"], { delay: 500 });
  await kv.enqueue([1, 2, 3]);
  await kv.enqueue([4]);
  await kv.clock.pass(0);
  assertEquals(got, [1, 2, 3, 4]);
  await kv.clock.pass(499);
  assertEquals(got.length, 4);
  await kv.clock.pass(1);
  assertEquals(got.slice(4), ["late"]);
  assertEquals(kv.length, 0);
});

Deno.test("What waits is delivered when somebody listens", async () => {
  await using kv = new QueueInTest();
  await kv.enqueue(["early"]);
  assertEquals(kv.clock.timers, 0);
  const got: unknown[] = [];
  kv.queue.listen((value) => void got.push(value));
  await kv.clock.pass(0);
  assertEquals(got, ["early"]);
});

Deno.test("Listeners take turns", async () => {
  await using kv = new QueueInTest();
  const got: string[] = [];
  for (const name of ["a", "b", "c"]) kv.queue.listen((value) => void got.push(`${name}${value}`));
  await kv.enqueue([0, 1, 2, 3]);
  await kv.clock.pass(0);
  assertEquals(got, ["a0", "b1", "c2", "a3"]);
});

Deno.test("A message is tried again by its schedule, and ends under its keys (invariant 3)", async () => {
  await using kv = new QueueInTest();
  const times: number[] = [];
  const start = kv.clock.time;
  kv.queue.listen(() => {
    times.push(kv.clock.time - start);
    throw new Error(`failure ${times.length}`);
  });
  const keysIfUndelivered = [["lost", 1], ["lost", 2]];
  await kv.enqueue(["hopeless"], { backoffSchedule: [10, 300], keysIfUndelivered });
  await kv.clock.pass(309);
  assertEquals([times, kv.undelivered("lost/1")], [[0, 10], undefined]);
  await kv.clock.pass(1);
  assertEquals(times, [0, 10, 310]);
  assertEquals([kv.undelivered("lost/1"), kv.undelivered("lost/2")], ["hopeless", "hopeless"]);
  assertEquals(kv.length, 0);
  assertEquals(kv.reported.map(String), [1, 2, 3].map((n) => `Error: failure ${n}`));
  await kv.clock.pass(100_000);
  assertEquals(times.length, 3);
});

Deno.test("A message without schedule and keys is dropped after its first failure", async () => {
  await using kv = new QueueInTest();
  kv.queue.listen(() => Promise.reject(new Error("no")));
  await kv.enqueue(["gone"], { backoffSchedule: [] });
  await kv.clock.pass(0);
  assertEquals([kv.length, kv.reported.length], [0, 1]);
});

Deno.test("The default schedule is 0.1, 1, 5, 30 and 60 seconds", async () => {
  await using kv = new QueueInTest();
  const times: number[] = [];
  kv.queue.listen(() => {
    times.push(kv.clock.time);
    throw new Error("no");
  });
  await kv.enqueue(["again"]);
  await kv.clock.pass(200_000);
  const pauses = times.slice(1).map((time, i) => time - times[i]!);
  assertEquals(pauses, [100, 1000, 5000, 30_000, 60_000]);
});

Deno.test("A message that succeeds after a failure is gone", async () => {
  await using kv = new QueueInTest();
  let count = 0;
  kv.queue.listen(() => {
    if (++count === 1) throw new Error("once");
  });
  await kv.enqueue(["again"], { backoffSchedule: [5], keysIfUndelivered: [["lost"]] });
  await kv.clock.pass(100);
  assertEquals([count, kv.length, kv.undelivered("lost")], [2, 0, undefined]);
});

Deno.test("What is not finished at the close comes again, what is finished does not (invariants 1, 2)", async () => {
  const fileSystem = new MemoryFileSystem();
  const clock = new ManualClock();
  const started: unknown[] = [];
  {
    await using kv = new QueueInTest(fileSystem, clock);
    const hanging = Promise.withResolvers<void>();
    const ended = kv.queue.listen((value) => {
      started.push(value);
      return value === "hanging" ? hanging.promise : undefined;
    });
    await kv.enqueue(["hanging", "quick"], { backoffSchedule: [] });
    await clock.pass(0);
    kv.queue.close();
    await ended; // though a handler is running
    hanging.resolve();
    await settle();
    await assertRejects(() => kv.queue.listen(() => {}), VarveError, "the database is closed");
  }
  assertEquals([started, clock.timers], [["hanging", "quick"], 0]);
  await using kv = new QueueInTest(fileSystem, clock, 1);
  kv.queue.listen((value) => void started.push(value));
  await clock.pass(0);
  assertEquals(started.slice(2), ["hanging"]);
  assertEquals(kv.length, 0);
});

Deno.test("A removal is in the log before another message is taken (invariant 2)", async () => {
  const fileSystem = new SimulatedFileSystem();
  await using kv = new QueueInTest(fileSystem);
  const left: number[] = [];
  const values = Array.from({ length: RUNNING_MAX + 20 }, (_, i) => i);
  await kv.enqueue(values);
  kv.queue.listen(async (value) => {
    if (value as number >= RUNNING_MAX) left.push(kv.length);
    await undefined;
  });
  await kv.clock.pass(0);
  // All of the first hundred are out of the database when the first of the others is taken.
  assertEquals(left, new Array(20).fill(20));
});

Deno.test("While a removal waits for room in the log no message is taken (invariant 2)", async () => {
  await using kv = new QueueInTest();
  const { database } = kv;
  const room = Promise.withResolvers<void>();
  const remove = database.delete;
  database.delete = async (...args) => {
    await room.promise;
    await remove.apply(database, args);
  };
  const got: unknown[] = [];
  kv.queue.listen((value) => void got.push(value));
  await kv.enqueue([1]);
  await kv.clock.pass(0);
  await kv.enqueue([2]);
  await kv.clock.pass(SLEEP_MS_MAX);
  assertEquals(got, [1]);
  room.resolve();
  await kv.clock.pass(0);
  assertEquals([got, kv.length], [[1, 2], 0]);
});

Deno.test("No more than a hundred handlers run (invariant 4)", async () => {
  await using kv = new QueueInTest();
  const waiting: (() => void)[] = [];
  kv.queue.listen(() => new Promise<void>((resolve) => waiting.push(resolve)));
  await kv.enqueue(Array.from({ length: 250 }, (_, i) => i));
  await kv.clock.pass(0);
  assertEquals(waiting.length, RUNNING_MAX);
  await kv.clock.pass(5 * SLEEP_MS_MAX);
  assertEquals(waiting.length, RUNNING_MAX);
  waiting[50]!();
  await kv.clock.pass(0);
  assertEquals(waiting.length, RUNNING_MAX + 1);
  for (let i = 0; i < waiting.length; i++) {
    waiting[i]!();
    await kv.clock.pass(0);
  }
  assertEquals([waiting.length, kv.length], [250, 0]);
});

Deno.test("Large messages are handled within a bound of bytes (invariant 4)", async () => {
  await using kv = new QueueInTest(new MemoryFileSystem(), new ManualClock(), 0, 1000);
  const waiting: (() => void)[] = [];
  const large = "x".repeat(450);
  await kv.enqueue([large, large, large, "x".repeat(1001)]);
  kv.queue.listen(() => new Promise<void>((resolve) => waiting.push(resolve)));
  await kv.clock.pass(0);
  assertEquals(waiting.length, 2);
  // The one that is too large waits until it is alone.
  for (const [done, taken] of [[0, 3], [1, 3], [2, 4], [3, 4]] as const) {
    waiting[done]!();
    await kv.clock.pass(0);
    assertEquals(waiting.length, taken);
  }
  assertEquals(kv.length, 0);
});

Deno.test("There is one timer while somebody listens, and it never waits long (invariant 5)", async () => {
  await using kv = new QueueInTest();
  const got: unknown[] = [];
  const ended = kv.queue.listen((value) => void got.push(value));
  await kv.enqueue(["in an hour"], { delay: 3_600_000 });
  await kv.clock.pass(0);
  assertEquals(kv.clock.timers, 1);
  await kv.clock.pass(3_599_999);
  assertEquals([kv.clock.timers, got.length], [1, 0]);
  assertEquals(Math.max(...kv.clock.delays), SLEEP_MS_MAX);
  // An hour is sixty looks at the clock, not a poll of the database every few milliseconds.
  assert(kv.clock.delays.length < 70, `${kv.clock.delays.length} timers`);
  await kv.clock.pass(1);
  assertEquals(got, ["in an hour"]);
  kv.queue.close();
  await ended;
  assertEquals(kv.clock.timers, 0);
});

Deno.test("A message is taken once however the clock goes (invariant 6)", async () => {
  await using kv = new QueueInTest();
  const waiting: (() => void)[] = [];
  const got: unknown[] = [];
  kv.queue.listen((value) => {
    got.push(value);
    return new Promise<void>((resolve) => waiting.push(resolve));
  });
  await kv.enqueue(["first"]);
  await kv.clock.pass(0);
  kv.clock.time -= 500_000;
  await kv.enqueue(["from the past"]);
  await kv.clock.pass(0);
  assertEquals(got, ["first", "from the past"]);
  kv.clock.time += 900_000;
  await kv.enqueue(["from the future"]);
  await kv.clock.pass(SLEEP_MS_MAX);
  assertEquals(got, ["first", "from the past", "from the future"]);
  for (const done of waiting) done();
  await settle();
  assertEquals(kv.length, 0);
});

Deno.test("A value that cannot be read back is a failure like any other", async () => {
  await using kv = new QueueInTest();
  const broken = kv.deserialize;
  kv.deserialize = () => {
    throw new Error("unreadable");
  };
  let calls = 0;
  kv.queue.listen(() => void calls++);
  await kv.enqueue(["value"], { backoffSchedule: [], keysIfUndelivered: [["lost"]] });
  await kv.clock.pass(0);
  kv.deserialize = broken;
  assertEquals([calls, kv.undelivered("lost"), kv.length], [0, "value", 0]);
});

Deno.test("A handler may enqueue, and may close the database", async () => {
  await using kv = new QueueInTest();
  const got: unknown[] = [];
  const ended = kv.queue.listen(async (value) => {
    got.push(value);
    if (value === 1) await kv.enqueue([2, 3]);
    if (value === 2) kv.queue.close();
  });
  await kv.enqueue([1]);
  await kv.clock.pass(10);
  await ended;
  assertEquals(got, [1, 2]); // three was taken already, and waits for the next one to open the database
  assertEquals(kv.length, 2);
});

Deno.test("If the disk fails the listeners hear of it, and the message comes again", async () => {
  const fileSystem = new SimulatedFileSystem();
  await using kv = new QueueInTest(fileSystem);
  await kv.enqueue(["value"]);
  const got: unknown[] = [];
  const fault = fileSystem.addFault({ kind: "append", effect: "error" });
  const ended = kv.queue.listen((value) => void got.push(value));
  const isRejected = assertRejects(() => ended, VarveError);
  await kv.clock.pass(0);
  await isRejected;
  assertEquals(kv.clock.timers, 0);
  fault.remove();
  await kv.database.resume();
  kv.queue.listen((value) => void got.push(value));
  await kv.clock.pass(0);
  assertEquals([got, kv.length], [["value", "value"], 0]);
});

Deno.test("What is not a function is not a handler", async () => {
  await using kv = new QueueInTest();
  const wrong = 3 as unknown as () => void;
  await assertRejects(() => kv.queue.listen(wrong), TypeError, "must be a function, got 3");
});

Deno.test("Many messages wait on disk, not in memory, and none is taken twice", async () => {
  await using kv = new QueueInTest();
  const count = 20_000;
  for (let i = 0; i < count; i += 1000) {
    await kv.enqueue(Array.from({ length: 1000 }, (_, j) => i + j));
  }
  const got: number[] = [];
  kv.queue.listen((value) => void got.push(value as number));
  await kv.clock.pass(0);
  assertEquals(got.length, count);
  assert(got.every((value, i) => value === i));
  assertEquals(kv.length, 0);
});
