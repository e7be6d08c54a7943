/**
 * **What.** `varve dump` as the real program, in a pipe and at a terminal.
 *
 * **Invariants.**
 * 1. It needs permission to read, and no other.
 *
 * **Read next.** `fixtures/terminal.ts`
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { open } from "../mod.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import {
  allAtTerminal,
  allInPipe,
  atTerminals,
  inPipe,
  type Piped,
  startInPipe,
} from "./fixtures/terminal.ts";
import { inProcesses } from "./permissions.ts";

const READ_ONLY = { flags: ["--allow-read"] };

/** A database with a table of a few hundred kilobytes and a log. */
async function fill(directory: string): Promise<void> {
  await using db = await open(directory, { compression: "none", sync: false });
  for (let i = 0; i < 4000; i++) db.putSync(`key ${10_000 + i}`, "v".repeat(100));
  await db.flush();
  await db.put("last", "one");
}

function fileIn(directory: string, pattern: RegExp): string {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  return join(directory, names.find((name) => pattern.test(name))!);
}

Deno.test(
  "dump in a pipe: every kind, damage, and what cannot be dumped",
  inProcesses,
  async () => {
    await inDirectory(async (directory) => {
      await fill(directory);
      const table = fileIn(directory, /ldb$/);
      const damaged = join(directory, "damaged.ldb");
      const bytes = Deno.readFileSync(table);
      bytes[5]! ^= 0xff;
      Deno.writeFileSync(damaged, bytes);
      Deno.writeFileSync(join(directory, "empty"), new Uint8Array(0));
      const runs: readonly [args: string[], (result: Piped) => void][] = [
        [[table, "--keys-only"], ({ status, output, errors }) => {
          assertEquals([status, errors], [0, ""]);
          assertMatch(output, /\n4,000 entries; no damage\n$/);
          assert(!output.includes("\x1b"));
        }],
        [[fileIn(directory, /^MANIFEST/), "--hex"], ({ status, output }) => {
          assertEquals(status, 0);
          assertStringIncludes(output, "name  leveldb.BytewiseComparator");
        }],
        [[fileIn(directory, /log$/), "--json"], ({ status, output }) => {
          assertEquals(status, 0);
          const lines = output.trimEnd().split("\n").map((line) => JSON.parse(line));
          assertEquals(lines.at(-2).text, "last @4001 → one");
        }],
        [[damaged], ({ status, output, errors }) => {
          assertEquals(status, 1);
          assertMatch(output, /\n[\d,]+ entries; \d+ damaged parts?\n$/);
          assertMatch(
            errors,
            /^error: damaged\.ldb is damaged [^\n]+ at byte 0: data block 0: [^\n]+\n$/,
          );
        }],
        [[join(directory, "empty")], ({ status, output, errors }) => {
          assertEquals([status, output], [2, ""]);
          assertEquals(errors, "error: Cannot dump empty: it is empty\n");
        }],
        [[directory], ({ status, output, errors }) => {
          assertEquals([status, output, errors.split("\n").length], [2, "", 2]);
          assertStringIncludes(errors, "it is a directory");
        }],
        [[join(directory, "nowhere")], ({ status, output, errors }) => {
          assertEquals([status, output, errors.split("\n").length], [2, "", 2]);
          assertStringIncludes(errors, "no such file");
        }],
      ];
      const results = await allInPipe(runs.map(([args]) => ["dump", ...args]), READ_ONLY);
      runs.forEach(([, check], i) => check(results[i]!));
    });
  },
);

Deno.test("dump reads a database that is open, and leaves it alone", inProcesses, async () => {
  await inDirectory(async (directory) => {
    await using db = await open(directory);
    await db.put("key", "value");
    const { status, output } = await inPipe(["dump", fileIn(directory, /log$/)], READ_ONLY);
    assertEquals(status, 0);
    assertStringIncludes(output, "put  key @1 → value\n");
    await db.put("key", "other");
  });
});

Deno.test("dump takes a file from a pipe, and ends when its reader does", inProcesses, async () => {
  await inDirectory(async (directory) => {
    await fill(directory);
    const table = fileIn(directory, /ldb$/);
    const piped = await inPipe(["dump", "-", "--limit", "1"], {
      ...READ_ONLY,
      input: Deno.readFileSync(table),
    });
    assertEquals([piped.status, piped.errors], [0, ""]);
    assertStringIncludes(piped.output, 'entry  "key 10000" @1 put');

    const child = startInPipe(["dump", table, "--hex"], READ_ONLY);
    await child.stdin.close();
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const [{ code }, errors] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals([code, errors], [0, ""]);
  });
});

Deno.test("dump at a terminal: colours, unless NO_COLOR says none", atTerminals, async () => {
  await inDirectory(async (directory) => {
    await fill(directory);
    const log = fileIn(directory, /log$/);
    const table = fileIn(directory, /ldb$/);
    const flags = ["--allow-read", "--allow-env=NO_COLOR"];
    const lines = [
      ["dump", log],
      ["dump", "--help"],
      ["dump", table, "--as", "table", "--block", "1", "--limit", "2", "--values", "3"],
      ["dump", table, "--as=table", "--block=footer", "--hex"],
      ["dump", log, "--keys-only", "--json"],
    ];
    const [all, [plain]] = await Promise.all([
      allAtTerminal(lines, { flags }),
      allAtTerminal(lines.slice(0, 1), { flags, env: { NO_COLOR: "1" } }),
    ]);
    const [colored, help, block, footer, json] = all;
    assertEquals([...all, plain!].map(({ status }) => status), [0, 0, 0, 0, 0, 0]);
    assertStringIncludes(colored!.screen, "\x1b[36m");
    assert(!plain!.screen.includes("\x1b[3"), plain!.screen);
    assertEquals(colored!.text, plain!.text);
    assertStringIncludes(colored!.text, "put  last @4001 → one\n");
    for (
      const option of ["--as", "--hex", "--block", "--limit", "--keys-only", "--values", "--json"]
    ) {
      assertStringIncludes(help!.text, option);
    }
    assertMatch(block!.text, /"key \d+" @\d+ put → vvv… \(100 bytes\) .*\n.*\n2 entries, and more/);
    assert(!block!.text.includes("footer"));
    // The magic number, beside its bytes.
    assertMatch(footer!.text, /57 fb 80 8b 24 75 47 db {2}W\.\.\.\$uG\. +magic/);
    assertEquals(
      json!.text.trimEnd().split("\n").map((line) => JSON.parse(line).text).at(-2),
      "last @4001",
    );
    assert(!json!.screen.includes("\x1b"), json!.screen);
  });
});
