import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addBench } from "./cli_benchmark.ts";

const session = new CliSession([addBench]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench(
  "bench of 1000 entries",
  async () => void await session.run(["bench", "fillseq", "--entries", "1000"]),
);
