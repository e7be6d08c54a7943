/**
 * What asking costs that every write asks: may I? Deno 2.9.6, 2 shared cores (AMD
 * EPYC), on a busy machine: one to two nanoseconds.
 *
 * @module
 */
import { Health } from "./health.ts";
import { silentLogger } from "./logger.ts";

const sound = new Health(
  { directory: "db", readOnly: false, logger: silentLogger, onEvent: undefined, now: () => 0 },
  () => {},
);

Deno.bench("1000 writes ask whether they are taken", () => {
  for (let i = 0; i < 1000; i++) sound.assertWritable();
});

function* oneStep(): Generator<void> {
  yield;
}

Deno.bench("a failure, and a resume of two steps", async () => {
  sound.fail("flush", "no reason");
  await sound.resume(oneStep, () => Promise.resolve());
});
