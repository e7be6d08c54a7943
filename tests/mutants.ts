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

/** What became of a run of tests. */
interface Run {
  readonly isEnded: boolean;
  readonly code: number;
  readonly passed: number;
  /** The names of those that failed. */
  readonly failed: readonly string[];
}

/** Runs the tests of a file of a copy, or those that a filter leaves. */
async function runTests(copy: string, file: string, ...filter: string[]): Promise<Run> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--allow-all", ...filter, file],
    cwd: copy,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "null",
    signal: abort.signal,
  }).output();
  clearTimeout(timer);
  const text = new TextDecoder().decode(stdout);
  return {
    isEnded: !abort.signal.aborted,
    code,
    passed: Number(/^(?:ok|FAILED) \| (\d+) passed/m.exec(text)?.[1] ?? 0),
    failed: [...text.matchAll(/^(.*) \.\.\. FAILED/gm)].map((match) => match[1]!),
  };
}

type Outcome = "passed" | "failed" | "did not run" | "did not end";

/** Runs one test of a copy. */
async function runTest(copy: string, { file, test }: PlantedBug["caughtBy"]): Promise<Outcome> {
  const name = test.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const { isEnded, code, passed, failed } = await runTests(copy, file, `--filter=/^${name}$/`);
  if (!isEnded) return "did not end";
  if (passed + failed.length !== 1) return "did not run";
  return code === 0 ? "passed" : "failed";
}

/** Does something in a copy while a bug is planted there. */
async function withBug<T>(copy: string, bug: PlantedBug, action: () => Promise<T>): Promise<T> {
  const path = join(copy, bug.file);
  const sound = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, sound.replace(bug.from, () => bug.to));
  try {
    return await action();
  } finally {
    Deno.writeTextFileSync(path, sound);
  }
}

/** What keeps a bug from being caught, if anything does. */
async function tryBug(copy: string, bug: PlantedBug): Promise<string | undefined> {
  const without = await runTest(copy, bug.caughtBy);
  if (without !== "passed") return `its test ${without} without it`;
  const outcome = await withBug(copy, bug, () => runTest(copy, bug.caughtBy));
  return outcome === "failed" ? undefined : `its test ${outcome}`;
}

/** Makes a copy of what tests need, and removes it in the end. */
async function inCopy<T>(action: (copy: string) => Promise<T>): Promise<T> {
  const copy = Deno.makeTempDirSync();
  try {
    const root = fromFileUrl(new URL("../", import.meta.url));
    for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true });
    return await action(copy);
  } finally {
    Deno.removeSync(copy, { recursive: true });
  }
}

/**
 * Runs a file of tests with a bug planted, in a copy.
 *
 * @param bug The bug.
 * @param file The file, such as `lib/log_test.ts`.
 * @returns The tests that fail with the bug and not without it; none if it is not noticed.
 */
export async function findsBug(bug: PlantedBug, file: string): Promise<string[]> {
  return await inCopy(async (copy) => {
    const { isEnded, code, failed } = await withBug(copy, bug, () => runTests(copy, file));
    if (isEnded && code === 0) return [];
    const without = await runTests(copy, file);
    if (!without.isEnded || without.passed === 0) return [];
    const found = failed.filter((name) => !without.failed.includes(name));
    return found.length > 0 || without.code !== 0 ? found : ["the run does not come to its end"];
  });
}

/** Tries the bugs of a shared list, in one copy, until there are none left. */
async function work(bugs: PlantedBug[], missed: PlantedBug[]): Promise<void> {
  await inCopy(async (copy) => {
    for (let bug; (bug = bugs.shift()) !== undefined;) {
      const problem = await tryBug(copy, bug);
      if (problem !== undefined) missed.push(bug);
      console.log(
        `${problem === undefined ? "caught" : "MISSED"} ${bug.name}: ${
          problem ?? bug.caughtBy.test
        }`,
      );
    }
  });
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
