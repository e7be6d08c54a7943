import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addBench } from "./cli_benchmark.ts";
import { SignalError } from "./cli_context.ts";

/** A session with the directory that the database's one is made in. */
function benchSession(): CliSession {
  const session = new CliSession([addBench]);
  session.fileSystem.makeDirectory("temporary");
  return session;
}

Deno.test("bench runs what it is told to, and leaves nothing behind", async () => {
  const session = benchSession();
  const { status, output } = await session.run(["bench", "--entries", "300", "--json"]);
  assertEquals(status, 0);
  const results = output.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(results.map(({ workload }) => workload), [
    "fillseq",
    "fillsync",
    "fillrandom",
    "overwrite",
    "readrandom",
    "readhot",
    "readmissing",
    "readseq",
    "readreverse",
  ]);
  assertEquals(results.map(({ operations }) => operations).slice(0, 4), [300, 3, 300, 300]);
  assertEquals(session.fileSystem.list("temporary"), []);
});

Deno.test("the same seed gives the same keys, another one others", async () => {
  const session = benchSession();
  const read = async (seed: string) => {
    const args = ["bench", "fillrandom", "readseq", "--entries", "200", "--json", "--seed", seed];
    const { output } = await session.run(args);
    return JSON.parse(output.trimEnd().split("\n")[1]!).operations;
  };
  assertEquals(await read("1"), await read("1"));
  assertEquals(new Set([await read("1"), await read("2"), await read("3")]).size > 1, true);
});

Deno.test("deleted keys are gone, and the table has its head", async () => {
  const { status, output, errors } = await benchSession().run(
    ["bench", "fillseq", "deleteseq", "readseq", "--entries", "10"],
  );
  assertMatch(
    output,
    /^workload +operations +µs each +per second +MB\/s\nfillseq +10 .*\ndeleteseq +10 .*\n$/,
  );
  assertEquals([status, errors], [
    2,
    "error: Cannot measure reads: there is nothing to read, fill first\n",
  ]);
});

Deno.test("a bench that a signal ends leaves nothing behind", async () => {
  const session = benchSession();
  const controller = new AbortController();
  const { status } = await session.run(["bench", "--entries", "3000"], {
    signal: controller.signal,
    onWrite: (text) => {
      if (text.startsWith("fillseq")) controller.abort(new SignalError("SIGINT", 2));
    },
  });
  assertEquals([status, session.fileSystem.list("temporary")], [130, []]);
});

Deno.test("numbers that make no sense are refused", async () => {
  const session = new CliSession([addBench]);
  for (
    const wrong of [["--entries", "0"], ["--entries", "x"], ["--value-bytes", "2000000"], [
      "fillup",
    ]]
  ) {
    const { status, output } = await session.run(["bench", ...wrong]);
    assertEquals([status, output], [2, ""], wrong.join(" "));
  }
});

Deno.test("bench makes no directory to put its own in, and says nothing before it can begin", async () => {
  const session = benchSession();
  const absent = await session.run(["bench", "--in", "absent"]);
  assertEquals([absent.status, absent.output, absent.errors], [
    2,
    "",
    "error: Cannot measure: there is no such directory: absent\n",
  ]);
  assertEquals(session.fileSystem.exists("absent"), false);
  const empty = await session.run(["bench", "--in", ""]);
  assertEquals([empty.status, empty.output], [2, ""]);
});
