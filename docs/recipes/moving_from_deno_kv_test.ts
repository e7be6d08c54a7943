import { assertEquals, assertRejects } from "@std/assert";
import { MemoryFileSystem } from "@varve/varve";
import { openKv } from "@varve/varve/kv";
import { SimulatedFileSystem } from "@varve/varve/testing";
import { inProcesses } from "../../tests/permissions.ts";
import { balances, copyAll, transfer } from "./moving_from_deno_kv.ts";
import { printedBy } from "./run.ts";

const total = (all: Record<string, number>) => Object.values(all).reduce((sum, it) => sum + it, 0);

Deno.test("transfers at the same time neither make nor lose money", async () => {
  await using kv = await openKv("kv", { fileSystem: new MemoryFileSystem() });
  const names = ["a", "b", "c"];
  for (const name of names) await kv.set(["account", name], 50);
  const done = await Promise.all(
    Array.from({ length: 30 }, (_, i) => transfer(kv, names[i % 3]!, names[(i + 1) % 3]!, 10)),
  );
  const all = await balances(kv);
  assertEquals(total(all), 150);
  assertEquals(Object.values(all).some((it) => it < 0), false);
  const made = done.filter((it) => it).length;
  assertEquals((await kv.get<Deno.KvU64>(["transfers"])).value?.value, BigInt(made));
  assertEquals((await Array.fromAsync(kv.list({ prefix: ["transfer"] }))).length, made);
  assertEquals(await transfer(kv, "nobody", "a", 1), false);
  for (const [to, amount] of [["a", 1], ["b", -1], ["b", NaN]] as const) {
    await assertRejects(() => transfer(kv, "a", to, amount), RangeError, "nothing would move");
  }
});

Deno.test("a copy has every entry, of every type", async () => {
  await using from = await openKv("from", { fileSystem: new MemoryFileSystem() });
  await using to = await openKv("to", { fileSystem: new MemoryFileSystem() });
  for (let i = 0; i < 250; i++) await from.set(["n", i], { i, at: new Date(i), all: new Set([i]) });
  await from.set([Uint8Array.of(0), 1n, true], new Map([["a", 1n]]));
  await from.atomic().sum(["u64"], 7n).commit();
  assertEquals(await copyAll(from, to), 252);
  const of = async (kv: Deno.Kv) =>
    (await Array.fromAsync(kv.list({ prefix: [] }))).map(({ key, value }) => [key, value]);
  assertEquals(await of(to), await of(from));
});

Deno.test("wherever the power fails, a transfer is whole or not there", async () => {
  for (let seed = 0; seed < 15; seed++) {
    const disk = new SimulatedFileSystem({ seed });
    const kv = await openKv("kv", { fileSystem: disk });
    await kv.set(["account", "a"], 50);
    await transfer(kv, "a", "b", 20);
    const pending = transfer(kv, "a", "b", 5);
    for (let i = 0; i < seed % 4; i++) await Promise.resolve();
    await using after = await openKv("kv", { fileSystem: disk.crash(seed) });
    const { a, b } = await balances(after);
    assertEquals([a! + b!, b === 20 || b === 25], [50, true], `seed ${seed}`);
    await pending;
    await kv.close();
  }
});

Deno.test(
  "the program moves from Deno KV, with the permissions that the recipe names",
  inProcesses,
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_moving_" });
    try {
      assertEquals(await printedBy("moving_from_deno_kv", directory), [
        'Deno KV  {"Ada":70,"Bob":30}',
        "copied   4 entries",
        'Varve    {"Ada":70,"Bob":30}',
        'Varve    {"Ada":70,"Bob":30} after 20 more',
        "Varve    21 transfers",
      ]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
