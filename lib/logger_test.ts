import { assert, assertEquals } from "@std/assert";
import { type LogLevel, silentLogger, unfailing } from "./logger.ts";

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

Deno.test("unfailing() passes every message on, and nothing that the logger throws back", () => {
  const seen: string[] = [];
  const logger = unfailing({
    log(level, source, message) {
      seen.push(`${level} ${source} ${message}`);
      throw new Error("the disk under the messages is full");
    },
  });
  logger.log("warn", "test", "one");
  logger.log("error", "test", "two");
  assertEquals(seen, ["warn test one", "error test two"]);
});
