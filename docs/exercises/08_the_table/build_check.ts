/**
 * **What.** What separators and a table reader have to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Tables are made by `TableWriter`, and every read of their files is counted.
 *
 * **Read next.** `../../../lib/table_reader_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { createBufferPool } from "../../../lib/buffer_pool.ts";
import { bytewise } from "../../../lib/comparator.ts";
import { type Compressor, snappy } from "../../../lib/compression.ts";
import { CorruptionError } from "../../../lib/errors.ts";
import { readFile } from "../../../lib/file_system.ts";
import {
  FOUND,
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  Lookup,
  makeInternalKey,
  SEQUENCE_MAX,
} from "../../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import { TableReader } from "../../../lib/table_reader.ts";
import { TableWriter } from "../../../lib/table_writer.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");

/** A version of a key; no value is a tombstone. */
type Version = readonly [key: string, sequence: number, value?: string];

const comparator = new InternalKeyComparator();
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

/** The bytes of a table with those versions, in blocks of about 100 bytes. */
function bytesOf(versions: readonly Version[], compression?: Compressor): Uint8Array {
  const disk = new MemoryFileSystem();
  const options = { comparator, blockBytes: 100, restartInterval: 4, filterBits: 0, compression };
  const writer = new TableWriter(disk.create("table"), options);
  for (const [key, sequence, text] of versions) {
    const kind = text === undefined ? KIND_TOMBSTONE : KIND_VALUE;
    const internal = makeInternalKey(encode(key), sequence, kind);
    const value = encode(text ?? "");
    writer.add(internal, 0, internal.length, value, 0, value.length);
  }
  writer.finish();
  return readFile(disk, "table");
}

/** Opens a table with what a reader wrote, and counts how often it is read. */
function opened(subject: Subject, bytes: Uint8Array) {
  const disk = new MemoryFileSystem();
  disk.create("table").append(bytes);
  const file = disk.open("table");
  const counted = {
    reads: 0,
    path: file.path,
    size: file.size,
    read(into: Uint8Array, position: number) {
      counted.reads++;
      return file.read(into, position);
    },
    close: () => file.close(),
  };
  const table = subject.openTable(counted);
  return { get: (key: string) => decode(table.get(encode(key))), counted };
}

/** A hundred keys with gaps, and values that name them. */
const layers: readonly Version[] = Array.from({ length: 100 }, (_, i) => {
  const key = `layer ${String(3 * i).padStart(3, "0")}`;
  return [key, i + 1, `${key}, and what it is made of`] as const;
});

/** All keys of up to three bytes out of five. */
function shortKeys(): Uint8Array[] {
  const bytes = [0x00, 0x01, 0x61, 0xfe, 0xff];
  let last: number[][] = [[]];
  const keys = [new Uint8Array(0)];
  for (let length = 1; length <= 3; length++) {
    last = last.flatMap((key) => bytes.map((byte) => [...key, byte]));
    for (const key of last) keys.push(Uint8Array.from(key));
  }
  return keys.sort(bytewise.compare);
}

/** Checks that every layer is found, and nothing else. */
function assertLayers(get: (key: string) => string | undefined): void {
  for (const [key, , value] of layers) assertEquals(get(key), value, `get("${key}")`);
}

const cases: Case<Subject>[] = [
  {
    name: "separates two keys by as few bytes as there is room for",
    run({ separator }) {
      const examples = [
        ["clay", "flint", 1],
        ["gneiss", "granite", 2],
        ["limestone", "marl", 9],
        ["silt", "silty", 4],
        ["sand 12 m", "sand 31 m", 6],
      ] as const;
      for (const [start, limit, longest] of examples) {
        const found = decode(separator(encode(start), encode(limit)))!;
        const shown = `separator("${start}", "${limit}") is "${found}"`;
        assert(found >= start && found < limit, `${shown}, which is not between them`);
        assert(found.length <= longest, `${shown}, but ${longest} bytes are enough`);
      }
    },
  },
  {
    name: "separates any two keys, whatever their bytes",
    run({ separator }) {
      const keys = shortKeys();
      for (let i = 0; i < keys.length; i++) {
        for (let j = i + 1; j < keys.length; j++) {
          const [start, limit] = [keys[i]!, keys[j]!];
          const key = separator(start.slice(), limit.slice());
          const isBetween = bytewise.compare(start, key) <= 0 && bytewise.compare(key, limit) < 0;
          const shown = `separator([${start}], [${limit}]) is [${key}]`;
          assert(isBetween, `${shown}, which is not between them`);
          assert(key.length <= start.length, `${shown}, which is longer than the first`);
        }
      }
    },
  },
  {
    name: "finds the keys of a table of one block",
    run(subject) {
      const { get } = opened(subject, bytesOf([["clay", 1, "grey"], ["sand", 2, "yellow"]]));
      assertEquals([get("clay"), get("sand")], ["grey", "yellow"]);
    },
  },
  {
    name: "finds every key of a table of many blocks, also the first and the last of each",
    run: (subject) => assertLayers(opened(subject, bytesOf(layers)).get),
  },
  {
    name: "finds nothing between keys, before the first and after the last",
    run(subject) {
      const { get } = opened(subject, bytesOf(layers));
      const absent = layers.flatMap(([key]) => [`${key}!`, key.slice(0, -1)]);
      for (const key of ["", "layer", "layer 298", "m", "zinc", ...absent]) {
        assertEquals(get(key), undefined, `get("${key}")`);
      }
    },
  },
  {
    name: "finds the newest of many versions, over as many blocks as they take",
    run(subject) {
      const ofSand = Array.from(
        { length: 30 },
        (_, i) => ["sand", 100 - i, `the colour at ${100 - i}`] as const,
      );
      const { get } = opened(subject, bytesOf([["clay", 1, "grey"], ...ofSand, ["silt", 2, "-"]]));
      assertEquals([get("sand"), get("silt")], ["the colour at 100", "-"]);
    },
  },
  {
    name: "takes a tombstone for no value, and an empty value for one",
    run(subject) {
      const { get } = opened(subject, bytesOf([["clay", 9], ["clay", 4, "grey"], ["sand", 3, ""]]));
      assertEquals([get("clay"), get("sand")], [undefined, ""]);
    },
  },
  {
    name: "reads four times to open it and get a key, and once at most for each further get",
    run(subject) {
      const { get, counted } = opened(subject, bytesOf(layers));
      get(layers[0]![0]);
      assert(counted.reads <= 4, `${counted.reads} reads for the first key`);
      for (const key of [...layers.map(([key]) => key), "layer 100", "zinc"]) {
        counted.reads = 0;
        get(key);
        assert(counted.reads <= 1, `${counted.reads} reads for get("${key}")`);
      }
    },
  },
  {
    name: "opens nothing that has no footer at its end",
    run(subject) {
      const bytes = bytesOf(layers);
      for (const end of [0, 20, 47, bytes.length - 1]) {
        const cut = `a table cut at ${end}`;
        assertThrows(() => opened(subject, bytes.slice(0, end)), CorruptionError, undefined, cut);
      }
    },
  },
  {
    name: "reports a damaged block, and answers from the others",
    run(subject) {
      const bytes = bytesOf(layers);
      const at = 30; // in the first block
      for (const bit of [1, 128]) {
        const damaged = bytes.slice();
        damaged[at]! ^= bit;
        const { get } = opened(subject, damaged);
        const error = assertThrows(() => get(layers[0]![0]), CorruptionError);
        assertEquals(error.offset, 0, "the offset of the block");
        assertEquals(get(layers[99]![0]), layers[99]![2]);
      }
    },
  },
  {
    name: "reads compressed blocks",
    run: (subject) => assertLayers(opened(subject, bytesOf(layers, snappy)).get),
  },
];

/** Opens a table as `lib/table_reader.ts` does. */
const openTable: Subject["openTable"] = (file) => {
  const pool = createBufferPool({ capacityBytes: 1 << 20 });
  const table = TableReader.open(file, { comparator, pool });
  const lookup = new Lookup();
  return {
    get(key) {
      lookup.reserve(key.length);
      lookup.key.set(key);
      lookup.begin(key.length, SEQUENCE_MAX);
      table.get(lookup);
      if (lookup.outcome !== FOUND) return undefined;
      return lookup.value.slice(lookup.valueStart, lookup.valueEnd);
    },
  };
};

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "index keys that separate blocks, and a table reader that reads one block for a key",
  own: { separator: bytewise.separator!, openTable },
  cases,
};
