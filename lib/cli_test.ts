import { assertEquals } from "@std/assert";
import { onDisk } from "../tests/permissions.ts";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { main } from "./cli.ts";

Deno.test("main() gives the status of each command line", onDisk, async () => {
  await inDirectory(async (directory) => {
    assertEquals(await main(["put", directory, "key", "value"]), 0);
    assertEquals(await main(["delete", directory, "key"]), 0);
    assertEquals(await main(["delete", `${directory}/none`, "key"]), 2);
  });
});
