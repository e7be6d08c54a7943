/**
 * What a copy from directory to directory costs, on a disk in memory.
 *
 * @module
 */
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addKv } from "./cli_kv.ts";

Deno.bench("kv set, and a copy of one entry", async () => {
  const session = new CliSession([addKv]);
  await session.run(["kv", "set", "data", '["key"]', '"value"']);
  await session.run(["kv", "copy", "data", "other"]);
});
