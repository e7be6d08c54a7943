import { assertThrows } from "@std/assert";
import {
  checkKeyLimit,
  checkLimit,
  checkValueLimit,
  DENO_LIMITS,
  ENGINE_LIMITS,
} from "./kv_limits.ts";

Deno.test("a limit is the last that is taken (invariant 1)", () => {
  checkLimit("commit", "checks", 100, DENO_LIMITS.checks);
  assertThrows(
    () => checkLimit("commit", "checks", 101, DENO_LIMITS.checks),
    TypeError,
    "Cannot commit: 101 checks are over the limit of 100",
  );
});

Deno.test("the first byte of keys and values does not count", () => {
  checkKeyLimit("set", new Uint8Array(2049), DENO_LIMITS.keyBytes);
  assertThrows(() => checkKeyLimit("set", new Uint8Array(2050), DENO_LIMITS.keyBytes), TypeError);
  checkValueLimit("set", new Uint8Array(65_537), DENO_LIMITS);
  assertThrows(() => checkValueLimit("set", new Uint8Array(65_538), DENO_LIMITS), TypeError);
});

Deno.test("without limits everything is taken", () => {
  for (const limit of Object.values(ENGINE_LIMITS)) checkLimit("read", "keys", 2 ** 53, limit);
});
