import { assert, assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { addLoad } from "./cli_load.ts";
import { SignalError } from "./cli_context.ts";

const decoder = new TextDecoder();

async function entriesOf(session: CliSession, directory = "db"): Promise<string[][]> {
  await using database = session.open(directory);
  return [...database.entriesSync()].map((entry) => entry.map((it) => decoder.decode(it)));
}

Deno.test("load takes each format from a pipe", async () => {
  const cases: [string[], string][] = [
    [[], '{"key":"a","value":"1"}\n{"key":"b","value":"2"}'],
    [["--format", "csv"], "value,key\r\n1,a\r\n2,b\r\n"],
    [["-", "--format", "tsv", "--no-header"], "a\t1\nb\t2\n"],
    [["--format", "csv", "--header", "id,n"], "x,n,id\n,1,a\n,2,b\n"],
    [
      ["--key-encoding", "hex", "--value-encoding", "json"],
      '{"key":"61","value":1}\n{"key":"62","value":2}',
    ],
  ];
  for (const [options, input] of cases) {
    const session = new CliSession([addLoad]);
    const { status, errors } = await session.run(["load", "db", ...options], { input });
    assertEquals([status, errors], [0, ""]);
    assertEquals(await entriesOf(session), [["a", "1"], ["b", "2"]], options.join(" "));
  }
});

Deno.test("load puts into a sublevel", async () => {
  const session = new CliSession([addLoad]);
  const input = '{"key":"a","value":"1"}\n';
  await session.run(["load", "db", "--sublevel", "x", "--sublevel", "y"], { input });
  assertEquals(await entriesOf(session), [["!x!!y!a", "1"]]);
});

Deno.test("load says what it did, as JSON too", async () => {
  const session = new CliSession([addLoad]);
  const input = '{"key":"a","value":"1"}\n\n{"key":"a","value":"2"}\n';
  const { output } = await session.run(["load", "db", "--json"], { input });
  assertEquals(output, '{"entries":2,"skipped":0,"lines":3,"bytes":49,"resumedAt":null}\n');
  const { output: text } = await session.run(["load", "db"], { input });
  assertMatch(text, /^loaded 2 entries of the standard input: 49 B in [\d.]+ s, [\d,]+\/s\n$/);
});

Deno.test("load stops at a bad line, and keeps what came before it", async () => {
  const session = new CliSession([addLoad]);
  const input = '{"key":"a","value":"1"}\nbad\n{"key":"b","value":"2"}\n';
  const { status, output, errors } = await session.run(["load", "db"], { input });
  assertEquals([status, output], [2, ""]);
  assertMatch(
    errors,
    /^error: Cannot load line 2 of the standard input, at byte 24: it is not JSON/,
  );
  assertMatch(
    errors,
    /; 1 entry is loaded; a pipe cannot be resumed: run it again from the start\n$/,
  );
  assertEquals(await entriesOf(session), [["a", "1"]]);
});

Deno.test("load leaves out as many bad lines as it may", async () => {
  const input = `bad\n{"key":"${"k".repeat(70_000)}","value":""}\n{"key":"a","value":"1"}\n`;
  for (const [options, expected] of [[["2"], 1], [[], 1], [["1"], 2]] as const) {
    const session = new CliSession([addLoad]);
    const run = await session.run(["load", "db", "--skip-errors", ...options], { input });
    assertEquals(run.status, expected, options.join());
    if (expected === 1) assertEquals(await entriesOf(session), [["a", "1"]]);
    else assertMatch(run.errors, /line 2 .*, after 1 bad line before it: .* over the limit/);
  }
});

Deno.test("load refuses wrong options before it makes a database", async () => {
  const session = new CliSession([addLoad]);
  const cases = [
    ["--verify"],
    ["--header", "a"],
    ["--header", "a,b"],
    ["--line-limit", "3"],
    ["--skip-errors", "x"],
    ["--format", "xml"],
    ["--key-encoding", "escaped"],
    ["data.txt"],
    ["--gzip"],
  ];
  for (const options of cases) {
    const { status, errors } = await session.run(["load", "db", ...options], { input: "a,b\n" });
    assertEquals([status, errors.split("\n").length], [2, 2], options.join(" "));
  }
  assertEquals(session.fileSystem.exists("db"), false);
});

Deno.test("load goes on after a signal, from where it says", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.csv`;
    let text = "key,value\n";
    for (let i = 0; i < 60_000; i++) text += `${i % 40_000},"${i}\n${"x".repeat(40)}"\n`;
    await Deno.writeTextFile(file, text);
    const session = new CliSession([addLoad]);
    const interrupt = new AbortController();
    interrupt.abort(new SignalError("SIGTERM", 15));
    assertEquals((await session.run(["load", "db", file], interrupt)).status, 143);
    const args = ["load", "db", file, "--json", "--verify"];
    const { status, output, errors } = await session.run(args);
    assertEquals(status, 0);
    assertMatch(errors, /^note: going on at line [\d,]+ of .*\n$/);
    const { entries, lines, bytes } = JSON.parse(output);
    assertEquals([entries, lines, bytes], [60_000, 120_001, text.length]);
    const found = await entriesOf(session);
    assertEquals(found.length, 40_000);
    assert(found.every(([key, value]) => {
      const last = Number(key) < 20_000 ? Number(key) + 40_000 : Number(key);
      return value === `${last}\n${"x".repeat(40)}`;
    }));
  });
});

Deno.test("load with other options starts again", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.ndjson`;
    await Deno.writeTextFile(file, '{"key":"61","value":"1"}\n{"key":"x","value":"1"}\n');
    const session = new CliSession([addLoad]);
    const hex = ["load", "db", file, "--key-encoding", "hex"];
    assertEquals((await session.run(hex)).status, 2);
    const { status, errors } = await session.run(["load", "db", file]);
    assertEquals(status, 0);
    assertMatch(errors, /^note: .* but the options are others: it is loaded from its start\n$/);
    assertEquals((await entriesOf(session)).map(([key]) => key), ["61", "a", "x"]);
  });
});
