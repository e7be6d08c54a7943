import { assertEquals } from "@std/assert";
import { inProcess } from "./cli_process.ts";

Deno.test("the process is a context, and its signals are its own again afterwards", async () => {
  const status = await inProcess((context) => {
    assertEquals(context.signal.aborted, false);
    assertEquals(context.output.columns > 0, true);
    return Promise.resolve(7);
  });
  assertEquals(status, 7);
});
