/**
 * **What.** Varve's Deno KV beside the runtime's own: random programs of calls on both, every result compared. They run
 * in a process of their own, since the runtime has a Deno KV only with an unstable flag.
 *
 * ```sh
 * KV_PROGRAMS=100000 deno test --allow-all tests/kv_differential_test.ts -- --seed=7
 * ```
 *
 * **Invariants.**
 * 1. As many programs run as it says, and of every kind of call some succeed and some are refused.
 *
 * **Read next.** `fixtures/kv_calls.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { runDeno } from "./fixtures/deno_program.ts";
import { fromArguments, fromEnvironment } from "./fixtures/parameters.ts";
import { inProcesses } from "./permissions.ts";

const PROGRAMS = fromEnvironment("KV_PROGRAMS") ?? 1000;
const SEED = fromArguments("seed") ?? Math.floor(Math.random() * 2 ** 31);

Deno.test("Deno KV answers as the runtime's does, call by call", inProcesses, async () => {
  const { success, text, errors } = await runDeno([
    "--unstable-kv",
    "--allow-read",
    "--allow-env",
    "tests/fixtures/kv_differential.ts",
    `--programs=${PROGRAMS}`,
    `--seed=${SEED}`,
  ]);
  assert(success, text + errors);
  assert(text.includes(`seed: ${SEED}`), text);
  const counts = new Map(
    text.split("\n").map((line) => /^(.+): (\d+)$/.exec(line)).filter((match) => match !== null)
      .map((match) => [match[1]!, Number(match[2])]),
  );
  if (PROGRAMS < 1000) return;
  const kinds = ["get", "getMany", "list", "set", "delete", "atomic", "watch"];
  const expected = ["together", ...kinds, ...kinds.map((kind) => `${kind} TypeError`)];
  assertEquals(expected.filter((kind) => !((counts.get(kind) ?? 0) > 0)), [], `seed ${SEED}`);
});
