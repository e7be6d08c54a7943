import { assert, assertEquals, assertMatch } from "@std/assert";
import { CliSession } from "../tests/fixtures/cli_session.ts";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { addLoad } from "./cli_load.ts";
import { gzipSync } from "node:zlib";
import { SignalError } from "./cli_context.ts";
import { generator } from "./random.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";

const decoder = new TextDecoder();

async function entriesOf(session: CliSession, directory = "db"): Promise<string[][]> {
  await using database = session.open(directory);
  return [...database.entriesSync()].map((entry) => entry.map((it) => decoder.decode(it)));
}

Deno.test("load takes each format from a pipe", async () => {
  const cases: [string[], string][] = [
    [[], '{"key":"a","value":"1"}\n{"key":"b","value":"2"}'],
    [["--format", "csv"], "value,key\r\n1,a\r\n2,b\r\n"],
    [["-", "--format", "tsv", "--no-header"], "a\t1\nb\t2\n"],
    [["--format", "csv", "--header", "id,n"], "x,n,id\n,1,a\n,2,b\n"],
    [
      ["--key-encoding", "hex", "--value-encoding", "json"],
      '{"key":"61","value":1}\n{"key":"62","value":2}',
    ],
  ];
  for (const [options, input] of cases) {
    const session = new CliSession([addLoad]);
    const { status, errors } = await session.run(["load", "db", ...options], { input });
    assertEquals([status, errors], [0, ""]);
    assertEquals(await entriesOf(session), [["a", "1"], ["b", "2"]], options.join(" "));
  }
});

Deno.test("load puts into a sublevel", async () => {
  const session = new CliSession([addLoad]);
  const input = '{"key":"a","value":"1"}\n';
  await session.run(["load", "db", "--sublevel", "x", "--sublevel", "y"], { input });
  assertEquals(await entriesOf(session), [["!x!!y!a", "1"]]);
});

Deno.test("load says what it did, as JSON too", async () => {
  const session = new CliSession([addLoad]);
  const input = '{"key":"a","value":"1"}\n\n{"key":"a","value":"2"}\n';
  const { output } = await session.run(["load", "db", "--json"], { input });
  assertEquals(output, '{"entries":2,"skipped":0,"lines":3,"bytes":49,"resumedAt":null}\n');
  const { output: text } = await session.run(["load", "db"], { input });
  assertMatch(text, /^loaded 2 entries of the standard input: 49 B in [\d.]+ s, [\d,]+\/s\n$/);
});

Deno.test("load stops at a bad line, and keeps what came before it", async () => {
  const session = new CliSession([addLoad]);
  const input = '{"key":"a","value":"1"}\nbad\n{"key":"b","value":"2"}\n';
  const { status, output, errors } = await session.run(["load", "db"], { input });
  assertEquals([status, output], [2, ""]);
  assertMatch(
    errors,
    /^error: Cannot load line 2 of the standard input, at byte 24: it is not JSON/,
  );
  assertMatch(
    errors,
    /; 1 entry is loaded; a pipe cannot be resumed: run it again from the start\n$/,
  );
  assertEquals(await entriesOf(session), [["a", "1"]]);
});

Deno.test("load leaves out as many bad lines as it may", async () => {
  const input = `bad\n{"key":"${"k".repeat(70_000)}","value":""}\n{"key":"a","value":"1"}\n`;
  for (const [options, expected] of [[["2"], 1], [[], 1], [["1"], 2]] as const) {
    const session = new CliSession([addLoad]);
    const run = await session.run(["load", "db", "--skip-errors", ...options], { input });
    assertEquals(run.status, expected, options.join());
    if (expected === 1) assertEquals(await entriesOf(session), [["a", "1"]]);
    else assertMatch(run.errors, /line 2 .*, after 1 bad line before it: .* over the limit/);
  }
});

Deno.test("load refuses wrong options before it makes a database", async () => {
  const session = new CliSession([addLoad]);
  const cases = [
    ["--verify"],
    ["--header", "a"],
    ["--header", "a,b"],
    ["--line-limit", "3"],
    ["--skip-errors", "x"],
    ["--format", "xml"],
    ["--key-encoding", "escaped"],
    ["data.txt"],
    ["--gzip"],
  ];
  for (const options of cases) {
    const { status, errors } = await session.run(["load", "db", ...options], { input: "a,b\n" });
    assertEquals([status, errors.split("\n").length], [2, 2], options.join(" "));
  }
  assertEquals(session.fileSystem.exists("db"), false);
});

Deno.test("load goes on after a signal, from where it says", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.csv`;
    let text = "key,value\n";
    for (let i = 0; i < 60_000; i++) text += `${i % 40_000},"${i}\n${"x".repeat(40)}"\n`;
    await Deno.writeTextFile(file, text);
    const session = new CliSession([addLoad]);
    const interrupt = new AbortController();
    interrupt.abort(new SignalError("SIGTERM", 15));
    assertEquals((await session.run(["load", "db", file], interrupt)).status, 143);
    const args = ["load", "db", file, "--json", "--verify"];
    const { status, output, errors } = await session.run(args);
    assertEquals(status, 0);
    assertMatch(errors, /^note: going on at line [\d,]+ of .*\n$/);
    const { entries, lines, bytes } = JSON.parse(output);
    assertEquals([entries, lines, bytes], [60_000, 120_001, text.length]);
    const found = await entriesOf(session);
    assertEquals(found.length, 40_000);
    assert(found.every(([key, value]) => {
      const last = Number(key) < 20_000 ? Number(key) + 40_000 : Number(key);
      return value === `${last}\n${"x".repeat(40)}`;
    }));
  });
});

Deno.test("load with other options starts again", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.ndjson`;
    await Deno.writeTextFile(file, '{"key":"61","value":"1"}\n{"key":"x","value":"1"}\n');
    const session = new CliSession([addLoad]);
    const hex = ["load", "db", file, "--key-encoding", "hex"];
    assertEquals((await session.run(hex)).status, 2);
    const { status, errors } = await session.run(["load", "db", file]);
    assertEquals(status, 0);
    assertMatch(errors, /^note: .* but the options are others: it is loaded from its start\n$/);
    assertEquals((await entriesOf(session)).map(([key]) => key), ["61", "a", "x"]);
  });
});

/** A signal that comes when it is looked at for the n-th time. */
function signalAtLook(n: number): AbortSignal {
  const interrupt = new AbortController();
  const { signal } = interrupt;
  let looks = 0;
  signal.throwIfAborted = () => {
    if (++looks === n) interrupt.abort(new SignalError("SIGINT", 2));
    AbortSignal.prototype.throwIfAborted.call(signal);
  };
  return signal;
}

Deno.test("a signal within a line over the limit loses nothing", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.ndjson`;
    const bad = `${directory}/bad.ndjson`;
    const long = `{"key":"b","value":"${"x".repeat(3_000_000)}"}`;
    await Deno.writeTextFile(
      file,
      `{"key":"a","value":"1"}\n${long}\n{"key":"c","value":"3"}\n`,
    );
    const args = ["--line-limit", "100", "--skip-errors", "--errors", bad, "--json"];
    for (const look of [1, 2, 3, 4, 5, 6]) {
      const session = new CliSession([addLoad]);
      const first = await session.run(["load", "db", file, ...args], {
        signal: signalAtLook(look),
      });
      assertEquals(first.status, 130);
      const loaded = await entriesOf(session);
      if (look > 1) assertEquals(loaded[1], ["a", "1"], `look ${look}`);
      const { status, output } = await session.run(["load", "db", file, ...args]);
      assertEquals([status, JSON.parse(output).entries, JSON.parse(output).skipped], [1, 2, 1]);
      assertEquals(JSON.parse(output).resumedAt, look === 1 ? 1 : 2);
      assertEquals(await entriesOf(session), [["a", "1"], ["c", "3"]]);
      assertEquals((await Deno.readTextFile(bad)).split("\n").length, 2, `look ${look}`);
      await Deno.remove(bad);
    }
  });
});

Deno.test("a bad line that could not be told of is told of by the next run", {
  ignore: onDisk.ignore || Deno.build.os !== "linux",
}, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.ndjson`;
    const bad = `${directory}/bad.ndjson`;
    await Deno.writeTextFile(file, '{"key":"a","value":"1"}\nbad\n{"key":"b","value":"2"}\n');
    await Deno.writeTextFile(bad, "mine\n");
    const session = new CliSession([addLoad]);
    const args = ["load", "db", file, "--skip-errors", "--errors"];
    const full = await session.run([...args, "/dev/full"]);
    assertEquals(full.status, 2);
    assertMatch(
      full.errors,
      /^error: Cannot write \/dev\/full: .*; 1 entry is loaded; .* line 2\n$/,
    );
    assertEquals((await session.run([...args, bad])).status, 1);
    assertMatch(await Deno.readTextFile(bad), /^mine\n\{"line":2,.*\n$/);
    assertEquals(await entriesOf(session), [["a", "1"], ["b", "2"]]);
  });
});

Deno.test("load verifies what it loaded, and not what it left out", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.ndjson`;
    const key = "k".repeat(65_534);
    await Deno.writeTextFile(
      file,
      `{"key":"${
        "k".repeat(70_000)
      }","value":""}\n{"key":"${key}","value":""}\n{"key":"a","value":"1"}\n`,
    );
    const session = new CliSession([addLoad]);
    const args = ["load", "db", file, "--verify", "--skip-errors", "--json"];
    const all = await session.run(args);
    assertEquals([all.status, all.errors, JSON.parse(all.output).entries], [1, "", 2]);
    const part = await session.run([...args, "--sublevel", "sub"]);
    assertEquals([part.status, part.errors, JSON.parse(part.output).entries], [1, "", 1]);
  });
});

Deno.test("a file is told from another one of its size and time", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.csv`;
    const write = async (last: string) => {
      await Deno.writeTextFile(
        file,
        `a,1\n${`b,${"2".repeat(998)}\n`.repeat(200)}bad\nc,${last}\n`,
      );
      await Deno.utime(file, 1_700_000_000, 1_700_000_000);
    };
    const session = new CliSession([addLoad]);
    const args = ["load", "db", file, "--no-header"];
    await write("1");
    assertEquals((await session.run(args)).status, 2);
    await write("2");
    const { errors } = await session.run([...args, "--skip-errors"]);
    assertMatch(errors, /but the file has changed: it is loaded from its start\n$/);
    await write("1");
    assertEquals((await session.run(args)).status, 2);
    await Deno.symlink(file, `${directory}/link.csv`);
    const { errors: ofLink } = await session.run([
      "load",
      "db",
      `${directory}/link.csv`,
      ...args.slice(3),
    ]);
    assertMatch(ofLink, /note: going on at line 202 of .*link\.csv\n/);
  });
});

Deno.test("a packed file may be followed by zeros, and by nothing else", onDisk, async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/input.ndjson.gz`;
    const packed = gzipSync('{"key":"a","value":"1"}\n');
    for (
      const [rest, status] of [[new Uint8Array(2_000_000), 0], [Uint8Array.of(65), 2]] as const
    ) {
      await Deno.writeFile(file, new Uint8Array([...packed, ...rest]));
      const session = new CliSession([addLoad]);
      const result = await session.run(["load", "db", file]);
      assertEquals(result.status, status, result.errors);
    }
  });
});

Deno.test(
  "power cuts at any step: the load that goes on ends as one that was not cut",
  onDisk,
  async () => {
    await inDirectory(async (directory) => {
      const file = `${directory}/input.csv`;
      const bad = `${directory}/bad.ndjson`;
      const args = ["load", "db", file, "--skip-errors", "--errors", bad, "--json"];
      let text = "key,value\n";
      for (let i = 0; i < 8000; i++) {
        text += i % 700 === 3 ? "bad\n" : `${i * 7919 % 5003},"${i}\n${"x".repeat(i % 900)}"\n`;
      }
      await Deno.writeTextFile(file, text);
      const whole = new CliSession([addLoad]);
      const { output } = await whole.run(args);
      const expected = await entriesOf(whole);
      const told = await Deno.readTextFile(bad);
      let resumed = 0;
      for (let seed = 1; seed <= 10; seed++) {
        await Deno.remove(bad);
        const random = generator(seed);
        let disk = new SimulatedFileSystem({ seed });
        for (let cut = 0; cut < 2; cut++) {
          const powered = disk;
          const last = 20 + random(40);
          powered.onMutation = ({ index }) => index >= last && powered.cutPower();
          await new CliSession([addLoad], { fileSystem: powered }).run(args);
          disk = powered.crash(seed % 2 === 0 ? 1 : undefined); // 1: all is kept
          // One that was through, whether it could still say so or not, tells of all bad lines when it is run again.
          const left = await entriesOf(new CliSession([], { fileSystem: disk }));
          if (JSON.stringify(left) === JSON.stringify(expected)) await Deno.writeTextFile(bad, "");
        }
        const session = new CliSession([addLoad], { fileSystem: disk });
        const result = await session.run(args);
        const { resumedAt, ...counts } = JSON.parse(result.output);
        if (resumedAt > 1) resumed++;
        const { resumedAt: _, ...expectedCounts } = JSON.parse(output);
        assertEquals([result.status, counts], [1, expectedCounts], `seed ${seed}`);
        assert(
          JSON.stringify(await entriesOf(session)) === JSON.stringify(expected),
          `seed ${seed}`,
        );
        assertEquals(await Deno.readTextFile(bad), told, `seed ${seed}`);
      }
      assert(resumed > 3, `only ${resumed} went on`);
    });
  },
);
