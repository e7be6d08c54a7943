import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import type { CliFrame } from "./cli_command.ts";
import { CliError, OutputClosedError, SignalError } from "./cli_context.ts";
import { CorruptionError, VarveError } from "./errors.ts";

/** A session whose one command, `do`, does this. */
function session(run: Parameters<CliFrame["onRun"]>[1], isTerminal = false): CliSession {
  return new CliSession([(frame) => {
    const command = frame.command("do", { summary: "do it", examples: [["varve do", "do it"]] })
      .argument("[words...]", "words").option("--loud", "aloud");
    frame.onRun(command, run);
  }], { isTerminal });
}

Deno.test("a command gets its arguments and options, and gives the status", async () => {
  const seen: unknown[] = [];
  // deno-lint-ignore require-await -- as a command is
  const it = session(async (_, args, options) => {
    seen.push(args, options);
    return 1;
  });
  assertEquals((await it.run(["do", "a", "b", "--loud"])).status, 1);
  assertEquals((await it.run(["do", "--", "--loud"])).status, 1);
  assertEquals(seen, [["a", "b"], { loud: true }, ["--loud"], {}]);
});

Deno.test("whatever is thrown is one line and a status", async () => {
  const cases: [unknown, number, string][] = [
    [new CliError("Cannot do it: no"), 2, "error: Cannot do it: no\n"],
    [new CliError("Cannot find it: no", 1), 1, "error: Cannot find it: no\n"],
    [new Error("two\nlines\x1b[31m"), 2, "error: two lines\ufffd[31m\n"],
    [new VarveError("IO", "Cannot read: no"), 2, "error: Cannot read: no (IO)\n"],
    [
      new VarveError("LOCKED", "Cannot lock directory: another handle holds it: a/b/LOCK"),
      2,
      "error: Cannot open database: another process has it open: a/b (LOCKED)\n",
    ],
    ["text", 2, "error: text\n"],
    [new OutputClosedError("closed"), 0, ""],
    [new Error("Cannot print", { cause: new OutputClosedError("closed") }), 0, ""],
  ];
  for (const [error, status, errors] of cases) {
    const result = await session(() => Promise.reject(error)).run(["do"]);
    assertEquals([result.status, result.output, result.errors], [status, "", errors]);
  }
  const damaged = await session(() => Promise.reject(new CorruptionError("block", "5.ldb", 7))).run(
    ["do"],
  );
  assertMatch(damaged.errors, /^error: .*5\.ldb.* \(CORRUPTION\)\n$/);
});

Deno.test("a signal is its status and, at a terminal, a line end", async () => {
  const controller = new AbortController();
  controller.abort(new SignalError("SIGINT", 2));
  const { signal } = controller;
  const run = () => Promise.reject(new Error("whatever the signal broke"));
  const inPipe = await session(run).run(["do"], { signal });
  assertEquals([inPipe.status, inPipe.errors], [130, ""]);
  const seen = await session(run, true).run(["do"], { signal });
  assertEquals([seen.status, seen.errors], [130, "\n"]);
});

Deno.test("what is not a command, or not one of its options, is one line and status 2", async () => {
  const it = session(() => Promise.resolve());
  const { status, output, errors } = await it.run(["od"]);
  assertEquals([status, output, errors], [
    2,
    "",
    "error: unknown command 'od' (Did you mean do?)\n",
  ]);
  const option = await it.run(["do", "--lod"]);
  assertEquals(option.status, 2);
  assertMatch(
    option.errors,
    /^error: unknown option '--lod' \(Did you mean --loud\?\); put -- before .*\n$/,
  );
});

Deno.test("help has the summary and the examples, and without a command it goes where errors go", async () => {
  const it = session(() => Promise.resolve());
  const help = await it.run(["do", "--help"]);
  assertEquals([help.status, help.errors], [0, ""]);
  assertMatch(
    help.output,
    /^Usage: varve do [^]*\nDo it\.\n[^]*\nExamples:\n {2}varve do\n {6}do it\n$/,
  );
  const none = await it.run([]);
  assertEquals([none.status, none.output], [2, ""]);
  assertMatch(none.errors, /^Usage: varve /);
});

Deno.test("help for somebody who reads no more of it is status 0", async () => {
  const closed = () => {
    throw new OutputClosedError("closed");
  };
  const { status, errors } = await session(() => Promise.resolve()).run(["do", "--help"], {
    onWrite: closed,
  });
  assertEquals([status, errors], [0, ""]);
});

Deno.test("a status stays what it is when nobody can be told why", async () => {
  const full = () => {
    throw new Error("no space left");
  };
  const failing = session(() => Promise.reject(new CliError("not so", 1)));
  assertEquals((await failing.run(["do"], { onError: full })).status, 1);
  assertEquals((await failing.run(["od"], { onError: full })).status, 2);
});

Deno.test("help that cannot be printed says so", async () => {
  const full = () => {
    throw new Error("Cannot print: no space left");
  };
  const it = session(() => Promise.resolve());
  const { status, errors } = await it.run(["do", "--help"], { onWrite: full });
  assertEquals([status, errors], [2, "error: Cannot print: no space left\n"]);
});
