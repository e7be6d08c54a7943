import { deserializeValue, KvU64, serializeValue } from "./kv_value.ts";

class Person {
  readonly name = "Ada";
}

const values = {
  "a number": 42,
  "an object": { name: "Ada", age: 36, tags: ["a", "b"] },
  "an object of a class": new Person(),
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
