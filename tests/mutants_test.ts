/**
 * The list of planted bugs: each can still be planted, and names a test that is there. That the tests catch them is
 * what `mutants.ts` tries, which takes minutes.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { plantedBugs } from "./fixtures/planted_bugs.ts";
import { hasTest } from "./fixtures/test_names.ts";
import { inProcesses, onSources } from "./permissions.ts";

const root = new URL("../", import.meta.url);

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

Deno.test("every planted bug can be planted in one place, and changes something", onSources, () => {
  assert(plantedBugs.length >= 25);
  assertEquals(new Set(plantedBugs.map(({ name }) => name)).size, plantedBugs.length);
  const wrong = plantedBugs.filter(({ file, from, to }) =>
    from === to || read(file).split(from).length !== 2
  );
  assertEquals(wrong.map(({ name, file }) => `${file}: ${name}`), []);
});

Deno.test("every planted bug names a test that is there", onSources, () => {
  // What a name that a template makes is filled with may come from a fixture.
  const fixtures = [...Deno.readDirSync(new URL("tests/fixtures/", root))]
    .filter(({ name }) => name !== "planted_bugs.ts").map(({ name }) =>
      read(`tests/fixtures/${name}`)
    )
    .join("\n");
  const wrong = plantedBugs.filter(({ caughtBy: { file, test } }) =>
    !hasTest(`${read(file)}\n${fixtures}`, test)
  );
  assertEquals(wrong.map(({ name, caughtBy }) => `${name}: ${caughtBy.test}`), []);
});

Deno.test(
  "planting bugs tells a bug that is caught from one that is not",
  inProcesses,
  async () => {
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-all", "tests/mutants.ts", ...args],
        cwd: root,
        env: { NO_COLOR: "1" },
      }).output();
      const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
      return { code, last: lines.at(-1)!, error: new TextDecoder().decode(stderr) };
    };
    const one = plantedBugs.find(({ file }) => file === "lib/snapshots.ts")!;
    assertEquals((await run(one.name)).last, "planted bugs: 1, caught: 1");
    const none = await run("no such bug");
    assertEquals([none.code, none.error.includes("no such bug")], [2, true]);
  },
);
