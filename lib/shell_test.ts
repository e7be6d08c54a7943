/**
 * The shell, first as a class on a database in memory, then as a program in a pipe.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { inProcesses } from "../tests/permissions.ts";
import { bytes } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { Shell, type ShellOptions } from "./shell.ts";

const codecs = { key: bytes, value: bytes };

/** Carries out lines on a fresh database in memory; returns what is printed, errors after a `!`. */
async function session(lines: string[], options: Partial<ShellOptions> = {}): Promise<string[]> {
  await using database = openDatabase("data", codecs, new MemoryFileSystem());
  let output = "";
  const shell = new Shell({
    database,
    print: (text) => void (output += text),
    printError: (text) => void (output += `!${text}`),
    ...options,
  });
  for (const line of lines) await shell.execute(line);
  assert(output === "" || output.endsWith("\n"), "what is printed ends with a line end");
  return output.split("\n").slice(0, -1);
}

async function* each(lines: string[]): AsyncGenerator<string> {
  yield* lines;
}

Deno.test("put, get and delete do what they say, in any case", async () => {
  assertEquals(
    await session(["get k", "PUT k two  words", "Get k", "dELETE k", "get k", "delete k"]),
    ["(not found)", "ok", "two  words", "ok", "(not found)", "ok"],
  );
});

Deno.test("an empty value is a value", async () => {
  assertEquals(await session(['put k ""', "get k", "flush", "get k", "scan"]), [
    "ok",
    '""',
    "ok",
    '""',
    'k = ""',
    "(1 entry)",
  ]);
});

Deno.test("any bytes go in and come out", async () => {
  assertEquals(
    await session([String.raw`put "\x00\xff k" "\n\x80"`, String.raw`get "\x00\xff k"`, "scan"]),
    ["ok", String.raw`"\n\x80"`, String.raw`"\x00\xff k" = "\n\x80"`, "(1 entry)"],
  );
});

Deno.test("scan prints a range in order, its end left out, and count counts it", async () => {
  const puts = ["c", "a", "b", "d"].map((key) => `put ${key} ${key.toUpperCase()}`);
  const outputOf = async (line: string) => (await session([...puts, line])).slice(puts.length);
  assertEquals(await outputOf("scan"), ["a = A", "b = B", "c = C", "d = D", "(4 entries)"]);
  assertEquals(await outputOf("scan b"), ["b = B", "c = C", "d = D", "(3 entries)"]);
  assertEquals(await outputOf("scan b d"), ["b = B", "c = C", "(2 entries)"]);
  assertEquals(await outputOf("scan x"), ["(0 entries)"]);
  assertEquals(await outputOf("count"), ["4"]);
  assertEquals(await outputOf("count b d"), ["2"]);
  assertEquals(await outputOf("count d b"), ["0"]);
});

Deno.test("prefix prints the keys that begin so", async () => {
  assertEquals(
    await session(["put b 1", "put ba 2", "put bb 3", "put c 4", "prefix b", "prefix bb"]),
    ["ok", "ok", "ok", "ok", "b = 1", "ba = 2", "bb = 3", "(3 entries)", "bb = 3", "(1 entry)"],
  );
});

Deno.test("scan stops at its limit and says so if there are more", async () => {
  const puts = Array.from({ length: 1001 }, (_, i) => `put ${String(i).padStart(4, "0")} v`);
  const output =
    (await session([...puts, "scan", "scan --all", "prefix 000 --limit 10", "scan --limit 2"]))
      .slice(puts.length);
  const ends = output.filter((line) => line.startsWith("("));
  assertEquals(ends, [
    "(1,000 entries printed; there are more: add --limit N or --all)",
    "(1,001 entries)",
    "(10 entries)",
    "(2 entries printed; there are more: add --limit N or --all)",
  ]);
  assertEquals(output.length, 1000 + 1001 + 10 + 2 + ends.length);
});

Deno.test("a line that fails is one line, and the next one is carried out", async () => {
  const output = await session([
    "foo",
    "get",
    `get ${"k".repeat(70_000)}`,
    'get "a',
    "put a 1",
    "get a",
  ]);
  assertEquals(output.length, 6);
  for (const line of output.slice(0, 4)) assertMatch(line, /^!error: \S/);
  assertMatch(output[2]!, /65536/);
  assertEquals(output.slice(4), ["ok", "1"]);
});

Deno.test("an error has no control characters in it", async () => {
  const output = await session(['get "\x1b[2J"x', "scan --\x07"]);
  assertEquals(output.length, 2);
  for (const line of output) assertEquals(line.match(/\p{C}/u), null);
});

Deno.test("after the database is closed every command is an error of one line", async () => {
  const database = openDatabase("data", codecs, new MemoryFileSystem());
  const output: string[] = [];
  const print = (text: string) => void output.push(text);
  const shell = new Shell({ database, print, printError: print });
  await database.close();
  const lines = [
    "get a",
    "put a 1",
    "delete a",
    "scan",
    "prefix a",
    "count",
    "stats",
    "levels",
    "flush",
  ];
  for (const line of [...lines, "compact"]) assertEquals(await shell.execute(line), true);
  assertEquals(output.length, 10);
  for (const line of output) assertMatch(line, /^error: .*closed.*\n$/);
});

Deno.test("stats, levels and help are tables for a person", async () => {
  const output = await session(["put a 1", "flush", "compact", "levels"]);
  assertEquals(output[3], "level  tables       bytes");
  assertMatch(output.at(-1)!, /^ {2}all {7}1 {7}\d+ B$/);
  assertMatch(
    (await session(["put a 1", "stats"])).join("\n"),
    /^memtable +1 entry, .* of 8\.0 MiB/m,
  );
  assertMatch((await session(["help"])).join("\n"), /^ +put KEY VALUE +\w/m);
});

Deno.test("compact drops what is overwritten and deleted", async () => {
  const output = await session([
    "put a 1",
    "put b 2",
    "flush",
    "delete a",
    "put b 3",
    "compact",
    "scan",
  ]);
  assertEquals(output.slice(-3), ["ok", "b = 3", "(1 entry)"]);
});

Deno.test("run() ends with the lines or at exit, with a prompt before each line", async () => {
  await using database = openDatabase("data", codecs, new MemoryFileSystem());
  let output = "";
  const print = (text: string) => void (output += text);
  const shell = new Shell({ database, print, printError: print });
  await shell.run(each(["put a 1", "", "EXIT", "put a 2"]), "> ");
  assertEquals(output, "> ok\n> > ");
  output = "";
  await shell.run(each(["get a"]), "> ");
  assertEquals(output, "> 1\n> \n");
  output = "";
  await shell.run(each(["get a"]));
  assertEquals(output, "1\n");
});

Deno.test("run() fails if nobody takes the output", async () => {
  await using database = openDatabase("data", codecs, new MemoryFileSystem());
  const print = () => Promise.reject(new Error("closed"));
  const shell = new Shell({ database, print, printError: () => {} });
  await assertRejects(() => shell.run(each(["get a", "get b"])), Error, "Cannot print");
});

Deno.test("an abort ends a scan, and nothing is printed for it", async () => {
  const abort = new AbortController();
  abort.abort();
  assertEquals(await session(["scan", "count", "compact"], { signal: abort.signal }), []);
});

Deno.test("the logger is told how long each command took", async () => {
  const logged: string[] = [];
  await session(["put a 1", ""], {
    logger: { log: (level, source, message) => void logged.push(`${level} ${source}: ${message}`) },
  });
  assertEquals(logged.length, 1);
  assertMatch(logged[0]!, /^debug shell: put took \d+\.\d ms$/);
});

// ——— The program ———

const program = fromFileUrl(import.meta.resolve("./shell.ts"));

function start(args: string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-env=VARVE_DEBUG",
      program,
      ...args,
    ],
    env: { NO_COLOR: "1", VARVE_DEBUG: "", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function type(child: Deno.ChildProcess, input: string): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  writer.releaseLock();
}

/** Gives a shell all of its input and waits until it has ended. */
async function pipe(
  input: string | Uint8Array,
  args: string[],
  env?: Record<string, string>,
): Promise<{ code: number; output: string; errors: string }> {
  const child = start(args, env);
  const writer = child.stdin.getWriter();
  // A shell that does not start reads nothing.
  await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input)
    .then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout), errors: text(stderr) };
}

const STAMP = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;

Deno.test("B17: the shell ends at the end of input", inProcesses, async () => {
  await inDirectory(async (directory) => {
    for (const [input, output] of [["", ""], ["put a 1\n", "ok\n"], ["get a", "1\n"]] as const) {
      const ended = await pipe(input, [directory]);
      assertEquals(ended, { code: 0, output, errors: "" }, JSON.stringify(input));
    }
  });
});

Deno.test("a pipe gets the results and nothing else", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const script = 'put "a key" é\r\n\r\nbogus\nput b 2\nscan\nEXIT\nput c 3\n';
    const { code, output, errors } = await pipe(script, [directory]);
    assertEquals(output, 'ok\nok\n"a key" = é\nb = 2\n(2 entries)\n');
    assertEquals(errors, "error: unknown command bogus: help lists them all\n");
    assertEquals(code, 0);
    assertEquals((await pipe("count\n", [directory])).output, "2\n");
    // What is not UTF-8 is refused rather than stored as something else.
    const latin = await pipe(Uint8Array.of(0x67, 0x65, 0x74, 0x20, 0xe9, 0x0a), [directory]);
    assertMatch(latin.errors, /^error: the line is not UTF-8.*\n$/);
    assertEquals(latin.code, 0);
  });
});

Deno.test("--debug or VARVE_DEBUG=1 logs time, level and source", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const line = new RegExp(`^${STAMP} (debug|info |warn |error) [\\w ]+: .+$`);
    const input = "put a 1\nflush\n";
    for (
      const { errors, output } of [
        await pipe(input, ["--debug", directory]),
        await pipe(input, [directory], { VARVE_DEBUG: "1" }),
      ]
    ) {
      const lines = errors.trimEnd().split("\n");
      for (const it of lines) assertMatch(it, line);
      assertMatch(lines[0]!, / engine: opened | log: |recovery: /);
      assert(lines.some((it) => it.includes("debug shell: flush took")), errors);
      assertMatch(lines.at(-1)!, /info {2}engine: closed /);
      assertEquals(output, "ok\nok\n");
    }
    for (const off of ["", "0"]) {
      assertEquals((await pipe(input, [directory], { VARVE_DEBUG: off })).errors, "");
    }
  });
});

Deno.test("a database that cannot be opened is one line and status 1", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const database = openDatabase(directory, codecs, denoFileSystem);
    const locked = await pipe("get a\n", [directory]);
    await database.close();
    assertEquals({ ...locked, errors: "" }, { code: 1, output: "", errors: "" });
    assertMatch(locked.errors, /^error: .*lock.*\n$/i);

    const manifest = [...Deno.readDirSync(directory)].find(({ name }) =>
      name.startsWith("MANIFEST")
    )!;
    await Deno.writeTextFile(join(directory, manifest.name), "x".repeat(100));
    const damaged = await pipe("get a\n", [directory]);
    assertEquals({ ...damaged, errors: "" }, { code: 1, output: "", errors: "" });
    assertMatch(damaged.errors, new RegExp(`^error: .*offset \\d+ of .*${manifest.name}\n$`));
  });
});

Deno.test("--read-only changes nothing, and makes nothing", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "db");
    const missing = await pipe("", ["--read-only", path]);
    assertEquals(missing.code, 1);
    assertMatch(missing.errors, /^error: Cannot open database: .*\n$/);
    await pipe("put a 1\n", [path]);
    const { code, output, errors } = await pipe("put a 2\nget a\n", [path, "--read-only"]);
    assertEquals([code, output], [0, "1\n"]);
    assertMatch(errors, /^error: Cannot write: .*reading only\n$/);
  });
});

Deno.test("--help explains, and arguments it does not know are status 2", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const help = await pipe("", ["--help"]);
    assertEquals([help.code, help.errors], [0, ""]);
    assertMatch(help.output, /Usage: deno task shell/);
    for (const args of [["--bogus"], [directory, directory]]) {
      const { code, output, errors } = await pipe("", args);
      assertEquals([code, output], [2, ""]);
      assertMatch(errors, /^error: .+\n$/);
    }
  });
});

Deno.test(
  "a reader who has had enough ends the shell, and the database is closed",
  inProcesses,
  async () => {
    await inDirectory(async (directory) => {
      const database = openDatabase(directory, codecs, denoFileSystem);
      const batch = database.batch();
      const value = new Uint8Array(1000).fill(0x76);
      for (let i = 0; i < 2000; i++) batch.put(new TextEncoder().encode(`key ${i}`), value);
      await batch.commit();
      await database.close();

      const child = start(["--debug", directory]);
      await type(child, "scan --all\nput after 1\n");
      const reader = child.stdout.getReader();
      await reader.read();
      await reader.cancel();
      const [{ code }, errors] = await Promise.all([
        child.status,
        new Response(child.stderr).text(),
      ]);
      assertEquals(code, 0, errors);
      assert(!errors.includes("error"), errors);
      assertMatch(errors, /engine: closed .*\n$/);
      await child.stdin.close().catch(() => {});
    });
  },
);

Deno.test("a signal ends the shell, and the database is closed", {
  ignore: inProcesses.ignore || Deno.build.os === "windows",
}, async () => {
  await inDirectory(async (directory) => {
    for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const child = start(["--debug", directory]);
      await type(child, "put a 1\n");
      const reader = child.stdout.getReader();
      assertEquals(new TextDecoder().decode((await reader.read()).value), "ok\n");
      child.kill(signal);
      const [{ code }, errors] = await Promise.all([
        child.status,
        new Response(child.stderr).text(),
      ]);
      assertEquals(code, status, errors);
      assertMatch(errors, /engine: closed .*\n/);
      await reader.cancel();
      await child.stdin.close().catch(() => {});
    }
  });
});
