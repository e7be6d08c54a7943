/**
 * Events as such; what the engine tells by them is in `../tests/events_test.ts`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type DatabaseEvent, unfailingListener } from "./events.ts";

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
