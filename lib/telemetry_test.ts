/**
 * Opening with telemetry while nobody takes it. That it arrives where somebody does is in
 * `../tests/telemetry_test.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DatabaseEvent } from "./events.ts";
import { VarveError } from "./errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { OpenOptions } from "./options.ts";
import { open } from "./telemetry.ts";

Deno.test("open() gives a database like any other, and the caller's listener all events (invariant 4)", async () => {
  const events: DatabaseEvent[] = [];
  const fileSystem = new MemoryFileSystem();
  const db = await open("data", { fileSystem, onEvent: (event) => void events.push(event) });
  const sublevel = db.sublevel("s");
  const batch = db.batch().put("a", "1");
  batch.on(sublevel).put("b", "2"); // a batch knows its database by itself
  await batch.commit();
  await db.flush();
  await db.put("c", "3");
  await db.compact({ gte: "a" });
  await db.resume();
  assertEquals([await db.get("a"), sublevel.getSync("b")], ["1", "2"]);
  await db.close();
  await assertRejects(() => db.flush(), VarveError, "closed");
  await assertRejects(() => db.compact({ from: "a" } as never), TypeError, "from");
  const kinds = events.map(({ type }) => type);
  assertEquals([kinds[0], kinds.at(-1)], ["recovery", "close"]);
  assert(kinds.includes("flush"));
  await using again = await open(new URL("file:///data"), { fileSystem: new MemoryFileSystem() });
  assertEquals(again.stats().sequence, 0);
});

Deno.test("open() refuses what the main one refuses, and leaves the caller's options alone", async () => {
  const fileSystem = new MemoryFileSystem();
  const wrongs: [unknown, unknown][] = [
    [5, {}],
    ["data", null],
    ["data", { onEvent: 5 }],
    ["data", { fileSystem, memtable: 5 }],
  ];
  for (const [directory, options] of wrongs) {
    const act = () => open(directory as string, options as OpenOptions);
    await assertRejects(act, TypeError, "Cannot open database");
  }
  const missing = () => open("data", { fileSystem, createIfMissing: false });
  assertEquals((await assertRejects(missing, VarveError)).code, "NOT_FOUND");
  const options: OpenOptions = Object.freeze({ fileSystem });
  await using db = await open("data", options);
  assertEquals([db.directory, Object.keys(options)], ["data", ["fileSystem"]]);
});
