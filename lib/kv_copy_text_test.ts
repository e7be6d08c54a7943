/**
 * Keys and values of Deno KV as text, and back.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encodeKvKey, type KvKey } from "./kv_key.ts";
import { kvKeyOfText, kvKeyText, kvValueText } from "./kv_copy_text.ts";
import { KvU64 } from "./kv_value.ts";

Deno.test("What is printed of a key is the same key, and one line (invariants 1, 2)", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.double(),
    fc.boolean(),
    fc.bigInt(),
    fc.uint8Array(),
  );
  fc.assert(fc.property(fc.array(part), (key) => {
    const text = kvKeyText(key as KvKey);
    assert(!/[\n\r\t\x7f-\x9f\u2028\u2029]/.test(text));
    assertEquals(encodeKvKey(kvKeyOfText(text)), encodeKvKey(key as KvKey));
  }));
});

Deno.test("What is not a key is refused, and said", () => {
  for (
    const [text, why] of [
      ["a", "it is not JSON"],
      ['{"a":1}', "it is not an array"],
      ["[null]", "no part of a key is null"],
      ["[[1]]", "no part of a key is [1]"],
      ['[{"bytes":"0"}]', 'no part of a key is {"bytes":"0"}'],
      ['[{"bigint":"1.5"}]', "no part of a key"],
      ['[{"number":"1"}]', "no part of a key"],
      ['[{"bigint":"1","bytes":""}]', "no part of a key"],
    ] as const
  ) {
    assertThrows(() => kvKeyOfText(text), TypeError, `Cannot read key: ${why}`);
  }
});

Deno.test("A value is JSON if JSON gives it back", () => {
  for (const value of [null, true, 1.5, "a", [], {}, [{ a: [1, "b", null] }]]) {
    assertEquals(JSON.parse(kvValueText(value)!), value);
  }
  assertEquals(kvValueText("\x9b\u2028\n"), '"\\u009b\\u2028\\n"');
  const shared = {};
  const circular: unknown[] = [];
  circular.push(circular);
  const others = [undefined, 1n, NaN, -0, new Date(), new Map(), new KvU64(1n), new Uint8Array(1)];
  for (const value of [...others, [shared, shared], circular, new Array(2), { a: undefined }]) {
    assertEquals(kvValueText(value), undefined);
  }
});
