import { assertEquals, assertRejects } from "@std/assert";
import { onDisk } from "../tests/permissions.ts";
import { CliError } from "./cli_context.ts";
import { ErrorFile } from "./cli_load_errors.ts";

const bad = { line: 2, offset: 10, problem: "why", shown: new TextEncoder().encode("text\r\n") };
const LINE = '{"line":2,"offset":10,"error":"why","record":"text"}\n';

Deno.test("ErrorFile adds lines to what is there", onDisk, async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "mine\n");
    {
      using file = await ErrorFile.open(path, undefined, undefined);
      await file.add(bad);
      await file.add({ ...bad, shown: Uint8Array.of(0xff) });
      await file.sync();
      assertEquals(file.end, {
        path: await Deno.realPath(path),
        bytes: (await Deno.stat(path)).size,
      });
    }
    const other = LINE.replace('"record":"text"', '"record64":"/w=="');
    assertEquals(await Deno.readTextFile(path), `mine\n${LINE}${other}`);
    {
      const end = { path: await Deno.realPath(path), bytes: 5 + LINE.length };
      using file = await ErrorFile.open(path, end, undefined);
      await file.add(bad);
    }
    {
      // Of another file than the one that the load before wrote to nothing is cut off.
      using file = await ErrorFile.open(path, { path: `${path}.other`, bytes: 0 }, undefined);
      assertEquals(file.end.bytes, 5 + 2 * LINE.length);
    }
    assertEquals(await Deno.readTextFile(path), `mine\n${LINE}${LINE}`);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("ErrorFile is not the file that is loaded, nor a directory", onDisk, async () => {
  const path = await Deno.realPath(await Deno.makeTempFile());
  try {
    const open = (at: string) => ErrorFile.open(at, undefined, path);
    await assertRejects(() => open(path), CliError, "it is what is loaded");
    await assertRejects(() => open(`${path}/none`), CliError, "Cannot write ");
  } finally {
    await Deno.remove(path);
  }
});
