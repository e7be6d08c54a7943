/**
 * Copying from map to map: bounds of commits, interruptions at every commit, and what is refused.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MapKv } from "../tests/fixtures/kv_copy_map.ts";
import {
  CHECKPOINT_KEY,
  COMMIT_ENTRIES_MAX,
  compareKv,
  CopyError,
  copyKv,
  type CopyOptions,
  type CopySource,
  type CopyTarget,
} from "./kv_copy.ts";
import { encodeKvKey, type KvKey } from "./kv_key.ts";
import { kvKeyText } from "./kv_copy_text.ts";
import { KvU64 } from "./kv_value.ts";

function numbered(count: number, size = 10): [KvKey, unknown][] {
  return Array.from({ length: count }, (_, i) => [["n", i], "x".repeat(size)]);
}

function sourceOf(kv: MapKv, more: Partial<CopySource> = {}): CopySource {
  return { name: "a", kv, ...more };
}

function targetOf(kv: MapKv, more: Partial<CopyTarget> = {}): CopyTarget {
  return { name: "b", kv, ...more };
}

const noDifference = { different: 0, missing: 0, extra: 0, first: undefined };

Deno.test("Everything is copied: every kind of key and value, in bounded commits", async () => {
  const entries: [KvKey, unknown][] = [
    [[Uint8Array.of(0, 255)], new Uint8Array(3)],
    [["text", "\0"], { a: [1, undefined, null], b: new Map([[1, new Set([2n])]]) }],
    [[-0.5], undefined],
    [[2n ** 70n], null],
    [[false, true], new KvU64(2n ** 64n - 1n)],
    ...numbered(2 * COMMIT_ENTRIES_MAX),
  ];
  const [from, to] = [new MapKv(entries), new MapKv()];
  const report = await copyKv(sourceOf(from), targetOf(to));
  assertEquals(to.entries, from.entries);
  assertEquals([report.entries, report.resumedAt, report.leftOut], [entries.length, 0, 0]);
  assertEquals(to.commits, [COMMIT_ENTRIES_MAX + 1, COMMIT_ENTRIES_MAX + 1, 6]);
  assertEquals(await compareKv(from, to), { ...noDifference, equal: entries.length });
});

Deno.test("A commit stays within the bytes that the runtime takes", async () => {
  const large = numbered(30, 60_000);
  const to = new MapKv();
  await copyKv(sourceOf(new MapKv(large)), targetOf(to));
  assertEquals(to.commits, [10, 10, 10, 3 + 1]);
  const longKeys: [KvKey, unknown][] = Array.from(
    { length: 90 },
    (_, i) => [["k".repeat(2000), i], ""],
  );
  const other = new MapKv();
  await copyKv(sourceOf(new MapKv(longKeys)), targetOf(other));
  assert(other.commits.every((count) => count * 2013 < 80 * 1024), String(other.commits));
});

Deno.test("An empty database is a copy of an empty one", async () => {
  const to = new MapKv();
  const report = await copyKv(sourceOf(new MapKv()), targetOf(to));
  assertEquals([report.entries, to.entries], [0, []]);
});

Deno.test("A copy that was interrupted at any commit goes on, and is whole (invariants 1, 2)", async () => {
  const from = new MapKv(numbered(1800));
  const whole = new MapKv();
  await copyKv(sourceOf(from), targetOf(whole));
  assertEquals(whole.commits.length, 4);
  for (let last = 0; last < whole.commits.length; last++) {
    const to = new MapKv();
    const interrupt = new Error("the power went");
    to.onCommit = () => {
      if (to.commits.length === last) throw interrupt;
    };
    await assertRejects(() => copyKv(sourceOf(from), targetOf(to)), Error, "the power went");
    // What is in the target after a crash is what some commit left.
    const after = to.copy();
    assertEquals(after.entries.length, last === 0 ? 0 : last * COMMIT_ENTRIES_MAX + 1);
    const report = await copyKv(sourceOf(from), targetOf(after));
    assertEquals([report.resumedAt, report.entries], [last * COMMIT_ENTRIES_MAX, 1800]);
    assertEquals(report.bytes, (await copyKv(sourceOf(from), targetOf(new MapKv()))).bytes);
    assertEquals(after.entries, from.entries);
    // What was there is not written again.
    assertEquals(after.commits.length, whole.commits.length - last);
  }
});

Deno.test("A signal ends a copy between two entries, and its reason is thrown", async () => {
  const from = new MapKv(numbered(1200));
  const to = new MapKv();
  const controller = new AbortController();
  const options: CopyOptions = {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  };
  await assertRejects(() => copyKv(sourceOf(from), targetOf(to), options), Error, "enough");
  assertEquals(to.commits.length, 1);
  assertEquals((await copyKv(sourceOf(from), targetOf(to))).resumedAt, COMMIT_ENTRIES_MAX);
});

Deno.test("A target with entries of its own is left alone unless told (invariant 3)", async () => {
  const from = new MapKv([[["a"], 1], [["b"], 2]]);
  const to = new MapKv([[["b"], 0], [["c"], 3]]);
  const error = await assertRejects(() => copyKv(sourceOf(from), targetOf(to)), CopyError);
  assertEquals(
    error.message,
    "Cannot copy to b: it has entries already; to write over those of the same keys say --overwrite",
  );
  assertEquals(to.commits, []);
  await copyKv(sourceOf(from), targetOf(to), { overwrite: true });
  assertEquals(to.entries, [[["a"], 1], [["b"], 2], [["c"], 3]]);
  assertEquals(await compareKv(from, to), { ...noDifference, equal: 2, extra: 1 });
});

Deno.test("The rest of another copy is not gone on with, nor copied", async () => {
  const from = new MapKv(numbered(3));
  const checkpoint = { from: "elsewhere", after: ["n", 1], entries: 2, bytes: 2 };
  const to = new MapKv([[CHECKPOINT_KEY, checkpoint], [["n", 0], ""]]);
  await assertRejects(
    () => copyKv(sourceOf(from), targetOf(to)),
    CopyError,
    "a copy from elsewhere was interrupted there",
  );
  await assertRejects(() => copyKv(sourceOf(to), targetOf(new MapKv())), CopyError, "it is itself");
  await copyKv(sourceOf(from), targetOf(to), { restart: true });
  assertEquals(to.entries, from.entries);
});

Deno.test("What has expired stays, what will expire does so when it would have (invariant 5)", async () => {
  const from = new MapKv([[["never"], 1], [["soon"], 2], [["was"], 3]]);
  const to = new MapKv();
  const times: Record<string, number> = { soon: 5000, was: 1000 };
  let now = 1000;
  to.onCommit = () => now += 10;
  const report = await copyKv(
    sourceOf(from, { expiresAt: (key) => times[String(key[0])] }),
    targetOf(to),
    { now: () => now },
  );
  assertEquals([report.entries, report.expired], [2, 1]);
  assertEquals(to.entries.map(([key]) => key[0]), ["never", "soon"]);
  assertEquals([...to.expiries], [[encodeKvKey(["soon"]).toHex(), 4000]]);
});

Deno.test("What the target does not take ends the copy, or is left out and told", async () => {
  const entries: [KvKey, unknown][] = [
    [["fits"], new Uint8Array(100)],
    [["k".repeat(30)], 1],
    [["v"], new Uint8Array(101)],
  ];
  const limits = { keyBytes: 20, valueBytes: 100 };
  const from = new MapKv(entries);
  const to = new MapKv();
  const error = await assertRejects(
    () => copyKv(sourceOf(from), targetOf(to, { limits })),
    CopyError,
  );
  assertEquals(
    error.message,
    `Cannot copy ["${
      "k".repeat(30)
    }"]: its key has 32 bytes, and b takes at most 20; to leave it out say --skip`,
  );
  const told: string[] = [];
  const report = await copyKv(sourceOf(from), targetOf(to, { limits }), {
    skip: true,
    onLeftOut: (key, why) => told.push(`${kvKeyText(key)} ${why}`),
  });
  assertEquals([report.entries, report.leftOut], [1, 2]);
  assertEquals(told[1], '["v"] its value has 101 bytes, and b takes at most 100');
});

Deno.test("Values are given to the target as it takes them", async () => {
  const to = new MapKv();
  await copyKv(
    sourceOf(new MapKv([[["n"], new KvU64(7n)]])),
    targetOf(to, { toValue: (value) => value instanceof KvU64 ? `u64 ${value}` : value }),
  );
  assertEquals(to.entries, [[["n"], "u64 7"]]);
});

Deno.test("A comparison finds what is different, missing and extra", async () => {
  const from = new MapKv([[["a"], 1], [["b"], { x: 1 }], [["c"], 3], [["e"], 5]]);
  const to = new MapKv([[["b"], { x: 2 }], [["c"], 3], [["d"], 4], [["f"], 5]]);
  assertEquals(await compareKv(from, to), {
    equal: 1,
    different: 1,
    missing: 2,
    extra: 2,
    first: ["a"],
  });
});
