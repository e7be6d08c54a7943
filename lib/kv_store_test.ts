import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KvTestClock } from "../tests/fixtures/kv_clock.ts";
import { openEngine, webSurroundings } from "./database.ts";
import { VarveError } from "./errors.ts";
import { entryKey, keyOfEntry, KvStore, SWEEP_MAX } from "./kv_store.ts";
import { serializeValue } from "./kv_value.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

function openStore(fileSystem = new MemoryFileSystem(), clock = new KvTestClock()): KvStore {
  const engine = openEngine("kv", { fileSystem }, fileSystem);
  return new KvStore(engine, webSurroundings, clock);
}

async function set(store: KvStore, name: string, expiresAt = 0): Promise<string> {
  const commit = store.begin();
  commit.set(entryKey([name]), serializeValue(name), expiresAt);
  await store.commit(commit);
  return commit.versionstamp;
}

function countEntries(store: KvStore): number {
  return [...store.database.keysSync()].length;
}

Deno.test("versionstamps increase from commit to commit and from opening to opening (invariant 1)", async () => {
  const fileSystem = new MemoryFileSystem();
  const stamps: string[] = [];
  for (let opening = 0; opening < 3; opening++) {
    const store = openStore(fileSystem);
    for (let i = 0; i < 20; i++) stamps.push(await set(store, "a"));
    assertEquals(store.getSync(entryKey(["a"]))?.versionstamp, stamps.at(-1));
    await store.database.close();
  }
  assertEquals(stamps, [...new Set(stamps)].sort());
  assert(stamps.every((stamp) => /^[0-9a-f]{16}0000$/.test(stamp)));
});

Deno.test("a commit that was forgotten leaves nothing, and its versionstamp is not given again", async () => {
  const store = openStore();
  const forgotten = store.begin();
  forgotten.set(entryKey(["a"]), serializeValue(1), 0);
  const stamp = await set(store, "b");
  assert(stamp > forgotten.versionstamp);
  assertEquals(store.getSync(entryKey(["a"])), undefined);
  await store.database.close();
});

Deno.test("an entry is not read from its expiry on, whatever the clock does then (invariant 2)", async () => {
  const clock = new KvTestClock();
  const store = openStore(undefined, clock);
  const key = entryKey(["a"]);
  await set(store, "a", clock.now() + 10);
  clock.go(9);
  assertEquals(store.getSync(key)?.value, "a");
  clock.go(1);
  assertEquals(store.getSync(key), undefined);
  assertEquals(await store.getMany([key]), [undefined]);
  assertEquals([...store.range(key, entryKey(["b"]), false)], []);
  clock.go(-5);
  assertEquals(store.getSync(key), undefined);
  await store.database.close();
});

Deno.test("a commit is visible when commit() returns (invariant 3)", async () => {
  const store = openStore();
  const commit = store.begin();
  commit.set(entryKey(["a"]), serializeValue(1), 0);
  const done = store.commit(commit);
  assertEquals(store.getSync(entryKey(["a"]))?.value, 1);
  await done;
  await store.database.close();
});

Deno.test("commits sweep what has expired, a few entries each (invariant 4)", async () => {
  const clock = new KvTestClock();
  const store = openStore(undefined, clock);
  for (let i = 0; i < 2 * SWEEP_MAX; i++) await set(store, `expires ${i}`, clock.now() + 10);
  await set(store, "expires 0"); // lives on: set anew, for ever
  await set(store, "expires 1", clock.now() + 1000);
  const all = countEntries(store);
  clock.go(10);
  await set(store, "first");
  assertEquals(countEntries(store), all + 1 - SWEEP_MAX - (SWEEP_MAX - 2), "index, and entries");
  await set(store, "second");
  // About the database, first, second, expires 0, expires 1 and its index.
  assertEquals(countEntries(store), 6);
  assertEquals(store.getSync(entryKey(["expires 0"]))?.value, "expires 0");
  assertEquals(store.getSync(entryKey(["expires 1"]))?.value, "expires 1");
  await store.database.close();
});

Deno.test("what is set in a commit that sweeps it is there", async () => {
  const clock = new KvTestClock();
  const fileSystem = new MemoryFileSystem();
  const store = openStore(fileSystem, clock);
  await set(store, "a", clock.now() + 10);
  clock.go(10);
  await set(store, "a");
  assertEquals(store.getSync(entryKey(["a"]))?.value, "a");
  await store.database.close();
  const again = openStore(fileSystem, clock);
  await set(again, "b"); // looks at the index of what was there before
  assertEquals(again.getSync(entryKey(["a"]))?.value, "a");
  await again.database.close();
});

Deno.test("a database of something else is refused, and left as it is", async () => {
  const fileSystem = new MemoryFileSystem();
  const store = openStore(fileSystem);
  await store.database.delete(Uint8Array.of(0)); // what says that it is Deno KV's
  await store.database.put(Uint8Array.of(0x61), Uint8Array.of(1));
  const count = countEntries(store);
  await store.database.close();
  const engine = openEngine("kv", { fileSystem }, fileSystem);
  const error = assertThrows(
    () => new KvStore(engine, webSurroundings, new KvTestClock()),
    VarveError,
    "something else",
  );
  assertEquals([error.code, engine.stats().sequence > count], ["UNSUPPORTED_FORMAT", true]);
  await engine.close();
});

Deno.test("a key over the engine's limit is refused, with all of its commit", async () => {
  const store = openStore();
  const commit = store.begin();
  commit.set(entryKey(["a"]), serializeValue(1), 0);
  const error = assertThrows(
    () => commit.set(entryKey(["k".repeat(65_536)]), serializeValue(1), 0),
    VarveError,
  );
  assertEquals(error.code, "TOO_LARGE");
  await set(store, "b");
  assertEquals(store.getSync(entryKey(["a"])), undefined);
  await store.database.close();
  await assertRejects(() => store.get(entryKey(["a"])), VarveError, "closed");
});

Deno.test("listeners hear of the keys that commits change, until they are taken back", async () => {
  const store = openStore();
  const heard: unknown[] = [];
  const unlisten = store.listen((keys) => heard.push(...keys.map(keyOfEntry)));
  await set(store, "a");
  unlisten();
  await set(store, "b");
  assertEquals(heard, [["a"]]);
  await store.database.close();
});
