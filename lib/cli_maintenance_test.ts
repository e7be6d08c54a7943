import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { SignalError } from "./cli_context.ts";
import { addCompact, addDestroy, addRepair, addVerify } from "./cli_maintenance.ts";

const PARTS = [addVerify, addRepair, addDestroy, addCompact];

async function filled(isTerminal = false): Promise<CliSession> {
  const session = new CliSession(PARTS, { isTerminal });
  await session.fill("data", { a: "1", b: "2" });
  await using database = session.open("data");
  await database.flush();
  return session;
}

/** Changes a byte of the one table there is. */
function damage({ fileSystem }: CliSession): void {
  const name = fileSystem.list("data").find((it) => it.endsWith(".ldb"))!;
  const file = fileSystem.open(`data/${name}`);
  const contents = new Uint8Array(file.size);
  file.read(contents, 0);
  file.close();
  contents[3]! ^= 1;
  const copy = fileSystem.create(`data/${name}`);
  copy.append(contents);
  copy.close();
}

Deno.test("verify is status 0 for what is sound and 1 for what is not", async () => {
  const session = await filled();
  const sound = await session.run(["verify", "data", "--json"]);
  assertEquals([sound.status, JSON.parse(sound.output).isSound], [0, true]);
  damage(session);
  const damaged = await session.run(["verify", "data"]);
  assertEquals([damaged.status, damaged.errors], [1, ""]);
  assertMatch(damaged.output, /^error \d+\.ldb at 0: .*\ndamaged: 1 error, /);
});

Deno.test("repair tells what is lost, with keys as text", async () => {
  const session = await filled();
  damage(session);
  const { status, output } = await session.run(["repair", "data", "--json"]);
  assertEquals(status, 1);
  const { isComplete, files } = JSON.parse(output);
  assertEquals(isComplete, false);
  const [range] = files.flatMap((it: { damage: unknown[] }) => it.damage);
  assertEquals([range.isLoss, typeof range.toKey], [true, "string"]);
});

Deno.test("nothing is destroyed unless somebody says so", async () => {
  for (const isTerminal of [false, true]) {
    for (const input of ["n\n", "", "yess\n"]) {
      const session = await filled(isTerminal);
      const { status, errors } = await session.run(["destroy", "data"], { input });
      assertEquals(status, 2);
      assertMatch(errors, /error: Cannot destroy database: nobody has said --yes\n$/);
      assertEquals((await session.run(["verify", "data"])).status, 0);
    }
  }
  for (const input of ["y\n", "YES\n"]) {
    const session = await filled(true);
    assertEquals((await session.run(["destroy", "data"], { input })).status, 0);
    assertEquals((await session.run(["verify", "data"])).status, 2);
  }
  const session = await filled();
  const { output } = await session.run(["destroy", "data", "--yes", "--json"]);
  assertEquals(JSON.parse(output).removed[0], "CURRENT");
});

Deno.test("compact folds tables, and says how many there were and are", async () => {
  const session = await filled();
  await session.fill("data", { a: "3" });
  const { status, output } = await session.run(["compact", "data", "--json"]);
  const { before, after } = JSON.parse(output);
  assertEquals([status, before.tables, after.tables], [0, 2, 1]);
  const text = await session.run(["compact", "data", "--gte", "a", "--lt", "b"]);
  assertMatch(text.output, /^compacted: 1 table of \d+ B before, 1 table of \d+ B after\n$/);
});

Deno.test("a signal ends each of them before it has begun, and nothing is changed", async () => {
  const session = await filled();
  const controller = new AbortController();
  controller.abort(new SignalError("SIGINT", 2));
  for (const command of ["verify", "repair", "compact"]) {
    assertEquals((await session.run([command, "data"], controller)).status, 130, command);
  }
  assertEquals((await session.run(["verify", "data"])).status, 0);
});
