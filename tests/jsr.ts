/**
 * **What.** Runs all tests against the published `@std` packages rather than the stand-ins in `vendor/std`. It needs a
 * machine that reaches `jsr.io`, and shows that the stand-ins tell no lies. Run by `deno task test:jsr`.
 *
 * **Invariants.**
 * 1. The only difference from `deno task test` is that `"links"` is gone, and with it the lock file.
 *
 * **Read next.** `../vendor/std/assert/mod.ts`
 *
 * @module
 */
import { withoutLinks } from "../vendor/std/unlink.ts";

const root = new URL("../", import.meta.url);
const config = withoutLinks(JSON.parse(Deno.readTextFileSync(new URL("deno.json", root))));

// Beside deno.json, since the paths in it are relative to where it is; git ignores names that end so.
const copy = new URL("deno.jsr.tmp", root);
Deno.writeTextFileSync(copy, JSON.stringify(config, null, 2));
let code = 1;
try {
  const [deno, ...args] = config.tasks.test!.command.split(" ");
  if (deno !== "deno") throw new Error(`Cannot run the tests: not a deno command: ${deno}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args, "--config", "deno.jsr.tmp", "--no-lock", ...Deno.args],
    cwd: root,
  });
  code = (await command.spawn().status).code;
} finally {
  Deno.removeSync(copy);
}
Deno.exit(code);
