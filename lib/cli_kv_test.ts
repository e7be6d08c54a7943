/**
 * The commands for Deno KV on a disk in memory: what they print, and with which status they end.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { CliSession, type SessionResult } from "../tests/fixtures/cli_session.ts";
import { addKv } from "./cli_kv.ts";

function session(): CliSession {
  return new CliSession([addKv]);
}

function outcome({ status, output, errors }: SessionResult): [number, string, string] {
  return [status, output, errors];
}

async function fill(cli: CliSession, entries: Record<string, string>, directory = "data") {
  for (const [key, value] of Object.entries(entries)) {
    assertEquals(outcome(await cli.run(["kv", "set", directory, key, value])), [0, "", ""]);
  }
}

Deno.test("What is set can be got, listed and deleted", async () => {
  const cli = session();
  await fill(cli, {
    '["users",7]': '{"name":"Ada"}',
    '["users",{"bigint":"7"}]': '"big"',
    '["b",{"bytes":"00ff"}]': "[1,null]",
  });
  assertEquals(outcome(await cli.run(["kv", "get", "data", '["users",7]'])), [
    0,
    '{"name":"Ada"}\n',
    "",
  ]);
  // In the order of keys: big integers come before numbers.
  const lines = [
    '["b",{"bytes":"00ff"}]\t[1,null]\n',
    '["users",{"bigint":"7"}]\t"big"\n',
    '["users",7]\t{"name":"Ada"}\n',
  ];
  assertEquals((await cli.run(["kv", "list", "data"])).output, lines.join(""));
  const some = ["kv", "list", "data", '["users"]', "--keys", "--reverse", "--limit", "1"];
  assertEquals((await cli.run(some)).output, '["users",7]\n');
  const two = ["kv", "delete", "data", '["users",7]', '["b",{"bytes":"00ff"}]', '["none"]'];
  assertEquals(outcome(await cli.run(two)), [0, "", ""]);
  assertEquals(
    (await cli.run(["kv", "list", "data", "--keys"])).output,
    '["users",{"bigint":"7"}]\n',
  );
  assertEquals((await cli.run(["kv", "list", "data", "--limit", "0"])).output, "");
});

Deno.test("A key that is not there is status 1", async () => {
  const cli = session();
  await fill(cli, { '["a"]': "1" });
  assertEquals(outcome(await cli.run(["kv", "get", "data", '["b"]'])), [
    1,
    "",
    'error: Cannot get ["b"]: there is no such key\n',
  ]);
});

Deno.test("What cannot be read is status 2, and nothing is made of it", async () => {
  const cli = session();
  for (
    const [args, why] of [
      [["get", "data", "a"], 'error: Cannot read key: it is not JSON: "a"\n'],
      [["get", "data", "{}"], 'error: Cannot read key: it is not an array: "{}"\n'],
      [["set", "data", '["a"]', "x"], 'error: Cannot read value: it is not JSON: "x"\n'],
      [["set", "data", '["a"]', "1", "--expire-in", "0"], "error: Cannot set: --expire-in must be"],
      [["get", "", "[]"], "error: Cannot open database: the place is empty\n"],
      [["list", "data"], "(NOT_FOUND)\n"],
      [["delete", "data", '["a"]'], "(NOT_FOUND)\n"],
      [["copy", "data", "other"], "(NOT_FOUND)\n"],
    ] as const
  ) {
    const result = await cli.run(["kv", ...args]);
    assertEquals([result.status, result.output], [2, ""]);
    assertStringIncludes(result.errors, why);
  }
  assertEquals(cli.fileSystem.exists("data"), false);
});

Deno.test("A database of something else is refused", async () => {
  const cli = session();
  await cli.fill("plain", { city: "Rome" });
  const { status, errors } = await cli.run(["kv", "list", "plain"]);
  assertEquals(status, 2);
  assertStringIncludes(errors, "(UNSUPPORTED_FORMAT)");
});

Deno.test("A copy says what it did, and compares if it is asked to", async () => {
  const cli = session();
  await fill(cli, { '["a"]': "1", '["b"]': '"two"' });
  const first = await cli.run(["kv", "copy", "data", "other", "--verify"]);
  assertEquals(outcome(first), [
    0,
    "copied 2 entries (17 B)\ncompared: 2 equal, 0 different, 0 missing\n",
    "",
  ]);
  const again = await cli.run(["kv", "copy", "data", "other"]);
  assertEquals(again.status, 2);
  assertStringIncludes(again.errors, "it has entries already");
  await fill(cli, { '["c"]': "3" }, "other");
  const over = await cli.run(["kv", "copy", "data", "other", "--overwrite", "--verify"]);
  assertEquals(over.status, 0);
  assertStringIncludes(over.output, "2 equal, 0 different, 0 missing, 1 only in ");
  const same = await cli.run(["kv", "copy", "data", "./data"]);
  assertEquals(same.status, 2);
});

Deno.test("What expires does so in the copy, too", async () => {
  const cli = session();
  await cli.run(["kv", "set", "data", '["a"]', "1", "--expire-in", "1"]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await fill(cli, { '["b"]': "2" });
  await cli.run(["kv", "copy", "data", "other"]);
  assertEquals((await cli.run(["kv", "list", "other"])).output, '["b"]\t2\n');
});

Deno.test("A signal ends a copy, which says how to go on", async () => {
  const cli = session();
  await fill(cli, { '["a"]': "1" });
  const controller = new AbortController();
  controller.abort(new Error("stop"));
  const result = await cli.run(["kv", "copy", "data", "other"], { signal: controller.signal });
  assertEquals([result.status, result.output], [2, ""]);
  assertStringIncludes(result.errors, "interrupted: the same command goes on where it was\n");
});
