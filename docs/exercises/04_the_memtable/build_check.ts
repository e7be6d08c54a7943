/**
 * **What.** What a memtable on a skip list has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Random keys come from fixed seeds, so a case that fails fails again.
 *
 * **Read next.** `../../../lib/memtable_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Arena } from "../../../lib/arena.ts";
import { compareBytes } from "../../../lib/bytes.ts";
import {
  DELETED,
  FOUND,
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  kindAt,
  Lookup,
  makeInternalKey,
  SEQUENCE_MAX,
  sequenceAt,
} from "../../../lib/internal_key.ts";
import { Memtable } from "../../../lib/memtable.ts";
import { generator } from "../../../lib/random.ts";
import { towersOf } from "../../figures/04_skip_list.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Answer, Compare, Entry } from "./build.ts";

type Subject = typeof import("./build.ts");
type OrderedMemtable = InstanceType<Subject["OrderedMemtable"]>;

const MANY = 4096;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (key: Uint8Array) => new TextDecoder().decode(key);
const compareKeys: Compare = (a, b) => compareBytes(a, 0, a.length, b, 0, b.length);

/** A memtable with the given writes: `"clay=red"` puts, `"clay"` deletes, the first with sequence number 1. */
function filled(subject: Subject, ...writes: string[]): OrderedMemtable {
  const memtable = new subject.OrderedMemtable(compareKeys, 7);
  writes.forEach((write, i) => memtable.add(entryOf(write, i + 1)));
  return memtable;
}

function entryOf(write: string, sequence: number): Entry {
  const [key, value] = write.split("=");
  return { key: bytes(key!), sequence, value: value === undefined ? undefined : bytes(value) };
}

/** An entry as text: `clay@3=red`, or `clay@3` for a tombstone. */
function shown({ key, sequence, value }: Entry): string {
  return `${text(key)}@${sequence}${value === undefined ? "" : `=${text(value)}`}`;
}

function answered(answer: Answer): string {
  return typeof answer === "string" ? answer : `"${text(answer)}"`;
}

function assertOrder(memtable: OrderedMemtable, order: string[], from?: string): void {
  const entries = memtable.entries(from === undefined ? undefined : bytes(from));
  assertEquals(
    [...entries].map(shown),
    order,
    from === undefined ? "the order" : `from ${from} on`,
  );
}

/** Checks answers: `assertGets(memtable, "clay@3", "deleted")` asks for `clay` as of 3. */
function assertGets(memtable: OrderedMemtable, ...pairs: string[]): void {
  for (let i = 0; i < pairs.length; i += 2) {
    const [key, sequence] = pairs[i]!.split("@");
    const answer = answered(memtable.get(bytes(key!), Number(sequence ?? 1000)));
    assertEquals(answer, pairs[i + 1], `what get(${pairs[i]}) answers`);
  }
}

/** Keys of eight random bytes. */
function randomKeys(): Uint8Array[] {
  const random = generator(11);
  return Array.from({ length: MANY }, () => Uint8Array.from({ length: 8 }, () => random(256)));
}

/** A large memtable that counts what it compares. */
function large(subject: Subject, keys: readonly Uint8Array[]): {
  memtable: OrderedMemtable;
  perInsertion: number;
  perLookup: number;
} {
  let compared = 0;
  const compare: Compare = (a, b) => {
    compared++;
    return compareKeys(a, b);
  };
  const memtable = new subject.OrderedMemtable(compare, 7);
  keys.forEach((key, i) => memtable.add({ key, sequence: i + 1, value: key }));
  const perInsertion = compared / MANY;
  compared = 0;
  for (const key of keys) assertEquals(memtable.get(key, MANY), key);
  return { memtable, perInsertion, perLookup: compared / MANY };
}

function assertFew(perOperation: number, what: string): void {
  const most = 2.5 * Math.log2(MANY); // 30
  assert(
    perOperation <= most,
    `${what} compares ${Math.round(perOperation)} keys among ${MANY}: ${most} were allowed`,
  );
}

const cases: Case<Subject>[] = [
  {
    name: "has entries in the order of their keys, however they come",
    run(subject) {
      assertOrder(filled(subject), []);
      const memtable = filled(subject, "loam=a", "sand=b", "clay=c", "marl=d");
      assertOrder(memtable, ["clay@3=c", "loam@1=a", "marl@4=d", "sand@2=b"]);
    },
  },
  {
    name: "finds what is there, and nothing else",
    run(subject) {
      const memtable = filled(subject, "loam=a", "sand=b", "clay=c");
      assertGets(memtable, "clay", '"c"', "loam", '"a"', "sand", '"b"');
      for (const key of ["", "chalk", "clay ", "cla", "marl", "slate"]) {
        assertGets(memtable, key, "absent");
      }
    },
  },
  {
    name: "has the newest version of a key first",
    run(subject) {
      const memtable = filled(subject, "clay=a", "sand=b", "clay=c", "chalk=d", "clay=e");
      assertOrder(memtable, ["chalk@4=d", "clay@5=e", "clay@3=c", "clay@1=a", "sand@2=b"]);
      assertGets(memtable, "clay", '"e"');
    },
  },
  {
    name: "answers as of a sequence number",
    run(subject) {
      const memtable = filled(subject, "sand=a", "clay=b", "clay=c", "sand=d", "clay=e");
      assertGets(memtable, "clay@5", '"e"', "clay@4", '"c"', "clay@3", '"c"', "clay@2", '"b"');
      assertGets(memtable, "clay@1", "absent", "sand@3", '"a"', "sand@4", '"d"');
    },
  },
  {
    name: "ends at a tombstone, also of a key that was never put (B8)",
    run(subject) {
      const memtable = filled(subject, "clay=a", "clay", "loam", "clay=d", "clay");
      assertGets(memtable, "clay@5", "deleted", "clay@4", '"d"', "clay@3", "deleted");
      assertGets(memtable, "clay@1", '"a"', "loam", "deleted", "loam@2", "absent");
      assertOrder(memtable, ["clay@5", "clay@4=d", "clay@2", "clay@1=a", "loam@3"]);
    },
  },
  {
    name: "knows a value of no bytes from a tombstone, and takes the key of no bytes (B9)",
    run(subject) {
      const memtable = filled(subject, "clay=", "=a", "");
      assertGets(memtable, "clay", '""', "@2", '"a"', "@3", "deleted", "@1", "absent");
    },
  },
  {
    name: "walks from a key on, whether that is there or not",
    run(subject) {
      const memtable = filled(subject, "clay=a", "sand=b", "clay=c", "loam=d");
      assertOrder(memtable, ["clay@3=c", "clay@1=a", "loam@4=d", "sand@2=b"], "clay");
      assertOrder(memtable, ["loam@4=d", "sand@2=b"], "clay ");
      assertOrder(memtable, ["sand@2=b"], "sand");
      assertOrder(memtable, [], "slate");
    },
  },
  {
    name: "goes on with a walk while entries are added before and behind it",
    run(subject) {
      const memtable = filled(subject, "clay=a", "loam=b", "sand=c");
      const seen: string[] = [];
      for (const entry of memtable.entries()) {
        seen.push(shown(entry));
        if (seen.length === 2) {
          ["chalk=d", "marl=e", "clay=f"].forEach((write, i) =>
            memtable.add(entryOf(write, 4 + i))
          );
        }
      }
      assertEquals(seen, ["clay@1=a", "loam@2=b", "marl@5=e", "sand@3=c"]);
    },
  },
  {
    name: "links a quarter of each level in the next one, in order",
    run(subject) {
      const { memtable } = large(subject, randomKeys());
      let below = [...memtable.entries()].map(({ sequence }) => sequence);
      assertEquals(below.length, MANY);
      for (let level = 0; level < 5; level++) {
        const linked = memtable.level(level);
        const expected = MANY / 4 ** level;
        const spread = level === 0 ? 0 : 5 * Math.sqrt(expected);
        assert(
          Math.abs(linked.length - expected) <= spread,
          `${linked.length} entries are linked at level ${level}: about ${expected} were expected`,
        );
        const places = new Map(below.map((sequence, i) => [sequence, i]));
        const order = linked.map((sequence) => places.get(sequence) ?? -1);
        assert(!order.includes(-1), `level ${level} links what level ${level - 1} does not`);
        assertEquals(order, order.toSorted((a, b) => a - b), `the order of level ${level}`);
        below = linked;
      }
      assertEquals(memtable.level(40), []);
    },
  },
  {
    name: "compares few keys to look one up, and few to add one",
    run(subject) {
      const { perInsertion, perLookup } = large(subject, randomKeys());
      assertFew(perLookup, "a lookup");
      assertFew(perInsertion, "an insertion");
    },
  },
  {
    name: "compares few keys when they come in ascending order, in descending order, or in turns",
    run(subject) {
      const ascending = randomKeys().sort(compareKeys);
      // Three of the upper three quarters, then one of the lowest: heights that go by turns would all be there.
      const inTurns = ascending.map((_, i) =>
        ascending[i % 4 === 3 ? (i - 3) / 4 : MANY / 4 + i - Math.floor(i / 4)]!
      );
      for (const keys of [ascending, ascending.toReversed(), inTurns]) {
        const { perInsertion, perLookup } = large(subject, keys);
        assertFew(perLookup, "a lookup");
        assertFew(perInsertion, "an insertion");
      }
    },
  },
];

/** A memtable of `lib/memtable.ts` on a skip list. */
class Own implements OrderedMemtable {
  readonly #memtable: Memtable;

  constructor(compare: Compare, seed: number) {
    const comparator = new InternalKeyComparator({ name: "given", compare });
    const capacityBytes = Memtable.worstCaseBytes(MANY, 16 * MANY, "skip-list");
    this.#memtable = new Memtable({ comparator, capacityBytes, index: "skip-list", seed });
  }

  add({ key, sequence, value }: Entry): void {
    const kind = value === undefined ? KIND_TOMBSTONE : KIND_VALUE;
    const bytes = value ?? new Uint8Array();
    this.#memtable.add(sequence, kind, key, 0, key.length, bytes, 0, bytes.length);
  }

  get(key: Uint8Array, sequence: number): Answer {
    const lookup = new Lookup();
    lookup.reserve(key.length);
    lookup.key.set(key);
    lookup.begin(key.length, sequence);
    this.#memtable.get(lookup);
    if (lookup.outcome === DELETED) return "deleted";
    return lookup.outcome === FOUND
      ? lookup.value.slice(lookup.valueStart, lookup.valueEnd)
      : "absent";
  }

  *entries(key: Uint8Array = new Uint8Array()): Iterable<Entry> {
    const cursor = this.#memtable.cursor();
    const target = makeInternalKey(key, SEQUENCE_MAX, KIND_VALUE);
    for (cursor.seek(target, 0, target.length); cursor.valid; cursor.next()) {
      const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
      const isValue = kindAt(keyBuffer, keyEnd) === KIND_VALUE;
      yield {
        key: keyBuffer.slice(keyStart, keyEnd - 8),
        sequence: sequenceAt(keyBuffer, keyEnd),
        value: isValue ? valueBuffer.slice(valueStart, valueEnd) : undefined,
      };
    }
  }

  level(level: number): number[] {
    const arena = new Arena(this.#memtable.buffer);
    return towersOf(arena).slice(1).filter(({ next }) => next.length > level)
      .map(({ entry }) => sequenceAt(arena.bytes, arena.keyEnd(entry)));
  }
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a memtable on a skip list, with versions and tombstones",
  own: { OrderedMemtable: Own },
  cases,
};
