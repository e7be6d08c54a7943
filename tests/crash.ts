/**
 * **What.** Cuts the power at every step: `deno task test:crash` runs workloads on a simulated disk, crashes each at
 * thousands of points, opens what is left, and looks whether anything was lost. It needs no permission.
 *
 * ```text
 * deno task test:crash                              the seeds that every change is tested with
 * deno task test:crash --seeds=1000                 as many as asked for
 * deno task test:crash --seed=17                    one seed
 * deno task test:crash --seed=17 --workload=puts    one workload of it, as a failure names it
 * ```
 *
 * The last line says what was done. The exit status is 1 if anything was lost, and 2 for arguments that make no sense.
 *
 * **Invariants.**
 * 1. Same arguments, same crashes, same findings.
 *
 * **Read next.** `fixtures/crash_run.ts`
 *
 * @module
 */
import { crashAllTheWay, CrashFailure, Totals } from "./fixtures/crash_run.ts";
import { type Workload, WORKLOADS } from "./fixtures/crash_workloads.ts";

/** Seeds of a run without arguments. */
const SEEDS = 12;
/** A run of so many seeds that visits fewer crash points than this does not try what it should. */
const POINTS_MIN = 10_000;
/** Failures that are shown in full. */
const FAILURES_SHOWN_MAX = 10;

/** What is to be run. */
export interface Choice {
  /** The first seed. */
  readonly first: number;
  /** The last seed. */
  readonly last: number;
  /** The only workload, or all of them. */
  readonly workload: Workload | undefined;
}

/** Arguments that make no sense. */
export class UsageError extends Error {}

/**
 * Reads the arguments.
 *
 * @param args The arguments.
 * @returns What is to be run.
 * @throws {UsageError} If one is unknown, given twice, or not a number where one belongs.
 */
export function parseArguments(args: readonly string[]): Choice {
  const given = new Map<string, string>();
  for (const arg of args) {
    const [, name, value] = /^--(seeds|seed|workload)=(.+)$/.exec(arg) ?? [];
    if (name === undefined) throw new UsageError(`unknown argument ${JSON.stringify(arg)}`);
    if (given.has(name)) throw new UsageError(`--${name} is given twice`);
    given.set(name, value!);
  }
  const number = (name: string): number | undefined => {
    const text = given.get(name);
    if (text === undefined) return undefined;
    if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
    throw new UsageError(`--${name} must be a whole number from 1 on, got ${JSON.stringify(text)}`);
  };
  const [seed, seeds] = [number("seed"), number("seeds")];
  if (seed !== undefined && seeds !== undefined) {
    throw new UsageError("--seed and --seeds exclude each other");
  }
  const name = given.get("workload");
  const workload = WORKLOADS.find((it) => it.name === name);
  if (name !== undefined && workload === undefined) {
    const names = WORKLOADS.map((it) => it.name).join(", ");
    throw new UsageError(`--workload must be one of ${names}, got ${JSON.stringify(name)}`);
  }
  return { first: seed ?? 1, last: seed ?? seeds ?? SEEDS, workload };
}

/** Whether a workload is run with a seed: the long ones are run with some of them only. */
function isDue({ share }: Workload, seed: number): boolean {
  return (seed - 1) * share % 100 < share;
}

/**
 * Runs what was chosen.
 *
 * @param choice What is to be run.
 * @param print Takes a line for people.
 * @returns Whether nothing was lost.
 */
export async function crash(
  { first, last, workload }: Choice,
  print: (line: string) => void,
): Promise<boolean> {
  const start = performance.now();
  const totals = new Totals();
  let failures = 0;
  for (let seed = first; seed <= last; seed++) {
    const due = workload ? [workload] : WORKLOADS.filter((it) => first === last || isDue(it, seed));
    for (const one of due) {
      try {
        await crashAllTheWay(one, seed, totals);
      } catch (error) {
        if (!(error instanceof CrashFailure)) throw error;
        if (++failures <= FAILURES_SHOWN_MAX) print(error.message);
      }
    }
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  print(
    `crash points: ${totals.points}, crash states: ${totals.states}, ` +
      `faults injected: ${totals.faults}, histories checked: ${totals.histories}, ` +
      `failures: ${failures} (seeds ${first}..${last}, ${seconds} s; ` +
      `${totals.recoveryPoints} of the points in recoveries)`,
  );
  const isThin = last - first + 1 >= SEEDS && workload === undefined && totals.points < POINTS_MIN;
  if (isThin) print(`too few crash points: fewer than ${POINTS_MIN}`);
  return failures === 0 && !isThin;
}

if (import.meta.main) {
  try {
    const choice = parseArguments(Deno.args);
    // deno-lint-ignore no-console
    Deno.exitCode = await crash(choice, console.log) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // deno-lint-ignore no-console
    console.error(`Cannot crash: ${error.message}`);
    Deno.exitCode = 2;
  }
}
