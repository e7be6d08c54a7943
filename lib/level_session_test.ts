/**
 * The open database below abstract-level: the pool left alone, snapshots kept apart, and what closing waits for.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VarveLevel } from "./level.ts";
import { OpenLevel } from "./level_session.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const FORMS = { keyEncoding: "utf8", valueEncoding: "utf8" } as const;
const RANGE = { ...FORMS, reverse: false, limit: -1 } as const;

function openLevel(fileSystem = new MemoryFileSystem()): OpenLevel {
  return new OpenLevel("db", { fileSystem, sync: false });
}

async function fill(open: OpenLevel, count: number): Promise<void> {
  for (let i = 0; i < count; i++) open.db.putSync(`key ${1000 + i}`, "v".repeat(100));
  await open.db.flush();
}

Deno.test("A get without fillCache answers the same and leaves nothing in the pool", async () => {
  const open = openLevel();
  await fill(open, 1000);
  const pooled = () => open.db.stats().pool.usedBytes;
  const once = { ...FORMS, fillCache: false };
  const { lastSequence } = open.engine;
  open.get("key 1000", FORMS, lastSequence); // the index
  const before = pooled();
  for (let i = 1100; i < 2000; i += 100) {
    assertEquals(open.get(`key ${i}`, once, lastSequence), "v".repeat(100));
  }
  assertEquals(open.get("key", once, lastSequence), undefined);
  assertEquals(pooled(), before);
  assertEquals(open.get("key 1500", FORMS, lastSequence), "v".repeat(100));
  assert(pooled() > before);
  await open.close();
});

Deno.test("clear() deletes in batches of bounded size, and syncs the last if asked", async () => {
  const open = openLevel();
  await fill(open, 5000);
  const { syncs } = open.db.stats().writes;
  const before = open.db.stats().log.bytesWritten;
  await open.clear({ ...RANGE, sync: true } as never);
  const { writes, log } = open.db.stats();
  assertEquals(writes.syncs - syncs, 1);
  assert(log.bytesWritten - before > 5000 * 10);
  assertEquals([...open.db.keysSync()], []);
  await open.clear({ ...RANGE, sync: true } as never); // there is nothing
  assertEquals(open.db.stats().writes.syncs - syncs, 1);
  await open.close();
});

Deno.test("Closing waits for what is tracked, also for what is begun meanwhile, and for what fails", async () => {
  const open = openLevel();
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = open.track(promise.then(() => {
    order.push("first");
    open.track(Promise.resolve().then(() => order.push("second"))).catch(() => {});
  }));
  const failing = open.track(promise.then(() => Promise.reject(new Error("failed")))).catch(
    () => {},
  );
  const closing = open.close().then(() => order.push("closed"));
  await Promise.resolve();
  resolve();
  await Promise.all([first, failing, closing]);
  assertEquals(order, ["first", "second", "closed"]);
});

Deno.test("A snapshot is read in the database that it was taken of", async () => {
  const [one, two] = [1, 2].map(() => new VarveLevel("db", { fileSystem: new MemoryFileSystem() }));
  await one!.open();
  await two!.open();
  const snapshot = one!.snapshot();
  assertThrows(() => two!.getSync("a", { snapshot }), TypeError, "not one of this database");
  assertThrows(() => two!.iterator({ snapshot }), TypeError, "not one of this database");
  await one!.close();
  await one!.open(); // the same directory, and yet another database
  assertThrows(() => one!.getSync("a", { snapshot }));
  await one!.close();
  await two!.close();
});
