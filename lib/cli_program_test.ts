import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { memoryContext } from "../tests/fixtures/cli_session.ts";
import { varve, VERSION } from "./cli_program.ts";

Deno.test("the version is that of the package", () => {
  assertEquals(VERSION, config.version);
});

Deno.test("every command is there once", () => {
  const names = varve(memoryContext()).program.commands.map((it) => it.name());
  assertEquals(new Set(names).size, names.length);
  assertEquals(names.slice(0, 3), ["get", "put", "delete"]);
});
