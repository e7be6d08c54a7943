/**
 * **What.** What eviction policies have to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. A policy is called as a pool calls it: what is touched or removed is there, what is added is not.
 *
 * **Read next.** `../../../lib/sieve_policy_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type EvictionPolicy, LruPolicy } from "../../../lib/lru_policy.ts";
import { generator } from "../../../lib/random.ts";
import { SievePolicy } from "../../../lib/sieve_policy.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");
type Name = keyof Subject;

/** A policy with room for some frames, of which the first are added in their order. */
function start(subject: Subject, name: Name, added: number, room: number = added): EvictionPolicy {
  const policy = new subject[name]();
  policy.grow(room);
  for (let frame = 0; frame < added; frame++) policy.add(frame);
  return policy;
}

/** The next victims, each removed as a pool does. */
function evict(policy: EvictionPolicy, count: number, pins: number[] = []): number[] {
  const all = new Int32Array(16);
  all.set(pins);
  return Array.from({ length: count }, () => {
    const victim = policy.victim(all);
    policy.remove(victim);
    return victim;
  });
}

/** Does the same at random to a policy and to ours, and compares the victims. */
function compare(subject: Subject, name: Name, seed: number): void {
  const random = generator(seed);
  let room = 4;
  const policy = start(subject, name, 0, room);
  const other = start(own, name, 0, room);
  const present: number[] = [];
  const free = [3, 2, 1, 0];
  for (let step = 0; step < 1000; step++) {
    const action = random(10);
    const drawn = present[random(Math.max(1, present.length))];
    if (action < 5 && drawn !== undefined) {
      policy.touch(drawn);
      other.touch(drawn);
    } else if (action === 5 && room < 64 && random(20) === 0) {
      for (let frame = room; frame < room * 2; frame++) free.push(frame);
      room *= 2;
      policy.grow(room);
      other.grow(room);
    } else if (action === 6 && drawn !== undefined && random(4) === 0) {
      policy.remove(drawn);
      other.remove(drawn);
      free.push(...present.splice(present.indexOf(drawn), 1));
    } else {
      if (free.length === 0) {
        const pins = Int32Array.from({ length: room }, () => random(4) === 0 ? 1 : 0);
        pins[drawn!] = 0;
        const victim = policy.victim(pins);
        assertEquals(victim, other.victim(pins), `the victim, seed ${seed}, step ${step}`);
        policy.remove(victim);
        other.remove(victim);
        free.push(...present.splice(present.indexOf(victim), 1));
      }
      const frame = free.pop()!;
      policy.add(frame);
      other.add(frame);
      present.push(frame);
    }
  }
}

const cases: Case<Subject>[] = [
  {
    name: "LRU evicts in the order of the last use",
    run(subject) {
      const policy = start(subject, "LruPolicy", 4);
      for (const frame of [2, 0, 3, 3]) policy.touch(frame);
      assertEquals(evict(policy, 4), [1, 2, 0, 3], "after 2, 0, 3 and 3 were touched");
    },
  },
  {
    name: "LRU passes over pinned frames, and leaves their order alone",
    run(subject) {
      const policy = start(subject, "LruPolicy", 4);
      assertEquals(evict(policy, 2, [1, 0, 2, 0]), [1, 3], "with 0 and 2 pinned");
      assertEquals(evict(policy, 2), [0, 2], "with none pinned any more");
      const other = start(subject, "LruPolicy", 4);
      assertEquals(evict(other, 1, [1, 0, 0, 0]), [1], "with 0 pinned");
      assertEquals(evict(other, 3), [0, 2, 3], "0 was not used, only passed over");
    },
  },
  {
    name: "LRU keeps a victim until it is removed, and forgets what is removed, wherever it is",
    run(subject) {
      for (let removed = 0; removed < 3; removed++) {
        const policy = start(subject, "LruPolicy", 3);
        const pins = new Int32Array(3);
        assertEquals([policy.victim(pins), policy.victim(pins)], [0, 0], "the same one, twice");
        policy.remove(removed);
        const rest = [0, 1, 2].filter((frame) => frame !== removed);
        assertEquals(evict(policy, 2), rest, `after ${removed} was removed`);
        policy.add(removed);
        assertEquals(evict(policy, 1), [removed], "added again, to an empty list");
      }
    },
  },
  {
    name: "LRU does what ours does, whatever it is asked to",
    run(subject) {
      for (let seed = 1; seed <= 20; seed++) compare(subject, "LruPolicy", seed);
    },
  },
  {
    name: "SIEVE evicts in the order of arrival what is not visited",
    run(subject) {
      const victims = evict(start(subject, "SievePolicy", 4), 4);
      assertEquals(victims, [0, 1, 2, 3], "0, 1, 2 and 3 were added, and none touched");
    },
  },
  {
    name: "SIEVE passes over a visited frame once, and leaves it where it is",
    run(subject) {
      const policy = start(subject, "SievePolicy", 4, 5);
      policy.touch(2);
      policy.touch(0);
      assertEquals(evict(policy, 1), [1], "2 and 0 are visited");
      assertEquals(evict(policy, 1), [3], "the hand goes on, and does not return to 0");
      assertEquals(evict(policy, 2), [0, 2], "from the newest frame the hand goes to the oldest");
    },
  },
  {
    name: "SIEVE puts what arrives at the newest end, and not where the hand is",
    run(subject) {
      const policy = start(subject, "SievePolicy", 4, 5);
      policy.touch(0);
      assertEquals(evict(policy, 1), [1], "0 is visited");
      policy.add(4);
      assertEquals(evict(policy, 4), [2, 3, 4, 0], "4 has arrived");
    },
  },
  {
    name: "SIEVE begins with a bit of 0 when a frame gets another block",
    run(subject) {
      const policy = start(subject, "SievePolicy", 3);
      policy.touch(0);
      policy.remove(0);
      policy.add(0);
      policy.touch(1);
      policy.touch(2);
      assertEquals(evict(policy, 1), [0], "0 was visited, removed and added again");
    },
  },
  {
    name: "SIEVE passes over pinned frames, visited or not, and clears their bits",
    run(subject) {
      const policy = start(subject, "SievePolicy", 4);
      policy.touch(3);
      assertEquals(evict(policy, 1, [1, 2, 1, 0]), [3], "all but 3 are pinned, 3 is visited");
      assertEquals(evict(policy, 1, [1, 0, 1, 0]), [1], "0 and 2 are pinned");
      const other = start(subject, "SievePolicy", 3);
      other.touch(0);
      assertEquals(evict(other, 1, [1, 0, 0]), [1], "0 is visited and pinned");
      other.touch(2);
      assertEquals(
        evict(other, 1),
        [0],
        "2 is visited now, and 0 lost its bit while it was pinned",
      );
    },
  },
  {
    name: "SIEVE's hand goes to the next newer frame when the one under it is removed",
    run(subject) {
      for (let removed = 0; removed < 4; removed++) {
        const policy = start(subject, "SievePolicy", 4);
        policy.touch(0);
        const pins = new Int32Array(4);
        assertEquals(policy.victim(pins), 1, "0 is visited, so the hand is on 1");
        policy.remove(removed);
        const rest = [1, 2, 3, 0].filter((frame) => frame !== removed);
        assertEquals(evict(policy, 3), rest, `after ${removed} was removed`);
      }
    },
  },
  {
    name: "SIEVE does what ours does, whatever it is asked to",
    run(subject) {
      for (let seed = 1; seed <= 40; seed++) compare(subject, "SievePolicy", seed);
    },
  },
  {
    name: "SIEVE keeps through a scan what LRU loses",
    run(subject) {
      const kept = (name: Name) => {
        const policy = start(subject, name, 8);
        for (const frame of [0, 1, 2, 3]) policy.touch(frame);
        for (let i = 0; i < 20; i++) {
          const [victim] = evict(policy, 1);
          policy.add(victim!);
          if (victim! < 4) return false;
        }
        return true;
      };
      assertEquals(kept("LruPolicy"), false, "whether LRU keeps 4 touched frames of 8");
      assert(kept("SievePolicy"), "4 frames of 8 were touched, then 20 blocks came: all 4 stay");
    },
  },
];

const own: Subject = { LruPolicy, SievePolicy };

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "two policies that choose what has to go, LRU and SIEVE",
  own,
  cases,
};
