import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addScan } from "./cli_read.ts";

const session = new CliSession([addScan]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench("scan of 1000 entries", async () => void await session.run(["scan", "data"]));
