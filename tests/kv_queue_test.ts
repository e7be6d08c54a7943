/**
 * **What.** The queue of Deno KV as programs have it: beside the runtime's own, call by call; on a disk, through a
 * process that is killed while it handles messages; and with a clock that is told to go.
 *
 * **Read next.** `kv_queue_crash_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { VarveError } from "../lib/errors.ts";
import { openKv } from "../lib/kv.ts";
import type { Logger } from "../lib/logger.ts";
import { MemoryFileSystem } from "../lib/memory_file_system.ts";
import { root, runDeno } from "./fixtures/deno_program.ts";
import { ManualClock, settle } from "./fixtures/kv_queue_host.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses } from "./permissions.ts";

Deno.test("The queue does what the runtime's own does", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const program = "tests/fixtures/kv_queue_calls.ts";
    const flags = ["--unstable-kv", "--allow-all", "--no-check"];
    const { text, errors } = await runDeno([...flags, program, directory]);
    assert(text !== "", errors);
    const [ours, theirs] = JSON.parse(text) as [string[], string[]];
    assertEquals(ours[0], theirs[0], "what is refused, and as what");
    assertEquals(ours[1], theirs[1], "what is delivered");
    assertStringIncludes(ours[1]!, '"f"');
  });
});

Deno.test(
  "A message that was being handled when the process was killed comes again",
  inProcesses,
  async () => {
    await inDirectory(async (directory) => {
      const program = `
      import { openKv } from "./lib/kv.ts";
      const kv = await openKv(${JSON.stringify(directory)});
      await kv.atomic().enqueue("done").enqueue("hanging", { backoffSchedule: [] }).commit();
      kv.listenQueue((value) => {
        if (value === "done") return;
        // Until the other one is out of the log's way.
        setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), 100);
        return new Promise(() => {});
      });
    `;
      const { success } = await runDeno(["--allow-all", "--no-check", "-"], program);
      assertEquals(success, false);
      const got: unknown[] = [];
      await using kv = await openKv(directory);
      const second = Promise.withResolvers<void>();
      kv.listenQueue((value) => {
        got.push(value);
        if (got.length === 2) second.resolve();
      });
      await kv.enqueue("after");
      await second.promise;
      assertEquals(got, ["hanging", "after"]);
    });
  },
);

Deno.test("A listener keeps the process alive, and close lets it end", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const program = `
      import { openKv } from "./lib/kv.ts";
      const kv = await openKv(${JSON.stringify(directory)});
      await kv.enqueue("later", { delay: 50 });
      await kv.listenQueue((value) => {
        console.log(value);
        kv.close();
      });
      console.log("closed");
    `;
    const { success, text } = await runDeno(["--allow-all", "--no-check", "-"], program);
    assertEquals([success, text], [true, "later\nclosed\n"]);
    assert(root.length > 0);
  });
});

Deno.test("Messages are delivered by the clock that the database was opened with", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const logger: Logger = { log: (level, source, text) => lines.push(`${level} ${source} ${text}`) };
  const got: unknown[] = [];
  await using kv = await openKv("kv", { clock, logger, fileSystem: new MemoryFileSystem() });
  const ended = kv.listenQueue((value) => {
    got.push(value);
    if (value === "bad") throw new Error("as it should");
  });
  await kv.enqueue("in a day", { delay: 86_400_000 });
  const options = { backoffSchedule: [], keysIfUndelivered: [["lost"]] };
  await kv.atomic().set(["a"], 1).enqueue("now").enqueue("bad", options).commit();
  await clock.pass(0);
  assertEquals(got, ["now", "bad"]);
  assertEquals((await kv.get(["lost"])).value, "bad");
  assert(
    lines.some((line) => line.startsWith("error kv exception in queue handler: Error: as it")),
  );
  await clock.pass(86_400_000);
  assertEquals(got, ["now", "bad", "in a day"]);
  await kv.close();
  await ended;
  assertEquals(clock.timers, 0);
});

Deno.test("What is watched tells of a message that was not delivered", async () => {
  const clock = new ManualClock();
  await using kv = await openKv("kv", { clock, fileSystem: new MemoryFileSystem() });
  const states = kv.watch([["lost"]]).getReader();
  assertEquals((await states.read()).value?.[0].value, null);
  kv.listenQueue(() => {
    throw new Error("as it should");
  });
  await kv.enqueue("bad", { backoffSchedule: [], keysIfUndelivered: [["lost"]] });
  await clock.pass(0);
  assertEquals((await states.read()).value?.[0].value, "bad");
});

Deno.test("A check that fails enqueues nothing, and a message is enqueued with its commit", async () => {
  const clock = new ManualClock();
  const fileSystem = new MemoryFileSystem();
  const got: unknown[] = [];
  await using kv = await openKv("kv", { clock, fileSystem });
  kv.listenQueue((value) => void got.push(value));
  await kv.set(["a"], 1);
  const check = { key: ["a"], versionstamp: null };
  assertEquals(await kv.atomic().check(check).enqueue("never").commit(), { ok: false });
  await kv.atomic().sum(["n"], 1n).enqueue("yes").commit();
  await assertRejects(() => kv.atomic().sum(["a"], 1n).enqueue("neither").commit(), TypeError);
  await clock.pass(100);
  assertEquals(got, ["yes"]);
});

Deno.test("A message is as large as the limits say", async () => {
  const fileSystem = new MemoryFileSystem();
  await using kv = await openKv("kv", { fileSystem });
  await kv.enqueue(new Uint8Array(100_000), { delay: 1 });
  const keysIfUndelivered = [["k".repeat(70_000)]];
  const error = await assertRejects(() => kv.enqueue(1, { keysIfUndelivered }), VarveError);
  assertEquals(error.code, "TOO_LARGE");
  await kv.close();
  await using deno = await openKv("kv", { fileSystem, limits: "deno" });
  await assertRejects(() => deno.enqueue(new Uint8Array(65_537)), TypeError, "over the limit");
  const long = { keysIfUndelivered: [["k".repeat(3000)]] };
  await assertRejects(() => deno.enqueue(1, long), TypeError, "over the limit");
});

Deno.test("A database that is closed or only read has no listeners", async () => {
  const fileSystem = new MemoryFileSystem();
  const kv = await openKv("kv", { fileSystem });
  await kv.close();
  await assertRejects(() => kv.listenQueue(() => {}), VarveError, "closed");
  await using reader = await openKv("kv", { fileSystem, readOnly: true });
  const error = await assertRejects(() => reader.listenQueue(() => {}), VarveError);
  assertEquals(error.code, "READ_ONLY");
  await settle();
});
