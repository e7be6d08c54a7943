import { assertEquals } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addGet } from "./cli_read.ts";

Deno.test("get prints the value and nothing else to a pipe, and a line to a terminal", async () => {
  const session = new CliSession([addGet]);
  await session.fill("data", { city: "Rome" });
  assertEquals((await session.run(["get", "data", "city"])).output, "Rome");
  const seen = new CliSession([addGet], { fileSystem: session.fileSystem, isTerminal: true });
  assertEquals((await seen.run(["get", "data", "city"])).output, "Rome\n");
});

Deno.test("get of a key that is not there is status 1 and one line", async () => {
  const session = new CliSession([addGet]);
  await session.fill("data", { city: "Rome" });
  const { status, output, errors } = await session.run(["get", "data", "town"]);
  assertEquals([status, output], [1, ""]);
  assertEquals(errors, "error: Cannot get town: there is no such key\n");
});
