/**
 * **What.** The commands for Deno KV as they are used: results, errors and statuses of the real program, in a pipe and
 * at a pseudo-terminal, each one after another on databases of their own.
 *
 * **Invariants.**
 * 1. Every step says its status, all of its output and all of its errors: nothing more is printed.
 *
 * **Read next.** `fixtures/terminal.ts`
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { atTerminal, atTerminals, inPipe } from "./fixtures/terminal.ts";

/** A command line, and what comes of it on what the steps before it left. */
interface Step {
  readonly args: readonly string[];
  /** 0 unless given. */
  readonly status?: number;
  /** Nothing unless given. */
  readonly output?: string | RegExp;
  readonly errors?: string | RegExp;
  /** At a terminal, where there is progress, too. Output or errors unless given. */
  readonly text?: RegExp;
}

const ADA = '["users",7]';
const BOB = '["users",8]';
const SESSION = '["session",true]';
const USERS = '["users"]';

const STEPS: readonly Step[] = [
  { args: ["kv", "set", "DATA", ADA, '{"name":"Ada"}'] },
  { args: ["kv", "set", "DATA", BOB, "null"] },
  { args: ["kv", "set", "DATA", SESSION, "1", "--expire-in", "3600000"] },
  { args: ["kv", "get", "DATA", ADA], output: '{"name":"Ada"}\n' },
  {
    args: ["kv", "list", "DATA"],
    output: `${SESSION}\t1\n${ADA}\t{"name":"Ada"}\n${BOB}\tnull\n`,
  },
  {
    args: ["kv", "list", "DATA", USERS, "--reverse", "--limit", "1", "--keys"],
    output: `${BOB}\n`,
  },
  {
    args: ["kv", "copy", "DATA", "COPY", "--verify", "--restart"],
    output: /^copied 3 entries \(.*\)\ncompared: 3 equal, 0 different, 0 missing\n$/,
    text:
      /65 B, 3 entries, .*copied 3 entries \(.*\)\n.*compared: 3 equal, 0 different, 0 missing\n$/,
  },
  { args: ["kv", "delete", "DATA", ADA, BOB] },
  {
    args: ["kv", "copy", "DATA", "COPY", "--verify", "--overwrite", "--skip"],
    output: /^copied 1 entry \(.*\)\ncompared: 1 equal, 0 different, 0 missing, 2 only in \S+\n$/,
    text: /copied 1 entry \(.*\)\n.*compared: 1 equal, .*, 2 only in \S+\n$/,
  },
  // What can't be done.
  {
    args: ["kv", "get", "DATA", ADA],
    status: 1,
    errors: `error: Cannot get ${ADA}: there is no such key\n`,
  },
  { args: ["kv", "get", "DATA", "users"], status: 2, errors: /^error: Cannot read key: .*\n$/ },
  {
    args: ["kv", "set", "DATA", ADA, "Ada"],
    status: 2,
    errors: 'error: Cannot read value: it is not JSON: "Ada"\n',
  },
  {
    args: ["kv", "delete", "NONE", ADA],
    status: 2,
    errors: /^error: .*NONE.*\n$/,
  },
  {
    args: ["kv", "list", "DATA", "--limit", "x"],
    status: 2,
    errors: "error: option '--limit <count>' argument 'x' is invalid. It is not a whole number.\n",
  },
  {
    args: ["kv", "copy", "DATA", "COPY"],
    status: 2,
    errors: /^error: Cannot copy .*COPY.*--overwrite\n$/,
    text: /error: Cannot copy .*COPY.*--overwrite\n$/,
  },
  {
    args: ["kv", "copy", "DATA", "to.db"],
    status: 2,
    errors: /^error: .*--unstable-kv.*\n$/,
  },
];

function assertMatches(actual: string, expected: string | RegExp, about: string): void {
  if (typeof expected === "string") assertEquals(actual, expected, about);
  else assertMatch(actual, expected, about);
}

/** Runs the steps in a directory of their own. */
function runSteps(run: (step: Step, args: string[]) => Promise<void>): Promise<void> {
  return inDirectory(async (directory) => {
    for (const step of STEPS) {
      const args = step.args.map((arg) =>
        /^[A-Z]+$|^to\.db$/.test(arg) ? join(directory, arg) : arg
      );
      await run(step, args);
    }
  });
}

Deno.test(
  "kv commands one after another, in a pipe",
  atTerminals,
  () =>
    runSteps(async (step, args) => {
      const { status, output, errors } = await inPipe(args);
      const about = `${args.join(" ")}: ${output}${errors}`;
      assertEquals(status, step.status ?? 0, about);
      assertMatches(output, step.output ?? "", about);
      assertMatches(errors, step.errors ?? "", about);
      assert(!output.includes("\x1b") && !errors.includes("\x1b"), about);
    }),
);

Deno.test(
  "kv commands one after another, at a terminal",
  atTerminals,
  () =>
    runSteps(async (step, args) => {
      const { status, text } = await atTerminal(args, { columns: 300 });
      const about = `${args.join(" ")}: ${text}`;
      assertEquals(status, step.status ?? 0, about);
      assertMatches(text, step.text ?? step.errors ?? step.output ?? "", about);
    }),
);
