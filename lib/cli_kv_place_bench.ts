/**
 * What opening a directory costs, on a disk in memory.
 *
 * @module
 */
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addKv } from "./cli_kv.ts";

const session = new CliSession([addKv]);
await session.run(["kv", "set", "data", '["key"]', '"value"']);

Deno.bench("kv get of one key", async () => {
  await session.run(["kv", "get", "data", '["key"]']);
});
