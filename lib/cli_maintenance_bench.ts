import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addVerify } from "./cli_maintenance.ts";

const session = new CliSession([addVerify]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench(
  "verify of 1000 entries in the log",
  async () => void await session.run(["verify", "data"]),
);
