import { assertEquals, assertThrows } from "@std/assert";
import { type Kv, type KvListOptions, type KvListSelector, openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

async function openNumbers(count: number): Promise<Kv> {
  const kv = await openKv("kv", { fileSystem: new MemoryFileSystem() });
  for (let i = 0; i < count; i++) await kv.set(["n", i], i);
  await kv.set(["m"], "before");
  await kv.set(["o"], "after");
  return kv;
}

const numbers = (kv: Kv, options?: KvListOptions, selector: KvListSelector = { prefix: ["n"] }) =>
  Array.fromAsync(kv.list<number>(selector, options), ({ value }) => value);

Deno.test("a batch is one moment, two may be two (invariant 1)", async () => {
  await using kv = await openNumbers(6);
  const list = kv.list<number>({ prefix: ["n"] }, { batchSize: 2 });
  const values = [(await list.next()).value?.value];
  await kv.atomic().set(["n", 1], "new").set(["n", 2], "new").delete(["n", 3]).commit();
  for await (const { value } of list) values.push(value);
  assertEquals(values as unknown[], [0, 1, "new", 4, 5]);
});

Deno.test("every cursor gives the rest, in both orders (invariant 2)", async () => {
  await using kv = await openNumbers(7);
  const selectors: KvListSelector[] = [
    { prefix: ["n"] },
    { prefix: ["n"], start: ["n", 2] },
    { prefix: ["n"], end: ["n", 5] },
    { start: ["n", 1], end: ["n", 6] },
  ];
  for (const selector of selectors) {
    for (const reverse of [false, true]) {
      const all = await numbers(kv, { reverse }, selector);
      for (let limit = 1; limit <= all.length; limit++) {
        const list = kv.list<number>(selector, { reverse, limit, batchSize: 2 });
        const first = await Array.fromAsync(list, ({ value }) => value);
        const rest = await numbers(kv, { reverse, cursor: list.cursor }, selector);
        assertEquals([...first, ...rest], all);
      }
    }
  }
});

Deno.test("a cursor is empty at the end, and not there before the first entry", async () => {
  await using kv = await openNumbers(2);
  const list = kv.list({ prefix: ["n"] });
  assertThrows(() => list.cursor, Error, "no entry was asked for yet");
  await list.next();
  while (!(await list.next()).done);
  assertEquals(list.cursor, "");
  assertEquals(kv.list({ prefix: ["n"] }, { cursor: "abcd" }).cursor, "abcd");
});

Deno.test("no cursor reaches outside its selector (invariant 3)", async () => {
  await using kv = await openNumbers(3);
  for (const reverse of [false, true]) {
    for (const cursor of ["AA==", "____", "AQ=="]) {
      const values = await numbers(kv, { reverse, cursor }, { start: ["n", 1], end: ["n", 2] });
      assertEquals(values.filter((value) => value !== 1), [], cursor);
    }
  }
});

Deno.test("calls of next() that are not awaited each give an entry of their own", async () => {
  await using kv = await openNumbers(5);
  const list = kv.list<number>({ prefix: ["n"] }, { batchSize: 2 });
  const results = await Promise.all(Array.from({ length: 6 }, () => list.next()));
  assertEquals(results.map(({ value }) => value?.value), [0, 1, 2, 3, 4, undefined]);
});

Deno.test("wrong arguments are refused by list() itself", async () => {
  await using kv = await openNumbers(0);
  const selectors = [
    {},
    { start: ["a"] },
    { end: ["a"] },
    null,
    { prefix: "a" },
    {
      prefix: ["a"],
      start: ["a", 1],
      end: ["a", 2],
    },
    { prefix: ["a"], start: ["a"] },
    { prefix: ["a"], end: ["b", 1] },
    { start: ["b"], end: ["a"] },
  ];
  for (const selector of selectors) {
    assertThrows(() => kv.list(selector as KvListSelector), TypeError);
  }
  for (const count of [0, -1, 1.5, NaN, "1"]) {
    const limit = count as number;
    assertThrows(() => kv.list({ prefix: [] }, { limit }), RangeError, "limit");
    assertThrows(() => kv.list({ prefix: [] }, { batchSize: limit }), RangeError, "batchSize");
  }
  assertThrows(() => kv.list({ prefix: [] }, { cursor: "!" }), TypeError, "cursor");
  const cursor = btoa("a".repeat(1e6));
  assertThrows(() => kv.list({ prefix: [] }, { cursor }), TypeError, "1333336 characters");
  assertThrows(() => kv.list({ prefix: [] }, { consistency: "weak" as "strong" }), TypeError);
});
