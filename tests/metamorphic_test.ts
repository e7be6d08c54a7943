/**
 * **What.** One list of operations, carried out in many ways that must all come to the same: options from the
 * smallest to the largest, awaited or not, with snapshots held or without. Every answer and everything that is left
 * at the end agree with what a `Map` says, and so with each other. A list that fails is shrunk and printed as a
 * program.
 *
 * `VARVE_SEED=n` starts from another seed, `VARVE_RUNS=n` says how many lists are tried.
 *
 * **Invariants.**
 * 1. A seed decides everything. What fails is shrunk by running it again and again, so it must fail again.
 *
 * **Read next.** `fuzz_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import fc from "fast-check";
import type { Database, DatabaseStats } from "../mod.ts";
import { expectedOf, type Operation, operationLists } from "./fixtures/metamorphic_operations.ts";
import { type Case, minimize, programOf } from "./fixtures/metamorphic_program.ts";
import {
  carryOut,
  type RunOptions,
  type Setting,
  SETTINGS,
  settings,
} from "./fixtures/metamorphic_run.ts";
import { fromEnvironment } from "./fixtures/parameters.ts";
import { inProcesses } from "./permissions.ts";

const SEED = 1;
const RUNS = 16;
/** The longest list. Half as long is usual, which writes some 200 KiB. */
const OPERATIONS = 120;
/** Numbers are shrunk for so long at most. */
const SHRINK_MS = 60_000;

/** What failed a case, or nothing. */
async function failureOf(
  { operations, setting }: Case,
  options: RunOptions = {},
): Promise<unknown> {
  try {
    await carryOut(operations, setting, expectedOf(operations), options);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A failing list, as small as it gets. */
interface Finding {
  readonly case: Case;
  readonly cause: unknown;
  readonly program: string;
}

/**
 * Makes a failing case small. What is left out first is what the case fails without, since that is quick on long lists;
 * the numbers are left to `fast-check`, and after them more may be left out.
 */
async function shrink(failing: Case, fails: (tried: Case) => Promise<boolean>): Promise<Case> {
  const { operations, setting } = await minimize(failing, fails);
  let smallest = operations;
  const property = fc.asyncProperty(operationLists(OPERATIONS), async (operations) => {
    if (!await fails({ operations, setting })) return true;
    smallest = operations;
    return false;
  });
  const examples: [Operation[]][] = [[[...operations]]];
  await fc.check(property, { examples, numRuns: 1, interruptAfterTimeLimit: SHRINK_MS });
  return await minimize({ operations: smallest, setting }, fails);
}

/** Tries lists at random under settings, until one fails. */
async function search(
  seed: number,
  runs: number,
  settingsOf: (random: readonly Setting[]) => readonly Setting[],
  options: RunOptions = {},
): Promise<Finding | undefined> {
  let failing: Case | undefined;
  const property = fc.asyncProperty(
    operationLists(OPERATIONS),
    fc.tuple(settings, settings),
    async (operations, random) => {
      for (const setting of settingsOf(random)) {
        if (await failureOf({ operations, setting }, options) === undefined) continue;
        failing = { operations, setting };
        return false;
      }
      return true;
    },
  );
  await fc.check(property, { seed, numRuns: runs, endOnFailure: true });
  if (failing === undefined) return undefined;
  const smallest = await shrink(
    failing,
    async (tried) => await failureOf(tried, options) !== undefined,
  );
  const cause = await failureOf(smallest, options);
  const needsTurns = await failureOf(smallest, { ...options, useTimers: true }) === undefined;
  const program = programOf(smallest, expectedOf(smallest.operations), {
    origin: `Found from seed ${seed}: ${cause instanceof Error ? cause.message : cause}`,
    useManualTurns: needsTurns,
  });
  return { case: smallest, cause, program };
}

/** What the work of many runs adds up to. */
class Totals {
  flushes = 0;
  compactions = 0;
  evictions = 0;
  stalls = 0;
  readonly levels = new Set<number>();

  readonly add = ({ background, pool, writes, levels }: DatabaseStats): void => {
    this.flushes += background.flushes;
    this.compactions += background.compactions;
    this.evictions += pool.evictions;
    this.stalls += writes.stalls;
    for (const { level, tables } of levels) if (tables > 0) this.levels.add(level);
  };
}

Deno.test("a list of operations is answered alike under all options and in all forms", async () => {
  const totals = new Totals();
  const seed = fromEnvironment("VARVE_SEED") ?? SEED;
  const runs = fromEnvironment("VARVE_RUNS") ?? RUNS;
  const found = await search(seed, runs, (random) => [...SETTINGS, ...random], {
    onStats: totals.add,
  });
  if (found !== undefined) {
    throw new Error(
      `Seed ${seed}; VARVE_SEED=${seed} finds it again. As a program:\n\n${found.program}`,
      { cause: found.cause },
    );
  }
  if (runs < RUNS) return;
  // All of this was for nothing if nothing was ever flushed, compacted or evicted.
  const { flushes, compactions, evictions, stalls, levels } = totals;
  const reached = JSON.stringify({ flushes, compactions, evictions, stalls, levels: [...levels] });
  assert(flushes > 500 && compactions > 1000 && evictions > 1000 && stalls > 0, reached);
  assert([0, 1, 2, 3].every((level) => levels.has(level)), reached);
});

// ---- what is found is small, and can be pasted

/** A store that no longer deletes once a compaction was asked for. */
function forgetful(db: Database<string, string>): Database<string, string> {
  let isForgetful = false;
  return new Proxy(db, {
    get(target, name) {
      if (name === "compact") isForgetful = true;
      if (name === "deleteSync" && isForgetful) return () => {};
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

Deno.test("a bug that takes three operations is shrunk to these three", async () => {
  const found = await search(SEED, RUNS, () => SETTINGS.slice(2, 3), { wrap: forgetful });
  assert(found !== undefined, "not found");
  const { operations, setting } = found.case;
  assertEquals(operations.map(({ kind }) => kind).sort(), ["compact", "write", "write"]);
  assertEquals([setting.options, setting.form], [[{}], "sync"]);
  assertStringIncludes(found.program, "await db.compact({});");
  assertStringIncludes(found.program, "db.deleteSync(");
});

/** Every kind of operation at least once, on a store, a snapshot and a sublevel. */
const EVERYTHING: readonly Operation[] = [
  { kind: "write", write: { store: 0, key: 0, size: 40 } },
  { kind: "write", write: { store: 1, key: 1, size: 5 } },
  { kind: "batch", writes: [{ store: 2, key: 3, size: 0 }, { store: 0, key: 9 }] },
  { kind: "snapshot", slot: 1 },
  { kind: "fill", first: { store: 0, key: 0, size: 2000 }, count: 60 },
  { kind: "flush" },
  { kind: "fill", first: { store: 1, key: 10 }, count: 3 },
  { kind: "get", view: { store: 0, snapshot: 1 }, key: 0 },
  { kind: "get", view: { store: 0 }, key: 1 },
  { kind: "has", view: { store: 2 }, key: 3 },
  { kind: "getMany", view: { store: 1 }, keys: [1, 2] },
  { kind: "entries", view: { store: 0, snapshot: 1 }, range: { prefix: [1, 2], fillPool: false } },
  { kind: "keys", view: { store: 0 }, range: { lower: { key: 5, isOpen: true }, limit: 4 } },
  { kind: "values", view: { store: 1 }, range: { reverse: true } },
  { kind: "iterate", slot: 0, view: { store: 0 }, range: { upper: { key: 7, isOpen: false } } },
  { kind: "write", write: { store: 0, key: 0 } },
  { kind: "turns", count: 2 },
  { kind: "advance", slot: 0, steps: 3 },
  { kind: "release", slot: 1 },
  { kind: "compact", gte: 3, lt: 0 },
  { kind: "reopen" },
  { kind: "advance", slot: 0, steps: 3 },
  { kind: "get", view: { store: 0, snapshot: 1 }, key: 2 },
];

/** Runs a program as somebody would who has pasted it. */
async function runProgram(program: string): Promise<{ success: boolean; output: string }> {
  const root = fromFileUrl(new URL("..", import.meta.url));
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "program.ts");
    const inRoot = program.replaceAll('from "./', `from "${new URL("..", import.meta.url)}`);
    await Deno.writeTextFile(path, inRoot);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", `--config=${join(root, "deno.json")}`, "--no-prompt", path],
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test(
  "a printed program runs, in each form, and finds what the list finds",
  inProcesses,
  async () => {
    const expected = expectedOf(EVERYTHING);
    const options = { origin: "From a test", useManualTurns: false };
    for (const [i, form] of (["sync", "awaited", "together"] as const).entries()) {
      const setting = { ...SETTINGS[2]!, form, snapshotEvery: i * 5 };
      await carryOut(EVERYTHING, setting, expected);
      const useManualTurns = i === 1;
      const program = programOf({ operations: EVERYTHING, setting }, expected, {
        ...options,
        useManualTurns,
      });
      const { success, output } = await runProgram(program);
      assert(success, `${output}\n${program}`);
      assertEquals(output.match(/^As expected with/gm)?.length, 2, output);
    }
  },
);

Deno.test("a printed program shows which answer is not as expected", inProcesses, async () => {
  const { answers, contents } = expectedOf(EVERYTHING);
  const wrong = { answers: answers.with(8, "something else"), contents };
  const setting: Setting = { ...SETTINGS[2]!, form: "sync" };
  const program = programOf({ operations: EVERYTHING, setting }, wrong, { origin: "From a test" });
  const { success, output } = await runProgram(program);
  assert(!success, output);
  assertStringIncludes(output, "operation 8");
  assertStringIncludes(output, "something else");
});
