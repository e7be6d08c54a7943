import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { CorruptionError, VarveError, type VarveErrorCode } from "./errors.ts";

Deno.test("VarveError carries its code, message and name", () => {
  // A record, so that this does not compile when a code is missing here.
  const codes: Record<VarveErrorCode, true> = {
    CLOSED: true,
    LOCKED: true,
    CORRUPTION: true,
    NOT_FOUND: true,
    ALREADY_EXISTS: true,
    READ_ONLY: true,
    UNSUPPORTED_FORMAT: true,
    IO: true,
    TOO_LARGE: true,
  };
  for (const code of Object.keys(codes) as VarveErrorCode[]) {
    const error = new VarveError(code, "Cannot open database: ./data");
    assertEquals(error.code, code);
    assertEquals(error.message, "Cannot open database: ./data");
    assertEquals(error.name, "VarveError");
    assertEquals(String(error), "VarveError: Cannot open database: ./data");
    assertInstanceOf(error, Error);
    assertStringIncludes(error.stack ?? "", "errors_test.ts");
  }
});

Deno.test("VarveError has a cause when it was given one, and none otherwise (invariant 3)", () => {
  const cause = new Error("no space left on device");
  assertEquals(new VarveError("IO", "Cannot append", { cause }).cause, cause);
  assertEquals("cause" in new VarveError("IO", "Cannot append"), false);
});

Deno.test("CorruptionError names what, which file and where (invariants 1 and 2)", () => {
  const cause = new RangeError("over the end");
  const error = new CorruptionError("block checksum mismatch", "./data/000005.ldb", 4096, {
    cause,
  });
  assertEquals(error.code, "CORRUPTION");
  assertEquals(error.file, "./data/000005.ldb");
  assertEquals(error.offset, 4096);
  assertEquals(error.name, "CorruptionError");
  assertEquals(error.cause, cause);
  assertEquals(
    error.message,
    "Cannot read database: block checksum mismatch at offset 4096 of ./data/000005.ldb",
  );
});

Deno.test("CorruptionError is caught by whoever catches a VarveError", () => {
  const error: unknown = new CorruptionError("bad magic number", "CURRENT", 0);
  assertInstanceOf(error, VarveError);
  assertInstanceOf(error, Error);
});
