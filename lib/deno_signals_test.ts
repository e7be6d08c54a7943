import { assertEquals } from "@std/assert";
import { inProcesses } from "../tests/permissions.ts";
import { onEndSignal } from "./deno_signals.ts";

Deno.test("a signal is handled until the end of the block", {
  ...inProcesses,
  ignore: inProcesses.ignore || Deno.build.os === "windows",
}, async () => {
  const came = Promise.withResolvers<[string, number]>();
  {
    using _listening = onEndSignal((name, number) => came.resolve([name, number]));
    // A listener keeps no program alive.
    const alive = setInterval(() => {}, 1000);
    Deno.kill(Deno.pid, "SIGHUP");
    assertEquals(await came.promise, ["SIGHUP", 1]);
    clearInterval(alive);
  }
  // The sanitizers tell if a listener is left.
});
