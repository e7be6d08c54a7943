/**
 * **What.** What goes to JSR: `deno publish` takes it as it is, with no type left to guess, and it holds what a program
 * needs and nothing of what only a clone does.
 *
 * **Invariants.**
 * 1. Nothing is published: `--dry-run`, and no network is asked.
 *
 * **Read next.** `tidiness_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { withoutLinks } from "../vendor/std/unlink.ts";
import { inProcesses } from "./permissions.ts";

const root = new URL("../", import.meta.url);
const config = () => JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));

/** The paths that would be published, and all that was said. */
async function rehearse(): Promise<{ paths: string[]; output: string; isDone: boolean }> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty"],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const start = root.href;
  const paths = [...output.matchAll(/^\s+(file:\S+) \(/gm)].map(([, href]) => href!)
    .filter((href) => href.startsWith(start)).map((href) => href.slice(start.length));
  return { paths, output, isDone: success };
}

Deno.test("the package can be published, and has what it exports", inProcesses, async () => {
  const { paths, output, isDone } = await rehearse();
  assert(isDone, output);
  assert(!/slow-type|warning/i.test(output), output);

  const { exports, version } = config();
  const entries = Object.values<string>(exports).map((path) => path.replace("./", ""));
  const needed = [...entries, "lib/deno_worker.ts", "README.md", "LICENSE", "CHANGELOG.md"];
  assertEquals(needed.filter((path) => !paths.includes(path)), [], "not in the package");
  const others = /^(bench|coverage|data|docs|tests|\.\w+)\/|_(test|bench)\.ts$/;
  assertEquals(paths.filter((path) => others.test(path)), [], "in the package");

  const changelog = Deno.readTextFileSync(new URL("CHANGELOG.md", root));
  assertEquals(/^## \[(.+?)\]/m.exec(changelog)?.[1], version, "the changelog's newest version");
});

Deno.test("for jsr.io only the stand-ins are left out", inProcesses, () => {
  const before = config();
  const after = withoutLinks(config());
  assertEquals(after.links, undefined);
  assert(after.publish.exclude.includes("vendor/"));
  delete before.links;
  before.publish.exclude = after.publish.exclude;
  assertEquals(JSON.stringify(after), JSON.stringify(before));
});
