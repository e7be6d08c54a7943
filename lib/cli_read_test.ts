import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { OutputClosedError, SignalError } from "./cli_context.ts";
import { addCount, addGet, addScan } from "./cli_read.ts";

const PARTS = [addGet, addScan, addCount];

async function filled(): Promise<CliSession> {
  const session = new CliSession(PARTS);
  await session.fill("data", { a: "1", b: "two\nlines", c: "3" });
  return session;
}

Deno.test("get prints the value and nothing else to a pipe, and a line to a terminal", async () => {
  const session = await filled();
  assertEquals((await session.run(["get", "data", "b"])).output, "two\nlines");
  assertEquals(
    (await session.run(["get", "data", "b", "--value-encoding", "utf8"])).output,
    '"two\\nlines"\n',
  );
  const seen = new CliSession(PARTS, { fileSystem: session.fileSystem, isTerminal: true });
  assertEquals((await seen.run(["get", "data", "b"])).output, '"two\\nlines"\n');
  assertEquals((await seen.run(["get", "data", "b", "--raw"])).output, "two\nlines");
});

Deno.test("get of a key that is not there is status 1 and one line, whatever is in the key", async () => {
  const { status, output, errors } = await (await filled()).run(["get", "data", "x\x1b"]);
  assertEquals([status, output], [1, ""]);
  assertEquals(errors, 'error: Cannot get "x\\x1b": there is no such key\n');
});

Deno.test("reading creates nothing", async () => {
  const session = new CliSession(PARTS);
  for (const args of [["get", "data", "a"], ["scan", "data"], ["count", "data"]]) {
    const { status, errors } = await session.run(args);
    assertEquals(status, 2);
    assertMatch(errors, /^error: Cannot open database: .*NOT_FOUND\)\n$/);
  }
  assertEquals(session.fileSystem.exists("data"), false);
});

Deno.test("scan prints what a range has, in its order", async () => {
  const session = await filled();
  const scan = async (...options: string[]) =>
    (await session.run(["scan", "data", ...options])).output;
  assertEquals(await scan(), 'a\t1\nb\t"two\\nlines"\nc\t3\n');
  assertEquals(await scan("--gt", "a", "--lte", "c", "--reverse", "--limit", "1"), "c\t3\n");
  assertEquals(await scan("--prefix", "b", "--keys"), "b\n");
  assertEquals(await scan("--lt", "b", "--values"), "1\n");
  assertEquals(await scan("--gte", "c", "--json", "--keys"), '{"key":"c"}\n');
  assertEquals(await scan("--limit", "0"), "");
});

Deno.test("what a sublevel has is read by its name, however deep", async () => {
  const session = new CliSession(PARTS);
  {
    await using database = session.open("data");
    await database.sublevel("s").sublevel("t").put("k", "v");
  }
  const args = ["data", "--sublevel", "s", "--sublevel", "t"];
  assertEquals((await session.run(["scan", ...args])).output, "k\tv\n");
  assertEquals((await session.run(["count", ...args])).output, "1\n");
  assertEquals((await session.run(["get", "data", "k", ...args.slice(1)])).output, "v");
});

/** More than one piece of output. */
async function large(): Promise<CliSession> {
  const session = new CliSession(PARTS);
  await session.fill(
    "data",
    Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`key ${i}`, "v".repeat(50)])),
  );
  return session;
}

Deno.test("a scan ends when nobody reads it, and the database is closed", async () => {
  const session = await large();
  let writes = 0;
  const onWrite = () => {
    if (++writes === 2) throw new OutputClosedError("closed");
  };
  const { status, errors } = await session.run(["scan", "data"], { onWrite });
  assertEquals([status, errors, writes], [0, "", 2]);
  await (await session.open("data")).close(); // nobody has it locked
});

Deno.test("a scan ends with the signal, and the database is closed", async () => {
  const session = await large();
  const controller = new AbortController();
  const { status } = await session.run(["scan", "data"], {
    signal: controller.signal,
    onWrite: () => controller.abort(new SignalError("SIGTERM", 15)),
  });
  assertEquals(status, 143);
  await (await session.open("data")).close();
});
