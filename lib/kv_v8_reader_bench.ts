import { deserialize, serialize } from "node:v8";
import { readV8 } from "./kv_v8_reader.ts";

const values = {
  "a string of 100": "x".repeat(100),
  "an object": { name: "Ada", age: 36, tags: ["a", "b"] },
  "an array of 1000": Array.from({ length: 1000 }, (_, i) => i),
};

for (const [what, value] of Object.entries(values)) {
  const bytes = serialize(value);
  Deno.bench(`kv_v8_reader: ${what}`, { group: what, baseline: true }, () => {
    readV8(bytes, 0);
  });
  Deno.bench(`node:v8: ${what}`, { group: what }, () => {
    deserialize(bytes);
  });
}
