/**
 * **What.** `varve load` and `varve export` as programs: round trips of any bytes, loads that are killed and taken up
 * again, the bar on a terminal and its absence in a pipe, statuses, and how much memory it takes.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bytes } from "../lib/codec.ts";
import { generator } from "../lib/random.ts";
import { open } from "../mod.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { atTerminal, atTerminals, CTRL_C, inPipe, startInPipe } from "./fixtures/terminal.ts";
import { inProcesses } from "./permissions.ts";

const codecs = { key: bytes, value: bytes };

/** Opens it and hands on what it has. */
async function entriesOf(directory: string): Promise<[string, string][]> {
  await using db = await open(directory, { ...codecs, readOnly: true });
  return [...db.entriesSync()].map(([key, value]) => [key.toHex(), value.toHex()]);
}

/** So many lines of ndjson. */
function lines(count: number, value = (i: number) => `value ${i}`): string {
  let text = "";
  for (let i = 0; i < count; i++) text += `{"key":"key ${i}","value":"${value(i)}"}\n`;
  return text;
}

Deno.test("any bytes come back through each format", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const seed = 20_261_122;
    const random = generator(seed);
    const data = (top: number) => Uint8Array.from({ length: random(30) }, () => random(top));
    const source = join(directory, "source");
    {
      await using db = await open(source, codecs);
      const batch = db.batch();
      for (let i = 0; i < 2000; i++) batch.put(data(i % 2 ? 256 : 64), data(i % 3 ? 256 : 128));
      await batch.commit();
    }
    const expected = await entriesOf(source);
    const ways: [string, string[]][] = [
      ["a.ndjson", []],
      ["b.jsonl.gz", ["--value-encoding", "json"]],
      ["c.csv", ["--key-encoding", "base64", "--value-encoding", "hex"]],
      ["d.tsv.gz", ["--key-encoding", "hex", "--value-encoding", "base64", "--no-header"]],
    ];
    await Promise.all(ways.map(async ([name, options]) => {
      const file = join(directory, name);
      const exported = await inPipe(["export", source, file, "--json", ...options]);
      assertEquals([exported.status, exported.errors], [0, ""], `seed ${seed}`);
      assertEquals(JSON.parse(exported.output).entries, expected.length);
      const target = join(directory, `${name}_db`);
      const loaded = await inPipe(["load", target, file, "--json", "--verify", ...options]);
      assertEquals([loaded.status, loaded.errors], [0, ""], `seed ${seed}`);
      assertEquals(await entriesOf(target), expected, `seed ${seed}, ${name}`);
    }));
    const refused = await inPipe(["export", source, join(directory, "e.csv")]);
    assertEquals(refused.status, 2);
    assertMatch(
      refused.errors,
      /^error: Cannot export .* is not UTF-8; --\w+-encoding base64 .*\n$/,
    );
    assert(![...Deno.readDirSync(directory)].some(({ name }) => name.startsWith("e.csv")));
  });
});

Deno.test("a load that is killed goes on, and ends as one that was not", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "input.ndjson");
    // Keys that are there again later: the last value has to win, whatever was loaded twice.
    let text = "";
    for (let i = 0; i < 40_000; i++) {
      text += `{"key":"${i * 7919 % 30_000}","value":"${i} ${"x".repeat(90)}"}\n`;
      if (i % 1000 === 500) text += "bad\n";
    }
    await Deno.writeTextFile(file, text);
    const errors = join(directory, "bad.ndjson");
    const target = join(directory, "killed");
    const args = ["load", target, file, "--skip-errors", "--errors", errors, "--json"];
    // Each run is killed when the database has grown: a count of bytes, and no time, says when. One that was through
    // before its end came is no use: all is begun again.
    let killed = 0;
    for (let run = 0; run < 10 && killed < 2; run++) {
      const child = startInPipe(args);
      const before = await logBytes(target);
      let isOver = false;
      const ended = child.status.then((status) => (isOver = true, status));
      while (!isOver && await logBytes(target) < before + 600_000) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      if (!isOver) child.kill("SIGKILL");
      const { signal } = await ended;
      await Promise.all([child.stdin.close(), child.stdout.cancel(), child.stderr.cancel()]);
      if (signal === "SIGKILL") {
        killed++;
      } else {
        killed = 0;
        for (const path of [target, errors]) await Deno.remove(path, { recursive: true });
      }
    }
    assertEquals(killed, 2, "runs end before they can be killed");
    const { status, output, errors: told } = await inPipe(args);
    const result = JSON.parse(output);
    assertEquals(status, 1); // lines were left out
    assert(result.resumedAt > 1, output);
    assertMatch(told, /^note: going on at line [\d,]+ of .*\n$/);
    assertEquals([result.entries, result.skipped, result.lines], [40_000, 40, 40_040]);
    assertEquals((await Deno.readTextFile(errors)).split("\n").length, 41);

    const whole = join(directory, "whole");
    const undisturbed = await inPipe(["load", whole, file, "--skip-errors", "--json"]);
    assertEquals(JSON.parse(undisturbed.output).entries, 40_000);
    const [one, other] = await Promise.all([target, whole].map(entriesOf));
    assertEquals(one!.length, 30_000);
    assert(JSON.stringify(one) === JSON.stringify(other), "the databases differ");
  });
});

/** How many bytes are in a database's directory: it grows while it is written to. */
async function logBytes(directory: string): Promise<number> {
  let sum = 0;
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (!/\.(log|ldb)$/.test(name)) continue;
      sum += (await Deno.stat(join(directory, name)).catch(() => ({ size: 0 }))).size;
    }
  } catch { /* it is not there yet */ }
  return sum;
}

Deno.test("a load that was interrupted, is told so, and goes on", atTerminals, async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "input.ndjson");
    await Deno.writeTextFile(file, lines(100_000, (i) => `${i} ${"y".repeat(90)}`));
    const target = join(directory, "data");
    const first = await atTerminal(["load", target, file], {
      columns: 120,
      type: [{ when: /[1-9]\d* % \[=/, keys: CTRL_C }],
    });
    assertEquals(first.status, 130);
    assertMatch(first.text, / % \[=*>-*\] .* of .* entries, .*\/s, \d+:\d\d left/);
    assertMatch(first.text, /note: [\d,]+ entries are loaded; the next run goes on at line [\d,]+/);
    const second = await atTerminal(["load", target, file], { columns: 120 });
    assertEquals(second.status, 0);
    assertMatch(second.text, /note: going on at line [\d,]+ of /);
    assertMatch(second.text, /loaded 100,000 entries of .*: [\d.]+ MiB in [\d.]+ s, [\d,]+\/s\n$/);
    const exported = await atTerminal(["export", target, join(directory, "again.ndjson")]);
    assertMatch(exported.text, /exported 100,000 entries to .*\n$/);
    assertEquals((await entriesOf(target)).length, 100_000); // and no checkpoint
  });
});

Deno.test("in a pipe there is no bar, and each error is one line", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const at = (name: string) => join(directory, name);
    const bad = `${lines(3)}{"key":"x"}\n${lines(5)}`;
    await Deno.writeTextFile(at("bad.ndjson"), bad);
    await Deno.writeTextFile(at("data.txt"), bad);
    await Deno.writeTextFile(at("cut.gz"), "\x1f\x8b");
    const [piped, stopped, skipped, missing, format, packed, cut, noDatabase] = await Promise.all([
      inPipe(["load", at("a")], { input: lines(1000) }),
      inPipe(["load", at("b"), at("bad.ndjson")]),
      inPipe(["load", at("c"), at("bad.ndjson"), "--skip-errors", "1"]),
      inPipe(["load", at("d"), at("nowhere.csv")]),
      inPipe(["load", at("d"), at("data.txt")]),
      inPipe(["load", at("d"), at("bad.ndjson"), "--gzip"]),
      inPipe(["load", at("e"), at("data.txt"), "--format", "csv", "--line-limit", "64"]),
      inPipe(["export", at("nowhere")]),
    ]);
    assertEquals([piped.status, piped.errors], [0, ""]);
    assertMatch(piped.output, /^loaded 1,000 entries of the standard input: .*\n$/);
    assertEquals([stopped.status, stopped.output], [2, ""]);
    assertStringIncludes(stopped.errors, "line 4 of ");
    assertMatch(
      stopped.errors,
      /at byte \d+: it has no "value"; 3 entries are loaded; the next run goes/,
    );
    assertEquals(stopped.errors.split("\n").length, 2);
    assertEquals([skipped.status, skipped.errors], [1, ""]);
    assertMatch(skipped.output, /; 1 bad line was left out\n$/);
    assertEquals([missing.status, format.status, packed.status, cut.status], [2, 2, 2, 2]);
    assertMatch(missing.errors, /^error: Cannot read .*nowhere\.csv: there is no such file\n$/);
    assertMatch(format.errors, /^error: Cannot tell the format of .*: say it with --format\n$/);
    assertMatch(packed.errors, /^error: Cannot read .*: it is not packed with gzip\n$/);
    assertMatch(cut.errors, /^error: Cannot load line 1 of .*\n$/);
    assertEquals(noDatabase.status, 2);
    assert(
      ![...Deno.readDirSync(directory)].some(({ name }) => name === "d" || name === "nowhere"),
    );
    // The rest of the file after the bad line, by the checkpoint that the stop has left.
    const again = await inPipe(["load", at("b"), at("bad.ndjson"), "--skip-errors", "--json"]);
    const result = { entries: 8, skipped: 1, lines: 9, bytes: bad.length, resumedAt: 4 };
    assertEquals(JSON.parse(again.output), result);
    const restarted = await inPipe([
      "load",
      at("b"),
      at("bad.ndjson"),
      "--skip-errors",
      "--restart",
    ]);
    assertEquals([restarted.status, restarted.errors], [1, ""]);
  });
});

Deno.test("each option does what it says in the program", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const at = (name: string) => join(directory, name);
    await Deno.writeTextFile(at("in.csv"), 'id,"na",x\n61,MQ==,\n62\n63,Mg==,\n');
    const db = at("db");
    const loaded = await inPipe([
      "load",
      db,
      at("in.csv"),
      "--format=csv",
      "--key-encoding=hex",
      "--value-encoding=base64",
      "--header=id,na",
      "--sublevel=s",
      "--skip-errors=1",
      `--errors=${at("bad")}`,
      "--restart",
      "--verify",
      "--line-limit=1000",
      "--json",
    ]);
    assertEquals([loaded.status, loaded.errors], [1, ""]);
    assertEquals(JSON.parse(loaded.output).entries, 2);
    assertStringIncludes(await Deno.readTextFile(at("bad")), '"record":"62"');
    const exported = await inPipe([
      "export",
      db,
      at("out"),
      "--format=tsv",
      "--key-encoding=hex",
      "--value-encoding=base64",
      "--no-header",
      "--gzip",
      "--sublevel=s",
      "--gte=61",
      "--lte=63",
      "--reverse",
      "--limit=5",
      "--force",
      "--json",
    ]);
    assertEquals([exported.status, exported.output], [0, '{"entries":2,"bytes":16}\n']);
    const again = await inPipe(
      ["load", at("db2"), at("out"), "--format=tsv", "--no-header", "--gzip"],
    );
    assertEquals([again.status, again.errors], [0, ""]);
    const part = await inPipe(
      ["export", at("db2"), "--format=csv", "--header=a,b", "--prefix=6", "--gt=61", "--lt=64"],
    );
    assertEquals(part.output, "a,b\n63,Mg==\n");
  });
});

Deno.test("a file that has changed is loaded from its start", inProcesses, async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "input.csv");
    const target = join(directory, "data");
    await Deno.writeTextFile(file, "key,value\na,1\nb\n");
    assertEquals((await inPipe(["load", target, file])).status, 2);
    await Deno.writeTextFile(file, "key,value\na,1\nb,2\n");
    const { status, errors } = await inPipe(["load", target, file]);
    assertEquals(status, 0);
    assertMatch(errors, /^note: .* but the file has changed: it is loaded from its start\n$/);
    assertEquals((await entriesOf(target)).length, 2);
  });
});

Deno.test(
  "export writes a part, backwards, and no more than its reader takes",
  inProcesses,
  async () => {
    await inDirectory(async (directory) => {
      const target = join(directory, "data");
      assertEquals((await inPipe(["load", target], { input: lines(20_000) })).status, 0);
      const range = ["--prefix", "key 1", "--lt", "key 12", "--reverse", "--limit", "2"];
      const part = await inPipe(["export", target, ...range, "--format", "tsv"]);
      assertEquals(part.output, "key\tvalue\nkey 11999\tvalue 11999\nkey 11998\tvalue 11998\n");
      const child = startInPipe(["export", target]);
      await child.stdin.close();
      await child.stdout.cancel();
      const { code, stderr } = await child.output().catch(async () => ({
        code: (await child.status).code,
        stderr: new Uint8Array(await new Response(child.stderr).arrayBuffer()),
      }));
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
      const file = join(directory, "out.csv");
      await Deno.writeTextFile(file, "mine");
      const refused = await inPipe(["export", target, file]);
      assertEquals(refused.status, 2);
      assertMatch(refused.errors, /there is such a file; --force replaces it\n$/);
      assertEquals(await Deno.readTextFile(file), "mine");
      assertEquals((await inPipe(["export", target, file, "--force", "--json"])).status, 0);
      assertEquals((await Deno.readTextFile(file)).split("\n").length, 20_002);
    });
  },
);

Deno.test("a load takes no more memory the more there is to load", {
  ignore: inProcesses.ignore || Deno.build.os !== "linux",
}, async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "input.ndjson");
    const piece = new TextEncoder().encode(lines(20_000, (i) => `${i} ${"z".repeat(900)}`));
    {
      using out = await Deno.open(file, { write: true, create: true });
      const writer = out.writable.getWriter();
      for (let i = 0; i < 5; i++) await writer.write(piece);
      await writer.close();
    }
    const child = startInPipe(["load", join(directory, "data"), file]);
    await Promise.all([child.stdin.close(), child.stdout.cancel(), child.stderr.cancel()]);
    let peakKib = 0;
    let isOver = false;
    const ended = child.status.then(() => isOver = true);
    while (!isOver) {
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`).catch(() => "");
      peakKib = Math.max(peakKib, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await ended;
    assert(peakKib > 0 && peakKib < 300 * 1024, `${peakKib} KiB`);
  });
});
