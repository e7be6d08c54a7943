import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { SignalError } from "./cli_context.ts";
import { addExport } from "./cli_export.ts";
import { addLoad } from "./cli_load.ts";

async function filled(): Promise<CliSession> {
  const session = new CliSession([addExport, addLoad]);
  await session.fill("db", { a: "1", b: '"2"', c: "3,4", "!s!x": "5" });
  return session;
}

Deno.test("export writes each format", async () => {
  const session = await filled();
  const cases: [string[], string][] = [
    [["--gte", "b"], '{"key":"b","value":"\\"2\\""}\n{"key":"c","value":"3,4"}\n'],
    [["--format", "csv", "--gt", "a"], 'key,value\nb,"""2"""\nc,"3,4"\n'],
    [["-", "--format", "tsv", "--no-header", "--prefix", "c"], "c\t3,4\n"],
    [["--format", "csv", "--header", "id,n", "--limit", "0"], "id,n\n"],
    [["--reverse", "--limit", "1", "--value-encoding", "hex"], '{"key":"c","value":"332c34"}\n'],
    [["--key-encoding", "hex", "--lte", "61", "--gte", "61"], '{"key":"61","value":"1"}\n'],
    [["--sublevel", "s", "--value-encoding", "json"], '{"key":"x","value":5}\n'],
  ];
  for (const [options, expected] of cases) {
    const { status, output, errors } = await session.run(["export", "db", ...options]);
    assertEquals([status, output, errors], [0, expected, ""], options.join(" "));
  }
});

Deno.test("export leaves checkpoints of loads out", async () => {
  const session = new CliSession([addExport]);
  await session.fill("db", { "!varve-load!/file": "{}", "!varve-loads!x": "", a: "1" });
  const { output } = await session.run(["export", "db"]);
  assertEquals(output, '{"key":"!varve-loads!x","value":""}\n{"key":"a","value":"1"}\n');
});

Deno.test("export of nothing is nothing, packed or not", async () => {
  const session = new CliSession([addExport]);
  await session.fill("db", {});
  assertEquals((await session.run(["export", "db"])).output, "");
  const { bytes } = await session.run(["export", "db", "--gzip"]);
  const unpacked = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(unpacked).text(), "");
});

Deno.test("export says which entry has no form", async () => {
  const session = new CliSession([addExport]);
  {
    await using database = session.open("db");
    await database.put(Uint8Array.of(0x6b), Uint8Array.of(0xff));
  }
  const { status, errors } = await session.run(["export", "db", "--format", "csv"]);
  assertEquals(status, 2);
  assertMatch(errors, /^error: Cannot export k: its value is not UTF-8; --value-encoding base64/);
  assertEquals((await session.run(["export", "db"])).output, '{"key":"k","value64":"/w=="}\n');
});

Deno.test("export leaves no file behind that is not whole", onDisk, async () => {
  await inDirectory(async (directory) => {
    const session = await filled();
    const file = `${directory}/out.ndjson.gz`;
    const interrupt = new AbortController();
    interrupt.abort(new SignalError("SIGINT", 2));
    assertEquals((await session.run(["export", "db", file], interrupt)).status, 130);
    assertEquals([...Deno.readDirSync(directory)], []);
    const { status, output } = await session.run(["export", "db", file]);
    assertEquals(status, 0);
    assertMatch(output, /^exported 4 entries to .*out\.ndjson\.gz: \d+ B\n$/);
    assertEquals((await session.run(["load", "copy", file, "--verify"])).status, 0);
    const again = await session.run(["export", "copy"]);
    assertEquals(again.output, (await session.run(["export", "db"])).output);
    for (const wrong of [file, directory, `${directory}/none/out.csv`]) {
      const run = await session.run([
        "export",
        "db",
        wrong,
        "--format",
        "csv",
        "--value-encoding",
        "hex",
      ]);
      assertEquals([run.status, run.errors.split("\n").length], [2, 2], wrong);
    }
  });
});

Deno.test(
  "of two exports to one file the second is refused, and a killed one is written over",
  onDisk,
  async () => {
    await inDirectory(async (directory) => {
      const session = await filled();
      const file = `${directory}/out.ndjson`;
      {
        using other = await Deno.open(`${file}.part`, { write: true, create: true });
        assertEquals(await other.tryLock(true), true);
        const { status, errors } = await session.run(["export", "db", file]);
        assertEquals(status, 2);
        assertMatch(errors, /^error: Cannot write .*: another export is writing it\n$/);
        assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["out.ndjson.part"]);
      }
      await Deno.writeTextFile(`${file}.part`, "left ".repeat(1000));
      assertEquals((await session.run(["export", "db", file, "--prefix", "a"])).status, 0);
      assertEquals(await Deno.readTextFile(file), '{"key":"a","value":"1"}\n');
      assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["out.ndjson"]);
    });
  },
);
