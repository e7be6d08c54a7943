/**
 * **What.** A TypeScript program for the types of `classic-level` compiles when its import is changed, and nothing
 * else of it.
 *
 * **Invariants.**
 * 1. The program compiles with `classic-level` as well, which `deno task check` sees to: else it would say nothing.
 * 2. It names every type that `classic-level` exports.
 *
 * **Read next.** `fixtures/level_types.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { runDeno } from "./fixtures/deno_program.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses, onSources } from "./permissions.ts";

const program = new URL("fixtures/level_types.ts", import.meta.url);
const config = fromFileUrl(new URL("../deno.json", import.meta.url));
const IMPORT = 'from "classic-level"';

Deno.test(
  "a program for classic-level's types compiles when its import is changed",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const text = await Deno.readTextFile(program);
      assertEquals(text.split(IMPORT).length, 2);
      const moved = text.replace(IMPORT, `from "${new URL("../lib/level.ts", import.meta.url)}"`);
      await Deno.writeTextFile(`${directory}/moved.ts`, moved);
      // Loading it calls nothing.
      const args = ["--check", "--allow-read", "--allow-env", `--config=${config}`];
      const { code, errors } = await runDeno([...args, `${directory}/moved.ts`]);
      assertEquals([code, errors], [0, ""]);
    }),
);

Deno.test("the program names every type that classic-level exports", onSources, async () => {
  const types = new URL("index.d.ts", import.meta.resolve("classic-level"));
  const declared = (await Deno.readTextFile(types)).matchAll(
    /^(?:export )?(?:declare )?(?:class|interface|type) (\w+)/gm,
  );
  const names = [...declared].map(([, name]) => name!);
  const text = await Deno.readTextFile(program);
  const [imported] = /^import \{[^}]+\} from "classic-level"/m.exec(text)!;
  assertEquals(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(imported)), []);
  assert(names.length >= 24, `${names}`);
});
