import { assert, assertEquals } from "@std/assert";
import { type LogLevel, silentLogger } from "./logger.ts";

Deno.test("silentLogger prints nothing, at any level (invariant 1)", () => {
  const levels: LogLevel[] = ["debug", "info", "warn", "error"];
  const methods = ["debug", "info", "log", "warn", "error"] as const;
  const real = methods.map((method) => console[method]);
  let printed = 0;
  try {
    for (const method of methods) console[method] = () => void printed++;
    for (const level of levels) silentLogger.log(level, "test", "message");
  } finally {
    methods.forEach((method, i) => console[method] = real[i]!);
  }
  assertEquals(printed, 0);
});

Deno.test("silentLogger is shared by everyone, so nobody can change it", () => {
  assert(Object.isFrozen(silentLogger));
});
