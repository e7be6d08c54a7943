import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { CorruptionError } from "./errors.ts";
import { KIND_TOMBSTONE, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
import {
  decodeVersionEdit,
  emptyVersionEdit,
  encodeVersionEdit,
  seekBudget,
  type TableMeta,
  type VersionEdit,
} from "./version_edit.ts";

const text = (string: string) => new TextEncoder().encode(string);
const key = (user: string, sequence: number, kind = KIND_VALUE) =>
  makeInternalKey(text(user), sequence, kind);

function table(
  number: number,
  bytes: number,
  smallest: Uint8Array,
  largest: Uint8Array,
): TableMeta {
  return { number, bytes, smallest, largest, allowedSeeks: seekBudget(bytes) };
}

function decode(bytes: Uint8Array): VersionEdit {
  return decodeVersionEdit(bytes, 0, bytes.length, "db/MANIFEST-000005", 70);
}

/** An edit with every field, and its bytes written down by hand. */
const FULL: VersionEdit = {
  comparator: "x.y",
  logNumber: 300,
  prevLogNumber: 0,
  nextFileNumber: 2 ** 32,
  lastSequence: Number.MAX_SAFE_INTEGER,
  compactPointers: [{ level: 1, key: key("ab", 0x0102, KIND_TOMBSTONE) }],
  deleted: [{ level: 0, number: 9 }, { level: 0, number: 130 }, { level: 2, number: 4 }],
  added: [{ level: 6, table: table(7, 2_097_152, key("a", 1), key("b", 255)) }],
};
// deno-fmt-ignore
const FULL_BYTES = Uint8Array.of(
  1, 3, 0x78, 0x2e, 0x79,                                         // comparator "x.y"
  2, 0xac, 0x02,                                                  // log 300
  9, 0,                                                           // previous log 0
  3, 0x80, 0x80, 0x80, 0x80, 0x10,                                // next file 2^32
  4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f,              // sequence 2^53 - 1
  5, 1, 10, 0x61, 0x62, 0, 0x02, 0x01, 0, 0, 0, 0, 0,             // level 1 continues after ab
  6, 0, 9, 6, 0, 0x82, 0x01, 6, 2, 4,                             // without 9 and 130 in level 0, 4 in level 2
  7, 6, 7, 0x80, 0x80, 0x80, 0x01,                                // with 7 in level 6, 2 MiB,
  9, 0x61, 1, 1, 0, 0, 0, 0, 0, 0,                                //   from a, sequence 1
  9, 0x62, 1, 0xff, 0, 0, 0, 0, 0, 0,                             //   to b, sequence 255
);

Deno.test("encodeVersionEdit() writes LevelDB's bytes", () => {
  assertEquals(encodeVersionEdit(FULL), FULL_BYTES);
});

Deno.test("encodeVersionEdit() writes what LevelDB writes for a new database", () => {
  const edit = {
    ...emptyVersionEdit(),
    comparator: "leveldb.BytewiseComparator",
    logNumber: 0,
    nextFileNumber: 2,
    lastSequence: 0,
  };
  assertEquals(
    encodeVersionEdit(edit),
    Uint8Array.of(1, 26, ...text("leveldb.BytewiseComparator"), 2, 0, 3, 2, 4, 0),
  );
});

Deno.test("encodeVersionEdit() writes nothing for an edit that changes nothing", () => {
  assertEquals(encodeVersionEdit(emptyVersionEdit()), new Uint8Array(0));
  assertEquals(decode(new Uint8Array(0)), emptyVersionEdit());
});

Deno.test("encodeVersionEdit() puts deleted tables in order of level and number, as LevelDB's set does", () => {
  const deleted = [{ level: 2, number: 4 }, { level: 0, number: 130 }, { level: 0, number: 9 }];
  const edit = { ...emptyVersionEdit(), deleted };
  assertEquals(encodeVersionEdit(edit), Uint8Array.of(6, 0, 9, 6, 0, 0x82, 1, 6, 2, 4));
  assertEquals(deleted[0], { level: 2, number: 4 }, "the edit itself stays as it was");
});

Deno.test("encodeVersionEdit() refuses levels and numbers that do not exist", () => {
  assertThrows(
    () => encodeVersionEdit({ ...emptyVersionEdit(), logNumber: -1 }),
    Error,
    "Invariant",
  );
  assertThrows(
    () => encodeVersionEdit({ ...emptyVersionEdit(), logNumber: 2 ** 53 }),
    Error,
    "Invariant",
  );
  const deleted = [{ level: 7, number: 1 }];
  assertThrows(() => encodeVersionEdit({ ...emptyVersionEdit(), deleted }), Error, "Invariant");
});

Deno.test("encodeVersionEdit() makes room for comparator names of any script", () => {
  for (const comparator of ["", "ключ", "\u{1f511}".repeat(100), "\uffff".repeat(100)]) {
    const edit = { ...emptyVersionEdit(), comparator };
    assertEquals(decode(encodeVersionEdit(edit)), edit);
  }
});

Deno.test("decodeVersionEdit() reads LevelDB's bytes", () => {
  assertEquals(decode(FULL_BYTES), FULL);
});

Deno.test("decodeVersionEdit() reads a range of a buffer and keeps none of it", () => {
  const buffer = new Uint8Array(FULL_BYTES.length + 7).fill(0xee);
  buffer.set(FULL_BYTES, 3);
  const edit = decodeVersionEdit(buffer, 3, 3 + FULL_BYTES.length, "m", 0);
  buffer.fill(0);
  assertEquals(edit, FULL);
});

Deno.test("decodeVersionEdit() takes fields in any order, the last of a kind counting", () => {
  const edit = decode(Uint8Array.of(4, 8, 2, 5, 6, 1, 3, 2, 6));
  assertEquals(edit, {
    ...emptyVersionEdit(),
    lastSequence: 8,
    logNumber: 6,
    deleted: [{ level: 1, number: 3 }],
  });
});

Deno.test("decodeVersionEdit() names file, offset and part of what it refuses", () => {
  const refused: [number[], string][] = [
    [[8, 1], "unknown field 8"],
    [[10, 1], "unknown field 10"],
    [[0], "unknown field 0"],
    [[2], "log number"],
    [[2, 0x80], "log number"],
    [[3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f], "next file number"], // 2^54 - 1
    [[6, 7, 1], "level 7"],
    [[5, 1, 7, 1, 1, 1, 1, 1, 1, 1], "compact pointer is not an internal key"],
    [[5, 1, 8, 2, 1, 0, 0, 0, 0, 0, 0], "compact pointer is not an internal key"], // kind 2
    [[5, 1, 8, 1, 0, 0, 0, 0, 0, 0, 0x20], "compact pointer is not an internal key"], // sequence 2^53
    [[5, 1, 9, 1, 1, 1, 1, 1, 1, 1], "compact pointer is cut"],
    [[7, 0, 0, 1, 8, 1, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0], "number is 0"],
    [[1, 2, 0xc3, 0x28], "comparator name is not text"],
    [[1, 0xff, 0xff, 0xff, 0xff, 0x0f], "comparator name is cut"],
    [[0x80, 0x80, 0x80, 0x80, 0x80], "tag"],
  ];
  for (const [bytes, what] of refused) {
    const error = assertThrows(() => decode(Uint8Array.from(bytes)), CorruptionError, what);
    assertEquals([error.file, error.offset], ["db/MANIFEST-000005", 70]);
  }
});

Deno.test("decodeVersionEdit() takes the boundaries of what an internal key may be", () => {
  const edit = {
    ...emptyVersionEdit(),
    compactPointers: [{ level: 6, key: key("", Number.MAX_SAFE_INTEGER) }],
  };
  assertEquals(decode(encodeVersionEdit(edit)), edit);
});

function editOrCorruption(bytes: Uint8Array, why: string): VersionEdit | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    assertInstanceOf(error, CorruptionError, why);
    return undefined;
  }
}

Deno.test("decodeVersionEdit() gives an edit or a CorruptionError for every truncation", () => {
  const whole = new Set<number>();
  for (let end = 0; end <= FULL_BYTES.length; end++) {
    if (editOrCorruption(FULL_BYTES.slice(0, end), `cut at ${end}`) !== undefined) whole.add(end);
  }
  // Only a cut between two fields leaves an edit.
  assertEquals([...whole], [0, 5, 8, 10, 16, 25, 38, 41, 45, 48, FULL_BYTES.length]);
});

Deno.test("decodeVersionEdit() gives an edit or a CorruptionError for every change of one byte", () => {
  const bytes = FULL_BYTES.slice();
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (let value = 0; value < 256; value++) {
      bytes[at] = value;
      const edit = editOrCorruption(bytes, `byte ${at} is ${value}`);
      if (edit === undefined) refused++;
      else {
        // Nothing in it can be longer than the record.
        for (const { table } of edit.added) {
          assert(
            table.smallest.length + table.largest.length <= bytes.length,
            `byte ${at} is ${value}`,
          );
        }
        // An edit that was accepted can be written and read again.
        assertEquals(decode(encodeVersionEdit(edit)).added, edit.added);
      }
    }
    bytes[at] = FULL_BYTES[at]!;
  }
  assert(refused > 1000, `only ${refused} changes were refused`);
});

Deno.test("decodeVersionEdit() reads back random edits", () => {
  const seed = 20_251;
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const number = () => Math.floor(Number.MAX_SAFE_INTEGER / 2 ** random(53));
  const randomKey = () =>
    makeInternalKey(
      Uint8Array.from({ length: random(200) }, () => random(256)),
      number(),
      random(2),
    );
  for (let round = 0; round < 300; round++) {
    const edit = emptyVersionEdit();
    if (random(2)) edit.comparator = "c".repeat(random(300));
    if (random(2)) edit.logNumber = number();
    if (random(2)) edit.prevLogNumber = number();
    if (random(2)) edit.nextFileNumber = number();
    if (random(2)) edit.lastSequence = number();
    for (let i = random(4); i > 0; i--) {
      edit.compactPointers.push({ level: random(7), key: randomKey() });
    }
    for (let i = random(4); i > 0; i--) edit.deleted.push({ level: random(7), number: number() });
    for (let i = random(4); i > 0; i--) {
      edit.added.push({
        level: random(7),
        table: table(1 + number() % 1e9, number(), randomKey(), randomKey()),
      });
    }
    edit.deleted.sort((a, b) => a.level - b.level || a.number - b.number);
    assertEquals(decode(encodeVersionEdit(edit)), edit, `seed ${seed}, round ${round}`);
  }
});

Deno.test("seekBudget() is one seek for every 16 KiB, at least a hundred", () => {
  assertEquals([0, 1_638_400, 1_638_400 + 16_384, 2 ** 30].map(seekBudget), [
    100,
    100,
    101,
    65_536,
  ]);
});
