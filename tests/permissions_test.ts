/**
 * **What.** A database needs `--allow-read` and `--allow-write` on its directory and nothing else; with less, the error
 * says what is missing.
 *
 * **Read next.** `public_api.ts`
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { open } from "../mod.ts";
import { runDeno } from "./fixtures/deno_program.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses } from "./permissions.ts";
import { checks } from "./public_api.ts";

/** A program that opens a database and says how that went. */
function opening(directory: string, options: string, then = ""): string {
  return `import { open } from "./mod.ts";
    try {
      await using db = await open(${JSON.stringify(directory)}, ${options});
      ${then}
    } catch (error) {
      console.log(error.name, error.code, error.message);
    }`;
}

Deno.test(
  "the public API needs to read and write the database's directory, and nothing else",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const { success, text, errors } = await runDeno([
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
        "tests/public_api.ts",
        directory,
      ]);
      assert(success, errors);
      assertEquals(text.trimEnd().split("\n"), checks.map(({ name }) => name));
      assertEquals([...Deno.readDirSync(directory)], []);
    }),
);

Deno.test(
  "a child with these permissions has no others",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const { text, errors } = await runDeno(
        [`--allow-read=${directory}`, `--allow-write=${directory}`, "-"],
        `for (const name of ["read", "write", "env", "ffi", "sys", "run", "net"]) {
        if (Deno.permissions.querySync({ name }).state === "granted") console.log("granted:", name);
      }
      ${opening(`${directory}-other`, "{}")}`,
      );
      assertEquals(errors, "");
      assertStringIncludes(text, "VarveError IO");
      assertStringIncludes(text, "--allow-read");
      assert(!text.includes("granted: "), text);
    }),
);

Deno.test(
  "a database opened to be read needs no permission to write",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      {
        await using db = await open(directory);
        await db.put("flushed", "1");
        await db.flush();
        await db.put("logged", "2");
      }
      const print = "console.log(JSON.stringify([...db.entriesSync()]));";
      const { text, errors } = await runDeno(
        [`--allow-read=${directory}`, "-"],
        opening(directory, "{ readOnly: true }", print),
      );
      assertEquals(errors, "");
      assertEquals(JSON.parse(text), [["flushed", "1"], ["logged", "2"]]);
    }),
);

Deno.test(
  "without permission to write, opening is READ_ONLY and names the flag",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const { text, errors } = await runDeno(
        [`--allow-read=${directory}`, "-"],
        opening(directory, "{}"),
      );
      assertEquals(errors, "");
      assertStringIncludes(text, "VarveError READ_ONLY");
      assertStringIncludes(text, "--allow-write");
      assertStringIncludes(text, directory);
    }),
);

Deno.test(
  "without any permission, opening is IO and names the flag, and memory needs none",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const { text, errors } = await runDeno(["-"], opening(directory, "{}"));
      assertEquals(errors, "");
      assertStringIncludes(text, "VarveError IO");
      assertStringIncludes(text, "--allow-read");
      const inMemory = await runDeno(
        ["-"],
        `import { MemoryFileSystem, open } from "./mod.ts";
      await using db = await open("memory", { fileSystem: new MemoryFileSystem() });
      await db.put("key", "value");
      await db.flush();
      console.log(await db.get("key"));`,
      );
      assertEquals([inMemory.text, inMemory.errors], ["value\n", ""]);
    }),
);
