import { assert, assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addLevels } from "./cli_levels.ts";
import { columnsOf } from "./cli_text.ts";

async function tree(): Promise<CliSession> {
  const session = new CliSession([addLevels]);
  await using database = session.open("data");
  const utf8 = (text: string) => new TextEncoder().encode(text);
  for (const keys of [["a", "m"], ["k", "z"], ["日本語".repeat(30), "語".repeat(50)]]) {
    for (const key of keys) await database.put(utf8(key), utf8("v".repeat(1000)));
    await database.flush();
  }
  return session;
}

Deno.test("levels draws each level with its tables, bytes and keys", async () => {
  const { status, output } = await (await tree()).run(["levels", "data", "--tables"]);
  assertEquals(status, 0);
  assertMatch(output, /^level {2}tables +bytes +keys\n/);
  assertMatch(output, / {2}a to 語+…\n/);
  assertMatch(output, /\n +├ \d{6} +\d/);
  assertMatch(output, /\n +[├└] \d{6} +\d.* {2}a to m\n/);
  for (const line of output.split("\n")) assert(columnsOf(line) <= 80, line);
});

Deno.test("levels has all of it as JSON", async () => {
  const { output } = await (await tree()).run(["levels", "data", "--json"]);
  const { directory, levels } = JSON.parse(output);
  assertEquals([directory, levels.length], ["data", 7]);
  const tables = levels.flatMap((it: { tables: unknown[] }) => it.tables);
  assertEquals(tables.length, 3);
  assert(
    tables.some((it: { smallest: string; largest: string }) =>
      it.smallest === "a" && it.largest === "m"
    ),
  );
});

Deno.test("levels fits a narrow terminal and a wide one", async () => {
  const { fileSystem } = await tree();
  for (const columns of [10, 20, 30, 40, 200]) {
    const session = new CliSession([addLevels], { fileSystem, columns });
    const { output } = await session.run(["levels", "data", "--tables"]);
    for (const line of output.split("\n")) {
      assert(columnsOf(line) <= columns, `${columns}: ${line}`);
    }
  }
});

Deno.test("a database without tables says so", async () => {
  const session = new CliSession([addLevels]);
  await session.fill("data", { a: "1" });
  assertMatch(
    (await session.run(["levels", "data"])).output,
    /\nno tables: all there is, is in the log\n$/,
  );
});
