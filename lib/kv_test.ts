import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { type Kv, type KvOptions, KvU64, openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";
import { open, VarveError } from "../mod.ts";

const inMemory = (options: KvOptions = {}) =>
  openKv("kv", { fileSystem: new MemoryFileSystem(), ...options });

/** Checked by the compiler: what openKv gives can stand where a Deno.Kv does. */
async function asDenoKv(): Promise<Deno.Kv> {
  const kv: Deno.Kv = await inMemory();
  const operation: Deno.AtomicOperation = kv.atomic();
  operation.mutate({ type: "sum", key: ["n"], value: new KvU64(1n) });
  return kv;
}

Deno.test("a Kv can stand where a Deno.Kv does", async () => {
  const kv = await asDenoKv();
  await kv.set(["a"], 1);
  assertEquals((await kv.getMany<[number, number]>([["a"], ["b"]])).map(({ value }) => value), [
    1,
    null,
  ]);
  kv.close();
});

Deno.test(
  "what was committed is there when it is opened again, on the real disk",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      {
        await using kv = await openKv(directory);
        await kv.set(["a", 1], new Map([["b", new Date(7)]]));
      }
      await using kv = await openKv(directory, { readOnly: true });
      assertEquals((await kv.get(["a", 1])).value, new Map([["b", new Date(7)]]));
      const error = await assertRejects(() => kv.set(["a"], 1), VarveError);
      assertEquals(error.code, "READ_ONLY");
    }),
);

Deno.test(
  "one who opens it while it is being closed waits for that",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      for (let i = 0; i < 3; i++) {
        using kv = await openKv(directory);
        assertEquals((await kv.get(["n"])).value, i === 0 ? null : i - 1);
        await kv.set(["n"], i);
      }
      await (await openKv(directory)).close();
    }),
);

Deno.test("many commits share a few syncs, and one that is awaited has had its own (invariant 1)", async () => {
  const fileSystem = new SimulatedFileSystem();
  await using kv = await inMemory({ fileSystem });
  const before = fileSystem.operations;
  await Promise.all(Array.from({ length: 64 }, (_, i) => kv.set([i], i)));
  assert(fileSystem.operations - before <= 64 + 3, "a write each, and two syncs");
  await kv.set(["last"], 1);
  const copy = await inMemory({ fileSystem: fileSystem.crash(0) });
  assertEquals((await copy.get(["last"])).value, 1);
  await copy.close();
});

Deno.test("wrong arguments reject, and nothing is written (invariant 2)", async () => {
  await using kv = await inMemory();
  const calls: ((kv: Kv) => Promise<unknown>)[] = [
    (it) => it.get("a" as unknown as []),
    (it) => it.get(["a"], { consistency: "weak" as "strong" }),
    (it) => it.getMany(["a"] as unknown as [[]]),
    (it) => it.getMany({} as unknown as []),
    (it) => it.set([], 1),
    (it) => it.set(["a"], Symbol("a")),
    (it) => it.set(["a"], 1, { expireIn: -1 }),
    (it) => it.delete([null as unknown as string]),
  ];
  for (const call of calls) await assertRejects(() => call(kv), TypeError);
  assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
});

Deno.test("options that are none are refused before anything is touched", async () => {
  const fileSystem = new MemoryFileSystem();
  const wrong: [unknown, ErrorConstructor | TypeErrorConstructor][] = [
    [{ limits: "some" }, RangeError],
    [{ clock: {} }, TypeError],
    [{ key: {} }, TypeError],
    [{ unknown: 1 }, TypeError],
    [null, TypeError],
  ];
  for (const [options, error] of wrong) {
    const all = options === null ? null : { ...options as KvOptions, fileSystem };
    await assertRejects(() => openKv("kv", all as KvOptions), error);
  }
  await assertRejects(() => openKv("", { fileSystem }), TypeError, "directory");
  assertEquals(fileSystem.exists("kv"), false);
});

Deno.test("a database of something else is refused, and closed again", async () => {
  const fileSystem = new MemoryFileSystem();
  {
    await using db = await open("kv", { fileSystem });
    await db.put("a", "b");
  }
  const error = await assertRejects(() => inMemory({ fileSystem }), VarveError, "something else");
  assertEquals(error.code, "UNSUPPORTED_FORMAT");
  await using db = await open("kv", { fileSystem }); // not locked
  assertEquals(await db.get("a"), "b");
});

Deno.test("after close() everything says so, and close() can be called again (invariant 3)", async () => {
  const kv = await inMemory();
  const [list, operation] = [kv.list({ prefix: [] }), kv.atomic().set(["a"], 1)];
  const pending = kv.set(["b"], 1);
  assertStrictEquals(kv.close(), kv.close());
  await pending;
  const calls: (() => Promise<unknown>)[] = [
    () => kv.get(["a"]),
    () => kv.getMany([["a"]]),
    () => kv.set(["a"], 1),
    () => kv.delete(["a"]),
    () => list.next(),
    () => operation.commit(),
  ];
  for (const call of calls) {
    const error = await assertRejects(call, VarveError);
    assertEquals(error.code, "CLOSED");
  }
  assertThrows(() => kv.watch([["a"]]), VarveError, "closed");
  kv[Symbol.dispose]();
  await kv.close();
});

Deno.test("what is read is the reader's own", async () => {
  await using kv = await inMemory();
  const key = ["a", Uint8Array.of(1)];
  const value = { list: [1] };
  await kv.set(key, value);
  value.list.push(2);
  const [one, other] = await kv.getMany<[typeof value, typeof value]>([key, key]);
  one.value!.list.push(3);
  (one.key[1] as Uint8Array)[0] = 9;
  assertEquals(other.value, { list: [1] });
  assertEquals((await kv.get(["a", Uint8Array.of(1)])).value, { list: [1] });
});

Deno.test("a database in memory is one of its own each time, and gone when it is closed", async () => {
  await using one = await openKv(":memory:");
  await using other = await openKv(":memory:");
  await one.set(["a"], 1);
  assertEquals([(await one.get(["a"])).value, (await other.get(["a"])).value], [1, null]);
  await one.close();
  await using again = await openKv(":memory:", { limits: "deno" });
  assertEquals((await again.get(["a"])).value, null);
});

Deno.test("what is no directory is refused by name", async () => {
  const open = openKv as (directory?: unknown) => Promise<Kv>;
  await assertRejects(() => open(), TypeError, 'it needs a directory, or the name ":memory:"');
  for (const path of [7, null, {}, ""]) {
    await assertRejects(() => open(path), TypeError, "directory must be a path or a file: URL");
  }
  for (const url of ["https://kv.example.com", "http://localhost:4512/"]) {
    for (const place of [url, new URL(url)]) {
      await assertRejects(() => open(place), TypeError, "Deno.openKv() opens databases elsewhere");
    }
  }
});

Deno.test("arguments that are no objects are refused by name, and a cursor of null is none", async () => {
  await using kv = await openKv(":memory:");
  for (const none of [null, 7] as never[]) {
    assertThrows(() => kv.atomic().check(none), TypeError, "Cannot check: it takes objects, got");
    assertThrows(() => kv.atomic().mutate(none), TypeError, "Cannot mutate: it takes objects, got");
    assertThrows(() => kv.list({ prefix: [] }, none), TypeError, "options must be an object, got");
  }
  await kv.set(["a"], 1);
  const cursor = null as unknown as string; // what URLSearchParams.get() gives
  assertEquals((await Array.fromAsync(kv.list({ prefix: [] }, { cursor }))).length, 1);
});
