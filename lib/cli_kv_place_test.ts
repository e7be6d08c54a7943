/**
 * Which kind of database a name stands for, and that reading makes none.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { addKv } from "./cli_kv.ts";
import { denoFileSystem } from "./deno_file_system.ts";

async function errorsOf(args: readonly string[]): Promise<string> {
  const session = new CliSession([addKv], { fileSystem: denoFileSystem });
  const { status, errors } = await session.run(["kv", ...args]);
  assertEquals(status, 2);
  return errors;
}

Deno.test(
  "A name that ends like one is a file of the runtime, and is not made by reading (invariant 1)",
  onDisk,
  async () => {
    await inDirectory(async (directory) => {
      for (const name of ["a.db", "a.sqlite", "a.sqlite3", "a.kv"]) {
        assertStringIncludes(
          await errorsOf(["get", `${directory}/${name}`, "[1]"]),
          `error: Cannot open ${directory}/${name}: there is no such file\n`,
        );
      }
      assertStringIncludes(await errorsOf(["get", `file:${directory}/a`, "[1]"]), "no such file");
      assertStringIncludes(
        await errorsOf(["get", `file:${directory}`, "[1]"]),
        "it is a directory",
      );
      assertStringIncludes(await errorsOf(["get", `${directory}/data`, "[1]"]), "(NOT_FOUND)");
      assertEquals([...Deno.readDirSync(directory)], []);
    });
  },
);

Deno.test("A directory is one whatever it is called", onDisk, async () => {
  await inDirectory(async (directory) => {
    const session = new CliSession([addKv], { fileSystem: denoFileSystem });
    Deno.mkdirSync(`${directory}/my.db`);
    assertEquals((await session.run(["kv", "set", `${directory}/my.db`, "[1]", "2"])).status, 0);
    assertEquals((await session.run(["kv", "get", `${directory}/my.db`, "[1]"])).output, "2\n");
  });
});
