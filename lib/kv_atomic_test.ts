import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KvTestClock } from "../tests/fixtures/kv_clock.ts";
import { type AtomicOperation, type KvMutation, KvU64, openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const open = (limits: "none" | "deno" = "none", clock = new KvTestClock()) =>
  openKv("kv", { limits, clock, fileSystem: new MemoryFileSystem() });

Deno.test("of many that check the same, one is committed (invariant 1)", async () => {
  await using kv = await open();
  const claim = (name: number) =>
    kv.atomic().check({ key: ["a"], versionstamp: null }).set(["a"], name).commit();
  const results = await Promise.all(Array.from({ length: 50 }, (_, i) => claim(i)));
  assertEquals(results.filter(({ ok }) => ok).length, 1);
  assertEquals((await kv.get(["a"])).value, 0);
});

Deno.test("increments by check and set, of many callers, are all there (invariant 1)", async () => {
  await using kv = await open();
  const increment = async () => {
    for (;;) {
      const entry = await kv.get<number>(["n"]);
      const operation = kv.atomic().check(entry).set(["n"], (entry.value ?? 0) + 1);
      if ((await operation.commit()).ok) return;
    }
  };
  await Promise.all(Array.from({ length: 20 }, increment));
  assertEquals((await kv.get(["n"])).value, 20);
});

Deno.test("an operation of a listener, in the middle of a write, is like any other (invariant 1)", async () => {
  const asked: Promise<unknown>[] = [];
  const entry = { key: ["n"], versionstamp: null };
  let isOpen = false;
  const claim = (name: string) => kv.atomic().check(entry).set(["n"], name).commit();
  const onEvent = () => {
    if (isOpen && asked.length === 0) asked.push(claim("listener"));
  };
  const kv = await openKv("kv", {
    fileSystem: new MemoryFileSystem(),
    ...{ memtableBytes: 64 * 1024, maxImmutableMemtables: 1, sync: false, onEvent },
  });
  isOpen = true;
  const results: unknown[] = [];
  for (let i = 0; i < 20; i++) {
    // The listener hears of it in the middle of this one, and the claim comes right after it.
    const written = kv.set(["large", i], "v".repeat(30_000));
    if (asked.length > 0 && results.length === 0) results.push(await claim("caller"));
    await written;
  }
  const outcomes = [...results, ...await Promise.all(asked)] as { ok: boolean }[];
  assertEquals(outcomes.map(({ ok }) => ok).sort(), [false, true]);
  kv.close();
});

Deno.test("an operation that fails writes nothing (invariant 2)", async () => {
  await using kv = await open();
  await kv.set(["text"], "a");
  const { versionstamp } = await kv.set(["integer"], new KvU64(1n));
  const failing: ((operation: AtomicOperation) => AtomicOperation)[] = [
    (it) => it.sum(["text"], 1n),
    (it) => it.min(["text"], 1n),
    (it) => it.mutate({ type: "sum", key: ["integer"], value: -1n as unknown as KvU64 }),
    (it) => it.mutate({ type: "sum", key: ["integer"], value: 1 as unknown as KvU64 }),
    (it) => it.mutate({ type: "max", key: ["integer"], value: 1n as unknown as KvU64 }),
    (it) => it.mutate({ type: "sum", key: ["new"], value: "1" as unknown as KvU64 }),
    (it) => it.set(["far"], 1, { expireIn: Number.MAX_SAFE_INTEGER }),
  ];
  for (const add of failing) {
    const operation = add(kv.atomic().set(["a"], 1).sum(["integer"], 1n)).set(["b"], 1);
    await assertRejects(() => operation.commit(), TypeError);
  }
  assertEquals(await kv.atomic().check({ key: ["a"], versionstamp }).set(["a"], 1).commit(), {
    ok: false,
  });
  const keys = await Array.fromAsync(kv.list({ prefix: [] }), ({ key }) => key);
  assertEquals(keys, [["integer"], ["text"]]);
  assertEquals((await kv.get(["integer"])).versionstamp, versionstamp);
});

Deno.test("all that an operation sets has one versionstamp (invariant 3)", async () => {
  await using kv = await open();
  const stamp = kv.commitVersionstamp();
  const result = await kv.atomic().set(["a"], 1).sum(["b"], 1n).set(["c", stamp], 1).commit();
  assert(result.ok);
  const entries = await Array.fromAsync(kv.list({ prefix: [] }));
  assertEquals(entries.map(({ versionstamp }) => versionstamp), Array(3).fill(result.versionstamp));
  assertEquals(entries[2]!.key, ["c", result.versionstamp]);
  const again = await kv.atomic().commit(); // nothing, and a commit all the same
  assert(again.ok && again.versionstamp > result.versionstamp);
});

Deno.test("mutations are done in order, each on what the ones before made", async () => {
  await using kv = await open();
  const value = async () => (await kv.get<KvU64>(["n"])).value?.value;
  await kv.atomic().sum(["n"], 2n ** 64n - 1n).sum(["n"], 3n).max(["n"], 9n).min(["n"], 8n)
    .commit();
  assertEquals(await value(), 8n);
  await kv.atomic().delete(["n"]).sum(["n"], 1n).set(["n"], new KvU64(5n)).sum(["n"], 1n).commit();
  assertEquals(await value(), 6n);
  await kv.atomic().set(["n"], new KvU64(5n), { expireIn: 0 }).sum(["n"], 1n).commit();
  assertEquals(await value(), 1n);
});

Deno.test("an entry that has expired is not there for checks and sums, which end its expiry", async () => {
  const clock = new KvTestClock();
  await using kv = await open("none", clock);
  await kv.set(["n"], new KvU64(5n), { expireIn: 10 });
  clock.go(10);
  const operation = kv.atomic().check({ key: ["n"], versionstamp: null }).sum(["n"], 1n);
  assert((await operation.commit()).ok);
  clock.go(1000);
  await kv.set(["sweep"], 1);
  assertEquals((await kv.get<KvU64>(["n"])).value?.value, 1n);
});

Deno.test("wrong arguments throw where they are given", async () => {
  await using kv = await open();
  const operation = kv.atomic();
  assertThrows(() => operation.set([], 1), TypeError, "must not be empty");
  assertThrows(() => operation.delete([]), TypeError, "must not be empty");
  assertThrows(() => operation.set(["a"], () => 1), TypeError, "could not be cloned");
  assertThrows(() => operation.sum(["a"], -1n), RangeError);
  assertThrows(() => operation.sum([kv.commitVersionstamp()], 1n), TypeError, "part 0");
  assertThrows(() => operation.set([kv.commitVersionstamp(), "a"], 1), TypeError, "part 0");
  for (const expireIn of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => operation.set(["a"], 1, { expireIn }), TypeError, "expireIn");
  }
  for (const versionstamp of ["", "0", "g".repeat(20), 1]) {
    const check = { key: ["a"], versionstamp: versionstamp as string };
    assertThrows(() => operation.check(check), TypeError, "20 hexadecimal digits");
  }
  const mutations: unknown[] = [
    { type: "append", key: ["a"], value: 1 },
    { type: "set", key: ["a"] },
    { type: "sum", key: ["a"] },
    { type: "delete", key: ["a"], value: 1 },
  ];
  for (const mutation of mutations) {
    assertThrows(() => operation.mutate(mutation as KvMutation), TypeError);
  }
  await assertRejects(
    async () => await (operation as unknown as Promise<void>),
    TypeError,
    "commit()",
  );
});

Deno.test("limits of the runtime are the last that is taken, and engine limits are wider", async () => {
  await using kv = await open("deno");
  const many = (count: number, add: (operation: AtomicOperation, i: number) => void) => {
    const operation = kv.atomic();
    for (let i = 0; i < count; i++) add(operation, i);
    return operation.commit();
  };
  const adds: [number, (operation: AtomicOperation, i: number) => void][] = [
    [100, (it, i) => it.check({ key: [i], versionstamp: null })],
    [1000, (it, i) => it.delete([i])],
    [40, (it, i) => it.set(["k".repeat(1989), i], 1)], // 2000 bytes each
    [16, (it, i) => it.set(["k".repeat(100), i], new Uint8Array(50_978))], // 111 bytes each, twice
  ];
  for (const [most, add] of adds) {
    assert((await many(most, add)).ok);
    await assertRejects(() => many(most + 1, add), TypeError, "over the limit");
  }
  await using free = await open();
  const operation = free.atomic();
  for (let i = 0; i < 2000; i++) operation.check({ key: [i], versionstamp: null }).set([i], "a");
  assert((await operation.set(["k".repeat(60_000)], new Uint8Array(2e6)).commit()).ok);
});
