import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { SignalError } from "./cli_context.ts";
import { addShell } from "./cli_shell.ts";

Deno.test("shell carries out lines, and a line that fails does not end it", async () => {
  const session = new CliSession([addShell]);
  const { status, output, errors } = await session.run(["shell", "data"], {
    input: "put a 1\nbogus\nget a",
  });
  assertEquals([status, output], [0, "ok\n1\n"]);
  assertEquals(errors, "error: unknown command bogus: help lists them all\n");
});

Deno.test("shell greets and prompts at a terminal only", async () => {
  const session = new CliSession([addShell], { isTerminal: true });
  const { output } = await session.run(["shell", "data"], { input: "exit\n" });
  assertEquals(output, "Varve in data. Type help, or exit.\nvarve> ");
});

Deno.test("shell --read-only creates nothing", async () => {
  const session = new CliSession([addShell]);
  const { status, errors } = await session.run(["shell", "data", "--read-only"], {
    input: "get a\n",
  });
  assertEquals(status, 2);
  assertMatch(errors, /\(NOT_FOUND\)\n$/);
});

Deno.test("a signal ends the shell, and the database is closed", async () => {
  const session = new CliSession([addShell]);
  const controller = new AbortController();
  const { status } = await session.run(["shell", "data"], {
    input: "put a 1\nput b 2\n",
    signal: controller.signal,
    onWrite: () => controller.abort(new SignalError("SIGTERM", 15)),
  });
  assertEquals(status, 143);
  await session.open("data").close();
});
