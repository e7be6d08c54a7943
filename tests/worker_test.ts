/**
 * **What.** Flushes and compactions in a worker, seen from outside: writers who never let the event loop turn, workers
 * that die or hang, programs that end without closing, and LevelDB, to which it is all the same. What goes wrong on
 * purpose does so in the simulator, where it does at every step; the rest is about real threads on a real disk.
 *
 * **Read next.** `kills_test.ts`
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openDatabase, webSurroundings } from "../lib/database.ts";
import { DenoFileSystem, denoFileSystem } from "../lib/deno_file_system.ts";
import { parseFileName } from "../lib/file_names.ts";
import { denoWorkers } from "../lib/deno_workers.ts";
import type { WorkerEvents, WorkerHost, Workers } from "../lib/job_client.ts";
import {
  bytes,
  bytewise,
  type Database,
  MemoryFileSystem,
  open,
  type OpenOptions,
  VarveError,
} from "../mod.ts";
import { root, runDeno } from "./fixtures/deno_program.ts";
import { Peer } from "./fixtures/line_protocol.ts";
import { ManualTurns } from "./fixtures/manual_turns.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses, onDisk } from "./permissions.ts";

type Bytes = Uint8Array;
type Texts = Database<string, string>;

const VALUE = "v".repeat(1000);

/** Small memtables, which a worker is started for by the first. */
const SMALL: OpenOptions = { memtableBytes: 2 * 1024 * 1024, sync: false };

function keyOf(i: number): string {
  return String((i * 7919) % 100_003).padStart(8, "0");
}

/** Puts one more. */
type Put = (i: number) => unknown;

/**
 * Puts until the first job has a worker started, and lets it start. How long that takes is up to the machine: in the
 * meantime a fast disk takes any number of puts, so nothing is put, and nobody is in its way. One that can't be started
 * is told of by the logger, which ends the wait.
 */
async function startWorker(
  db: Database<unknown, unknown>,
  log: WorkerLog,
  put: Put,
): Promise<number> {
  let count = 0;
  for (; db.stats().background.flushes < 1 && !db.stats().background.worker; count++) {
    await put(count);
  }
  while (!db.stats().background.worker) {
    assertEquals(log.messages, [], "no worker takes part");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return count;
}

/** The same without a turn of the event loop, so that nobody hears of a worker that can't be started. */
function startWorkerAtOnce(db: Database<unknown, unknown>, put: Put): number {
  let count = 0;
  for (; db.stats().background.flushes < 1 && !db.stats().background.worker; count++) put(count);
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  for (let waits = 0; !db.stats().background.worker; waits++) {
    assert(waits < 120, "no sign of a worker in two minutes: it must have failed");
    for (let i = 0; i < 100 && !db.stats().background.worker; i++) Atomics.wait(nothing, 0, 0, 10);
  }
  return count;
}

/** Takes what there is to say of workers. */
class WorkerLog {
  readonly messages: string[] = [];

  log(_level: string, source: string, message: string): void {
    if (source === "worker") this.messages.push(message);
  }
}

/** Puts until there is a worker, and some more that it has to flush. */
async function writeToWorker(db: Texts, log: WorkerLog): Promise<number> {
  let count = await startWorker(db, log, (i) => db.put(keyOf(i), VALUE));
  const { flushes } = db.stats().background;
  while (db.stats().background.flushes < flushes + 3) {
    for (let i = 0; i < 1000; i++) await db.put(keyOf(count++), VALUE);
  }
  return count;
}

function assertHolds(db: Texts, count: number): void {
  const expected = Array.from({ length: count }, (_, i) => keyOf(i)).sort();
  assertEquals([...db.keysSync()], expected);
}

// ——— Real threads ———

Deno.test(
  "A writer in a synchronous loop is served by a worker, memtable after memtable",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      const db = await open(directory, { ...SMALL, worker: true });
      let count = startWorkerAtOnce(db, (i) => db.putSync(keyOf(i), VALUE));
      let { flushes } = db.stats().background;
      let flushesInWorker = 0;
      while (flushesInWorker < 12 || db.stats().background.compactions === 0) {
        for (let i = 0; i < 100; i++) db.putSync(keyOf(count++), VALUE);
        const { background, memtable } = db.stats();
        assert(memtable.immutables <= 2, `${memtable.immutables}`);
        if (background.worker) flushesInWorker += background.flushes - flushes;
        flushes = background.flushes;
        assert(count < 100_000, `only ${flushesInWorker} of ${flushes} flushes in a worker`);
      }
      assertHolds(db, count);
      await db.close();
      await using again = await open(directory, { worker: false });
      assertHolds(again, count);
      await again.compact();
      assertHolds(again, count);
      assert(!again.stats().background.worker);
    }),
);

/** Deno's disk, and how many files this thread has removed from it. */
class CountingDisk extends DenoFileSystem {
  removals = 0;

  override remove(path: string): void {
    this.removals++;
    super.remove(path);
  }
}

/** Tables and logs in a directory. */
function tablesAndLogs(names: Iterable<string>): { tables: number; logs: number } {
  const kinds = [...names].map((name) => parseFileName(name)?.kind);
  const count = (kind: string) => kinds.filter((it) => it === kind).length;
  return { tables: count("table"), logs: count("log") };
}

Deno.test(
  "Tables and logs that nobody needs are removed by the worker, all of them before close() is done",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      const disk = new CountingDisk();
      const surroundings = { ...webSurroundings, workers: denoWorkers };
      const log = new WorkerLog();
      const db: Texts = openDatabase<string, string>(
        directory,
        { ...SMALL, logger: log } as OpenOptions<string, string>,
        disk,
        surroundings,
      );
      const count = await writeToWorker(db, log);
      while (db.stats().background.isBusy) await new Promise((resolve) => setTimeout(resolve, 1));
      disk.removals = 0;
      const before = db.stats().background;
      for (let i = 0; i < count; i++) await db.put(keyOf(i), VALUE);
      await db.compact();
      const { compactions, flushes } = db.stats().background;
      assert(compactions > before.compactions && flushes > before.flushes);
      assertEquals(disk.removals, 0);
      await db.close();
      const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
      await using reading = await open(directory, { readOnly: true });
      const tables = reading.stats().levels.reduce((sum, it) => sum + it.tables, 0);
      assertEquals(tablesAndLogs(names), { tables, logs: 1 });
    }),
);

Deno.test(
  "Nothing is started for one who reads or writes little",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      let starts = 0;
      const workers: Workers = {
        ...denoWorkers,
        start: (...parts) => (starts++, denoWorkers.start(...parts)),
      };
      const surroundings = { ...webSurroundings, workers };
      for (let round = 0; round < 3; round++) {
        await using db = openDatabase<string, string>(directory, {}, denoFileSystem, surroundings);
        for (let i = 0; i < 50; i++) await db.put(keyOf(i), VALUE);
        await db.flush();
        await db.compact();
        assertHolds(db, 50);
      }
      assertEquals(starts, 0);
    }),
);

Deno.test(
  "flush(), compact(), snapshots and close() are what they are without a worker",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      const log = new WorkerLog();
      const db = await open(directory, { ...SMALL, worker: true, logger: log });
      const count = await writeToWorker(db, log);
      {
        using snapshot = db.snapshot();
        for (let i = 0; i < count; i += 2) await db.delete(keyOf(i));
        await db.flush();
        assertEquals(db.stats().memtable.entries, 0);
        await db.compact();
        assertEquals([...snapshot.keysSync()].length, count);
      }
      await db.compact();
      assertEquals([...db.keysSync()].length, count >> 1);
      assertEquals(db.stats().levels[0]!.tables, 0);
      const closing = db.compact().then(() => "done", (error) => error.code);
      await db.close();
      assert(["done", "CLOSED"].includes(await closing));
      const tables = [...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith(".ldb"));
      await using again = await open(directory);
      const { levels } = again.stats();
      assertEquals(
        levels.reduce((sum, it) => sum + it.tables, 0) - levels[0]!.tables <= tables.length,
        true,
      );
      assertEquals([...again.keysSync()].length, count >> 1);
    }),
);

Deno.test(
  "Keys of 64 KiB come back from a worker, in reports of many parts",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      const log = new WorkerLog();
      const db = await open(directory, { ...SMALL, worker: true, logger: log });
      const pad = "k".repeat(60_000);
      let count = await startWorker(db, log, (i) => db.put(`${keyOf(i)}${pad}`, "v"));
      const { compactions } = db.stats().background;
      while (db.stats().background.compactions < compactions + 2) {
        for (let i = 0; i < 50; i++) await db.put(`${keyOf(count++)}${pad}`, "v");
        assert(count < 10_000);
      }
      assert(db.stats().background.worker);
      assertEquals([...db.keysSync()].length, count);
      await db.compact();
      assertEquals([...db.keysSync({ reverse: true })].length, count);
      await db.close();
    }),
);

Deno.test(
  "LevelDB opens what a worker has written",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const db = await open<Bytes, Bytes>(directory, {
        ...{ memtableBytes: 2 * 1024 * 1024, sync: false },
        worker: true,
        key: bytes,
        value: bytes,
      });
      const encoder = new TextEncoder();
      const value = encoder.encode(VALUE);
      const put = (i: number) => db.putSync(encoder.encode(keyOf(i)), value);
      let count = startWorkerAtOnce(db, put);
      const { compactions } = db.stats().background;
      while (db.stats().background.compactions === compactions) {
        for (let i = 0; i < 500; i++) put(count++);
        assert(count < 100_000);
      }
      const expected = [...db.entriesSync()].map(([key, value]) => [key.toHex(), value.toBase64()]);
      await db.close();
      await using peer = new Peer("classic_level.ts", [
        ...["--allow-read", "--allow-write", "--allow-env", "--allow-ffi"],
      ]);
      await peer.ask("open", { directory, options: {} });
      assertEquals(await peer.ask("entries", {}), expected);
      await peer.ask("close");
    }),
);

/** Runs a program that opens a database, with some permissions. */
async function run(permissions: readonly string[], program: string): Promise<string> {
  const { text, errors, code } = await runDeno(
    [...permissions, "-"],
    `import { open } from "./mod.ts";\n${program}`,
  );
  assertEquals([errors, code], ["", 0]);
  return text;
}

const WRITE_MUCH = `let count = 0;
  const value = "v".repeat(1000);
  const write = async (isEnough) => {
    while (!isEnough(db.stats().background)) await db.put(String(count++).padStart(8, "0"), value);
  };
  await write(({ flushes }) => flushes > 0);
  while (options.worker && !db.stats().background.worker) await new Promise((f) => setTimeout(f, 1));
  await write(({ flushes }) => flushes > 3);
  console.log(count, db.stats().background.worker);`;

Deno.test(
  "A program that does not close its database ends all the same, and loses nothing",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const permissions = [`--allow-read=${directory},${root}`, `--allow-write=${directory}`];
      const text = await run(
        permissions,
        `const options = ${JSON.stringify({ ...SMALL, worker: true })};
      const log = (_, source, message) => source === "worker" && Deno.exit(console.error(message) ?? 1);
      const db = await open(${JSON.stringify(directory)}, { ...options, logger: { log } });
      ${WRITE_MUCH}`,
      );
      const [count, worker] = text.trim().split(" ");
      assertEquals(worker, "true");
      await using db = await open(directory);
      assertEquals([...db.keysSync()].length, Number(count));
    }),
);

Deno.test(
  "Where a worker may not read its modules there is none, or an error that names the flag",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const permissions = [`--allow-read=${directory}`, `--allow-write=${directory}`];
      const opening = (options: string) =>
        `const options = ${options};
      options.logger = { log: (level, source, message) => source === "worker" && console.log(level, message) };
      try {
        await using db = await open(${JSON.stringify(directory)}, options);
        ${WRITE_MUCH}
      } catch (error) {
        console.log(error.name, error.message);
      }`;
      const fallback = await run(permissions, opening(JSON.stringify(SMALL)));
      assertStringIncludes(fallback, "info flushes and compactions are done here");
      assertStringIncludes(fallback, "--allow-read=");
      assert(fallback.trim().endsWith("false"), fallback);
      const refused = await run(permissions, opening(JSON.stringify({ ...SMALL, worker: true })));
      assertStringIncludes(refused, "TypeError Cannot open database: worker is true, but");
      assertStringIncludes(
        refused,
        `--allow-read=${fromFileUrl(new URL("../lib", import.meta.url))}`,
      );
    }),
);

Deno.test("worker: true is refused where a worker could not do the work, before anything is touched", () => {
  const disk = new MemoryFileSystem();
  const turns = new ManualTurns(disk);
  const cases: [OpenOptions, string][] = [
    [{ fileSystem: new MemoryFileSystem() }, "fileSystem"],
    [{ comparator: { ...bytewise, name: "mine" } }, "comparator"],
  ];
  for (const [options, why] of cases) {
    const refused = () => openDatabase("db", { ...options, worker: true }, disk, turns);
    assertThrows(refused, TypeError, why);
  }
  const none = () => openDatabase("db", { worker: true }, disk, new ManualTurns());
  assertThrows(none, TypeError, "there are none here");
  turns.workers!.obstacle = "run again with --allow-read";
  assertThrows(() => openDatabase("db", { worker: true }, disk, turns), TypeError, "--allow-read");
  assert(!disk.exists("db"));
});

// ——— Workers that fail ———

/** A worker that is a thread, and can be cut off from this one. */
class CutOffWorkers implements Workers {
  readonly worthBytes = denoWorkers.worthBytes;
  isCutOff = false;
  #last: { readonly host: WorkerHost; readonly events: WorkerEvents } | undefined;

  unavailable(): string | undefined {
    return denoWorkers.unavailable();
  }

  start(...[setup, events]: Parameters<Workers["start"]>): WorkerHost {
    const host = denoWorkers.start(setup, events);
    this.#last = { host, events };
    return {
      post: (request) => this.isCutOff ? undefined : host.post(request),
      wait: (channel, steps, ms) => host.wait(channel, steps, this.isCutOff ? 1 : ms),
      alarm: (ms, task) => host.alarm(this.isCutOff ? 1 : ms, task),
      keepAlive: (isKept) => host.keepAlive(isKept),
      terminate: () => host.terminate(),
    };
  }

  kill(): void {
    this.#last!.host.terminate();
    this.#last!.events.failed(new Error("killed by the test"));
  }
}

for (const end of ["killed", "cut off, and waited for", "cut off, and awaited"] as const) {
  Deno.test(
    `When a worker is ${end}, reads go on, and resume() brings writes back`,
    onDisk,
    () =>
      inDirectory(async (directory) => {
        const workers = new CutOffWorkers();
        const surroundings = { ...webSurroundings, workers };
        const log = new WorkerLog();
        const db: Texts = openDatabase(
          directory,
          { ...SMALL, logger: log } as OpenOptions<string, string>,
          denoFileSystem,
          surroundings,
        );
        let count = await writeToWorker(db, log);
        workers.isCutOff = end !== "killed";
        const failed = async () => {
          for (let i = 0; i < 50_000; i++) {
            if (end === "killed" && db.stats().background.isBusy) workers.kill();
            if (end === "cut off, and waited for") db.putSync(keyOf(count), VALUE);
            else await db.put(keyOf(count), VALUE);
            count++;
          }
        };
        const error = await assertRejects(failed, VarveError);
        const message = end === "killed" ? "killed by the test" : "no sign of life for 30 s";
        assertEquals(error.code, "IO");
        assertStringIncludes(error.message, message);
        assertHolds(db, count);
        assertStringIncludes(db.stats().failure!, message);
        workers.isCutOff = false;
        await db.resume();
        for (const until = count + 5000; count < until; count++) await db.put(keyOf(count), VALUE);
        assertHolds(db, count);
        await db.compact();
        assertHolds(db, count);
        await db.close();
        await using again = await open(directory);
        assertHolds(again, count);
      }),
  );
}

const TINY = {
  memtableBytes: 65_536,
  tableBytes: 16_384,
  baseLevelBytes: 65_536,
  compression: "none",
} as const;

for (const end of ["dies", "hangs"] as const) {
  Deno.test(`Whichever step a worker ${end} at, the cause is told, nothing is lost, and resume() heals`, async () => {
    for (let atStep = 1; atStep <= 40; atStep += 3) {
      const disk = new MemoryFileSystem();
      const turns = new ManualTurns(disk);
      const workers = turns.workers!;
      const why = `step ${atStep}`;
      const db: Texts = openDatabase("db", { ...TINY, levelZeroTables: 1 }, disk, turns);
      let steps = 0;
      let count = 0;
      const failed = () => {
        for (; count < 20_000; count++) {
          db.putSync(keyOf(count), VALUE, { sync: false });
          if (count % 20 > 0 || workers.started.length === 0) continue;
          workers.last.step();
          if (++steps !== atStep) continue;
          if (end === "dies") workers.last.die(new Error("out of memory"));
          else workers.last.isHanging = true;
        }
      };
      const error = assertThrows(failed, VarveError);
      assertStringIncludes(
        error.message,
        end === "dies" ? "out of memory" : "no sign of life",
        why,
      );
      const waiting = [db.flush(), db.compact()].map((it) => it.then(() => "done", (e) => e.code));
      assertEquals(await Promise.all(waiting), ["IO", "IO"], why);
      assertHolds(db, count);
      await turns.settle(db.resume());
      for (const until = count + 500; count < until; count++) db.putSync(keyOf(count), VALUE);
      assertHolds(db, count);
      assertEquals(workers.started.length, 2, why);
      await turns.settle(db.compact());
      await turns.settle(db.close());
      const again: Texts = openDatabase("db", TINY, disk, new ManualTurns());
      assertHolds(again, count);
      const { levels } = again.stats();
      const tables = disk.list("db").filter((name) => name.endsWith(".ldb"));
      assertEquals(tables.length, levels.reduce((sum, it) => sum + it.tables, 0), why);
      await again.close();
    }
  });
}

for (const end of ["goes on", "dies", "hangs", "is on strike until the last moment"] as const) {
  Deno.test(`When close() is done no file is left that nobody needs, though the worker ${end}`, async () => {
    const disk = new MemoryFileSystem();
    const turns = new ManualTurns(disk);
    const db: Texts = openDatabase("db", { ...TINY, sync: false }, disk, turns);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 50; i++) db.putSync(keyOf(i), VALUE);
      await turns.settle(db.flush());
    }
    const walk = db.keysSync();
    walk.next(); // it holds the tables
    await turns.settle(db.compact());
    const worker = turns.workers!.last;
    while (turns.turn());
    const held = tablesAndLogs(disk.list("db")).tables;
    const tables = db.stats().levels.reduce((sum, it) => sum + it.tables, 0);
    worker.isHanging = end !== "goes on";
    walk.return!();
    for (let i = 0; i < 3; i++) db.putSync(keyOf(i), VALUE);
    assertEquals(tablesAndLogs(disk.list("db")).tables, held, "it is up to the worker");
    let isClosed = false;
    const closed = db.close().then(() => isClosed = true);
    for (let i = 0; i < 100; i++) {
      turns.turn();
      await undefined;
    }
    assertEquals(isClosed, end === "goes on");
    if (end === "dies") worker.die(new Error("out of memory"));
    if (end === "hangs") worker.ring();
    if (end.startsWith("is on")) {
      worker.isHanging = false;
      while (worker.step());
    }
    await turns.settle(closed);
    assert(held > tables, `${held}, ${tables}`);
    const names = disk.list("db");
    assertEquals(tablesAndLogs(names), { tables, logs: 1 });
    worker.isHanging = false;
    while (worker.step() || turns.turn());
    assertEquals(disk.list("db"), names);
  });
}

Deno.test("A disk that is full in a worker is told of as it would be here, and nothing is left", async () => {
  const { SimulatedFileSystem } = await import("../lib/simulated_file_system.ts");
  const disk = new SimulatedFileSystem();
  const turns = new ManualTurns(disk);
  const db: Texts = openDatabase("db", { ...TINY, sync: false }, disk, turns);
  for (let i = 0; i < 50; i++) db.putSync(keyOf(i), VALUE);
  disk.capacityBytes = disk.usedBytes + 20_000;
  const error = await assertRejects(() => turns.settle(db.flush()), VarveError, "no space left");
  assertEquals((error.cause as VarveError).code, "IO");
  while (turns.turn());
  assertEquals(disk.list("db").filter((name) => name.endsWith(".ldb")), []);
  disk.capacityBytes = Infinity;
  await turns.settle(db.resume());
  await turns.settle(db.flush());
  assertHolds(db, 50);
  await turns.settle(db.close());
});
