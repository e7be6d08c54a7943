/**
 * What copying and comparing cost apart from the databases.
 *
 * @module
 */
import { MapKv } from "../tests/fixtures/kv_copy_map.ts";
import { compareKv, copyKv } from "./kv_copy.ts";
import type { KvKey } from "./kv_key.ts";

const entries = Array.from(
  { length: 1000 },
  (_, i): [KvKey, unknown] => [["user", i], { name: "Ada", i }],
);
const from = new MapKv(entries);

Deno.bench("1000 entries copied", async () => {
  await copyKv({ name: "a", kv: from }, { name: "b", kv: new MapKv() });
});
Deno.bench("1000 entries compared", async () => void await compareKv(from, from));
