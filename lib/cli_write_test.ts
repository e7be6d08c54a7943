import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { SignalError } from "./cli_context.ts";
import { addGet, addScan } from "./cli_read.ts";
import { addDelete, addPut } from "./cli_write.ts";

const PARTS = [addPut, addDelete, addGet, addScan];

Deno.test("put creates the database and sets the value", async () => {
  const session = new CliSession(PARTS);
  const put = await session.run(["put", "data", "city", "Rome"]);
  assertEquals([put.status, put.output, put.errors], [0, "", ""]);
  assertEquals((await session.run(["get", "data", "city"])).output, "Rome");
  await session.run(["put", "data", "balance", "--", "-5"]);
  assertEquals((await session.run(["get", "data", "balance"])).output, "-5");
});

Deno.test("put takes the input's bytes as they are, or what they say in an encoding", async () => {
  const session = new CliSession(PARTS);
  const input = Uint8Array.of(0, 255, 10);
  await session.run(["put", "data", "k", "-"], { input });
  assertEquals((await session.run(["get", "data", "k"])).bytes, input);
  await session.run(["put", "data", "k", "-", "--value-encoding", "hex"], { input: "00ff\r\n" });
  assertEquals((await session.run(["get", "data", "k"])).bytes, Uint8Array.of(0, 255));
});

Deno.test("what is not written as its encoding says is refused before anything is created", async () => {
  const session = new CliSession(PARTS);
  for (const args of [["zz", "00"], ["00", "zz"]]) {
    const encodings = ["--key-encoding", "hex", "--value-encoding", "hex"];
    const { status, errors } = await session.run(["put", "data", ...args, ...encodings]);
    assertEquals(status, 2);
    assertMatch(errors, /^error: Cannot read (key|value) as hex: .*\n$/);
  }
  assertEquals((await session.run(["put", "data", "k", "v", "--sublevel", "a b"])).status, 2);
  assertEquals(
    (await session.run(["put", "", "k", "v"])).errors,
    "error: Cannot open database: the name of the directory is empty\n",
  );
});

Deno.test("an input that a signal ends is not put", async () => {
  const session = new CliSession(PARTS);
  const controller = new AbortController();
  controller.abort(new SignalError("SIGINT", 2));
  const { status } = await session.run(["put", "data", "k", "-"], {
    input: "v",
    signal: controller.signal,
  });
  assertEquals([status, session.fileSystem.exists("data")], [130, false]);
});

Deno.test("delete removes several keys together, and needs a database", async () => {
  const session = new CliSession(PARTS);
  assertMatch((await session.run(["delete", "data", "a"])).errors, /\(NOT_FOUND\)\n$/);
  await session.fill("data", { a: "1", b: "2", c: "3" });
  assertEquals((await session.run(["delete", "data", "a", "c", "none"])).status, 0);
  assertEquals((await session.run(["scan", "data"])).output, "b\t2\n");
});
