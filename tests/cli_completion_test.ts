/**
 * **What.** Completion as a shell does it: bash itself completes, from what the real program printed. Zsh and fish do
 * where they are installed; elsewhere what is printed for them is looked at as text.
 *
 * **Read next.** `fixtures/terminal.ts`
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { Command } from "commander";
import { varve } from "../lib/cli_program.ts";
import { memoryContext } from "./fixtures/cli_session.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { atTerminals, inPipe, inTerminal, quoted } from "./fixtures/terminal.ts";

const program = varve(memoryContext()).program;

/** Has a shell run a script, and gives what it printed. */
async function shell(name: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, { args: [...args], cwd })
    .output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

function isInstalled(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["-c", "true"], stdout: "null", stderr: "null" })
      .outputSync()
      .success;
  } catch {
    return false;
  }
}

/** The lines that there are to complete, and what each is completed to, as the commands have it. */
function expectations(): [line: string, words: string[]][] {
  const names = (command: Command) => command.commands.map((it) => it.name());
  const found: [string, string[]][] = [["", [...names(program), "help"]]];
  const walk = (command: Command, path: string) => {
    const options = command.options.map(({ long }) => long!);
    found.push([`${path} --`.trim(), [...options, "--help"]]);
    for (const { long, argChoices } of command.options) {
      if (argChoices) found.push([`${path} ${long} `.trimStart(), argChoices]);
    }
    const choices = command.registeredArguments[0]?.argChoices;
    if (choices) found.push([`${path} `, choices]);
    if (command.commands.length > 0 && path !== "") {
      found.push([`${path} `, [...names(command), "help"]]);
    }
    for (const it of command.commands) walk(it, `${path} ${it.name()}`.trim());
  };
  walk(program, "");
  return found;
}

Deno.test(
  "bash completes every command, option and choice, and no other",
  atTerminals,
  async () => {
    await inDirectory(async (directory) => {
      const { output } = await inPipe(["completion", "bash"]);
      await Deno.writeTextFile(join(directory, "completion"), output);
      const lines = expectations();
      assert(lines.length > 20);
      const script = ["source ./completion"];
      for (const [line] of lines) {
        const words = ["varve", ...line.split(" ")];
        script.push(
          `COMP_WORDS=(${words.map(quoted).join(" ")}); COMP_CWORD=${
            words.length - 1
          }; COMPREPLY=()`,
          `_varve; echo "\${COMPREPLY[*]}"`,
        );
      }
      const completed = (await shell("bash", ["--norc", "-c", script.join("\n")], directory)).split(
        "\n",
      );
      for (const [at, [line, expected]] of lines.entries()) {
        const words = completed[at]!.split(" ").sort();
        assertEquals(words, line === "--" ? ["--help", "--version"] : expected.toSorted(), line);
      }
    });
  },
);

Deno.test(
  "bash at a terminal completes commands, directories and values",
  atTerminals,
  async () => {
    await inDirectory(async (directory) => {
      const { output } = await inPipe(["completion", "bash"]);
      await Deno.writeTextFile(join(directory, "completion"), output);
      await Deno.mkdir(join(directory, "shelf"));
      // In place of the program: it prints what it was given.
      const start = "source ./completion; varve() { printf '<%s>' \"$@\"; echo; }; PS1='ready> '\n";
      const { text } = await inTerminal("exec bash --norc --noprofile -i", { cwd: directory }, [
        start,
        { when: /^ready> /m, keys: "varve lev\tsh\t --tab\t --key-encoding=he\t\n" },
        { when: "<--tables>", keys: "exit\n" },
      ]);
      assertMatch(text, /<levels><shelf\/><--tables><--key-encoding=hex>/);
    });
  },
);

Deno.test("zsh is told of every command, option and choice", atTerminals, async () => {
  await inDirectory(async (directory) => {
    const { output } = await inPipe(["completion", "zsh"]);
    assertMatch(output, /^#compdef varve\n[^]*\ncompdef _varve varve\n$/);
    for (const [line, words] of expectations()) {
      for (const word of words) assert(output.includes(word), `${line}: ${word}`);
    }
    if (!isInstalled("zsh")) return;
    await Deno.writeTextFile(join(directory, "completion"), output);
    await shell("zsh", ["-f", "-n", "completion"], directory);
  });
});

Deno.test("fish is told of every command, option and choice", atTerminals, async () => {
  await inDirectory(async (directory) => {
    const { output } = await inPipe(["completion", "fish"]);
    for (const [line, words] of expectations()) {
      for (const word of words) {
        assert(output.includes(word.replace(/^--/, "")), `${line}: ${word}`);
      }
    }
    if (!isInstalled("fish")) return;
    await Deno.writeTextFile(join(directory, "completion"), output);
    for (const [line, words] of expectations().filter(([it]) => it !== "--")) {
      const completed = await shell(
        "fish",
        ["--no-config", "-c", `source completion; complete -C 'varve ${line}'`],
        directory,
      );
      for (const word of words) assertMatch(completed, new RegExp(`^${word}\\b`, "m"), line);
    }
  });
});
