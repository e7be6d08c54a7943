import { assertEquals } from "@std/assert";
import { LruPolicy } from "./lru_policy.ts";

/** Victims in order, each removed as a pool does. */
function drain(policy: LruPolicy, count: number, pins: Int32Array): number[] {
  return Array.from({ length: count }, () => {
    const victim = policy.victim(pins);
    policy.remove(victim);
    return victim;
  });
}

Deno.test("LruPolicy chooses victims in order of their last use", () => {
  const policy = new LruPolicy();
  policy.grow(4);
  for (const frame of [2, 0, 3, 1]) policy.add(frame);
  policy.touch(2); // from the tail
  policy.touch(3); // from the middle
  policy.touch(3); // at the head already
  assertEquals(drain(policy, 4, new Int32Array(4)), [0, 1, 2, 3]);
});

Deno.test("LruPolicy passes over pinned frames and leaves their order alone", () => {
  const policy = new LruPolicy();
  policy.grow(4);
  for (let frame = 0; frame < 4; frame++) policy.add(frame);
  assertEquals(drain(policy, 2, Int32Array.of(1, 0, 2, 0)), [1, 3]);
  assertEquals(drain(policy, 2, new Int32Array(4)), [0, 2]);
});

Deno.test("LruPolicy forgets a removed frame wherever it is in the list", () => {
  for (let removed = 0; removed < 3; removed++) {
    const policy = new LruPolicy();
    policy.grow(3);
    for (let frame = 0; frame < 3; frame++) policy.add(frame);
    policy.remove(removed);
    assertEquals(drain(policy, 2, new Int32Array(3)), [0, 1, 2].filter((f) => f !== removed));
  }
});

Deno.test("LruPolicy keeps its order when it grows, and is usable again once emptied", () => {
  const policy = new LruPolicy();
  policy.grow(2);
  policy.add(1);
  policy.add(0);
  policy.grow(4);
  policy.add(3);
  assertEquals(drain(policy, 3, new Int32Array(4)), [1, 0, 3]);
  policy.add(2);
  policy.add(1);
  assertEquals(drain(policy, 2, new Int32Array(4)), [2, 1]);
});
