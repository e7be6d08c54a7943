// deno-lint-ignore-file no-control-regex -- escape sequences are what is looked at
/**
 * **What.** The command as it is used: each command's result, help and errors, by the real program, in a pipe and at a
 * pseudo-terminal. That no command and no option is left out is a test of its own.
 *
 * **Invariants.**
 * 1. Every case says its status, all of its output and all of its errors: nothing more is printed, such as a stack.
 *
 * **Read next.** `fixtures/terminal.ts`
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { Command } from "commander";
import { varve } from "../lib/cli_program.ts";
import { bytes } from "../lib/codec.ts";
import { openDatabase } from "../lib/database.ts";
import { denoFileSystem } from "../lib/deno_file_system.ts";
import { onSources } from "./permissions.ts";
import { memoryContext } from "./fixtures/cli_session.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import {
  allAtTerminal,
  allInPipe,
  atTerminal,
  atTerminals,
  CTRL_C,
  CTRL_D,
  inPipe,
  inTerminal,
  type Keys,
  type Piped,
  quoted,
  type Shown,
  startInPipe,
  VARVE,
} from "./fixtures/terminal.ts";

/** A command line and what comes of it. `DB` is a database, `NEW` no directory yet, `DIR` what both are in. */
interface Case {
  readonly args: readonly string[];
  readonly input?: string;
  /** What a person types in place of the input. */
  readonly type?: readonly Keys[];
  /** 0 unless given. */
  readonly status?: number;
  /** In a pipe. Nothing unless given. */
  readonly output?: string | RegExp;
  readonly errors?: string | RegExp;
  /** At a terminal, without escape sequences; output and errors in this order unless given. */
  readonly text?: string | RegExp;
  /** At a terminal, as drawn. */
  readonly screen?: RegExp;
}

const HEX = ["--key-encoding", "hex", "--value-encoding", "hex"];
const NEVER = /^(?!)/;

/** What each command does when all is well. */
const RESULTS: readonly Case[] = [
  { args: ["get", "DB", "a"], output: "1", text: "1\n" },
  { args: ["get", "DB", "a", "--raw"], output: "1" },
  { args: ["get", "DB", "00ff", ...HEX], output: "80\n" },
  { args: ["get", "DB", "u", "--sublevel", "s", "--json"], output: '{"key":"u","value":"v"}\n' },
  {
    args: ["put", "NEW", "a", "-"],
    input: "x\n",
    type: ["x\n", { when: "x\n", keys: CTRL_D }],
    text: /x\n$/,
  },
  { args: ["put", "DB", "61", "62", ...HEX, "--sublevel", "s"] },
  { args: ["delete", "DB", "a", "b", "--key-encoding", "utf8"] },
  { args: ["delete", "DB", "u", "--sublevel", "s"] },
  {
    args: ["scan", "DB", "--gte", "a", "--lt", "c"],
    output: 'a\t1\nb\t"\\x1b[31m\\n"\n',
    screen: /^\x1b\[36ma\x1b\[39m\t1\n/,
  },
  { args: ["scan", "DB", "--gt", "a", "--lte", "c", "--reverse", "--keys"], output: "c\nb\n" },
  { args: ["scan", "DB", "--limit", "1", "--values", ...HEX], output: "80\n" },
  {
    args: ["scan", "DB", "--sublevel", "s", "--prefix", "u", "--json"],
    output: '{"key":"u","value":"v"}\n',
  },
  { args: ["count", "DB", "--key-encoding", "hex", "--gte", "61"], output: "3\n" },
  {
    args: ["count", "DB", "--sublevel", "s", "--json", "--prefix", "u", "--reverse"],
    output: '{"count":1}\n',
  },
  { args: ["count", "DB", "--gt", "a", "--lte", "c", "--limit", "1"], output: "1\n" },
  { args: ["count", "DB", "--lt", "b", "--gte", "a"], output: "1\n" },
  {
    args: ["stats", "DB"],
    output: /^directory +\S+\nlast write +number 5\ntables +1 table, \d+ B\n[^]*manifest +\d+ B\n$/,
  },
  {
    args: ["stats", "DB", "--json"],
    output: /^\{"directory":"[^"]+","sequence":5,"tables":1,[^]*\}\n$/,
  },
  {
    args: ["stats", "DB", "--watch", "0.1"],
    type: [{ when: "manifest", keys: "" }, { when: "manifest", keys: CTRL_C }],
    status: 130,
    output: NEVER,
    screen: /\x1b\[\d+A\r\x1b\[J[^]*\^C\n$/,
    text: /^every 0\.1 s, ctrl-C ends it\ndirectory [^]*\^C\n$/,
  },
  {
    args: ["levels", "DB"],
    output:
      /^level {2}tables {7}bytes +keys\n[^]* 2 +1 +\d+ B +█+ {2}"\\x00\\xff" to c\n {2}all +1 +\d+ B\n4 .* empty\n$/,
    screen: /^\x1b\[1mlevel/,
  },
  {
    args: ["levels", "DB", "--tables", "--key-encoding", "hex"],
    output: /\n +└ \d{6} +\d+ B {2}00ff to 63\n/,
  },
  {
    args: ["levels", "DB", "--json"],
    output:
      /^\{"directory":"[^"]+","levels":\[\{"level":0,"bytes":0,"tables":\[\]\},.*"smallest64":"AP8=","largest":"c"\}\]/,
  },
  {
    args: ["verify", "DB"],
    output: /^sound: 0 errors, 0 warnings; read 1 table, .*\n$/,
    screen: /^\x1b\[32msound\x1b\[39m:/,
  },
  { args: ["verify", "DB", "--json"], output: /^\{"isSound":true,"findings":\[\],.*\}\n$/ },
  { args: ["repair", "DB"], output: /^file +fate[^]*\nrepaired: nothing is lost\n$/ },
  { args: ["repair", "DB", "--keep-older", "--json"], output: /^\{.*"isComplete":true.*\}\n$/ },
  {
    args: ["compact", "DB"],
    output: /^compacted: 1 table of \d+ B before, 1 table of \d+ B after\n$/,
    text: /compacted: 1 table/,
  },
  {
    args: ["compact", "DB", "--gte", "61", "--lt", "62", "--key-encoding", "hex", "--json"],
    output: /^\{"directory":"[^"]+","before":\{"tables":1,"bytes":\d+\},"after":\{.*\}\}\n$/,
    text: /"after"/,
  },
  { args: ["destroy", "DB", "--yes"], output: /^removed \d+ files\n$/ },
  {
    args: ["destroy", "DB", "--yes", "--json"],
    output: /^\{"directory":"[^"]+","removed":\["CURRENT",.*\]\}\n$/,
  },
  {
    args: ["shell", "DB"],
    input: "get a\nbogus\n",
    output: "1\n",
    errors: "error: unknown command bogus: help lists them all\n",
    type: [{ when: "varve> ", keys: "get a\n" }, { when: "1\nvarve> ", keys: CTRL_D }],
    text: /^Varve in .*\. Type help, or exit\.\nvarve> get a\n1\nvarve> \n$/,
  },
  {
    args: ["shell", "DB", "--read-only"],
    input: "put a 2\n",
    errors: /^error: Cannot write: .*\n$/,
    type: [{ when: "varve> ", keys: "exit\n" }],
    text: /varve> exit\n$/,
  },
  {
    args: [
      "bench",
      "fillrandom",
      "readseq",
      "--entries",
      "500",
      "--value-bytes",
      "10",
      "--in",
      "DIR",
    ],
    output:
      /^workload +operations +µs each +per second +MB\/s\nfillrandom +500 .*\nreadseq +\d+ .*\n$/,
    text: /\nfillrandom +500 .*\n[^]*readseq +\d+ .*\n$/,
  },
  {
    args: [
      "bench",
      "fillseq",
      "--entries=9",
      "--compression=none",
      "--seed=7",
      "--json",
      "--in=DIR",
    ],
    output:
      /^\{"workload":"fillseq","operations":9,"seconds":[\d.]+,"perSecond":\d+,.*"megabytesPerSecond":[\d.]+\}\n$/,
  },
  {
    args: ["completion", "bash"],
    output: /^# Completion of varve for bash[^]*\ncomplete -F _varve varve\n$/,
  },
  { args: ["--version"], output: /^\d+\.\d+\.\d+\n$/ },
];

const MISSING = /^error: Cannot \w+ database: there is none(:| in) \S+ \(NOT_FOUND\)\n$/;

/** What each command says when it can't be done; and the few that have an answer that is not the good one. */
const ERRORS: readonly Case[] = [
  { args: ["get", "DB", "zz"], status: 1, errors: "error: Cannot get zz: there is no such key\n" },
  { args: ["get", "NEW", "a"], status: 2, errors: MISSING },
  {
    args: ["put", "DB", "a", "--5"],
    status: 2,
    errors: "error: unknown option '--5'; put -- before an argument that begins with a dash\n",
  },
  {
    args: ["put", "DIR/file", "a", "b"],
    status: 2,
    errors: /^error: Cannot open database: not a directory: \S+\n$/,
  },
  { args: ["delete", "NEW", "a"], status: 2, errors: MISSING },
  {
    args: ["scan", "DB", "--key-encoding", "hex", "--gte", "xy"],
    status: 2,
    errors: /^error: Cannot read --gte as hex: .*: xy\n$/,
  },
  {
    args: ["scan", "DB", "--gt", "a", "--gte", "b"],
    status: 2,
    errors: "error: option '--gt <key>' cannot be used with option '--gte <key>'\n",
  },
  {
    args: ["count", "DB", "--limit", "-1"],
    status: 2,
    errors: "error: option '--limit <count>' argument '-1' is invalid. It is not a whole number.\n",
  },
  {
    args: ["stats", "DB", "--watch", "x"],
    status: 2,
    errors: /^error: option '--watch \[seconds\]' argument 'x' is invalid\. .*\n$/,
  },
  { args: ["levels", "NEW"], status: 2, errors: MISSING },
  { args: ["verify", "NEW"], status: 2, errors: MISSING },
  {
    args: ["verify", "BAD"],
    status: 1,
    output: /^error 0*\d+\.ldb at \d+: .*\n[^]*damaged: \d+ errors?, .*\n$/,
    screen: /\x1b\[31mdamaged\x1b\[39m:/,
  },
  {
    args: ["get", "BAD", "a"],
    status: 2,
    errors: /^error: .*\.ldb.* \(CORRUPTION\)\n$/,
  },
  { args: ["repair", "BAD"], status: 1, output: /\nrepaired: .* could not be read, see above\n$/ },
  { args: ["compact", "NEW"], status: 2, errors: MISSING },
  {
    args: ["compact", "DB", "--gte"],
    status: 2,
    errors: "error: option '--gte <key>' argument missing\n",
  },
  {
    args: ["destroy", "DB"],
    status: 2,
    errors: "error: Cannot destroy database: nobody has said --yes\n",
    type: [{ when: "[y/N] ", keys: "n\n" }],
    text: /^Remove the database in \S+ for good\? \[y\/N\] n\nerror: .* nobody has said --yes\n$/,
  },
  { args: ["shell", "NEW", "--read-only"], status: 2, errors: MISSING },
  {
    args: ["bench", "readseq", "--entries", "5", "--in", "DIR", "--json"],
    status: 2,
    errors: "error: Cannot measure reads: there is nothing to read, fill first\n",
  },
  {
    args: ["completion", "sh"],
    status: 2,
    errors:
      "error: command-argument value 'sh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n",
  },
  { args: ["sttas"], status: 2, errors: "error: unknown command 'sttas' (Did you mean stats?)\n" },
  {
    args: ["scan", "DB", "--revers"],
    status: 2,
    errors: /^error: unknown option '--revers' \(Did you mean --reverse\?\); .*\n$/,
  },
  { args: ["get", "DB"], status: 2, errors: "error: missing required argument 'key'\n" },
  { args: [], status: 2, errors: /^Usage: varve \[options\] \[command\]\n[^]*\nCommands:\n[^]*$/ },
];

/** Makes the databases that cases are about. */
async function makeDatabases(directory: string): Promise<void> {
  const encoder = new TextEncoder();
  for (const name of ["DB", "BAD"]) {
    await using database = openDatabase(
      join(directory, name),
      { key: bytes, value: bytes },
      denoFileSystem,
    );
    const text = { a: "1", b: "\x1b[31m\n", c: "3" };
    for (const [key, value] of Object.entries(text)) {
      await database.put(encoder.encode(key), encoder.encode(value), { sync: false });
    }
    await database.put(Uint8Array.of(0, 255), Uint8Array.of(128), { sync: false });
    const sublevel = database.sublevel("s", { key: bytes, value: bytes });
    await sublevel.put(encoder.encode("u"), encoder.encode("v"));
    await database.flush();
  }
  const table = [...Deno.readDirSync(join(directory, "BAD"))].find(({ name }) =>
    name.endsWith(".ldb")
  )!;
  const path = join(directory, "BAD", table.name);
  const contents = await Deno.readFile(path);
  contents[5]! ^= 1;
  await Deno.writeFile(path, contents);
  await Deno.writeTextFile(join(directory, "file"), "not a database");
}

async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyDirectory(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

function matches(actual: string, expected: string | RegExp, about: string): void {
  if (typeof expected === "string") assertEquals(actual, expected, about);
  else assertMatch(actual, expected, about);
}

/** What a case has come to, in a pipe or at a terminal. */
type Check<T> = (it: Case, result: T) => void;

/**
 * Runs cases, each with databases of its own, and tells of all that fail. Those that nobody types for and that read
 * nothing share two processes.
 */
async function runCases<T>(
  cases: readonly Case[],
  runAlone: (it: Case, args: string[]) => Promise<T> | undefined,
  runAll: (lines: string[][]) => Promise<T[]>,
  check: Check<T>,
): Promise<void> {
  await inDirectory(async (directory) => {
    await makeDatabases(join(directory, "template"));
    const failures: string[] = [];
    const checked = (it: Case, result: T) => {
      try {
        check(it, result);
      } catch (error) {
        failures.push((error as Error).message);
      }
    };
    const alone: Promise<void>[] = [];
    const together: { readonly it: Case; readonly args: string[] }[] = [];
    for (const [at, it] of cases.entries()) {
      const place = join(directory, String(at));
      await copyDirectory(join(directory, "template"), place);
      const args = it.args.map((arg) =>
        arg.replace(/\b(DB|NEW|BAD|DIR)\b/, (name) => name === "DIR" ? place : join(place, name))
      );
      const result = runAlone(it, args);
      if (result === undefined) together.push({ it, args });
      else alone.push(result.then((result) => checked(it, result)));
    }
    const halves = [together.filter((_, at) => at % 2 === 0), together.filter((_, at) => at % 2)];
    const shared = halves.map(async (half) => {
      const results = await runAll(half.map(({ args }) => args));
      half.forEach(({ it }, at) => checked(it, results[at]!));
    });
    // All are waited for, so that none is left running when one has thrown.
    const ended = await Promise.allSettled([...alone, ...shared]);
    for (const it of ended) if (it.status === "rejected") failures.push(String(it.reason));
    assertEquals(failures, []);
  });
}

function assertPiped(it: Case, { status, output, errors }: Piped): void {
  const about = `${it.args.join(" ")}: ${output}${errors}`;
  assertEquals(status, it.status ?? 0, about);
  matches(output, it.output ?? "", about);
  matches(errors, it.errors ?? "", about);
  assert(!output.includes("\x1b") && !errors.includes("\x1b"), about);
}

function assertShown(it: Case, { status, screen, text }: Shown): void {
  const about = `${it.args.join(" ")}: ${text}`;
  assertEquals(status, it.status ?? 0, about);
  matches(text, it.text ?? (it.errors ? it.errors : it.output ?? ""), about);
  if (it.screen) assertMatch(screen, it.screen, about);
}

/** All cases in a pipe but those that need a person. */
function inPipes(cases: readonly Case[]): Promise<void> {
  return runCases(
    cases.filter(({ output }) => output !== NEVER),
    ({ input }, args) => input === undefined ? undefined : inPipe(args, { input }),
    (lines) => allInPipe(lines),
    assertPiped,
  );
}

/** All cases at a terminal. */
function onScreens(cases: readonly Case[]): Promise<void> {
  return runCases(
    cases,
    ({ type }, args) => type === undefined ? undefined : atTerminal(args, { type, columns: 120 }),
    (lines) => allAtTerminal(lines, { columns: 120 }),
    assertShown,
  );
}

for (const [what, cases] of [["results", RESULTS], ["errors", ERRORS]] as const) {
  Deno.test(`${what} of each command, in a pipe`, atTerminals, () => inPipes(cases));
  Deno.test(`${what} of each command, at a terminal`, atTerminals, () => onScreens(cases));
}

/** A command's words and what commander knows of it. */
function commandsOf(command: Command, path: readonly string[] = []): [string[], Command][] {
  return [
    [[...path], command] as [string[], Command],
    ...command.commands.flatMap((it) => commandsOf(it, [...path, it.name()])),
  ];
}

const frame = varve(memoryContext());
const commands = commandsOf(frame.program);

/** What help has to say of a command: everything that there is to choose. */
function assertHelp(text: string, path: readonly string[], command: Command): void {
  const about = path.join(" ");
  assertMatch(text, new RegExp(`^Usage: varve ${path.map((it) => `${it} `).join("")}`), about);
  const terms = [
    ...command.registeredArguments.map((it) => it.name()),
    ...command.options.map(({ flags }) => flags),
    ...command.commands.map((it) => it.name()),
    ...frame.examplesOf(command).map(([line]) => line),
  ];
  for (const term of terms) assert(text.includes(`\n  ${term}`), `${about}: no ${term} in ${text}`);
}

Deno.test("help of each command, in a pipe and at a terminal", atTerminals, async () => {
  const topics = commands.filter(([path]) => path.length < 2);
  const [piped, shown] = await Promise.all([
    allInPipe(commands.map(([path]) => [...path, "--help"])),
    allAtTerminal(topics.map(([path]) => ["help", ...path]), { columns: 60 }),
  ]);
  for (const [at, [path, command]] of commands.entries()) {
    const { status, output, errors } = piped[at]!;
    assertEquals([status, errors], [0, ""]);
    assertHelp(output, path, command);
    for (const line of output.split("\n")) assert(line.length <= 80, line);
  }
  for (const [at, [path, command]] of topics.entries()) {
    const { status, screen, text } = shown[at]!;
    assertEquals(status, 0);
    assertMatch(screen, /^\x1b\[1mUsage:\x1b\[22m/);
    assertHelp(text, path, command);
  }
});

Deno.test(
  "every command and option is described, has an example, and is in a test at a terminal",
  onSources,
  () => {
    const directory = new URL("./", import.meta.url);
    const tests = [...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith("_test.ts"))
      .map(({ name }) => Deno.readTextFileSync(new URL(name, directory)))
      .filter((text) => text.includes('fixtures/terminal.ts"'));
    const findings: string[] = [];
    for (const [path, command] of commands) {
      const name = path.join(" ");
      const report = (what: string) => findings.push(`${name}: ${what}`);
      for (const argument of command.registeredArguments) {
        if (!/\w/.test(argument.description)) report(`${argument.name()} has no description`);
      }
      for (const { flags, description } of command.options) {
        if (!/^[a-z]/.test(description)) report(`${flags} has no description`);
      }
      if (path.length === 0) continue;
      if (!/^[a-z].*[^.]$/.test(command.summary())) report("has no summary");
      if (frame.examplesOf(command).length === 0) report("has no example");
      for (const [line] of frame.examplesOf(command)) {
        if (!line.includes(`varve ${name}`)) report(`has an example that is not one: ${line}`);
      }
      // An array of arguments in a source, from the name of the command to the end of the array.
      const words = path.map((it) => `"${it}"`).join(",\\s*");
      const lists = tests.flatMap((text) =>
        text.match(new RegExp(`\\[\\s*${words}[^\\]]*\\]`, "g")) ?? []
      );
      if (lists.length === 0) report("is in no test at a terminal");
      for (const { long } of command.options) {
        const isThere = lists.some((list) => new RegExp(`"${long}["=]`).test(list));
        if (!isThere && !(lists.join().includes("...HEX") && /-encoding$/.test(long!))) {
          report(`${long} is in no test at a terminal`);
        }
      }
    }
    assertEquals(findings, []);
  },
);

Deno.test("a pipe that nobody reads any more ends a scan with status 0", atTerminals, async () => {
  await inDirectory(async (directory) => {
    await makeMany(directory);
    const child = startInPipe(["scan", directory]);
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const [{ code }, errors] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals([code, errors], [0, ""]);
    await child.stdin.close();
  });
});

Deno.test(
  "a full disk behind the output or the errors is told of, if it can be",
  atTerminals,
  async () => {
    const varve = [Deno.execPath(), "run", "--no-prompt", "--quiet", "--allow-read", VARVE];
    const line = varve.map(quoted).join(" ");
    const [output, errors] = await Promise.all([
      inTerminal(`${line} --help > /dev/full`, {}),
      inTerminal(`${line} get nowhere a 2> /dev/full`, {}),
    ]);
    assertEquals([output!.status, errors!.status, errors!.text], [2, 2, ""]);
    assertMatch(output!.text, /^error: Cannot print: .*\n$/);
  },
);

/** A database that is more than a pipe holds. */
async function makeMany(directory: string): Promise<void> {
  await using database = openDatabase(directory, {}, denoFileSystem);
  for (let i = 0; i < 20_000; i++) {
    database.putSync(`key ${i}`, "value ".repeat(10), { sync: false });
  }
}

Deno.test(
  "a signal ends a command that waits, with its status; and nothing stays locked",
  atTerminals,
  async () => {
    await inDirectory(async (directory) => {
      await makeMany(directory);
      // Nobody reads what the scan prints, so it waits in the middle of it.
      for (
        const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const
      ) {
        const child = startInPipe(["scan", directory]);
        const reader = child.stdout.getReader();
        await reader.read();
        child.kill(signal);
        const [{ code }, errors] = await Promise.all([
          child.status,
          new Response(child.stderr).text(),
        ]);
        assertEquals([code, errors], [status, ""]);
        await reader.cancel();
        await child.stdin.close();
      }
      // The shell has said something, so it has the database open.
      const child = startInPipe(["shell", directory]);
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("put new 1\n"));
      const reader = child.stdout.getReader();
      await reader.read();
      const locked = /^error: Cannot open database: another process has it open: \S+ \(LOCKED\)\n$/;
      for (const command of ["stats", "levels", "scan", "verify", "repair", "compact"]) {
        const { status, output, errors } = await inPipe([command, directory]);
        assertEquals([status, output], [2, ""], command);
        assertMatch(errors, locked, command);
      }
      const watching = await atTerminal(["stats", directory, "--watch", "0.1"], {
        type: [{ when: /LOCKED[^]*LOCKED/, keys: CTRL_C }],
      });
      assertEquals(watching.status, 130);
      assertMatch(watching.text, /\nLOCKED: another process writes to \S+\n[^]*\^C\n$/);
      child.kill("SIGTERM");
      assertEquals((await child.status).code, 143);
      await reader.cancel();
      await child.stderr.cancel();
      await writer.close().catch(() => {});
      const after = await inPipe(["get", directory, "new"]);
      assertEquals([after.status, after.output], [0, "1"]);
    });
  },
);

Deno.test("watching in a pipe is a line, or JSON, for each look", atTerminals, async () => {
  await inDirectory(async (directory) => {
    await makeMany(directory);
    for (const json of [false, true]) {
      const child = startInPipe(["stats", directory, "--watch", "0.1", ...json ? ["--json"] : []]);
      const lines: string[] = [];
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      while (lines.length < 2) lines.push((await reader.read()).value!);
      child.kill("SIGINT");
      await child.status;
      await reader.cancel();
      await child.stderr.cancel();
      await child.stdin.close();
      for (const line of lines) {
        if (json) {
          const { time, sequence, directory: told } = JSON.parse(line);
          assertEquals([typeof time, sequence, told], ["string", 20_000, directory]);
        } else {
          assertMatch(
            line,
            /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}last write 20,000.*; 0 tables, 0 B; logs .* MiB\n$/,
          );
        }
      }
    }
  });
});

Deno.test(
  "reading needs permission to read, writing to write as well, and nothing asks for more",
  atTerminals,
  async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, "data");
      const read = `--allow-read=${path}`;
      const write = `--allow-write=${path}`;
      const put = await inPipe(["put", path, "a", "1"], { flags: [read, write] });
      assertEquals([put.status, put.errors], [0, ""]);
      const get = await inPipe(["get", path, "a"], { flags: [read] });
      assertEquals([get.status, get.output, get.errors], [0, "1", ""]);
      const lines = [["scan", path], ["verify", path], ["stats", path], ["levels", path], [
        "--help",
      ]];
      // A terminal is where Deno would ask.
      for (const { status, text } of await allAtTerminal(lines, { flags: [read] })) {
        assertEquals(status, 0, text);
        assert(!/allow-|permission/i.test(text), text);
      }
      const refused = await inPipe(["put", path, "a", "2"], { flags: [read] });
      assertEquals(refused.status, 2);
      assertMatch(
        refused.errors,
        /^error: .* run it again with --allow-write: \S+ \(READ_ONLY\)\n$/,
      );
      const blind = await inPipe(["get", path, "a"], { flags: [] });
      assertEquals(blind.status, 2);
      assertMatch(blind.errors, /^error: .* run it again with --allow-read: \S+ \(IO\)\n$/);
    });
  },
);

Deno.test(
  "NO_COLOR leaves text without escape sequences, and lines fit the terminal",
  atTerminals,
  async () => {
    await inDirectory(async (directory) => {
      await makeDatabases(directory);
      const path = join(directory, "DB");
      const lines = [["levels", path, "--tables"], ["scan", path], ["verify", path]];
      const shown = await allAtTerminal(lines, { env: { NO_COLOR: "1" }, columns: 40 });
      for (const { screen } of shown) assert(!screen.includes("\x1b"), screen);
      for (const line of shown[0]!.screen.split("\n")) assert(line.length <= 40, line);
    });
  },
);
