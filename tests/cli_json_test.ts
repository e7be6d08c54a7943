/**
 * **What.** The shapes of JSON that `docs/command.md` promises, each beside what the command prints.
 *
 * **Invariants.**
 * 1. The page names every member that is printed, and no other.
 * 2. No control character of a key, a value or a name gets through, whatever the command.
 *
 * **Read next.** `cli_terminal_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { varve } from "../lib/cli_program.ts";
import type { CliFrame } from "../lib/cli_command.ts";
import { denoFileSystem } from "../lib/deno_file_system.ts";
import { CliSession } from "./fixtures/cli_session.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { onDisk } from "./permissions.ts";

/** A session with all commands, on the real disk. */
class FullSession extends CliSession {
  constructor(isTerminal = false) {
    super([], { fileSystem: denoFileSystem, isTerminal });
  }
  override frame(...[context]: Parameters<CliSession["frame"]>): CliFrame {
    return varve(context);
  }
}

/** Names of members in a row of the page, in the order in which they first come. */
function namesInPage(page: string, command: string): Set<string> {
  const section = page.slice(page.indexOf("## As JSON"), page.indexOf("## Completion"));
  const row = section.split("\n").find((line) => line.startsWith(`| \`${command}\``));
  assert(row !== undefined, `no row for ${command}`);
  const text = row.slice(row.indexOf("|", 2)).replaceAll(/\["CURRENT"/g, "[");
  return new Set([...text.matchAll(/"(\w+)"/g)].map(([, name]) => name!));
}

/** Names of members of what was printed, at any depth. */
function namesIn(value: unknown, names = new Set<string>()): Set<string> {
  if (Array.isArray(value)) { for (const it of value) namesIn(it, names); }
  else if (typeof value === "object" && value !== null) {
    for (const [name, it] of Object.entries(value)) {
      names.add(name);
      namesIn(it, names);
    }
  }
  return names;
}

function fileIn(directory: string, pattern: RegExp): string {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  return join(directory, names.find((name) => pattern.test(name))!);
}

function damage(path: string, at: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[at]! ^= 0xff;
  Deno.writeFileSync(path, bytes);
}

/** Makes a database with two tables and a log, and copies of it that are damaged. */
async function makeDatabases(session: CliSession, directory: string): Promise<void> {
  for (const name of ["sound", "bad", "worse"]) {
    const path = join(directory, name);
    const entries: Record<string, string> = { a: "1" };
    for (let i = 0; i < 200; i++) entries[`key ${1000 + i}`] = "value ".repeat(20);
    await session.fill(path, entries);
    await using database = session.open(path);
    await database.flush();
  }
  damage(fileIn(join(directory, "bad"), /ldb$/), 5);
  Deno.removeSync(fileIn(join(directory, "worse"), /ldb$/));
}

Deno.test("JSON has the members that the page promises, and no others", onDisk, async () => {
  const page = await Deno.readTextFile(new URL("../docs/command.md", import.meta.url));
  await inDirectory(async (directory) => {
    const session = new FullSession();
    await makeDatabases(session, directory);
    const [sound, bad, worse] = ["sound", "bad", "worse"].map((name) => join(directory, name));
    const table = fileIn(bad!, /ldb$/);
    const cases: readonly (readonly [command: string, ...lines: string[][]])[] = [
      ["get", ["get", sound!, "a"]],
      ["get", ["scan", sound!]],
      ["count", ["count", sound!]],
      ["load", ["load", sound!, "-", "--format", "ndjson"]],
      ["export", ["export", sound!, join(directory, "entries.ndjson")]],
      ["stats", ["stats", sound!]],
      ["levels", ["levels", sound!]],
      ["dump", ["dump", fileIn(sound!, /ldb$/), "--hex"], ["dump", table, "--hex"]],
      ["verify", ["verify", sound!], ["verify", bad!], ["verify", worse!]],
      ["repair", ["repair", bad!], ["repair", worse!]],
      ["compact", ["compact", sound!]],
      ["bench", ["bench", "fillseq", "--entries", "10", "--in", directory]],
      ["destroy", ["destroy", sound!, "--yes"]],
    ];
    for (const [command, ...lines] of cases) {
      const printed = new Set<string>();
      for (const line of lines) {
        const { status, output, errors } = await session.run([...line, "--json"], {
          input: '{"key":"b","value":"2"}\n',
        });
        assert(status < 2, `${line.join(" ")}: ${errors}`);
        for (const it of output.trimEnd().split("\n")) namesIn(JSON.parse(it), printed);
      }
      const promised = namesInPage(page, command);
      // What could not be moved needs a disk that refuses.
      if (command === "repair") promised.delete("notMoved");
      assertEquals([...printed].sort(), [...promised].sort(), lines[0]!.join(" "));
    }
  });
});

// deno-lint-ignore no-control-regex -- what is looked for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]/;

Deno.test("no control character of a key, value or name gets to a terminal", onDisk, async () => {
  await inDirectory(async (parent) => {
    const hostile = "\x1b]0;title\x07\x1b[2J\r\x9b31m\x7f\u202e";
    const directory = join(parent, `data${hostile}`);
    const session = new FullSession(true);
    // As the engine has it: a terminal of colours would have escape sequences of its own.
    const plain = new FullSession();
    await session.fill(directory, { [hostile]: JSON.stringify(hostile), a: hostile });
    {
      await using database = session.open(directory);
      await database.put(Uint8Array.of(0x1b, 0xff, 0x9b), Uint8Array.of(0x9b, 0x1b));
      await database.flush();
    }
    const lines = [
      ["get", directory, hostile, "--value-encoding", "utf8"],
      ["get", directory, "a", "--json"],
      ["get", directory, `x${hostile}`],
      ["scan", directory],
      ...["utf8", "json", "hex"].flatMap((it) => [
        ["scan", directory, "--value-encoding", it],
        ["scan", directory, "--value-encoding", it, "--json"],
      ]),
      ["count", directory, `--prefix=${hostile}`],
      ["count", directory, "--key-encoding", "hex", "--gte", hostile],
      ["count", directory, `--limit=${hostile}`],
      [hostile],
      ["scan", directory, `--${hostile}`],
      ["stats", directory],
      ["stats", directory, "--json"],
      ["levels", directory, "--tables"],
      ["levels", directory, "--json"],
      ["dump", fileIn(directory, /ldb$/), "--hex"],
      ["dump", fileIn(directory, /ldb$/), "--hex", "--json"],
      ["dump", fileIn(directory, /^MANIFEST/)],
      ["dump", join(directory, hostile)],
      ["verify", directory],
      ["verify", `${directory}${hostile}`],
      ["repair", directory, "--json"],
      ["repair", directory],
      ["compact", directory, "--json"],
      ["shell", directory],
      ["bench", "--in", join(parent, hostile)],
      ["destroy", directory],
      ["destroy", directory, "--yes", "--json"],
      ["get", directory, hostile],
    ];
    for (const line of lines) {
      const { output, errors } = await plain.run(line, {
        input: `scan\nget ${JSON.stringify("a")}\n${hostile.replaceAll("\r", "")}\n`,
      });
      assert(!CONTROLS.test(output + errors), `${line[0]}: ${JSON.stringify(output + errors)}`);
    }
    // The question is asked at a terminal only.
    await session.fill(directory, { a: "1" });
    const asked = await session.run(["destroy", directory], { input: "n\n" });
    assert(!CONTROLS.test(asked.errors), JSON.stringify(asked.errors));
  });
});
