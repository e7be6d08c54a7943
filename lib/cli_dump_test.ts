import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { OutputClosedError, SignalError } from "./cli_context.ts";
import { addDump } from "./cli_dump.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** A session with a database: a table of 50 entries, and a log of three writes. */
async function sessionOf(options: { isTerminal?: boolean; columns?: number } = {}) {
  const fileSystem = new MemoryFileSystem();
  const session = new CliSession([addDump], { fileSystem, ...options });
  const entries = Array.from({ length: 50 }, (_, i) => [`key ${10 + i}`, "v".repeat(100)]);
  await session.fill("data", Object.fromEntries(entries));
  {
    await using db = session.open("data");
    await db.flush();
    const encode = (text: string) => new TextEncoder().encode(text);
    await db.put(encode("a"), encode("1"));
    await db.delete(encode("a"));
    await db.put(encode("b"), encode("x".repeat(1000)));
  }
  const find = (pattern: RegExp) =>
    `data/${fileSystem.list("data").find((name) => pattern.test(name))}`;
  return { session, fileSystem, table: find(/ldb$/), log: find(/log$/), manifest: find(/^MAN/) };
}

Deno.test("dump prints each kind of file, told by its name", async () => {
  const { session, table, log, manifest } = await sessionOf();
  for (const [path, kind] of [[table, "table"], [log, "log"], [manifest, "manifest"]]) {
    const { status, output, errors } = await session.run(["dump", path!]);
    assertEquals([status, errors], [0, ""]);
    assertStringIncludes(output.split("\n")[0]!, `  ${kind}  ${path!.slice("data/".length)}, `);
    assertMatch(output, /\n\d+ entr(y|ies); no damage\n$/);
  }
  const { output } = await session.run(["dump", "data/CURRENT"]);
  assertStringIncludes(output, `manifest  ${manifest.slice("data/".length)}\n`);
});

Deno.test("dump shortens values, shows more of them or leaves them out, as it is told", async () => {
  const { session, log } = await sessionOf();
  const last = async (...args: string[]) => {
    const { output } = await session.run(["dump", log, ...args]);
    return output.split("\n").at(-3)!.split("put  ")[1];
  };
  assertEquals(await last(), `b @53 → ${"x".repeat(64)}… (1000 bytes)`);
  assertEquals(await last("--values", "3"), "b @53 → xxx… (1000 bytes)");
  assertEquals(await last("--values", "full"), `b @53 → ${"x".repeat(1000)}`);
  assertEquals(await last("--keys-only"), "b @53");
});

Deno.test("dump stops after a number of entries", async () => {
  const { session, table } = await sessionOf();
  const { status, output } = await session.run(["dump", table, "--limit", "2"]);
  assertEquals(output.match(/ entry {2}/g)?.length, 2);
  assertEquals([status, output.split("\n").at(-2)], [
    0,
    "2 entries, and more behind them; no damage",
  ]);
  const all = await session.run(["dump", table, "--limit", "50"]);
  assertEquals(all.output.split("\n").at(-2), "50 entries; no damage");
});

Deno.test("dump shows one block, by number, by offset or by name", async () => {
  const { session, table, log } = await sessionOf();
  const blocks = async (path: string, block: string) => {
    const { output } = await session.run(["dump", path, "--block", block]);
    return output.split("\n").map((line) => /^[+\w]{8} +\d+ +\d+ {4}(\w+( \w+)*)/.exec(line)?.[1])
      .filter((name) => name !== undefined);
  };
  assertEquals(await blocks(table, "0"), ["data block 0"]);
  assertEquals(await blocks(table, "@10"), ["data block 0"]);
  assertEquals(await blocks(table, "0xA"), ["data block 0"]);
  for (const name of ["filter", "metaindex", "index"]) {
    assertEquals(await blocks(table, name), [`${name} block`]);
  }
  assertEquals(await blocks(table, "footer"), ["footer"]);
  assertEquals(await blocks(log, "0"), ["fragment", "fragment", "fragment"]);
  assertEquals(await blocks(table, "77"), []);
});

Deno.test("dump says so of a block that is not there", async () => {
  const { session, table } = await sessionOf();
  const { status, errors } = await session.run(["dump", table, "--block", "77"]);
  assertEquals([status, errors], [
    2,
    "error: Cannot dump 000006.ldb: it has no such block: 77\n".replace(
      "000006.ldb",
      table.slice(5),
    ),
  ]);
});

Deno.test("dump writes JSON, an object on each line", async () => {
  const { session, log } = await sessionOf();
  const { output } = await session.run(["dump", log, "--json"]);
  const lines = output.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.at(-1), { entries: 3, damages: 0 });
  assertEquals(lines.map(({ name }) => name).slice(0, 4), ["log", "fragment", "batch", "put"]);
  const { depth, offset, text } = lines[3];
  assertEquals([depth, offset, text], [3, 19, "a @51 → 1"]);
});

Deno.test("dump prints all that can be read of a damaged file, then says where, with status 1", async () => {
  const { session, fileSystem, log } = await sessionOf();
  const bytes = fileSystem.readAll(log);
  fileSystem.writeAll(log, bytes.with(20, 0x7f));
  const { status, output, errors } = await session.run(["dump", log]);
  assertEquals(status, 1);
  assertMatch(output, /!! checksum 0x[0-9a-f]{8} stored, 0x[0-9a-f]{8} computed\n/);
  assertStringIncludes(output, "delete  a @52\n");
  assertMatch(
    errors,
    /^error: 0+\d+\.log is damaged in \d places, the first at byte 0: fragment: [^\n]+\n$/,
  );
});

Deno.test("dump reads a file from the input, and guesses what it is", async () => {
  const { session, fileSystem, table, manifest } = await sessionOf();
  for (const path of [table, manifest]) {
    const input = fileSystem.readAll(path);
    const named = await session.run(["dump", path]);
    const piped = await session.run(["dump", "-"], { input });
    assertEquals(piped.status, 0);
    assertEquals(piped.output.split("\n").slice(1), named.output.split("\n").slice(1));
  }
});

Deno.test("dump believes what is in a file more than its name, and says so", async () => {
  const { session, fileSystem, table } = await sessionOf();
  fileSystem.writeAll("data/000099.log", fileSystem.readAll(table));
  const { status, output, errors } = await session.run(["dump", "data/000099.log"]);
  assertEquals(status, 0);
  assertEquals(errors, "note: it is named as a log, but is a table; --as log insists\n");
  assertStringIncludes(output, "table  000099.log");
  const insisted = await session.run(["dump", "data/000099.log", "--as", "log"]);
  assertEquals(insisted.status, 1);
});

Deno.test("dump refuses what it cannot dump in one line", async () => {
  const { session, fileSystem } = await sessionOf();
  fileSystem.writeAll("notes", new TextEncoder().encode("some notes of some length"));
  fileSystem.writeAll("empty", new Uint8Array(0));
  fileSystem.writeAll("000001.log", new Uint8Array(0));
  fileSystem.writeAll("000001.ldb", new Uint8Array(0));
  const refused = async (...args: string[]) => {
    const { status, output, errors } = await session.run(["dump", ...args]);
    assertEquals([output, errors.split("\n").length], ["", 2], errors);
    return [status, errors.trimEnd()];
  };
  assertEquals(await refused("notes"), [
    2,
    "error: Cannot dump notes: it is no log, manifest, table or CURRENT, by its name or by what is in it; try --as",
  ]);
  assertEquals(await refused("empty"), [2, "error: Cannot dump empty: it is empty"]);
  assertEquals((await refused("nowhere"))[0], 2);
  assertEquals((await refused("data"))[0], 2);
  for (
    const args of [
      [],
      ["a", "b"],
      ["notes", "--as", "x"],
      ["notes", "--limit", "-1"],
      ["notes", "--values", "many"],
      ["notes", "--block", "some"],
      ["notes", "--oops"],
    ]
  ) {
    assertEquals((await refused(...args))[0], 2, args.join(" "));
  }
  const log = await session.run(["dump", "000001.log"]);
  assertEquals([log.status, log.output.split("\n")[1]], [0, "0 entries; no damage"]);
  const table = await session.run(["dump", "000001.ldb"]);
  assertEquals(table.status, 1);
  assertMatch(
    table.errors,
    /^error: 000001\.ldb is damaged in one place at byte 0: end: a table of 0 bytes/,
  );
});

Deno.test("dump has colours on a terminal only, and the width of one", async () => {
  const { session, log } = await sessionOf({ isTerminal: true, columns: 80 });
  const { output } = await session.run(["dump", log, "--hex"]);
  assertStringIncludes(output, "\x1b[");
  const piped = await (await sessionOf()).session.run(["dump", log, "--hex"]);
  assertEquals(piped.output.includes("\x1b"), false);
  // Sixteen bytes on a line where there is no terminal, eight where one is narrow.
  const sixteen = /^[0-9a-f]{8}( {2}([0-9a-f]{2} ){7}[0-9a-f]{2}){2} {2}/m;
  assertEquals([sixteen.test(piped.output), sixteen.test(output)], [true, false]);
});

Deno.test("dump ends when nobody reads any more, and when a signal comes", async () => {
  const { session, table } = await sessionOf();
  const { status, errors } = await session.run(["dump", table, "--hex"], {
    onWrite: () => {
      throw new OutputClosedError();
    },
  });
  assertEquals([status, errors], [0, ""]);
});

Deno.test("dump ends by a signal also while it waits for its input", async () => {
  const controller = new AbortController();
  const input = new ReadableStream<Uint8Array>({
    pull: () => controller.abort(new SignalError("SIGINT", 2)), // and nothing comes
  }, { highWaterMark: 0 });
  const { status, output, errors } = await new CliSession([addDump]).run(["dump", "-"], {
    input,
    signal: controller.signal,
  });
  assertEquals([status, output, errors], [130, "", ""]);
});

Deno.test("dump wants a name", async () => {
  const { status, errors } = await new CliSession([addDump]).run(["dump", ""]);
  assertEquals([status, errors], [2, "error: Cannot dump: the name of the file is empty\n"]);
});
