/**
 * Events as such; what the engine tells by them is in `../tests/events_test.ts`.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { Audience, type DatabaseEvent, unfailingListener } from "./events.ts";
import { silentLogger } from "./logger.ts";

Deno.test("unfailingListener() passes every event on, and nothing that the listener throws back (invariant 3)", () => {
  const seen: DatabaseEvent[] = [];
  const listener = unfailingListener((event) => {
    seen.push(event);
    throw new Error("the listener is broken");
  });
  const events: DatabaseEvent[] = [
    { type: "resume", durationMs: 1 },
    { type: "close", durationMs: 2, openMs: 3 },
  ];
  for (const event of events) listener(event);
  assertEquals(seen, events);
});

Deno.test("An audience says so while one of it is told something, also within another call (invariant 4)", () => {
  const told: [string, boolean][] = [];
  const audience: Audience = new Audience({
    log(level) {
      told.push([level, audience.isTold]);
    },
  }, (event) => {
    audience.logger.log("info", "test", "in the middle of an event");
    told.push([event.type, audience.isTold]);
    if (event.type === "close") throw new Error("one that may fail");
  });
  assertEquals(audience.isTold, false);
  audience.logger.log("warn", "test", "a message");
  audience.onEvent!({ type: "resume", durationMs: 1 });
  assertEquals(audience.isTold, false);
  assertThrows(() => audience.onEvent!({ type: "close", durationMs: 1, openMs: 2 }));
  assertEquals(audience.isTold, false);
  assertEquals(told, [["warn", true], ["info", true], ["resume", true], ["info", true], [
    "close",
    true,
  ]]);
  const nobody = new Audience(silentLogger, undefined);
  assertEquals([nobody.logger, nobody.onEvent], [silentLogger, undefined]);
});
