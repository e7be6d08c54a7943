import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addShell } from "./cli_shell.ts";

const session = new CliSession([addShell]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench(
  "a shell of one line",
  async () => void await session.run(["shell", "data"], { input: "get key\n" }),
);
