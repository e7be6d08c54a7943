import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addCompletion } from "./cli_completion.ts";

const session = new CliSession([addCompletion]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench("completion for zsh", async () => void await session.run(["completion", "zsh"]));
