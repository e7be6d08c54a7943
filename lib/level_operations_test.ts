/**
 * How the options of a write become ours. That the types are those of classic-level, `tests/level_types_test.ts` sees.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { storeWriteOptions } from "./level_operations.ts";

Deno.test("What a write does not say, or says with undefined, the database decides", () => {
  assertEquals(storeWriteOptions({}), undefined);
  assertEquals(storeWriteOptions({ sync: undefined }), undefined);
  assertEquals(storeWriteOptions({ sync: true }), { sync: true });
  assertEquals(storeWriteOptions({ sync: false }), { sync: false });
});

Deno.test("What is neither true nor false is left for the store to refuse", () => {
  assertEquals(storeWriteOptions({ sync: 1 as never }), { sync: 1 as never });
});

Deno.test("Options are not made for each write", () => {
  assertStrictEquals(storeWriteOptions({ sync: true }), storeWriteOptions({ sync: true }));
});
