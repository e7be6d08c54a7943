import { assert, assertEquals } from "@std/assert";
import { type Database, json, MemoryFileSystem, number, open, tuple } from "@varve/varve";
import { SimulatedFileSystem } from "@varve/varve/testing";
import { onDisk } from "../../tests/permissions.ts";
import { generator } from "../../lib/random.ts";
import { demo, type Job, JobQueue } from "./job_queue.ts";

const options = { leaseMs: 1000, attemptsMax: 3, backoffMs: 100 };

/** Each job is in exactly the list that its state names; returns the jobs. */
function jobsIn(db: Database<string, string>): Job<string>[] {
  const pair = { key: tuple<[number, number]>() };
  const jobs = [...db.sublevel("job", { key: number, value: json<Job<string>>() }).valuesSync()];
  const listed = [
    ...db.sublevel("ready", pair).keysSync().map(([urgency, id]) => `ready ${-urgency} ${id}`),
    ...db.sublevel("due", pair).keysSync().map(([at, id]) => `due ${at} ${id}`),
    ...db.sublevel("dead", { key: number }).keysSync().map((id) => `dead ${id}`),
  ];
  const expected = jobs.map(({ id, state, priority, at }) =>
    state === "ready"
      ? `ready ${priority} ${id}`
      : state === "dead"
      ? `dead ${id}`
      : `due ${at} ${id}`
  );
  assertEquals(listed.sort(), expected.sort());
  return jobs;
}

async function setUp() {
  const db = await open("db", { fileSystem: new MemoryFileSystem() });
  const clock = { time: 5000 };
  const queue = new JobQueue<string>(db, { ...options, now: () => clock.time });
  const takeAll = () => {
    const taken: string[] = [];
    for (let job = queue.take(); job; job = queue.take()) taken.push(job.payload);
    return taken;
  };
  return { db, queue, clock, takeAll, [Symbol.asyncDispose]: () => db.close() };
}

Deno.test("jobs come by priority, and then in the order in which they were added", async () => {
  await using it = await setUp();
  for (const [payload, priority] of [["a", 0], ["b", 5], ["c", 0], ["d", -5], ["e", 5]] as const) {
    await it.queue.add(payload, { priority });
  }
  assertEquals(it.takeAll(), ["b", "e", "a", "c", "d"]);
  assertEquals(jobsIn(it.db).length, 5);
});

Deno.test("a job can be taken as soon as add() was called, and after any mix of priorities", async () => {
  for (let seed = 0; seed < 10; seed++) {
    await using it = await setUp();
    const random = generator(seed);
    const waiting: [urgency: number, id: number][] = [];
    let id = 0;
    const adds: Promise<number>[] = [];
    for (let step = 0; step < 300; step++) {
      if (random(2) === 0) {
        const priority = random(4);
        waiting.push([-priority, ++id]);
        adds.push(it.queue.add("", { priority }));
      } else {
        waiting.sort(([a, i], [b, j]) => a - b || i - j);
        const job = it.queue.take();
        assertEquals(job?.id, waiting.shift()?.[1], `seed ${seed}, step ${step}`);
        if (job !== undefined && random(2) === 0) adds.push(it.queue.finish(job).then(() => 0));
      }
    }
    await Promise.all(adds);
    jobsIn(it.db);
    const restarted = new JobQueue<string>(it.db, { ...options, now: () => it.clock.time });
    waiting.sort(([a, i], [b, j]) => a - b || i - j);
    for (const [, next] of waiting) assertEquals(restarted.take()?.id, next, `seed ${seed}`);
  }
});

Deno.test("a delayed job comes when its time has come, not a millisecond before", async () => {
  await using it = await setUp();
  await it.queue.add("later", { delayMs: 50, priority: 9 });
  await it.queue.add("now");
  assertEquals(it.takeAll(), ["now"]);
  it.clock.time += 49;
  assertEquals(it.takeAll(), []);
  it.clock.time += 1;
  assertEquals(it.takeAll(), ["later"]);
});

Deno.test("a job that fails comes back after ever longer pauses, and ends as a dead letter", async () => {
  await using it = await setUp();
  const id = await it.queue.add("hopeless");
  for (const pause of [100, 200]) {
    it.queue.fail(it.queue.take()!, "no");
    it.clock.time += pause - 1;
    assertEquals(it.queue.take(), undefined, `${pause} ms are not over`);
    it.clock.time++;
  }
  assertEquals(it.queue.fail(it.queue.take()!, "still no")?.state, "dead");
  it.clock.time += 1e9;
  assertEquals(it.takeAll(), []);
  assertEquals(it.queue.dead().map((job) => [job.id, job.attempts, job.error]), [[
    id,
    3,
    "still no",
  ]]);
  jobsIn(it.db);
  assertEquals([await it.queue.revive(id), await it.queue.revive(id)], [true, false]);
  assertEquals([it.takeAll(), it.queue.dead()], [["hopeless"], []]);
});

Deno.test("a job whose lease ends goes to others, and the first can do nothing with it any more", async () => {
  await using it = await setUp();
  await it.queue.add("slow");
  const slow = it.queue.take()!;
  it.clock.time += 1000;
  const second = it.queue.take()!;
  assertEquals(second.attempts, 2);
  let wasCalled = false;
  assertEquals(await it.queue.finish(slow, () => wasCalled = true), false);
  assertEquals([wasCalled, it.queue.fail(slow, "x"), it.queue.extend(slow)], [
    false,
    undefined,
    undefined,
  ]);
  it.clock.time += 900;
  const longer = it.queue.extend(second)!;
  it.clock.time += 900;
  assertEquals(it.queue.take(), undefined);
  assertEquals(await it.queue.finish(longer), true);
  assertEquals(jobsIn(it.db), []);
});

Deno.test("a job that is never finished ends as a dead letter, too", async () => {
  await using it = await setUp();
  await it.queue.add("kills its process");
  for (let attempt = 1; attempt <= 3; attempt++) {
    assertEquals(it.queue.take()?.attempts, attempt);
    it.clock.time += 1000;
  }
  assertEquals(it.queue.take(), undefined);
  assertEquals(it.queue.dead()[0]?.error, "its last lease ended");
});

Deno.test("finishing twice at once does it once", async () => {
  await using it = await setUp();
  await it.queue.add("once");
  const job = it.queue.take()!;
  const results = it.db.sublevel("result");
  const finishes = await Promise.all(
    Array.from(
      { length: 10 },
      (_, i) => it.queue.finish(job, (batch) => batch.on(results).put(`${i}`, "done")),
    ),
  );
  assertEquals(finishes, [true, ...Array(9).fill(false)]);
  assertEquals([...results.keysSync()], ["0"]);
});

Deno.test("many at once take every job once, and share syncs", async () => {
  await using it = await setUp();
  const payloads = Array.from({ length: 200 }, (_, i) => `job ${i}`);
  await Promise.all(payloads.map((payload) => it.queue.add(payload)));
  const before = it.db.stats().writes.syncs;
  const seen: string[] = [];
  const worker = async () => {
    for (let job = it.queue.take(); job; job = it.queue.take()) {
      seen.push(job.payload);
      await Promise.resolve();
      assert(await it.queue.finish(job));
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  assertEquals(seen.sort(), payloads.sort());
  assertEquals(jobsIn(it.db), []);
  assert(it.db.stats().writes.syncs - before < 100);
});

Deno.test("run() does what is added while it waits, retries, and stops when told", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  const queue = new JobQueue<string>(db, { backoffMs: 1, attemptsMax: 2 });
  const stop = new AbortController();
  const attempts: string[] = [];
  const work = (job: Job<string>) => {
    attempts.push(`${job.payload} ${job.attempts}`);
    if (job.payload === "fails" && job.attempts === 1) throw new Error("first");
    if (job.payload === "last") stop.abort();
    return Promise.resolve();
  };
  const runs = [queue.run(work, stop.signal), queue.run(work, stop.signal)];
  await new Promise((resolve) => setTimeout(resolve, 0)); // both wait by now
  await queue.add("fails");
  while (attempts.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await queue.add("last");
  await Promise.all(runs);
  assertEquals(attempts, ["fails 1", "fails 2", "last 1"]);
  assertEquals(jobsIn(db), []);
});

Deno.test("wherever the power fails, no added job is lost and no finished one comes back", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = generator(seed);
    const disk = new SimulatedFileSystem({ seed });
    const db = await open("db", { fileSystem: disk });
    const clock = { time: 5000 };
    const queue = new JobQueue<string>(db, { ...options, attemptsMax: 99, now: () => clock.time });
    const results = db.sublevel("result");
    const added = new Set<number>(), finished = new Set<number>();
    const taken: Job<string>[] = [];
    for (let step = random(60); step >= 0; step--) {
      clock.time += random(200);
      switch (random(4)) {
        case 0:
          added.add(await queue.add(`step ${step}`, { delayMs: random(3) * 100 }));
          break;
        case 1: {
          const job = queue.take();
          if (job) taken.push(job);
          break;
        }
        case 2: {
          const job = taken.pop();
          const also = (id: number) => (batch: ReturnType<typeof db.batch>) =>
            void batch.on(results).put(`${id}`, "done");
          if (job && await queue.finish(job, also(job.id))) finished.add(job.id);
          break;
        }
        default: {
          const job = taken.pop();
          if (job) queue.fail(job, "no");
        }
      }
    }
    const last = taken.pop();
    const pending = last && queue.finish(last); // under way when the power fails
    const after = await open("db", { fileSystem: disk.crash(seed) });
    const left = jobsIn(after).map(({ id }) => id);
    const done = [...after.sublevel("result").keysSync()].map(Number);
    for (const id of added) {
      const isLast = id === last?.id;
      const expected = finished.has(id) ? [false, true] : [true, false];
      if (!isLast) assertEquals([left.includes(id), done.includes(id)], expected, `seed ${seed}`);
    }
    const now = () => clock.time + 1e7; // after all pauses
    const again = new JobQueue<string>(after, { ...options, attemptsMax: 99, now });
    const next = await again.add("after");
    assert([...added].every((id) => id < next), `seed ${seed}: a number is used twice`);
    const taking: number[] = [];
    for (let job = again.take(); job; job = again.take()) taking.push(job.id);
    assertEquals(taking.sort(), [...left, next].sort(), `seed ${seed}: not all can be taken`);
    await pending;
    await pending;
    await db.close();
    await after.close();
  }
});

Deno.test("the queue does what the recipe shows", onDisk, async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_job_queue_" });
  try {
    const lines: string[] = [];
    await demo(directory, (line) => lines.push(line));
    assertEquals(lines.at(-2), "Done: write the newsletter, charge the card, print the label");
    assertEquals(lines.at(-1), "Dead: send a letter to nowhere (no such address)");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
