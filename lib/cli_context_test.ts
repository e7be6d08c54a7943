import { assertEquals } from "@std/assert";
import { CliError, errorLine, fileError } from "./cli_context.ts";

Deno.test("errorLine() is one line, whatever the message has in it", () => {
  assertEquals(
    errorLine(new CliError("Cannot open\n\tdata\u001b[31m")),
    "error: Cannot open data\ufffd[31m",
  );
  assertEquals(errorLine("text"), "error: text");
});

Deno.test("fileError() says plainly what is missing or forbidden, and else what the system says", () => {
  const messageOf = (cause: unknown) =>
    fileError("read a.csv", "there is no such file", cause).message;
  assertEquals(
    messageOf(new Deno.errors.NotFound("x")),
    "Cannot read a.csv: there is no such file",
  );
  const forbidden = "Cannot read a.csv: there is no permission to";
  assertEquals(messageOf(new Deno.errors.PermissionDenied("x")), forbidden);
  assertEquals(messageOf(new Deno.errors.NotCapable("x")), forbidden);
  assertEquals(messageOf(new Error("disk on fire")), "Cannot read a.csv: disk on fire");
  assertEquals(fileError("read a.csv", "", "text").status, 2);
});
