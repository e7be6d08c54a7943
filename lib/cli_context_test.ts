import { assertEquals } from "@std/assert";
import { CliError, errorLine } from "./cli_context.ts";

Deno.test("errorLine() is one line, whatever the message has in it", () => {
  assertEquals(
    errorLine(new CliError("Cannot open\n\tdata\u001b[31m")),
    "error: Cannot open data\ufffd[31m",
  );
  assertEquals(errorLine("text"), "error: text");
});
