/**
 * Which errors get which code, and what is left as it is.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { CorruptionError, VarveError, type VarveErrorCode } from "./errors.ts";
import { abortError, LevelError, levelError, translated, unlessMissing } from "./level_errors.ts";

Deno.test("Errors with a code of Level's get it, with themselves as the cause", () => {
  const codes: [VarveErrorCode, string][] = [
    ["LOCKED", "LEVEL_LOCKED"],
    ["IO", "LEVEL_IO_ERROR"],
    ["CLOSED", "LEVEL_DATABASE_NOT_OPEN"],
  ];
  for (const [code, expected] of codes) {
    const cause = new VarveError(code, "Cannot do it: that is why");
    const error = levelError(cause);
    assertInstanceOf(error, LevelError);
    assertEquals([error.code, error.message], [expected, cause.message]);
    assertStrictEquals(error.cause, cause);
  }
  const corruption = levelError(new CorruptionError("block checksum mismatch", "000005.ldb", 7));
  assertInstanceOf(corruption, LevelError);
  assertEquals(corruption.code, "LEVEL_CORRUPTION");
});

Deno.test("All others stay what they are", () => {
  const others: VarveErrorCode[] = [
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "READ_ONLY",
    "TOO_LARGE",
    "UNSUPPORTED_FORMAT",
  ];
  for (const code of others) {
    const error = new VarveError(code, "Cannot do it");
    assertStrictEquals(levelError(error), error);
  }
  for (
    const error of [new TypeError("no"), undefined, "text", levelError(new VarveError("IO", ""))]
  ) {
    assertStrictEquals(levelError(error), error);
  }
});

Deno.test("Rejections are translated, and results passed on", async () => {
  assertEquals(await translated(Promise.resolve(7)), 7);
  const locked = Promise.reject(new VarveError("LOCKED", "Cannot open"));
  const error = await assertRejects(() => translated(locked), LevelError);
  assertEquals(error.code, "LEVEL_LOCKED");
});

Deno.test("What is missing is passed over, and nothing else", async () => {
  const fail = (code: VarveErrorCode) => () => {
    throw new VarveError(code, "Cannot destroy");
  };
  await unlessMissing(fail("NOT_FOUND"));
  await unlessMissing(() => Promise.reject(new VarveError("NOT_FOUND", "Cannot repair")));
  assertEquals(
    (await assertRejects(() => unlessMissing(fail("LOCKED")), LevelError)).code,
    "LEVEL_LOCKED",
  );
  await assertRejects(() => unlessMissing(fail("READ_ONLY")), VarveError);
});

Deno.test("An abort has the name that programs look for", () => {
  const { name, code } = abortError();
  assertEquals([name, code], ["AbortError", "LEVEL_ABORTED"]);
});
