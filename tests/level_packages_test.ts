/**
 * **What.** Published packages that take an abstract-level database do their work on ours, unchanged: they answer what
 * they answer on `classic-level`, and each opens what it has left in the other's directory.
 *
 * | package | what it is |
 * | -- | -- |
 * | `level-read-stream` | ranges as Node's streams |
 * | `datastore-level` | the store of blocks and records of IPFS and libp2p |
 * | `quadstore` | a graph database: six indexes in sublevels, which change together |
 *
 * **Read next.** `fixtures/level_packages.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { runDeno } from "./fixtures/deno_program.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses } from "./permissions.ts";

interface Answers {
  readonly datastore: { failure: string; found: string[][]; keys: unknown[]; has: boolean[] };
  readonly quads: { known: string[][]; ordered: string[][]; size: number; left: number };
  readonly streams: string[][];
}

async function run(engine: "varve" | "classic", directory: string): Promise<Answers> {
  const program = "tests/fixtures/level_packages.ts";
  const { text, errors, code } = await runDeno(["--allow-all", program, engine, directory]);
  assertEquals(code, 0, errors);
  return JSON.parse(text);
}

Deno.test(
  "datastore-level, quadstore and level-read-stream work as on classic-level",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const answers = await run("varve", `${directory}/varve`);
      const { datastore, quads, streams } = answers;
      assertEquals(datastore.failure, "NotFoundError");
      assertEquals(datastore.found[0], ["/blocks/0467", "block 467"]);
      assertEquals(datastore.keys, [250, "/blocks/0003", "/pins/root"]);
      assertEquals(datastore.has, [true, false]);
      assertEquals([quads.size, quads.left, quads.ordered.length], [119, 0, 5]);
      assertEquals([streams.length, streams[0]![0], streams.at(-1)![0]], [111, "k199", "k1"]);
      assertEquals(await run("classic", `${directory}/classic`), answers);
      // The other way round, on what is there.
      const again = await run("classic", `${directory}/varve`);
      assertEquals(again, answers);
      assertEquals(await run("varve", `${directory}/classic`), answers);
      assert(datastore.found.every(([, value]) => value!.endsWith("7")));
    }),
);
