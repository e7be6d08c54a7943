import { decodeKvKey, encodeKvKey } from "./kv_key.ts";

const key = ["user", 42, "name"];
const bytes = encodeKvKey(key);

Deno.bench("kv_key: encode [string, number, string]", () => {
  encodeKvKey(key);
});
Deno.bench("kv_key: decode [string, number, string]", () => {
  decodeKvKey(bytes);
});
Deno.bench("kv_key: encode a bigint of 65 bits", () => {
  encodeKvKey([2n ** 64n]);
});
