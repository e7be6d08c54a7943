/**
 * **What.** Plants the bugs of `fixtures/planted_bugs.ts` one at a time in a copy of the repository, and runs the test
 * that has to notice: `deno task test:mutants`, with words to choose the bugs whose names have one of them.
 *
 * **Invariants.**
 * 1. Nothing is changed but copies, which are removed at the end.
 * 2. A bug counts as caught only if the test named passes without it and fails with it: a test that is not there, does
 *    not load or does not end has caught nothing.
 *
 * **Read next.** `mutants_test.ts`
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { cpSync } from "node:fs";
import { type PlantedBug, plantedBugs } from "./fixtures/planted_bugs.ts";

/** What tests need of the repository. */
const COPIED = ["deno.json", "deno.lock", "mod.ts", "bench", "docs", "lib", "tests", "vendor"];
/** A test that takes longer does not end. */
const TIMEOUT_MS = 180_000;

type Outcome = "passed" | "failed" | "did not run" | "did not end";

/** Runs one test of a copy. */
async function runTest(copy: string, { file, test }: PlantedBug["caughtBy"]): Promise<Outcome> {
  const name = test.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--allow-all", `--filter=/^${name}$/`, file],
    cwd: copy,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "null",
    signal: abort.signal,
  }).output();
  clearTimeout(timer);
  if (abort.signal.aborted) return "did not end";
  const summary = /^(?:ok|FAILED) \| (\d+) passed.* \| (\d+) failed/m.exec(
    new TextDecoder().decode(stdout),
  );
  if (summary === null || Number(summary[1]) + Number(summary[2]) !== 1) return "did not run";
  return code === 0 ? "passed" : "failed";
}

/** What keeps a bug from being caught, if anything does. */
async function tryBug(copy: string, bug: PlantedBug): Promise<string | undefined> {
  const without = await runTest(copy, bug.caughtBy);
  if (without !== "passed") return `its test ${without} without it`;
  const path = join(copy, bug.file);
  const sound = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, sound.replace(bug.from, () => bug.to));
  try {
    const outcome = await runTest(copy, bug.caughtBy);
    return outcome === "failed" ? undefined : `its test ${outcome}`;
  } finally {
    Deno.writeTextFileSync(path, sound);
  }
}

/** Tries the bugs of a shared list, in one copy, until there are none left. */
async function work(bugs: PlantedBug[], missed: PlantedBug[]): Promise<void> {
  const copy = Deno.makeTempDirSync();
  try {
    const root = fromFileUrl(new URL("../", import.meta.url));
    for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true });
    for (let bug; (bug = bugs.shift()) !== undefined;) {
      const problem = await tryBug(copy, bug);
      if (problem !== undefined) missed.push(bug);
      console.log(
        `${problem === undefined ? "caught" : "MISSED"} ${bug.name}: ${
          problem ?? bug.caughtBy.test
        }`,
      );
    }
  } finally {
    Deno.removeSync(copy, { recursive: true });
  }
}

if (import.meta.main) {
  const words = Deno.args;
  const chosen = plantedBugs.filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );
  if (chosen.length === 0) {
    console.error(`error: no planted bug has one of these words in its name: ${words.join(", ")}`);
    Deno.exit(2);
  }
  const missed: PlantedBug[] = [];
  const queue = [...chosen];
  await Promise.all(
    Array.from({ length: navigator.hardwareConcurrency }, () => work(queue, missed)),
  );
  console.log(`planted bugs: ${chosen.length}, caught: ${chosen.length - missed.length}`);
  if (missed.length > 0) Deno.exit(1);
}
