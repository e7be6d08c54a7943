import { assertEquals, assertThrows } from "@std/assert";
import { KvTestClock } from "../tests/fixtures/kv_clock.ts";
import { openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** Lets the stream ask for what it is to give. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

const open = (clock = new KvTestClock()) =>
  openKv("kv", { clock, fileSystem: new MemoryFileSystem() });

Deno.test("a watch gives the state at the read, and then each that is another one (invariant 1)", async () => {
  await using kv = await open();
  const reader = kv.watch<[number, number]>([["a"], ["b"]]).getReader();
  const read = async () => (await reader.read()).value!.map(({ value }) => value);
  await kv.set(["a"], 1);
  assertEquals(await read(), [1, null]);
  await kv.set(["a"], 2);
  await kv.set(["a"], 3);
  assertEquals(await read(), [3, null], "not the state in between");
  const next = read();
  await kv.set(["other"], 1);
  await kv.delete(["b"]); // nothing new
  await kv.atomic().set(["b"], 4).delete(["a"]).commit();
  assertEquals(await next, [null, 4]);
  await reader.cancel();
});

Deno.test("raw gives a state after each change, be it the same", async () => {
  await using kv = await open();
  const reader = kv.watch([["a"]], { raw: true }).getReader();
  await reader.read();
  const next = reader.read();
  await kv.set(["other"], 1);
  await kv.delete(["a"]);
  assertEquals((await next).value?.[0].versionstamp, null);
  await reader.cancel();
});

Deno.test("an entry that expires is a change (invariant 2), and timers end with the watch (invariant 3)", async () => {
  const clock = new KvTestClock();
  await using kv = await open(clock);
  await kv.set(["a"], 1, { expireIn: 100 });
  const reader = kv.watch([["a"]]).getReader();
  assertEquals((await reader.read()).value![0].value, 1);
  assertEquals(clock.timers, 0, "nobody waits");
  const next = reader.read();
  await turn();
  assertEquals(clock.timers, 1);
  clock.go(99);
  clock.go(1);
  assertEquals((await next).value![0].value, null);
  assertEquals(clock.timers, 0);

  await kv.set(["a"], 2, { expireIn: 100 });
  await reader.read();
  const last = reader.read();
  await turn();
  assertEquals(clock.timers, 1);
  await reader.cancel();
  assertEquals([(await last).done, clock.timers], [true, 0]);
});

Deno.test("close() ends a watch, also while somebody waits", async () => {
  const clock = new KvTestClock();
  const kv = await open(clock);
  await kv.set(["a"], 1, { expireIn: 100 });
  const readers = [kv.watch([["a"]]).getReader(), kv.watch([["a"]]).getReader()] as const;
  await readers[0].read();
  const waiting = readers[0].read();
  await turn();
  await kv.close();
  assertEquals([(await waiting).done, (await readers[1].read()).done, clock.timers], [
    true,
    true,
    0,
  ]);
  assertThrows(() => kv.watch([["a"]]), Error, "closed");
});

Deno.test("a watch of no keys ends at once, and a key that is none is refused", async () => {
  await using kv = await open();
  assertEquals((await kv.watch([]).getReader().read()).done, true);
  assertThrows(() => kv.watch([[null as unknown as string]]), TypeError, "part 0");
  assertThrows(() => kv.watch("a" as unknown as []), TypeError, "must be an array");
});

Deno.test("while somebody waits there is a timer, which keeps the process alive (invariant 3)", async () => {
  const clock = new KvTestClock();
  await using kv = await open(clock);
  const reader = kv.watch([["a"]]).getReader();
  await reader.read();
  assertEquals(clock.timers, 0, "nobody waits");
  const next = reader.read();
  await turn();
  assertEquals(clock.timers, 1);
  clock.go(2 ** 31); // the longest that a timer waits: nothing is new
  await turn();
  assertEquals(clock.timers, 1);
  await kv.set(["a"], 1);
  assertEquals((await next).value![0].value, 1);
  assertEquals(clock.timers, 0);
});
