/**
 * The caller's side, with a worker that takes its steps when a test says so, dies or hangs.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { VarveError } from "./errors.ts";
import { JobClient, SILENCE_MS } from "./job_client.ts";
import type { RunningJob } from "./job_runner.ts";
import type { TableMeta } from "./version_edit.ts";

/** A client and its worker. */
class Stage {
  readonly small = new SmallTree();
  readonly turns = new ManualTurns(this.small.disk);
  readonly discarded: TableMeta[] = [];
  readonly logged: string[] = [];
  news = 0;
  readonly client: JobClient;

  constructor() {
    this.client = new JobClient(this.turns.workers!, {
      directory: "db",
      fileNumbers: this.small.tree.fileNumbers,
      logger: { log: (...parts) => void this.logged.push(parts.join(" ")) },
      discard: (tables) => void this.discarded.push(...tables),
      onNews: () => {
        this.news++;
        this.client.receive();
      },
    });
  }

  get worker() {
    return this.turns.workers!.last;
  }

  flush(text = "a@1=x"): RunningJob {
    return this.client.submit(this.small.describeFlush(memtableOf(text)));
  }

  /** A compaction of some steps. */
  compaction(): RunningJob {
    const value = "v".repeat(1000);
    const entries = Array.from({ length: 1000 }, (_, i) => `k${10_000 + i}@1=${value}`);
    this.small.addTable(1, entries.join(" "));
    return this.client.submit(this.small.describeCompaction(1));
  }

  contents(job: RunningJob): string | undefined {
    return job.step(0)?.tables.map((table) => this.small.entriesOf(table)).join(" | ");
  }
}

Deno.test("A job is done by the worker, and its result is there when it was received", async () => {
  const stage = new Stage();
  const { client, worker, turns } = stage;
  assert(client.isReady && !client.isBusy);
  const job = stage.flush();
  assertEquals([job.isHere, client.isBusy, worker.isKeptAlive], [false, true, true]);
  assertEquals(stage.contents(job), undefined);
  while (turns.turn());
  assertEquals(stage.contents(job), "a@1=x");
  assertEquals([client.isBusy, worker.isKeptAlive, worker.alarms.size], [false, false, 0]);
  assert(client.progress("flush") > 0 && client.progress("compaction") === 0);
  await client.close();
  assert(worker.isTerminated);
  stage.small.close();
});

Deno.test("A caller who gives no turn waits for steps, and receives what is there", () => {
  const stage = new Stage();
  const { client } = stage;
  const job = stage.compaction();
  let waits = 0;
  while (!client.hasNews) {
    client.wait();
    assert(++waits < 100);
  }
  assert(waits > 2, `${waits}`);
  client.wait(); // there is something to look at: this returns at once
  assertEquals(job.step(0), undefined, "not received yet");
  client.receive();
  assertEquals(job.step(0)!.tables.length, 1);
  assertEquals(stage.news, 0);
  stage.small.close();
});

Deno.test("What a job failed with is thrown, and the worker goes on (invariant 1)", () => {
  const stage = new Stage();
  const { small, turns } = stage;
  small.disk.fails = ({ kind }) => kind === "sync";
  const failing = stage.flush();
  while (turns.turn());
  const error = assertThrows(() => failing.step(0), VarveError, "the test says so");
  assertEquals(error.code, "IO");
  failing.abandon();
  small.disk.fails = () => false;
  const next = stage.flush("b@2=y");
  while (turns.turn());
  assertEquals(stage.contents(next), "b@2=y");
  assertEquals(small.tableFiles().length, 1);
  small.close();
});

for (
  const [how, end, message] of [
    [
      "dies",
      (stage: Stage) => stage.worker.die(new Error("Out of memory")),
      "ended by itself: Out of memory",
    ],
    [
      "hangs while somebody waits",
      (stage: Stage) => {
        stage.worker.isHanging = true;
        for (let i = 0; i < SILENCE_MS / 1000; i++) stage.client.wait();
      },
      "no sign of life for 30 s",
    ],
    [
      "hangs while nobody looks",
      (stage: Stage) => {
        stage.worker.ring(); // it has made steps since
        stage.worker.isHanging = true;
        stage.worker.ring();
      },
      "no sign of life for 30 s",
    ],
  ] as const
) {
  Deno.test(`The jobs of a worker that ${how} fail with the cause (invariant 1)`, async () => {
    const stage = new Stage();
    const { client, worker } = stage;
    const jobs = [stage.compaction()];
    client.wait();
    jobs.push(stage.flush());
    end(stage);
    for (const job of jobs) {
      const error = assertThrows(() => job.step(0), VarveError, message);
      assertEquals(error.code, "IO");
      job.abandon();
    }
    assertEquals([client.death?.message.includes(message), client.isReady], [true, false]);
    assert(worker.isTerminated && !client.isBusy && worker.alarms.size === 0 && stage.news > 0);
    await client.close(); // the worker's handles go with its thread, which there is none of here
  });
}

Deno.test("A worker that makes steps is not taken for lost, however long it takes (invariant 1)", () => {
  const stage = new Stage();
  const { client, worker } = stage;
  const job = stage.compaction();
  for (let i = 0; i < 2; i++) {
    client.wait();
    worker.ring();
  }
  worker.isHanging = true;
  for (let i = 0; i < 29; i++) client.wait();
  worker.isHanging = false;
  client.wait();
  worker.isHanging = true;
  for (let i = 0; i < 29; i++) client.wait();
  assertEquals(client.death, undefined);
  worker.isHanging = false;
  while (!client.hasNews) client.wait();
  client.receive();
  assert(job.step(0) !== undefined);
  stage.small.close();
});

Deno.test("A worker that makes steps between the waits is not taken for lost (invariant 1)", () => {
  const stage = new Stage();
  const { client, worker, small } = stage;
  const job = stage.compaction();
  for (let round = 0; round < 3; round++) {
    worker.isHanging = true; // a long sync, say: each wait ends without a step
    for (let i = 0; i < 29; i++) client.wait();
    worker.isHanging = false;
    worker.step();
  }
  assertEquals(client.death, undefined);
  while (!client.hasNews) client.wait();
  client.receive();
  assert(job.step(0) !== undefined);
  small.close();
});

Deno.test("A job that is given up before it is done is stopped, and leaves nothing (invariant 2)", () => {
  const stage = new Stage();
  const { small, client, turns } = stage;
  const job = stage.compaction();
  client.wait();
  const files = small.tableFiles().length;
  job.abandon();
  job.abandon();
  assert(client.isBusy);
  while (turns.turn());
  assertEquals([client.isBusy, small.tableFiles().length, stage.discarded], [false, files - 1, []]);
  small.close();
});

Deno.test("What a job wrote that is given up too late is discarded, once (invariant 2)", () => {
  for (const isReceived of [true, false]) {
    const stage = new Stage();
    const { client, turns, small } = stage;
    const job = stage.flush();
    while (!client.hasNews) client.wait();
    if (isReceived) client.receive();
    job.abandon();
    job.abandon();
    while (turns.turn());
    client.receive();
    assertEquals(stage.discarded.map((table) => small.entriesOf(table)), ["a@1=x"]);
    small.close();
  }
});

Deno.test("close() waits for what was given up, and leaves a worker that does nothing (invariant 4)", async () => {
  const stage = new Stage();
  const { small, client, turns, worker } = stage;
  const handles = small.disk.openHandles;
  const job = stage.compaction();
  client.wait();
  job.abandon();
  let isClosed = false;
  const closed = client.close().then(() => isClosed = true);
  await Promise.resolve();
  assert(!isClosed && !worker.isTerminated);
  await turns.settle(closed);
  assert(worker.isTerminated && worker.alarms.size === 0);
  assertEquals([small.tableFiles().length, small.disk.openHandles], [1, handles]);
  assert(!turns.turn());
  small.close();
});

Deno.test("close() does not wait for a worker that hangs, once that is known (invariant 4)", async () => {
  const stage = new Stage();
  const job = stage.compaction();
  stage.client.wait();
  stage.worker.isHanging = true;
  job.abandon();
  const closed = stage.client.close();
  for (let i = 0; i < 2; i++) stage.worker.ring(); // it had made a step before the first
  await closed;
  assert(stage.worker.isTerminated);
});

Deno.test("What the worker has to tell is logged", () => {
  const stage = new Stage();
  const { small, turns } = stage;
  const job = stage.compaction();
  stage.client.wait();
  small.disk.fails = ({ kind }) => kind === "remove";
  job.abandon();
  while (turns.turn());
  assert(stage.logged.some((it) => it.includes("cannot remove table")), stage.logged.join());
  small.disk.fails = () => false;
  small.close();
});

/** Has a file removed that is there; what becomes of it. */
function removal(stage: Stage): { path: string; told: unknown[]; isTaken: boolean } {
  const path = `db/${900_000 + stage.worker.alarms.size}.log`;
  stage.small.memory.writeAll(path, Uint8Array.of(1));
  const told: unknown[] = [];
  const isTaken = stage.client.remove([path, "db/none"], (outcomes) => told.push(outcomes));
  return { path, told, isTaken };
}

Deno.test("Files are removed by the worker, which is kept alive for them (invariant 3)", () => {
  const stage = new Stage();
  const { client, turns, worker, small } = stage;
  const { path, told, isTaken } = removal(stage);
  assertEquals([isTaken, told, small.memory.exists(path)], [true, [], true]);
  assertEquals([worker.isKeptAlive, worker.alarms.size], [true, 1]);
  assert(!client.isBusy, "no writer waits for it");
  const job = stage.flush();
  assertEquals(worker.alarms.size, 1);
  while (turns.turn());
  assertEquals([told, small.memory.exists(path)], [[[true, false]], false]);
  assert(job.step(0) !== undefined);
  assertEquals([worker.isKeptAlive, worker.alarms.size], [false, 0]);
  small.close();
});

Deno.test("close() waits until files are removed, and the worker takes no others (invariant 4)", async () => {
  const stage = new Stage();
  const { client, turns, worker, small } = stage;
  const { path, told } = removal(stage);
  const closed = client.close();
  assertEquals([removal(stage).isTaken, worker.isTerminated], [false, false]);
  await turns.settle(closed);
  assertEquals([told, small.memory.exists(path)], [[[true, false]], false]);
  assert(worker.isTerminated && worker.alarms.size === 0 && !removal(stage).isTaken);
  small.close();
});

Deno.test("What a worker that was lost has not removed is given back, once (invariant 4)", async () => {
  for (const end of ["dies", "hangs"]) {
    const stage = new Stage();
    const { client, turns, worker, small } = stage;
    const { path, told } = removal(stage);
    const closed = client.close();
    worker.isHanging = true;
    while (turns.turn());
    if (end === "dies") worker.die(new Error("out of memory"));
    else worker.ring();
    assertEquals([told, small.memory.exists(path)], [[undefined], true], end);
    await closed;
    worker.isHanging = false;
    worker.step();
    assertEquals([told.length, small.memory.exists(path), worker.alarms.size], [1, true, 0]);
    small.close();
  }
});
