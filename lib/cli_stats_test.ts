import { assert, assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { SignalError } from "./cli_context.ts";
import { addStats } from "./cli_stats.ts";

async function filled(isTerminal = false): Promise<CliSession> {
  const session = new CliSession([addStats], { isTerminal });
  await session.fill("data", { a: "1", b: "2" });
  return session;
}

Deno.test("stats tells what there is in tables and in logs", async () => {
  const session = await filled();
  const logged = JSON.parse((await session.run(["stats", "data", "--json"])).output);
  assertEquals([logged.sequence, logged.tables], [2, 0]);
  assert(logged.logBytes > 0 && logged.memtableBytes > 0);
  {
    await using database = session.open("data");
    await database.flush();
  }
  const flushed = JSON.parse((await session.run(["stats", "data", "--json"])).output);
  assertEquals([flushed.tables, flushed.memtableBytes, flushed.levels.length], [1, 0, 7]);
  assert(flushed.tableBytes > 0);
  assertMatch(
    (await session.run(["stats", "data"])).output,
    /^tables +1 table, \d+ B\n {2}level \d +1 table, /m,
  );
});

Deno.test("watching looks again until a signal, and tells LOCKED from gone", async () => {
  for (const isTerminal of [false, true]) {
    const session = await filled(isTerminal);
    const controller = new AbortController();
    const seen: string[] = [];
    const other: AsyncDisposable[] = [];
    const { status } = await session.run(["stats", "data", "--watch", "0.1"], {
      signal: controller.signal,
      onWrite: (text) => {
        seen.push(text);
        if (seen.length === 1) other.push(session.open("data"));
        if (seen.length === 2) controller.abort(new SignalError("SIGINT", 2));
      },
    });
    for (const it of other) await it[Symbol.asyncDispose]();
    assertEquals(status, 130);
    assertEquals(seen.length, 2);
    assertMatch(seen[0]!, /last write +(number )?2/);
    assertMatch(seen[1]!, /LOCKED: another process writes to data/);
    assertEquals(seen[1]!.startsWith("\x1b["), isTerminal);
  }
  const gone = await new CliSession([addStats]).run(["stats", "data", "--watch"]);
  assertEquals(gone.status, 2);
  assertMatch(gone.errors, /\(NOT_FOUND\)\n$/);
});

Deno.test("an interval is a number of seconds", async () => {
  const session = await filled();
  for (const wrong of ["0", "-1", "x", "1e9", "0.01"]) {
    assertEquals((await session.run(["stats", "data", `--watch=${wrong}`])).status, 2, wrong);
  }
});
