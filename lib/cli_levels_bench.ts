import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addLevels } from "./cli_levels.ts";

const session = new CliSession([addLevels]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench("levels of a small tree", async () => void await session.run(["levels", "data"]));
