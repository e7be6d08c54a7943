/**
 * **What.** `varve kv copy` between a directory, a file of the runtime's own Deno KV and a server that speaks KV
 * Connect, there and back: nothing is lost, expiry is kept where it is known, and what was interrupted goes on.
 *
 * **Read next.** `../lib/cli_kv.ts`
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { KvConnectServer } from "./fixtures/kv_connect_server.ts";
import { runKvCommand, runWithKv } from "./fixtures/kv_copy_program.ts";
import { inProcesses } from "./permissions.ts";

const EXPIRES_IN = 3_600_000;

/** Fills a database with every kind of key and value, and enough of them for several commits. */
const FILL = `
  await kv.set([new Uint8Array([0, 255]), "bytes"], new Uint8Array([1, 2, 3]));
  await kv.set(["kinds", 1.5], new Map([["a", new Set([1n, -2n])]]));
  await kv.set(["kinds", 2n ** 80n], new Date(0));
  await kv.set(["kinds", false], undefined);
  await kv.set(["kinds", true], { a: [1, null, /x/g], b: "\\u{1f600}" });
  await kv.set(["count"], new Deno.KvU64(2n ** 64n - 1n));
  await kv.set(["session"], "soon", { expireIn: ${EXPIRES_IN} });
  for (let i = 0; i < 1200; i += 100) {
    const atomic = kv.atomic();
    for (let j = 0; j < 100; j++) atomic.set(["n", i + j], "value " + (i + j));
    await atomic.commit();
  }
`;
const COUNT = 1207;
const COUNTED = "1,207";

/** Prints everything in a database as one line of text for each entry. */
const PRINT = `
  for await (const { key, value } of kv.list({ prefix: [] })) {
    console.log(Deno.inspect([key, value], { depth: 9, compact: true, breakLength: Infinity }));
  }
`;

function withKv(place: string, body: string): string {
  return `const kv = await Deno.openKv(${JSON.stringify(place)});\n${body}\nkv.close();`;
}

Deno.test(
  "A file, a directory, a server and back: nothing is lost on the way",
  inProcesses,
  async () => {
    await using server = new KvConnectServer();
    await inDirectory(async (directory) => {
      const [file, back] = [`${directory}/from.db`, `${directory}/back.db`];
      const [data, again] = [`${directory}/data`, `${directory}/again`];
      await runWithKv(withKv(file, FILL + "await kv.enqueue(1, { delay: 1000000 });"));
      const started = Date.now();

      const toData = await runKvCommand(["copy", file, data, "--verify"]);
      assertEquals(
        toData,
        {
          status: 0,
          output: toData.output,
          errors: `note: 1 message in the queue of ${file} will not be in ${data}\n`,
        },
      );
      assert(
        new RegExp(`^copied ${COUNTED} entries \\(.*\\)\n`).test(toData.output),
        toData.output,
      );
      assertStringIncludes(toData.output, `compared: ${COUNTED} equal, 0 different, 0 missing\n`);

      const toServer = await runKvCommand(["copy", data, server.url, "--verify"], server.token);
      assertEquals([toServer.status, toServer.errors], [0, ""]);
      assertEquals(server.length, COUNT);
      // The hour is counted from when it was set, through two copies.
      const expiries = server.expiries.filter((time) => time !== 0);
      assertEquals(expiries.length, 1);
      assert(expiries[0]! <= started + EXPIRES_IN + 1000, `${expiries[0]! - started} ms`);
      assert(expiries[0]! > started + EXPIRES_IN - 60_000, `${expiries[0]! - started} ms`);

      const toAgain = await runKvCommand(["copy", server.url, again, "--verify"], server.token);
      assertEquals(toAgain.status, 0);
      assertEquals(
        toAgain.errors,
        `note: ${server.url}/ does not tell when entries expire; the copies will not expire\n`,
      );
      assertEquals((await runKvCommand(["copy", again, `file:${back}`, "--verify"])).status, 0);

      assertEquals(await runWithKv(withKv(back, PRINT)), await runWithKv(withKv(file, PRINT)));
    });
  },
);

Deno.test(
  "A copy to a server that fails goes on where it was, and says so",
  inProcesses,
  async () => {
    await using server = new KvConnectServer();
    await inDirectory(async (directory) => {
      const file = `${directory}/from.db`;
      await runWithKv(withKv(file, FILL));
      server.onWrite = () => {
        if (server.writes === 1) throw new Error("no more room");
      };
      const failed = await runKvCommand(["copy", file, server.url], server.token);
      assertEquals([failed.status, failed.output], [2, ""]);
      assertStringIncludes(
        failed.errors,
        "interrupted: the same command goes on where it was\nerror: ",
      );
      assertStringIncludes(failed.errors, "no more room");
      assertEquals(server.length, 501); // and the checkpoint

      const other = await runKvCommand(["copy", `${directory}/other.db`, server.url], server.token);
      assertEquals(other.status, 2);
      assertStringIncludes(other.errors, "there is no such file");

      server.onWrite = undefined;
      const resumed = await runKvCommand(["copy", file, server.url, "--verify"], server.token);
      assertEquals([resumed.status, resumed.errors], [0, ""]);
      assertStringIncludes(resumed.output, `copied ${COUNTED} entries`);
      assertStringIncludes(resumed.output, "500 of them before");
      assertStringIncludes(resumed.output, `compared: ${COUNTED} equal, 0 different, 0 missing`);
      assertEquals(server.length, COUNT);
    });
  },
);

Deno.test("Without the flag and without a token there is one clear line", inProcesses, async () => {
  await using server = new KvConnectServer();
  await inDirectory(async (directory) => {
    const file = `${directory}/new.db`;
    const set = ["set", `${directory}/data`, '["a"]', "1"];
    assertEquals((await runKvCommand(set, "", ["--allow-all", "--no-check"])).status, 0);
    const without = await runKvCommand(["copy", `${directory}/data`, file], "", [
      "--allow-all",
      "--no-check",
    ]);
    assertEquals(without, {
      status: 2,
      output: "",
      errors:
        `error: Cannot open ${file}: this Deno runs without Deno KV; run it with --unstable-kv\n`,
    });
    const wrong = await runKvCommand(["get", server.url, '["a"]'], "wrong");
    assertEquals([wrong.status, wrong.errors.trimEnd().split("\n").length], [2, 1]);
    assertStringIncludes(wrong.errors, `error: Cannot open ${server.url}/: `);
    assertStringIncludes(wrong.errors, "401");
  });
});

Deno.test(
  "A value that the runtime does not take ends a copy, or is left out",
  inProcesses,
  async () => {
    await inDirectory(async (directory) => {
      const [data, file] = [`${directory}/data`, `${directory}/to.db`];
      await runKvCommand(["set", data, '["large"]', JSON.stringify("x".repeat(70_000))]);
      await runKvCommand(["set", data, '["small"]', "1"]);
      const refused = await runKvCommand(["copy", data, file]);
      assertEquals(refused.status, 2);
      assertStringIncludes(refused.errors, 'error: Cannot copy ["large"]: its value has 70');
      const skipped = await runKvCommand(["copy", data, file, "--skip", "--verify"]);
      assertEquals(skipped.status, 1);
      assertStringIncludes(skipped.errors, 'left out: ["large"]: its value has 70');
      assertStringIncludes(skipped.output, "copied 1 entry (");
      assertStringIncludes(skipped.output, ", 1 left out\n");
      assertStringIncludes(skipped.output, "compared: 1 equal, 0 different, 1 missing");
    });
  },
);
