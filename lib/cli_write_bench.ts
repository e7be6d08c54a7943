import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addPut } from "./cli_write.ts";

const session = new CliSession([addPut]);
await session.fill(
  "data",
  Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, "value"])),
);

Deno.bench(
  "put, the database opened and closed",
  async () => void await session.run(["put", "data", "key", "value"]),
);
