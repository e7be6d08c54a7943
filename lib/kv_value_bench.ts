import { deserialize, serialize } from "node:v8";
import { deserializeValue, KvU64, serializeValue } from "./kv_value.ts";

const values = {
  "a number": 42,
  "a string of 100": "x".repeat(100),
  "an object": { name: "Ada", age: 36, tags: ["a", "b"] },
  "100 bytes": new Uint8Array(100),
  "a KvU64": new KvU64(7n),
};

for (const [what, value] of Object.entries(values)) {
  const bytes = serializeValue(value);
  Deno.bench(`kv_value: serialize ${what}`, () => {
    serializeValue(value);
  });
  Deno.bench(`kv_value: deserialize ${what}`, () => {
    deserializeValue(bytes);
  });
}
const { "an object": object } = values;
const bytes = serialize(object);
Deno.bench("node:v8: serialize an object", () => {
  serialize(object);
});
Deno.bench("node:v8: deserialize an object", () => {
  deserialize(bytes);
});
