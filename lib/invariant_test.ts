import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "./errors.ts";
import { invariant } from "./invariant.ts";

Deno.test("invariant() does nothing while its condition holds", () => {
  assertEquals(invariant(true, "this holds"), undefined);
});

Deno.test("invariant() throws what must hold, and that it is our bug (invariant 1)", () => {
  const error = assertThrows(
    () => invariant(false, "one is less than two"),
    Error,
    "one is less than two",
  );
  assertEquals(error.message.includes("a bug in this library"), true);
});

Deno.test("invariant() is no error that a caller would handle", () => {
  const error = assertThrows(() => invariant(false, "why"));
  assertEquals(error instanceof VarveError, false);
  assertEquals(error instanceof TypeError, false);
});

Deno.test("invariant() narrows the type of what it was given", () => {
  const length = (text: string | undefined): number => {
    invariant(text !== undefined, "there is a text");
    return text.length; // does not compile unless narrowed
  };
  assertEquals(length("abc"), 3);
  assertThrows(() => length(undefined), Error, "there is a text");
});
