/**
 * **What.** abstract-level's own tests, all of them, on our database: the same program that `classic-level` and the
 * other databases of its kind are held to. It is a process of its own, for its test runner has a way of its own with
 * timers and the end of the process.
 *
 * **Invariants.**
 * 1. Nothing is left out: the database says that it supports what `classic-level` does, which decides what is tested.
 *
 * **Read next.** `permissions_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { runDeno } from "./fixtures/deno_program.ts";
import { inProcesses } from "./permissions.ts";

/** How many assertions abstract-level 3.1.1 makes of a database with everything that `classic-level` 3.0.0 has. */
const ASSERTIONS = 5168;

Deno.test("abstract-level's own tests hold, every one of them", inProcesses, async () => {
  const { code, text, errors } = await runDeno([
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "tests/fixtures/level_suite.ts",
  ]);
  const failed = text.split("\n").filter((line) => line.startsWith("not ok")).join("\n");
  assertEquals([failed, errors, code], ["", "", 0]);
  assert(!/^ok.*# SKIP/m.test(text), "one was skipped");
  const count = Number(/^# pass {2}(\d+)$/m.exec(text)?.[1]);
  console.log(`${count} assertions of abstract-level`);
  assert(count >= ASSERTIONS, `only ${count} of ${ASSERTIONS} assertions were made`);
});
