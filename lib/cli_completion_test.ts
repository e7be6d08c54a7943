import { assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import type { CliFrame } from "./cli_command.ts";
import { addCompletion } from "./cli_completion.ts";

/** A command within a command, with a description that means something to a shell. */
function addNested(frame: CliFrame): void {
  const outer = frame.command("outer", { summary: "outer", examples: [] });
  frame.command("in-ner", { summary: "it's [one]: inner", examples: [] }, outer)
    .option("-x, --extra <value>", "one's [own]: value")
    .action(() => {});
}

const session = new CliSession([addCompletion, addNested]);

Deno.test("completion knows commands within commands", async () => {
  const { status, output } = await session.run(["completion", "bash"]);
  assertEquals(status, 0);
  assertMatch(output, /^ +"outer in-ner"\) path="\$it" ;;$/m);
  assertMatch(output, /"outer in-ner"\) subcommands="" options="--extra -x --help -h"/);
});

Deno.test("descriptions are quoted for each shell", async () => {
  const zsh = (await session.run(["completion", "zsh"])).output;
  assertMatch(zsh, /'in-ner:it'\\''s \\\[one\\\]\\: inner'/);
  assertMatch(zsh, /\{--extra,-x\}'\[one'\\''s \\\[own\\\]\\: value\]:value: '/);
  assertMatch(zsh, /^_varve_outer_in_ner\(\) \{$/m);
  const fish = (await session.run(["completion", "fish"])).output;
  assertMatch(fish, /-l extra -s x -x -d 'one'\\''s \[own\]: value'$/m);
});

Deno.test("completion of a shell that there is no script for is status 2", async () => {
  const { status, output, errors } = await session.run(["completion", "sh"]);
  assertEquals([status, output], [2, ""]);
  assertMatch(errors, /^error: .*bash, zsh, fish\.\n$/);
});
