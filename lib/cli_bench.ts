import { varve } from "./cli_program.ts";
import { memoryContext } from "../tests/fixtures/cli_session.ts";

const frame = varve(memoryContext());

Deno.bench(
  "a command line that is refused",
  async () => void await frame.run(["completion", "sh"]),
);
