/**
 * What a turn for others costs: the time between two steps of work that does nothing.
 * On a shared 2-core machine (AMD EPYC, Deno 2.9.6): 3 ms, for which timers are to blame.
 *
 * @module
 */
import { inTurns } from "./maintenance.ts";

function* idle(steps: number) {
  for (let i = 0; i < steps; i++) yield { file: "", bytesRead: i, bytesTotal: steps };
}

Deno.bench("one turn", async () => {
  await inTurns(idle(1), {});
});

Deno.bench("ten turns", async () => {
  await inTurns(idle(10), {});
});
