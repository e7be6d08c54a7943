import { assertEquals, assertThrows } from "@std/assert";
import { inProcesses, onSources } from "../../tests/permissions.ts";
import { recipeOf, recipes } from "./run.ts";

const folder = new URL("./", import.meta.url);

Deno.test(
  "every recipe has a page, a test, a way to be run, and a row in the contents",
  onSources,
  () => {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    const contents = Deno.readTextFileSync(new URL("README.md", folder));
    const programs = recipes().map(({ name }) => name);
    const pages = names.filter((name) => name.endsWith(".md") && name !== "README.md");
    const missing = [
      ...programs.flatMap((name) => [`${name}.md`, `${name}_test.ts`])
        .filter((name) => !names.includes(name)),
      ...[...pages, ...programs.map((name) => `${name}.ts`)]
        .filter((name) => !contents.includes(`](${name})`)).map((name) => `${name} in README.md`),
    ];
    assertEquals(missing, []);
  },
);

Deno.test("how a recipe is run is read from its head", () => {
  const head =
    "/**\n * **What.** A list: of\n * things.\n * ```text\n * deno run --a\n *   --b=1 docs/recipes/x.ts [Y]\n";
  assertEquals(recipeOf("x", `${head} */`), {
    name: "x",
    title: "A list",
    flags: ["--a", "--b=1"],
  });
  assertThrows(() => recipeOf("y", `${head} */`), Error, "docs/recipes/y.ts does not say how");
});

Deno.test(
  "the task lists the recipes, runs one, and refuses what is none",
  inProcesses,
  async () => {
    type Run = Awaited<ReturnType<typeof run>>;
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["task", "--quiet", "recipe", ...args],
        cwd: new URL("../../", import.meta.url),
        env: { NO_COLOR: "1" },
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, out: text(stdout), errors: text(stderr) };
    };
    const [list, queue, page, none] = await Promise.all(
      [[], ["job_queue"], ["watching"], ["nothing"]].map((args) => run(...args)),
    ) as [Run, Run, Run, Run];
    assertEquals(list.code, 0, list.errors);
    assertEquals(list.out.includes("\njob_queue "), true, list.out);
    assertEquals(list.out.includes("\ndocs/recipes/watching.md\n"), true, list.out);
    assertEquals([page.code, page.errors.endsWith(": docs/recipes/watching.md\n")], [2, true]);
    assertEquals(queue.code, 0, queue.errors);
    assertEquals(
      queue.out.startsWith(
        "$ deno run --allow-read --allow-write docs/recipes/job_queue.ts\nTaken: ",
      ),
      true,
    );
    assertEquals([none.code, none.errors.startsWith('error: there is no recipe "nothing"')], [
      2,
      true,
    ]);
  },
);
