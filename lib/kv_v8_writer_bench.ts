import { serialize } from "node:v8";
import { writeV8 } from "./kv_v8_writer.ts";

const values = {
  "a string of 100": "x".repeat(100),
  "an object": { name: "Ada", age: 36, tags: ["a", "b"] },
  "an array of 1000": Array.from({ length: 1000 }, (_, i) => i),
};

for (const [what, value] of Object.entries(values)) {
  Deno.bench(`kv_v8_writer: ${what}`, { group: what, baseline: true }, () => {
    writeV8(1, value, false);
  });
  Deno.bench(`node:v8: ${what}`, { group: what }, () => {
    serialize(value);
  });
}
