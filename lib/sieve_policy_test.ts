import { assertEquals } from "@std/assert";
import { SievePolicy } from "./sieve_policy.ts";

/** Takes the next victim out, as a pool does. */
function evict(policy: SievePolicy, pins: Int32Array): number {
  const victim = policy.victim(pins);
  policy.remove(victim);
  return victim;
}

Deno.test("SievePolicy evicts in order of arrival when nothing is visited", () => {
  const policy = new SievePolicy();
  policy.grow(4);
  for (const frame of [2, 0, 3, 1]) policy.add(frame);
  const pins = new Int32Array(4);
  assertEquals([1, 2, 3, 4].map(() => evict(policy, pins)), [2, 0, 3, 1]);
});

Deno.test("SievePolicy gives a visited frame one more round, and leaves it where it is", () => {
  const policy = new SievePolicy();
  policy.grow(5);
  const pins = new Int32Array(5);
  for (let frame = 0; frame < 4; frame++) policy.add(frame);
  policy.touch(0);
  policy.touch(2);
  assertEquals(evict(policy, pins), 1); // passes 0, clearing its bit
  policy.add(4); // behind the hand: it is looked at after 3
  assertEquals(evict(policy, pins), 3); // passes 2, clearing its bit
  assertEquals(evict(policy, pins), 4);
  assertEquals(evict(policy, pins), 0); // the hand is through and starts over at the tail
  assertEquals(evict(policy, pins), 2);
});

Deno.test("SievePolicy starts over at the tail when the hand's frame was the newest", () => {
  const policy = new SievePolicy();
  policy.grow(4);
  const pins = new Int32Array(4);
  for (let frame = 0; frame < 3; frame++) policy.add(frame);
  policy.touch(0);
  policy.touch(1);
  assertEquals(evict(policy, pins), 2);
  policy.add(3);
  assertEquals(evict(policy, pins), 0);
});

Deno.test("SievePolicy passes over pinned frames, visited or not", () => {
  const policy = new SievePolicy();
  policy.grow(4);
  for (let frame = 0; frame < 4; frame++) policy.add(frame);
  policy.touch(3);
  assertEquals(evict(policy, Int32Array.of(1, 2, 1, 0)), 3);
  assertEquals(evict(policy, Int32Array.of(1, 0, 1, 0)), 1);
});

Deno.test("SievePolicy forgets a removed frame, also the one under the hand", () => {
  for (let removed = 0; removed < 3; removed++) {
    const policy = new SievePolicy();
    policy.grow(4);
    const pins = new Int32Array(4);
    policy.add(3);
    for (let frame = 0; frame < 3; frame++) policy.add(frame);
    assertEquals(evict(policy, pins), 3); // the hand is on 0 now
    policy.remove(removed);
    const rest = [0, 1, 2].filter((frame) => frame !== removed);
    assertEquals(rest.map(() => evict(policy, pins)), rest);
  }
});

Deno.test("SievePolicy keeps queue, bits and hand when it grows", () => {
  const policy = new SievePolicy();
  policy.grow(3);
  for (let frame = 0; frame < 3; frame++) policy.add(frame);
  policy.touch(1);
  assertEquals(evict(policy, new Int32Array(3)), 0);
  policy.grow(6);
  policy.add(5);
  const pins = new Int32Array(6);
  assertEquals([1, 2, 3].map(() => evict(policy, pins)), [2, 5, 1]);
});
