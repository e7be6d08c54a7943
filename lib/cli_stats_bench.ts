import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addStats } from "./cli_stats.ts";

const session = new CliSession([addStats]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench(
  "stats of 1000 entries in the log",
  async () => void await session.run(["stats", "data"]),
);
