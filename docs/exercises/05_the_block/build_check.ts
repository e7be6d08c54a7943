/**
 * **What.** What a block has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Blocks to be searched are made by `BlockBuilder`, so that both halves can be built apart.
 *
 * **Read next.** `../../../lib/stored_block_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { BlockBuilder } from "../../../lib/block_builder.ts";
import { putFixed32 } from "../../../lib/coding.ts";
import { CorruptionError } from "../../../lib/errors.ts";
import {
  InternalKeyComparator,
  KIND_VALUE,
  makeInternalKey,
  SEQUENCE_MAX,
  sequenceAt,
  userKeyOf,
} from "../../../lib/internal_key.ts";
import { generator } from "../../../lib/random.ts";
import { BlockCursor, StoredBlock } from "../../../lib/stored_block.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Compare, Entry } from "./build.ts";

type Subject = typeof import("./build.ts");

const order = new InternalKeyComparator();
const compareKeys: Compare = (a, b) => order.compareKeys(a, b);

/** More than any search of a block here takes that ends at all. */
const COMPARISONS_MAX = 10_000;

/** Seeks, and gives up a search that goes on for ever. */
function seekIn(subject: Subject, block: Uint8Array, key: Uint8Array): Entry | undefined {
  return counted(subject, block, key).found;
}

/** Seeks, and counts the comparisons. */
function counted(
  subject: Subject,
  block: Uint8Array,
  key: Uint8Array,
): { found: Entry | undefined; compared: number } {
  let compared = 0;
  const found = subject.seek(block, key, (a, b) => {
    assert(++compared <= COMPARISONS_MAX, `${compared} comparisons, and no end of the search`);
    return compareKeys(a, b);
  });
  return { found, compared };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const plain = (key: string, value = "v"): Entry => ({ key: bytes(key), value: bytes(value) });

/** An entry as a table has it, with a sequence number behind its key. */
function entry(key: string, sequence = 1, value = `${key}=${sequence}`): Entry {
  return { key: makeInternalKey(bytes(key), sequence, KIND_VALUE), value: bytes(value) };
}

function hex(block: Uint8Array): string {
  return [...block].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Checks the bytes of a block of plain keys: `"00 01 01 61 76 …"`. */
function assertBytes(subject: Subject, entries: Entry[], interval: number, expected: string): void {
  const keys = entries.map(({ key }) => new TextDecoder().decode(key)).join(", ");
  assertEquals(
    hex(subject.buildBlock(entries, interval)),
    expected,
    `${keys}, interval ${interval}`,
  );
}

/** Checks the bytes of a large block, of which only the first wrong one is told. */
function assertSame(block: Uint8Array, expected: Uint8Array, what: string): void {
  const at = expected.findIndex((byte, i) => block[i] !== byte);
  const found = block[at] === undefined ? "missing" : hex(block.subarray(at, at + 1));
  const wanted = hex(expected.subarray(at, at + 1));
  assert(at < 0, `${what}: byte ${at} is ${found}; ${wanted} was expected`);
  assertEquals(block.length, expected.length, `${what}: its length`);
}

/** A block, as ours is. */
function built(entries: readonly Entry[], interval: number): Uint8Array {
  const builder = new BlockBuilder(interval);
  for (const { key, value } of entries) builder.add(key, 0, key.length, value, 0, value.length);
  const end = builder.finish();
  return builder.buffer.slice(0, end);
}

/** Lists of entries of several kinds, in order. */
function lists(): Entry[][] {
  const random = generator(5);
  const numbers = Array.from({ length: 300 }, (_, i) => entry(`user:${1000 + 3 * i}`));
  const words = new Set(Array.from({ length: 300 }, () => random(100_000).toString(3)));
  const versions = Array.from({ length: 60 }, (_, i) => entry("clay", 1000 - i));
  const nested = Array.from({ length: 40 }, (_, i) => entry("clay".repeat(i + 1)));
  return [numbers, [...words].sort().map((word) => entry(word)), versions, nested];
}

function shown(found: Entry | undefined): string {
  if (found === undefined) return "nothing";
  const key = new TextDecoder().decode(userKeyOf(found.key));
  return `${key}@${sequenceAt(found.key, found.key.length)} ${
    new TextDecoder().decode(found.value)
  }`;
}

/** Seeks every entry, and checks what is found. */
function assertFinds(subject: Subject, entries: readonly Entry[], interval: number): void {
  const block = built(entries, interval);
  for (const wanted of entries) {
    const found = seekIn(subject, block, wanted.key);
    assertEquals(shown(found), shown(wanted), `seek of an entry, interval ${interval}`);
  }
}

/** Checks that a seek for the key `m` refuses a block. */
function assertRefused(subject: Subject, block: Uint8Array, why: string): void {
  const key = makeInternalKey(bytes("m"), SEQUENCE_MAX, KIND_VALUE);
  assertThrows(() => seekIn(subject, block, key), CorruptionError, "", why);
}

const cases: Case<Subject>[] = [
  {
    name: "writes one entry, and a block of none",
    run(subject) {
      assertBytes(
        subject,
        [plain("ab", "xyz")],
        16,
        "00 02 03 61 62 78 79 7a 00 00 00 00 01 00 00 00",
      );
      assertBytes(subject, [], 16, "00 00 00 00 01 00 00 00");
    },
  },
  {
    name: "leaves out what a key shares with the one before",
    run(subject) {
      const expected = "00 02 01 61 62 76 01 01 01 63 76 02 01 01 64 76 00 01 01 62 76 " +
        "00 00 00 00 01 00 00 00";
      assertBytes(subject, ["ab", "ac", "acd", "b"].map((key) => plain(key)), 16, expected);
    },
  },
  {
    name: "takes empty keys and values, and keys that begin with the one before",
    run(subject) {
      assertBytes(
        subject,
        [plain("", ""), plain("a", "")],
        16,
        "00 00 00 00 01 00 61 00 00 00 00 01 00 00 00",
      );
    },
  },
  {
    name: "stores a whole key at each restart point, and says where",
    run(subject) {
      const entries = ["aa", "ab", "ac"].map((key) => plain(key));
      const expected = "00 02 01 61 61 76 01 01 01 62 76 00 02 01 61 63 76 " +
        "00 00 00 00 0b 00 00 00 02 00 00 00";
      assertBytes(subject, entries, 2, expected);
    },
  },
  {
    name: "writes the same bytes as ours, also for lengths over 127, whatever the interval",
    run(subject) {
      const long = [
        plain("k".repeat(200), "v".repeat(127)),
        plain("k".repeat(20_000), "v".repeat(128)),
      ];
      for (const entries of [...lists(), long]) {
        for (const interval of [1, 2, 3, 16, 1000]) {
          assertSame(
            subject.buildBlock(entries, interval),
            built(entries, interval),
            `${entries.length} entries, interval ${interval}`,
          );
        }
      }
    },
  },
  {
    name: "finds every entry of a block without further restart points",
    run: (subject) => lists().forEach((entries) => assertFinds(subject, entries, 1000)),
  },
  {
    name: "finds every entry, wherever the restart points are",
    run(subject) {
      for (const entries of lists()) {
        for (const interval of [1, 2, 7, 16]) assertFinds(subject, entries, interval);
      }
    },
  },
  {
    name: "finds the next entry for a key that is not there, and nothing behind the last",
    run(subject) {
      const entries = Array.from({ length: 50 }, (_, i) => entry(`k${200 + 2 * i}`));
      const block = built(entries, 4);
      for (let i = 0; i <= entries.length; i++) {
        const { key } = entry(`k${199 + 2 * i}`);
        assertEquals(shown(seekIn(subject, block, key)), shown(entries[i]));
      }
      assertEquals(seekIn(subject, built([], 4), entries[0]!.key), undefined, "of none");
    },
  },
  {
    name: "finds the newest version that is not newer than asked for",
    run(subject) {
      const block = built([9, 7, 5, 3, 1].map((sequence) => entry("clay", sequence)), 2);
      for (let sequence = 1; sequence <= 9; sequence++) {
        const newest = sequence - (sequence + 1) % 2;
        const found = seekIn(subject, block, entry("clay", sequence).key);
        assertEquals(shown(found), `clay@${newest} clay=${newest}`, `as of ${sequence}`);
      }
    },
  },
  {
    name: "halves the restart points, and compares no more than it must",
    run(subject) {
      const entries = Array.from({ length: 4096 }, (_, i) => entry(`k${10_000 + i}`));
      const block = built(entries, 16);
      for (const { key } of entries) {
        const { compared } = counted(subject, block, key);
        // 256 restart points take 8 comparisons, a group 16; one more each for who is careful.
        assert(compared <= 26, `${compared} comparisons among 4096 entries: 26 were allowed`);
      }
    },
  },
  {
    name: "refuses a block whose end cannot be: no room for a count, too many restart points, none",
    run(subject) {
      const block = built([entry("a"), entry("z")], 16);
      assertRefused(subject, block.slice(0, 3), "three bytes");
      for (const count of [0, 1000, 0x40000001, 0xffffffff]) {
        const changed = block.slice();
        putFixed32(changed, changed.length - 4, count);
        assertRefused(subject, changed, `${count} restart points`);
      }
    },
  },
  {
    name: "refuses entries that cannot be: cut, sharing too much, a restart point that is none",
    run(subject) {
      const block = built([entry("a"), entry("z")], 16);
      const second = 3 + 9 + 3; // behind the first entry: its lengths, its key and its value
      const change = (at: number, byte: number) => {
        const changed = block.slice();
        changed[at] = byte;
        return changed;
      };
      assertRefused(subject, change(1, 100), "a key that goes past the end");
      assertRefused(subject, change(2, 100), "a value that goes past the end");
      assertRefused(subject, change(second, 10), "more shared than the key before has");
      assertRefused(subject, change(0, 1), "a first key that is not whole");
      assertRefused(subject, change(second + 2, 7), "a value that goes into the restart points");
      assertRefused(subject, change(block.length - 8, 200), "a restart point behind the block");
      const noLength = [0, 9, ...new Array(9).fill(0xff), 0, 0, 0, 0, 1, 0, 0, 0];
      assertRefused(subject, new Uint8Array(noLength), "a length of more than 32 bits");
      const groups = built([entry("aa"), entry("ab"), entry("ya"), entry("yb")], 2);
      groups[groups.length - 8] = 3 + 10 + 4; // the second entry, which shares a byte with the first
      assertRefused(subject, groups, "a restart point at a key that is not whole");
    },
  },
];

/** Makes a block as `lib/block_builder.ts` does. */
function buildBlock(entries: readonly Entry[], interval: number): Uint8Array {
  return built(entries, interval);
}

/** Searches one as `lib/stored_block.ts` does for an order of the caller's. */
function seek(block: Uint8Array, key: Uint8Array, compare: Compare): Entry | undefined {
  const stored = new StoredBlock(block.length);
  stored.bytes.set(block);
  stored.accept(block.length, "block", 0);
  const given = new class extends InternalKeyComparator {
    override compare(
      ...[a, from, to, b, start, end]: Parameters<InternalKeyComparator["compare"]>
    ): number {
      return compare(a.subarray(from, to), b.subarray(start, end));
    }
  }({ name: "given", compare });
  const cursor = new BlockCursor(given);
  cursor.enter(stored);
  cursor.seek(key, 0, key.length);
  if (!cursor.valid) return undefined;
  return {
    key: cursor.keyBuffer.slice(cursor.keyStart, cursor.keyEnd),
    value: cursor.valueBuffer.slice(cursor.valueStart, cursor.valueEnd),
  };
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a block with prefix compression, and the search in it",
  own: { buildBlock, seek },
  cases,
};
